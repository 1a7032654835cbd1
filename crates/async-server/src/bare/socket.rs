//! Sockets of `tokio`, each wait with a limit. A task that waits has the socket, and a timer, registered.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use wire::Connection;

use super::connections::Connections;
use crate::config::BACKLOG;

/// What new connections come from.
pub(super) struct Listener {
    listener: TcpListener,
    connections: Arc<Connections>,
    is_short: bool,
}

impl Listener {
    /// For all workers.
    pub(super) fn bind(port: u16) -> io::Result<std::net::TcpListener> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        // `std` has no way to say how many may queue; to listen again has.
        rustix::net::listen(&listener, BACKLOG.cast_signed())?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// For one of them, on its event loop.
    pub(super) fn new(listener: std::net::TcpListener, connections: Arc<Connections>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::from_std(listener)?, connections, is_short: false })
    }

    /// The next connection, or what the system has run out of; `None` when the server is told to stop.
    pub(super) async fn accept(&mut self) -> Option<io::Result<Socket>> {
        loop {
            let accepted = match select(pin!(self.listener.accept()), pin!(self.connections.stopping())).await
            {
                Either::Left((accepted, _)) => accepted,
                Either::Right(_) => return None,
            };
            match accepted.and_then(|(stream, _)| Socket::new(stream)) {
                Ok(socket) => {
                    self.is_short = false;
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

/// A connection.
pub(super) struct Socket {
    stream: TcpStream,
}

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    pub(super) async fn connect(addr: SocketAddr, limit: Duration) -> io::Result<Self> {
        Self::new(timeout(limit, TcpStream::connect(addr)).await??)
    }

    /// Sends what there is to send.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when nothing of it went out for so long.
    pub(super) async fn send(&mut self, http: &mut impl Connection, limit: Duration) -> io::Result<()> {
        let mut rest = http.output();
        if rest.is_empty() {
            return Ok(());
        }
        while !rest.is_empty() {
            match timeout(limit, self.stream.write(rest)).await?? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => rest = &rest[count..],
            }
        }
        http.sent();
        Ok(())
    }

    /// Waits for bytes, or the end of them.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when nothing came for so long.
    pub(super) async fn receive(&mut self, http: &mut impl Connection, limit: Duration) -> io::Result<()> {
        let count = timeout(limit, self.stream.read(http.space())).await??;
        http.filled(count);
        Ok(())
    }

    /// Says that there is no more to come, and reads what still does, so that the client gets to read the last
    /// reply: see [`wire::ServerConnection::lingers`].
    pub(super) async fn linger(&mut self, http: &mut impl Connection, limit: Duration) -> io::Result<()> {
        self.stream.shutdown().await?;
        let until = Instant::now() + limit;
        let mut most = LINGER_BYTES;
        while most > 0 {
            match timeout_at(until, self.stream.read(http.space())).await?? {
                0 => break,
                count => most = most.saturating_sub(count),
            }
        }
        Ok(())
    }
}

/// More than that of a body that nobody wants is not read.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
