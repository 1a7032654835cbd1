//! What does the application itself cost, before any server is around it?
//!
//! Every server on the ladder runs this code, so its cost is in every figure of the lab. If it were large,
//! it would hide the differences between servers; these groups show how small it is. A request passes
//! `route` and `hooks` once, `encode` once, and `decode` once for each upstream call.
//!
//! Cannot show: what a server adds (parsing heads, sockets, scheduling). That is the lab's part, in
//! microseconds of CPU per request; set the nanoseconds from here beside them. The inputs are the same
//! every time, so caches and branch predictors are kinder than real traffic would be.
//!
//! Next: `waiting.rs`, for the cost of having something to wait for.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use handlers::hooks::{Head, Hooks, Outcome};
use handlers::services::{self, Fetched, Response};
use handlers::{Body, Problem, Reply, Route, replies};

criterion_group! {
    name = benches;
    config = Criterion::default()
        // Ample for an interval; the default, 100,000, takes longer to compute than the bench to run.
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200));
    targets = route, hooks, encode, decode
}
criterion_main!(benches);

/// Request line in, checked route out. The last two are refusals, which have to be cheap as well.
fn route(c: &mut Criterion) {
    let mut group = c.benchmark_group("route");
    group.throughput(Throughput::Elements(1));
    for (name, target) in [
        ("hello", "/hello"),
        ("wait", "/wait/100"),
        ("sun", "/api/sun/97201/us"),
        ("events, encoded", "/api/events/S%C3%A3o%20Paulo/SP/br"),
        ("unknown path", "/favicon.ico"),
        ("bad parameter", "/wait/60001"),
    ] {
        group.bench_function(name, |b| b.iter(|| Route::parse("GET", black_box(target.as_bytes()))));
    }
    group.finish();
}

/// What runs around every view: request id, `server-timing`, security headers; then with a log line too.
fn hooks(c: &mut Criterion) {
    let logged = Box::new(|line: &str| {
        black_box(line);
    });
    let mut group = c.benchmark_group("hooks");
    group.throughput(Throughput::Elements(1));
    for (name, hooks) in
        [("standard", Hooks::standard(None)), ("with access log", Hooks::standard(Some(logged)))]
    {
        group.bench_function(name, |b| b.iter(|| around_a_view(&hooks)));
    }
    group.finish();
}

fn around_a_view(hooks: &Hooks) -> Reply {
    let head = Head { method: "GET", target: black_box("/hello"), request_id: None, sent_at: None };
    let mut context = hooks.before(&head);
    let mut reply = replies::hello();
    context.timing.view = black_box(Duration::from_micros(12_045));
    hooks.after(&context, &mut reply.headers);
    let outcome =
        Outcome { status: 200, body_bytes: 17, complete: true, elapsed: Duration::from_micros(12_100) };
    hooks.done(&context, &outcome);
    reply
}

/// Values in, reply out.
fn encode(c: &mut Criterion) {
    let sun = services::sun(fetched(SUN)).expect("a complete answer of the sun service");
    let weather = services::weather(fetched(WEATHER)).expect("a complete answer of the weather service");
    let no_such_path = || Problem::NotFound("no such path: /favicon.ico".into()).into();
    let views: [(&str, &dyn Fn() -> Reply); 6] = [
        ("hello", &replies::hello),
        ("wait", &|| replies::waited(black_box(100))),
        ("sun", &|| replies::sun(black_box(&sun))),
        ("city", &|| replies::city(black_box(&sun), black_box(&weather))),
        ("problem", &no_such_path),
        ("hash, 1 round", &|| replies::hash(black_box(1))),
    ];
    let mut group = c.benchmark_group("encode");
    for (name, view) in views {
        group.throughput(Throughput::Bytes(body_bytes(&view())));
        group.bench_function(name, |b| b.iter(view));
    }
    group.finish();
}

/// An upstream's answer in, a checked value out. The copy of the body is part of it: a client hands over
/// bytes that it owns.
fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(LOCATION.len() as u64));
    group.bench_function("location", |b| b.iter(|| services::located(fetched(black_box(LOCATION)))));
    group.throughput(Throughput::Bytes(SUN.len() as u64));
    group.bench_function("sun", |b| b.iter(|| services::sun(fetched(black_box(SUN)))));
    group.throughput(Throughput::Bytes(WEATHER.len() as u64));
    group.bench_function("weather, as it is", |b| {
        b.iter(|| services::weather(fetched(black_box(WEATHER))));
    });
    group.finish();
}

fn fetched(body: &str) -> Fetched {
    Ok(Response { status: 200, body: body.as_bytes().to_vec() })
}

fn body_bytes(reply: &Reply) -> u64 {
    match &reply.body {
        Body::Whole(bytes) => bytes.len() as u64,
        Body::Paced(_) => unreachable!("none of the benched replies is paced"),
    }
}

const LOCATION: &str = r#"{"lat":45.508,"lng":-122.6899}"#;

const SUN: &str = r#"{"sunrise":"12:41:09 PM","sunset":"03:02:51 AM","solar_noon":"07:52:00 PM",
"day_length":"14:21:42","civil_twilight_begin":"12:08:14 PM","civil_twilight_end":"03:35:46 AM",
"nautical_twilight_begin":"11:26:33 AM","nautical_twilight_end":"04:17:27 AM",
"astronomical_twilight_begin":"10:38:02 AM","astronomical_twilight_end":"05:05:58 AM"}"#;

const WEATHER: &str = r#"{"place":"Portland","temp_c":21.5,"humidity_percent":48,"wind_ms":3.4,
"sky":"scattered clouds","pressure_hpa":1016}"#;
