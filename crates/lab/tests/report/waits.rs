//! A pool's waits against the same requests in an ideal queue: what is said when they agree, when they do not, and
//! when nobody recorded them.

use lab::results::{Replay, Results, Trial};

use crate::findings::{assert_says, said};
use crate::rules::pools;

/// Waits of a pool, each trial with a replay: of so many requests, so long as it was measured plus `off`.
fn replayed(off: impl Fn(f64) -> f64) -> Results {
    let mut results = pools(1.0);
    for trial in &mut results.trials {
        let waited_ms = trial.latency_ms.mean.unwrap() - 100.0;
        let rate = trial.load.rate_rps.unwrap();
        trial.replay = Some(Replay {
            servers: 16,
            requests: 1_000 + u64::from(trial.block),
            missing: 0,
            waited_ms: Some(waited_ms + off(rate)),
            replayed_ms: Some(waited_ms),
            file: Some("recordings/own.csv".into()),
        });
    }
    results
}

fn at(results: &mut Results, rate: f64, change: impl Fn(&mut Replay)) {
    let here = |trial: &&mut Trial| trial.load.rate_rps == Some(rate);
    results.trials.iter_mut().filter(here).for_each(|trial| change(trial.replay.as_mut().unwrap()));
}

#[test]
fn where_all_rates_agree_the_farthest_is_named() {
    // 5 % + 0.3 ms of 38.4 ms is 2.2 ms; of 0.12 ms, 0.31 ms.
    let said = said(&replayed(|rate| if rate == 144.0 { 2.0 } else { 0.2 }));
    assert_says(
        &said,
        &[
            "0.318 ms at ρ = 0.50 (0.118 ms in the replay; ",
            "40.4 ms at ρ = 0.90 (38.4 ms in the replay; 37.0 ms by Erlang C; measured ÷ expected",
            "played through a first-come-first-served queue with 16 servers: that agrees with what was measured at all 4 rates;",
            "farthest from it is 40.4 ms measured against 38.4 ms replayed (+2.00 ms, +5.2 %) at ρ = 0.90.",
            "(These are medians over trials of their means, and to agree is to be within 5 % + 0.3 ms; of all trials 20 of 20 are.)",
            "accepting, reading, waking a thread, writing the reply, and waiting for a CPU where the machine has other work.",
        ],
    );
    assert!(!said.contains("not agree") && !said.contains("Not played"), "{said}");
}

#[test]
fn where_a_rate_does_not_agree_it_is_named_with_its_figures() {
    let said = said(&replayed(|rate| if rate == 144.0 { -2.5 } else { 0.0 }));
    assert_says(
        &said,
        &[
            "that does not agree with what was measured at 1 of 4 rates: 35.9 ms measured against 38.4 ms replayed (−2.50 ms, −6.5 %) at ρ = 0.90.",
        ],
    );
    assert!(!said.contains("that agrees"), "{said}");
}

/// One block in which the machine did something else is no verdict; three of five are.
#[test]
fn medians_decide() {
    let disturbed = |blocks: u64| {
        let mut results = replayed(|_| 0.1);
        at(&mut results, 80.0, |replay| {
            if replay.requests < 1_000 + blocks {
                replay.waited_ms = Some(19.0);
            }
        });
        said(&results)
    };
    assert_says(
        &disturbed(2),
        &[
            "that agrees with what was measured at all 4 rates",
            "of all trials 18 of 20 are.)",
            // The waits themselves are means.
            "7.73 ms at ρ = 0.50 (0.118 ms in the replay;",
        ],
    );
    assert_says(
        &disturbed(3),
        &[
            "that does not agree with what was measured at 1 of 4 rates: 19.0 ms",
            "of all trials 17 of 20 are.)",
        ],
    );
}

/// Near the limit waits are skewed: their median, or a mean of logarithms, is far below the mean that theory expects.
#[test]
fn of_skewed_waits_the_mean_is_held_against_the_mean_that_is_expected() {
    let mut results = pools(1.0);
    for trial in results.trials.iter_mut().filter(|trial| trial.load.rate_rps == Some(144.0)) {
        let waited_ms = if trial.block == 4 { 145.0 } else { 10.0 };
        trial.latency_ms.mean = Some(100.0 + waited_ms);
    }
    // 27 ms is the standard error of the mean of 10, 10, 10, 10 and 145 ms.
    assert_says(
        &said(&results),
        &["37.0 ms at ρ = 0.90 (37.0 ms by Erlang C; measured ÷ expected 1.00, 95 % interval 0 to 3.03)"],
    );
}

#[test]
fn a_queue_with_gaps_is_not_played_and_that_is_said() {
    let gap = |replay: &mut Replay| (replay.missing, replay.replayed_ms) = (2, None);
    let mut some = replayed(|_| 0.0);
    at(&mut some, 192.0, gap);
    assert_says(
        &said(&some),
        &[
            "agrees with what was measured at all 3 rates",
            "Not played: 10 requests have no record at ρ = 1.20.",
        ],
    );
    let mut all = replayed(|_| 0.0);
    for rate in [80.0, 128.0, 144.0, 192.0] {
        at(&mut all, rate, gap);
    }
    assert_says(
        &said(&all),
        &[
            "The waits for pool are not held against a replay, since a queue with gaps cannot be played: 10 requests",
        ],
    );
}

#[test]
fn without_a_recording_there_is_erlang_alone_and_words_for_that() {
    let said = said(&pools(1.0));
    assert_says(
        &said,
        &[
            "38.4 ms at ρ = 0.90 (37.0 ms by Erlang C",
            "The waits for pool are not held against a replay, since no request was recorded one by one. Erlang C is a mean of the long run",
        ],
    );
    assert!(!said.contains("in the replay"), "{said}");
}

#[test]
fn the_chart_shows_measured_replayed_and_theory() {
    let dir = tempfile::tempdir().unwrap();
    lab::report::write(dir.path(), &replayed(|_| 0.2)).unwrap();
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    for text in [
        "Waiting for a thread of the pool",
        "pool, measured",
        "pool, replayed",
        "pool, by theory",
        "within 5 % + 0.3 ms",
    ] {
        assert!(page.contains(text), "{text}");
    }
    lab::report::write(dir.path(), &pools(1.0)).unwrap();
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains("pool, by theory") && !page.contains("pool, replayed"));
}
