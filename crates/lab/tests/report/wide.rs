//! Constructed results of the experiments that hold several routes, ten rungs, bystanders or subscribers.
//! The figures are chosen so that the right answer is known: from `thread-per-request` to `event-loop`
//! CPU is divided by 5, by 1.25 and by 1.6, and multiplied by 1.7.

use lab::results::{Asked, Bystander, GapStep, Load, Mode, NotRun, Results, Trial};

use crate::fixture::{answers, closed, empty, trial};

/// Rung, µs of CPU a request, KiB a connection, threads at 256 clients, requests/s of `/hello`.
pub(crate) const LADDER: [(&str, f64, f64, u64, f64); 10] = [
    ("one-at-a-time", 20.0, 30.0, 1, 11_000.0),
    ("pool", 200.0, 52.0, 276, 4_800.0),
    ("thread-per-request", 200.0, 96.0, 515, 5_000.0),
    ("bare-thread-per-request", 40.0, 48.0, 514, 20_000.0),
    ("bare-thread-per-connection", 32.0, 24.0, 258, 26_000.0),
    ("bare-task-per-connection", 20.0, 6.0, 2, 60_000.0),
    ("event-loop", 34.0, 24.0, 3, 40_000.0),
    ("async-views", 230.0, 110.0, 517, 4_400.0),
    ("offload", 60.0, 40.0, 261, 16_000.0),
    ("blocked-loop", 30.0, 24.0, 3, 39_000.0),
];

/// The rungs that the gap of [`ladder`] is made of.
pub(crate) const CHAIN: [&str; 5] = [
    "thread-per-request",
    "bare-thread-per-request",
    "bare-thread-per-connection",
    "bare-task-per-connection",
    "event-loop",
];

/// All ten rungs in so many blocks: closed loop with a wait and without, and one open rate.
pub(crate) fn ladder(blocks: u32) -> Results {
    let mut results = empty();
    results.command = "cargo lab compare ladder".into();
    results.experiments = vec![asked_ladder()];
    for block in 0..blocks {
        for (place, (rung, cpu_us, kib, threads, hello_rps)) in LADDER.into_iter().enumerate() {
            // Each rung wanders by itself, by up to 2 %.
            let drift = 1.0 + 0.01 * f64::from((block * 7 + place as u32 * 3) % 5) - 0.02;
            if !["one-at-a-time", "blocked-loop"].contains(&rung) {
                let rps = if rung == "pool" { 159.0 } else { 2_530.0 };
                let mut waiting = trial("ladder", rung, 256, rps, cpu_us * drift);
                waiting.server.threads_peak = Some(threads);
                waiting.server.memory_per_connection_bytes = Some(kib * 1_024.0 * drift);
                answers(&mut waiting, 4_000, 256_000.0 / rps, 0.01);
                push(&mut results, waiting, block);
            }
            let mut busy = trial("ladder", rung, 64, hello_rps * drift, 1e6 / hello_rps / drift);
            busy.load.route = "/hello".into();
            answers(&mut busy, 4_000, 64_000.0 / hello_rps, 0.1);
            push(&mut results, busy, block);
            if !["one-at-a-time", "blocked-loop"].contains(&rung) {
                let mut due = trial("ladder", rung, 64, 100.0, cpu_us * 1.2);
                due.load.mode = Mode::Open;
                due.load.rate_rps = Some(100.0);
                answers(&mut due, 400, 101.0 * (1.0 + 0.001 * drift), 0.004);
                push(&mut results, due, block);
            }
        }
    }
    results
}

