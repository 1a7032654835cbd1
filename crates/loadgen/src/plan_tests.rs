//! What a spec may say, and what it is told when it says something else.

use super::*;
use crate::protocol::{Arrivals, Expect, Shape, Weighted};

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
    let open = |rate_rps, connections| Load::Open {
        rate_rps,
        arrivals: Arrivals::Poisson,
        shape: Shape::Steady,
        connections,
    };
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

/// A spec that is right, for subscribers.
fn listening() -> Spec {
    Spec { load: Load::Subscribe { subscribers: 3, tick_ms: 1_000 }, ..spec() }
}

#[test]
fn subscribers_ask_for_events_and_begin_within_a_tick() {
    let plan = Plan::new(listening()).unwrap();
    let request = String::from_utf8(plan.request.clone()).unwrap();
    assert!(request.contains("\r\naccept: text/event-stream\r\n"), "{request}");
    assert_eq!((plan.connections, plan.spread_ns(), plan.tick_ns), (3, 1_000_000_000, 1_000_000_000));
}

#[test]
fn slow_clients_that_cannot_be_are_refused() {
    let slow = |clients, byte_every_ms| {
        refusal(|spec| {
            spec.load = Load::Slow { clients, byte_every_ms };
            spec.expect.body = None;
        })
    };
    assert!(slow(0, 1_000).starts_with("0 slow clients"));
    for byte_every_ms in [0, 60_001, u64::MAX] {
        assert!(slow(1, byte_every_ms).starts_with("byte_every_ms is"));
    }
    let body = refusal(|spec| {
        spec.load = Load::Slow { clients: 1, byte_every_ms: 1 };
        spec.expect.body = Some("x".into());
    });
    assert!(body.contains("only the status is read"), "{body}");
}

#[test]
fn what_makes_no_sense_with_subscribers_is_refused() {
    let refusal = |change: &dyn Fn(&mut Spec)| {
        refusal(|spec| {
            *spec = listening();
            change(spec);
        })
    };
    let load = |subscribers, tick_ms| Load::Subscribe { subscribers, tick_ms };
    assert!(refusal(&|spec| spec.load = load(0, 1_000)).starts_with("0 subscribers"));
    for tick_ms in [0, 60_001, u64::MAX] {
        assert!(refusal(&|spec| spec.load = load(1, tick_ms)).starts_with("tick_ms is"));
    }
    assert!(refusal(&|spec| spec.method = "HEAD".into()).contains("method is \"HEAD\""));
    assert!(refusal(&|spec| spec.body = Some("x".into())).contains("a body is given"));
    assert!(refusal(&|spec| spec.keep_alive = false).contains("keep_alive: false makes no sense"));
    assert!(refusal(&|spec| spec.expect.body = Some("x".into())).contains("expect.body"));
    let long = |spec: &mut Spec| (spec.load, spec.window_ms) = (load(1, 1), MOST_MS);
    assert!(
        refusal(&|spec| {
            long(spec);
            spec.series_interval_ms = 1_000;
        })
        .contains("at most")
    );
}

#[test]
fn a_bystander_is_a_plan_of_its_own_on_the_same_server() {
    let bystander = Bystander {
        target: "/hello?x".into(),
        rate_rps: 50.0,
        connections: 9,
        expect: Expect { status: 204, body: None },
    };
    for main in [spec(), listening(), Spec { method: "HEAD".into(), ..spec() }] {
        let plan = Plan::new(Spec { bystander: Some(bystander.clone()), ..main }).unwrap();
        let beside = plan.bystander.as_deref().unwrap();
        assert_eq!(beside.request, b"GET /hello?x HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n");
        assert_eq!((beside.target, beside.connections, beside.workers), (plan.target, 9, 1));
        assert_eq!((beside.expected.status, beside.head_only, beside.tick_ns), (204, false, 0));
        assert!(matches!(beside.load, Load::Open { arrivals: Arrivals::Poisson, .. }));
        assert_ne!(beside.seed, plan.seed);
        assert_eq!((beside.window_ns, beside.timeout_ns), (plan.window_ns, plan.timeout_ns));
    }
}

#[test]
fn impossible_bystanders_are_refused() {
    let refusal = |change: &dyn Fn(&mut Bystander)| {
        let mut bystander =
            Bystander { target: "/".into(), rate_rps: 1.0, connections: 1, expect: Expect::default() };
        change(&mut bystander);
        refusal(|spec| spec.bystander = Some(bystander))
    };
    for target in ["", "hello", "http://127.0.0.1/", "/a b", "/a#b", "/\r\nx: y", "/é"] {
        assert!(refusal(&|it| it.target = target.into()).starts_with("bystander.target is"), "{target}");
    }
    for rate in [f64::NAN, f64::INFINITY, 0.0, -1.0, 10_001.0] {
        assert!(refusal(&|it| it.rate_rps = rate).starts_with("bystander.rate_rps is"), "{rate}");
    }
    for connections in [0, 1_001] {
        assert!(refusal(&|it| it.connections = connections).starts_with("bystander.connections is"));
    }
    assert!(refusal(&|it| it.expect.status = 42).starts_with("bystander.expect.status is 42"));
}

