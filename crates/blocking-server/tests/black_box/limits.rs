//! Limits of the system end rouille; the supervisor says which it was, and has a server back.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use testing::eventually;
use testing::http::{Connection, assert_alive, is_alive};
use testing::program::Program;

const CLIENTS: usize = 400;

/// One at a time: each of these tests has its clients' descriptors in this process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    one
}

/// The program under a limit that a shell sets, and what it says on standard error.
struct Limited {
    program: Program,
    log: Arc<Mutex<String>>,
}

impl Limited {
    fn start(limit: &str, flags: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_blocking-server");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limit}; exec '{program}' --port 0 {flags}")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = Program::spawn(command);
        let log = Arc::new(Mutex::new(String::new()));
        let (err, lines) = (program.stderr(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                lines.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { program, log }
    }

    fn has_said(&self, what: &str) -> bool {
        self.log.lock().unwrap().contains(what)
    }

    fn server(&self) -> Option<i32> {
        self.program.children().first().copied()
    }

    /// Clients that ask for something and stay, as far as they are let in.
    fn crowd(&self) -> Vec<Connection> {
        (0..CLIENTS)
            .filter_map(|_| {
                let mut connection = Connection::try_open(self.program.addr).ok()?;
                connection.get("/hello");
                Some(connection)
            })
            .collect()
    }

    /// How long it takes from now on until the server answers.
    fn back_after(&self) -> Duration {
        let left = Instant::now();
        eventually("the server answers again", || is_alive(self.program.addr));
        left.elapsed()
    }

    /// Exit code 0, one ready line in all, and nobody left.
    fn stops_well(mut self) {
        let server = self.server().expect("a server at work");
        kill_process(Pid::from_child(&self.program.child), Signal::TERM).unwrap();
        eventually("the supervisor ends", || self.program.child.try_wait().unwrap().is_some());
        assert_eq!(self.program.child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        self.program.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "more than one ready line");
        assert!(rustix::process::test_kill_process(Pid::from_raw(server).unwrap()).is_err());
    }
}

/// What gives way differs: with some, `accept` fails and rouille's loop ends, with others the accept thread
/// panics and the process lives on, deaf.
#[test]
fn at_the_file_limit_it_is_named_and_the_server_is_back_once_the_clients_have_left() {
    let _alone = alone();
    for limit in [127, 128, 129, 257] {
        let limited = Limited::start(&format!("ulimit -n {limit}"), "");
        assert_alive(limited.program.addr);
        let crowd = limited.crowd();
        let sentence = format!("ran out of file descriptors: its limit is {limit},");
        eventually("the limit is named", || limited.has_said(&sentence));
        drop(crowd);
        let took = limited.back_after();
        println!("file limit {limit}: back {} ms after the clients had left", took.as_millis());
        eventually("that is said as well", || limited.has_said("the server is back"));
        limited.stops_well();
    }
}

/// The limit is hit again and again, and still the last word is an answer.
#[test]
fn clients_that_keep_coming_do_not_wear_the_supervisor_out() {
    let _alone = alone();
    let limited = Limited::start("ulimit -n 127", "--model pool --threads 4");
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        drop(limited.crowd());
    }
    let took = limited.back_after();
    let deaths = limited.log.lock().unwrap().matches("ran out of file descriptors").count();
    println!("{deaths} deaths in 3 s; back after {} ms", took.as_millis());
    assert!(deaths >= 1);
    limited.stops_well();
}

/// A supervisor with hardly a descriptor to spare has as many as it needs.
#[test]
fn the_supervisor_itself_lives_on_very_few_descriptors() {
    let _alone = alone();
    let limited = Limited::start("ulimit -n 24", "");
    let crowd = limited.crowd();
    eventually("the limit is named", || limited.has_said("its limit is 24,"));
    drop(crowd);
    limited.back_after();
    limited.stops_well();
}

#[test]
fn threads_that_cannot_be_made_are_named_and_the_server_is_back() {
    let _alone = alone();
    // A thread's stack is 2 MiB of address space: room for some two hundred, which is not enough for the crowd.
    let limited = Limited::start("ulimit -v 500000", "");
    let crowd = limited.crowd();
    eventually("the limit is named", || {
        limited.has_said("ran out of threads") || limited.has_said("ran out of memory")
    });
    drop(crowd);
    println!("address space: back {} ms after the clients had left", limited.back_after().as_millis());
    limited.stops_well();
}

#[test]
fn a_server_that_is_killed_is_back_on_the_same_port() {
    let _alone = alone();
    let limited = Limited::start(":", "");
    for _ in 0..3 {
        let killed = limited.server().expect("a server");
        kill_process(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
        eventually("another server is there", || limited.server().is_some_and(|pid| pid != killed));
        println!("killed: back after {} ms", limited.back_after().as_millis());
    }
    eventually("it says so", || limited.has_said("was killed from outside"));
    limited.stops_well();
}

/// Without a supervisor the collapse is there to be watched, and still gets its sentence.
#[test]
fn alone_a_server_that_cannot_go_on_says_so_and_exits_with_1() {
    let _alone = alone();
    for limit in [127, 128, 129, 257] {
        let mut limited = Limited::start(&format!("ulimit -n {limit}"), "--no-supervisor");
        let crowd = limited.crowd();
        eventually("it has ended", || limited.program.child.try_wait().unwrap().is_some());
        assert_eq!(limited.program.child.wait().unwrap().code(), Some(1), "limit {limit}");
        eventually("it has said why", || {
            limited.has_said("Too many open files")
                && limited.has_said("error: rouille has stopped accepting")
        });
        drop(crowd);
    }
}

/// The request that would have `tiny_http` allocate thirty gigabytes.
#[test]
fn a_body_of_thirty_gigabytes_that_nobody_reads_does_not_end_the_server() {
    let _alone = alone();
    let limited = Limited::start(":", "");
    let server = limited.server();
    for target in ["/echo", "/hello"] {
        let mut connection = Connection::open(limited.program.addr);
        let head = format!("POST {target} HTTP/1.1\r\nhost: t\r\ncontent-length: 30000000000\r\n\r\nx");
        connection.write(head.as_bytes());
        assert!(connection.reply(false).unwrap().status >= 400);
        drop(connection);
        assert_alive(limited.program.addr);
    }
    assert_eq!(limited.server(), server, "it is the same process");
    eventually("what was hit is named", || limited.has_said("too long to be skipped"));
    limited.stops_well();
}
