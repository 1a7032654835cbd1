//! Cells of two runs: which of them belong together, and how their figures compare.
//!
//! Two runs have no blocks in common, so what compares them is Welch's interval (`stats::unpaired`). It knows how
//! restless each run was in itself, and nothing of what happened between them.
//!
//! Two readers build on this: the regression gate (`baseline`), which asks whether something became worse, and
//! `together`, which shows several runs beside each other.

use crate::report::cells::{Cell, Experiment, Metric};
use crate::stats::{self, Ratio};

/// The cells of an experiment in two runs.
pub(crate) struct Matched<'x, 'a, 'b> {
    pub(crate) both: Vec<(&'x Cell<'a>, &'x Cell<'b>)>,
    pub(crate) only_first: Vec<&'x Cell<'a>>,
    pub(crate) only_second: Vec<&'x Cell<'b>>,
}

/// Why two cells cannot be compared in a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The load generator's own core was full in one of them, so that the figure may be its own.
    Generator,
    /// So many trials have the figure in the first and in the second.
    Nothing { first: usize, second: usize },
}

/// The same rung under the same name, with the same load. Its flags may differ: that is up to who compares.
pub(crate) fn matched<'x, 'a, 'b>(
    first: &'x Experiment<'a>,
    second: &'x Experiment<'b>,
) -> Matched<'x, 'a, 'b> {
    let same = |a: &Cell<'_>, b: &Cell<'_>| a.series == b.series && a.load == b.load;
    let mut matched = Matched { both: Vec::new(), only_first: Vec::new(), only_second: Vec::new() };
    for one in &first.cells {
        match second.cells.iter().find(|other| same(one, other)) {
            Some(other) => matched.both.push((one, other)),
            None => matched.only_first.push(one),
        }
    }
    let known = |other: &&Cell<'_>| first.cells.iter().any(|one| same(one, other));
    matched.only_second = second.cells.iter().filter(|other| !known(other)).collect();
    matched
}

/// The second cell's figure over the first one's. Without an interval where a run has too few blocks.
///
/// # Errors
/// Why there is no such ratio.
pub(crate) fn over(second: &Cell<'_>, first: &Cell<'_>, metric: Metric) -> Result<Ratio, Missing> {
    if !metric.is_the_servers() && (first.client_bound().is_some() || second.client_bound().is_some()) {
        return Err(Missing::Generator);
    }
    let (after, before) = (second.values(metric), first.values(metric));
    let nothing = Missing::Nothing { first: before.len(), second: after.len() };
    stats::unpaired(&after, &before).ok_or(nothing)
}
