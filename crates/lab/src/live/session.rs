//! The thread that owns all processes: commands in, frames out, four times a second.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use loadgen::clock::monotonic_ns;

use crate::cpus::{self, Split};
use crate::experiment::FaultKind;
use crate::ladder::{self, LADDER, Rung};
use crate::live::Surroundings;
use crate::live::course::{Course, Step};
use crate::live::frame::{self, Colors, Frame, Kept, Past, State};
use crate::live::http::{Command, Hub};
use crate::live::keep;
use crate::live::lane::{Lane, Look};
use crate::live::line::Line;
use crate::live::presets::Preset;
use crate::live::settings::{Most, Settings};
use crate::report;
use crate::results::Trial;
use crate::stop;

/// From one frame to the next.
const FRAME: Duration = Duration::from_millis(250);
/// A page that is reloaded is back within a second; one that stays away for so long has left.
const AWAY: Duration = Duration::from_secs(10);
/// Longer than anybody watches; a fault that holds until it is taken back.
const UNTIL_TAKEN_BACK_MS: u64 = 600_000;

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
            around,
        }
    }

    fn obey(&mut self, command: Command, hub: &Hub) {
        self.note = None;
        match command {
            Command::Set { settings } => {
                self.end_course();
                self.set(*settings, hub);
            }
            Command::Run { on } => {
                self.end_course();
                self.on = on;
                self.load();
            }
            Command::Reset => self.reset(hub),
            Command::Stall { for_ms } => self.each(|lane| lane.fault(FaultKind::Stall, for_ms, None)),
            Command::Restart { lane } => {
                self.starting(lane, hub);
                self.start(lane);
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
            let rate = self.settings.errors;
            self.each(|lane| lane.fault(FaultKind::Error, UNTIL_TAKEN_BACK_MS, Some(rate)));
        }
        self.load();
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

    fn start_both(&mut self) {
        (0..2).for_each(|place| self.start(place));
    }

    fn starting(&mut self, place: usize, hub: &Hub) {
        self.sides[place] = Side::default();
        self.publish(hub);
    }

    fn start(&mut self, place: usize) {
        let split = self.splits[place].as_ref();
        let started = Lane::start(place, &self.settings, split, &self.around.programs);
        self.sides[place] = match started {
            Ok(lane) => Side { lane: Some(lane), ..Side::default() },
            Err(error) => Side { reason: Some(format!("{error:#}")), collapsed: true, ..Side::default() },
        };
    }

    /// Tells both generators what the load is.
    fn load(&mut self) {
        let (settings, on, most) = (self.settings.clone(), self.on, self.most.clone());
        self.each(|lane| lane.load(&settings, on, &most));
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
        for side in self.sides.iter_mut().filter(|side| !side.collapsed) {
            let Some(lane) = &mut side.lane else { continue };
            match lane.look(&self.settings, self.on, self.begun_ns) {
                Ok(Look::Nothing) => {}
                Ok(Look::Seen(sample, line)) => {
                    let settled = self.on && sample.t_ms > 0;
                    side.ran_out = settled.then(|| line.ran_out(&sample, 1.0, lane.cores())).flatten();
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

    fn begin(&mut self, name: &str, guesses: [Option<f64>; 2], hub: &Hub) {
        let Some(preset) = Preset::named(name, &self.around.limits) else { return };
        self.trials.clear();
        let collapsed = self.sides.iter().any(|side| side.collapsed || side.lane.is_none());
        let fresh = collapsed && !preset.settings.need_fresh_processes(&self.settings);
        let mut course = Course::new(preset, guesses);
        self.on = true;
        self.set(course.preset.settings.clone(), hub);
        if fresh {
            self.start_afresh(hub);
            self.load();
        }
        course.begin_level();
        self.course = Some(course);
        self.stall_for_level();
    }

    /// A preset, one step on.
    fn go_on(&mut self, hub: &Hub) {
        let Some(mut course) = self.course.take() else { return };
        match course.step() {
            Step::Wait => {}
            Step::Mark => self.each(Lane::mark),
            Step::Measured => {
                self.measured(&mut course);
                let both_gone = self.sides.iter().all(|side| side.collapsed);
                if !both_gone && course.next() {
                    self.set(self.settings.at(course.level()), hub);
                    self.course = Some(course);
                    self.stall_for_level();
                    return;
                }
                course.end();
                self.on = false;
                self.load();
            }
        }
        self.course = Some(course);
    }

    fn measured(&mut self, course: &mut Course) {
        for (place, side) in self.sides.iter_mut().enumerate() {
            let Some(lane) = &mut side.lane else { continue };
            if side.collapsed {
                if course.add_collapse(place) {
                    self.trials.push(lane.wreck(self.begun_ns));
                }
                continue;
            }
            match lane.take(self.begun_ns) {
                Ok(Some(trial)) => {
                    let last = lane.collected.last().cloned().unwrap_or_default();
                    course.add(place, trial.throughput_rps, &last, &side.line, lane.cores());
                    self.trials.push(trial);
                }
                Ok(None) => {}
                Err(error) => self.note = Some(format!("{error:#}")),
            }
        }
    }

    fn stall_for_level(&mut self) {
        let stall_ms = self.course.as_ref().map_or(0, |course| course.preset.stall_ms);
        if stall_ms > 0 {
            self.each(|lane| lane.fault(FaultKind::Stall, stall_ms, None));
        }
    }

    fn end_course(&mut self) {
        if let Some(course) = self.course.as_mut().filter(|course| !course.is_over()) {
            course.end();
        }
    }

    /// What was just seen: the levels of the last preset, or the stretch since the last change.
    fn keep(&mut self) {
        let course = self.course.as_ref().filter(|_| !self.trials.is_empty());
        let (preset, settings) = match course {
            Some(course) => (Some(course.preset.name), course.preset.settings.clone()),
            None => (None, self.settings.clone()),
        };
        let mut trials = self.trials.clone();
        if course.is_none() {
            for side in &mut self.sides {
                let Some(lane) = &mut side.lane else { continue };
                let taken = if side.collapsed {
                    Ok(Some(lane.wreck(self.begun_ns)))
                } else {
                    lane.take(self.begun_ns)
                };
                trials.extend(taken.ok().flatten());
            }
        }
        if trials.is_empty() {
            self.note = Some("There is nothing to keep yet: start the load first.".into());
            return;
        }
        let count = trials.len();
        let nth = self.kept.as_ref().map_or(0, |kept| kept.nth) + 1;
        let dir = self.around.out.as_ref().map(|out| out.join(nth.to_string()));
        let split = self.splits[0].as_ref();
        let seen = keep::Seen { trials, preset, settings: &settings, split, dir };
        match keep::write(seen, &self.around.programs, &self.around.limits) {
            Ok(dir) => {
                self.kept = Some(Kept { nth, dir: dir.display().to_string(), trials: count });
            }
            Err(error) => self.note = Some(format!("It could not be kept: {error:#}")),
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

    fn publish(&self, hub: &Hub) {
        let lanes = [0, 1].map(|place| self.shown(place));
        let frame = Frame {
            t_ms: monotonic_ns().saturating_sub(self.begun_ns) / 1_000_000,
            on: self.on,
            note: self.note.as_deref(),
            settings: &self.settings,
            most: &self.most,
            colors: &self.colors,
            lanes,
            course: self.course.as_ref().map(Course::shown),
            kept: self.kept.as_ref(),
        };
        let past = Past {
            lanes: [0, 1]
                .map(|place| self.sides[place].lane.iter().flat_map(|lane| lane.collected.past()).collect()),
        };
        // Numbers and texts only: they always serialise.
        let text = |value: Result<String, serde_json::Error>| value.unwrap_or_else(|_| "null".into());
        hub.publish(text(serde_json::to_string(&frame)), text(serde_json::to_string(&past)));
    }

    fn shown(&self, place: usize) -> frame::Lane<'_> {
        let side = &self.sides[place];
        let name = &self.settings.rungs[place];
        let rung = ladder::rung(name).ok();
        let lane = side.lane.as_ref();
        let state = match (side.collapsed, lane) {
            (true, _) => State::Collapsed,
            (false, Some(_)) => State::Up,
            (false, None) => State::Starting,
        };
        frame::Lane {
            rung: name,
            color: report::color_of(name, rung.map(|rung| rung.kind)),
            waits: rung.map_or("", |rung: &'static Rung| rung.waits),
            state,
            reason: side.reason.as_deref(),
            now: lane.and_then(|lane| lane.collected.last()).cloned(),
            line: lane.map(|_| side.line.clone()),
            ran_out: side.ran_out.clone(),
            threads: lane.filter(|_| !side.collapsed).map(Lane::threads),
            stalled_ms: lane.map_or(0, Lane::stalled_ms),
            cores: lane.map_or(0.0, Lane::cores),
        }
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
