//! Where the time went: what a server tells, completed and added up; and the number in flight, found in two ways.

use std::time::Duration;

use loadgen::Histogram;
use loadgen::clock::monotonic_ns;
use loadgen::protocol::{Arrivals, Failure, Load, Part, Parts, Shape, Spec};

use crate::server::{Act, Server};
use crate::support::{HELLO, bystander, closed, open, run};

const WAIT: Duration = Duration::from_millis(40);

/// 40 ms in the server, of which it tells that.
fn telling(line: &'static str) -> Server {
    Server::start(move |_| {
        let reply = format!("HTTP/1.1 200 OK\r\n{line}content-length: 5\r\n\r\nhello");
        vec![Act::Until(WAIT), Act::Send(reply.into())]
    })
}

fn timed(url: String) -> Spec {
    Spec { timing: true, ..open(url, 100.0, 50) }
}

fn parts(spec: Spec) -> Parts {
    let outcome = run(spec);
    let parts = *outcome.parts.clone().unwrap_or_else(|| panic!("{outcome:?}"));
    assert_eq!(parts.answers, outcome.completed);
    let of = |part: &Option<Part>| part.as_ref().map_or(0.0, |part| part.mean_ms);
    let known = parts.waiting.mean_ms + parts.connect.mean_ms + of(&parts.queue) + of(&parts.view);
    let sum = known + of(&parts.upstream) + parts.rest.mean_ms;
    assert!((sum / parts.response.mean_ms - 1.0).abs() < 1e-9, "{sum} of {parts:?}");
    parts
}

fn mean(part: &Option<Part>) -> f64 {
    part.as_ref().expect("a part that the server tells").mean_ms
}

#[test]
fn what_a_server_tells_is_split_and_the_rest_is_the_rest() {
    let server = telling("server-timing: queue;dur=5, view;dur=30, upstream;dur=20, pool;dur=4\r\n");
    let parts = parts(timed(server.url("/")));
    assert_eq!(parts.told, parts.answers);
    assert_eq!((mean(&parts.queue), mean(&parts.view), mean(&parts.upstream)), (9.0, 6.0, 20.0));
    // The server keeps 5 ms to itself.
    assert!(parts.rest.mean_ms >= 5.0 && parts.response.mean_ms >= 40.0, "{parts:?}");
    let times = Histogram::decode(&parts.upstream.unwrap().histogram).unwrap();
    assert_eq!(times.count(), parts.answers);
    assert!((times.mean_ms().unwrap() / 20.0 - 1.0).abs() < 0.01);
}

#[test]
fn a_server_that_tells_nothing_or_nonsense_is_measured_from_outside() {
    for line in ["", "server-timing: cache;desc=hit\r\n", "server-timing: queue;dur=90, view;dur=86000\r\n"] {
        let server = telling(line);
        let mut spec = timed(server.url("/"));
        // Nobody waits that long, and nothing took it.
        spec.window_ms = 500;
        let parts = parts(spec);
        assert_eq!(
            (parts.told, &parts.queue, &parts.view, &parts.upstream),
            (0, &None, &None, &None),
            "{line}"
        );
        assert!(parts.rest.mean_ms >= 40.0, "{parts:?}");
    }
}

#[test]
fn every_request_says_when_it_is_sent_where_that_is_asked_for_and_none_where_not() {
    let server = Server::start(|request| {
        let sent = request.head.lines().find_map(|line| line.strip_prefix("x-sent-at: "));
        let ago_ns = sent.map(|sent| monotonic_ns().checked_sub(sent.parse().unwrap()));
        let plain = request.head.contains("/plain") || request.head.contains("/beside");
        // The future, longer ago than this test runs, or where nobody asked: a wrong answer.
        let right = match ago_ns {
            Some(ago_ns) => !plain && ago_ns.is_some_and(|ns| ns < 60_000_000_000),
            None => plain,
        };
        let wrong = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        vec![Act::Send(if right { HELLO.into() } else { wrong.into() })]
    });
    let mut spec = timed(server.url("/timed"));
    spec.bystander = bystander("/beside");
    let outcome = run(spec);
    assert_eq!(outcome.completed, outcome.scheduled, "{outcome:?}");
    let beside = outcome.bystander.unwrap();
    assert_eq!((beside.completed, beside.parts), (beside.scheduled, None));
    let plain = run(open(server.url("/plain"), 100.0, 50));
    assert_eq!((plain.completed, &plain.parts), (plain.scheduled, &None), "{plain:?}");
}

