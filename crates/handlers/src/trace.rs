//! When a view ran, when it waited, and on which thread: what the report draws its twenty requests from.
//!
//! A client that wants to know adds `;trace` to what it says in `x-sent-at` anyway, and the reply tells it:
//!
//! ```text
//! x-sent-at: 81234567890123;trace
//! x-trace: thread=3; entered=81234567990321; left=81235513480007; ran=0-41250, 512400000-512433100
//! ```
//!
//! `entered` and `left` are moments of `CLOCK_MONOTONIC`, in nanoseconds; the stretches of `ran` count from
//! `entered`. Whoever sent the request has the same clock, and so knows how long it stood in line before.
//!
//! **Running is having the CPU.** What a thread's CPU clock says it used is running, the rest of the time in the
//! view is waiting: for a timer, for a service, for its turn on the CPU. The clock is read at *marks*: where a view
//! is entered and left, where it begins and ends to call the upstream, and on an event loop at both ends of every
//! poll. Between two marks it says how long the thread ran, not when; that is put at the beginning. What runs for
//! a request outside of its view is not in it: reading and writing it, or a library's own task on the event loop.
//!
//! **Who has it.** A blocking server's thread carries its request from entering the view to leaving it, the waits
//! included. An event loop picks a request up for a poll and sets it down again, and in between it is nowhere: that
//! is why the same [`Tracing`] is used once around a view there, and once around each poll here.
//!
//! Threads have numbers in the order in which they first carried a request that was asked about. Those that
//! were not asked about cost a look at one word. Of a reply that is streamed this tells the view alone, which is
//! over when the first byte is sent.

use std::cell::Cell;
use std::fmt;
use std::mem;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

use crate::Header;
use crate::timing::monotonic_ns;

/// Name of the reply header.
pub const TRACE: &str = "x-trace";

/// What asks for it, after the number in [`SENT_AT`](crate::timing::SENT_AT).
pub const ASKS: &str = ";trace";

/// A request's trace on its way through the server.
#[derive(Debug, Default)]
pub enum Tracing {
    /// Nobody asked.
    #[default]
    Unasked,
    /// Somebody did, and the view was not entered yet.
    Asked,
    /// A thread carries the request just now, and has the trace.
    Carried,
    /// No thread carries the request.
    SetDown(Box<Record>),
}

/// A trace, and where its last mark was.
#[derive(Debug)]
pub struct Record {
    trace: Trace,
    last: Mark,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Number of the thread, from 1.
    pub thread: u64,
    /// When the view was entered.
    pub entered_ns: u64,
    /// When it was left.
    pub left_ns: u64,
    /// From when to when the thread ran for it, in their order.
    pub ran_ns: Vec<(u64, u64)>,
    /// False where it ran more often than is kept.
    pub complete: bool,
}

/// A view of ours runs some five times; one that is polled for each byte of a body fills no memory and no head.
const MOST_STRETCHES: usize = 64;

impl Tracing {
    /// Reads the value of [`SENT_AT`](crate::timing::SENT_AT), and gives it back without what asks for a trace.
    pub(crate) fn asked(sent_at: Option<&str>) -> (Option<&str>, Self) {
        match sent_at.and_then(|value| value.strip_suffix(ASKS)) {
            Some(value) => (Some(value), Self::Asked),
            None => (sent_at, Self::Unasked),
        }
    }

    /// For a view that is handed to another thread: asked for there if it is here, where this thread carries it.
    pub fn handed_over() -> Self {
        match CARRIED.take() {
            None => Self::Unasked,
            carried => {
                CARRIED.set(carried);
                Self::Asked
            }
        }
    }

    /// Carries the request on this thread while `run` runs.
    pub fn around<T>(&mut self, run: impl FnOnce() -> T) -> T {
        self.pick_up();
        let result = run();
        self.set_down();
        result
    }

    /// From here on this thread carries the request.
    pub fn pick_up(&mut self) {
        let record = match mem::take(self) {
            Self::Unasked => return,
            Self::Asked => Box::new(Record::begin()),
            Self::SetDown(mut record) => {
                record.last = Mark::now();
                record
            }
            Self::Carried => {
                *self = Self::Carried;
                return;
            }
        };
        CARRIED.set(Some(record));
        *self = Self::Carried;
    }

