//! Trials put together into what the report talks about: experiments, series (a rung with its flags) and
//! cells (a series at a load). Void trials stay in sight here and take part in no figure.
//!
//! The reader goes next to `bounds`, which holds cells against what they could at most have done.

use std::borrow::Cow;

use crate::ladder::{self, Kind};
use crate::report::target::Target;
use crate::report::text;
use crate::results::{Asked, Load, Mode, NotRun, Percentiles, Results, Trial, TrialOutcome};
use crate::stats::{self, Pooled, Ratio};

/// Share of its core from which on the generator, and not the server, may be what was measured.
const CLIENT_BOUND: f64 = 0.9;

/// Share of the requests due that must be answered within the window for a rate to count as served. Those
/// in flight at its two ends nearly cancel.
const SERVED: f64 = 0.95;

/// An experiment as it was run.
#[derive(Debug)]
pub(crate) struct Experiment<'a> {
    pub(crate) asked: Cow<'a, Asked>,
    /// In the order of the ladder, which is the order of every table and chart.
    pub(crate) series: Vec<Series>,
    /// By series, then by load.
    pub(crate) cells: Vec<Cell<'a>>,
}

/// A rung as one experiment uses it: the same rung with other flags is another series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) rung: String,
    pub(crate) variant: Option<String>,
}

/// A series at a load: all its trials, told apart by how they ended.
#[derive(Debug)]
pub(crate) struct Cell<'a> {
    pub(crate) series: Series,
    pub(crate) load: &'a Load,
    /// The only ones that figures come from.
    pub(crate) ok: Vec<&'a Trial>,
    pub(crate) collapsed: Vec<&'a Trial>,
    pub(crate) void: Vec<&'a Trial>,
    pub(crate) not_run: Option<&'a NotRun>,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Throughput,
    Cpu,
    Memory,
    Threads,
    P50,
    P99,
    /// Median response of a bystander.
    Bystander,
}

/// All experiments of a run, in the order in which they were asked. Trials of an experiment that the
/// results do not describe (`cargo lab load` writes such) get a section of their own.
pub(crate) fn experiments(results: &Results) -> Vec<Experiment<'_>> {
    let mut asked: Vec<Cow<'_, Asked>> = results.experiments.iter().map(Cow::Borrowed).collect();
    for trial in &results.trials {
        if !asked.iter().any(|known| known.name == trial.experiment) {
            let (name, title, route) =
                (trial.experiment.clone(), trial.experiment.clone(), trial.load.route.clone());
            asked.push(Cow::Owned(Asked { name, title, route, ..Asked::default() }));
        }
    }
    asked.into_iter().map(|asked| Experiment::of(asked, results)).collect()
}

impl<'a> Experiment<'a> {
    fn of(asked: Cow<'a, Asked>, results: &'a Results) -> Self {
        let mut cells: Vec<Cell<'a>> = Vec::new();
        for trial in results.trials.iter().filter(|trial| trial.experiment == asked.name) {
            let series = Series { rung: trial.rung.clone(), variant: trial.variant.clone() };
            let cell = cell_at(&mut cells, series, &trial.load);
            match trial.outcome {
                TrialOutcome::Ok => cell.ok.push(trial),
                TrialOutcome::Collapsed => cell.collapsed.push(trial),
                TrialOutcome::Void => cell.void.push(trial),
            }
        }
        let not_run =
            results.experiments.iter().find(|known| known.name == asked.name).map(|known| &known.not_run);
        for left_out in not_run.into_iter().flatten() {
            let series = Series { rung: left_out.rung.clone(), variant: left_out.variant.clone() };
            cell_at(&mut cells, series, &left_out.load).not_run = Some(left_out);
        }
        cells.sort_by(|a, b| a.series.order().cmp(&b.series.order()).then_with(|| order_of(a.load, b.load)));
        let mut series: Vec<Series> = cells.iter().map(|cell| cell.series.clone()).collect();
        series.dedup();
        Self { asked, series, cells }
    }

