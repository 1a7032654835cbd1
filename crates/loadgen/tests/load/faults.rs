//! Every fault in its own kind, and nothing ever missing from the books (`support::run` checks them).

use std::sync::Arc;
use std::time::Duration;

use loadgen::Histogram;
use loadgen::protocol::{Failure, Outcome, Spec};

use crate::server::{Act, Server};
use crate::support::{HELLO, closed, nobody, open, run};

/// Closed and open loop.
fn both(url: &str) -> [Spec; 2] {
    [closed(url.into(), 4), open(url.into(), 40.0, 4)]
}

/// The same spec in closed and open loop, side by side.
fn run_both(url: &str, change: impl Fn(&mut Spec)) -> [Outcome; 2] {
    let [closed, open] = both(url).map(|mut spec| {
        change(&mut spec);
        spec
    });
    std::thread::scope(|scope| {
        let closed = scope.spawn(|| run(closed));
        let open = run(open);
        [closed.join().unwrap(), open]
    })
}

/// Every request failed in this way.
fn all(outcome: &Outcome, failure: Failure) {
    assert!(outcome.scheduled > 0, "{outcome:?}");
    assert_eq!(outcome.failed.get(&failure), Some(&outcome.scheduled), "{outcome:?}");
    assert_eq!(outcome.throughput_rps, 0.0);
    assert_eq!(Histogram::decode(&outcome.response_time).unwrap().count(), 0, "a failure is no fast answer");
}

/// A server whose every reply is `acts` fails every request in this way; what the first looked like.
fn always(acts: Vec<Act>, failure: Failure) -> Option<String> {
    let server = Server::start(move |_| acts.clone());
    let [closed, open] = run_both(&server.url("/"), |_| {});
    all(&closed, failure);
    all(&open, failure);
    assert_eq!(closed.first_wrong, open.first_wrong);
    open.first_wrong
}

#[test]
fn nobody_listens_is_refused_and_no_busy_loop() {
    let (_its_port, url) = nobody();
    let [closed, open] = run_both(&url, |_| {});
    all(&closed, Failure::Refused);
    all(&open, Failure::Refused);
    assert_eq!((closed.connections_up, open.connections_up), (0, 0));
    // 4 clients that each pause for 10, 20, 40 … 1,000 ms.
    assert!(closed.scheduled < 40, "{closed:?}");
}

#[test]
fn a_connection_that_ends_before_the_answer_is_a_reset() {
    always(vec![Act::Close], Failure::Reset);
}

#[test]
fn a_connection_that_ends_within_the_answer_is_a_reset() {
    always(vec![Act::Send(HELLO[..HELLO.len() - 1].into()), Act::Close], Failure::Reset);
}

