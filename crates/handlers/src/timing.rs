//! Where a request's time went inside a server, and how `server-timing` says it (W3C Server Timing):
//!
//! ```text
//! server-timing: queue;dur=0.412, view;dur=51.873, upstream;dur=50.231
//! ```
//!
//! | metric | from | to | there when |
//! | --- | --- | --- | --- |
//! | `queue` | the client's send, as its `x-sent-at` says | the view is entered | the request says when it was sent |
//! | `view` | the view is entered | the view is left | always |
//! | `upstream` | of that: at least one call to the upstream is under way | none is | the view called it |
//! | `pool` | of that: handed to a pool of threads | one of them begins | a pool lies between (`offload`) |
//!
//! **What is in `queue`.** Everything that lies between two programs: the client's socket, the kernel's listen
//! queue and receive buffer, the server's accepting, its turn on the event loop or at a pool of threads, the
//! making of a thread, the reading and parsing of the head, the hooks. No framework here tells when the bytes of
//! a request arrived (rouille's queue for a pool and actix's turn on its loop are over before any code of
//! ours runs), so a server alone could measure next to nothing of it, and each framework something else. The
//! moment of sending is the same for all of them. A request that does not carry it gets no `queue`: what is not
//! known is not called nothing.
//!
//! **What is in `upstream`.** The time in which *at least one* call is under way: where calls follow each other
//! that is their sum, and where they overlap, as in the async `/api/city`, their union, which is what the view
//! waited for. It begins when a view asks and so holds whatever the client does: waiting for a connection,
//! connecting, a second try.
//!
//! Who reads `view` and `upstream` should subtract. The servers fill this in around each view; the header is
//! made by a hook (`hooks.rs`).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::{Header, Reply, trace};

/// Request header: when the client began to send, in nanoseconds of `CLOCK_MONOTONIC`. That clock is the same for
/// all processes of one machine and means nothing between two. It is also where a [`trace`] is asked for.
pub const SENT_AT: &str = "x-sent-at";

/// Name of the reply header.
pub const SERVER_TIMING: &str = "server-timing";

/// No client waits for an answer that long: whoever says so has another clock.
const LONGEST_QUEUE: Duration = Duration::from_secs(600);

/// Where a request's time went inside the server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// When the client sent the request.
    sent_ns: Option<u64>,
    /// From sending to entering the view; `None` where the client does not say when it sent, or cannot mean this
    /// machine's clock.
    pub queue: Option<Duration>,
    /// From entering the view to leaving it, waiting included.
    pub view: Duration,
}

impl Timing {
    /// Reads the value of [`SENT_AT`]. What is no number says nothing.
    pub(crate) fn sent_at(value: Option<&str>) -> Self {
        let sent_ns = value.and_then(|text| text.parse().ok());
        Self { sent_ns, ..Self::default() }
    }

    /// The view is entered now; the moment is for taking the time of the view.
    pub fn enter(&mut self) -> Instant {
        self.queue = self.sent_ns.and_then(|sent_ns| since(sent_ns, monotonic_ns()));
        Instant::now()
    }

    /// The value of the header, before what the application adds to it.
    pub(crate) fn header(&self) -> String {
        let mut value = String::with_capacity(64);
        if let Some(queue) = self.queue {
            value.push_str(&metric("queue", queue));
            value.push_str(", ");
        }
        value.push_str(&metric("view", self.view));
        value
    }
}

/// `None` for what cannot be: sent in the future, or longer ago than anybody waits.
fn since(sent_ns: u64, now_ns: u64) -> Option<Duration> {
    let queue = Duration::from_nanos(now_ns.checked_sub(sent_ns)?);
    (queue <= LONGEST_QUEUE).then_some(queue)
}

pub(crate) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// `view;dur=12.345`: milliseconds, as W3C Server Timing has them, cut off after microseconds.
fn metric(name: &str, time: Duration) -> String {
    let micros = time.as_micros();
    let mut text = String::with_capacity(24);
    let _ = write!(text, "{name};dur={}.{:03}", micros / 1_000, micros % 1_000);
    text
}

/// Adds a metric to what a reply says of its time. The hooks put theirs before it.
pub fn note(headers: &mut Vec<Header>, name: &str, time: Duration) {
    let metric = metric(name, time);
    match headers.iter_mut().find(|(name, _)| *name == SERVER_TIMING) {
        Some((_, value)) => {
            let value = value.to_mut();
            value.push_str(", ");
            value.push_str(&metric);
        }
        None => headers.push((SERVER_TIMING, Cow::Owned(metric))),
    }
}

