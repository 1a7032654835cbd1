//! What several tests say: a spec, a run, the books.

use loadgen::protocol::{Arrivals, Event, Expect, Load, Outcome, Spec};

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

pub(crate) fn closed(url: String, clients: u32) -> Spec {
    spec(url, Load::Closed { clients })
}

pub(crate) fn open(url: String, rate_rps: f64, connections: u32) -> Spec {
    spec(url, Load::Open { rate_rps, arrivals: Arrivals::Poisson, connections })
}

fn spec(url: String, load: Load) -> Spec {
    Spec {
        url,
        method: "GET".into(),
        body: None,
        load,
        keep_alive: true,
        timeout_ms: 10_000,
        warm_up_ms: 200,
        window_ms: 1_000,
        series_interval_ms: 250,
        expect: Expect { status: 200, body: Some("hello".into()) },
        seed: 1,
        bystander: None,
        allow_remote: None,
    }
}

/// Runs it, with the books checked: nothing may be missing, whatever went wrong.
pub(crate) fn run(spec: Spec) -> Outcome {
    run_with(spec, |_| {})
}

pub(crate) fn run_with(spec: Spec, on_event: impl FnMut(Event)) -> Outcome {
    let is_open = matches!(spec.load, Load::Open { .. });
    let outcome = loadgen::run(spec, on_event).unwrap();
    let failed: u64 = outcome.failed.values().sum();
    let resolved = outcome.completed + failed + outcome.timed_out + outcome.unsent;
    assert_eq!(outcome.scheduled, resolved, "{outcome:?}");
    assert!(outcome.in_flight_at_end <= outcome.scheduled + u64::from(outcome.connections_wanted));
    if !is_open {
        // The rows are another way to the same totals.
        let row = |of: fn(&loadgen::protocol::Row) -> u64| outcome.series.iter().map(of).sum::<u64>();
        assert_eq!(row(|row| row.completed), outcome.completed);
        assert_eq!(row(|row| row.failed), failed);
        assert_eq!(row(|row| row.timed_out), outcome.timed_out);
        assert_eq!(row(|row| row.unsent), outcome.unsent);
        assert!(outcome.in_flight_at_end <= u64::from(outcome.connections_wanted), "{outcome:?}");
        assert_eq!(outcome.series.last().unwrap().in_flight, outcome.in_flight_at_end);
    }
    outcome
}
