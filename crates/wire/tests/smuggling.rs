//! Requests that two programs in a row could read differently (RFC 9112, 11.2), and what comes of each:
//! refused, closed, and not a byte of what follows is ever answered.

mod common;

use common::{Event, serve, statuses};
use wire::{Error, Flaw};

/// What is hidden behind each attack. If it is ever answered, the attack has worked.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";

#[test]
fn what_can_be_read_in_two_ways_is_refused_in_the_head() {
    for (lines, error) in [
        // Two ends of one body.
        ("content-length: 5\r\ntransfer-encoding: chunked", Flaw::LengthAndCoding.into()),
        ("transfer-encoding: chunked\r\ncontent-length: 5", Flaw::LengthAndCoding.into()),
        ("Content-Length: 0\r\nTransfer-Encoding: identity", Flaw::LengthAndCoding.into()),
        ("content-length: 5\r\ncontent-length: 6", Flaw::LengthRepeated.into()),
        ("content-length: 5\r\nx: y\r\nCONTENT-LENGTH: 5", Flaw::LengthRepeated.into()),
        // Numbers that parsers read differently.
        ("content-length: +5", Flaw::LengthInvalid.into()),
        ("content-length: -5", Flaw::LengthInvalid.into()),
        ("content-length: 5, 5", Flaw::LengthInvalid.into()),
        ("content-length: 5,6", Flaw::LengthInvalid.into()),
        ("content-length: 0x5", Flaw::LengthInvalid.into()),
        ("content-length: 5 5", Flaw::LengthInvalid.into()),
        ("content-length: 5;", Flaw::LengthInvalid.into()),
        ("content-length: 5.0", Flaw::LengthInvalid.into()),
        ("content-length: \"5\"", Flaw::LengthInvalid.into()),
        ("content-length: \u{b2}", Flaw::LengthInvalid.into()),
        ("content-length:", Flaw::LengthInvalid.into()),
        ("content-length: 18446744073709551616", Flaw::LengthInvalid.into()),
        ("content-length: 99999999999999999999999999", Flaw::LengthInvalid.into()),
        ("content-length: 5\u{b}", Flaw::HeaderValue.into()),
        // Codings that parsers see or do not see.
        ("transfer-encoding: identity", Error::UnknownCoding),
        ("transfer-encoding: gzip", Error::UnknownCoding),
        ("transfer-encoding: gzip, chunked", Error::UnknownCoding),
        ("transfer-encoding: chunked, gzip", Error::UnknownCoding),
        ("transfer-encoding: chunked, chunked", Error::UnknownCoding),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", Error::UnknownCoding),
        ("transfer-encoding: chunked\r\ntransfer-encoding: x", Error::UnknownCoding),
        ("transfer-encoding: x\r\ntransfer-encoding: chunked", Error::UnknownCoding),
        ("transfer-encoding: xchunked", Error::UnknownCoding),
        ("transfer-encoding: chunked;q=1", Error::UnknownCoding),
        ("transfer-encoding: \"chunked\"", Error::UnknownCoding),
        ("transfer-encoding: , chunked", Error::UnknownCoding),
        ("transfer-encoding:", Error::UnknownCoding),
        ("transfer-encoding: \u{b}chunked", Flaw::HeaderValue.into()),
        ("transfer-encoding: chunked\0", Flaw::HeaderValue.into()),
        // Lines that parsers cut differently.
        ("transfer-encoding : chunked", Flaw::HeaderName.into()),
        ("content-length\t: 5", Flaw::HeaderName.into()),
        (" content-length: 5", Flaw::HeaderName.into()),
        ("x: y\r\n transfer-encoding: chunked", Flaw::HeaderName.into()),
        ("transfer-encoding:\r\n chunked", Flaw::HeaderName.into()),
        ("x: y\r\n\tfolded", Flaw::HeaderName.into()),
        ("content-length", Flaw::HeaderName.into()),
        (": 5", Flaw::HeaderName.into()),
        ("content\0-length: 5", Flaw::HeaderName.into()),
        ("c\u{f6}ntent-length: 5", Flaw::HeaderName.into()),
        ("x: y\ntransfer-encoding: chunked", Flaw::LineEnding.into()),
        ("x: y\rtransfer-encoding: chunked", Flaw::HeaderValue.into()),
        ("x: y\r\r\ntransfer-encoding: chunked", Flaw::HeaderValue.into()),
        ("x: y\n\nGET /early HTTP/1.1", Flaw::LineEnding.into()),
        ("x: a\0b", Flaw::HeaderValue.into()),
        ("\rtransfer-encoding: chunked", Flaw::LineEnding.into()),
        // Hosts that parsers choose between.
        ("host: b", Flaw::HostRepeated.into()),
        ("Host: a", Flaw::HostRepeated.into()),
        ("expect: 200-ok", Error::UnknownExpectation),
        ("expect: 100-continue\r\nexpect: more", Error::UnknownExpectation),
        ("expect: more\r\nexpect: 100-continue", Error::UnknownExpectation),
    ] {
        refused(&format!("POST /echo HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n0\r\n\r\n{HIDDEN}"), error);
    }
}

