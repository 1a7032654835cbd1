//! Where a reply begins and ends, in any split of its bytes: RFC 9112, sections 6 and 7.
//!
//! Strict where being lenient would let a broken server pass: a reply whose framing is contradictory or
//! unreadable is an error, and so are (for whoever drives this) bytes after its end.

use std::mem::MaybeUninit;

use super::chunked::Chunked;
use crate::parts::ServerTiming;

/// Reads one reply after another.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Replies to HEAD end with their head, whatever it announces.
    head_only: bool,
    state: State,
    /// The beginning of a head that has not come to its end; empty when heads come in one piece.
    partial: Vec<u8>,
    keep_alive: bool,
    retry_after: bool,
    /// Somebody asked for `server-timing`.
    is_timed: bool,
    timing: ServerTiming,
    interim_replies: u8,
}

/// What the next bytes mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Nothing yet: all input is used up and the reply goes on.
    More,
    /// The head is complete.
    Head {
        /// Status code of the final reply; 1xx are read over.
        status: u16,
    },
    /// A piece of the body, without framing.
    Body(&'a [u8]),
    /// The reply is complete. Input that is left does not belong to it.
    End,
}

/// What came is not an HTTP/1.x reply; says why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

#[derive(Debug)]
enum State {
    Head,
    Exactly(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_INTERIM_REPLIES: u8 = 16;

impl Decoder {
    pub(crate) fn new(head_only: bool) -> Self {
        Self {
            head_only,
            state: State::Head,
            partial: Vec::new(),
            keep_alive: false,
            retry_after: false,
            is_timed: false,
            timing: ServerTiming::default(),
            interim_replies: 0,
        }
    }

    /// Reads `server-timing` as well.
    pub(crate) fn timed(self) -> Self {
        Self { is_timed: true, ..self }
    }

    /// Makes ready for the reply to another request.
    pub(crate) fn reset(&mut self) {
        self.state = State::Head;
        self.partial.clear();
        self.interim_replies = 0;
    }

    /// Takes from `input` what belongs to the next step. To be called until it says `More` or `End`.
    pub(crate) fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, Malformed> {
        match &mut self.state {
            State::Head => self.head(input),
            State::Exactly(0) | State::Done => {
                self.state = State::Done;
                Ok(Step::End)
            }
            _ if input.is_empty() => Ok(Step::More),
            State::Exactly(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= here as u64;
                Ok(Step::Body(take(input, here)))
            }
            State::Chunked(chunked) => chunked.step(input),
            State::UntilClose => Ok(Step::Body(take(input, input.len()))),
        }
    }

    /// The connection ended here: was that the end of the reply?
    pub(crate) fn may_end_here(&self) -> bool {
        matches!(self.state, State::UntilClose | State::Done)
    }

    /// After [`Step::End`]: the connection may carry another request.
    pub(crate) fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// After [`Step::Head`]: the server said when to come back.
    pub(crate) fn has_retry_after(&self) -> bool {
        self.retry_after
    }

    /// After [`Step::Head`]: what the server said of its time; nothing unless [`timed`](Self::timed).
    pub(crate) fn timing(&self) -> ServerTiming {
        self.timing
    }

    fn head<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, Malformed> {
        loop {
            if input.is_empty() {
                return Ok(Step::More);
            }
            let earlier = self.partial.len();
            if earlier > 0 {
                let room = MAX_HEAD_BYTES.saturating_sub(earlier);
                self.partial.extend_from_slice(&input[..room.min(input.len())]);
            }
            let bytes = if earlier > 0 { &*self.partial } else { input as &[u8] };
            let Some(head) = Head::parse(&bytes[..bytes.len().min(MAX_HEAD_BYTES)], self.is_timed)? else {
                if bytes.len() >= MAX_HEAD_BYTES {
                    return Err(Malformed("the head of the reply has no end within 32 KiB"));
                }
                if earlier == 0 {
                    self.partial.extend_from_slice(input);
                }
                take(input, input.len());
                return Ok(Step::More);
            };
            take(input, head.length - earlier);
            self.partial.clear();
            if (100..200).contains(&head.status) {
                self.interim(head.status)?;
                continue;
            }
            let no_body = self.head_only || matches!(head.status, 204 | 304);
            self.state = if no_body { State::Done } else { head.body };
            self.keep_alive = head.keep_alive && !matches!(self.state, State::UntilClose);
            (self.retry_after, self.timing) = (head.retry_after, head.timing);
            return Ok(Step::Head { status: head.status });
        }
    }

    fn interim(&mut self, status: u16) -> Result<(), Malformed> {
        self.interim_replies += 1;
        if status == 101 {
            return Err(Malformed("the server switched protocols without being asked"));
        }
        if self.interim_replies > MAX_INTERIM_REPLIES {
            return Err(Malformed("one interim reply (1xx) after another, and no final one"));
        }
        Ok(())
    }
}

/// Splits `n` bytes off the front.
pub(super) fn take<'a>(input: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (front, rest) = input.split_at(n);
    *input = rest;
    front
}

/// What a head says about what comes after it.
struct Head {
    status: u16,
    keep_alive: bool,
    retry_after: bool,
    timing: ServerTiming,
    body: State,
    length: usize,
}

impl Head {
    /// `None` while the head is incomplete.
    fn parse(bytes: &[u8], is_timed: bool) -> Result<Option<Self>, Malformed> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut reply = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut reply,
            bytes,
            &mut headers,
        );
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Malformed("more than 100 headers")),
            Err(_) => return Err(Malformed("the reply does not begin as HTTP/1.x does")),
        };
        let (Some(status), Some(version)) = (reply.code, reply.version) else { return Ok(None) };
        if status < 100 {
            return Err(Malformed("a status below 100"));
        }
        let head = Self::framing(status, version, length, reply.headers)?;
        Ok(Some(if is_timed { Self { timing: timing(reply.headers), ..head } } else { head }))
    }

    fn framing(
        status: u16,
        version: u8,
        length: usize,
        headers: &[httparse::Header<'_>],
    ) -> Result<Self, Malformed> {
        let mut content_length = None;
        let mut chunked = false;
        let mut retry_after = false;
        // HTTP/1.0 closes unless it says otherwise, 1.1 the other way round.
        let mut keep_alive = version == 1;
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let this = decimal(header.value)?;
                if content_length.is_some_and(|other| other != this) {
                    return Err(Malformed("two different content-lengths"));
                }
                content_length = Some(this);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || version == 0 || !header.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("a transfer-encoding that nobody asked for"));
                }
                chunked = true;
            } else if header.name.eq_ignore_ascii_case("retry-after") {
                retry_after = true;
            } else if header.name.eq_ignore_ascii_case("connection") {
                for token in header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if token.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if version == 0 && token.eq_ignore_ascii_case(b"keep-alive") {
                        keep_alive = true;
                    }
                }
            }
        }
        let body = match (chunked, content_length) {
            (true, Some(_)) => return Err(Malformed("both content-length and transfer-encoding")),
            (true, None) => State::Chunked(Chunked::default()),
            (false, Some(length)) => State::Exactly(length),
            (false, None) => State::UntilClose,
        };
        let timing = ServerTiming::default();
        Ok(Self { status, keep_alive, retry_after, timing, body, length })
    }
}

/// From all the lines of that name, which are one list (RFC 9110, section 5.3).
fn timing(headers: &[httparse::Header<'_>]) -> ServerTiming {
    let mut timing = ServerTiming::default();
    let lines = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("server-timing"));
    lines.for_each(|line| timing.read(line.value));
    timing
}

/// Digits only: no sign, no list, no space inside.
fn decimal(value: &[u8]) -> Result<u64, Malformed> {
    const BAD: Malformed = Malformed("a content-length that is not a number");
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(BAD);
    }
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(BAD)
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
