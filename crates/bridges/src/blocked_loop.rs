//! The classic mistake: blocking views called in an event loop.
//!
//! **What happens to the thread.** It is the event loop's, and it sleeps. Nothing refuses this: the view is
//! called, it calls `thread::sleep` or reads from a socket, and until that returns the loop polls nothing. The
//! other requests of this worker are not slow, they are *not looked at*: no head is read, no timer fires, no
//! stream gets its next chunk. With one worker the server is the `one-at-a-time` rung with more machinery.
//!
//! **In Python** this is `time.sleep`, `requests.get` or a database driver of the blocking kind in an `async def`
//! view of Quart, or `FastAPI`. It passes every test that sends one request at a time, and then meets load.
//!
//! **When it is right.** Never for something that waits. For work so short that a hand-over would cost more it is
//! what everybody does, knowingly or not: parsing a body, a hash, a look-up in memory. tokio's rule of thumb
//! is 10 to 100 µs between two `.await`s.
//!
//! **What it costs.** With N workers, N requests wait at once, and everybody else for them: for `/wait/100` on
//! one worker that is 10 requests a second, `/hello` included. The remedy is `offload`, or views that await.

use std::io;
use std::sync::Arc;

use async_server::request::Request;
use blocking_server::client::Client;
use blocking_server::{View, views};

use crate::collected::Collected;
use crate::config::Config;
use crate::{Running, checked};

/// Starts actix-web with the views of the blocking server, in the loop.
///
/// # Errors
/// When flags exclude each other, the port cannot be had or the system refuses a thread.
#[expect(
    clippy::disallowed_methods,
    reason = "you are about to see an event loop stop: this view sleeps and waits for sockets on the thread that \
              serves everybody else. It is here to be measured, and nowhere else would it be let through"
)]
pub fn start(config: &Config) -> io::Result<Running> {
    start_with(config, views::view)
}

/// Starts actix-web with other blocking views, in the loop.
///
/// # Errors
/// As for [`start`].
pub fn start_with(config: &Config, view: impl View) -> io::Result<Running> {
    checked(config)?;
    let views = Arc::new((view, Client::new(&config.for_blocking())));
    let in_the_loop = async move |request: &mut Request<'_>, _async_client: &_| {
        let (view, client) = &*views;
        // Awaited, as it should be: the loop is free until the body is there.
        let request = Collected::from(request).await?;
        // No `.await`, and none is missing as far as the compiler knows. From here to the answer the loop
        // does nothing else.
        Ok(request.answer(view, client))
    };
    async_server::start_with(config.for_async(), in_the_loop).map(Running::from)
}
