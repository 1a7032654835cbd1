//! How calls to the services are made. What becomes of a request when they fail is the same on every rung,
//! and tested there: `lab/tests/parity/faults.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use blocking_server::config::Config;

use crate::{config, server_with_upstream};
use testing::fake_upstream::{self, Act, right};
use testing::http::{assert_alive, get};

#[test]
fn an_upstream_may_be_named() {
    let port = fake_upstream::start(|asked| right(&asked)).port();
    let upstream = format!("http://localhost:{port}/").parse().unwrap();
    let server = blocking_server::start(Config { upstream, ..config() }).unwrap();
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 200);
    server.stop().unwrap();
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
    let mut waiting: Vec<_> = (0..50).map(|_| testing::http::Connection::open(server.addr)).collect();
    waiting.iter_mut().for_each(|connection| connection.get("/api/weather/97201/us"));
    for _ in 0..20 {
        assert_alive(server.addr);
    }
    // The views end when the test's process does; stopping would wait for their time limit.
    drop(server);
}
