//! Experiments of the catalogue, to be watched: each is a setting and a course of levels, shown in a minute or less.
//!
//! Titles are the catalogue's; questions are of what is shown here, with its figures. What the live page cannot show is
//! not here: streams (`subscribers`), other people's servers (`targets`).

use serde::Serialize;

use crate::experiment::Experiment;
use crate::ladder::{self, Rung};
use crate::limits::Limits;
use crate::live::most::Most;
use crate::live::settings::{Ask, Delay, Settings};
use crate::results::Mode;

/// An experiment to be watched.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Preset {
    /// Its name in the catalogue.
    pub(super) name: &'static str,
    /// What is asked here. The catalogue asks of longer runs, and sometimes of another load.
    pub(super) question: &'static str,
    /// What to look at, in a line.
    pub(super) watch: &'static str,
    pub(super) settings: Settings,
    /// Clients, or requests per second, one after the other.
    pub(super) levels: Vec<f64>,
    /// When measuring begins at a level, the services behind stop for so long.
    pub(super) stall_ms: u64,
    /// What else than falling behind counts as broken: answers later than this.
    pub(super) limit: Limit,
}

/// When answers are too late.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// They may be as late as they are.
    None,
    /// The median in a level's last second: who has not got over it by then?
    P50(f64),
    /// The 99th percentile over the level: who was hit?
    P99(f64),
}

/// What the page shows of it before it runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Offer {
    name: &'static str,
    title: String,
    question: &'static str,
    watch: &'static str,
    /// What `levels` are.
    unit: &'static str,
    rungs: [String; 2],
    levels: Vec<f64>,
    /// What is asked at each level, where it is known beforehand, in requests per second.
    asked_rps: Vec<Option<f64>>,
    /// What counts as broken, in words.
    broken: String,
    /// Its settings, so that the page can show what would be set.
    settings: Settings,
}

impl Preset {
    /// All that there are, with levels within what this machine allows.
    pub(super) fn all(limits: &Limits) -> Vec<Self> {
        let all = [
            lecture(),
            scale(),
            ladder_pair(),
            bridges(),
            connections(),
            a_a(),
            pool(),
            tie(),
            downstream(),
            overload(),
            cpu_hog(),
            spike(),
            stall(),
            crossover(),
            slow_clients(),
            exhaustion(),
        ];
        all.into_iter().map(|preset| preset.within(limits)).collect()
    }

    /// The one of this name.
    pub(super) fn named(name: &str, limits: &Limits) -> Option<Self> {
        Self::all(limits).into_iter().find(|preset| preset.name == name)
    }

    /// The catalogue's, up to its colon: what follows there is true of the experiment, and not of what is shown here.
    pub(super) fn title(&self) -> String {
        let whole = Experiment::find(self.name).map_or_else(|_| self.name.to_owned(), |found| found.title);
        whole.split(':').next().unwrap_or_default().replace('`', "")
    }

    pub(super) fn offer(&self) -> Offer {
        Offer {
            name: self.name,
            title: self.title(),
            question: self.question,
            watch: self.watch,
            unit: self.unit(),
            rungs: self.settings.rungs.clone(),
            levels: self.levels.clone(),
            asked_rps: self.levels.iter().map(|level| asked_rps(&self.settings.at(*level))).collect(),
            broken: self.broken(),
            settings: self.settings.clone(),
        }
    }

    pub(super) fn unit(&self) -> &'static str {
        if self.settings.mode == Mode::Open { "requests/s" } else { "clients" }
    }

    /// What counts as broken, in words.
    fn broken(&self) -> String {
        let behind = match (self.settings.mode, self.settings.waits()) {
            (Mode::Open, _) => "it answers less than 95 % of what is asked".to_owned(),
            (_, true) => "it falls below 95 % of clients ÷ wait".to_owned(),
            (_, false) => "more clients bring less than 5 % more".to_owned(),
        };
        match self.limit {
            Limit::None => behind,
            Limit::P50(ms) => {
                format!(
                    "{behind}, or in a level's last second half of the answers take longer than {ms:.0} ms"
                )
            }
            Limit::P99(ms) => format!("{behind}, or one answer in a hundred takes longer than {ms:.0} ms"),
        }
    }

    fn within(mut self, limits: &Limits) -> Self {
        let Ok(rungs) = self.settings.ladder() else { return self };
        let most = Most::of(rungs, limits);
        if self.settings.mode == Mode::Closed {
            self.levels.retain(|level| *level <= f64::from(most.clients));
            if self.levels.is_empty() {
                self.levels.push(most.clients.into());
            }
        }
        self.settings = self.settings.at(self.levels[0]).within(&most);
        self
    }
}

