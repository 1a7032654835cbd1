//! The threads of a run: workers, and in open loop the one that paces. Started together, ended together.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;

use crate::clock::monotonic_ns;
use crate::desk::Desk;
use crate::error::Error;
use crate::histogram::Histogram;
use crate::pacer::{self, Paced};
use crate::plan::Plan;
use crate::protocol::Load;
use crate::recorder::{Recorder, Tally, Window};
use crate::schedule::{Schedule, phases};
use crate::worker::{Phase, Share, Shared, Worker};

/// The threads, and what they share.
pub(crate) struct Crew {
    plan: Arc<Plan>,
    pub(crate) shared: Arc<Shared>,
    workers: Vec<Arc<Worker>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    pacer: Option<JoinHandle<Histogram>>,
    paced: Arc<Paced>,
    /// What the pacing thread counts: requests that were never sent.
    given_up: Arc<Mutex<Recorder>>,
}

/// All that was counted.
pub(crate) struct Counted {
    pub(crate) total: Recorder,
    pub(crate) paced: Arc<Paced>,
    pub(crate) schedule_lag: Histogram,
    /// Share of a core that the busiest worker used; `None` when none saw both edges of the window.
    pub(crate) busiest_worker: Option<f64>,
}

/// How long to wait for connections before the load.
const CONNECT_NS: u64 = 5_000_000_000;

impl Crew {
    /// Workers that begin to connect at once, and then wait.
    pub(crate) fn start(plan: &Arc<Plan>) -> Result<Self, Error> {
        let count = plan.workers() as usize;
        let shared = Arc::new(Shared {
            desk: Desk::new(count),
            up: AtomicU32::new(0),
            phase: watch::Sender::new(Phase::Connecting),
            connect_by_ns: monotonic_ns() + CONNECT_NS,
        });
        let workers: Vec<_> = (0..count).map(|id| Arc::new(Worker::new(id, plan, &shared))).collect();
        let mut crew = Self {
            plan: Arc::clone(plan),
            shared,
            workers,
            threads: Vec::new(),
            pacer: None,
            paced: Arc::default(),
            given_up: Arc::new(Mutex::new(recorder(plan, Window { start_ns: 0, end_ns: 0 }))),
        };
        for (worker, lines) in crew.workers.iter().zip(share_out(plan)) {
            let worker = Arc::clone(worker);
            crew.threads.push(spawn(format!("worker-{}", crew.threads.len()), move || worker.run(lines))?);
        }
        Ok(crew)
    }

    /// Starts the load.
    pub(crate) fn begin(&mut self, load_ns: u64, window: Window) -> Result<(), Error> {
        for worker in &self.workers {
            *worker.recorder() = recorder(&self.plan, window);
        }
        let given_up = Arc::clone(&self.given_up);
        *given_up.lock().unwrap_or_else(PoisonError::into_inner) = recorder(&self.plan, window);
        if let Load::Open { rate_rps, arrivals, .. } = self.plan.load {
            let schedule =
                Schedule::new(arrivals, rate_rps, self.plan.seed).map(move |at_ns| load_ns + at_ns);
            let (shared, paced) = (Arc::clone(&self.shared), Arc::clone(&self.paced));
            let timeout_ns = self.plan.timeout_ns;
            self.pacer = Some(spawn("pacer".into(), move || {
                pacer::pace(schedule, &shared.desk, timeout_ns, window, &given_up, &paced)
            })?);
        }
        self.shared.phase.send_replace(Phase::Running { load_ns, window });
        Ok(())
    }

    /// Workers never end by themselves: if one has, the run is over, and it says why.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.threads.iter().position(JoinHandle::is_finished) {
            Some(ended) => worked(self.threads.swap_remove(ended)).and(Err(Error::Panicked)),
            None => Ok(()),
        }
    }

    /// Open loop: every request that was due in the window is over.
    pub(crate) fn is_settled(&self) -> bool {
        if !self.plan.is_open_loop() {
            return true;
        }
        self.paced.past_window.load(Ordering::Acquire) && {
            let unsent = self.given_up.lock().unwrap_or_else(PoisonError::into_inner).measured.ended;
            let sent: u64 = self.workers.iter().map(|worker| worker.recorder().measured.ended).sum();
            unsent + sent == self.paced.scheduled.load(Ordering::Relaxed)
        }
    }

    /// Moves what happened since the last call into `sum`; returns how many requests are in flight.
    pub(crate) fn drain_second(&self, sum: &mut Tally) -> u64 {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).drain_second(sum);
        let drain = |worker: &Arc<Worker>| {
            let mut recorder = worker.recorder();
            recorder.drain_second(sum);
            recorder.in_flight()
        };
        self.workers.iter().map(drain).sum()
    }

    /// Ends the threads and adds up what they counted.
    pub(crate) fn finish(mut self) -> Result<Counted, Error> {
        self.stop();
        let schedule_lag = self.pacer.take().map(join).transpose()?.unwrap_or_default();
        for thread in self.threads.drain(..) {
            worked(thread)?;
        }
        let mut total = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        for worker in &self.workers {
            total.merge(&worker.recorder());
        }
        let total = std::mem::replace(&mut *total, recorder(&self.plan, Window { start_ns: 0, end_ns: 0 }));
        let busiest_worker = self.workers.iter().filter_map(|worker| worker.busy()).max_by(f64::total_cmp);
        Ok(Counted { total, paced: Arc::clone(&self.paced), schedule_lag, busiest_worker })
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
    Recorder::new(plan.is_open_loop(), window, plan.row_ns)
}

/// Deals the lines out to the workers, one after the other.
fn share_out(plan: &Plan) -> Vec<Vec<Share>> {
    // Within the first half of the warm-up, so that the second half is at the full level.
    let phases = phases(plan.connections, plan.lead_ns() / 2, plan.seed);
    let mut shares: Vec<Vec<Share>> = (0..plan.workers()).map(|_| Vec::new()).collect();
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
