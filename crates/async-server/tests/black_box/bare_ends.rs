//! How a bare rung ends, and what it does with connections to the services behind it that end: both servers'
//! tests have this file. Services that fail in other ways are tested for all rungs at once, in
//! `lab/tests/parity/faults.rs`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Config, Running, models, start, start_with};
use testing::eventually;
use testing::fake_upstream::{self, Act, right};
use testing::http::{Connection, assert_alive, get};

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

/// A server behind these services.
fn behind(config: &Config, upstream: SocketAddr) -> Running {
    start(Config { upstream: upstream.to_string().parse().unwrap(), ..config.clone() })
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
        let server = behind(&config, upstream);
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
            let server = behind(&config, upstream);
            for n in 1..=20 {
                let reply = get(server.addr, "/api/weather/97201/us");
                assert_eq!((reply.status, reply.text()), (200, fake_upstream::WEATHER));
                assert_eq!(connections.load(Ordering::SeqCst), n);
            }
            server.stop().unwrap();
        }
    }
}

/// Only a connection that ended without a word may have ended before the call reached it.
#[test]
fn an_answer_that_had_begun_is_not_asked_for_again() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for config in models() {
        let (upstream, connections) = counted(move |nth| (nth > 1).then(|| Act::Raw(cut.to_vec())));
        let server = behind(&config, upstream);
        for (n, status) in (1..).zip([200, 502, 200, 502]) {
            assert_eq!(get(server.addr, "/api/weather/97201/us").status, status, "call {n}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 2);
        server.stop().unwrap();
    }
}
