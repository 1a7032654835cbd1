//! A place for one connection: opened when a request needs it, closed when it is no good any more.
//!
//! This is where the rules about time are kept. A request has until `due + timeout`, connecting included;
//! what comes later is a timeout even if it comes, and the connection of a timed-out request is closed,
//! because its late answer would be taken for the next one's.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::clock::monotonic_ns;
use crate::connection::{Connection, failure};
use crate::desk::Due;
use crate::http::Check;
use crate::parts::{Course, ServerTiming, stamp};
use crate::protocol::Failure;
use crate::recorder::{Ended, Ending};
use crate::worker::Worker;

/// At most one connection, and the means to open another.
pub(crate) struct Line {
    worker: Arc<Worker>,
    connection: Option<Connection>,
    alarm: Alarm,
    /// Counts connections, so that each goes out from the next source address.
    opened: usize,
    /// The last attempt in more detail, and its request with the time on it; where parts are asked for.
    course: Attempted,
    stamped: Vec<u8>,
}

/// What is known of an attempt besides how it ended.
#[derive(Debug, Default, Clone, Copy)]
struct Attempted {
    connect_ns: u64,
    sent_ns: u64,
    server: ServerTiming,
}

/// A request that a line takes up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) due: Due,
    pub(crate) at_ns: u64,
    /// It found all connections busy and waited for one.
    pub(crate) queued: bool,
}

/// What a client that goes on must know.
pub(crate) struct Carried {
    /// When the client knew how it ended.
    pub(crate) end_ns: u64,
    /// The connection failed rather than the answer, or the server asks to be left alone: trying again at once would
    /// be a busy loop.
    pub(crate) broke: bool,
}

impl Line {
    /// `first` tells lines apart that begin with different source addresses.
    pub(crate) fn new(worker: Arc<Worker>, first: usize) -> Self {
        let (alarm, course) = (Alarm::new(), Attempted::default());
        Self { worker, connection: None, alarm, opened: first, course, stamped: Vec::new() }
    }

    /// Tries to connect until it works or the time is over; then what was wrong last, if anything was. For
    /// before the load: nothing is counted.
    pub(crate) async fn open_by(&mut self, deadline_ns: u64) -> Result<(), Option<Failure>> {
        let mut backoff = Backoff::default();
        let mut last = None;
        loop {
            match self.open(deadline_ns).await {
                Some(Ok(connection)) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                Some(Err(error)) => {
                    last = Some(failure(&error));
                    let pause = backoff.next();
                    if monotonic_ns() + pause.as_nanos() as u64 >= deadline_ns {
                        return Err(last);
                    }
                    sleep(pause).await;
                }
                None => return Err(last),
            }
        }
    }

    /// The socket alone, for whoever talks over it in another way.
    pub(crate) fn into_stream(self) -> Option<TcpStream> {
        self.connection.map(Connection::into_stream)
    }

