//! Who else is served while a load runs: the bystanders of an experiment, load by load.
//!
//! The reader goes next to `findings::bystander`, which says who let them wait.

use crate::report::cells::{Cell, Experiment};
use crate::report::text;
use crate::results::{Bystander, Load, Percentiles};
use crate::stats::Pooled;

/// Everything that was seen beside one load.
#[derive(Debug)]
pub(crate) struct Beside<'e, 'a> {
    pub(crate) load: &'a Load,
    /// What the bystanders asked for.
    pub(crate) route: &'a str,
    pub(crate) seen: Vec<Seen<'e, 'a>>,
    /// Cells of the same load of which no trial counts.
    pub(crate) void: Vec<&'e Cell<'a>>,
}

/// The bystanders of a cell, over all its trials that count.
#[derive(Debug)]
pub(crate) struct Seen<'e, 'a> {
    pub(crate) cell: &'e Cell<'a>,
    pub(crate) response: Percentiles,
    pub(crate) scheduled: u64,
    /// Without a right answer.
    pub(crate) unanswered: u64,
}

/// By load, in the order of the cells.
pub(crate) fn all<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<Beside<'e, 'a>> {
    let mut groups: Vec<Beside<'e, 'a>> = Vec::new();
    for cell in &experiment.cells {
        let (Some(seen), Some(route)) =
            (of(cell), trials(cell).map(|bystander| bystander.route.as_str()).next())
        else {
            continue;
        };
        match groups.iter_mut().find(|group| group.load == cell.load) {
            Some(group) => group.seen.push(seen),
            None => groups.push(Beside { load: cell.load, route, seen: vec![seen], void: Vec::new() }),
        }
    }
    for group in &mut groups {
        let of_load = experiment.cells.iter().filter(|cell| cell.load == group.load);
        group.void = of_load.filter(|cell| cell.is_void()).collect();
    }
    groups.sort_by_key(|group| (group.load.mode, group.load.route.clone(), group.load.clients));
    groups
}

/// None where nobody asked.
pub(crate) fn of<'e, 'a>(cell: &'e Cell<'a>) -> Option<Seen<'e, 'a>> {
    trials(cell).next()?;
    let sum = |figure: fn(&Bystander) -> u64| trials(cell).map(figure).fold(0_u64, u64::saturating_add);
    let pooled = Pooled::of(trials(cell).filter_map(|bystander| bystander.histogram.as_deref()));
    let median = |figure: fn(&Percentiles) -> Option<f64>| {
        cell.median_of(|trial| figure(&trial.bystander.as_ref()?.latency_ms))
    };
    let response = pooled.map_or_else(
        || Percentiles {
            p50: median(|at| at.p50),
            p99: median(|at| at.p99),
            max: median(|at| at.max),
            ..Percentiles::default()
        },
        |pooled| pooled.percentiles(),
    );
    let scheduled = sum(|bystander| bystander.scheduled);
    let unanswered = scheduled.saturating_sub(sum(|bystander| bystander.completed));
    Some(Seen { cell, response, scheduled, unanswered })
}

fn trials<'a>(cell: &Cell<'a>) -> impl Iterator<Item = &'a Bystander> {
    cell.ok.iter().filter_map(|trial| trial.bystander.as_ref())
}

impl Beside<'_, '_> {
    /// Longest median over shortest; 0 when there is none.
    pub(crate) fn spread(&self) -> f64 {
        let medians = || self.seen.iter().filter_map(|seen| seen.response.p50).filter(|ms| *ms > 0.0);
        match (medians().reduce(f64::max), medians().reduce(f64::min)) {
            (Some(longest), Some(shortest)) => longest / shortest,
            _ => 0.0,
        }
    }
}

impl Seen<'_, '_> {
    /// The tail that its samples carry: the 99th percentile, or else the longest.
    pub(crate) fn tail(&self) -> Option<(&'static str, f64)> {
        let p99 = self.response.p99.map(|ms| ("p99", ms));
        p99.or_else(|| self.response.max.map(|ms| ("longest", ms)))
    }

    /// `12 of 400 unanswered`, if any.
    pub(crate) fn failures(&self) -> Option<String> {
        let (failed, of) = (text::count(self.unanswered), text::count(self.scheduled));
        (self.unanswered > 0).then(|| format!("{failed} of {of} unanswered"))
    }
}
