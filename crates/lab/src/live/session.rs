//! The thread that owns all processes: commands in, frames out, four times a second.
//!
//! Next: `session/watched.rs`, presets and what is kept of them; `session/shown.rs`, what the page gets to see.

mod shown;
mod watched;

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use loadgen::clock::monotonic_ns;

use crate::check::{self, CpuTime};
use crate::cpus::{self, Split};
use crate::ladder::LADDER;
use crate::live::Surroundings;
use crate::live::course::Course;
use crate::live::frame::{Colors, Kept};
use crate::live::http::{Command, Hub};
use crate::live::lane::{ERRORS_FOR, Lane, Look};
use crate::live::line::Line;
use crate::live::settings::{Most, Settings};
use crate::report;
use crate::results::Trial;
use crate::stop;

/// From one frame to the next.
const FRAME: Duration = Duration::from_millis(250);
const FRAMES_PER_SECOND: u64 = 4;
/// A page that is reloaded is back within a second; one that stays away for so long has left.
const AWAY: Duration = Duration::from_secs(10);
/// After a change, new clients come within a second, and rates are of the second after that.
const SETTLED: Duration = Duration::from_millis(2_500);

/// Runs until somebody asks the lab to stop.
///
/// # Errors
/// When the first servers cannot be started: a page would have nothing to show.
pub(super) fn run(around: Surroundings, hub: &Hub, commands: &Receiver<Command>) -> anyhow::Result<()> {
    let mut session = Session::new(around);
    session.publish(hub);
    session.start_both();
    if session.sides.iter().all(|side| side.lane.is_none()) {
        let reasons: Vec<_> = session.sides.iter().filter_map(|side| side.reason.clone()).collect();
        anyhow::bail!("no server could be started: {}", reasons.join("; "));
    }
    let mut due = Instant::now();
    while !stop::requested() {
        due += FRAME;
        // Commands take effect at once; the frame after them shows it.
        while let Ok(command) = commands.recv_timeout(due.saturating_duration_since(Instant::now())) {
            session.obey(command, hub);
        }
        session.look();
        session.go_on(hub);
        session.mind_the_page(hub);
        session.publish(hub);
        due = due.max(Instant::now().checked_sub(FRAME).unwrap_or(due));
    }
    Ok(())
}

/// Two servers, what is asked of them, and what became of it.
struct Session {
    around: Surroundings,
    splits: [Option<Split>; 2],
    begun_ns: u64,
    settings: Settings,
    most: Most,
    colors: Colors,
    on: bool,
    note: Option<String>,
    sides: [Side; 2],
    course: Option<Course>,
    /// Levels of the last course, each with a trial of both lanes.
    trials: Vec<Trial>,
    kept: Option<Kept>,
    /// When the last page left.
    alone_since: Option<Instant>,
    /// When the load was set last.
    changed: Instant,
    /// When the services were told last to fail.
    errors_ordered: Instant,
    busy: Busy,
    machine_busy: Option<f64>,
    /// Published so far.
    frames: u64,
}

/// A lane, as far as it is there.
#[derive(Default)]
struct Side {
    lane: Option<Lane>,
    /// Why it is not, or no more.
    reason: Option<String>,
    collapsed: bool,
    line: Line,
    ran_out: Option<String>,
}

impl Side {
    fn of(started: anyhow::Result<Lane>) -> Self {
        match started {
            Ok(lane) => Self { lane: Some(lane), ..Self::default() },
            Err(error) => Self { reason: Some(format!("{error:#}")), collapsed: true, ..Self::default() },
        }
    }
}

impl Session {
    fn new(around: Surroundings) -> Self {
        let settings = Settings::first(around.rungs);
        let most = Most::of(around.rungs, &around.limits);
        let settings = Settings { clients: settings.clients.min(most.clients), ..settings };
        Self {
            splits: splits(),
            begun_ns: monotonic_ns(),
            settings,
            most,
            colors: Colors(
                LADDER.iter().map(|rung| (rung.name, report::color_of(rung.name, Some(rung.kind)))).collect(),
            ),
            on: false,
            note: None,
            sides: Default::default(),
            course: None,
            trials: Vec::new(),
            kept: None,
            alone_since: None,
            changed: Instant::now(),
            errors_ordered: Instant::now(),
            busy: Busy::default(),
            machine_busy: None,
            frames: 0,
            around,
        }
    }

    fn obey(&mut self, command: Command, hub: &Hub) {
        self.note = None;
        match command {
            Command::Set { settings } => {
                self.end_course();
                // What is seen from here on is something else.
                self.trials.clear();
                self.set(*settings, hub);
            }
            Command::Run { on } => {
                self.end_course();
                if on {
                    self.trials.clear();
                }
                self.on = on;
                self.load();
            }
            Command::Reset => self.reset(hub),
            Command::Stall { for_ms } => self.each(|lane| lane.stall(for_ms)),
            Command::Restart { lane } => {
                self.start_again(lane, hub);
                if self.settings.errors > 0.0 {
                    self.order_errors();
                }
                self.load();
            }
            Command::Preset { name, guesses } => self.begin(&name, guesses, hub),
            Command::Stop => {
                self.end_course();
                self.on = false;
                self.load();
            }
            Command::Keep => self.keep(),
        }
    }

