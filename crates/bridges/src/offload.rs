//! Blocking views on an async server, on threads of their own beside its event loops.
//!
//! **What happens to the thread.** There are two. The event loop reads the request, its body included, and
//! hands it to a pool: `actix_web::web::block`, which is tokio's `spawn_blocking`. Until the answer comes back,
//! the loop serves others; the pool's thread is parked in the view for the whole wait, as on any blocking
//! server. Connections that are idle, slow or streaming stay with the loop and hold no thread (`/stream` and
//! `/live` are paced there, once the view has returned).
//!
//! **In Python** this is what Quart does with a `def` view (`run_sync`), `FastAPI` and Starlette with theirs, and
//! Django with `sync_to_async`: a pool of threads beside the loop, under different names. Those pools are
//! small: 40 threads in Starlette, `min(32, cpus + 4)` in asyncio, and one in Django unless told otherwise.
//!
//! **When it is right.** When an async server has to call something that only blocks (a database driver, a file
//! system, a C library), or has CPU work that would hold the loop; and on the way from one world to the
//! other, a view at a time. It is the bridge that an async application should have, used where it must be.
//!
//! **What it costs.** The law of the pool is back: K threads and a wait of W are K/W requests a second, and
//! request K + 1 waits, `/hello` too, for here *every* view goes through the pool. The queue before it has no
//! bound. A thread costs what it costs on a blocking server, and a hand-over there and back comes on top.
//!
//! Each worker has a pool of its own, and actix-web by itself lets it have 512 threads divided by the number of
//! *CPUs*, however many workers there are. Here 512 is for the server, and its workers share it out. Threads are
//! made when they are needed, and end after 10 s without work.
//!
//! A thread cannot be told to stop. When a client has left, or the time of grace is over, the call goes on to
//! its end for nobody; only what has not begun yet is dropped.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use actix_web::web;
use async_server::request::Request;
use blocking_server::client::Client;
use blocking_server::{View, views};
use handlers::trace::Tracing;
use handlers::{Answer, Problem, timing};

use crate::collected::Collected;
use crate::config::Config;
use crate::{Running, checked};

/// Starts actix-web with the views of the blocking server.
///
/// # Errors
/// When flags exclude each other, the port cannot be had or the system refuses a thread.
#[expect(clippy::disallowed_methods, reason = "called on threads of the pool, which are there to be blocked")]
pub fn start(config: &Config) -> io::Result<Running> {
    start_with(config, views::view)
}

/// Starts actix-web with other blocking views.
///
/// # Errors
/// As for [`start`].
pub fn start_with(config: &Config, view: impl View) -> io::Result<Running> {
    checked(config)?;
    // One client, with one pool of connections, for all threads.
    let views = Arc::new((view, Client::new(&config.for_blocking())));
    let on_the_pool = async move |request: &mut Request<'_>, _async_client: &_| {
        let request = Collected::from(request).await?;
        offload(request, Arc::clone(&views)).await
    };
    async_server::start_with(config.for_async(), on_the_pool).map(Running::from)
}

/// Answers a request on a thread of the pool; the loop is free until that has happened.
async fn offload<V: View>(request: Collected, views: Arc<(V, Client)>) -> Answer {
    // Lives as long as somebody waits for the answer: when the client leaves, this future is dropped.
    let waiting = Arc::new(());
    let wanted = Arc::downgrade(&waiting);
    let handed_over = Instant::now();
    // Who asks on which thread the request was means the one that answers it.
    let mut trace = Tracing::handed_over();
    let answered = web::block(move || {
        // In the queue for so long that nobody is left? Then there is nothing to do.
        wanted.upgrade()?;
        let (view, client) = &*views;
        let queued = handed_over.elapsed();
        let mut answered = trace.around(|| catch_unwind(AssertUnwindSafe(|| request.answer(view, client))));
        if let Ok(reply) = &mut answered {
            trace.note(&mut reply.headers);
        }
        Some((queued, answered))
    });
    match answered.await {
        Ok(Some((queued, Ok(mut reply)))) => {
            // The host takes this wait for a part of the view's time, and cannot know better.
            timing::note(&mut reply.headers, "pool", queued);
            Ok(reply)
        }
        // The host turns it into a 500, as it does for a panic in a view of its own.
        Ok(Some((_, Err(panic)))) => resume_unwind(panic),
        // Nobody is left to read this, or the server is at its end.
        Ok(None) | Err(_) => Err(Problem::Internal),
    }
}
