//! A middleware that changes nothing and checks everything: does the server keep the contract towards the
//! application, and the application towards the server? Python has it as `wsgiref.validate`.
//!
//! Put it around an application in a test. Much of what `wsgiref.validate` looks for cannot be written
//! down in Rust: a body that is a string, a header that is not a pair, an environ without a key, an input
//! that is read after the response. What is left is what types do not say.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use super::{AlreadyStarted, Application, Body, Chunk, Delivered, Environ, ResponseHead, StartResponse};

/// An application that is watched, with its server.
pub struct Validator<A> {
    inner: A,
    report: Report,
}

type Report = Arc<dyn Fn(Complaint) + Send + Sync>;

impl<A: Application> Validator<A> {
    /// Watches an application. `report` is called from the thread of the request.
    pub fn new(inner: A, report: impl Fn(Complaint) + Send + Sync + 'static) -> Self {
        Self { inner, report: Arc::new(report) }
    }

    /// Watches an application, and panics at the first complaint.
    pub fn strict(inner: A) -> Self {
        Self::new(inner, |complaint| {
            // A body is also closed while a panic unwinds; a second one would abort the process.
            assert!(std::thread::panicking(), "{complaint}");
        })
    }
}

/// A rule of the contract that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    /// The server made a request out of something that is none.
    BadRequest(String),
    /// `call` came back, and nothing was started.
    NotStarted,
    /// `start_response` a second time, without an error.
    StartedTwice,
    /// Not a status of a final response.
    BadStatus(u16),
    /// A name that is not a lower-case token, or a value with a control character in it.
    BadHeader(&'static str),
    /// A header that is the server's to set.
    ServersHeader(&'static str),
    /// A response that may have a body does not say of what type.
    NoContentType(u16),
    /// The chunks do not add up to [`Body::length`].
    WrongLength {
        /// What `length` said.
        promised: u64,
        /// Bytes of the chunks up to the end, or up to the first that was too much.
        made: u64,
    },
    /// The server asked for a chunk after the last one.
    AskedAfterEnd,
    /// The server asked for a chunk of a closed body.
    AskedAfterClose,
    /// The server closed a body twice.
    ClosedTwice,
    /// The server dropped a body without closing it.
    NeverClosed,
    /// The server says that it delivered more than there was.
    DeliveredTooMuch(Delivered),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(what) => write!(f, "server: {what}"),
            Self::NotStarted => f.write_str("application: call start_response before returning the body"),
            Self::StartedTwice => f.write_str(
                "application: start_response was called twice; the second time give the error that made it necessary",
            ),
            Self::BadStatus(status) => write!(f, "application: {status} is not a status from 200 to 599"),
            Self::BadHeader(name) => write!(
                f,
                "application: header \"{}\": names are lower-case tokens, values have no control characters",
                name.escape_debug()
            ),
            Self::ServersHeader(name) => {
                write!(f, "application: leave \"{name}\" to the server, it belongs to framing")
            }
            Self::NoContentType(status) => {
                write!(f, "application: a response with status {status} needs a content-type")
            }
            Self::WrongLength { promised, made } => {
                write!(f, "application: length() promised {promised} bytes, the chunks had {made}")
            }
            Self::AskedAfterEnd => f.write_str("server: next() was called again after None"),
            Self::AskedAfterClose => f.write_str("server: next() was called after close()"),
            Self::ClosedTwice => f.write_str("server: close() was called twice"),
            Self::NeverClosed => f.write_str("server: the body was dropped without close()"),
            Self::DeliveredTooMuch(delivered) => {
                write!(f, "server: close() was told of {} bytes, more than there were", delivered.bytes)
            }
        }
    }
}

impl Error for Complaint {}

impl<A: Application> Application for Validator<A> {
    type Body = ValidBody<A::Body>;

