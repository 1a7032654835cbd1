//! A gap is split into its causes: the factors are right, multiply to the whole, and are put into words
//! that fit them.

use std::fs;

use lab::report;
use lab::results::{Results, Trial, TrialOutcome};
use tempfile::TempDir;

use crate::findings::{assert_says, said};
use crate::wide;

/// The ladder after a change of the trials that wait (or, with `/hello`, of those that do not).
fn ladder(blocks: u32, route: &str, change: impl Fn(&mut Trial)) -> Results {
    let mut results = wide::ladder(blocks);
    results.trials.iter_mut().filter(|trial| trial.load.route == route).for_each(change);
    results
}

/// CPU of the five rungs that the gap is made of.
fn with_cpu(blocks: u32, cpu_us: [f64; 5]) -> Results {
    ladder(blocks, "/wait/100", |trial| {
        let place = wide::CHAIN.iter().position(|rung| *rung == trial.rung);
        if let Some(place) = place {
            // Rungs wander by themselves, by 1 %.
            let wander = 1.0 + 0.005 * f64::from((trial.block * 2 + place as u32) % 5) - 0.01;
            trial.server.cpu_us_per_request = Some(cpu_us[place] * wander);
        }
    })
}

/// The factors of the table behind the first gap: causes, and the whole at last.
fn factors(results: &Results) -> Vec<(String, f64)> {
    let dir = TempDir::new().unwrap();
    report::write(dir.path(), results).unwrap();
    let page = fs::read_to_string(dir.path().join("report.html")).unwrap();
    let table =
        page.split("What the gap in CPU per request consists of: /wait/100, with").nth(1).expect("the table");
    let table = &table[..table.find("</table>").unwrap()];
    table
        .split("<tr>")
        .skip(2)
        .map(|row| {
            let cells: Vec<&str> = row
                .split('>')
                .filter_map(|cell| cell.split('<').next())
                .filter(|text| !text.is_empty())
                .collect();
            (cells[0].to_owned(), cells[5].parse().unwrap())
        })
        .collect()
}

#[test]
fn the_factors_are_the_constructed_ones_and_multiply_to_the_whole() {
    let said = said(&wide::ladder(5));
    assert_says(
        &said,
        &[
            "On /wait/100, with 256 clients, a request takes 5.88 times as much CPU on thread-per-request as on event-loop (95 % interval",
            "The causes multiply: 5.00 (4.",
            ") for the framework (blocking), 1.25 (1.",
            ") for making threads and 1.60 (1.",
            ") for the model, and in the other direction 1.70 (1.",
            ") for the framework (async).",
            "a connection takes 4.00 times as much memory on thread-per-request as on event-loop",
            "On /hello, with 64 clients, event-loop answers 8.00 times as many requests/s as thread-per-request",
        ],
    );
    for blocks in [1, 3, 5, 8] {
        let all = factors(&with_cpu(blocks, [211.0, 37.0, 24.6, 14.3, 26.9]));
        let (whole, steps) = all.split_last().unwrap();
        let product: f64 = steps.iter().map(|(_, factor)| factor).product();
        assert_eq!((whole.0.as_str(), steps.len()), ("the whole gap", 4));
        // Each factor is shown with three digits.
        assert!((product / whole.1 - 1.0).abs() < 0.02, "{blocks} blocks: {product} for {}", whole.1);
        assert!((whole.1 - 211.0 / 26.9).abs() < 0.2, "{}", whole.1);
    }
}

#[test]
fn a_trial_that_is_missing_takes_its_block_from_all_steps() {
    let whole = factors(&wide::ladder(6));
    let mut results = wide::ladder(6);
    for trial in &mut results.trials {
        if trial.rung == "bare-task-per-connection" && trial.block == 4 {
            trial.outcome = TrialOutcome::Void;
            trial.server.cpu_us_per_request = Some(1e6);
        }
    }
    let partly = factors(&results);
    let product: f64 = partly[..4].iter().map(|(_, factor)| factor).product();
    assert!((product / partly[4].1 - 1.0).abs() < 0.02, "{partly:?}");
    assert!((partly[4].1 / whole[4].1 - 1.0).abs() < 0.05, "the void trial counts: {partly:?}");
    assert_says(&said(&results), &["(95 % interval"]);
}

