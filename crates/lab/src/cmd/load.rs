//! `cargo lab load`: load on servers that run already, side by side at the same time.
//!
//! Each URL gets a generator process of its own. Only loopback addresses are loaded unless told otherwise.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use handlers::replies::TICK;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use loadgen::clock::monotonic_ns;
use loadgen::protocol::{Arrivals, Event, Expect, Load, Shape, Spec};

use crate::cell::Subject;
use crate::cli::{self, Usage};
use crate::cmd::list::table;
use crate::generator::Generator;
use crate::judge::{self, Found};
use crate::output;
use crate::probe::{Edges, INTERVAL_MS};
use crate::programs::{self, Programs};
use crate::results::{self, Asked, Mode, Results, SCHEMA, Trial, TrialOutcome};
use crate::stop::{self, Stopped};
use crate::{limits, machine};

/// Flags of `load`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to request; several are loaded side by side
    #[arg(value_name = "URL", required = true, num_args = 1..=16, value_parser = url)]
    urls: Vec<String>,

    /// Closed loop: so many clients for each URL, each sends when its last answer came
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "rate")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    clients: u32,

    /// Open loop: so many requests a second for each URL, due whatever the server does
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<f64>,

    /// Open loop: at most so many connections for each URL
    #[arg(long, value_name = "N", default_value_t = 256, requires = "rate")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,

    /// Live event streams to hold open instead, of a URL that ends in /live
    #[arg(long, value_name = "N", conflicts_with_all = ["clients", "rate", "close"])]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    subscribers: Option<u32>,

    /// How long to measure
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = cli::duration)]
    duration: Duration,

    /// Load before measuring
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = cli::duration)]
    warm_up: Duration,

    /// When a client gives up
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = cli::duration)]
    timeout: Duration,

    /// A new connection for each request
    #[arg(long)]
    close: bool,

    /// Also write the results to a file, which `cargo lab report` reads
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Arrivals and phases follow from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Load this host, which is not this machine. Only with its owner's consent
    #[arg(long, value_name = "HOST")]
    allow_remote: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.duration < Duration::from_millis(100) {
        return Err(Usage::error("--duration: at least 100ms, or there is nothing to measure"));
    }
    if args.timeout.is_zero() {
        return Err(Usage::error("--timeout: longer than 0"));
    }
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    let programs = Programs::ready()?;
    limits::raise_open_files();
    let started_ns = monotonic_ns();
    let mut results = about(args)?;
    let trials = side_by_side(args, &programs, started_ns)?;
    results.trials = trials;
    results.complete = true;
    cli::print(&laid_out(&results.trials))?;
    if let Some(file) = &args.json {
        let text = serde_json::to_string(&results)?;
        output::replace(file, text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let void = results.trials.iter().filter(|trial| trial.outcome == TrialOutcome::Void);
    let reasons: Vec<_> =
        void.map(|trial| format!("{}: {}", trial.rung, trial.reason.as_deref().unwrap_or("?"))).collect();
    if reasons.is_empty() { Ok(()) } else { bail!("not valid: {}", reasons.join("; ")) }
}

fn side_by_side(args: &Args, programs: &Programs, started_ns: u64) -> anyhow::Result<Vec<Trial>> {
    let bars = MultiProgress::new();
    std::thread::scope(|scope| {
        let start = |(url, order): (&String, u32)| {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            let url = url.clone();
            scope.spawn(move || load(&url, order, args, programs, started_ns, &bar))
        };
        let running: Vec<_> = args.urls.iter().zip(0..).map(start).collect();
        let ended = running
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ended.collect()
    })
}

fn load(
    url: &str,
    order: u32,
    args: &Args,
    programs: &Programs,
    started_ns: u64,
    bar: &ProgressBar,
) -> anyhow::Result<Trial> {
    let spec = spec(url, args);
    let mut edges = None;
    let outcome = Generator::start(programs, &spec, None)?.outcome(&spec, |event| {
        match event {
            Event::Window { start_ns, end_ns } => edges = Some(Edges { start_ns, end_ns }),
            Event::Progress { completed, errors, in_flight, p50_ms, .. } => {
                let p50 = p50_ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1} ms"));
                bar.set_message(format!(
                    "{url}: {completed} requests/s, p50 {p50}, {errors} errors/s, {in_flight} in flight"
                ));
            }
            _ => {}
        }
        Ok(())
    });
    bar.finish_and_clear();
    let outcome = match outcome {
        Err(_) if stop::requested() => return Err(Stopped.into()),
        outcome => outcome.with_context(|| format!("no result for {url}"))?,
    };
    // Nobody watches these servers from here: what they cost stays unknown.
    let found = Found { outcome: Some(outcome), edges, foreign: true, ..Found::default() };
    let first = args.urls.iter().position(|other| other == url);
    let subject = Subject {
        experiment: EXPERIMENT.into(),
        rung: url.into(),
        variant: first.filter(|first| *first != order as usize).map(|_| format!("no. {}", order + 1)),
        flags: Vec::new(),
        block: 0,
        order,
        load: load_of(args, path(url)),
        bystander: None,
    };
    Ok(judge::trial(subject, &found, started_ns))
}

