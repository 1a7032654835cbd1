//! What several tests say: a spec, a run, the books.

use loadgen::protocol::{Arrivals, Bystander, Event, Expect, Load, Outcome, Shape, Spec};
use tokio::net::TcpSocket;

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

pub(crate) fn closed(url: String, clients: u32) -> Spec {
    spec(url, Load::Closed { clients })
}

pub(crate) fn open(url: String, rate_rps: f64, connections: u32) -> Spec {
    spec(url, Load::Open { rate_rps, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections })
}

fn spec(url: String, load: Load) -> Spec {
    Spec {
        url,
        method: "GET".into(),
        body: None,
        load,
        mix: Vec::new(),
        keep_alive: true,
        timeout_ms: 10_000,
        warm_up_ms: 200,
        window_ms: 1_000,
        series_interval_ms: 250,
        expect: Expect { status: 200, body: Some("hello".into()) },
        seed: 1,
        bystander: None,
        allow_remote: None,
        timing: false,
        record: false,
    }
}

/// Subscribers to a server that ticks every 50 ms; 20 ticks are due on each stream.
pub(crate) fn subscribe(url: String, subscribers: u32) -> Spec {
    let mut spec = spec(url, Load::Subscribe { subscribers, tick_ms: 50 });
    spec.expect = Expect::default();
    spec
}

/// 200 requests a second to `target`, as many connections as one could want.
pub(crate) fn bystander(target: &str) -> Option<Bystander> {
    let expect = Expect { status: 200, body: Some("hello".into()) };
    Some(Bystander { target: target.into(), rate_rps: 200.0, connections: 200, expect })
}

/// Runs it, with the books checked: nothing may be missing, whatever went wrong.
pub(crate) fn run(spec: Spec) -> Outcome {
    run_with(spec, |_| {})
}

pub(crate) fn run_with(spec: Spec, on_event: impl FnMut(Event)) -> Outcome {
    let load = spec.load;
    let has_bystander = spec.bystander.is_some();
    let outcome = loadgen::run(spec, on_event).unwrap();
    check_books(&outcome, load);
    assert_eq!(outcome.bystander.is_some(), has_bystander);
    if let Some(bystander) = &outcome.bystander {
        check_books(
            bystander,
            Load::Open { rate_rps: 0.0, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections: 0 },
        );
        assert_eq!(
            (bystander.window_ms, bystander.cpu_s, bystander.series.len()),
            (outcome.window_ms, outcome.cpu_s, outcome.series.len())
        );
    }
    outcome
}

fn check_books(outcome: &Outcome, load: Load) {
    let failed: u64 = outcome.failed.values().sum();
    let resolved = outcome.completed + failed + outcome.timed_out + outcome.unsent;
    assert_eq!(outcome.scheduled, resolved, "{outcome:?}");
    assert!(outcome.series.last().unwrap().in_flight <= u64::from(outcome.connections_wanted), "{outcome:?}");
    match load {
        Load::Closed { .. } => {
            // The rows are another way to the same totals.
            let row = |of: fn(&loadgen::protocol::Row) -> u64| outcome.series.iter().map(of).sum::<u64>();
            assert_eq!(row(|row| row.completed), outcome.completed);
            assert_eq!(row(|row| row.failed), failed);
            assert_eq!(row(|row| row.timed_out), outcome.timed_out);
            assert_eq!(row(|row| row.unsent), outcome.unsent);
            assert!(outcome.in_flight_at_end <= u64::from(outcome.connections_wanted), "{outcome:?}");
            assert_eq!(outcome.series.last().unwrap().in_flight, outcome.in_flight_at_end);
        }
        Load::Open { .. } => {
            let most = outcome.scheduled + u64::from(outcome.connections_wanted);
            assert!(outcome.in_flight_at_end <= most, "{outcome:?}");
        }
        Load::Slow { clients, .. } => {
            assert_eq!(outcome.scheduled, 0, "{outcome:?}");
            assert!(outcome.in_flight_at_end <= u64::from(clients), "{outcome:?}");
        }
        Load::Subscribe { subscribers, tick_ms } => {
            // Whatever the phase of a stream, so many ticks of its own schedule are in the window.
            let each = outcome.window_ms as u64 / tick_ms;
            assert_eq!(outcome.scheduled, u64::from(subscribers) * each, "{outcome:?}");
            assert_eq!(outcome.series.last().unwrap().in_flight, outcome.in_flight_at_end);
            assert!(outcome.in_flight_at_end <= u64::from(subscribers), "{outcome:?}");
        }
    }
}

/// Figures that a busy machine may spoil by standing still for a moment: a generator that is wrong is wrong three
/// times. What has to hold at any time, an attempt asserts.
pub(crate) fn once_in_three(attempt: impl Fn() -> Result<(), String>) {
    let mut spoilt = Vec::new();
    while spoilt.len() < 3 {
        match attempt() {
            Ok(()) => return,
            Err(figures) => spoilt.push(figures),
        }
    }
    panic!("{spoilt:?}");
}

/// An address at which nobody listens. The socket keeps its port, which another test would be given otherwise.
pub(crate) fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    (socket, url)
}
