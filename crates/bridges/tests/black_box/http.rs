//! An HTTP/1.1 client that sends exactly what a test says.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A reply, its body unchunked.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }
}

/// Sends `method target` with some header lines (each with its line break) and a body.
pub(crate) fn send(addr: SocketAddr, method: &str, target: &str, lines: &str, body: &[u8]) -> Reply {
    let mut connection = Connection::open(addr);
    connection.write(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n{lines}\r\n").as_bytes());
    connection.write(body);
    connection.reply(method == "HEAD").expect("a reply")
}

pub(crate) fn get(addr: SocketAddr, target: &str) -> Reply {
    send(addr, "GET", target, "", b"")
}

/// Demands that the server still does its work.
pub(crate) fn assert_alive(addr: SocketAddr) {
    let reply = get(addr, "/hello");
    assert_eq!((reply.status, reply.text()), (200, r#"{"hello":"world"}"#));
}

/// A connection that stays open until it is dropped.
pub(crate) struct Connection(BufReader<TcpStream>);

/// Far beyond anything that a test waits for: a lost reply should fail, not hang.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Connection {
    pub(crate) fn open(addr: SocketAddr) -> Self {
        Self::try_open(addr).expect("a connection")
    }

    pub(crate) fn try_open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST_WAIT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// A connection with a request on it.
    pub(crate) fn asking(addr: SocketAddr, target: &str) -> Self {
        let mut connection = Self::open(addr);
        connection.get(target);
        connection
    }

    /// Writes as far as the server listens; what it makes of that is the test's subject.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    pub(crate) fn get(&mut self, target: &str) {
        self.write(format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes());
    }

    /// Whether there is nothing to read for a while.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.0.get_ref().set_read_timeout(Some(Duration::from_millis(300))).expect("a time limit");
        let heard = self.0.fill_buf().map(<[u8]>::is_empty);
        self.0.get_ref().set_read_timeout(Some(LONGEST_WAIT)).expect("a time limit");
        heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Leaves as a crashed client does: with a reset.
    pub(crate) fn reset(self) {
        // A lingering time of zero makes closing a reset.
        rustix::net::sockopt::set_socket_linger(self.0.get_ref(), Some(Duration::ZERO)).expect("a socket");
    }

    /// Reads one line, with its line break; empty at the end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads status line and headers.
    pub(crate) fn head(&mut self) -> io::Result<Reply> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        // rouille hands a connection over by way of a 100, which is no reply yet.
        if status == 100 { self.head() } else { Ok(Reply { status, headers, body: Vec::new() }) }
    }

    /// Reads a reply to its last byte and no further.
    pub(crate) fn reply(&mut self, to_head: bool) -> io::Result<Reply> {
        let mut reply = self.head()?;
        if to_head {
            return Ok(reply);
        }
        if reply.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk()? {
                reply.body.extend(chunk);
            }
        } else if let Some(length) = reply.header("content-length") {
            reply.body = vec![0; length.parse().map_err(io::Error::other)?];
            self.0.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    /// Reads one chunk of a chunked body; `None` after the last.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = usize::from_str_radix(self.line()?.trim_end(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        self.0.read_exact(&mut chunk)?;
        chunk.truncate(length);
        Ok((length > 0).then_some(chunk))
    }
}
