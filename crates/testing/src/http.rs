//! An HTTP/1.1 client that sends exactly what a test says and reads what comes, byte by byte if need be.
//! It reads past interim responses, as every client does.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Far beyond anything that a test waits for: a lost reply should fail, not hang.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long nothing has to come for a connection to count as silent.
const SILENCE: Duration = Duration::from_millis(300);

/// A reply, its body unchunked.
#[derive(Debug)]
pub struct Reply {
    /// Of the status line.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// As the application wrote it.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this name, whatever its capitals.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All headers' names in their order, in lower case.
    pub fn names(&self) -> Vec<String> {
        self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
    }

    /// A body that is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }
}

/// Sends `method target` with some header lines (each with its line break) and a body.
pub fn send(addr: SocketAddr, method: &str, target: &str, lines: &str, body: &[u8]) -> Reply {
    let mut connection = Connection::open(addr);
    connection.write(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n{lines}\r\n").as_bytes());
    connection.write(body);
    connection.reply(method == "HEAD").expect("a reply")
}

/// [`send`] for a `GET` with nothing else to say.
pub fn get(addr: SocketAddr, target: &str) -> Reply {
    send(addr, "GET", target, "", b"")
}

/// Does the server do its work? A refused, cut or wrong answer is a no.
pub fn is_alive(addr: SocketAddr) -> bool {
    hello(addr).is_ok()
}

/// Demands that the server still does its work.
pub fn assert_alive(addr: SocketAddr) {
    hello(addr).expect("the server still answers");
}

fn hello(addr: SocketAddr) -> io::Result<()> {
    let mut connection = Connection::try_open(addr)?;
    connection.get("/hello");
    let reply = connection.reply(false)?;
    let is_right = (reply.status, &*reply.body) == (200, br#"{"hello":"world"}"#);
    if is_right { Ok(()) } else { Err(io::Error::other(format!("{reply:?}"))) }
}

/// A connection that stays open until it is dropped.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects, or fails the test.
    pub fn open(addr: SocketAddr) -> Self {
        Self::try_open(addr).expect("a connection")
    }

    /// Connects.
    pub fn try_open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST_WAIT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// A connection with a request on it.
    pub fn asking(addr: SocketAddr, target: &str) -> Self {
        let mut connection = Self::open(addr);
        connection.get(target);
        connection
    }

    /// Writes as far as the server listens; what it makes of that is the test's subject.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.try_write(bytes);
    }

    /// Writes, and says whether that was possible.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Sends a `GET`.
    pub fn get(&mut self, target: &str) {
        self.write(format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes());
    }

    /// Says that nothing more will be sent, and goes on reading.
    pub fn close_writing(&mut self) {
        let _ = self.0.get_mut().shutdown(Shutdown::Write);
    }

    /// Whether there is nothing to read for a while, the end included.
    pub fn is_silent(&mut self) -> bool {
        self.0.get_ref().set_read_timeout(Some(SILENCE)).expect("a time limit");
        let heard = self.0.fill_buf().map(<[u8]>::is_empty);
        self.0.get_ref().set_read_timeout(Some(LONGEST_WAIT)).expect("a time limit");
        heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Leaves as a crashed client does: with a reset.
    pub fn reset(self) {
        // A lingering time of zero makes closing a reset.
        rustix::net::sockopt::set_socket_linger(self.0.get_ref(), Some(Duration::ZERO)).expect("a socket");
    }

    /// Reads one line, with its line break; empty at the end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads everything up to the end of the connection, a reset included.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        rest
    }

    /// Reads status line and headers of the final response.
    pub fn head(&mut self) -> io::Result<Reply> {
        loop {
            let head = self.any_head()?;
            if head.status >= 200 {
                return Ok(head);
            }
        }
    }

    fn any_head(&mut self) -> io::Result<Reply> {
        let status_line = self.line()?;
        let status = ["HTTP/1.1 ", "HTTP/1.0 "]
            .iter()
            .find_map(|version| status_line.strip_prefix(version)?.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line == "\r\n" {
                return Ok(Reply { status, headers, body: Vec::new() });
            }
            let (name, value) = line
                .strip_suffix("\r\n")
                .and_then(|line| line.split_once(": "))
                .ok_or_else(|| io::Error::other(format!("header {line:?}")))?;
            headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Reads a reply to its last byte and no further.
    pub fn reply(&mut self, to_head: bool) -> io::Result<Reply> {
        let mut reply = self.head()?;
        if to_head {
            return Ok(reply);
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk()? {
                reply.body.extend(chunk);
            }
        } else if let Some(length) = reply.header("content-length") {
            reply.body = vec![0; length.parse().map_err(io::Error::other)?];
            self.0.read_exact(&mut reply.body)?;
        } else {
            // To the end of the connection; one that stays open instead runs into the time limit.
            self.0.read_to_end(&mut reply.body)?;
        }
        Ok(reply)
    }

    /// Reads one chunk of a chunked body; `None` after the last.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = usize::from_str_radix(self.line()?.trim_end(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        self.0.read_exact(&mut chunk)?;
        if !chunk.ends_with(b"\r\n") {
            return Err(io::Error::other("a chunk longer than it says"));
        }
        chunk.truncate(length);
        Ok((length > 0).then_some(chunk))
    }
}
