//! `serve` and `load`: servers to try out, and load on servers that run already.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use lab::contract::http::{Connection, Request};
use lab::results::Mode;
use rustix::process::Signal;

use super::{Lab, path, stderr, stdout};

/// The first of three ports in a row that nobody uses now.
fn three_free_ports() -> u16 {
    let seed = (std::process::id() % 10_000) as u16;
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut first = (0..10_000_u16).map(|n| 20_000 + (seed + n * 7) % 10_000);
    first.find(|first| (*first..first + 3).all(free)).expect("ports")
}

#[test]
fn servers_are_up_until_ctrl_c_and_can_be_loaded_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let port = three_free_ports();
    let port_flag = format!("--port={port}");
    let mut lab = Lab::new(["serve", "pool", "event-loop", "--threads=2", &port_flag]).start();
    let mut lines = BufReader::new(lab.child().stdout.take().unwrap()).lines();
    let said: Vec<String> =
        lines.by_ref().map(Result::unwrap).take_while(|line| !line.contains("Ctrl-C")).collect();
    assert!(
        said.iter().any(|line| line.starts_with("event-loop") && line.ends_with(&(port + 1).to_string())),
        "{said:?}"
    );

    for port in [port, port + 1] {
        let addr = (Ipv4Addr::LOCALHOST, port).into();
        let mut connection = Connection::open(addr, Duration::from_secs(30)).unwrap();
        assert_eq!(connection.exchange(&Request::get("/hello")).unwrap().body, br#"{"hello":"world"}"#);
    }

    let urls = [port, port + 1].map(|port| format!("http://127.0.0.1:{port}/wait/50"));
    let json = path(dir.path(), "loaded.json");
    let flags = ["--clients=6", "--duration=1s", "--warm-up=100ms", "--json", json.to_str().unwrap()];
    let loaded = Lab::new(["load", &urls[0], &urls[1]].iter().chain(&flags)).output();
    assert!(loaded.status.success(), "{}", stderr(&loaded));
    assert!(urls.iter().all(|url| stdout(&loaded).contains(url)), "{}", stdout(&loaded));
    let results = lab::report::read(&json).unwrap();
    let rps: Vec<_> = results.trials.iter().map(|trial| trial.throughput_rps.unwrap()).collect();
    assert_eq!(results.trials.iter().map(|trial| &trial.rung).collect::<Vec<_>>(), [&urls[0], &urls[1]]);
    // Of six clients each may have had an answer just before the window that a busy generator read in it.
    assert!(rps[0] <= 2.0 / 0.050 * 1.1 + 6.0, "two threads serve no more: {rps:?}");
    assert!(results.trials.iter().all(|trial| trial.server.cpu_s.is_none() && trial.completed > 0));
    let report = Lab::new(["report", json.to_str().unwrap()]).output();
    assert!(report.status.success(), "{}", stderr(&report));

    let live = format!("http://127.0.0.1:{}/live", port + 1);
    let flags = ["--subscribers=3", "--duration=1s", "--warm-up=0", "--json", json.to_str().unwrap()];
    let listened = Lab::new(["load", &live].iter().chain(&flags)).output();
    assert!(listened.status.success(), "{}", stderr(&listened));
    let trial = lab::report::read(&json).unwrap().trials.remove(0);
    assert_eq!((trial.load.mode, trial.load.clients), (Mode::Subscribers, 3));
    assert!((2..=4).contains(&trial.completed), "a tick each: {}", trial.completed);

    lab.signal(Signal::INT);
    assert!(lab.output().status.success());
    #[cfg(target_os = "linux")]
    lab.none_is_left();
}

#[test]
fn a_port_in_use_is_named_before_anything_starts() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Lab::new(["serve", "--port", &port]).output();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&format!("port {port} cannot be had")), "{}", stderr(&output));
}

#[test]
fn load_stays_on_this_machine_unless_told_otherwise() {
    // TEST-NET-1: an address that is nobody's.
    let output = Lab::new(["load", "http://192.0.2.1/", "--duration=100ms", "--warm-up=0"]).output();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("192.0.2.1"), "{}", stderr(&output));
}

#[test]
fn nobody_listening_is_a_result_of_refusals() {
    // A port that was free a moment ago may be that of a server beside this test by now.
    let output =
        Lab::new(["load", "http://127.0.0.1:1/", "--clients=2", "--duration=500ms", "--warm-up=0"]).output();
    assert!(
        stdout(&output).contains("not one request was answered"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
}
