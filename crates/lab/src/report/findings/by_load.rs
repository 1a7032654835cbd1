//! Cells that had exactly the same load, and the pairs among them that a rule compares.

use crate::cell::shape_in_words;
use crate::ladder::Kind;
use crate::report::cells::{Cell, Experiment};
use crate::report::text::{counted, exact};
use crate::results::{Load, Mode};

/// The rungs of one load, in the order of the ladder; only those with a trial that counts.
pub(crate) struct Group<'e, 'a> {
    pub(crate) load: &'a Load,
    pub(crate) cells: Vec<&'e Cell<'a>>,
}

/// One for each load, in the order of the cells. Of client-bound cells only the server's CPU and memory may be used,
/// and rules are about answers: they are left out, and their verdict says so.
pub(crate) fn groups<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<Group<'e, 'a>> {
    let mut groups: Vec<Group<'e, 'a>> = Vec::new();
    for cell in experiment.cells.iter().filter(|cell| !cell.ok.is_empty() && cell.client_bound().is_none()) {
        match groups.iter_mut().find(|group| group.load == cell.load) {
            Some(group) => group.cells.push(cell),
            None => groups.push(Group { load: cell.load, cells: vec![cell] }),
        }
    }
    groups
}

/// Whom all others of a load are compared with: the first async rung, or else the first of the ladder. Chosen before
/// anybody is looked at, since what is asked must not depend on what is answered (`stats::Family`).
pub(crate) fn reference<'e, 'a>(experiment: &'e Experiment<'a>, load: &Load) -> Option<&'e Cell<'a>> {
    let asked = || experiment.cells.iter().filter(move |cell| cell.load == load && cell.not_run.is_none());
    asked().find(|cell| cell.series.kind() == Some(Kind::Async)).or_else(|| asked().next())
}

impl<'e, 'a> Group<'e, 'a> {
    /// Every blocking rung with the first async one, and likewise the controls.
    pub(crate) fn pairs(&self) -> Vec<(&'e Cell<'a>, &'e Cell<'a>)> {
        let mut pairs = Vec::new();
        for (blocking, other) in [(Kind::Blocking, Kind::Async), (Kind::BlockingControl, Kind::AsyncControl)]
        {
            let of_kind =
                |kind| self.cells.iter().copied().filter(move |cell| cell.series.kind() == Some(kind));
            let Some(other) = of_kind(other).next() else { continue };
            pairs.extend(of_kind(blocking).map(|cell| (cell, other)));
        }
        pairs
    }

    /// `8 clients at /hash/100000`, `240 requests/s for /hello`.
    pub(crate) fn said(&self) -> String {
        let Load { mode, clients, rate_rps, route, shape, .. } = self.load;
        match (mode, rate_rps) {
            (Mode::Open, Some(rate)) => {
                format!("{} requests/s for {route}{}", exact(*rate), shape_in_words(*shape))
            }
            (Mode::Subscribers, _) => format!("{} of {route}", counted((*clients).into(), "subscriber")),
            (Mode::Slow, _) => counted((*clients).into(), "slow client"),
            _ => format!("{} at {route}", counted((*clients).into(), "client")),
        }
    }

    /// A clause for each cell that has one.
    pub(crate) fn each(&self, clause: impl Fn(&Cell<'a>) -> Option<String>) -> Vec<String> {
        self.cells.iter().filter_map(|cell| clause(cell)).collect()
    }
}