/// Measures `upstream` for one request: the time in which at least one call is under way.
#[derive(Debug, Default)]
pub struct UpstreamTime(Mutex<Calls>);

#[derive(Debug, Default)]
struct Calls {
    under_way: u32,
    /// When the first of those began.
    since: Option<Instant>,
    /// `None` before the first call.
    total: Option<Duration>,
}

impl UpstreamTime {
    /// A call begins; it ends when what this returns is dropped, and so also when nobody waits for it any more.
    pub fn call(&self) -> UpstreamCall<'_> {
        trace::mark();
        let mut calls = self.lock();
        calls.under_way += 1;
        calls.since.get_or_insert_with(Instant::now);
        UpstreamCall(self)
    }

    /// Up to now; `None` when there was no call.
    pub fn total(&self) -> Option<Duration> {
        self.lock().total
    }

    /// Says so in a reply, where there was a call.
    pub fn note(&self, reply: &mut Reply) {
        if let Some(total) = self.total() {
            note(&mut reply.headers, "upstream", total);
        }
    }

    fn ended(&self) {
        trace::mark();
        let mut calls = self.lock();
        calls.under_way -= 1;
        if calls.under_way == 0
            && let Some(since) = calls.since.take()
        {
            calls.total = Some(calls.total.unwrap_or_default() + since.elapsed());
        }
    }

    /// Never held for longer than it takes to add two numbers.
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call to the upstream that is under way.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct UpstreamCall<'a>(&'a UpstreamTime);

impl Drop for UpstreamCall<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;
    use crate::replies;

    #[test]
    fn the_queue_is_counted_from_the_moment_of_sending() {
        let sent_ns = monotonic_ns() - 5_000_000;
        let mut timing = Timing::sent_at(Some(&sent_ns.to_string()));
        timing.enter();
        let queue = timing.queue.unwrap();
        assert!((Duration::from_millis(5)..Duration::from_secs(20)).contains(&queue), "{queue:?}");
    }

    #[test]
    fn what_cannot_be_is_not_said() {
        let now_ns = monotonic_ns();
        let future = (now_ns + 60_000_000_000).to_string();
        let too_old = now_ns.checked_sub(700_000_000_000).map(|ns| ns.to_string());
        for value in [None, Some("soon"), Some("-5"), Some(""), Some(&*future), too_old.as_deref()] {
            let mut timing = Timing::sent_at(value);
            timing.enter();
            assert_eq!(timing.queue, None, "{value:?}");
        }
        assert_eq!(since(5, 4), None, "a moment too late is too late");
        assert_eq!(since(4, 5), Some(Duration::from_nanos(1)));
        assert_eq!(since(0, 600_000_000_001), None);
    }

    #[test]
    fn calls_one_after_the_other_add_up() {
        let time = UpstreamTime::default();
        assert_eq!(time.total(), None);
        for _ in 0..2 {
            let _call = time.call();
            sleep(Duration::from_millis(10));
        }
        sleep(Duration::from_millis(50));
        let total = time.total().unwrap();
        assert!(total >= Duration::from_millis(20), "{total:?}");
    }

    #[test]
    fn calls_at_the_same_time_count_once() {
        let (time, began) = (UpstreamTime::default(), Instant::now());
        let first = time.call();
        let second = time.call();
        sleep(Duration::from_millis(30));
        drop(first);
        assert_eq!(time.total(), None, "one is still under way");
        drop(second);
        assert!(time.total().unwrap() <= began.elapsed());
        assert!(time.total().unwrap() >= Duration::from_millis(30));
    }

    #[test]
    fn a_reply_says_it_only_where_there_was_a_call() {
        let time = UpstreamTime::default();
        let mut reply = replies::hello();
        let before = reply.headers.len();
        time.note(&mut reply);
        assert_eq!(reply.headers.len(), before);
        drop(time.call());
        time.note(&mut reply);
        note(&mut reply.headers, "pool", Duration::from_micros(1_250));
        let (name, value) = reply.headers.last().unwrap();
        assert_eq!(*name, SERVER_TIMING);
        assert!(value.starts_with("upstream;dur=0.") && value.ends_with(", pool;dur=1.250"), "{value}");
    }
}
