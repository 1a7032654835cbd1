//! One contract, every server: the same request gets the same status, the same headers that matter and
//! the same bytes from each of them, whatever their upstream does. The contract itself is in
//! `src/contract.rs`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lab::contract::http::{Connection, Request, Response};
use lab::contract::{self, Case};

/// No answer of the contract takes longer, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn every_server_keeps_every_row_of_the_contract() {
    let (_upstream, servers) = started("fixed:5ms", Duration::from_secs(20));
    let mut failures = Vec::new();
    for case in contract::cases() {
        failures.extend(differences(&servers, &case));
    }
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_weather_is_passed_through_as_the_service_sent_it() {
    let (upstream, servers) = started("fixed:5ms", Duration::from_secs(20));
    let direct = ask(upstream.addr, &Request::get("/weather?zip=97201,us"));
    assert_eq!(direct.status, 200);
    for server in &servers {
        let passed = ask(server.addr, &Request::get("/api/weather/97201/us"));
        assert_eq!(passed.body, direct.body, "{}", server.name);
    }
}

#[test]
fn one_connection_carries_many_requests() {
    let (_upstream, servers) = started("fixed:5ms", Duration::from_secs(20));
    for server in &servers {
        let mut connection = Connection::open(server.addr, DEADLINE).unwrap();
        for case in contract::cases().iter().filter(|case| case.expect.status == 200) {
            let response = connection.exchange(&case.request).unwrap_or_else(|error| {
                panic!("{} {}: {error} (on a connection in use)", server.name, case.name)
            });
            case.expect.check(&case.request, &response).unwrap_or_else(|mismatch| {
                panic!("{} {}: {mismatch} (on a connection in use)", server.name, case.name)
            });
        }
    }
}

#[test]
fn each_chunk_of_a_stream_is_sent_when_it_is_made() {
    let (_upstream, servers) = started("fixed:5ms", Duration::from_secs(20));
    for server in &servers {
        let mut connection = Connection::open(server.addr, DEADLINE).unwrap();
        let begun = Instant::now();
        connection.send(&Request::get("/stream/4/250").to_bytes()).unwrap();
        let first = connection.until(b"chunk 1 of 4\n").unwrap();
        let arrived = begun.elapsed();
        assert!(!contains(&first, b"chunk 4 of 4"), "{}: the last chunk came with the first", server.name);
        connection.until(b"chunk 4 of 4\n").unwrap();
        // Three pauses of 250 ms lie between first and last, however busy the machine is.
        assert!(
            begun.elapsed() - arrived >= Duration::from_millis(500),
            "{}: a stream of 750 ms came within {:?}",
            server.name,
            begun.elapsed() - arrived
        );
    }
}

#[test]
fn an_upstream_in_trouble_is_the_same_trouble_everywhere() {
    // A fault per upstream, so that none meets another's request.
    for (fault, status) in [
        (r#"{"error":{"status":500}}"#, 502),
        (r#"{"error":{"status":503}}"#, 502),
        (r#"{"reset":{}}"#, 502),
        (r#"{"garbage":{}}"#, 502),
        (r#"{"stall":{"for_ms":60000}}"#, 504),
        (r#"{"slow_body":{"over_ms":60000}}"#, 504),
    ] {
        let (upstream, servers) = started("fixed:1ms", Duration::from_millis(700));
        let order = Request::new("POST", "/control").body(fault.into());
        assert_eq!(ask(upstream.addr, &order).status, 200, "{fault}");
        let mut failures = Vec::new();
        for target in ["/api/sun/97201/us", "/api/weather/97201/us", "/api/city/97201/us"] {
            let what = format!("{target} with {fault}");
            let case = contract::refused(status, &what, Request::get(target));
            failures.extend(differences(&servers, &case));
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        // The trouble over, everything is as it was.
        assert_eq!(ask(upstream.addr, &Request::new("POST", "/control").body(b"{}".to_vec())).status, 200);
        for server in &servers {
            let response = ask(server.addr, &Request::get("/api/city/97201/us"));
            assert_eq!(response.status, 200, "{} after {fault}", server.name);
        }
    }
}

#[test]
fn an_upstream_that_is_not_there_is_502() {
    // A port that was free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let servers = servers(nobody, Duration::from_secs(5));
    let what = "a request for a service that is not there";
    let case = contract::refused(502, what, Request::get("/api/weather/97201/us"));
    let failures = differences(&servers, &case);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Sends a case to every server: what differs from the contract, and what differs between servers.
fn differences(servers: &[Server], case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    let mut answers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for server in servers {
        let exchange = Connection::open(server.addr, DEADLINE)
            .and_then(|mut connection| connection.exchange(&case.request));
        match exchange {
            Ok(response) => {
                if let Err(mismatch) = case.expect.check(&case.request, &response) {
                    failures.push(format!("{} {}: {mismatch}", server.name, case.name));
                }
                answers.entry(comparable(&response)).or_default().push(server.name);
            }
            Err(error) => failures.push(format!("{} {}: {error}", server.name, case.name)),
        }
    }
    if answers.len() > 1 {
        failures.push(format!("not the same from all, {}: {answers:#?}", case.name));
    }
    failures
}

/// An answer without what may differ: the date, ids, times and what HTTP lets each connection decide.
fn comparable(response: &Response) -> String {
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

fn ask(addr: SocketAddr, request: &Request) -> Response {
    let mut connection = Connection::open(addr, DEADLINE).unwrap();
    connection
        .exchange(request)
        .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

struct Server {
    name: &'static str,
    addr: SocketAddr,
    /// Stops the server when the test is over.
    _running: Box<dyn std::any::Any>,
}

/// An upstream with these delays, and every server in front of it.
fn started(delay: &str, upstream_timeout: Duration) -> (upstream::Running, Vec<Server>) {
    let config = upstream::Config { port: 0, delay: delay.parse().unwrap(), ..Default::default() };
    let upstream = upstream::start(config).unwrap();
    let servers = servers(upstream.addr, upstream_timeout);
    (upstream, servers)
}

/// Every rung that there is, by its name.
fn servers(upstream: SocketAddr, upstream_timeout: Duration) -> Vec<Server> {
    use blocking_server::config::Model;

    let blocking = |name, model| {
        let config = blocking_server::config::Config {
            port: 0,
            model,
            upstream: upstream.to_string().parse().unwrap(),
            upstream_timeout,
            ..Default::default()
        };
        let running = blocking_server::start(config).unwrap();
        Server { name, addr: running.addr, _running: Box::new(running) }
    };
    let event_loop = {
        let config = async_server::config::Config {
            port: 0,
            workers: 1,
            upstream: upstream.to_string().parse().unwrap(),
            upstream_timeout,
            ..Default::default()
        };
        let running = async_server::start(config).unwrap();
        Server { name: "event-loop", addr: running.addr, _running: Box::new(running) }
    };
    vec![blocking("pool", Model::Pool), blocking("thread-per-request", Model::ThreadPerRequest), event_loop]
}

#[test]
fn the_suite_knows_every_rung_of_the_ladder() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let tested: Vec<_> = servers(nobody, DEADLINE).iter().map(|server| server.name).collect();
    let ladder: Vec<_> = lab::ladder::LADDER.iter().map(|rung| rung.name).collect();
    assert_eq!(tested, ladder);
}
