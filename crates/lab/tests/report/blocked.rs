//! What only others feel: a load without a line of its own, beside which bystanders wait.

use lab::results::{Asked, Bystander, Percentiles, Results};

use crate::findings::{assert_says, said};
use crate::fixture::{closed, empty, trial};

/// Two clients of a route that fans out, and whoever asks for `/hello` beside them, half of whom wait so long.
fn beside(rung: &str, flags: &[&str], clients: u32, bystander_ms: f64) -> String {
    let route = "/api/city/97201/us";
    let mut results: Results = empty();
    results.experiments = vec![Asked {
        name: "own".into(),
        route: "/wait/100".into(),
        nominal_wait_ms: Some(100.0),
        ..Asked::default()
    }];
    for block in 0..5 {
        let mut one = trial("own", rung, clients, 32.0, 300.0);
        (one.block, one.load) = (block, closed(clients, route));
        one.flags = flags.iter().map(ToString::to_string).collect();
        one.bystander = Some(Bystander {
            route: "/hello".into(),
            rate_rps: 100.0,
            latency_ms: Percentiles { p50: Some(bystander_ms), ..Percentiles::default() },
            histogram: None,
            scheduled: 400,
            completed: 400,
            failed: Default::default(),
            timed_out: 0,
            unsent: 0,
        });
        results.trials.push(one);
    }
    let said = said(&results);
    said.split_once("Verdict: = ").expect("every experiment has a verdict").1.to_owned()
}

#[test]
fn a_loop_that_blocks_is_seen_by_those_who_want_something_else() {
    let blocked = beside("blocked-loop", &["--workers=1"], 2, 461.0);
    assert_says(
        &blocked,
        &[
            "blocked-loop, 2 clients: its only event loop is blocked, so that half of those who want something else meanwhile wait 461 ms or longer.",
        ],
    );
    assert!(!blocked.contains("othing ran out"), "{blocked}");
    assert_says(&beside("blocked-loop", &["--workers=1"], 2, 0.3), &["Nothing ran out for blocked-loop"]);
}

#[test]
fn slots_that_nobody_could_have_filled_are_not_to_blame() {
    let pool = beside("pool", &["--threads=16"], 2, 461.0);
    assert!(!pool.contains("taken") && !pool.contains("othing ran out"), "{pool}");
    assert_says(&pool, &["the cause was not found"]);
    let event_loop = beside("event-loop", &[], 2, 461.0);
    assert!(!event_loop.contains("blocked") && !event_loop.contains("othing ran out"), "{event_loop}");
}
