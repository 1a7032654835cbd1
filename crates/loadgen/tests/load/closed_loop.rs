//! C clients, each with one request at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use loadgen::Histogram;
use loadgen::clock::monotonic_ns;
use loadgen::protocol::{Event, Expect, Failure};

use crate::server::{Act, Server};
use testing::eventually;

use crate::support::{HELLO, closed, run, run_with};

const WAIT: Duration = Duration::from_millis(20);

#[test]
fn each_client_keeps_one_connection_and_one_request_at_a_time() {
    let server = Server::constant(WAIT, HELLO);
    let outcome = run(closed(server.url("/"), 8));
    assert_eq!((server.connections(), outcome.connections_up, outcome.connections_wanted), (8, 8, 8));
    assert_eq!(outcome.completed, outcome.scheduled);
    assert!(outcome.completed > 8, "{outcome:?}");
    assert!(outcome.series.iter().all(|row| row.in_flight <= 8), "{:?}", outcome.series);
    assert_eq!(outcome.response_time, outcome.sent_to_answer);
    assert_eq!(Histogram::decode(&outcome.response_time).unwrap().count(), outcome.completed);
    assert_eq!(Histogram::decode(&outcome.schedule_lag).unwrap().count(), 0);
    // No client can be faster than the server's wait allows.
    assert!(outcome.throughput_rps <= 8.0 / WAIT.as_secs_f64() + 8.0, "{outcome:?}");
}

#[test]
fn only_what_ended_in_the_window_counts() {
    let server = Server::constant(WAIT, HELLO);
    let mut window = None;
    let mut spec = closed(server.url("/"), 4);
    // So long that who tells of the window on a busy machine is still in time.
    spec.warm_up_ms = 1_000;
    let outcome = run_with(spec, |event| {
        if let Event::Window { start_ns, end_ns } = event {
            assert!(start_ns >= monotonic_ns() + 20_000_000, "told too late");
            window = Some(start_ns..end_ns);
        }
    });
    let window = window.expect("an event says where the window is");
    assert_eq!(window.end - window.start, 1_000_000_000);
    assert_eq!(outcome.window_ms, 1_000.0);
    let answered = server.seen().iter().filter(|seen| window.contains(&seen.answered_ns)).count() as u64;
    // An answer on its way at an edge falls on the other side of it: one per client and edge at most.
    assert!(outcome.completed.abs_diff(answered) <= 8, "{} {answered}", outcome.completed);
    assert!((outcome.throughput_rps - outcome.completed as f64).abs() < 1e-6, "the window is a second long");
    assert_eq!(outcome.series.iter().map(|row| row.t_ms).collect::<Vec<_>>(), [0, 250, 500, 750]);
    assert!((0.0..=1.0).contains(&outcome.core_busy) && outcome.cpu_s > 0.0, "{outcome:?}");
}

#[test]
fn clients_do_not_run_in_step() {
    const CLIENTS: u32 = 40;
    // So long that a busy machine cannot hold half of them up into one tenth of it.
    const PERIOD_NS: u64 = 1_000_000_000;
    let server = Server::constant(Duration::from_nanos(PERIOD_NS), HELLO);
    // Phases fill the first half of the warm-up, here one wait long.
    let mut spec = closed(server.url("/"), CLIENTS);
    spec.warm_up_ms = 2_000;
    run(spec);
    let mut tenths = [0_usize; 10];
    let first: Vec<_> = {
        let mut came: Vec<_> = server.seen().iter().map(|seen| seen.came_ns).collect();
        came.sort_unstable();
        came.into_iter().take(CLIENTS as usize).collect()
    };
    for came_ns in &first {
        tenths[((came_ns % PERIOD_NS) / (PERIOD_NS / 10)) as usize] += 1;
    }
    // In step, all 40 would be in one tenth or two.
    assert!(*tenths.iter().max().unwrap() <= 20, "{tenths:?}");
}

#[test]
fn progress_is_told_once_a_second() {
    let server = Server::constant(WAIT, HELLO);
    let mut spec = closed(server.url("/"), 4);
    (spec.warm_up_ms, spec.window_ms) = (1_000, 2_500);
    let mut told = Vec::new();
    let outcome = run_with(spec, |event| {
        if let Event::Progress { completed, errors, in_flight, p50_ms, .. } = event {
            told.push((completed, errors, in_flight, p50_ms));
        }
    });
    assert_eq!(told.len(), 3, "{told:?}");
    for (completed, errors, in_flight, p50_ms) in &told {
        assert!(*completed > 0 && *errors == 0 && *in_flight <= 4 && p50_ms.unwrap() >= 20.0, "{told:?}");
    }
    // The first second is warm-up; the second and third are of the window, which goes on for half a second.
    let in_window = told[1].0 + told[2].0;
    let expected = outcome.completed * 4 / 5;
    assert!(expected.abs_diff(in_window) <= expected / 4, "{told:?} {outcome:?}");
}

