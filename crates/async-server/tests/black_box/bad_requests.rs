//! Clients that are slow, or gone half way, and heads that are too large: the others are served. Requests
//! that are wrong in themselves are in `lab/src/contract/conformance`, for every rung.

use std::time::Duration;

use async_server::config::{Config, Limits};

use crate::{config, server};
use testing::eventually;
use testing::http::{Connection, assert_alive, get};

/// actix-web's own limits; every rung that is ours has others.
#[test]
fn heads_beyond_the_limits_are_refused_with_431() {
    let server = server();
    for lines in ["a: b\r\n".repeat(200), format!("a: {}\r\n", "b".repeat(200_000))] {
        let mut connection = Connection::open(server.addr);
        connection.write(format!("GET /hello HTTP/1.1\r\nhost: t\r\n{lines}\r\n").as_bytes());
        assert_eq!(connection.reply(false).unwrap().status, 431);
        assert_alive(server.addr);
    }
    server.stop().unwrap();
}

/// Limits short enough to wait for.
fn impatient() -> async_server::Running {
    let time = Duration::from_millis(500);
    let limits =
        Limits { head_time: time, body_time: time, idle_time: time, write_time: time, linger_time: time };
    async_server::start(Config { limits, ..config() }).unwrap()
}

#[test]
fn slow_heads_bodies_and_idlers_are_sent_away() {
    let server = impatient();
    let send = |bytes: &str| {
        let mut connection = Connection::open(server.addr);
        connection.write(bytes.as_bytes());
        connection
    };
    let mut silent = send("");
    let mut slow_head = send("GET /hello HTTP/1.1\r\nhost");
    let mut slow_body = send("POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\nhalf");
    let mut slow_chunks = send("POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nha");
    let mut idle = send("GET /hello HTTP/1.1\r\nhost: t\r\n\r\n");
    for late in [&mut silent, &mut slow_head] {
        assert_eq!(late.reply(false).unwrap().status, 408);
        late.rest();
    }
    for late in [&mut slow_body, &mut slow_chunks] {
        let reply = late.reply(false).unwrap();
        assert!(reply.text().contains("the request body ended early or is not readable"), "{}", reply.text());
        assert_eq!((reply.status, reply.header("connection")), (400, Some("close")));
        late.rest();
    }
    assert_eq!(idle.reply(false).unwrap().status, 200);
    assert_eq!(idle.rest(), b"");
    assert_alive(server.addr);
    server.stop().unwrap();
}

/// A byte now and then is progress on every read, and still no way around the limit.
#[test]
fn a_body_that_trickles_is_cut_off() {
    let server = impatient();
    let mut connection = Connection::open(server.addr);
    connection.write(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\n");
    let mut sent = 0;
    // Writing fails, at the latest, when the server has closed and said so.
    eventually("the server closes", || {
        sent += 1;
        std::thread::sleep(Duration::from_millis(20));
        connection.try_write(b"x").is_err()
    });
    assert!(sent < 900, "the body was nearly complete");
    assert_alive(server.addr);
    server.stop().unwrap();
}

#[test]
fn clients_that_leave_half_way_take_nothing_with_them() {
    let server = server();
    for _ in 0..20 {
        for bytes in [
            "GET /he",
            "GET /wait/50 HTTP/1.1\r\nhost: t\r\n\r\n",
            "GET /stream/1000/1 HTTP/1.1\r\nhost: t\r\n\r\n",
            "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\nonly this",
            "POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this",
        ] {
            let mut leaving = Connection::open(server.addr);
            leaving.write(bytes.as_bytes());
            drop(leaving);
            let mut slamming = Connection::open(server.addr);
            slamming.write(bytes.as_bytes());
            slamming.reset();
        }
    }
    assert_alive(server.addr);
    assert_eq!(get(server.addr, "/stream/3/1").status, 200);
    server.stop().unwrap();
}
