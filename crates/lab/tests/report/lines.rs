//! When a rung counts as being on its line: what a short window cannot tell is not held against it, and neither
//! is a server that too few clients ask.

use lab::results::Results;

use crate::findings::{assert_says, run, said};
use crate::fixture::{closed, trial};

/// `event-loop` with a CPU line at 10,000 requests/s, in 5 blocks over windows of that length.
fn curve(route: &str, window_ms: f64, points: &[(u32, f64)]) -> Results {
    let mut results = run(0, &[]);
    results.experiments[0].route = route.into();
    results.experiments[0].nominal_wait_ms = (route != "/hello").then_some(100.0);
    for block in 0..5 {
        for (clients, rps) in points {
            let mut trial = trial("scale", "event-loop", *clients, *rps, 100.0);
            trial.block = block;
            trial.load = closed(*clients, route);
            trial.window.length_ms = window_ms;
            trial.completed = (rps * window_ms / 1_000.0) as u64;
            trial.scheduled = trial.completed;
            trial.server.cpu_s = Some(trial.completed as f64 * 100e-6);
            trial.sent_to_answer_ms.p50 = (route != "/hello").then_some(100.0);
            results.trials.push(trial);
        }
    }
    results
}

#[test]
fn the_answers_that_a_window_cuts_off_are_not_missing() {
    // Seven answers of one client in 0.8 s may be eight; in 8 s the same rate is one that lacks something.
    let of_1 = |window_ms| said(&curve("/wait/100", window_ms, &[(1, 8.75), (16, 160.0)]));
    assert_says(&of_1(800.0), &["event-loop for all 16 clients"]);
    assert_says(&of_1(8_000.0), &["event-loop not even for 1 client"]);
    // The edges of 1,024 clients fall anywhere, and cancel out.
    let of_many = said(&curve("/wait/100", 800.0, &[(16, 160.0), (1_024, 8_960.0)]));
    assert_says(&of_many, &["event-loop for up to 16 clients"]);
}

#[test]
fn a_server_that_few_ask_is_not_below_the_line_of_its_cpu() {
    let busier =
        said(&curve("/hello", 4_000.0, &[(1, 4_000.0), (8, 8_000.0), (64, 9_900.0), (512, 9_950.0)]));
    assert_says(
        &busier,
        &["event-loop stays within 5 % of the lower of its two lines at every load measured"],
    );
    assert!(!busier.contains("cause was not found"), "{busier}");
    // After it was busy, it is.
    let falls = said(&curve("/hello", 4_000.0, &[(1, 4_000.0), (64, 9_900.0), (512, 5_000.0)]));
    assert_says(&falls, &["and leaves it at 512 clients", "the cause was not found"]);
    // Never near it: the most that it answers is where to ask why.
    let never = said(&curve("/hello", 4_000.0, &[(1, 4_000.0), (64, 7_000.0), (512, 6_000.0)]));
    assert_says(&never, &["event-loop, 64 clients: the cause was not found"]);
}
