//! The server as its clients see it: bytes in, bytes out, over plain sockets.
//!
//! Each test starts a server of its own on a free port, so they run side by side. `http` is the client,
//! `fake_upstream` stands in for the slow services; the rest are tests, a file for each promise.
#![expect(clippy::disallowed_methods, reason = "the clients in here are threads of their own and may block")]

mod bad_requests;
mod bare;
mod contract;
mod fake_upstream;
mod http;
mod program;
mod stopping;
mod streaming;
mod upstream_faults;
mod waiting;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_server::Running;
use async_server::config::Config;

/// What tests start from: a free port, and a single event loop, which makes blocking it visible.
fn config() -> Config {
    Config { port: 0, workers: 1, ..Config::default() }
}

/// A server with one event loop.
fn server() -> Running {
    async_server::start(config()).expect("a free port and a few threads")
}

/// The same, behind these services.
fn server_with_upstream(upstream: SocketAddr) -> Running {
    let upstream = upstream.to_string().parse().expect("an address is an upstream");
    async_server::start(Config { upstream, ..config() }).expect("a free port and a few threads")
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
