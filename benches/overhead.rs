//! What does the shared application cost on top of each framework?
//!
//! Our servers add routing, hooks and shared views to what actix-web and rouille do by themselves, and on
//! one side a WSGI layer. If that were expensive, the lab would be comparing our additions. So here each
//! server answers `GET /hello` against the smallest program on the same framework that sends the same reply.
//!
//! And what would the frameworks have to beat? The bare rungs answer against the same two programs: there the
//! whole application, on plain sockets, meets a framework with nothing on it.
//!
//! A run is a fresh server process on a CPU of its own (where the system can pin) under load from the others:
//! 64 clients, kept connections, closed loop, every reply checked. A block holds one run of every
//! program in shuffled order, and ratios are taken within blocks, so that a machine that slows down
//! slows both. `--quick` has too few blocks for an interval; `--test` only sees that everything works.
//!
//! Cannot show: anything about waiting, which `/hello` does not do, or about one framework against the
//! other. Nor is the rate of `/hello` a rate that an application would see.
//!
//! Starting, pinning, watching and statistics are the lab's: `lab/src/trial.rs`, `lab/src/stats.rs`.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lab::contract::http::{Connection, Request};
use lab::cpus::{self, Split};
use lab::process::Process;
use lab::programs::Programs;
use lab::stats;
use lab::trial::{self, Bench};
use lab::{limits, stop};
use loadgen::protocol::{Expect, Load, Spec};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

const CLIENTS: u32 = 64;
/// With the generator's core busier than this, the generator may have been what was slow.
const CLIENT_BOUND: f64 = 0.9;
/// A closed loop fills the server's CPU. With less than this, something else ran there, or in the
/// generator's place.
const SERVER_FULL: f64 = 0.9;
/// The order of runs and the phases of clients follow from it.
const SEED: u64 = 1;

fn main() -> ExitCode {
    let Some(size) = Size::asked_for(env::args().skip(1)) else { return ExitCode::SUCCESS };
    match run(&size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(size: &Size) -> anyhow::Result<()> {
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    limits::raise_open_files();
    let programs = Programs::ready()?;
    let pairs = pairs(&programs)?;
    let split = cpus::cores().and_then(|cores| cpus::split(&cores, 1));
    let bench = Bench { programs: &programs, split: split.as_ref(), started_ns: 0, recordings: None };
    println!("GET /hello, {CLIENTS} clients; blocks: {}, a window of {:?} a run", size.blocks, size.window);
    println!("{}", placement(split.as_ref()));
    for pair in pairs.iter().filter(|pair| pair.is_same_framework) {
        println!("{}", pair.same_headers(&bench)?);
    }

    let mut runs = vec![Vec::new(); pairs.len()];
    let mut order: Vec<_> = (0..pairs.len()).flat_map(|pair| [(pair, true), (pair, false)]).collect();
    let mut random = StdRng::seed_from_u64(SEED);
    for block in 1..=size.blocks {
        order.shuffle(&mut random);
        let mut found = vec![[Run::default(); 2]; pairs.len()];
        for &(pair, ours) in &order {
            let server = if ours { &pairs[pair].ours } else { &pairs[pair].bare };
            eprintln!("block {block} of {}: {}", size.blocks, server.name);
            found[pair][usize::from(!ours)] = server.measure(size, &bench)?;
        }
        for (runs, found) in runs.iter_mut().zip(found) {
            runs.push(found);
        }
    }
    for (pair, runs) in pairs.iter().zip(&runs) {
        pair.print(runs);
    }
    Ok(())
}

/// A server of ours, and the least that a framework needs for the same reply.
struct Pair {
    ours: Server,
    bare: Server,
    /// Then both send the same headers, too.
    is_same_framework: bool,
}

/// A program and how it is started.
struct Server {
    name: &'static str,
    path: PathBuf,
    flags: Vec<String>,
}

/// What one run came to.
#[derive(Clone, Copy, Default)]
struct Run {
    rps: f64,
    /// CPU time of the server for each request; NaN, which is in no ratio, where the system does not tell.
    cpu_us: f64,
    /// Share of its CPU that the server had; NaN likewise.
    server_busy: f64,
    /// Share of the generator's busiest core.
    client_busy: f64,
}

fn pairs(programs: &Programs) -> anyhow::Result<Vec<Pair>> {
    build_examples(programs)?;
    let server = |name, path, flags: &[&str]| {
        let flags = ["--port", "0", "--exit-with-stdin"].iter().chain(flags);
        Server { name, path, flags: flags.map(|&flag| flag.to_owned()).collect() }
    };
    let ours = |program, rung: &'static str, flag: &str| -> anyhow::Result<Server> {
        Ok(server(rung, programs.path(program)?.to_owned(), &[&format!("--model={rung}"), flag]))
    };
    // Cargo puts examples into a folder beside the programs.
    let example = |name, beside: &Server, flags: &[&str]| {
        server(name, beside.path.with_file_name("examples").join(name), flags)
    };
    let actix = |beside: &Server| example("actix_hello", beside, &["--workers=1"]);
    let rouille = |beside: &Server| example("rouille_hello", beside, &[]);
    let event_loop = ours("async-server", "event-loop", "--workers=1")?;
    let tasks = ours("async-server", "bare-task-per-connection", "--workers=1")?;
    let per_request = ours("blocking-server", "thread-per-request", "--no-supervisor")?;
    let threads = ours("blocking-server", "bare-thread-per-connection", "--no-supervisor")?;
    Ok(vec![
        Pair { bare: actix(&event_loop), ours: event_loop, is_same_framework: true },
        Pair { bare: rouille(&per_request), ours: per_request, is_same_framework: true },
        Pair { bare: actix(&tasks), ours: tasks, is_same_framework: false },
        Pair { bare: rouille(&threads), ours: threads, is_same_framework: false },
    ])
}

fn build_examples(programs: &Programs) -> anyhow::Result<()> {
    let root = programs.checkout.as_deref().context("this bench needs the checkout that it belongs to")?;
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["build", "--release", "--package", "async-server", "--package", "blocking-server"])
        .args(["--example", "actix_hello", "--example", "rouille_hello"])
        .args(["--config", "future-incompat-report.frequency='never'"])
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "cargo could not build the examples (its own message is above)");
    Ok(())
}

