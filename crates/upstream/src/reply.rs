//! Answers, problems, and a body that can trickle. Nothing here knows what is answered.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Bytes, Frame, SizeHint};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use tokio::time::{Instant, Sleep, sleep};

use crate::queue::Slot;

/// An answer as data.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) allow: Option<&'static str>,
}

impl Reply {
    /// 200 with a JSON body.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("strings and numbers always serialise");
        Self { status: 200, content_type: "application/json", body: body.into(), allow: None }
    }

    /// A refusal as RFC 9457 problem details.
    pub(crate) fn problem(status: u16, detail: &str) -> Self {
        #[derive(Serialize)]
        struct Details<'a> {
            r#type: &'a str,
            title: &'a str,
            status: u16,
            detail: &'a str,
        }
        let known = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let title = known.unwrap_or("Unassigned");
        let json = Self::json(&Details { r#type: "about:blank", title, status, detail });
        Self { status, content_type: "application/problem+json", ..json }
    }

    /// 405, with what the path does take.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::problem(405, &format!("this path takes {allow}")) }
    }

    /// The answer as the HTTP library wants it.
    pub(crate) fn into_response(self, pace: Option<Pace>) -> Response<Body> {
        let mut response = Response::new(Body { left: self.body, pace });
        *response.status_mut() = self.status.try_into().expect("statuses are checked where they come in");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// A body that is there, sent whole or in pieces.
pub(crate) struct Body {
    left: Bytes,
    pace: Option<Pace>,
}

/// How a slow body is sent. The call keeps its slot until the last piece is out.
pub(crate) struct Pace {
    gap: Duration,
    piece_bytes: usize,
    next: Pin<Box<Sleep>>,
    _slot: Slot,
}

impl Pace {
    /// Spreads a body of so many bytes over a time, in at most 20 pieces.
    pub(crate) fn over(time: Duration, body_bytes: usize, slot: Slot) -> Self {
        let piece_bytes = body_bytes.div_ceil(20).max(1);
        let pieces = body_bytes.div_ceil(piece_bytes).max(1);
        let gap = time / pieces as u32;
        Self { gap, piece_bytes, next: Box::pin(sleep(gap)), _slot: slot }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let mut bytes = self.left.len();
        if let Some(pace) = &mut self.pace {
            ready!(pace.next.as_mut().poll(context));
            let next = Instant::now() + pace.gap;
            pace.next.as_mut().reset(next);
            bytes = bytes.min(pace.piece_bytes);
        }
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