    /// Cells that were asked for this, from few clients to many.
    pub(crate) fn at<'s>(&'s self, target: Target<'s>) -> impl Iterator<Item = &'s Cell<'a>> {
        self.cells.iter().filter(move |cell| cell.target() == target)
    }

    /// What was asked for in this mode: the experiment's own route first, connections kept before not kept.
    pub(crate) fn targets(&self, mode: Mode) -> Vec<Target<'a>> {
        let mut targets: Vec<Target<'a>> = Vec::new();
        for target in self.cells.iter().map(Cell::target).filter(|target| target.mode == mode) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets.sort_by_key(|target| (target.route != self.asked.route, target.route, !target.keep_alive));
        targets
    }

    /// How to call a target where the experiment has others; nothing where it has not.
    pub(crate) fn told_apart(&self, target: Target<'_>) -> Option<String> {
        let same =
            |cell: &Cell<'_>| (&*cell.load.route, cell.load.keep_alive) == (target.route, target.keep_alive);
        (!self.cells.iter().all(same)).then(|| target.named())
    }

    /// Whether the addresses that a server may map are limited: then a thread that cannot be made and memory that cannot
    /// be had are that limit, and which of the two is refused first is chance.
    pub(crate) fn is_boxed(&self) -> bool {
        self.asked.server.as_ref().is_some_and(|limits| limits.address_space_bytes.is_some())
    }

    /// ` over at most 16 connections`, where the same rate was given with another number of them as well.
    pub(crate) fn connections_told_apart(&self, load: &Load) -> String {
        let same_but_for = |other: &Load| {
            (other.rate_rps, other.shape, other.mode) == (load.rate_rps, load.shape, load.mode)
                && Target::of(other) == Target::of(load)
                && other.clients != load.clients
        };
        let several = load.mode == Mode::Open && self.cells.iter().any(|cell| same_but_for(cell.load));
        let number = || text::counted(load.clients.into(), "connection");
        if several { format!(" over at most {}", number()) } else { String::new() }
    }

    /// Open-loop cells that had the same load, one group per load: what latency may be compared in.
    pub(crate) fn open_groups(&self) -> Vec<(&'a Load, Vec<&Cell<'a>>)> {
        let mut groups: Vec<(&'a Load, Vec<&Cell<'a>>)> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.load.mode == Mode::Open) {
            let same = |load: &Load| {
                (load.rate_rps, load.shape, load.clients)
                    == (cell.load.rate_rps, cell.load.shape, cell.load.clients)
                    && Target::of(load) == cell.target()
            };
            match groups.iter_mut().find(|(load, _)| same(load)) {
                Some((_, group)) => group.push(cell),
                None => groups.push((cell.load, vec![cell])),
            }
        }
        groups.sort_by(|(a, _), (b, _)| order_of(a, b));
        groups
    }

    /// Every trial of it, in no particular order.
    pub(crate) fn trials(&self) -> impl Iterator<Item = &'a Trial> {
        self.cells.iter().flat_map(|cell| cell.ok.iter().chain(&cell.collapsed).chain(&cell.void).copied())
    }
}

impl Series {
    /// As charts and tables call it.
    pub(crate) fn label(&self) -> String {
        self.variant.as_ref().map_or_else(|| self.rung.clone(), |variant| format!("{}, {variant}", self.rung))
    }

    /// As sentences call it: the rung's name in backticks, which the page sets in the rung's colour.
    pub(crate) fn named(&self) -> String {
        let variant = self.variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
        format!("`{}`{variant}", self.rung)
    }

    /// None for a rung that this program does not know.
    pub(crate) fn kind(&self) -> Option<Kind> {
        ladder::rung(&self.rung).ok().map(|rung| rung.kind)
    }

    /// The ladder first, then `5 threads` before `20 threads`.
    fn order(&self) -> (usize, &str, Option<u64>, Option<&str>) {
        let number = self.variant.as_deref().and_then(first_number);
        (text::ladder_place(&self.rung), &self.rung, number, self.variant.as_deref())
    }
}

