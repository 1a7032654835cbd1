//! The crossover: from which load on async pays is said only as far as every larger load agrees.

use lab::results::{Asked, Results, Rule, Trial, TrialOutcome};

use crate::findings::{assert_says, said};
use crate::fixture::{answers, closed, empty, open_loop, trial};

const PAIR: [&str; 2] = ["thread-per-request", "event-loop"];
const LEVELS: [u32; 5] = [1, 8, 64, 512, 2_048];
const WAIT: &str = "/wait/100";

/// The pair at every level of /wait/100: blocks drift, a rung wanders by up to 1 %, and of what the blocking rung
/// takes async takes so many times less.
fn run(blocks: u32, times: impl Fn(u32) -> f64) -> Results {
    let mut results = empty();
    results.experiments = vec![Asked {
        name: "own".into(),
        title: "Own".into(),
        question: "What?".into(),
        route: WAIT.into(),
        rule: Some(Rule::Crossover),
        ..Asked::default()
    }];
    for block in 0..blocks {
        for level in LEVELS {
            for rung in PAIR {
                results.trials.push(one(rung, block, level, times(level)));
            }
        }
    }
    results
}

fn one(rung: &str, block: u32, level: u32, times: f64) -> Trial {
    let drift = 1.0 + 0.03 * f64::from(block);
    let (blocking, wander) = (rung == PAIR[0], 1.0 + 0.002 * f64::from((block * 7 + level) % 5));
    let times = if blocking { times * wander } else { 1.0 };
    let mut trial = trial("own", rung, level, 1_000.0 / drift, 50.0 * drift * times);
    // Throughput is equal whatever happens, so that CPU alone is what differs.
    trial.throughput_rps = trial.throughput_rps.map(|rps| rps * (1.0 + 0.001 * f64::from(block % 2)));
    trial.server.memory_per_connection_bytes = Some(20_000.0 * drift);
    trial.load = closed(level, WAIT);
    trial.block = block;
    trial
}

fn of<'r>(results: &'r mut Results, rung: &str, level: u32) -> impl Iterator<Item = &'r mut Trial> {
    let rung = rung.to_owned();
    results.trials.iter_mut().filter(move |trial| trial.rung == rung && trial.load.clients == level)
}

#[test]
fn async_that_wins_from_64_clients_on_is_said_to_pay_from_64_clients_on() {
    assert_says(
        &said(&run(5, |level| if level >= 64 { 3.0 } else { 1.0 })),
        &[
            "- Where requests wait longest (/wait/100), event-loop instead of thread-per-request pays from 64 clients on in \
             CPU per request; at no load in throughput (equal within 5 % at 2,048 clients) and memory per connection \
             (equal within 5 % at 2,048 clients).",
            "- CPU per request, thread-per-request as against event-loop: at /wait/100 async wins from 64 clients on, 3.0",
            "with 64 clients and 3.0",
            "(but equal within 5 % (ratio 1.00",
            "with 8 clients).",
            "at /wait/100 nobody wins at any of 5 loads: equal within 5 % (ratio",
            // Of few connections memory is not compared.
            "at /wait/100 nobody wins at any of 3 loads: equal within 5 % (ratio",
        ],
    );
}

/// The obvious answer, "from 64 on", is wrong: at 512 it does not win.
#[test]
fn a_win_that_does_not_last_is_no_crossover() {
    let text = said(&run(5, |level| if level == 64 { 3.0 } else { 1.0 }));
    assert_says(
        &text,
        &[
            "is shown to pay at no load in throughput",
            "no winner from any load on: async wins at 3.0",
            "with 64 clients, but equal within 5 %",
        ],
    );
    assert!(!text.contains("pays from") && !text.contains("wins from"), "{text}");
    // Nor does a gap in the middle count as a win: the claim begins after it.
    let text = said(&run(5, |level| if [64, 2_048].contains(&level) { 3.0 } else { 1.0 }));
    assert_says(&text, &["pays from 2,048 clients on in CPU per request"]);
    assert!(!text.contains("pays from 64"), "{text}");
}

