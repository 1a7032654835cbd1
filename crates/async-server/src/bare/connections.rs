//! Who is connected, and how a bare server starts and stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use handlers::hooks::Hooks;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::Server;
use super::socket::Listener;
use crate::config::Config;
use crate::{View, cannot_listen, logs};

/// Runs a bare server until it is told to stop: an event loop for each worker, and this thread to watch over
/// them. It accepts connections when it has said where.
#[expect(clippy::disallowed_methods, reason = "the loops are made here, and this thread is none of them")]
pub(crate) fn run(
    config: &Config,
    view: &impl View,
    ready_at: &mpsc::Sender<SocketAddr>,
    stop: &Notify,
) -> io::Result<()> {
    let listener = Listener::bind(config.port).map_err(|error| cannot_listen(config.port, &error))?;
    let addr = listener.local_addr()?;
    let hooks = Arc::new(Hooks::standard(config.access_log.then(|| Box::new(logs::line) as _)));
    let connections = Arc::new(Connections::default());
    let workers = (0..config.workers).map(|_| {
        let (listener, config, view) = (listener.try_clone()?, config.clone(), view.clone());
        let (hooks, connections) = (Arc::clone(&hooks), Arc::clone(&connections));
        let work = move || worker(listener, &config, view, hooks, &connections);
        thread::Builder::new().name("worker".into()).spawn(work)
    });
    let workers: Vec<JoinHandle<io::Result<()>>> = workers.collect::<io::Result<_>>()?;
    // Nobody listens only if the starting thread is gone, and then nobody will.
    let _ = ready_at.send(addr);
    event_loop()?.block_on(async {
        stop.notified().await;
        if !connections.stop(config.grace).await {
            let grace = humantime::format_duration(config.grace);
            log::warn!("some requests were not finished within {grace}");
        }
    });
    let ended =
        |worker: JoinHandle<_>| worker.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
    workers.into_iter().try_for_each(ended)
}

/// An event loop, until all is over. What tasks it still has then end where they wait.
fn worker(
    listener: TcpListener,
    config: &Config,
    view: impl View,
    hooks: Arc<Hooks>,
    connections: &Arc<Connections>,
) -> io::Result<()> {
    LocalSet::new().block_on(&event_loop()?, async {
        let server = Server::new(config, view, hooks, Arc::clone(connections));
        server.accept(Listener::new(listener, Arc::clone(connections))?).await;
        connections.over().await;
        Ok(())
    })
}

fn event_loop() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The requests of a server, and its end.
pub(super) struct Connections {
    stage: watch::Sender<Stage>,
    /// Requests that have reached a view and are not answered.
    active: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    Stopping,
    Over,
}

impl Default for Connections {
    fn default() -> Self {
        Self { stage: watch::Sender::new(Stage::Running), active: AtomicUsize::new(0) }
    }
}

impl Connections {
    /// To be kept for as long as a request is answered.
    pub(super) fn active(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(&self.active)
    }

    /// Whether a connection may bring another request after this one.
    pub(super) fn may_bring_more(&self) -> bool {
        *self.stage.borrow() == Stage::Running
    }

    /// Waits until no more connections are to be taken.
    pub(super) async fn stopping(&self) {
        self.reached(Stage::Stopping).await;
    }

    /// Waits until there is nothing left to wait for.
    async fn over(&self) {
        self.reached(Stage::Over).await;
    }

    async fn reached(&self, stage: Stage) {
        // The sender is `self`, so it is there for as long as this waits.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// Waits for the requests that have reached a view, and then ends all connections. False when the time
    /// was too short.
    async fn stop(&self, grace: Duration) -> bool {
        self.stage.send_replace(Stage::Stopping);
        let until = Instant::now() + grace;
        let is_idle = || self.active.load(Ordering::Acquire) == 0;
        while !is_idle() && Instant::now() < until {
            sleep(LOOK_EVERY).await;
        }
        let all_done = is_idle();
        self.stage.send_replace(Stage::Over);
        all_done
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) struct Active<'a>(&'a AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
