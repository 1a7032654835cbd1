//! The bridges: code of one world on a server of the other.
//!
//! "Can I not simply put `async def` on a Flask view?" and "must I really rewrite my database code for
//! Quart?" are the two questions that everybody asks who has code of one kind and hears of the other. Both
//! can be bridged, and each bridge has its price. Nothing is rewritten here: the views are those of
//! `async_server::views` and `blocking_server::views`, the hosts are those of the two servers, and what is new
//! is how they meet.
//!
//! | model | host | views | a request waits on |
//! | --- | --- | --- | --- |
//! | [`async_views`] | rouille, through WSGI | async | a thread of its own, with a small event loop on it |
//! | [`offload`] | actix-web | blocking | one of K threads beside the event loops |
//! | [`blocked_loop`] | actix-web | blocking | the event loop, and with it everybody else |
//!
//! Read them in this order; each says what happens to the thread, what it is called in Python, when it is
//! right and what it costs. `collected.rs` carries requests from the async host to the blocking views, and
//! [`config`] has the flags. Routing, replies, hooks, streaming and stopping come with the hosts.

pub mod async_views;
pub mod blocked_loop;
mod collected;
pub mod config;
pub mod offload;

use std::io;
use std::net::SocketAddr;

use config::{Config, Model};

/// Starts the model that the configuration names. It accepts connections when this returns.
///
/// # Errors
/// When flags exclude each other, the port cannot be had or the system refuses a thread.
pub fn start(config: &Config) -> io::Result<Running> {
    match config.model {
        Model::AsyncViews => async_views::start(config),
        Model::Offload => offload::start(config),
        Model::BlockedLoop => blocked_loop::start(config),
    }
}

/// A server that runs, on threads of its own.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    host: Host,
}

enum Host {
    Blocking(blocking_server::Running),
    Async(async_server::Running),
}

impl Running {
    /// Tells the server to take no new requests and to finish those that have reached a view. May be
    /// called from any thread, a signal's for example.
    pub fn stopper(&self) -> Box<dyn FnOnce() + Send> {
        match &self.host {
            Host::Blocking(server) => Box::new(server.stopper()),
            Host::Async(server) => Box::new(server.stopper()),
        }
    }

    /// Blocks until the server has stopped, or cannot go on.
    ///
    /// # Errors
    /// When it did not end because it was told to.
    pub fn wait(self) -> io::Result<()> {
        match self.host {
            Host::Blocking(server) => server.wait(),
            Host::Async(server) => server.wait(),
        }
    }

    /// Stops the server and waits for it.
    ///
    /// # Errors
    /// When it had ended before, by itself.
    pub fn stop(self) -> io::Result<()> {
        self.stopper()();
        self.wait()
    }
}

impl From<blocking_server::Running> for Running {
    fn from(server: blocking_server::Running) -> Self {
        Self { addr: server.addr, host: Host::Blocking(server) }
    }
}

impl From<async_server::Running> for Running {
    fn from(server: async_server::Running) -> Self {
        Self { addr: server.addr, host: Host::Async(server) }
    }
}

/// Refuses what the flags could not have said together.
fn checked(config: &Config) -> io::Result<()> {
    config.checked().map_err(|wrong| io::Error::new(io::ErrorKind::InvalidInput, wrong))
}
