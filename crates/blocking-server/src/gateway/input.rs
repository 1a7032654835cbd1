//! The body of a request: where it ends, and what becomes of a part that nobody reads.
//!
//! `tiny_http` believes the first length that it finds, takes any transfer encoding for `chunked`, and lets
//! line feeds through in header values. A request that two readers may read differently is how one client
//! slips a request of its own into another's connection, so such heads are refused here (RFC 9112,
//! section 6.3). By then `tiny_http` may have begun to read on; the connection is closed for that reason.

use std::io::{self, ErrorKind, Read};

use handlers::Problem;

use super::After;
use crate::wsgi::{has_control, is_token};

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// `content-length`.
    Length(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
}

impl Framing {
    /// Reads, and checks, the headers that decide it.
    pub(super) fn of(headers: &[(&str, &str)]) -> Result<Self, Problem> {
        let bad = |what: &str| Err(Problem::BadRequest(what.to_owned()));
        let (mut length, mut is_chunked, mut is_upgrade, mut has_host) = (None, false, false, false);
        for &(name, value) in headers {
            if !is_token(name) || has_control(value) {
                return bad("a header has a name that is not a token, or a control character in its value");
            }
            if name.eq_ignore_ascii_case("content-length") {
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let Some(number) = value.parse::<u64>().ok().filter(|_| is_number) else {
                    return bad("content-length must be a number");
                };
                if length.is_some_and(|length| length != number) {
                    return bad("content-length is there twice, with different numbers");
                }
                length = Some(number);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if is_chunked || !value.eq_ignore_ascii_case("chunked") {
                    return bad("the only transfer-encoding taken here is \"chunked\", once");
                }
                is_chunked = true;
            } else if name.eq_ignore_ascii_case("host") {
                // Whether there has to be one depends on the version, which rouille keeps to itself.
                if has_host || !wire::is_host(value.as_bytes()) {
                    return bad(
                        "host must be one name or address, with or without a port, and be there once",
                    );
                }
                has_host = true;
            } else if name.eq_ignore_ascii_case("connection") {
                is_upgrade |= value.to_ascii_lowercase().contains("upgrade");
            }
        }
        match (length, is_chunked) {
            (Some(_), true) => bad("content-length and transfer-encoding exclude each other"),
            // tiny_http then hands out the connection itself, chunk sizes and all.
            (None, true) if is_upgrade => {
                bad("a chunked body and \"connection: upgrade\" exclude each other")
            }
            (None, true) => Ok(Self::Chunked),
            (None | Some(0), false) => Ok(Self::Empty),
            (Some(length), false) => Ok(Self::Length(length)),
        }
    }

    /// `CONTENT_LENGTH`.
    pub(super) fn content_length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Empty | Self::Chunked => None,
        }
    }
}

/// `wsgi.input`: reads the body, and no further.
pub(super) struct Input<'a> {
    request: &'a rouille::Request,
    /// rouille hands it out once; most requests never ask.
    reader: Option<rouille::RequestBody<'a>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes are still to come.
    Left(u64),
    /// Chunks are still to come.
    Chunks,
    /// All of it was read.
    AtEnd,
    /// It ended early, or is no body.
    Broken,
}

/// `tiny_http` reads what is left of a body by allocating all of it at once. Up to here that is only memory
/// that is never touched; far beyond, the allocation fails and ends the process.
const MOST_LEFT_TO_TINY_HTTP: u64 = 64 * 1024 * 1024;

