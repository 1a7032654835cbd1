//! The smallest HTTP/1.1 client that can say *exactly* what is sent, and keeps all that comes back.
//!
//! A library client would mend requests before they leave and hide what a server does with broken ones;
//! checking servers needs the opposite.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::transcript::Transcript;

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Request {
    /// Any token, also unknown ones.
    pub method: String,
    /// Sent as it is.
    pub target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

impl Request {
    /// A request without headers of its own; `host` is added when it is sent.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: vec![], body: None, chunked: false }
    }

    /// A `GET`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// The same with another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a body, announced by its length.
    #[must_use]
    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with the body sent in chunks of unequal sizes.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// The bytes that are sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.chunked {
            bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
            let mut rest = body;
            let mut size = 1;
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(size.min(rest.len()));
                bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
                rest = after;
                size = (size * 3).min(60_000);
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            if self.body.is_some() {
                bytes.extend(format!("content-length: {}\r\n", body.len()).bytes());
            }
            bytes.extend(b"\r\n");
            bytes.extend(body);
        }
        bytes
    }
}

/// An answer, the body unchunked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, its name given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A connection to a server, kept between requests.
pub struct Connection {
    stream: TcpStream,
    /// What was read and belongs to no answer yet.
    pending: Vec<u8>,
    deadline: Duration,
    transcript: Transcript,
}