#[test]
fn waiting_for_a_connection_and_opening_one_have_parts_of_their_own() {
    let server = telling("server-timing: view;dur=40\r\n");
    let mut capped = timed(server.url("/"));
    // 2 connections at 40 ms each answer 50 requests a second; 100 are due.
    capped.load =
        Load::Open { rate_rps: 100.0, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections: 2 };
    let queued = parts(capped);
    assert!(queued.waiting.mean_ms / queued.response.mean_ms > 0.5, "{queued:?}");
    let mut own = timed(server.url("/"));
    own.keep_alive = false;
    assert!(parts(own).connect.mean_ms > 0.0);
}

#[test]
fn only_who_finds_all_connections_busy_waits_for_one() {
    let server = telling("server-timing: view;dur=40\r\n");
    let over = |connections| {
        let mut spec = timed(server.url("/"));
        let (arrivals, shape) = (Arrivals::Poisson, Shape::Steady);
        spec.load = Load::Open { rate_rps: 50.0, arrivals, shape, connections };
        parts(spec).waiting
    };
    // 2 of them are busy on average.
    let (many, one) = (over(200), over(1));
    // However late each was taken up: that is the generator's doing, and in the rest.
    assert_eq!(many.mean_ms, 0.0, "{many:?}");
    assert!(one.mean_ms > 40.0, "{one:?}");
}

#[test]
fn a_recording_has_every_request_from_the_start_of_the_load() {
    let server = telling("server-timing: queue;dur=5, view;dur=30, upstream;dur=20, pool;dur=4\r\n");
    let spec = Spec { record: true, warm_up_ms: 300, ..timed(server.url("/")) };
    let window_ms = spec.window_ms;
    let outcome = run(spec);
    let recording = outcome.recording.as_deref().expect("it was asked for");
    assert_eq!((recording.window_us, recording.missing), (300_000, 0));
    let window_us = recording.window_us..recording.window_us + window_ms * 1_000;
    let in_window = recording.requests.iter().filter(|one| window_us.contains(&one.due_us)).count() as u64;
    assert_eq!(in_window, outcome.scheduled);
    assert!(recording.requests.len() as u64 > in_window, "the warm-up is in it");
    assert!(recording.requests.is_sorted_by_key(|one| one.sent_us));
    for one in &recording.requests {
        assert_eq!((one.wait_us, one.view_us, one.upstream_us), (9_000, 26_000, 20_000), "{one:?}");
        assert!(one.sent_us >= one.due_us && one.response_us >= 40_000 + one.sent_us - one.due_us, "{one:?}");
    }
    let silent = Server::constant(WAIT, HELLO);
    let outcome = run(Spec { record: true, ..timed(silent.url("/")) });
    let recording = outcome.recording.unwrap();
    assert!(recording.requests.is_empty() && recording.missing >= outcome.scheduled, "{recording:?}");
    assert_eq!(run(timed(silent.url("/"))).recording, None);
}

#[test]
fn shedding_load_is_counted_apart_and_is_no_wrong_answer() {
    let server = Server::start(|request| {
        let shed = "HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
        vec![Act::Send(if request.nth.is_multiple_of(2) { shed } else { HELLO }.into())]
    });
    let outcome = run(open(server.url("/"), 200.0, 20));
    let shed = outcome.failed[&Failure::Shed];
    assert_eq!((outcome.failed.len(), &outcome.first_wrong), (1, &None), "{outcome:?}");
    assert!(
        shed > 0 && outcome.completed > 0 && shed + outcome.completed == outcome.scheduled,
        "{outcome:?}"
    );
    // In closed loop clients do as they are told, more or less: they pause.
    let mut spec = closed(server.url("/"), 1);
    spec.window_ms = 500;
    let outcome = run(spec);
    assert!(outcome.failed[&Failure::Shed] <= 51, "every other request is shed: {outcome:?}");
}

/// Constant answers, so many at a time that looking at them is no gamble.
#[test]
fn the_number_in_flight_is_the_same_in_two_ways() {
    let server = Server::constant(Duration::from_millis(50), HELLO);
    for mut spec in [closed(server.url("/"), 40), open(server.url("/"), 400.0, 400)] {
        spec.bystander = bystander("/");
        let outcome = run(spec);
        let beside = outcome.bystander.as_ref().unwrap().in_flight.unwrap();
        for (in_flight, at_least) in [(outcome.in_flight.unwrap(), 10.0), (beside, 5.0)] {
            assert!(in_flight.looks >= 20, "{in_flight:?}");
            let off = (in_flight.summed - in_flight.sampled).abs() / in_flight.summed;
            // Judged at 2 % on a quiet machine; here others run beside.
            assert!(off < 0.15, "{in_flight:?}");
            assert!(in_flight.summed > at_least, "{in_flight:?}");
        }
    }
}
