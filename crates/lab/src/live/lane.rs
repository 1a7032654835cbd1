//! One of the two lanes: a server, the services behind it, and the generator in front.
//!
//! Next: `lane/seen.rs`, what is seen of it; `lane/cell.rs`, what it is to a trial.

mod cell;
mod seen;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use loadgen::clock::monotonic_ns;
use loadgen::live::{Now, Order};
use loadgen::protocol::{Arrivals, Expect, Load, Shape, Spec};

use crate::cell::Cell;
use crate::cpus::Split;
use crate::experiment::{Fault, FaultKind};
use crate::ladder::Rung;
use crate::live::collect::{Collected, Moment};
use crate::live::hog::Hog;
use crate::live::keep;
use crate::live::line::Line;
use crate::live::most::Most;
use crate::live::settings::Settings;
use crate::live::threads::Watch;
use crate::probe::{self, Counters};
use crate::process::{Process, said};
use crate::programs::Programs;
use crate::results::{Asked, Mode, Trouble};
use crate::services;
use crate::trial::{self, Bench, Side};

pub(super) use seen::Look;

/// A server with everything around it.
pub(super) struct Lane {
    pub(super) collected: Collected,
    pub(super) line: Line,
    place: usize,
    rung: &'static Rung,
    side: Side,
    generator: Process,
    watch: Watch,
    hog: Option<Hog>,
    cell: Cell,
    /// The route asked for last, and what a right answer to it is.
    expected: (String, Expect),
    /// What is asked, for those who say what ran out.
    asked: Asked,
    /// CPUs of the server alone.
    own_cpus: Option<Vec<u32>>,
    generator_cores: f64,
    /// Said by the generator and not looked at yet.
    row: Option<Now>,
    /// What its services were told to do wrong since the mark.
    troubles: Vec<Trouble>,
    /// Until when the services behind stop.
    stalled_until: Option<Instant>,
}

/// When clients give up.
pub(super) const TIMEOUT_MS: u64 = 30_000;
/// The longest that services fail by one order; it is given again before it ends.
pub(super) const ERRORS_FOR: Duration = Duration::from_secs(600);
/// For an answer that is asked for while there is load: everything else waits for it.
const FIRST_WITHIN_MS: u64 = 5_000;

