//! One of the two lanes: a server, the services behind it, and the generator in front.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use handlers::{Body, Reply, replies};
use loadgen::clock::monotonic_ns;
use loadgen::live::{Now, Order, Told};
use loadgen::protocol::{Arrivals, Expect, Load, Shape, Spec};

use crate::cell::{Cell, server_flags};
use crate::cpus::Split;
use crate::experiment::{Fault, FaultKind};
use crate::judge::{self, Found};
use crate::ladder::Rung;
use crate::live::collect::{Collected, Sample};
use crate::live::hog::Hog;
use crate::live::line::{Around, Line};
use crate::live::settings::{Ask, Most, Settings};
use crate::live::threads::{Seen, Watch};
use crate::probe::Edges;
use crate::process::{Process, exit_text, said};
use crate::programs::Programs;
use crate::refusals::Refused;
use crate::results::{Mode, Trial};
use crate::trial::{self, Bench, Side};
use crate::{services, wait};

/// A server with everything around it.
pub(super) struct Lane {
    pub(super) rung: &'static Rung,
    pub(super) collected: Collected,
    place: usize,
    side: Side,
    generator: Process,
    watch: Watch,
    hog: Option<Hog>,
    cell: Cell,
    cores: f64,
    generator_cores: f64,
    /// What right answers are, by route: asked for once, before the load.
    expected: BTreeMap<String, Expect>,
    /// What it had been refused when the stretch began.
    refused: Refused,
    /// Until when the services behind stop.
    stalled_until: Option<Instant>,
}

/// What came of a look at a lane.
pub(super) enum Look {
    /// There is no row yet.
    Nothing,
    Seen(Box<Sample>, Line),
    /// The server is gone, or deaf; why, in a sentence.
    Collapsed(String),
}

/// When clients give up.
pub(super) const TIMEOUT_MS: u64 = 30_000;
/// The longest that services fail by one order; it is given again before it ends.
pub(super) const ERRORS_FOR: Duration = Duration::from_secs(600);
/// For an outcome that was asked for.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);

