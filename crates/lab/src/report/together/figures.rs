//! Cell by cell: what each run measured over what the first one did.
//!
//! All comparisons of an experiment, between all of its runs, are one family (`stats::Family`): whoever looks at
//! thirty machines and a dozen cells finds something somewhere.

use crate::report::between::{self, Missing};
use crate::report::cells::{Cell, Metric};
use crate::report::findings::compared::{compared_as, points};
use crate::report::text::{counted, listed};
use crate::report::together::{Shared, Side};
use crate::results::Mode;
use crate::stats::{Family, Ratio, Reading};

/// Everything that two or more runs measured in an experiment.
#[derive(Debug)]
pub(super) struct Figures<'s> {
    /// By run, and then in the order of the cells.
    pub(super) all: Vec<Figure<'s>>,
    /// What could not be compared, a sentence each.
    pub(super) missing: Vec<String>,
}

/// A figure of a cell in one run, over the same in the first.
#[derive(Debug)]
pub(super) struct Figure<'s> {
    /// Name of the run.
    pub(super) run: &'s str,
    pub(super) first: &'s Cell<'s>,
    pub(super) second: &'s Cell<'s>,
    pub(super) metric: Metric,
    pub(super) ratio: Ratio,
    pub(super) reading: Reading,
    /// What may be said of it, as findings say it.
    pub(super) said: String,
}

/// What is compared.
const METRICS: [Metric; 4] = [Metric::Throughput, Metric::Cpu, Metric::Memory, Metric::P99];

pub(super) fn of<'s>(shared: &'s Shared<'s>) -> Figures<'s> {
    let Some((first, others)) = shared.sides.split_first() else {
        return Figures { all: Vec::new(), missing: Vec::new() };
    };
    if shared.sides.iter().any(|side| side.experiment.asked.demonstration) {
        let why = format!("{}: a demonstration, whose figures carry no interval", shared.name);
        return Figures { all: Vec::new(), missing: vec![why] };
    }
    let mut all = Vec::new();
    let mut missing = Missed::default();
    for other in others {
        let cells = between::matched(&first.experiment, &other.experiment);
        missing.cells(first, cells.only_first.len(), &other.run.name);
        missing.cells(other, cells.only_second.len(), &first.run.name);
        for (one, two) in cells.both {
            if let Some(why) = unusable(one, &first.run.name).or_else(|| unusable(two, &other.run.name)) {
                missing.note(cell(one), why);
                continue;
            }
            for metric in METRICS.into_iter().filter(|metric| means_something(one, *metric)) {
                match between::over(two, one, metric) {
                    Ok(ratio) => all.push((other, one, two, metric, ratio)),
                    Err(Missing::Generator) => missing.note(
                        format!("{}: {}", cell(one), noun(metric, one)),
                        "the load generator's own core was full, so it may be its figure".into(),
                    ),
                    // In neither run: then nobody misses it.
                    Err(Missing::Nothing { first: 0, second: 0 }) => {}
                    Err(Missing::Nothing { first: 0, .. }) => {
                        missing.note(
                            format!("{}: {}", cell(one), noun(metric, one)),
                            no_figure(&first.run.name),
                        );
                    }
                    Err(Missing::Nothing { .. }) => {
                        missing.note(
                            format!("{}: {}", cell(one), noun(metric, one)),
                            no_figure(&other.run.name),
                        );
                    }
                }
            }
        }
    }
    let read = Family::read(|family| {
        let one = |(_, _, _, metric, ratio): &(&Side<'_>, &Cell<'_>, &Cell<'_>, Metric, Ratio)| {
            let said = format!("{}{}", compared_as(as_much(*metric), ratio, family), points(ratio));
            (family.reading(ratio), said)
        };
        all.iter().map(one).collect::<Vec<_>>()
    });
    let all = all.into_iter().zip(read).map(|((other, first, second, metric, ratio), (reading, said))| {
        Figure { run: &other.run.name, first, second, metric, ratio, reading, said }
    });
    Figures { all: all.collect(), missing: missing.said() }
}

impl Figure<'_> {
    /// `CPU per request on `event-loop` with 256 clients at /wait/100`
    pub(super) fn what(&self) -> String {
        let target = self.first.target().named();
        let (noun, series, load) =
            (noun(self.metric, self.first), self.first.series.named(), self.first.load_label());
        format!("{noun} on {series} with {load} at {target}")
    }

    /// How far from 1, whichever way.
    pub(super) fn distance(&self) -> f64 {
        self.ratio.estimate.ln().abs()
    }
}

/// What a figure is called where its unit does not stand beside it.
pub(super) fn noun(metric: Metric, cell: &Cell<'_>) -> &'static str {
    match (metric, cell.load.mode) {
        (Metric::P99, Mode::Subscribers) => "p99 of lateness",
        (Metric::P99, _) => "p99",
        (Metric::P50, _) => "median response",
        (Metric::Bystander, _) => "a bystander's median response",
        (Metric::Throughput, Mode::Subscribers) => "ticks/s",
        (Metric::Cpu, Mode::Subscribers) => "CPU per tick",
        (Metric::Memory, Mode::Subscribers) => "memory per subscriber",
        (metric, _) => crate::report::gap::noun(metric),
    }
}

fn as_much(metric: Metric) -> &'static str {
    match metric {
        Metric::Throughput => "as many",
        Metric::P50 | Metric::P99 | Metric::Bystander => "as long",
        _ => "as much",
    }
}

/// Response times compare at one rate only; what slow clients ask for is never answered.
fn means_something(cell: &Cell<'_>, metric: Metric) -> bool {
    match metric {
        Metric::P99 => matches!(cell.load.mode, Mode::Open | Mode::Subscribers),
        Metric::Throughput | Metric::Cpu => cell.load.mode != Mode::Slow,
        _ => true,
    }
}

/// Why nothing of a cell can be compared, in a word or two.
fn unusable(cell: &Cell<'_>, run: &str) -> Option<String> {
    if !cell.ok.is_empty() {
        return None;
    }
    let trials = [(cell.void.len(), "void"), (cell.collapsed.len(), "collapsed")];
    let trials: Vec<String> = trials
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, how)| format!("{} {how}", counted(number as u64, "trial")))
        .collect();
    let trials = if trials.is_empty() { "not run".into() } else { listed(&trials) };
    Some(format!("{trials} in {run}"))
}

fn no_figure(run: &str) -> String {
    format!("no trial of {run} has that figure")
}

fn cell(cell: &Cell<'_>) -> String {
    format!("{} with {} at {}", cell.series.named(), cell.load_label(), cell.target().named())
}

/// So many are named of what cannot be compared for one reason.
const FEW: usize = 4;

/// Reasons, each with all that it holds for.
#[derive(Default)]
struct Missed {
    by_reason: Vec<(String, Vec<String>)>,
}

impl Missed {
    fn note(&mut self, what: String, why: String) {
        match self.by_reason.iter_mut().find(|(known, _)| *known == why) {
            Some((_, all)) => all.push(what),
            None => self.by_reason.push((why, vec![what])),
        }
    }

    fn cells(&mut self, side: &Side<'_>, number: usize, other: &str) {
        if number > 0 {
            self.note(
                format!("{} of {}", counted(number as u64, "cell"), side.run.name),
                format!("not part of {other}"),
            );
        }
    }

    fn said(self) -> Vec<String> {
        let one = |(why, mut what): (String, Vec<String>)| {
            if what.len() > FEW {
                let more = what.split_off(FEW - 1).len();
                what.push(format!("{more} more"));
            }
            format!("{} ({why})", listed(&what))
        };
        self.by_reason.into_iter().map(one).collect()
    }
}
