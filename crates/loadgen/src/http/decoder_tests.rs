//! Framing rules of RFC 9112, one by one, and properties over any bytes in any split.

use proptest::prelude::*;

use super::*;

/// Everything that one reply yields when it arrives in pieces of `size` bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    status: Option<u16>,
    body: Vec<u8>,
    ended: bool,
    error: Option<Malformed>,
    left: Vec<u8>,
    keeps_alive: bool,
    may_end_here: bool,
}

fn read(reply: &[u8], head_only: bool, size: usize) -> Seen {
    let mut decoder = Decoder::new(head_only);
    let mut seen = Seen::default();
    'pieces: for (i, piece) in reply.chunks(size).enumerate() {
        let mut input = piece;
        loop {
            match decoder.step(&mut input) {
                Ok(Step::More) => break,
                Ok(Step::Head { status }) => seen.status = Some(status),
                Ok(Step::Body(piece)) => seen.body.extend_from_slice(piece),
                Ok(Step::End) => {
                    seen.ended = true;
                    seen.left = [input, &reply[(i * size + piece.len())..]].concat();
                    break 'pieces;
                }
                Err(malformed) => {
                    seen.error = Some(malformed);
                    break 'pieces;
                }
            }
        }
        assert!(input.is_empty(), "`More` with input left");
    }
    seen.keeps_alive = decoder.keeps_alive();
    seen.may_end_here = decoder.may_end_here();
    seen
}

fn whole(reply: &str) -> Seen {
    read(reply.as_bytes(), false, usize::MAX)
}

fn error(reply: &str) -> &'static str {
    whole(reply).error.unwrap_or_else(|| panic!("accepted: {reply:?}")).0
}

#[test]
fn content_length_ends_a_reply() {
    let seen = whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1");
    assert_eq!((seen.status, seen.ended, seen.keeps_alive), (Some(200), true, true));
    assert_eq!((&seen.body[..], &seen.left[..]), (&b"hi"[..], &b"HTTP/1.1"[..]));
    assert!(whole("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ended);
    assert!(whole("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx").ended);
}

#[test]
fn chunks_are_unwrapped_and_extensions_and_trailers_read_over() {
    let seen = whole(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
         A;name=\"v\"\r\n0123456789\r\n00 \r\nx-trailer: 1\r\ny: 2\r\n\r\nleft",
    );
    assert_eq!((&seen.body[..], seen.ended, &seen.left[..]), (&b"0123456789"[..], true, &b"left"[..]));
    assert!(seen.keeps_alive);
}

#[test]
fn broken_chunks_are_errors() {
    let chunks = |body: &str| error(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
    for body in
        ["\r\n", "g\r\n", "-1\r\n", "2\nhi", "2\r\nhiX", "2\r\nhi\rX", ";x\r\n", "0\r\n\rX", "0\r\n\n"]
    {
        assert_eq!(chunks(body), "a chunk that is not framed as one", "{body:?}");
    }
    assert_eq!(chunks("1000000000000000\r\n"), "a chunk size beyond reason");
    let long = format!("1;{}\r\n", "x".repeat(17_000));
    assert_eq!(chunks(&long), "more than 16 KiB of chunk extensions and trailers");
}

#[test]
fn without_a_length_the_connection_is_the_frame() {
    let seen = whole("HTTP/1.1 200 OK\r\n\r\nall of it");
    assert_eq!((&seen.body[..], seen.ended, seen.may_end_here), (&b"all of it"[..], false, true));
    assert!(!seen.keeps_alive);
}

#[test]
fn some_replies_have_no_body_whatever_they_say() {
    let head = "content-length: 10\r\n\r\n";
    for status in [204, 304] {
        let seen = whole(&format!("HTTP/1.1 {status} No\r\n{head}"));
        assert_eq!((seen.status, seen.ended, seen.keeps_alive), (Some(status), true, true));
    }
    let seen = read(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes(), true, usize::MAX);
    assert!(seen.ended && seen.keeps_alive);
    assert!(read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", true, 1).ended);
}

#[test]
fn interim_replies_are_read_over_but_not_for_ever() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let seen = whole(&format!("HTTP/1.1 100 Continue\r\n\r\n{hints}HTTP/1.1 204 No\r\n\r\n"));
    assert_eq!((seen.status, seen.ended), (Some(204), true));
    assert!(error(&hints.repeat(17)).contains("1xx"));
    assert!(error("HTTP/1.1 101 Switching Protocols\r\n\r\n").contains("switched"));
}

#[test]
fn either_side_may_end_keep_alive() {
    let alive = |version: &str, header: &str| {
        whole(&format!("HTTP/{version} 200 OK\r\ncontent-length: 0\r\n{header}\r\n")).keeps_alive
    };
    assert!(alive("1.1", ""));
    assert!(!alive("1.1", "Connection: Close\r\n"));
    assert!(!alive("1.1", "connection: upgrade, close\r\n"));
    assert!(!alive("1.0", ""));
    assert!(alive("1.0", "connection: Keep-Alive\r\n"));
    assert!(!alive("1.0", "connection: keep-alive\r\nconnection: close\r\n"));
}

#[test]
fn contradictory_framing_is_an_error() {
    let ok = "HTTP/1.1 200 OK\r\n";
    assert_eq!(
        error(&format!("{ok}content-length: 1\r\ncontent-length: 2\r\n\r\n")),
        "two different content-lengths"
    );
    for bad in ["-1", "+1", "1, 1", "0x1", "", "99999999999999999999"] {
        let reply = format!("{ok}content-length: {bad}\r\n\r\n");
        assert_eq!(error(&reply), "a content-length that is not a number", "{bad:?}");
    }
    for bad in ["gzip", "gzip, chunked", "chunked, chunked", ""] {
        let reply = format!("{ok}transfer-encoding: {bad}\r\n\r\n");
        assert_eq!(error(&reply), "a transfer-encoding that nobody asked for", "{bad:?}");
    }
    assert_eq!(
        error(&format!("{ok}transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n")),
        "both content-length and transfer-encoding"
    );
    assert!(error("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").contains("nobody asked"));
}

#[test]
fn what_is_not_http_is_an_error() {
    for bad in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "\0\0\0\0"] {
        assert_eq!(error(bad), "the reply does not begin as HTTP/1.x does", "{bad:?}");
    }
    assert_eq!(error("HTTP/1.1 099 Low\r\n\r\n"), "a status below 100");
}

#[test]
fn heads_have_limits_in_every_split() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    let long = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(40_000));
    for size in [61, 1_000, usize::MAX] {
        assert_eq!(read(many.as_bytes(), false, size).error, Some(Malformed("more than 100 headers")));
        let seen = read(long.as_bytes(), false, size);
        assert_eq!(seen.error, Some(Malformed("the head of the reply has no end within 32 KiB")));
    }
}

