//! What ran out where a rung left its line, or where its answers took far longer than they wait: from evidence in
//! the results and from nothing else.
//!
//! ```text
//! a cell's trials -> evidence (figures) -> rules (what they mean) -> words (a label, a clause)
//!                                          experiment (a sentence for each rung of an experiment)
//! ```
//! The reader goes next to `rules`, where the order of the questions is argued.

mod alone;
mod evidence;
mod experiment;
mod rules;
mod words;

use crate::report::bounds::{Point, Track};
use crate::report::slots::Slots;

pub(crate) use alone::{Alone, alone};
pub(crate) use evidence::Evidence;
pub(crate) use experiment::{Became, became, in_brief, sentences};
pub(crate) use words::{NOT_FOUND, percent};

/// What ran out, and what else was full there, so that more of the first alone would not help.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) cause: Cause,
    pub(crate) also: Vec<Cause>,
}

/// What ran out, with the figures that say so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cause {
    /// The server died or stopped listening; what it ran out of, if its last words say.
    Collapsed { trials: usize, of: usize, reason: String, limit: Option<Limit> },
    /// Not measured: its line says that an answer takes too long to wait for.
    NotRun { reason: String, slots: Option<(Slots, String)> },
    /// No trial counts.
    Void { trials: usize, reason: String },
    /// The operating system refused something, and requests failed.
    Refused { limit: Limit, times: u64, failed: u64, of: u64 },
    /// The services behind take no more calls at a time.
    Downstream { capacity: u64, in_service: f64, queued: u64 },
    /// The services behind did what they were told to: hang, fail, or answer slowly.
    Fault { what: &'static str, for_ms: u64 },
    /// Everything that it can wait in waits. `line`: the wait, and what K / W allows; none for subscribers, who stay.
    Slots { slots: Slots, callers: u32, line: Option<(String, f64)>, queue: Option<Took> },
    /// Everything that it can wait in is taken, as bystanders feel it, half of whom wait this long.
    Blocked { slots: Slots, bystander_ms: f64 },
    /// Requests queue for an event loop that does something else, though its CPU is not full.
    EventLoop { queue: Took, busy: Option<f64> },
    /// Requests take long to compute, or take turns at it.
    View { view: Took, busy: Option<f64> },
    /// All connections that clients may have were taken.
    Connections { number: u32, waiting: Took },
    /// The server's CPUs are full.
    Cpu { busy: f64, others: f64, cores: f64, us: Option<f64>, kernel: Option<f64>, switches: Option<f64> },
    /// Its CPUs were full, and a good part of that was others' work.
    Others { busy: f64, others: f64, cores: f64 },
    /// The generator's core was full: nothing can be said about the server's throughput.
    Generator { busy: f64 },
    /// Connections were dropped before the server saw them.
    ListenQueue { overflows: u64 },
    /// Requests were not answered, or not rightly.
    Failures { failed: u64, of: u64 },
    /// None of these. `few`: so few answers, and seconds, that a cause might well not have shown.
    NotFound { looked_at: String, few: Option<(u64, f64)>, in_step: Option<InStep> },
}

/// A limit of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `EAGAIN` when a thread was to be made.
    Threads,
    /// `EMFILE` or `ENFILE`.
    Files,
    /// `ENOMEM`, or an allocation that failed.
    Memory,
    /// Either of the two, in a server whose address space is limited.
    Addresses,
}

/// What would explain late answers beside an idle CPU: clients that come all at once, round after round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InStep {
    pub(crate) clients: u32,
    /// CPU time of one request of each of them, shared among the server's CPUs.
    pub(crate) round_ms: f64,
    /// Mean time of an answer besides its wait.
    pub(crate) besides_ms: f64,
}

/// A part of a mean response.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Took {
    pub(crate) ms: f64,
    pub(crate) of_ms: f64,
}

/// What ran out at a point that is off its line (or off C / W).
pub(crate) fn ran_out(track: &Track<'_, '_>, point: &Point<'_, '_>, cores: Option<f64>) -> Verdict {
    rules::verdict(&Evidence::at(track, point, cores))
}
