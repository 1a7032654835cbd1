//! The bare rung: the same views on plain sockets, with no framework between. What it costs is the model's
//! own cost. Compare with the other server's: `diff -u crates/{blocking,async}-server/src/bare.rs`.
//!
//! HTTP is the crate `wire`'s, which knows neither threads nor tasks. What a socket is, and how waiting for it
//! ends, is in `bare/socket.rs`; who is connected, and how a server stops, in `bare/connections.rs`.

mod body;
mod client;
mod connections;
mod socket;

use std::io;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use handlers::hooks::{Exchange, Head, Hooks};
use handlers::timing::SENT_AT;
use handlers::{Body, Problem, Reply};
use tokio::task::spawn_local;
use tokio::time::sleep;
use wire::{Phase, RequestHead, ServerConnection as Http};

use crate::View;
use crate::config::{Config, Limits};
use crate::request::{Incoming, Request, traced};
use connections::Connections;
use socket::{Listener, Socket};

pub(crate) use client::Client;
pub(crate) use connections::run;

/// What all connections of a worker share.
struct Server<V> {
    view: V,
    client: crate::client::Client,
    hooks: Arc<Hooks>,
    limits: Limits,
    connections: Arc<Connections>,
}

impl<V: View> Server<V> {
    fn new(config: &Config, view: V, hooks: Arc<Hooks>, connections: Arc<Connections>) -> Rc<Self> {
        let client = crate::client::Client::new(config);
        let limits = config.limits;
        Rc::new(Self { view, client, hooks, limits, connections })
    }

    /// Takes connections until the server is told to stop.
    async fn accept(self: &Rc<Self>, mut listener: Listener) {
        while let Some(accepted) = listener.accept().await {
            match accepted {
                Ok(socket) => self.welcome(socket),
                // No descriptor is left, most likely. Clients wait in the listen queue until one is.
                Err(_) => sleep(BEFORE_ACCEPTING_AGAIN).await,
            }
        }
    }

    /// Gives a connection its task.
    fn welcome(self: &Rc<Self>, socket: Socket) {
        let server = Rc::clone(self);
        spawn_local(async move { server.converse(socket).await });
    }

    /// A connection, from its first byte to its last.
    async fn converse(self: &Rc<Self>, mut socket: Socket) {
        let (mut http, mut head) = (Http::new(LIMITS), RequestHead::default());
        // A client that leaves is no error of ours.
        let _ = self.serve(&mut http, &mut head, &mut socket).await;
        if http.lingers() {
            let _ = socket.linger(&mut http, self.limits.linger_time).await;
        }
    }

    async fn serve(
        self: &Rc<Self>,
        http: &mut Http,
        head: &mut RequestHead,
        socket: &mut Socket,
    ) -> io::Result<()> {
        let mut head_by = Some(Instant::now() + self.limits.head_time);
        while http.is_open() {
            match http.take_head(head) {
                Ok(true) => {
                    self.answer(head, http, socket).await?;
                    head_by = None;
                }
                Ok(false) => self.receive_head(http, socket, &mut head_by).await?,
                Err(error) => http.refuse(&error),
            }
            socket.send(http, self.limits.write_time).await?;
        }
        Ok(())
    }

    /// Waits for more of a head. The first may take `head_time` from connecting on, any other from its first byte.
    async fn receive_head(
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
        match socket.receive(http, limit).await {
            Err(error) if error.kind() == io::ErrorKind::TimedOut && http.phase() == Phase::Head => {
                http.refuse(&wire::Error::TimedOut);
                Ok(())
            }
            received => received,
        }
    }

    /// Answers a request.
    async fn answer(&self, head: &RequestHead, http: &mut Http, socket: &mut Socket) -> io::Result<()> {
        let _active = self.connections.active();
        let (method, target) = (head.method(), head.target());
        let (request_id, sent_at) = (head.header("x-request-id"), head.header(SENT_AT));
        let head_of = Head { method, target, request_id, sent_at };
        let mut exchange = Exchange::begin(&*self.hooks, &head_of);
        let mut body = body::chunks(http, socket, self.limits);
        let announced_bytes = head.header("content-length").and_then(|length| length.parse().ok());
        let mut request = Request {
            method,
            target,
            content_type: head.header("content-type"),
            body: Incoming {
                announced_bytes,
                chunks: &mut body,
                time_limit: self.limits.body_time,
                at_end: false,
            },
        };
        let client = self.client.anew();
        let entered = exchange.context.timing.enter();
        let trace = &mut exchange.context.trace;
        // A view that panics has only its own request on its hands. What it said was printed by then.
        let answer = traced(trace, AssertUnwindSafe((self.view)(&mut request, &client)).catch_unwind()).await;
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
                                sleep(pause).await;
                            }
                            http.chunk(&chunk);
                            exchange.sent_bytes += chunk.len() as u64;
                        }
                        None => http.finish(),
                    }
                    socket.send(http, self.limits.write_time).await?;
                }
            }
        }
        socket.send(http, self.limits.write_time).await?;
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
