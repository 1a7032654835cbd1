//! The blocking server: every request has a thread, and a view that waits keeps it.
//!
//! The parts, in the order in which a request meets them:
//!
//! 1. [`start`]: rouille listens, reads requests, and has a thread for each.
//! 2. `gateway.rs`: a request of rouille's becomes one of WSGI's, and the answer becomes bytes.
//! 3. [`wsgi`]: the interface between the two, modelled on PEP 3333, and why it cannot be async.
//! 4. [`application`]: our views behind that interface.
//! 5. [`views`]: what answers, and where it waits. **Start reading there**, beside the async server's:
//!    `diff -u crates/{blocking,async}-server/src/views.rs`.
//! 6. [`client`]: how a view asks the upstream.
//!
//! `bare.rs` has the same views on plain sockets: no rouille, no WSGI, for telling the model's cost from the
//! framework's.
//!
//! Around it: [`config`] has the flags; [`supervisor`] is the parent process that has a server back when it
//! has run into a limit; [`sockets`] gets at what rouille hides, and [`stranded`] at what it forgets.
//!
//! What a production server would have besides: limits on the time that a client may take, which rouille
//! gives no handle for (the bare models have them). That a slow client holds a thread is one of the things this
//! server is here to show.

pub mod application;
mod bare;
pub mod client;
pub mod config;
mod gateway;
mod logs;
pub mod request;
pub mod sockets;
pub mod stranded;
pub mod supervisor;
pub mod views;
pub mod wsgi;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use handlers::Answer;
use handlers::hooks::Hooks;

use application::Views;
use client::Client;
use config::Config;
use gateway::Gateway;
use request::Request;
use sockets::Listener;
use wsgi::{Application, Hooked};

pub use logs::to_stderr as log_to_stderr;

/// Starts the server with the views of this crate. It accepts connections when this returns. Any number of
/// servers can run in one process.
///
/// # Errors
/// When flags exclude each other, the port cannot be had or the system refuses a thread.
pub fn start(config: Config) -> io::Result<Running> {
    start_with(config, views::view)
}

/// Starts the server with other views.
///
/// # Errors
/// As for [`start`].
pub fn start_with(config: Config, view: impl View) -> io::Result<Running> {
    checked(&config)?;
    if !config.model.is_rouille() {
        return bare::start(&config, view);
    }
    let hooks = Hooks::standard(config.access_log.then(|| Box::new(logs::line) as _));
    let views = Views::new(view, Client::new(&config));
    host(config, Hooked::new(views, hooks))
}

/// What answers requests: [`views::view`], or another function of its shape.
pub trait View: Fn(&mut Request<'_>, &Client) -> Answer + Send + Sync + 'static {}

impl<F: Fn(&mut Request<'_>, &Client) -> Answer + Send + Sync + 'static> View for F {}

/// Starts a rouille server with any WSGI application.
///
/// # Errors
/// As for [`start`], and when the model is a bare one, which knows no WSGI.
#[expect(
    clippy::needless_pass_by_value,
    reason = "both servers are started with a configuration of their own"
)]
pub fn host(config: Config, app: impl Application) -> io::Result<Running> {
    checked(&config)?;
    if !config.model.is_rouille() {
        return Err(refused(format!("{} hosts no WSGI application", config.model.name())));
    }
    let gateway = Arc::new(Gateway::new(app));
    let answering = Arc::clone(&gateway);
    let server = rouille::Server::new(("127.0.0.1", config.port), move |request| answering.answer(request))
        .map_err(|error| cannot_listen(config.port, &*error))?;
    let server = match config.pool_threads() {
        Some(threads) => server.pool_size(threads),
        None => server,
    };
    let addr = server.server_addr();
    gateway.listens_on(addr);
    let listener = mended(addr);

    let (finished, when_finished) = channel();
    let requests = Arc::clone(&gateway);
    let thread = thread::Builder::new().name("requests".into()).spawn(move || {
        while !requests.is_stopping() {
            // Comes back when nothing has come for so long, and when the listener is closed.
            server.poll_timeout(LOOK_EVERY);
        }
        // From here on, every request that has reached a view is answered to its last byte.
        server.join();
        let _ = finished.send(());
    })?;
    let watching = Arc::clone(&gateway);
    thread::Builder::new().name("rescue".into()).spawn(move || watching.rescue())?;
    let take_no_more = Box::new(move || gateway.stop());
    Ok(Running::new(addr, config.grace, Rouille { listener, thread, take_no_more, when_finished }))
}

