//! The services from outside: what they answer, what they refuse, how long they take.

use std::time::{Duration, Instant};

use crate::client::{Connection, get, order, services, services_with, state, try_ask, until};
use handlers::Place;
use handlers::services as asked;
use upstream::Config;

fn fetched(addr: std::net::SocketAddr, call: &asked::Call) -> asked::Fetched {
    let answer = get(addr, &call.0);
    Ok(asked::Response { status: answer.status, body: answer.body })
}

/// Asks as the servers ask, and reads with what they read with.
#[test]
fn the_servers_own_handlers_can_read_every_answer() {
    let up = services("fixed:0ms");
    for (zip, country, lat) in [("97201", "us", 45.5), ("SW1A 1AA", "gb", 51.5), ("2000", "au", -33.9)] {
        let place = Place { zip: zip.into(), country: country.into() };
        let at = asked::located(fetched(up.addr, &asked::locate(&place))).unwrap();
        assert!((at.lat - lat).abs() < 0.1, "{at:?}");
        let sun = asked::sun(fetched(up.addr, &asked::sun_times(at))).unwrap();
        assert!(sun.day_length.starts_with("12:"), "an equinox: {sun:?}");
        let weather = asked::weather(fetched(up.addr, &asked::weather_at(&place))).unwrap();
        let weather: serde_json::Value = serde_json::from_str(weather.get()).unwrap();
        assert_eq!(weather["country"], country);
        assert!(weather["temperature"]["now_c"].is_number());
    }
    let nowhere = Place { zip: "00000".into(), country: "us".into() };
    assert_eq!(asked::located(fetched(up.addr, &asked::locate(&nowhere))).unwrap_err().status(), 404);
}

#[test]
fn portland_is_where_it_is_and_the_date_decides_about_its_sun() {
    let up = services("fixed:0ms");
    let place = get(up.addr, "/location?q=97201,us").json();
    assert_eq!((&place["city"], &place["country_name"]), (&"Portland".into(), &"United States".into()));
    let equinox = get(up.addr, "/sun?lat=45.4989&lng=-122.6914").json();
    assert_eq!(equinox.as_object().unwrap().len(), 10);
    assert_eq!(equinox["sunrise"], "02:13:28 PM", "7:13 in the morning of Pacific daylight time");

    let date = "2026-06-21".parse().unwrap();
    let up = services_with("fixed:0ms", &Config { date, ..Config::default() });
    let tromso = get(up.addr, "/sun?lat=69.6492&lng=18.9553").json();
    assert_eq!((&tromso["sunset"], &tromso["day_length"]), (&"none".into(), &"24:00:00".into()));
}

#[test]
fn weather_follows_from_place_and_seed() {
    let weather = |seed, place: &str| {
        let up = services_with("fixed:0ms", &Config { seed, ..Config::default() });
        get(up.addr, &format!("/weather?zip={place}")).body
    };
    assert_eq!(weather(1, "97201,us"), weather(1, "97201,us"));
    assert_ne!(weather(1, "97201,us"), weather(2, "97201,us"));
    assert_ne!(weather(1, "97201,us"), weather(1, "10115,de"));
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let up = services("fixed:0ms");
    for (method, target, status, says) in [
        ("GET", "/", 404, "there are /location, /sun, /weather, /control"),
        ("GET", "/location/", 404, "no such path"),
        ("POST", "/moon", 404, "no such path"),
        ("GET", "/location?q=00000,us", 404, "no such place in the table: \"00000,us\""),
        ("GET", "/weather?zip=97201,de", 404, "no such place"),
        ("GET", "/location", 400, "the query parameter q is missing"),
        ("GET", "/location?zip=97201,us", 400, "the query parameter q is missing"),
        ("GET", "/weather?q=97201,us", 400, "the query parameter zip is missing"),
        ("GET", "/location?q=97201", 400, "as in 97201,us, not \"97201\""),
        ("GET", "/location?q=,us", 400, "q must be a postal code and a country"),
        ("GET", "/location?q=97201,usa", 400, "q must be a postal code and a country"),
        ("GET", "/location?q=%00%ff,us", 400, "q must be a postal code and a country"),
        ("GET", "/sun?lat=45", 400, "the query parameter lng is missing"),
        ("GET", "/sun?lat=90.1&lng=0", 400, "lat must be degrees, -90 to 90, not \"90.1\""),
        ("GET", "/sun?lat=0&lng=-181", 400, "lng must be degrees, -180 to 180"),
        ("GET", "/sun?lat=NaN&lng=0", 400, "lat must be degrees"),
        ("GET", "/sun?lat=north&lng=0", 400, "lat must be degrees"),
        ("POST", "/sun?lat=45&lng=0", 405, "this path takes GET, HEAD"),
        ("PUT", "/control", 405, "this path takes GET, HEAD, POST, DELETE"),
    ] {
        let answer = try_ask(up.addr, method, target, "").unwrap();
        assert_eq!(answer.status, status, "{method} {target}");
        assert!(answer.detail().contains(says), "{method} {target}: {}", answer.detail());
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {target}");
    }
    let long = "9".repeat(5_000);
    let detail = get(up.addr, &format!("/location?q={long},us")).detail();
    assert!(detail.len() < 200, "what was sent comes back cut short: {detail}");
}

