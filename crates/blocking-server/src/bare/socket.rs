//! Sockets of `std`, each wait with a limit. A thread that waits is parked in the system call.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::Connection;

use super::connections::{Connections, Open};
use crate::config::BACKLOG;

/// What new connections come from.
pub(super) struct Listener {
    listener: TcpListener,
    connections: Arc<Connections>,
    is_short: bool,
}

impl Listener {
    pub(super) fn bind(port: u16) -> io::Result<TcpListener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        // `std` has no way to say how many may queue; to listen again has.
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener)
    }

    pub(super) fn new(listener: TcpListener, connections: Arc<Connections>) -> Self {
        Self { listener, connections, is_short: false }
    }

    /// The next connection, or what the system has run out of; `None` when the server is told to stop.
    pub(super) fn accept(&mut self) -> Option<io::Result<Socket>> {
        loop {
            let accepted = self.listener.accept();
            if self.connections.is_stopping() {
                return None;
            }
            match accepted.and_then(|(stream, _)| Socket::new(stream)) {
                Ok(mut socket) => {
                    self.is_short = false;
                    socket._open = Some(Arc::new(self.connections.open(&socket.stream)));
                    return Some(Ok(socket));
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.is_short, true) {
                        log::warn!(
                            "no connection can be accepted: {error}; clients wait in the listen queue"
                        );
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}

/// It came and went.
fn is_the_clients(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | InvalidInput | NotConnected)
}

/// A connection. Cheap to clone: it is the same one.
#[derive(Clone)]
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    _open: Option<Arc<Open>>,
    /// As the system has them; setting one is a system call.
    read_limit: Duration,
    write_limit: Duration,
}

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let none = Duration::ZERO;
        Ok(Self { stream: Arc::new(stream), _open: None, read_limit: none, write_limit: none })
    }

    pub(super) fn connect(addr: SocketAddr, limit: Duration) -> io::Result<Self> {
        Self::new(TcpStream::connect_timeout(&addr, at_least_a_bit(limit))?)
    }

    /// Sends what there is to send.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when nothing of it went out for so long.
    pub(super) fn send(&mut self, http: &mut impl Connection, limit: Duration) -> io::Result<()> {
        if http.output().is_empty() {
            return Ok(());
        }
        if self.write_limit != limit {
            self.stream.set_write_timeout(Some(at_least_a_bit(limit)))?;
            self.write_limit = limit;
        }
        (&*self.stream).write_all(http.output()).map_err(late)?;
        http.sent();
        Ok(())
    }

    /// Waits for bytes, or the end of them.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when nothing came for so long.
    pub(super) fn receive(&mut self, http: &mut impl Connection, limit: Duration) -> io::Result<()> {
        if self.read_limit != limit {
            self.stream.set_read_timeout(Some(at_least_a_bit(limit)))?;
            self.read_limit = limit;
        }
        let count = (&*self.stream).read(http.space()).map_err(late)?;
        http.filled(count);
        Ok(())
    }

    /// Says that there is no more to come, and reads what still does, so that the client gets to read the last
    /// reply: see [`wire::ServerConnection::lingers`].
    pub(super) fn linger(&mut self, http: &mut impl Connection, limit: Duration) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let until = Instant::now() + limit;
        let mut most = LINGER_BYTES;
        while most > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.stream.set_read_timeout(Some(left))?;
            match (&*self.stream).read(http.space())? {
                0 => break,
                count => most = most.saturating_sub(count),
            }
        }
        Ok(())
    }
}

/// More than that of a body that nobody wants is not read.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// The system takes zero for "no limit".
fn at_least_a_bit(limit: Duration) -> Duration {
    limit.max(Duration::from_micros(1))
}

/// Unix calls it "would block".
fn late(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}