pub(crate) fn asked_ladder() -> Asked {
    let step =
        |from: &str, to: &str, cause: &str| GapStep { from: from.into(), to: to.into(), cause: cause.into() };
    let not_run = |rung: &str| NotRun {
        rung: rung.into(),
        variant: None,
        load: closed(256, "/wait/100"),
        bound_rps: Some(10.0),
        reason: "one thread ÷ 100 ms makes an answer take 25.6 s, more than half the window".into(),
    };
    Asked {
        name: "ladder".into(),
        title: "The whole ladder".into(),
        question: "Of the gap between a thread per request and an event loop, what is the model's and what the framework's?".into(),
        expect: "Neighbours differ in one thing, so that each step has one cause.".into(),
        route: "/wait/100".into(),
        nominal_wait_ms: Some(100.0),
        not_run: vec![not_run("one-at-a-time"), not_run("blocked-loop")],
        decomposition: vec![
            step("thread-per-request", "bare-thread-per-request", "framework (blocking)"),
            step("bare-thread-per-request", "bare-thread-per-connection", "making threads"),
            step("bare-thread-per-connection", "bare-task-per-connection", "the model"),
            step("bare-task-per-connection", "event-loop", "framework (async)"),
        ],
        ..Asked::default()
    }
}

/// Five rungs; `blocked-loop` only where it can be measured; everywhere somebody else asks for `/hello`.
pub(crate) fn bridges(blocks: u32) -> Results {
    const CITY: &str = "/api/city/97201/us";
    let mut results = empty();
    results.command = "cargo lab compare bridges".into();
    results.experiments = vec![Asked {
        name: "bridges".into(),
        title: "Bridges between the two worlds".into(),
        question: "What does async def gain on a blocking server, and a blocking view on an async one?"
            .into(),
        route: CITY.into(),
        not_run: vec![NotRun {
            rung: "blocked-loop".into(),
            variant: None,
            load: closed(256, "/wait/100"),
            bound_rps: Some(9.9),
            reason: "one event loop ÷ 100 ms makes an answer take 25.6 s".into(),
        }],
        ..Asked::default()
    }];
    let rungs = [
        ("thread-per-request", 302.0, 200.0, 96.0, 515, 1.4),
        ("async-views", 202.0, 230.0, 110.0, 517, 1.5),
        ("offload", 302.0, 60.0, 40.0, 261, 1.3),
        ("blocked-loop", 1_208.0, 30.0, 24.0, 3, 780.0),
        ("event-loop", 201.0, 34.0, 24.0, 3, 1.2),
    ];
    for block in 0..blocks {
        for (rung, city_ms, cpu_us, kib, threads, hello_ms) in rungs {
            let drift = 1.0 + 0.01 * f64::from(block % 3);
            let mut city = trial("bridges", rung, 4, 4_000.0 / city_ms, cpu_us * 3.0);
            city.load.route = CITY.into();
            answers(&mut city, 200, city_ms * drift, 0.01);
            beside(&mut city, hello_ms);
            push(&mut results, city, block);
            for clients in [8, 256] {
                if rung == "blocked-loop" && clients == 256 {
                    continue;
                }
                let rps = if rung == "blocked-loop" { 9.9 } else { f64::from(clients) * 9.9 };
                let mut waiting = trial("bridges", rung, clients, rps, cpu_us * drift);
                waiting.server.threads_peak = Some(if clients == 256 { threads } else { threads.min(20) });
                waiting.server.memory_per_connection_bytes = Some(kib * 1_024.0 * drift);
                answers(&mut waiting, 1_000, f64::from(clients) * 1_000.0 / rps, 0.01);
                beside(&mut waiting, hello_ms * if clients == 256 { 1.5 } else { 1.0 });
                push(&mut results, waiting, block);
            }
        }
    }
    results
}

