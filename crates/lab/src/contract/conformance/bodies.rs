//! Where a body ends: lengths, chunks, and bodies that nobody asked for or nobody reads.

use super::super::conversation::{Answer, Conversation, Step};
use super::super::known::ROUILLE;
use super::{SMUGGLED, answer, get, hello, post, send};

pub(super) fn cases() -> Vec<Conversation> {
    let mut cases = chunked();
    cases.extend(expected());
    cases.extend(unwanted());
    cases.extend(cut());
    cases
}

/// Well-formed ways to say the same; each must come back as what it says, and leave the connection in step.
fn chunked() -> Vec<Conversation> {
    let lines = "transfer-encoding: chunked\r\n";
    let came_back = || Step::Answer(answer(200, "hello world"));
    let reads = |what: &str, body: &str| {
        let steps = [send(post(lines, body)), came_back(), Step::InStep];
        Conversation::new(format!("reads a chunked body with {what}"), "RFC 9112, 7.1", steps)
    };
    let mut cases = vec![
        reads("one chunk", "b\r\nhello world\r\n0\r\n\r\n"),
        reads("several chunks", "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"),
        reads("lower and upper case digits and leading zeros", "000B\r\nhello world\r\n000\r\n\r\n"),
        reads("chunk extensions", "5;a=b\r\nhello\r\n6;c=\"d e\"\r\n world\r\n0;last\r\n\r\n"),
        reads("trailers", "b\r\nhello world\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n")
            .known(ROUILLE, "refuses it with 400"),
    ];
    cases.push(Conversation::new(
        "reads a chunked body wherever it is cut",
        "RFC 9112, 7.1",
        [
            Step::Dribble(post(lines, "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\n\r\n").into()),
            came_back(),
            Step::InStep,
        ],
    ));
    cases.push(Conversation::new(
        "reads `Chunked` in any case",
        "RFC 9112, 7",
        [
            send(post("Transfer-Encoding: Chunked\r\n", "b\r\nhello world\r\n0\r\n\r\n")),
            came_back(),
            Step::InStep,
        ],
    ));
    cases.push(Conversation::new(
        "reads a body of a known length wherever it is cut",
        "RFC 9112, 6.2",
        [Step::Dribble(post("Content-Length: 11\r\n", "hello world").into()), came_back(), Step::InStep],
    ));
    cases
}

fn expected() -> Vec<Conversation> {
    let told = |lines: &str, body: &str| {
        [
            send(post(&format!("{lines}expect: 100-continue\r\n"), "")),
            Step::Head(100),
            send(body),
            Step::Answer(answer(200, "hello")),
            Step::InStep,
        ]
    };
    let section = "RFC 9110, 10.1.1";
    vec![
        Conversation::new(
            "tells a client that waits for it to go on with its body",
            section,
            told("content-length: 5\r\n", "hello"),
        ),
        Conversation::new(
            "tells a client that waits for it to go on with its chunks",
            section,
            told("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ),
        Conversation::new(
            "refuses what is too large before it is sent",
            section,
            [
                send(post("content-length: 30000000000\r\nexpect: 100-continue\r\n", "")),
                Step::Answer(Answer { status: 413, ..Answer::default() }),
            ],
        ),
        Conversation::new(
            "tells nobody to go on who has sent everything",
            section,
            [send("GET /stream/1/0 HTTP/1.1\r\nhost: localhost\r\n\r\n"), Step::Head(200)],
        )
        .known(ROUILLE, "sends `100 Continue` before a stream: that is how it hands a connection over"),
        Conversation::new(
            "answers or refuses a client that expects what nobody has heard of",
            section,
            [
                send(post("expect: a-miracle\r\ncontent-length: 5\r\n", "hello")),
                Step::AnswerOrRefusal(answer(200, "hello")),
            ],
        ),
        Conversation::new(
            "tells no HTTP/1.0 client to go on",
            section,
            [
                send("POST /echo HTTP/1.0\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello"),
                Step::Head(200),
            ],
        )
        .known(ROUILLE, "sends `100 Continue` to it, too"),
    ]
}

/// Bodies without a meaning for the route. What they contain must not be taken for requests.
fn unwanted() -> Vec<Conversation> {
    let length = SMUGGLED.len();
    let not_found = || Step::Answer(Answer { status: 404, ..Answer::default() });
    let nothing = |lines: &str, body: &str| {
        send(format!("POST /nothing HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n{body}"))
    };
    let section = "RFC 9112, 9.3";
    vec![
        Conversation::new(
            "takes no request from a body that no view reads",
            section,
            [nothing(&format!("content-length: {length}\r\n"), SMUGGLED), not_found(), Step::InStep],
        ),
        Conversation::new(
            "takes no request from a chunked body that no view reads",
            section,
            [
                nothing("transfer-encoding: chunked\r\n", &format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n")),
                not_found(),
                Step::InStep,
            ],
        ),
        Conversation::new(
            "takes no request from the body of a GET",
            "RFC 9110, 9.3.1",
            [
                send(get(&format!("content-length: {length}\r\n")) + SMUGGLED),
                Step::Answer(hello()),
                Step::InStep,
            ],
        ),
        Conversation::new(
            "takes no request from the chunked body of a GET",
            "RFC 9110, 9.3.1",
            [
                send(
                    get("transfer-encoding: chunked\r\n") + &format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n"),
                ),
                Step::Answer(hello()),
                Step::InStep,
            ],
        ),
        Conversation::new(
            "takes no request from a body beside an upgrade that it ignores",
            "RFC 9110, 7.8",
            [
                send(
                    get(&format!("connection: upgrade\r\nupgrade: h2c\r\ncontent-length: {length}\r\n"))
                        + SMUGGLED,
                ),
                Step::AnswerOrRefusal(hello()),
            ],
        ),
        Conversation::new(
            "takes no request from chunks beside an upgrade that it ignores",
            "RFC 9110, 7.8",
            [
                send(post(
                    "connection: upgrade\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n",
                    &format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n"),
                )),
                Step::AnswerOrRefusal(answer(200, SMUGGLED)),
            ],
        ),
        Conversation::new(
            "refuses a body far beyond its limit by its length alone",
            "RFC 9110, 15.5.14",
            [send(post("content-length: 30000000000\r\n", "x")), Step::Refusal],
        ),
        Conversation::new(
            "does not wait for a huge body that no view reads",
            "RFC 9112, 9.3",
            [nothing("content-length: 30000000000\r\n", "x"), Step::Refusal],
        ),
        Conversation::new(
            "refuses the largest length that there is",
            "RFC 9110, 8.6",
            [send(post("content-length: 18446744073709551615\r\n", "x")), Step::Refusal],
        ),
    ]
}

/// The client ends in the middle: what came is not what was meant.
fn cut() -> Vec<Conversation> {
    let cut = |what: &str, lines: &str, body: &str| {
        let steps = [send(post(lines, body)), Step::EndSending, Step::Refusal];
        Conversation::new(format!("refuses {what}"), "RFC 9112, 8", steps)
    };
    let chunked = "transfer-encoding: chunked\r\n";
    vec![
        cut("half a body", "content-length: 10\r\n", "half"),
        cut("half a long body", "content-length: 100000\r\n", "half"),
        cut("a body cut inside a chunk", chunked, "a\r\nhalf")
            .known(ROUILLE, "takes what came for all of it and answers 200"),
        cut("a body cut behind a chunk", chunked, "4\r\nhalf\r\n"),
        cut("a body cut inside the size of a chunk", chunked, "4\r\nhalf\r\n1"),
        cut("a body cut before its last line", chunked, "4\r\nhalf\r\n0\r\n"),
    ]
}
