//! What each thread of a server is doing: running, parked in a wait, parked in a lock, blocked on a socket.
//!
//! Linux tells it in `/proc/PID/task/TID/syscall`: the number of the system call that a thread is in, or `running`. A
//! look at one thread takes a few microseconds, so a look at all of four thousand takes a good part of a core if it is
//! done four times a second. Two things keep it at [`SHARE`] of a core: a look takes in at most [`AT_ONCE`] threads, others
//! in turn, and after a look that took so much CPU time the next one comes no sooner than that is worth. What is
//! shown says how many were looked at, and how much it cost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use loadgen::clock::thread_cpu_ns;
use serde::Serialize;

/// Of a core, for one of two lanes: together 2 %.
const SHARE: f64 = 0.01;
/// Threads that one look takes in.
const AT_ONCE: usize = 1_000;
/// From one look to the next, at least.
const PAUSE: Duration = Duration::from_millis(500);
/// Over so many looks their cost is averaged, so over five seconds at least.
const LOOKS: usize = 10;

/// What was seen last.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Seen {
    /// How many of those looked at do what: `r`unning, `w`ait, `l`ock, `s`ocket, `o`ther.
    pub(super) doing: BTreeMap<char, usize>,
    /// All threads.
    pub(super) total: usize,
    /// How many were looked at.
    pub(super) looked: usize,
    /// CPU time that the last looks took, as a share of a core.
    pub(super) cost: f64,
    /// Why there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) without: Option<&'static str>,
}

/// Looks at a process from a thread of its own, until it is dropped.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(pid: u32) -> std::io::Result<Self> {
        let (seen, over) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let (theirs, ended) = (Arc::clone(&seen), Arc::clone(&over));
        let thread = std::thread::Builder::new().name("thread-view".into()).spawn(move || {
            let mut eye = Eye::new(pid);
            let mut moments = VecDeque::from([(Instant::now(), thread_cpu_ns())]);
            while !ended.load(Ordering::Relaxed) {
                let before_ns = thread_cpu_ns();
                let mut looked = eye.look();
                let after_ns = thread_cpu_ns();
                let cost_ns = after_ns - before_ns;
                looked.cost = cost(&mut moments, (Instant::now(), after_ns));
                *theirs.lock().unwrap_or_else(PoisonError::into_inner) = looked;
                std::thread::park_timeout(PAUSE.max(Duration::from_nanos((cost_ns as f64 / SHARE) as u64)));
            }
        })?;
        Ok(Self { seen, over, thread: Some(thread) })
    }

    /// What was seen last.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            _ = thread.join();
        }
    }
}

/// The share of a core since the first of these moments, each with the CPU time that had been taken by then. The new
/// one joins them, and one that is too old goes.
fn cost(moments: &mut VecDeque<(Instant, u64)>, now: (Instant, u64)) -> f64 {
    let (then, before_ns) = moments.front().copied().unwrap_or(now);
    moments.push_back(now);
    if moments.len() > LOOKS {
        moments.pop_front();
    }
    let passed_ns = now.0.duration_since(then).as_nanos().max(1);
    now.1.saturating_sub(before_ns) as f64 / passed_ns as f64
}

/// Looks at some of the threads, each time at others.
struct Eye {
    pid: u32,
    looks: usize,
}

impl Eye {
    fn new(pid: u32) -> Self {
        Self { pid, looks: 0 }
    }

    fn look(&mut self) -> Seen {
        let Some(threads) = system::threads(self.pid) else {
            let without = if cfg!(target_os = "linux") {
                "the process is gone"
            } else {
                "this system does not say what threads do"
            };
            return Seen { without: Some(without), ..Seen::default() };
        };
        let mut doing = BTreeMap::new();
        let mut looked = 0;
        // Evenly spread over all ages, and the youngest first: they live shortest, and a look takes its time. Who has
        // ended since the list was made is not counted.
        for id in turn(&threads, self.looks) {
            if let Some(letter) = system::doing(self.pid, id) {
                looked += 1;
                *doing.entry(char::from(letter)).or_default() += 1;
            }
        }
        self.looks += 1;
        Seen { doing, total: threads.len(), looked, cost: 0.0, without: None }
    }
}

