//! Is the load generator itself on time? An open loop at 5,000 requests a second, and how late it was.
//!
//! Schedule lag is wake-up minus due: the generator's own fault, and nobody else's. On a core of its own that is
//! otherwise idle its p99 has to stay under a millisecond at this rate, or response times of milliseconds would
//! be the generator's. The server is `bare-task-per-connection`, the cheapest of the ladder, on another core.
//!
//! Anything else that runs on the machine makes it later, so of several runs the *best* counts: a generator that
//! is late by itself is late every time. All runs are printed.
//!
//! Cannot show: what a slow server's response times are worth (`crates/loadgen/tests/precision.rs` does), nor how
//! the generator fares at rates that fill its core.

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use lab::cpus::{self, Split};
use lab::process::Process;
use lab::programs::Programs;
use lab::trial::{self, Bench};
use lab::{limits, stop};
use loadgen::Histogram;
use loadgen::protocol::{Arrivals, Expect, Load, Shape, Spec};

const RATE_RPS: f64 = 5_000.0;
const CONNECTIONS: u32 = 256;
/// What the p99 of the lag may be.
const GOAL_MS: f64 = 1.0;

fn main() -> ExitCode {
    // `cargo test --benches` says `--test`: once, and short.
    let only_try = env::args().any(|argument| argument == "--test");
    match run(only_try) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(only_try: bool) -> anyhow::Result<()> {
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    limits::raise_open_files();
    let programs = Programs::ready()?;
    let split = cpus::cores().and_then(|cores| cpus::split(&cores, 1));
    let bench = Bench { programs: &programs, split: split.as_ref(), started_ns: 0, recordings: None };
    let (runs, window_ms) = if only_try { (1, 500) } else { (5, 4_000) };
    println!(
        "open loop, {RATE_RPS:.0} requests/s (Poisson), {CONNECTIONS} connections, windows of {window_ms} ms"
    );
    println!("{}", placement(split.as_ref()));
    let mut best = f64::INFINITY;
    for run in 1..=runs {
        let lag = measure(run, window_ms, &bench)?;
        best = best.min(lag.p99_ms);
        println!(
            "run {run} of {runs}: schedule lag p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms; generator's core {:.0} % busy",
            lag.p50_ms,
            lag.p99_ms,
            lag.max_ms,
            lag.core_busy * 100.0
        );
    }
    let reached = if best <= GOAL_MS { "reached" } else { "missed; is the machine doing something else?" };
    println!("best p99: {best:.3} ms; the goal of {GOAL_MS} ms is {reached}");
    Ok(())
}

/// How late the generator was.
struct Lag {
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    core_busy: f64,
}

fn measure(seed: u64, window_ms: u64, bench: &Bench<'_>) -> anyhow::Result<Lag> {
    let flags = ["--port=0", "--exit-with-stdin", "--model=bare-task-per-connection", "--workers=1"];
    let cpus = bench.split.map(|split| split.server.as_slice());
    let program = bench.programs.path("async-server")?;
    let (server, addr) = Process::listening(program, &flags.map(str::to_owned), cpus)?;
    let spec = Spec {
        url: format!("http://{addr}/hello"),
        method: "GET".into(),
        body: None,
        load: Load::Open {
            rate_rps: RATE_RPS,
            arrivals: Arrivals::Poisson,
            shape: Shape::Steady,
            connections: CONNECTIONS,
        },
        mix: Vec::new(),
        keep_alive: true,
        timeout_ms: 5_000,
        warm_up_ms: 500,
        window_ms,
        series_interval_ms: 500,
        expect: Expect { status: 200, body: Some(r#"{"hello":"world"}"#.into()) },
        bystander: None,
        seed,
        allow_remote: None,
        timing: false,
        record: false,
    };
    let (outcome, _, _) = trial::generate(&spec, bench, server.pid(), |_| {})?;
    ensure!(
        outcome.completed == outcome.scheduled,
        "void: {} of {} requests were answered rightly ({:?})",
        outcome.completed,
        outcome.scheduled,
        outcome.failed
    );
    let lag = Histogram::decode(&outcome.schedule_lag)?;
    let ms = |value: Option<f64>| value.context("no request was due");
    Ok(Lag {
        p50_ms: ms(lag.percentile_ms(0.5))?,
        p99_ms: ms(lag.percentile_ms(0.99))?,
        max_ms: ms(lag.max_ms())?,
        core_busy: outcome.core_busy,
    })
}

fn placement(split: Option<&Split>) -> String {
    match split {
        Some(split) => format!("server on CPU {:?}, generator on {:?}", split.server, split.client),
        None => "nothing is pinned here, so that server and generator may disturb each other".into(),
    }
}
