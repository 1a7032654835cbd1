//! The server as its clients see it: bytes in, bytes out, over plain sockets.
//!
//! Each test starts a server of its own on a free port, so they run side by side: a file for each promise.
//! The client, and what stands in for the slow services, are in the crate `testing`.

mod bad_requests;
mod bare;
mod contract;
mod limits;
mod program;
mod stopping;
mod streaming;
mod upstream_faults;

use std::net::SocketAddr;

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
