//! The ladder: every server configuration that can be compared, from most blocking to most async.

use std::fmt;

/// One server configuration. Neighbours on the ladder differ in one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// The name used everywhere: `--model`, `--rungs`, results, report.
    pub name: &'static str,
    /// The program that is it.
    pub program: &'static str,
    /// Whose kind it is.
    pub kind: Kind,
    /// Where a request waits.
    pub waits: &'static str,
    /// What a reader from Python knows it as.
    pub python: &'static str,
}

/// Colours and groups in reports follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Kind {
    Blocking,
    Async,
}

/// Every rung that can be run, in the order of tables and charts.
pub const LADDER: &[Rung] = &[
    Rung {
        name: "pool",
        program: "blocking-server",
        kind: Kind::Blocking,
        waits: "one of K threads",
        python: "gunicorn gthread, uWSGI",
    },
    Rung {
        name: "thread-per-request",
        program: "blocking-server",
        kind: Kind::Blocking,
        waits: "a thread of its own, made for it",
        python: "Flask's own server",
    },
    Rung {
        name: "event-loop",
        program: "async-server",
        kind: Kind::Async,
        waits: "nowhere: a timer or a socket is registered",
        python: "Quart",
    },
];

/// Looks a rung up by name.
///
/// # Errors
/// Names the rungs that there are.
pub fn rung(name: &str) -> Result<&'static Rung, UnknownRung> {
    LADDER.iter().find(|rung| rung.name == name).ok_or_else(|| UnknownRung(name.to_owned()))
}

/// There is no such rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRung(String);

impl fmt::Display for UnknownRung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = LADDER.iter().map(|rung| rung.name).collect();
        write!(f, "there is no rung \"{}\"; the rungs are {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownRung {}
