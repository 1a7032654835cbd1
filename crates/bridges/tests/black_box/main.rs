//! The bridges as their clients see them. What they share with every other rung is tested there; here is what is
//! particular: which thread waits, who waits for it, and what becomes of requests between two worlds.
//!
//! `http` is the client, `gate` a view that waits until a test says so; the rest are tests.
#![expect(clippy::disallowed_methods, reason = "the clients in here are threads of their own and may block")]

mod async_views;
mod blocked_loop;
mod every_model;
mod gate;
mod http;
mod offload;
mod program;

use std::thread;
use std::time::{Duration, Instant};

use bridges::config::{Config, Model};

/// What tests start from: a free port, and a single event loop where the model has any, which makes blocking it
/// visible.
fn config(model: Model) -> Config {
    let workers = (model != Model::AsyncViews).then_some(1);
    Config { port: 0, model, workers, ..Config::default() }
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
