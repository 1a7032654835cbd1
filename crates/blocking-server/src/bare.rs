//! The bare rungs: the same views on plain sockets, with no framework between. What they cost is the model's
//! own cost. Compare with the other server's: `diff -u crates/{blocking,async}-server/src/bare.rs`.
//!
//! HTTP is the crate `wire`'s, which knows neither threads nor tasks. What a socket is, and how waiting for it
//! ends, is in `bare/socket.rs`; who is connected, and how a server stops, in `bare/connections.rs`.

mod body;
mod client;
mod connections;
mod socket;
mod threads;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use handlers::hooks::{Exchange, Head, Hooks};
use handlers::timing::SENT_AT;
use handlers::{Body, Problem, Reply};
use wire::{Phase, RequestHead, ServerConnection as Http};

use crate::View;
use crate::config::{Config, Limits};
use crate::request::{Incoming, Request, traced};
use connections::Connections;
use socket::{Listener, Socket};
use threads::Threads;

pub(crate) use client::Client;
pub(crate) use connections::start;

/// What all connections of a server share.
struct Server<V> {
    view: V,
    client: crate::client::Client,
    hooks: Arc<Hooks>,
    limits: Limits,
    connections: Arc<Connections>,
    threads: Threads,
}

impl<V: View> Server<V> {
    fn new(config: &Config, view: V, hooks: Arc<Hooks>, connections: Arc<Connections>) -> Arc<Self> {
        let client = crate::client::Client::new(config);
        let (limits, threads) = (config.limits, Threads::new(config));
        Arc::new(Self { view, client, hooks, limits, connections, threads })
    }

    /// Takes connections until the server is told to stop.
    fn accept(self: &Arc<Self>, mut listener: Listener) {
        while let Some(accepted) = listener.accept() {
            match accepted {
                Ok(socket) => self.welcome(socket),
                // No descriptor is left, most likely. Clients wait in the listen queue until one is.
                Err(_) => sleep(BEFORE_ACCEPTING_AGAIN),
            }
        }
    }

    /// Gives a connection its thread.
    fn welcome(self: &Arc<Self>, socket: Socket) {
        let server = Arc::clone(self);
        self.threads.spawn(socket, move |socket| server.converse(socket));
    }

    /// A connection, from its first byte to its last.
    fn converse(self: &Arc<Self>, mut socket: Socket) {
        let (mut http, mut head) = (Http::new(LIMITS), RequestHead::default());
        // A client that leaves is no error of ours.
        let _ = self.serve(&mut http, &mut head, &mut socket);
        if http.lingers() {
            let _ = socket.linger(&mut http, self.limits.linger_time);
        }
    }

    fn serve(
        self: &Arc<Self>,
        http: &mut Http,
        head: &mut RequestHead,
        socket: &mut Socket,
    ) -> io::Result<()> {
        let mut head_by = Some(Instant::now() + self.limits.head_time);
        while http.is_open() {
            match http.take_head(head) {
                Ok(true) => {
                    threads::answer(self, head, http, socket)?;
                    head_by = None;
                }
                Ok(false) => self.receive_head(http, socket, &mut head_by)?,
                Err(error) => http.refuse(&error),
            }
            socket.send(http, self.limits.write_time)?;
        }
        Ok(())
    }

    /// Waits for more of a head. The first may take `head_time` from connecting on, any other from its first byte.
    fn receive_head(
        &self,
        http: &mut Http,
        socket: &mut Socket,
        head_by: &mut Option<Instant>,
    ) -> io::Result<()> {
        let limit = match (http.phase(), &head_by) {
            (Phase::Idle, None) => self.limits.idle_time,
            _ => {
                let now = Instant::now();
                head_by.get_or_insert_with(|| now + self.limits.head_time).saturating_duration_since(now)
            }
        };
        match socket.receive(http, limit) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut && http.phase() == Phase::Head => {
                http.refuse(&wire::Error::TimedOut);
                Ok(())
            }
            received => received,
        }
    }

    /// Answers a request.
    fn answer(&self, head: &RequestHead, http: &mut Http, socket: &mut Socket) -> io::Result<()> {
        let _active = self.connections.active();
        let (method, target) = (head.method(), head.target());
        let (request_id, sent_at) = (head.header("x-request-id"), head.header(SENT_AT));
        let head_of = Head { method, target, request_id, sent_at };
        let mut exchange = Exchange::begin(&*self.hooks, &head_of);
        let mut body = body::reader(http, socket, self.limits);
        let announced_bytes = head.header("content-length").and_then(|length| length.parse().ok());
        let mut request = Request {
            method,
            target,
            content_type: head.header("content-type"),
            body: Incoming { announced_bytes, reader: &mut body },
        };
        let client = self.client.anew();
        let entered = exchange.context.timing.enter();
        let trace = &mut exchange.context.trace;
        // A view that panics has only its own request on its hands. What it said was printed by then.
        let answer = traced(trace, || catch_unwind(AssertUnwindSafe(|| (self.view)(&mut request, &client))));
        let answer = answer.unwrap_or_else(|_| {
            let id = &exchange.context.request_id;
            log::error!("the view of {method} {target} panicked (request id {id})");
            Err(Problem::Internal)
        });
        exchange.context.timing.view = entered.elapsed();
        let mut reply = answer.unwrap_or_else(Reply::from);
        client.waited().note(&mut reply);
        exchange.after(&mut reply);
        drop(body);

        if !self.connections.may_bring_more() {
            http.close();
        }
        reply_with(http, &reply);
        match reply.body {
            Body::Whole(bytes) => exchange.sent_bytes = bytes.len() as u64,
            Body::Paced(mut paced) => {
                while http.is_streaming() {
                    match paced.chunks.next() {
                        Some(chunk) => {
                            // Not even a short sleep where none is due: a timer's shortest is a millisecond.
                            let pause = paced.pause(Instant::now());
                            if !pause.is_zero() {
                                sleep(pause);
                            }
                            http.chunk(&chunk);
                            exchange.sent_bytes += chunk.len() as u64;
                        }
                        None => http.finish(),
                    }
                    socket.send(http, self.limits.write_time)?;
                }
            }
        }
        socket.send(http, self.limits.write_time)?;
        exchange.complete = true;
        Ok(())
    }
}

/// Queues a reply, or as much of it as there is.
fn reply_with(http: &mut Http, reply: &Reply) {
    match &reply.body {
        Body::Whole(bytes) => http.reply(reply.status, &reply.headers, bytes),
        Body::Paced(_) => http.reply_chunked(reply.status, &reply.headers),
    }
}

/// How long a body may be is the view's to say: a chunk that announces more than that would otherwise be a
/// broken body to it, and its answer 400 rather than 413.
const LIMITS: wire::Limits = wire::Limits { head_bytes: 16 * 1024, body_bytes: u64::MAX };

/// While there are no descriptors for new connections, how often to look.
const BEFORE_ACCEPTING_AGAIN: Duration = Duration::from_millis(20);
