//! K: how many requests a rung can have waiting at once, where that is limited, and what limits it.
//!
//! The reader goes next to `bounds`, which makes the line K / W of it.

use crate::report::cells::{Series, first_number};
use crate::report::text::counted;
use crate::results::Trial;

/// So many requests wait at once; all others queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) number: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Thread,
    /// Each can wait for one request only, since it is blocked meanwhile.
    EventLoop,
}

/// From the flags that its server had, or else from its name.
pub(crate) fn of(series: &Series, trial: Option<&Trial>) -> Option<Slots> {
    let flag = |name: &str| {
        let flags = trial.map(|trial| trial.flags.as_slice()).unwrap_or_default();
        let after = flags.iter().position(|flag| flag == name).and_then(|place| flags.get(place + 1));
        let joined = flags.iter().find_map(|flag| flag.strip_prefix(name)?.strip_prefix('='));
        joined.or(after.map(String::as_str)).and_then(|number| number.parse::<u32>().ok())
    };
    let from_name = || first_number(series.variant.as_deref()?)?.try_into().ok();
    let (number, kind) = match series.rung.as_str() {
        "one-at-a-time" => (Some(1), Kind::Thread),
        "pool" => (flag("--threads").or_else(from_name), Kind::Thread),
        "offload" => (flag("--blocking-threads"), Kind::Thread),
        "blocked-loop" => (flag("--workers"), Kind::EventLoop),
        _ => (None, Kind::Thread),
    };
    number.filter(|number| *number > 0).map(|number| Slots { number, kind })
}

impl Slots {
    /// `16 threads`, `1 event loop`.
    pub(crate) fn counted(self) -> String {
        counted(self.number.into(), if self.kind == Kind::Thread { "thread" } else { "event loop" })
    }

    /// What has happened when none is left.
    pub(crate) fn all_taken(self) -> &'static str {
        match (self.kind, self.number) {
            (Kind::Thread, 1) => "its only thread is taken",
            (Kind::Thread, _) => "its threads are all taken",
            (Kind::EventLoop, 1) => "its only event loop is blocked",
            (Kind::EventLoop, _) => "its event loops are all blocked",
        }
    }

    /// The same, after "then".
    pub(crate) fn ran_out(self) -> &'static str {
        match self.kind {
            Kind::Thread => "then ran out of threads",
            Kind::EventLoop => "then its event loop was blocked",
        }
    }
}
