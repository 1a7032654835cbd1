//! The request chart on constructed recordings: what is drawn, what is said, and what is said when there is none.

use lab::results::{Carried, Lanes, Results};
use serde_json::Value;

use crate::fixture::{self, figures, page};

/// Twenty requests at once on so many threads, each of which waits 400 ms with its request and runs 1 ms before and
/// after; where `threads` is 0, on one thread that waits with nobody.
fn recorded(rung: &str, variant: Option<&str>, threads: u64) -> Lanes {
    let request = |place: u64| {
        let sent_ms = place as f64 / 64.0;
        let round = place.checked_div(threads).unwrap_or(0);
        // A loop enters one view after the other.
        let entered_ms = if threads == 0 { 1.0 + place as f64 * 2.0 } else { 1.0 + round as f64 * 402.0 };
        let left_ms = entered_ms + 402.0;
        Carried {
            thread: if threads == 0 { 1 } else { 10 + place % threads },
            sent_ms,
            entered_ms,
            ran_ms: vec![(entered_ms, entered_ms + 1.0), (left_ms - 1.0, left_ms)],
            left_ms,
            answered_ms: left_ms + 0.5,
        }
    };
    Lanes {
        experiment: "lecture".into(),
        rung: rung.into(),
        variant: variant.map(Into::into),
        route: "/api/sun/97201/us".into(),
        time_scale: Some(0.5),
        requests: (0..20).map(request).collect(),
        ..Lanes::default()
    }
}

fn failed(rung: &str) -> Lanes {
    let failed = Some("the server ended, exit code 1".into());
    Lanes { experiment: "lecture".into(), rung: rung.into(), failed, ..Lanes::default() }
}

/// As a default run has them, in no particular order.
fn three() -> Results {
    let mut results = fixture::plausible();
    results.lanes = vec![
        recorded("event-loop", None, 0),
        recorded("pool", Some("5 threads"), 5),
        recorded("thread-per-request", None, 20),
    ];
    results
}

/// The request chart's own.
fn figure(page: &str) -> Value {
    let mut all = figures(page).into_iter();
    all.find(|figure| figure["layout"]["meta"]["print_px"].is_number()).expect("the request chart")
}

/// Bars of this name: where they begin, how long they are, and in which row.
fn bars(figure: &Value, name: &str) -> Vec<(f64, f64, f64)> {
    let traces = figure["data"].as_array().unwrap().iter();
    let named = traces.filter(|trace| trace["name"] == name && trace["showlegend"] == false);
    let number = |value: &Value| value.as_f64().unwrap();
    let numbers =
        |trace: &Value, key: &str| trace[key].as_array().unwrap().iter().map(number).collect::<Vec<f64>>();
    named
        .flat_map(|trace| {
            let (base, x, y) = (numbers(trace, "base"), numbers(trace, "x"), numbers(trace, "y"));
            base.into_iter().zip(x).zip(y).map(|((base, x), y)| (base, x, y)).collect::<Vec<_>>()
        })
        .collect()
}

fn rows(bars: &[(f64, f64, f64)]) -> usize {
    let mut rows: Vec<i64> = bars.iter().map(|(_, _, y)| (y * 1_000.0).round() as i64).collect();
    rows.sort_unstable();
    rows.dedup();
    rows.len()
}

const SAID: &str = "pool (5 threads): 20 requests on 5 threads, 4 rounds, which ran for 40.0 ms and were parked for 8.00 s in all, the last \
     answered after 1.61 s; thread-per-request: 20 requests on 20 threads, one request each, which ran for 40.0 ms and were parked for \
     8.00 s in all, the last answered after 404 ms; event-loop: 20 requests on 1 thread, all at once, which ran for 40.0 ms in all and \
     was parked in none, the last answered after 442 ms.";

#[test]
fn the_finding_is_computed_and_stands_in_the_caption_and_in_the_alternative_text() {
    let page = page(&three());
    assert!(page.contains("20 requests, and the threads that carried them"));
    assert_eq!(page.matches(SAID).count(), 2, "{}", &page[page.find("id=\"lanes\"").unwrap()..][..2_000]);
    assert!(page.contains("all delays of the services were scaled by 0.5."));
    let place = |what: &str| page.find(what).unwrap();
    assert!(
        place("id=\"answer\"") < place("id=\"lanes\"")
            && place("id=\"lanes\"") < place("id=\"experiment-1\"")
    );
}