impl Lane {
    /// Starts the processes, without load.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) fn start(
        place: usize,
        settings: &Settings,
        split: Option<&Split>,
        programs: &Programs,
    ) -> anyhow::Result<Self> {
        let rung = settings.ladder().map_err(anyhow::Error::msg)?[place];
        let bench = Bench { programs, split, started_ns: monotonic_ns(), recordings: None };
        let cell = cell(place, rung, settings, split)?;
        let side = Side::start(&cell, &bench)?;
        let expected = match &side.first {
            Ok(first) => BTreeMap::from([(settings.route(), first.load.clone())]),
            Err(reason) => bail!("the first request failed: {reason}"),
        };
        let cpus = split.map(|split| split.client.as_slice());
        let generator = Process::start(programs.path("loadgen")?, &["--live".to_owned()], cpus)?;
        let watch = Watch::start(side.server.pid())?;
        let cores = split.map_or_else(available, |split| split.server.len() as f64);
        let generator_cores = split.map_or_else(available, |split| split.client.len() as f64);
        let mut lane = Self {
            rung,
            collected: Collected::default(),
            place,
            side,
            generator,
            watch,
            hog: None,
            cell,
            cores,
            generator_cores,
            expected,
            refused: Refused::default(),
            stalled_until: None,
        };
        lane.mark()?;
        Ok(lane)
    }

    /// Brings the load to what is set, or to nothing.
    ///
    /// # Errors
    /// When the generator is gone.
    pub(super) fn load(&mut self, settings: &Settings, on: bool, most: &Most) -> anyhow::Result<()> {
        self.cell = cell(self.place, self.rung, settings, None).map(|cell| Cell {
            // Those of the process as it runs.
            flags: std::mem::take(&mut self.cell.flags),
            ..cell
        })?;
        let spec = Box::new(self.spec(settings, most));
        let (now, slow) = if on { (settings.level(), settings.slow) } else { (0.0, 0) };
        self.order(&Order::Load { spec, now, slow })?;
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
        let expected = match (self.expected.get(&route), settings.ask) {
            (Some(known), _) => known.clone(),
            // A slider that is pulled sets many waits, and none of them has to be waited for to know the answer.
            (None, Ask::Wait) => right(&replies::waited(settings.wait_ms)),
            (None, _) => match trial::first_answers(&self.cell, self.side.addr) {
                Ok(first) => self.expected.entry(route).or_insert(first.load).clone(),
                // Where the services fail on purpose no right answer is to be had now: then the status is checked.
                Err(_) => Expect::default(),
            },
        };
        let load = match settings.mode {
            Mode::Open => Load::Open {
                rate_rps: most.rate_rps.into(),
                arrivals: Arrivals::Poisson,
                shape: Shape::Steady,
                connections: self.cell.load.clients.min(most.clients),
            },
            _ => Load::Closed { clients: most.clients },
        };
        let first = trial::First { load: expected, mix: Vec::new(), bystander: None };
        let spec = trial::spec(&self.cell, self.side.addr, &first);
        // Where the time went needs a window; see `loadgen::live`.
        Spec { load, timing: false, ..spec }
    }

    /// The services behind fail with this share of calls.
    ///
    /// # Errors
    /// When they do not answer.
    pub(super) fn errors(&self, share: f64) -> anyhow::Result<()> {
        match &self.side.services {
            Some(services) if share > 0.0 => {
                let for_ms = ERRORS_FOR.as_millis() as u64;
                let fault = Fault { rate: Some(share), status: Some(503), ..fault(FaultKind::Error, for_ms) };
                services::order(services.addr(), &fault)
            }
            Some(services) => services::call_off(services.addr(), FaultKind::Error),
            None => Ok(()),
        }
    }

    /// The services behind stand still.
    ///
    /// # Errors
    /// When they do not answer.
    pub(super) fn stall(&mut self, for_ms: u64) -> anyhow::Result<()> {
        let Some(services) = &self.side.services else { return Ok(()) };
        services::order(services.addr(), &fault(FaultKind::Stall, for_ms))?;
        self.stalled_until = Some(Instant::now() + Duration::from_millis(for_ms));
        Ok(())
    }

    /// What can be kept begins now.
    ///
    /// # Errors
    /// When the generator is gone.
    pub(super) fn mark(&mut self) -> anyhow::Result<()> {
        self.order(&Order::Mark)?;
        self.collected.mark(monotonic_ns(), self.side.server.pid());
        self.refused = self.side.refusals.counted();
        Ok(())
    }

    /// What the generator said since the last look, beside what `/proc` says now.
    ///
    /// # Errors
    /// When the generator is gone.
    pub(super) fn look(&mut self, settings: &Settings, on: bool, begun_ns: u64) -> anyhow::Result<Look> {
        let mut row: Option<Now> = None;
        while let Ok(line) = self.generator.lines.try_recv() {
            match serde_json::from_str(&line).with_context(|| format!("the generator said {line:.200}"))? {
                // Two at once: the lab was late, and both count.
                Told::Row(now) => {
                    row = Some(match row {
                        None => now,
                        Some(before) => together(&before, now),
                    });
                }
                // Asked for and not waited for any more.
                Told::Taken(_) => {}
                Told::Refused { message } => bail!("the generator refuses: {message}"),
            }
        }
        if self.generator.poll().is_some() {
            bail!("the load generator has ended{}", said(&self.generator.log()));
        }
        if let Some(reason) = self.collapsed(row.as_ref()) {
            return Ok(Look::Collapsed(reason));
        }
        let Some(row) = row else { return Ok(Look::Nothing) };
        let mut sample = self.collected.add(&row, self.side.server.pid(), begun_ns);
        let line = Line::of(settings, self.rung, &self.cell.flags, &sample, self.cores);
        // Where nobody asks for anything there is no line to be held against.
        sample.line_rps = line.rps().filter(|_| on);
        self.collected.keep(sample.clone());
        Ok(Look::Seen(Box::new(sample), line))
    }

    fn collapsed(&mut self, row: Option<&Now>) -> Option<String> {
        let in_flight = self.collected.last().map_or(0, |sample| sample.in_flight);
        let at = format!("with {in_flight} requests in flight");
        if let Some(ended) = self.side.server.poll() {
            let how = exit_text(ended.status);
            return Some(format!("The server ended {at}: {how}{}", said(&self.side.server.log())));
        }
        let suspicious = row.is_some_and(|row| row.errors > 0 && row.completed == 0);
        (suspicious && trial::refuses(self.side.addr)).then(|| {
            let log = said(&self.side.server.log());
            format!("The server lives but refuses connections, {at}{log}")
        })
    }

    /// What was seen since the mark, as a trial.
    ///
    /// # Errors
    /// When the generator does not tell.
    pub(super) fn take(&mut self, run_started_ns: u64) -> anyhow::Result<Option<Trial>> {
        self.order(&Order::Take)?;
        let until = Instant::now() + TAKEN_WITHIN;
        let outcome = loop {
            let Some(line) = self.generator.next_line(until)? else {
                bail!("the load generator has ended{}", said(&self.generator.log()))
            };
            // Rows that come meanwhile are no loss: the next one is a quarter of a second away.
            if let Told::Taken(outcome) = serde_json::from_str(&line)? {
                break outcome;
            }
        };
        let Some(outcome) = outcome else { return Ok(None) };
        let found = Found {
            idle: self.side.idle,
            edges: Some(Edges { start_ns: self.collected.marked_ns(), end_ns: monotonic_ns() }),
            observed: Some(self.collected.observed(self.side.server.pid())),
            outcome: Some(*outcome),
            refused: Some(since(self.refused, self.side.refusals.counted())),
            ..Found::default()
        };
        Ok(Some(judge::trial(self.cell.subject(), &found, run_started_ns)))
    }

    /// How it ended, as a trial, for a server that has collapsed.
    pub(super) fn wreck(&mut self, run_started_ns: u64) -> Trial {
        let died = self.side.server.poll();
        let found = Found {
            idle: self.side.idle,
            deaf: died.is_none(),
            died,
            log: self.side.server.log(),
            refused: Some(self.side.refusals.counted()),
            ..Found::default()
        };
        judge::trial(self.cell.subject(), &found, run_started_ns)
    }

    /// What else there is to be full, over so long.
    pub(super) fn around(&self, over_s: f64, machine_busy: Option<f64>) -> Around {
        let refused = since(self.refused, self.side.refusals.counted());
        Around { over_s, cores: self.cores, generator_cores: self.generator_cores, machine_busy, refused }
    }

    pub(super) fn threads(&self) -> Seen {
        self.watch.seen()
    }

    /// Left of a stall.
    pub(super) fn stalled_ms(&self) -> u64 {
        let left = self.stalled_until.map(|until| until.saturating_duration_since(Instant::now()));
        left.unwrap_or_default().as_millis() as u64
    }

    fn order(&mut self, order: &Order) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        let stdin = self.generator.stdin().context("the load generator has no standard input")?;
        stdin.write_all(line.as_bytes()).context("the load generator does not listen")
    }
}

