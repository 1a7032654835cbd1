//! The sockets that rouille keeps to itself, found among this process's descriptors.
//!
//! rouille makes the listener and every connection, and hands out neither. Four things cannot be done
//! without them: a longer listen backlog and `TCP_NODELAY` (every rung has both, or the comparison would
//! be one of queues), no new connections after a signal to stop, knowing that the accept thread has died,
//! and closing a connection that cannot be used any further.
//!
//! `/dev/fd` lists the descriptors of a process on Linux and macOS. Where it does not, everything here
//! answers "not found", and the server goes on with what the system's defaults are.
#![expect(unsafe_code, reason = "a descriptor whose owner hides it can only be reached by its number")]

use std::fs::read_dir;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::net::sockopt::{set_tcp_nodelay, socket_acceptconn};
use rustix::net::{Shutdown, getpeername, getsockname, listen, shutdown};

use crate::config::BACKLOG;

/// The listener of a server in this process.
#[derive(Debug, Clone, Copy)]
pub struct Listener {
    fd: RawFd,
    addr: SocketAddr,
}

impl Listener {
    /// Looks for the socket that listens on an address. A process has at most one.
    pub fn find(addr: SocketAddr) -> Option<Self> {
        let listener = |fd| Self { fd, addr };
        descriptors().map(listener).find(Self::is_listening)
    }

    /// Gives it the backlog of every rung, and `TCP_NODELAY`, which the sockets that it accepts inherit.
    /// Without the second, `tiny_http`'s replies of more than a kilobyte go out in two packets, and the
    /// last one waits some 40 ms for the acknowledgement of the first.
    ///
    /// # Errors
    /// What the system says.
    pub fn mend(&self) -> io::Result<()> {
        let fd = borrow(self.fd);
        set_tcp_nodelay(fd, true)?;
        listen(fd, BACKLOG)?;
        Ok(())
    }

    /// Is it still there? Once `accept` has failed, `tiny_http` drops it and says nothing. Costs two system
    /// calls and no descriptor, for there may be none left.
    pub fn is_listening(&self) -> bool {
        let fd = borrow(self.fd);
        socket_acceptconn(fd) == Ok(true) && is(self.addr, getsockname(fd).ok())
    }

    /// Refuses connections from now on. The blocked `accept` fails (on Linux), and `tiny_http` tells rouille.
    ///
    /// # Errors
    /// When it is gone already, and where the system has no such thing as shutting down a listener.
    pub fn close(&self) -> io::Result<()> {
        if !self.is_listening() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(shutdown(borrow(self.fd), Shutdown::Both)?)
    }
}

/// Ends the connection between two addresses, whoever owns its descriptors. Says whether there was one.
pub(crate) fn hang_up(local: SocketAddr, peer: SocketAddr) -> bool {
    let is_it = |fd: &RawFd| {
        let fd = borrow(*fd);
        is(peer, getpeername(fd).ok().flatten()) && is(local, getsockname(fd).ok())
    };
    let Some(fd) = descriptors().find(is_it) else { return false };
    shutdown(borrow(fd), Shutdown::Both).is_ok()
}

fn is(wanted: SocketAddr, found: Option<rustix::net::SocketAddrAny>) -> bool {
    found.and_then(|addr| SocketAddr::try_from(addr).ok()) == Some(wanted)
}

fn descriptors() -> impl Iterator<Item = RawFd> {
    let entries = read_dir("/dev/fd").into_iter().flatten().flatten();
    let numbers: Vec<_> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // Collected first: the listing itself has a descriptor, which is closed by now.
    numbers.into_iter().filter(|fd| *fd >= 0)
}

/// Between looking and using, another thread may close a descriptor, and a third get its number. So each use is a
/// single system call on a socket, which fails on anything else, and whatever changes a socket comes right
/// after its addresses were compared. A listener's number is safe for as long as it listens.
fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: not -1 (`descriptors` keeps what is not negative). No memory hangs on the number, and that it
    // may be closed, or somebody else's, is what the callers above are made for.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_right_listener_is_found_among_several() {
        let listeners: Vec<_> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        for listener in &listeners {
            let addr = listener.local_addr().unwrap();
            let found = Listener::find(addr).expect("it is in this process");
            assert_eq!(found.fd, std::os::fd::AsRawFd::as_raw_fd(listener));
            found.mend().unwrap();
            let _client = TcpStream::connect(addr).unwrap();
            assert!(listener.accept().unwrap().0.nodelay().unwrap(), "inherited from the listener");
        }
        let addr = listeners[0].local_addr().unwrap();
        let found = Listener::find(addr).unwrap();
        drop(listeners);
        assert!(!found.is_listening());
        assert!(Listener::find(addr).is_none());
    }

    #[test]
    fn a_closed_listener_ends_the_accept_that_waits_for_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = std::thread::spawn(move || listener.accept().map(|_| ()));
        let found = Listener::find(addr).unwrap();
        found.close().unwrap();
        assert!(accepting.join().unwrap().is_err());
        assert!(found.close().is_err());
    }

    #[test]
    fn hanging_up_ends_that_connection_and_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
        let _accepted: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
        assert!(hang_up(addr, clients[1].local_addr().unwrap()));
        assert_eq!(clients[1].read(&mut [0]).unwrap(), 0);
        clients[0].set_nonblocking(true).unwrap();
        assert_eq!(clients[0].read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(!hang_up(addr, addr));
    }
}