/// Every nth, so that there are [`AT_ONCE`] at most; the next time those beside them. Always an odd step: a server that
/// makes threads in pairs has one kind at even places and the other at odd ones, and a look is to see both.
fn turn(threads: &[u32], looks: usize) -> impl Iterator<Item = u32> {
    let step = threads.len().div_ceil(AT_ONCE) | 1;
    threads.iter().rev().skip(looks % step).step_by(step).copied()
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::{read_dir, read_to_string};

    /// Ids of all threads, ascending; `None` for a process that is gone.
    pub(super) fn threads(pid: u32) -> Option<Vec<u32>> {
        let entries = read_dir(format!("/proc/{pid}/task")).ok()?;
        let mut ids: Vec<u32> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        ids.sort_unstable();
        Some(ids)
    }

    /// `None` for a thread that is gone.
    pub(super) fn doing(pid: u32, id: u32) -> Option<u8> {
        if let Ok(text) = read_to_string(format!("/proc/{pid}/task/{id}/syscall")) {
            return Some(super::letter(&text));
        }
        // Not everybody may read that; whether a thread runs, everybody may.
        let stat = read_to_string(format!("/proc/{pid}/task/{id}/stat")).ok()?;
        let state = stat.rsplit_once(')')?.1.trim_start().bytes().next()?;
        Some(if state == b'R' { b'r' } else { b'o' })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn threads(_pid: u32) -> Option<Vec<u32>> {
        None
    }

    pub(super) fn doing(_pid: u32, _id: u32) -> Option<u8> {
        None
    }
}

/// From the system call that a thread is in.
#[cfg(target_os = "linux")]
fn letter(text: &str) -> u8 {
    let Some(number) = text.split_whitespace().next() else { return b'o' };
    let Ok(number) = number.parse::<libc::c_long>() else { return b'r' };
    match number {
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => b'w',
        libc::SYS_futex => b'l',
        libc::SYS_read
        | libc::SYS_readv
        | libc::SYS_write
        | libc::SYS_writev
        | libc::SYS_recvfrom
        | libc::SYS_recvmsg
        | libc::SYS_sendto
        | libc::SYS_sendmsg
        | libc::SYS_accept
        | libc::SYS_accept4
        | libc::SYS_connect
        | libc::SYS_ppoll
        | libc::SYS_epoll_pwait => b's',
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll | libc::SYS_epoll_wait => b's',
        _ => b'o',
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn letters_are_what_threads_do() {
        assert_eq!(letter("running\n"), b'r');
        assert_eq!(letter(&format!("{} 0x0 0x1\n", libc::SYS_futex)), b'l');
        assert_eq!(letter(&format!("{} 0x0\n", libc::SYS_clock_nanosleep)), b'w');
        assert_eq!(letter(&format!("{} 0x9\n", libc::SYS_recvfrom)), b's');
        assert_eq!(letter("-1 0x7ffe 0x7f00\n"), b'o', "stopped outside of a call");
    }

    /// Threads of this test that do one thing each are seen doing it.
    #[test]
    fn threads_that_sleep_lock_and_read_are_told_apart() {
        let (hold, held) = mpsc::channel::<()>();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ids, of) = mpsc::channel();
        let id = || u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        let say = |letter: u8| {
            let ids = ids.clone();
            move || ids.send((letter, id())).unwrap()
        };
        let (sleeps, locks, reads) = (say(b'w'), say(b'l'), say(b's'));
        thread::spawn(move || {
            sleeps();
            thread::sleep(Duration::from_secs(600));
        });
        thread::spawn(move || {
            locks();
            _ = held.recv();
        });
        let reader = thread::spawn(move || {
            reads();
            _ = stream.read(&mut [0; 1]);
        });
        let pid = std::process::id();
        for (letter, id) in of.into_iter().take(3) {
            let until = Instant::now() + Duration::from_secs(60);
            while system::doing(pid, id) != Some(letter) {
                assert!(Instant::now() < until, "{} is never seen", char::from(letter));
                thread::sleep(Duration::from_millis(5));
            }
        }
        drop((hold, listener));
        _ = reader.join();
    }

    #[test]
    fn of_more_threads_than_a_look_takes_in_others_come_in_turn() {
        let threads: Vec<u32> = (0..2_500).collect();
        let mut seen: Vec<u32> = (0..3).flat_map(|looks| turn(&threads, looks)).collect();
        assert!((0..3).all(|looks| turn(&threads, looks).count() <= AT_ONCE));
        assert_eq!(turn(&threads, 0).next(), Some(2_499), "the youngest first");
        seen.sort_unstable();
        assert_eq!(seen, threads, "after three looks each was looked at once");
        assert_eq!(turn(&[], 5).count(), 0);
    }

    #[test]
    fn of_threads_that_come_in_pairs_a_look_sees_both_kinds() {
        for number in [1_500, 2_000, 4_000] {
            let threads: Vec<u32> = (0..number).collect();
            let all = turn(&threads, 0).count();
            let even = turn(&threads, 0).filter(|id| id.is_multiple_of(2)).count();
            assert!(all <= AT_ONCE && even.abs_diff(all - even) <= 1, "{even} of {all}");
        }
    }

    #[test]
    fn what_looking_costs_is_of_the_last_looks() {
        let begun = Instant::now();
        let mut moments = VecDeque::from([(begun, 0)]);
        let mut at = |second: u64, spent_ms: u64| {
            cost(&mut moments, (begun + Duration::from_secs(second), spent_ms * 1_000_000))
        };
        let costly: Vec<f64> = (1..=20).map(|second| at(second, 10 * second)).collect();
        assert!(costly.iter().all(|cost| (cost - 0.01).abs() < 1e-9), "{costly:?}");
        let idle: Vec<f64> = (21..=30).map(|second| at(second, 200)).collect();
        assert!(idle[9] < 1e-9, "what was long ago costs nothing now: {idle:?}");
    }

    /// Without the longer pauses, looks at so many threads twice a second would take several times as much.
    #[test]
    fn looking_at_a_thousand_threads_costs_no_more_than_it_may() {
        let over = Arc::<AtomicBool>::default();
        let parked: Vec<JoinHandle<()>> = (0..1_000)
            .map(|_| {
                let over = Arc::clone(&over);
                let park = move || {
                    while !over.load(Ordering::Relaxed) {
                        thread::park();
                    }
                };
                thread::Builder::new().stack_size(64 * 1024).spawn(park).unwrap()
            })
            .collect();
        let watch = Watch::start(std::process::id()).unwrap();
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let seen = watch.seen();
            if seen.total >= 1_000 && seen.looked >= 300 && seen.cost <= 1.5 * SHARE {
                assert!(seen.doing[&'l'] >= seen.looked / 2, "parked threads are in a futex: {seen:?}");
                break;
            }
            assert!(Instant::now() < until, "{seen:?}");
            thread::sleep(Duration::from_millis(50));
        }
        over.store(true, Ordering::Relaxed);
        for one in parked {
            one.thread().unpark();
            one.join().unwrap();
        }
    }

    #[test]
    fn what_is_seen_adds_up() {
        let seen = Eye::new(std::process::id()).look();
        assert!(seen.total > 0 && seen.looked > 0 && seen.without.is_none(), "{seen:?}");
        assert_eq!(seen.doing.values().sum::<usize>(), seen.looked, "{seen:?}");
        assert_eq!(Eye::new(u32::MAX).look().without, Some("the process is gone"));
    }
}
