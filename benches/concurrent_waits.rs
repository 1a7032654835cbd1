//! How long until N waits of 10 ms, all begun together, are over?
//!
//! The project's claim as one chart. If waiting were free, each line would be flat at 10 ms: nothing is
//! computed here, and N sleepers need no more time than one. What lifts a line off the floor is the price
//! of *having* a waiter: making it, parking it, waking it, taking it away.
//!
//! - `threads`: a thread for each wait, made for it.
//! - `pool of 64 threads`: waits take turns. It is a staircase of N / 64 steps of 10 ms, whatever the
//!   machine: the bounded pool is what most blocking servers really do.
//! - `tasks`: a task for each wait, on a current-thread runtime: one thread in all.
//!
//! Read the slope, not the first point. tokio's timer ticks in whole milliseconds and rounds up, so one
//! `sleep(10 ms)` takes about 11.1 ms where the standard library's takes 10.1. Tasks therefore *lose* on
//! the left of the chart, by a constant that says nothing about waiting; (t(2,048) - t(1)) / 2,047 is what
//! one more waiter costs.
//!
//! Threads may use every core here, tasks have one: this flatters threads.
//!
//! Cannot show: memory (a thread's stack is mostly not touched here), what a request costs around its
//! wait, or where the limit is. `cargo lab` measures those on real servers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    AxisScale, BenchmarkGroup, BenchmarkId, Criterion, PlotConfiguration, SamplingMode, Throughput,
    criterion_group, criterion_main,
};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const WAIT: Duration = Duration::from_millis(10);
const WAITS: [u32; 7] = [1, 4, 16, 64, 256, 1_024, 2_048];
const POOL_THREADS: u32 = 64;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1_500));
    targets = concurrent_waits
}
criterion_main!(benches);

fn concurrent_waits(c: &mut Criterion) {
    let mut group = c.benchmark_group("concurrent waits of 10 ms");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    // An iteration takes 10 ms or more; growing sample by sample, as for short ones, would take minutes.
    group.sampling_mode(SamplingMode::Flat);
    for waits in WAITS {
        if waits <= thread_budget() {
            measure(&mut group, "threads", waits, || threads(waits));
        } else {
            eprintln!("threads/{waits}: left out, this system leaves us only {} threads", thread_budget());
        }
        measure(&mut group, "pool of 64 threads", waits, || pool(waits));
        let runtime = runtime();
        measure(&mut group, "tasks", waits, || runtime.block_on(tasks(waits)));
    }
    group.finish();
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, waits: u32, mut all: impl FnMut()) {
    group.throughput(Throughput::Elements(waits.into()));
    group.bench_function(BenchmarkId::new(name, waits), |b| b.iter(&mut all));
}

fn threads(waits: u32) {
    let waiters: Vec<_> = (0..waits).map(|_| thread::spawn(|| thread::sleep(WAIT))).collect();
    for waiter in waiters {
        waiter.join().expect("a sleeper ends well");
    }
}

/// `POOL_THREADS` threads take the next wait each until none is left.
fn pool(waits: u32) {
    let taken = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..POOL_THREADS.min(waits) {
            scope.spawn(|| {
                while taken.fetch_add(1, Ordering::Relaxed) < waits {
                    thread::sleep(WAIT);
                }
            });
        }
    });
}

async fn tasks(waits: u32) {
    let mut waiters = JoinSet::new();
    for _ in 0..waits {
        waiters.spawn(tokio::time::sleep(WAIT));
    }
    waiters.join_all().await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime without I/O needs nothing")
}

/// A quarter of what the system still allows, so that nobody else is harmed by a bench.
fn thread_budget() -> u32 {
    2_048
}
