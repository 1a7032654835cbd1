//! Every row of the contract, with right and wrong parameters, and what each reply carries besides.

use std::thread;
use std::time::{Duration, Instant};

use blocking_server::config::{Config, Model};

use crate::http::{Connection, Reply, assert_alive, get, send};
use crate::{config, fake_upstream, models, server, server_with_upstream};

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
fn rows_that_call_nobody_answer_what_they_should() {
    for config in models() {
        let server = blocking_server::start(config).unwrap();
        for (target, kind, body) in [
            ("/hello", "application/json", r#"{"hello":"world"}"#),
            ("/hello?and=a&query", "application/json", r#"{"hello":"world"}"#),
            ("http://elsewhere/hello", "application/json", r#"{"hello":"world"}"#),
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
    // A body of this size is read from the connection; a short one tiny_http has read beforehand.
    let most = vec![b'x'; handlers::MAX_BODY_BYTES];
    let reply = echo(&format!("content-length: {}\r\n", most.len()), &most);
    assert_eq!((reply.status, reply.body), (200, most));
    server.stop().unwrap();
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
        ("GET", "/api/sun/97201/usa", 400),
        ("POST", "/hello", 405),
        ("GET", "/echo", 405),
        ("BREW", "/hello", 405),
    ] {
        assert_problem(&send(server.addr, method, target, "", b""), status);
    }
    assert_eq!(send(server.addr, "PUT", "/hello", "", b"").header("allow"), Some("GET, HEAD"));
    assert_eq!(get(server.addr, "/echo").header("allow"), Some("POST"));
    server.stop().unwrap();
}

#[test]
fn head_has_the_headers_of_get_and_no_body_and_waits_for_no_stream() {
    let server = server();
    let began = Instant::now();
    for target in ["/hello", "/nothing", "/stream/1000/10000", "/wait/abc"] {
        let mut connection = Connection::open(server.addr);
        connection.write(format!("HEAD {target} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes());
        let to_head = connection.reply(true).unwrap();
        // The next reply begins right behind: nothing came after the head.
        connection.get("/hello");
        assert_eq!(connection.reply(false).unwrap().text(), r#"{"hello":"world"}"#);

        let mut connection = Connection::open(server.addr);
        connection.get(target);
        let to_get = connection.head().unwrap();
        assert_eq!(to_head.status, to_get.status, "{target}");
        for name in ["content-type", "content-length", "transfer-encoding"] {
            assert_eq!(to_head.header(name), to_get.header(name), "{name} of {target}");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(10), "somebody waited for a stream");
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

#[test]
fn a_connection_carries_many_requests_and_pipelined_ones_in_order() {
    let server = server();
    let mut connection = Connection::open(server.addr);
    for _ in 0..100 {
        connection.get("/hello");
        assert_eq!(connection.reply(false).unwrap().status, 200);
    }
    for target in ["/wait/50", "/hello", "/stream/2/10", "/wait/1"] {
        connection.get(target);
    }
    for text in
        ["{\"waited_ms\":50}", "{\"hello\":\"world\"}", "chunk 1 of 2\nchunk 2 of 2\n", "{\"waited_ms\":1}"]
    {
        assert_eq!(connection.reply(false).unwrap().text(), text);
    }
    connection.write(b"GET /hello HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    assert_eq!(connection.reply(false).unwrap().status, 200);
    assert_eq!(connection.rest(), b"");
    server.stop().unwrap();
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
    let began = Instant::now();
    for _ in 0..50 {
        connection.write(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 4000\r\n\r\n");
        connection.write(&body);
        assert_eq!(connection.reply(false).unwrap().body, body);
    }
    assert!(began.elapsed() < Duration::from_millis(50 * 40), "{:?} for 50", began.elapsed());
    server.stop().unwrap();
}
