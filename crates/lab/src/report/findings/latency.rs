//! How long an answer takes, compared where that is fair: in open loop, at one rate that all serve.

use crate::ladder::Kind;
use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::findings::Finding;
use crate::report::findings::compared::compared;
use crate::report::text::{self, counted, listed};
use crate::report::verdict::percent;
use crate::stats::{BLOCKS_FOR_INTERVAL, Family, Ratio};

/// Median and p99 of every rung at one load, and what the difference is worth.
pub(crate) fn finding(experiment: &Experiment<'_>, cells: &[&Cell<'_>], family: &Family) -> Option<Finding> {
    // Where the generator was full, response times may be its own.
    let (bound, cells): (Vec<&Cell<'_>>, Vec<&Cell<'_>>) =
        cells.iter().partition(|cell| cell.client_bound().is_some());
    // Of timeouts alone there is no time of an answer.
    let (silent, cells): (Vec<&Cell<'_>>, Vec<&Cell<'_>>) = cells.iter().partition(|cell| cell.is_silent());
    let measured: Vec<Measured<'_, '_>> = cells.iter().filter_map(|cell| Measured::of(cell)).collect();
    if measured.is_empty() {
        return None;
    }
    let each = clauses(&measured);
    let first = cells.first()?;
    let rate = first.load.rate_rps.map(|rate| format!(", {} requests/s,", text::exact(rate)));
    let on = experiment.told_apart(first.target()).map(|target| format!(" on {target}")).unwrap_or_default();
    let over = experiment.connections_told_apart(first.load);
    let mut text = format!(
        "In open loop{on}{over}, at one common rate{} answers took {each}.",
        rate.unwrap_or_default()
    );
    let short: Vec<String> =
        measured.iter().filter(|one| one.p99.is_none()).map(|one| one.cell.series.named()).collect();
    if !short.is_empty() {
        text.push_str(&format!(" No p99 for {}: it needs 1,000 answers.", listed(&short)));
    }
    for (cell, share) in measured.iter().filter_map(|one| Some((one.cell, one.cell.behind()?))) {
        text.push_str(&format!(
            " {} fell behind this rate (it answered {} of what was due in the window): its times are those of a growing queue.",
            cell.series.named(),
            percent(share)
        ));
    }
    if !silent.is_empty() {
        let names: Vec<String> = silent.iter().map(|cell| cell.series.named()).collect();
        text.push_str(&format!(" Not one was answered in time on {}.", listed(&names)));
    }
    if !bound.is_empty() {
        let names: Vec<String> = bound.iter().map(|cell| cell.series.named()).collect();
        text.push_str(&format!(" Not shown, being client-bound: {}.", listed(&names)));
    }
    let cells: Vec<&Cell<'_>> =
        measured.iter().map(|one| one.cell).filter(|cell| cell.behind().is_none()).collect();
    text.push_str(&differences(&cells, family));
    Some(Finding::headline(text))
}

/// A rung's response time: of all its answers together where their distribution is known, else the median
/// over trials.
struct Measured<'c, 'a> {
    cell: &'c Cell<'a>,
    p50: f64,
    p99: Option<f64>,
}

impl<'c, 'a> Measured<'c, 'a> {
    fn of(cell: &'c Cell<'a>) -> Option<Self> {
        let response = cell.response();
        Some(Self { cell, p50: response.p50?, p99: response.p99 })
    }

    fn figures(&self) -> String {
        let p99 = self.p99.map(|p99| format!(" (p99 {})", text::milliseconds(p99))).unwrap_or_default();
        format!("{}{p99}", text::milliseconds(self.p50))
    }
}

/// `101 ms (p99 103 ms) on …`, rungs with the same figures together.
fn clauses(measured: &[Measured<'_, '_>]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for one in measured {
        let (figures, name) = (one.figures(), one.cell.series.named());
        match groups.iter_mut().find(|(known, _)| *known == figures) {
            Some((_, names)) => names.push(name),
            None => groups.push((figures, vec![name])),
        }
    }
    let together = groups.len() < measured.len();
    let each: Vec<String> =
        groups.iter().map(|(figures, names)| format!("{figures} on {}", listed(names))).collect();
    if together { each.join("; ") } else { listed(&each) }
}

/// Each blocking rung's median over the async one's, and likewise the controls', as far as the blocks carry
/// a comparison.
fn differences(cells: &[&Cell<'_>], family: &Family) -> String {
    let of_kind = |kind| cells.iter().copied().filter(move |cell| cell.series.kind() == Some(kind));
    let mut text = String::new();
    let mut short: Vec<(String, usize)> = Vec::new();
    for (blocking, other) in [(Kind::Blocking, Kind::Async), (Kind::BlockingControl, Kind::AsyncControl)] {
        let Some(other) = of_kind(other).next() else { continue };
        let ratios: Vec<(&Cell<'_>, Ratio)> =
            of_kind(blocking).filter_map(|cell| Some((cell, cell.over(other, Metric::P50)?))).collect();
        let (ratios, few): (Vec<_>, Vec<_>) =
            ratios.into_iter().partition(|(_, ratio)| ratio.blocks >= BLOCKS_FOR_INTERVAL);
        let pair = |cell: &Cell<'_>| format!("{} and {}", cell.series.named(), other.series.named());
        short.extend(few.iter().map(|(cell, ratio)| (pair(cell), ratio.blocks)));
        if ratios.is_empty() {
            continue;
        }
        let shown: Vec<String> = ratios
            .iter()
            .map(|(cell, ratio)| format!("{}: {}", cell.series.named(), compared(ratio, family)))
            .collect();
        text.push_str(&format!(" Medians against {}: {}.", other.series.named(), shown.join("; ")));
    }
    // Where no pair has an interval there is no need to name them.
    let some_are_compared = !text.is_empty();
    if let Some(blocks) = short.iter().map(|(_, blocks)| *blocks).min() {
        let blocks = counted(blocks as u64, "block");
        let pairs: Vec<String> = short.into_iter().map(|(pair, _)| pair).collect();
        let those =
            if some_are_compared { format!("those of {}", pairs.join(", and of ")) } else { "these".into() };
        text.push_str(&format!(
            " From {blocks} {those} are points, and show neither a difference nor equality."
        ));
    }
    text
}
