//! Experiments that name a rule: the answer comes from the figures, and changes with them.

use lab::results::{Asked, Calls, Load, Results, Rule, SeriesRow, Services, Trial, Trouble};

use loadgen::protocol::Shape;

use crate::findings::{assert_says, said};
use crate::fixture::{answers, closed, empty, open_loop, trial};
use crate::wide::beside;

fn asked(rule: Rule, route: &str) -> Asked {
    Asked {
        name: "own".into(),
        title: "Own".into(),
        question: "What?".into(),
        route: route.into(),
        rule: Some(rule),
        ..Asked::default()
    }
}

/// Trials of these rungs in so many blocks, changed by whoever asks; blocks drift, rungs wander by 0.2 %.
fn run(asked: Asked, blocks: u32, rungs: &[&str], load: &Load, make: impl Fn(&mut Trial)) -> Results {
    let mut results = empty();
    results.experiments = vec![asked];
    add(&mut results, blocks, rungs, load, make);
    results
}

fn add(results: &mut Results, blocks: u32, rungs: &[&str], load: &Load, make: impl Fn(&mut Trial)) {
    for block in 0..blocks {
        for (place, rung) in rungs.iter().enumerate() {
            let mut one = trial("own", rung, load.clients, 100.0, 100.0);
            (one.block, one.load) = (block, load.clone());
            make(&mut one);
            let wander = 1.0 + 0.002 * f64::from((block * 3 + place as u32) % 4);
            one.throughput_rps = one.throughput_rps.map(|rps| rps * wander);
            results.trials.push(one);
        }
    }
}

const PAIRS: [&str; 4] =
    ["thread-per-request", "bare-thread-per-connection", "bare-task-per-connection", "event-loop"];
const THREE: [&str; 3] = ["pool", "thread-per-request", "event-loop"];

fn ties(blocks: u32, threads_rps: f64) -> Results {
    run(asked(Rule::Equal, "/hash/1000"), blocks, &PAIRS, &closed(8, "/hash/1000"), |trial| {
        trial.throughput_rps = Some(if trial.rung == "thread-per-request" { threads_rps } else { 50.0 });
    })
}

#[test]
fn a_tie_is_claimed_only_where_the_intervals_are_narrow_enough() {
    assert_says(
        &said(&ties(6, 50.2)),
        &[
            "- A tie: in all 2 comparisons, blocking and async are equal within 5 %; the widest 90 % interval is",
            "With 8 clients at /hash/1000: 50.4 requests/s on thread-per-request and 50.2",
            "equal within 5 % (ratio 1.00",
        ],
    );
    let apart = said(&ties(6, 60.0));
    assert_says(
        &apart,
        &[
            "Equal within 5 % in 1 of 2 comparisons, and not shown to be for thread-per-request and event-loop with 8 clients at /hash/1000 (1.20 times as many (95 % interval",
        ],
    );
    let few = said(&ties(2, 50.0));
    assert_says(
        &few,
        &[
            "From 2 blocks these are points, and show neither a difference nor equality: 2 pairs differ by a factor of 1.0",
        ],
    );
    assert!(!few.contains("A tie"), "{few}");
}

/// An interval that contains 1 is no tie.
#[test]
fn what_wanders_is_no_tie() {
    let mut results = ties(5, 50.0);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung.ends_with("connection")) {
        let wild = [0.8, 1.3, 0.9, 1.2, 0.95][trial.block as usize];
        if trial.rung.starts_with("bare-thread") {
            trial.throughput_rps = trial.throughput_rps.map(|rps| rps * wild);
        }
    }
    let said = said(&results);
    assert_says(&said, &["Equal within 5 % in 1 of 2 comparisons", "no difference shown (ratio"]);
    assert!(!said.contains("A tie"), "{said}");
}

const WEATHER: &str = "/api/weather/97201/us";

fn behind(rule: Rule, capacity: Option<u64>, faults: Vec<Trouble>) -> Asked {
    Asked {
        nominal_wait_ms: Some(100.0),
        services: Some(Services { delay: "fixed:100ms".into(), capacity, faults }),
        timeout_ms: Some(1_000),
        ..asked(rule, WEATHER)
    }
}

