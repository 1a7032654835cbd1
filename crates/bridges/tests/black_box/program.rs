//! The program itself: its flags, its threads, what it prints and how it ends.

use std::io::{BufRead, BufReader};

use rustix::process::{Pid, Signal, kill_process};

use testing::eventually;
use testing::http::{Connection, assert_alive, get};
use testing::program::{Program, command, run};

const BINARY: &str = env!("CARGO_BIN_EXE_bridges");

fn start(model: &str, flags: &[&str]) -> Program {
    Program::spawn(command(BINARY, &[&["--port", "0", "--model", model], flags].concat()))
}
#[test]
fn wrong_usage_is_one_sentence_that_names_the_flag_and_exit_code_2() {
    for (flags, what) in [
        (&["--port", "99999"][..], "--port"),
        (&["--model", "event-loop"], "blocked-loop"),
        (&["--workers", "2"], "--model offload"),
        (&["--model", "blocked-loop", "--blocking-threads", "8"], "--model offload"),
        (&["--model", "offload", "--blocking-threads", "0"], "--blocking-threads"),
        (&["--model", "offload", "--workers", "2", "--blocking-threads", "5"], "a multiple of 2"),
        (&["--model", "offload", "--no-supervisor"], "--no-supervisor"),
        (&["--upstream", "https://127.0.0.1:1"], "http://HOST:PORT"),
        (&["--upstream-timeout", "0s"], "longer than 0"),
        (&["--grace", "soon"], "2s, 500ms or 1m"),
        (&["--threads", "8"], "--threads"),
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
    for promised in ["--blocking-threads", "--exit-with-stdin", "blocked-loop", "Limits:", "512", "curl"] {
        assert!(help.contains(promised), "{promised} in\n{help}");
    }
}

#[test]
fn either_stop_signal_ends_it_with_code_0_after_what_was_begun() {
    for (model, flags) in [
        ("async-views", &[][..]),
        ("async-views", &["--no-supervisor"]),
        ("offload", &["--workers", "1"]),
        ("blocked-loop", &["--workers", "1"]),
    ] {
        for signal in [Signal::TERM, Signal::INT] {
            let program = start(model, flags);
            let mut streaming = Connection::asking(program.addr, "/stream/4/200");
            // Its first chunk says that the view has been reached.
            streaming.head().unwrap();
            program.signal(signal);
            let mut chunks = 0;
            while streaming.chunk().unwrap().is_some() {
                chunks += 1;
            }
            assert_eq!(chunks, 4, "{model}");
            let (status, _, log) = program.end();
            assert_eq!((status.code(), &*log), (Some(0), ""), "{model} {flags:?}");
        }
    }
}

#[test]
fn a_thread_that_cannot_be_stopped_does_not_keep_the_program() {
    let program = start("offload", &["--workers", "1", "--grace", "200ms"]);
    let mut endless = Connection::asking(program.addr, "/wait/60000");
    // Read in order on one loop: the reply to this says that the other request was.
    let mut malformed = Connection::open(program.addr);
    malformed.write(b"this is not HTTP\r\n\r\n");
    assert_eq!(malformed.head().unwrap().status, 400);
    program.signal(Signal::TERM);
    let (status, _, log) = program.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("not finished within 200ms"), "{log}");
    assert!(endless.head().is_err(), "cut, without a reply that was never made");
}

#[test]
fn it_ends_with_its_standard_input_when_told_to() {
    for (model, flag) in [("async-views", Some("--no-supervisor")), ("async-views", None), ("offload", None)]
    {
        let flags: Vec<_> = flag.into_iter().chain(["--exit-with-stdin"]).collect();
        let mut program = start(model, &flags);
        assert_alive(program.addr);
        drop(program.child.stdin.take());
        let (status, ..) = program.end();
        assert_eq!(status.code(), Some(0), "{model}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn which_threads_wait() {
    const WAITING: usize = 20;
    for (model, flags, fewest, most) in [
        // One runs the view and one reads the connection, of which rouille has four before anybody comes. It
        // also has some to spare, more of them on a busy machine.
        ("async-views", &["--no-supervisor"][..], 2 * WAITING - 4, 4 * WAITING),
        ("offload", &["--workers", "1", "--blocking-threads", "64"], WAITING, WAITING + 1),
        ("offload", &["--workers", "1", "--blocking-threads", "5"], 5, 5),
        ("blocked-loop", &["--workers", "1"], 0, 0),
    ] {
        let program = start(model, flags);
        let idle = program.threads();
        let waiting: Vec<_> = (0..WAITING).map(|_| Connection::asking(program.addr, "/wait/60000")).collect();
        eventually("the threads are there", || program.threads() >= idle + fewest);
        let more = program.threads() - idle;
        assert!((fewest..=most).contains(&more), "{model} {flags:?}: {more} more than the {idle} when idle");
        drop(waiting);
    }
}

#[test]
fn what_nobody_waits_for_any_more_is_not_begun() {
    let mut program = start("offload", &["--workers", "1", "--blocking-threads", "1", "--access-log"]);
    let mut log = BufReader::new(program.child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut first = Connection::asking(program.addr, "/wait/1500");
    let in_the_queue = Connection::asking(program.addr, "/wait/60000");
    // Read in order on one loop: the reply to this says that both requests were.
    let mut malformed = Connection::open(program.addr);
    malformed.write(b"this is not HTTP\r\n\r\n");
    assert_eq!(malformed.head().unwrap().status, 400);
    in_the_queue.reset();
    let line = log.next().unwrap();
    assert!(line.contains("\"GET /wait/60000\" 499 "), "{line}");
    assert_eq!(first.reply(false).unwrap().status, 200);
    // Within the half minute after which a client here gives up, the only thread has time for this.
    assert_alive(program.addr);
}

#[test]
fn what_the_upstream_did_wrong_is_in_the_log_and_not_in_the_reply() {
    for model in ["async-views", "offload", "blocked-loop"] {
        let program = start(model, &["--upstream", "127.0.0.1:9", "--upstream-timeout", "1s"]);
        let reply = get(program.addr, "/api/weather/97201/us");
        assert_eq!(reply.status, 502, "{model}");
        assert!(!reply.text().contains("127.0.0.1:9"), "{model}");
        program.signal(Signal::TERM);
        let (.., log) = program.end();
        assert!(log.contains("GET http://127.0.0.1:9/weather?zip=97201,us: "), "{model}: {log}");
        assert_eq!(log.lines().count(), 1, "{model}: {log}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_supervisor_has_a_server_of_async_views_back() {
    let program = start("async-views", &[]);
    let [first] = program.children()[..] else { panic!("one server: {:?}", program.children()) };
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    eventually("another is there", || {
        program.children().first().is_some_and(|&pid| pid != first)
            && Connection::try_open(program.addr).is_ok()
    });
    assert_alive(program.addr);
    program.signal(Signal::TERM);
    let (status, _, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("Starting another"), "{log}");
}
