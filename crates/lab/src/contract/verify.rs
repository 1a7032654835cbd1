//! Holds the contract and conformance against a running server, and says what came of each case.
//!
//! Everything has a time limit, so a server that hangs fails its cases and holds up nobody. A few cases run
//! at the same time, each on connections of its own; after each, somebody else must still be served.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::conversation::Conversation;
use super::http::{Connection, Request};
use super::known::{Known, ONE_AT_A_TIME};
use super::{Case, conformance, rows};
use crate::ladder::Rung;
use crate::stop;

/// A server to check.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Which rung it is, for what is known of it.
    pub rung: Option<&'static Rung>,
    /// Whether the services behind it are there; without, what needs them is left out.
    pub has_upstream: bool,
    /// How long one answer may take.
    pub patience: Duration,
    /// Cases at the same time.
    pub jobs: usize,
}

/// What came of a case.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Of which part it is.
    pub part: Part,
    /// Reads as a sentence after "a server".
    pub name: String,
    /// Where it is written.
    pub section: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// The application's promises, or those of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Part {
    Contract,
    Conformance,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be, and known: what the server does instead.
    Known(&'static str),
    /// As it should be, though the list says that it is not: the list is wrong.
    NotSo(&'static str),
    /// Not as it should be.
    Failed(Failure),
    /// Not tried, and why.
    Skipped(&'static str),
}

/// Why a case failed, and what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was heard, and what should have been.
    pub why: String,
    /// Everything that went over the connection, escaped and cut; empty where there was none.
    pub transcript: String,
}

impl Outcome {
    /// Whether the run has failed because of it.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::NotSo(_))
    }
}

/// Cases at the same time, for a server that serves several connections at once.
pub const JOBS: usize = 8;

/// For what is known to fail; a server that is known to hang need not be waited for so long.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// How many cases suit a server.
pub fn jobs(rung: Option<&Rung>) -> usize {
    if rung.is_some_and(|rung| ONE_AT_A_TIME.contains(&rung.name)) { 1 } else { JOBS }
}

/// Checks everything. Ends early, with all that was found, when somebody asks the lab to stop, and when the
/// server answers nobody any more.
pub fn verify(subject: &Subject) -> Vec<Finding> {
    let tasks: Vec<Task> = rows::cases()
        .into_iter()
        .map(Task::Row)
        .chain(conformance::cases().into_iter().map(Task::Talk))
        .collect();
    let (next, is_gone) = (AtomicUsize::new(0), AtomicBool::new(false));
    let findings = Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        for _ in 0..subject.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(at).filter(|_| !stop::requested()) else { return };
                    let finding = task.check(subject, &is_gone);
                    findings.lock().unwrap_or_else(PoisonError::into_inner).push((at, finding));
                }
            });
        }
    });
    let mut findings = findings.into_inner().unwrap_or_else(PoisonError::into_inner);
    findings.sort_by_key(|(at, _)| *at);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

/// A case of either part.
enum Task {
    Row(Case),
    Talk(Conversation),
}

impl Task {
    fn check(&self, subject: &Subject, is_gone: &AtomicBool) -> Finding {
        let (part, name, section) = match self {
            Self::Row(case) => (Part::Contract, &case.name, "contract"),
            Self::Talk(talk) => (Part::Conformance, &talk.name, talk.section),
        };
        Finding { part, name: name.clone(), section, outcome: self.outcome(subject, is_gone) }
    }

    fn outcome(&self, subject: &Subject, is_gone: &AtomicBool) -> Outcome {
        if is_gone.load(Ordering::Relaxed) {
            return Outcome::Skipped("the server had stopped answering");
        }
        match self {
            Self::Row(case) if !subject.has_upstream && case.needs_upstream() => {
                Outcome::Skipped("it needs the services behind the server")
            }
            Self::Row(case) => {
                match on_a_connection(subject, subject.patience, |connection| row(case, connection)) {
                    Ok(()) => Outcome::Passed,
                    Err(failure) => Outcome::Failed(failure),
                }
            }
            Self::Talk(talk) => held(talk, subject, is_gone),
        }
    }
}

fn held(talk: &Conversation, subject: &Subject, is_gone: &AtomicBool) -> Outcome {
    let known = Known::of(&talk.known, subject.rung);
    let patience = if known.is_some() { subject.patience.min(SHORT_PATIENCE) } else { subject.patience };
    let result = on_a_connection(subject, patience, |connection| talk.hold(connection));
    // The connection is closed by now: what is asked here is how others fare.
    if let Err(error) = alive(subject) {
        let dead = alive(subject).is_err();
        is_gone.fetch_or(dead, Ordering::Relaxed);
        let before = result.err().map_or_else(String::new, |failure| format!("{}; then ", failure.why));
        let lasting = if dead { "answers nobody any more" } else { "did not answer somebody else" };
        let why = format!("{before}the server {lasting}: {error}");
        return Outcome::Failed(Failure { why, transcript: String::new() });
    }
    match (result, known) {
        (Ok(()), None) => Outcome::Passed,
        (Ok(()), Some(does)) => Outcome::NotSo(does),
        (Err(_), Some(does)) => Outcome::Known(does),
        (Err(failure), None) => Outcome::Failed(failure),
    }
}

fn row(case: &Case, connection: &mut Connection) -> Result<(), String> {
    let response = case.ask(connection).map_err(|error| error.to_string())?;
    case.expect.check(&case.request, &response).map_err(|mismatch| mismatch.to_string())
}

fn on_a_connection(
    subject: &Subject,
    patience: Duration,
    check: impl FnOnce(&mut Connection) -> Result<(), String>,
) -> Result<(), Failure> {
    let mut connection = Connection::open(subject.addr, patience)
        .map_err(|error| Failure { why: format!("no connection: {error}"), transcript: String::new() })?;
    check(&mut connection).map_err(|why| Failure { why, transcript: connection.transcript().to_string() })
}

/// Whether a server answers `GET /hello` to somebody new.
///
/// # Errors
/// What it did instead.
pub fn alive(subject: &Subject) -> io::Result<()> {
    let mut connection = Connection::open(subject.addr, subject.patience)?;
    let response = connection.exchange(&Request::get("/hello"))?;
    if (response.status, &*response.body) == (200, br#"{"hello":"world"}"#) {
        return Ok(());
    }
    let body = response.body[..response.body.len().min(100)].escape_ascii();
    Err(io::Error::other(format!("GET /hello was answered with status {}: {body}", response.status)))
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contract => "contract",
            Self::Conformance => "conformance",
        })
    }
}
