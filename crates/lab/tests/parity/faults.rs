//! What becomes of a request when the services behind a server fail: the same on every rung.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lab::contract::http::{Connection, Request};
use lab::contract::rows;

use crate::same::{apart, comparable};
use crate::{DEADLINE, Server, ask, of_each, servers, upstream};
use testing::fake_upstream::{self, Act, right};

const ROUTES: [&str; 3] = ["/api/sun/97201/us", "/api/weather/97201/us", "/api/city/97201/us"];

/// How long the servers wait for the services: longer than any answer takes on a busy machine.
const UPSTREAM_TIMEOUT: &str = "2s";

#[test]
fn services_in_trouble_are_the_same_trouble_everywhere() {
    let upstream = upstream("fixed:1ms");
    let servers = servers(upstream.addr, UPSTREAM_TIMEOUT);
    for (fault, status) in [
        (r#"{"error":{"status":500}}"#, 502),
        (r#"{"error":{"status":503}}"#, 502),
        (r#"{"reset":{}}"#, 502),
        (r#"{"garbage":{}}"#, 502),
        (r#"{"stall":{"for_ms":60000}}"#, 504),
        (r#"{"slow_body":{"over_ms":60000}}"#, 504),
    ] {
        let order = |what: &str| Request::new("POST", "/control").body(what.into());
        assert_eq!(ask(upstream.addr, &order(fault)).status, 200, "{fault}");
        all_answer(&servers, status, fault);
        assert_eq!(ask(upstream.addr, &order("{}")).status, 200);
        all_recover(&servers, fault);
    }
}

#[test]
fn each_way_to_answer_wrongly_has_its_status_everywhere() {
    let raw = |text: &str| Act::Raw(text.into());
    let long = "x".repeat(handlers::services::MAX_RESPONSE_BYTES + 1);
    let act = Arc::new(Mutex::new(None));
    let acting = Arc::clone(&act);
    let upstream = fake_upstream::start(move |asked| {
        acting.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| right(&asked))
    });
    let servers = servers(upstream, UPSTREAM_TIMEOUT);
    for (status, wrong) in [
        (504, Act::Stall),
        (502, Act::Answer(500, "{}".into())),
        (502, Act::Answer(301, "{}".into())),
        (502, Act::Answer(200, "not JSON".into())),
        (502, Act::Answer(200, long.clone())),
        (404, Act::Answer(404, "{}".into())),
        (502, Act::Reset),
        (502, Act::Close),
        (502, raw("garbage\r\n\r\n")),
        (502, raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"cut\":")),
        (502, raw("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}")),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\n\r\n\"{long}\"").into())),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n{{}}", "y".repeat(1 << 20)).into())),
    ] {
        let what = format!("{wrong:?}").chars().take(60).collect::<String>();
        *act.lock().unwrap() = Some(wrong);
        all_answer(&servers, status, &what);
        *act.lock().unwrap() = None;
        all_recover(&servers, &what);
    }
}

#[test]
fn services_that_are_not_there_are_502() {
    // A port that was free a moment ago may be one of the servers' by now.
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    all_answer(&servers(nobody, "5s"), 502, "nobody there");
}

/// A byte now and then is progress on every read; the time limit is for all of it.
#[test]
fn a_trickle_is_as_slow_as_silence() {
    for head in ["HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"] {
        let servers = servers(trickling(head), UPSTREAM_TIMEOUT);
        let begun = Instant::now();
        all_answer(&servers, 504, "a trickle");
        assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    }
}

#[test]
fn what_the_services_say_is_passed_on_as_they_said_it() {
    let (sun, weather) = (fake_upstream::SUN, fake_upstream::WEATHER);
    let servers = servers(fake_upstream::start(|asked| right(&asked)), "20s");
    for (target, body) in [
        ("/api/sun/97201/us", sun.to_owned()),
        ("/api/weather/97201/us", weather.to_owned()),
        ("/api/city/SW1A%201AA/gb", format!(r#"{{"sun":{sun},"weather":{weather}}}"#)),
    ] {
        let answers = of_each(&servers, |server| ask(server.addr, &Request::get(target)));
        for (server, answer) in servers.iter().zip(answers) {
            assert_eq!(String::from_utf8_lossy(&answer.body), body, "{} {target}", server.rung.name);
        }
    }
}

#[test]
fn an_answer_of_exactly_the_most_that_is_read_is_right() {
    let most = format!("\"{}\"", "x".repeat(handlers::services::MAX_RESPONSE_BYTES - 2));
    let answer = most.clone();
    let servers = servers(fake_upstream::start(move |_| Act::Answer(200, answer.clone())), "20s");
    let answers = of_each(&servers, |server| ask(server.addr, &Request::get("/api/weather/97201/us")));
    for (server, answer) in servers.iter().zip(answers) {
        assert!(answer.status == 200 && answer.body == most.as_bytes(), "{}", server.rung.name);
    }
}

/// The services may close an idle connection just when the next call is written to it.
#[test]
fn a_connection_that_died_in_the_pool_is_not_the_clients_problem() {
    let upstream = fake_upstream::start(|asked| match asked.nth {
        1 => right(&asked),
        2 => Act::Close,
        _ => Act::Reset,
    });
    let servers = servers(upstream, "20s");
    let wrong = of_each(&servers, |server| {
        let request = Request::get("/api/weather/97201/us");
        let right = |_: &u32| ask(server.addr, &request).body == fake_upstream::WEATHER.as_bytes();
        (0..20).find(|nth| !right(nth))
    });
    for (server, wrong) in servers.iter().zip(wrong) {
        assert_eq!(wrong, None, "{}: this request had another answer", server.rung.name);
    }
}

/// Two calls that need nothing of each other: one after the other, or at the same time.
#[test]
fn what_can_wait_together_does_so_where_views_are_async() {
    // Long, so that what a busy machine adds to two calls does not make three of them.
    let delay = Duration::from_secs(3);
    let upstream = upstream("fixed:3000ms");
    let servers = servers(upstream.addr, "20s");
    let took = of_each(&servers, |server| {
        let begun = Instant::now();
        assert_eq!(ask(server.addr, &Request::get("/api/city/97201/us")).status, 200);
        begun.elapsed()
    });
    for (server, took) in servers.iter().zip(took) {
        // The place, then the sun; and the weather beside them, or behind.
        let at_once = ["bare-task-per-connection", "event-loop", "async-views"].contains(&server.rung.name);
        let right = if at_once { took < delay * 14 / 5 } else { took >= delay * 3 };
        assert!(right, "{} took {took:?}", server.rung.name);
    }
}

/// All three routes on all rungs: this status as problem details, and the same bytes.
fn all_answer(servers: &[Server], status: u16, fault: &str) {
    let mut failures = Vec::new();
    for target in ROUTES {
        let what = format!("{target} with {fault}");
        let case = rows::refused(status, &what, Request::get(target));
        let answers = of_each(servers, |server| {
            Connection::open(server.addr, DEADLINE).and_then(|mut connection| case.ask(&mut connection))
        });
        let mut comparables = Vec::new();
        for (server, answer) in servers.iter().zip(answers) {
            match answer {
                Ok(response) => {
                    let mismatch = case.expect.check(&case.request, &response).err();
                    failures.extend(mismatch.map(|why| format!("{} {what}: {why}", server.rung.name)));
                    comparables.push((server, comparable(&response)));
                }
                Err(error) => failures.push(format!("{} {what}: {error}", server.rung.name)),
            }
        }
        failures.extend(apart(&what, comparables.iter().map(|(server, answer)| (*server, answer))));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The trouble over, everything is as it was.
fn all_recover(servers: &[Server], fault: &str) {
    let statuses = of_each(servers, |server| ask(server.addr, &Request::get("/api/city/97201/us")).status);
    for (server, status) in servers.iter().zip(statuses) {
        assert_eq!(status, 200, "{} after {fault}", server.rung.name);
    }
}

/// Services that begin to answer like this, and then send a letter at a time, for ever.
fn trickling(head: &'static str) -> SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                // What comes before the request is not an answer to it.
                _ = stream.read(&mut [0; 1024]);
                _ = stream.write_all(head.as_bytes());
                while stream.write_all(b"x").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
    addr
}
