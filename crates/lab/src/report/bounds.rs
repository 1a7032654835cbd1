//! What a server could at most have done, and where it stops doing it.
//!
//! Two lines bound every server in closed loop. `C` clients that each wait `W` for an answer cannot be
//! answered more often than `C / W` times a second (Little's law). And a request that takes `s` of CPU
//! time cannot be answered more than `cores / s` times a second (the utilisation law). A rung is held
//! against the lower of the two, and *leaves the line* where it falls below 95 % of it, or by more than the window
//! can tell: it cuts one answer of each client at its edges. What has only `K` slots to wait in (see `slots`)
//! has a third limit, `K / W`, which is what usually explains why it left.
//!
//! Where nothing waits there is only the CPU's line, and a few clients do not keep a server busy: what a rung
//! answers before it first comes near that line is not yet held against it.
//!
//! Both laws: P. Denning, J. Buzen, "The Operational Analysis of Queueing Network Models", ACM Computing
//! Surveys 10(3), 1978. The reader goes next to `verdict`, which says what ran out.

use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::slots::{self, Slots};
use crate::report::target::Target;
use crate::report::text;
use crate::results::{Asked, Machine, Mode, Services};

/// Below this share of its line a rung has left it.
pub(crate) const ON_LINE: f64 = 0.95;

/// More clients than these may well wait for each other.
const FEW_CLIENTS: u32 = 64;

/// How much later than it asked for a wait may end by the doing of timers and of the way there and back.
const TIMER_SHARE: f64 = 1.02;
const TIMER_MS: f64 = 3.0;

/// Cells that were asked for the same thing, by few clients or by many: each series against its lines.
/// Subscribers have no lines, since the server and not the client sets their pace.
#[derive(Debug)]
pub(crate) struct Sweep<'e, 'a> {
    pub(crate) target: Target<'a>,
    /// What to call the target by, where its experiment has several.
    pub(crate) told_apart: Option<String>,
    /// Numbers of clients, ascending.
    pub(crate) levels: Vec<u32>,
    pub(crate) tracks: Vec<Track<'e, 'a>>,
}

/// One series from few clients to many.
#[derive(Debug)]
pub(crate) struct Track<'e, 'a> {
    pub(crate) series: &'e Series,
    /// None where a request does not wait.
    pub(crate) wait: Option<Wait>,
    /// What it can wait in, where that is limited.
    pub(crate) slots: Option<Slots>,
    /// What it calls, where it does.
    pub(crate) services: Option<&'e Services>,
    /// Whether the addresses that it may map are limited.
    pub(crate) boxed: bool,
    /// CPUs of its own in a demonstration, where it had any.
    pub(crate) cores: Option<f64>,
    pub(crate) points: Vec<Point<'e, 'a>>,
}

/// A cell and its lines.
#[derive(Debug)]
pub(crate) struct Point<'e, 'a> {
    pub(crate) cell: &'e Cell<'a>,
    pub(crate) clients: u32,
    /// Median of the trials that count.
    pub(crate) throughput: Option<f64>,
    pub(crate) bounds: Bounds,
}

/// Requests per second; none where the line cannot be drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bounds {
    /// C / W.
    pub(crate) clients: Option<f64>,
    /// cores / CPU per request.
    pub(crate) cpu: Option<f64>,
    /// K / W.
    pub(crate) slots: Option<f64>,
}

/// The wait of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wait {
    pub(crate) ms: f64,
    /// Measured on this rung, or what the experiment asks for.
    pub(crate) measured: bool,
}

/// How a point stands to the lower of its two lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Standing {
    /// At least [`ON_LINE`] of it; the share.
    On(f64),
    /// Less; the share.
    Below(f64),
    /// At least one trial ended with the server.
    Collapsed,
    /// Left out, because its line says that it is pointless.
    NotRun,
    /// Nothing that counts was measured.
    Unknown,
}

impl<'e, 'a> Sweep<'e, 'a> {
    /// One for each target in this mode, closed loop or subscribers.
    pub(crate) fn all(experiment: &'e Experiment<'a>, mode: Mode, machine: &Machine) -> Vec<Self> {
        experiment
            .targets(mode)
            .into_iter()
            .filter_map(|target| Self::of(experiment, target, machine))
            .collect()
    }

    /// None when nothing was asked for this.
    fn of(experiment: &'e Experiment<'a>, target: Target<'a>, machine: &Machine) -> Option<Self> {
        let mut levels: Vec<u32> = experiment.at(target).map(|cell| cell.load.clients).collect();
        levels.sort_unstable();
        levels.dedup();
        let tracks: Vec<Track<'e, 'a>> = experiment
            .series
            .iter()
            .map(|series| track(experiment, target, series, machine))
            .filter(|track| !track.points.is_empty())
            .collect();
        let told_apart = experiment.told_apart(target);
        (!tracks.is_empty()).then_some(Self { target, told_apart, levels, tracks })
    }

