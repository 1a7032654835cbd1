//! An experiment as it stands in a TOML file: a question, the rungs that it compares and their load.
//!
//! The files are in `benches/experiments/`, built into the program. Whatever a file gets wrong is refused
//! with its name, line, the key and what is allowed. `plan.rs` makes trials of it.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::ladder::{self, Rung};
use crate::results::{GapStep, Rule, Stated};

mod lanes;
mod load;
mod needs;
mod number;
mod server;
mod upstream;

pub use lanes::Lanes;
pub use load::{
    Bystander, Clients, Closed, Doubling, Kind, Levels, Load, Open, Part, Positive, Rate, Slow, Subscribers,
    Target,
};
pub use server::{Bytes, Server};
pub use upstream::{Fault, FaultKind, ServicePath, Upstream};

use number::{in_plain_words, some_within, within};

/// The experiments that come with the program.
pub const CATALOGUE: &[(&str, &str)] = &[
    ("lecture", include_str!("../../../benches/experiments/lecture.toml")),
    ("scale", include_str!("../../../benches/experiments/scale.toml")),
    ("ladder", include_str!("../../../benches/experiments/ladder.toml")),
    ("bridges", include_str!("../../../benches/experiments/bridges.toml")),
    ("subscribers", include_str!("../../../benches/experiments/subscribers.toml")),
    ("connections", include_str!("../../../benches/experiments/connections.toml")),
    ("a-a", include_str!("../../../benches/experiments/a-a.toml")),
    ("pool", include_str!("../../../benches/experiments/pool.toml")),
    ("tie", include_str!("../../../benches/experiments/tie.toml")),
    ("downstream", include_str!("../../../benches/experiments/downstream.toml")),
    ("overload", include_str!("../../../benches/experiments/overload.toml")),
    ("cpu-hog", include_str!("../../../benches/experiments/cpu-hog.toml")),
    ("spike", include_str!("../../../benches/experiments/spike.toml")),
    ("crossover", include_str!("../../../benches/experiments/crossover.toml")),
    ("stall", include_str!("../../../benches/experiments/stall.toml")),
    ("slow-clients", include_str!("../../../benches/experiments/slow-clients.toml")),
    ("exhaustion", include_str!("../../../benches/experiments/exhaustion.toml")),
    ("targets", include_str!("../../../benches/experiments/targets.toml")),
];

/// Those that run when none is named. They answer the first question, and end within a coffee break.
pub const DEFAULT: [&str; 2] = ["lecture", "scale"];

/// A file of the catalogue, or one of your own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// Headline.
    pub title: String,
    /// What it asks.
    pub question: String,
    /// What the reader should expect, and why.
    pub expect: String,
    /// Request target of every load that has none of its own.
    pub route: Target,
    /// Shown as what it is: an illustration. Its figures carry no interval.
    #[serde(default)]
    pub demonstration: bool,
    /// All rungs at once, instead of one after the other.
    #[serde(default)]
    pub side_by_side: bool,
    /// Trials of each cell.
    #[serde(deserialize_with = "within::<_, 1, 100>")]
    pub blocks: u64,
    /// Load before the window.
    #[serde(deserialize_with = "within::<_, 0, 600_000>")]
    pub warm_up_ms: u64,
    /// What is measured.
    #[serde(deserialize_with = "within::<_, 100, 600_000>")]
    pub window_ms: u64,
    /// When a client gives up.
    #[serde(default = "ten_seconds", deserialize_with = "within::<_, 1, 600_000>")]
    pub timeout_ms: u64,
    /// The services behind the servers; only for routes that call them.
    #[serde(default)]
    pub upstream: Upstream,
    /// Limits of the servers, and their CPUs.
    #[serde(default)]
    pub server: Server,
    /// Who else wants to be served meanwhile.
    pub bystander: Option<Bystander>,
    /// Which question the report is to answer first; absent: the comparison in general.
    pub rule: Option<Rule>,
    /// What is compared.
    pub rungs: Vec<Use>,
    /// Under which loads.
    pub loads: Vec<Load>,
    /// Requests to be recorded one by one, apart from the trials.
    pub lanes: Option<Lanes>,
    /// How the gap between two rungs is split into its causes: a chain from rung to rung.
    #[serde(default)]
    pub decomposition: Vec<GapStep>,
    /// Figures stated by others.
    #[serde(default)]
    pub stated: Vec<Stated>,
    /// What `--quick` changes.
    #[serde(default)]
    pub quick: Changes,
    /// What `--full` changes.
    #[serde(default)]
    pub full: Changes,
}

