//! A slow client: a valid request, a byte at a time. Someone behind a bad line does that, and someone who wants
//! to keep a server busy with next to no effort.
//!
//! It costs the generator a socket, a task and a timer. What it does to the server is seen by a bystander; here is
//! only counted what the server did about it: [`Slow`].

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, interval_at, sleep, sleep_until};

use crate::clock::monotonic_ns;
use crate::error::Error;
use crate::protocol::{Slow, Spec};
use crate::worker::{Share, Worker};

/// Whether such a load can be made; the number of its connections.
pub(crate) fn check(spec: &Spec, clients: u32, byte_every_ms: u64) -> Result<u32, Error> {
    let refuse = |sentence: &str| Err(Error::Spec(sentence.into()));
    if clients == 0 {
        return refuse("0 slow clients; ask for at least 1");
    }
    if !(1..=MOST_BYTE_MS).contains(&byte_every_ms) {
        return refuse(&format!("byte_every_ms is {byte_every_ms}; it must be 1 to {MOST_BYTE_MS}"));
    }
    if spec.expect.body.is_some() || !spec.mix.is_empty() {
        return refuse("of answers to slow clients only the status is read; leave expect.body and mix out");
    }
    Ok(clients)
}

const MOST_BYTE_MS: u64 = 60_000;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Status(u16),
    /// Without a status.
    CutOff,
}

/// Counts of a worker's clients. They stand still when the window closes.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    slow: Slow,
    closes_ns: Option<u64>,
}

impl Counts {
    /// Nothing counts from then on.
    pub(crate) fn close_at(&mut self, at_ns: u64) {
        self.closes_ns = Some(at_ns);
    }

    /// What happened until the window closed, or until now.
    pub(crate) fn so_far(&self) -> Slow {
        self.slow
    }

    fn note(&mut self, what: impl FnOnce(&mut Slow)) {
        if self.closes_ns.is_none_or(|closes_ns| monotonic_ns() < closes_ns) {
            what(&mut self.slow);
        }
    }

    fn ended(&mut self, end: End, expected: u16) {
        self.note(|slow| {
            slow.held -= 1;
            match end {
                End::Status(status) if status == expected => slow.answered += 1,
                End::Status(408) => slow.timed_out += 1,
                End::Status(503) => slow.shed += 1,
                End::Status(_) => slow.otherwise += 1,
                End::CutOff => slow.cut_off += 1,
            }
        });
    }
}

/// Connects with all others, waits for the load to begin and for its turn, and then sends for as long as the run
/// lasts.
pub(crate) async fn dawdle(worker: Arc<Worker>, share: Share) {
    let every = Duration::from_nanos(worker.plan.byte_ns);
    let (mut line, load_ns) = worker.ready_line(share.index).await;
    if line.is_open() {
        worker.slow().note(opened);
    }
    // Some byte of each second, and not the same for all.
    sleep_until(worker.instant(load_ns + share.phase_ns)).await;
    loop {
        let Some(stream) = line.take_stream() else {
            match line.open_by(monotonic_ns() + worker.plan.timeout_ns).await {
                Ok(()) => worker.slow().note(opened),
                Err(_) => {
                    worker.slow().note(|slow| slow.refused += 1);
                    sleep(every).await;
                }
            }
            continue;
        };
        let end = send_slowly(&stream, &worker.plan.request, every).await.unwrap_or(End::CutOff);
        drop(stream);
        worker.slow().ended(end, worker.plan.expected.status);
        sleep(every).await;
    }
}

fn opened(slow: &mut Slow) {
    slow.opened += 1;
    slow.held += 1;
}

/// A byte each time, until the server says something or the request is out and answered.
pub(crate) async fn send_slowly(stream: &TcpStream, request: &[u8], every: Duration) -> io::Result<End> {
    let mut ticks = interval_at(Instant::now(), every);
    let mut bytes = request.chunks(1);
    let mut reply = Vec::new();
    loop {
        tokio::select! {
            biased;
            readable = stream.readable() => {
                readable?;
                if let Some(end) = read(stream, &mut reply)? {
                    return Ok(end);
                }
            }
            _ = ticks.tick(), if bytes.len() > 0 => {
                let Some(byte) = bytes.next() else { continue };
                loop {
                    stream.writable().await?;
                    match stream.try_write(byte) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        written => break written.map(|_| ())?,
                    }
                }
            }
        }
    }
}

/// The status, when it is there; or that there will be none. The rest of the reply is of no interest.
fn read(stream: &TcpStream, reply: &mut Vec<u8>) -> io::Result<Option<End>> {
    let mut piece = [0; 64];
    match stream.try_read(&mut piece) {
        Ok(0) => return Ok(Some(End::CutOff)),
        Ok(length) => reply.extend_from_slice(&piece[..length]),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok((reply.len() >= STATUS_LINE).then(|| status(reply)))
}

/// As much of it as there is up to the status.
const STATUS_LINE: usize = "HTTP/1.1 200".len();

fn status(reply: &[u8]) -> End {
    let digits = reply.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let status = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    // What is no HTTP is no answer.
    status.map_or(End::CutOff, End::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_the_first_line_alone() {
        assert_eq!(status(b"HTTP/1.1 408 Request Timeout\r\n"), End::Status(408));
        assert_eq!(status(b"HTTP/1.1 200"), End::Status(200));
        assert_eq!(status(b"hello, world, hello"), End::CutOff);
    }

    #[test]
    fn connections_are_counted_until_the_window_closes() {
        let mut counts = Counts::default();
        for end in [End::Status(200), End::Status(408), End::Status(503), End::Status(400), End::CutOff] {
            counts.note(opened);
            counts.ended(end, 200);
        }
        counts.note(opened);
        counts.close_at(1);
        counts.ended(End::CutOff, 200);
        let each = Slow {
            opened: 6,
            held: 1,
            answered: 1,
            timed_out: 1,
            shed: 1,
            otherwise: 1,
            cut_off: 1,
            refused: 0,
        };
        assert_eq!(counts.so_far(), each, "what came too late is not counted");
    }
}
