//! Response times are compared at one rate, by rungs that serve it, from enough samples.

use lab::results::{Load, Mode};

use crate::findings::{assert_says, run, said};
use crate::fixture::{answers, trial};

#[test]
fn latency_is_compared_at_one_rate_and_needs_its_samples() {
    let open = |answers_each: u64| {
        let mut results = run(0, &[]);
        for block in 0..5 {
            for (rung, ms) in [("thread-per-request", 150.0), ("event-loop", 100.0)] {
                let mut trial = trial("scale", rung, 64, 50.0, 100.0);
                trial.block = block;
                trial.load = Load {
                    mode: Mode::Open,
                    clients: 64,
                    rate_rps: Some(50.0),
                    keep_alive: true,
                    shape: None,
                    route: "/wait/100".into(),
                };
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

#[test]
fn a_rung_that_does_not_serve_the_common_rate_is_not_compared_at_it() {
    let mut results = run(0, &[]);
    for block in 0..5 {
        for (rung, rps) in [("thread-per-request", 30.0), ("event-loop", 50.0)] {
            let mut trial = trial("scale", rung, 64, rps, 100.0);
            trial.block = block;
            trial.load = Load {
                mode: Mode::Open,
                clients: 64,
                rate_rps: Some(50.0),
                keep_alive: true,
                shape: None,
                route: "/wait/100".into(),
            };
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
