//! The figures of a cell that say what was full: medians and sums over the trials that count.

use loadgen::protocol::Shape;

use crate::report::bounds::{Point, Track, own_cores};
use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::parts;
use crate::report::slots::{self, Slots};
use crate::report::target::Target;
use crate::report::verdict::{Limit, Took};
use crate::results::{Bystander, Mode, Server, Services, Trial};

/// Everything that the rules look at.
#[derive(Debug)]
pub(crate) struct Evidence<'e, 'a> {
    pub(crate) cell: &'e Cell<'a>,
    /// CPUs of the server; `None` where it shares them.
    pub(crate) cores: Option<f64>,
    pub(crate) slots: Option<Slots>,
    /// What one request waits by design, or was seen to.
    pub(crate) wait_ms: Option<f64>,
    /// What was due or possible: the lower line in closed loop, the highest rate in open loop.
    pub(crate) possible_rps: Option<f64>,
    pub(crate) services: Option<&'e Services>,
    /// Whether the addresses that the server may map are limited.
    pub(crate) boxed: bool,
    pub(crate) throughput_rps: Option<f64>,
}

impl<'e, 'a> Evidence<'e, 'a> {
    /// Of a cell that has lines.
    pub(crate) fn at(track: &Track<'e, 'a>, point: &Point<'e, 'a>, cores: Option<f64>) -> Self {
        Self {
            cell: point.cell,
            cores: track.cores.or(cores),
            slots: track.slots,
            wait_ms: track.wait.map(|wait| wait.ms),
            possible_rps: point.bounds.lower(),
            services: track.services,
            boxed: track.boxed,
            throughput_rps: point.throughput,
        }
    }

    /// Of any other.
    pub(crate) fn of(experiment: &'e Experiment<'a>, cell: &'e Cell<'a>, cores: Option<f64>) -> Self {
        let asked = &experiment.asked;
        let nominal = asked.nominal_wait_ms.filter(|_| asked.route == cell.load.route);
        let trial = cell.ok.iter().chain(&cell.collapsed).chain(&cell.void).next();
        Self {
            cell,
            cores: own_cores(asked).or(cores.filter(|_| !asked.demonstration)),
            slots: slots::of(&cell.series, trial.copied()),
            wait_ms: nominal.or_else(|| cell.target().wait_ms()).filter(|ms| *ms > 0.0),
            possible_rps: peak_rps(cell),
            services: asked.services.as_ref(),
            boxed: experiment.is_boxed(),
            throughput_rps: cell.median(Metric::Throughput),
        }
    }

