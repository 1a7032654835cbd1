//! Connections that `tiny_http` accepts and then forgets, and how they are found again.
//!
//! Its accept thread hands a connection to an idle thread, if it counts one, and makes a new thread otherwise.
//! But a thread counts as idle until it has *woken up*. When several connections come at once, all of them are
//! handed to the same few sleepers: each of these takes one, and the others lie in a queue that nobody looks
//! into before some connection ends. Of sixteen clients who connect at once and stay, as a load generator's do,
//! up to twelve were never answered.
//!
//! Whoever ends a connection looks into that queue. So a connection that is opened and closed again rescues one
//! that lies there. It costs some 0.1 ms of CPU, so it is only done when there is reason to: while connections
//! show up that were not seen before, and otherwise once a second.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Watches for new connections, and looks after those that came with them.
pub struct Rescue {
    /// A bit for each port of a client. Two clients that share one are a rescue less, no more than that.
    seen: Vec<AtomicU64>,
    newcomers: AtomicUsize,
}

/// Between two looks. A forgotten connection waits for about so long.
const TICK: Duration = Duration::from_millis(20);

/// Rescues in a tick. More would be a load of their own when clients come and go all the time.
const AT_ONCE: usize = 4;

/// The longest time without any, for the case that nobody new has said anything.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// How long a port is remembered; then somebody else may have it.
const FORGET_AFTER: Duration = Duration::from_secs(10);

impl Default for Rescue {
    fn default() -> Self {
        let seen = (0..PORTS / BITS).map(|_| AtomicU64::new(0)).collect();
        Self { seen, newcomers: AtomicUsize::new(0) }
    }
}

const PORTS: usize = 1 << 16;
const BITS: usize = u64::BITS as usize;

impl Rescue {
    /// To be told of every request on a connection that stays open. Costs a load.
    pub fn saw(&self, peer: SocketAddr) {
        let network = match peer.ip() {
            IpAddr::V4(ip) => u16::from_be_bytes([ip.octets()[2], ip.octets()[3]]),
            IpAddr::V6(ip) => ip.segments()[7],
        };
        let place = usize::from(peer.port() ^ network);
        let (word, bit) = (&self.seen[place / BITS], 1_u64 << (place % BITS));
        if word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.newcomers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Looks after the server on an address until that is over. Needs a thread.
    pub fn watch(&self, addr: SocketAddr, is_over: impl Fn() -> bool) {
        let (mut last_rescue, mut last_forgotten) = (Instant::now(), Instant::now());
        while !is_over() {
            sleep(TICK);
            let rescues = match self.newcomers.swap(0, Ordering::Relaxed) {
                // Each that is found says so with its first request, and is a reason to go on.
                1.. => AT_ONCE,
                0 => usize::from(last_rescue.elapsed() >= AT_LEAST_EVERY),
            };
            for _ in 0..rescues {
                last_rescue = Instant::now();
                // Opened and closed. Where that fails, there are worse things to look after.
                drop(TcpStream::connect_timeout(&addr, TICK));
            }
            if last_forgotten.elapsed() >= FORGET_AFTER {
                last_forgotten = Instant::now();
                self.seen.iter().for_each(|word| word.store(0, Ordering::Relaxed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_new_once() {
        let rescue = Rescue::default();
        for (ip, port) in [([127, 0, 0, 1], 4_000), ([127, 0, 0, 1], 4_001), ([127, 0, 0, 2], 4_000)] {
            for _ in 0..3 {
                rescue.saw((ip, port).into());
            }
        }
        assert_eq!(rescue.newcomers.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn newcomers_are_a_reason_to_look() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let rescue = Rescue::default();
        rescue.saw(([127, 0, 0, 1], 4_000).into());
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| rescue.watch(addr, || over.load(Ordering::Relaxed)));
            for _ in 0..AT_ONCE {
                listener.accept().unwrap();
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