/// Streams held open on four rungs; the pool serves only as many as it has threads.
pub(crate) fn subscribers() -> Results {
    let mut results = empty();
    results.command = "cargo lab compare subscribers".into();
    results.experiments = vec![Asked {
        name: "subscribers".into(),
        title: "Streams that stay open".into(),
        question: "What does a subscriber cost who mostly listens?".into(),
        route: "/live".into(),
        ..Asked::default()
    }];
    let rungs = [
        ("pool", 2.0, 60.0, 0.8),
        ("thread-per-request", 2.0, 84.0, 0.9),
        ("bare-thread-per-connection", 1.0, 28.0, 0.7),
        ("bare-task-per-connection", 0.0, 5.0, 1.1),
        ("event-loop", 0.0, 22.0, 1.2),
    ];
    for clients in [1_u32, 16, 256, 2_048] {
        for (rung, threads_each, kib, late_ms) in rungs {
            let mut one = trial("subscribers", rung, clients, f64::from(clients), 40.0);
            one.load = Load {
                mode: Mode::Subscribers,
                clients,
                rate_rps: None,
                route: "/live".into(),
                keep_alive: true,
                shape: None,
            };
            let ticks = u64::from(clients) * 4;
            (one.scheduled, one.completed) = (ticks, ticks);
            if rung == "pool" && clients > 16 {
                (one.completed, one.timed_out) = (64, ticks - 64);
            }
            one.server.threads_peak = Some(3 + (f64::from(clients) * threads_each) as u64);
            one.server.memory_per_connection_bytes = Some((kib + 200.0 / f64::from(clients)) * 1_024.0);
            let completed = one.completed;
            answers(&mut one, completed, late_ms * (1.0 + f64::from(clients) / 512.0), 0.4);
            push(&mut results, one, 0);
        }
    }
    results
}

/// Connections kept and not kept on the framework pair and the bare pair; the generator is full where the
/// fastest keep theirs.
pub(crate) fn connections(blocks: u32) -> Results {
    let mut results = empty();
    results.command = "cargo lab compare connections".into();
    results.experiments = vec![Asked {
        name: "connections".into(),
        title: "A connection for each request".into(),
        question: "What does it cost not to keep connections?".into(),
        route: "/hello".into(),
        ..Asked::default()
    }];
    let rungs = [
        ("thread-per-request", 180.0, 300.0, 5_200.0, 3_200.0),
        ("bare-thread-per-connection", 14.0, 70.0, 64_000.0, 14_000.0),
        ("bare-task-per-connection", 9.0, 30.0, 90_000.0, 30_000.0),
        ("event-loop", 12.0, 48.0, 70_000.0, 20_000.0),
    ];
    for block in 0..blocks {
        for (place, (rung, kept_us, own_us, kept_rps, own_rps)) in rungs.into_iter().enumerate() {
            for (keep_alive, us, rps) in [(true, kept_us, kept_rps), (false, own_us, own_rps)] {
                let drift = 1.0 + 0.01 * f64::from((block * 3 + place as u32 + u32::from(keep_alive)) % 4);
                let mut one = trial("connections", rung, 64, rps / drift, us * drift);
                one.load = Load { keep_alive, ..closed(64, "/hello") };
                if keep_alive && rung == "bare-task-per-connection" {
                    one.client.core_busy = Some(0.99);
                }
                answers(&mut one, 2_000, 64_000.0 / rps, 0.1);
                push(&mut results, one, block);
            }
        }
    }
    results
}

/// All of them in one run.
pub(crate) fn everything(blocks: u32) -> Results {
    let mut all = ladder(blocks);
    all.command = "cargo lab compare ladder bridges subscribers connections".into();
    for other in [bridges(blocks), subscribers(), connections(blocks)] {
        all.experiments.extend(other.experiments);
        all.trials.extend(other.trials);
    }
    all
}

/// A bystander of 400 requests whose median is about this.
pub(crate) fn beside(trial: &mut Trial, median_ms: f64) {
    let mut seen = trial.clone();
    answers(&mut seen, 390, median_ms * 0.8, 0.35);
    trial.bystander = Some(Bystander {
        route: "/hello".into(),
        rate_rps: 100.0,
        latency_ms: seen.latency_ms,
        histogram: seen.histogram,
        scheduled: 390,
        completed: 390,
        failed: std::collections::BTreeMap::new(),
        timed_out: 0,
        unsent: 0,
    });
}

fn push(results: &mut Results, mut trial: Trial, block: u32) {
    if trial.rung == "blocked-loop" {
        trial.flags = vec!["--workers=1".into()];
    }
    trial.block = block;
    trial.order = results.trials.len() as u32;
    results.trials.push(trial);
}
