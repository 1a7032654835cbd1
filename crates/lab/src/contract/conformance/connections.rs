//! When a connection stays, when it ends, and in which order its answers come.

use super::super::conversation::{Answer, Conversation, Step};
use super::super::known::{ACTIX, AWAITING, ONE_AT_A_TIME, ROUILLE};
use super::{answer, get, hello, post, send};

const ONE_REQUEST: &str = "answers one request on each connection, says so and closes it";

pub(super) fn cases() -> Vec<Conversation> {
    let mut cases = kept();
    cases.extend(closed());
    cases.extend(in_order());
    cases
}

fn kept() -> Vec<Conversation> {
    let kept = Answer { headers: vec![("connection", Some("keep-alive"))], ..hello() };
    vec![
        Conversation::new(
            "answers many requests on one connection",
            "RFC 9112, 9.3",
            [Step::Open, Step::Open, Step::Open, Step::Open, Step::Open],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "keeps the connection of an HTTP/1.0 client that asks for it, and says so",
            "RFC 9112, 9.3",
            [send("GET /hello HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"), Step::Answer(kept), Step::Open],
        )
        .known(ROUILLE, "keeps it and does not say so, so that the client waits for its end")
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "keeps the connection after a refusal by a view",
            "RFC 9112, 9.3",
            [
                send("GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                Step::Answer(Answer { status: 404, ..Answer::default() }),
                Step::Open,
            ],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "keeps the connection after a stream",
            "RFC 9112, 7.1",
            [
                send("GET /stream/2/0 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                Step::Answer(answer(200, "chunk 1 of 2\nchunk 2 of 2\n")),
                Step::Open,
            ],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
    ]
}

fn closed() -> Vec<Conversation> {
    let says_close = Answer { headers: vec![("connection", Some("close"))], ..hello() };
    let unchunked =
        Answer { headers: vec![("transfer-encoding", None)], ..answer(200, "chunk 1 of 2\nchunk 2 of 2\n") };
    vec![
        Conversation::new(
            "closes the connection when the client says that it was the last request",
            "RFC 9112, 9.6",
            [send(get("connection: close\r\n")), Step::Answer(hello()), Step::Closed],
        ),
        Conversation::new(
            "reads `Close` in any case and in a list",
            "RFC 9110, 7.6.1",
            [send(get("connection: te, Close\r\n")), Step::Answer(hello()), Step::Closed],
        ),
        Conversation::new(
            "says `connection: close` before it closes",
            "RFC 9112, 9.6",
            [send(get("connection: close\r\n")), Step::Answer(says_close)],
        )
        .known(ROUILLE, "closes it without a word: tiny_http drops the header"),
        Conversation::new(
            "answers nothing that comes after the last request",
            "RFC 9112, 9.6",
            [send(get("connection: close\r\n") + &get("")), Step::Answer(hello()), Step::Closed],
        )
        .known(ACTIX, "answers what is pipelined behind it, too"),
        Conversation::new(
            "closes the connection of an HTTP/1.0 client",
            "RFC 9112, 9.3",
            [send("GET /hello HTTP/1.0\r\nhost: localhost\r\n\r\n"), Step::Answer(hello()), Step::Closed],
        ),
        Conversation::new(
            "sends no chunks to an HTTP/1.0 client",
            "RFC 9112, 7",
            [
                send("GET /stream/2/0 HTTP/1.0\r\nhost: localhost\r\n\r\n"),
                Step::Answer(unchunked),
                Step::Closed,
            ],
        )
        .known(ROUILLE, "sends chunks all the same: rouille hides the version from the application"),
        Conversation::new(
            "answers a client that has stopped sending",
            "RFC 9112, 9.6",
            [
                send("GET /wait/100 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                Step::EndSending,
                Step::Answer(answer(200, r#"{"waited_ms":100}"#)),
                Step::Closed,
            ],
        ),
        Conversation::new(
            "streams to a client that has stopped sending",
            "RFC 9112, 9.6",
            [
                send("GET /stream/3/50 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                Step::EndSending,
                Step::Answer(answer(200, "chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n")),
                Step::Closed,
            ],
        ),
        Conversation::new(
            "sends each chunk of a stream when it is made",
            "contract",
            [
                send("GET /stream/2/1000 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                Step::Before(b"chunk 1 of 2\n", b"chunk 2 of 2\n"),
            ],
        ),
    ]
}

fn in_order() -> Vec<Conversation> {
    let wait = |ms: u32| format!("GET /wait/{ms} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let waited = |ms: u32| Step::Answer(answer(200, &format!(r#"{{"waited_ms":{ms}}}"#)));
    vec![
        Conversation::new(
            "answers pipelined requests in their order",
            "RFC 9112, 9.3.2",
            [send(wait(60) + &get("") + &wait(1)), waited(60), Step::Answer(hello()), waited(1), Step::Open],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "answers what is pipelined behind a body",
            "RFC 9112, 9.3.2",
            [
                send(post("content-length: 5\r\n", "hello") + &get("")),
                Step::Answer(answer(200, "hello")),
                Step::Answer(hello()),
                Step::Open,
            ],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "answers what is pipelined behind a chunked body",
            "RFC 9112, 9.3.2",
            [
                send(post("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + &get("")),
                Step::Answer(answer(200, "hello")),
                Step::Answer(hello()),
                Step::Open,
            ],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "answers what is pipelined behind a stream",
            "RFC 9112, 9.3.2",
            [
                send(format!("GET /stream/2/10 HTTP/1.1\r\nhost: localhost\r\n\r\n{}", get(""))),
                Step::Answer(answer(200, "chunk 1 of 2\nchunk 2 of 2\n")),
                Step::Answer(hello()),
                Step::Open,
            ],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST),
        Conversation::new(
            "answers what is pipelined behind a HEAD that waits",
            "RFC 9112, 9.3.2",
            [
                send(format!("HEAD /wait/100 HTTP/1.1\r\nhost: localhost\r\n\r\n{}", get(""))),
                Step::Answer(Answer { to_head: true, status: 200, ..Answer::default() }),
                Step::Answer(hello()),
                Step::Open,
            ],
        )
        .known(ONE_AT_A_TIME, ONE_REQUEST)
        .known(AWAITING, "closes without a word: actix-web forgets HEAD as soon as it has read what follows"),
        head(
            "answers HEAD with the length that GET has, and no body",
            "/hello",
            200,
            &[("content-length", Some("17"))],
        ),
        head("answers HEAD of nothing with no body", "/nothing", 404, &[]),
        head("answers HEAD of a stream without waiting for it", "/stream/1000/10000", 200, &[]),
        head("answers HEAD of a stream without end", "/live", 200, &[]),
    ]
}

/// The next answer begins right behind the head: a body would be taken for it.
fn head(
    name: &str,
    target: &str,
    status: u16,
    headers: &[(&'static str, Option<&'static str>)],
) -> Conversation {
    Conversation::new(
        name,
        "RFC 9110, 9.3.2",
        [
            send(format!("HEAD {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")),
            Step::Answer(Answer { status, body: Some(vec![]), headers: headers.into(), to_head: true }),
            Step::InStep,
        ],
    )
}