#[test]
fn request_lines_and_hosts_are_read_in_one_way_only() {
    for (start, error) in [
        ("GET / HTTP/1.1\r\n", Flaw::HostMissing.into()),
        ("GET / HTTP/1.1\r\nhost: a, b\r\n", Flaw::HostInvalid.into()),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n", Flaw::HostInvalid.into()),
        ("GET / HTTP/1.1\r\nhost: me@a\r\n", Flaw::HostInvalid.into()),
        ("GET / HTTP/1.0\r\nhost: a\r\nhost: a\r\n", Flaw::HostRepeated.into()),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n", Flaw::CodingInHttp10.into()),
        ("GET / HTTP/1.1 \r\nhost: a\r\n", Flaw::LineEnding.into()),
        ("GET  / HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET /  HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET\t/ HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET / b HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET /\0 HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET /\u{e9} HTTP/1.1\r\nhost: a\r\n", Flaw::Target.into()),
        ("G\u{e9}T / HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET /\r\n", Flaw::StartLine.into()),
        ("GET / HTTP/1.1\nhost: a\r\n", Flaw::LineEnding.into()),
        ("GET / http/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET / HTTP/1.10\r\nhost: a\r\n", Flaw::LineEnding.into()),
        ("GET / HTTP/11\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("GET / HTTP/1.2\r\nhost: a\r\n", Error::UnknownVersion),
        ("GET / HTTP/0.9\r\nhost: a\r\n", Error::UnknownVersion),
        ("PRI * HTTP/2.0\r\n", Error::UnknownVersion),
        ("GET / HTTP/2.0 HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        (" GET / HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("\nGET / HTTP/1.1\r\nhost: a\r\n", Flaw::StartLine.into()),
        ("\u{16}\u{3}\u{1}\u{2}", Flaw::StartLine.into()),
    ] {
        refused(&format!("{start}\r\n{HIDDEN}"), error);
    }
}

#[test]
fn chunks_that_can_be_read_in_two_ways_are_refused_in_the_body() {
    for (body, error) in [
        ("0x5\r\nhello\r\n0\r\n\r\n", Flaw::ChunkSize),
        ("5\nhello\r\n0\r\n\r\n", Flaw::ChunkSize),
        ("5 \r\nhello\r\n0\r\n\r\n", Flaw::ChunkSize),
        ("-5\r\nhello\r\n0\r\n\r\n", Flaw::ChunkSize),
        ("100000000000000005\r\nhello\r\n0\r\n\r\n", Flaw::ChunkSize),
        ("5;\nxxx\r\nhello\r\n0\r\n\r\n", Flaw::ChunkExtension),
        ("5;a\0\r\nhello\r\n0\r\n\r\n", Flaw::ChunkExtension),
        ("5\r\nhello!!0\r\n\r\n", Flaw::ChunkEnd),
        ("5\r\nhello\n0\r\n\r\n", Flaw::ChunkEnd),
        ("0\r\nbad trailer\r\n\r\n", Flaw::Trailer),
        ("0\r\ncontent-length: 5\n\r\n", Flaw::Trailer),
        ("0\r\n\n", Flaw::Trailer),
    ] {
        let bytes =
            format!("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}{HIDDEN}");
        for sizes in [&[][..], &[1], &[2, 3]] {
            let (events, sent) = serve(bytes.as_bytes(), sizes);
            let [Event::BadBody { error: found, .. }, Event::End(Error::Closed)] = &events[..] else {
                panic!("{bytes:?} came to {events:?}");
            };
            assert_eq!(*found, error.into(), "{bytes:?}");
            assert_eq!(statuses(&sent), [400], "{bytes:?}");
            assert!(String::from_utf8(sent).unwrap().contains("\r\nconnection: close\r\n"));
        }
    }
}

#[test]
fn what_looks_odd_but_can_be_read_in_one_way_only_is_taken() {
    for (lines, body) in [
        ("content-length:5", "hello"),
        ("CONTENT-LENGTH:   005  ", "hello"),
        ("transfer-encoding: Chunked", "5\r\nhello\r\n0\r\n\r\n"),
        ("transfer-encoding:\t chunked \t", "05;a=\"b c\"\r\nhello\r\n0\r\nx: y\r\n\r\n"),
        ("content_length: 9\r\ncontent-length: 5", "hello"),
        ("x-transfer-encoding: chunked\r\ncontent-length: 5", "hello"),
        ("x: content-length: 9\r\ncontent-length: 5", "hello"),
    ] {
        let bytes = format!("POST /echo HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n{body}\r\n{HIDDEN}");
        let (events, _) = serve(bytes.as_bytes(), &[]);
        let [Event::Request { body, .. }, Event::Request { target, .. }, Event::End(Error::Closed)] =
            &events[..]
        else {
            panic!("{bytes:?} came to {events:?}");
        };
        assert_eq!((&body[..], &target[..]), (&b"hello"[..], "/hidden"), "{bytes:?}");
    }
}

/// Refused however it is cut, with one reply that closes; nothing that follows is looked at.
fn refused(bytes: &str, error: Error) {
    for sizes in [&[][..], &[1], &[3, 1, 7]] {
        let (events, sent) = serve(bytes.as_bytes(), sizes);
        assert_eq!(events, [Event::End(error)], "{bytes:?}");
        assert_eq!(statuses(&sent), [error.status().unwrap()], "{bytes:?}");
        let sent = String::from_utf8(sent).unwrap();
        assert!(sent.contains("\r\nconnection: close\r\n"), "{sent}");
    }
}