impl<'a> Input<'a> {
    pub(super) fn new(request: &'a rouille::Request, framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty => State::AtEnd,
            Framing::Length(length) => State::Left(length),
            Framing::Chunked => State::Chunks,
        };
        Self { request, reader: None, state }
    }

    /// What has to happen to the part that was not read.
    pub(super) fn after(&self) -> After {
        match self.state {
            State::Left(left) if left > MOST_LEFT_TO_TINY_HTTP => After::GiveUp,
            State::AtEnd | State::Left(_) => After::KeepAlive,
            State::Chunks => After::Drain,
            State::Broken => After::HangUp,
        }
    }

    fn read_some(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let request = self.request;
        let missing = || io::Error::other("rouille has handed out this body already");
        let reader = match &mut self.reader {
            Some(reader) => reader,
            empty => empty.insert(request.data().ok_or_else(missing)?),
        };
        reader.read(buf)
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = match self.state {
            State::AtEnd => return Ok(0),
            State::Broken => return Err(ErrorKind::InvalidData.into()),
            State::Chunks => buf.len(),
            State::Left(left) => buf.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
        };
        if most == 0 {
            return Ok(0);
        }
        let read = self.read_some(&mut buf[..most]);
        self.state = match (self.state, &read) {
            (_, Err(error)) if error.kind() == ErrorKind::Interrupted => self.state,
            (State::Chunks, Ok(0)) => State::AtEnd,
            (State::Chunks, Ok(_)) => State::Chunks,
            (State::Left(left), Ok(read @ 1..)) if *read as u64 == left => State::AtEnd,
            (State::Left(left), Ok(read @ 1..)) => State::Left(left - *read as u64),
            _ => State::Broken,
        };
        match (self.state, read) {
            (State::Broken, Ok(_)) => Err(ErrorKind::UnexpectedEof.into()),
            (_, read) => read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_delimited_as_the_head_says() {
        for (headers, framing) in [
            (&[][..], Framing::Empty),
            (&[("Content-Length", "0")], Framing::Empty),
            (&[("content-length", "5")], Framing::Length(5)),
            (&[("content-length", "5"), ("Content-Length", "5")], Framing::Length(5)),
            (&[("content-length", "30000000000")], Framing::Length(30_000_000_000)),
            (&[("Transfer-Encoding", "Chunked")], Framing::Chunked),
            (&[("connection", "upgrade"), ("x", "tab\tis fine")], Framing::Empty),
            (&[("host", "[::1]:8001")], Framing::Empty),
        ] {
            assert_eq!(Framing::of(headers), Ok(framing), "{headers:?}");
        }
    }

    #[test]
    fn heads_that_can_be_read_in_two_ways_are_refused() {
        for headers in [
            &[("content-length", "5"), ("content-length", "6")][..],
            &[("content-length", "-5")],
            &[("content-length", "+5")],
            &[("content-length", "5, 5")],
            &[("content-length", "")],
            &[("content-length", "99999999999999999999")],
            &[("content-length", "5"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "identity")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked"), ("connection", "Upgrade")],
            &[("content-type", "a\nset-cookie: b")],
            &[("x", "nul\0")],
            &[("", "no name")],
            &[("host", "localhost"), ("Host", "localhost")],
            &[("host", "localhost, elsewhere")],
            &[("host", "me@localhost")],
        ] {
            assert_eq!(Framing::of(headers).unwrap_err().status(), 400, "{headers:?}");
        }
    }

    #[test]
    fn an_input_ends_with_the_body_and_says_when_it_came_short() {
        let request = |body: &[u8]| rouille::Request::fake_http("POST", "/", vec![], body.to_vec());
        let (whole, cut) = (request(b"hello, and more"), request(b"he"));
        let mut input = Input::new(&whole, Framing::Length(5));
        assert_eq!(io::read_to_string(&mut input).unwrap(), "hello");
        assert_eq!(input.after(), After::KeepAlive);

        let mut input = Input::new(&cut, Framing::Length(5));
        assert_eq!(io::read_to_string(&mut input).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(input.after(), After::HangUp);
    }

    #[test]
    fn what_is_not_read_decides_about_the_connection() {
        let request = rouille::Request::fake_http("POST", "/", vec![], vec![]);
        let after = |framing| Input::new(&request, framing).after();
        assert_eq!(after(Framing::Empty), After::KeepAlive);
        assert_eq!(after(Framing::Length(2_000_000)), After::KeepAlive);
        assert_eq!(after(Framing::Length(30_000_000_000)), After::GiveUp);
        assert_eq!(after(Framing::Chunked), After::Drain);
    }
}