#[test]
fn every_request_is_a_bar_on_its_thread_or_waits_on_none() {
    let figure = figure(&page(&three()));
    let parked = bars(&figure, "parked");
    assert_eq!((parked.len(), rows(&parked)), (40, 25), "20 on 5 lanes, and 20 on 20");
    let waiting = bars(&figure, "waiting on no thread");
    assert_eq!((waiting.len(), rows(&waiting)), (20, 20), "those of the event loop");
    let in_line = bars(&figure, "in line");
    assert_eq!(in_line.len(), 15 + 10, "all but the pool's first five; and those that the loop enters late");
    // Two stretches each; those of the loop in its lane and beside the waiting of each as well.
    assert_eq!(bars(&figure, "running").len(), 40 + 40 + 80);
    for (from, length, _) in parked {
        assert!((from - 1.0) % 402.0 < 1e-6 && (length - 402.0).abs() < 1e-6, "{from} + {length}");
    }
    let numbers = figure["data"].as_array().unwrap().iter().find(|trace| trace["mode"] == "text").unwrap();
    assert_eq!(numbers["text"].as_array().unwrap().len(), 40);
    let notes = figure["layout"]["annotations"].to_string();
    for label in
        ["pool, 5 threads</b>: 4 rounds", "event-loop</b>: one thread for all", "1.61 s", "404 ms", "442 ms"]
    {
        assert!(notes.contains(label), "{label}: {notes}");
    }
}

#[test]
fn the_table_has_a_row_for_each_request_of_each_server() {
    let page = page(&three());
    let table = &page[page.find("id=\"lanes\"").unwrap()..];
    let body = &table[table.find("<tbody>").unwrap()..table.find("</tbody>").unwrap()];
    assert_eq!(body.matches("<tr>").count(), 60);
    let first = "<tr><th scope=\"row\">pool, 5 threads</th><td>1</td><td>1</td>";
    assert!(body.contains(first), "{}", &body[..600]);
}

#[test]
fn other_recordings_other_sentences() {
    let said = |lanes: Lanes| {
        let mut results = fixture::plausible();
        results.lanes = vec![lanes];
        page(&results)
    };
    let alone = said(recorded("blocked-loop", None, 1));
    assert!(alone.contains(
        "20 requests on 1 thread, one after the other, which ran for 40.0 ms and was parked for 8.00 s"
    ));
    let mut two_loops = recorded("event-loop", None, 0);
    two_loops.requests.iter_mut().zip(0..).for_each(|(request, place)| request.thread = 1 + place % 2);
    assert!(said(two_loops).contains(
        "20 requests on 2 threads, up to 10 at once, which ran for 40.0 ms in all and were parked in none"
    ));
    let mut real_time = recorded("pool", None, 20);
    real_time.time_scale = Some(1.0);
    let page = said(real_time);
    assert!(!page.contains("scaled by") && page.contains("20 threads, one request each"));
}

#[test]
fn what_was_not_recorded_is_named_with_its_reason() {
    let mut some = three();
    some.lanes[2] = failed("thread-per-request");
    let page_of_some = page(&some);
    assert!(page_of_some.contains("Not in the picture of requests on their threads: <b"), "in the remarks");
    assert!(
        page_of_some.contains("thread-per-request, the server ended, exit code 1."),
        "and in the words of the chart"
    );
    assert_eq!(bars(&figure(&page_of_some), "parked").len(), 20);

    let mut none = fixture::plausible();
    none.lanes = vec![failed("pool"), failed("event-loop")];
    let page_of_none = page(&none);
    assert!(
        page_of_none
            .contains("There is no picture of requests on their threads, since none could be recorded: <b")
    );
    assert!(!page_of_none.contains("id=\"lanes\""));
}

#[test]
fn recordings_are_kept_and_older_results_have_none() {
    let results = three();
    let text = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap().lanes, results.lanes);
    let older = serde_json::to_value(fixture::plausible()).unwrap();
    assert!(older.get("lanes").is_none());
    assert!(serde_json::from_value::<Results>(older).unwrap().lanes.is_empty());
    assert!(!page(&fixture::plausible()).contains("id=\"lanes\""));
}

/// A file may say anything; the page has to come all the same.
#[test]
fn nonsense_is_drawn_without_a_panic() {
    let mut results = three();
    for (place, request) in results.lanes[0].requests.iter_mut().enumerate() {
        match place % 4 {
            0 => (request.entered_ms, request.left_ms) = (500.0, -3.0),
            1 => request.ran_ms = vec![(9e300, -9e300)],
            2 => request.answered_ms = -1.0,
            _ => request.thread = u64::MAX,
        }
    }
    results.lanes[1].requests.clear();
    results.lanes[2].rung = "</script><img src=x>".into();
    let page = page(&results);
    assert!(!page.contains("<img src=x"));
    assert!(page.contains("nothing is known of it"));
}
