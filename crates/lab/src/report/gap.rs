//! A gap between two rungs as the product of the steps between them, each step one cause.
//!
//! If `A`, `B` and `C` stand on the ladder one below the other, then `A/C = A/B × B/C`: what the whole gap
//! is worth, its steps multiply to. Every factor is the geometric mean over the same blocks (those in which
//! all rungs of the chain have a trial that counts), and so the product holds exactly, not about. Each
//! step has an interval of its own; they do not multiply.
//!
//! A factor says by how much the step down the ladder *improves* matters: above 1, less CPU or memory, or
//! more requests per second. The reader goes next to `findings::gap`, which says it, and to `charts::gap`.

use crate::report::bounds::{Point, Sweep, Track};
use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::text::listed;
use crate::results::GapStep;
use crate::stats::{self, Ratio};

/// One gap, split.
#[derive(Debug)]
pub(crate) struct Gap<'e, 'a> {
    pub(crate) sweep: &'e Sweep<'e, 'a>,
    pub(crate) clients: u32,
    pub(crate) metric: Metric,
    /// From the first to the last.
    pub(crate) rungs: Vec<Mark<'e>>,
    /// One fewer.
    pub(crate) steps: Vec<Step>,
    pub(crate) whole: Ratio,
    /// Rungs in between that have no trial that counts; the steps to and from them stand as one.
    pub(crate) missing: Vec<String>,
    /// Rungs that fall behind this load, so that their figures are those of a full server.
    pub(crate) behind: Vec<&'e Series>,
    /// Rungs whose throughput may be the load generator's; then `metric` is CPU where it would have been that.
    pub(crate) client_bound: Vec<&'e Series>,
}

/// A rung and its figure.
#[derive(Debug)]
pub(crate) struct Mark<'e> {
    pub(crate) series: &'e Series,
    /// Geometric mean over the blocks of the gap.
    pub(crate) value: f64,
}

/// From one rung to the next.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) cause: String,
    pub(crate) factor: Ratio,
}

/// What the results say of a gap.
#[derive(Debug)]
pub(crate) enum Split<'e, 'a> {
    Gap(Box<Gap<'e, 'a>>),
    /// A rung at one of its ends, or every block, lacks what it takes; one sentence.
    Not(String),
}

/// CPU and memory where requests wait, capacity where they do not; nothing where nobody asked for it.
pub(crate) fn all<'e, 'a>(experiment: &Experiment<'_>, closed: &'e [Sweep<'e, 'a>]) -> Vec<Split<'e, 'a>> {
    let chain = &experiment.asked.decomposition;
    if chain.is_empty() {
        return Vec::new();
    }
    let waiting = closed.iter().find(|sweep| sweep.target.waits());
    let busy = closed.iter().find(|sweep| !sweep.target.waits());
    let wanted = [(waiting, Metric::Cpu), (waiting, Metric::Memory), (busy, Metric::Throughput)];
    wanted.into_iter().filter_map(|(sweep, metric)| split(chain, sweep?, metric)).collect()
}

