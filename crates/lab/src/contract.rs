//! The HTTP contract as data: what to send, and what every server on the ladder must answer.
//!
//! The parity suite (`tests/parity.rs`) runs it against all of them. How bytes get in and out is in
//! [`http`]; what each case expects stands here, in the order of the contract's table in
//! `crates/README.md`.

pub mod http;

use std::fmt;

use self::http::{Request, Response};

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
    /// Problem details (RFC 9457) of the expected status.
    Problem,
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
        for name in ["x-request-id", "server-timing", "x-content-type-options"] {
            if response.header(name).is_none() {
                wrong.push(format!("no header {name}"));
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

impl BodyRule {
    fn check(&self, status: u16, body: &[u8]) -> Result<(), String> {
        let shown = || String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        match self {
            Self::Exactly(bytes) if bytes == body => Ok(()),
            Self::Exactly(bytes) => Err(format!(
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

/// Every row of the contract, good and bad input. The server's upstream must be healthy.
pub fn cases() -> Vec<Case> {
    let mut cases = good();
    // HEAD answers as GET would, without the body, and without waiting for a stream.
    let heads: Vec<Case> = good()
        .into_iter()
        .chain([get("/stream/1000/10000", stream_type(), BodyRule::Exactly(vec![]))])
        .filter(|case| case.request.method == "GET")
        .map(|case| Case {
            name: format!("{} as HEAD", case.name),
            request: case.request.method("HEAD"),
            ..case
        })
        .collect();
    cases.extend(heads);
    cases.extend(posts());
    cases.extend(refusals());
    cases
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// The largest body that `POST /echo` takes.
const MOST_BYTES: usize = 1024 * 1024;
const SUN: &[&str] = &[
    "sunrise",
    "sunset",
    "solar_noon",
    "day_length",
    "civil_twilight_begin",
    "civil_twilight_end",
    "nautical_twilight_begin",
    "nautical_twilight_end",
    "astronomical_twilight_begin",
    "astronomical_twilight_end",
];

fn good() -> Vec<Case> {
    let json = |target: &str, body: &str| get(target, typed(JSON), BodyRule::Exactly(body.into()));
    let welcome = "Parkbench: the same application on a blocking and an async server.\n\
                   Try /hello, /wait/250, /api/sun/97201/us or /stream/10/500.\n";
    vec![
        get("/", typed(TEXT), BodyRule::Exactly(welcome.into())),
        json("/hello", r#"{"hello":"world"}"#),
        json("/hello?a=query&is=ignored", r#"{"hello":"world"}"#),
        json("http://localhost/hello", r#"{"hello":"world"}"#),
        json("/wait/0", r#"{"waited_ms":0}"#),
        json("/wait/25", r#"{"waited_ms":25}"#),
        // Digests: `printf '' | sha256sum`, and so on from its bytes.
        json(
            "/hash/0",
            r#"{"rounds":0,"digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
        ),
        json(
            "/hash/1",
            r#"{"rounds":1,"digest":"5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"}"#,
        ),
        json(
            "/api/events/Portland/OR/us",
            r#"{"city":"Portland","state":"OR","country":"us","name":"Open-air concert in Portland"}"#,
        ),
        json(
            "/api/events/S%C3%A3o%20Paulo/a%2Fb/BR",
            r#"{"city":"São Paulo","state":"a/b","country":"br","name":"Open-air concert in São Paulo"}"#,
        ),
        get("/api/sun/97201/us", typed(JSON), BodyRule::Members(SUN)),
        get("/api/city/97201/us", typed(JSON), BodyRule::Members(&["sun", "weather"])),
        get(
            "/stream/3/10",
            stream_type(),
            BodyRule::Exactly("chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n".into()),
        ),
        Case {
            name: "keeps the client's request id".into(),
            request: Request::get("/hello").header("x-request-id", "lesson-1"),
            expect: Expect {
                status: 200,
                headers: vec![("x-request-id", "lesson-1".into())],
                body: BodyRule::Exactly(br#"{"hello":"world"}"#.to_vec()),
            },
        },
    ]
}

fn posts() -> Vec<Case> {
    let echo = |name: &str, request: Request, content_type: &str, body: Vec<u8>| Case {
        name: format!("answers POST /echo {name}"),
        request,
        expect: Expect { status: 200, headers: typed(content_type), body: BodyRule::Exactly(body) },
    };
    let post = |body: Vec<u8>| Request::new("POST", "/echo").body(body);
    let every_byte: Vec<u8> = (0..=255).collect();
    let largest: Vec<u8> = (0..MOST_BYTES).map(|at| (at % 251) as u8).collect();
    let too_large = vec![b'x'; MOST_BYTES + 1];
    let typeless = "application/octet-stream";
    vec![
        echo(
            "with a type",
            post(b"a,b\n".to_vec()).header("content-type", "text/csv"),
            "text/csv",
            b"a,b\n".to_vec(),
        ),
        echo("without a type", post(every_byte.clone()), typeless, every_byte.clone()),
        echo("with nothing", post(vec![]), typeless, vec![]),
        echo("in chunks", post(every_byte.clone()).chunked(), typeless, every_byte),
        echo("with 1 MiB", post(largest.clone()), typeless, largest.clone()),
        echo("with 1 MiB in chunks", post(largest.clone()).chunked(), typeless, largest),
        refused(413, "a body of 1 MiB and a byte", post(too_large.clone())),
        refused(413, "chunks of 1 MiB and a byte", post(too_large).chunked()),
    ]
}

fn refusals() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in [
        "/wait/60001",
        "/wait/-1",
        "/wait/abc",
        "/wait/",
        "/wait/18446744073709551616",
        "/hash/5000001",
        "/stream/0/1",
        "/stream/1001/1",
        "/stream/1/10001",
        "/api/sun/97201/usa",
        "/api/sun//us",
        "/api/weather/97201/u%2",
        "/api/events/%ff/or/us",
        "/api/events/a%0ab/or/us",
        "/api/events/a%zz/or/us",
    ] {
        cases.push(refused(400, target, Request::get(target)));
    }
    for target in ["/nothing", "/hello/", "/api/sun/97201/us/more", "/a/b/c/d/e/f/g/h", "/api/sun/00000/us"] {
        cases.push(refused(404, target, Request::get(target)));
    }
    cases.push(refused(404, "DELETE /nothing", Request::new("DELETE", "/nothing")));
    for (method, target, allow) in [
        ("POST", "/hello", "GET, HEAD"),
        ("DELETE", "/wait/10", "GET, HEAD"),
        ("PUT", "/wait/not-a-number", "GET, HEAD"),
        ("OPTIONS", "/api/sun/97201/us", "GET, HEAD"),
        ("GET", "/echo", "POST"),
        ("HEAD", "/echo", "POST"),
    ] {
        let mut case = refused(405, &format!("{method} {target}"), Request::new(method, target));
        case.expect.headers.push(("allow", allow.into()));
        cases.push(case);
    }
    cases
}

fn get(target: &str, headers: Vec<(&'static str, String)>, body: BodyRule) -> Case {
    Case {
        name: format!("answers GET {target}"),
        request: Request::get(target),
        expect: Expect { status: 200, headers, body },
    }
}

/// A request that must be refused with problem details.
pub fn refused(status: u16, what: &str, request: Request) -> Case {
    Case {
        name: format!("refuses {what} with {status}"),
        request,
        expect: Expect { status, headers: typed("application/problem+json"), body: BodyRule::Problem },
    }
}

fn typed(content_type: &str) -> Vec<(&'static str, String)> {
    vec![("content-type", content_type.into())]
}

fn stream_type() -> Vec<(&'static str, String)> {
    vec![("content-type", TEXT.into()), ("transfer-encoding", "chunked".into())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let always =
            [("x-request-id", "1"), ("server-timing", "view;dur=1"), ("x-content-type-options", "nosniff")];
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
        let case = get("/hello", typed(JSON), BodyRule::Exactly(b"{}".to_vec()));
        assert_eq!(differences(&case, &answered(200, &[("content-type", JSON)], "{}")), [""; 0]);
        assert_eq!(
            differences(&case, &answered(500, &[("content-type", TEXT)], "no")),
            [
                "status 500 instead of 200",
                "header content-type: text/plain; charset=utf-8 instead of application/json",
                "a body of 2 bytes (no) instead of these 2 bytes: {}",
            ]
        );
    }

    #[test]
    fn members_are_compared_in_their_order() {
        let case = get("/x", vec![], BodyRule::Members(&["sun", "weather"]));
        assert!(differences(&case, &answered(200, &[], r#"{"sun":1,"weather":2}"#)).is_empty());
        assert_eq!(differences(&case, &answered(200, &[], r#"{"weather":2,"sun":1}"#)).len(), 1);
        assert_eq!(differences(&case, &answered(200, &[], "[]")).len(), 1);
    }

    #[test]
    fn a_problem_must_be_of_the_status_that_was_sent() {
        let case = refused(404, "x", Request::get("/x"));
        let body = |status| format!(r#"{{"type":"about:blank","title":"T","status":{status},"detail":"d"}}"#);
        let typed = [("content-type", "application/problem+json")];
        assert!(differences(&case, &answered(404, &typed, &body(404))).is_empty());
        assert_eq!(differences(&case, &answered(404, &typed, &body(400))).len(), 1);
        assert_eq!(differences(&case, &answered(404, &typed, "")).len(), 1);
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let mut case = get("/hello", vec![], BodyRule::Exactly(b"{}".to_vec()));
        case.request = case.request.method("HEAD");
        assert!(differences(&case, &answered(200, &[], "")).is_empty());
        assert_eq!(differences(&case, &answered(200, &[], "{}")).len(), 1);
    }
}
