//! Where the threads of the bare models come from, and what happens when there is none to be had.

use std::io;
use std::sync::Arc;
use std::thread::{self, Builder};
use std::time::Duration;

use handlers::{Problem, Reply};
use wire::{RequestHead, ServerConnection};

use super::socket::Socket;
use super::{LIMITS, Server, reply_with};
use crate::View;
use crate::config::{Config, Model};

/// Which threads a model makes.
pub(super) struct Threads {
    model: Model,
    stack_bytes: usize,
}

impl Threads {
    pub(super) fn new(config: &Config) -> Self {
        Self { model: config.model, stack_bytes: config.stack_bytes() }
    }

    /// Runs a connection on a thread of its own. If there is none to be had, its client hears so, and the others
    /// go on.
    pub(super) fn spawn(&self, socket: Socket, converse: impl FnOnce(Socket) + Send + 'static) {
        if self.model == Model::OneAtATime {
            return converse(socket);
        }
        let kept = socket.clone();
        if let Err(error) = self.builder().spawn(move || converse(socket)) {
            log::warn!("no thread for a connection: {error}");
            // If not even this can be sent, nobody can be told anything.
            let _ = turn_away(kept);
        }
    }

    fn builder(&self) -> Builder {
        Builder::new().stack_size(self.stack_bytes)
    }
}

/// Answers a request: here, or on a thread that is made for it while this one waits.
pub(super) fn answer<V: View>(
    server: &Arc<Server<V>>,
    head: &RequestHead,
    http: &mut ServerConnection,
    socket: &mut Socket,
) -> io::Result<()> {
    if server.threads.model != Model::BareThreadPerRequest {
        return server.answer(head, http, socket);
    }
    let answered = thread::scope(|scope| {
        let thread = server.threads.builder().spawn_scoped(scope, || server.answer(head, http, socket));
        thread.map(|thread| thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
    });
    answered.unwrap_or_else(|error| {
        log::warn!("no thread for a request: {error}");
        http.close();
        reply_with(http, &Reply::from(OVERLOADED));
        Ok(())
    })
}

/// Says 503, on the thread that accepts, which therefore takes hardly any time for it.
fn turn_away(mut socket: Socket) -> io::Result<()> {
    let mut http = ServerConnection::new(LIMITS);
    reply_with(&mut http, &Reply::from(OVERLOADED));
    socket.send(&mut http, AT_THE_DOOR)?;
    socket.linger(&mut http, AT_THE_DOOR)
}

/// How long a client that is turned away may take to read why.
const AT_THE_DOOR: Duration = Duration::from_millis(50);

const OVERLOADED: Problem = Problem::Overloaded { retry_after_s: 1 };
