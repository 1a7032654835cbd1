//! What does it cost to have something that can wait, and to wake it up?
//!
//! - `spawn+join`: make a thread, or a task, that does nothing, and wait for its end. A thread-per-request
//!   server pays this for every request.
//! - `hand-over`: two parties pass a turn to and fro; each waits while the other has it. Every answer
//!   that a server waits for ends with one such wake-up.
//!
//! Both sides of a hand-over use the same primitive: a permit that is stored at most once, and a flag that
//! says whose turn it is. For threads that is `park` and `unpark`, for tasks `Notify`.
//!
//! Which cores are used decides the result more than anything else. `threads 1 core` are pinned to one:
//! when one thread parks, that core switches to the other. `threads` may run anywhere: mostly the partner's
//! core has gone idle and has to be woken each time, which is slower still, above all on a virtual machine.
//! `tasks` share one thread and never enter the kernel. The like-for-like pair is `threads 1 core` and
//! `tasks`: one core each. Pinning needs Linux; elsewhere only the free variant is there.
//!
//! Cannot show: what waiting threads cost in memory, or what happens with thousands of them at once, and
//! nothing about waits that are long. One saved switch is a microsecond or so; whether that matters beside
//! a request's other work is the lab's question.
//!
//! Next: `concurrent_waits.rs`, for many waits at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{AxisScale, Criterion, PlotConfiguration, Throughput, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = spawn_and_join, hand_over
}
criterion_main!(benches);

fn spawn_and_join(c: &mut Criterion) {
    let mut group = c.benchmark_group("spawn+join");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    group.throughput(Throughput::Elements(1));
    for cores in Cores::ALL {
        group.bench_function(format!("thread{}", cores.suffix()), |b| {
            b.iter_custom(|iterations| cores.run(move || spawned_threads(iterations)));
        });
    }
    group.bench_function("task", |b| {
        b.iter_custom(|iterations| runtime().block_on(spawned_tasks(iterations)));
    });
    group.finish();
}

fn spawned_threads(iterations: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        thread::spawn(|| ()).join().expect("an empty thread ends well");
    }
    start.elapsed()
}

async fn spawned_tasks(iterations: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        tokio::spawn(async {}).await.expect("an empty task ends well");
    }
    start.elapsed()
}

/// An iteration is a round trip, so it counts as two hand-overs.
fn hand_over(c: &mut Criterion) {
    let mut group = c.benchmark_group("hand-over");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    group.throughput(Throughput::Elements(2));
    for cores in Cores::ALL {
        group.bench_function(format!("threads{}", cores.suffix()), |b| {
            b.iter_custom(|round_trips| cores.run(move || handed_between_threads(round_trips)));
        });
    }
    group.bench_function("tasks", |b| {
        b.iter_custom(|round_trips| runtime().block_on(handed_between_tasks(round_trips)));
    });
    group.finish();
}

/// Spawning the partner is timed too: once among thousands of round trips.
fn handed_between_threads(round_trips: u64) -> Duration {
    let partners_turn = Arc::new(AtomicBool::new(false));
    let me = thread::current();
    let start = Instant::now();
    let partner = thread::spawn({
        let partners_turn = Arc::clone(&partners_turn);
        move || {
            for _ in 0..round_trips {
                while !partners_turn.load(Ordering::Acquire) {
                    thread::park();
                }
                partners_turn.store(false, Ordering::Release);
                me.unpark();
            }
        }
    });
    for _ in 0..round_trips {
        partners_turn.store(true, Ordering::Release);
        partner.thread().unpark();
        while partners_turn.load(Ordering::Acquire) {
            thread::park();
        }
    }
    partner.join().expect("the partner ends well");
    start.elapsed()
}

/// The same again; `Notify` stands where a thread's own permit stood.
async fn handed_between_tasks(round_trips: u64) -> Duration {
    struct Table {
        partners_turn: AtomicBool,
        me: Notify,
        partner: Notify,
    }
    let table =
        Arc::new(Table { partners_turn: AtomicBool::new(false), me: Notify::new(), partner: Notify::new() });
    let start = Instant::now();
    let partner = tokio::spawn({
        let table = Arc::clone(&table);
        async move {
            for _ in 0..round_trips {
                while !table.partners_turn.load(Ordering::Acquire) {
                    table.partner.notified().await;
                }
                table.partners_turn.store(false, Ordering::Release);
                table.me.notify_one();
            }
        }
    });
    for _ in 0..round_trips {
        table.partners_turn.store(true, Ordering::Release);
        table.partner.notify_one();
        while table.partners_turn.load(Ordering::Acquire) {
            table.me.notified().await;
        }
    }
    partner.await.expect("the partner ends well");
    start.elapsed()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without I/O needs nothing from the system")
}

/// Where the threads of a measurement may run.
#[derive(Clone, Copy)]
enum Cores {
    #[cfg(target_os = "linux")]
    One,
    Any,
}

impl Cores {
    const ALL: &[Self] = &[
        #[cfg(target_os = "linux")]
        Self::One,
        Self::Any,
    ];

    /// For names, kept short: the report's plots have little room for them.
    fn suffix(self) -> &'static str {
        match self {
            #[cfg(target_os = "linux")]
            Self::One => " 1 core",
            Self::Any => "",
        }
    }

    /// Runs `measure` on a thread of its own, so that pinning ends with it; threads that it makes inherit
    /// the pinning.
    fn run(self, measure: impl FnOnce() -> Duration + Send + 'static) -> Duration {
        let measured = thread::spawn(move || {
            match self {
                #[cfg(target_os = "linux")]
                Self::One => pin_to_current_cpu().expect("a thread may always pin itself to where it runs"),
                Self::Any => {}
            }
            measure()
        });
        measured.join().expect("the measurement ends well")
    }
}

#[cfg(target_os = "linux")]
fn pin_to_current_cpu() -> rustix::io::Result<()> {
    use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

    let mut here = CpuSet::new();
    here.set(sched_getcpu());
    sched_setaffinity(None, &here)
}
