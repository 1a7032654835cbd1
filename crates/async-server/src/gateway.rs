//! Between framework and application: an actix request becomes a [`Request`] and meets hooks and view, the
//! reply becomes an actix response. What a reply is made of is in `handlers`; here it only travels.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri, Version};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::{FutureExt, TryStreamExt};
use handlers::hooks::{Context, Exchange, Head, Hooks};
use handlers::timing::SENT_AT;
use handlers::{Answer, Body, Header, Paced, Problem, Reply};
use tokio::time::{Sleep, sleep};

use crate::View;
use crate::client::Client;
use crate::request::{Broken, Incoming, Request, traced};

/// The one service, for every path: [`handlers::Route`] is the router.
pub(crate) fn service<V: View>(
    worker: Rc<Worker>,
    view: V,
) -> impl ServiceFactory<
    ServiceRequest,
    Config = (),
    Response = ServiceResponse,
    Error = actix_web::Error,
    InitError = (),
> {
    fn_service(move |request: ServiceRequest| {
        let (worker, view) = (Rc::clone(&worker), view.clone());
        async move {
            let (http, payload) = request.into_parts();
            let response = answer(&worker, &view, &http, payload).await;
            Ok(ServiceResponse::new(http, response))
        }
    })
}

/// What the requests of one worker share. An `Rc`, because they never leave their thread.
pub(crate) struct Worker {
    /// One set for all workers, so that request ids are unique.
    hooks: Arc<Hooks>,
    client: Client,
    body_time_limit: Duration,
}

impl Worker {
    pub(crate) fn new(hooks: Arc<Hooks>, client: Client, body_time_limit: Duration) -> Rc<Self> {
        Rc::new(Self { hooks, client, body_time_limit })
    }
}

async fn answer(worker: &Rc<Worker>, view: &impl View, http: &HttpRequest, payload: Payload) -> HttpResponse {
    let (method, target) = (http.method().as_str(), target(http.uri()));
    let (request_id, sent_at) = (text(http.headers(), &X_REQUEST_ID), text(http.headers(), &X_SENT_AT));
    let head = Head { method, target: &target, request_id, sent_at };
    let mut exchange = Exchange::begin(Arc::clone(&worker.hooks), &head);

    let has_body = !matches!(payload, Payload::None);
    let mut chunks = payload.map_err(|_| Broken);
    let mut request = Request {
        method,
        target: &target,
        content_type: text(http.headers(), &header::CONTENT_TYPE),
        body: Incoming {
            announced_bytes: text(http.headers(), &header::CONTENT_LENGTH).and_then(|n| n.parse().ok()),
            chunks: &mut chunks,
            time_limit: worker.body_time_limit,
            at_end: !has_body,
        },
    };
    let client = worker.client.anew();
    let entered = exchange.context.timing.enter();
    let mut reply = match http.headers().get(header::HOST) {
        // actix has seen to it that there is one, and not two.
        Some(host) if !wire::is_host(host.as_bytes()) => {
            Problem::BadRequest("host must be one name or address, with or without a port".into()).into()
        }
        _ => {
            let Context { request_id, trace, .. } = &mut exchange.context;
            traced(trace, guarded(view(&mut request, &client), &head, request_id)).await
        }
    };
    exchange.context.timing.view = entered.elapsed();
    client.waited().note(&mut reply);
    let is_unread = !request.body.at_end;

    let unread = is_unread.then(|| chunks.into_inner());
    response(http, reply, exchange, unread)
}

/// Hands a reply to actix. An `unread` request body closes the connection after it.
fn response(
    http: &HttpRequest,
    mut reply: Reply,
    mut exchange: Exchange<Arc<Hooks>>,
    unread: Option<Payload>,
) -> HttpResponse {
    exchange.after(&mut reply);
    let content = match (http.method(), reply.body) {
        (&Method::HEAD, body) => Content::Omitted(size(&body)),
        (_, Body::Whole(bytes)) => Content::Whole(into_bytes(bytes)),
        (_, Body::Paced(paced)) => Content::Paced { paced, next: None, pause: None },
    };
    // actix asks for no body where it knows that there is none.
    exchange.complete = matches!(content, Content::Omitted(_)) || content.size() == BodySize::Sized(0);
    let is_unread = unread.is_some();
    // HTTP/1.0 does not know chunks, which actix would send all the same: such a body ends with its connection.
    let ends_by_closing = http.version() < Version::HTTP_11 && content.size() == BodySize::Stream;

    let status = StatusCode::from_u16(reply.status).expect("handlers use registered statuses");
    let body = BoxBody::new(Outgoing { exchange, content, _unread: unread });
    let mut response = HttpResponse::with_body(status, body);
    insert(response.headers_mut(), reply.headers);
    if is_unread || ends_by_closing {
        response.head_mut().set_connection_type(ConnectionType::Close);
        response.head_mut().no_chunking(ends_by_closing);
    }
    response
}

