//! The threads of a live load: workers whose clients come and go, and in open loop the one that paces.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::clock::monotonic_ns;
use crate::desk::Desk;
use crate::error::Error;
use crate::histogram::Histogram;
use crate::line::{Backoff, Line};
use crate::live::slow;
use crate::pacer::{self, Paced};
use crate::plan::Plan;
use crate::protocol::{Load, Shape, Spec};
use crate::recorder::{Recorder, Tally, Window};
use crate::schedule::Schedule;
use crate::worker::{Phase, Shared, Worker};

/// The threads, and what they share.
pub(super) struct Crew {
    pub(super) plan: Arc<Plan>,
    shared: Arc<Shared>,
    workers: Vec<Arc<Worker>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    wish: watch::Sender<Wish>,
    pacer: Option<(Arc<Paced>, JoinHandle<Histogram>)>,
    /// What the pacing thread counts: requests that were never sent.
    given_up: Arc<Mutex<Recorder>>,
    /// Slow clients that hold a connection.
    held: Arc<AtomicU32>,
    level: Level,
    /// How often it was paced anew: each time with arrivals of its own.
    paced: u64,
}

/// How much load there is to be; of the first two, the one that its kind has.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Level {
    pub(super) clients: u32,
    pub(super) rate_rps: f64,
    pub(super) slow: u32,
}

/// What clients are told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish {
    pub(super) clients: u32,
    pub(super) slow: u32,
    /// Those from here on are new since then.
    new_from: u32,
    at_ns: u64,
    /// Clients that begin together stay together where every answer takes the same time, and the server sees bursts.
    /// So new ones come one after the other, over this time.
    over_ns: u64,
}

/// Everything is in it.
const ALWAYS: Window = Window { start_ns: 0, end_ns: u64::MAX };

impl Wish {
    /// When a new client begins.
    pub(super) fn begins_ns(self, index: u32) -> u64 {
        let new = self.clients.max(self.slow).saturating_sub(self.new_from).max(1);
        let place = u64::from(index.saturating_sub(self.new_from).min(new));
        self.at_ns + self.over_ns * place / u64::from(new)
    }
}

impl Crew {
    /// Workers without clients.
    pub(super) fn start(spec: Spec) -> Result<Self, Error> {
        let plan = Arc::new(Plan::new(spec)?);
        // Not as many as there are connections now: there may be more at any time.
        let count = plan.cores as usize;
        let now_ns = monotonic_ns();
        let shared = Arc::new(Shared {
            desk: Desk::new(count),
            begun: AtomicU64::new(0),
            up: AtomicU32::new(0),
            phase: watch::Sender::new(Phase::Running { load_ns: now_ns, window: ALWAYS }),
            ramp_ns: now_ns,
            connect_by_ns: now_ns,
        });
        let workers: Vec<_> = (0..count).map(|id| Arc::new(Worker::new(id, &plan, &shared))).collect();
        let given_up = Arc::new(Mutex::new(recorder(&plan)));
        let (wish, held) = (watch::Sender::new(Wish::default()), Arc::new(AtomicU32::new(0)));
        let mut crew = Self {
            plan,
            shared,
            workers,
            threads: Vec::new(),
            wish,
            pacer: None,
            given_up,
            held,
            level: Level::default(),
            paced: 0,
        };
        for (id, worker) in crew.workers.iter().enumerate() {
            *worker.recorder() = recorder(&crew.plan);
            let share = Share { first: id as u32, step: count as u32, held: Arc::clone(&crew.held) };
            let (worker, wish) = (Arc::clone(worker), crew.wish.subscribe());
            crew.threads.push(spawn(format!("worker-{id}"), move || work(&worker, &share, wish))?);
        }
        Ok(crew)
    }

    /// More or less of it.
    pub(super) fn set(&mut self, level: Level) -> Result<(), Error> {
        let before = std::mem::replace(&mut self.level, level);
        self.wish.send_replace(Wish {
            clients: level.clients,
            slow: level.slow,
            new_from: before.clients.max(before.slow).min(level.clients.max(level.slow)),
            at_ns: monotonic_ns(),
            over_ns: self.plan.spread_ns(),
        });
        let Load::Open { arrivals, .. } = self.plan.load else { return Ok(()) };
        self.stop_pacing();
        if level.rate_rps > 0.0 {
            let (shared, given_up) = (Arc::clone(&self.shared), Arc::clone(&self.given_up));
            let (timeout_ns, begin_ns) = (self.plan.timeout_ns, monotonic_ns());
            self.paced += 1;
            let seed = self.plan.seed.wrapping_add(self.paced);
            let schedule = Schedule::shaped(arrivals, level.rate_rps, Shape::Steady, 0, seed)
                .map(move |at_ns| begin_ns + at_ns);
            let paced = Arc::<Paced>::default();
            let theirs = Arc::clone(&paced);
            let pace = move || pacer::pace(schedule, &shared.desk, timeout_ns, ALWAYS, &given_up, &theirs);
            self.pacer = Some((paced, spawn("pacer".into(), pace)?));
        }
        Ok(())
    }