fn checked(config: &Config) -> io::Result<()> {
    config.checked().map_err(refused)
}

fn refused(wrong: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, wrong)
}

/// How often a server looks whether it has collapsed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A server that runs, on threads of its own. Dropping this does not stop it.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    host: Box<dyn Host>,
    stop: Sender<()>,
    when_stopped: Receiver<()>,
    grace: Duration,
}

impl Running {
    fn new(addr: SocketAddr, grace: Duration, host: impl Host) -> Self {
        let (stop, when_stopped) = channel();
        Self { addr, host: Box::new(host), stop, when_stopped, grace }
    }

    /// Tells the server to take no new requests and to finish those that have reached a view. May be
    /// called from any thread, a signal's for example.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let stop = self.stop.clone();
        // The receiver is gone only when the server is.
        move || stop.send(()).unwrap_or_default()
    }

    /// Blocks until the server has stopped, or cannot go on.
    ///
    /// # Errors
    /// When it did not end because it was told to. At a limit of the system rouille stays, without its
    /// listener or without the thread that takes requests, and does not say so.
    pub fn wait(self) -> io::Result<()> {
        while self.when_stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if let Some(what) = self.host.collapse() {
                return Err(io::Error::other(format!("{what}; the lines above say what the system refused")));
            }
        }
        if !self.host.finish(self.grace) {
            let grace = humantime::format_duration(self.grace);
            log::warn!("some requests were not finished within {grace}");
        }
        Ok(())
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

/// What listens and makes threads: rouille, or nothing but `std`.
trait Host: Send + 'static {
    /// Why it cannot go on, when it cannot.
    fn collapse(&self) -> Option<&'static str>;
    /// Takes no more and waits for what has reached a view; false when the time was too short for all of it.
    fn finish(&self, grace: Duration) -> bool;
}

/// A server of rouille's.
struct Rouille {
    /// Where the system lets us find it.
    listener: Option<Listener>,
    thread: JoinHandle<()>,
    take_no_more: Box<dyn Fn() + Send>,
    when_finished: Receiver<()>,
}

impl Host for Rouille {
    fn collapse(&self) -> Option<&'static str> {
        if self.thread.is_finished() {
            Some("rouille could not make a thread for a request")
        } else if self.listener.is_some_and(|listener| !listener.is_listening()) {
            Some("rouille has stopped accepting connections")
        } else {
            None
        }
    }

    /// rouille's own way to stop waits for a moment without requests, which under load never comes. Closing
    /// the listener makes `tiny_http` put an error into the queue, which rouille takes for its end.
    fn finish(&self, grace: Duration) -> bool {
        (self.take_no_more)();
        if let Some(listener) = &self.listener {
            // On systems that cannot close a listener like this, a quiet moment or the grace is the end.
            let _ = listener.close();
        }
        self.when_finished.recv_timeout(grace).is_ok()
    }
}

/// Puts right what rouille leaves at the defaults of another time.
fn mended(addr: SocketAddr) -> Option<Listener> {
    let listener = Listener::find(addr);
    let mended = listener.map(|listener| listener.mend());
    if !matches!(mended, Some(Ok(()))) {
        log::warn!(
            "the listener's descriptor is not to be found on this system: its backlog stays at 128, and replies \
             of more than a kilobyte can take 40 ms longer. Do not compare this server with the others."
        );
    }
    listener
}

fn cannot_listen(port: u16, error: &(dyn Error + Send + Sync + 'static)) -> io::Error {
    let kind = error.downcast_ref().map_or(io::ErrorKind::Other, io::Error::kind);
    let what = match kind {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or take another --port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "ports under 1024 are for privileged programs; take another --port".to_owned()
        }
        _ => error.to_string(),
    };
    io::Error::new(kind, format!("cannot listen on 127.0.0.1:{port}: {what}"))
}