/// As a trial's cell; of a load that goes on until somebody changes it, so without a window.
fn cell(
    place: usize,
    rung: &'static Rung,
    settings: &Settings,
    split: Option<&Split>,
) -> anyhow::Result<Cell> {
    let cpus = available() as u64;
    let server_cpus = split.map_or(cpus, |split| split.server.len() as u64);
    let route = handlers::Route::parse("GET", settings.route().as_bytes())
        .map_err(|_| anyhow::anyhow!("{} is no route", settings.route()))?;
    let services = settings.services();
    // A rung against itself: the second one needs a name of its own.
    let twice = settings.rungs[0] == settings.rungs[1];
    Ok(Cell {
        experiment: super::keep::NAME.to_owned(),
        rung,
        variant: twice.then(|| ["left", "right"][place].to_owned()),
        flags: server_flags(rung, &settings.flags(rung), cpus, server_cpus),
        block: 0,
        order: place as u32,
        load: settings.load(),
        mix: Vec::new(),
        bystander: None,
        warm_up_ms: 0,
        window_ms: 1_000,
        timeout_ms: TIMEOUT_MS,
        wait_ms: wait::nominal_ms(&route, &services)?,
        upstream: Some(services),
        byte_every_ms: None,
        server: settings.server(),
        record: false,
        seed: 1,
    })
}

fn available() -> f64 {
    std::thread::available_parallelism().map_or(1, usize::from) as f64
}

/// Of all calls, from now on.
fn fault(kind: FaultKind, for_ms: u64) -> Fault {
    Fault { at_ms: 0, kind, for_ms, path: None, rate: None, count: None, status: None, over_ms: None }
}

/// What came on top.
fn since(before: Refused, now: Refused) -> Refused {
    Refused {
        threads: now.threads.saturating_sub(before.threads),
        files: now.files.saturating_sub(before.files),
        memory: now.memory.saturating_sub(before.memory),
    }
}

/// What a reply says that is known beforehand.
fn right(reply: &Reply) -> Expect {
    let body = match &reply.body {
        Body::Whole(bytes) => String::from_utf8(bytes.to_vec()).ok(),
        Body::Paced(_) => None,
    };
    Expect { status: reply.status, body }
}

/// Two rows as one: counts add up, states are the later ones.
fn together(before: &Now, mut after: Now) -> Now {
    after.completed += before.completed;
    after.errors += before.errors;
    after
}
