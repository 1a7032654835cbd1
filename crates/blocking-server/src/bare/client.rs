//! The upstream client of the bare rungs: `wire` over sockets of their own, kept for the next call.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use handlers::services::{Call, Fetched, MAX_RESPONSE_BYTES, Response, UpstreamError};
use wire::{ClientConnection, ResponseHead};

use super::socket::Socket;
use crate::config::{Config, IDLE_UPSTREAM_CONNECTIONS, IDLE_UPSTREAM_TIME};

/// Calls the slow services.
pub(crate) struct Client {
    addrs: Vec<SocketAddr>,
    host: String,
    time_limit: Duration,
    /// The one that was used last is at the end, and is used next.
    idle: Mutex<Vec<Kept>>,
}

/// A connection to the upstream.
struct Kept {
    socket: Socket,
    http: ClientConnection,
    since: Instant,
}

impl Client {
    pub(crate) fn new(config: &Config) -> Self {
        let base = config.upstream.base();
        Self {
            addrs: config.upstream.addrs().to_vec(),
            host: base.strip_prefix("http://").unwrap_or(base).to_owned(),
            time_limit: config.upstream_timeout,
            idle: Mutex::default(),
        }
    }

    /// Asks the upstream. The time limit holds for all of it: connecting, a second try, the last byte.
    pub(crate) fn fetch(&self, call: &Call) -> Fetched {
        let until = Instant::now() + self.time_limit;
        // An upstream may close an idle connection in the very moment in which it is taken. A `GET` is safe
        // to repeat, so that is worth a second try (RFC 9110, section 9.2.2).
        if let Some(kept) = self.take() {
            match self.exchange(kept, call, until) {
                Err(Failure::Lost) => {}
                fetched => return fetched.map_err(Into::into),
            }
        }
        let fresh = self.connect(until).map_err(Failure::from)?;
        Ok(self.exchange(fresh, call, until)?)
    }

    fn exchange(&self, mut kept: Kept, call: &Call, until: Instant) -> Result<Response, Failure> {
        let Kept { socket, http, .. } = &mut kept;
        let (mut head, mut body) = (ResponseHead::default(), Vec::new());
        http.get(&call.0, &self.host)?;
        socket.send(http, left(until))?;
        while !http.take_head(&mut head)? {
            socket.receive(http, left(until))?;
        }
        while !http.take_body(&mut body)? {
            socket.receive(http, left(until))?;
        }
        if http.is_reusable() {
            self.keep(kept);
        }
        Ok(Response { status: head.status(), body })
    }

    /// The first address that takes a connection.
    fn connect(&self, until: Instant) -> io::Result<Kept> {
        let mut last = ErrorKind::NotFound.into();
        for addr in &self.addrs {
            match Socket::connect(*addr, left(until)) {
                Ok(socket) => {
                    let http = ClientConnection::new(LIMITS);
                    return Ok(Kept { socket, http, since: Instant::now() });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn take(&self) -> Option<Kept> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.pop()?;
        if kept.since.elapsed() < IDLE_UPSTREAM_TIME {
            return Some(kept);
        }
        // The rest has been idle for even longer.
        idle.clear();
        None
    }

    fn keep(&self, kept: Kept) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_UPSTREAM_CONNECTIONS {
            idle.push(Kept { since: Instant::now(), ..kept });
        }
    }
}

const LIMITS: wire::Limits = wire::Limits { head_bytes: 16 * 1024, body_bytes: MAX_RESPONSE_BYTES as u64 };

/// Why a connection brought no answer.
enum Failure {
    /// It ended before an answer began.
    Lost,
    Final(UpstreamError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut => Self::Final(UpstreamError::TimedOut),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => Self::Lost,
            _ => Self::Final(UpstreamError::Failed(error.to_string())),
        }
    }
}

impl From<wire::Error> for Failure {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Closed => Self::Lost,
            error => Self::Final(UpstreamError::Failed(error.to_string())),
        }
    }
}

impl From<Failure> for UpstreamError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost => Self::Failed("the connection ended before an answer began".into()),
            Failure::Final(error) => error,
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}
