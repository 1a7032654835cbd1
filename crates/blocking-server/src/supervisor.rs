//! The parent process that has a server back when it has run into a limit.
//!
//! At a limit of the system rouille's process ends, or stays behind without its listener. Python's workers
//! have that too, and gunicorn an *arbiter* above them. This is a small one: it starts the server as a child,
//! notices when it is gone or refuses connections, says what ran out, and starts another on the same port.
//! It needs a dozen descriptors and a handful of threads, and so survives where the child does not.
//!
//! The child exits when its standard input ends, so it cannot outlive this process, whatever ends it. It has
//! a process group of its own: Ctrl-C reaches the supervisor alone, which passes it on once.
//!
//! One life of a child is in `supervisor/worker.rs`, and what a death was due to in `supervisor/cause.rs`.

mod cause;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::config::Args;
use worker::{Ended, Worker};

/// Keeps a server running until a signal, and then until it has finished. The exit code is not 0 when a
/// server could not even start once.
///
/// # Errors
/// When no process can be made for a server, or too many starts in a row fail.
pub fn run(args: &Args) -> io::Result<ExitCode> {
    let (sender, events) = channel();
    let on_signal = sender.clone();
    lifecycle::on_stop_signal(move || drop(on_signal.send(Event::Stop)))?;
    let Args { config, .. } = args;
    Supervisor {
        port: config.port,
        grace: config.grace,
        sender,
        events,
        has_served: false,
        failed_starts: 0,
        pause: FIRST_PAUSE,
        died: None,
    }
    .run()
}

/// What the supervisor waits for.
enum Event {
    /// The child accepts connections there.
    Ready(SocketAddr),
    /// The child has closed its standard output: it is gone.
    Gone,
    /// SIGTERM or Ctrl-C.
    Stop,
}

/// Between a death and the next start. Doubled when a server dies young, but never so long that clients who
/// have made room would notice.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// A server that has lived for so long did not die of what the one before it died of.
const YOUNG: Duration = Duration::from_secs(5);

/// Starts in a row that may fail once a server has run: about ten seconds of them.
const MOST_FAILED_STARTS: u32 = 25;

struct Supervisor {
    /// 0 until the first child has said which.
    port: u16,
    grace: Duration,
    sender: Sender<Event>,
    events: Receiver<Event>,
    has_served: bool,
    failed_starts: u32,
    pause: Duration,
    /// When the last server was found dead, until the next is ready.
    died: Option<Instant>,
}

impl Supervisor {
    fn run(mut self) -> io::Result<ExitCode> {
        loop {
            match self.one_life() {
                Ok(Ended::Stopped(code)) => return Ok(code),
                Ok(Ended::NeverReady(code)) if !self.has_served => return Ok(code),
                Ok(Ended::NeverReady(_)) => self.failed_starts += 1,
                Ok(Ended::Died { pid, cause, lived }) => {
                    self.failed_starts = 0;
                    self.died = Some(Instant::now());
                    if lived > YOUNG {
                        self.pause = FIRST_PAUSE;
                    }
                    log::error!("supervisor: the server (process {pid}) {cause}. Starting another.");
                }
                Err(error) if !self.has_served => return Err(error),
                Err(error) => {
                    self.failed_starts += 1;
                    log::error!("supervisor: the server cannot be started: {error}");
                }
            }
            if self.failed_starts > MOST_FAILED_STARTS {
                let what = format!("the server could not be started {MOST_FAILED_STARTS} times in a row");
                return Err(io::Error::other(what));
            }
            // Nothing but a signal can come while there is no child.
            if let Ok(Event::Stop) = self.events.recv_timeout(self.pause) {
                return Ok(ExitCode::SUCCESS);
            }
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// From the start of a child to its end.
    fn one_life(&mut self) -> io::Result<Ended> {
        let mut worker = Worker::start(self.port, self.grace, &self.sender)?;
        worker.live(&self.events, |addr, pid| {
            self.port = addr.port();
            if !std::mem::replace(&mut self.has_served, true) {
                lifecycle::announce(addr);
            }
            if let Some(died) = self.died.take() {
                let took_ms = died.elapsed().as_millis();
                log::warn!("supervisor: the server is back (process {pid}) after {took_ms} ms");
            }
        })
    }
}
