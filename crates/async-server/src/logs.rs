//! Standard error, without waiting for it. A pipe whose reader is slow blocks whoever writes to it; on an
//! event loop that would be every request. So lines go to a thread that may wait, through a queue that
//! never does: when it is full, lines are lost, and how many is written down.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// Queues a line for standard error.
pub(crate) fn line(text: &str) {
    let Some(queue) = QUEUE.get() else { return };
    if queue.try_send(Entry::Line(text.to_owned())).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes the thread that writes, once per process.
pub(crate) fn start() -> io::Result<()> {
    if QUEUE.get().is_none() {
        let (queue, entries) = mpsc::sync_channel(QUEUED_LINES);
        thread::Builder::new().name("logs".into()).spawn(move || write(&entries))?;
        // Was another caller first? Then this queue is dropped, and its thread ends.
        let _ = QUEUE.set(queue);
    }
    Ok(())
}

/// Waits until everything that was logged is written, but not for ever.
#[expect(clippy::disallowed_methods, reason = "for a program's end, after its loops have ended")]
pub fn flush() {
    let (done, written) = mpsc::channel();
    if QUEUE.get().is_some_and(|queue| queue.send(Entry::Flush(done)).is_ok()) {
        let _ = written.recv_timeout(Duration::from_secs(1));
    }
}

/// Shows what the server and the acceptor of actix warn of (no file descriptor left, say), and the client of the
/// blocking views where `bridges` hosts those. What single connections did wrong stays out: any client could
/// fill the log with that.
pub fn to_stderr() {
    static LOGGER: Warnings = Warnings;
    // Fails only where a program has a logger of its own, which is then the one to use.
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

const QUEUED_LINES: usize = 16_384;

static QUEUE: OnceLock<SyncSender<Entry>> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

enum Entry {
    Line(String),
    Flush(mpsc::Sender<()>),
}

#[expect(clippy::disallowed_methods, reason = "this is the thread that may wait")]
fn write(entries: &Receiver<Entry>) {
    let mut out = io::BufWriter::new(io::stderr());
    while let Ok(first) = entries.recv() {
        // All that has gathered goes out in one piece. A closed standard error is no reason to stop.
        for entry in std::iter::once(first).chain(entries.try_iter()) {
            let _ = match entry {
                Entry::Line(text) => writeln!(out, "{text}"),
                Entry::Flush(done) => {
                    let flushed = out.flush();
                    let _ = done.send(());
                    flushed
                }
            };
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(out, "{lost} log lines lost: standard error was slower than the requests");
        }
        let _ = out.flush();
    }
}

struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let ours = ["async_server", "actix_server", "blocking_server"];
        ours.iter().any(|ours| metadata.target().starts_with(ours))
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            line(&format!("{}: {}", record.level().as_str().to_lowercase(), record.args()));
        }
    }

    fn flush(&self) {}
}
