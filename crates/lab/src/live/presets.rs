//! Experiments of the catalogue, to be watched: each is a setting and a course of levels, shown in a minute or less.
//!
//! Titles and questions are the catalogue's. What the live page cannot show is not here: streams (`subscribers`), other
//! people's servers (`targets`).

use serde::Serialize;

use crate::ladder::{self, Rung};
use crate::limits::Limits;
use crate::live::most::Most;
use crate::live::settings::{Ask, Delay, Settings, texts};
use crate::results::Mode;

/// An experiment to be watched.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Preset {
    /// Its name in the catalogue.
    pub(super) name: &'static str,
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
    question: String,
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

    pub(super) fn offer(&self) -> Offer {
        let (title, question) = texts(self.name);
        Offer {
            name: self.name,
            title,
            question,
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

fn preset(name: &'static str, settings: Settings, levels: &[f64], watch: &'static str) -> Preset {
    Preset { name, watch, settings, levels: levels.to_vec(), stall_ms: 0, limit: Limit::None }
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
        "Four threads, four requests at a time: from the fifth client on the pool gives no more, however idle it is.",
    )
}

fn scale() -> Preset {
    preset(
        "scale",
        between("thread-per-request", "event-loop"),
        &[16.0, 64.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_000.0],
        "The two clouds of cells: thousands of parked threads on one side, one thread on the other, for the same requests.",
    )
}

fn ladder_pair() -> Preset {
    preset(
        "ladder",
        between("bare-thread-per-connection", "bare-task-per-connection"),
        &[16.0, 256.0, 1_024.0, 2_048.0, 4_000.0],
        "The same code with threads and with tasks, no framework: how much of the difference is left?",
    )
}

fn bridges() -> Preset {
    preset(
        "bridges",
        Settings { pool: 512, ..between("blocked-loop", "offload") },
        &[1.0, 2.0, 4.0, 16.0, 64.0, 256.0],
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
        "Every request opens a connection of its own: CPU that no answer comes from.",
    )
}

fn a_a() -> Preset {
    preset(
        "a-a",
        between("event-loop", "event-loop"),
        &[16.0, 256.0, 1_024.0, 2_048.0],
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
        "The services behind take 20 calls at a time: both servers end at 200 requests/s, and async cannot help.",
    )
}

fn overload() -> Preset {
    let preset = preset(
        "overload",
        open(between("pool", "event-loop")),
        &[80.0, 150.0, 200.0, 300.0],
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
        "At each level the services hang for 1.5 s. Everybody waits then; who is still late seconds afterwards?",
    );
    Preset { stall_ms: 1_500, limit: Limit::P50(300.0), ..preset }
}

fn crossover() -> Preset {
    preset(
        "crossover",
        Settings { wait_ms: 10, ..between("bare-thread-per-connection", "bare-task-per-connection") },
        &[1.0, 8.0, 64.0, 256.0, 512.0],
        "A wait of only 10 ms: few clients fill a CPU. At one client the timer of the event loop is a millisecond late.",
    )
}

fn slow_clients() -> Preset {
    let settings = Settings { ask: Ask::Hello, slow: 500, ..between("thread-per-request", "event-loop") };
    let preset = preset(
        "slow-clients",
        open(settings),
        &[50.0, 100.0, 200.0, 400.0],
        "500 clients send a byte a second: a thread each on the left, next to nothing on the right. Do the others notice?",
    );
    Preset { limit: Limit::P99(100.0), ..preset }
}

fn exhaustion() -> Preset {
    preset(
        "exhaustion",
        Settings { wait_ms: 500, boxed: true, ..between("thread-per-request", "event-loop") },
        &[32.0, 64.0, 128.0, 512.0, 1_024.0, 2_048.0],
        "Each server is in the same small box. What runs out first, and does the server live on? Start it again if not.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::CATALOGUE;

    fn machine() -> Limits {
        Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() }
    }

    #[test]
    fn every_preset_is_of_the_catalogue_and_within_bounds_at_each_level() {
        let presets = Preset::all(&machine());
        for preset in &presets {
            assert!(CATALOGUE.iter().any(|(name, _)| *name == preset.name), "{}", preset.name);
            let offer = preset.offer();
            assert!(!offer.question.is_empty(), "{}", preset.name);
            let waits = preset.settings.waits() || preset.settings.mode == Mode::Open;
            assert!(offer.asked_rps.iter().all(|asked| asked.is_some() == waits), "{}", preset.name);
            for level in &preset.levels {
                assert_eq!(preset.settings.at(*level).check(&machine()), Ok(()), "{}", preset.name);
            }
        }
        let missing = CATALOGUE.iter().filter(|(name, _)| !presets.iter().any(|one| one.name == *name));
        // Streams, and other people's servers.
        assert_eq!(missing.map(|(name, _)| *name).collect::<Vec<_>>(), ["subscribers", "targets"]);
    }

    #[test]
    fn a_small_machine_has_fewer_levels_and_never_none() {
        let small = Limits { pid_max: Some(300), ..machine() };
        let scale = Preset::named("scale", &small).unwrap();
        assert_eq!(scale.levels, [16.0]);
        assert_eq!(Preset::named("slow-clients", &small).unwrap().settings.slow, 36);
        let tiny = Limits { pid_max: Some(40), ..machine() };
        assert_eq!(Preset::named("scale", &tiny).unwrap().levels.len(), 1);
        assert_eq!(Preset::named("nothing", &small), None);
    }
}
