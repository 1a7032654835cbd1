//! The loads of an experiment: who sends what, and how often. One `[[loads]]` table is one of them, with a
//! cell for each of its levels.

use handlers::Route;
use loadgen::protocol::Shape;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::number::{over_0, within};
use super::on_the_ladder;
use crate::ladder::Rung;

/// One `[[loads]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Load {
    /// Instead of the experiment's.
    pub route: Option<Target>,
    /// Instead of either: each request is one of these, at random by weight.
    pub mix: Vec<Part>,
    /// Those of the experiment's rungs that it is for; `None` is all of them.
    pub rungs: Option<Vec<&'static Rung>>,
    /// How requests come.
    pub kind: Kind,
}

/// How requests come.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Each client sends when its last answer came; a cell for each level.
    Closed(Closed),
    /// Requests are due on a schedule.
    Open(Open),
    /// Nobody sends: each asks once for live events, and listens; a cell for each level.
    Subscribers(Subscribers),
    /// Each sends its request a byte at a time; a cell for each level.
    Slow(Slow),
}

/// One of the things that a load asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { route = \"/hello\", weight = 1 }")]
pub struct Part {
    /// What.
    pub route: Target,
    /// Its share is this over the sum of all.
    #[serde(deserialize_with = "within::<_, 1, 1_000_000>")]
    pub weight: u64,
}

/// Finds capacity.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { clients = [16, 256] }")]
pub struct Closed {
    /// How many of them.
    pub clients: Levels,
    /// False: every request opens a connection of its own.
    #[serde(default = "yes")]
    pub keep_alive: bool,
}

/// Finds latency.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { rate = { rps = 300 }, connections = 256 }")]
pub struct Open {
    /// How often.
    pub rate: Rate,
    /// How that changes over the window.
    #[serde(default)]
    pub shape: Shape,
    /// At most so many at once.
    #[serde(deserialize_with = "within::<_, 1, 100_000>")]
    pub connections: u64,
    /// The window is made long enough for so many requests in all blocks together.
    #[serde(default, deserialize_with = "within::<_, 0, 10_000_000>")]
    pub samples: u64,
    /// False: every request opens a connection of its own.
    #[serde(default = "yes")]
    pub keep_alive: bool,
}

/// Finds what it costs to keep somebody waiting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { counts = [64, 512] }")]
pub struct Subscribers {
    /// How many of them.
    pub counts: Vec<Clients>,
    /// From one event to the next, which the server decides.
    #[serde(default = "tick_ms", deserialize_with = "the_tick")]
    pub tick_ms: u64,
}

/// Finds what it costs to wait for somebody who takes his time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// How many of them.
    pub counts: Vec<Clients>,
    /// From one byte to the next.
    #[serde(deserialize_with = "within::<_, 1, 60_000>")]
    pub byte_every_ms: u64,
}

/// Levels of a closed load.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of numbers from 1 to 100000, such as [16, 256], or \"doubling\""
)]
pub enum Levels {
    /// These.
    Given(Vec<Clients>),
    /// 1, 2, 4 and so on, as far as this machine's thread budget allows.
    Computed(Doubling),
}

/// From 1 to 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clients(pub u32);

/// The word for it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "said above")]
pub enum Doubling {
    Doubling,
}

/// Arrivals per second.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "WrittenRate")]
pub enum Rate {
    /// As they are. A rung whose threads cannot serve it is left out.
    Rps(Positive),
    /// As a share of what the smallest pool among the rungs can serve, threads / wait.
    Utilisation(Positive),
}

/// Cheap requests on a schedule and over connections of their own, while the load runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { route = \"/hello\", rate = 10, connections = 64 }"
)]
pub struct Bystander {
    /// What they ask for.
    pub route: Target,
    /// Mean arrivals per second.
    pub rate: Positive,
    /// At most so many at once.
    #[serde(deserialize_with = "within::<_, 1, 1_000>")]
    pub connections: u64,
}

/// A finite number over 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Positive(pub f64);

/// A request target that the servers answer.
#[derive(Debug, Clone)]
pub struct Target {
    /// As it is sent.
    pub text: String,
    /// What it is.
    pub route: Route,
}

impl Load {
    /// Whether it is for a rung.
    pub fn is_for(&self, rung: &Rung) -> bool {
        self.rungs.as_ref().is_none_or(|rungs| rungs.iter().any(|one| one.name == rung.name))
    }

    /// A mix as charts and sentences call it: `49 × /hello + 1 × /hash/1000`; `None` where it is one thing.
    pub fn mixed(&self) -> Option<String> {
        let parts = self.mix.iter().map(|part| format!("{} × {}", part.weight, part.route.text));
        (!self.mix.is_empty()).then(|| parts.collect::<Vec<_>>().join(" + "))
    }
}

impl Kind {
    /// The key whose levels have one twice, and that one.
    pub(super) fn repeated(&self) -> Option<(&'static str, u32)> {
        let (key, levels) = match self {
            Self::Closed(Closed { clients: Levels::Given(levels), .. }) => ("clients", levels),
            Self::Subscribers(Subscribers { counts, .. }) | Self::Slow(Slow { counts, .. }) => {
                ("counts", counts)
            }
            _ => return None,
        };
        let again = levels.iter().enumerate().find(|(place, level)| levels[..*place].contains(level));
        again.map(|(_, level)| (key, level.0))
    }

    /// Of slow clients only.
    pub fn byte_every_ms(&self) -> Option<u64> {
        match self {
            Self::Slow(slow) => Some(slow.byte_every_ms),
            Self::Closed(_) | Self::Open(_) | Self::Subscribers(_) => None,
        }
    }

