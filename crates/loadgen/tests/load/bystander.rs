//! Requests that have nothing to do with the load, on connections and in books of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loadgen::Histogram;
use loadgen::clock::monotonic_ns;
use loadgen::protocol::{Event, Failure, Outcome, Spec};

use crate::server::{Act, Server};
use crate::support::{HELLO, bystander, closed, once_in_three, open, run, run_with, subscribe};

fn percentile(histogram: &str, q: f64) -> f64 {
    Histogram::decode(histogram).unwrap().percentile_ms(q).unwrap()
}

/// 400 ms for everybody but the bystander: longer than a busy machine stands still.
fn slow_but_for_bystanders() -> Server {
    Server::start(|request| {
        let wait = if request.head.starts_with("GET /quick ") { 0 } else { 400 };
        vec![Act::Wait(Duration::from_millis(wait)), Act::Send(HELLO.into())]
    })
}

#[test]
fn it_is_measured_apart_from_the_load() {
    let server = slow_but_for_bystanders();
    for mut spec in [closed(server.url("/slow"), 30), open(server.url("/slow"), 200.0, 100)] {
        (spec.window_ms, spec.series_interval_ms, spec.bystander) = (2_000, 500, bystander("/quick"));
        let outcome = run(spec);
        let beside = outcome.bystander.as_deref().unwrap();
        assert_eq!(outcome.completed, outcome.scheduled, "{outcome:?}");
        assert_eq!(beside.completed, beside.scheduled, "{beside:?}");
        // 400 expected, standard deviation 20.
        assert!((300..=500).contains(&beside.scheduled), "{beside:?}");
        assert_eq!((beside.connections_wanted, beside.connections_up), (200, 200));
        let (main, quick) = (percentile(&outcome.response_time, 0.5), percentile(&beside.response_time, 0.9));
        assert!(main >= 400.0 && quick < 200.0, "{main} {quick}");
        for histogram in [&beside.response_time, &beside.sent_to_answer, &beside.schedule_lag] {
            assert_eq!(Histogram::decode(histogram).unwrap().count(), beside.scheduled);
        }
        assert!(beside.series.iter().all(|row| row.completed > 0), "{beside:?}");
        assert!(beside.bystander.is_none());
    }
}

#[test]
fn its_arrivals_are_its_own_and_follow_from_the_seed() {
    let server = Server::constant(Duration::ZERO, HELLO);
    let scheduled = |rate_rps, seed| {
        let mut spec = open(server.url("/"), rate_rps, 100);
        (spec.window_ms, spec.seed, spec.bystander) = (500, seed, bystander("/quick"));
        let outcome = run(spec);
        (outcome.scheduled, outcome.bystander.unwrap().scheduled)
    };
    let (main, beside) = scheduled(200.0, 3);
    assert_eq!(scheduled(50.0, 3).1, beside, "the load does not matter");
    assert!((4..12).any(|seed| scheduled(200.0, seed).1 != beside));
    assert!((3..12).map(|seed| scheduled(200.0, seed)).any(|(a, b)| a != b), "{main} {beside}");
}

#[test]
fn a_wrong_answer_to_it_is_no_wrong_answer_to_the_load() {
    let server = Server::start(|request| {
        let reply = if request.head.starts_with("GET /quick ") { "jello" } else { "hello" };
        vec![Act::Wait(Duration::from_millis(5)), Act::Send(HELLO.replace("hello", reply).into())]
    });
    let mut spec = closed(server.url("/"), 4);
    spec.bystander = bystander("/quick");
    let outcome = run(spec);
    assert_eq!((outcome.completed, &outcome.first_wrong), (outcome.scheduled, &None));
    let beside = outcome.bystander.unwrap();
    assert_eq!(beside.failed.get(&Failure::WrongBody), Some(&beside.scheduled), "{beside:?}");
    assert!(beside.first_wrong.unwrap().contains("jello"));
}

