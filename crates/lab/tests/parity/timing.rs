//! Where the time went, as each rung tells it in `server-timing`, and as the generator puts it together.

use lab::contract::http::Request;
use lab::ladder;
use loadgen::clock::monotonic_ns;
use loadgen::protocol::{Arrivals, Expect, Load, Outcome, Shape, Spec};

use crate::{Server, ask, of_each, server, servers, upstream};

const WEATHER: &str = "/api/weather/97201/us";
const CITY: &str = "/api/city/97201/us";

/// What a rung tells of a request that says it was sent at that time: metrics and milliseconds.
fn told(server: &Server, target: &str, sent_at: Option<String>) -> Vec<(String, f64)> {
    let request = Request::get(target);
    let request = match sent_at {
        Some(sent_at) => request.header("x-sent-at", &sent_at),
        None => request,
    };
    let reply = ask(server.addr, &request);
    assert_eq!(reply.status, 200, "{} {target}", server.rung.name);
    let lines = reply.headers.iter().filter(|(name, _)| name == "server-timing").count();
    assert_eq!(lines, 1, "{}: {:?}", server.rung.name, reply.headers);
    let metric = |entry: &str| {
        let (name, ms) = entry.split_once(";dur=").unwrap_or_else(|| panic!("{entry}"));
        (name.to_owned(), ms.parse().unwrap())
    };
    let metrics = reply.header("server-timing").unwrap().split(", ").map(metric);
    // Only one rung has a pool between its loop and its views, and says so; that is not compared here.
    metrics.filter(|(name, _)| name != "pool").collect()
}

fn now() -> Option<String> {
    Some(monotonic_ns().to_string())
}

#[test]
fn every_rung_splits_the_upstream_off_its_view() {
    let upstream = upstream("fixed:50ms");
    let servers = servers(upstream.addr, "20s");
    of_each(&servers, |server| {
        let name = server.rung.name;
        let metrics = told(server, WEATHER, now());
        let names: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["queue", "view", "upstream"], "{name}");
        let [queue_ms, view_ms, upstream_ms] = [0, 1, 2].map(|at| metrics[at].1);
        // What a busy machine adds has no bound; what the service takes has.
        assert!(queue_ms < 20_000.0 && (50.0..=view_ms).contains(&upstream_ms), "{name}: {metrics:?}");
    });
}

#[test]
fn calls_that_follow_each_other_add_up_on_every_rung() {
    let upstream = upstream("fixed:50ms");
    let servers = servers(upstream.addr, "20s");
    of_each(&servers, |server| {
        let name = server.rung.name;
        // Three calls: one after the other, or two of them beside the third.
        let waits_at_once = ["event-loop", "bare-task-per-connection", "async-views"].contains(&name);
        let least_ms = if waits_at_once { 100.0 } else { 150.0 };
        let metrics = told(server, CITY, now());
        let (view_ms, upstream_ms) = (metrics[1].1, metrics[2].1);
        assert!((least_ms..=view_ms).contains(&upstream_ms), "{name}: {metrics:?}");
    });
}

#[test]
fn what_is_not_known_is_not_told_on_any_rung() {
    let upstream = upstream("fixed:1ms");
    let servers = servers(upstream.addr, "20s");
    let an_hour_ns = 3_600_000_000_000;
    let in_an_hour = (monotonic_ns() + an_hour_ns).to_string();
    let of_another_clock = [None, Some(in_an_hour), Some("-1".into()), Some("yesterday".into())];
    of_each(&servers, |server| {
        for sent_at in &of_another_clock {
            let names: Vec<_> =
                told(server, "/hello", sent_at.clone()).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["view"], "{}, sent at {sent_at:?}", server.rung.name);
        }
    });
}

/// 60 requests a second for a second, through the framework pair and the bare pair.
#[test]
fn the_generator_finds_the_services_delay_in_the_upstream_part() {
    // Long beside what a busy machine adds elsewhere.
    let upstream = upstream("fixed:300ms");
    for name in ["thread-per-request", "event-loop", "bare-thread-per-connection", "bare-task-per-connection"]
    {
        let server = server(ladder::rung(name).unwrap(), upstream.addr, "20s");
        let outcome = load(&server);
        let parts = outcome.parts.as_ref().unwrap();
        assert_eq!((parts.answers, parts.told), (outcome.completed, outcome.completed), "{name}");
        let [queue, view, upstream] =
            [&parts.queue, &parts.view, &parts.upstream].map(|part| part.as_ref().unwrap().mean_ms);
        let sum =
            parts.waiting.mean_ms + parts.connect.mean_ms + queue + view + upstream + parts.rest.mean_ms;
        assert!((sum / parts.response.mean_ms - 1.0).abs() < 1e-9, "{name}: {sum}");
        assert!(upstream >= 300.0, "{name}: {upstream} ms upstream");
        assert!(upstream / parts.response.mean_ms > 0.5, "{name}: {upstream} of {}", parts.response.mean_ms);
    }
}

fn load(server: &Server) -> Outcome {
    let spec = Spec {
        url: format!("http://{}{WEATHER}", server.addr),
        method: "GET".into(),
        body: None,
        mix: Vec::new(),
        load: Load::Open {
            rate_rps: 60.0,
            arrivals: Arrivals::Poisson,
            shape: Shape::Steady,
            connections: 60,
        },
        keep_alive: true,
        timeout_ms: 20_000,
        warm_up_ms: 300,
        window_ms: 1_000,
        series_interval_ms: 250,
        expect: Expect::default(),
        seed: 1,
        bystander: None,
        allow_remote: None,
        timing: true,
        record: false,
    };
    loadgen::run(spec, |_| {}).unwrap()
}
