//! Between rouille and a WSGI application: the server's side of the contract.
//!
//! A request becomes an [`Environ`], and what the application starts and returns becomes bytes. Most
//! responses take rouille's own way, with a length and in one piece. Three do not, and are written to the
//! connection by hand (`direct.rs`): a stream, whose chunks rouille would collect until the end, and
//! answers to requests whose body cannot be left to `tiny_http`.

mod direct;
mod input;
mod sending;

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use handlers::{Body as ReplyBody, Problem, Reply};
use rouille::{Response, ResponseBody};

use crate::stranded::Rescue;
use crate::wsgi::{Application, Body, Environ, ResponseHead, Started, Whole};
use direct::Direct;
use input::{Framing, Input};
use sending::Sending;

/// A server for one application.
pub(crate) struct Gateway<A> {
    app: A,
    /// Where it listens; rouille says so only once it does.
    addr: OnceLock<SocketAddr>,
    is_stopping: AtomicBool,
    rescue: Rescue,
}

/// What happens to the connection once the response is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request may come. What is left of this one's body, `tiny_http` reads and throws away.
    KeepAlive,
    /// The rest of a chunked body is thrown away first. `tiny_http` would take it for the next request.
    Drain,
    /// Nobody knows where the next request would begin: the connection is closed.
    HangUp,
    /// So much is still to come that `tiny_http` must not be let near it: the connection is closed.
    GiveUp,
}

/// What else a response depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    is_head: bool,
    after: After,
    local: SocketAddr,
    peer: SocketAddr,
}

impl<A: Application> Gateway<A> {
    pub(crate) fn new(app: A) -> Self {
        Self { app, addr: OnceLock::new(), is_stopping: AtomicBool::new(false), rescue: Rescue::default() }
    }

    /// To be called before the first request.
    pub(crate) fn listens_on(&self, addr: SocketAddr) {
        self.addr.get_or_init(|| addr);
    }

    /// From now on no request reaches the application.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Finds connections again that `tiny_http` has forgotten, until this is stopped.
    pub(crate) fn rescue(&self) {
        if let Some(addr) = self.addr.get() {
            self.rescue.watch(*addr, || self.is_stopping());
        }
    }

    /// Answers a request, on the thread that rouille has for it.
    pub(crate) fn answer(&self, request: &rouille::Request) -> Response {
        let local = *self.addr.get().expect("set before the first request");
        let peer = *request.remote_addr();
        let is_head = request.method() == "HEAD";
        let exchange = |after| Exchange { is_head, after, local, peer };

        let headers: Vec<_> = request.headers().collect();
        let framing = match Framing::of(&headers) {
            Ok(framing) => framing,
            Err(problem) => return refuse(problem, exchange(After::HangUp)),
        };
        if !request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.rescue.saw(peer);
        }
        let mut input = Input::new(request, framing);
        if self.is_stopping() {
            let problem = Problem::Overloaded { retry_after_s: 1 };
            return refuse(problem, exchange(input.after()));
        }
        let mut environ = Environ {
            method: request.method(),
            target: request.raw_url(),
            headers,
            content_length: framing.content_length(),
            remote: peer,
            server: local,
            input: &mut input,
        };
        let mut started = Started::default();
        let body = Sending::new(self.app.call(&mut environ, &mut started));
        deliver(started, body, request, exchange(input.after()))
    }
}

/// The head waits for the first chunk, as PEP 3333 wants it: until then there can still be a 500.
fn deliver<B: Body>(
    started: Started,
    mut body: Sending<B>,
    request: &rouille::Request,
    exchange: Exchange,
) -> Response {
    let (method, target) = (request.method(), request.raw_url().escape_debug());
    let Some(head) = started.into_head() else {
        log::error!("{method} {target}: the application did not start a response");
        return refuse(Problem::Internal, exchange);
    };
    if exchange.is_head {
        body.skip();
    } else if let Err(error) = body.make_first() {
        log::error!("{method} {target}: the body failed before its first chunk: {error}");
        return refuse(Problem::Internal, exchange);
    }
    respond(head, body, exchange)
}

fn refuse(problem: Problem, exchange: Exchange) -> Response {
    let Reply { status, headers, body } = problem.into();
    let ReplyBody::Whole(bytes) = body else { unreachable!("a problem is never paced") };
    let mut body = Sending::new(Whole::new(bytes));
    if exchange.is_head {
        body.skip();
    }
    respond(ResponseHead { status, headers }, body, exchange)
}

fn respond<B: Body>(head: ResponseHead, body: Sending<B>, exchange: Exchange) -> Response {
    let length = body.length();
    let is_plain = exchange.after == After::KeepAlive && (length.is_some() || exchange.is_head);
    if !is_plain {
        // rouille's response stays empty, and its upgrade is what takes over the connection.
        let upgrade = Some(Box::new(Direct::new(head, body, exchange)) as Box<_>);
        return Response { status_code: 100, headers: Vec::new(), data: ResponseBody::empty(), upgrade };
    }
    let headers = head.headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let data = match length.and_then(|length| usize::try_from(length).ok()) {
        // No more than was promised, or the rest would be taken for the next response.
        Some(length) => ResponseBody::from_reader_and_size(body.up_to(length as u64), length),
        None => ResponseBody::from_reader(body),
    };
    Response { status_code: head.status, headers, data, upgrade: None }
}