/// Clients ÷ wait, or the rate; the same for both lanes.
fn asked_rps(settings: &Settings) -> Option<f64> {
    match settings.mode {
        Mode::Open => Some(settings.rate_rps),
        _ => settings.nominal_wait_ms().map(|ms| f64::from(settings.clients) * 1_000.0 / ms),
    }
}

/// A setting that others are made from.
fn between(one: &str, other: &str) -> Settings {
    let rung = |name: &str| ladder::rung(name).unwrap_or(&ladder::LADDER[0]);
    let rungs: [&'static Rung; 2] = [rung(one), rung(other)];
    Settings::first(rungs)
}

fn preset(
    name: &'static str,
    settings: Settings,
    levels: &[f64],
    question: &'static str,
    watch: &'static str,
) -> Preset {
    Preset { name, question, watch, settings, levels: levels.to_vec(), stall_ms: 0, limit: Limit::None }
}

fn open(settings: Settings) -> Settings {
    Settings { mode: Mode::Open, ..settings }
}

fn lecture() -> Preset {
    let settings =
        Settings { ask: Ask::Sun, delay: Delay::Lecture, pool: 4, ..between("pool", "event-loop") };
    preset(
        "lecture",
        settings,
        &[1.0, 2.0, 4.0, 8.0, 16.0, 20.0],
        "Up to twenty people ask for the sun at once, and each answer needs about a second of waiting for other services. Who keeps up?",
        "Four threads, four requests at a time: from the fifth client on the pool gives no more, however idle it is.",
    )
}

fn scale() -> Preset {
    preset(
        "scale",
        between("thread-per-request", "event-loop"),
        &[16.0, 64.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_000.0],
        "Every request waits 100 ms. How many clients can each server have waiting at once before it falls behind?",
        "The two clouds of cells: thousands of parked threads on one side, one thread on the other, for the same requests.",
    )
}

fn ladder_pair() -> Preset {
    preset(
        "ladder",
        between("bare-thread-per-connection", "bare-task-per-connection"),
        &[16.0, 256.0, 1_024.0, 2_048.0, 4_000.0],
        "Every request waits 100 ms, on threads and on tasks without a framework around them. How many clients can each have?",
        "The same code with threads and with tasks, no framework: how much of the difference is left?",
    )
}

fn bridges() -> Preset {
    preset(
        "bridges",
        Settings { pool: 512, ..between("blocked-loop", "offload") },
        &[1.0, 2.0, 4.0, 16.0, 64.0, 256.0],
        "Blocking views on an event loop: called in the loop itself, or handed to a pool of threads. How many clients can each serve at once?",
        "One blocking call in the loop, and everybody waits in line: ten requests a second, whoever comes.",
    )
}

fn connections() -> Preset {
    let settings =
        Settings { ask: Ask::Hello, keep_alive: false, ..between("thread-per-request", "event-loop") };
    preset(
        "connections",
        settings,
        &[1.0, 2.0, 4.0, 16.0, 64.0],
        "Nothing waits, and each request comes over a connection of its own. How many can each server answer?",
        "Every request opens a connection of its own: CPU that no answer comes from.",
    )
}

fn a_a() -> Preset {
    preset(
        "a-a",
        between("event-loop", "event-loop"),
        &[16.0, 256.0, 1_024.0, 2_048.0],
        "The same server on both sides. How far apart do they come out?",
        "The same server twice: whatever differs here is chance, and so it is elsewhere.",
    )
}

fn pool() -> Preset {
    let settings = Settings { ask: Ask::Weather, delay: Delay::Exp, ..between("pool", "event-loop") };
    let levels = [40.0, 80.0, 120.0, 140.0, 155.0, 190.0];
    let preset = preset(
        "pool",
        open(settings),
        &levels,
        "Requests come at random to a pool of 16 threads, and each holds one for 100 ms on average. How long do they wait as they become more?",
        "16 threads ÷ 100 ms are 160 requests/s. The wait for a thread turns up sharply before that: the knee.",
    );
    Preset { limit: Limit::P50(300.0), ..preset }
}

fn tie() -> Preset {
    preset(
        "tie",
        Settings {
            ask: Ask::Hash,
            rounds: 400_000,
            ..between("bare-thread-per-connection", "bare-task-per-connection")
        },
        &[1.0, 2.0, 4.0, 8.0],
        "Does async make a request faster that computes and waits for nothing?",
        "Nothing to wait for: async has nothing to gain, and both end at their CPU.",
    )
}

fn downstream() -> Preset {
    let settings =
        Settings { ask: Ask::Weather, capacity: Some(20), ..between("thread-per-request", "event-loop") };
    preset(
        "downstream",
        settings,
        &[5.0, 10.0, 20.0, 40.0, 80.0, 320.0],
        "Every request needs a service that takes 20 calls at a time, 100 ms each. What does async change when that is the limit?",
        "The services behind take 20 calls at a time: both servers end at 200 requests/s, and async cannot help.",
    )
}

fn overload() -> Preset {
    let preset = preset(
        "overload",
        open(between("pool", "event-loop")),
        &[80.0, 150.0, 200.0, 300.0],
        "Requests that wait 100 ms come more and more often, in the end nearly twice as often as 16 threads can serve, and nobody gives up. How late are the answers?",
        "More is due than 16 threads can serve: the queue grows as long as it lasts, and everybody waits for all before.",
    );
    Preset { limit: Limit::P50(1_000.0), ..preset }
}

fn cpu_hog() -> Preset {
    let settings = Settings { ask: Ask::Hello, hog: true, ..between("thread-per-request", "event-loop") };
    let preset = preset(
        "cpu-hog",
        open(settings),
        &[120.0, 240.0, 480.0, 960.0],
        "Besides everybody else, somebody asks for a fifth of a second of computing once a second. Who else waits?",
        "Once a second somebody computes for 0.2 s. In the loop everybody waits for that; threads share the CPU.",
    );
    Preset { limit: Limit::P99(100.0), ..preset }
}

fn spike() -> Preset {
    let settings = Settings { ask: Ask::Weather, ..between("pool", "event-loop") };
    let preset = preset(
        "spike",
        open(settings),
        &[60.0, 60.0, 400.0, 60.0, 60.0],
        "Usually 60 requests a second come, and then 400 for a level of six seconds. Who takes them, and how long does it show?",
        "For a few seconds seven times as many come: how long does the queue of the pool last after them?",
    );
    Preset { limit: Limit::P50(300.0), ..preset }
}

fn stall() -> Preset {
    let settings = Settings { ask: Ask::Weather, ..between("pool", "event-loop") };
    let preset = preset(
        "stall",
        open(settings),
        &[20.0, 40.0, 80.0, 120.0, 150.0],
        "In each level the services behind stop answering for 1.5 s. Who stops with them, and who is late for longer?",
        "At each level the services hang for 1.5 s. Everybody waits then; who is still late seconds afterwards?",
    );
    Preset { stall_ms: 1_500, limit: Limit::P50(300.0), ..preset }
}

fn crossover() -> Preset {
    preset(
        "crossover",
        Settings { wait_ms: 10, ..between("bare-thread-per-connection", "bare-task-per-connection") },
        &[1.0, 8.0, 64.0, 256.0, 512.0],
        "Every request waits 10 ms. From how many clients on do tasks carry more than threads?",
        "A wait of only 10 ms: few clients fill a CPU. At one client the timer of the event loop is a millisecond late.",
    )
}

fn slow_clients() -> Preset {
    let settings = Settings { ask: Ask::Hello, slow: 500, ..between("thread-per-request", "event-loop") };
    let preset = preset(
        "slow-clients",
        open(settings),
        &[50.0, 100.0, 200.0, 400.0],
        "Besides everybody else there are clients that send their request a byte a second. Does anybody notice, and what does each of them hold?",
        "Each client that sends a byte a second holds a thread on the left, and next to nothing on the right.",
    );
    Preset { limit: Limit::P99(100.0), ..preset }
}

fn exhaustion() -> Preset {
    preset(
        "exhaustion",
        Settings { wait_ms: 500, boxed: true, ..between("thread-per-request", "event-loop") },
        &[32.0, 64.0, 128.0, 512.0, 1_024.0, 2_048.0],
        "Each server may map 400 MiB of addresses and open 1,536 files. At how many clients does it break, and at which of the two limits?",
        "Each server is in the same small box. What runs out first, and does the server live on? Start it again if not.",
    )
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
