//! Trouble on demand, as a caller sees it, and what the control path says.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Connection, get, order, services, state, try_ask, until};

const LOCATION: &str = "/location?q=97201,us";
const SUN: &str = "/sun?lat=45&lng=-122";
const WEATHER: &str = "/weather?zip=97201,us";

#[test]
fn an_error_is_a_problem_with_the_status_that_was_ordered() {
    let up = services("fixed:0ms");
    order(up.addr, r#"{"error":{"status":503,"path":"/sun"}}"#);
    let answer = get(up.addr, SUN);
    assert_eq!(answer.status, 503);
    assert!(answer.detail().contains("ordered"));
    assert_eq!(get(up.addr, LOCATION).status, 200);
    order(up.addr, r#"{"error":{}}"#);
    for target in [LOCATION, SUN, WEATHER] {
        assert_eq!(get(up.addr, target).status, 500, "{target}");
    }
}

#[test]
fn an_error_rate_hits_its_share_and_the_same_calls_for_the_same_seed() {
    let fates = || {
        let up = services("fixed:0ms");
        order(up.addr, r#"{"error":{"rate":0.5}}"#);
        let mut connection = Connection::open(up.addr);
        (0..200).map(|_| connection.ask("GET", SUN, "").unwrap().status).collect::<Vec<_>>()
    };
    let first = fates();
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((70..=130).contains(&failed), "{failed} of 200, not half");
    assert_eq!(first, fates());
}

#[test]
fn a_reset_is_a_reset_and_not_a_polite_end() {
    let up = services("fixed:0ms");
    order(up.addr, r#"{"reset":{"count":2}}"#);
    for _ in 0..2 {
        let error = try_ask(up.addr, "GET", SUN, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    assert_eq!(get(up.addr, SUN).status, 200, "two were ordered");
}

#[test]
fn garbage_says_json_and_is_not() {
    let up = services("fixed:0ms");
    order(up.addr, r#"{"garbage":{}}"#);
    let answer = get(up.addr, SUN);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
    let fetched = Ok(handlers::services::Response { status: answer.status, body: answer.body });
    assert_eq!(handlers::services::sun(fetched).unwrap_err().status(), 502);
}

#[test]
fn a_slow_body_comes_in_pieces_after_its_head_and_keeps_its_slot() {
    let up = services("fixed:0ms");
    let whole = get(up.addr, SUN).body;
    order(up.addr, r#"{"slow_body":{"over_ms":60000,"count":1}}"#);
    let mut slow = Connection::open(up.addr);
    slow.send("GET", SUN, "");
    assert!(slow.head().unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(state(up.addr)["in_service"], 1);
    assert_eq!(get(up.addr, SUN).body, whole, "one was ordered");
    drop(slow);
    until(up.addr, "the slot of the caller who hung up", |state| state["in_service"] == 0);

    order(up.addr, r#"{"slow_body":{"over_ms":400}}"#);
    let begin = Instant::now();
    assert_eq!(get(up.addr, SUN).body, whole, "slow, but right");
    assert!(begin.elapsed() >= Duration::from_millis(400));
}

#[test]
fn a_stall_holds_one_path_until_its_time_is_over() {
    let up = services("fixed:0ms");
    let begin = Instant::now();
    order(up.addr, r#"{"stall":{"for_ms":400,"path":"/weather"}}"#);
    assert_eq!(get(up.addr, SUN).status, 200);
    assert_eq!(get(up.addr, WEATHER).status, 200);
    assert!(begin.elapsed() >= Duration::from_millis(400));
    assert!(state(up.addr)["faults"].as_object().unwrap().is_empty(), "it is over by itself");
}

#[test]
fn calling_off_lets_go_of_those_who_wait() {
    let up = services("fixed:0ms");
    let addr = up.addr;
    for (method, body) in [("DELETE", ""), ("POST", "{}")] {
        order(addr, r#"{"stall":{"for_ms":600000},"error":{"path":"/location"}}"#);
        let waiting = thread::spawn(move || get(addr, SUN).status);
        until(addr, "the call in service", |state| state["in_service"] == 1);
        let answer = try_ask(addr, method, "/control", body).unwrap();
        assert_eq!((answer.status, &answer.json()["faults"]), (200, &serde_json::json!({})));
        assert_eq!(waiting.join().unwrap(), 200);
        assert_eq!(get(addr, LOCATION).status, 200);
    }
}

#[test]
fn the_state_shows_settings_counters_and_what_is_left_of_faults() {
    let up = services("exp:1ms");
    order(up.addr, r#"{"error":{"rate":1,"path":"/sun","count":3,"for_ms":600000}}"#);
    get(up.addr, SUN);
    get(up.addr, LOCATION);
    let state = state(up.addr);
    assert_eq!(state["requests"], serde_json::json!({"/location": 1, "/sun": 1, "/weather": 0}));
    assert_eq!((&state["served"], &state["in_service"], &state["queued"]), (&2.into(), &0.into(), &0.into()));
    assert_eq!(state["faults"]["error"]["count"], 2);
    assert!(state["faults"]["error"]["for_ms"].as_u64().unwrap() < 600_000);
    assert_eq!((&state["delay"], &state["seed"]), (&"exp:1ms".into(), &1.into()));
    assert!(state["capacity"].is_null());
    // What is left can be ordered again.
    order(up.addr, &state["faults"].to_string());
}

#[test]
fn a_bad_order_is_refused_by_field_and_changes_nothing() {
    let up = services("fixed:0ms");
    order(up.addr, r#"{"error":{"path":"/sun"}}"#);
    for (body, says) in [
        ("", "the body names faults (stall, reset, error, garbage, slow_body)"),
        ("stall", "the body names faults"),
        (r#"{"stal":{}}"#, "unknown field `stal`, expected one of `stall`, `reset`"),
        (r#"{"stall":{"for_ms":600001}}"#, "stall.for_ms must be 1 to 600000, not 600001"),
        (r#"{"error":{"rate":2}}"#, "error.rate must be more than 0, at most 1, not 2"),
        (r#"{"error":{"path":"/moon"}}"#, "error.path must be /location, /sun or /weather"),
    ] {
        let answer = try_ask(up.addr, "POST", "/control", body).unwrap();
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.detail().contains(says), "{body}: {}", answer.detail());
    }
    let answer = try_ask(up.addr, "POST", "/control", &" ".repeat(20_000)).unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(get(up.addr, SUN).status, 500, "the order before them holds");
}
