//! Constructed results: made up for these tests, measured nowhere.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use lab::report;
use lab::results::{
    Asked, Client, Load, Machine, Mode, NotRun, Percentiles, Results, SCHEMA, Server, Stated, Trial,
    TrialOutcome, Window,
};
use tempfile::TempDir;

/// A run as the default one might come out: the pool is held by its threads, a thread per request by its
/// CPU, the event loop by nothing.
pub(crate) fn plausible() -> Results {
    let mut results = empty();
    results.experiments = vec![lecture(), scale()];
    for (order, (rung, variant, rps)) in [
        ("pool", Some("5 threads"), 5.2),
        ("pool", Some("20 threads"), 20.6),
        ("thread-per-request", None, 20.9),
        ("event-loop", None, 21.0),
    ]
    .into_iter()
    .enumerate()
    {
        let mut trial = trial("lecture", rung, 20, rps, 300.0);
        trial.variant = variant.map(String::from);
        trial.flags = variant
            .map(|threads| vec!["--threads".into(), threads.replace(" threads", "")])
            .unwrap_or_default();
        trial.load.route = "/api/sun/97201/us".into();
        trial.order = order as u32;
        let wait_ms = 20_000.0 / rps;
        answers(&mut trial, 300, wait_ms, 0.2);
        results.trials.push(trial);
    }
    for block in 0..3 {
        // Blocks drift a little, and all rungs of a block alike.
        let drift = 1.0 + f64::from(block) * 0.004;
        for cell in CELLS {
            let mut trial = trial("scale", cell.rung, cell.clients, cell.rps / drift, cell.cpu_us * drift);
            trial.block = block;
            trial.server.threads_peak = Some(cell.threads);
            trial.server.memory_per_connection_bytes = Some(cell.kib * 1_024.0 * drift);
            let per_answer_ms = f64::from(cell.clients) * 1_000.0 / trial.throughput_rps.unwrap();
            answers(&mut trial, 4_000, per_answer_ms, 0.01);
            results.trials.push(trial);
        }
        for (rung, extra_ms) in [("pool", 1.3), ("thread-per-request", 1.1), ("event-loop", 0.9)] {
            let mut trial = trial("scale", rung, 256, 100.0, 210.0);
            trial.block = block;
            trial.load = open_loop(256, 100.0, "/wait/100");
            (trial.throughput_rps, trial.scheduled) = (Some(100.0), 400);
            answers(&mut trial, 1_200, 100.0 + extra_ms * drift, 0.004 * extra_ms);
            results.trials.push(trial);
        }
    }
    results
}

struct CellFigures {
    rung: &'static str,
    clients: u32,
    rps: f64,
    cpu_us: f64,
    threads: u64,
    kib: f64,
}

const CELLS: [CellFigures; 8] = [
    CellFigures { rung: "pool", clients: 16, rps: 158.0, cpu_us: 205.0, threads: 36, kib: 140.0 },
    CellFigures { rung: "pool", clients: 256, rps: 158.4, cpu_us: 210.0, threads: 276, kib: 52.0 },
    CellFigures {
        rung: "thread-per-request",
        clients: 16,
        rps: 157.8,
        cpu_us: 215.0,
        threads: 35,
        kib: 150.0,
    },
    CellFigures {
        rung: "thread-per-request",
        clients: 256,
        rps: 2_520.0,
        cpu_us: 190.0,
        threads: 515,
        kib: 84.0,
    },
    CellFigures {
        rung: "thread-per-request",
        clients: 2_048,
        rps: 4_930.0,
        cpu_us: 198.0,
        threads: 4_099,
        kib: 80.0,
    },
    CellFigures { rung: "event-loop", clients: 16, rps: 158.2, cpu_us: 61.0, threads: 3, kib: 90.0 },
    CellFigures { rung: "event-loop", clients: 256, rps: 2_534.0, cpu_us: 31.0, threads: 3, kib: 29.0 },
    CellFigures { rung: "event-loop", clients: 2_048, rps: 20_240.0, cpu_us: 25.5, threads: 3, kib: 24.6 },
];