impl<'a> Cell<'a> {
    pub(crate) fn target(&self) -> Target<'a> {
        Target::of(self.load)
    }

    /// Median over the trials that count.
    pub(crate) fn median(&self, metric: Metric) -> Option<f64> {
        stats::median(&self.values(metric))
    }

    /// One value per trial that counts.
    pub(crate) fn values(&self, metric: Metric) -> Vec<f64> {
        self.ok.iter().filter_map(|trial| metric.of(trial)).collect()
    }

    /// Median of any other figure of the trials that count.
    pub(crate) fn median_of(&self, figure: impl Fn(&Trial) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> =
            self.ok.iter().filter_map(|trial| figure(trial)).filter(|v| v.is_finite()).collect();
        stats::median(&values)
    }

    /// Whether trials were made, and none of them counts.
    pub(crate) fn is_void(&self) -> bool {
        self.ok.is_empty() && self.collapsed.is_empty() && !self.void.is_empty()
    }

    /// Whether trials count and nobody was answered in any of them.
    pub(crate) fn is_silent(&self) -> bool {
        !self.ok.is_empty() && self.ok.iter().all(|trial| trial.completed == 0)
    }

    /// Response times of all trials that count as one distribution.
    pub(crate) fn pooled(&self) -> Option<Pooled> {
        Pooled::of(self.ok.iter().filter_map(|trial| trial.histogram.as_deref()))
    }

    /// The same in figures; of trials without a distribution, the medians of theirs.
    pub(crate) fn response(&self) -> Percentiles {
        let pooled = self.pooled().map(|pooled| pooled.percentiles());
        let p50 = pooled.and_then(|at| at.p50).or_else(|| self.median(Metric::P50));
        let p99 = pooled.map_or_else(|| self.median(Metric::P99), |at| at.p99);
        Percentiles { p50, p99, ..pooled.unwrap_or_default() }
    }

    /// This cell over another, block by block. None where one is client-bound and the metric is the client's.
    pub(crate) fn over(&self, other: &Cell<'_>, metric: Metric) -> Option<Ratio> {
        if !metric.is_the_servers() && [self.client_bound(), other.client_bound()] != [None, None] {
            return None;
        }
        stats::ratio(&self.pairs(other, |trial| metric.of(trial)))
    }

    /// A figure of this cell and of another, for each block that has both.
    pub(crate) fn pairs(&self, other: &Cell<'_>, figure: impl Fn(&Trial) -> Option<f64>) -> Vec<(f64, f64)> {
        let of_block = |mine: &&Trial| {
            let theirs = other.ok.iter().find(|theirs| theirs.block == mine.block)?;
            Some((figure(mine)?, figure(theirs)?))
        };
        self.ok.iter().filter_map(of_block).collect()
    }

    /// Share of its core that the generator used, where that is so much that the throughput may be its own.
    pub(crate) fn client_bound(&self) -> Option<f64> {
        self.median_of(|trial| trial.client.core_busy).filter(|busy| *busy > CLIENT_BOUND)
    }

    /// Answers within the window over requests due in it, where that is clearly less than all: the rung did
    /// not serve the rate, and its response times are those of a queue that grows.
    pub(crate) fn behind(&self) -> Option<f64> {
        let share = |trial: &Trial| {
            Some(trial.throughput_rps? * trial.window.length_ms / 1_000.0 / trial.scheduled as f64)
        };
        self.median_of(share).filter(|share| self.load.mode == Mode::Open && *share < SERVED)
    }

    /// `256 clients`, or `100 requests/s due` in open loop.
    pub(crate) fn load_label(&self) -> String {
        match (self.load.mode, self.load.rate_rps) {
            (Mode::Open, Some(rate)) => format!("{} requests/s due", text::exact(rate)),
            (Mode::Open, None) => "open loop".into(),
            _ => text::counted(self.load.clients.into(), self.target().caller()),
        }
    }
}

impl Metric {
    /// The figure of a trial; none when it is missing or no number that can be shown.
    pub(crate) fn of(self, trial: &Trial) -> Option<f64> {
        let value = match self {
            Self::Throughput => trial.throughput_rps,
            Self::Cpu => trial.server.cpu_us_per_request,
            Self::Memory => trial.server.memory_per_connection_bytes,
            Self::Threads => trial.server.threads_peak.map(|threads| threads as f64),
            Self::P50 => trial.latency_ms.p50,
            Self::P99 => trial.latency_ms.p99,
            Self::Bystander => trial.bystander.as_ref()?.latency_ms.p50,
        };
        value.filter(|value| value.is_finite() && *value >= 0.0)
    }

    /// Measured on the server, so that a full generator says nothing against it.
    pub(crate) fn is_the_servers(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::Threads)
    }

    /// With its unit, for a sentence.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Throughput => format!("{} requests/s", text::rounded(value)),
            Self::Cpu => format!("{} µs", text::rounded(value)),
            Self::Memory => text::bytes(value),
            Self::Threads => text::counted(value as u64, "thread"),
            Self::P50 | Self::P99 | Self::Bystander => text::milliseconds(value),
        }
    }
}

fn cell_at<'c, 'a>(cells: &'c mut Vec<Cell<'a>>, series: Series, load: &'a Load) -> &'c mut Cell<'a> {
    let place =
        cells.iter().position(|cell| cell.series == series && cell.load == load).unwrap_or_else(|| {
            let (ok, collapsed, void) = (Vec::new(), Vec::new(), Vec::new());
            cells.push(Cell { series, load, ok, collapsed, void, not_run: None });
            cells.len() - 1
        });
    &mut cells[place]
}

fn order_of(a: &Load, b: &Load) -> std::cmp::Ordering {
    let rate = |load: &Load| load.rate_rps.unwrap_or(0.0);
    let key = |load: &Load| (load.mode, load.route.clone(), !load.keep_alive, load.clients);
    key(a).cmp(&key(b)).then(rate(a).total_cmp(&rate(b)))
}

/// The first whole number in a text.
pub(crate) fn first_number(text: &str) -> Option<u64> {
    text.split(|letter: char| !letter.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}