    /// A sentence, with the target in front where there are others.
    pub(crate) fn say(&self, sentence: &str) -> String {
        match &self.told_apart {
            Some(target) => format!("On {target}, {}", text::continued(sentence)),
            None => sentence.to_owned(),
        }
    }

    /// A title, with the target behind it where there are others.
    pub(crate) fn titled(&self, title: &str) -> String {
        self.told_apart.as_ref().map_or_else(|| title.to_owned(), |target| format!("{title}: {target}"))
    }

    /// `256 clients`.
    pub(crate) fn load(&self, number: u32) -> String {
        text::counted(number.into(), self.target.caller())
    }

    /// Several loads: there is a curve to draw and a place to leave it.
    pub(crate) fn is_curve(&self) -> bool {
        self.levels.len() > 1
    }
}

impl<'e, 'a> Track<'e, 'a> {
    /// The last point of the unbroken stretch on the lower line that starts at the lightest load.
    pub(crate) fn on_line_up_to(&self) -> Option<&Point<'e, 'a>> {
        self.busy()
            .iter()
            .take_while(|point| matches!(point.standing(), Standing::On(_) | Standing::Unknown))
            .filter(|point| matches!(point.standing(), Standing::On(_)))
            .last()
    }

    /// The first point that is not on the lower line.
    pub(crate) fn leaves_at(&self) -> Option<&Point<'e, 'a>> {
        self.busy().iter().find(|point| !matches!(point.standing(), Standing::On(_) | Standing::Unknown))
    }

    /// The last point of the unbroken stretch on which every client is answered as if it were alone, that
    /// is, within 5 % of C / W, and the first point after it.
    pub(crate) fn keeps_up(&self) -> (Option<&Point<'e, 'a>>, Option<&Point<'e, 'a>>) {
        let known = || self.busy().iter().filter(|point| point.standing() != Standing::Unknown);
        (known().take_while(|point| point.keeps_up()).last(), known().find(|point| !point.keeps_up()))
    }

    /// All points, or where nothing waits those from the first on that keeps the server busy: that is on its line,
    /// or the most that it answers.
    fn busy(&self) -> &[Point<'e, 'a>] {
        let answers = |point: &Point<'_, '_>| point.throughput.unwrap_or(0.0);
        let is_on = |point: &Point<'_, '_>| matches!(point.standing(), Standing::On(_));
        let most = || self.points.iter().map(answers).fold(0.0, f64::max);
        let first = match (self.wait, self.points.iter().position(is_on)) {
            (Some(_), _) => 0,
            (None, Some(on)) => on,
            (None, None) => {
                let most = most();
                self.points.iter().position(|point| answers(point) >= most).unwrap_or(0)
            }
        };
        &self.points[first..]
    }

    /// The first point whose lower line is the CPU's.
    pub(crate) fn cpu_takes_over(&self) -> Option<&Point<'e, 'a>> {
        self.points.iter().find(|point| {
            let Bounds { clients, cpu, .. } = point.bounds;
            point.throughput.is_some() && cpu.zip(clients).is_some_and(|(cpu, clients)| cpu < clients)
        })
    }

    /// The point at a number of clients.
    pub(crate) fn at(&self, clients: u32) -> Option<&Point<'e, 'a>> {
        self.points.iter().find(|point| point.clients == clients)
    }
}

impl Point<'_, '_> {
    pub(crate) fn standing(&self) -> Standing {
        if !self.cell.collapsed.is_empty() {
            return Standing::Collapsed;
        }
        match (self.throughput, self.bounds.lower()) {
            (Some(throughput), Some(line)) if throughput >= self.enough(line) => {
                Standing::On(throughput / line)
            }
            (Some(throughput), Some(line)) => Standing::Below(throughput / line),
            _ if self.cell.not_run.is_some() => Standing::NotRun,
            _ => Standing::Unknown,
        }
    }

    /// Whether clients are served as if each were alone. Where a request has no wait there is no such
    /// line, and the lower one decides.
    pub(crate) fn keeps_up(&self) -> bool {
        let line = self.bounds.clients.or_else(|| self.bounds.lower());
        let enough =
            self.throughput.zip(line).is_some_and(|(throughput, line)| throughput >= self.enough(line));
        enough && self.cell.collapsed.is_empty()
    }

