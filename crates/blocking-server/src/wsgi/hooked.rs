//! A middleware that runs the hooks around an application: request id, timing, security headers and the
//! access log.
//!
//! The hooks themselves are in `handlers::hooks`, where the async server has them from too. What WSGI adds
//! is the moment of the last one: the log line is written when the body is *closed*, not when the view
//! returns, and so it can say how much of a stream the client has stayed for.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use handlers::hooks::{Context, Head, Hooks, Outcome};
use handlers::timing::SENT_AT;

use super::{AlreadyStarted, Application, Body, Chunk, Delivered, Environ, ResponseHead, StartResponse};

/// An application with hooks around it.
pub struct Hooked<A> {
    inner: A,
    hooks: Arc<Hooks>,
}

impl<A: Application> Hooked<A> {
    /// Puts hooks around an application.
    pub fn new(inner: A, hooks: Hooks) -> Self {
        Self { inner, hooks: Arc::new(hooks) }
    }
}

impl<A: Application> Application for Hooked<A> {
    type Body = HookedBody<A::Body>;

    fn call(&self, environ: &mut Environ<'_>, start: &mut dyn StartResponse) -> Self::Body {
        let began = Instant::now();
        let request_id = environ.header("x-request-id");
        let sent_at = environ.header(SENT_AT);
        let head = Head { method: environ.method, target: environ.target, request_id, sent_at };
        let mut context = self.hooks.before(&head);
        let entered = context.timing.enter();
        context.trace.pick_up();
        let mut start =
            HookedStart { inner: start, hooks: &self.hooks, context: &mut context, entered, status: 500 };
        let inner = self.inner.call(environ, &mut start);
        let status = start.status;
        context.trace.set_down();
        HookedBody { inner, hooks: Arc::clone(&self.hooks), context, status, began }
    }
}

/// Adds the hooks' headers to what the application starts.
struct HookedStart<'a> {
    inner: &'a mut dyn StartResponse,
    hooks: &'a Hooks,
    context: &'a mut Context,
    entered: Instant,
    status: u16,
}

impl StartResponse for HookedStart<'_> {
    fn start_response(
        &mut self,
        mut head: ResponseHead,
        error: Option<&dyn Error>,
    ) -> Result<(), AlreadyStarted> {
        self.context.timing.view = self.entered.elapsed();
        // The application says what its view came to; from here on it is the server's time.
        self.context.trace.set_down();
        self.hooks.after(self.context, &mut head.headers);
        let status = head.status;
        self.inner.start_response(head, error)?;
        self.status = status;
        Ok(())
    }
}

/// The application's body, which remembers whose it is.
pub struct HookedBody<B> {
    inner: B,
    hooks: Arc<Hooks>,
    context: Context,
    status: u16,
    began: Instant,
}

impl<B: Body> Iterator for HookedBody<B> {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.inner.next()
    }
}

impl<B: Body> Body for HookedBody<B> {
    fn length(&self) -> Option<u64> {
        self.inner.length()
    }

    fn close(&mut self, delivered: Delivered) {
        self.inner.close(delivered);
        let Delivered { bytes: body_bytes, complete } = delivered;
        let outcome = Outcome { status: self.status, body_bytes, complete, elapsed: self.began.elapsed() };
        self.hooks.done(&self.context, &outcome);
    }
}