    /// Brings everything to these settings, in fresh processes where it takes them.
    fn set(&mut self, settings: Settings, hub: &Hub) {
        let fresh = settings.need_fresh_processes(&self.settings);
        let errors = (settings.errors - self.settings.errors).abs() > f64::EPSILON;
        self.settings = settings;
        if fresh {
            self.start_afresh(hub);
        }
        if errors || fresh && self.settings.errors > 0.0 {
            self.order_errors();
        }
        self.load();
    }

    fn order_errors(&mut self) {
        let share = self.settings.errors;
        self.each(|lane| lane.errors(share));
        self.errors_ordered = Instant::now();
    }

    fn reset(&mut self, hub: &Hub) {
        (self.course, self.on) = (None, false);
        self.trials.clear();
        self.settings = Settings::first(self.around.rungs);
        self.settings.clients =
            self.settings.clients.min(Most::of(self.around.rungs, &self.around.limits).clients);
        self.start_afresh(hub);
    }

    fn start_afresh(&mut self, hub: &Hub) {
        if let Ok(rungs) = self.settings.ladder() {
            self.most = Most::of(rungs, &self.around.limits);
        }
        self.sides = Default::default();
        self.publish(hub);
        self.start_both();
    }

    /// Both at the same time: each is asked once before its load, which takes as long as an answer does.
    fn start_both(&mut self) {
        let (settings, splits, programs) = (&self.settings, &self.splits, &self.around.programs);
        let started = std::thread::scope(|scope| {
            let start = |place: usize| {
                scope.spawn(move || Lane::start(place, settings, splits[place].as_ref(), programs))
            };
            let running = [0, 1].map(start);
            running.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.sides = started.map(Side::of);
    }

    fn start_again(&mut self, place: usize, hub: &Hub) {
        self.sides[place] = Side::default();
        self.publish(hub);
        let split = self.splits[place].as_ref();
        self.sides[place] = Side::of(Lane::start(place, &self.settings, split, &self.around.programs));
    }

    /// Tells both generators what the load is.
    fn load(&mut self) {
        let (settings, on, most) = (self.settings.clone(), self.on, self.most.clone());
        self.each(|lane| lane.load(&settings, on, &most));
        self.changed = Instant::now();
    }

    /// Does the same to each lane that is up. One that fails is shown with its reason.
    fn each(&mut self, mut work: impl FnMut(&mut Lane) -> anyhow::Result<()>) {
        for side in self.sides.iter_mut().filter(|side| !side.collapsed) {
            if let Some(Err(error)) = side.lane.as_mut().map(&mut work) {
                self.note = Some(format!("{error:#}"));
            }
        }
    }

    /// What generators and servers say now.
    fn look(&mut self) {
        self.machine_busy = self.busy.share();
        if self.settings.errors > 0.0 && self.errors_ordered.elapsed() > ERRORS_FOR / 2 {
            self.order_errors();
        }
        let settled = self.on && self.changed.elapsed() > SETTLED;
        for side in self.sides.iter_mut().filter(|side| !side.collapsed) {
            let Some(lane) = &mut side.lane else { continue };
            match lane.look(&self.settings, self.on, self.begun_ns) {
                Ok(Look::Nothing) => {}
                Ok(Look::Seen(sample, line)) => {
                    let around = lane.around(1.0, self.machine_busy);
                    side.ran_out = settled.then(|| line.ran_out(&sample, around)).flatten();
                    side.line = line;
                }
                Ok(Look::Collapsed(reason)) => {
                    // A dead server needs no load; what is left of it stays to be looked at.
                    _ = lane.load(&self.settings, false, &self.most);
                    (side.collapsed, side.reason, side.ran_out) = (true, Some(reason), None);
                }
                Err(error) => {
                    (side.collapsed, side.reason) = (true, Some(format!("{error:#}")));
                }
            }
        }
    }

    /// Nobody there? Then the load ends, after a while.
    fn mind_the_page(&mut self, hub: &Hub) {
        if hub.watching() > 0 {
            self.alone_since = None;
            return;
        }
        let since = *self.alone_since.get_or_insert_with(Instant::now);
        if self.on && since.elapsed() >= AWAY {
            self.end_course();
            self.on = false;
            self.load();
            self.note = Some("The load was stopped: no page had been watching for 10 s.".into());
        }
    }
}

/// How busy the whole machine was over the last second.
#[derive(Default)]
struct Busy(VecDeque<CpuTime>);

impl Busy {
    fn share(&mut self) -> Option<f64> {
        self.0.push_back(check::cpu_time()?);
        if self.0.len() as u64 > FRAMES_PER_SECOND + 1 {
            self.0.pop_front();
        }
        check::shares(self.0.front().copied(), self.0.back().copied()).map(|(busy, _)| busy)
    }
}

/// A core for each server where there are two; what is left is for everything else, or all of them where nothing is.
fn splits() -> [Option<Split>; 2] {
    let Some(cores) = cpus::cores().filter(|cores| cores.len() >= 2) else { return [None, None] };
    let (rest, servers) = cores.split_at(cores.len() - 2);
    let client = if rest.is_empty() { cores.concat() } else { rest.concat() };
    let split = |core: &Vec<u32>| {
        let server = core.first().copied().into_iter().collect();
        Some(Split { server, client: client.clone(), shares_a_core: rest.is_empty() })
    };
    [split(&servers[0]), split(&servers[1])]
}
