//! The client's half of HTTP/1.1: what goes out, and how what comes back is read. No sockets here.
//!
//! A general client spends most of its time on what a load generator does not need: header maps,
//! connection pools, a task per connection to talk to. Here the request is one constant run of bytes and
//! of a reply only the status, the framing and (where it is checked) the body matter. What must be right
//! is where a reply *ends*; that is [`decoder`].

mod check;
mod chunked;
mod decoder;

pub(crate) use check::{Check, Expected, Verdict, Wrong};
use decoder::{Decoder, Malformed, Step};

/// The bytes of every request.
///
/// `method`, `host` and `target` must be checked before: nothing is escaped.
pub(crate) fn request(
    method: &str,
    host: &str,
    target: &str,
    keep_alive: bool,
    body: Option<&str>,
) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
    if !keep_alive {
        text.push_str("connection: close\r\n");
    }
    // A request without a body says so only where one would be expected (RFC 9110, section 8.6).
    let expects_body = matches!(method, "POST" | "PUT" | "PATCH");
    if body.is_some() || expects_body {
        let _ = write!(text, "content-length: {}\r\n", body.map_or(0, str::len));
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(method: &str, keep_alive: bool, body: Option<&str>) -> String {
        String::from_utf8(request(method, "127.0.0.1:80", "/a?b", keep_alive, body)).unwrap()
    }

    #[test]
    fn requests_say_what_they_must_and_no_more() {
        assert_eq!(text("GET", true, None), "GET /a?b HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n");
        assert!(text("GET", false, None).contains("\r\nconnection: close\r\n"));
        assert!(text("POST", true, None).ends_with("\r\ncontent-length: 0\r\n\r\n"));
        assert!(text("POST", true, Some("hé")).ends_with("\r\ncontent-length: 3\r\n\r\nhé"));
    }
}
