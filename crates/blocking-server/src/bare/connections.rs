//! Who is connected, and how a bare server starts and stops.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use handlers::hooks::Hooks;

use super::Server;
use super::socket::Listener;
use crate::config::{Config, Model};
use crate::{Host, Running, View, cannot_listen, logs};

/// Starts a bare server. It accepts connections when this returns.
pub(crate) fn start(config: &Config, view: impl View) -> io::Result<Running> {
    let listener = Listener::bind(config.port).map_err(|error| cannot_listen(config.port, &error))?;
    let addr = listener.local_addr()?;
    let hooks = Hooks::standard(config.access_log.then(|| Box::new(logs::line) as _));
    let is_alone = config.model == Model::OneAtATime;
    let connections = Arc::new(Connections { is_alone, ..Connections::default() });
    let server = Server::new(config, view, Arc::new(hooks), Arc::clone(&connections));
    let listener = Listener::new(listener, Arc::clone(&connections));
    let thread = thread::Builder::new().name("accept".into()).spawn(move || server.accept(listener))?;
    Ok(Running::new(addr, config.grace, Bare { addr, connections, thread }))
}

/// A bare server that runs.
struct Bare {
    addr: SocketAddr,
    connections: Arc<Connections>,
    thread: JoinHandle<()>,
}

impl Host for Bare {
    fn collapse(&self) -> Option<&'static str> {
        self.thread.is_finished().then_some("the thread that accepts connections has ended")
    }

    fn finish(&self, grace: Duration) -> bool {
        let all_done = self.connections.stop(self.addr, grace);
        // The listener closes with its thread, and only then is the port free for the next server.
        let until = Instant::now() + TO_CLOSE;
        while !self.thread.is_finished() && Instant::now() < until {
            sleep(LOOK_EVERY);
        }
        all_done
    }
}

/// The open connections of a server, and its end.
#[derive(Default)]
pub(super) struct Connections {
    stopping: AtomicBool,
    /// One thread for all: a connection that stays open would keep it.
    is_alone: bool,
    /// Requests that have reached a view and are not answered.
    active: AtomicUsize,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<TcpStream>>>,
}

impl Connections {
    /// Takes note of a connection, so that it can be ended from elsewhere.
    pub(super) fn open(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Open {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock(|open| drop(open.insert(id, Arc::downgrade(stream))));
        Open { connections: Arc::clone(self), id }
    }

    /// To be kept for as long as a request is answered.
    pub(super) fn active(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(&self.active)
    }

    /// Whether a connection may bring another request after this one.
    pub(super) fn may_bring_more(&self) -> bool {
        !self.is_alone && !self.is_stopping()
    }

    /// True when requests are answered only because they are here already.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits for the requests that have reached a view, and then ends all connections. False when the time
    /// was too short.
    fn stop(&self, addr: SocketAddr, grace: Duration) -> bool {
        self.stopping.store(true, Ordering::Release);
        // The thread that accepts sleeps in the kernel, and a connection is what wakes it.
        let _ = TcpStream::connect_timeout(&addr, Duration::from_secs(1));
        let until = Instant::now() + grace;
        let is_idle = || self.active.load(Ordering::Acquire) == 0;
        while !is_idle() && Instant::now() < until {
            sleep(LOOK_EVERY);
        }
        let all_done = is_idle();
        let open: Vec<_> = self.lock(|open| open.values().filter_map(Weak::upgrade).collect());
        // Ends every wait for them, on whatever thread. An error means that one is closed already.
        open.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        all_done
    }

    fn lock<R>(&self, what: impl FnOnce(&mut HashMap<u64, Weak<TcpStream>>) -> R) -> R {
        what(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One thread for all may be in a view that nothing can end.
const TO_CLOSE: Duration = Duration::from_secs(1);

/// To be kept for as long as a connection is open.
pub(super) struct Open {
    connections: Arc<Connections>,
    id: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.lock(|open| drop(open.remove(&self.id)));
    }
}

pub(super) struct Active<'a>(&'a AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
