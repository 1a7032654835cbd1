//! The bare rung: what it promises to bad clients, at its limits and at its end. It has no framework to hide
//! behind. Most of it is promised by the bare rungs of the other server as well, and is tested there with the same
//! files; here is what is particular to this one.

#[path = "bare_clients.rs"]
mod clients;
#[path = "bare_ends.rs"]
mod ends;
#[path = "bare_limits.rs"]
mod limits;

use std::time::Duration;

use async_server::client::Client;
use async_server::config::Model;
use async_server::request::Request;
use async_server::views;
use handlers::Answer;

use async_server::Running;
use async_server::config::{Config, Limits};

const PROGRAM: &str = env!("CARGO_BIN_EXE_async-server");

const BARE_MODELS: [&str; 1] = ["bare-task-per-connection"];

/// What can serve several clients, with more patience than any test has.
fn models() -> Vec<Config> {
    vec![Config { model: Model::BareTaskPerConnection, grace: Duration::from_secs(60), ..crate::config() }]
}

fn start(config: Config) -> Running {
    async_server::start(config).expect("a free port and a few threads")
}

/// A server on which these answers come first, where there is one for a target.
fn start_with(config: Config, answer: impl Fn(&str) -> Option<Answer> + Clone + Send + 'static) -> Running {
    let view = async move |request: &mut Request<'_>, up: &Client| match answer(request.target) {
        Some(answer) => answer,
        None => views::view(request, up).await,
    };
    async_server::start_with(config, view).expect("a free port and a few threads")
}
