//! Clients as no server wants them: slow, half gone, gone in the middle, silent, or deaf. They hold what they
//! hold until they are dropped; their threads and sockets are this process's.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};

/// One way to be a bad client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A head that comes a byte at a time and does not end.
    SlowHeads,
    /// A body likewise.
    SlowBodies,
    /// Half of them after a request, half in the middle of a head: the sending half is closed, the other not.
    HalfClosed,
    /// A stream is asked for, begins, and the connection is reset; again and again.
    Resets,
    /// A connection, and not a byte.
    Silent,
    /// Replies that are asked for and never read, more than fits between two programs.
    Unread,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] =
        [Self::SlowHeads, Self::SlowBodies, Self::HalfClosed, Self::Resets, Self::Silent, Self::Unread];

    /// With how many clients, as in a table.
    pub(crate) fn name(self, clients: usize) -> String {
        match self {
            Self::SlowHeads => format!("{clients} slow heads"),
            Self::SlowBodies => format!("{clients} slow bodies"),
            Self::HalfClosed => format!("{clients} half-closed"),
            Self::Resets => format!("{clients} who reset mid-reply"),
            Self::Silent => format!("{clients} silent"),
            Self::Unread => format!("{clients} who never read"),
        }
    }

    /// Lets so many of them loose. Those that get no connection are not there: see [`Held::clients`].
    pub(crate) fn begin(self, addr: SocketAddr, clients: usize) -> Held {
        let over = Arc::new(AtomicBool::new(false));
        let resets = Arc::new(AtomicUsize::new(0));
        let mut held = Held { clients, over, resets, threads: Vec::new(), sockets: Vec::new() };
        match self {
            Self::SlowHeads => {
                let head = b"GET /hello HTTP/1.1\r\nhost: t\r\nx-slow: ";
                held.trickle(open(addr, clients, head));
            }
            Self::SlowBodies => {
                let head = b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n";
                held.trickle(open(addr, clients, head));
            }
            Self::HalfClosed => {
                let mut sockets = open(addr, clients / 2, b"GET /hel");
                sockets.extend(open(addr, clients - clients / 2, b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n"));
                // An error is a connection that the server has closed already.
                sockets.iter().for_each(|client| drop(client.shutdown(Shutdown::Write)));
                held.hold(sockets);
            }
            Self::Resets => (0..clients).for_each(|_| held.reset_again_and_again(addr)),
            Self::Silent => held.hold(open(addr, clients, b"")),
            Self::Unread => held.hold((0..clients).map_while(|_| stuffed(addr).ok()).collect()),
        }
        held
    }
}

/// Bad clients at work, until this is dropped.
pub(crate) struct Held {
    /// How many there are.
    pub(crate) clients: usize,
    over: Arc<AtomicBool>,
    resets: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
    sockets: Vec<TcpStream>,
}

impl Held {
    /// Connections that were reset so far.
    pub(crate) fn resets(&self) -> usize {
        self.resets.load(Ordering::Relaxed)
    }

    fn hold(&mut self, clients: Vec<TcpStream>) {
        self.clients = clients.len();
        self.sockets = clients;
    }

    /// Sends a byte to each now and then.
    fn trickle(&mut self, mut clients: Vec<TcpStream>) {
        self.clients = clients.len();
        self.repeat(Duration::from_millis(500), move || {
            // An error is a connection that the server has had enough of.
            clients.iter_mut().for_each(|client| drop(client.write(b"a")));
        });
    }

    fn reset_again_and_again(&mut self, addr: SocketAddr) {
        let resets = Arc::clone(&self.resets);
        self.repeat(Duration::from_millis(10), move || {
            if let Ok(mut client) = TcpStream::connect_timeout(&addr, PATIENCE)
                && client.set_read_timeout(Some(PATIENCE)).is_ok()
                && client.write_all(b"GET /stream/50/10 HTTP/1.1\r\nhost: t\r\n\r\n").is_ok()
                && client.read(&mut [0; 512]).is_ok_and(|count| count > 0)
            {
                // Closing is a reset where there is no time to linger.
                let reset = sockopt::set_socket_linger(&client, Some(Duration::ZERO));
                resets.fetch_add(usize::from(reset.is_ok()), Ordering::Relaxed);
            }
        });
    }

    fn repeat(&mut self, pause: Duration, mut what: impl FnMut() + Send + 'static) {
        let over = Arc::clone(&self.over);
        self.threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                what();
                thread::park_timeout(pause);
            }
        }));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Longest wait of a bad client for a server.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that each have sent this much; as many as the server lets in.
fn open(addr: SocketAddr, clients: usize, beginning: &[u8]) -> Vec<TcpStream> {
    let one = || {
        let mut client = TcpStream::connect_timeout(&addr, PATIENCE)?;
        client.set_write_timeout(Some(PATIENCE))?;
        client.write_all(beginning)?;
        std::io::Result::Ok(client)
    };
    (0..clients).map_while(|_| one().ok()).collect()
}

/// A connection whose buffers are full both ways: small ones here, and the server's with replies that it cannot
/// get rid of (about 3 MB on Linux).
fn stuffed(addr: SocketAddr) -> std::io::Result<TcpStream> {
    // The window is agreed on with the connection, so the size has to be set before.
    let socket: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_recv_buffer_size(&socket, 4_096)?;
    sockopt::set_socket_send_buffer_size(&socket, 65_536)?;
    connect(&socket, &addr)?;
    let mut client = TcpStream::from(socket);
    client.set_nonblocking(true)?;
    let mut request =
        format!("POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: {ECHO_BYTES}\r\n\r\n").into_bytes();
    request.resize(request.len() + ECHO_BYTES, b'x');
    let (mut at, mut last) = (0, Instant::now());
    while last.elapsed() < FULL_AFTER {
        match client.write(&request[at..]) {
            Ok(count) => (at, last) = ((at + count) % request.len(), Instant::now()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            // The server closes after one reply, or has enough for another reason.
            Err(_) => break,
        }
    }
    Ok(client)
}

const ECHO_BYTES: usize = 256 * 1024;

/// Nothing was taken for so long: the server waits.
const FULL_AFTER: Duration = Duration::from_millis(30);
