//! A server's side, rule by rule: what it says, what it keeps open, and what it costs to wait.

mod common;

use common::{LIMITS, NO_HEADERS, Pieces, serve, statuses};
use wire::{Connection, Error, Flaw, Limits, Phase, RequestHead, ServerConnection};

const GET: &str = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";

/// A connection to which all of this has come.
fn received(bytes: &str) -> ServerConnection {
    let mut http = ServerConnection::new(LIMITS);
    let mut rest = bytes.as_bytes();
    while !rest.is_empty() {
        let space = http.space();
        let (now, later) = rest.split_at(space.len().min(rest.len()));
        space[..now.len()].copy_from_slice(now);
        http.filled(now.len());
        rest = later;
    }
    http
}

/// One whose head was taken as well.
fn asked(bytes: &str) -> ServerConnection {
    let mut http = received(bytes);
    assert_eq!(http.take_head(&mut RequestHead::default()), Ok(true), "{bytes:?}");
    http
}

/// What was queued, without the date.
fn said(http: &ServerConnection) -> String {
    let text = std::str::from_utf8(http.output()).unwrap();
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: "));
    lines.collect()
}

fn ended(http: &mut ServerConnection) {
    http.space();
    http.filled(0);
}

#[test]
fn a_reply_is_a_status_line_headers_and_its_length() {
    let mut http = asked(GET);
    http.reply(200, &[("content-type", "application/json"), ("x-a", "b")], b"{}");
    let expected =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-a: b\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(said(&http), expected);
    assert!(http.output().windows(8).any(|part| part == b"\r\ndate: "));
    assert!(http.is_open() && !http.lingers());
}

#[test]
fn pipelined_requests_are_answered_one_after_the_other() {
    let post = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
    let (events, sent) = serve(["\r\n", GET, post, GET, "\r\n", GET].concat().as_bytes(), &[]);
    assert_eq!(events.len(), 5);
    assert_eq!(statuses(&sent), [200; 4]);
}

#[test]
fn a_body_that_nobody_took_is_dropped_when_it_is_there_and_else_ends_the_connection() {
    for body in ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
        let head = "POST /hello HTTP/1.1\r\nhost: a\r\n";
        let mut http = asked(&[head, body, GET].concat());
        http.reply(405, NO_HEADERS, b"");
        assert!(http.is_open());
        assert_eq!(http.take_head(&mut RequestHead::default()), Ok(true), "the next request");

        let mut http = asked(&[head, &body[..body.len() - 1]].concat());
        http.reply(405, NO_HEADERS, b"");
        assert!(said(&http).contains("connection: close\r\n") && !http.is_open() && http.lingers());
    }
}

