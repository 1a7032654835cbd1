//! The threads of a load: workers, and in open loop the one that paces. Started together, ended together.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;

use crate::clock::{monotonic_ns, sleep_until_ns};
use crate::desk::Desk;
use crate::error::Error;
use crate::histogram::Histogram;
use crate::pacer::{self, Paced};
use crate::plan::Plan;
use crate::protocol::{Load, Recording, Slow};
use crate::recorder::{Recorder, Tally, Window};
use crate::schedule::{Schedule, phases};
use crate::worker::{Phase, Share, Shared, Worker};

/// The threads, and what they share.
pub(crate) struct Crew {
    plan: Arc<Plan>,
    window: Window,
    /// When the load began.
    load_ns: u64,
    shared: Arc<Shared>,
    workers: Vec<Arc<Worker>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    pacer: Option<JoinHandle<Histogram>>,
    paced: Arc<Paced>,
    /// What the pacing thread counts: requests that were never sent.
    given_up: Arc<Mutex<Recorder>>,
    /// When the window was fixed.
    connections_up: u32,
}

/// All that was counted.
pub(crate) struct Counted {
    pub(crate) plan: Arc<Plan>,
    /// Connections, or streams, that were up when the window was fixed.
    pub(crate) connections_up: u32,
    pub(crate) total: Recorder,
    /// What was to be done in the window, by whoever put it in.
    pub(crate) scheduled: u64,
    /// Requests without an answer when the window closed, or streams that were open then; `None` when the counts
    /// contradict each other.
    pub(crate) in_flight_at_end: Option<u64>,
    pub(crate) slow: Option<Slow>,
    pub(crate) schedule_lag: Histogram,
    /// Each request, where that was asked for.
    pub(crate) recording: Option<Recording>,
    /// Share of a core that the busiest worker used; `None` when none saw both edges of the window.
    pub(crate) busiest_worker: Option<f64>,
}

/// How long to wait for connections before the load.
const CONNECT_NS: u64 = 5_000_000_000;
/// Before it is fixed, nothing is in the window.
const NO_WINDOW: Window = Window { start_ns: 0, end_ns: 0 };

impl Crew {
    /// Workers that begin to connect at once, and then wait.
    pub(crate) fn start(plan: &Arc<Plan>) -> Result<Self, Error> {
        let count = plan.workers as usize;
        let ramp_ns = monotonic_ns();
        let ramp_lasts_ns = plan.tick_ns;
        let shared = Arc::new(Shared {
            desk: Desk::new(count),
            begun: AtomicU64::new(0),
            up: AtomicU32::new(0),
            phase: watch::Sender::new(Phase::Connecting),
            ramp_ns,
            connect_by_ns: ramp_ns + ramp_lasts_ns + CONNECT_NS,
        });
        let workers: Vec<_> = (0..count).map(|id| Arc::new(Worker::new(id, plan, &shared))).collect();
        let mut crew = Self {
            plan: Arc::clone(plan),
            window: NO_WINDOW,
            load_ns: 0,
            shared,
            workers,
            threads: Vec::new(),
            pacer: None,
            paced: Arc::default(),
            given_up: Arc::new(Mutex::new(recorder(plan, NO_WINDOW))),
            connections_up: 0,
        };
        for (worker, lines) in crew.workers.iter().zip(share_out(plan)) {
            let worker = Arc::clone(worker);
            crew.threads.push(spawn(format!("worker-{}", crew.threads.len()), move || worker.run(lines))?);
        }
        Ok(crew)
    }

    /// For all, or those that are up when the time is over.
    pub(crate) fn wait_for_connections(&mut self) -> Result<(), Error> {
        loop {
            let streams: u64 = self.workers.iter().map(|worker| worker.streams().open()).sum();
            self.connections_up = self.shared.up.load(Ordering::Relaxed) + streams as u32;
            if self.connections_up == self.plan.connections || monotonic_ns() >= self.shared.connect_by_ns {
                return Ok(());
            }
            self.check()?;
            sleep_until_ns(monotonic_ns() + 1_000_000);
        }
    }

    /// Starts the load.
    pub(crate) fn begin(&mut self, load_ns: u64, window: Window) -> Result<(), Error> {
        self.window = window;
        self.load_ns = load_ns;
        for worker in &self.workers {
            *worker.recorder() = recorder(&self.plan, window);
            // Streams are open already; what they brought meanwhile is no news of the first second.
            worker.streams().drain_second(&mut Tally::new());
        }
        *self.given_up() = recorder(&self.plan, window);
        if let Load::Open { rate_rps, arrivals, shape, .. } = self.plan.load {
            let opens_ns = window.start_ns - load_ns;
            let schedule = Schedule::shaped(arrivals, rate_rps, shape, opens_ns, self.plan.seed)
                .map(move |at_ns| load_ns + at_ns);
            let (shared, paced) = (Arc::clone(&self.shared), Arc::clone(&self.paced));
            let given_up = Arc::clone(&self.given_up);
            let timeout_ns = self.plan.timeout_ns;
            self.pacer = Some(spawn("pacer".into(), move || {
                pacer::pace(schedule, &shared.desk, timeout_ns, window, &given_up, &paced)
            })?);
        }
        for worker in &self.workers {
            worker.slow().close_at(window.end_ns);
        }
        self.shared.phase.send_replace(Phase::Running { load_ns, window });
        Ok(())
    }

