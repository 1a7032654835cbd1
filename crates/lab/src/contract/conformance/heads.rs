//! What a request's head may look like, and what it must not.

use super::super::conversation::{Answer, Conversation, Step};
use super::super::known::ROUILLE;
use super::{SMUGGLED, answer, get, hello, post, send};

pub(super) fn cases() -> Vec<Conversation> {
    let mut cases = fine();
    cases.extend(hosts());
    cases.extend(request_lines());
    cases.extend(lines());
    cases.extend(too_much());
    cases
}

fn fine() -> Vec<Conversation> {
    let asks = |name: &str, section, request: &str| {
        Conversation::new(name, section, [send(request), Step::Answer(hello()), Step::InStep])
    };
    vec![
        Conversation::new(
            "reads a head wherever it is cut",
            "RFC 9112, 2.2",
            [Step::Dribble(get("a: b\r\n").into()), Step::Answer(hello()), Step::InStep],
        ),
        asks("takes an empty line before a request", "RFC 9112, 2.2", &format!("\r\n{}", get("")))
            .known(ROUILLE, "refuses it with an empty 400"),
        asks(
            "takes a whole URL for a target, whatever host it names",
            "RFC 9112, 3.2.2",
            "GET http://elsewhere/hello HTTP/1.1\r\nhost: elsewhere\r\n\r\n",
        ),
        asks(
            "takes header names in any case, with any blanks around values",
            "RFC 9112, 5",
            "GET /hello HTTP/1.1\r\nHOST:localhost\r\nX-Odd: \t a  b \t\r\nx-empty:\r\n\r\n",
        ),
        Conversation::new(
            "answers an HTTP/1.0 client without host",
            "RFC 9112, 3.2",
            [send("GET /hello HTTP/1.0\r\n\r\n"), Step::Answer(hello())],
        ),
        Conversation::new(
            "tells methods in lower case from those that it knows",
            "RFC 9110, 9.1",
            [
                send("get /hello HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                Step::AnswerOrRefusal(Answer { status: 405, ..Answer::default() }),
            ],
        ),
        Conversation::new(
            "refuses a method that it does not know",
            "RFC 9110, 9.1",
            [send("BREW /hello HTTP/1.1\r\nhost: localhost\r\n\r\n"), Step::Refusal],
        ),
    ]
}

fn hosts() -> Vec<Conversation> {
    let refuses = |what: &str, lines: &str| {
        let request = format!("GET /hello HTTP/1.1\r\n{lines}\r\n");
        Conversation::new(format!("refuses {what}"), "RFC 9112, 3.2", [send(request), Step::Refusal])
    };
    vec![
        refuses("a request without host", "")
            .known(ROUILLE, "answers: rouille hides the version, and HTTP/1.0 needs no host"),
        refuses("two hosts", "host: localhost\r\nhost: localhost\r\n"),
        refuses("two hosts that differ", "host: localhost\r\nhost: elsewhere\r\n"),
        refuses("a host that is a list", "host: localhost, elsewhere\r\n"),
        refuses("a host with a path", "host: localhost/hello\r\n"),
        refuses("a host with a user", "host: me@localhost\r\n"),
    ]
}

fn request_lines() -> Vec<Conversation> {
    let refuses = |what: &str, section, line: &[u8]| {
        let request = [line, b"\r\nhost: localhost\r\n\r\n"].concat();
        Conversation::new(format!("refuses {what}"), section, [Step::Send(request), Step::Refusal])
    };
    let (line, version) = ("RFC 9112, 3", "RFC 9112, 2.3");
    vec![
        refuses("what is no HTTP", line, b"garbage"),
        refuses("a TLS greeting", line, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        refuses("a line without target", line, b"GET HTTP/1.1"),
        refuses("a line without version", line, b"GET /hello"),
        refuses("a target with a blank", "RFC 9112, 3.2", b"GET /hel lo HTTP/1.1"),
        refuses("a target without slash", "RFC 9112, 3.2", b"GET hello HTTP/1.1"),
        refuses("a NUL in the target", "RFC 9112, 3.2", b"GET /hel\0lo HTTP/1.1"),
        refuses("bytes beyond ASCII in the target", "RFC 9112, 3.2", b"GET /\xff\xfe HTTP/1.1"),
        refuses("a tab between method and target", line, b"GET\t/hello HTTP/1.1"),
        refuses("a method with a separator in it", "RFC 9110, 9.1", b"GE(T /hello HTTP/1.1"),
        refuses("the version 1.10", version, b"GET /hello HTTP/1.10"),
        refuses("the version 9.9", version, b"GET /hello HTTP/9.9"),
        refuses("the version http/1.1 in lower case", version, b"GET /hello http/1.1"),
        refuses("a blank behind the version", version, b"GET /hello HTTP/1.1 ")
            .known(ROUILLE, "answers, for it splits the line at blanks"),
        Conversation::new(
            "refuses the greeting of HTTP/2",
            "RFC 9110, 15.6.6",
            [send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Step::Refusal],
        )
        .known(ROUILLE, "says nothing, and its thread for that connection waits for itself, for ever"),
    ]
}

fn lines() -> Vec<Conversation> {
    let refuses = |what: &str, section, lines: &str| {
        let request = get(lines) + SMUGGLED;
        Conversation::new(format!("refuses {what}"), section, [send(request), Step::Refusal])
    };
    // What may be mended as well as refused: one answer at most in either case. To some it looks like half
    // a head, so the client says that it is all.
    let mends = |what: &str, section, request: &str, mended: Answer| {
        let steps = [send(request), Step::EndSending, Step::AnswerOrRefusal(mended)];
        Conversation::new(format!("mends or refuses {what}"), section, steps)
    };
    let (field, value) = ("RFC 9112, 5.1", "RFC 9110, 5.5");
    vec![
        refuses("a header without colon", field, "oops\r\n"),
        refuses("a header without name", field, ": b\r\n"),
        refuses("a blank before the colon", field, "a : b\r\n"),
        refuses("a NUL in a header name", "RFC 9110, 5.1", "a\0: b\r\n"),
        mends("a NUL in a header value", value, &get("a: \0\r\n"), hello()),
        mends("a lone CR in a header value", value, &get("a: b\rc: d\r\n"), hello()),
        mends(
            "a lone CR that would hide a header",
            value,
            &post("a: b\rtransfer-encoding: chunked\r\ncontent-length: 5\r\n", "hello"),
            answer(200, "hello"),
        ),
        mends(
            "lines that end with LF alone",
            "RFC 9112, 2.2",
            "GET /hello HTTP/1.1\nhost: localhost\n\n",
            hello(),
        ),
        mends("one line that ends with LF alone", "RFC 9112, 2.2", &get("a: b\n"), hello()),
        mends("a folded header", "RFC 9112, 5.2", &get("a: b\r\n c\r\n"), hello()),
        mends(
            "a blank before the first header",
            "RFC 9112, 2.2",
            "GET /hello HTTP/1.1\r\n a: b\r\nhost: localhost\r\n\r\n",
            hello(),
        ),
        Conversation::new(
            "closes after half a head, or refuses it",
            "RFC 9112, 8",
            [send("GET /hello HTTP/1.1\r\nhos"), Step::EndSending, Step::Refusal],
        ),
        Conversation::new(
            "closes on a client that says nothing and leaves",
            "RFC 9112, 9.6",
            [Step::EndSending, Step::Closed],
        ),
    ]
}

const UNBOUNDED: &str = "reads all of it, without a limit, and answers";

fn too_much() -> Vec<Conversation> {
    let refuses = |what: &str, section, request: String| {
        Conversation::new(format!("refuses {what}"), section, [send(request), Step::Refusal])
    };
    vec![
        refuses("a head of 1 MiB", "RFC 9110, 5.4", get(&format!("a: {}\r\n", "b".repeat(1 << 20))))
            .known(ROUILLE, UNBOUNDED),
        refuses("5,000 headers", "RFC 9110, 5.4", get(&"a: b\r\n".repeat(5_000))).known(ROUILLE, UNBOUNDED),
        refuses(
            "a target of 1 MiB",
            "RFC 9112, 3",
            format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(1 << 20)),
        ),
    ]
}
