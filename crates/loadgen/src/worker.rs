//! A thread with an event loop of its own and its share of the connections.
//!
//! Workers share nothing on the path of a request but the [`Desk`] of the open loop (and in closed loop a counter,
//! where requests differ): each has its own runtime, read buffer and recorder. The locks around the latter two are
//! there for the moments at which somebody else reads along, and are free otherwise.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::clock::{monotonic_ns, thread_cpu_ns};
use crate::connection::Exchange;
use crate::desk::{Desk, Due};
use crate::line::{Backoff, Line, Taken};
use crate::plan::Plan;
use crate::protocol::Load;
use crate::recorder::{Recorder, Window};
use crate::slow::{Counts, dawdle};
use crate::streams::{Rhythm, Streams};
use crate::subscriber::subscribe;

/// What a worker's tasks and the thread that runs the whole know of it.
pub(crate) struct Worker {
    pub(crate) plan: Arc<Plan>,
    id: usize,
    pub(crate) shared: Arc<Shared>,
    recorder: Mutex<Recorder>,
    /// What subscribers hear.
    streams: Mutex<Streams>,
    /// What slow clients meet.
    slow: Mutex<Counts>,
    buffer: Mutex<Box<[u8]>>,
    /// Resting connections of the open loop.
    resting: Mutex<Resting>,
    /// The same moment on both clocks.
    epoch: (Instant, u64),
    /// The thread's CPU time at the window's edges.
    edges: [OnceLock<Mark>; 2],
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) desk: Desk,
    /// Closed loop with a mix: requests that clients have begun.
    pub(crate) begun: AtomicU64,
    /// Connections that came up before the load. (Streams are counted by their workers.)
    pub(crate) up: AtomicU32,
    pub(crate) phase: watch::Sender<Phase>,
    /// When the first connections are made.
    pub(crate) ramp_ns: u64,
    /// When to stop waiting for connections before the load.
    pub(crate) connect_by_ns: u64,
}

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    /// Load from `load_ns` on.
    Running {
        load_ns: u64,
        window: Window,
    },
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at_ns: u64,
    cpu_ns: u64,
}

/// One line of this worker.
pub(crate) struct Share {
    /// Among all lines.
    pub(crate) index: usize,
    /// Closed loop: when its client begins, from the start of the load. Subscribers: when it connects, from
    /// the start of the ramp.
    pub(crate) phase_ns: u64,
}

const BUFFER_BYTES: usize = 64 * 1024;

impl Worker {
    pub(crate) fn new(id: usize, plan: &Arc<Plan>, shared: &Arc<Shared>) -> Self {
        // No window yet: it is fixed when the connections are up, and nothing is recorded before.
        let recorder = Recorder::new(!plan.is_closed_loop(), Window { start_ns: 0, end_ns: 0 }, plan.row_ns);
        Self {
            plan: Arc::clone(plan),
            id,
            shared: Arc::clone(shared),
            recorder: Mutex::new(recorder),
            streams: Mutex::new(Streams::new(Rhythm { tick_ns: plan.tick_ns, timeout_ns: plan.timeout_ns })),
            slow: Mutex::default(),
            buffer: Mutex::new(vec![0; BUFFER_BYTES].into()),
            resting: Mutex::default(),
            epoch: (Instant::now(), monotonic_ns()),
            edges: [const { OnceLock::new() }; 2],
        }
    }

