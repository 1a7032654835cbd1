//! One child: started, watched, stopped, and never left behind.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use lifecycle::Excerpt;
use rustix::process::{Pid, Signal, kill_process};

use super::Event;
use super::cause::{Cause, Limits};

/// A server in a process of its own.
pub(super) struct Worker {
    child: Child,
    /// Passes its standard error on, and returns how that began and ended.
    relay: Option<JoinHandle<Excerpt>>,
    grace: Duration,
    limits: Limits,
    ready: Option<(SocketAddr, Instant)>,
    /// When to use force, because it was told to stop, or is not ready yet.
    deadline: Option<Instant>,
    is_stopping: bool,
    is_deaf: bool,
}

/// How it ended.
pub(super) enum Ended {
    /// It was told to.
    Stopped(ExitCode),
    /// It said what was wrong on standard error.
    NeverReady(ExitCode),
    /// It ran, and then it did not.
    Died { pid: u32, cause: Cause, lived: Duration },
}

/// From its start until it accepts connections.
const LONGEST_START: Duration = Duration::from_secs(10);

/// Between two looks at its port. Each is a connection that the child has to accept, two of its
/// descriptors for a moment; where it can, it notices by itself, and sooner, that its listener is gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Over its time of grace, which it keeps by itself.
const LATER_THAN_GRACE: Duration = Duration::from_secs(2);

impl Worker {
    /// Starts this program again, with the same arguments and as the server that they describe.
    pub(super) fn start(port: u16, grace: Duration, events: &Sender<Event>) -> io::Result<Self> {
        let arguments = std::env::args_os().skip(1);
        let more = ["--no-supervisor", "--exit-with-stdin", &format!("--port={port}")].map(OsString::from);
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments.chain(more))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let deadline = Some(Instant::now() + LONGEST_START);
        let limits = Limits::of(child.id());
        // From here on, whatever goes wrong, dropping the worker ends the child.
        let mut worker = Self {
            child,
            relay: None,
            grace,
            limits,
            ready: None,
            deadline,
            is_stopping: false,
            is_deaf: false,
        };
        let events = events.clone();
        let err = err.ok_or(ErrorKind::BrokenPipe)?;
        worker.relay = Some(Builder::new().name("relay".into()).spawn(|| relay(err))?);
        let out = out.ok_or(ErrorKind::BrokenPipe)?;
        Builder::new().name("ready".into()).spawn(move || read_ready_line(out, &events))?;
        Ok(worker)
    }

    /// Watches it until its end. `when_ready` is told its address and its process id.
    pub(super) fn live(
        &mut self,
        events: &Receiver<Event>,
        when_ready: impl FnOnce(SocketAddr, u32),
    ) -> io::Result<Ended> {
        let mut when_ready = Some(when_ready);
        loop {
            match events.recv_timeout(self.patience()) {
                Ok(Event::Ready(addr)) => {
                    self.ready = Some((addr, Instant::now()));
                    self.deadline = None;
                    if let Some(when_ready) = when_ready.take() {
                        when_ready(addr, self.child.id());
                    }
                }
                Ok(Event::Stop) => {
                    self.is_stopping = true;
                    self.deadline = Some(Instant::now() + self.grace + LATER_THAN_GRACE);
                    // An error means that it is gone; the event that says so is on its way.
                    let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
                }
                Ok(Event::Gone) | Err(RecvTimeoutError::Disconnected) => return self.end(),
                Err(RecvTimeoutError::Timeout) => self.look()?,
            }
        }
    }

    fn patience(&self) -> Duration {
        let until_deadline = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        until_deadline.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY))
    }

    /// Nothing has happened for a while. Is it still there?
    fn look(&mut self) -> io::Result<()> {
        let is_late = self.deadline.is_some_and(|at| at <= Instant::now());
        if let (false, Some((addr, _))) = (self.is_stopping, self.ready) {
            // A full queue is no proof of deafness: connecting then takes long, but it is not refused.
            let looked = TcpStream::connect_timeout(&addr, LOOK_EVERY);
            self.is_deaf = looked.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
        }
        if is_late || self.is_deaf {
            self.child.kill()?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<Ended> {
        let status = self.child.wait()?;
        let said = self.relay.take().and_then(|relay| relay.join().ok()).unwrap_or_default();
        let code = exit_code(status);
        Ok(match self.ready {
            // A signal may come before the child can take it as anything but its end.
            _ if self.is_stopping && (status.success() || self.ready.is_none()) => {
                Ended::Stopped(ExitCode::SUCCESS)
            }
            _ if self.is_stopping => Ended::Stopped(code),
            None => Ended::NeverReady(code),
            Some((_, ready)) => {
                let cause = Cause::of(status, self.is_deaf, &said, &self.limits);
                Ended::Died { pid: self.child.id(), cause, lived: ready.elapsed() }
            }
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail when it has ended and was waited for, which is the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // One that ended well without being asked to has still not started.
    code.filter(|code| *code != 0).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn read_ready_line(out: impl Read, events: &Sender<Event>) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some(addr) = lifecycle::announced(&line) {
            let _ = events.send(Event::Ready(addr));
        }
    }
    let _ = events.send(Event::Gone);
}

fn relay(err: impl Read) -> Excerpt {
    let (mut err, mut line, mut said) = (BufReader::new(err), Vec::new(), Excerpt::default());
    while matches!(err.read_until(b'\n', &mut line), Ok(1..)) {
        // Nobody reads? The lines still have to be taken, or the child would wait for that.
        let _ = io::stderr().write_all(&line);
        said.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    said
}
