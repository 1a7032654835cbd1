//! What an async view gains under WSGI, within a request, and what it does not, between requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bridges::config::{Config, Model};

use crate::config;
use testing::http::get;

/// Of each upstream call.
const DELAY: Duration = Duration::from_millis(300);

#[test]
fn a_request_waits_for_two_services_at_once() {
    let delay = upstream::Profile::Fixed { delay: DELAY };
    let services = upstream::start(upstream::Config { port: 0, delay, ..Default::default() }).unwrap();
    let upstream = services.addr.to_string();
    let bridge = Config { upstream: upstream.parse().unwrap(), ..config(Model::AsyncViews) };
    let bridge = bridges::start(&bridge).unwrap();
    let blocking = blocking_server::config::Config {
        port: 0,
        upstream: upstream.parse().unwrap(),
        ..blocking_server::config::Config::default()
    };
    let blocking = blocking_server::start(blocking).unwrap();

    let ((overlapping, same), (adding_up, body)) = (city(bridge.addr), city(blocking.addr));
    assert_eq!(same, body);
    // Where a place is and when the sun rises there are two calls that cannot overlap; the weather can.
    assert!(adding_up >= 3 * DELAY, "{adding_up:?}");
    assert!(overlapping >= 2 * DELAY, "{overlapping:?}");
    assert!(overlapping < DELAY.mul_f64(2.8), "{overlapping:?}, one after another {adding_up:?}");
    bridge.stop().unwrap();
    blocking.stop().unwrap();
}

/// The best time of three, because a busy machine can only be slower than the services; and the answer.
fn city(addr: SocketAddr) -> (Duration, String) {
    let ask = |_| {
        let asked = Instant::now();
        let reply = get(addr, "/api/city/97201/us");
        assert_eq!(reply.status, 200, "{}", reply.text());
        (asked.elapsed(), reply.text().to_owned())
    };
    (0..3).map(ask).min().unwrap()
}

#[test]
fn a_connection_to_the_upstream_ends_with_the_loop_that_opened_it() {
    for (model, wanted) in [(Model::AsyncViews, 3), (Model::Offload, 1)] {
        let (upstream, opened) = counting_upstream();
        let upstream = upstream.to_string().parse().unwrap();
        let server = bridges::start(&Config { upstream, ..config(model) }).unwrap();
        for _ in 0..3 {
            assert_eq!(get(server.addr, "/api/weather/97201/us").text(), "{}");
        }
        assert_eq!(opened.load(Ordering::SeqCst), wanted, "{model:?}");
        server.stop().unwrap();
    }
}

/// An upstream that answers everything with `{}`, and a count of the connections to it.
fn counting_upstream() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (addr, opened) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&opened);
    thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            count.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                let mut answers = stream.try_clone().unwrap();
                // Each head ends with an empty line.
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.is_empty() {
                        answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
                    }
                }
            });
        }
    });
    (addr, opened)
}