/// A difference that one comparison by itself would show, and fifteen together do not.
#[test]
fn a_win_that_the_correction_takes_away_is_none() {
    let mut results = run(5, |_| 1.0);
    let spread = [1.05, 1.25, 1.02, 1.30, 1.15];
    for trial in of(&mut results, PAIR[0], 2_048) {
        let times = spread[trial.block as usize];
        trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|cpu| cpu * times);
    }
    let text = said(&results);
    assert_says(&text, &["CPU per request (no difference shown at 2,048 clients)", "once corrected for"]);
    assert!(!text.contains("pays from"), "{text}");
}

#[test]
fn blocking_may_win_everywhere() {
    assert_says(
        &said(&run(5, |_| 0.5)),
        &[
            "is shown to pay at no load in throughput",
            "CPU per request (blocking wins at every load)",
            "at /wait/100 blocking wins at every load, 0.50",
        ],
    );
    assert_says(
        &said(&run(5, |level| if level > 8 { 0.5 } else { 2.0 })),
        &["CPU per request (blocking wins from 64 clients on)", "(but 2.01 times as much"],
    );
}

#[test]
fn where_all_is_equal_nobody_wins() {
    let text = said(&run(5, |_| 1.0));
    assert_says(&text, &["CPU per request (equal within 5 % at 2,048 clients)"]);
    assert!(!text.contains("pays from") && !text.contains("async wins") && !text.contains("blocking wins"));
}

#[test]
fn a_load_that_does_not_count_cannot_be_claimed_past() {
    let mut results = run(5, |_| 3.0);
    for trial in of(&mut results, PAIR[1], 64) {
        (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("constructed".into()));
    }
    let text = said(&results);
    assert_says(
        &text,
        &[
            "pays at the latest from 512 clients on in CPU per request",
            "at /wait/100 async wins at the latest from 512 clients on, 3.0",
            "(with 64 clients no trial of event-loop counts)",
        ],
    );
    assert!(!text.contains("pays from 1 client") && !text.contains("wins from 1 client"), "{text}");

    // At the end of the line it leaves no claim at all.
    let mut results = run(5, |_| 3.0);
    for trial in of(&mut results, PAIR[0], 2_048) {
        (trial.outcome, trial.reason) = (TrialOutcome::Collapsed, Some("constructed".into()));
    }
    let text = said(&results);
    assert_says(&text, &["CPU per request (at 2,048 clients thread-per-request collapsed)"]);
    assert!(!text.contains("pays from"), "{text}");

    // A lost trial of five leaves points, which claim nothing either.
    let mut results = run(5, |_| 3.0);
    for trial in of(&mut results, PAIR[0], 512).filter(|trial| trial.block == 2) {
        (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("constructed".into()));
    }
    assert_says(
        &said(&results),
        &[
            "pays at the latest from 2,048 clients on in CPU per request",
            "with 512 clients: too few blocks to claim anything past it)",
        ],
    );
}

/// Of a few connections memory is mostly what the first one starts, whatever it comes to.
#[test]
fn memory_of_few_connections_is_not_compared() {
    let mut results = run(5, |_| 1.0);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == PAIR[0]) {
        let times = if trial.load.clients < 64 { 9.0 } else { 4.0 };
        let memory = trial.server.memory_per_connection_bytes;
        trial.server.memory_per_connection_bytes = memory.map(|bytes| bytes * times);
    }
    let text = said(&results);
    assert_says(
        &text,
        &[
            "pays at the latest from 64 clients on in memory per connection; at no load in throughput",
            "at /wait/100 async wins at the latest from 64 clients on, 4.00 times as much",
            "(with 8 clients so few connections cost less than what the start of the first does)",
        ],
    );
    assert!(!text.contains("9.00 times"), "{text}");

    results.trials.retain(|trial| trial.load.clients < 64);
    assert_says(
        &said(&results),
        &[
            "memory per connection (at 8 clients so few connections cost less than what the start of the first does)",
        ],
    );
}

#[test]
fn a_single_load_is_called_that() {
    let mut results = run(5, |_| 1.0);
    results.trials.retain(|trial| trial.load.clients == 64);
    assert_says(&said(&results), &["at /wait/100 nobody wins at its only load: equal within 5 %"]);
    let mut results = run(5, |_| 1.0);
    results.trials.retain(|trial| [8, 64].contains(&trial.load.clients));
    assert_says(
        &said(&results),
        &["at /wait/100 nobody wins at the only load that counts: equal within 5 %"],
    );
}