/// Replies that are right or nearly so, where pure noise would rarely get past the first byte.
fn reply_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"HTTP/1.1 200 OK\r\n"[..]),
        Just(&b"HTTP/1.0 404 No\r\n"[..]),
        Just(&b"HTTP/1.1 100 Continue\r\n\r\n"[..]),
        Just(&b"HTTP/1.1 204 None\r\n"[..]),
        Just(&b"content-length: 5\r\n"[..]),
        Just(&b"transfer-encoding: chunked\r\n"[..]),
        Just(&b"connection: close\r\n"[..]),
        Just(&b"\r\n"[..]),
        Just(&b"5\r\nhello\r\n"[..]),
        Just(&b"0\r\n\r\n"[..]),
        Just(&b"hello"[..]),
        Just(&b"\n"[..]),
        Just(&b"\0"[..]),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_mean_the_same(
        reply in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), reply_like()],
        head_only: bool,
        size in 1_usize..50,
    ) {
        prop_assert_eq!(read(&reply, head_only, size), read(&reply, head_only, usize::MAX));
    }

    #[test]
    fn any_body_comes_back_from_any_chunking(
        body in proptest::collection::vec(any::<u8>(), 0..500),
        chunk in 1_usize..100,
        size in 1_usize..50,
    ) {
        let mut reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in body.chunks(chunk) {
            reply.extend(format!("{:x}\r\n", piece.len()).bytes());
            reply.extend([piece, b"\r\n"].concat());
        }
        reply.extend(b"0\r\n\r\n");
        let seen = read(&reply, false, size);
        prop_assert_eq!(seen.body, body);
        prop_assert!(seen.ended && seen.left.is_empty());
    }
}
