//! The server as its clients see it: bytes in, bytes out, over plain sockets.
//!
//! Each test starts a server of its own on a free port, so they run side by side: a file for each promise.
//! The client, and what stands in for the slow services, are in the crate `testing`.
#![expect(clippy::disallowed_methods, reason = "the clients in here are threads of their own and may block")]

mod bad_requests;
mod bare;
mod contract;
mod program;
mod stopping;
mod streaming;
mod upstream_faults;
mod waiting;

use std::net::SocketAddr;

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
