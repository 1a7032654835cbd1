//! The ladder: every server configuration that can be compared, from most blocking to most async, and
//! the bridges between the two worlds.

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
    /// What it differs in from the rung above it, or from its nearest relative.
    pub differs: &'static str,
    /// What each connection with a request in flight takes.
    pub needs: Needs,
    /// Whether it has event loops, which `--workers` counts.
    pub has_workers: bool,
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
    /// No framework: tells what of a gap is the framework's.
    BlockingControl,
    AsyncControl,
    /// Code of one world on a server of the other.
    Bridge,
}

/// Every rung, in the order of tables and charts.
pub const LADDER: &[Rung] = &[
    Rung {
        name: "one-at-a-time",
        program: "blocking-server",
        kind: Kind::Blocking,
        waits: "the only thread",
        python: "wsgiref, one gunicorn sync worker",
        differs: "nobody else is served while a request waits",
        needs: Needs { threads: 0, files: 1, bytes: 10_000 },
        has_workers: false,
        supervised: false,
    },
    Rung {
        name: "pool",
        program: "blocking-server",
        kind: Kind::Blocking,
        waits: "one of K threads",
        python: "gunicorn gthread, uWSGI",
        differs: "rouille; K requests wait at once",
        // The pool bounds the views; the connections have a thread each all the same.
        needs: Needs { threads: 1, files: 2, bytes: 60_000 },
        has_workers: false,
        supervised: true,
    },
    Rung {
        name: "thread-per-request",
        program: "blocking-server",
        kind: Kind::Blocking,
        waits: "a thread of its own, made for it",
        python: "Flask's own server",
        differs: "no bound on the threads",
        // One reads the connection, one runs the view.
        needs: Needs { threads: 2, files: 2, bytes: 100_000 },
        has_workers: false,
        supervised: true,
    },
    Rung {
        name: "bare-thread-per-request",
        program: "blocking-server",
        kind: Kind::BlockingControl,
        waits: "a thread of its own, made for it",
        python: "(control)",
        differs: "no rouille, std sockets alone",
        needs: Needs { threads: 2, files: 1, bytes: 80_000 },
        has_workers: false,
        supervised: false,
    },
    Rung {
        name: "bare-thread-per-connection",
        program: "blocking-server",
        kind: Kind::BlockingControl,
        waits: "a thread of its own, made once",
        python: "(control)",
        differs: "the connection's thread runs the view",
        needs: Needs { threads: 1, files: 1, bytes: 50_000 },
        has_workers: false,
        supervised: false,
    },
    Rung {
        name: "bare-task-per-connection",
        program: "async-server",
        kind: Kind::AsyncControl,
        waits: "nowhere: a timer or a socket is registered",
        python: "(control)",
        differs: "tokio tasks in place of threads, `.await`",
        needs: Needs { threads: 0, files: 1, bytes: 12_000 },
        has_workers: true,
        supervised: false,
    },
    Rung {
        name: "event-loop",
        program: "async-server",
        kind: Kind::Async,
        waits: "nowhere: a timer or a socket is registered",
        python: "Quart",
        differs: "actix-web",
        needs: Needs { threads: 0, files: 1, bytes: 30_000 },
        has_workers: true,
        supervised: false,
    },
    Rung {
        name: "async-views",
        program: "bridges",
        kind: Kind::Bridge,
        waits: "still a thread, with a small event loop on it",
        python: "Flask >= 2 with `async def`",
        differs: "thread-per-request with the async views",
        needs: Needs { threads: 2, files: 6, bytes: 200_000 },
        has_workers: false,
        supervised: true,
    },
    Rung {
        name: "offload",
        program: "bridges",
        kind: Kind::Bridge,
        waits: "a thread of the blocking pool",
        python: "Quart's run_sync, FastAPI's `def`",
        differs: "event-loop with the blocking views, on other threads",
        needs: Needs { threads: 1, files: 1, bytes: 60_000 },
        has_workers: true,
        supervised: false,
    },
    Rung {
        name: "blocked-loop",
        program: "bridges",
        kind: Kind::Bridge,
        waits: "the event loop itself",
        python: "Quart and time.sleep",
        differs: "event-loop with the blocking views, on its own thread",
        needs: Needs { threads: 0, files: 1, bytes: 30_000 },
        has_workers: true,
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

/// A rung's place on the ladder, from most blocking to most async.
pub fn place(rung: &Rung) -> usize {
    LADDER.iter().position(|other| other.name == rung.name).unwrap_or(LADDER.len())
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
