//! Our views behind WSGI.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::sleep;
use std::time::Instant;
use std::{any, io};

use handlers::{Answer, Problem, Reply};

use crate::View;
use crate::client::Client;
use crate::request::{Incoming, Request};
use crate::wsgi::{Application, Body, Chunk, Environ, ResponseHead, StartResponse};

/// An [`Application`] made of a function that answers requests.
pub struct Views<V> {
    view: V,
    upstream: Client,
}

impl<V: View> Views<V> {
    /// An application that answers with this function, and a client for what it asks the upstream.
    pub fn new(view: V, upstream: Client) -> Self {
        Self { view, upstream }
    }

    fn answer(&self, environ: &mut Environ<'_>, upstream: &Client) -> Answer {
        // Looked up by hand rather than by `Environ::header`, which would borrow the input as well.
        let is_type = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case("content-type");
        let content_type = environ.headers.iter().find(is_type).map(|(_, value)| *value);
        let body = Incoming { announced_bytes: environ.content_length, reader: environ.input };
        let mut request = Request { method: environ.method, target: environ.target, content_type, body };
        // A view that panics has only its own request on its hands. The panic itself was printed by then.
        let answer = catch_unwind(AssertUnwindSafe(|| (self.view)(&mut request, upstream)));
        answer.unwrap_or_else(|panic| {
            let target = environ.target.escape_debug();
            log::error!("{} {target}: the view panicked: {}", environ.method, what_it_said(&*panic));
            Err(Problem::Internal)
        })
    }
}

impl<V: View> Application for Views<V> {
    type Body = ReplyBody;

    fn call(&self, environ: &mut Environ<'_>, start: &mut dyn StartResponse) -> ReplyBody {
        let upstream = self.upstream.anew();
        let mut reply = self.answer(environ, &upstream).unwrap_or_else(Reply::from);
        // A header is how an application tells a middleware something; the hooks add theirs to the same line.
        upstream.waited().note(&mut reply);
        let Reply { status, headers, body } = reply;
        start
            .start_response(ResponseHead { status, headers }, None)
            .expect("this is the only start of the response");
        match body {
            handlers::Body::Whole(bytes) => ReplyBody::Whole(Some(bytes)),
            handlers::Body::Paced(paced) => ReplyBody::Paced(paced),
        }
    }
}

/// The body of a [`Reply`] as WSGI wants it.
pub enum ReplyBody {
    /// There already.
    Whole(Option<Cow<'static, [u8]>>),
    /// Made while it is sent.
    Paced(handlers::Paced),
}

impl Iterator for ReplyBody {
    type Item = io::Result<Chunk>;

    /// Between two chunks of a stream the thread sleeps right here: `next` has no other way to wait.
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Paced(paced) => {
                let chunk = paced.chunks.next()?;
                sleep(paced.pause(Instant::now()));
                Some(Ok(chunk.into()))
            }
        }
    }
}

impl Body for ReplyBody {
    fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Paced(_) => None,
        }
    }
}

fn what_it_said(panic: &(dyn any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(not a text)")
}
