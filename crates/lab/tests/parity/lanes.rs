//! On which thread a request was, and when that ran for it, as each rung tells those who ask.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use lab::contract::http::Request;
use lab::contract::started::Started;
use lab::ladder::{self, LADDER, Rung};
use lab::lanes;
use lab::results::Carried;

use crate::{DEADLINE, ask, programs, upstream};

const SUN: &str = "/api/sun/97201/us";

/// A rung with one event loop where it has loops, and a pool of five where it has one.
fn start(rung: &'static Rung, upstream: SocketAddr) -> Started {
    let mut flags = vec!["--upstream-timeout=20s".to_owned()];
    match rung.name {
        "pool" => flags.push("--threads=5".into()),
        "offload" => flags.extend(["--workers=1".into(), "--blocking-threads=5".into()]),
        _ if rung.has_workers => flags.push("--workers=1".into()),
        _ => {}
    }
    Started::rung(programs(), rung, upstream, &flags)
        .unwrap_or_else(|error| panic!("{}: {error:#}", rung.name))
}

fn recorded(rung: &'static Rung, upstream: SocketAddr, route: &str, requests: u32) -> Vec<Carried> {
    let server = start(rung, upstream);
    lanes::ask(server.addr, route, requests, DEADLINE, None)
        .unwrap_or_else(|error| panic!("{}: {error:#}", rung.name))
}

fn threads(requests: &[Carried]) -> usize {
    requests.iter().map(|request| request.thread).collect::<BTreeSet<_>>().len()
}

/// Stretches of all requests of a thread, in order.
fn ran(requests: &[Carried], thread: u64) -> Vec<(f64, f64)> {
    let of_thread = requests.iter().filter(|request| request.thread == thread);
    let mut all: Vec<(f64, f64)> = of_thread.flat_map(|request| request.ran_ms.clone()).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

/// Two calls of 20 ms, one after the other; that the moments are in order, `lanes::ask` demands by itself.
#[test]
fn twenty_requests_are_on_as_many_threads_as_the_rung_has_for_them() {
    let upstream = upstream("fixed:20ms");
    for (name, expected) in [
        ("one-at-a-time", 1),
        ("pool", 5),
        ("thread-per-request", 20),
        ("bare-thread-per-request", 20),
        ("bare-thread-per-connection", 20),
        ("bare-task-per-connection", 1),
        ("event-loop", 1),
        ("async-views", 20),
        ("offload", 5),
        ("blocked-loop", 1),
    ] {
        let requests = recorded(ladder::rung(name).unwrap(), upstream.addr, SUN, 20);
        assert_eq!((requests.len(), threads(&requests)), (20, expected), "{name}");
        for request in &requests {
            let ran_ms: f64 = request.ran_ms.iter().map(|(from, to)| to - from).sum();
            let waited_ms = request.left_ms - request.entered_ms - ran_ms;
            assert!(!request.ran_ms.is_empty() && waited_ms >= 39.0, "{name}: {request:?}");
            assert!(request.sent_ms >= 0.0 && request.sent_ms <= request.entered_ms, "{name}: {request:?}");
        }
        // A thread does one thing at a time.
        for thread in requests.iter().map(|request| request.thread).collect::<BTreeSet<_>>() {
            let ran = ran(&requests, thread);
            assert!(ran.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{name}, thread {thread}: {ran:?}");
        }
    }
    assert_eq!(LADDER.len(), 10, "each rung is in the list");
}

/// What tells an event loop from everything else: one thread in twenty views at the same time.
#[test]
fn only_a_loop_is_in_several_views_at_once() {
    let upstream = upstream("fixed:0ms");
    for rung in LADDER {
        let requests = recorded(rung, upstream.addr, "/wait/300", 6);
        let overlap = requests.iter().enumerate().any(|(place, one)| {
            let meanwhile =
                |other: &Carried| one.entered_ms < other.left_ms && other.entered_ms < one.left_ms;
            requests[..place].iter().any(|other| other.thread == one.thread && meanwhile(other))
        });
        let is_loop = ["event-loop", "bare-task-per-connection"].contains(&rung.name);
        assert_eq!(overlap, is_loop, "{}: {requests:?}", rung.name);
        let shortest = requests.iter().map(|one| one.left_ms - one.entered_ms).fold(f64::INFINITY, f64::min);
        assert!(shortest >= 300.0, "{}: {shortest}", rung.name);
    }
}

/// Whoever does not ask gets the reply as it always was, and whoever asks gets one line more and the same body.
#[test]
fn a_trace_is_for_those_who_ask_on_every_rung() {
    let upstream = upstream("fixed:1ms");
    for rung in LADDER {
        let server = start(rung, upstream.addr);
        let reply = |sent_at: Option<&str>| {
            let request = Request::get(SUN);
            let request =
                sent_at.map_or_else(|| request.clone(), |value| request.clone().header("x-sent-at", value));
            ask(server.addr, &request)
        };
        let names = |sent_at| {
            let names: Vec<String> = reply(sent_at).headers.into_iter().map(|(name, _)| name).collect();
            (names.iter().filter(|name| *name == "x-trace").count(), names.len())
        };
        let plain = names(None);
        assert_eq!(plain.0, 0, "{}", rung.name);
        assert_eq!(names(Some("5")), plain, "{}", rung.name);
        assert_eq!(names(Some("5;trace")), (1, plain.1 + 1), "{}", rung.name);
        assert_eq!(reply(Some("5;trace")).body, reply(None).body, "{}", rung.name);
    }
}
