//! A lab that serves a live page, and a page that is none: it reads frames and sends commands.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lab::contract::http::{Connection, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes on a busy machine, the first build of the programs included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// `cargo lab live` at work. It is killed with the test, and its children end with it.
pub(crate) struct Lab {
    child: Option<Child>,
    pub(crate) addr: SocketAddr,
    pub(crate) out: TempDir,
    mark: String,
    /// Held open: a lab whose words nobody reads any more ends.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

impl Lab {
    pub(crate) fn start(rungs: [&str; 2]) -> Self {
        static LABS: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{MARK}=live-{}-{}-", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        let (name, value) = mark.split_once('=').expect("it has one");
        let out = tempfile::tempdir().expect("a directory for a test");
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(["live", "--no-open", "--port=0", "--out"])
            .arg(out.path())
            .args(rungs)
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the lab starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut said = BufReader::new(stdout).lines();
        let first = said.next().expect("it says where").expect("a line");
        let addr = first.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        Self { child: Some(child), addr, out, mark, _said: said }
    }

    /// Sends bytes as they are, over a connection of their own.
    pub(crate) fn raw(&self, request: &str) -> Response {
        let mut connection = Connection::open(self.addr, PATIENCE).expect("it listens");
        connection.send(request.as_bytes()).expect("it reads");
        connection.response(false).expect("it answers")
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.raw(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.addr))
    }

    /// The status of an answer that may never end.
    pub(crate) fn status_of(&self, path: &str) -> u16 {
        let mut connection = Connection::open(self.addr, PATIENCE).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.addr);
        connection.send(request.as_bytes()).expect("it reads");
        connection.next_head().expect("a head").status
    }

    /// A command as the page sends it.
    pub(crate) fn post(&self, body: &str) -> Response {
        let (addr, length) = (self.addr, body.len());
        self.raw(&format!(
            "POST /do HTTP/1.1\r\nhost: {addr}\r\norigin: http://{addr}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ))
    }

    #[track_caller]
    pub(crate) fn command(&self, what: &Value) {
        let answer = self.post(&what.to_string());
        assert_eq!(answer.status, 202, "{what}: {}", String::from_utf8_lossy(&answer.body));
    }

    /// The settings of a frame with some changed.
    #[track_caller]
    pub(crate) fn set(&self, frame: &Value, changes: &Value) {
        let mut settings = frame["settings"].clone();
        for (name, value) in changes.as_object().expect("changes are an object") {
            settings[name] = value.clone();
        }
        self.command(&json!({ "do": "set", "settings": settings }));
    }

    pub(crate) fn watch(&self) -> Watch {
        let mut connection = Connection::open(self.addr, PATIENCE).expect("it listens");
        let request = format!("GET /events HTTP/1.1\r\nhost: {}\r\n\r\n", self.addr);
        connection.send(request.as_bytes()).expect("it reads");
        let head = connection.until(b"\r\n\r\n").expect("a head");
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
        Watch(connection)
    }

    /// Process ids of the lab's children of this name.
    pub(crate) fn children(&self, name: &str) -> Vec<u32> {
        // The kernel keeps 15 characters of a name.
        let name = &name[..name.len().min(15)];
        let pids = std::fs::read_dir("/proc").expect("/proc").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let marked = |pid: &u32| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.windows(self.mark.len()).any(|window| window == self.mark.as_bytes())
        };
        let named = |pid: &u32| {
            let known = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.is_empty() || known.trim() == name
        };
        let own = self.child.as_ref().map_or(0, Child::id);
        pids.filter(|pid| *pid != own).filter(marked).filter(named).collect()
    }

    /// Ctrl-C; returns the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        signal(child.id(), rustix::process::Signal::INT);
        let code = child.wait().expect("it ends").code();
        eventually("no child is left", || self.children("").is_empty().then_some(()));
        code
    }

    pub(crate) fn results(&self, frame: &Value) -> (PathBuf, lab::results::Results) {
        let dir = PathBuf::from(frame["kept"]["dir"].as_str().expect("a directory"));
        let results = lab::report::read(&dir.join("results.json")).expect("results");
        (dir, results)
    }
}

const MARK: &str = "PARKBENCH_LIVE_TEST_MARK";

/// A page that watches.
pub(crate) struct Watch(Connection);

impl Watch {
    /// The next event: its name and its data.
    pub(crate) fn event(&mut self) -> (String, Value) {
        let text = self.0.until(b"\n\n").expect("events go on");
        let text = String::from_utf8(text).expect("text");
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_else(|| panic!("{name} in {text}"))
        };
        (field("event: ").to_owned(), serde_json::from_str(field("data: ")).expect("JSON"))
    }

    /// Frames until one is as it should be.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        while Instant::now() < until {
            let (name, data) = self.event();
            if name == "frame" {
                if enough(&data) {
                    return data;
                }
                last = data;
            }
        }
        panic!("never: {what}; the last frame was {last}");
    }

    /// Until both servers are up and have been seen.
    #[track_caller]
    pub(crate) fn until_up(&mut self) -> Value {
        self.until("both are up", |frame| {
            both(frame, |lane| lane["state"] == "up" && lane["now"].is_object())
        })
    }
}

/// Whether something holds of both lanes.
pub(crate) fn both(frame: &Value, of: impl Fn(&Value) -> bool) -> bool {
    frame["lanes"].as_array().expect("two lanes").iter().all(of)
}

/// Polls until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().expect("a process id")).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}
