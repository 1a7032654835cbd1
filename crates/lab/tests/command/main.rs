//! The `lab` command as a black box: what it prints, what it leaves, and what it ends.
//!
//! Every lab that is started here carries a mark in its environment, which its children inherit. So "no
//! child is left" can be looked up in `/proc`, whatever became of the lab.

mod boxed;
mod endings;
mod kills;
mod ladder;
mod lanes;
mod runs;
mod serving;
mod sure;
mod usage;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything takes on a busy machine, the first build of the programs included.
const PATIENCE: Duration = Duration::from_secs(600);

/// An experiment over quickly; `{}` is its window in milliseconds.
const TINY: &str = r#"
title = "Tiny"
question = "Does it run?"
expect = "It does."
route = "/wait/20"
blocks = 2
warm_up_ms = 100
window_ms = {}

[[rungs]]
rung = "pool"
flags = ["--threads=3"]

[[rungs]]
rung = "event-loop"

[[loads]]
closed = { clients = [6] }
"#;

/// A directory with an experiment in it.
fn workshop(window_ms: u32) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory for a test");
    std::fs::write(dir.path().join("tiny.toml"), TINY.replace("{}", &window_ms.to_string())).expect("a file");
    dir
}

/// A lab that runs, or will.
struct Lab {
    command: Command,
    mark: String,
}

impl Lab {
    fn new<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        static LABS: AtomicU32 = AtomicU32::new(0);
        let mark = format!("lab-{}-{}-", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.args(arguments).env(MARK, &mark).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, mark }
    }

    fn output(mut self) -> Output {
        self.command.output().expect("the lab runs")
    }

    fn start(mut self) -> Running {
        let child = self.command.spawn().expect("the lab starts");
        Running { lab: child.id(), child: Some(child), mark: self.mark }
    }
}

const MARK: &str = "PARKBENCH_TEST_MARK";

/// A lab at work, and the processes that it started.
struct Running {
    lab: u32,
    child: Option<Child>,
    mark: String,
}

/// A test that fails leaves nothing running: the lab is killed, and its children end with it.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

impl Running {
    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("not waited for yet")
    }

    /// Waits for its end.
    fn output(&mut self) -> Output {
        self.child.take().expect("not waited for yet").wait_with_output().expect("it ends")
    }

    /// Sends the lab a signal.
    fn signal(&self, name: rustix::process::Signal) {
        signal(self.lab, name);
    }

    /// Process ids and names of those that live.
    fn children(&self) -> Vec<(u32, String)> {
        let mark = format!("{MARK}={}", self.mark);
        let pids = std::fs::read_dir("/proc").expect("/proc").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let marked = |pid: &u32| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environ| environ.windows(mark.len()).any(|window| window == mark.as_bytes()))
        };
        let name =
            |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
        pids.filter(|pid| *pid != self.lab).filter(marked).map(|pid| (pid, name(pid))).collect()
    }

    /// Waits until a program of this name runs.
    fn wait_for(&self, name: &str) -> u32 {
        // The kernel keeps 15 characters of a name.
        let name = &name[..name.len().min(15)];
        eventually(&format!("{name} runs"), || {
            self.children().into_iter().find(|(_, known)| known == name).map(|(pid, _)| pid)
        })
    }

    fn none_is_left(&self) {
        eventually("no child is left", || self.children().is_empty().then_some(()));
    }
}

/// Polls until there is something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().expect("a process id")).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