#[test]
fn a_connection_per_request_is_one_and_says_so() {
    let server = Server::start(|request| {
        let reply = if request.head.contains("\r\nconnection: close\r\n") { HELLO } else { "not said" };
        vec![Act::Send(reply.into())]
    });
    let mut spec = closed(server.url("/"), 4);
    spec.keep_alive = false;
    let outcome = run(spec);
    assert_eq!((outcome.completed, outcome.connections_up), (outcome.scheduled, 4), "{outcome:?}");
    // Those answered last are still being written down.
    eventually("each has an answer, but for one per client that did not get round to its request", || {
        let answered = server.seen().len();
        (answered..=answered + 4).contains(&server.connections())
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_per_request_uses_several_addresses_when_ports_could_run_out() {
    let server = Server::constant(Duration::from_millis(5), HELLO);
    let mut spec = closed(server.url("/"), 4);
    (spec.keep_alive, spec.window_ms) = (false, 4_000);
    let outcome = run(spec);
    assert_eq!(outcome.completed, outcome.scheduled, "{outcome:?}");
    let peers: BTreeSet<_> = server.seen().iter().map(|seen| seen.peer).collect();
    assert!(peers.len() >= 3 && peers.iter().all(std::net::IpAddr::is_loopback), "{peers:?}");
}

#[test]
fn replies_are_understood_however_they_are_framed() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nt: u\r\n\r\n";
    let hinted =
        "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let last = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    let server = Server::start(move |request| match request.nth % 5 {
        0 => vec![Act::Send(chunked.into())],
        1 => vec![Act::Send(hinted.into())],
        2 => vec![
            Act::Send("HTTP/1.1 200 OK\r\n\r\nhel".into()),
            Act::Wait(WAIT),
            Act::Send("lo".into()),
            Act::Close,
        ],
        3 => vec![Act::Send(last.into()), Act::Close],
        _ => HELLO.bytes().map(|byte| Act::Send(vec![byte])).collect(),
    });
    let outcome = run(closed(server.url("/"), 5));
    assert_eq!(outcome.completed, outcome.scheduled, "{outcome:?}");
    assert!(outcome.completed > 50, "{outcome:?}");
}

#[test]
fn methods_and_bodies_go_out_as_asked() {
    let server = Server::start(|request| {
        let (head, body) = request.head.split_once("\r\n\r\n").unwrap();
        let right = head.starts_with("POST /echo?a=b HTTP/1.1\r\n")
            && head.contains("\r\ncontent-length: 4")
            && body == "data";
        vec![Act::Send(if right { HELLO } else { "HTTP/1.1 400 No\r\n\r\n" }.into())]
    });
    let mut spec = closed(server.url("/echo?a=b"), 2);
    (spec.method, spec.body) = ("POST".into(), Some("data".into()));
    let outcome = run(spec);
    assert_eq!((outcome.completed, outcome.first_wrong), (outcome.scheduled, None));

    let server = Server::constant(WAIT, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    let mut spec = closed(server.url("/"), 2);
    (spec.method, spec.expect) = ("HEAD".into(), Expect::default());
    let outcome = run(spec);
    assert_eq!((outcome.completed, server.connections()), (outcome.scheduled, 2), "{outcome:?}");
}

#[test]
fn large_bodies_are_compared_to_the_last_byte() {
    let body = "0123456789abcdef".repeat(40_000);
    let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let server = Server::start(move |_| vec![Act::Send(reply.clone().into())]);
    let mut spec = closed(server.url("/"), 2);
    spec.expect.body = Some(body.clone());
    let outcome = run(spec.clone());
    assert!(outcome.completed > 0 && outcome.completed == outcome.scheduled, "{:?}", outcome.first_wrong);
    spec.expect.body = Some(body[..body.len() - 1].to_owned() + "?");
    let outcome = run(spec);
    assert_eq!(outcome.failed.get(&Failure::WrongBody), Some(&outcome.scheduled));
}

#[test]
fn an_answer_that_comes_before_the_request_was_read_counts_and_costs_the_connection() {
    // Answers when it has seen the head, and then reads on without an end in sight.
    let server = Server::constant(Duration::ZERO, HELLO);
    let mut spec = closed(server.url("/"), 2);
    (spec.method, spec.body) = ("POST".into(), Some("x".repeat(16 * 1024 * 1024)));
    let outcome = run(spec);
    assert!(outcome.completed > 0 && outcome.completed == outcome.scheduled, "{outcome:?}");
    assert!(server.connections() as u64 >= outcome.completed, "{}", server.connections());
}
