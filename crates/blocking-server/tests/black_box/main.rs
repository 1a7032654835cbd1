//! The server as its clients see it: bytes in, bytes out, over plain sockets.
//!
//! Each test starts a server of its own on a free port, so they run side by side. `http` is the client,
//! `fake_upstream` stands in for the slow services (the one that the async server is tested with); the
//! rest are tests, a file for each promise.

mod bad_requests;
mod bare;
mod contract;
#[path = "../../../async-server/tests/black_box/fake_upstream.rs"]
mod fake_upstream;
mod http;
mod limits;
mod program;
mod stopping;
mod streaming;
mod upstream_faults;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use blocking_server::Running;
use blocking_server::config::{Config, Model};

/// What tests start from.
fn config() -> Config {
    Config { port: 0, ..Config::default() }
}

/// Both models: what is promised, both have to keep.
fn models() -> [Config; 2] {
    [config(), Config { model: Model::Pool, threads: Some(8), ..config() }]
}

/// A server on a free port.
fn server() -> Running {
    blocking_server::start(config()).expect("a free port and a few threads")
}

/// The same, behind these services.
fn server_with_upstream(upstream: SocketAddr) -> Running {
    let upstream = upstream.to_string().parse().expect("an address is an upstream");
    blocking_server::start(Config { upstream, ..config() }).expect("a free port and a few threads")
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
