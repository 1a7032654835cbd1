//! Between the page and the session: commands one way, frames the other. Next: `http.rs`, which brings both over the
//! wire, and `session.rs`, which obeys the one and makes the other.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix_web::web::Bytes;
use serde::Deserialize;

use crate::limits::Limits;
use crate::live::presets::Preset;
use crate::live::settings::Settings;

/// What a page may ask for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Command {
    /// All settings, at once.
    Set { settings: Box<Settings> },
    /// Load, or none.
    Run { on: bool },
    /// Everything as it was at first, in fresh processes.
    Reset,
    /// The services behind stop for a while.
    Stall { for_ms: u64 },
    /// A lane that does not run any more, again.
    Restart { lane: usize },
    /// An experiment of the catalogue, with where each lane will break.
    Preset { name: String, guesses: [Option<f64>; 2] },
    /// Ends it.
    Stop,
    /// Writes a report of what was just seen.
    Keep,
}

/// What both sides share.
pub(super) struct Hub {
    port: u16,
    pub(super) limits: Limits,
    waiting: Mutex<VecDeque<Command>>,
    come: Condvar,
    latest: Mutex<Latest>,
    past: Mutex<Bytes>,
    /// Those whose limits pages know; none before the first frame.
    rungs: Mutex<Option<[String; 2]>>,
    /// Number of the last frame that a page has fetched.
    fetched: AtomicU64,
    pages: AtomicUsize,
    kept: Mutex<Option<PathBuf>>,
}

/// The last frame, and how many there were.
#[derive(Clone, Default)]
pub(super) struct Latest {
    pub(super) number: u64,
    pub(super) frame: Bytes,
}

/// Commands that wait while a server starts. Nobody presses so many buttons.
const MOST_WAITING: usize = 32;
/// Pages that watch at the same time. A browser has six connections to a host, for all its pages together, and a stream
/// holds one as long as its page is open: with a sixth page no command would get through any more.
pub(super) const MOST_PAGES: usize = 5;
const MOST_STALL_MS: u64 = 30_000;

impl Hub {
    pub(super) fn new(port: u16, limits: Limits) -> Self {
        Self {
            port,
            limits,
            waiting: Mutex::default(),
            come: Condvar::new(),
            latest: Mutex::default(),
            past: Mutex::default(),
            rungs: Mutex::default(),
            fetched: AtomicU64::new(0),
            pages: AtomicUsize::new(0),
            kept: Mutex::default(),
        }
    }

    /// Hands a command to the session; false when too many wait already.
    pub(super) fn ask(&self, command: Command) -> bool {
        // Somebody is there.
        self.has_fetched(lock(&self.latest).number);
        let mut waiting = lock(&self.waiting);
        // Settings are sent whole, so of several in a row the last one says all.
        if matches!((waiting.back(), &command), (Some(Command::Set { .. }), Command::Set { .. })) {
            waiting.pop_back();
        }
        if waiting.len() == MOST_WAITING {
            return false;
        }
        waiting.push_back(command);
        self.come.notify_one();
        true
    }

