//! The services behind the servers, as an experiment file describes them: how slow they are, how many calls
//! they take at a time, and what goes wrong with them when. `services.rs` carries it out.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::{Positive, within};

/// The simulated services.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// As `upstream --delay` takes it: `lecture`, `fixed:100ms`, `exp:100ms`, `lognormal:100ms:0.5`.
    #[serde(default = "lecture")]
    pub delay: String,
    /// All delays times this.
    #[serde(default = "real_time")]
    pub time_scale: Positive,
    /// Calls that are served at a time; all others queue, as at a database pool. Absent: as many as come.
    #[serde(default, deserialize_with = "some_within::<_, 1, 1_000_000>")]
    pub capacity: Option<u64>,
    /// What the delays follow from; absent: each trial's own seed.
    #[serde(default)]
    pub seed: Option<u64>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// Trouble for a time. Everything but [`at_ms`](Self::at_ms) and the kind is told to the services as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Fault {
    /// When it begins, from the start of the window.
    #[serde(skip)]
    pub at_ms: u64,
    /// What goes wrong.
    #[serde(skip)]
    pub kind: FaultKind,
    /// How long.
    pub for_ms: u64,
    /// With which of the services; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ServicePath>,
    /// With which share of calls; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// With how many calls at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Status of the answer that is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
    /// How long a slow body takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_ms: Option<u64>,
}

/// Ways to go wrong; `crates/upstream/src/order.rs` says what a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "said there")]
pub enum FaultKind {
    Stall,
    Reset,
    Error,
    Garbage,
    SlowBody,
}

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum ServicePath {
    #[serde(rename = "/location")]
    Location,
    #[serde(rename = "/sun")]
    Sun,
    #[serde(rename = "/weather")]
    Weather,
}

impl Fault {
    /// When it is over by itself, from the start of the window.
    pub fn ends_ms(&self) -> u64 {
        self.at_ms + self.for_ms
    }
}

impl FaultKind {
    /// As the services call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::Reset => "reset",
            Self::Error => "error",
            Self::Garbage => "garbage",
            Self::SlowBody => "slow_body",
        }
    }
}

impl Upstream {
    /// What no single fault shows.
    ///
    /// # Errors
    /// When one would begin after the window, or two of a kind hold at a time.
    pub(super) fn check(&self, window_ms: u64) -> Result<(), String> {
        for (place, fault) in self.faults.iter().enumerate() {
            let name = fault.kind.name();
            if fault.at_ms >= window_ms {
                return Err(format!(
                    "upstream.faults: a {name} at {} ms is after the window of {window_ms} ms",
                    fault.at_ms
                ));
            }
            let meets = |other: &&Fault| {
                other.kind == fault.kind && other.at_ms < fault.ends_ms() && fault.at_ms < other.ends_ms()
            };
            if let Some(other) = self.faults[..place].iter().find(meets) {
                return Err(format!(
                    "upstream.faults: a {name} at {} ms begins while the one at {} ms holds; one of a kind holds at a time",
                    fault.at_ms.max(other.at_ms),
                    fault.at_ms.min(other.at_ms)
                ));
            }
        }
        Ok(())
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self { delay: lecture(), time_scale: real_time(), capacity: None, seed: None, faults: Vec::new() }
    }
}

/// A `[[upstream.faults]]` table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: FaultKind,
    #[serde(deserialize_with = "within::<_, 0, 600_000>")]
    at_ms: u64,
    #[serde(deserialize_with = "within::<_, 1, 600_000>")]
    for_ms: u64,
    path: Option<ServicePath>,
    #[serde(default, deserialize_with = "share")]
    rate: Option<f64>,
    #[serde(default, deserialize_with = "some_within::<_, 1, 1_000_000_000>")]
    count: Option<u64>,
    #[serde(default, deserialize_with = "some_within::<_, 400, 599>")]
    status: Option<u64>,
    #[serde(default, deserialize_with = "some_within::<_, 1, 60_000>")]
    over_ms: Option<u64>,
}