    /// What a limit is called here.
    pub(crate) fn named(&self, limit: Limit) -> Limit {
        match limit {
            Limit::Threads | Limit::Memory if self.boxed => Limit::Addresses,
            other => other,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.cell.load.mode == Mode::Open
    }

    /// Share of the server's CPUs that it used.
    pub(crate) fn cpu_busy(&self) -> Option<f64> {
        let cores = self.cores?;
        let of_clock = |trial: &Trial| Some(trial.server.cpu_s? / (trial.window.length_ms / 1_000.0) / cores);
        // CPU per request times requests is the same, and may be there when the plain figure is not.
        let of_requests = || Some(self.throughput_rps? * self.cell.median(Metric::Cpu)? / 1e6 / cores);
        self.cell.median_of(of_clock).or_else(of_requests).filter(|busy| busy.is_finite())
    }

    /// Share of the server's CPUs that others had.
    pub(crate) fn others_busy(&self) -> Option<f64> {
        let cores = self.cores?;
        let share =
            |trial: &Trial| Some(trial.server.others_cpu_s? / (trial.window.length_ms / 1_000.0) / cores);
        self.cell.median_of(share)
    }

    /// Share of its CPU time that it spent in the kernel.
    pub(crate) fn kernel_share(&self) -> Option<f64> {
        self.cell.median_of(|trial| Some(trial.server.cpu_system_s? / trial.server.cpu_s?))
    }

    /// Context switches a request. They are counted over the server's whole life, so they are taken to have come
    /// at the same pace per second of CPU all along.
    pub(crate) fn switches(&self) -> Option<f64> {
        self.cell.median_of(|trial| {
            let Server { ctx_switches_voluntary, ctx_switches_involuntary, life_cpu_s, .. } = trial.server;
            let per_second =
                ctx_switches_voluntary?.saturating_add(ctx_switches_involuntary?) as f64 / life_cpu_s?;
            Some(per_second * trial.server.cpu_us_per_request? / 1e6)
        })
    }

    /// The generator's core, whatever its share.
    pub(crate) fn generator_busy(&self) -> Option<f64> {
        self.cell.median_of(|trial| trial.client.core_busy)
    }

    /// Calls that the services worked on at a time, on average.
    pub(crate) fn calls_in_service(&self) -> Option<f64> {
        self.cell.median_of(|trial| Some(trial.services?.service_ms / trial.window.length_ms))
    }

    /// Calls that stood in line there at the end.
    pub(crate) fn calls_queued(&self) -> u64 {
        self.cell.median_of(|trial| Some(trial.services?.queued_at_end as f64)).unwrap_or(0.0) as u64
    }

    /// What was refused, and how often in all.
    pub(crate) fn refused(&self) -> [(Limit, u64); 3] {
        [
            (Limit::Threads, self.sum(|trial| trial.server.threads_refused)),
            (Limit::Files, self.sum(|trial| trial.server.files_refused)),
            (Limit::Memory, self.sum(|trial| trial.server.memory_refused)),
        ]
    }

    pub(crate) fn overflows(&self) -> u64 {
        self.sum(|trial| trial.server.listen_overflows)
    }

    /// Requests without a right answer, and all. Beside slow clients, who ask for nothing, those of bystanders.
    pub(crate) fn failed(&self) -> (u64, u64) {
        if self.cell.load.mode == Mode::Slow {
            let seen = |figure: fn(&Bystander) -> u64| self.sum(|trial| trial.bystander.as_ref().map(figure));
            let due = seen(|bystander| bystander.scheduled);
            return (due.saturating_sub(seen(|bystander| bystander.completed)), due);
        }
        let failed = |trial: &Trial| {
            let kinds = trial.failed.values().chain([&trial.timed_out, &trial.unsent]);
            Some(kinds.fold(0_u64, |sum, number| sum.saturating_add(*number)))
        };
        (self.sum(failed), self.sum(|trial| Some(trial.scheduled)))
    }

    /// Share of the connections that never came up.
    pub(crate) fn missing_connections(&self) -> f64 {
        let share = |trial: &Trial| {
            let (up, wanted) = (trial.client.connections_up?, trial.client.connections_wanted?);
            Some(1.0 - f64::from(up) / f64::from(wanted))
        };
        self.cell.median_of(share).unwrap_or(0.0)
    }

    /// The part that makes responses longer than their wait, in open loop: its name, and how long it took.
    pub(crate) fn longest_part(&self) -> Option<(&'static str, Took)> {
        let (of_ms, means) = parts::means(self.cell)?;
        let known = || parts::KINDS.iter().zip(means).filter_map(|(kind, ms)| Some((kind.name, ms?)));
        // Waiting is what the request is for; it lies in the call, or in the view where there is none.
        let calls = known().any(|(name, _)| name == parts::UPSTREAM);
        let meant = if calls { parts::UPSTREAM } else { parts::VIEW };
        let beyond = |(name, ms): (&str, f64)| ms - self.wait_ms.filter(|_| name == meant).unwrap_or(0.0);
        let (name, ms) = known().max_by(|a, b| beyond(*a).total_cmp(&beyond(*b)))?;
        Some((name, Took { ms, of_ms }))
    }

    /// Mean response, of all its answers.
    pub(crate) fn mean_response_ms(&self) -> Option<f64> {
        self.cell.median_of(|trial| trial.latency_ms.mean)
    }

    /// What an answer takes on average besides its wait, in closed loop: by Little's law clients ÷ throughput, less
    /// the wait.
    pub(crate) fn besides_waiting_ms(&self) -> Option<f64> {
        let answer_ms = f64::from(self.cell.load.clients) / self.throughput_rps? * 1_000.0;
        (!self.is_open()).then_some(answer_ms - self.wait_ms?).filter(|ms| *ms > 0.0)
    }

    /// Median response of whoever asks for something else meanwhile, and what that waits by its route.
    pub(crate) fn bystander_ms(&self) -> Option<(f64, f64)> {
        let ms = self.cell.median_of(|trial| trial.bystander.as_ref()?.latency_ms.p50)?;
        let route =
            self.cell.ok.iter().find_map(|trial| trial.bystander.as_ref()).map(|seen| &*seen.route)?;
        let wait_ms = Target { mode: Mode::Open, route, keep_alive: true }.wait_ms();
        Some((ms, wait_ms.unwrap_or(0.0)))
    }

    pub(crate) fn window_ms(&self) -> f64 {
        self.cell.median_of(|trial| Some(trial.window.length_ms)).unwrap_or(0.0)
    }

    fn sum(&self, figure: impl Fn(&Trial) -> Option<u64>) -> u64 {
        self.cell.ok.iter().filter_map(|trial| figure(trial)).fold(0, u64::saturating_add)
    }
}

/// The rate at its highest.
pub(crate) fn peak_rps(cell: &Cell<'_>) -> Option<f64> {
    let times = match cell.load.shape {
        None | Some(Shape::Steady) => 1.0,
        Some(Shape::Spike { times, .. } | Shape::Ramp { times, .. } | Shape::Steps { times, .. }) => times,
    };
    Some(cell.load.rate_rps? * times.max(1.0))
}
