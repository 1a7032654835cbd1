//! Are the figures true? Against what theory says, and against what the server itself saw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use loadgen::Histogram;
use loadgen::clock::monotonic_ns;
use loadgen::protocol::{Event, Outcome};

use crate::server::{Act, Server};
use crate::support::{HELLO, closed, open, run_with};

/// One at a time: these look at milliseconds.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 50 to 150 ms, skewed, in an order that no client keeps to: 50 + 100 x² for x in twentieths.
fn delay(nth: usize) -> Duration {
    let x = ((nth * 7) % 20) as f64 / 20.0;
    Duration::from_secs_f64(0.05 + 0.1 * x * x)
}

/// Quantiles of what the generator measured against those of what the server took, over the same requests.
fn compare(outcome: &Outcome, server: &Server, counts: impl Fn(u64, u64) -> bool) {
    let measured = Histogram::decode(&outcome.sent_to_answer).unwrap();
    let mut taken = Histogram::new();
    for seen in server.seen() {
        if counts(seen.came_ns, seen.answered_ns) {
            taken.record_ns(seen.answered_ns - seen.came_ns);
        }
    }
    assert!(measured.count() >= 1_000, "{}", measured.count());
    for q in [0.5, 0.9, 0.99] {
        let (measured, taken) = (measured.percentile_ms(q).unwrap(), taken.percentile_ms(q).unwrap());
        assert!((measured / taken - 1.0).abs() < 0.02, "quantile {q}: {measured} ms, server {taken} ms");
    }
}

#[test]
fn closed_loop_percentiles_are_those_of_the_server() {
    let _alone = alone();
    let server = Server::start(|request| vec![Act::Wait(delay(request.nth)), Act::Send(HELLO.into())]);
    let mut spec = closed(server.url("/"), 60);
    spec.window_ms = 3_000;
    let mut window = 0..0;
    let outcome = run_with(spec, |event| {
        if let Event::Window { start_ns, end_ns } = event {
            window = start_ns..end_ns;
        }
    });
    assert_eq!(outcome.completed, outcome.scheduled);
    compare(&outcome, &server, |_, answered_ns| window.contains(&answered_ns));
}

#[test]
fn open_loop_percentiles_are_those_of_the_server() {
    let _alone = alone();
    let server = Server::start(|request| vec![Act::Wait(delay(request.nth)), Act::Send(HELLO.into())]);
    let mut spec = open(server.url("/"), 400.0, 150);
    spec.window_ms = 3_000;
    let mut window = 0..0;
    let outcome = run_with(spec, |event| {
        if let Event::Window { start_ns, end_ns } = event {
            window = start_ns..end_ns;
        }
    });
    assert_eq!(outcome.completed, outcome.scheduled);
    compare(&outcome, &server, |came_ns, _| window.contains(&came_ns));
}

/// Coordinated omission, seen. A server that answers at once freezes for 1 s of a window of 3 s.
///
/// A third of the requests are due while it is frozen, and each of them waits until the thaw: evenly
/// between 0 and 1 s. So the share of requests over t seconds is (1 - t)/3; the 90th percentile is
/// where that is a tenth, 0.7 s, and the 80th at 0.4 s. But only as many as there are connections, 8 of
/// about 900, were *sent* before the thaw, so the time from sent to answered knows nothing of it up to
/// its 98th percentile.
#[test]
fn a_freeze_shows_in_the_response_time_and_not_in_the_time_from_sent_to_answered() {
    let _alone = alone();
    let thaw_ns = Arc::new(AtomicU64::new(0));
    let for_server = Arc::clone(&thaw_ns);
    let server = Server::start(move |_| {
        let (now_ns, thaw_ns) = (monotonic_ns(), for_server.load(Ordering::SeqCst));
        let frozen = (thaw_ns.saturating_sub(1_000_000_000)..thaw_ns).contains(&now_ns);
        let wait = if frozen { thaw_ns - now_ns } else { 0 };
        vec![Act::Wait(Duration::from_nanos(wait)), Act::Send(HELLO.into())]
    });
    let mut spec = open(server.url("/"), 300.0, 8);
    spec.window_ms = 3_000;
    let outcome = run_with(spec, |event| {
        if let Event::Window { start_ns, .. } = event {
            thaw_ns.store(start_ns + 2_000_000_000, Ordering::SeqCst);
        }
    });
    assert_eq!(outcome.completed, outcome.scheduled, "{outcome:?}");
    let response = Histogram::decode(&outcome.response_time).unwrap();
    let sent = Histogram::decode(&outcome.sent_to_answer).unwrap();
    let close = |q, expected: f64| {
        let ms = response.percentile_ms(q).unwrap();
        assert!((ms - expected).abs() < 100.0, "quantile {q}: {ms} ms, expected {expected}");
    };
    close(0.8, 400.0);
    close(0.9, 700.0);
    assert!(response.max_ms().unwrap() > 900.0);
    let hidden = sent.percentile_ms(0.9).unwrap();
    assert!(hidden < 50.0, "{hidden} ms");
}
