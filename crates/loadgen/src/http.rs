//! The client's half of HTTP/1.1: what goes out, and how what comes back is read. No sockets here.
//!
//! A general client spends most of its time on what a load generator does not need: header maps,
//! connection pools, a task per connection to talk to. Here the request is one constant run of bytes and
//! of a reply only the status, the framing and (where it is checked) the body matter. What must be right
//! is where a reply *ends*; that is [`decoder`]. A stream of [`events`] has no end, so there the ticks in it
//! are looked at one by one.

mod check;
mod chunked;
mod decoder;
mod events;
mod ticks;

pub(crate) use check::{Check, Expected, Verdict, Wrong};
pub(crate) use ticks::{Lost, Ticks};

use decoder::{Decoder, Malformed, Step};

/// What every request says.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Address and port, as in the URL.
    pub(crate) host: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
    /// The one media type that will do.
    pub(crate) accept: Option<&'a str>,
    pub(crate) keep_alive: bool,
    pub(crate) body: Option<&'a str>,
}

impl Request<'_> {
    /// What goes over the wire. All parts must be checked before: nothing is escaped.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        use std::fmt::Write as _;
        let Self { method, host, target, accept, keep_alive, body } = *self;
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
        if let Some(media_type) = accept {
            let _ = write!(text, "accept: {media_type}\r\n");
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(method: &str, keep_alive: bool, body: Option<&str>) -> String {
        let (host, target) = ("127.0.0.1:80", "/a?b");
        let request = Request { method, host, target, accept: None, keep_alive, body };
        String::from_utf8(request.to_bytes()).unwrap()
    }

    #[test]
    fn requests_say_what_they_must_and_no_more() {
        assert_eq!(text("GET", true, None), "GET /a?b HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n");
        assert!(text("GET", false, None).contains("\r\nconnection: close\r\n"));
        assert!(text("POST", true, None).ends_with("\r\ncontent-length: 0\r\n\r\n"));
        assert!(text("POST", true, Some("hé")).ends_with("\r\ncontent-length: 3\r\n\r\nhé"));
    }
}