fn downstream(capacity: Option<u64>, rps: impl Fn(&str) -> f64) -> Results {
    let asked = behind(Rule::SharedLimit, capacity, Vec::new());
    run(asked, 5, &THREE, &closed(200, WEATHER), |trial| {
        trial.throughput_rps = Some(rps(&trial.rung));
        trial.server.threads_peak = Some(if trial.rung == "event-loop" { 3 } else { 403 });
    })
}

#[test]
fn a_limit_that_all_reach_is_the_services() {
    let said = said(&downstream(Some(20), |_| 196.0));
    assert_says(
        &said,
        &[
            "- 20 calls at a time ÷ 100 ms = 200 requests/s are all that the services allow. With 200 clients at /api/weather/97201/us, requests/s are 196 on pool, 196 on thread-per-request and 197 on event-loop. All reach it: the services are the limit, and not the way of waiting.",
            "thread-per-request against event-loop: equal within 5 % (ratio",
            "What the queue takes meanwhile: 403 threads and 24.4 KiB of memory a client on pool;",
            "3 threads and 24.4 KiB of memory a client on event-loop.",
        ],
    );
}

#[test]
fn who_falls_short_of_the_limit_or_is_above_it_is_named() {
    let short = said(&downstream(Some(20), |rung| if rung == "pool" { 158.0 } else { 196.0 }));
    assert_says(&short, &["All reach it but pool."]);
    let none = said(&downstream(Some(20), |_| 50.0));
    assert_says(&none, &["None reaches it."]);
    let above = said(&downstream(Some(20), |rung| if rung == "event-loop" { 900.0 } else { 196.0 }));
    assert_says(&above, &["More than that on event-loop: the services are not the limit there."]);
    assert_says(&said(&downstream(None, |_| 196.0)), &["The services behind have no known limit here"]);
}

fn open(rate_rps: f64, connections: u32) -> Load {
    open_loop(connections, rate_rps, WEATHER)
}

fn overload(served: u64) -> Results {
    let asked = behind(Rule::Goodput, Some(16), Vec::new());
    // Of 112 a second on average, as it happens 113 were due, and all were answered.
    let calm = |trial: &mut Trial| {
        (trial.throughput_rps, trial.scheduled) = (Some(113.0), 452);
        trial.services = Some(Calls { arrived: 448, served: 448, service_ms: 44_800.0, queued_at_end: 0 });
    };
    let mut results = run(asked, 5, &THREE, &open(112.0, 512), calm);
    add(&mut results, 5, &THREE, &open(240.0, 512), |trial| {
        let rps = if trial.rung == "event-loop" { 150.0 } else { 12.0 };
        (trial.throughput_rps, trial.scheduled) = (Some(rps), 960);
        trial.server.cpu_us_per_request = Some(24_000.0 / rps);
        trial.services = Some(Calls { arrived: 960, served, service_ms: 64_000.0, queued_at_end: 300 });
    });
    results
}

#[test]
fn goodput_and_the_work_for_nobody_are_told_at_the_heaviest_load() {
    let said = said(&overload(640));
    assert_says(
        &said,
        &[
            "- With 240 requests/s for /api/weather/97201/us, 1.50 times what can be served (16 calls at a time ÷ 100 ms = 160 requests/s), requests/s answered within 1.00 s: 12.0 on pool (5 % of what was due)",
            "on event-loop (6",
            "pool against event-loop: 0.07",
            "times as many (95 % interval",
            "of the calls that the services worked on, 92 % on pool, 92 % on thread-per-request and 6 % on event-loop led to no answer in time",
            "for each answer in time the server took 2.00 ms on pool,",
            "With 112 requests/s for /api/weather/97201/us, 0.700 times what can be served (16 calls at a time ÷ 100 ms = 160 requests/s), requests/s answered within 1.00 s: 113 on pool (100 % of what was due)",
        ],
    );
    // Over the nominal rate it would be more than all.
    assert!(!said.contains("101 %"), "{said}");
}

#[test]
fn calls_that_all_led_to_answers_are_no_waste() {
    let said = said(&overload(48));
    assert_says(&said, &["worked on, 0 % on pool"]);
}