#[test]
fn async_may_lose_and_steps_may_go_either_way() {
    let said = said(&with_cpu(5, [20.0, 40.0, 32.0, 80.0, 100.0]));
    assert_says(
        &said,
        &[
            "a request takes 5.00 times as much CPU on event-loop as on thread-per-request (95 % interval 4.",
            "The causes multiply: 2.00 (1.9",
            ") for the framework (blocking), 2.50 (2.4",
            ") for the model and 1.25 (1.2",
            ") for the framework (async), and in the other direction 1.25 (1.2",
            ") for making threads.",
        ],
    );
}

#[test]
fn what_is_equal_is_not_called_a_cause() {
    let said = said(&with_cpu(8, [30.0; 5]));
    assert_says(
        &said,
        &[
            "with 256 clients, CPU per request is equal within 5 % on thread-per-request and event-loop (ratio 1.0",
            "Equal within 5 %: the framework (blocking) (ratio",
        ],
    );
    let cpu = said.split("CPU per request is equal").nth(1).unwrap().split("On /").next().unwrap();
    assert!(!cpu.contains("causes multiply"), "{cpu}");
}

#[test]
fn a_step_whose_interval_holds_one_shows_no_difference() {
    let mut results = with_cpu(5, [200.0, 40.0, 40.0, 20.0, 34.0]);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "bare-thread-per-connection") {
        let wild = [0.8, 1.3, 0.9, 1.2, 0.95][trial.block as usize];
        trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|us| us * wild);
    }
    let said = said(&results);
    assert_says(&said, &["No difference shown for making threads (ratio 0.9"]);
    let cpu = said.split("times as much CPU").nth(1).unwrap().split("On /").next().unwrap();
    assert!(!cpu.contains("for making threads,") && cpu.contains(") for the model"), "{cpu}");
}

#[test]
fn few_blocks_are_points_and_no_verdict_on_a_step() {
    let said = said(&with_cpu(3, [200.0, 40.0, 40.2, 20.0, 34.0]));
    assert_says(
        &said,
        &[
            "as on event-loop (3 blocks: points, no interval). The causes multiply: ",
            " for the framework (blocking)",
            "in the other direction ",
        ],
    );
    let cpu = said.split("times as much CPU").nth(1).unwrap().split("On /").next().unwrap();
    assert!(!cpu.contains("No difference shown") && !cpu.contains("Equal within"), "{cpu}");
}

#[test]
fn a_rung_without_trials_joins_the_steps_beside_it() {
    let mut results = wide::ladder(5);
    results.trials.retain(|trial| trial.rung != "bare-thread-per-connection");
    assert_says(
        &said(&results),
        &[
            "for the framework (blocking) and 2.00 (1.",
            ") for making threads and the model, and in the other direction 1.70",
            "bare-thread-per-connection has no trial that counts here, so that the causes beside it stand together.",
        ],
    );
}

#[test]
fn a_gap_without_an_end_is_not_split() {
    let void = ladder(5, "/wait/100", |trial| {
        if trial.rung == "event-loop" {
            (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("a wrong answer".into()));
        }
    });
    let said_void = said(&void);
    assert_says(
        &said_void,
        &["what the gap in CPU per request consists of is not known: no trial that counts for event-loop."],
    );
    assert!(!said_void.contains("times as much CPU on thread-per-request as on event-loop"), "{said_void}");

    let mut never_together = wide::ladder(4);
    never_together.trials.retain(|trial| (trial.rung == "event-loop") == (trial.block < 2));
    assert_says(&said(&never_together), &["no block has a trial that counts of each rung"]);

    let mut absent = wide::ladder(5);
    absent.trials.retain(|trial| trial.rung != "event-loop");
    assert!(!said(&absent).contains("consists of"));
}

#[test]
fn capacity_is_not_concluded_from_where_the_generator_was_full() {
    let results = ladder(5, "/hello", |trial| {
        if trial.rung == "bare-task-per-connection" {
            trial.client.core_busy = Some(0.99);
        }
    });
    let said = said(&results);
    assert_says(
        &said,
        &[
            "how many requests/s they could answer with 64 clients cannot be told, since the load generator's own core was full with bare-task-per-connection",
            "a request takes 8.00 times as much CPU on thread-per-request as on event-loop",
        ],
    );
    assert!(!said.contains("times as many requests/s"), "{said}");
}

#[test]
fn a_rung_that_falls_behind_is_named() {
    let results = ladder(5, "/wait/100", |trial| {
        if trial.rung == "thread-per-request" {
            trial.throughput_rps = Some(1_900.0);
        }
    });
    assert_says(&said(&results), &["With care: thread-per-request did not keep up with this load."]);
}
