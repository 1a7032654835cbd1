//! What this server promises beyond the contract.
//!
//! `lab/tests/parity` holds the contract and HTTP/1.1 itself against every rung; here is what only this
//! server has.

use crate::server;
use testing::http::{Reply, get, send};

fn content_type(reply: &Reply) -> &str {
    reply.header("content-type").unwrap_or_default()
}

#[test]
fn a_body_that_is_too_large_is_refused_early_and_the_refusal_arrives() {
    let server = server();
    let over = vec![b'x'; handlers::MAX_BODY_BYTES + 1];

    // By its length alone: the body need not come.
    let lines = format!("content-length: {}\r\n", over.len());
    assert_too_large(&send(server.addr, "POST", "/echo", &lines, b""));
    assert_too_large(&send(server.addr, "POST", "/echo", "content-length: 30000000000\r\n", b""));
    // When it comes all the same, and without an announced length.
    assert_too_large(&send(server.addr, "POST", "/echo", &lines, &over));
    let chunk = [format!("{:x}\r\n", over.len()).as_bytes(), &over, b"\r\n"].concat();
    assert_too_large(&send(server.addr, "POST", "/echo", "transfer-encoding: chunked\r\n", &chunk));
    server.stop().unwrap();
}

fn assert_too_large(reply: &Reply) {
    assert_problem(reply, 413);
    // What follows on this connection would be body, not a request.
    assert_eq!(reply.header("connection"), Some("close"));
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
fn every_reply_carries_what_the_hooks_add() {
    let server = server();
    for (method, target) in [("GET", "/hello"), ("HEAD", "/wait/1"), ("GET", "/nothing"), ("POST", "/hello")]
    {
        let reply = send(server.addr, method, target, "x-request-id: my-own.1\r\n", b"");
        assert_eq!(reply.header("x-request-id"), Some("my-own.1"), "{target}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("content-security-policy").is_some());
        assert!(reply.header("date").is_some());
    }
    let waited = get(server.addr, "/wait/40");
    let timing = waited.header("server-timing").and_then(|value| value.strip_prefix("view;dur=")).unwrap();
    let view_ms: f64 = timing.parse().unwrap();
    assert!((40.0..20_000.0).contains(&view_ms), "{view_ms} ms in the view");
    server.stop().unwrap();
}
