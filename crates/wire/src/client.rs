//! A client's side of a connection: `GET` requests, one after the other.

use crate::body::Body;
use crate::buffer::{Buffer, FIRST_BYTES, clear};
use crate::error::{Error, Flaw};
use crate::fields::Scan;
use crate::response::ResponseHead;
use crate::{Connection, Limits};

/// What a client knows about one connection.
///
/// For each call in turn: [`get`](Self::get), [`take_head`](Self::take_head) until there is one,
/// [`take_body`](Self::take_body) until it is whole. Then [`is_reusable`](Self::is_reusable) says whether the
/// connection may serve another call; if not, close it.
#[derive(Debug)]
pub struct ClientConnection {
    limits: Limits,
    input: Buffer,
    output: Vec<u8>,
    state: State,
    scan: Scan,
    interim: u32,
    body: Body,
    stays: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// A request is out, its answer's head is awaited.
    Head,
    Body,
    Closed,
}

/// More interim responses than that are no answer.
const MAX_INTERIM: u32 = 8;

impl ClientConnection {
    /// A connection that was just made. The limits are those of responses.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Buffer::default(),
            output: Vec::new(),
            state: State::Idle,
            scan: Scan::default(),
            interim: 0,
            body: Body::lost(Error::Closed),
            stays: true,
        }
    }

    /// Queues a request. `target` is a path with its query, percent-encoded; `host` is name and port.
    ///
    /// # Errors
    /// When either has a byte that would end it, or the connection is not [reusable](Self::is_reusable).
    pub fn get(&mut self, target: &str, host: &str) -> Result<(), Error> {
        if !self.is_reusable() {
            return Err(Error::Closed);
        }
        if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Flaw::Target.into());
        }
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Flaw::HostInvalid.into());
        }
        for part in ["GET ", target, " HTTP/1.1\r\nhost: ", host, "\r\n\r\n"] {
            self.output.extend_from_slice(part.as_bytes());
        }
        (self.state, self.scan, self.interim) = (State::Head, Scan::default(), 0);
        Ok(())
    }

    /// Takes the answer's head over into `head`; false while it is not whole and more must be read. Interim
    /// responses (RFC 9110, 15.2) are passed over.
    ///
    /// # Errors
    /// [`Error::Closed`] when the server closed without a word, which it may do to a connection that was
    /// idle: the call may be made again on a new one. All others are final.
    pub fn take_head(&mut self, head: &mut ResponseHead) -> Result<bool, Error> {
        head.clear();
        self.next_head(head).inspect_err(|_| self.state = State::Closed)
    }

    fn next_head(&mut self, head: &mut ResponseHead) -> Result<bool, Error> {
        if self.state != State::Head {
            return Err(Error::Closed);
        }
        loop {
            let unread = self.input.unread();
            let Some(length) = self.scan.end(unread, self.limits.head_bytes)? else {
                return match (self.input.ended(), unread.is_empty() && self.interim == 0) {
                    (false, _) => Ok(false),
                    (true, true) => Err(Error::Closed),
                    (true, false) => Err(Error::Cut),
                };
            };
            let told = head.parse(&unread[..length])?;
            self.input.consume(length);
            self.scan = Scan::default();
            if head.status() >= 200 {
                self.body = Body::new(told.framing, self.limits);
                (self.state, self.stays) = (State::Body, told.stays);
                return Ok(true);
            }
            self.interim += 1;
            if head.status() == 101 || self.interim > MAX_INTERIM {
                return Err(Flaw::Interim.into());
            }
            head.clear();
        }
    }

    /// Appends what has come of the answer's body to `body`; true when that was all of it.
    ///
    /// # Errors
    /// Too large (also by announcement), malformed, or cut off.
    pub fn take_body(&mut self, body: &mut Vec<u8>) -> Result<bool, Error> {
        if self.state != State::Body {
            return if self.state == State::Closed { Err(Error::Closed) } else { Ok(true) };
        }
        let done = self.body.read(&mut self.input, |data| body.extend_from_slice(data));
        self.state = match done {
            Ok(false) => State::Body,
            Ok(true) if self.stays => State::Idle,
            Ok(true) | Err(_) => State::Closed,
        };
        if self.state != State::Body {
            self.input.release();
        }
        done
    }

    /// Whether a call may be made: the last answer was read, and both sides let the connection stay.
    pub fn is_reusable(&self) -> bool {
        // Bytes behind an answer belong to nothing that was asked: whatever they are, not to be trusted.
        self.state == State::Idle && self.input.is_empty() && !self.input.ended()
    }
}

impl Connection for ClientConnection {
    fn space(&mut self) -> &mut [u8] {
        let room = if self.state == State::Body { self.body.room() } else { 0 };
        self.input.space(room.max(FIRST_BYTES))
    }

    fn filled(&mut self, count: usize) {
        self.input.filled(count);
    }

    fn output(&self) -> &[u8] {
        &self.output
    }

    fn sent(&mut self) {
        clear(&mut self.output);
    }
}
