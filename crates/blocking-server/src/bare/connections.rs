//! Who is connected, and how a bare server starts and stops.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use handlers::hooks::Hooks;

use super::Server;
use super::socket::{Listener, Socket};
use crate::config::Config;
use crate::{Host, Running, View, cannot_listen, logs};

/// Starts a bare server. It accepts connections when this returns.
pub(crate) fn start(config: &Config, view: impl View) -> io::Result<Running> {
    let listener = Listener::bind(config.port).map_err(|error| cannot_listen(config.port, &error))?;
    let addr = listener.local_addr()?;
    let hooks = Hooks::standard(config.access_log.then(|| Box::new(logs::line) as _));
    let connections = Arc::new(Connections::default());
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
        self.connections.stop(self.addr, grace)
    }
}

/// The open connections of a server, and its end.
#[derive(Default)]
pub(super) struct Connections {
    stopping: AtomicBool,
    /// Requests that have reached a view and are not answered.
    active: AtomicUsize,
    next: AtomicU64,
    sockets: Mutex<HashMap<u64, Socket>>,
}

impl Connections {
    /// To be kept for as long as a connection is open.
    pub(super) fn open(&self, socket: &Socket) -> Open<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock(|sockets| drop(sockets.insert(id, socket.clone())));
        // Whoever comes too late for the end is shown the door here.
        if self.is_stopping() {
            socket.close();
        }
        Open { connections: self, id }
    }

    /// To be kept for as long as a request is answered.
    pub(super) fn active(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(&self.active)
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
        self.lock(|sockets| sockets.values().for_each(Socket::close));
        all_done
    }

    fn lock<R>(&self, what: impl FnOnce(&mut HashMap<u64, Socket>) -> R) -> R {
        what(&mut self.sockets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) struct Open<'a> {
    connections: &'a Connections,
    id: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // Dropped outside the lock: closing a socket is a system call.
        let socket = self.connections.lock(|sockets| sockets.remove(&self.id));
        drop(socket);
    }
}

pub(super) struct Active<'a>(&'a AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
