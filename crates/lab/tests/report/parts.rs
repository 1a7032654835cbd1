//! Where the time went: computed from constructed parts, drawn once for each open load, said in a sentence.

use std::fs;

use lab::report;
use lab::results::Results;
use loadgen::Histogram;
use loadgen::protocol::{Part, Parts};
use tempfile::TempDir;

use crate::findings::{assert_says, run, said};
use crate::fixture::{answers, figures, open_loop, own_words, trial};

/// A thousand times the same.
fn part(ms: f64) -> Part {
    let mut histogram = Histogram::new();
    (0..1_000).for_each(|_| histogram.record_ns((ms * 1e6) as u64));
    Part { mean_ms: ms, p99_ms: histogram.percentile_ms(0.99), histogram: histogram.encode() }
}

/// Waiting for a connection, connect, queue, view, upstream, rest.
pub(crate) fn parts(ms: [f64; 6]) -> Box<Parts> {
    let [waiting, connect, queue, view, upstream, rest] = ms.map(part);
    Box::new(Parts {
        answers: 1_000,
        told: 1_000,
        response: part(ms.iter().sum()),
        waiting,
        connect,
        queue: Some(queue),
        view: Some(view),
        upstream: Some(upstream),
        rest,
    })
}

fn open(of_each: &[(&str, Box<Parts>)]) -> Results {
    let mut results = run(0, &[]);
    for block in 0..2 {
        for (rung, parts) in of_each {
            let mut trial = trial("scale", rung, 64, 100.0, 100.0);
            trial.block = block;
            trial.load = open_loop(64, 100.0, "/api/weather/97201/us");
            answers(&mut trial, 1_000, 60.0, 0.01);
            trial.parts = Some(parts.clone());
            results.trials.push(trial);
        }
    }
    results
}

#[test]
fn the_largest_part_is_named_with_its_share() {
    let queued = parts([0.0, 0.0, 150.0, 1.0, 50.0, 1.0]);
    let waited = parts([0.5, 0.0, 0.2, 0.3, 50.0, 1.0]);
    let said = said(&open(&[("pool", queued), ("event-loop", waited)]));
    assert_says(
        &said,
        &[
            "The largest part of a mean response at 100 requests/s was pool: 74 % queue (150 ms of 202 ms) and event-loop: \
           96 % upstream (50.0 ms of 52.0 ms).",
        ],
    );
}

#[test]
fn a_server_that_tells_nothing_has_the_clients_parts() {
    let mut silent = parts([2.0, 1.0, 0.0, 0.0, 0.0, 50.0]);
    (silent.queue, silent.view, silent.upstream, silent.told) = (None, None, None, 0);
    let results = open(&[("event-loop", silent)]);
    assert_says(
        &said(&results),
        &["event-loop: 94 % rest (50.0 ms of 53.0 ms; it tells nothing of its own time)."],
    );
    let page = own_words(&results);
    let table = &page[page.find("told by the server").unwrap()..];
    assert!(table.contains("50 (p99 50.0)") && table.contains("–"), "{}", &table[..2_000.min(table.len())]);
}

#[test]
fn each_open_load_has_a_chart_whose_bars_add_up() {
    let ms = [0.5, 0.25, 2.0, 1.0, 50.0, 1.25];
    let page = own_words(&open(&[("thread-per-request", parts(ms)), ("event-loop", parts(ms))]));
    let stacked: Vec<_> =
        figures(&page).into_iter().filter(|figure| figure["layout"]["barmode"] == "stack").collect();
    assert_eq!(stacked.len(), 1);
    let bars = stacked[0]["data"].as_array().unwrap();
    assert_eq!(bars.len(), 6);
    let of_rung = |rung: usize| bars.iter().map(|bar| bar["x"][rung].as_f64().unwrap()).sum::<f64>();
    assert!((of_rung(0) - 55.0).abs() < 1e-9 && (of_rung(1) - 55.0).abs() < 1e-9);
    let colors: Vec<_> = bars.iter().map(|bar| bar["marker"]["color"].as_str().unwrap()).collect();
    assert_eq!(colors, ["@part-1", "@part-2", "@part-3", "@part-4", "@part-5", "@part-6"]);
    let css = include_str!("../../templates/report.css");
    for color in colors {
        let themes = css.matches(&format!("--{}: #", &color[1..])).count();
        assert_eq!(themes, 2, "{color} is known to both themes");
    }
    assert!(
        page.contains(
            "Where the time went, 100 requests/s, open loop: the largest part of the mean response."
        )
    );
}

#[test]
fn without_parts_there_is_no_chart_and_no_sentence() {
    let mut results = open(&[("event-loop", parts([1.0; 6]))]);
    results.trials.iter_mut().for_each(|trial| trial.parts = None);
    assert!(!said(&results).contains("largest part"));
    assert!(!own_words(&results).contains("Where the time went"));
}

#[test]
fn each_part_has_its_columns_in_the_table_of_trials() {
    let dir = TempDir::new().unwrap();
    let mut silent = parts([2.0, 1.0, 0.0, 0.0, 0.0, 50.0]);
    (silent.queue, silent.told) = (None, 0);
    report::write(dir.path(), &open(&[("event-loop", silent)])).unwrap();
    let text = fs::read_to_string(dir.path().join("results.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (names, row) = (lines.next().unwrap(), lines.next().unwrap());
    let value = |name: &str| row[names.iter().position(|known| *known == name).expect(name)];
    assert_eq!([value("waiting_mean_ms"), value("connect_mean_ms"), value("rest_mean_ms")], ["2", "1", "50"]);
    assert!(value("rest_p99_ms").starts_with("50.0"), "{}", value("rest_p99_ms"));
    assert_eq!([value("queue_mean_ms"), value("queue_p99_ms")], ["", ""], "nobody told");
}
