//! A bare rung at the limit of open files: both servers' tests have this file.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::Duration;

use super::{BARE_MODELS, PROGRAM};
use testing::eventually;
use testing::http::{Connection, assert_alive};

/// The program under a limit that a shell sets, and what it says on standard error.
pub(crate) struct Limited {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Limited {
    pub(crate) fn start(limit: &str, flags: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}; exec '{PROGRAM}' --port 0 --exit-with-stdin {flags}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (err, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push_str(&(line + "\n"));
            }
        });
        let addr = lifecycle::announced(&line).unwrap_or_else(|| panic!("not the ready line: {line:?}"));
        Self { child, addr, log }
    }

    pub(crate) fn has_said(&self, what: &str) -> bool {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).contains(what)
    }

    /// CPU time so far, user and system.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // Behind the name, which may hold anything: state is the first field, utime the twelfth.
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CLIENTS: usize = 100;

#[test]
fn at_the_file_limit_accepting_pauses_and_nobody_is_lost() {
    for model in BARE_MODELS {
        let mut server = Limited::start("ulimit -n 64", &format!("--model {model}"));
        let addr = server.addr;
        let (answered, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        // Each asks, reads its answer, and stays for as long as it may.
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (answered, leave) = (Arc::clone(&answered), Arc::clone(&leave));
                thread::spawn(move || {
                    let mut client = Connection::open(addr);
                    client.get("/hello");
                    assert_eq!(client.reply(false).unwrap().status, 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                    eventually("it may leave", || leave.load(Ordering::SeqCst));
                })
            })
            .collect();
        eventually("what ran out is said", || server.has_said("Too many open files"));
        eventually("the first are served", || answered.load(Ordering::SeqCst) > 40);

        let (before, served) = (server.cpu(), answered.load(Ordering::SeqCst));
        sleep(Duration::from_secs(1));
        let spent = server.cpu() - before;
        assert!(spent < Duration::from_millis(200), "{model} spins: {spent:?} of CPU in a second of waiting");
        assert!(served < 64 && answered.load(Ordering::SeqCst) < CLIENTS, "{model}: the limit did not hold");

        leave.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().unwrap());
        assert_eq!(answered.load(Ordering::SeqCst), CLIENTS);
        assert_alive(addr);
        assert!(server.child.try_wait().unwrap().is_none());
    }
}