    /// What counts as being on a line. Each client's answers in a window are counted to one, wherever the window's
    /// edges fall among them, and C clients that began at different times are uncertain by √C together.
    fn enough(&self, line: f64) -> f64 {
        let window_s = self.cell.median_of(|trial| Some(trial.window.length_ms / 1_000.0));
        let cut_off = window_s.filter(|s| *s > 0.0).map_or(0.0, |s| f64::from(self.clients).sqrt() / s);
        (ON_LINE * line).min(line - cut_off).max(0.0)
    }
}

impl Bounds {
    /// The lower of the two lines that every server has.
    pub(crate) fn lower(&self) -> Option<f64> {
        match (self.clients, self.cpu) {
            (Some(clients), Some(cpu)) => Some(clients.min(cpu)),
            (one, other) => one.or(other),
        }
    }
}

/// CPUs that a server may use: those it was pinned to, else all.
pub(crate) fn server_cores(machine: &Machine) -> Option<f64> {
    let cores = machine.server_cpus.as_ref().map_or(f64::from(machine.cpus), |cpus| cpus.len() as f64);
    (cores > 0.0).then_some(cores)
}

/// In a demonstration all servers run at once. One has a line of its own only if it had CPUs of its own.
pub(crate) fn own_cores(asked: &Asked) -> Option<f64> {
    let limits = asked.server.as_ref().filter(|_| asked.demonstration)?;
    limits.cpus.map(|cpus| cpus as f64)
}

/// A series at what it was asked for.
pub(crate) fn track<'e, 'a>(
    experiment: &'e Experiment<'a>,
    target: Target<'a>,
    series: &'e Series,
    machine: &Machine,
) -> Track<'e, 'a> {
    let cells: Vec<&'e Cell<'a>> =
        experiment.cells.iter().filter(|cell| cell.series == *series && cell.target() == target).collect();
    let any_trial =
        cells.iter().flat_map(|cell| cell.ok.iter().chain(&cell.collapsed).chain(&cell.void)).next();
    let slots = slots::of(series, any_trial.copied());
    let wait = wait_of(experiment, target, &cells, slots);
    let own_cores = own_cores(&experiment.asked);
    let cores = own_cores.or_else(|| server_cores(machine).filter(|_| !experiment.asked.demonstration));
    let point = |cell: &&'e Cell<'a>| {
        let clients = cell.load.clients;
        let over_wait = |number: u32| wait.map(|wait| f64::from(number) * 1_000.0 / wait.ms);
        // Nobody knows which line is the lower one where a request waits for no one knows how long.
        let unbound = target.mode == Mode::Subscribers || (wait.is_none() && target.waits());
        let us = cell.median(Metric::Cpu).filter(|us| *us > 0.0 && !unbound);
        let bounds = Bounds {
            clients: over_wait(clients).filter(|line| *line > 0.0),
            cpu: cores.zip(us).map(|(cores, us)| cores * 1e6 / us),
            slots: slots.and_then(|slots| over_wait(slots.number)),
        };
        Point { cell, clients, throughput: cell.median(Metric::Throughput), bounds }
    };
    let services = experiment.asked.services.as_ref();
    let boxed = experiment.is_boxed();
    let points = cells.iter().map(point).collect();
    Track { series, wait, slots, services, boxed, cores: own_cores, points }
}

/// The wait as this rung has it: its median from sent to answered at its lightest load, where nothing
/// queues. If something may queue there (many clients, more than slots, or answers later than timers explain),
/// what the experiment asks for is taken instead: C over a response time that has queueing in it is what
/// any server answers, and a line that every server reaches says nothing.
fn wait_of(
    experiment: &Experiment<'_>,
    target: Target<'_>,
    cells: &[&Cell<'_>],
    slots: Option<Slots>,
) -> Option<Wait> {
    let asked = &experiment.asked;
    let nominal = if asked.route == target.route { asked.nominal_wait_ms } else { target.wait_ms() };
    let nominal = nominal.filter(|ms| ms.is_finite() && *ms > 0.0 && target.mode != Mode::Subscribers)?;
    let lightest = cells.iter().find(|cell| !cell.ok.is_empty() && cell.load.clients <= FEW_CLIENTS);
    let measured = lightest
        .filter(|cell| !asked.demonstration && slots.is_none_or(|slots| cell.load.clients <= slots.number))
        .and_then(|cell| cell.median_of(|trial| trial.sent_to_answer_ms.p50))
        .filter(|ms| (0.5 * nominal..=nominal * TIMER_SHARE + TIMER_MS).contains(ms));
    Some(measured.map_or(Wait { ms: nominal, measured: false }, |ms| Wait { ms, measured: true }))
}

impl Wait {
    /// `101 ms`, with its origin when it is not measured.
    pub(crate) fn shown(self) -> String {
        text::milliseconds(self.ms)
    }
}
