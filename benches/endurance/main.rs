//! Does each rung stay what it was, after very many requests and after clients of the worst kind?
//!
//! Two questions, each with a server process of its own, started, pinned and loaded as in any trial of the lab.
//! *Leaks* (`leaks.rs`): three rounds of 200,000 requests for `/hello` and 20,000 connections that carry one
//! request each; the third may leave no more memory and threads than 1.1 times what the second left. *Faults*
//! (`faults.rs`): bad clients of six kinds, and a bystander who asks for `/hello` 400 times a second, before them,
//! beside them and after they have left.
//!
//! Judged are leaks, coming back, and, on rungs whose requests wait nowhere, the bystander's p99: at most twice
//! what it was in quiet. What becomes of bystanders on the other rungs is shown and not judged: it is
//! what a thread per client costs. A pair that fails is measured once more before it is judged, and times
//! under a floor never fail, since a machine that does something else for a moment adds as much.
//!
//! Cannot show: what builds up over days, or what a network between client and server would add.
//!
//! All ten rungs take a quarter of an hour, so `cargo bench` alone passes this bench over: name rungs, or `all`.

mod faults;
mod leaks;
mod server;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lab::cpus;
use lab::ladder::{Kind, LADDER, Rung};
use lab::limits;
use lab::programs::Programs;
use lab::stop::{self, Stopped};
use lab::trial::Bench;
use serde_json::{Value, json};

use faults::Fault;
use leaks::{Leaks, Rounds};
use server::{Seen, Server};

/// A bystander's p99 beside a fault, as a multiple of that in quiet.
const BESIDE: f64 = 2.0;
/// A bystander's median after a fault, as a multiple of that in quiet.
const AFTERWARDS: f64 = 1.5;
/// Below these, milliseconds, a p99 and a median are never too long.
const FLOOR_P99_MS: f64 = 2.0;
const FLOOR_P50_MS: f64 = 1.0;
/// Longest time for a rung to answer again when the bad clients have left.
const BACK_WITHIN: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let Some(asked) = Asked::read(env::args().skip(1)) else { return ExitCode::SUCCESS };
    match run(&asked) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when all is well, or nothing is judged.
fn run(asked: &Asked) -> anyhow::Result<bool> {
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    limits::raise_open_files();
    let programs = Programs::ready()?;
    let split = cpus::cores().and_then(|cores| cpus::split(&cores, 1));
    let bench = Bench { programs: &programs, split: split.as_ref(), started_ns: 0, recordings: None };
    let (mut results, mut bad) = (Vec::new(), Vec::new());
    for rung in &asked.rungs {
        let began = Instant::now();
        println!("\n{}", rung.name);
        let leaks = Leaks::find(rung, &asked.rounds, &bench)?;
        println!("  {}", leaks.line(&asked.rounds));
        let tried = faults(rung, asked, &bench)?;
        tried.print(asked.is_test);
        if leaks.has_leaked() == Some(true) {
            bad.push(format!("{} leaks", rung.name));
        }
        bad.extend(tried.pairs.iter().flat_map(|pair| pair.wrong(is_judged(rung))));
        results.push(json!({ "rung": rung.name, "leaks": leaks.to_json(), "faults": tried.to_json() }));
        eprintln!("{}: {:.0} s", rung.name, began.elapsed().as_secs_f64());
    }
    if asked.is_test {
        println!("\na test run is too short to judge by");
        bad.clear();
    }
    let path = write(&json!({ "rungs": results, "wrong": bad }))?;
    println!("\nall figures: {}", path.display());
    bad.iter().for_each(|wrong| println!("FAIL: {wrong}"));
    Ok(bad.is_empty())
}

/// Whether a request waits nowhere, so that nobody has to wait for anybody.
fn is_judged(rung: &Rung) -> bool {
    matches!(rung.kind, Kind::Async | Kind::AsyncControl)
}

/// What the bystanders of one rung saw.
struct Tried {
    quiet: Seen,
    pairs: Vec<Pair>,
    is_judged: bool,
}

/// A fault, and the quiet that it is compared with.
struct Pair {
    rung: &'static str,
    fault: String,
    clients: usize,
    quiet: Seen,
    beside: Option<Seen>,
    after: Result<(Duration, Seen), String>,
}