    /// Workers never end by themselves: if one has, it says why.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let Some(ended) = self.threads.iter().position(JoinHandle::is_finished) else { return Ok(()) };
        let ended = self.threads.swap_remove(ended).join().map_err(|_| Error::Panicked)?;
        ended.map_err(|source| Error::System { what: "run an event loop", source })?;
        Err(Error::Panicked)
    }

    /// Moves what happened since the last call into `sum`; returns how many requests are in flight.
    pub(super) fn drain(&self, sum: &mut Tally) -> u64 {
        self.given_up().drain_second(sum);
        let drain = |worker: &Arc<Worker>| {
            let mut recorder = worker.recorder();
            recorder.drain_second(sum);
            recorder.in_flight()
        };
        self.workers.iter().map(drain).sum()
    }

    /// As it was set last.
    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// Slow clients that hold a connection.
    pub(super) fn held(&self) -> u32 {
        self.held.load(Ordering::Relaxed)
    }

    /// What counts begins now.
    pub(super) fn begin_anew(&self) {
        self.given_up().begin_anew();
        self.workers.iter().for_each(|worker| worker.recorder().begin_anew());
    }

    /// Everything that ended since.
    pub(super) fn counted(&self) -> Recorder {
        let mut sum = recorder(&self.plan);
        sum.merge(&self.given_up());
        self.workers.iter().for_each(|worker| sum.merge(&worker.recorder()));
        sum
    }

    fn given_up(&self) -> MutexGuard<'_, Recorder> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_pacing(&mut self) {
        if let Some((paced, thread)) = self.pacer.take() {
            paced.stop.store(true, Ordering::Relaxed);
            // A panic there is nothing that this could mend, and the rows say that nothing comes any more.
            _ = thread.join();
        }
    }
}

/// However it ends, its threads do not outlive it.
impl Drop for Crew {
    fn drop(&mut self) {
        self.stop_pacing();
        self.shared.phase.send_replace(Phase::Over);
        for thread in self.threads.drain(..) {
            _ = thread.join();
        }
    }
}

/// In closed loop and in open loop the same: what ended counts.
fn recorder(plan: &Plan) -> Recorder {
    Recorder::new(!plan.is_closed_loop(), ALWAYS, u64::MAX)
}

/// Which clients a worker has: every `step`th.
struct Share {
    first: u32,
    step: u32,
    held: Arc<AtomicU32>,
}

/// The body of a worker's thread: clients are made when they are asked for the first time, and rest when they are not.
fn work(worker: &Arc<Worker>, share: &Share, mut wish: watch::Receiver<Wish>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        if let Load::Open { connections, .. } = worker.plan.load {
            for index in (share.first..connections).step_by(share.step as usize) {
                tasks.spawn(Arc::clone(worker).carry_on(Line::new(Arc::clone(worker), index as usize)));
            }
            tasks.spawn(Arc::clone(worker).dispatch());
        }
        let (mut clients, mut slow) = (share.first, share.first);
        let mut phase = worker.shared.phase.subscribe();
        loop {
            let wanted = *wish.borrow_and_update();
            while clients < wanted.clients {
                tasks.spawn(client(Arc::clone(worker), clients, wish.clone()));
                clients += share.step;
            }
            while slow < wanted.slow {
                tasks.spawn(slow::client(Arc::clone(worker), slow, wish.clone(), Arc::clone(&share.held)));
                slow += share.step;
            }
            tokio::select! {
                changed = wish.changed() => if changed.is_err() { return },
                _ = phase.wait_for(|phase| *phase == Phase::Over) => return,
                Some(Err(panicked)) = tasks.join_next() => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
    });
    Ok(())
}

/// Closed loop: sends, waits for the answer, sends again, as long as there are to be so many.
async fn client(worker: Arc<Worker>, index: u32, mut wish: watch::Receiver<Wish>) {
    loop {
        let Ok(wanted) = wish.wait_for(|wish| index < wish.clients).await.map(|wish| *wish) else { return };
        sleep_until(worker.instant(wanted.begins_ns(index))).await;
        let mut line = Line::new(Arc::clone(&worker), index as usize);
        let mut backoff = Backoff::default();
        let mut due_ns = monotonic_ns();
        while index < wish.borrow().clients {
            let carried = line.carry(worker.turn(due_ns)).await;
            due_ns = backoff.due_after(&carried).await;
        }
    }
}

fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    Builder::new().name(name).spawn(body).map_err(|source| Error::System { what: "start a thread", source })
}
