//! How sure a report is: many comparisons are corrected for, a rung against itself shows what can be seen at
//! all, and what happened around the run is said.

use lab::report;
use lab::stats;

use crate::findings::{assert_says, run, said};
use crate::wide;

/// Logs of a step in five blocks. By themselves they show a difference: p = 0.0275.
const WEAK: [f64; 5] = [0.12, 0.02, 0.14, 0.03, 0.10];

#[test]
fn what_only_stands_alone_is_not_claimed_among_many() {
    let alone = stats::ratio(&WEAK.map(|log| (log.exp(), 1.0))).unwrap();
    assert!(alone.interval.unwrap().low > 1.01, "by itself it would be claimed: {alone:?}");

    let mut results = wide::ladder(5);
    for trial in results.trials.iter_mut().filter(|trial| trial.load.route == "/wait/100") {
        let cpu_us = &mut trial.server.cpu_us_per_request;
        match trial.rung.as_str() {
            "bare-thread-per-request" => *cpu_us = Some(40.0),
            "bare-thread-per-connection" => *cpu_us = Some(40.0 / WEAK[trial.block as usize].exp()),
            _ => {}
        }
    }
    let said = said(&results);
    assert_says(
        &said,
        &[
            "No difference shown for making threads (ratio 1.09, 1.02 to 1.16; 0.998 to 1.18 once corrected for 17 comparisons).",
        ],
    );
    // What is clear stands all the same.
    assert_says(&said, &["5.00 (4.9", ") for the framework (blocking)"]);
    let all = report::comparisons(&results, "ladder");
    assert!(all.len() > 15, "{}", all.len());
    assert!(report::comparisons(&results, "nothing").is_empty());
}

#[test]
fn a_difference_is_never_claimed_with_an_interval_that_holds_one() {
    // Two rungs, 2 % apart and noisy.
    let mut results = run(5, &[("thread-per-request", 16, 160.0, 50.0), ("event-loop", 16, 160.0, 49.0)]);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "event-loop") {
        let wild = [0.8, 1.3, 0.9, 1.2, 0.95][trial.block as usize];
        trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|us| us * wild);
    }
    let said = said(&results);
    assert_says(&said, &["no difference shown (ratio 1."]);
    assert!(!said.contains("once corrected"), "the plain interval says it already: {said}");
}
