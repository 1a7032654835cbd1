//! What clients get wrong, by mistake or on purpose: a 4xx or a closed connection, and the server goes on.

use std::time::Duration;

use async_server::config::{Config, Limits};

use crate::http::{Connection, assert_alive, get};
use crate::{config, eventually, server};

/// Sends bytes, says that they were all, and returns the first line of the reply, if there was one.
fn first_line(addr: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut connection = Connection::open(addr);
    connection.write(bytes);
    connection.close_writing();
    let reply = connection.rest();
    let line = reply.split(|&byte| byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

#[test]
fn malformed_requests_are_refused_and_the_server_goes_on() {
    let many_headers = format!("GET /hello HTTP/1.1\r\nhost: t\r\n{}\r\n", "a: b\r\n".repeat(200));
    let huge_head = format!("GET /hello HTTP/1.1\r\nhost: t\r\na: {}\r\n\r\n", "b".repeat(200_000));
    let long_target = format!("GET /{} HTTP/1.1\r\nhost: t\r\n\r\n", "a".repeat(70_000));
    let post = |lines: &str, body: &str| format!("POST /echo HTTP/1.1\r\nhost: t\r\n{lines}\r\n{body}");
    let server = server();
    for (what, bytes, status) in [
        ("no HTTP at all", b"garbage\r\n\r\n".to_vec(), 400),
        ("no target", b"GET\r\n\r\n".to_vec(), 400),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), 400),
        ("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400),
        ("another version", b"GET /hello HTTP/3.0\r\nhost: t\r\n\r\n".to_vec(), 400),
        ("no host", b"GET /hello HTTP/1.1\r\n\r\n".to_vec(), 400),
        ("two hosts", b"GET /hello HTTP/1.1\r\nhost: t\r\nhost: u\r\n\r\n".to_vec(), 400),
        ("a target without slash", b"GET hello HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), 400),
        ("a NUL in the target", b"GET /hel\0lo HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), 400),
        ("a NUL in a header name", b"GET /hello HTTP/1.1\r\nhost: t\r\na\0: b\r\n\r\n".to_vec(), 400),
        ("a NUL in a header value", b"GET /hello HTTP/1.1\r\nhost: t\r\na: \0\r\n\r\n".to_vec(), 400),
        ("bytes beyond ASCII in the target", b"GET /\xff\xfe HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), 400),
        ("bad percent-encoding", b"GET /api/sun/%4/us HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), 400),
        ("a header without colon", b"GET /hello HTTP/1.1\r\nhost: t\r\noops\r\n\r\n".to_vec(), 400),
        ("a blank before the colon", b"GET /hello HTTP/1.1\r\nhost: t\r\na : b\r\n\r\n".to_vec(), 400),
        ("a folded header", b"GET /hello HTTP/1.1\r\nhost: t\r\na: b\r\n c\r\n\r\n".to_vec(), 400),
        ("200 headers", many_headers.into(), 431),
        ("a head of 200 KB", huge_head.into(), 431),
        ("a target of 70 KB", long_target.into(), 400),
        ("a length in words", post("content-length: many\r\n", "").into(), 400),
        ("a negative length", post("content-length: -1\r\n", "").into(), 400),
        ("a signed length", post("content-length: +1\r\n", "x").into(), 400),
        ("a length beyond 64 bits", post("content-length: 99999999999999999999\r\n", "").into(), 400),
        ("two lengths", post("content-length: 1\r\ncontent-length: 2\r\n", "xy").into(), 400),
        ("a huge length", post("content-length: 30000000000\r\n", "x").into(), 413),
        (
            "a length and chunks",
            post("content-length: 3\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n").into(),
            400,
        ),
        ("an unknown encoding", post("transfer-encoding: gzip\r\n", "").into(), 400),
        ("a chunk size in words", post("transfer-encoding: chunked\r\n", "zz\r\n\r\n").into(), 400),
        (
            "a chunk that is too long",
            post("transfer-encoding: chunked\r\n", "1\r\nabc\r\n0\r\n\r\n").into(),
            400,
        ),
        ("half a body", post("content-length: 10\r\n", "half").into(), 400),
        ("half a chunked body", post("transfer-encoding: chunked\r\n", "5\r\nha").into(), 400),
    ] {
        let line = first_line(server.addr, &bytes);
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {line:?}");
        assert_alive(server.addr);
    }
    server.stop().unwrap();
}

#[test]
fn half_a_head_and_silence_end_without_a_reply_or_with_a_refusal() {
    let server = server();
    for half in ["", "G", "GET /hello", "GET /hello HTTP/1.1\r\nhos"] {
        let line = first_line(server.addr, half.as_bytes());
        assert!(line.is_empty() || line.starts_with("HTTP/1.1 4"), "{half:?}: {line:?}");
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

/// Half-closing is legal: this client says that it has no more requests, and waits for its answer.
#[test]
fn a_client_that_only_stops_sending_is_still_answered() {
    let server = server();
    let mut connection = Connection::open(server.addr);
    connection.get("/wait/100");
    connection.close_writing();
    assert_eq!(connection.reply(false).unwrap().text(), r#"{"waited_ms":100}"#);
    assert_eq!(connection.rest(), b"");
    server.stop().unwrap();
}
