//! Clients that dawdle: each opens a connection and sends a request a byte a second, so that it never comes to an end.
//!
//! That is what a phone at the edge of its network does without meaning to, and "Slowloris" (R. Hansen, 2009) on
//! purpose. A server that reads on a thread holds a thread for each; one that reads on an event loop, a few
//! kilobytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use crate::line::Backoff;
use crate::live::crew::Wish;
use crate::worker::Worker;

/// From one byte to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// The rest is a header that goes on and on.
const BEGIN: &[u8] = b"GET /hello HTTP/1.1\r\nhost: localhost\r\nx-slow: ";

/// Holds a connection as long as there are to be so many, and opens another when the server has had enough of it.
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
            let _held = Held::new(&held);
            tokio::select! {
                () = dawdle(stream) => {}
                _ = wish.wait_for(|wish| index >= wish.slow) => {}
            }
        }
        sleep(backoff.next()).await;
    }
}

/// Until the server closes.
async fn dawdle(mut stream: TcpStream) {
    if stream.write_all(BEGIN).await.is_err() {
        return;
    }
    loop {
        sleep(PAUSE).await;
        // A server that has given up has closed; the byte after that finds out.
        if stream.write_all(b"x").await.is_err() {
            return;
        }
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
