//! Nobody but the page itself starts a load, and nobody more than this machine can carry.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use serde_json::{Value, json};

use super::support::{Lab, eventually};

#[test]
fn only_this_page_may_ask() {
    let lab = Lab::start(["pool", "event-loop"]);
    let (addr, port) = (lab.addr, lab.addr.port());
    let get =
        |host: &str| lab.raw(&format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).status;
    for own in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        assert_eq!(get(&own), 200, "{own}");
    }
    let other = port.wrapping_add(1);
    for foreign in ["example.org", &format!("example.org:{port}"), "127.0.0.1", &format!("127.0.0.1:{other}")]
    {
        assert_eq!(get(foreign), 403, "a name that was made to point here: {foreign}");
    }
    let fetch = |path: &str, site: &str, dest: &str| {
        lab.raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: {addr}\r\nsec-fetch-site: {site}\r\nsec-fetch-dest: {dest}\r\nconnection: close\r\n\r\n"
        ))
        .status
    };
    assert_eq!(fetch("/presets", "same-origin", "empty"), 200, "the page itself");
    assert_eq!(fetch("/", "cross-site", "document"), 200, "a link to it");
    assert_eq!(fetch("/events", "cross-site", "image"), 403, "a picture on another page");
    assert_eq!(fetch("/main.js", "same-site", "script"), 403, "a script of another port");
    assert_eq!(fetch("/", "cross-site", "iframe"), 403, "inside of another page");
    let run = r#"{"do":"run","on":true}"#;
    let post = |headers: &str| {
        let length = run.len();
        let head = format!("POST /do HTTP/1.1\r\nhost: {addr}\r\n{headers}content-length: {length}\r\n\r\n");
        lab.raw(&(head + run)).status
    };
    let json = "content-type: application/json\r\n";
    assert_eq!(post(json), 403, "without an origin");
    assert_eq!(post(&format!("{json}origin: http://example.org\r\n")), 403, "another page");
    assert_eq!(post(&format!("{json}origin: null\r\n")), 403, "a page without an address");
    assert_eq!(post(&format!("{json}origin: https://{addr}\r\n")), 403, "another scheme is another page");
    assert_eq!(
        post(&format!("content-type: text/plain\r\norigin: http://{addr}\r\n")),
        415,
        "as a form would"
    );
    let mut watch = lab.watch();
    assert_eq!(watch.until_up()["on"], Value::Bool(false), "nobody has started a load");
    assert_eq!(post(&format!("{json}origin: http://{addr}\r\n")), 202);
    watch.until("load", |frame| frame["on"] == true);
}

#[test]
fn what_this_machine_cannot_carry_or_nobody_understands_is_refused_in_words() {
    let lab = Lab::start(["pool", "event-loop"]);
    let frame = lab.watch().until_up();
    let changed = |name: &str, value: Value| {
        let mut settings = frame["settings"].clone();
        settings[name] = value;
        json!({ "do": "set", "settings": settings }).to_string()
    };
    for (body, says) in [
        ("{".to_owned(), "that is no command"),
        ("{\"do\":\"explode\"}".to_owned(), "unknown variant `explode`"),
        ("{\"do\":\"set\"}".to_owned(), "missing field `settings`"),
        (changed("clients", json!(0)), "clients is 0"),
        (changed("clients", json!(1_000_000)), "clients is 1000000; it must be 1 to"),
        (changed("slow", json!(1_000_000)), "slow is 1000000"),
        (changed("rate_rps", json!(1e9)), "rate_rps is 1000000000"),
        (changed("wait_ms", json!(600_000)), "wait_ms is 600000"),
        (changed("pool", json!(-1)), "that is no command"),
        (changed("rungs", json!(["pool", "pond"])), "there is no rung \"pond\""),
        (changed("more", json!(1)), "unknown field `more`"),
        (json!({"do": "stall", "for_ms": 0}).to_string(), "for_ms is 0"),
        (json!({"do": "restart", "lane": 7}).to_string(), "there is no lane 7"),
        (
            json!({"do": "preset", "name": "nothing", "guesses": [null, null]}).to_string(),
            "no preset \"nothing\"",
        ),
        (
            json!({"do": "preset", "name": "scale", "guesses": [-1, null]}).to_string(),
            "a guess is 0 to 1000000",
        ),
    ] {
        let answer = lab.post(&body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 400, "{body}: {text}");
        assert!(text.contains(says), "{body}: {text}");
    }
    let long = json!({ "do": "preset", "name": "x".repeat(20_000), "guesses": [null, null] });
    assert_eq!(lab.post(&long.to_string()).status, 413);
    assert_eq!(lab.get("/etc/passwd").status, 404);
}

/// A browser has six connections to the page, for all of its tabs together.
#[test]
fn a_sixth_page_is_refused_so_that_commands_get_through() {
    let lab = Lab::start(["event-loop", "event-loop"]);
    let watching: Vec<_> = (0..5).map(|_| lab.watch()).collect();
    let refused = lab.get("/events");
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!((refused.status, text.as_str()), (503, "5 pages watch already.\n"));
    lab.command(&json!({ "do": "run", "on": false }));
    drop(watching);
    eventually("there is room again", || (lab.status_of("/events") == 200).then_some(()));
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused_before_anything_starts() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, code, says) in [
        (&["live", "pool"][..], 2, "name two rungs, or none"),
        (&["live", "pool", "pond"], 2, "there is no rung \"pond\""),
        (&["live", "--port", "high"], 2, "--port"),
        (&["live", "--no-open", "--port", &port], 1, "choose another with --port"),
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}
