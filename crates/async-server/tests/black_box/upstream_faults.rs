//! How calls to the services are made. What becomes of a request when they fail is the same on every rung,
//! and tested there: `lab/tests/parity/faults.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_server::config::Config;

use crate::{config, server_with_upstream};
use testing::fake_upstream::{self, Act, right};
use testing::http::{Connection, assert_alive, get};

#[test]
fn an_upstream_may_be_named() {
    let port = fake_upstream::start(|asked| right(&asked)).port();
    let upstream = format!("http://localhost:{port}/").parse().unwrap();
    let server = async_server::start(Config { upstream, ..config() }).unwrap();
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 200);
    server.stop().unwrap();
}

#[test]
fn a_stalled_upstream_stops_nobody_else() {
    let upstream = fake_upstream::start(|_| Act::Stall);
    let server = server_with_upstream(upstream);
    let mut stalled: Vec<_> = (0..100).map(|_| Connection::open(server.addr)).collect();
    for connection in &mut stalled {
        connection.get("/api/weather/97201/us");
    }
    // The default timeout is 10 s; these must not wait for it.
    let asked = Instant::now();
    for _ in 0..10 {
        assert_alive(server.addr);
    }
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    drop(stalled);
    drop(server);
}

#[test]
fn connections_to_the_upstream_are_reused() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let upstream = fake_upstream::start(move |asked| {
        counted.fetch_add(usize::from(asked.nth == 1), Ordering::Relaxed);
        right(&asked)
    });
    let server = server_with_upstream(upstream);
    for _ in 0..20 {
        assert_eq!(get(server.addr, "/api/sun/97201/us").status, 200);
    }
    let opened = connections.load(Ordering::Relaxed);
    assert!(opened < 10, "{opened} connections for 40 calls in sequence");
    server.stop().unwrap();
}
