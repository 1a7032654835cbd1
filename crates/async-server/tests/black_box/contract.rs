//! Every row of the contract, with right and wrong parameters, and what each reply carries besides.

use crate::http::{Connection, Reply, get, send};
use crate::{fake_upstream, server, server_with_upstream};

fn content_type(reply: &Reply) -> &str {
    reply.header("content-type").unwrap_or_default()
}

#[test]
fn rows_that_wait_for_nobody_answer_what_they_should() {
    let server = server();
    for (target, kind, body) in [
        ("/hello", "application/json", r#"{"hello":"world"}"#),
        ("/hello?and=a&query", "application/json", r#"{"hello":"world"}"#),
        ("http://elsewhere/hello", "application/json", r#"{"hello":"world"}"#),
        ("/wait/0", "application/json", r#"{"waited_ms":0}"#),
        ("/wait/25", "application/json", r#"{"waited_ms":25}"#),
        (
            "/hash/1",
            "application/json",
            r#"{"rounds":1,"digest":"5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"}"#,
        ),
        (
            "/api/events/S%C3%A3o%20Paulo/SP/BR",
            "application/json",
            r#"{"city":"São Paulo","state":"SP","country":"br","name":"Open-air concert in São Paulo"}"#,
        ),
        ("/stream/3/0", "text/plain; charset=utf-8", "chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n"),
    ] {
        let reply = get(server.addr, target);
        assert_eq!((reply.status, content_type(&reply), reply.text()), (200, kind, body), "{target}");
    }
    let welcome = get(server.addr, "/");
    assert_eq!((welcome.status, content_type(&welcome)), (200, "text/plain; charset=utf-8"));
    assert!(welcome.text().starts_with("Parkbench"));
    server.stop().unwrap();
}

#[test]
fn rows_that_call_the_upstream_pass_on_what_it_says() {
    let (sun, weather) = (fake_upstream::SUN, fake_upstream::WEATHER);
    let server = server_with_upstream(fake_upstream::start(|asked| fake_upstream::right(&asked)));
    for (target, body) in [
        ("/api/sun/97201/us", sun.to_owned()),
        ("/api/weather/97201/us", weather.to_owned()),
        ("/api/city/SW1A%201AA/gb", format!(r#"{{"sun":{sun},"weather":{weather}}}"#)),
    ] {
        let reply = get(server.addr, target);
        assert_eq!((reply.status, reply.text()), (200, &*body), "{target}");
        assert_eq!(content_type(&reply), "application/json");
    }
    server.stop().unwrap();
}

#[test]
fn an_echo_comes_back_with_its_type_whether_sized_or_chunked() {
    let server = server();
    let echo = |lines: &str, body: &[u8]| send(server.addr, "POST", "/echo", lines, body);

    let reply = echo("content-type: text/csv\r\ncontent-length: 5\r\n", b"a,b\0\xff");
    assert_eq!((reply.status, content_type(&reply), &*reply.body), (200, "text/csv", &b"a,b\0\xff"[..]));

    let reply = echo("transfer-encoding: chunked\r\n", b"3\r\nabc\r\n2;note=x\r\nde\r\n0\r\n\r\n");
    assert_eq!(
        (reply.status, content_type(&reply), reply.text()),
        (200, "application/octet-stream", "abcde")
    );

    for nothing in ["", "content-length: 0\r\n"] {
        let reply = echo(nothing, b"");
        assert_eq!((reply.status, reply.body.len()), (200, 0));
    }
    let most = vec![b'x'; handlers::MAX_BODY_BYTES];
    let reply = echo(&format!("content-length: {}\r\n", most.len()), &most);
    assert_eq!((reply.status, reply.body), (200, most));
    server.stop().unwrap();
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
fn refusals_are_problem_details() {
    let server = server();
    for (method, target, status) in [
        ("GET", "/nothing", 404),
        ("DELETE", "/nothing", 404),
        ("GET", "/hello/", 404),
        ("GET", "/wait/60001", 400),
        ("GET", "/wait/abc", 400),
        ("GET", "/hash/5000001", 400),
        ("GET", "/stream/0/1", 400),
        ("GET", "/stream/1/10001", 400),
        ("GET", "/api/sun/97201/usa", 400),
        ("GET", "/api/weather/too-long-a-zip/us", 400),
        ("GET", "/api/events/a/b/%zz", 400),
        ("GET", "/api/events/%ff/or/us", 400),
    ] {
        assert_problem(&send(server.addr, method, target, "", b""), status);
    }
    for (method, target, allow) in
        [("POST", "/hello", "GET, HEAD"), ("DELETE", "/wait/oops", "GET, HEAD"), ("GET", "/echo", "POST")]
    {
        let reply = send(server.addr, method, target, "", b"");
        assert_problem(&reply, 405);
        assert_eq!(reply.header("allow"), Some(allow));
    }
    server.stop().unwrap();
}

#[test]
fn head_answers_as_get_without_the_body() {
    let server = server_with_upstream(fake_upstream::start(|asked| fake_upstream::right(&asked)));
    // On one connection: a body that came all the same would spoil the next reply.
    let mut connection = Connection::open(server.addr);
    for target in [
        "/",
        "/hello",
        "/wait/1",
        "/hash/2",
        "/api/sun/97201/us",
        "/api/events/a/b/us",
        "/nothing",
        "/wait/x",
    ] {
        let full = get(server.addr, target);
        connection.write(format!("HEAD {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes());
        let head = connection.reply(true).unwrap();
        assert_eq!(head.status, full.status, "{target}");
        assert_eq!(head.header("content-length"), Some(&*full.body.len().to_string()), "{target}");
        assert_eq!(content_type(&head), content_type(&full), "{target}");
    }
    server.stop().unwrap();
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

#[test]
fn a_connection_serves_many_requests_pipelined_ones_too() {
    let server = server();
    let mut connection = Connection::open(server.addr);
    for n in [1, 2, 3] {
        connection.get(&format!("/wait/{n}"));
        assert_eq!(connection.reply(false).unwrap().text(), format!(r#"{{"waited_ms":{n}}}"#));
    }
    for n in [30, 2, 1] {
        connection.get(&format!("/wait/{n}"));
    }
    for n in [30, 2, 1] {
        assert_eq!(connection.reply(false).unwrap().text(), format!(r#"{{"waited_ms":{n}}}"#));
    }
    connection.write(b"GET /hello HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    let last = connection.reply(false).unwrap();
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    assert_eq!(connection.rest(), b"");
    server.stop().unwrap();
}
