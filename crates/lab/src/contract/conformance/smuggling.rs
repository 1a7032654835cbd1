//! Requests that can be read in two ways. Each carries a second request where one reading sees the end of
//! the first: a proxy that reads it the other way would let it through unseen. So none of them may be
//! guessed at; they are refused, and the connection is over.

use super::super::conversation::{Conversation, Step};
use super::super::known::{ACTIX, ROUILLE};
use super::{SMUGGLED, answer, post, send};

pub(super) fn cases() -> Vec<Conversation> {
    let mut cases = lengths();
    cases.extend(codings());
    cases.extend(chunks());
    cases
}

fn lengths() -> Vec<Conversation> {
    let refuses = |what: &str, lines: &str| {
        let request = post(lines, &format!("hello{SMUGGLED}"));
        Conversation::new(format!("refuses {what}"), "RFC 9112, 6.3", [send(request), Step::Refusal])
    };
    // Equal lengths may be taken for one.
    let repeated = |what: &str, lines: &str| {
        let steps = [send(post(lines, "hello")), Step::AnswerOrRefusal(answer(200, "hello"))];
        Conversation::new(format!("takes for one or refuses {what}"), "RFC 9110, 8.6", steps)
    };
    vec![
        refuses("two lengths that differ", "content-length: 5\r\ncontent-length: 40\r\n"),
        refuses("two lengths that differ, the larger first", "content-length: 40\r\ncontent-length: 5\r\n"),
        refuses("a list of lengths that differ", "content-length: 5, 40\r\n"),
        refuses("a length and an empty one", "content-length: 5\r\ncontent-length:\r\n"),
        repeated("the same length twice", "content-length: 5\r\ncontent-length: 5\r\n"),
        repeated("a list of the same length", "content-length: 5, 5\r\n"),
        refuses("a length with a plus", "content-length: +5\r\n"),
        refuses("a negative length", "content-length: -5\r\n"),
        refuses("a hexadecimal length", "content-length: 0x5\r\n"),
        refuses("a length in words", "content-length: five\r\n"),
        refuses("an empty length", "content-length:\r\n"),
        refuses("a length of two numbers", "content-length: 5 5\r\n"),
        refuses("a length with a fraction", "content-length: 5.0\r\n"),
        refuses("a length beyond 64 bits", "content-length: 18446744073709551621\r\n"),
        refuses("a blank before the colon of a length", "content-length : 5\r\n"),
    ]
}

fn codings() -> Vec<Conversation> {
    // By its length, the second request is a part of the body; in chunks, it follows it.
    let hidden = format!("0\r\n\r\n{SMUGGLED}");
    let length = hidden.len();
    let both = |what: &str, section, coding: &str| {
        let request = post(&format!("content-length: {length}\r\n{coding}"), &hidden);
        Conversation::new(format!("refuses {what} beside a length"), section, [send(request), Step::Refusal])
    };
    // As chunks, the body is `hello`; without, the chunks are taken for requests.
    let alone = |what: &str, section, coding: &str| {
        let request = post(coding, &format!("5\r\nhello\r\n0\r\n\r\n{SMUGGLED}"));
        Conversation::new(format!("refuses {what}"), section, [send(request), Step::Refusal])
    };
    let (framing, coding, field) = ("RFC 9112, 6.3", "RFC 9112, 6.1", "RFC 9112, 5.1");
    vec![
        both("chunks", framing, "transfer-encoding: chunked\r\n"),
        Conversation::new(
            "refuses a length behind chunks",
            framing,
            [
                send(post(&format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"), &hidden)),
                Step::Refusal,
            ],
        ),
        both("`chunked` behind a vertical tab", coding, "transfer-encoding: \x0bchunked\r\n"),
        both("`chunked` before a vertical tab", coding, "transfer-encoding: chunked\x0b\r\n"),
        both("`xchunked`", coding, "transfer-encoding: xchunked\r\n"),
        both("`chunked` in quotes", coding, "transfer-encoding: \"chunked\"\r\n"),
        both("`identity`", coding, "transfer-encoding: identity\r\n"),
        both("a coding with a blank before its colon", field, "transfer-encoding : chunked\r\n"),
        both("a coding on a folded line", "RFC 9112, 5.2", "transfer-encoding:\r\n chunked\r\n"),
        both("a coding behind a lone LF", "RFC 9112, 2.2", "a: b\ntransfer-encoding: chunked\r\n"),
        alone("a coding that it does not know", coding, "transfer-encoding: gzip\r\n"),
        alone("`chunked` that is not last", coding, "transfer-encoding: chunked, gzip\r\n"),
        alone("another coding before `chunked`", coding, "transfer-encoding: gzip, chunked\r\n"),
        alone("`chunked` twice", "RFC 9112, 7.1", "transfer-encoding: chunked, chunked\r\n"),
        alone(
            "`chunked` and something else in two lines",
            coding,
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        ),
        alone("an empty coding", coding, "transfer-encoding:\r\n"),
        Conversation::new(
            "refuses chunks from an HTTP/1.0 client",
            coding,
            [
                send(format!(
                    "POST /echo HTTP/1.0\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n\
                     5\r\nhello\r\n0\r\n\r\n{SMUGGLED}"
                )),
                Step::Refusal,
            ],
        )
        .known(ROUILLE, "reads them"),
    ]
}

fn chunks() -> Vec<Conversation> {
    let refuses = |what: &str, target: &str, body: &str| {
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{body}{SMUGGLED}"
        );
        Conversation::new(format!("refuses {what}"), "RFC 9112, 7.1", [send(request), Step::Refusal])
    };
    vec![
        refuses("a chunk size in words", "/echo", "five\r\nhello\r\n0\r\n\r\n"),
        refuses("a chunk size with a prefix", "/echo", "0x5\r\nhello\r\n0\r\n\r\n"),
        refuses("a negative chunk size", "/echo", "-5\r\nhello\r\n0\r\n\r\n"),
        refuses("a chunk size with a plus", "/echo", "+5\r\nhello\r\n0\r\n\r\n")
            .known(ROUILLE, "reads it as the number"),
        refuses("an empty chunk size", "/echo", "\r\nhello\r\n0\r\n\r\n"),
        refuses("a chunk size beyond 64 bits", "/echo", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        Conversation::new(
            "refuses a chunk of 16 EiB, of which little comes",
            "RFC 9112, 7.1",
            [
                send(
                    post("transfer-encoding: chunked\r\n", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n")
                        + SMUGGLED,
                ),
                Step::EndSending,
                Step::Refusal,
            ],
        )
        .known(ROUILLE, "takes what came for all of it and answers 200"),
        refuses("a chunk longer than it says", "/echo", "3\r\nhello\r\n0\r\n\r\n"),
        refuses("a chunk size that ends with LF alone", "/echo", "5\nhello\r\n0\r\n\r\n"),
        refuses("a chunk that ends with LF alone", "/echo", "5\r\nhello\n0\r\n\r\n"),
        refuses("a LF in a chunk extension", "/echo", "5;a\nb\r\nhello\r\n0\r\n\r\n")
            .known(ROUILLE, "reads past extensions without looking at them"),
        refuses("a trailer that is no header", "/echo", "5\r\nhello\r\n0\r\noops\r\n\r\n")
            .known(ACTIX, "reads past trailers without looking at them"),
        refuses("a malformed chunk that no view reads", "/nothing", "3\r\nhello\r\n0\r\n\r\n"),
    ]
}
