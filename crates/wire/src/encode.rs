//! Heads and chunks as bytes, appended to a buffer that a connection uses again and again.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::fields::{is_text, is_token};

/// `HTTP/1.1 200 OK` and the date, which every reply of a server with a clock carries (RFC 9110, 6.6.1).
pub(crate) fn status_line(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    number(out, status.into());
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\ndate: ");
    out.extend_from_slice(&date());
    out.extend_from_slice(b"\r\n");
}

/// One header line. What must not stand in a value becomes a space (RFC 9110, 5.5), so that a value that was
/// made from a request can never become a header of its own or a second reply.
pub(crate) fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    debug_assert!(!name.is_empty() && name.bytes().all(is_token), "{name:?} is no header name");
    debug_assert!(!FRAMING.contains(&name), "{name} is written by the connection itself");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let start = out.len();
    out.extend_from_slice(value.as_bytes());
    // Without an early end, so that it is done for many bytes at a time.
    if !value.bytes().fold(true, |all, byte| all & is_text(byte)) {
        out[start..].iter_mut().filter(|byte| !is_text(**byte)).for_each(|byte| *byte = b' ');
    }
    out.extend_from_slice(b"\r\n");
}

/// What only the connection can know.
const FRAMING: [&str; 4] = ["content-length", "transfer-encoding", "connection", "date"];

pub(crate) fn content_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(b"content-length: ");
    number(out, length as u64);
    out.extend_from_slice(b"\r\n");
}

/// One chunk; not for empty data, which would end the body.
pub(crate) fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    debug_assert!(!data.is_empty());
    write!(out, "{:x}\r\n", data.len()).expect("a vector takes everything");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// The body of a refusal: the problem details of RFC 9457, as the application's own refusals have them.
pub(crate) fn problem(status: u16, error: &Error) -> String {
    let title = reason(status);
    // Nothing needs an escape: see the tests.
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{error}"}}"#)
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Now, as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date() -> [u8; 29] {
    date_at(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Formatting costs more than the rest of a small head, so it is done once a second on each thread.
fn date_at(unix_s: u64) -> [u8; 29] {
    thread_local! {
        static LAST: Cell<(u64, [u8; 29])> = const { Cell::new((u64::MAX, [b' '; 29])) };
    }
    let (last_s, text) = LAST.get();
    if last_s == unix_s {
        return text;
    }
    let text = formatted(unix_s);
    LAST.set((unix_s, text));
    text
}

fn formatted(unix_s: u64) -> [u8; 29] {
    // The last second of year 9999, beyond which the format has no years.
    let time = UNIX_EPOCH + Duration::from_secs(unix_s.min(253_402_300_799));
    let mut text = [b' '; 29];
    write!(&mut text[..], "{}", httpdate::HttpDate::from(time)).expect("the format has 29 bytes");
    text
}

/// The registered phrases (RFC 9110, 15; RFC 6585). Nobody reads the phrase, so an unknown one may be empty.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_in_the_one_format_that_may_be_sent() {
        for _ in 0..2 {
            assert_eq!(&date_at(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
            assert_eq!(&date_at(784_111_778), b"Sun, 06 Nov 1994 08:49:38 GMT");
        }
        assert_eq!(&date_at(u64::MAX - 1), b"Fri, 31 Dec 9999 23:59:59 GMT");
        let (before, shown, after) = (SystemTime::now(), date(), SystemTime::now());
        let shown = httpdate::parse_http_date(std::str::from_utf8(&shown).unwrap()).unwrap();
        assert!(shown <= after && shown + Duration::from_secs(1) > before, "{before:?} {shown:?}");
    }

    #[test]
    fn no_value_can_start_a_line_of_its_own() {
        let mut out = Vec::new();
        header(&mut out, "x", "a\r\nset-cookie: b\0\u{7f}c\td\u{e9}");
        assert_eq!(out, "x: a  set-cookie: b  c\td\u{e9}\r\n".as_bytes());
    }

    #[test]
    fn a_chunk_has_its_size_in_hexadecimal() {
        let mut out = Vec::new();
        chunk(&mut out, &[b'x'; 26]);
        assert_eq!(out, b"1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    }
}
