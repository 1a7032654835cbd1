//! A server's side of a connection: requests out of bytes, bytes out of replies.

use crate::body::Body;
use crate::buffer::{Buffer, FIRST_BYTES, clear};
use crate::error::Error;
use crate::fields::Scan;
use crate::request::{Asked, RequestHead};
use crate::{Connection, Limits, encode};

/// What a server knows about one connection.
///
/// For each request in turn: [`take_head`](Self::take_head) until there is one,
/// [`take_body`](Self::take_body) if the body is wanted, then exactly one reply. Bytes that come after a
/// request wait for their turn, so pipelining needs no care. Once [`is_open`](Self::is_open) says no, what
/// is in [`output`](Connection::output) is the last.
#[derive(Debug)]
pub struct ServerConnection {
    limits: Limits,
    input: Buffer,
    output: Vec<u8>,
    state: State,
    scan: Scan,
    skipped_line: bool,
    asked: Asked,
    body: Body,
    last: bool,
    lingers: bool,
}

/// What a connection is busy with; each may last long, and a server bounds the time of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing of the next request has come: may be closed at any time without harm.
    Idle,
    /// A head has begun.
    Head,
    /// A head was taken, and its body is not all read.
    Body,
    /// A request was read, and its reply is not finished.
    Reply,
    /// Nothing more will be read or said.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next head is awaited, or on its way.
    Head,
    /// A reply is owed.
    Asked,
    /// The head of a reply is out, its chunks are not.
    Streaming,
    Closed,
}

