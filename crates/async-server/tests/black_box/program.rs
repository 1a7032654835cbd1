//! The program itself: its flags, what it prints and how it ends.

use rustix::process::Signal;

use testing::http::{Connection, assert_alive, get, send};
use testing::program::{Program, command, run};

const BINARY: &str = env!("CARGO_BIN_EXE_async-server");

fn start(flags: &[&str]) -> Program {
    Program::spawn(command(BINARY, &[&["--port", "0"], flags].concat()))
}
#[test]
fn wrong_usage_is_one_sentence_that_names_the_flag_and_exit_code_2() {
    for (flags, what) in [
        (["--port", "99999"], "--port"),
        (["--workers", "0"], "--workers"),
        (["--model", "thread-per-request"], "event-loop"),
        (["--upstream", "https://127.0.0.1:1"], "http://HOST:PORT"),
        (["--upstream-timeout", "0s"], "longer than 0"),
        (["--grace", "soon"], "2s, 500ms or 1m"),
        (["--threads", "8"], "--threads"),
    ] {
        let (code, out, err) = run(BINARY, &flags);
        assert_eq!((code, &*out), (2, ""), "{flags:?}");
        assert!(err.starts_with("error: ") && err.contains(what), "{err}");
    }
}

#[test]
fn the_help_says_what_flags_mean_and_which_limits_hold() {
    let (code, help, _) = run(BINARY, &["--help"]);
    assert_eq!(code, 0);
    for promised in ["--workers", "--exit-with-stdin", "event-loop", "Limits:", "4096", "75 s", "curl"] {
        assert!(help.contains(promised), "{promised} in\n{help}");
    }
}

#[test]
fn a_taken_port_is_one_sentence_and_exit_code_1() {
    let first = start(&[]);
    let (code, out, err) = run(BINARY, &["--port", &first.addr.port().to_string()]);
    assert_eq!((code, &*out), (1, ""));
    assert!(err.starts_with("error: cannot listen on 127.0.0.1:") && err.lines().count() == 1, "{err}");
    assert_alive(first.addr);
}

#[test]
fn either_stop_signal_ends_it_with_code_0_after_what_was_begun() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = start(&["--workers", "1"]);
        let mut waiting = Connection::open(program.addr);
        waiting.get("/wait/300");
        // In order on one loop: the one before has reached its view when this is answered.
        assert_alive(program.addr);
        program.signal(signal);
        assert_eq!(waiting.reply(false).unwrap().text(), r#"{"waited_ms":300}"#);
        let (status, _, log) = program.end();
        assert_eq!((status.code(), &*log), (Some(0), ""));
    }
}

#[test]
fn it_ends_with_its_standard_input_when_told_to() {
    let mut program = start(&["--exit-with-stdin"]);
    assert_alive(program.addr);
    drop(program.child.stdin.take());
    let (status, ..) = program.end();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_access_log_has_a_line_for_every_request_however_it_ended() {
    let program = start(&["--access-log", "--workers", "1"]);
    send(program.addr, "GET", "/hello?q=1", "x-request-id: first\r\n", b"");
    send(program.addr, "HEAD", "/hello", "x-request-id: second\r\n", b"");
    get(program.addr, "/nothing");
    send(program.addr, "POST", "/echo", "x-request-id: third\r\ncontent-length: 5\r\n", b"12345");
    let mut leaving = Connection::open(program.addr);
    leaving.write(b"GET /stream/1000/20 HTTP/1.1\r\nhost: t\r\nx-request-id: left\r\n\r\n");
    leaving.head().unwrap();
    drop(leaving);
    let mut slamming = Connection::open(program.addr);
    slamming.write(b"GET /wait/60000 HTTP/1.1\r\nhost: t\r\nx-request-id: slammed\r\n\r\n");
    assert_alive(program.addr);
    slamming.reset();
    // Grace is 10 s, so that the streamer's line is there by then at the latest.
    program.signal(Signal::TERM);
    let (status, _, log) = program.end();
    assert_eq!(status.code(), Some(0));
    for (part, end) in [
        ("\"GET /hello?q=1\" 200 17 B ", " ms first"),
        ("\"HEAD /hello\" 200 0 B ", " ms second"),
        ("\"GET /nothing\" 404 ", ""),
        ("\"POST /echo\" 200 5 B ", " ms third"),
        ("\"GET /stream/1000/20\" 200 ", " ms left cut"),
        ("\"GET /wait/60000\" 499 0 B ", " ms slammed cut"),
    ] {
        let is_it = |line: &&str| line.contains(part) && line.ends_with(end);
        assert_eq!(log.lines().filter(is_it).count(), 1, "{part}…{end} in\n{log}");
    }
    assert_eq!(log.lines().count(), 7, "{log}");
}

#[test]
fn what_the_upstream_did_wrong_is_in_the_log_and_not_in_the_reply() {
    let program = start(&["--upstream", "127.0.0.1:9"]);
    let reply = get(program.addr, "/api/weather/97201/us");
    assert_eq!(reply.status, 502);
    assert!(!reply.text().contains("127.0.0.1:9"));
    program.signal(Signal::TERM);
    let (.., log) = program.end();
    assert!(log.contains("GET http://127.0.0.1:9/weather?zip=97201,us: "), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}