/// One rung, as an experiment uses it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { rung = \"pool\" }")]
pub struct Use {
    /// Name on the ladder.
    #[serde(deserialize_with = "on_the_ladder")]
    pub rung: &'static Rung,
    /// Needed when an experiment uses a rung more than once.
    #[serde(default)]
    pub variant: Option<String>,
    /// For the server's command line; `--flag=value`, a string each.
    #[serde(default)]
    pub flags: Vec<String>,
}

/// What a shorter or longer run has otherwise.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "named as what they replace")]
pub struct Changes {
    #[serde(deserialize_with = "some_within::<_, 1, 100>")]
    pub blocks: Option<u64>,
    #[serde(deserialize_with = "some_within::<_, 0, 600_000>")]
    pub warm_up_ms: Option<u64>,
    #[serde(deserialize_with = "some_within::<_, 100, 600_000>")]
    pub window_ms: Option<u64>,
    pub time_scale: Option<Positive>,
    #[serde(deserialize_with = "some_within::<_, 0, 10_000_000>")]
    pub samples: Option<u64>,
    pub clients: Option<Levels>,
    pub counts: Option<Vec<Clients>>,
}

impl Experiment {
    /// One of the catalogue by its name, or a file by its path.
    ///
    /// # Errors
    /// Names what there is, or what is wrong with the file.
    pub fn find(name: &str) -> anyhow::Result<Self> {
        if let Some((name, text)) = CATALOGUE.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, &format!("benches/experiments/{name}.toml"), text);
        }
        let path = Path::new(name);
        if path.extension().is_none_or(|extension| extension != "toml") {
            let names: Vec<_> = CATALOGUE.iter().map(|(name, _)| *name).collect();
            bail!(
                "there is no experiment \"{name}\"; the experiments are {}, and a path that ends in .toml is one of your own",
                names.join(", ")
            );
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the experiment {name}"))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&stem, name, &text)
    }

    /// Reads a file's text; `file` is how errors call it.
    ///
    /// # Errors
    /// What is wrong, where, and what is allowed.
    pub fn parse(name: &str, file: &str, text: &str) -> anyhow::Result<Self> {
        let read: Self = toml::from_str(text).map_err(|error| Invalid { file: file.into(), error })?;
        read.check().map_err(|error| needs::placed(file, text, &error))?;
        Ok(Self { name: name.to_owned(), ..read })
    }

    /// The same with changes for a shorter or longer run.
    #[must_use]
    pub fn changed(mut self, changes: &Changes) -> Self {
        self.blocks = changes.blocks.unwrap_or(self.blocks);
        self.warm_up_ms = changes.warm_up_ms.unwrap_or(self.warm_up_ms);
        self.window_ms = changes.window_ms.unwrap_or(self.window_ms);
        self.upstream.time_scale = changes.time_scale.unwrap_or(self.upstream.time_scale);
        for load in &mut self.loads {
            match &mut load.kind {
                Kind::Closed(closed) => {
                    if let Some(levels) = &changes.clients {
                        closed.clients.clone_from(levels);
                    }
                }
                Kind::Open(open) => open.samples = changes.samples.unwrap_or(open.samples),
                Kind::Subscribers(subscribers) => {
                    if let Some(counts) = &changes.counts {
                        subscribers.counts.clone_from(counts);
                    }
                }
                Kind::Slow(slow) => {
                    if let Some(counts) = &changes.counts {
                        slow.counts.clone_from(counts);
                    }
                }
            }
        }
        self
    }

    /// What a load asks for, if that is one thing.
    pub fn target<'a>(&'a self, load: &'a Load) -> &'a Target {
        load.route.as_ref().unwrap_or(&self.route)
    }

    /// Everything that a load asks for.
    pub fn targets<'a>(&'a self, load: &'a Load) -> Vec<&'a Target> {
        match load.mix.as_slice() {
            [] => vec![self.target(load)],
            parts => parts.iter().map(|part| &part.route).collect(),
        }
    }

    /// What no single key shows.
    fn check(&self) -> anyhow::Result<()> {
        self.check_texts()?;
        if self.rungs.is_empty() {
            bail!("rungs: there must be at least one");
        }
        if self.loads.is_empty() {
            bail!("loads: there must be at least one");
        }
        for (place, one) in self.rungs.iter().enumerate() {
            let name = one.rung.name;
            let same = |other: &Use| other.rung.name == name && other.variant == one.variant;
            if self.rungs[..place].iter().any(same) {
                bail!("rungs: {name} is there twice; a `variant` tells them apart");
            }
        }
        self.loads.iter().try_for_each(|load| self.check_load(load))?;
        if let Some(endless) = self.bystander.as_ref().map(|one| &one.route).filter(|one| one.is_endless()) {
            bail!("bystander: {} never ends; ask for what does, such as /hello", endless.text);
        }
        for changes in [&Changes::default(), &self.quick, &self.full] {
            let window_ms = changes.window_ms.unwrap_or(self.window_ms);
            self.upstream.check(window_ms).map_err(anyhow::Error::msg)?;
            let mut open = self.loads.iter().filter_map(|load| match &load.kind {
                Kind::Open(open) => Some(open),
                _ => None,
            });
            open.try_for_each(|open| open.check(window_ms)).map_err(anyhow::Error::msg)?;
        }
        self.check_decomposition()?;
        self.check_lanes()?;
        self.check_rule()
    }

    fn check_load(&self, load: &Load) -> anyhow::Result<()> {
        let target = load.mix.first().map_or(self.target(load), |part| &part.route);
        if let Some(key) = load.kind.without_levels() {
            bail!("loads: `{key}` has no level; give it one at least");
        }
        if let Some((key, level)) = load.kind.repeated() {
            bail!("loads: `{key}` has {level} twice; each level is a cell of its own");
        }
        match (&load.kind, target.is_endless()) {
            (Kind::Subscribers(_), false) => {
                bail!("loads: subscribers listen to /live, not to {}: `route = \"/live\"`", target.text)
            }
            (Kind::Closed(_) | Kind::Open(_) | Kind::Slow(_), true) => {
                bail!("loads: {} never ends, so nobody is ever answered: use `subscribers`", target.text)
            }
            _ => {}
        }
        load.rungs.iter().flatten().try_for_each(|rung| self.has("loads", rung.name))
    }

    /// From rung to rung without a gap, or the parts do not make up the whole.
    fn check_decomposition(&self) -> anyhow::Result<()> {
        for step in &self.decomposition {
            self.has("decomposition", &step.from)?;
            self.has("decomposition", &step.to)?;
        }
        for (before, after) in self.decomposition.iter().zip(self.decomposition.iter().skip(1)) {
            if before.to != after.from {
                bail!(
                    "decomposition: a step ends at {}, so the next begins there and not at {}",
                    before.to,
                    after.from
                );
            }
        }
        Ok(())
    }

    fn has(&self, key: &str, rung: &str) -> anyhow::Result<()> {
        let names: Vec<_> = self.rungs.iter().map(|one| one.rung.name).collect();
        if names.contains(&rung) {
            return Ok(());
        }
        bail!("{key}: {rung} is none of the experiment's rungs, which are {}", names.join(", "))
    }
}

fn on_the_ladder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Rung, D::Error> {
    ladder::rung(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn ten_seconds() -> u64 {
    10_000
}

/// A file that cannot be read as an experiment. The parser says where and what.
#[derive(Debug)]
struct Invalid {
    file: String,
    error: toml::de::Error,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not an experiment: {}", self.file, in_plain_words(&self.error.to_string()))
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
#[path = "experiment_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "experiment/refused_tests.rs"]
mod refused_tests;
