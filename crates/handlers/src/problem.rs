//! How the application says no: RFC 9457 problem details, the same bytes from every server.

use std::fmt;

use serde::Serialize;

use crate::{Body, Reply};

/// Everything that a view or the router can refuse, each with its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// 400: a path segment or the request body is not what the route takes.
    BadRequest(String),
    /// 404: no such path, or no such place.
    NotFound(String),
    /// 405: the path exists, but not with this method.
    MethodNotAllowed {
        /// Value of the `allow` header.
        allow: &'static str,
    },
    /// 413: the request body is larger than [`crate::MAX_BODY_BYTES`].
    BodyTooLarge,
    /// 500: a view panicked. What it said goes to the log, not to the client.
    Internal,
    /// 502: a service behind the server failed or answered nonsense.
    UpstreamFailed(String),
    /// 503: the server has nothing left to answer with, and says when to come back.
    Overloaded {
        /// Value of the `retry-after` header, in seconds.
        retry_after_s: u32,
    },
    /// 504: a service behind the server did not answer in time.
    UpstreamTimeout,
}

impl Problem {
    /// HTTP status code.
    pub fn status(&self) -> u16 {
        self.parts().0
    }

    /// Status and its registered phrase, which RFC 9457 asks for as title when the type is `about:blank`.
    fn parts(&self) -> (u16, &'static str) {
        match self {
            Self::BadRequest(_) => (400, "Bad Request"),
            Self::NotFound(_) => (404, "Not Found"),
            Self::MethodNotAllowed { .. } => (405, "Method Not Allowed"),
            Self::BodyTooLarge => (413, "Content Too Large"),
            Self::Internal => (500, "Internal Server Error"),
            Self::UpstreamFailed(_) => (502, "Bad Gateway"),
            Self::Overloaded { .. } => (503, "Service Unavailable"),
            Self::UpstreamTimeout => (504, "Gateway Timeout"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(detail) | Self::NotFound(detail) | Self::UpstreamFailed(detail) => {
                f.write_str(detail)
            }
            Self::MethodNotAllowed { allow } => write!(f, "this path takes {allow}"),
            Self::BodyTooLarge => {
                write!(f, "the request body may have {} bytes at most", crate::MAX_BODY_BYTES)
            }
            Self::Internal => f.write_str("the view failed; the server's log says why"),
            Self::Overloaded { retry_after_s } => {
                write!(f, "no capacity left for this request; try again in {retry_after_s} s")
            }
            Self::UpstreamTimeout => f.write_str("a service behind this server did not answer in time"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        #[derive(Serialize)]
        struct Details<'a> {
            r#type: &'a str,
            title: &'a str,
            status: u16,
            detail: String,
        }
        let (status, title) = problem.parts();
        let details = Details { r#type: "about:blank", title, status, detail: problem.to_string() };
        let body = serde_json::to_vec(&details).expect("strings and a number always serialise");
        let reply = Self::new(status, "application/problem+json", Body::Whole(body.into()));
        match problem {
            Problem::MethodNotAllowed { allow } => reply.with_header("allow", allow),
            Problem::Overloaded { retry_after_s } => {
                reply.with_header("retry-after", retry_after_s.to_string())
            }
            _ => reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &Reply) -> &str {
        match &reply.body {
            Body::Whole(bytes) => std::str::from_utf8(bytes).unwrap(),
            Body::Paced(_) => panic!("a problem is never paced"),
        }
    }

    #[test]
    fn a_problem_becomes_problem_json_with_its_four_members() {
        let reply = Reply::from(Problem::NotFound("no \"such\" place".into()));
        assert_eq!(reply.status, 404);
        assert_eq!(reply.headers[0], ("content-type", "application/problem+json".into()));
        assert_eq!(
            text(&reply),
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"no \"such\" place"}"#
        );
    }

    #[test]
    fn refusals_that_owe_a_header_carry_it() {
        let reply = Reply::from(Problem::MethodNotAllowed { allow: "POST" });
        assert!(reply.headers.contains(&("allow", "POST".into())));
        let reply = Reply::from(Problem::Overloaded { retry_after_s: 2 });
        assert!(reply.headers.contains(&("retry-after", "2".into())));
    }
}