fn split<'e, 'a>(chain: &[GapStep], sweep: &'e Sweep<'e, 'a>, metric: Metric) -> Option<Split<'e, 'a>> {
    let track = |name: &str| sweep.tracks.iter().find(|track| track.series.rung == name);
    let (first, last) = (track(&chain.first()?.from)?, track(&chain.last()?.to)?);
    let has = |track: &Track<'_, '_>, level: u32| {
        track.at(level).is_some_and(|point| point.cell.values(metric).iter().any(|value| *value > 0.0))
    };
    let between = || chain.iter().skip(1).filter_map(|step| track(&step.from));
    let on_chain = || [first, last].into_iter().chain(between());
    let keeps_up = |level: u32| on_chain().all(|track| track.at(level).is_none_or(Point::keeps_up));
    let both = |level: &&u32| has(first, **level) && has(last, **level);
    let Some(clients) = (sweep.levels.iter().rev().filter(both).find(|level| keeps_up(**level)))
        .or_else(|| sweep.levels.iter().find(both))
    else {
        let names: Vec<String> = [first, last]
            .iter()
            .filter(|track| !sweep.levels.iter().any(|level| has(track, *level)))
            .map(|track| track.series.named())
            .collect();
        let names = if names.is_empty() { "a load with both its ends".into() } else { listed(&names) };
        let text = format!(
            "What the gap in {} consists of is not known: no trial that counts for {names}.",
            noun(metric)
        );
        return Some(Split::Not(sweep.say(&text)));
    };
    let clients = *clients;

    let bound =
        |track: &&Track<'_, '_>| track.at(clients).is_some_and(|point| point.cell.client_bound().is_some());
    let client_bound: Vec<&Series> = if metric == Metric::Throughput {
        on_chain().filter(bound).map(|track| track.series).collect()
    } else {
        Vec::new()
    };
    let metric = if client_bound.is_empty() { metric } else { Metric::Cpu };
    let cell = |name: &str| {
        let track = track(name)?;
        Some((track.at(clients)?.cell, has(track, clients)))
    };
    let (rungs, steps, missing) = chained(chain, &cell);
    let blocks = blocks(&rungs, metric);
    let factor = |before: usize, after: usize| {
        let pairs: Vec<(f64, f64)> = blocks.iter().map(|block| (block[before], block[after])).collect();
        stats::ratio(&pairs).map(|ratio| if metric == Metric::Throughput { ratio.inverse() } else { ratio })
    };
    let steps: Option<Vec<Step>> = steps
        .into_iter()
        .enumerate()
        .map(|(place, cause)| Some(Step { cause, factor: factor(place, place + 1)? }))
        .collect();
    let (Some(steps), Some(whole)) = (steps, factor(0, rungs.len() - 1)) else {
        let text = format!(
            "What the gap in {} consists of is not known: no block has a trial that counts of each rung.",
            noun(metric)
        );
        return Some(Split::Not(sweep.say(&text)));
    };
    let value = |place: usize| {
        let logs: Vec<f64> = blocks.iter().map(|block| block[place].ln()).collect();
        stats::mean(&logs).map_or(f64::NAN, f64::exp)
    };
    let waits = sweep.target.waits();
    let behind = |track: &&Track<'_, '_>| waits && track.at(clients).is_some_and(|point| !point.keeps_up());
    Some(Split::Gap(Box::new(Gap {
        sweep,
        clients,
        metric,
        rungs: rungs
            .iter()
            .enumerate()
            .map(|(place, cell)| Mark { series: &cell.series, value: value(place) })
            .collect(),
        steps,
        whole,
        missing,
        behind: on_chain().filter(behind).map(|track| track.series).collect(),
        client_bound,
    })))
}

/// Cells from the first rung to the last, the causes between them, and the rungs that had to be left out.
fn chained<'e, 'a>(
    chain: &[GapStep],
    cell: &dyn Fn(&str) -> Option<(&'e Cell<'a>, bool)>,
) -> (Vec<&'e Cell<'a>>, Vec<String>, Vec<String>) {
    let (mut cells, mut causes, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    cells.extend(chain.first().and_then(|step| cell(&step.from)).map(|(cell, _)| cell));
    let mut together: Vec<String> = Vec::new();
    for step in chain {
        together.push(step.cause.clone());
        match cell(&step.to) {
            Some((to, true)) => {
                cells.push(to);
                causes.push(listed(&std::mem::take(&mut together)));
            }
            _ => missing.push(step.to.clone()),
        }
    }
    (cells, causes, missing)
}

/// The figures of all rungs, for each block that has them all.
fn blocks(cells: &[&Cell<'_>], metric: Metric) -> Vec<Vec<f64>> {
    let of_block = |cell: &Cell<'_>, block: u32| {
        let trial = cell.ok.iter().find(|trial| trial.block == block)?;
        metric.of(trial).filter(|value| *value > 0.0)
    };
    let Some(first) = cells.first() else { return Vec::new() };
    let mut numbers: Vec<u32> = first.ok.iter().map(|trial| trial.block).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(|block| cells.iter().map(|cell| of_block(cell, block)).collect()).collect()
}

/// What is compared, in a word or two.
pub(crate) fn noun(metric: Metric) -> &'static str {
    match metric {
        Metric::Cpu => "CPU per request",
        Metric::Memory => "memory per connection",
        _ => "requests/s",
    }
}