#[test]
fn parts_are_for_open_loop() {
    let open =
        Load::Open { rate_rps: 5.0, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections: 1 };
    let plan = Plan::new(Spec { timing: true, load: open, ..spec() }).unwrap();
    assert!(plan.timing);
    for main in [spec(), listening()] {
        let refused = Plan::new(Spec { timing: true, ..main }).unwrap_err().to_string();
        assert!(refused.starts_with("timing is for open loop"), "{refused}");
    }
}

#[test]
fn a_recording_is_of_all_that_the_server_does_and_has_an_end() {
    let load =
        Load::Open { rate_rps: 5.0, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections: 1 };
    let recorded = || Spec { record: true, timing: true, load, ..spec() };
    assert!(Plan::new(recorded()).unwrap().record);
    let beside = Bystander { target: "/".into(), rate_rps: 1.0, connections: 1, expect: Expect::default() };
    let too_much =
        Load::Open { rate_rps: 2e6, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections: 1 };
    for (spec, wrong) in [
        (Spec { record: true, ..spec() }, "record is for open loop"),
        (Spec { timing: false, ..recorded() }, "record is of the servers' own times"),
        (Spec { bystander: Some(beside), ..recorded() }, "record and bystander exclude each other"),
        (Spec { load: too_much, ..recorded() }, "record: 2000000 requests would be due"),
    ] {
        let refused = Plan::new(spec).unwrap_err().to_string();
        assert!(refused.starts_with(wrong), "{refused}");
    }
}

#[test]
fn a_mix_is_of_things_that_can_be_asked_for() {
    let part = |target: &str, weight| Weighted { target: target.into(), weight, expect: Expect::default() };
    let mixed = |parts: Vec<Weighted>| Spec { mix: parts, ..spec() };
    let plan = Plan::new(mixed(vec![part("/a", 1), part("/b?c", 2)])).unwrap();
    let asked: std::collections::BTreeSet<_> =
        (0..100).map(|nth| String::from_utf8(plan.mix.at(nth).unwrap().request.clone()).unwrap()).collect();
    let expected = ["GET /a HTTP/1.1", "GET /b?c HTTP/1.1"];
    assert!(
        asked.len() == 2 && asked.iter().zip(expected).all(|(one, head)| one.starts_with(head)),
        "{asked:?}"
    );
    let refused = |change: &dyn Fn(&mut Spec)| {
        refusal(|spec| {
            *spec = mixed(vec![part("/a", 1)]);
            change(spec);
        })
    };
    assert!(refused(&|spec| spec.mix[0].target = "a b".into()).starts_with("mix.target is"));
    assert!(refused(&|spec| spec.mix[0].expect.status = 42).starts_with("mix.expect.status is 42"));
    for weight in [0, 1_000_001] {
        assert!(refused(&|spec| spec.mix[0].weight = weight).starts_with("mix.weight is"));
    }
    assert!(refused(&|spec| spec.method = "HEAD".into()).starts_with("a mix is of GET requests"));
    let listening = |spec: &mut Spec| spec.load = Load::Subscribe { subscribers: 3, tick_ms: 1_000 };
    assert!(refused(&listening).contains("not for subscribers"));
}

#[test]
fn impossible_shapes_are_refused() {
    let refusal = |shape| {
        let arrivals = Arrivals::Poisson;
        refusal(|spec| spec.load = Load::Open { rate_rps: 10.0, arrivals, shape, connections: 1 })
    };
    let spike = |at_ms, for_ms, times| Shape::Spike { at_ms, for_ms, times };
    for times in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e7] {
        assert!(refusal(spike(0, 1, times)).starts_with("shape: times is"), "{times}");
    }
    for shape in
        [spike(0, 0, 2.0), spike(u64::MAX, 1, 2.0), Shape::Ramp { at_ms: 0, for_ms: u64::MAX, times: 2.0 }]
    {
        assert!(refusal(shape).starts_with("shape: at_ms is"), "{shape:?}");
    }
    for steps in [0, 1_001] {
        assert!(refusal(Shape::Steps { steps, for_ms: 1, times: 2.0 }).contains(&format!("{steps} steps")));
    }
}
