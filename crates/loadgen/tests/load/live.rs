//! A load that is changed while it runs: levels that are reached, connections that stay, a stretch that is kept.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use loadgen::live::{Now, Order, Told};
use loadgen::protocol::{Outcome, Spec};

use crate::server::{Act, Server};
use testing::eventually;

use crate::support::{HELLO, closed, open};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Killed and reaped with the test, whatever becomes of that.
struct Live {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Live {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .arg("--live")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn load(&mut self, spec: &Spec, now: f64, slow: u32) {
        let order = Order::Load { spec: Box::new(spec.clone()), now, slow };
        self.say(&serde_json::to_string(&order).unwrap());
    }

    fn told(&mut self) -> Told {
        let line = self.lines.next().expect("it goes on").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Rows until one is as it should be.
    fn until(&mut self, what: &str, enough: impl Fn(&Now) -> bool) -> Now {
        let until = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < until {
            match self.told() {
                Told::Row(now) if enough(&now) => return now,
                other => last = Some(other),
            }
        }
        panic!("never: {what}; the last was {last:?}");
    }

    fn answer(&mut self, line: &str) -> Told {
        self.say(line);
        loop {
            match self.told() {
                Told::Row(_) => {}
                other => return other,
            }
        }
    }

    fn take(&mut self) -> Outcome {
        match self.answer("\"take\"") {
            Told::Taken(Some(outcome)) => *outcome,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn clients_come_and_go_and_those_that_stay_keep_their_connections() {
    let server = Server::constant(Duration::from_millis(50), HELLO);
    let spec = closed(server.url("/"), 40);
    let mut live = Live::start();
    live.load(&spec, 3.0, 0);
    let now =
        live.until("3 in flight", |now| now.in_flight == 3 && now.p50_ms.is_some() && now.cpu.is_some());
    assert!(now.p50_ms.unwrap() >= 50.0 && now.minute_p50_ms.is_some() && now.errors == 0, "{now:?}");
    assert!(now.cpu.is_some_and(|cores| (0.0..64.0).contains(&cores)), "{now:?}");
    live.load(&spec, 12.0, 0);
    live.until("12 in flight", |now| now.in_flight == 12);
    // A row may have been told while the last of them was still being accepted. More than 12 stay more.
    eventually("there are 12 connections, since nobody connected again", || server.connections() == 12);
    live.load(&spec, 0.0, 0);
    live.until("a pause", |now| now.in_flight == 0 && now.completed == 0);
    live.load(&spec, 2.0, 0);
    live.until("2 in flight", |now| now.in_flight == 2);
    // Who had left may not have been missed yet.
    assert!((12..=14).contains(&server.most_open()), "{}", server.most_open());
}

#[test]
fn at_level_0_nobody_waits_for_an_answer_any_more() {
    let server = Server::start(|_| vec![Act::Hang]);
    let spec = closed(server.url("/"), 5);
    let mut live = Live::start();
    live.load(&spec, 5.0, 0);
    live.until("5 in flight", |now| now.in_flight == 5);
    live.load(&spec, 0.0, 0);
    live.until("nothing in flight", |now| now.in_flight == 0);
    assert_eq!(live.answer("\"take\""), Told::Taken(None), "nothing is left of it");
}

#[test]
fn new_clients_come_one_after_the_other_over_half_of_the_warm_up() {
    let server = Server::start(|_| vec![Act::Hang]);
    let spec = Spec { warm_up_ms: 60_000, ..closed(server.url("/"), 10) };
    let mut live = Live::start();
    live.load(&spec, 10.0, 0);
    let first = live.until("the first", |now| now.in_flight > 0);
    assert!(first.in_flight < 10, "the last one is due after 27 s: {first:?}");
}

#[test]
fn what_ended_since_the_mark_can_be_taken() {
    let server = Server::constant(Duration::from_millis(10), HELLO);
    let mut live = Live::start();
    assert_eq!(live.answer("\"take\""), Told::Taken(None), "there is no load yet");
    live.load(&closed(server.url("/"), 5), 5.0, 0);
    live.until("5 in flight", |now| now.in_flight == 5 && now.completed > 50);
    let before = server.requests() as u64;
    live.say("\"mark\"");
    (0..6).for_each(|_| _ = live.until("a row", |_| true));
    let outcome = live.take();
    assert!(outcome.completed > 50 && outcome.completed <= server.requests() as u64 - before + 5);
    assert_eq!(outcome.scheduled, outcome.completed);
    assert!(outcome.window_ms > 1_000.0 && outcome.series.len() >= 5, "{outcome:?}");
    assert_eq!((outcome.connections_wanted, outcome.connections_up), (5, 5));
    let rate = outcome.completed as f64 / (outcome.window_ms / 1e3);
    assert!((outcome.throughput_rps / rate - 1.0).abs() < 1e-9, "{outcome:?}");
}

#[test]
fn an_open_loop_keeps_its_rate_whatever_the_server_does() {
    // Every hundredth answer takes a second.
    let server = Server::start(|request| {
        let wait = if request.nth % 100 == 99 { 1_000 } else { 1 };
        vec![Act::Wait(Duration::from_millis(wait)), Act::Send(HELLO.into())]
    });
    let spec = open(server.url("/"), 1_000.0, 64);
    let mut live = Live::start();
    live.load(&spec, 40.0, 0);
    live.until("an answer", |now| now.completed > 0);
    live.load(&spec, 400.0, 0);
    live.until("a quick second", |now| now.completed > 60);
    live.say("\"mark\"");
    (0..12).for_each(|_| _ = live.until("a row", |_| true));
    let outcome = live.take();
    assert!((300.0..500.0).contains(&outcome.throughput_rps), "{}", outcome.throughput_rps);
    assert_eq!(outcome.failed.len(), 0);
    live.load(&spec, 0.0, 0);
    live.until("silence", |now| now.completed == 0 && now.in_flight == 0);
}

#[test]
fn slow_clients_hold_connections_and_never_ask_for_anything() {
    let server = Server::constant(Duration::ZERO, HELLO);
    let spec = closed(server.url("/"), 1);
    let mut live = Live::start();
    live.load(&spec, 0.0, 6);
    live.until("6 are held", |now| now.slow == 6);
    eventually("all 6 are accepted", || server.connections() >= 6);
    assert_eq!((server.connections(), server.requests()), (6, 0));
    live.load(&spec, 0.0, 0);
    live.until("none is held", |now| now.slow == 0);
}

#[test]
fn a_wrong_order_is_refused_and_the_load_goes_on() {
    let server = Server::constant(Duration::from_millis(20), HELLO);
    let spec = closed(server.url("/"), 4);
    let mut live = Live::start();
    live.load(&spec, 4.0, 0);
    live.until("4 in flight", |now| now.in_flight == 4);
    let order = |spec: &Spec, now: f64, slow: u32| {
        serde_json::to_string(&Order::Load { spec: Box::new(spec.clone()), now, slow }).unwrap()
    };
    let mut remote = spec.clone();
    remote.url = "http://192.0.2.1/".into();
    for (line, says) in [
        ("\"stop\"".to_owned(), "that is no order"),
        (order(&spec, 5.0, 0), "0 to 4 clients"),
        (order(&spec, 1.0, 20_000), "20000 slow clients"),
        (order(&remote, 1.0, 0), "loopback"),
    ] {
        let Told::Refused { message } = live.answer(&line) else { panic!("{line}") };
        assert!(message.contains(says), "{line}: {message}");
    }
    live.until("4 in flight", |now| now.in_flight == 4 && now.completed > 0);
    drop(live.child.stdin.take());
    assert_eq!(live.child.wait().unwrap().code(), Some(0), "it ends with its standard input");
}
