//! The bridges as their clients see them. What they share with every other rung is tested there; here is what is
//! particular: which thread waits, who waits for it, and what becomes of requests between two worlds.
//!
//! `gate` is a view that waits until a test says so; the rest are tests. The client is in the crate `testing`.
#![expect(clippy::disallowed_methods, reason = "the clients in here are threads of their own and may block")]

mod async_views;
mod blocked_loop;
mod every_model;
mod gate;
mod offload;
mod program;

use bridges::config::{Config, Model};

/// What tests start from: a free port, and a single event loop where the model has any, which makes blocking it
/// visible.
fn config(model: Model) -> Config {
    let workers = (model != Model::AsyncViews).then_some(1);
    Config { port: 0, model, workers, ..Config::default() }
}