impl TryFrom<Written> for Fault {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { kind, at_ms, for_ms, path, rate, count, status, over_ms } = written;
        match kind {
            FaultKind::Stall if rate.is_some() || count.is_some() => {
                return Err("a stall holds every call: it has no `rate` and no `count`");
            }
            FaultKind::SlowBody if over_ms.is_none() => {
                return Err("a slow_body needs `over_ms`, the time until its last piece");
            }
            _ if status.is_some() && kind != FaultKind::Error => {
                return Err("`status` is for an error only");
            }
            _ if over_ms.is_some() && kind != FaultKind::SlowBody => {
                return Err("`over_ms` is for a slow_body only");
            }
            _ => {}
        }
        Ok(Self { at_ms, kind, for_ms, path, rate, count, status, over_ms })
    }
}

pub(super) fn some_within<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    within::<_, MIN, MAX>(deserializer).map(Some)
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if share > 0.0 && share <= 1.0 {
        Ok(Some(share))
    } else {
        Err(D::Error::custom(format!("{share} is not over 0 and at most 1")))
    }
}

fn lecture() -> String {
    "lecture".into()
}

fn real_time() -> Positive {
    Positive(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Upstream, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_about_the_services_can_be_said() {
        let upstream = read(
            "delay = \"fixed:100ms\"\ncapacity = 20\nseed = 7\n\
             [[faults]]\nkind = \"stall\"\nat_ms = 2000\nfor_ms = 5000\npath = \"/weather\"\n\
             [[faults]]\nkind = \"error\"\nat_ms = 0\nfor_ms = 10\nrate = 0.5\nstatus = 503\ncount = 3\n",
        )
        .unwrap();
        assert_eq!((upstream.capacity, upstream.seed, upstream.time_scale.0), (Some(20), Some(7), 1.0));
        assert_eq!(upstream.faults[0].ends_ms(), 7_000);
        let told: Vec<_> =
            upstream.faults.iter().map(|fault| serde_json::to_string(fault).unwrap()).collect();
        assert_eq!(
            told,
            [r#"{"for_ms":5000,"path":"/weather"}"#, r#"{"for_ms":10,"rate":0.5,"count":3,"status":503}"#]
        );
    }

    #[test]
    fn a_fault_that_cannot_be_is_refused_with_what_is_allowed() {
        for (text, says) in [
            ("capacity = 0", "0 is not within 1 to 1000000"),
            ("speed = 3", "unknown field `speed`"),
            ("faults = [{ kind = \"stall\", at_ms = 5 }]", "missing field `for_ms`"),
            ("faults = [{ kind = \"hang\", at_ms = 5, for_ms = 5 }]", "`stall`, `reset`, `error`"),
            ("faults = [{ kind = \"stall\", at_ms = 5, for_ms = 0 }]", "0 is not within 1 to 600000"),
            ("faults = [{ kind = \"stall\", at_ms = 5, for_ms = 5, rate = 0.5 }]", "holds every call"),
            ("faults = [{ kind = \"reset\", at_ms = 5, for_ms = 5, rate = 1.5 }]", "1.5 is not over 0"),
            ("faults = [{ kind = \"reset\", at_ms = 5, for_ms = 5, status = 500 }]", "for an error only"),
            ("faults = [{ kind = \"error\", at_ms = 5, for_ms = 5, status = 200 }]", "400 to 599"),
            ("faults = [{ kind = \"slow_body\", at_ms = 5, for_ms = 5 }]", "needs `over_ms`"),
            ("faults = [{ kind = \"garbage\", at_ms = 5, for_ms = 5, over_ms = 9 }]", "a slow_body only"),
            ("faults = [{ kind = \"stall\", at_ms = 5, for_ms = 5, path = \"/moon\" }]", "`/weather`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn faults_begin_in_the_window_and_one_of_a_kind_holds_at_a_time() {
        let with = |second: &str| {
            read(&format!("faults = [{{ kind = \"stall\", at_ms = 100, for_ms = 50 }}, {second}]")).unwrap()
        };
        let stall = |at_ms| with(&format!("{{ kind = \"stall\", at_ms = {at_ms}, for_ms = 50 }}"));
        assert_eq!(stall(150).check(200), Ok(()), "one ends when the next begins");
        assert_eq!(with("{ kind = \"reset\", at_ms = 120, for_ms = 9 }").check(200), Ok(()));
        for at_ms in [60, 100, 149] {
            assert!(stall(at_ms).check(200).unwrap_err().contains("one of a kind"), "{at_ms}");
        }
        assert!(stall(200).check(200).unwrap_err().contains("a stall at 200 ms is after the window"));
    }
}