    /// The next command, if there is one by then.
    pub(super) fn next_by(&self, due: Instant) -> Option<Command> {
        let waiting = lock(&self.waiting);
        let left = due.saturating_duration_since(Instant::now());
        let waited = self.come.wait_timeout_while(waiting, left, |waiting| waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }

    /// Everybody who watches sees this next.
    pub(super) fn publish(&self, frame: String) {
        let mut latest = lock(&self.latest);
        *latest = Latest { number: latest.number + 1, frame: frame.into() };
    }

    /// The last frame, for a page that has seen those up to a number, if there is a newer one. It counts as fetched.
    pub(super) fn newer_than(&self, seen: u64) -> Option<Latest> {
        let latest = lock(&self.latest).clone();
        if latest.number <= seen {
            return None;
        }
        self.has_fetched(latest.number);
        Some(latest)
    }

    /// Frames in a row that nobody has fetched: pages are gone. One that a browser has frozen goes on fetching until the
    /// buffers of its connection are full, which may take minutes. Counted in frames and not in time, since there is
    /// none while a server starts.
    pub(super) fn unseen(&self) -> u64 {
        lock(&self.latest).number.saturating_sub(self.fetched.load(Ordering::Relaxed))
    }

    fn has_fetched(&self, number: u64) {
        self.fetched.fetch_max(number, Ordering::Relaxed);
    }

    /// Which rungs the frames are of, from here on.
    pub(super) fn shows(&self, rungs: &[String; 2]) {
        *lock(&self.rungs) = Some(rungs.clone());
    }

    /// A page that comes sees this first.
    pub(super) fn remember(&self, past: String) {
        *lock(&self.past) = past.into();
    }

    pub(super) fn past(&self) -> Bytes {
        lock(&self.past).clone()
    }

    /// Where something was kept.
    pub(super) fn keep(&self, dir: PathBuf) {
        *lock(&self.kept) = Some(dir);
    }

    /// Where something was kept last.
    pub(super) fn kept(&self) -> Option<PathBuf> {
        lock(&self.kept).clone()
    }

    /// Whether this is how this page is called.
    pub(super) fn is_own(&self, host: &str) -> bool {
        let default_port = self.port == 80;
        let name = host.strip_suffix(&format!(":{}", self.port)).or_else(|| default_port.then_some(host));
        name.is_some_and(|name| ["127.0.0.1", "localhost"].contains(&name))
    }

    /// What is wrong with a command, if anything is.
    pub(super) fn check(&self, command: &Command) -> Result<(), String> {
        match command {
            Command::Set { settings } => self.check_settings(settings),
            Command::Stall { for_ms } if !(1..=MOST_STALL_MS).contains(for_ms) => {
                Err(format!("for_ms is {for_ms}; it must be 1 to {MOST_STALL_MS}"))
            }
            Command::Restart { lane } if *lane > 1 => {
                Err(format!("there is no lane {lane}; they are 0 and 1"))
            }
            Command::Preset { name, guesses } => {
                if Preset::named(name, &self.limits).is_none() {
                    return Err(format!("there is no preset \"{name:.40}\""));
                }
                let sane = |guess: &f64| (0.0..=1e6).contains(guess);
                if guesses.iter().flatten().all(sane) {
                    Ok(())
                } else {
                    Err("a guess is 0 to 1000000".into())
                }
            }
            _ => Ok(()),
        }
    }

    /// Whoever chooses other rungs cannot know what these allow: there the session lowers what was set before.
    fn check_settings(&self, settings: &Settings) -> Result<(), String> {
        if lock(&self.rungs).as_ref() == Some(&settings.rungs) {
            return settings.check(&self.limits);
        }
        settings.clone().cut(&self.limits).0.check(&self.limits)
    }
}

/// A page that watches, counted as long as its stream lives.
pub(super) struct Watching(pub(super) Arc<Hub>);

impl Watching {
    /// None where there are too many already.
    pub(super) fn one_more(hub: Arc<Hub>) -> Option<Self> {
        let before = hub.pages.fetch_add(1, Ordering::Relaxed);
        let watching = Self(hub);
        // Dropped where there are too many, which takes the count back.
        (before < MOST_PAGES).then_some(watching)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.pages.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Each change is complete before anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ladder;

    fn hub() -> Hub {
        Hub::new(8010, Limits::default())
    }

    fn set(clients: u32) -> Command {
        let rungs = ["pool", "event-loop"].map(|name| ladder::rung(name).unwrap());
        Command::Set { settings: Box::new(Settings { clients, ..Settings::first(rungs) }) }
    }

    #[test]
    fn of_settings_that_wait_the_last_ones_count_and_nobody_makes_others_wait_for_long() {
        let hub = hub();
        assert!(
            [set(1), set(2), Command::Run { on: true }, set(3), set(4)].into_iter().all(|one| hub.ask(one))
        );
        let next = || hub.next_by(Instant::now());
        assert_eq!(
            [next(), next(), next(), next()],
            [Some(set(2)), Some(Command::Run { on: true }), Some(set(4)), None]
        );
        assert!((0..MOST_WAITING).all(|_| hub.ask(Command::Keep)) && !hub.ask(Command::Keep));
    }

    #[test]
    fn a_command_wakes_whoever_waits_for_one() {
        let hub = hub();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| hub.next_by(Instant::now() + Duration::from_secs(600)));
            hub.ask(Command::Reset);
            assert_eq!(waits.join().unwrap(), Some(Command::Reset));
        });
    }

    #[test]
    fn frames_that_nobody_fetches_are_counted() {
        let hub = hub();
        (0..5).for_each(|_| hub.publish("{}".into()));
        assert_eq!(hub.unseen(), 5);
        assert_eq!(hub.newer_than(2).map(|latest| latest.number), Some(5));
        assert!(hub.unseen() == 0 && hub.newer_than(5).is_none());
        hub.publish("{}".into());
        hub.ask(Command::Keep);
        assert_eq!(hub.unseen(), 0, "who commands is there");
    }

    #[test]
    fn too_many_clients_are_refused_unless_they_were_set_for_other_rungs() {
        let limits = Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() };
        let hub = Hub::new(8010, limits);
        let bare = ["bare-thread-per-connection", "thread-per-request"];
        let rungs = bare.map(|name| ladder::rung(name).unwrap());
        let chosen = |clients| {
            let settings = Settings { clients, ..Settings::first(rungs) };
            hub.check(&Command::Set { settings: Box::new(settings) })
        };
        hub.shows(&["pool", "event-loop"].map(String::from));
        assert_eq!(chosen(5_000), Ok(()));
        assert!(chosen(0).is_err(), "there never were any rungs for that");
        hub.shows(&bare.map(String::from));
        assert!(chosen(5_000).unwrap_err().ends_with("lower clients"));
        assert_eq!(chosen(2_000), Ok(()));
    }

    #[test]
    fn a_browser_has_a_connection_left_for_commands() {
        const OF_A_BROWSER: usize = 6;
        let hub = Arc::new(hub());
        let one_more = || Watching::one_more(Arc::clone(&hub));
        let mut pages: Vec<_> = std::iter::from_fn(one_more).take(100).collect();
        assert_eq!(pages.len(), OF_A_BROWSER - 1);
        drop(pages.pop());
        assert!(one_more().is_some(), "whoever leaves makes room");
    }

    #[test]
    fn only_its_own_names_are_its_own() {
        let (usual, standard) = (hub(), Hub::new(80, Limits::default()));
        assert!(
            usual.is_own("127.0.0.1:8010") && usual.is_own("localhost:8010") && standard.is_own("localhost")
        );
        for foreign in ["127.0.0.1", "127.0.0.1:8011", "example.org:8010", "localhost:8010:8010", ":8010", ""]
        {
            assert!(!usual.is_own(foreign), "{foreign}");
        }
    }
}
