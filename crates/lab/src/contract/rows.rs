//! The rows of the contract, with right and wrong parameters, in the order of the table in
//! `crates/README.md`.

use super::http::Request;
use super::{BodyRule, Case, Expect};

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

const WEATHER: &[&str] = &[
    "city",
    "country",
    "date",
    "sky",
    "temperature",
    "humidity_percent",
    "pressure_hpa",
    "cloud_percent",
    "wind",
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
        get("/api/weather/97201/us", typed(JSON), BodyRule::Members(WEATHER)),
        get("/api/city/97201/us", typed(JSON), BodyRule::Members(&["sun", "weather"])),
        get(
            "/stream/3/10",
            stream_type(),
            BodyRule::Exactly("chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n".into()),
        ),
        get(
            "/live",
            live_headers(),
            BodyRule::Begins("event: tick\ndata: {\"n\":1}\n\nevent: tick\ndata: {\"n\":2}\n\n".into()),
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

pub(crate) fn get(target: &str, headers: Vec<(&'static str, String)>, body: BodyRule) -> Case {
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

fn live_headers() -> Vec<(&'static str, String)> {
    let live = [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("transfer-encoding", "chunked"),
    ];
    live.map(|(name, value)| (name, value.to_owned())).into()
}

fn stream_type() -> Vec<(&'static str, String)> {
    vec![("content-type", TEXT.into()), ("transfer-encoding", "chunked".into())]
}