#[test]
fn head_is_answered_like_get_without_the_body() {
    let head = GET.replace("GET", "HEAD");
    let mut http = asked(&[&head, GET].concat());
    http.reply(200, NO_HEADERS, b"hello");
    assert_eq!(said(&http), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    let mut http = asked(&[&head, GET].concat());
    http.reply_chunked(200, NO_HEADERS);
    assert!(!http.is_streaming(), "nobody waits for the chunks");
    http.chunk(b"hello");
    http.finish();
    assert_eq!(said(&http), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(http.take_head(&mut RequestHead::default()), Ok(true), "the next request");
}

#[test]
fn chunks_are_sent_as_they_are_made() {
    let mut http = asked(GET);
    http.reply_chunked(200, NO_HEADERS);
    assert!(http.is_streaming() && http.phase() == Phase::Reply);
    http.sent();
    http.chunk(b"chunk 1 of 2\n");
    assert_eq!(http.output(), b"d\r\nchunk 1 of 2\n\r\n");
    http.sent();
    http.chunk(b"");
    assert_eq!(http.output(), b"", "an empty chunk would be the last");
    http.finish();
    assert_eq!(http.output(), b"0\r\n\r\n");
    assert!(http.is_open() && !http.is_streaming());
}

#[test]
fn http_1_0_gets_no_chunks_and_closes_unless_it_asks_to_stay() {
    let old = "GET / HTTP/1.0\r\n\r\n";
    let mut http = asked(old);
    http.reply_chunked(200, NO_HEADERS);
    http.chunk(b"raw");
    http.finish();
    assert_eq!(said(&http), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nraw");
    assert!(!http.is_open() && !http.lingers(), "it has said all it had to say");

    let stay = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    let mut http = asked(stay);
    http.reply_chunked(200, NO_HEADERS);
    assert!(said(&http).contains("\r\nconnection: close\r\n"), "what else would end the body?");

    let mut http = asked(stay);
    http.reply(200, NO_HEADERS, b"");
    assert_eq!(said(&http), "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n");
    assert!(http.is_open());
}

#[test]
fn a_connection_closes_when_either_side_wants_it() {
    let mut http = asked("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    http.reply(200, NO_HEADERS, b"");
    assert!(said(&http).contains("\r\nconnection: close\r\n") && !http.is_open() && !http.lingers());

    let mut http = asked(&["GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", GET].concat());
    http.reply(200, NO_HEADERS, b"");
    assert!(!http.is_open() && http.lingers(), "it sends more than it said it would");

    let mut http = asked(&[GET, GET].concat());
    http.close();
    http.reply(200, NO_HEADERS, b"");
    assert!(said(&http).contains("\r\nconnection: close\r\n") && !http.is_open() && http.lingers());
    assert_eq!(http.take_head(&mut RequestHead::default()), Err(Error::Closed), "the rest is not served");
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it_once_and_only_when_its_body_is_wanted() {
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 3\r\n\r\n";
    let mut body = Vec::new();
    let mut http = asked(head);
    assert_eq!(http.take_body(&mut body), Ok(false));
    assert_eq!(http.output(), b"HTTP/1.1 100 Continue\r\n\r\n");
    http.sent();
    assert_eq!(http.take_body(&mut body), Ok(false));
    assert_eq!(http.output(), b"");
    Pieces::cut(b"abc", &[]).feed(&mut http);
    assert_eq!((http.take_body(&mut body), &body[..]), (Ok(true), &b"abc"[..]));

    let mut http = asked(&[head, "a"].concat());
    assert_eq!((http.take_body(&mut body), http.output()), (Ok(false), &b""[..]), "it did not wait");

    let mut http = asked(head);
    http.reply(405, NO_HEADERS, b"");
    assert!(said(&http).starts_with("HTTP/1.1 405 ") && !http.is_open() && http.lingers());

    let mut http = asked(&head.replace("content-length: 3", "content-length: 1001"));
    assert_eq!(http.take_body(&mut body), Err(Error::BodyTooLarge(1_000)));
    assert_eq!(http.output(), b"", "nobody asks for what will be refused");

    let mut http = asked(&head.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!((http.take_body(&mut body), http.output()), (Ok(false), &b""[..]), "1.0 knows no 100");
}

#[test]
fn limits_are_inclusive() {
    let body = |length: usize| {
        let mut http = received(&format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"));
        http.take_head(&mut RequestHead::default()).unwrap();
        let bytes = vec![b'x'; length];
        let (mut pieces, mut taken) = (Pieces::cut(&bytes, &[300]), Vec::new());
        loop {
            match http.take_body(&mut taken) {
                Ok(false) => pieces.feed(&mut http),
                Ok(true) => return Ok(taken.len()),
                Err(error) => return Err(error),
            }
        }
    };
    assert_eq!(body(1_000), Ok(1_000));
    assert_eq!(body(1_001), Err(Error::BodyTooLarge(1_000)));
    let head = |length: usize| {
        let (start, end) = ("GET / HTTP/1.1\r\nhost: a\r\nx: ", "\r\n\r\n");
        let filling = "x".repeat(length - start.len() - end.len());
        received(&[start, &filling, end].concat()).take_head(&mut RequestHead::default())
    };
    assert_eq!(head(512), Ok(true));
    assert_eq!(head(513), Err(Error::HeadTooLarge(512)));
    let target = format!("GET /{} HTTP/1.1\r\n", "x".repeat(512));
    assert_eq!(received(&target).take_head(&mut RequestHead::default()), Err(Error::TargetTooLong(512)));
}

#[test]
fn each_refusal_is_one_reply_of_problem_details_that_closes() {
    let mut problems = Vec::new();
    for error in [
        Error::Malformed(Flaw::ChunkOverhead),
        Error::TimedOut,
        Error::BodyTooLarge(7),
        Error::TargetTooLong(7),
        Error::UnknownExpectation,
        Error::HeadTooLarge(7),
        Error::TooManyHeaders,
        Error::UnknownCoding,
        Error::UnknownVersion,
    ] {
        let mut http = received("GET");
        http.refuse(&error);
        let said = said(&http);
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"),
            "{head}"
        );
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        assert!(!http.is_open() && http.lingers());
        problems.push((error.status().unwrap(), body.to_owned()));
        http.refuse(&error);
        assert_eq!(statuses(http.output()).len(), 1, "once is enough");
    }
    let statuses: Vec<u16> = problems.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [400, 408, 413, 414, 417, 431, 431, 501, 505]);
    assert_eq!(
        problems[2].1,
        r#"{"type":"about:blank","title":"Content Too Large","status":413,"detail":"the body may have 7 bytes at most"}"#
    );
}

#[test]
fn a_refusal_owes_nothing_to_the_request_before_it() {
    let head = "HEAD / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    let mut bad = asked(&[head, "GET / HTTP/3.0\r\n\r\n"].concat());
    bad.reply(200, NO_HEADERS, b"");
    bad.sent();
    let error = bad.take_head(&mut RequestHead::default()).unwrap_err();
    bad.refuse(&error);
    let mut slow = asked(&[head, "GET"].concat());
    slow.reply(200, NO_HEADERS, b"");
    slow.sent();
    slow.refuse(&Error::TimedOut);
    for http in [bad, slow] {
        assert!(said(&http).contains("\r\nconnection: close\r\n") && said(&http).ends_with('}'));
    }
}

#[test]
fn a_bad_body_stays_bad() {
    let mut http =
        asked("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n0\r\n\r\n");
    let mut body = Vec::new();
    for _ in 0..2 {
        assert_eq!(http.take_body(&mut body), Err(Flaw::ChunkSize.into()));
        assert_eq!(body, b"ab");
    }
}

#[test]
fn there_is_nothing_to_say_to_a_client_that_is_gone_or_in_the_middle_of_a_reply() {
    for (bytes, error) in [("", Error::Closed), ("GET / HT", Error::Cut), ("\r", Error::Cut)] {
        let mut http = received(bytes);
        ended(&mut http);
        let found = http.take_head(&mut RequestHead::default()).unwrap_err();
        http.refuse(&found);
        assert_eq!((found, http.output(), http.is_open()), (error, &b""[..], false));
    }
    let mut http = asked(GET);
    http.reply_chunked(200, NO_HEADERS);
    http.sent();
    http.refuse(&Error::TimedOut);
    http.finish();
    assert_eq!(http.output(), b"", "no last chunk: the client must know that something is missing");
    assert!(!http.is_open());
}

#[test]
fn a_half_closed_client_still_gets_its_replies() {
    let mut http = received(&[GET, GET].concat());
    ended(&mut http);
    for _ in 0..2 {
        assert_eq!(http.take_head(&mut RequestHead::default()), Ok(true));
        http.reply(200, NO_HEADERS, b"");
    }
    assert_eq!(http.take_head(&mut RequestHead::default()), Err(Error::Closed));
    assert_eq!(statuses(http.output()), [200, 200]);

    let mut http = asked("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na");
    ended(&mut http);
    assert_eq!(http.take_body(&mut Vec::new()), Err(Error::Cut));
    http.reply(400, NO_HEADERS, b"");
    assert!(!http.is_open() && !http.lingers(), "it has closed already, nothing can come");
}

#[test]
fn a_connection_without_a_request_can_be_turned_away() {
    let mut http = ServerConnection::new(LIMITS);
    http.reply(503, &[("retry-after", "1")], b"");
    assert_eq!(
        said(&http),
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    assert!(!http.is_open() && http.lingers(), "its request may be on its way");
}

#[test]
fn the_phase_says_what_the_time_is_for() {
    let mut head = RequestHead::default();
    let mut http = received("");
    assert_eq!(http.phase(), Phase::Idle);
    let post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab";
    for byte in post[..post.len() - 2].bytes() {
        assert_eq!(http.take_head(&mut head), Ok(false));
        Pieces::cut(&[byte], &[]).feed(&mut http);
        assert_eq!(http.phase(), Phase::Head);
    }
    assert_eq!(http.take_head(&mut head), Ok(true));
    assert_eq!(http.phase(), Phase::Body);
    Pieces::cut(b"ab", &[]).feed(&mut http);
    assert_eq!(http.take_body(&mut Vec::new()), Ok(true));
    assert_eq!(http.phase(), Phase::Reply);
    http.reply(200, NO_HEADERS, b"");
    assert_eq!(http.phase(), Phase::Idle);
    http.refuse(&Error::TimedOut);
    assert_eq!(http.phase(), Phase::Closed);
}

#[test]
fn replies_that_have_no_content_say_no_length() {
    for status in [204, 304] {
        let mut http = asked(GET);
        http.reply(status, NO_HEADERS, b"ignored");
        assert!(said(&http).ends_with("\r\n\r\n") && !said(&http).contains("content-length"));
        assert!(http.is_open());
    }
}

#[test]
fn a_connection_that_waits_holds_little_whatever_it_did_before() {
    let limits = Limits { head_bytes: 16 * 1024, body_bytes: 1024 * 1024 };
    let (mut http, mut head) = (ServerConnection::new(limits), RequestHead::default());
    let request =
        format!("POST / HTTP/1.1\r\nhost: a\r\nx: {}\r\ncontent-length: 1000000\r\n\r\n", "x".repeat(9_000));
    let bytes = [request.as_bytes(), &[b'x'; 1_000_000]].concat();
    let (mut pieces, mut body) = (Pieces::cut(&bytes, &[]), Vec::new());
    while !http.take_head(&mut head).unwrap() {
        pieces.feed(&mut http);
    }
    while !http.take_body(&mut body).unwrap() {
        pieces.feed(&mut http);
    }
    http.reply(200, NO_HEADERS, &body);
    http.sent();
    assert_eq!(http.take_head(&mut head), Ok(false));
    assert!(http.space().len() <= 1024, "{} bytes of room", http.space().len());
    assert!(size_of::<ServerConnection>() + size_of::<RequestHead>() <= 512);
}
