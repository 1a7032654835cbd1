//! Requests due on a schedule, whatever the server does.

use std::time::Duration;

use loadgen::Histogram;
use loadgen::protocol::{Arrivals, Load, Outcome, Shape, Spec};

use crate::server::{Act, Server};
use crate::support::{HELLO, open, run};

const WAIT: Duration = Duration::from_millis(20);

#[test]
fn as_many_requests_as_the_schedule_says() {
    let server = Server::constant(WAIT, HELLO);
    let mut uniform = open(server.url("/"), 100.0, 50);
    uniform.load =
        Load::Open { rate_rps: 100.0, arrivals: Arrivals::Uniform, shape: Shape::Steady, connections: 50 };
    let outcome = run(uniform);
    assert!((99..=101).contains(&outcome.scheduled), "{outcome:?}");
    assert_eq!(outcome.completed, outcome.scheduled);

    let mut poisson = open(server.url("/"), 200.0, 50);
    poisson.window_ms = 2_000;
    let outcome = run(poisson);
    // 400 expected, standard deviation 20.
    assert!((300..=500).contains(&outcome.scheduled), "{outcome:?}");
    assert_eq!(outcome.completed, outcome.scheduled);
    let count = |text: &str| Histogram::decode(text).unwrap().count();
    for histogram in [&outcome.response_time, &outcome.sent_to_answer, &outcome.schedule_lag] {
        assert_eq!(count(histogram), outcome.scheduled);
    }
}

#[test]
fn the_seed_decides_how_many_are_due() {
    let server = Server::constant(Duration::ZERO, HELLO);
    let scheduled = |seed| {
        let mut spec = open(server.url("/"), 500.0, 10);
        (spec.seed, spec.window_ms) = (seed, 500);
        run(spec).scheduled
    };
    let first = scheduled(1);
    assert_eq!(scheduled(1), first);
    assert!((2..10).any(|seed| scheduled(seed) != first));
}

/// 4 connections at 50 ms each answer 80 requests a second; 200 are due.
fn overload() -> (Server, Spec) {
    let server = Server::constant(Duration::from_millis(50), HELLO);
    let spec = open(server.url("/"), 200.0, 4);
    (server, spec)
}

fn decode(outcome: &Outcome) -> (Histogram, Histogram) {
    let decode = |text: &str| Histogram::decode(text).unwrap();
    (decode(&outcome.response_time), decode(&outcome.sent_to_answer))
}

#[test]
fn connections_are_capped_and_waiting_for_one_is_part_of_the_response_time() {
    let (server, spec) = overload();
    let outcome = run(spec);
    assert_eq!(outcome.completed, outcome.scheduled, "{outcome:?}");
    assert_eq!((server.connections(), server.most_open()), (4, 4));
    assert!(outcome.series.iter().all(|row| row.in_flight <= 4), "{:?}", outcome.series);
    // 120 a second more than can be served, for 1.2 s: the last of them waits for 1.8 s.
    let (response, sent) = decode(&outcome);
    let (waited, sent) = (response.percentile_ms(0.9).unwrap(), sent.percentile_ms(0.9).unwrap());
    assert!(waited > 1_000.0 && sent < 250.0, "{waited} {sent}");
    // Due by the end and not answered: those in the queue count.
    assert!(outcome.in_flight_at_end > 50, "{outcome:?}");
}

#[test]
fn who_gives_up_has_waited_for_the_whole_timeout_sent_or_not() {
    let (_server, mut spec) = overload();
    (spec.timeout_ms, spec.warm_up_ms) = (500, 1_000);
    let outcome = run(spec);
    // The queue is as long as users are patient, so whoever reaches its head has little time left.
    assert!(outcome.timed_out + outcome.unsent > outcome.completed, "{outcome:?}");
    let (response, sent) = decode(&outcome);
    assert_eq!(response.count(), outcome.scheduled, "whoever gave up is in the distribution");
    assert_eq!(sent.count(), outcome.completed + outcome.timed_out);
    let waited = response.percentile_ms(0.5).unwrap();
    assert!(waited > 400.0, "{waited}");
}

#[test]
fn the_load_goes_on_until_the_last_measured_request_is_over() {
    // The window is shorter than an answer takes.
    let server = Server::constant(Duration::from_millis(600), HELLO);
    let mut spec = open(server.url("/"), 50.0, 100);
    (spec.warm_up_ms, spec.window_ms, spec.series_interval_ms) = (0, 200, 100);
    let outcome = run(spec);
    assert!(outcome.scheduled > 0 && outcome.completed == outcome.scheduled, "{outcome:?}");
    assert_eq!(outcome.throughput_rps, 0.0, "nothing ended in the window");
    assert!(outcome.in_flight_at_end >= outcome.scheduled, "{outcome:?}");
    assert!(server.requests() as u64 > outcome.completed, "others were sent meanwhile");
}

#[test]
fn a_connection_that_the_server_closed_while_it_was_idle_is_no_failure() {
    let server = Server::start(|_| vec![Act::Send(HELLO.into()), Act::Wait(WAIT), Act::Close]);
    let mut spec = open(server.url("/"), 2.0, 2);
    // Equal gaps of 500 ms: never while the server is about to close, even on a busy machine.
    spec.load =
        Load::Open { rate_rps: 2.0, arrivals: Arrivals::Uniform, shape: Shape::Steady, connections: 2 };
    spec.window_ms = 4_000;
    let outcome = run(spec);
    assert!(outcome.scheduled >= 7 && outcome.completed == outcome.scheduled, "{outcome:?}");
    assert!(server.connections() >= 7, "{}", server.connections());
}

#[test]
fn a_connection_per_request_works_in_open_loop_too() {
    let server = Server::constant(Duration::ZERO, HELLO);
    let mut spec = open(server.url("/"), 200.0, 20);
    spec.keep_alive = false;
    let outcome = run(spec);
    assert!(outcome.scheduled > 100 && outcome.completed == outcome.scheduled, "{outcome:?}");
    assert!(server.connections() as u64 >= outcome.completed);
}
