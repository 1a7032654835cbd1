//! The rungs compared with each other: each alone may be right, and still not the same.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use lab::contract::http::{Connection, Request, Response};
use lab::contract::{BodyRule, Case, rows};

use crate::{DEADLINE, Server, ask, of_each, servers, upstream};

#[test]
fn every_rung_sends_the_same_bytes() {
    let upstream = upstream("fixed:5ms");
    let servers = servers(upstream.addr, "20s");
    let cases = rows::cases();
    let answers = of_each(&servers, |server| all(server, &cases));
    let mut differences = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        differences.extend(apart(&case.name, servers.iter().zip(answers.iter().map(|all| &all[at]))));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn the_weather_is_passed_through_as_the_service_sent_it() {
    let upstream = upstream("fixed:5ms");
    let servers = servers(upstream.addr, "20s");
    let direct = ask(upstream.addr, &Request::get("/weather?zip=97201,us"));
    assert_eq!(direct.status, 200);
    let passed = of_each(&servers, |server| ask(server.addr, &Request::get("/api/weather/97201/us")));
    for (server, passed) in servers.iter().zip(passed) {
        assert_eq!(passed.body, direct.body, "{}", server.rung.name);
    }
}

#[test]
fn head_has_the_headers_of_get() {
    let upstream = upstream("fixed:5ms");
    let servers = servers(upstream.addr, "20s");
    let targets =
        ["/", "/hello", "/wait/1", "/hash/2", "/api/sun/97201/us", "/stream/2/0", "/nothing", "/wait/x"];
    let headers = |server: &Server, method: &str, target: &str| {
        let response = ask(server.addr, &Request::new(method, target));
        let named = |name| response.header(name).map(str::to_owned);
        (response.status, ["content-type", "content-length", "transfer-encoding"].map(named))
    };
    of_each(&servers, |server| {
        for target in targets {
            let (get, head) = (headers(server, "GET", target), headers(server, "HEAD", target));
            assert_eq!(head, get, "{} {target}", server.rung.name);
        }
    });
}

/// What one server answers to all of it, on one connection as long as that stays.
fn all(server: &Server, cases: &[Case]) -> Vec<String> {
    let mut kept: Option<Connection> = None;
    let mut answer = |case: &Case| {
        // Behind what was refused, and what never ends, a connection need not be usable.
        let stays = case.expect.status == 200 && !matches!(case.expect.body, BodyRule::Begins(_));
        let connection =
            kept.take().filter(|_| stays).map_or_else(|| Connection::open(server.addr, DEADLINE), Ok);
        let (response, connection) = connection
            .and_then(|mut connection| Ok((case.ask(&mut connection)?, connection)))
            .unwrap_or_else(|error| panic!("{} {}: {error}", server.rung.name, case.name));
        kept = Some(connection).filter(|_| stays && response.header("connection") != Some("close"));
        comparable(&response)
    };
    cases.iter().map(&mut answer).collect()
}

/// What differs between servers, if anything.
pub(crate) fn apart<'a>(
    what: &str,
    answers: impl Iterator<Item = (&'a Server, &'a String)>,
) -> Option<String> {
    let mut who: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (server, answer) in answers {
        who.entry(answer).or_default().push(server.rung.name);
    }
    (who.len() > 1).then(|| format!("not the same from all, {what}: {who:#?}"))
}

/// An answer without what may differ: the date, ids, times and what HTTP lets each connection decide.
pub(crate) fn comparable(response: &Response) -> String {
    // A known difference: tiny_http sends bodies from here on in chunks, though it knows their length.
    const CHUNKED_BY_TINY_HTTP_BYTES: usize = 32 * 1024;
    let framing_is_free = response.body.len() >= CHUNKED_BY_TINY_HTTP_BYTES;
    let is_left_out = |name: &str| match name {
        "date" | "connection" | "server" | "keep-alive" => true,
        "content-length" | "transfer-encoding" => framing_is_free,
        _ => false,
    };
    let mut headers: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| !is_left_out(name))
        .map(|(name, value)| match name.as_str() {
            "x-request-id" | "server-timing" => format!("{name}: …"),
            _ => format!("{name}: {value}"),
        })
        .collect();
    headers.sort();
    let shown = String::from_utf8_lossy(&response.body[..response.body.len().min(200)]).into_owned();
    let mut hasher = DefaultHasher::new();
    response.body.hash(&mut hasher);
    let hash = hasher.finish();
    format!("{} {headers:?} {} bytes, hash {hash:x}: {shown}", response.status, response.body.len())
}
