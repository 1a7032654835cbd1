//! A request's body as a view reads it: from the socket, when it asks, and not before.

use std::io::{self, Read};
use std::time::Instant;

use wire::ServerConnection;

use super::socket::Socket;
use crate::config::Limits;

/// The body of the request that was read last.
pub(super) fn reader<'a>(
    http: &'a mut ServerConnection,
    socket: &'a mut Socket,
    limits: Limits,
) -> BodyReader<'a> {
    BodyReader { http, socket, limits, until: None, came: Vec::new(), taken: 0 }
}

pub(super) struct BodyReader<'a> {
    http: &'a mut ServerConnection,
    socket: &'a mut Socket,
    limits: Limits,
    /// Set by the first read.
    until: Option<Instant>,
    came: Vec<u8>,
    taken: usize,
}

impl Read for BodyReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + self.limits.body_time);
        while self.taken == self.came.len() {
            self.came.clear();
            self.taken = 0;
            let is_all = self.http.take_body(&mut self.came).map_err(io::Error::other)?;
            if !self.came.is_empty() {
                break;
            }
            if is_all {
                return Ok(0);
            }
            // The client may be waiting to be told to go on.
            self.socket.send(self.http, self.limits.write_time)?;
            self.socket.receive(self.http, until.saturating_duration_since(Instant::now()))?;
        }
        let count = (&self.came[self.taken..]).read(into)?;
        self.taken += count;
        Ok(count)
    }
}
