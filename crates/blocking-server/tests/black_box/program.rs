//! The program itself: its flags, what it prints and how it ends, under its supervisor and without.

use std::io::{BufRead, BufReader};

use rustix::process::Signal;

use testing::eventually;
use testing::http::{Connection, assert_alive, get, is_alive, send};
use testing::program::{Program, command, is_there, run};

const BINARY: &str = env!("CARGO_BIN_EXE_blocking-server");

fn start(flags: &[&str]) -> Program {
    Program::spawn(command(BINARY, &[&["--port", "0"], flags].concat()))
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
        let (code, out, err) = run(BINARY, flags);
        assert_eq!((code, &*out), (2, ""), "{flags:?}");
        assert!(err.starts_with("error: ") && err.contains(what), "{err}");
    }
}

#[test]
fn the_help_says_what_flags_mean_and_which_limits_hold() {
    let (code, help, _) = run(BINARY, &["--help"]);
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
    let first = start(&[]);
    let port = first.addr.port().to_string();
    for flags in [&["--port", &port][..], &["--port", &port, "--no-supervisor"]] {
        let (code, out, err) = run(BINARY, flags);
        assert_eq!((code, &*out), (1, ""));
        assert!(err.starts_with("error: cannot listen on 127.0.0.1:") && err.lines().count() == 1, "{err}");
    }
    assert_alive(first.addr);
}

#[test]
fn either_stop_signal_ends_it_with_code_0_after_what_was_begun() {
    for flags in [&[][..], &["--no-supervisor"], &["--model", "pool", "--threads", "2"]] {
        for signal in [Signal::TERM, Signal::INT] {
            let program = start(flags);
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
    let program = start(&["--grace", "5s"]);
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
    let program = start(&["--grace", "100ms"]);
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
        let mut program = start(flags);
        assert_alive(program.addr);
        let servers = program.children();
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
    let mut program = start(&[]);
    let servers = program.children();
    assert_eq!(servers.len(), 1);
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    eventually("the server is gone", || !is_there(servers[0]) && !is_alive(program.addr));
}

#[test]
fn the_access_log_has_a_line_for_every_request_however_it_ended() {
    let mut program = start(&["--access-log"]);
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
    let mut program = start(&["--upstream", "127.0.0.1:9", "--upstream-timeout", "1s"]);
    let reply = get(program.addr, "/api/weather/97201/us");
    assert_eq!(reply.status, 502);
    assert!(!reply.text().contains("refused"), "{}", reply.text());
    let mut line = String::new();
    BufReader::new(program.stderr()).read_line(&mut line).unwrap();
    assert!(line.contains("127.0.0.1:9/weather") && line.contains("refused"), "{line}");
}
