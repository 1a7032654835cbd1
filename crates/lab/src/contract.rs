//! What every server on the ladder must do, as data: what to send, and what must come back.
//!
//! Two parts. The *contract* is the application's: [`rows`] has a case for each promise of the table in
//! `crates/README.md`, and this file says what a case is. *Conformance* is HTTP's: [`conformance`] has what
//! keeps a server of HTTP/1.1 safe and usable, as conversations ([`conversation`]). Where a framework is
//! known to answer for itself and differently, the case says so ([`known`]).
//!
//! [`verify`] holds both against a running server, for `cargo lab verify` and for the parity suite
//! (`tests/parity`). How bytes get in and out is in [`http`], and what they were in [`transcript`].

pub mod conformance;
pub mod conversation;
pub mod http;
pub mod known;
pub mod rows;
pub mod started;
pub mod transcript;
pub mod verify;

use std::fmt;
use std::io;

use self::http::{Connection, Request, Response};

/// One thing to send, and what must come back.
pub struct Case {
    /// Reads as a sentence after "a server".
    pub name: String,
    /// What is sent.
    pub request: Request,
    /// What must come back.
    pub expect: Expect,
}

/// What must come back.
pub struct Expect {
    /// HTTP status code.
    pub status: u16,
    /// Headers that must be there with exactly this value; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// What the body must be.
    pub body: BodyRule,
}

/// What a body must be.
pub enum BodyRule {
    /// These bytes.
    Exactly(Vec<u8>),
    /// A JSON object with these members, in this order.
    Members(&'static [&'static str]),
    /// These bytes, and who knows what after them: the client leaves when it has them.
    Begins(Vec<u8>),
    /// Problem details (RFC 9457) of the expected status.
    Problem,
}

impl Case {
    /// Sends the request and reads as much of the answer as there is to check.
    ///
    /// # Errors
    /// When that did not come.
    pub fn ask(&self, connection: &mut Connection) -> io::Result<Response> {
        match &self.expect.body {
            BodyRule::Begins(bytes) if self.request.method != "HEAD" => {
                connection.beginning(&self.request, bytes.len())
            }
            _ => connection.exchange(&self.request),
        }
    }

    /// Whether the answer depends on the services behind the server.
    pub fn needs_upstream(&self) -> bool {
        let called = ["/api/sun/", "/api/weather/", "/api/city/"];
        let is_called = called.iter().any(|route| self.request.target.starts_with(route));
        is_called
            && matches!((self.expect.status, &*self.request.method), (200 | 404 | 500.., "GET" | "HEAD"))
    }
}

impl Expect {
    /// Compares an answer with what was expected.
    ///
    /// # Errors
    /// Every way in which they differ, a line each.
    pub fn check(&self, request: &Request, response: &Response) -> Result<(), Mismatch> {
        let mut wrong = Vec::new();
        if response.status != self.status {
            wrong.push(format!("status {} instead of {}", response.status, self.status));
        }
        for (name, value) in &self.headers {
            match response.header(name) {
                Some(found) if found == value => {}
                Some(found) => wrong.push(format!("header {name}: {found} instead of {value}")),
                None => wrong.push(format!("no header {name}; it should be {value}")),
            }
        }
        for name in ALWAYS {
            if response.header(name).is_none() {
                wrong.push(format!("no header {name}"));
            }
        }
        let names: Vec<_> = response.headers.iter().map(|(name, _)| name).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                wrong.push(format!("header {name} more than once"));
            }
        }
        if request.method == "HEAD" {
            if !response.body.is_empty() {
                wrong.push(format!("{} bytes of body in answer to HEAD", response.body.len()));
            }
        } else if let Err(why) = self.body.check(self.status, &response.body) {
            wrong.push(why);
        }
        if wrong.is_empty() { Ok(()) } else { Err(Mismatch(wrong)) }
    }
}

/// Headers that every reply of the application carries, and the date that HTTP asks for.
const ALWAYS: [&str; 5] =
    ["x-request-id", "server-timing", "x-content-type-options", "content-security-policy", "date"];

