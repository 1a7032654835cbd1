//! What becomes of a request when the services behind the server fail.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use blocking_server::Running;
use blocking_server::config::Config;

use crate::fake_upstream::{self, Act, right};
use crate::http::{assert_alive, get};
use crate::{config, server_with_upstream};

const ROUTES: [&str; 3] = ["/api/sun/97201/us", "/api/weather/97201/us", "/api/city/97201/us"];

/// A server that waits no more than 300 ms for these services.
fn impatient(upstream: SocketAddr) -> Running {
    let upstream = upstream.to_string().parse().unwrap();
    let upstream_timeout = Duration::from_millis(300);
    blocking_server::start(Config { upstream, upstream_timeout, ..config() }).unwrap()
}

#[test]
fn each_way_to_fail_has_its_status_and_the_server_goes_on() {
    let raw = |text: &str| Act::Raw(text.into());
    let long = "x".repeat(handlers::services::MAX_RESPONSE_BYTES + 1);
    for (status, act) in [
        (504, Act::Stall),
        (502, Act::Answer(500, "{}".into())),
        (502, Act::Answer(301, "{}".into())),
        (502, Act::Answer(200, "not JSON".into())),
        (502, Act::Answer(200, long.clone())),
        (404, Act::Answer(404, "{}".into())),
        (502, Act::Reset),
        (502, Act::Close),
        (502, raw("garbage\r\n\r\n")),
        (502, raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"cut\":")),
        (502, raw("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}")),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\n\r\n\"{long}\"").into())),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n{{}}", "y".repeat(1 << 20)).into())),
    ] {
        let what = format!("{act:?}").chars().take(60).collect::<String>();
        let server = impatient(fake_upstream::start(move |_| act.clone()));
        for route in ROUTES {
            let reply = get(server.addr, route);
            assert_eq!(reply.status, status, "{route} when the upstream does {what}");
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        }
        assert_alive(server.addr);
        server.stop().unwrap();
    }
}

#[test]
fn an_answer_of_exactly_the_most_that_is_read_is_right() {
    let most = format!("\"{}\"", "x".repeat(handlers::services::MAX_RESPONSE_BYTES - 2));
    let answer = most.clone();
    let server = server_with_upstream(fake_upstream::start(move |_| Act::Answer(200, answer.clone())));
    assert_eq!(get(server.addr, "/api/weather/97201/us").text(), most);
    server.stop().unwrap();
}

#[test]
fn nobody_there_is_a_502() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let server = server_with_upstream(free);
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 502);
    server.stop().unwrap();
}

#[test]
fn an_upstream_may_be_named() {
    let port = fake_upstream::start(|asked| right(&asked)).port();
    let upstream = format!("http://localhost:{port}/").parse().unwrap();
    let server = blocking_server::start(Config { upstream, ..config() }).unwrap();
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 200);
    server.stop().unwrap();
}

/// An answer of a byte now and then is progress on every read; the time limit is for all of it.
#[test]
fn a_trickle_is_as_slow_as_silence() {
    use std::io::Write;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    for head in ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"] {
        let listener = listener.try_clone().unwrap();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.write_all(head.as_bytes()).unwrap();
            // As part of a head or of a body, a letter is always welcome.
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let server = impatient(addr);
        let began = Instant::now();
        assert_eq!(get(server.addr, "/api/weather/97201/us").status, 504);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        server.stop().unwrap();
    }
}

#[test]
fn connections_are_used_again_and_a_stale_one_costs_the_client_nothing() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    // Every connection is closed instead of answering its third request.
    let server = server_with_upstream(fake_upstream::start(move |asked| {
        count.fetch_add(usize::from(asked.nth == 1), Ordering::SeqCst);
        if asked.nth == 3 { Act::Close } else { right(&asked) }
    }));
    for _ in 0..20 {
        assert_eq!(get(server.addr, "/api/weather/97201/us").status, 200);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 10);
    server.stop().unwrap();
}

/// A thread waits for each of them, and for nothing else.
#[test]
fn a_stalled_upstream_holds_up_only_those_who_need_it() {
    let server = server_with_upstream(fake_upstream::start(|_| Act::Stall));
    let mut waiting: Vec<_> = (0..50).map(|_| crate::http::Connection::open(server.addr)).collect();
    waiting.iter_mut().for_each(|connection| connection.get("/api/weather/97201/us"));
    for _ in 0..20 {
        assert_alive(server.addr);
    }
    // The views end when the test's process does; stopping would wait for their time limit.
    drop(server);
}
