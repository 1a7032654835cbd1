//! What runs around every view, written once and run unchanged by both servers.
//!
//! In Flask these would be extensions. Their three moments have Flask's names in other words:
//! [`Hook::before`] (`before_request`), [`Hook::after`] (`after_request`, the headers can still be
//! changed) and [`Hook::done`] (`teardown_request`, the last byte is out or the client is gone).
//! A hook never waits; that is why one text can serve a blocking and an async server. An extension that
//! *does* wait (a session store, say) would have to exist twice: the price of "converting is easy".

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::timing::{SERVER_TIMING, Timing};
use crate::trace::Tracing;
use crate::{Header, Reply};

/// The hooks that a server runs, in order.
pub struct Hooks(Vec<Box<dyn Hook>>);

impl Hooks {
    /// Request id, `server-timing` and security headers; and an access log where there is a sink for it.
    pub fn standard(access_log: Option<LogSink>) -> Self {
        let mut hooks: Vec<Box<dyn Hook>> =
            vec![Box::new(RequestId::default()), Box::new(ServerTiming), Box::new(SecurityHeaders)];
        if let Some(sink) = access_log {
            hooks.push(Box::new(AccessLog(sink)));
        }
        Self(hooks)
    }

    /// To be called when the request head is there.
    pub fn before(&self, head: &Head<'_>) -> Context {
        let mut context = Context::default();
        for hook in &self.0 {
            hook.before(head, &mut context);
        }
        context
    }

    /// To be called between view and reply. `context.timing` must be filled in by then.
    pub fn after(&self, context: &Context, headers: &mut Vec<Header>) {
        for hook in &self.0 {
            hook.after(context, headers);
        }
    }

    /// To be called once per request, when its body was sent or will never be.
    pub fn done(&self, context: &Context, outcome: &Outcome) {
        for hook in &self.0 {
            hook.done(context, outcome);
        }
    }
}

/// Something to do around every request. Each moment has a default that does nothing.
pub trait Hook: Send + Sync {
    /// The request head is there, the view has not run.
    fn before(&self, _head: &Head<'_>, _context: &mut Context) {}
    /// The view has run, nothing was sent.
    fn after(&self, _context: &Context, _headers: &mut Vec<Header>) {}
    /// Everything was sent, or the client left.
    fn done(&self, _context: &Context, _outcome: &Outcome) {}
}

/// A request from its head to its end. However it ends, also by being dropped, the hooks hear of it.
pub struct Exchange<H: Deref<Target = Hooks>> {
    hooks: H,
    /// What the hooks carry along.
    pub context: Context,
    begun: Instant,
    status: u16,
    /// Bytes of the body that were handed to the connection.
    pub sent_bytes: u64,
    /// All of them?
    pub complete: bool,
}

/// What the access log says where no status was sent, because the client left before (after nginx).
const NO_REPLY: u16 = 499;

impl<H: Deref<Target = Hooks>> Exchange<H> {
    /// The head is there.
    pub fn begin(hooks: H, head: &Head<'_>) -> Self {
        let context = hooks.before(head);
        Self { hooks, context, begun: Instant::now(), status: NO_REPLY, sent_bytes: 0, complete: false }
    }

    /// The view has run, and `context.timing` is filled in: adds the hooks' headers.
    pub fn after(&mut self, reply: &mut Reply) {
        self.hooks.after(&self.context, &mut reply.headers);
        self.status = reply.status;
    }
}

impl<H: Deref<Target = Hooks>> Drop for Exchange<H> {
    fn drop(&mut self) {
        let Self { status, sent_bytes: body_bytes, complete, .. } = *self;
        let outcome = Outcome { status, body_bytes, complete, elapsed: self.begun.elapsed() };
        self.hooks.done(&self.context, &outcome);
    }
}

/// What hooks may know of a request before it is routed.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// As sent, upper case.
    pub method: &'a str,
    /// As sent, percent-encoded.
    pub target: &'a str,
    /// Value of `x-request-id`, if there is one.
    pub request_id: Option<&'a str>,
    /// Value of [`SENT_AT`](crate::timing::SENT_AT), if there is one.
    pub sent_at: Option<&'a str>,
}

/// What hooks carry from one moment to the next; made by [`Hooks::before`], kept by the server.
#[derive(Debug, Default)]
pub struct Context {
    /// The client's own id, or a new one.
    pub request_id: String,
    /// Filled in by the server before [`Hooks::after`].
    pub timing: Timing,
    /// Picked up and set down by the server around its view.
    pub trace: Tracing,
    /// `GET /hello`, kept only when somebody will log it.
    request_line: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// HTTP status code that was sent.
    pub status: u16,
    /// Bytes of the body handed to the connection.
    pub body_bytes: u64,
    /// False when the client left, or the server failed, before the body's end.
    pub complete: bool,
    /// Head to last byte.
    pub elapsed: Duration,
}

/// Where access log lines go. Called from the thread that ends the request, so it must not block long.
pub type LogSink = Box<dyn Fn(&str) + Send + Sync>;

/// `x-request-id`: keeps the client's, if it is 1 to 64 letters, digits, dots, underscores or hyphens,
/// and makes one otherwise. The same id then stands in the reply and in the access log.
#[derive(Default)]
struct RequestId {
    counter: AtomicU64,
    /// Tells processes apart; the standard library's hash seed is random enough for that.
    process: Process,
}