impl ServerConnection {
    /// A connection that was just accepted. Allocates nothing before the first byte is wanted.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Buffer::default(),
            output: Vec::new(),
            state: State::Head,
            scan: Scan::default(),
            skipped_line: false,
            asked: Asked::NOTHING,
            body: Body::lost(Error::Closed),
            last: false,
            lingers: false,
        }
    }

    /// Takes the next request's head over into `head`; false while it is not whole and more must be read.
    ///
    /// # Errors
    /// [`Error::Closed`] when there are no more requests. Any other error is for [`Self::refuse`].
    ///
    /// # Panics
    /// When the last request was not answered.
    pub fn take_head(&mut self, head: &mut RequestHead) -> Result<bool, Error> {
        assert!(matches!(self.state, State::Head | State::Closed), "the last request was not answered");
        head.clear();
        let taken = self.next_head(head);
        if let Err(error) = taken {
            self.asked = Asked::NOTHING;
            self.body = Body::lost(error);
            self.state = if error.status().is_some() { State::Asked } else { State::Closed };
        }
        taken
    }

    fn next_head(&mut self, head: &mut RequestHead) -> Result<bool, Error> {
        if self.state == State::Closed {
            return Err(Error::Closed);
        }
        // Old clients send an empty line too many after a body (RFC 9112, 2.2). One is forgiven.
        if !self.skipped_line && self.input.unread().starts_with(b"\r\n") {
            self.input.consume(2);
            self.skipped_line = true;
        }
        let unread = self.input.unread();
        let may_skip = !self.skipped_line && unread == b"\r";
        let length = if may_skip { None } else { self.scan.end(unread, self.limits.head_bytes)? };
        let Some(length) = length else {
            return match (self.input.ended(), unread.is_empty()) {
                (false, _) => Ok(false),
                (true, true) => Err(Error::Closed),
                (true, false) => Err(Error::Cut),
            };
        };
        self.asked = head.parse(&unread[..length])?;
        self.input.consume(length);
        self.body = Body::new(self.asked.framing, self.limits);
        (self.scan, self.skipped_line, self.state) = (Scan::default(), false, State::Asked);
        Ok(true)
    }

    /// Appends what has come of the request's body to `body`; true when that was all of it. Before more is
    /// read, [`output`](Connection::output) must be sent: the client may be waiting for `100 Continue`,
    /// which is queued here when it is due (RFC 9110, 10.1.1).
    ///
    /// A server that does not want the body need not take it: [`Self::reply`] drops what is there, and
    /// closes when that is not all.
    ///
    /// # Errors
    /// Too large (also by announcement), malformed, or cut off. The request can still be answered, and the
    /// connection is then closed.
    pub fn take_body(&mut self, body: &mut Vec<u8>) -> Result<bool, Error> {
        if self.state != State::Asked {
            return Ok(true);
        }
        let nothing_came = self.input.is_empty();
        let done = self.body.read(&mut self.input, |data| body.extend_from_slice(data))?;
        if std::mem::take(&mut self.asked.expects_continue) && nothing_came && !done {
            self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Ok(done)
    }

    /// Queues a whole reply. `content-length`, `connection` and `date` are added, and a reply to `HEAD` has
    /// no body, only its length. Without a request (a connection that cannot be served, say) it closes.
    pub fn reply(&mut self, status: u16, headers: &[(&str, impl AsRef<str>)], body: &[u8]) {
        if !self.begin(status, headers) {
            return;
        }
        self.output.reserve(body.len() + 64);
        if has_content(status) {
            encode::content_length(&mut self.output, body.len());
        }
        self.output.extend_from_slice(b"\r\n");
        if has_content(status) && !self.asked.head_only {
            self.output.extend_from_slice(body);
        }
        self.end();
    }

    /// Queues the head of a reply whose body is made while it is sent: [`Self::chunk`] as often as there is
    /// something, while [`Self::is_streaming`], then [`Self::finish`].
    pub fn reply_chunked(&mut self, status: u16, headers: &[(&str, impl AsRef<str>)]) {
        // HTTP/1.0 knows no chunks; only closing tells such a client where the body ends.
        self.asked.stays &= !self.asked.http10;
        if !self.begin(status, headers) {
            return;
        }
        let has_content = has_content(status);
        if has_content && !self.asked.http10 {
            self.output.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        self.output.extend_from_slice(b"\r\n");
        match has_content && !self.asked.head_only {
            true => self.state = State::Streaming,
            false => self.end(),
        }
    }

    /// Queues a piece of a chunked body. Does nothing when none is wanted, as after `HEAD`.
    pub fn chunk(&mut self, data: &[u8]) {
        if self.state != State::Streaming || data.is_empty() {
            return;
        }
        match self.asked.http10 {
            true => self.output.extend_from_slice(data),
            false => encode::chunk(&mut self.output, data),
        }
    }

    /// Queues the end of a chunked body. A server that cannot go on closes without it: then the client
    /// knows that something is missing.
    pub fn finish(&mut self) {
        if self.state == State::Streaming {
            if !self.asked.http10 {
                self.output.extend_from_slice(b"0\r\n\r\n");
            }
            self.end();
        }
    }

    /// Queues the reply that an error calls for, as problem details (RFC 9457), and ends the connection.
    /// Nothing is queued when there is nobody to tell, or when the head of another reply is out.
    pub fn refuse(&mut self, error: &Error) {
        self.close();
        if let (Some(status), State::Head | State::Asked) = (error.status(), self.state) {
            let body = encode::problem(status, error);
            self.reply(status, &[("content-type", "application/problem+json")], body.as_bytes());
        }
        self.state = State::Closed;
    }

    /// Takes no request after the one that is being answered: the next reply says `connection: close`.
    pub fn close(&mut self) {
        self.last = true;
    }

    /// False when no request can come any more.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// True while chunks are wanted.
    pub fn is_streaming(&self) -> bool {
        self.state == State::Streaming
    }

    /// True when the client may still be sending what nobody will read. Closing at once would then reset
    /// the connection, and may take the reply away before the client has read it. So: close the sending
    /// half, read and drop until the client closes too (for a short time and not too much), then close
    /// (RFC 9112, 9.6). What is read into [`space`](Connection::space) and not reported is dropped.
    pub fn lingers(&self) -> bool {
        self.lingers
    }

    /// What the connection is busy with.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Head if self.input.is_empty() => Phase::Idle,
            State::Head => Phase::Head,
            State::Asked if !self.body.is_done() => Phase::Body,
            State::Asked | State::Streaming => Phase::Reply,
            State::Closed => Phase::Closed,
        }
    }

    /// Queues a head up to where the headers that tell the body's end follow; false when no reply is owed.
    fn begin(&mut self, status: u16, headers: &[(&str, impl AsRef<str>)]) -> bool {
        match self.state {
            State::Head => self.asked = Asked::NOTHING,
            State::Asked => {}
            State::Streaming | State::Closed => return false,
        }
        // What has come of a body that nobody took is dropped; the next request starts behind it.
        let all_read = self.state == State::Asked && self.body.read(&mut self.input, |_| ()) == Ok(true);
        self.asked.stays &= all_read && !self.last;
        let more_may_come = !all_read || self.last || !self.input.is_empty();
        self.lingers = !self.asked.stays && more_may_come && !self.input.ended();
        self.output.reserve(256);
        encode::status_line(&mut self.output, status);
        for (name, value) in headers {
            encode::header(&mut self.output, name, value.as_ref());
        }
        match (self.asked.stays, self.asked.http10) {
            (false, _) => self.output.extend_from_slice(b"connection: close\r\n"),
            (true, true) => self.output.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, false) => {}
        }
        true
    }

    /// The reply is all queued.
    fn end(&mut self) {
        self.state = if self.asked.stays { State::Head } else { State::Closed };
        self.input.release();
    }
}

impl Connection for ServerConnection {
    fn space(&mut self) -> &mut [u8] {
        let room = if self.state == State::Asked { self.body.room() } else { 0 };
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

/// Interim replies, 204 and 304 end after their head, whatever it says (RFC 9110, 6.4.1).
fn has_content(status: u16) -> bool {
    !matches!(status, 100..=199 | 204 | 304)
}
