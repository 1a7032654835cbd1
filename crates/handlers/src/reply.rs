//! A reply as data. How it reaches the socket is the server's affair.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

/// A header line: lower-case name, value without line breaks.
pub type Header = (&'static str, Cow<'static, str>);

/// Status, headers and body. `content-length`, `transfer-encoding`, `date` and `connection` are not
/// among the headers: framing belongs to the server.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Headers in the order in which they are sent.
    pub headers: Vec<Header>,
    /// What follows them.
    pub body: Body,
}

/// A body that is there already, or one that is made while it is sent.
#[derive(Debug)]
pub enum Body {
    /// Known in full, sent with `content-length`.
    Whole(Cow<'static, [u8]>),
    /// Made chunk by chunk, sent with `transfer-encoding: chunked`.
    Paced(Paced),
}

/// Chunks with a pause between them. *Waiting* for the pause is left to the server: a blocking one
/// sleeps on a thread, an async one registers a timer. That is all in which they differ here.
pub struct Paced {
    /// The chunks in order. Each is to be sent when it is taken, not collected.
    pub chunks: Box<dyn Iterator<Item = Vec<u8>> + Send>,
    /// From one chunk to the next.
    pub gap: Duration,
    /// When the next chunk is due; `None` before the first.
    next: Option<Instant>,
}

impl Paced {
    /// Chunks that are due `gap` apart, the first at once.
    pub fn new(chunks: impl Iterator<Item = Vec<u8>> + Send + 'static, gap: Duration) -> Self {
        Self { chunks: Box::new(chunks), gap, next: None }
    }

    /// How long to wait, from `now`, before the next chunk is sent; to be asked once for each. The chunks
    /// are due on a schedule that begins with the first, so small delays do not add up over a long stream.
    pub fn pause(&mut self, now: Instant) -> Duration {
        let due = self.next.unwrap_or(now);
        self.next = Some(due + self.gap);
        due.saturating_duration_since(now)
    }
}

impl Reply {
    /// A reply with a body of the given type, with room for the headers that hooks will add.
    pub fn new(status: u16, content_type: impl Into<Cow<'static, str>>, body: Body) -> Self {
        let mut headers = Vec::with_capacity(8);
        headers.push(("content-type", content_type.into()));
        Self { status, headers, body }
    }

    /// Adds a header line.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl fmt::Debug for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").field("gap", &self.gap).finish_non_exhaustive()
    }
}
