//! The point of it all: waiting costs no thread, and what goes wrong in one view stays there.

use std::time::{Duration, Instant};

use async_server::request::Request;
use async_server::views;
use handlers::{Answer, Problem};

use crate::{config, server};
use testing::http::{Connection, assert_alive, get};

#[test]
fn two_thousand_requests_wait_at_once_on_one_event_loop() {
    let clients = files_allow(2_000);
    let server = server();
    let started = Instant::now();
    let mut waiting: Vec<_> = (0..clients)
        .map(|_| {
            let mut connection = Connection::open(server.addr);
            connection.get("/wait/3000");
            connection
        })
        .collect();
    for connection in &mut waiting {
        assert_eq!(connection.reply(false).unwrap().text(), r#"{"waited_ms":3000}"#);
    }
    // One after another they would need more than an hour; eight at a time, twelve minutes.
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    server.stop().unwrap();
}

/// As many clients as wanted, or as the file limit allows with both ends of each in this process.
fn files_allow(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = 2 * wanted as u64 + 500;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let has = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    if has(current) >= needed {
        return wanted;
    }
    let current = needed.min(has(maximum));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum }).is_ok();
    let has = if raised { current } else { has(getrlimit(Resource::Nofile).current) };
    wanted.min(usize::try_from(has.saturating_sub(500) / 2).unwrap_or(usize::MAX))
}

#[test]
fn a_view_that_panics_is_a_500_and_the_server_lives() {
    let server = async_server::start_with(config(), async |request: &mut Request<'_>, up: &_| -> Answer {
        if request.target == "/panic" {
            tokio::time::sleep(Duration::from_millis(1)).await;
            panic!("as the test wanted");
        }
        views::view(request, up).await
    })
    .unwrap();
    let mut connection = Connection::open(server.addr);
    for _ in 0..3 {
        connection.get("/panic");
        let reply = connection.reply(false).unwrap();
        assert_eq!(reply.status, Problem::Internal.status());
        assert!(!reply.text().contains("as the test wanted"), "what it said is for the log");
        assert!(reply.header("x-request-id").is_some());
        // The same connection goes on as well.
        connection.get("/hello");
        assert_eq!(connection.reply(false).unwrap().status, 200);
    }
    assert_alive(server.addr);
    server.stop().unwrap();
}

#[test]
fn workers_have_a_loop_each() {
    let server = async_server::start(async_server::config::Config { workers: 2, ..config() }).unwrap();
    // Connections are dealt out in turn, so that one of these two is busy computing and the other is free.
    let mut busy = Connection::open(server.addr);
    busy.get("/hash/1000000");
    let mut other = Connection::open(server.addr);
    other.get("/wait/1");
    assert_eq!(other.reply(false).unwrap().status, 200);
    assert_eq!(busy.reply(false).unwrap().status, 200);
    assert_eq!(get(server.addr, "/hello").status, 200);
    server.stop().unwrap();
}