    /// Workers never end by themselves: if one has, the run is over, and it says why.
    fn check(&mut self) -> Result<(), Error> {
        match self.threads.iter().position(JoinHandle::is_finished) {
            Some(ended) => worked(self.threads.swap_remove(ended)).and(Err(Error::Panicked)),
            None => Ok(()),
        }
    }

    /// After the window: everything that was due in it is over. Closed loop: nothing is due.
    pub(crate) fn is_settled(&self) -> bool {
        match self.plan.load {
            Load::Closed { .. } | Load::Slow { .. } => true,
            Load::Open { .. } => {
                self.paced.past_window.load(Ordering::Acquire) && {
                    let unsent = self.given_up().measured.ended;
                    let sent: u64 = self.workers.iter().map(|worker| worker.recorder().measured.ended).sum();
                    unsent + sent == self.paced.scheduled.load(Ordering::Relaxed)
                }
            }
            Load::Subscribe { .. } => {
                let now_ns = monotonic_ns();
                self.workers.iter().all(|worker| worker.streams().is_settled(self.window, now_ns))
            }
        }
    }

    /// Moves what happened since the last call into `sum`; returns how many requests are in flight, or streams
    /// open.
    pub(crate) fn drain_second(&self, sum: &mut Tally) -> u64 {
        self.given_up().drain_second(sum);
        let drain = |worker: &Arc<Worker>| {
            let (mut recorder, mut streams) = (worker.recorder(), worker.streams());
            recorder.drain_second(sum);
            streams.drain_second(sum);
            recorder.in_flight() + streams.open() + worker.slow().so_far().held
        };
        self.workers.iter().map(drain).sum()
    }

    /// Requests in flight, now; not for streams.
    pub(crate) fn in_flight(&self) -> u64 {
        self.workers.iter().map(|worker| worker.recorder().in_flight()).sum()
    }

    /// Ends the threads and adds up what they counted.
    pub(crate) fn finish(mut self) -> Result<Counted, Error> {
        self.stop();
        let schedule_lag = self.pacer.take().map(join).transpose()?.unwrap_or_default();
        for thread in self.threads.drain(..) {
            worked(thread)?;
        }
        let mut total = recorder(&self.plan, self.window);
        total.merge(&self.given_up());
        let mut slow = Slow::default();
        let mut ticks_due = 0;
        for worker in &self.workers {
            total.merge(&worker.recorder());
            slow.add(&worker.slow().so_far());
            ticks_due += worker.streams().book(self.window, &mut total);
        }
        let ended_by_close = total.ended_by_close();
        let (scheduled, in_flight_at_end) = match self.plan.load {
            Load::Closed { .. } => (
                ended_by_close - total.ended_by_opening(),
                total.started_by_close().checked_sub(ended_by_close),
            ),
            Load::Open { .. } => (
                self.paced.scheduled.load(Ordering::Relaxed),
                self.paced.due_by_close.load(Ordering::Relaxed).checked_sub(ended_by_close),
            ),
            Load::Slow { .. } => (0, Some(slow.held)),
            Load::Subscribe { .. } => (ticks_due, total.series().last().map(|row| row.in_flight)),
        };
        let busiest_worker = self.workers.iter().filter_map(|worker| worker.busy()).max_by(f64::total_cmp);
        let (plan, connections_up) = (Arc::clone(&self.plan), self.connections_up);
        let slow = matches!(plan.load, Load::Slow { .. }).then_some(slow);
        Ok(Counted {
            plan,
            connections_up,
            recording: total.recording(self.load_ns, self.paced.due_by_close.load(Ordering::Relaxed)),
            total,
            scheduled,
            in_flight_at_end,
            slow,
            schedule_lag,
            busiest_worker,
        })
    }

    fn given_up(&self) -> MutexGuard<'_, Recorder> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.paced.stop.store(true, Ordering::Relaxed);
        self.shared.phase.send_replace(Phase::Over);
    }
}

/// However a run ends, its threads do not outlive it.
impl Drop for Crew {
    fn drop(&mut self) {
        self.stop();
    }
}

fn recorder(plan: &Plan, window: Window) -> Recorder {
    let recorder = Recorder::new(!plan.is_closed_loop(), window, plan.row_ns);
    if plan.record { recorder.keeping_each() } else { recorder }
}

/// Deals the lines out to the workers, one after the other.
fn share_out(plan: &Plan) -> Vec<Vec<Share>> {
    let phases = phases(plan.connections, plan.spread_ns(), plan.seed);
    let mut shares: Vec<Vec<Share>> = (0..plan.workers).map(|_| Vec::new()).collect();
    let workers = shares.len();
    for (index, phase_ns) in phases.into_iter().enumerate() {
        shares[index % workers].push(Share { index, phase_ns });
    }
    shares
}

fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    Builder::new().name(name).spawn(body).map_err(|source| Error::System { what: "start a thread", source })
}

fn worked(thread: JoinHandle<io::Result<()>>) -> Result<(), Error> {
    join(thread)?.map_err(|source| Error::System { what: "run an event loop", source })
}

fn join<T>(thread: JoinHandle<T>) -> Result<T, Error> {
    thread.join().map_err(|_| Error::Panicked)
}
