//! A subscriber: one request, and then nothing but listening.
//!
//! Waiting costs it a socket, a task and a few hundred bytes: reads go through the buffer that all
//! connections of its worker share. What it hears is filed in [`streams`](crate::streams); all that is judged
//! here is whether the stream is one.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

use crate::clock::monotonic_ns;
use crate::connection::failure;
use crate::http::{Lost, Ticks};
use crate::line::Line;
use crate::worker::{Share, Worker};

/// Connects when it is its turn, and listens until the stream or the run is over. A stream that is lost is
/// not opened again: what it would have brought is missing, and counted so.
pub(crate) async fn subscribe(worker: Arc<Worker>, share: Share) {
    let planned_ns = worker.shared.ramp_ns + share.phase_ns;
    let place = worker.streams().add(planned_ns);
    sleep_until(worker.instant(planned_ns)).await;
    if let Some(stream) = connect(&worker, place, share.index).await {
        let ticks = Ticks::new(worker.plan.expected.status);
        let mut listener = Listener { worker: &worker, place, stream, ticks, asked_ns: monotonic_ns() };
        let lost = listener.listen().await;
        worker.streams().lost(place, monotonic_ns(), lost);
    }
    // Tasks of a worker go on until the run is over.
    pending::<()>().await;
}

/// `None` when nobody could be reached in time.
async fn connect(worker: &Arc<Worker>, place: usize, index: usize) -> Option<TcpStream> {
    let mut line = Line::new(Arc::clone(worker), index);
    match line.open_by(worker.shared.connect_by_ns).await {
        Ok(()) => line.into_stream(),
        // In time, and the answer was no.
        Err(Some(failure)) => {
            worker.streams().lost(place, monotonic_ns(), Lost { failure, excerpt: None });
            None
        }
        Err(None) => None,
    }
}

/// A subscriber that is connected.
struct Listener<'a> {
    worker: &'a Worker,
    /// Among its worker's streams.
    place: usize,
    stream: TcpStream,
    ticks: Ticks,
    asked_ns: u64,
}

impl Listener<'_> {
    /// Ends with the stream.
    async fn listen(&mut self) -> Lost {
        let request = &self.worker.plan.request;
        let mut written = 0;
        while written < request.len() {
            let write = poll_fn(|cx| Pin::new(&mut self.stream).poll_write(cx, &request[written..]));
            match write.await {
                Ok(n) => written += n,
                Err(error) => return Lost { failure: failure(&error), excerpt: None },
            }
        }
        loop {
            if let Err(lost) = poll_fn(|cx| self.poll_read(cx)).await {
                return lost;
            }
        }
    }

    /// Reads once.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        let mut buffer = self.worker.buffer();
        let mut read = ReadBuf::new(&mut buffer);
        let came = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read));
        let at_ns = monotonic_ns();
        let (was_open, before) = (self.ticks.is_open(), self.ticks.heard());
        let fed = match came {
            Ok(()) if read.filled().is_empty() => Err(Lost::RESET),
            Ok(()) => self.ticks.feed(read.filled()),
            Err(error) => Err(Lost { failure: failure(&error), excerpt: None }),
        };
        let mut streams = self.worker.streams();
        if self.ticks.is_open() && !was_open {
            streams.opened(self.place, at_ns);
        }
        for n in before + 1..=self.ticks.heard() {
            self.check_pace(n, at_ns)?;
            streams.ticked(self.place, at_ns);
        }
        Poll::Ready(fed)
    }

    /// Lateness means something only on the server's own beat. A server that is faster than it is said to be
    /// would also fill the memory.
    fn check_pace(&self, n: u64, at_ns: u64) -> Result<(), Lost> {
        let tick_ns = self.worker.plan.tick_ns;
        let since_ns = at_ns.saturating_sub(self.asked_ns);
        // The first comes at once; a tenth and one more for timers that are not exact.
        let most = since_ns / tick_ns + since_ns / tick_ns / 10 + 2;
        if n <= most {
            return Ok(());
        }
        let (since_ms, tick_ms) = (since_ns / 1_000_000, tick_ns / 1_000_000);
        let what = format!("tick {n} came after {since_ms} ms, too soon for one every {tick_ms} ms");
        Err(Lost::wrong_body(&what, b""))
    }
}
