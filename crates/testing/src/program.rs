//! A program under test: started, read, signalled, and ended when the test is.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::eventually;

/// A program that has said that it is ready.
#[derive(Debug)]
pub struct Program {
    /// Its process, with pipes for all that it reads and writes.
    pub child: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Program {
    /// Starts it and reads its ready line. What stands behind that line is left to [`Program::end`].
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        // Byte by byte: a buffer would take along what stands behind the line.
        let out = child.stdout.as_mut().expect("a pipe");
        while !line.ends_with('\n') {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "it ended before it was ready: {line:?}");
            line.push(byte[0].into());
        }
        let addr = lifecycle::announced(&line).unwrap_or_else(|| panic!("not the ready line: {line:?}"));
        Self { child, addr }
    }

    /// What it says while it runs; [`Program::end`] then has none of it.
    pub fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("taken once")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How many threads it has.
    #[cfg(target_os = "linux")]
    pub fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// The processes that it has started.
    #[cfg(target_os = "linux")]
    pub fn children(&self) -> Vec<i32> {
        let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).ok();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten();
        let all: Vec<_> = tasks.flatten().filter_map(of).collect();
        all.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Waits for the end; returns its status, what stood on standard output behind the ready line, and standard
    /// error.
    pub fn end(mut self) -> (ExitStatus, String, String) {
        eventually("the program ends", || self.child.try_wait().unwrap().is_some());
        let text = |from: Option<&mut dyn Read>| {
            let mut text = String::new();
            from.map(|from| from.read_to_string(&mut text).unwrap());
            text
        };
        let out = text(self.child.stdout.as_mut().map(|out| out as _));
        let err = text(self.child.stderr.as_mut().map(|err| err as _));
        (self.child.wait().unwrap(), out, err)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `env!("CARGO_BIN_EXE_…")` with flags, and with pipes for all that it reads and writes.
pub fn command(binary: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end; returns its exit code, standard output and standard error.
pub fn run(binary: &str, flags: &[&str]) -> (i32, String, String) {
    let output = command(binary, flags).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Does a process still exist?
pub fn is_there(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}
