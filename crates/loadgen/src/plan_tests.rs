//! What a spec may say, and what it is told when it says something else.

use super::*;
use crate::protocol::{Arrivals, Expect};

fn spec() -> Spec {
    serde_json::from_str(
        r#"{"url": "http://127.0.0.1:8080/a?b=c", "load": {"mode": "closed", "clients": 4},
            "timeout_ms": 1000, "warm_up_ms": 0, "window_ms": 1000}"#,
    )
    .unwrap()
}

fn refusal(change: impl FnOnce(&mut Spec)) -> String {
    let mut spec = spec();
    change(&mut spec);
    match Plan::new(spec) {
        Err(error @ Error::Spec(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_url_becomes_an_address_and_a_request() {
    let plan = Plan::new(spec()).unwrap();
    assert_eq!(plan.target, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(plan.request, b"GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n");
    for (url, target, path) in [
        ("http://localhost:81", "127.0.0.1:81", "/"),
        ("http://[::1]:81/x", "[::1]:81", "/x"),
        ("http://[::1]/x", "[::1]:80", "/x"),
        ("http://127.0.0.9/", "127.0.0.9:80", "/"),
    ] {
        let url = Url::parse(url).unwrap();
        assert_eq!((url.target, url.path), (target.parse().unwrap(), path));
    }
}

#[test]
fn a_bad_url_is_one_sentence_with_an_example() {
    for bad in [
        "https://127.0.0.1/",
        "127.0.0.1:80/",
        "http://",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:70000/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nx: y",
        "http://127.0.0.1/#x",
        "http://127.0.0.1?x",
        "http://user@127.0.0.1/",
        "http://example.org/",
        "http://::1/",
    ] {
        let refusal = refusal(|spec| spec.url = bad.into());
        assert!(refusal.ends_with("give one such as http://127.0.0.1:8080/hello"), "{bad}: {refusal}");
    }
}

#[test]
fn only_this_machine_unless_the_host_is_named() {
    let remote = |spec: &mut Spec| spec.url = "http://192.0.2.1:80/".into();
    assert!(refusal(remote).contains("not on this machine"));
    let mut named = spec();
    remote(&mut named);
    named.allow_remote = Some("192.0.2.2".into());
    assert!(Plan::new(named.clone()).is_err());
    named.allow_remote = Some("192.0.2.1".into());
    assert!(Plan::new(named).is_ok());
}

#[test]
fn impossible_loads_are_refused() {
    let open = |rate_rps, connections| Load::Open { rate_rps, arrivals: Arrivals::Poisson, connections };
    assert!(refusal(|spec| spec.load = Load::Closed { clients: 0 }).contains("0 clients"));
    assert!(refusal(|spec| spec.load = open(10.0, 0)).contains("0 connections"));
    for rate in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e12] {
        assert!(refusal(|spec| spec.load = open(rate, 1)).contains("rate_rps is"));
    }
    let refusal = refusal(|spec| spec.load = Load::Closed { clients: u32::MAX });
    assert!(refusal.contains("file descriptors"), "{refusal}");
}

#[test]
fn impossible_times_methods_and_expectations_are_refused() {
    assert!(refusal(|spec| spec.timeout_ms = 0).starts_with("timeout_ms is 0"));
    assert!(refusal(|spec| spec.window_ms = 0).starts_with("window_ms is 0"));
    assert!(refusal(|spec| spec.series_interval_ms = 0).starts_with("series_interval_ms is 0"));
    assert!(refusal(|spec| spec.warm_up_ms = u64::MAX).starts_with("warm_up_ms is"));
    let rows = |spec: &mut Spec| (spec.window_ms, spec.series_interval_ms) = (200_000, 1);
    assert!(refusal(rows).contains("series_interval_ms larger"));
    for bad in ["", "get", "GET /", "CONNECT"] {
        assert!(refusal(|spec| spec.method = bad.into()).starts_with("method is"));
    }
    assert!(refusal(|spec| spec.expect = Expect { status: 42, body: None }).starts_with("expect.status"));
    let head = |spec: &mut Spec| {
        spec.method = "HEAD".into();
        spec.expect.body = Some("x".into());
    };
    assert!(refusal(head).contains("HEAD"));
}
