//! The charts of the page, each with the table behind it and with what it shows in words.
//!
//! A [`Chart`] is data for plotly.js, made here and drawn by the page. Colours are written as names
//! (`@warm-1`) which the page replaces by those of its light or dark theme; see `style`. One file per
//! form: `curves` (over clients), `bars` (one load), `gap` (what a difference consists of), `crossover` (who
//! wins where), `timeline` (what happened when), `bystanders`, `tails` (percentiles), `parts` (where the time
//! went), `waits` (for a thread of a pool). `intervals` has their whiskers, `behind` words and tables, `voids`
//! what does not count, and `lanes` single requests on their threads: that one opens the page.

mod bars;
mod behind;
mod bystanders;
mod crossover;
mod curves;
pub(crate) mod frame;
mod gap;
mod intervals;
mod lanes;
mod parts;
pub(crate) mod style;
mod tails;
mod timeline;
mod voids;
mod waits;

use plotly::{Layout, Plot, Trace};
use serde_json::{Number, Value};

use crate::report::bounds::Sweep;
use crate::report::cells::{Experiment, Metric};
use crate::report::gap::Split;
use crate::report::tables::Table;
use crate::results::{Machine, Mode, Results, Rule};

/// A picture, its reading aid, its words and its numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// One line.
    pub(crate) how_to_read: String,
    /// What it shows, for whoever does not see it.
    pub(crate) alt: String,
    /// `data` and `layout` for plotly.js, JSON.
    pub(crate) figure: String,
    pub(crate) table: Table,
    /// The picture of its experiment: throughput against clients.
    pub(crate) main: bool,
    pub(crate) height_rem: f64,
}

