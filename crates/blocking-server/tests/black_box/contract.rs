//! What this server promises beyond the contract, or had to mend around rouille to keep it.
//!
//! `lab/tests/parity` holds the contract and HTTP/1.1 itself against every rung; here is what only this
//! server has.

use std::thread;
use std::time::{Duration, Instant};

use blocking_server::config::{Config, Model};

use crate::{config, models, server};
use testing::http::{Connection, Reply, assert_alive, get, send};

fn content_type(reply: &Reply) -> &str {
    reply.header("content-type").unwrap_or_default()
}

fn assert_problem(reply: &Reply, status: u16) {
    assert_eq!((reply.status, content_type(reply)), (status, "application/problem+json"), "{reply:?}");
    let details: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!(details["status"], status);
    for member in ["type", "title", "detail"] {
        assert!(details[member].is_string(), "{member} in {details}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_connection_goes_on_where_it_can() {
    let server = server();
    let over = vec![b'x'; handlers::MAX_BODY_BYTES + 1];
    let chunked = [format!("{:x}\r\n", over.len()).as_bytes(), &over, b"\r\n0\r\n\r\n"].concat();
    for (line, body) in [
        (format!("content-length: {}", over.len()), &over),
        ("transfer-encoding: chunked".to_owned(), &chunked),
    ] {
        let mut connection = Connection::open(server.addr);
        connection.write(format!("POST /echo HTTP/1.1\r\nhost: t\r\n{line}\r\n\r\n").as_bytes());
        connection.write(body);
        assert_problem(&connection.reply(false).unwrap(), 413);
        // What was left of the body must not be taken for the next request.
        connection.get("/hello");
        assert_eq!(connection.reply(false).unwrap().text(), r#"{"hello":"world"}"#, "{line}");
    }
    server.stop().unwrap();
}

/// `tiny_http` would allocate what is still to come, and abort.
#[test]
fn thirty_gigabytes_that_nobody_reads_are_refused_by_their_length_and_the_connection_ends() {
    let server = server();
    for (target, status) in [("/echo", 413), ("/nothing", 404)] {
        let mut connection = Connection::open(server.addr);
        let head = format!("POST {target} HTTP/1.1\r\nhost: t\r\ncontent-length: 30000000000\r\n\r\nx");
        connection.write(head.as_bytes());
        let reply = connection.reply(false).unwrap();
        assert_problem(&reply, status);
        assert_eq!(reply.header("connection"), Some("close"));
        assert_eq!(connection.rest(), b"");
        assert_alive(server.addr);
    }
    server.stop().unwrap();
}

#[test]
fn the_hooks_run_around_every_request() {
    let server = server();
    let reply = send(server.addr, "GET", "/wait/30", "x-request-id: mine-1\r\n", b"");
    assert_eq!(reply.header("x-request-id"), Some("mine-1"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let timing = reply.header("server-timing").and_then(|value| value.strip_prefix("view;dur="));
    let view_ms: f64 = timing.unwrap().parse().unwrap();
    assert!((30.0..3_000.0).contains(&view_ms), "{view_ms}");
    for target in ["/nothing", "/stream/1/0"] {
        let names = get(server.addr, target).names();
        assert!(names.iter().any(|name| name == "x-request-id"), "{target}: {names:?}");
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "each header once: {names:?}");
    }
    server.stop().unwrap();
}

#[test]
fn a_panic_in_a_view_is_a_500_and_the_server_lives() {
    for config in models() {
        let server = blocking_server::start_with(config, |request, up| match request.target {
            "/panic" => panic!("this view is made to"),
            _ => blocking_server::views::view(request, up),
        });
        let server = server.unwrap();
        for _ in 0..20 {
            let reply = get(server.addr, "/panic");
            assert_problem(&reply, 500);
            assert!(!reply.text().contains("made to"), "what it said is not the client's business");
            assert!(reply.header("x-request-id").is_some());
        }
        assert_alive(server.addr);
        server.stop().unwrap();
    }
}

/// K threads answer K requests at a time; a thread for each answers all of them at once.
#[test]
fn the_pool_is_the_bound_and_a_thread_for_each_request_is_none() {
    let rounds = |config: Config| {
        let server = blocking_server::start(config).unwrap();
        let (addr, began) = (server.addr, Instant::now());
        let clients: Vec<_> =
            (0..8).map(|_| thread::spawn(move || assert_eq!(get(addr, "/wait/500").status, 200))).collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        let rounds = began.elapsed().as_millis() / 500;
        server.stop().unwrap();
        rounds
    };
    assert!(rounds(Config { model: Model::Pool, threads: Some(2), ..config() }) >= 4);
    assert!(rounds(config()) < 4, "eight waits of half a second did not overlap");
}

/// `tiny_http` by itself forgets some of those who come at once, for as long as the others stay.
#[test]
fn clients_who_come_at_once_and_stay_are_all_answered() {
    let server = server();
    for _ in 0..5 {
        let mut clients: Vec<_> = (0..64).map(|_| Connection::open(server.addr)).collect();
        clients.iter_mut().for_each(|client| client.get("/hello"));
        for client in &mut clients {
            assert_eq!(client.reply(false).unwrap().status, 200);
        }
    }
    server.stop().unwrap();
}

/// The mended listener: without `TCP_NODELAY` a kept connection waits some 40 ms for every such reply.
#[test]
fn a_reply_of_more_than_a_kilobyte_does_not_wait_for_an_acknowledgement() {
    let server = server();
    let body = [b'x'; 4_000];
    let mut connection = Connection::open(server.addr);
    let exchange = |_| {
        let began = Instant::now();
        connection.write(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 4000\r\n\r\n");
        connection.write(&body);
        assert_eq!(connection.reply(false).unwrap().body, body);
        began.elapsed()
    };
    let mut took: Vec<_> = (0..50).map(exchange).collect();
    took.sort_unstable();
    // The median, so that a machine that stands still for a moment does not count.
    assert!(took[25] < Duration::from_millis(40), "{took:?}");
    server.stop().unwrap();
}
