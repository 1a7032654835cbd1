//! The thread that owns all processes: commands in, frames out, four times a second.
//!
//! Next: `session/watched.rs`, presets and what is kept of what was seen; `session/shown.rs`, what the page gets to see.

mod shown;
mod watched;

use std::time::{Duration, Instant};

use loadgen::clock::monotonic_ns;

use crate::cpus::{self, Split};
use crate::ladder::LADDER;
use crate::live::Surroundings;
use crate::live::course::Course;
use crate::live::frame::{Colors, Kept};
use crate::live::hub::{Command, Hub};
use crate::live::keep;
use crate::live::lane::{ERRORS_FOR, Lane, Look};
use crate::live::most::Most;
use crate::live::settings::Settings;
use crate::report;
use crate::stop;

/// From one frame to the next.
const FRAME: Duration = Duration::from_millis(250);
const FRAMES_PER_SECOND: u64 = 4;
/// A page that is reloaded is back within a second; one that fetches nothing for ten has left.
const AWAY_FRAMES: u64 = 10 * FRAMES_PER_SECOND;
/// Rates are of the last second.
const SECOND: Duration = Duration::from_secs(1);

/// Runs until somebody asks the lab to stop.
///
/// # Errors
/// When the first servers cannot be started: a page would have nothing to show.
pub(super) fn run(around: Surroundings, hub: &Hub) -> anyhow::Result<()> {
    let mut session = Session::new(around);
    session.publish(hub);
    session.start_both();
    if session.sides.iter().all(|side| side.lane.is_none()) {
        let reasons: Vec<_> =
            session.sides.iter().filter_map(|side| Some(&*side.down.as_ref()?.why)).collect();
        anyhow::bail!("no server could be started: {}", reasons.join("; "));
    }
    let mut due = Instant::now();
    while !stop::requested() {
        due += FRAME;
        // Commands take effect at once; the frame after them shows it.
        while let Some(command) = hub.next_by(due) {
            session.obey(command, hub);
            if Instant::now() >= due {
                break;
            }
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
    /// What was seen last and can still be kept: levels of a course, or of a load that is over what it did.
    seen: Option<keep::Seen>,
    kept: Option<Kept>,
    /// When the load was set last.
    changed: Instant,
    /// Whether what is seen since then is worth keeping: all clients are there.
    marked: bool,
    /// When the services were told last to fail.
    errors_ordered: Instant,
    /// Published so far.
    frames: u64,
}

/// A lane, as far as it is there.
#[derive(Default)]
struct Side {
    lane: Option<Lane>,
    /// Why it does not run, or no more.
    down: Option<Down>,
}

struct Down {
    why: String,
    /// What ran out, where the server itself has ended or gone deaf, so that this is a result. Otherwise something
    /// around it has failed.
    collapsed: Option<String>,
}

impl Down {
    fn failed(error: &anyhow::Error) -> Self {
        Self { why: format!("{error:#}"), collapsed: None }
    }
}

impl Side {
    fn of(started: anyhow::Result<Lane>) -> Self {
        match started {
            Ok(lane) => Self { lane: Some(lane), down: None },
            Err(error) => Self { lane: None, down: Some(Down::failed(&error)) },
        }
    }

    /// What ran out.
    fn collapsed(&self) -> Option<&str> {
        self.down.as_ref()?.collapsed.as_deref()
    }

    /// The lane, while it runs.
    fn up(&mut self) -> Option<&mut Lane> {
        self.lane.as_mut().filter(|_| self.down.is_none())
    }
}

impl Session {
    fn new(around: Surroundings) -> Self {
        let most = Most::of(around.rungs, &around.limits);
        Self {
            splits: splits(),
            begun_ns: monotonic_ns(),
            settings: Settings::first(around.rungs).within(&most),
            most,
            colors: Colors(
                LADDER.iter().map(|rung| (rung.name, report::color_of(rung.name, Some(rung.kind)))).collect(),
            ),
            on: false,
            note: None,
            sides: Default::default(),
            course: None,
            seen: None,
            kept: None,
            changed: Instant::now(),
            marked: false,
            errors_ordered: Instant::now(),
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
                self.seen = None;
                let (settings, lowered) = settings.cut(&self.around.limits);
                self.note = lowered;
                self.set(settings, hub);
            }
            Command::Run { on: true } => {
                self.end_course();
                (self.seen, self.on) = (None, true);
                self.load();
            }
            Command::Run { on: false } | Command::Stop => self.pause(),
            Command::Reset => self.reset(hub),
            Command::Stall { for_ms } => self.each(|lane| lane.stall(for_ms)),
            Command::Restart { lane } => {
                self.start_again(lane, hub);
                if self.settings.errors > 0.0 {
                    self.order_errors();
                }
                self.load();
                // Both lanes were marked anew, so a level that was on its way has to be held anew.
                if let Some(course) = self.course.as_mut().filter(|course| !course.is_over()) {
                    course.begin_level();
                }
            }
            Command::Preset { name, guesses } => self.begin(&name, guesses, hub),
            Command::Keep => self.keep(hub),
        }
    }

    /// No load any more. What it did can still be kept.
    fn pause(&mut self) {
        if self.course.as_ref().is_none_or(Course::is_over) && self.on {
            self.seen = self.stretch();
        }
        self.end_course();
        self.on = false;
        self.load();
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
        (self.course, self.seen, self.on) = (None, None, false);
        let most = Most::of(self.around.rungs, &self.around.limits);
        self.settings = Settings::first(self.around.rungs).within(&most);
        self.start_afresh(hub);
        self.load();
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
        let (settings, most, splits, programs) =
            (&self.settings, &self.most, &self.splits, &self.around.programs);
        let started = std::thread::scope(|scope| {
            let start = |place: usize| {
                scope.spawn(move || Lane::start(place, settings, most, splits[place].as_ref(), programs))
            };
            let running = [0, 1].map(start);
            running.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.sides = started.map(Side::of);
    }

    fn start_again(&mut self, place: usize, hub: &Hub) {
        self.sides[place] = Side::default();
        self.publish(hub);
        let (split, programs) = (self.splits[place].as_ref(), &self.around.programs);
        self.sides[place] = Side::of(Lane::start(place, &self.settings, &self.most, split, programs));
    }

    /// Tells both generators what the load is.
    fn load(&mut self) {
        let (settings, most, on) = (self.settings.clone(), self.most.clone(), self.on);
        self.each(|lane| lane.load(&settings, &most, on));
        (self.changed, self.marked) = (Instant::now(), false);
    }

    /// Does the same to each lane that is up. What fails is said; if it is worse, the next look finds it.
    fn each(&mut self, mut work: impl FnMut(&mut Lane) -> anyhow::Result<()>) {
        for side in &mut self.sides {
            if let Some(Err(error)) = side.up().map(&mut work) {
                self.note = Some(format!("{error:#}"));
            }
        }
    }

    /// What generators and servers say now.
    fn look(&mut self) {
        if self.settings.errors > 0.0 && self.errors_ordered.elapsed() > ERRORS_FOR / 2 {
            self.order_errors();
        }
        let (on, begun_ns) = (self.on, self.begun_ns);
        for side in &mut self.sides {
            let Some(lane) = side.up() else { continue };
            match lane.look(on, begun_ns) {
                Ok(Look::Nothing | Look::Seen) => {}
                Ok(Look::Collapsed { why, brief }) => {
                    lane.rest();
                    side.down = Some(Down { why, collapsed: Some(brief) });
                }
                // What is left of it would go on without anybody to stop it, and nothing can be said of its server.
                Err(error) => *side = Side { lane: None, down: Some(Down::failed(&error)) },
            }
        }
        let in_course = self.course.as_ref().is_some_and(|course| !course.is_over());
        if on && !in_course && !self.marked && self.changed.elapsed() >= self.settings.settles_in() {
            self.each(Lane::mark);
            self.marked = true;
        }
    }

    /// Whether what is seen now is of the load as it is set.
    fn has_settled(&self) -> bool {
        self.on && self.changed.elapsed() >= self.settings.settles_in() + SECOND
    }

    /// Nobody there? Then the load ends, after a while.
    fn mind_the_page(&mut self, hub: &Hub) {
        if self.on && hub.unseen() >= AWAY_FRAMES {
            self.pause();
            self.note = Some("The load was stopped: no page had been watching for 10 s.".into());
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
