//! What happened when: one time, one cursor, and every figure that is known over it.

use lab::results::{Results, TrialOutcome};
use serde_json::{Value, json};

use crate::findings::{assert_says, said};
use crate::fixture::{self, figures, page};
use crate::rules;

/// A stall with threads, memory and CPU over time as well.
fn stalled() -> Results {
    let mut results = rules::stall();
    for trial in &mut results.trials {
        let threads = if trial.rung == "event-loop" { 3 } else { 40 };
        for (row, place) in trial.series.iter_mut().zip(1_u64..) {
            row.server_threads = Some(threads);
            row.server_rss_bytes = Some(20 << 20);
            row.server_cpu_s = Some(place as f64 * 0.05);
            row.bystander_p50_ms = Some(0.4);
        }
    }
    results
}

fn timelines(page: &str) -> Vec<Value> {
    figures(page).into_iter().filter(|figure| figure["layout"]["hoversubplots"] == "axis").collect()
}

#[test]
fn a_stall_is_seen_in_panels_over_one_time() {
    let page = page(&stalled());
    let all = timelines(&page);
    assert_eq!(all.len(), 3, "open, open with few connections, closed");
    let (figure, layout) = (&all[0], &all[0]["layout"]);
    assert_eq!(layout["hovermode"], "x unified");
    assert_eq!(layout["xaxis"]["spikemode"], "across");
    assert_eq!(layout["xaxis"]["anchor"], "y7", "the time stands below the last panel");
    let shapes = layout["shapes"].as_array().unwrap();
    assert_eq!((&shapes[0]["x0"], &shapes[0]["x1"]), (&json!(2.0), &json!(7.0)));
    let traces = figure["data"].as_array().unwrap();
    assert_eq!(traces.len(), 7 * 3, "a line of each rung in each panel");
    assert!(traces.iter().all(|trace| trace["xaxis"].is_null()), "one time for all");
    let named = traces.iter().filter(|trace| trace["showlegend"] == true).count();
    assert_eq!(named, 3, "each rung once");
    // The panels lie above each other and leave room for their names.
    let mut top = 1.1;
    for axis in ["yaxis", "yaxis2", "yaxis3", "yaxis4", "yaxis5", "yaxis6", "yaxis7"] {
        let domain = &layout[axis]["domain"];
        let (low, high) = (domain[0].as_f64().unwrap(), domain[1].as_f64().unwrap());
        assert!(0.0 <= low && low < high && high < top, "{axis}: {domain}");
        top = low;
    }
}

#[test]
fn its_words_and_its_table_say_the_same() {
    let page = page(&stalled());
    for part in [
        "Over time: 80 requests/s due over at most 1,024 connections",
        "From 2 s to 7 s the services hang.",
        "pool: 408 requests in flight after 7.00 s",
        "Shaded: the services hang.",
        "<th scope=\"col\">requests in flight</th>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let table = page.split_once("over at most 1,024 connections: medians over").unwrap().1;
    let table = table.split_once("</table>").unwrap().0;
    assert_eq!(table.matches("<tr>").count(), 1 + 3 * 56, "a head, and a row for each quarter of each rung");
    let drawn: usize = timelines(&page)[0]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| trace["y"].as_array().unwrap().iter().filter(|y| !y.is_null()).count())
        .sum();
    assert_eq!(table.matches("<td>").count() - table.matches("<td>–</td>").count() - 3 * 56, drawn);
}

#[test]
fn what_is_void_is_named_and_in_no_line() {
    let mut results = stalled();
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "pool") {
        (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("constructed".into()));
    }
    let page = page(&results);
    let first = &timelines(&page)[0];
    assert_eq!(first["data"].as_array().unwrap().len(), 7 * 2);
    assert!(page.contains("was answered. Void, and in no figure: pool."));
    assert!(page.contains("<th scope=\"row\">pool (void)</th>"));
}

#[test]
fn without_anything_that_happens_there_is_no_timeline() {
    assert!(timelines(&page(&fixture::plausible())).is_empty());
    let mut quiet = stalled();
    quiet.experiments[0].services = None;
    assert!(timelines(&page(&quiet)).is_empty());
    // Older results know nothing of bystanders over time, and other systems nothing of threads.
    let few = rules::stall();
    assert_eq!(timelines(&page(&few))[0]["data"].as_array().unwrap().len(), 3 * 3);
}

#[test]
fn the_slowest_answers_come_back_later_than_most() {
    let mut results = rules::stall();
    for row in results.trials.iter_mut().flat_map(|trial| &mut trial.series) {
        // For another second one answer in each row is as slow as none was before.
        let late = (7_000..8_000).contains(&row.t_ms);
        row.max_ms = row.p50_ms.map(|ms| if late { 400.0 } else { ms * 1.2 });
    }
    let event_loop = "answers quick again at once, the slowest quick again after 1.00 s on event-loop";
    assert_says(&said(&results), &[event_loop]);
}