    fn call(&self, environ: &mut Environ<'_>, start: &mut dyn StartResponse) -> Self::Body {
        if let Err(what) = check_request(environ) {
            (self.report)(Complaint::BadRequest(what));
        }
        let mut start = WatchedStart { inner: start, report: &self.report, is_started: false };
        let inner = self.inner.call(environ, &mut start);
        if !start.is_started {
            (self.report)(Complaint::NotStarted);
        }
        let promised = inner.length();
        ValidBody {
            inner,
            report: Arc::clone(&self.report),
            promised,
            made: 0,
            at_end: false,
            is_closed: false,
        }
    }
}

fn check_request(environ: &Environ<'_>) -> Result<(), String> {
    if !is_token(environ.method) {
        return Err(format!("method \"{}\" is not a token", environ.method.escape_debug()));
    }
    if environ.target.is_empty() || environ.target.contains(char::is_whitespace) {
        return Err(format!("\"{}\" is not a request target", environ.target.escape_debug()));
    }
    for (name, value) in &environ.headers {
        if !is_token(name) || has_control(value) {
            return Err(format!("\"{}\" is not a header", format!("{name}: {value}").escape_debug()));
        }
    }
    let said = environ.header("content-length").and_then(|value| value.parse().ok());
    if environ.content_length.is_some() && environ.content_length != said {
        return Err(format!("CONTENT_LENGTH is {:?}, the header says {said:?}", environ.content_length));
    }
    Ok(())
}

struct WatchedStart<'a> {
    inner: &'a mut dyn StartResponse,
    report: &'a Report,
    is_started: bool,
}

impl StartResponse for WatchedStart<'_> {
    fn start_response(
        &mut self,
        head: ResponseHead,
        error: Option<&dyn Error>,
    ) -> Result<(), AlreadyStarted> {
        if self.is_started && error.is_none() {
            (self.report)(Complaint::StartedTwice);
        }
        self.is_started = true;
        check_head(&head, self.report);
        self.inner.start_response(head, error)
    }
}

fn check_head(head: &ResponseHead, report: &Report) {
    if !(200..=599).contains(&head.status) {
        report(Complaint::BadStatus(head.status));
    }
    for (name, value) in &head.headers {
        let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_token(name) || !is_lower || has_control(value) {
            report(Complaint::BadHeader(name));
        }
        if matches!(
            *name,
            "connection"
                | "content-length"
                | "date"
                | "keep-alive"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        ) {
            report(Complaint::ServersHeader(name));
        }
    }
    let has_type = head.headers.iter().any(|(name, _)| *name == "content-type");
    if !has_type && !matches!(head.status, 204 | 304) {
        report(Complaint::NoContentType(head.status));
    }
}

/// A body that is watched.
pub struct ValidBody<B> {
    inner: B,
    report: Report,
    promised: Option<u64>,
    made: u64,
    at_end: bool,
    is_closed: bool,
}

impl<B: Body> Iterator for ValidBody<B> {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_closed {
            (self.report)(Complaint::AskedAfterClose);
        } else if self.at_end {
            (self.report)(Complaint::AskedAfterEnd);
        }
        let item = self.inner.next();
        let before = self.made;
        match &item {
            Some(Ok(chunk)) => self.made += chunk.len() as u64,
            // After an error the body is over as well.
            Some(Err(_)) | None => self.at_end = true,
        }
        if let Some(promised) = self.promised {
            let is_short = item.is_none() && self.made < promised;
            let is_first_too_many = before <= promised && self.made > promised;
            if is_short || is_first_too_many {
                (self.report)(Complaint::WrongLength { promised, made: self.made });
            }
        }
        item
    }
}

impl<B: Body> Body for ValidBody<B> {
    fn length(&self) -> Option<u64> {
        self.promised
    }

    fn close(&mut self, delivered: Delivered) {
        if self.is_closed {
            (self.report)(Complaint::ClosedTwice);
        }
        if delivered.bytes > self.made {
            (self.report)(Complaint::DeliveredTooMuch(delivered));
        }
        self.is_closed = true;
        self.inner.close(delivered);
    }
}

impl<B> Drop for ValidBody<B> {
    fn drop(&mut self) {
        if !self.is_closed {
            (self.report)(Complaint::NeverClosed);
        }
    }
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

pub(crate) fn has_control(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')
}
