//! Response times are compared at one rate, by rungs that serve it, from enough samples.

use lab::results::{Load, Mode};

use crate::findings::{assert_says, run, said};
use crate::fixture::{answers, open_loop, trial};

#[test]
fn latency_is_compared_at_one_rate_and_needs_its_samples() {
    let open = |answers_each: u64| {
        let mut results = run(0, &[]);
        for block in 0..5 {
            for (rung, ms) in [("thread-per-request", 150.0), ("event-loop", 100.0)] {
                let mut trial = trial("scale", rung, 64, 50.0, 100.0);
                trial.block = block;
                trial.load = open_loop(64, 50.0, "/wait/100");
                answers(&mut trial, answers_each, ms + f64::from(block) * 0.1, 0.001);
                results.trials.push(trial);
            }
        }
        said(&results)
    };
    let enough = open(400);
    assert_says(
        &enough,
        &[
            "In open loop, at one common rate, 50 requests/s, answers took 150 ms (p99 151 ms) on thread-per-request and 100 ms (p99 101 ms) on event-loop.",
            "Medians against event-loop: thread-per-request: 1.50 times as much (95 % interval 1.50 to 1.50).",
        ],
    );
    let few = open(100);
    assert_says(&few, &["No p99 for thread-per-request and event-loop: it needs 1,000 answers."]);
}

/// Whoever lost a trial is not compared; whoever did not is.
#[test]
fn a_lost_trial_takes_the_interval_of_its_own_pair_only() {
    let mut results = run(0, &[]);
    for block in 0..5 {
        for (rung, ms) in [
            ("thread-per-request", 150.0),
            ("event-loop", 100.0),
            ("bare-thread-per-connection", 100.0),
            ("bare-task-per-connection", 101.0),
        ] {
            if (rung, block) == ("bare-thread-per-connection", 3) {
                continue;
            }
            let mut trial = trial("scale", rung, 64, 50.0, 100.0);
            trial.block = block;
            trial.load = open_loop(64, 50.0, "/wait/100");
            answers(&mut trial, 400, ms + f64::from(block) * 0.1, 0.001);
            results.trials.push(trial);
        }
    }
    assert_says(
        &said(&results),
        &[
            "Medians against event-loop: thread-per-request: 1.50 times as much (95 % interval 1.50 to 1.50). From 4 blocks those of bare-thread-per-connection and bare-task-per-connection are points, and show neither a difference nor equality.",
        ],
    );
}

#[test]
fn a_rung_that_does_not_serve_the_common_rate_is_not_compared_at_it() {
    let mut results = run(0, &[]);
    for block in 0..5 {
        for (rung, rps) in [("thread-per-request", 30.0), ("event-loop", 50.0)] {
            let mut trial = trial("scale", rung, 64, rps, 100.0);
            trial.block = block;
            trial.load = open_loop(64, 50.0, "/wait/100");
            trial.scheduled = 200;
            answers(&mut trial, 400, 100.0, 0.001);
            results.trials.push(trial);
        }
    }
    let said = said(&results);
    assert_says(
        &said,
        &["thread-per-request fell behind this rate (it answered 60 % of what was due in the window)"],
    );
    assert!(!said.contains("Medians against"), "{said}");
}

/// In open loop at 50 requests/s, with generators that are so busy.
fn with_generators(busy: [f64; 2]) -> String {
    let mut results = run(0, &[]);
    for block in 0..5 {
        for ((rung, ms), busy) in [("thread-per-request", 150.0), ("event-loop", 100.0)].into_iter().zip(busy)
        {
            let mut trial = trial("scale", rung, 64, 50.0, 100.0);
            (trial.block, trial.client.core_busy) = (block, Some(busy));
            trial.load = open_loop(64, 50.0, "/wait/100");
            answers(&mut trial, 1_000, ms + f64::from(block) * 0.1, 0.001);
            results.trials.push(trial);
        }
    }
    said(&results)
}

#[test]
fn response_times_of_a_full_generator_are_nobodys() {
    let bound = with_generators([0.91, 0.3]);
    assert_says(
        &bound,
        &[
            "answers took 100 ms (p99 101 ms) on event-loop. Not shown, being client-bound: thread-per-request.",
            "5 ok, client-bound",
            "thread-per-request, 50 requests/s due: the load generator's own core was 91 % busy",
        ],
    );
    assert!(!bound.contains("times as much"), "{bound}");
    assert_says(
        &with_generators([0.90, 0.3]),
        &["Medians against event-loop: thread-per-request: 1.50 times"],
    );
}

#[test]
fn one_rate_over_few_and_over_many_connections_is_told_apart() {
    let mut results = run(0, &[]);
    for clients in [16, 1_024] {
        let mut trial = trial("scale", "event-loop", clients, 50.0, 100.0);
        trial.load = Load {
            mode: Mode::Open,
            clients,
            rate_rps: Some(50.0),
            keep_alive: true,
            shape: None,
            route: "/wait/100".into(),
        };
        answers(&mut trial, 1_000, 100.0, 0.001);
        results.trials.push(trial);
    }
    assert_says(
        &said(&results),
        &[
            "In open loop over at most 16 connections, at one common rate",
            "In open loop over at most 1,024 connections, at one common rate",
            "event-loop open 50/s over 16",
            "event-loop open 50/s over 1,024",
        ],
    );
}

#[test]
fn timeouts_alone_are_no_time_of_an_answer() {
    let mut results = run(0, &[]);
    for block in 0..5 {
        for (rung, answered) in [("thread-per-request", 0), ("event-loop", 200)] {
            let mut trial = trial("scale", rung, 64, answered as f64 / 4.0, 100.0);
            trial.block = block;
            trial.load = open_loop(64, 50.0, "/wait/100");
            (trial.scheduled, trial.completed, trial.timed_out) = (200, answered, 200 - answered);
            answers(&mut trial, 400, 1_000.0, 0.001);
            trial.completed = answered;
            results.trials.push(trial);
        }
    }
    let said = said(&results);
    assert_says(&said, &["answers took 1.00 s", "Not one was answered in time on thread-per-request."]);
    assert!(!said.contains("Medians against event-loop"), "{said}");
}