/// A run without experiments and trials.
pub(crate) fn empty() -> Results {
    Results {
        schema: SCHEMA.into(),
        version: "0.1.0 (constructed for tests)".into(),
        started: "2026-01-02T03:04:05Z".into(),
        complete: true,
        machine: Machine {
            os: "Linux 6.1.0".into(),
            cpu: Some("Constructed CPU".into()),
            cpus: 2,
            server_cpus: Some(vec![1]),
            client_cpus: Some(vec![0]),
            memory_bytes: Some(4 << 30),
            open_files: Some((1_048_576, 1_048_576)),
            limits: BTreeMap::from([("pid_max".into(), Some(4_194_304)), ("pids.max".into(), None)]),
            load_average: Some(0.25),
            notes: Vec::new(),
        },
        command: "cargo lab compare lecture scale --seed 1".into(),
        seed: 1,
        quick: false,
        experiments: Vec::new(),
        trials: Vec::new(),
        check: None,
        precision: Vec::new(),
        lanes: Vec::new(),
    }
}

/// The experiment with a sweep and an open-loop cell.
pub(crate) fn scale() -> Asked {
    Asked {
        name: "scale".into(),
        title: "How many clients can wait at once?".into(),
        question: "When does a server that blocks a thread per request stop scaling, what runs out, and what does async change?"
            .into(),
        expect: "Every request waits 100 ms. While nothing runs out, throughput follows clients ÷ wait. A pool stops at its threads \
                 ÷ wait, every server at cores ÷ CPU per request."
            .into(),
        route: "/wait/100".into(),
        nominal_wait_ms: Some(100.0),
        not_run: vec![NotRun {
            rung: "pool".into(),
            variant: None,
            load: closed(2_048, "/wait/100"),
            bound_rps: Some(160.0),
            reason: "16 threads ÷ 100 ms make an answer take 12.8 s, more than half the window".into(),
        }],
        ..Asked::default()
    }
}

/// The demonstration.
pub(crate) fn lecture() -> Asked {
    Asked {
        name: "lecture".into(),
        title: "The lecture's experiment, again".into(),
        question: "Twenty clients, 0.945 s of waiting each: how many requests a second?".into(),
        expect: "Five threads give 5 ÷ 0.945 s, anything with twenty slots 20 ÷ 0.945 s.".into(),
        demonstration: true,
        route: "/api/sun/97201/us".into(),
        nominal_wait_ms: Some(945.0),
        stated: vec![
            stated("Flask, as stated in the lecture", 4.72),
            stated("Quart, as stated in the lecture", 20.0),
        ],
        ..Asked::default()
    }
}

fn stated(label: &str, throughput_rps: f64) -> Stated {
    Stated { label: label.into(), throughput_rps, source: "the lecture".into() }
}

/// A run of `scale` with the given cells: rung, clients, requests/s, µs of CPU; in so many blocks.
pub(crate) fn run(blocks: u32, cells: &[(&str, u32, f64, f64)]) -> Results {
    let mut results = empty();
    let mut scale = scale();
    scale.not_run.clear();
    results.experiments = vec![scale];
    for block in 0..blocks {
        // Blocks differ by up to 0.4 %, rungs within a block do not.
        let drift = 1.0 + 0.002 * f64::from(block % 3);
        for (rung, clients, rps, cpu_us) in cells {
            let mut trial = trial("scale", rung, *clients, rps * drift, cpu_us * drift);
            trial.block = block;
            trial.sent_to_answer_ms.p50 = Some(if *clients == 16 { 100.0 } else { 150.0 });
            results.trials.push(trial);
        }
    }
    results
}

