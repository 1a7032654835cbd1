//! Clients that dawdle while others are served: the same as in a load of slow clients (`slow.rs`), but beside another
//! load, and as many as there are to be at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use crate::line::Backoff;
use crate::live::crew::Wish;
use crate::slow::send_slowly;
use crate::worker::Worker;

/// From one byte to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Holds a connection as long as there are to be so many, and opens another when the server has had enough of it, or
/// has answered in the end.
pub(super) async fn client(
    worker: Arc<Worker>,
    index: u32,
    mut wish: watch::Receiver<Wish>,
    held: Arc<AtomicU32>,
) {
    let mut backoff = Backoff::default();
    loop {
        let Ok(wanted) = wish.wait_for(|wish| index < wish.slow).await.map(|wish| *wish) else { return };
        sleep_until(worker.instant(wanted.begins_ns(index))).await;
        if let Ok(stream) = TcpStream::connect(worker.plan.target).await {
            backoff.forget();
            let _held = Held::new(&held);
            tokio::select! {
                _ = send_slowly(&stream, &worker.plan.request, EVERY) => {}
                _ = wish.wait_for(|wish| index >= wish.slow) => {}
            }
        }
        sleep(backoff.next()).await;
    }
}

/// Counts while it lives, however it ends.
struct Held<'a>(&'a AtomicU32);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
