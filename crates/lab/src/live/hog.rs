//! Somebody who wants a fifth of a second of computing, once a second, over a connection of their own.
//!
//! It is nobody's load and in nobody's count: what it does to all others is what is to be seen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::contract::http::{Connection, Request};

/// About 0.2 s where the processor has instructions for SHA-256; the same as in the experiment `cpu-hog`.
pub(super) const TARGET: &str = "/hash/4000000";
const EVERY: Duration = Duration::from_secs(1);
/// A server that is overloaded may keep it waiting for long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until it is dropped.
pub(super) struct Hog {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Hog {
    /// Begins to ask.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(addr: SocketAddr) -> std::io::Result<Self> {
        let over = Arc::<AtomicBool>::default();
        let ended = Arc::clone(&over);
        let thread = std::thread::Builder::new().name("hog".into()).spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let next = Instant::now() + EVERY;
                // Whatever came of it: the server is looked at by others.
                _ = Connection::open(addr, PATIENCE)
                    .and_then(|mut connection| connection.exchange(&Request::get(TARGET)));
                std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
            }
        })?;
        Ok(Self { over, thread })
    }
}

/// It is not waited for: it may be in the middle of its computing.
impl Drop for Hog {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}
