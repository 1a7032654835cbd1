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
    /// What each connection with a request in flight takes.
    pub needs: Needs,
    /// Whether it runs under a supervisor that starts it again, unless told otherwise.
    pub supervised: bool,
}

/// What one connection with a request in flight takes of the limits that a server can run into. Upper
/// bounds, measured roughly: they decide what is safe to try, not what is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Threads.
    pub threads: u64,
    /// File descriptors.
    pub files: u64,
    /// Resident memory, kernel stacks included.
    pub bytes: u64,
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
        // The pool bounds the views; the connections have a thread each all the same.
        needs: Needs { threads: 1, files: 2, bytes: 60_000 },
        supervised: true,
    },
    Rung {
        name: "thread-per-request",
        program: "blocking-server",
        kind: Kind::Blocking,
        waits: "a thread of its own, made for it",
        python: "Flask's own server",
        // One reads the connection, one runs the view.
        needs: Needs { threads: 2, files: 2, bytes: 100_000 },
        supervised: true,
    },
    Rung {
        name: "event-loop",
        program: "async-server",
        kind: Kind::Async,
        waits: "nowhere: a timer or a socket is registered",
        python: "Quart",
        needs: Needs { threads: 0, files: 1, bytes: 30_000 },
        supervised: false,
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
