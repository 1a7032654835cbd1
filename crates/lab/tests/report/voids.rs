//! A cell of which no trial counts has its place in every chart of its load, and no figure anywhere.

use std::collections::BTreeMap;
use std::fs;

use lab::report;
use lab::results::{Bystander, Percentiles, Results, TrialOutcome};
use serde_json::Value;
use tempfile::TempDir;

use crate::findings::run;
use crate::fixture::{answers, figures, open_loop, trial};
use crate::parts::parts;

/// One open load with bystanders; all trials of `event-loop` are void.
fn half_void() -> Results {
    let mut results = run(0, &[]);
    for block in 0..5 {
        for rung in ["thread-per-request", "event-loop"] {
            let mut trial = trial("scale", rung, 64, 100.0, 100.0);
            trial.block = block;
            trial.load = open_loop(64, 100.0, "/wait/100");
            answers(&mut trial, 400, 100.0, 0.01);
            trial.parts = Some(parts([0.5, 0.25, 2.0, 1.0, 50.0, 1.25]));
            trial.bystander = Some(Bystander {
                route: "/hello".into(),
                rate_rps: 100.0,
                scheduled: 400,
                completed: 400,
                latency_ms: Percentiles { p50: Some(0.3), max: Some(4.0), ..Percentiles::default() },
                histogram: None,
                failed: BTreeMap::new(),
                timed_out: 0,
                unsent: 0,
            });
            if rung == "event-loop" {
                trial.outcome = TrialOutcome::Void;
                trial.reason = Some("the load generator was late".into());
            }
            results.trials.push(trial);
        }
    }
    results
}

#[test]
fn it_is_hatched_beside_the_others_and_named_where_there_are_curves() {
    let dir = TempDir::new().unwrap();
    report::write(dir.path(), &half_void()).unwrap();
    let page = fs::read_to_string(dir.path().join("report.html")).unwrap();
    let figures = figures(&page);
    let hatched: Vec<&Value> = figures
        .iter()
        .flat_map(|figure| figure["data"].as_array().unwrap())
        .filter(|trace| trace["marker"]["pattern"]["shape"] == "/")
        .collect();
    // Bystanders by the number of their row, parts by name.
    assert_eq!(hatched.len(), 2, "{figures:?}");
    assert_eq!(hatched[0]["y"], serde_json::json!([1.0]));
    assert_eq!(hatched[1]["y"], serde_json::json!(["event-loop<br>void"]));
    assert_eq!(page.matches("Void, and in no figure: event-loop.").count() % 2, 0);
    assert!(page.contains("lie beyond. Void, and in no figure: event-loop."), "percentile curves");
    assert!(page.matches("event-loop (void)").count() >= 3, "a row in the table of each chart");
}