const EXPERIMENT: &str = "load";

fn spec(url: &str, args: &Args) -> Spec {
    let load = match (args.subscribers, args.rate) {
        (Some(subscribers), _) => Load::Subscribe { subscribers, tick_ms: TICK.as_millis() as u64 },
        (None, Some(rate_rps)) => Load::Open {
            rate_rps,
            arrivals: Arrivals::Poisson,
            shape: Shape::Steady,
            connections: args.connections,
        },
        (None, None) => Load::Closed { clients: args.clients },
    };
    Spec {
        url: url.into(),
        method: "GET".into(),
        body: None,
        load,
        mix: Vec::new(),
        keep_alive: !args.close,
        timeout_ms: args.timeout.as_millis() as u64,
        warm_up_ms: args.warm_up.as_millis() as u64,
        window_ms: args.duration.as_millis() as u64,
        series_interval_ms: INTERVAL_MS,
        expect: Expect::default(),
        seed: args.seed,
        bystander: None,
        allow_remote: args.allow_remote.clone(),
        timing: matches!(load, Load::Open { .. }),
        record: false,
    }
}

fn load_of(args: &Args, route: &str) -> results::Load {
    let (mode, clients) = match (args.subscribers, args.rate) {
        (Some(subscribers), _) => (Mode::Subscribers, subscribers),
        (None, Some(_)) => (Mode::Open, args.connections),
        (None, None) => (Mode::Closed, args.clients),
    };
    results::Load {
        mode,
        clients,
        rate_rps: args.rate,
        route: route.into(),
        keep_alive: !args.close,
        shape: None,
    }
}

/// Everything that is known before the first request.
fn about(args: &Args) -> anyhow::Result<Results> {
    let limits = limits::read();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let checkout = programs::checkout();
    Ok(Results {
        schema: SCHEMA.into(),
        version: machine::version(checkout.as_deref()),
        started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        complete: false,
        machine: machine::describe(&limits, u32::try_from(cpus)?, None),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        seed: args.seed,
        quick: false,
        experiments: vec![Asked {
            name: EXPERIMENT.into(),
            title: "Load on running servers".into(),
            question: format!("What do {} answer under this load, side by side?", args.urls.join(" and ")),
            expect: "The servers were not started by the lab: what they cost, and on which CPUs, is unknown."
                .into(),
            demonstration: true,
            route: args.urls.first().map(|url| path(url).to_owned()).unwrap_or_default(),
            ..Asked::default()
        }],
        trials: Vec::new(),
        check: None,
        precision: Vec::new(),
        lanes: Vec::new(),
    })
}

fn laid_out(trials: &[Trial]) -> String {
    let mut table = table(&[
        "URL",
        "requests/s",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms",
        "failed",
        "timed out",
        "unsent",
    ]);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    for trial in trials {
        let latency = trial.latency_ms;
        let mut row = vec![trial.rung.clone(), number(trial.throughput_rps)];
        row.extend([latency.p50, latency.p90, latency.p99, latency.max].map(number));
        let failed: u64 = trial.failed.values().sum();
        row.extend([failed, trial.timed_out, trial.unsent].map(|count| count.to_string()));
        table.add_row(row);
    }
    // A URL that is broken into lines cannot be copied.
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    let notes =
        trials.iter().flat_map(|trial| trial.warnings.iter().map(|text| format!("\n{}: {text}", trial.rung)));
    format!("{}{}", table.trim_fmt(), notes.collect::<String>())
}

/// What follows the authority.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

fn url(text: &str) -> Result<String, String> {
    match text.strip_prefix("http://") {
        Some(rest) if !rest.starts_with('/') && !rest.is_empty() => Ok(text.to_owned()),
        _ => Err("expected a URL such as http://127.0.0.1:8001/hello (http only)".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(rate),
        _ => Err("expected requests per second, over 0 and at most 1000000".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_what_follows_the_authority() {
        assert_eq!(path("http://127.0.0.1:8001/wait/100?x=1"), "/wait/100?x=1");
        assert_eq!(path("http://localhost:8001"), "/");
    }

    #[test]
    fn only_http_urls_and_sensible_rates_are_taken() {
        assert!(url("http://localhost:8001/hello").is_ok());
        for wrong in ["localhost:8001", "https://localhost/", "http://", "http:///hello"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
