//! The programs that the lab starts, none of which outlives it.
//!
//! Each holds the reading end of a pipe as its standard input and ends with it, so that it goes even when
//! the lab is killed without a chance to clean up. Each is in a process group of its own, so that Ctrl-C
//! in a terminal reaches the lab alone, which then decides what to end and what to keep.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lifecycle::Excerpt;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::cpus::spawn_on;
use crate::stop::{self, Stopped};
use crate::sys::{self, Ended};

/// A child process.
pub struct Process {
    name: String,
    child: Child,
    ended: Option<Ended>,
    /// Lines of standard output, as they come.
    pub(crate) lines: Receiver<String>,
    log: Arc<Mutex<Excerpt>>,
    log_reader: Option<JoinHandle<()>>,
}

/// Longest time from start to the line that says "listening".
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Longest time from SIGTERM to the end of a process.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How often a waiting lab looks whether a child has ended.
const STEP: Duration = Duration::from_millis(10);

impl Process {
    /// Starts a program, on these CPUs only if there are any.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn start(program: &Path, flags: &[String], cpus: Option<&[u32]>) -> anyhow::Result<Self> {
        Self::start_with(program, flags, cpus, &[], |_| {})
    }

    /// The same, and `hear` gets each line of its standard error as it comes.
    ///
    /// # Errors
    /// When the system refuses.
    fn start_with(
        program: &Path,
        flags: &[String],
        cpus: Option<&[u32]>,
        environment: &[(&str, &str)],
        hear: impl Fn(&str) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command
            .args(flags)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = spawn_on(&mut command, cpus).with_context(|| format!("cannot start {name}"))?;
        let log = Arc::new(Mutex::new(Excerpt::default()));
        let (sender, lines) = mpsc::channel();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // From here on a failure drops it, and so ends the child.
        let mut process = Self { name, child, ended: None, lines, log, log_reader: None };
        if let Some(out) = out {
            each_line(out, move |line| _ = sender.send(line))?;
        }
        if let Some(err) = err {
            let log = Arc::clone(&process.log);
            process.log_reader = Some(each_line(err, move |line| {
                hear(&line);
                log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            })?);
        }
        Ok(process)
    }

    /// Starts a program that listens, and waits until it says where.
    ///
    /// # Errors
    /// When it ends instead, with what it said; or says nothing for too long.
    pub fn listening(
        program: &Path,
        flags: &[String],
        cpus: Option<&[u32]>,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        Self::start(program, flags, cpus)?.ready()
    }

    /// The same with something in its environment, and `hear` gets each line of its standard error as it comes.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn listening_to(
        program: &Path,
        flags: &[String],
        cpus: Option<&[u32]>,
        environment: &[(&str, &str)],
        hear: impl Fn(&str) + Send + 'static,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        Self::start_with(program, flags, cpus, environment, hear)?.ready()
    }

    /// The same on all CPUs, with its log on the lab's own standard error, each line after its name.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn listening_aloud(
        program: &Path,
        flags: &[String],
        name: &str,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        let name = name.to_owned();
        Self::start_with(program, flags, None, &[], move |line| crate::cli::tell(&format!("{name}: {line}")))?
            .ready()
    }

    fn ready(mut self) -> anyhow::Result<(Self, SocketAddr)> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            match self.next_line(until)? {
                Some(line) => {
                    if let Some(addr) = lifecycle::announced(&line) {
                        return Ok((self, addr));
                    }
                }
                None => {
                    let ended = self.wait(Duration::from_secs(1));
                    let how =
                        ended.map_or_else(|| "closed its output".to_owned(), |ended| exit_text(ended.status));
                    bail!("{} did not start: {how}{}", self.name, said(&self.log()));
                }
            }
        }
    }

    /// The next line of standard output; `None` when there will be none.
    ///
    /// # Errors
    /// When none comes until then, or somebody asked the lab to stop.
    pub(crate) fn next_line(&mut self, until: Instant) -> anyhow::Result<Option<String>> {
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if stop::requested() => return Err(Stopped.into()),
                Err(RecvTimeoutError::Timeout) if Instant::now() > until => {
                    bail!("{} said nothing for too long{}", self.name, said(&self.log()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// For whoever looks at it from outside.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input; as long as that is open it does not end by itself.
    pub(crate) fn stdin(&mut self) -> Option<&mut ChildStdin> {
        self.child.stdin.as_mut()
    }

    /// The beginning and the end of its standard error; all that came once it has ended.
    pub(crate) fn log(&self) -> Vec<String> {
        let until = Instant::now() + Duration::from_millis(200);
        let reading = || self.log_reader.as_ref().is_some_and(|reader| !reader.is_finished());
        while self.ended.is_some() && reading() && Instant::now() < until {
            thread::sleep(STEP);
        }
        self.log.lock().unwrap_or_else(PoisonError::into_inner).lines().map(ToOwned::to_owned).collect()
    }

    /// How it ended, if it has.
    pub(crate) fn poll(&mut self) -> Option<Ended> {
        if self.ended.is_none() {
            // An error means that it cannot be collected at all; it is treated as running and killed.
            self.ended = sys::try_wait(self.pid()).unwrap_or(None);
        }
        self.ended
    }

    /// Waits for its end, so long at most.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Option<Ended> {
        let until = Instant::now() + at_most;
        while self.poll().is_none() && Instant::now() < until {
            thread::sleep(STEP);
        }
        self.ended
    }

    /// Asks it to end, without waiting.
    pub(crate) fn ask_to_end(&mut self) {
        if self.poll().is_none() {
            self.signal(Signal::TERM);
        }
    }

    /// Asks it to end and waits; kills it if it does not. `None` when it could not even be collected.
    pub(crate) fn end(&mut self) -> Option<Ended> {
        if self.poll().is_none() {
            self.signal(Signal::TERM);
            if self.wait(END_WITHIN).is_none() {
                self.kill();
            }
        }
        self.ended
    }

    /// Ends it without asking; for processes that have nothing to finish.
    pub(crate) fn kill(&mut self) {
        if self.poll().is_none() {
            self.signal(Signal::KILL);
            self.wait(END_WITHIN);
        }
    }

    /// Only while it was not collected: afterwards the id may be somebody else's.
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.ended.is_none()) {
            // It may have ended by itself just now; then there is nothing left to do.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An exit status in words: `exit code 0`, `signal 6 (SIGABRT)`.
pub(crate) fn exit_text(status: ExitStatus) -> String {
    let name = |signal| match signal {
        libc::SIGABRT => " (SIGABRT, an abort)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGKILL => " (SIGKILL; the kernel's, when memory runs out)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGTERM => " (SIGTERM)",
        _ => "",
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}{}", name(signal)),
        (None, None) => "an unknown end".into(),
    }
}

/// What a process said, to be appended to a sentence about its end: what it began with, which names the
/// cause, and what it ended with; each once.
pub(crate) fn said(log: &[String]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in log.iter().map(|line| line.trim()).filter(|line| says_something(line)) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return "; it said nothing".into();
    }
    lines.drain(1..lines.len().saturating_sub(2).max(1));
    format!("; it said: {}", lines.join(" / "))
}

/// What a panic says besides its message: where in the sources it was, and how to see more.
fn says_something(line: &str) -> bool {
    let place = line.starts_with("thread '") && line.contains(" panicked at ");
    let more = ["note: ", "stack backtrace:", "skipping backtrace"].iter().any(|more| line.starts_with(more));
    !(line.is_empty() || place || more)
}

/// Hands over each line until the stream ends. Bytes that are not UTF-8 are shown as such.
fn each_line(
    stream: impl Read + Send + 'static,
    mut take: impl FnMut(String) + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let read = move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            take(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    };
    Ok(thread::Builder::new().name("child-output".into()).spawn(read)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> (&'static Path, Vec<String>) {
        (Path::new("/bin/sh"), vec!["-c".to_owned(), script.to_owned()])
    }

    #[test]
    fn a_program_that_announces_itself_is_ready() {
        let (program, flags) = sh("echo hello; echo listening on http://127.0.0.1:80; cat");
        let (mut process, addr) = Process::listening(program, &flags, None).unwrap();
        assert_eq!(addr.port(), 80);
        assert!(process.poll().is_none());
        assert_eq!(
            process.end().map(|ended| exit_text(ended.status)).as_deref(),
            Some("signal 15 (SIGTERM)")
        );
    }

    #[test]
    fn of_a_panic_its_message_is_quoted_and_once() {
        let log = [
            "warn: no thread for a connection: Resource temporarily unavailable (os error 11)",
            "",
            "thread '<unnamed>' (12703) panicked at src/pool.rs:93:56:",
            "cannot allocate: out of memory",
            "stack backtrace:",
            "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.",
            "thread '<unnamed>' (12704) panicked at src/pool.rs:93:56:",
            "cannot allocate: out of memory",
            "stack backtrace:",
            "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.",
            "fatal runtime error: failed to initiate panic, error 5, aborting",
        ];
        assert_eq!(
            said(&log.map(ToOwned::to_owned)),
            "; it said: warn: no thread for a connection: Resource temporarily unavailable (os error 11) / \
             cannot allocate: out of memory / fatal runtime error: failed to initiate panic, error 5, aborting"
        );
        assert_eq!(said(&[String::new(), "stack backtrace:".into()]), "; it said nothing");
    }

    #[test]
    fn what_began_it_is_quoted_however_often_what_followed_from_it_was_said() {
        let flood = (0..400).flat_map(|thread| {
            [
                format!("thread '<unnamed>' ({thread}) panicked at src/server.rs:643:45:"),
                "a PoisonError".to_owned(),
            ]
        });
        let all =
            ["failed to spawn thread".to_owned()].into_iter().chain(flood).chain(["it stops".to_owned()]);
        let log: Excerpt = all.collect();
        let log: Vec<String> = log.lines().map(ToOwned::to_owned).collect();
        assert_eq!(said(&log), "; it said: failed to spawn thread / a PoisonError / it stops");
    }

    #[test]
    fn one_that_ends_instead_is_quoted() {
        let (program, flags) = sh("echo 'port 80 is taken' >&2; exit 3");
        let Err(error) = Process::listening(program, &flags, None).map(|_| ()) else { panic!("it started") };
        assert_eq!(error.to_string(), "sh did not start: exit code 3; it said: port 80 is taken");
    }

    #[test]
    fn the_end_of_standard_input_reaches_it() {
        let (program, flags) = sh("cat; exit 4");
        let mut process = Process::start(program, &flags, None).unwrap();
        drop(process.child.stdin.take());
        assert_eq!(process.wait(Duration::from_secs(10)).and_then(|ended| ended.status.code()), Some(4));
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let Err(error) = Process::start(Path::new("/nowhere/server"), &[], None).map(|_| ()) else {
            panic!()
        };
        assert_eq!(error.to_string(), "cannot start server");
    }
}