#[test]
fn another_status_and_what_it_looked_like() {
    let wrong =
        always(vec![Act::Send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".into())], Failure::Status);
    assert!(wrong.unwrap().starts_with("HTTP/1.1 503 Busy"));
}

#[test]
fn another_body_and_what_it_looked_like() {
    let wrong = always(vec![Act::Send(HELLO.replace("llo", "lp!").into())], Failure::WrongBody).unwrap();
    assert!(wrong.contains("help!"), "{wrong}");
}

#[test]
fn what_is_not_http_and_what_it_looked_like() {
    let wrong = always(vec![Act::Send("220 smtp.example ESMTP\r\n".into())], Failure::Protocol).unwrap();
    assert!(wrong.contains("220 smtp"), "{wrong}");
    let wrong = always(vec![Act::Send(format!("{HELLO}{HELLO}").into())], Failure::Protocol).unwrap();
    assert!(wrong.starts_with("bytes follow the end of the reply"), "{wrong}");
}

#[test]
fn no_answer_is_a_timeout_at_the_timeout_and_costs_the_connection() {
    let server = Server::start(|_| vec![Act::Hang]);
    for outcome in run_both(&server.url("/"), |spec| spec.timeout_ms = 150) {
        assert!(outcome.timed_out > 4, "{outcome:?}");
        assert_eq!(outcome.timed_out + outcome.unsent, outcome.scheduled, "{outcome:?}");
        let response = Histogram::decode(&outcome.response_time).unwrap();
        assert_eq!(response.count(), outcome.scheduled);
        let max_ms = response.max_ms().unwrap();
        assert!((max_ms - 150.0).abs() < 0.5, "{max_ms}");
    }
    assert!(server.connections() > 2 * 4, "{}", server.connections());
}

/// A listen queue that is full, and nobody who accepts: Linux lets further connections hang.
#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_cannot_be_made_in_time_leaves_the_request_unsent() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _in_the_queue = std::net::TcpStream::connect(address).unwrap();
    for outcome in run_both(&format!("http://{address}/"), |spec| spec.timeout_ms = 100) {
        assert!(outcome.scheduled > 0 && outcome.unsent == outcome.scheduled, "{outcome:?}");
        assert_eq!(outcome.connections_up, 0);
        let waited = Histogram::decode(&outcome.response_time).unwrap();
        assert_eq!(waited.count(), outcome.scheduled);
        assert_eq!(waited.max_ms().unwrap().round(), 100.0);
    }
}

#[test]
fn an_answer_after_its_timeout_is_never_taken_for_the_next_ones() {
    // Every fourth request is answered late, and with another body than the next one expects.
    let late = HELLO.replace("hello", "tardy");
    let server = Server::start(move |request| match request.nth % 4 {
        0 => vec![Act::Wait(Duration::from_millis(300)), Act::Send(late.clone().into())],
        _ => vec![Act::Wait(Duration::from_millis(20)), Act::Send(HELLO.into())],
    });
    for outcome in run_both(&server.url("/"), |spec| spec.timeout_ms = 200) {
        assert!(outcome.timed_out > 0 && outcome.completed > 0, "{outcome:?}");
        assert!(outcome.failed.is_empty(), "{outcome:?}");
    }
}

#[test]
fn a_server_that_stops_listening_in_the_middle_is_a_result() {
    let server = Arc::new(Server::constant(Duration::from_millis(5), HELLO));
    let mut spec = closed(server.url("/"), 4);
    // Long enough for 200 answers on a busy machine, and for some refusals after them.
    (spec.keep_alive, spec.window_ms) = (false, 5_000);
    let stopping = {
        let server = Arc::clone(&server);
        std::thread::spawn(move || {
            while server.seen().len() < 200 {
                std::thread::sleep(Duration::from_millis(1));
            }
            server.stop_listening();
        })
    };
    let outcome = run(spec);
    stopping.join().unwrap();
    assert!(outcome.completed > 0, "{outcome:?}");
    assert!(outcome.failed.get(&Failure::Refused).is_some_and(|n| *n > 0), "{outcome:?}");
}

#[test]
fn faults_of_all_kinds_at_once_are_told_apart() {
    let server = Server::start(|request| match request.nth % 16 {
        1 => vec![Act::Close],
        3 => vec![Act::Send("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".into())],
        5 => vec![Act::Send(HELLO.replace("hello", "hell0").into())],
        7 => vec![Act::Send("?".repeat(99).into())],
        9 => vec![Act::Hang],
        11 => vec![Act::Send(HELLO[..20].into()), Act::Close],
        _ => vec![Act::Wait(Duration::from_millis(5)), Act::Send(HELLO.into())],
    });
    for mut spec in [closed(server.url("/"), 20), open(server.url("/"), 200.0, 40)] {
        (spec.timeout_ms, spec.window_ms) = (200, 2_000);
        let outcome = run(spec);
        assert!(outcome.completed > 50 && outcome.timed_out > 0, "{outcome:?}");
        let kinds: Vec<_> = outcome.failed.keys().copied().collect();
        use Failure::{Protocol, Reset, Status, WrongBody};
        assert_eq!(kinds, [Reset, Status, WrongBody, Protocol], "{outcome:?}");
    }
}