/// A series of 14 s in quarters of a second; the trouble is from 2 to 7 s, and the queue gone `drained_ms` later.
fn stalled(trial: &mut Trial, drained_ms: u64) {
    trial.series = (0..56_u64)
        .map(|row| {
            let t_ms = row * 250;
            let stuck = (2_000..7_000).contains(&t_ms);
            let slow = (7_000..7_000 + drained_ms).contains(&t_ms);
            SeriesRow {
                t_ms,
                completed: Some(if stuck { 0 } else { 20 }),
                errors: Some(0),
                in_flight: Some(if stuck { (t_ms - 2_000) * 80 / 1_000 + 28 } else { 8 }),
                p50_ms: (!stuck).then_some(if slow { 3_000.0 } else { 102.0 }),
                ..SeriesRow::default()
            }
        })
        .collect();
    answers(trial, 1_000, 102.0, 0.5);
    beside(trial, if trial.rung == "pool" { 900.0 } else { 1.0 });
}

pub(crate) fn stall() -> Results {
    let faults = vec![Trouble { kind: "stall".into(), at_ms: 2_000, for_ms: 5_000 }];
    let asked = behind(Rule::Recovery, None, faults);
    let drained = |rung: &str| if rung == "pool" { 4_750 } else { 0 };
    let mut results =
        run(asked, 2, &THREE, &open(80.0, 1_024), |trial| stalled(trial, drained(&trial.rung.clone())));
    add(&mut results, 2, &["event-loop"], &open(80.0, 16), |trial| {
        stalled(trial, 0);
        trial.sent_to_answer_ms.p90 = Some(103.0);
    });
    add(&mut results, 2, &["event-loop"], &closed(8, WEATHER), |trial| {
        stalled(trial, 0);
        answers(trial, 700, 101.0, 0.001);
    });
    results
}

#[test]
fn after_a_stall_the_requests_in_flight_are_counted_and_the_time_until_all_is_well() {
    assert_says(
        &said(&stall()),
        &[
            "- A stall of 5.00 s in 80 requests/s for /api/weather/97201/us: 408 requests in flight at the most, answers quick again after 4.75 s on pool; 408 requests in flight at the most, answers quick again at once on thread-per-request;",
            "Meanwhile the slowest /hello, which needs no service, took 2.",
            "The same on event-loop in other recordings, 90th (99th) percentiles:",
            "with no more than 16 connections, but 103 ms from sent to answered; 101 ms (102 ms) in closed loop with 8 clients.",
        ],
    );
}

#[test]
fn who_is_not_quick_again_within_the_window_is_said_not_to_be() {
    let mut results = stall();
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "pool") {
        // Well for half a second, and then not.
        stalled(trial, 7_000);
        for row in &mut trial.series[40..42] {
            row.p50_ms = Some(102.0);
        }
    }
    assert_says(&said(&results), &["not quick again within the window in 2 of 2 trials on pool"]);

    // A hiccup seconds later belongs to something else.
    let mut results = stall();
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "thread-per-request") {
        trial.series[50].p50_ms = Some(400.0);
    }
    assert_says(
        &said(&results),
        &["408 requests in flight at the most, answers quick again at once on thread-per-request"],
    );
}

#[test]
fn a_rule_without_what_it_needs_says_so_and_breaks_nothing() {
    let mut results = stall();
    results.experiments[0].services = None;
    assert_says(&said(&results), &["Nothing went wrong on purpose here"]);
    for rule in [Rule::Equal, Rule::SharedLimit, Rule::Goodput, Rule::Bystanders, Rule::Recovery] {
        let mut results = stall();
        results.experiments[0].rule = Some(rule);
        for trial in &mut results.trials {
            (trial.throughput_rps, trial.services, trial.bystander) = (None, None, None);
            trial.series.clear();
        }
        assert!(said(&results).contains("Own"), "{rule:?}");
    }
}

fn hogged(blocks: u32) -> Results {
    let load = Load { route: "49 × /hello + 1 × /hash/9".into(), ..open(125.0, 64) };
    run(
        asked(Rule::Bystanders, "/hello"),
        blocks,
        &["thread-per-request", "event-loop", "offload"],
        &load,
        |trial| {
            trial.server.cpu_s = Some(2.0);
            let median_ms = match trial.rung.as_str() {
                "event-loop" => 60.0,
                "offload" => 1.0,
                _ => 3.0,
            };
            beside(trial, median_ms * (1.0 + 0.01 * f64::from(trial.block)));
        },
    )
}

