//! The charts of the page, each with the table behind it and with what it shows in words.
//!
//! A [`Chart`] is data for plotly.js, made here and drawn by the page. Colours are written as names
//! (`@warm-1`) which the page replaces by those of its light or dark theme; see `style`. One file per
//! form: `curves` (over clients), `bars` (one load), `tails` (percentiles).

mod bars;
mod curves;
mod frame;
pub(crate) mod style;
mod tails;

use plotly::{Layout, Plot, Trace};

use crate::report::bounds::Sweep;
use crate::report::cells::{Experiment, Metric};
use crate::report::tables::Table;
use crate::results::Machine;

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

/// Every chart that the experiment has figures for; the main one first.
pub(crate) fn of(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Chart> {
    let mut charts = Vec::new();
    for route in experiment.closed_routes() {
        let Some(sweep) = Sweep::of(experiment, route, machine) else { continue };
        if sweep.is_curve() {
            charts.extend(curves::throughput(&sweep, machine));
            charts.extend(OVER_CLIENTS.iter().filter_map(|measure| curves::over_clients(&sweep, measure)));
        } else {
            charts.extend(bars::throughput(experiment, &sweep));
            // What a demonstration costs says little: its load is tiny, and its servers run together.
            let measures = OVER_CLIENTS.iter().filter(|measure| {
                !experiment.asked.demonstration || !matches!(measure.metric, Metric::Cpu | Metric::Memory)
            });
            charts.extend(measures.filter_map(|measure| bars::one_load(&sweep, measure)));
        }
    }
    for (load, cells) in experiment.open_groups() {
        charts.extend(tails::percentiles(load, &cells));
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

const OVER_CLIENTS: &[Measure] = &[
    Measure {
        metric: Metric::Cpu,
        title: "CPU per request",
        axis: "µs of CPU per request",
        how_to_read: "Lower is cheaper. A line that rises to the right: each request costs more when more of them wait.",
        unit: 1.0,
    },
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

fn json(traces: Vec<Box<dyn Trace>>, layout: Layout) -> String {
    let mut plot = Plot::new();
    plot.add_traces(traces);
    plot.set_layout(layout);
    plot.to_json()
}