/// What opens a report: single requests on their threads, of the first experiment that recorded them.
pub(crate) fn opening(results: &Results, experiments: &[Experiment<'_>]) -> Option<Chart> {
    experiments.iter().find_map(|one| lanes::chart(results, &one.asked.name))
}

/// Every chart that the experiment has figures for; the main one first.
pub(crate) fn of(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Chart> {
    let closed = Sweep::all(experiment, Mode::Closed, machine);
    let mut charts: Vec<Chart> = crate::report::gap::all(experiment, &closed)
        .iter()
        .enumerate()
        .filter_map(|(place, split)| match split {
            Split::Gap(gap) => gap::steps(gap, place == 0),
            Split::Not(_) => None,
        })
        .collect();
    let is_map = experiment.asked.rule == Some(Rule::Crossover);
    if is_map {
        charts.extend(crossover::maps(experiment, machine));
    }
    if experiment.asked.rule == Some(Rule::Pool) {
        charts.extend(waits::against_rate(experiment, charts.is_empty()));
    }
    for over_time in crate::report::timeline::all(experiment) {
        let main = charts.is_empty();
        charts.extend(timeline::over_time(&over_time, experiment, main));
    }
    let pairs = of_connections(&closed, charts.is_empty());
    let paired = !pairs.is_empty();
    charts.extend(pairs);
    // Who else suffers is the point of asking; the load under which it differs most comes first.
    let mut beside = crate::report::bystanders::all(experiment);
    beside.sort_by(|a, b| b.spread().total_cmp(&a.spread()));
    for group in &beside {
        let main = charts.is_empty();
        charts.extend(bystanders::beside(group, main));
    }
    for sweep in closed.iter().filter(|_| !paired) {
        let main = charts.is_empty();
        if sweep.levels.len() > FEW_LEVELS || (sweep.is_curve() && sweep.tracks.len() == 1) {
            charts.extend(curves::throughput(sweep, machine, main));
            // A map shows what they cost, of many loads in few pictures; the figures are in the table.
            let costs = OVER_CLIENTS.iter().filter(|_| !is_map);
            charts.extend(costs.filter_map(|measure| curves::over_clients(sweep, measure, false)));
        } else {
            charts.extend(at_few_levels(experiment, sweep, main));
        }
    }
    for sweep in Sweep::all(experiment, Mode::Subscribers, machine) {
        for measure in OF_SUBSCRIBERS {
            let main = charts.is_empty();
            charts.extend(if sweep.is_curve() {
                curves::over_clients(&sweep, measure, main)
            } else {
                sweep.levels.first().and_then(|level| bars::one_load(&sweep, *level, measure))
            });
        }
    }
    for (load, cells) in experiment.open_groups() {
        charts.extend(tails::percentiles(experiment, load, &cells));
        charts.extend(parts::stacked(experiment, load, &cells));
    }
    charts
}

/// Up to so many levels are compared rung by rung, a chart for each; a line needs more points than that.
pub(crate) const FEW_LEVELS: usize = 2;

/// Bars for each level, of what means something there.
fn at_few_levels(experiment: &Experiment<'_>, sweep: &Sweep<'_, '_>, main: bool) -> Vec<Chart> {
    let waits = sweep.target.waits();
    let demonstration = experiment.asked.demonstration;
    let alone = sweep.told_apart.is_none();
    let means_something = |measure: &&Measure| match measure.metric {
        // What a demonstration costs says little: its load is tiny, and its servers run together.
        Metric::Cpu => !demonstration,
        Metric::Memory => !demonstration && waits,
        Metric::Threads => waits,
        // Where the wait is known, a closed loop's response times only restate throughput.
        _ => alone || (waits && sweep.tracks.iter().all(|track| track.wait.is_none())),
    };
    let mut charts = Vec::new();
    for (place, level) in sweep.levels.iter().enumerate() {
        charts.extend(bars::throughput(experiment, sweep, *level, main && place == 0));
        let measures = OVER_CLIENTS.iter().filter(means_something);
        charts.extend(measures.filter_map(|measure| bars::one_load(sweep, *level, measure)));
    }
    charts
}

/// Where one route was asked for with connections kept and not kept: both beside each other.
fn of_connections(closed: &[Sweep<'_, '_>], first: bool) -> Vec<Chart> {
    let mut charts = Vec::new();
    for kept in closed.iter().filter(|sweep| sweep.target.keep_alive) {
        let own = closed.iter().find(|own| !own.target.keep_alive && own.target.same_requests(&kept.target));
        let Some(own) = own else { continue };
        for measure in [&THROUGHPUT, &CPU] {
            let main = first && charts.is_empty();
            charts.extend(bars::kept_and_own(kept, own, measure, main));
        }
    }
    charts
}

/// A figure and how to read its chart.
pub(crate) struct Measure {
    metric: Metric,
    title: &'static str,
    axis: &'static str,
    how_to_read: &'static str,
    /// What one unit of the axis is, in units of the metric.
    unit: f64,
}

const CPU: Measure = Measure {
    metric: Metric::Cpu,
    title: "CPU per request",
    axis: "µs of CPU per request",
    how_to_read: "Lower is cheaper. A line that rises to the right: each request costs more when more of them wait.",
    unit: 1.0,
};

const THROUGHPUT: Measure = Measure {
    metric: Metric::Throughput,
    title: "Throughput",
    axis: "requests/s",
    how_to_read: "Higher is better.",
    unit: 1.0,
};

const OVER_CLIENTS: &[Measure] = &[
    CPU,
    Measure {
        metric: Metric::Memory,
        title: "Memory per connection",
        axis: "KiB per connection",
        how_to_read: "Resident memory, page tables and kernel stacks at the peak, less those of the idle server, per open \
            connection. With few connections the server's fixed costs show.",
        unit: 1_024.0,
    },
    Measure {
        metric: Metric::Threads,
        title: "Operating-system threads",
        axis: "threads",
        how_to_read: "The most threads seen at each load. Where a request waits in a thread, the line rises with the \
            clients.",
        unit: 1.0,
    },
    Measure {
        metric: Metric::P50,
        title: "Median response in closed loop",
        axis: "ms",
        how_to_read: "Flat: nothing queues. Rising: clients wait for each other. Beyond a bounding line this only restates \
            throughput (clients ÷ throughput), so compare latency in open loop instead.",
        unit: 1.0,
    },
];

const OF_SUBSCRIBERS: &[Measure] = &[
    Measure {
        metric: Metric::Threads,
        title: "Operating-system threads",
        axis: "threads",
        how_to_read: "The most threads seen at each number of open streams. Where a subscriber holds a thread, the line rises \
            with the subscribers.",
        unit: 1.0,
    },
    Measure {
        metric: Metric::Memory,
        title: "Memory per subscriber",
        axis: "KiB per subscriber",
        how_to_read: "Resident memory, page tables and kernel stacks at the peak, less those of the idle server, per open \
            stream. With few of them the server's fixed costs show.",
        unit: 1_024.0,
    },
    Measure {
        metric: Metric::P99,
        title: "Lateness of ticks, p99",
        axis: "ms late",
        how_to_read: "How late ticks came, after their subscriber's own schedule. A p99 needs 1,000 ticks in a trial: with \
            fewer there is no mark.",
        unit: 1.0,
    },
    Measure {
        metric: Metric::P50,
        title: "Lateness of ticks, median",
        axis: "ms late",
        how_to_read: "How late half of the ticks came at most, after their subscriber's own schedule.",
        unit: 1.0,
    },
];

/// What the page and the pictures draw from.
pub(crate) fn json(traces: Vec<Box<dyn Trace>>, layout: Layout) -> String {
    let mut plot = Plot::new();
    plot.add_traces(traces);
    plot.set_layout(layout);
    let mut figure = serde_json::from_str(&plot.to_json()).unwrap_or_default();
    shorten(&mut figure);
    figure.to_string()
}

/// Six digits are more than anybody sees, and the other ten would be an eighth of all data on a page.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Number(number) if number.is_f64() => {
            let short = number.as_f64().and_then(|exact| format!("{exact:.5e}").parse().ok());
            if let Some(short) = short.and_then(Number::from_f64) {
                *number = short;
            }
        }
        _ => {}
    }
}