#[test]
fn of_a_full_generator_only_what_the_server_took_counts() {
    let mut results = run(5, |_| 3.0);
    for trial in &mut results.trials {
        trial.client.core_busy = Some(0.99);
    }
    assert_says(
        &said(&results),
        &[
            "pays from 1 client on in CPU per request",
            "throughput (at 2,048 clients the generator was the limit of thread-per-request)",
            "- Throughput, event-loop as against thread-per-request: at /wait/100 nothing that counts",
        ],
    );
}

#[test]
fn few_blocks_are_points() {
    let text = said(&run(3, |_| 3.0));
    assert_says(
        &text,
        &[
            "event-loop instead of thread-per-request: from 3 blocks these are points, and show no load from which async pays. \
             It came out ahead in",
            "of 13 comparisons.",
            "3.01 times as much (3 blocks: points, no interval) with 1 client",
        ],
    );
    assert!(!text.contains("pays from") && !text.contains("async wins") && !text.contains("blocking wins"));
}

#[test]
fn where_all_is_void_nothing_is_said() {
    let mut results = run(5, |_| 3.0);
    for trial in &mut results.trials {
        trial.outcome = TrialOutcome::Void;
    }
    assert_says(&said(&results), &["Nothing can be concluded: all 50 trials are void."]);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == PAIR[0]) {
        trial.outcome = TrialOutcome::Ok;
    }
    assert_says(
        &said(&results),
        &["instead of thread-per-request: at no load do both have figures that count"],
    );
}

/// p99 of each pair at 2,000 requests/s.
fn with_p99(answers_each: u64) -> Results {
    let mut results = run(5, |_| 3.0);
    for block in 0..5 {
        for (rung, spread) in PAIR.into_iter().zip([0.2, 0.05]) {
            let mut trial = trial("own", rung, 512, 2_000.0, 50.0);
            trial.load = open_loop(512, 2_000.0, WAIT);
            trial.block = block;
            answers(&mut trial, answers_each, 100.0, spread * (1.0 + 0.01 * f64::from(block % 3)));
            results.trials.push(trial);
        }
    }
    results
}

#[test]
fn the_99th_percentile_is_compared_at_a_common_rate_and_needs_its_answers() {
    assert_says(
        &said(&with_p99(1_600)),
        &[
            "and at 2,000 requests/s in p99 at a common rate; at no load in",
            "- Response time at a common rate, p99, thread-per-request as against event-loop: at /wait/100 async wins, 1.5",
            "times as long (95 % interval",
        ],
    );
    assert_says(
        &said(&with_p99(900)),
        &["p99 at a common rate (at 2,000 requests/s no block has 1,000 answers of both, which a p99 needs)"],
    );
}

#[test]
fn the_map_has_a_square_for_each_load_and_hatches_what_does_not_count() {
    let mut results = with_p99(1_600);
    for trial in of(&mut results, PAIR[1], 64) {
        (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("constructed".into()));
    }
    let dir = tempfile::tempdir().unwrap();
    lab::report::write(dir.path(), &results).unwrap();
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    let figure = page.split("<script type=\"application/json\"").nth(1).unwrap();
    let json = &figure[figure.find('>').unwrap() + 1..figure.find("</script>").unwrap()];
    let figure: serde_json::Value = serde_json::from_str(json).unwrap();
    let panels = figure["data"].as_array().unwrap();
    assert_eq!(panels.len(), 4, "throughput, CPU, memory and p99");
    let cpu = panels[1]["z"][0].as_array().unwrap();
    assert_eq!(cpu.len(), LEVELS.len());
    assert!(cpu[4].as_f64().unwrap() > 1.0, "async wins, so its logarithm is over that of 1");
    assert!(cpu[2].is_null());
    assert_eq!(panels[2]["z"][0][4], 0.0, "equal has the neutral colour");
    assert_eq!(panels[3]["z"][0].as_array().unwrap().len(), 1, "one rate");
    let hatched = figure["layout"]["shapes"].as_array().unwrap().len();
    assert_eq!(hatched, 5, "void in three panels; too few clients for memory in two squares");
    let notes = figure["layout"]["annotations"].to_string();
    assert!(
        notes.contains("\"3.01\"") && notes.contains("\"(1.00)\"") && notes.contains("\"void\""),
        "{notes}"
    );
    assert!(page.contains("Who wins where: thread-per-request and event-loop"));
    assert!(page.contains("times better async is"), "the table behind it");
}
