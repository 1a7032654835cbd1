//! Parkbench's async server: actix-web, and views that wait without holding a thread.
//!
//! Start with [`views`] and its twin in the other server: `diff -u crates/{blocking,async}-server/src/views.rs`.
//! The rest in the order in which a request meets it:
//!
//! 1. [`config`]: the flags, and the limits that are none.
//! 2. [`start`], here: the listener, the workers, and how they stop.
//! 3. `gateway`: an actix request becomes a [`request::Request`], a reply becomes an actix response.
//! 4. [`views`]: the application's answers; whatever needs no waiting is in the crate `handlers`.
//! 5. [`client`]: what views call the upstream with.
//!
//! `bare.rs` has the same views on plain sockets, without actix-web: for telling the model's cost from the
//! framework's. `logs`: standard error, without waiting for it either.

mod bare;
pub mod client;
pub mod config;
mod gateway;
mod logs;
pub mod request;
pub mod views;

use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::rt::System;
use actix_web::{App, HttpServer};
use futures_util::future::{Either, select};
use handlers::Answer;
use handlers::hooks::Hooks;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::config::{BACKLOG, Config, MAX_CONNECTIONS_PER_WORKER, Model};
use crate::gateway::Worker;
use crate::request::Request;

pub use logs::{flush as flush_logs, to_stderr as log_to_stderr};

/// Starts the server with the views of this crate. It accepts connections when this returns.
///
/// # Errors
/// When the port cannot be had or the system refuses a thread.
pub fn start(config: Config) -> io::Result<Running> {
    start_with(config, views::view)
}

/// Starts the server with other views.
///
/// # Errors
/// As for [`start`].
#[expect(clippy::disallowed_methods, reason = "the caller's thread is no event loop: that one is made here")]
pub fn start_with(config: Config, view: impl View) -> io::Result<Running> {
    logs::start()?;
    let stop = Arc::new(Notify::new());
    let (ready, started) = mpsc::channel();
    let thread = thread::Builder::new().name("async-server".into()).spawn({
        let stop = Arc::clone(&stop);
        // An actix "system" is the loop that watches over the workers' loops.
        move || match config.model {
            Model::EventLoop => System::new().block_on(serve(config, view, &ready, &stop)),
            Model::BareTaskPerConnection => bare::run(&config, &view, &ready, &stop),
        }
    })?;
    match started.recv() {
        Ok(addr) => Ok(Running { addr, stop, thread }),
        Err(_) => Err(outcome(thread).expect_err("it ended without being asked to")),
    }
}

/// What answers requests: [`views::view`], or another function of its shape.
pub trait View: AsyncFn(&mut Request<'_>, &Client) -> Answer + Clone + Send + 'static {}

impl<F: AsyncFn(&mut Request<'_>, &Client) -> Answer + Clone + Send + 'static> View for F {}

/// A server that runs, on threads of its own.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: Arc<Notify>,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Tells the server to take no new requests and to finish those that have reached a view. May be
    /// called from any thread, a signal's for example.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let stop = Arc::clone(&self.stop);
        move || stop.notify_one()
    }

    /// Blocks until the server has stopped.
    ///
    /// # Errors
    /// When it did not end because it was told to.
    pub fn wait(self) -> io::Result<()> {
        outcome(self.thread)
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

#[expect(clippy::disallowed_methods, reason = "whoever waits for a server to end is not one of its loops")]
fn outcome(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the server panicked; its message is above")))
}

/// Runs the server on this thread's loop until it is told to stop.
async fn serve(
    config: Config,
    view: impl View,
    ready_at: &mpsc::Sender<SocketAddr>,
    stop: &Notify,
) -> io::Result<()> {
    let grace = config.grace;
    let open = Arc::new(AtomicUsize::new(0));
    let (server, addr) = bind(config, view, Arc::clone(&open))?;
    let handle = server.handle();
    let server = pin!(server);

    // The first poll starts every worker; from then on the server only waits for commands.
    let server = match select(server, ready(())).await {
        Either::Left((ended, _)) => return ended,
        Either::Right(((), server)) => server,
    };
    // Nobody listens only if the starting thread is gone, and then nobody will.
    let _ = ready_at.send(addr);

    let stopped = pin!(async {
        stop.notified().await;
        // From then on each connection ends as soon as it has no request in a view. actix looks once a
        // second whether all have; looking more often makes an idle server stop at once.
        let _at_the_next_look = handle.stop(true);
        let all_closed = async {
            loop {
                // Before the first look too: the server has to hear of it, or a request might still come in.
                sleep(Duration::from_millis(5)).await;
                if open.load(Ordering::Acquire) == 0 {
                    break;
                }
            }
        };
        if timeout(grace, all_closed).await.is_err() {
            let grace = humantime::format_duration(grace);
            log::warn!("some requests were not finished within {grace}");
        }
    });
    match select(server, stopped).await {
        Either::Left((ended, _)) => ended,
        // Dropping the server ends its workers, and whatever they still hold.
        Either::Right(((), _server)) => Ok(()),
    }
}

/// Listens, and says how the workers are to be made.
fn bind(
    config: Config,
    view: impl View,
    open: Arc<AtomicUsize>,
) -> io::Result<(actix_web::dev::Server, SocketAddr)> {
    let hooks = Arc::new(Hooks::standard(config.access_log.then(|| Box::new(logs::line) as _)));
    let (port, limits, workers, grace) = (config.port, config.limits, config.workers, config.grace);
    let blocking_threads = config.blocking_threads_per_worker;
    let server = HttpServer::new(move || {
        let worker = Worker::new(Arc::clone(&hooks), Client::new(&config), limits.body_time);
        // `handlers::Route` is the router, the same for every server; actix's has nothing to do.
        App::new().default_service(gateway::service(worker, view.clone()))
    })
    .workers(workers.into())
    .worker_max_blocking_threads(blocking_threads)
    .backlog(BACKLOG)
    .max_connections(MAX_CONNECTIONS_PER_WORKER)
    .tcp_nodelay(true)
    // A client that closes its sending half still gets its answer, as from the blocking server. The price:
    // one that has left altogether is noticed only when it resets, or when a reply is written to it.
    .h1_allow_half_closed(true)
    .client_request_timeout(limits.head_time)
    .keep_alive(limits.idle_time)
    .client_disconnect_timeout(limits.linger_time)
    // Signals are `lifecycle`'s, and so is the deadline that comes first.
    .disable_signals()
    .shutdown_timeout(grace.as_secs().saturating_add(2))
    .on_connect(move |_, connection| {
        connection.insert(Open::new(Arc::clone(&open)));
    })
    .bind((Ipv4Addr::LOCALHOST, port))
    .map_err(|error| cannot_listen(port, &error))?;
    let addr = server.addrs()[0];
    Ok((server.run(), addr))
}

fn cannot_listen(port: u16, error: &io::Error) -> io::Error {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or take another --port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "ports under 1024 are for privileged programs; take another --port".to_owned()
        }
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("cannot listen on 127.0.0.1:{port}: {what}"))
}

/// Counts a connection for as long as it is open.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