fn faults(rung: &'static Rung, asked: &Asked, bench: &Bench<'_>) -> anyhow::Result<Tried> {
    let server = Server::start(rung, bench)?;
    let quiet = server.bystanders(asked.window)?;
    let is_judged = is_judged(rung);
    let mut pairs = Vec::new();
    for fault in Fault::ALL {
        let clients = asked.clients(fault, rung);
        let mut pair = pair(rung, fault, clients, quiet, &server, asked)?;
        if !asked.is_test && !pair.wrong(is_judged).is_empty() && pair.after.is_ok() {
            eprintln!("{}: {}, once more", rung.name, pair.fault);
            let quiet = server.bystanders(asked.window)?;
            pair = self::pair(rung, fault, clients, quiet, &server, asked)?;
        }
        let is_over = pair.after.is_err();
        pairs.push(pair);
        // A server that does not answer has nothing more to show.
        if is_over {
            break;
        }
    }
    Ok(Tried { quiet, pairs, is_judged })
}

fn pair(
    rung: &'static Rung,
    fault: Fault,
    clients: usize,
    quiet: Seen,
    server: &Server<'_>,
    asked: &Asked,
) -> anyhow::Result<Pair> {
    let held = fault.begin(server.addr, clients);
    let fault = fault.name(held.clients);
    eprintln!("{}: {fault}", rung.name);
    // A rung that serves nobody meanwhile may give the generator nothing to measure.
    let beside = server.bystanders(asked.window);
    if held.resets() > 0 {
        eprintln!("{}: {} connections were reset", rung.name, held.resets());
    }
    let clients = held.clients;
    drop(held);
    let beside = match beside {
        Err(error) if error.is::<Stopped>() => return Err(error),
        beside => beside.ok(),
    };
    let after =
        server.comes_back(BACK_WITHIN).and_then(|took| Ok((took, server.bystanders(asked.window_after)?)));
    let after = match after {
        Err(error) if error.is::<Stopped>() => return Err(error),
        after => after.map_err(|error| format!("{error:#}")),
    };
    Ok(Pair { rung: rung.name, fault, clients, quiet, beside, after })
}

impl Pair {
    /// Sentences on what should not be.
    fn wrong(&self, judges_bystanders: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        let beside = ratio(self.beside.and_then(|seen| seen.p99_ms), self.quiet.p99_ms, FLOOR_P99_MS);
        if judges_bystanders && self.beside.is_none_or(|seen| seen.unanswered > 0) {
            wrong.push(format!("{}, beside {}: bystanders were not answered", self.rung, self.fault));
        } else if judges_bystanders && beside.is_some_and(|ratio| ratio > BESIDE) {
            wrong.push(format!("{}, beside {}: p99 is more than {BESIDE} × quiet", self.rung, self.fault));
        }
        match &self.after {
            Err(error) => wrong.push(format!("{} after {}: {error}", self.rung, self.fault)),
            Ok((_, seen)) if seen.unanswered > 0 => wrong.push(format!(
                "{} after {}: {} of {} were not answered",
                self.rung, self.fault, seen.unanswered, seen.asked
            )),
            Ok((_, seen)) => {
                if ratio(seen.p50_ms, self.quiet.p50_ms, FLOOR_P50_MS).is_some_and(|ratio| ratio > AFTERWARDS)
                {
                    wrong.push(format!("{} after {}: slower than before", self.rung, self.fault));
                }
            }
        }
        wrong
    }

    fn to_json(&self) -> Value {
        let after = match &self.after {
            Ok((took, seen)) => json!({ "back_after_ms": took.as_millis() as u64, "seen": seen.to_json() }),
            Err(error) => json!({ "error": error }),
        };
        json!({
            "fault": self.fault,
            "clients": self.clients,
            "quiet": self.quiet.to_json(),
            "beside": self.beside.map(Seen::to_json),
            "after": after,
        })
    }
}

/// How many times as long; not more than once where neither reaches the floor.
fn ratio(now_ms: Option<f64>, quiet_ms: Option<f64>, floor_ms: f64) -> Option<f64> {
    let (now, quiet) = (now_ms?, quiet_ms?);
    Some(if now <= floor_ms { (now / quiet).min(1.0) } else { now / quiet })
}

impl Seen {
    fn to_json(self) -> Value {
        json!({ "p50_ms": self.p50_ms, "p99_ms": self.p99_ms, "asked": self.asked, "unanswered": self.unanswered })
    }
}