    /// The same, by whoever comes back for another.
    pub(crate) fn take_stream(&mut self) -> Option<TcpStream> {
        self.connection.take().map(Connection::into_stream)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Closes the connection as soon as it is no good any more; never ends while it is, or without one.
    pub(crate) async fn lost(&mut self) {
        match &self.connection {
            Some(connection) => connection.disturbed().await,
            None => std::future::pending().await,
        }
        self.connection = None;
    }

    /// One request, from taking it up to its end, recorded.
    pub(crate) async fn carry(&mut self, taken: Taken) -> Carried {
        let Taken { due, at_ns: sent_ns, queued } = taken;
        let due_ns = due.at_ns;
        let deadline_ns = due_ns + self.worker.plan.timeout_ns;
        if sent_ns >= deadline_ns {
            let ended = Ended { due_ns, sent_ns: None, end_ns: deadline_ns, ending: Ending::Unsent };
            self.worker.recorder().ended(ended);
            return Carried { end_ns: sent_ns, broke: false };
        }
        self.worker.recorder().started(sent_ns);
        let mut ending = self.attempt(due, deadline_ns).await;
        let now_ns = monotonic_ns();
        if now_ns > deadline_ns && ending != Ending::Unsent {
            ending = Ending::TimedOut;
        }
        let broke = match &ending {
            Ending::Failed(failure, _) => !matches!(failure, Failure::Status | Failure::WrongBody),
            Ending::Right | Ending::TimedOut | Ending::Unsent => false,
        };
        let end_ns = now_ns.min(deadline_ns);
        let mut recorder = self.worker.recorder();
        if self.worker.plan.timing && ending == Ending::Right {
            let Attempted { connect_ns, sent_ns: asked_ns, server } = self.course;
            recorder.parted(Course {
                due_ns,
                taken_ns: sent_ns,
                queued,
                connect_ns,
                sent_ns: asked_ns,
                end_ns,
                server,
            });
        }
        recorder.ended(Ended { due_ns, sent_ns: Some(sent_ns), end_ns, ending });
        drop(recorder);
        Carried { end_ns: now_ns, broke }
    }

    async fn attempt(&mut self, due: Due, deadline_ns: u64) -> Ending {
        // Closed by the server since the last reply, as servers do with idle connections.
        if self.connection.as_ref().is_some_and(|connection| !connection.is_quiet()) {
            self.connection = None;
        }
        let timing = self.worker.plan.timing;
        self.course.connect_ns = 0;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let opening_ns = if timing { monotonic_ns() } else { 0 };
                match self.open(deadline_ns).await {
                    Some(Ok(connection)) => {
                        self.course.connect_ns = if timing { monotonic_ns() - opening_ns } else { 0 };
                        connection
                    }
                    Some(Err(error)) => return Ending::Failed(failure(&error), None),
                    None => return Ending::Unsent,
                }
            }
        };
        let worker = &*self.worker;
        let mut exchange = worker.exchange(due.nth);
        if timing {
            self.course.sent_ns = monotonic_ns();
            stamp(&mut self.stamped, exchange.request, self.course.sent_ns);
            exchange.request = &self.stamped;
        }
        connection.begin();
        let exchanged = poll_fn(|cx| connection.poll_exchange(cx, exchange, &mut worker.buffer()));
        let Some(finished) = self.alarm.before(worker.instant(deadline_ns), exchanged).await else {
            return Ending::TimedOut;
        };
        if timing {
            self.course.server = connection.timing();
        }
        if finished.reusable && worker.plan.keep_alive {
            self.connection = Some(connection);
        }
        finished.ending
    }

    /// `None` when the time was over first.
    async fn open(&mut self, deadline_ns: u64) -> Option<std::io::Result<Connection>> {
        let plan = &self.worker.plan;
        let source = (!plan.sources.is_empty()).then(|| plan.sources[self.opened % plan.sources.len()]);
        self.opened += 1;
        let check = Check::new(plan.head_only);
        let check = if plan.timing { check.timed() } else { check };
        let connected = Connection::open(plan.target, source, check);
        self.alarm.before(self.worker.instant(deadline_ns), connected).await
    }
}

/// How long to leave a server alone that could not be talked to: 10 ms, twice as long each time, up to a
/// second. So C clients of a dead server make C attempts a second, not a busy loop.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let ms = 10_u64 << self.failures.min(7);
        self.failures += 1;
        Duration::from_millis(ms.min(1_000))
    }

    pub(crate) fn forget(&mut self) {
        self.failures = 0;
    }

    /// Closed loop: when the next request is due, once it is time for it. After a failure that is after a pause,
    /// which is the client's own.
    pub(crate) async fn due_after(&mut self, carried: &Carried) -> u64 {
        if carried.broke {
            sleep(self.next()).await;
            return monotonic_ns();
        }
        self.forget();
        carried.end_ns
    }
}

/// One timer per line for all its requests. Setting a timer for each request and taking it back is what
/// costs, so the timer is left alone when a request ends; when it fires, it is set for the deadline that
/// holds by then.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(Instant::now())) }
    }

    /// What the future comes to, or `None` when the deadline comes first.
    async fn before<T>(&mut self, deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll(cx, deadline).map(|()| None),
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.sleep.deadline() > deadline {
            self.sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
    }
}