#[test]
fn head_is_get_without_the_body_and_the_connection_goes_on() {
    let up = services("fixed:0ms");
    let mut connection = Connection::open(up.addr);
    let body = connection.ask("GET", "/location?q=97201,us", "").unwrap().body;
    let head = connection.ask("HEAD", "/location?q=97201,us", "").unwrap();
    assert_eq!(head.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(connection.ask("GET", "/location?q=97201,us", "").unwrap().body, body);
}

#[test]
fn nonsense_on_a_connection_hurts_nobody_else() {
    let up = services("fixed:0ms");
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /sun HTTP/9.9\r\n\r\n"] {
        let mut connection = Connection::open(up.addr);
        connection.send_raw(nonsense);
        if let Ok(head) = connection.head() {
            assert!(head.starts_with("HTTP/1.1 4"), "{head}");
        }
    }
    assert_eq!(get(up.addr, "/location?q=97201,us").status, 200);
}

#[test]
fn a_call_takes_its_delay_and_says_so() {
    let up = services("fixed:60ms");
    for target in ["/location?q=97201,us", "/sun?lat=1&lng=1", "/weather?zip=97201,us", "/location?q=1,us"] {
        let begin = Instant::now();
        let answer = get(up.addr, target);
        let took_ms = begin.elapsed().as_secs_f64() * 1_000.0;
        let timing = answer.header("server-timing").unwrap();
        let (queue, service) =
            timing.strip_prefix("queue;dur=").unwrap().split_once(", service;dur=").unwrap();
        let (queue, service): (f64, f64) = (queue.parse().unwrap(), service.parse().unwrap());
        assert!(60.0 <= service && queue + service <= took_ms, "{target}: {timing} within {took_ms}");
    }
    get(up.addr, "/nowhere");
    assert_eq!(state(up.addr)["served"], 4, "neither the control path nor a wrong one is a call");
}

#[test]
fn the_scale_shortens_what_the_lecture_recorded() {
    let up = services_with("lecture", &Config { time_scale: 0.1, ..Config::default() });
    for _ in 0..5 {
        get(up.addr, "/sun?lat=45&lng=-122");
    }
    let mean_ms = state(up.addr)["served_ms"].as_f64().unwrap() / 5.0;
    // Recorded: 399 to 742 ms. The upper bound has room for a busy machine.
    assert!((39.9..400.0).contains(&mean_ms), "{mean_ms}");
}

#[test]
fn hundreds_of_calls_wait_on_one_thread() {
    const CALLS: usize = 400;
    let up = services("fixed:0ms");
    order(up.addr, r#"{"stall":{"for_ms":600000}}"#);
    let mut connections: Vec<_> = (0..CALLS).map(|_| Connection::open(up.addr)).collect();
    for connection in &mut connections {
        connection.send("GET", "/location?q=97201,us", "");
    }
    until(up.addr, "all calls in service", |state| state["in_service"] == CALLS);
    order(up.addr, "{}");
    for connection in &mut connections {
        assert_eq!(connection.answer_to("GET").unwrap().status, 200);
    }
    assert_eq!(state(up.addr)["requests"]["/location"], CALLS);
}

#[test]
fn capacity_queues_the_rest_and_who_hangs_up_leaves_the_line() {
    let up = services_with("fixed:0ms", &Config { capacity: Some(2), ..Config::default() });
    order(up.addr, r#"{"stall":{"for_ms":600000}}"#);
    let mut connections: Vec<_> = (0..6).map(|_| Connection::open(up.addr)).collect();
    let targets = ["/location?q=97201,us", "/sun?lat=1&lng=1", "/weather?zip=97201,us"];
    for (connection, target) in connections.iter_mut().zip(targets.iter().cycle()) {
        connection.send("GET", target, "");
    }
    let is = |in_service, queued| {
        move |state: &serde_json::Value| state["in_service"] == in_service && state["queued"] == queued
    };
    until(up.addr, "two in service and four in line", is(2, 4));
    drop(connections.pop());
    until(up.addr, "three in line", is(2, 3));
    order(up.addr, "{}");
    for connection in &mut connections {
        assert_eq!(connection.answer_to("GET").unwrap().status, 200);
    }
    until(up.addr, "nobody left", is(0, 0));
}

#[test]
fn a_stop_lets_calls_in_service_finish_and_refuses_new_ones() {
    let up = services("fixed:300ms");
    let addr = up.addr;
    let mut connection = Connection::open(addr);
    let mut idle = Connection::open(addr);
    connection.send("GET", "/location?q=97201,us", "");
    until(addr, "the call in service", |state| state["in_service"] == 1);
    let begin = Instant::now();
    up.stop().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "an idle connection held the end up");
    assert_eq!(connection.answer_to("GET").unwrap().status, 200);
    assert!(idle.head().is_err());
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[test]
fn a_stop_does_not_wait_for_a_stall() {
    let up = services("fixed:0ms");
    order(up.addr, r#"{"stall":{"for_ms":600000}}"#);
    let mut connection = Connection::open(up.addr);
    connection.send("GET", "/location?q=97201,us", "");
    until(up.addr, "the call in service", |state| state["in_service"] == 1);
    up.stop().unwrap();
    assert!(connection.answer_to("GET").is_err(), "cut off, not answered");
}