impl Tried {
    fn print(&self, is_test: bool) {
        let ms = |ms: Option<f64>| ms.map_or("-".into(), |ms| format!("{ms:.2} ms"));
        let times = |now: Option<f64>, quiet: Option<f64>| {
            now.zip(quiet).map_or("-".into(), |(now, quiet)| format!("{:.1}", now / quiet))
        };
        println!(
            "  {:<24} {:>10} {:>8} {:>11} {:>8} {:>9} {:>10} {:>8}",
            "bystanders' /hello", "p99", "× quiet", "unanswered", "of", "back in", "p50 after", "× quiet"
        );
        let quiet = &self.quiet;
        println!(
            "  {:<24} {:>10} {:>8} {:>11} {:>8} {:>9} {:>10}",
            "quiet",
            ms(quiet.p99_ms),
            "",
            quiet.unanswered,
            quiet.asked,
            "",
            ms(quiet.p50_ms)
        );
        for pair in &self.pairs {
            let beside = pair.beside.unwrap_or_default();
            let (back, after) = match &pair.after {
                Ok((took, seen)) => (format!("{} ms", took.as_millis()), *seen),
                Err(_) => ("never".into(), Seen::default()),
            };
            println!(
                "  {:<24} {:>10} {:>8} {:>11} {:>8} {:>9} {:>10} {:>8}  {}",
                pair.fault,
                ms(beside.p99_ms),
                times(beside.p99_ms, pair.quiet.p99_ms),
                beside.unanswered,
                beside.asked,
                back,
                ms(after.p50_ms),
                times(after.p50_ms, pair.quiet.p50_ms),
                if is_test || pair.wrong(self.is_judged).is_empty() { "" } else { "FAIL" }
            );
        }
        if !self.is_judged && !is_test {
            println!("  (here bystanders are shown, not judged; coming back is)");
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "quiet": self.quiet.to_json(),
            "bystanders_are_judged": self.is_judged,
            "pairs": self.pairs.iter().map(Pair::to_json).collect::<Vec<_>>(),
        })
    }
}

/// Beside the programs that were measured.
fn write(results: &Value) -> anyhow::Result<PathBuf> {
    let here = env::current_exe().context("cannot tell where this bench is")?;
    // TARGET/release/deps/endurance-…
    let target = here.ancestors().nth(3).context("this bench is not in a target directory")?;
    let path = target.join("endurance.json");
    std::fs::write(&path, format!("{results:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What to measure, and how much.
struct Asked {
    rungs: Vec<&'static Rung>,
    rounds: Rounds,
    window: Duration,
    window_after: Duration,
    is_test: bool,
}

impl Asked {
    /// Names of rungs, or `all`. `cargo bench` gives every bench the same arguments, made for criterion: of those,
    /// `--test` means here what it means there, and all others mean that this bench is not what was asked for.
    fn read(args: impl Iterator<Item = String>) -> Option<Self> {
        let (mut rungs, mut is_test) = (Vec::new(), false);
        for arg in args {
            match arg.as_str() {
                "--bench" => {}
                "--test" => is_test = true,
                "--list" => println!("endurance: benchmark"),
                "all" => rungs.extend(LADDER),
                name => rungs.extend(LADDER.iter().filter(|rung| rung.name == name)),
            }
        }
        let ms = Duration::from_millis;
        let s = Duration::from_secs;
        if is_test {
            // One of each program.
            let some = ["thread-per-request", "bare-task-per-connection", "offload"];
            let some = LADDER.iter().filter(|rung| some.contains(&rung.name));
            let rungs = if rungs.is_empty() { some.collect() } else { rungs };
            let rounds =
                Rounds { rounds: 1, requests: 100, connections: 10, at_most: Duration::ZERO, keep: ms(0) };
            return Some(Self { rungs, rounds, window: ms(100), window_after: ms(100), is_test });
        }
        if rungs.is_empty() {
            let names: Vec<_> = LADDER.iter().map(|rung| rung.name).collect();
            println!("endurance takes a quarter of an hour: `cargo bench --bench endurance -- all`");
            println!("or, of {}, those that you name", names.join(", "));
            return None;
        }
        let rounds =
            Rounds { rounds: 3, requests: 200_000, connections: 20_000, at_most: s(20), keep: s(12) };
        Some(Self { rungs, rounds, window: s(3), window_after: s(1), is_test })
    }

    /// How many bad clients, within what this machine has and never more than 4,000 threads on a server.
    fn clients(&self, fault: Fault, rung: &Rung) -> usize {
        let wanted = match fault {
            Fault::SlowHeads | Fault::SlowBodies | Fault::HalfClosed => 200,
            Fault::Resets => 4,
            Fault::Silent if rung.needs.threads > 1 => 2_000,
            Fault::Silent => 4_000,
            Fault::Unread => 100,
        };
        let wanted = if self.is_test { (wanted / 20).max(1) } else { wanted };
        let budget = limits::read().connection_budget(rung, false).in_flight;
        wanted.min(usize::try_from(budget).unwrap_or(usize::MAX))
    }
}
