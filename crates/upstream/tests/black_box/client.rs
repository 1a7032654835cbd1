//! A plain HTTP client for the tests: std sockets, nothing hidden.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use upstream::{Config, Running};

/// Longer than anything here takes on a busy machine, shorter than anybody's patience.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Starts services with the given delay on a free port.
pub(crate) fn services(delay: &str) -> Running {
    services_with(delay, &Config::default())
}

/// The same with other settings.
pub(crate) fn services_with(delay: &str, config: &Config) -> Running {
    upstream::start(Config { port: 0, delay: delay.parse().unwrap(), ..*config }).unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As sent, up to the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn detail(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// A connection that is kept alive.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, body: &str) {
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
        self.send_raw(&(head + body));
    }

    pub(crate) fn send_raw(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).unwrap();
    }

    pub(crate) fn head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        Ok(String::from_utf8(head).unwrap())
    }

    pub(crate) fn answer_to(&mut self, method: &str) -> io::Result<Answer> {
        let head = self.head()?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        if method != "HEAD" {
            let length: usize = answer.header("content-length").unwrap().parse().unwrap();
            answer.body.resize(length, 0);
            self.0.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    pub(crate) fn ask(&mut self, method: &str, target: &str, body: &str) -> io::Result<Answer> {
        self.send(method, target, body);
        self.answer_to(method)
    }
}

/// One request on a connection of its own.
pub(crate) fn try_ask(addr: SocketAddr, method: &str, target: &str, body: &str) -> io::Result<Answer> {
    Connection::open(addr).ask(method, target, body)
}

pub(crate) fn get(addr: SocketAddr, target: &str) -> Answer {
    try_ask(addr, "GET", target, "").unwrap()
}

/// Orders faults, and expects them to be taken.
pub(crate) fn order(addr: SocketAddr, body: &str) -> Value {
    let answer = try_ask(addr, "POST", "/control", body).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(crate) fn state(addr: SocketAddr) -> Value {
    get(addr, "/control").json()
}

/// Waits until the state is as wanted.
pub(crate) fn until(addr: SocketAddr, what: &str, is_so: impl Fn(&Value) -> bool) {
    let begin = Instant::now();
    loop {
        let state = state(addr);
        if is_so(&state) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} never came, only {state}");
        thread::sleep(Duration::from_millis(2));
    }
}
