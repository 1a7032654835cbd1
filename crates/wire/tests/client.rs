//! A client's side, rule by rule: what it asks, where it sees the end of an answer, and what it uses again.

mod common;

use common::{LIMITS, Pieces, answer, fetch};
use wire::{ClientConnection, Connection, Error, Flaw};

#[test]
fn a_request_is_a_line_and_a_host() {
    let mut http = ClientConnection::new(LIMITS);
    http.get("/sun?lat=1&lng=2", "localhost:80").unwrap();
    assert_eq!(http.output(), b"GET /sun?lat=1&lng=2 HTTP/1.1\r\nhost: localhost:80\r\n\r\n");
    assert_eq!(http.get("/", "a"), Err(Error::Closed), "one call at a time");
}

#[test]
fn nothing_that_would_end_a_line_gets_into_a_request() {
    for (target, host, flaw) in [
        ("/a b", "a", Flaw::Target),
        ("/\r\nx: y", "a", Flaw::Target),
        ("/\u{e9}", "a", Flaw::Target),
        ("", "a", Flaw::Target),
        ("http://b/", "a", Flaw::Target),
        ("/", "", Flaw::HostInvalid),
        ("/", "a\r\nx: y", Flaw::HostInvalid),
    ] {
        let mut http = ClientConnection::new(LIMITS);
        assert_eq!(http.get(target, host), Err(flaw.into()), "{target:?} {host:?}");
        assert!(http.output().is_empty());
    }
}

#[test]
fn an_answer_ends_where_its_framing_says() {
    for (bytes, status, body, reusable) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true),
        ("HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "hi", true),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", false),
        ("HTTP/1.1 200 OK\r\n\r\nall that comes", 200, "all that comes", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", false),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, "", true),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", true),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n",
            500,
            "",
            true,
        ),
        // What follows was not asked for, so whatever it is, this connection is not used again.
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!", 200, "hi", false),
    ] {
        let (answer, is_reusable) = fetch(bytes.as_bytes(), &[]);
        let (head, found) = answer.unwrap_or_else(|error| panic!("{bytes:?}: {error}"));
        assert_eq!((head.status(), &found[..]), (status, body.as_bytes()), "{bytes:?}");
        assert_eq!(is_reusable, reusable, "{bytes:?}");
    }
}

#[test]
fn what_is_no_answer_is_an_error_and_ends_the_connection() {
    let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(9);
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_001));
    for (bytes, error) in [
        ("", Error::Closed),
        ("HTTP/1.1 2", Error::Cut),
        ("HTTP/1.1 100 Continue\r\n\r\n", Error::Cut),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi", Error::Cut),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n", Error::Cut),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", Error::BodyTooLarge(1_000)),
        (&long, Error::BodyTooLarge(1_000)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", Error::UnknownCoding),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Flaw::CodingInHttp10.into()),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nhi", Flaw::LengthRepeated.into()),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Flaw::Interim.into()),
        (&many, Flaw::Interim.into()),
        ("HTTP/1.1 200 OK\nx: y\r\n\r\n", Flaw::LineEnding.into()),
        ("HTTP/1.1 20 OK\r\n\r\n", Flaw::StartLine.into()),
        ("HTTP/1.1 999 OK\r\n\r\n", Flaw::StartLine.into()),
        ("HTTP/2.0 200 OK\r\n\r\n", Flaw::StartLine.into()),
        ("\0garbage", Flaw::StartLine.into()),
    ] {
        for sizes in [&[][..], &[100], &[1]] {
            let (answer, is_reusable) = fetch(bytes.as_bytes(), sizes);
            assert_eq!(answer.map(|(head, _)| head.status()), Err(error), "{bytes:?}");
            assert!(!is_reusable);
        }
    }
}

#[test]
fn a_connection_serves_one_call_after_the_other() {
    let mut http = ClientConnection::new(LIMITS);
    for n in 0..3 {
        assert!(http.is_reusable());
        http.get(&format!("/{n}"), "a").unwrap();
        http.sent();
        let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{n}");
        let (_, body) = answer(&mut http, &mut Pieces::cut(bytes.as_bytes(), &[3])).unwrap();
        assert_eq!(body, n.to_string().as_bytes());
    }
    http.space();
    http.filled(0);
    assert!(!http.is_reusable(), "the server has closed in between");
}
