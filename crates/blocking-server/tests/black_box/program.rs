//! The program itself: its flags, what it prints and how it ends, under its supervisor and without.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::eventually;
use crate::http::{Connection, assert_alive, get, is_alive, send};

/// The program with some flags, ended when the test is.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
}

impl Program {
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::spawn(command(&[&["--port", "0"], flags].concat()))
    }

    /// Reads the ready line, and checks later that it was the only one.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        // Unbuffered, as it were: nothing behind the line may be lost.
        let out = child.stdout.as_mut().unwrap();
        while !line.ends_with('\n') {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "it ended before it was ready: {line:?}");
            line.push(byte[0].into());
        }
        let addr = lifecycle::announced(&line).unwrap_or_else(|| panic!("not the ready line: {line:?}"));
        Self { child, addr }
    }

    pub(crate) fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("taken once")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; returns its status, the rest of standard output, and standard error.
    fn end(mut self) -> (ExitStatus, String, String) {
        eventually("the program ends", || self.child.try_wait().unwrap().is_some());
        let text = |from: Option<&mut dyn Read>| {
            let mut text = String::new();
            from.unwrap().read_to_string(&mut text).unwrap();
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

pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blocking-server"));
    command.args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The processes that a process has started.
#[cfg(target_os = "linux")]
pub(crate) fn children(pid: u32) -> Vec<i32> {
    let of_thread = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).ok();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let all: Vec<_> = threads.filter_map(of_thread).collect();
    all.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
}

fn is_there(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

/// Runs it to its end; returns its exit code, standard output and standard error.
fn run(flags: &[&str]) -> (i32, String, String) {
    let output = command(flags).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn wrong_usage_is_one_sentence_that_names_the_flag_and_exit_code_2() {
    for (flags, what) in [
        (&["--port", "99999"][..], "--port"),
        (&["--model", "pool", "--threads", "0"], "--threads"),
        (&["--threads", "8"], "--model pool"),
        (&["--model", "event-loop"], "thread-per-request"),
        (&["--upstream", "https://127.0.0.1:1"], "http://HOST:PORT"),
        (&["--upstream", "no.such.host.invalid:80"], "no.such.host.invalid"),
        (&["--upstream-timeout", "0s"], "longer than 0"),
        (&["--grace", "soon"], "--grace"),
        (&["--workers", "8"], "--workers"),
    ] {
        let (code, out, err) = run(flags);
        assert_eq!((code, &*out), (2, ""), "{flags:?}");
        assert!(err.starts_with("error: ") && err.contains(what), "{err}");
    }
}

#[test]
fn the_help_says_what_flags_mean_and_which_limits_hold() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, 0);
    for promised in [
        "--threads",
        "--no-supervisor",
        "--exit-with-stdin",
        "Limits of rouille",
        "Limits of the bare models",
        "4096",
        "K/W",
        "curl",
    ] {
        assert!(help.contains(promised), "{promised} in\n{help}");
    }
}

#[test]
fn a_taken_port_is_one_sentence_and_exit_code_1() {
    let first = Program::start(&[]);
    let port = first.addr.port().to_string();
    for flags in [&["--port", &port][..], &["--port", &port, "--no-supervisor"]] {
        let (code, out, err) = run(flags);
        assert_eq!((code, &*out), (1, ""));
        assert!(err.starts_with("error: cannot listen on 127.0.0.1:") && err.lines().count() == 1, "{err}");
    }
    assert_alive(first.addr);
}

#[test]
fn either_stop_signal_ends_it_with_code_0_after_what_was_begun() {
    for flags in [&[][..], &["--no-supervisor"], &["--model", "pool", "--threads", "2"]] {
        for signal in [Signal::TERM, Signal::INT] {
            let program = Program::start(flags);
            let mut streaming = Connection::open(program.addr);
            streaming.get("/stream/4/200");
            // Its first chunk says that the view has been reached.
            streaming.head().unwrap();
            program.signal(signal);
            let mut chunks = 0;
            while streaming.chunk().unwrap().is_some() {
                chunks += 1;
            }
            assert_eq!(chunks, 4);
            let (status, out, log) = program.end();
            assert_eq!((status.code(), &*out, &*log), (Some(0), "", ""), "{flags:?}");
        }
    }
}

#[test]
fn under_load_it_stops_within_its_grace() {
    let program = Program::start(&["--grace", "5s"]);
    let addr = program.addr;
    let clients: Vec<_> = (0..16)
        .map(|_| {
            std::thread::spawn(move || {
                let mut connection = Connection::open(addr);
                loop {
                    connection.get("/hello");
                    match connection.reply(false) {
                        Ok(reply) => assert!(matches!(reply.status, 200 | 503), "{reply:?}"),
                        Err(_) => return,
                    }
                }
            })
        })
        .collect();
    eventually("the load is under way", || is_alive(addr));
    program.signal(Signal::TERM);
    let (status, _, log) = program.end();
    assert_eq!((status.code(), &*log), (Some(0), ""));
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[test]
fn a_request_longer_than_the_grace_is_cut_and_said_so() {
    let program = Program::start(&["--grace", "100ms"]);
    let mut endless = Connection::open(program.addr);
    endless.get("/stream/1000/10000");
    endless.head().unwrap();
    program.signal(Signal::TERM);
    let (status, _, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("not finished within 100ms"), "{log}");
}

#[test]
#[cfg(target_os = "linux")]
fn it_ends_with_its_standard_input_when_told_to_and_leaves_no_child() {
    for flags in [&["--exit-with-stdin"][..], &["--exit-with-stdin", "--no-supervisor"]] {
        let mut program = Program::start(flags);
        assert_alive(program.addr);
        let servers = children(program.child.id());
        assert_eq!(servers.len(), usize::from(flags.len() == 1));
        drop(program.child.stdin.take());
        let addr = program.addr;
        let (status, ..) = program.end();
        assert_eq!(status.code(), Some(0));
        eventually("the port is free", || !is_alive(addr));
        eventually("no child is left", || !servers.iter().any(|&pid| is_there(pid)));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_supervisor_takes_its_server_along() {
    let mut program = Program::start(&[]);
    let servers = children(program.child.id());
    assert_eq!(servers.len(), 1);
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    eventually("the server is gone", || !is_there(servers[0]) && !is_alive(program.addr));
}

#[test]
fn the_access_log_has_a_line_for_every_request_however_it_ended() {
    let mut program = Program::start(&["--access-log"]);
    let mut log = BufReader::new(program.stderr()).lines().map(Result::unwrap);
    let mut line = |end: &str| {
        let line = log.next().unwrap();
        assert!(line.contains(end), "{end:?} in {line:?}");
        line
    };
    let id = "x-request-id: me\r\n";
    send(program.addr, "GET", "/hello", id, b"");
    line(r#""GET /hello" 200 17 B "#);
    send(program.addr, "GET", "/no\tway", id, b"");
    line(r#""GET /no\tway" 404 "#);
    send(program.addr, "HEAD", "/stream/1000/10000", id, b"");
    assert!(line(r#""HEAD /stream/1000/10000" 200 0 B "#).ends_with(" me"));
    send(program.addr, "GET", "/stream/3/1", id, b"");
    assert!(line(r#""GET /stream/3/1" 200 39 B "#).ends_with(" me"));

    let mut leaving = Connection::open(program.addr);
    leaving.write(b"GET /stream/1000/5 HTTP/1.1\r\nhost: t\r\nx-request-id: me\r\n\r\n");
    leaving.head().unwrap();
    leaving.reset();
    assert!(line(r#""GET /stream/1000/5" 200 "#).ends_with(" me cut"));
}

#[test]
fn a_failed_upstream_is_named_in_the_log_and_not_in_the_reply() {
    let mut program = Program::start(&["--upstream", "127.0.0.1:9", "--upstream-timeout", "1s"]);
    let reply = get(program.addr, "/api/weather/97201/us");
    assert_eq!(reply.status, 502);
    assert!(!reply.text().contains("refused"), "{}", reply.text());
    let mut line = String::new();
    BufReader::new(program.stderr()).read_line(&mut line).unwrap();
    assert!(line.contains("127.0.0.1:9/weather") && line.contains("refused"), "{line}");
}