impl Server {
    fn start(&self, bench: &Bench<'_>) -> anyhow::Result<(Process, std::net::SocketAddr)> {
        Process::listening(&self.path, &self.flags, bench.split.map(|split| split.server.as_slice()))
    }

    fn measure(&self, size: &Size, bench: &Bench<'_>) -> anyhow::Result<Run> {
        let (server, addr) = self.start(bench)?;
        let spec = Spec {
            url: format!("http://{addr}/hello"),
            method: "GET".into(),
            body: None,
            load: Load::Closed { clients: CLIENTS },
            mix: Vec::new(),
            keep_alive: true,
            timeout_ms: 5_000,
            warm_up_ms: size.warm_up.as_millis() as u64,
            window_ms: size.window.as_millis() as u64,
            series_interval_ms: 1_000,
            expect: Expect { status: 200, body: Some(r#"{"hello":"world"}"#.into()) },
            bystander: None,
            seed: SEED,
            allow_remote: None,
            timing: false,
            record: false,
        };
        let (outcome, _, observed) = trial::generate(&spec, bench, server.pid(), |_| {})?;
        let missing = outcome.scheduled - outcome.completed;
        ensure!(
            missing == 0,
            "void: {} left {missing} of {} requests without a right answer ({:?}, {} late)",
            self.name,
            outcome.scheduled,
            outcome.failed,
            outcome.timed_out
        );
        let cpu_s = observed.and_then(|observed| observed.cpu_s).unwrap_or(f64::NAN);
        Ok(Run {
            rps: outcome.throughput_rps,
            cpu_us: cpu_s * 1e6 / outcome.completed as f64,
            server_busy: cpu_s * 1e3 / outcome.window_ms,
            client_busy: outcome.core_busy,
        })
    }

    /// Names of the headers of its reply, sorted.
    fn headers(&self, bench: &Bench<'_>) -> anyhow::Result<Vec<String>> {
        let (_server, addr) = self.start(bench)?;
        let reply = Connection::open(addr, Duration::from_secs(5))?.exchange(&Request::get("/hello"))?;
        let mut names: Vec<_> = reply.headers.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        Ok(names)
    }
}

impl Pair {
    /// Says which headers both send.
    ///
    /// # Errors
    /// When one sends others than the other: then the two do not do the same work.
    fn same_headers(&self, bench: &Bench<'_>) -> anyhow::Result<String> {
        let Self { ours, bare, .. } = self;
        let (of_ours, of_bare) = (ours.headers(bench)?, bare.headers(bench)?);
        ensure!(
            of_ours == of_bare,
            "{} sends the headers {of_ours:?}, but {} {of_bare:?}",
            ours.name,
            bare.name
        );
        Ok(format!("{} and {} both send: {}", ours.name, bare.name, of_ours.join(", ")))
    }

    fn print(&self, runs: &[[Run; 2]]) {
        let Self { ours, bare, .. } = self;
        println!("\n{} / {}", ours.name, bare.name);
        println!("{:>6} {:>31} {:>31}", "", "requests/s", "CPU µs per request");
        for (block, [of_ours, of_bare]) in (1..).zip(runs) {
            let row = |ours: f64, bare: f64, digits: usize| {
                format!("{ours:>10.digits$} / {bare:>8.digits$} = {:>6.3}", ours / bare)
            };
            let rps = row(of_ours.rps, of_bare.rps, 0);
            let cpu = row(of_ours.cpu_us, of_bare.cpu_us, 2);
            println!("{block:>6} {rps:>31} {cpu:>31}");
        }
        println!("  requests/s:         {}", summary(runs, |run| run.rps));
        println!("  CPU per request:    {}", summary(runs, |run| run.cpu_us));
        let all = || runs.iter().flatten();
        let idlest = all().map(|run| run.server_busy).fold(f64::INFINITY, f64::min);
        let busiest = all().map(|run| run.client_busy).fold(0.0, f64::max);
        if idlest.is_finite() {
            println!("  server's CPU:       at least {:.0} % busy with it", idlest * 100.0);
        }
        println!("  generator's core:   at most {:.0} % busy", busiest * 100.0);
        if busiest > CLIENT_BOUND {
            println!(
                "  client-bound: the generator may have been the limit; only the CPU per request counts"
            );
        } else if idlest < SERVER_FULL {
            println!("  disturbed: something else ran on these CPUs; only the CPU per request counts");
        }
    }
}

fn summary(runs: &[[Run; 2]], value: impl Fn(&Run) -> f64) -> String {
    let pairs: Vec<_> = runs.iter().map(|[ours, bare]| (value(ours), value(bare))).collect();
    match stats::ratio(&pairs) {
        None => "this system does not tell".into(),
        Some(ratio) => match ratio.interval {
            None => {
                format!("{:.3} (geometric mean of {}, too few for an interval)", ratio.estimate, ratio.blocks)
            }
            Some(interval) => format!(
                "{:.3} (geometric mean of {}; 95 % t-interval {:.3} to {:.3})",
                ratio.estimate, ratio.blocks, interval.low, interval.high
            ),
        },
    }
}

fn placement(split: Option<&Split>) -> String {
    match split {
        Some(split) => format!("server on CPU {:?}, generator on {:?}", split.server, split.client),
        None => "nothing is pinned: this system cannot, or has one CPU".into(),
    }
}

/// How much to measure.
struct Size {
    blocks: u32,
    warm_up: Duration,
    window: Duration,
}

impl Size {
    /// `cargo bench` gives every bench the same arguments, made for criterion. `--quick` and `--test` mean
    /// here what they mean there, a filter that does not fit, or `--list`, is nothing to run (`None`), and
    /// what concerns criterion alone is passed over.
    fn asked_for(args: impl Iterator<Item = String>) -> Option<Self> {
        let ms = Duration::from_millis;
        let mut size = Self { blocks: 8, warm_up: ms(400), window: ms(1_200) };
        let mut value_follows = false;
        for arg in args {
            match arg.as_str() {
                "--test" => size = Self { blocks: 1, warm_up: ms(50), window: ms(200) },
                "--quick" => size.blocks = 2,
                "--list" => {
                    println!("overhead: benchmark");
                    return None;
                }
                filter if !filter.starts_with('-') && !value_follows && !"overhead".contains(filter) => {
                    return None;
                }
                _ => {}
            }
            // `--save-baseline main`, but not `--save-baseline=main` or a switch.
            value_follows = arg.starts_with("--") && !arg.contains('=') && !SWITCHES.contains(&arg.as_str());
        }
        Some(size)
    }
}

/// Arguments of criterion's that no value follows.
const SWITCHES: [&str; 9] = [
    "--bench",
    "--discard-baseline",
    "--exact",
    "--ignored",
    "--noplot",
    "--quick",
    "--quiet",
    "--test",
    "--verbose",
];
