//! The program: its line of readiness, its ends, its refusals.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use crate::client::{Connection, PATIENCE, get, order, until};
use rustix::process::{Pid, Signal, kill_process};

struct Program {
    child: Child,
    addr: SocketAddr,
}

impl Program {
    fn start(flags: &[&str]) -> Self {
        let mut child = command(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = lifecycle::announced(&line).unwrap_or_else(|| panic!("not a line of readiness: {line:?}"));
        Self { child, addr }
    }

    fn exit_code(mut self) -> Option<i32> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("it did not end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upstream"));
    command.args(flags);
    command
}

fn failure(flags: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(flags).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_signal_ends_it_with_0_after_the_call_in_service() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::start(&["--port=0", "--delay=fixed:300ms"]);
        let mut connection = Connection::open(program.addr);
        connection.send("GET", "/location?q=97201,us", "");
        until(program.addr, "the call in service", |state| state["in_service"] == 1);
        kill_process(Pid::from_child(&program.child), signal).unwrap();
        assert_eq!(connection.answer_to("GET").unwrap().status, 200);
        assert_eq!(program.exit_code(), Some(0));
    }
}

#[test]
fn it_ends_with_its_standard_input_when_it_is_told_to_and_only_then() {
    let mut program = Program::start(&["--port=0", "--exit-with-stdin"]);
    drop(program.child.stdin.take());
    assert_eq!(program.exit_code(), Some(0));

    let mut program = Program::start(&["--port=0", "--delay=fixed:0ms"]);
    drop(program.child.stdin.take());
    assert_eq!(get(program.addr, "/location?q=97201,us").status, 200);
    assert!(program.child.try_wait().unwrap().is_none());
}

#[test]
fn a_port_in_use_is_said_in_a_sentence_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (code, message) = failure(&["--port", &port.to_string()]);
    assert_eq!(code, Some(1));
    assert!(message.starts_with(&format!("error: cannot listen on 127.0.0.1:{port}: ")), "{message}");
    assert!(message.contains("--port 0") && message.lines().count() == 1, "{message}");
}

#[test]
fn wrong_usage_is_2_and_names_the_flag() {
    for (flags, says) in [
        (["--delay", "slow"], "must be lecture, fixed:100ms, exp:100ms or lognormal:100ms:0.5"),
        (["--delay", "fixed:100"], "\"100\" must be a time as in 100ms or 1.5s"),
        (["--time-scale", "-1"], "--time-scale"),
        (["--capacity", "0"], "--capacity"),
        (["--date", "yesterday"], "must be a day of the calendar as in 2026-03-20"),
        (["--colour", "red"], "--colour"),
    ] {
        let (code, message) = failure(&flags);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(flags[0]) && message.contains(says), "{message}");
    }
}

#[test]
fn help_teaches_with_lines_that_can_be_tried() {
    let mut help = String::new();
    let mut child = command(&["--help"]).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_to_string(&mut help).unwrap();
    assert!(child.wait().unwrap().success());
    for line in help.lines().filter(|line| line.contains("curl -d")) {
        let body = line.split('\'').nth(1).unwrap();
        let program = Program::start(&["--port=0"]);
        order(program.addr, body);
    }
    assert!(help.matches("curl ").count() >= 6);
}