struct Process(u32);

impl Default for Process {
    fn default() -> Self {
        Self((RandomState::new().hash_one(0) & 0xffff_ffff) as u32)
    }
}

impl Hook for RequestId {
    fn before(&self, head: &Head<'_>, context: &mut Context) {
        let usable = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        context.request_id = head.request_id.filter(usable).map_or_else(
            || format!("{:08x}-{:x}", self.process.0, self.counter.fetch_add(1, Ordering::Relaxed)),
            str::to_owned,
        );
    }

    fn after(&self, context: &Context, headers: &mut Vec<Header>) {
        headers.push(("x-request-id", Cow::Owned(context.request_id.clone())));
    }
}

/// `server-timing: view;dur=12.345`, which browsers show and the load generator can read; see
/// [`timing`](crate::timing). What the application says there itself (`upstream`) comes after it, in one line. For
/// those who ask there is a [`trace`](crate::trace) as well.
struct ServerTiming;

impl Hook for ServerTiming {
    fn before(&self, head: &Head<'_>, context: &mut Context) {
        let (sent_at, trace) = Tracing::asked(head.sent_at);
        (context.timing, context.trace) = (Timing::sent_at(sent_at), trace);
    }

    fn after(&self, context: &Context, headers: &mut Vec<Header>) {
        let mut value = context.timing.header();
        if let Some(place) = headers.iter().position(|(name, _)| *name == SERVER_TIMING) {
            let (_, said) = headers.remove(place);
            value.push_str(", ");
            value.push_str(&said);
        }
        headers.push((SERVER_TIMING, Cow::Owned(value)));
        context.trace.note(headers);
    }
}

/// No sniffing, no framing, nothing loaded: right for an API that serves no pages.
struct SecurityHeaders;

impl Hook for SecurityHeaders {
    fn after(&self, _context: &Context, headers: &mut Vec<Header>) {
        headers.push(("x-content-type-options", Cow::Borrowed("nosniff")));
        headers
            .push(("content-security-policy", Cow::Borrowed("default-src 'none'; frame-ancestors 'none'")));
    }
}

/// One line per request, when it is over: time, request line, status, bytes, milliseconds, id.
struct AccessLog(LogSink);

impl Hook for AccessLog {
    fn before(&self, head: &Head<'_>, context: &mut Context) {
        // A target may hold anything that a head may; a log line must stay one line.
        let target: String = head.target.chars().flat_map(char::escape_default).collect();
        context.request_line = Some(format!("{} {target}", head.method));
    }

    fn done(&self, context: &Context, outcome: &Outcome) {
        let line = context.request_line.as_deref().unwrap_or("-");
        let Outcome { status, body_bytes, elapsed, .. } = outcome;
        let elapsed_ms = elapsed.as_secs_f64() * 1_000.0;
        let cut = if outcome.complete { "" } else { " cut" };
        let time = httpdate::fmt_http_date(SystemTime::now());
        let id = &context.request_id;
        (self.0)(&format!("[{time}] \"{line}\" {status} {body_bytes} B {elapsed_ms:.3} ms {id}{cut}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const HEAD: Head<'_> = Head { method: "GET", target: "/hello", request_id: None, sent_at: None };

    fn value<'a>(headers: &'a [Header], name: &str) -> &'a str {
        &headers.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    #[test]
    fn a_good_request_id_is_kept_and_a_bad_one_replaced() {
        let hooks = Hooks::standard(None);
        let with = |id| hooks.before(&Head { request_id: Some(id), ..HEAD }).request_id;
        assert_eq!(with("abc-1.2_3"), "abc-1.2_3");
        for bad in ["", "has space", "line\r\nbreak", &"x".repeat(65)] {
            assert_ne!(with(bad), bad);
        }
        assert_ne!(hooks.before(&HEAD).request_id, hooks.before(&HEAD).request_id);
    }

    #[test]
    fn every_reply_carries_id_timing_and_security_headers() {
        let hooks = Hooks::standard(None);
        let mut context = hooks.before(&HEAD);
        context.timing.view = Duration::from_micros(12_045);
        let mut headers = Vec::new();
        hooks.after(&context, &mut headers);
        assert_eq!(value(&headers, "x-request-id"), context.request_id);
        assert_eq!(value(&headers, "server-timing"), "view;dur=12.045");
        context.timing.queue = Some(Duration::from_micros(7));
        let mut headers = vec![("server-timing", "upstream;dur=10.000".into())];
        hooks.after(&context, &mut headers);
        assert_eq!(
            value(&headers, "server-timing"),
            "queue;dur=0.007, view;dur=12.045, upstream;dur=10.000",
            "in one line"
        );
        assert_eq!(value(&headers, "x-content-type-options"), "nosniff");
    }

    #[test]
    fn the_access_log_is_one_line_whatever_the_target_says() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let hooks = Hooks::standard(Some(Box::new(move |line| {
            sink.lock().unwrap().push(line.to_owned());
        })));
        let context = hooks.before(&Head { target: "/a\nb", request_id: Some("me"), ..HEAD });
        let outcome =
            Outcome { status: 404, body_bytes: 12, complete: false, elapsed: Duration::from_micros(1_500) };
        hooks.done(&context, &outcome);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with(r#""GET /a\nb" 404 12 B 1.500 ms me cut"#), "{}", lines[0]);
    }
}