    /// The key that lists levels and lists none.
    pub(super) fn without_levels(&self) -> Option<&'static str> {
        match self {
            Self::Closed(Closed { clients: Levels::Given(levels), .. }) if levels.is_empty() => {
                Some("clients")
            }
            Self::Subscribers(Subscribers { counts, .. }) | Self::Slow(Slow { counts, .. })
                if counts.is_empty() =>
            {
                Some("counts")
            }
            _ => None,
        }
    }
}

impl Open {
    /// What is wrong with its shape, in a window of that length.
    pub(super) fn check(&self, window_ms: u64) -> Result<(), String> {
        let times = self.shape.times();
        if !(times > 0.0 && times <= 1_000.0) {
            return Err(format!("loads: shape: times = {times} is not over 0 and at most 1000"));
        }
        let end_ms = match self.shape {
            Shape::Steady => return Ok(()),
            Shape::Spike { for_ms: 0, .. }
            | Shape::Ramp { for_ms: 0, .. }
            | Shape::Steps { for_ms: 0, .. } => {
                return Err("loads: shape: for_ms = 0 is no time".into());
            }
            Shape::Steps { steps: 0, .. } => return Err("loads: shape: steps = 0 is none".into()),
            Shape::Spike { at_ms, for_ms, .. } | Shape::Ramp { at_ms, for_ms, .. } => {
                at_ms.saturating_add(for_ms)
            }
            Shape::Steps { steps, for_ms, .. } => for_ms.saturating_mul(u64::from(steps)),
        };
        if end_ms <= window_ms {
            return Ok(());
        }
        Err(format!("loads: shape: it ends at {end_ms} ms, after the window of {window_ms} ms"))
    }
}

impl Target {
    /// Its reply has no end.
    pub fn is_endless(&self) -> bool {
        matches!(self.route, Route::Live)
    }
}

/// A `[[loads]]` table as it stands in the file. (An enum of tables would be shorter here, but then no key
/// could stand beside the load's kind.)
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    route: Option<Target>,
    mix: Option<Vec<Part>>,
    rungs: Option<Vec<OnTheLadder>>,
    closed: Option<Closed>,
    open: Option<Open>,
    subscribers: Option<Subscribers>,
    slow: Option<Slow>,
}

/// A rate as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { rps = 300 } or { utilisation = 0.7 }")]
struct WrittenRate {
    rps: Option<Positive>,
    utilisation: Option<Positive>,
}

impl TryFrom<WrittenRate> for Rate {
    type Error = &'static str;

    fn try_from(written: WrittenRate) -> Result<Self, Self::Error> {
        match (written.rps, written.utilisation) {
            (Some(rps), None) => Ok(Self::Rps(rps)),
            (None, Some(share)) => Ok(Self::Utilisation(share)),
            _ => Err("a rate has one of `rps` and `utilisation`, such as { rps = 300 }"),
        }
    }
}

#[derive(Deserialize)]
struct OnTheLadder(#[serde(deserialize_with = "on_the_ladder")] &'static Rung);

impl TryFrom<Written> for Load {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let kind = match (written.closed, written.open, written.subscribers, written.slow) {
            (Some(closed), None, None, None) => Kind::Closed(closed),
            (None, Some(open), None, None) => Kind::Open(open),
            (None, None, Some(subscribers), None) => Kind::Subscribers(subscribers),
            (None, None, None, Some(slow)) => Kind::Slow(slow),
            (None, None, None, None) => {
                return Err("a load has one of `closed`, `open`, `subscribers` and `slow`");
            }
            _ => {
                return Err(
                    "a load is one of `closed`, `open`, `subscribers` and `slow`; give each a [[loads]] of its own",
                );
            }
        };
        let mix = match (&written.route, &kind, written.mix) {
            (_, _, None) => Vec::new(),
            (Some(_), _, Some(_)) => return Err("a load has a `route` or a `mix`, not both"),
            (None, Kind::Slow(_), Some(_)) => return Err("slow clients ask for one route, not for a `mix`"),
            (None, Kind::Subscribers(_), Some(_)) => {
                return Err("subscribers listen to one route, not to a `mix`");
            }
            (None, _, Some(parts)) if parts.len() < 2 => return Err("a `mix` has two parts at least"),
            (None, _, Some(parts)) if parts.iter().any(|part| part.route.is_endless()) => {
                return Err("a `mix` cannot hold /live, which never ends");
            }
            (None, _, Some(parts)) => parts,
        };
        if written.rungs.as_ref().is_some_and(Vec::is_empty) {
            return Err("`rungs` names none; leave it out for all of them");
        }
        let rungs = written.rungs.map(|rungs| rungs.into_iter().map(|OnTheLadder(rung)| rung).collect());
        Ok(Self { route: written.route, mix, rungs, kind })
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !text.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let rule = "a route begins with \"/\" and has no blanks";
            return Err(D::Error::custom(format!("\"{text}\" is no route: {rule}, such as /wait/100")));
        }
        match Route::parse("GET", text.as_bytes()) {
            Ok(route) => Ok(Self { text, route }),
            Err(problem) => Err(D::Error::custom(format!("no server answers GET {text}: {problem}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Clients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let clients = within::<_, 1, 100_000>(deserializer)?;
        Ok(Self(u32::try_from(clients).map_err(D::Error::custom)?))
    }
}

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        over_0(deserializer, 1e6).map(Self)
    }
}

fn the_tick<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match (u64::deserialize(deserializer)?, tick_ms()) {
        (given, tick) if given == tick => Ok(tick),
        (given, tick) => Err(D::Error::custom(format!(
            "{given} is not {tick}, which is how often /live ticks on every server"
        ))),
    }
}

fn tick_ms() -> u64 {
    handlers::replies::TICK.as_millis() as u64
}

fn yes() -> bool {
    true
}