/// A good trial in closed loop, with a server on one core.
pub(crate) fn trial(experiment: &str, rung: &str, clients: u32, throughput_rps: f64, cpu_us: f64) -> Trial {
    let window_s = 4.0;
    let completed = (throughput_rps * window_s) as u64;
    Trial {
        experiment: experiment.into(),
        rung: rung.into(),
        variant: None,
        bystander: None,
        services: None,
        replay: None,
        flags: if rung == "pool" { vec!["--threads=16".into()] } else { Vec::new() },
        block: 0,
        order: 0,
        window: Window { start_ms: 1_000, length_ms: window_s * 1_000.0 },
        load: closed(clients, "/wait/100"),
        outcome: TrialOutcome::Ok,
        reason: None,
        throughput_rps: Some(throughput_rps),
        latency_ms: Percentiles::default(),
        sent_to_answer_ms: Percentiles::default(),
        histogram: None,
        parts: None,
        scheduled: completed,
        completed,
        failed: BTreeMap::new(),
        timed_out: 0,
        unsent: 0,
        server: Server {
            cpu_s: Some(completed as f64 * cpu_us / 1e6),
            cpu_us_per_request: Some(cpu_us),
            rss_peak_bytes: Some(64 << 20),
            threads_peak: Some(3),
            memory_per_connection_bytes: Some(25_000.0),
            listen_overflows: Some(0),
            exit: Some("signal 15".into()),
            ..Server::default()
        },
        client: Client { cpu_s: Some(1.0), core_busy: Some(0.3), ..Client::default() },
        warnings: Vec::new(),
        series: Vec::new(),
    }
}

pub(crate) fn closed(clients: u32, route: &str) -> Load {
    Load { mode: Mode::Closed, clients, rate_rps: None, keep_alive: true, route: route.into(), shape: None }
}

/// Open loop at a steady rate, over so many connections.
pub(crate) fn open_loop(connections: u32, rate_rps: f64, route: &str) -> Load {
    Load { mode: Mode::Open, rate_rps: Some(rate_rps), ..closed(connections, route) }
}

/// What the charts of a page are drawn from.
pub(crate) fn figures(page: &str) -> Vec<serde_json::Value> {
    let scripts = page.split("<script type=\"application/json\"").skip(1);
    let json = |rest: &str| {
        let text = &rest[rest.find('>').unwrap() + 1..rest.find("</script>").unwrap()];
        serde_json::from_str(text).unwrap()
    };
    scripts.map(json).collect()
}

/// Gives a trial a distribution: skewed to the right of `around_ms`, as waiting is.
pub(crate) fn answers(trial: &mut Trial, number: u64, around_ms: f64, spread: f64) {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    for n in 0..number {
        let quantile = (n as f64 + 0.5) / number as f64;
        let ms = around_ms * (1.0 + spread * (1.0 / (1.0 - quantile)).ln());
        histogram.record((ms * 1e6) as u64).unwrap();
    }
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
    trial.histogram = Some(base64::engine::general_purpose::STANDARD.encode(bytes));
    let at = |quantile| Some(histogram.value_at_quantile(quantile) as f64 / 1e6);
    trial.latency_ms = Percentiles {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99).filter(|_| number >= 1_000),
        p999: at(0.999).filter(|_| number >= 10_000),
        max: at(1.0),
        mean: Some(histogram.mean() / 1e6),
    };
    trial.sent_to_answer_ms = trial.latency_ms;
}

/// The page of a report, whole.
pub(crate) fn page(results: &Results) -> String {
    let dir = TempDir::new().unwrap();
    report::write(dir.path(), results).unwrap();
    fs::read_to_string(dir.path().join("report.html")).unwrap()
}

/// The same in its own words: the charts' script has others.
pub(crate) fn own_words(results: &Results) -> String {
    without_script(&page(results))
}

pub(crate) fn without_script(page: &str) -> String {
    let (before, script) = page.split_once("<script type=\"text/javascript\">").expect("the charts' script");
    format!("{before}{}", script.split_once("</script>").unwrap().1)
}