    /// This thread carries it no more. May be said twice.
    pub fn set_down(&mut self) {
        if let Self::Carried = self {
            *self = CARRIED.take().map_or(Self::Unasked, |mut record| {
                record.mark();
                Self::SetDown(record)
            });
        }
    }

    /// Says it in a reply, unless another thread has: the one that answered the request for this one.
    pub fn note(&self, headers: &mut Vec<Header>) {
        if let Self::SetDown(record) = self
            && !headers.iter().any(|(name, _)| *name == TRACE)
        {
            headers.push((TRACE, record.trace.to_string().into()));
        }
    }
}

/// Something begins or ends within the view that this thread carries, if it carries one.
pub(crate) fn mark() {
    // What is dropped while its thread ends is carried by nobody.
    let _ = CARRIED.try_with(|carried| {
        if let Some(mut record) = carried.take() {
            record.mark();
            carried.set(Some(record));
        }
    });
}

thread_local! {
    /// What this thread carries. A view cannot be handed it: between the server that runs a view and the client
    /// that waits for it lie WSGI, and views that look the same on all servers.
    static CARRIED: Cell<Option<Box<Record>>> = const { Cell::new(None) };
    static NUMBER: u64 = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
}

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

impl Record {
    fn begin() -> Self {
        let last = Mark::now();
        let trace = Trace {
            thread: NUMBER.with(|number| *number),
            entered_ns: last.wall_ns,
            left_ns: last.wall_ns,
            ran_ns: Vec::with_capacity(8),
            complete: true,
        };
        Self { trace, last }
    }

    fn mark(&mut self) {
        let (now, last) = (Mark::now(), self.last);
        let ran_ns = now.cpu_ns.saturating_sub(last.cpu_ns).min(now.wall_ns.saturating_sub(last.wall_ns));
        let is_room = self.trace.ran_ns.len() < MOST_STRETCHES;
        match self.trace.ran_ns.last_mut() {
            _ if ran_ns == 0 => {}
            // It ran up to the mark and goes on.
            Some((_, to)) if *to == last.wall_ns => *to += ran_ns,
            _ if is_room => self.trace.ran_ns.push((last.wall_ns, last.wall_ns + ran_ns)),
            _ => self.trace.complete = false,
        }
        self.trace.left_ns = now.wall_ns;
        self.last = now;
    }
}

/// A moment by two clocks.
#[derive(Debug, Clone, Copy)]
struct Mark {
    wall_ns: u64,
    /// Of this thread.
    cpu_ns: u64,
}

impl Mark {
    fn now() -> Self {
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        Self { wall_ns: monotonic_ns(), cpu_ns: cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64 }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, entered_ns, left_ns, ran_ns, complete } = self;
        write!(f, "thread={thread}; entered={entered_ns}; left={left_ns}; ran=")?;
        for (place, (from, to)) in ran_ns.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{}-{}", from - entered_ns, to - entered_ns)?;
        }
        f.write_str(if *complete { "" } else { CUT })
    }
}

/// At the end of a trace that is not complete.
const CUT: &str = "; cut";

impl FromStr for Trace {
    type Err = NoTrace;

    fn from_str(text: &str) -> Result<Self, NoTrace> {
        read(text).ok_or(NoTrace)
    }
}

fn read(text: &str) -> Option<Trace> {
    let whole = text.strip_suffix(CUT);
    let mut fields = whole.unwrap_or(text).split("; ");
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
    let thread = field("thread")?.parse().ok()?;
    let entered_ns: u64 = field("entered")?.parse().ok()?;
    let left_ns = field("left")?.parse().ok()?;
    let stretch = |text: &str| {
        let (from, to) = text.split_once('-')?;
        let at = |offset: &str| entered_ns.checked_add(offset.parse().ok()?);
        Some((at(from)?, at(to)?))
    };
    let stretches = field("ran")?.split(", ").filter(|stretch| !stretch.is_empty());
    let ran_ns = stretches.map(stretch).collect::<Option<_>>()?;
    let is_all = fields.next().is_none();
    is_all.then_some(Trace { thread, entered_ns, left_ns, ran_ns, complete: whole.is_none() })
}

/// A text that is no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTrace;

impl fmt::Display for NoTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is not of the form thread=1; entered=NS; left=NS; ran=NS-NS, NS-NS")
    }
}

impl std::error::Error for NoTrace {}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