#[test]
fn its_last_answers_are_waited_for_and_the_load_goes_on_meanwhile() {
    let server = Server::start(|request| {
        let wait = if request.head.starts_with("GET /quick ") { 500 } else { 10 };
        vec![Act::Wait(Duration::from_millis(wait)), Act::Send(HELLO.into())]
    });
    let mut window_end_ns = 0;
    let mut spec = closed(server.url("/"), 4);
    (spec.window_ms, spec.bystander) = (300, bystander("/quick"));
    let outcome = run_with(spec, |event| {
        if let Event::Window { end_ns, .. } = event {
            window_end_ns = end_ns;
        }
    });
    let beside = outcome.bystander.unwrap();
    assert!(beside.completed > 0 && beside.completed == beside.scheduled, "{beside:?}");
    assert_eq!(beside.throughput_rps, 0.0, "none ended in the window");
    let last_ns = server.seen().iter().map(|seen| seen.came_ns).max().unwrap();
    assert!(last_ns > window_end_ns + 200_000_000, "{last_ns} {window_end_ns}");
}

#[test]
fn it_goes_on_beside_streams() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let server = Server::start(move |request| {
        if request.head.starts_with("GET /quick ") {
            return vec![Act::Send(HELLO.into())];
        }
        let ticks = (1..=100).flat_map(|n| {
            let event = format!("event: tick\ndata: {{\"n\":{n}}}\n\n");
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            [Act::Until(Duration::from_millis(50) * (n - 1)), Act::Send(chunk.into())]
        });
        [Act::Send(head.into())].into_iter().chain(ticks).collect()
    });
    let mut spec = subscribe(server.url("/live"), 10);
    spec.bystander = bystander("/quick");
    let outcome = run(spec);
    assert_eq!(outcome.completed, 200, "{outcome:?}");
    let beside = outcome.bystander.unwrap();
    assert!(beside.completed > 100 && beside.completed == beside.scheduled, "{beside:?}");
}

/// A server that does nothing for half a second. Of the clients in closed loop each meets that once; the
/// bystander's requests come all the while, and each is as late as the freeze goes on.
#[test]
fn it_shows_a_freeze_that_a_closed_loop_hides() {
    once_in_three(a_freeze_is_seen);
}

fn a_freeze_is_seen() -> Result<(), String> {
    let (outcome, spec) = freeze(500);
    let beside = outcome.bystander.as_deref().unwrap();
    assert_eq!(beside.completed, beside.scheduled, "{beside:?}");
    // A quarter of the window is frozen: the 90th percentile is where a tenth waits longer, 300 ms.
    let (main, quick) = (percentile(&outcome.response_time, 0.9), percentile(&beside.response_time, 0.9));
    let is_so = main < 100.0 && (200.0..450.0).contains(&quick);
    is_so.then_some(()).ok_or_else(|| format!("{main} {quick} {spec:?}"))
}

#[test]
fn who_gives_up_is_in_its_books() {
    let (outcome, _) = freeze(1_500);
    let beside = outcome.bystander.as_deref().unwrap();
    assert!(beside.timed_out > 50 && beside.completed > 0, "{beside:?}");
    assert_eq!(beside.completed + beside.timed_out + beside.unsent, beside.scheduled);
}

/// A window of 2 s; from its middle on (or 250 ms before its end, where that is too long) the server is frozen.
fn freeze(freeze_ms: u64) -> (Outcome, Spec) {
    let freeze_ns = freeze_ms * 1_000_000;
    let thaw_ns = Arc::new(AtomicU64::new(0));
    let for_server = Arc::clone(&thaw_ns);
    let server = Server::start(move |_| {
        let (now_ns, thaw_ns) = (monotonic_ns(), for_server.load(Ordering::SeqCst));
        let frozen = (thaw_ns.saturating_sub(freeze_ns)..thaw_ns).contains(&now_ns);
        let wait = if frozen { thaw_ns - now_ns } else { 1_000_000 };
        vec![Act::Wait(Duration::from_nanos(wait)), Act::Send(HELLO.into())]
    });
    let mut spec = closed(server.url("/"), 8);
    (spec.window_ms, spec.timeout_ms, spec.bystander) = (2_000, 800, bystander("/quick"));
    let outcome = run_with(spec.clone(), |event| {
        if let Event::Window { start_ns, .. } = event {
            thaw_ns.store(start_ns + 1_750_000_000, Ordering::SeqCst);
        }
    });
    (outcome, spec)
}
