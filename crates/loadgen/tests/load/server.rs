//! A server that does as it is told, faults included, and writes down what it saw.
//!
//! Threads and blocking sockets: as little as possible in common with what it tests.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use loadgen::clock::monotonic_ns;

/// Answers requests on a port of its own until it is dropped; connections last as long as their clients.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

type Answer = Box<dyn Fn(&Request) -> Vec<Act> + Send + Sync>;

struct Shared {
    answer: Answer,
    requests: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    stop: AtomicBool,
}

/// What an answer may depend on.
pub(crate) struct Request {
    /// Counts all requests, from 0.
    pub(crate) nth: usize,
    /// Head, as it came.
    pub(crate) head: String,
}

/// What to do about a request, in order.
#[derive(Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// Waits until so long after the request came.
    Until(Duration),
    /// Ends the connection. With request bytes unread the client gets a reset.
    Close,
    /// Does nothing until the client leaves.
    Hang,
}

/// A request that was answered, on `CLOCK_MONOTONIC`.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) peer: IpAddr,
    pub(crate) came_ns: u64,
    pub(crate) answered_ns: u64,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            seen: Mutex::default(),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &for_thread));
        Self { address, shared }
    }

    /// One that gives the same reply to everything, after a wait.
    pub(crate) fn constant(wait: Duration, reply: &'static str) -> Self {
        Self::start(move |_| vec![Act::Wait(wait), Act::Send(reply.into())])
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Requests that came, answered or not.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::SeqCst)
    }

    /// Refuses new connections from here on.
    pub(crate) fn stop_listening(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The listener is gone when nobody can connect any more.
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            // Out of descriptors, say: the next one may work, in a moment.
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_open.fetch_max(open, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An error means that the client has left.
            let _ = serve(stream, &shared);
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?.ip();
    let mut head = String::new();
    loop {
        let mut buffer = [0; 4_096];
        while !head.contains("\r\n\r\n") {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                // A body that nobody reads: forgotten, so that looking for a head in it stays cheap.
                _ if head.len() > 64 * 1024 => head.clear(),
                length => head.push_str(&String::from_utf8_lossy(&buffer[..length])),
            }
        }
        let came_ns = monotonic_ns();
        let nth = shared.requests.fetch_add(1, Ordering::SeqCst);
        let request = Request { nth, head: std::mem::take(&mut head) };
        let last = request.head.contains("connection: close");
        for act in (shared.answer)(&request) {
            match act {
                Act::Wait(time) => thread::sleep(time),
                Act::Until(time) => {
                    let passed = Duration::from_nanos(monotonic_ns() - came_ns);
                    thread::sleep(time.saturating_sub(passed));
                }
                Act::Close => return Ok(()),
                Act::Hang => while stream.read(&mut buffer)? > 0 {},
                Act::Send(bytes) => {
                    let answered_ns = monotonic_ns();
                    stream.write_all(&bytes)?;
                    shared.seen.lock().unwrap().push(Seen { peer, came_ns, answered_ns });
                }
            }
        }
        if last {
            return Ok(());
        }
    }
}