impl Connection {
    /// Connects. An answer that takes longer than `deadline` is an error.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn open(addr: SocketAddr, deadline: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, deadline)?;
        stream.set_nodelay(true)?;
        // A server that stops reading must not hold up whoever wants to read its answer.
        stream.set_write_timeout(Some(deadline))?;
        Ok(Self { stream, pending: Vec::new(), deadline, transcript: Transcript::default() })
    }

    /// How long an answer may take.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// What has gone over it so far.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Sends a request and reads its answer. The request is written from a thread of its own, since a
    /// server may answer, and even close, before it has read all of it.
    ///
    /// # Errors
    /// When no complete answer came.
    pub fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        self.while_sending(request, |connection| connection.response(request.method == "HEAD"))
    }

    /// Sends a request and reads the head of its answer and so many bytes of its body, which may never end.
    ///
    /// # Errors
    /// When they did not come.
    pub fn beginning(&mut self, request: &Request, length: usize) -> io::Result<Response> {
        self.while_sending(request, |connection| {
            let until = Instant::now() + connection.deadline;
            let mut response = connection.final_head(until)?;
            response.body = connection.body(&response, length, until)?;
            response.body.truncate(length);
            Ok(response)
        })
    }

    fn while_sending(
        &mut self,
        request: &Request,
        read: impl FnOnce(&mut Self) -> io::Result<Response>,
    ) -> io::Result<Response> {
        let bytes = request.to_bytes();
        self.transcript.sent(&bytes);
        let mut writer = self.stream.try_clone()?;
        thread::scope(|scope| {
            // A failure to write shows as the answer that did or did not come.
            scope.spawn(move || writer.write_all(&bytes));
            let response = read(self);
            if response.is_err() {
                // Ends the writer, should it still be at work.
                let _ = self.stream.shutdown(Shutdown::Both);
            }
            response
        })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.transcript.sent(bytes);
        self.stream.write_all(bytes)
    }

    /// Says that nothing more will be sent, and can go on reading.
    pub fn end_sending(&mut self) {
        self.transcript.ended_sending();
        // An error means that the connection is gone, which reading will tell.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Waits for the end of the connection, a reset included; true when it came, with nothing before it.
    ///
    /// # Errors
    /// When something else goes wrong with the connection.
    pub fn ends_within(&mut self, time: Duration) -> io::Result<bool> {
        let until = Instant::now() + time;
        while self.pending.is_empty() {
            match self.fill(until) {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                Err(error) if is_over(&error) => return Ok(true),
                Err(error) if is_late(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Whether bytes came that belong to no answer that was read.
    pub fn has_more(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Reads until these bytes have come, and takes everything up to and with them.
    ///
    /// # Errors
    /// When the stream ends, or the deadline passes, before they did.
    pub fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        let until = Instant::now() + self.deadline;
        loop {
            if let Some(at) = self.pending.windows(mark.len()).position(|window| window == mark) {
                let rest = self.pending.split_off(at + mark.len());
                return Ok(std::mem::replace(&mut self.pending, rest));
            }
            if !self.fill(until)? {
                return Err(cut("what was awaited", &self.pending));
            }
        }
    }

    /// Reads the next answer; `bodiless` for one to `HEAD`. Interim ones are passed over.
    ///
    /// # Errors
    /// When it is not HTTP, cut short, or not there by the deadline.
    pub fn response(&mut self, bodiless: bool) -> io::Result<Response> {
        let until = Instant::now() + self.deadline;
        let mut response = self.final_head(until)?;
        if !bodiless && !matches!(response.status, 204 | 304) {
            response.body = self.body(&response, usize::MAX, until)?;
        }
        Ok(response)
    }

    fn final_head(&mut self, until: Instant) -> io::Result<Response> {
        loop {
            let head = self.head(until)?;
            if !(100..200).contains(&head.status) {
                return Ok(head);
            }
        }
    }

    /// Reads the next head, be it that of an interim response.
    ///
    /// # Errors
    /// As [`Self::response`].
    pub fn next_head(&mut self) -> io::Result<Response> {
        self.head(Instant::now() + self.deadline)
    }

    fn head(&mut self, until: Instant) -> io::Result<Response> {
        loop {
            if let Some((length, head)) = head(&self.pending)? {
                self.pending.drain(..length);
                return Ok(head);
            }
            if !self.fill(until)? {
                return Err(cut("the head", &self.pending));
            }
        }
    }

    /// Reads a body, or, of a longer one, so many bytes or some more.
    fn body(&mut self, response: &Response, enough: usize, until: Instant) -> io::Result<Vec<u8>> {
        if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks(enough, until);
        }
        if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().map_err(|_| broken(&format!("content-length {length}")))?;
            return self.take(length.min(enough), until);
        }
        while self.pending.len() < enough && self.fill(until)? {}
        Ok(std::mem::take(&mut self.pending))
    }

    fn chunks(&mut self, enough: usize, until: Instant) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let (line, size) = loop {
                match httparse::parse_chunk_size(&self.pending) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) if self.fill(until)? => {}
                    Ok(httparse::Status::Partial) => return Err(cut("a chunk size", &self.pending)),
                    Err(_) => return Err(broken("chunk size")),
                }
            };
            self.pending.drain(..line);
            let size = usize::try_from(size).map_err(|_| broken("chunk size"))?;
            let mut chunk = self.take(size.saturating_add(2), until)?;
            if chunk.split_off(size) != b"\r\n" {
                return Err(broken("end of a chunk"));
            }
            body.extend(chunk);
            if size == 0 || body.len() >= enough {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, length: usize, until: Instant) -> io::Result<Vec<u8>> {
        while self.pending.len() < length {
            if !self.fill(until)? {
                return Err(cut("the body", &self.pending));
            }
        }
        let rest = self.pending.split_off(length);
        Ok(std::mem::replace(&mut self.pending, rest))
    }

    /// Reads what there is; false at the end of the stream.
    fn fill(&mut self, until: Instant) -> io::Result<bool> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut buffer = [0; 16 * 1024];
        let read = match self.stream.read(&mut buffer) {
            Err(error) if is_late(&error) => return Err(late()),
            read => read.inspect_err(|error| self.transcript.closed(&error.to_string()))?,
        };
        self.pending.extend(&buffer[..read]);
        match read {
            0 => self.transcript.closed("closed by the server"),
            _ => self.transcript.received(&buffer[..read]),
        }
        Ok(read > 0)
    }
}

/// Whether the connection ended without a word, rather than that something else went wrong with it.
pub fn is_over(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no complete answer in time")
}

/// Parses a response head: its length and what it says.
fn head(bytes: &[u8]) -> io::Result<Option<(usize, Response)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers =
                parsed.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value))).collect();
            Ok(Some((length, Response { status: parsed.code.unwrap_or(0), headers, body: vec![] })))
        }
        Err(error) => Err(broken(&format!("head ({error})"))),
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer has a broken {what}"))
}

fn cut(what: &str, pending: &[u8]) -> io::Error {
    let rest = String::from_utf8_lossy(&pending[..pending.len().min(200)]).into_owned();
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the connection ended inside {what}: \"{rest}\""))
}