impl Lane {
    /// Starts the processes, without load.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) fn start(
        place: usize,
        settings: &Settings,
        most: &Most,
        split: Option<&Split>,
        programs: &Programs,
    ) -> anyhow::Result<Self> {
        let rung = settings.ladder().map_err(anyhow::Error::msg)?[place];
        let bench = Bench { programs, split, started_ns: monotonic_ns(), recordings: None };
        let cell = cell::of(place, rung, settings, most, split);
        let side = Side::start(&cell, &bench)?;
        let expected = match &side.first {
            Ok(first) => (settings.route(), first.load.clone()),
            Err(reason) => bail!("the first request failed: {reason}"),
        };
        let cpus = split.map(|split| split.client.as_slice());
        let generator = Process::start(programs.path("loadgen")?, &["--live".to_owned()], cpus)?;
        let watch = Watch::start(side.server.pid())?;
        let own_cpus = split.map(|split| split.server.clone());
        let mut lane = Self {
            collected: Collected::new(own_cpus.clone(), side.idle),
            line: Line::default(),
            place,
            rung,
            side,
            generator,
            watch,
            hog: None,
            cell,
            expected,
            asked: Asked::default(),
            own_cpus,
            generator_cores: cpus.map_or_else(available, |cpus| cpus.len() as f64),
            row: None,
            troubles: Vec::new(),
            stalled_until: None,
        };
        lane.mark()?;
        Ok(lane)
    }

    /// Brings the load to what is set, or to nothing.
    ///
    /// # Errors
    /// When the generator is gone.
    pub(super) fn load(&mut self, settings: &Settings, most: &Most, on: bool) -> anyhow::Result<()> {
        // The process runs with the flags that it was started with.
        let flags = std::mem::take(&mut self.cell.flags);
        self.cell = Cell { flags, ..cell::of(self.place, self.rung, settings, most, None) };
        let spec = Box::new(self.spec(settings, most));
        let (now, slow) = if on { (settings.level(), settings.slow) } else { (0.0, 0) };
        self.order(&Order::Load { spec, now, slow })?;
        self.asked = keep::asked(settings, None, self.cpus_of_its_own(), Vec::new());
        self.mark()?;
        match (settings.hog && on, self.hog.is_some()) {
            (true, false) => self.hog = Some(Hog::start(self.side.addr).context("cannot start the hog")?),
            (false, true) => self.hog = None,
            _ => {}
        }
        Ok(())
    }

    /// The most that there may be; how much there is, each order says.
    fn spec(&mut self, settings: &Settings, most: &Most) -> Spec {
        let route = settings.route();
        if self.expected.0 != route {
            let expected = cell::known_answer(settings).unwrap_or_else(|| {
                let soon = Cell { timeout_ms: FIRST_WITHIN_MS, ..self.cell.clone() };
                // Where the server has too much to do, or its services fail on purpose, no right answer is to be had
                // now: then the status is checked.
                trial::first_answers(&soon, self.side.addr)
                    .map_or_else(|_| Expect::default(), |first| first.load)
            });
            self.expected = (route, expected);
        }
        let load = match settings.mode {
            Mode::Open => Load::Open {
                rate_rps: most.rate_rps.into(),
                arrivals: Arrivals::Poisson,
                shape: Shape::Steady,
                connections: self.cell.load.clients,
            },
            _ => Load::Closed { clients: most.clients },
        };
        let first = trial::First { load: self.expected.1.clone(), mix: Vec::new(), bystander: None };
        Spec { load, ..trial::spec(&self.cell, self.side.addr, &first) }
    }

    /// Its server is gone, or deaf: nobody asks it for anything any more. What is left of it can still be looked at.
    pub(super) fn rest(&mut self) {
        self.hog = None;
        self.generator.kill();
    }

    /// The services behind fail with this share of calls.
    ///
    /// # Errors
    /// When they do not answer.
    pub(super) fn errors(&mut self, share: f64) -> anyhow::Result<()> {
        let Some(services) = &self.side.services else { return Ok(()) };
        if share > 0.0 {
            let for_ms = ERRORS_FOR.as_millis() as u64;
            let fault = Fault { rate: Some(share), status: Some(503), ..fault(FaultKind::Error, for_ms) };
            services::order(services.addr(), &fault)?;
            self.remember(FaultKind::Error, for_ms);
            return Ok(());
        }
        services::call_off(services.addr(), FaultKind::Error)?;
        self.troubles.retain(|trouble| trouble.kind != FaultKind::Error.name());
        Ok(())
    }

    /// The services behind stand still.
    ///
    /// # Errors
    /// When they do not answer.
    pub(super) fn stall(&mut self, for_ms: u64) -> anyhow::Result<()> {
        let Some(services) = &self.side.services else { return Ok(()) };
        services::order(services.addr(), &fault(FaultKind::Stall, for_ms))?;
        self.stalled_until = Some(Instant::now() + Duration::from_millis(for_ms));
        self.remember(FaultKind::Stall, for_ms);
        Ok(())
    }

    /// What can be kept begins now.
    ///
    /// # Errors
    /// When the generator is gone.
    pub(super) fn mark(&mut self) -> anyhow::Result<()> {
        self.order(&Order::Mark)?;
        let now = self.moment(monotonic_ns());
        self.collected.mark(now, probe::size(self.side.server.pid()));
        // Services that are told to fail go on; a stall is over by itself.
        self.troubles.retain(|trouble| trouble.kind == FaultKind::Error.name());
        self.troubles.iter_mut().for_each(|trouble| trouble.at_ms = 0);
        Ok(())
    }

    /// What its services were told to do wrong since the mark.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        self.troubles.clone()
    }

    /// CPUs that nobody but the server is meant to use.
    pub(super) fn cpus_of_its_own(&self) -> Option<u64> {
        self.own_cpus.as_ref().map(|cpus| cpus.len() as u64)
    }

    fn remember(&mut self, kind: FaultKind, for_ms: u64) {
        let at_ms = self.collected.since_mark_ms(monotonic_ns());
        self.troubles.retain(|trouble| trouble.kind != kind.name());
        self.troubles.push(Trouble { kind: kind.name().to_owned(), at_ms, for_ms });
    }

    fn moment(&self, at_ns: u64) -> Moment {
        let called = self.side.services.as_ref().filter(|_| self.asked.services.is_some());
        Moment {
            at_ns,
            counters: Counters::read(self.side.server.pid(), self.own_cpus.as_deref()),
            refused: self.side.refusals.counted(),
            calls: called.and_then(|services| services.state().ok()),
        }
    }

    fn order(&mut self, order: &Order) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        let stdin = self.generator.stdin().context("the load generator has no standard input")?;
        stdin
            .write_all(line.as_bytes())
            .with_context(|| format!("the load generator does not listen{}", said(&self.generator.log())))
    }
}

fn available() -> f64 {
    std::thread::available_parallelism().map_or(1, usize::from) as f64
}

/// Of all calls, from now on.
fn fault(kind: FaultKind, for_ms: u64) -> Fault {
    Fault { at_ms: 0, kind, for_ms, path: None, rate: None, count: None, status: None, over_ms: None }
}