/// Runs a view so that its panic is a 500 and nobody else's problem.
async fn guarded(view: impl Future<Output = Answer>, head: &Head<'_>, id: &str) -> Reply {
    // What a view leaves half-done when it panics is dropped with it, and it shares nothing mutable.
    match AssertUnwindSafe(view).catch_unwind().await {
        Ok(answer) => answer.unwrap_or_else(Reply::from),
        Err(_) => {
            // What it said was printed by the panic hook; this line says to whom.
            let (method, target) = (head.method, head.target.escape_default());
            crate::logs::line(&format!("the view of {method} {target} panicked (request id {id})"));
            Problem::Internal.into()
        }
    }
}

/// A reply's body on its way. When the client leaves, actix drops it, and with it the timer or the chunks.
struct Outgoing {
    exchange: Exchange<Arc<Hooks>>,
    content: Content,
    /// A request body that nobody wanted. While it lives, actix takes the connection for unfinished and
    /// closes it after the reply; once dropped, a chunked one would be read to its end, however far that is.
    _unread: Option<Payload>,
}

enum Content {
    /// The reply to a `HEAD`, framed as its `GET` would be.
    Omitted(BodySize),
    Whole(Bytes),
    Paced {
        paced: Paced,
        next: Option<Vec<u8>>,
        pause: Option<Pin<Box<Sleep>>>,
    },
    Sent,
}

impl Content {
    fn size(&self) -> BodySize {
        match self {
            Self::Omitted(size) => *size,
            Self::Whole(bytes) => BodySize::Sized(bytes.len() as u64),
            Self::Paced { .. } => BodySize::Stream,
            Self::Sent => BodySize::Sized(0),
        }
    }

    /// The next piece. Between two of a paced body a timer is registered, and the thread is free.
    fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<Option<Bytes>> {
        let next = match self {
            Self::Omitted(_) | Self::Sent => None,
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Sent;
                Some(bytes)
            }
            Self::Paced { paced, next, pause } => {
                if next.is_none() {
                    *next = paced.chunks.next();
                    let wait = paced.pause(Instant::now());
                    *pause = (next.is_some() && !wait.is_zero()).then(|| Box::pin(sleep(wait)));
                }
                if let Some(pause) = pause {
                    ready!(pause.as_mut().poll(task));
                }
                next.take().map(Bytes::from)
            }
        };
        Poll::Ready(next)
    }
}

impl MessageBody for Outgoing {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.content.size()
    }

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        let next = ready!(this.content.poll_next(task));
        match &next {
            Some(bytes) => this.exchange.sent_bytes += bytes.len() as u64,
            None => this.exchange.complete = true,
        }
        Poll::Ready(next.map(Ok))
    }
}

fn size(body: &Body) -> BodySize {
    match body {
        Body::Whole(bytes) => BodySize::Sized(bytes.len() as u64),
        Body::Paced(_) => BodySize::Stream,
    }
}

fn into_bytes(bytes: Cow<'static, [u8]>) -> Bytes {
    match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

fn insert(headers: &mut HeaderMap, lines: Vec<Header>) {
    for (name, value) in lines {
        let value = match value {
            Cow::Borrowed(value) => HeaderValue::from_static(value),
            Cow::Owned(value) => {
                HeaderValue::try_from(value).expect("made of text that was a header or ours")
            }
        };
        headers.append(HeaderName::from_static(name), value);
    }
}

/// Made once: looking a header up by text would make its name anew, with an allocation.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static X_SENT_AT: HeaderName = HeaderName::from_static(SENT_AT);

/// The value of a header, if it is there and plain text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The request target as it was sent. Only proxies and odd clients send more than path and query.
fn target(uri: &Uri) -> Cow<'_, str> {
    match (uri.authority(), uri.path_and_query()) {
        (None, Some(path)) => Cow::Borrowed(path.as_str()),
        _ => Cow::Owned(uri.to_string()),
    }
}
