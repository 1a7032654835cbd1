//! The generator as a process: lines in, lines out, and an end in every case.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loadgen::protocol::Event;

use crate::server::Server;
use crate::support::{HELLO, closed};

/// Killed and reaped with the test, whatever becomes of that.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(first_line: &str) -> Program {
    let mut child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{first_line}").unwrap();
    Program(child)
}

fn exit_code(program: &mut Program) -> Option<i32> {
    program.0.wait().unwrap().code()
}

#[test]
fn a_spec_in_and_events_out_the_last_one_the_outcome() {
    let server = Server::constant(Duration::from_millis(5), HELLO);
    let mut program = start(&serde_json::to_string(&closed(server.url("/"), 2)).unwrap());
    // Standard input stays open meanwhile: held by `program`.
    let mut text = String::new();
    program.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(events[0], Event::Window { .. }), "{text}");
    let Some(Event::Outcome(outcome)) = events.last() else { panic!("{text}") };
    assert!(outcome.completed > 0 && outcome.completed == outcome.scheduled, "{text}");
    assert_eq!(exit_code(&mut program), Some(0));
}

#[test]
fn a_bad_spec_is_one_clear_sentence_and_exit_code_2() {
    let good = serde_json::to_string(&closed("http://127.0.0.1:1/".into(), 2)).unwrap();
    for (line, says) in [
        ("", "not a spec"),
        ("{}", "missing field `url`"),
        (&good.replace("\"clients\"", "\"customers\""), "unknown field `customers`"),
        (&good.replace("\"clients\":2", "\"clients\":0"), "0 clients"),
        (&good.replace("127.0.0.1", "192.0.2.1"), "loopback"),
    ] {
        let mut program = start(line);
        let mut text = String::new();
        program.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        let Ok(Event::Failed { message }) = serde_json::from_str(&text) else { panic!("{line}: {text}") };
        assert!(message.contains(says), "{line}: {message}");
        assert_eq!(exit_code(&mut program), Some(2));
    }
}

#[test]
fn it_ends_with_its_standard_input() {
    let server = Server::constant(Duration::from_millis(5), HELLO);
    let mut spec = closed(server.url("/"), 2);
    spec.window_ms = 3_600_000;
    let mut program = start(&serde_json::to_string(&spec).unwrap());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("window"));
    drop(program.0.stdin.take());
    // An hour early.
    exit_code(&mut program);
    assert!(!lines.map_while(Result::ok).any(|line| line.contains("outcome")));
}
