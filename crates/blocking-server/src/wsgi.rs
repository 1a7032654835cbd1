//! WSGI in Rust: the interface between a blocking server and a blocking application.
//!
//! Flask, Django and Pyramid stand on PEP 3333, *Python Web Server Gateway Interface*. This is the same
//! interface with Rust's types, so that what is said about Python's can be tried out here.
//!
//! | PEP 3333 | here |
//! | --- | --- |
//! | `app(environ, start_response)` | [`Application::call`] |
//! | `environ`, a dict of CGI variables | [`Environ`], whose [`get`](Environ::get) knows the same keys |
//! | `environ["wsgi.input"]`, a file | [`Environ::input`], a blocking [`Read`](std::io::Read) |
//! | `start_response(status, headers, exc_info)` | [`StartResponse::start_response`] |
//! | the iterable that is returned, and its `close()` | [`Body`], an [`Iterator`] with a [`close`](Body::close) |
//! | `isinstance(body, list) and len(body) == 1` gives the length | [`Body::length`] |
//! | middleware: an application that calls an application | the same: [`Hooked`], [`Validator`] |
//! | `write()`, kept for old code | left out |
//!
//! `start_response` may be called a second time only to report an error, and only before anything was
//! sent. The first half is checked when it happens ([`AlreadyStarted`]); the second half needs no check,
//! because the borrow ends with the call, and nothing is sent before.
//!
//! # Why this cannot be made async
//!
//! Somebody always asks whether one could put `async` before the view, and all would be well. Two signatures
//! stand in the way, and they are the whole interface:
//!
//! * [`Application::call`] gives back a body, or panics. There is no third outcome, "not yet", so a
//!   view that must wait for something has nothing to return. It can only keep the thread:
//!
//!   ```
//!   use blocking_server::wsgi::{Application, Environ, StartResponse, Whole};
//!
//!   struct Slow;
//!
//!   impl Application for Slow {
//!       type Body = Whole;
//!       fn call(&self, _: &mut Environ<'_>, start: &mut dyn StartResponse) -> Whole {
//!           std::thread::sleep(std::time::Duration::from_millis(10)); // a thread, parked
//!           Whole::start(start, 200, "text/plain", "at last")
//!       }
//!   }
//!   ```
//!
//!   Waiting without keeping it is what `.await` is for, and there it is refused:
//!
//!   ```compile_fail,E0728
//!   # use blocking_server::wsgi::{Application, Environ, StartResponse, Whole};
//!   # struct Slow;
//!   # async fn answer_of_another_service() -> &'static str { "at last" }
//!   impl Application for Slow {
//!       type Body = Whole;
//!       fn call(&self, _: &mut Environ<'_>, start: &mut dyn StartResponse) -> Whole {
//!           let text = answer_of_another_service().await; // only allowed inside `async` functions
//!           Whole::start(start, 200, "text/plain", text)
//!       }
//!   }
//!   ```
//!
//! * [`Body`] is an iterator, and [`Iterator::next`] says "here is one" or "that was all". An async body
//!   is polled, and `Poll::Pending` says "not yet, and I have noted whom to wake".
//!
//! `async fn call` would change what `call` returns, and with it every server, middleware and application
//! that there is. That is what Python did: ASGI is another interface, and Quart another Flask. What an
//! `async def` view in Flask gets is a loop of its own, run to its end *on the thread of the request*.
//!
//! `tests/why_not_async.rs` holds the compiler to all of this: programs that must not compile, each beside its
//! blocking twin that does.
//!
//! Next: [`Environ`]; then `gateway.rs`, the server's side under rouille; then `application.rs`, ours.

mod environ;
mod hooked;
mod validator;

use std::borrow::Cow;
use std::error::Error;
use std::{fmt, io};

use handlers::Header;

pub use environ::Environ;
pub use hooked::{Hooked, HookedBody};
pub use validator::{Complaint, ValidBody, Validator};
pub(crate) use validator::{has_control, is_token};

/// What answers requests. One value serves all threads at once (`wsgi.multithread` is true).
pub trait Application: Send + Sync + 'static {
    /// What [`call`](Self::call) gives back.
    type Body: Body;

    /// Answers a request: starts the response, and returns its body. The thread is this request's until then.
    fn call(&self, environ: &mut Environ<'_>, start: &mut dyn StartResponse) -> Self::Body;
}

/// The server's half of the conversation.
pub trait StartResponse {
    /// Status and headers, to be sent with the first chunk of the body. A second call replaces them,
    /// and must say because of which error.
    ///
    /// # Errors
    /// When the response was started already and no error is given.
    fn start_response(&mut self, head: ResponseHead, error: Option<&dyn Error>)
    -> Result<(), AlreadyStarted>;
}

/// Status and headers. Framing (`content-length`, `transfer-encoding`, `connection`) and `date` belong to
/// the server, which takes the length from [`Body::length`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// HTTP status code.
    pub status: u16,
    /// In the order in which they are sent.
    pub headers: Vec<Header>,
}

/// The response was started already, and no error was given as a reason to start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyStarted;

/// A piece of a body.
pub type Chunk = Cow<'static, [u8]>;

/// A response body: chunks, made while they are asked for. An `Err` cuts the response off; before the
/// first chunk it becomes a 500.
pub trait Body: Iterator<Item = io::Result<Chunk>> + Send + 'static {
    /// Bytes of all chunks together, where that is known. It becomes `content-length`.
    fn length(&self) -> Option<u64> {
        None
    }

    /// Called exactly once, whatever happened: the end, an error, or a client that left early. Nothing is
    /// asked of the body afterwards. PEP 3333 tells its `close()` nothing; an access log then has to guess
    /// how much arrived, so this one is told.
    fn close(&mut self, _delivered: Delivered) {}
}

/// How far a body got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Bytes handed to the connection.
    pub bytes: u64,
    /// All of the body was (or, for `HEAD`, none was to be).
    pub complete: bool,
}

/// A [`StartResponse`] that remembers. Servers keep one per request.
#[derive(Debug, Default)]
pub struct Started(Option<ResponseHead>);

impl Started {
    /// What was started, if anything was.
    pub fn into_head(self) -> Option<ResponseHead> {
        self.0
    }
}

impl StartResponse for Started {
    fn start_response(
        &mut self,
        head: ResponseHead,
        error: Option<&dyn Error>,
    ) -> Result<(), AlreadyStarted> {
        if self.0.is_some() && error.is_none() {
            return Err(AlreadyStarted);
        }
        self.0 = Some(head);
        Ok(())
    }
}

/// A body of one chunk.
#[derive(Debug)]
pub struct Whole(Option<Chunk>);

impl Whole {
    /// The body of these bytes.
    pub fn new(bytes: impl Into<Chunk>) -> Self {
        Self(Some(bytes.into()))
    }

    /// Starts a response with one header and returns its body: the shortest application.
    ///
    /// # Panics
    /// When the response was started already.
    pub fn start(
        start: &mut dyn StartResponse,
        status: u16,
        content_type: &'static str,
        text: &'static str,
    ) -> Self {
        let headers = vec![("content-type", content_type.into())];
        start.start_response(ResponseHead { status, headers }, None).expect("a response is started once");
        Self::new(text.as_bytes())
    }
}

impl Iterator for Whole {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl Body for Whole {
    fn length(&self) -> Option<u64> {
        Some(self.0.as_ref().map_or(0, |chunk| chunk.len() as u64))
    }
}

impl fmt::Display for AlreadyStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("start_response was called a second time without an error as the reason")
    }
}

impl Error for AlreadyStarted {}
