//! A rung against itself: two uses of it that differ in nothing but their name. Whatever their ratio shows is
//! not the server's. Where the interval lies is the bias of the whole set-up; how wide it is, the smallest
//! effect that this machine can show with so many blocks, in a comparison that stands by itself.

use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::findings::Finding;
use crate::report::findings::compared::{compared, shown};
use crate::report::gap::noun;
use crate::report::text::{counted, listed, rounded};
use crate::results::Mode;
use crate::stats::{Family, Ratio, Reading};

/// What was compared, in the order in which it is said.
const METRICS: [Metric; 4] = [Metric::Cpu, Metric::Throughput, Metric::Memory, Metric::P50];

/// A rung in one metric, at one load, against itself.
struct Twice<'e, 'a> {
    cell: &'e Cell<'a>,
    metric: Metric,
    ratio: Ratio,
}

/// The answer, and what it rests on; nothing where no rung meets itself.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let all = compared_with_themselves(experiment);
    let Some(answer) = said(&all, family) else { return Vec::new() };
    let mut findings = vec![Finding::headline(answer)];
    let mut rungs: Vec<&str> = all.iter().map(|twice| twice.cell.series.rung.as_str()).collect();
    rungs.dedup();
    for rung in rungs {
        let of_rung = all.iter().filter(|twice| twice.cell.series.rung == rung);
        let clauses: Vec<String> = of_rung.map(|twice| twice.clause(family)).collect();
        findings.push(Finding::detail(format!("`{rung}` against itself: {}.", clauses.join("; "))));
    }
    findings
}

/// The same answer for a run as a whole, whose other experiments are to be read with it in mind.
pub(crate) fn answer(experiment: &Experiment<'_>) -> Option<String> {
    Family::read(|family| said(&compared_with_themselves(experiment), family))
}

/// Whether rungs meet themselves here and nobody else.
pub(crate) fn is_all(experiment: &Experiment<'_>) -> bool {
    let twice = |series: &Series| {
        experiment.cells.iter().any(|cell| cell.series == *series && partner(experiment, cell).is_some())
    };
    !experiment.series.is_empty() && experiment.series.iter().all(twice)
}

fn compared_with_themselves<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<Twice<'e, 'a>> {
    let mut all = Vec::new();
    for cell in &experiment.cells {
        // Each pair once, from its first.
        let Some(other) =
            partner(experiment, cell).filter(|other| cell.series.variant < other.series.variant)
        else {
            continue;
        };
        for metric in METRICS.into_iter().filter(|metric| tells(cell, other, *metric)) {
            all.extend(cell.over(other, metric).map(|ratio| Twice { cell, metric, ratio }));
        }
    }
    all
}

/// The same rung, with the same flags, at the same load, under another name.
fn partner<'e, 'a>(experiment: &'e Experiment<'a>, cell: &Cell<'a>) -> Option<&'e Cell<'a>> {
    let flags = |cell: &Cell<'a>| {
        let mut trials = cell.ok.iter().chain(&cell.collapsed).chain(&cell.void);
        trials.next().map(|trial| &trial.flags)
    };
    experiment.cells.iter().find(|other| {
        other.series.rung == cell.series.rung
            && other.series.variant != cell.series.variant
            && other.load == cell.load
            && flags(other).is_some()
            && flags(other) == flags(cell)
    })
}

/// Whether findings would conclude from this metric under such a load.
fn tells(cell: &Cell<'_>, other: &Cell<'_>, metric: Metric) -> bool {
    let (open, waits) = (cell.load.mode == Mode::Open, cell.target().waits());
    match metric {
        // At a common rate the question is how long answers take.
        Metric::P50 => open,
        Metric::Cpu => cell.load.mode == Mode::Closed,
        // Where requests wait, C / W holds throughput, and where the generator was full, it did.
        Metric::Throughput => {
            !open && !waits && cell.client_bound().is_none() && other.client_bound().is_none()
        }
        Metric::Memory => !open && waits,
        _ => false,
    }
}

fn said(all: &[Twice<'_, '_>], family: &Family) -> Option<String> {
    let readings: Vec<Reading> = all.iter().map(|twice| family.reading(&twice.ratio)).collect();
    let blocks = all.iter().map(|twice| twice.ratio.blocks).min()?;
    let blocks = counted(blocks as u64, "block");
    if readings.contains(&Reading::PointsOnly) {
        return Some(format!(
            "Rungs against themselves, {blocks}: points without intervals, so neither bias nor the smallest effect that \
             this machine can show is known."
        ));
    }
    let biased: Vec<String> = all
        .iter()
        .zip(&readings)
        .filter(|(_, reading)| matches!(reading, Reading::Larger | Reading::Smaller))
        .map(|(twice, _)| {
            let estimate = rounded(twice.ratio.estimate);
            let interval = twice.ratio.interval.map(shown).unwrap_or_default();
            format!("{}, {} ({estimate}, 95 % interval {interval})", twice.what(), twice.rung())
        })
        .collect();
    let bias = if biased.is_empty() {
        format!("No bias is shown in {} of rungs with themselves", counted(all.len() as u64, "comparison"))
    } else {
        format!(
            "Something favours one of two equal servers, so trust no difference of that size here: {}",
            listed(&biased)
        )
    };
    let smallest = METRICS.into_iter().filter_map(|metric| {
        let widths =
            all.iter().filter(|twice| twice.metric == metric).filter_map(|twice| twice.ratio.half_width());
        Some(format!("{} in {}", percent(widths.reduce(f64::max)?), named(metric)))
    });
    let smallest: Vec<String> = smallest.collect();
    Some(format!(
        "{bias}. The smallest effect that this machine shows with {blocks} in a single comparison, the widest interval \
         counting: {}; where many comparisons are corrected for, only larger ones show.",
        listed(&smallest)
    ))
}

impl Twice<'_, '_> {
    /// `CPU per request with 256 clients at /wait/100: no difference shown (…)`
    fn clause(&self, family: &Family) -> String {
        let points = crate::report::findings::compared::points(&self.ratio);
        format!("{}: {}{points}", self.what(), compared(&self.ratio, family))
    }

    fn what(&self) -> String {
        let (load, target) = (self.cell.load_label(), self.cell.target());
        format!("{} with {load} at {}", named(self.metric), target.named())
    }

    fn rung(&self) -> String {
        format!("`{}`", self.cell.series.rung)
    }
}

fn named(metric: Metric) -> &'static str {
    if metric == Metric::P50 { "median response" } else { noun(metric) }
}

/// Of a share that may be small, or beyond all percentages: `2.5 %`, `0.31 %`, `a factor of 7.71`.
fn percent(share: f64) -> String {
    match share {
        share if share >= 1.0 => format!("a factor of {}", rounded(1.0 + share)),
        share => format!("{:.*} %", if share < 0.01 { 2 } else { 1 }, share * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn small_and_large_shares_can_be_read() {
        assert_eq!(
            [0.0031, 0.025, 0.377, 6.707].map(percent),
            ["0.31 %", "2.5 %", "37.7 %", "a factor of 7.71"]
        );
    }
}