#[test]
fn the_tail_of_bystanders_names_the_rung_that_loses_and_the_cure() {
    assert_says(
        &said(&hogged(5)),
        &[
            "- Beside 125 requests/s for 49 × /hello + 1 × /hash/9, the 90th percentile of /hello takes 88.2 ms (99th",
            "On event-loop that is, block by block, as against thread-per-request 20.0 times as long (95 % interval",
            "and offload 60.0 times as long",
            "The server's CPU was busy 50 % on thread-per-request, 50 % on event-loop and 50 % on offload.",
        ],
    );
    assert_says(
        &said(&hogged(2)),
        &["thread-per-request 20.0 times as long (2 blocks: points, no interval)"],
    );
}

/// The async rung is asked about whoever loses, and a loss of others is said as one.
#[test]
fn the_tail_of_bystanders_may_be_longer_elsewhere() {
    let mut results = hogged(5);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung != "offload") {
        let median_ms = if trial.rung == "event-loop" { 3.0 } else { 60.0 };
        beside(trial, median_ms * (1.0 + 0.01 * f64::from(trial.block)));
    }
    let said = said(&results);
    assert_says(
        &said,
        &[
            "takes 88.2 ms (99th",
            "On event-loop that is, block by block, as against thread-per-request 20.0 times as short (95 % interval",
            "and offload 3.0",
        ],
    );
    assert!(!said.contains("On thread-per-request that is"), "{said}");

    // Without it the first of the ladder is asked about.
    results.trials.retain(|trial| trial.rung != "event-loop");
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "offload") {
        beside(trial, 600.0 * (1.0 + 0.01 * f64::from(trial.block)));
    }
    assert_says(
        &crate::findings::said(&results),
        &["On thread-per-request that is, block by block, as against offload 10.0 times as short (95 %"],
    );
}

#[test]
fn after_a_spike_the_same_is_measured() {
    let shape = Some(Shape::Spike { at_ms: 2_000, for_ms: 5_000, times: 10.0 });
    let load = Load { shape, route: "/wait/100".into(), ..open(30.0, 1_024) };
    let results = run(asked(Rule::Recovery, "/wait/100"), 3, &THREE, &load, |trial| {
        stalled(trial, if trial.rung == "pool" { 3_250 } else { 0 });
    });
    assert_says(
        &said(&results),
        &[
            "A burst of 5.00 s in 30 requests/s for /wait/100, 10 times as many for 5 s: 408 requests in flight at the most, answers quick again after 3.25 s on pool;",
        ],
    );
    assert!(!said(&results).contains("one common rate"));
}

/// A pool of 16 at several rates, its waits a factor of what Erlang C says.
pub(crate) fn pools(factor: f64) -> Results {
    let asked = Asked { warm_up_ms: Some(2_000), ..behind(Rule::Pool, None, Vec::new()) };
    let mut results = run(asked, 5, &[], &open(1.0, 1), |_| {});
    // Of 16 exponential servers with a mean of 100 ms: long-run mean waits, by another program.
    for (rate, wait_ms) in [(80.0, 0.113), (128.0, 9.53), (144.0, 36.96), (192.0, 800.0)] {
        add(&mut results, 5, &["pool"], &open(rate, 1_024), |trial| {
            let served = (rate * 4.0) as u64;
            let service_ms = served as f64 * 100.0;
            trial.services = Some(Calls { arrived: served, served, service_ms, queued_at_end: 0 });
            let wander = 1.0 + 0.02 * f64::from(trial.block);
            trial.latency_ms.mean = Some(100.0 + wait_ms * factor * wander);
        });
    }
    results
}

#[test]
fn waits_for_a_pool_are_held_against_the_theory() {
    assert_says(
        &said(&pools(1.0)),
        &[
            "- The mean wait for one of 16 threads of pool, calls taking 100 ms on average:",
            "ms at ρ = 0.50 (",
            "38.4 ms at ρ = 0.90 (37.0 ms by Erlang C",
            "by Erlang C; measured ÷ expected",
            "832 ms at ρ = 1.20 (800 ms on the fluid line; measured ÷ expected 1.04, 95 % interval 1.0",
            "Between ρ = 0.90 and 1.20 (144 and 192 requests/s) the mean wait passes half of a service time.",
        ],
    );
    assert_says(
        &said(&pools(2.0)),
        &["measured ÷ expected 2.08,", "Between ρ = 0.80 and 0.90 (128 and 144 requests/s)"],
    );
    assert_says(
        &said(&pools(1_000.0)),
        &["At ρ = 0.50 already, the lowest of all, the mean wait is more than half of a service time."],
    );
}