impl BodyRule {
    fn check(&self, status: u16, body: &[u8]) -> Result<(), String> {
        let shown = || String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        match self {
            Self::Exactly(bytes) | Self::Begins(bytes) if bytes == body => Ok(()),
            Self::Exactly(bytes) | Self::Begins(bytes) => Err(format!(
                "a body of {} bytes ({}) instead of these {} bytes: {}",
                body.len(),
                shown(),
                bytes.len(),
                String::from_utf8_lossy(&bytes[..bytes.len().min(300)]),
            )),
            Self::Members(names) => {
                let members = members(body).ok_or_else(|| format!("not a JSON object: {}", shown()))?;
                if members.iter().map(String::as_str).eq(names.iter().copied()) {
                    Ok(())
                } else {
                    Err(format!("members {members:?} instead of {names:?}"))
                }
            }
            Self::Problem => {
                let problem: serde_json::Value =
                    serde_json::from_slice(body).map_err(|_| format!("not JSON: {}", shown()))?;
                let text = |name: &str| problem[name].as_str().is_some_and(|text| !text.is_empty());
                if problem["status"] == status && ["type", "title", "detail"].iter().all(|name| text(name)) {
                    Ok(())
                } else {
                    Err(format!("not problem details of status {status}: {}", shown()))
                }
            }
        }
    }
}

/// The names of a JSON object's members in the order in which they were sent.
fn members(body: &[u8]) -> Option<Vec<String>> {
    /// `serde_json`'s own map sorts its keys; order is part of "the same bytes".
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a JSON object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_slice::<Names>(body).ok().map(|names| names.0)
}

/// How an answer differs from what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub Vec<String>);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Mismatch {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let always = ALWAYS.map(|name| (name, "1"));
        Response {
            status,
            headers: always.iter().chain(headers).map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            body: body.into(),
        }
    }

    fn differences(case: &Case, response: &Response) -> Vec<String> {
        case.expect.check(&case.request, response).err().map_or_else(Vec::new, |mismatch| mismatch.0)
    }

    #[test]
    fn a_right_answer_passes_and_each_wrong_part_is_named() {
        let case = rows::get(
            "/hello",
            vec![("content-type", "application/json".into())],
            BodyRule::Exactly(b"{}".to_vec()),
        );
        assert_eq!(
            differences(&case, &answered(200, &[("content-type", "application/json")], "{}")),
            [""; 0]
        );
        assert_eq!(
            differences(&case, &answered(500, &[("content-type", "text/plain; charset=utf-8")], "no")),
            [
                "status 500 instead of 200",
                "header content-type: text/plain; charset=utf-8 instead of application/json",
                "a body of 2 bytes (no) instead of these 2 bytes: {}",
            ]
        );
    }

    #[test]
    fn members_are_compared_in_their_order() {
        let case = rows::get("/x", vec![], BodyRule::Members(&["sun", "weather"]));
        assert!(differences(&case, &answered(200, &[], r#"{"sun":1,"weather":2}"#)).is_empty());
        assert_eq!(differences(&case, &answered(200, &[], r#"{"weather":2,"sun":1}"#)).len(), 1);
        assert_eq!(differences(&case, &answered(200, &[], "[]")).len(), 1);
    }

    #[test]
    fn a_problem_must_be_of_the_status_that_was_sent() {
        let case = rows::refused(404, "x", Request::get("/x"));
        let body = |status| format!(r#"{{"type":"about:blank","title":"T","status":{status},"detail":"d"}}"#);
        let typed = [("content-type", "application/problem+json")];
        assert!(differences(&case, &answered(404, &typed, &body(404))).is_empty());
        assert_eq!(differences(&case, &answered(404, &typed, &body(400))).len(), 1);
        assert_eq!(differences(&case, &answered(404, &typed, "")).len(), 1);
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let mut case = rows::get("/hello", vec![], BodyRule::Exactly(b"{}".to_vec()));
        case.request = case.request.method("HEAD");
        assert!(differences(&case, &answered(200, &[], "")).is_empty());
        assert_eq!(differences(&case, &answered(200, &[], "{}")).len(), 1);
    }
}
