//! What clients get wrong, by mistake or on purpose: a 4xx or a closed connection, and the server goes on.
//!
//! Where rouille itself is at fault, the test says what it does, so that a better rouille is noticed.

use std::net::SocketAddr;

use crate::http::{Connection, assert_alive, get};
use crate::server;

/// Sends bytes, says that they were all, and returns the first line of what comes, if anything does.
fn first_line(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut connection = Connection::open(addr);
    connection.write(bytes);
    connection.close_writing();
    let reply = connection.rest();
    // Refusals that close the connection come behind an interim response.
    let reply = String::from_utf8_lossy(&reply);
    reply
        .lines()
        .find(|line| line.starts_with("HTTP/1.1 ") && !line.contains(" 100 "))
        .unwrap_or("")
        .to_owned()
}

#[test]
fn malformed_requests_are_refused_and_the_server_goes_on() {
    let post =
        |lines: &str, body: &str| format!("POST /echo HTTP/1.1\r\nhost: t\r\n{lines}\r\n{body}").into();
    let get = |lines: &str| format!("GET /hello HTTP/1.1\r\nhost: t\r\n{lines}\r\n").into();
    let server = server();
    for (what, bytes) in [
        ("no HTTP at all", b"garbage\r\n\r\n".to_vec()),
        ("no target", b"GET\r\n\r\n".to_vec()),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("a version of nobody's", b"GET /hello HTTP/9.9\r\nhost: t\r\n\r\n".to_vec()),
        ("a target without slash", b"GET hello HTTP/1.1\r\nhost: t\r\n\r\n".to_vec()),
        ("a NUL in the target", b"GET /hel\0lo HTTP/1.1\r\nhost: t\r\n\r\n".to_vec()),
        ("a NUL in a header name", get("a\0: b\r\n")),
        ("a NUL in a header value", get("a: \0\r\n")),
        ("a line feed in a header value", post("content-type: a\nset-cookie: b\r\n", "")),
        ("bytes beyond ASCII in the target", b"GET /\xff\xfe HTTP/1.1\r\nhost: t\r\n\r\n".to_vec()),
        ("bad percent-encoding", b"GET /api/sun/%4/us HTTP/1.1\r\nhost: t\r\n\r\n".to_vec()),
        ("a header without colon", get("oops\r\n")),
        ("a blank before the colon", get("a : b\r\n")),
        ("a header without name", get(": b\r\n")),
        ("a folded header", get("a: b\r\n c\r\n")),
        ("a length in words", post("content-length: many\r\n", "")),
        ("a negative length", post("content-length: -1\r\n", "")),
        ("a signed length", post("content-length: +1\r\n", "x")),
        ("a length beyond 64 bits", post("content-length: 99999999999999999999\r\n", "")),
        ("two lengths", post("content-length: 1\r\ncontent-length: 2\r\n", "xy")),
        ("a huge length", post("content-length: 30000000000\r\n", "x")),
        ("the hugest length", post("content-length: 18446744073709551615\r\n", "x")),
        ("a length and chunks", post("content-length: 3\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")),
        ("an unknown encoding", post("transfer-encoding: gzip\r\n", "")),
        ("chunks and an upgrade", post("transfer-encoding: chunked\r\nconnection: upgrade\r\n", "0\r\n\r\n")),
        ("a chunk size in words", post("transfer-encoding: chunked\r\n", "zz\r\n\r\n")),
        ("a chunk that is too long", post("transfer-encoding: chunked\r\n", "1\r\nabc\r\n0\r\n\r\n")),
        ("half a body", post("content-length: 10000\r\n", "half")),
        ("half a short body", post("content-length: 10\r\n", "half")),
        ("an expectation of nobody's", post("expect: a miracle\r\n", "")),
        ("half a head", b"GET /hello HTTP/1.1\r\nhos".to_vec()),
        ("nothing", Vec::new()),
    ] {
        let line = first_line(server.addr, &bytes);
        assert!(line.is_empty() || line.starts_with("HTTP/1.1 4"), "{what}: {line:?}");
        assert_alive(server.addr);
    }
    server.stop().unwrap();
}

/// rouille has no limit on heads. They cost memory for as long as they come, and then they are answered.
#[test]
fn huge_heads_are_read_whole_and_harm_nobody() {
    let many = "a: b\r\n".repeat(5_000);
    let server = server();
    for head in [
        format!("GET /hello HTTP/1.1\r\nhost: t\r\n{many}\r\n"),
        format!("GET /hello HTTP/1.1\r\nhost: t\r\na: {}\r\n\r\n", "b".repeat(300_000)),
        format!("GET /{} HTTP/1.1\r\nhost: t\r\n\r\n", "a".repeat(70_000)),
    ] {
        let line = first_line(server.addr, head.as_bytes());
        assert!(line.starts_with("HTTP/1.1 200 ") || line.starts_with("HTTP/1.1 404 "), "{line}");
        assert_alive(server.addr);
    }
    server.stop().unwrap();
}

/// rouille's connection thread waits for itself after an `HTTP/2.0` in a request line, for ever.
#[test]
fn an_http_2_preface_is_left_hanging_and_the_others_are_served() {
    let server = server();
    let mut hanging: Vec<_> = (0..5).map(|_| Connection::open(server.addr)).collect();
    for connection in &mut hanging {
        connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_alive(server.addr);
    }
    server.stop().unwrap();
}

/// What a refused request may have smuggled in must not be answered as if it were a request.
#[test]
fn a_head_that_can_be_read_in_two_ways_ends_its_connection() {
    let server = server();
    for lines in ["content-length: 3\r\ncontent-length: 0\r\n", "content-length: +3\r\n"] {
        let mut connection = Connection::open(server.addr);
        connection.write(format!("POST /echo HTTP/1.1\r\nhost: t\r\n{lines}\r\nabc").as_bytes());
        let reply = connection.reply(false).unwrap();
        assert_eq!((reply.status, reply.header("connection")), (400, Some("close")));
        assert_eq!(connection.rest(), b"");
    }
    server.stop().unwrap();
}

/// There is no time limit to send them away by: they hold a thread each, and nobody else is held up.
#[test]
fn slow_senders_hold_up_nobody_else() {
    let server = server();
    let slow: Vec<_> = [
        "",
        "GET /hello HTTP/1.1\r\nhos",
        "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 5000\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf",
    ]
    .iter()
    .cycle()
    .take(80)
    .map(|bytes| {
        let mut connection = Connection::open(server.addr);
        connection.write(bytes.as_bytes());
        connection
    })
    .collect();
    for _ in 0..20 {
        assert_alive(server.addr);
    }
    drop(slow);
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
            "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 30000000000\r\n\r\nonly this",
            "POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this",
            "POST /hello HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this",
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
