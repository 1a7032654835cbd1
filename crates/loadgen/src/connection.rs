//! A TCP connection that carries one request at a time.
//!
//! Two system calls per request where nothing is slow: one write, one read. Replies are read into a buffer
//! that all connections of a worker share, and are judged there; so an idle connection costs a socket, a
//! task and no buffer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use crate::http::{Check, Expected, Verdict, Wrong};
use crate::parts::ServerTiming;
use crate::protocol::Failure;
use crate::recorder::Ending;

/// Connected, and between requests or in one.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    check: Check,
    /// Bytes of the request that have been sent.
    written: usize,
}

/// What every exchange on every connection has in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) request: &'a [u8],
    pub(crate) expected: &'a Expected,
}

/// An exchange that came to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ending: Ending,
    /// The connection may carry another request.
    pub(crate) reusable: bool,
}

impl Connection {
    /// Connects, from `source` where one is given. `check` is for the replies.
    pub(crate) async fn open(target: SocketAddr, source: Option<IpAddr>, check: Check) -> io::Result<Self> {
        let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A request is one write, but a large one may be several segments, and none of them should wait.
        socket.set_nodelay(true)?;
        if let Some(address) = source {
            crate::sockopt::choose_port_when_connecting(&socket)?;
            socket.bind(SocketAddr::new(address, 0))?;
        }
        let stream = socket.connect(target).await?;
        Ok(Self { stream, check, written: 0 })
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Nothing has come since the last reply. Whatever came (the end, an error, bytes that nobody asked
    /// for) makes the connection useless. Costs no system call while it is quiet.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Ends when the connection is no longer quiet.
    pub(crate) async fn disturbed(&self) {
        while self.is_quiet() {
            if self.stream.readable().await.is_err() {
                return;
            }
        }
    }

    /// To be called before the first [`poll_exchange`](Self::poll_exchange) of a request.
    pub(crate) fn begin(&mut self) {
        self.check.reset();
        self.written = 0;
    }

    /// What the last reply said of its time in the server, where that is read.
    pub(crate) fn timing(&self) -> ServerTiming {
        self.check.timing()
    }

    /// Sends the request and reads the reply, as far as both go without waiting.
    pub(crate) fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        exchange: Exchange<'_>,
        buffer: &mut [u8],
    ) -> Poll<Finished> {
        let broken = self.poll_write(cx, exchange.request);
        loop {
            let mut read = ReadBuf::new(buffer);
            let verdict = match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => return broken.map_or(Poll::Pending, |error| Poll::Ready(failed(&error))),
                // A server may answer and close before it has read everything, so a write that fails is
                // forgotten when a reply comes all the same.
                Poll::Ready(Err(error)) => return Poll::Ready(failed(&broken.unwrap_or(error))),
                Poll::Ready(Ok(())) if read.filled().is_empty() => {
                    match self.check.end_of_input(exchange.expected) {
                        Some(verdict) => verdict,
                        None => return Poll::Ready(Finished::broken(Failure::Reset)),
                    }
                }
                Poll::Ready(Ok(())) => self.check.feed(read.filled(), exchange.expected),
            };
            if let Verdict::Complete { answer, reusable } = verdict {
                let reusable = reusable && self.written == exchange.request.len();
                return Poll::Ready(Finished { ending: ending(answer), reusable });
            }
        }
    }

    /// Writes what can be written; an error is returned for the reader to judge.
    fn poll_write(&mut self, cx: &mut Context<'_>, request: &[u8]) -> Option<io::Error> {
        while self.written < request.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &request[self.written..]) {
                Poll::Pending => return None,
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Ready(Err(error)) => return Some(error),
            }
        }
        None
    }
}

impl Finished {
    fn broken(failure: Failure) -> Self {
        Self { ending: Ending::Failed(failure, None), reusable: false }
    }
}

fn failed(error: &io::Error) -> Finished {
    Finished::broken(failure(error))
}

fn ending(answer: Result<(), Wrong>) -> Ending {
    match answer {
        Ok(()) => Ending::Right,
        // Nothing to look at: that the server sheds load is all that it says.
        Err(Wrong { failure: Failure::Shed, .. }) => Ending::Failed(Failure::Shed, None),
        Err(Wrong { failure, excerpt }) => Ending::Failed(failure, Some(excerpt)),
    }
}

/// Whose fault an error is: nobody listens, the generator has run out of something, or the connection
/// broke.
pub(crate) fn failure(error: &io::Error) -> Failure {
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH) => Failure::Refused,
        Some(Errno::MFILE | Errno::NFILE) => Failure::OutOfFiles,
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => Failure::OutOfPorts,
        Some(Errno::NOBUFS | Errno::NOMEM | Errno::AGAIN | Errno::ACCESS | Errno::PERM) => Failure::Local,
        _ => Failure::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_whose_they_are() {
        let kind = |errno: Errno| failure(&io::Error::from(errno));
        assert_eq!(kind(Errno::CONNREFUSED), Failure::Refused);
        for files in [Errno::MFILE, Errno::NFILE] {
            assert_eq!(kind(files), Failure::OutOfFiles);
        }
        for ports in [Errno::ADDRNOTAVAIL, Errno::ADDRINUSE] {
            assert_eq!(kind(ports), Failure::OutOfPorts);
        }
        for local in [Errno::NOMEM, Errno::NOBUFS, Errno::ACCESS] {
            assert_eq!(kind(local), Failure::Local);
        }
        for broken in [Errno::CONNRESET, Errno::PIPE, Errno::TIMEDOUT] {
            assert_eq!(kind(broken), Failure::Reset);
        }
    }
}
