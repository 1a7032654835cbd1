//! How a bare rung stops, and what becomes of its requests when the services behind it fail: both servers' tests
//! have this file.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Config, Running, models, start, start_with};
use crate::eventually;
use crate::fake_upstream::{self, Act, right};
use crate::http::{Connection, assert_alive, get};

#[test]
fn what_has_reached_a_view_is_answered_and_nothing_new_is_taken() {
    for config in models() {
        let entered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&entered);
        let server = start_with(config, move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            None
        });
        let addr = server.addr;
        let mut idle = Connection::open(addr);
        idle.get("/hello");
        assert_eq!(idle.reply(false).unwrap().status, 200);
        let mut waiting = Connection::open(addr);
        waiting.get("/wait/1500");
        let mut streaming = Connection::open(addr);
        streaming.get("/stream/4/500");
        eventually("all have reached their view", || entered.load(Ordering::SeqCst) == 3);
        let stop = server.stopper();
        let server = thread::spawn(move || server.wait());
        stop();
        eventually("the port is closed", || Connection::try_open(addr).is_err());

        let reply = waiting.reply(false).unwrap();
        assert_eq!((reply.text(), reply.header("connection")), (r#"{"waited_ms":1500}"#, Some("close")));
        assert_eq!(streaming.reply(false).unwrap().text().lines().count(), 4);
        server.join().unwrap().unwrap();
        assert_eq!(idle.rest(), b"");
        assert_eq!(entered.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn idle_connections_are_closed_and_do_not_delay_the_stop() {
    for config in models() {
        let server = start(config);
        let mut idle: Vec<_> = (0..50).map(|_| Connection::open(server.addr)).collect();
        // Some have had an answer, some have sent half a head, some have said nothing.
        for (n, connection) in idle.iter_mut().enumerate() {
            match n % 3 {
                0 => {
                    connection.get("/hello");
                    assert_eq!(connection.reply(false).unwrap().status, 200);
                }
                1 => connection.write(b"GET /hel"),
                _ => {}
            }
        }
        let told = Instant::now();
        server.stop().unwrap();
        assert!(told.elapsed() < Duration::from_secs(20), "grace was waited for: {:?}", told.elapsed());
        for connection in &mut idle {
            assert_eq!(connection.rest(), b"");
        }
    }
}

#[test]
fn subscribers_do_not_hold_the_stop_longer_than_grace() {
    for config in models() {
        let grace = Duration::from_millis(300);
        let server = start(Config { grace, ..config });
        let mut subscribers: Vec<_> = (0..5).map(|_| Connection::open(server.addr)).collect();
        for subscriber in &mut subscribers {
            subscriber.get("/live");
            assert_eq!(subscriber.head().unwrap().status, 200);
            assert!(subscriber.chunk().unwrap().is_some());
        }
        let told = Instant::now();
        server.stop().unwrap();
        assert!((grace..Duration::from_secs(20)).contains(&told.elapsed()), "{:?}", told.elapsed());
        for subscriber in &mut subscribers {
            // Cut, and visibly so.
            assert!(!subscriber.rest().ends_with(b"0\r\n\r\n"));
        }
    }
}

#[test]
fn a_stopped_server_leaves_its_port_to_the_next() {
    for config in models() {
        let mut port = 0;
        for _ in 0..20 {
            let server = start(Config { port, ..config.clone() });
            port = server.addr.port();
            assert_alive(server.addr);
            server.stop().unwrap();
        }
    }
}

const ROUTES: [&str; 3] = ["/api/sun/97201/us", "/api/weather/97201/us", "/api/city/97201/us"];

/// A server that waits no more than 300 ms for these services.
fn impatient(config: &Config, upstream: SocketAddr) -> Running {
    let upstream = upstream.to_string().parse().unwrap();
    start(Config { upstream, upstream_timeout: Duration::from_millis(300), ..config.clone() })
}

/// A server that waits long enough.
fn patient(config: &Config, upstream: SocketAddr) -> Running {
    start(Config { upstream: upstream.to_string().parse().unwrap(), ..config.clone() })
}

/// The same statuses as from the rungs on frameworks: see `upstream_faults.rs`.
#[test]
fn each_way_of_the_upstream_to_fail_has_its_status() {
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
        (502, raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\n\r\n\"{long}\"").into())),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n{{}}", "y".repeat(1 << 20)).into())),
    ] {
        let what = format!("{act:?}").chars().take(60).collect::<String>();
        let upstream = fake_upstream::start(move |_| act.clone());
        for config in models() {
            let server = impatient(&config, upstream);
            for route in ROUTES {
                let reply = get(server.addr, route);
                assert_eq!(reply.status, status, "{route} when the upstream does {what}");
                assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            }
            assert_alive(server.addr);
            server.stop().unwrap();
        }
    }
}

#[test]
fn nobody_there_is_a_502() {
    for config in models() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let server = patient(&config, free);
        assert_eq!(get(server.addr, "/api/weather/97201/us").status, 502);
        server.stop().unwrap();
    }
}

/// An answer of a byte now and then is progress on every read; the time limit is for all of it.
#[test]
fn a_trickle_is_as_slow_as_silence() {
    use std::io::{Read, Write};
    for head in ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let upstream = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(head.as_bytes());
                while stream.write_all(b"x").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        for config in models() {
            let server = impatient(&config, upstream);
            let began = Instant::now();
            assert_eq!(get(server.addr, "/api/weather/97201/us").status, 504);
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            server.stop().unwrap();
        }
    }
}

/// Services that are right, and how many connections they were called over.
fn counted(act: impl Fn(usize) -> Option<Act> + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let addr = fake_upstream::start(move |asked| {
        count.fetch_add(usize::from(asked.nth == 1), Ordering::SeqCst);
        act(asked.nth).unwrap_or_else(|| right(&asked))
    });
    (addr, connections)
}

#[test]
fn one_connection_to_the_upstream_serves_call_after_call() {
    for config in models() {
        let (upstream, connections) = counted(|_| None);
        let server = patient(&config, upstream);
        for _ in 0..20 {
            // Two calls, one after the other.
            assert_eq!(get(server.addr, "/api/sun/97201/us").status, 200);
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1);
        server.stop().unwrap();
    }
}

/// The upstream may close a connection just when the next call is written to it.
#[test]
fn a_connection_that_died_while_it_was_idle_is_not_the_clients_problem() {
    for config in models() {
        for end in [Act::Close, Act::Reset] {
            let (upstream, connections) = counted(move |nth| (nth > 1).then(|| end.clone()));
            let server = patient(&config, upstream);
            for n in 1..=20 {
                let reply = get(server.addr, "/api/weather/97201/us");
                assert_eq!((reply.status, reply.text()), (200, fake_upstream::WEATHER));
                assert_eq!(connections.load(Ordering::SeqCst), n);
            }
            server.stop().unwrap();
        }
    }
}
