//! Async views on a WSGI server: each runs to its end on the thread of its request.
//!
//! **What happens to the thread.** rouille makes one for the request, as ever. On it an event loop is made,
//! runs the view until there is an answer, and is thrown away. In between the thread sleeps in that loop
//! rather than in `thread::sleep`, which makes no difference to anybody else: it is this request's for the
//! whole wait. [`Application::call`](blocking_server::wsgi::Application::call) has to return an answer
//! and knows no "not yet", so there is nothing better to be done behind it.
//!
//! **In Python** this is `async def` on a view of Flask >= 2: `ensure_sync` wraps it in `asgiref`'s
//! `async_to_sync`, which starts an event loop for each call. `asgiref` goes one further and runs the loop in
//! another new thread while the request's own waits; here it is the request's own, so the figures of this
//! rung are rather kinder than Flask's.
//!
//! **When it is right.** When *one request* has several things to wait for and they need not wait for each
//! other: `/api/city` asks two services at once, and is as slow as the slower of them, where the blocking view
//! adds them up. Also when a library that a Flask application needs is only to be had async. It does
//! nothing *between* requests: as many wait at once as there are threads, which is why `/wait/100` scales
//! as on `thread-per-request`, and costs more. Whoever wants that half as well needs an async server.
//!
//! **What it costs.** Whatever lives on an event loop ends with it, and here that is every request:
//!
//! | made for each request | shared by all |
//! | --- | --- |
//! | a loop, with 4 file descriptors | the view, flags, hooks, rouille |
//! | a client, with no connection yet | the upstream's addresses, looked up once |
//! | a connection for each call at a time | |
//!
//! The client cannot be shared: a pooled connection is driven by a task on the loop that opened it, and dies
//! with that loop (in Python, `RuntimeError: Event loop is closed` from an `httpx.AsyncClient` kept in a global).
//! So every request connects anew to a service that the blocking client keeps connections to, and leaves a port
//! behind that is not free again for a while. That is the larger part of the price: some 0.2 ms of CPU for both
//! ends of a connection in a quick measurement, against 10 µs for making and dropping loop and client (the
//! thread around them took 26 µs). A loop kept with each thread would mend it in a pool; rouille's threads are
//! new for each request, and `asgiref`'s loops are new for each call.
//!
//! When there are no descriptors left for a loop the answer is 503. When there are none for a connection, rouille
//! is at its end, here as on the blocking server, and the same supervisor has it back.

use std::io::{self, Read};
use std::iter;

use async_server::View;
use async_server::client::Client;
use async_server::request::{Broken, Incoming, Request};
use async_server::views;
use blocking_server::request::Request as BlockingRequest;
use bytes::Bytes;
use futures_util::stream;
use handlers::{Answer, Problem, Reply};
use tokio::runtime::{Builder, Runtime};

use crate::config::Config;
use crate::{Running, checked};

/// Starts rouille with the views of the async server.
///
/// # Errors
/// When flags exclude each other, the port cannot be had or the system refuses a thread.
pub fn start(config: &Config) -> io::Result<Running> {
    start_with(config, views::view)
}

/// Starts rouille with other async views.
///
/// # Errors
/// As for [`start`].
pub fn start_with(config: &Config, view: impl View + Sync) -> io::Result<Running> {
    checked(config)?;
    // With its first loop tokio makes what all of them share. Better now than when descriptors run out.
    drop(event_loop()?);
    let for_client = config.for_async();
    let to_its_end = move |request: &mut BlockingRequest<'_>, _blocking_client: &_| {
        run_to_its_end(&view, request, &for_client)
    };
    blocking_server::start_with(config.for_blocking(), to_its_end).map(Running::from)
}

/// What `async_to_sync` is in Python.
#[expect(clippy::disallowed_methods, reason = "this thread is the request's own: nobody else is held up")]
fn run_to_its_end(
    view: &impl View,
    request: &mut BlockingRequest<'_>,
    config: &async_server::config::Config,
) -> Answer {
    let Ok(event_loop) = event_loop() else {
        // No descriptors are left. With some luck the next request finds those of one that has ended.
        return Err(Problem::Overloaded { retry_after_s: 1 });
    };
    let client = Client::new(config);
    let BlockingRequest { method, target, content_type, body } = request;
    let mut chunks = stream::iter(chunks(body.reader));
    let body = Incoming {
        announced_bytes: body.announced_bytes,
        chunks: &mut chunks,
        // It would never be looked at: the chunks below are never "not yet", they block.
        time_limit: config.limits.body_time,
        at_end: false,
    };
    let mut request = Request { method, target, content_type: *content_type, body };
    let answer = event_loop.block_on(view(&mut request, &client));
    let mut reply = answer.unwrap_or_else(Reply::from);
    client.waited().note(&mut reply);
    Ok(reply)
}

/// Timers and sockets, on the thread that drives it.
fn event_loop() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_io().enable_time().build()
}

/// A blocking body in the shape of an async one. Waiting for its bytes stops the loop, on which there is
/// nothing else to do.
fn chunks(reader: &mut dyn Read) -> impl Iterator<Item = Result<Bytes, Broken>> {
    iter::from_fn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = loop {
            match reader.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => None,
            Ok(bytes) => {
                chunk.truncate(bytes);
                Some(Ok(chunk.into()))
            }
            Err(_) => Some(Err(Broken)),
        }
    })
}

/// What is read at a time.
const CHUNK_BYTES: usize = 16 * 1024;