    /// The body of the worker's thread: runs its lines until the run is over.
    pub(crate) fn run(self: Arc<Self>, lines: Vec<Share>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for share in lines {
                let worker = Arc::clone(&self);
                match self.plan.load {
                    Load::Closed { .. } => tasks.spawn(worker.client(share)),
                    Load::Open { .. } => tasks.spawn(worker.carrier(share)),
                    Load::Subscribe { .. } => tasks.spawn(subscribe(worker, share)),
                    Load::Slow { .. } => tasks.spawn(dawdle(worker, share)),
                };
            }
            if matches!(self.plan.load, Load::Open { .. }) {
                tasks.spawn(Arc::clone(&self).dispatch());
            }
            tokio::spawn(Arc::clone(&self).mark_edges());
            let mut phase = self.shared.phase.subscribe();
            tokio::select! {
                // With an error when the other side is gone; then there is nothing left to do either.
                _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
                // They go on for ever, so one that has ended has panicked. A client less would be another load.
                Some(Err(panicked)) = tasks.join_next() => std::panic::resume_unwind(panicked.into_panic()),
            }
        });
        Ok(())
    }

    /// Closed loop: sends, waits for the answer, sends again.
    async fn client(self: Arc<Self>, share: Share) {
        let (mut line, load_ns) = self.ready_line(share.index).await;
        sleep_until(self.instant(load_ns + share.phase_ns)).await;
        let mut backoff = Backoff::default();
        let mut due_ns = monotonic_ns();
        loop {
            let carried = line.carry(self.turn(due_ns)).await;
            due_ns = backoff.due_after(&carried).await;
        }
    }

    /// Open loop: takes what is waiting, else rests until there is something.
    async fn carrier(self: Arc<Self>, share: Share) {
        let (line, _) = self.ready_line(share.index).await;
        self.carry_on(line).await;
    }

    /// The same from there on: for ever.
    pub(crate) async fn carry_on(self: Arc<Self>, mut line: Line) {
        let slot = Arc::new(Slot::default());
        loop {
            let (due, queued) = match self.shared.desk.next_or_rest(self.id) {
                Some(due) => (due, true),
                None => (self.rest(&mut line, &slot).await, false),
            };
            line.carry(Taken { due, at_ns: monotonic_ns(), queued }).await;
        }
    }

    /// A line with a connection, if there was one to be had, when the load begins.
    pub(crate) async fn ready_line(self: &Arc<Self>, index: usize) -> (Line, u64) {
        let mut line = Line::new(Arc::clone(self), index);
        let mut phase = self.shared.phase.subscribe();
        if line.open_by(self.shared.connect_by_ns).await.is_ok() {
            self.shared.up.fetch_add(1, Ordering::Relaxed);
        }
        match after_connecting(&mut phase).await {
            Phase::Running { load_ns, .. } => (line, load_ns),
            // Over before it began: the runtime is about to drop this task.
            _ => std::future::pending().await,
        }
    }

    async fn rest(&self, line: &mut Line, slot: &Arc<Slot>) -> Due {
        self.resting().push(Arc::clone(slot), line.is_open());
        loop {
            tokio::select! {
                biased;
                () = slot.assigned.notified() => return slot.due(),
                () = line.lost() => self.resting().cool(slot),
            }
        }
    }

    /// Passes requests from the desk to resting connections.
    pub(crate) async fn dispatch(self: Arc<Self>) {
        let mut requests = Vec::new();
        loop {
            self.shared.desk.collect(self.id, &mut requests).await;
            let mut resting = self.resting();
            for due in requests.drain(..) {
                let slot = resting.pop().expect("the desk hands out no more than there are free connections");
                slot.assign(due);
            }
        }
    }

    /// Closed loop: the next request of a client, taken up as soon as it is due.
    pub(crate) fn turn(&self, due_ns: u64) -> Taken {
        let begun = &self.shared.begun;
        let nth = if self.plan.mix.is_empty() { 0 } else { begun.fetch_add(1, Ordering::Relaxed) };
        Taken { due: Due { at_ns: due_ns, nth }, at_ns: due_ns, queued: false }
    }

    /// What the nth request asks for.
    pub(crate) fn exchange(&self, nth: u64) -> Exchange<'_> {
        let Plan { request, expected, mix, .. } = &*self.plan;
        match mix.at(nth) {
            Some(ask) => Exchange { request: &ask.request, expected: &ask.expected },
            None => Exchange { request, expected },
        }
    }

    /// Reads the thread's CPU clock at the window's edges. The timer may be late, and later under load,
    /// so each reading carries its own time.
    async fn mark_edges(self: Arc<Self>) {
        let mut phase = self.shared.phase.subscribe();
        let Phase::Running { window, .. } = after_connecting(&mut phase).await else { return };
        for (edge, at_ns) in self.edges.iter().zip([window.start_ns, window.end_ns]) {
            sleep_until(self.instant(at_ns)).await;
            let _ = edge.set(Mark { at_ns: monotonic_ns(), cpu_ns: thread_cpu_ns() });
        }
    }

    /// Share of a core that this thread used over the window; `None` when it did not see both edges.
    pub(crate) fn busy(&self) -> Option<f64> {
        let (start, end) = (self.edges[0].get()?, self.edges[1].get()?);
        Some((end.cpu_ns - start.cpu_ns) as f64 / (end.at_ns - start.at_ns).max(1) as f64)
    }

    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        lock(&self.recorder)
    }

    pub(crate) fn streams(&self) -> MutexGuard<'_, Streams> {
        lock(&self.streams)
    }

    pub(crate) fn slow(&self) -> MutexGuard<'_, Counts> {
        lock(&self.slow)
    }

    /// Only for the length of a poll: all connections of the worker share it.
    pub(crate) fn buffer(&self) -> MutexGuard<'_, Box<[u8]>> {
        lock(&self.buffer)
    }

    /// `monotonic_ns` in the terms of the runtime's timers.
    pub(crate) fn instant(&self, at_ns: u64) -> Instant {
        self.epoch.0 + Duration::from_nanos(at_ns.saturating_sub(self.epoch.1))
    }

    fn resting(&self) -> MutexGuard<'_, Resting> {
        lock(&self.resting)
    }
}

async fn after_connecting(phase: &mut watch::Receiver<Phase>) -> Phase {
    phase.wait_for(|phase| *phase != Phase::Connecting).await.map_or(Phase::Over, |phase| *phase)
}

/// A panic elsewhere is reported by the thread that had it; counts are complete between calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a resting connection learns of its next request.
#[derive(Debug, Default)]
struct Slot {
    due_ns: AtomicU64,
    nth: AtomicU64,
    assigned: Notify,
}

impl Slot {
    fn assign(&self, due: Due) {
        self.due_ns.store(due.at_ns, Ordering::Relaxed);
        self.nth.store(due.nth, Ordering::Relaxed);
        self.assigned.notify_one();
    }

    /// What was assigned last.
    fn due(&self) -> Due {
        Due { at_ns: self.due_ns.load(Ordering::Relaxed), nth: self.nth.load(Ordering::Relaxed) }
    }
}

/// Resting connections, last in first out: as few as possible are kept busy, and warm. Those that have
/// lost their connection come last.
#[derive(Debug, Default)]
struct Resting {
    open: Vec<Arc<Slot>>,
    closed: Vec<Arc<Slot>>,
}

impl Resting {
    fn push(&mut self, slot: Arc<Slot>, is_open: bool) {
        if is_open { &mut self.open } else { &mut self.closed }.push(slot);
    }

    fn pop(&mut self) -> Option<Arc<Slot>> {
        self.open.pop().or_else(|| self.closed.pop())
    }

    /// It has lost its connection.
    fn cool(&mut self, slot: &Arc<Slot>) {
        if let Some(place) = self.open.iter().position(|other| Arc::ptr_eq(other, slot)) {
            self.closed.push(self.open.swap_remove(place));
        }
    }
}
