//! What becomes of a request when the services behind the server fail.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_server::Running;
use async_server::config::Config;

use crate::fake_upstream::{self, Act, right};
use crate::http::{Connection, assert_alive, get};
use crate::{config, server_with_upstream};

const ROUTES: [&str; 3] = ["/api/sun/97201/us", "/api/weather/97201/us", "/api/city/97201/us"];

/// A server that waits no more than 300 ms for services which always act like this.
fn server_behind(act: Act) -> Running {
    let upstream = fake_upstream::start(move |_| act.clone());
    impatient(upstream)
}

fn impatient(upstream: SocketAddr) -> Running {
    let upstream = upstream.to_string().parse().unwrap();
    let upstream_timeout = Duration::from_millis(300);
    async_server::start(Config { upstream, upstream_timeout, ..config() }).unwrap()
}

#[test]
fn each_way_to_fail_has_its_status_and_the_server_goes_on() {
    let raw = |text: &str| Act::Raw(text.into());
    let long = "x".repeat(handlers::services::MAX_RESPONSE_BYTES + 1);
    for (status, act) in [
        (504, Act::Stall),
        (502, Act::Answer(500, "{}".into())),
        (502, Act::Answer(301, "{}".into())),
        (502, Act::Answer(200, "not JSON".into())),
        (502, Act::Answer(200, long.clone())),
        (404, Act::Answer(404, "{}".into())),
        (502, Act::Reset),
        (502, Act::Close),
        (502, raw("garbage\r\n\r\n")),
        (502, raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"cut\":")),
        (502, raw("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}")),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\n\r\n\"{long}\"").into())),
        (502, Act::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n{{}}", "y".repeat(1 << 20)).into())),
    ] {
        let what = format!("{act:?}").chars().take(60).collect::<String>();
        let server = server_behind(act);
        for route in ROUTES {
            let reply = get(server.addr, route);
            assert_eq!(reply.status, status, "{route} when the upstream does {what}");
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        }
        assert_alive(server.addr);
        server.stop().unwrap();
    }
}

#[test]
fn nobody_there_is_a_502() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let server = server_with_upstream(free);
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 502);
    server.stop().unwrap();
}

#[test]
fn an_upstream_may_be_named() {
    let port = fake_upstream::start(|asked| right(&asked)).port();
    let upstream = format!("http://localhost:{port}/").parse().unwrap();
    let server = async_server::start(Config { upstream, ..config() }).unwrap();
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 200);
    server.stop().unwrap();
}

/// An answer of a byte now and then must not get around the time limit, which is for all of it.
#[test]
fn a_trickle_is_as_slow_as_silence() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let upstream = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // What comes before the request is not an answer to it.
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let server = impatient(upstream);
    assert_eq!(get(server.addr, "/api/weather/97201/us").status, 504);
    server.stop().unwrap();
}

#[test]
fn a_stalled_upstream_stops_nobody_else() {
    let upstream = fake_upstream::start(|_| Act::Stall);
    let server = server_with_upstream(upstream);
    let mut stalled: Vec<_> = (0..100).map(|_| Connection::open(server.addr)).collect();
    for connection in &mut stalled {
        connection.get("/api/weather/97201/us");
    }
    // The default timeout is 10 s; these must not wait for it.
    let asked = Instant::now();
    for _ in 0..10 {
        assert_alive(server.addr);
    }
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    drop(stalled);
    drop(server);
}

/// The upstream may close an idle connection just when the next call is written to it.
#[test]
fn a_connection_that_died_in_the_pool_is_not_the_clients_problem() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let upstream = fake_upstream::start(move |asked| match asked.nth {
        1 => {
            counted.fetch_add(1, Ordering::Relaxed);
            right(&asked)
        }
        2 => Act::Close,
        _ => Act::Reset,
    });
    let server = server_with_upstream(upstream);
    let mut client = Connection::open(server.addr);
    for _ in 0..20 {
        client.get("/api/weather/97201/us");
        let reply = client.reply(false).unwrap();
        assert_eq!((reply.status, reply.text()), (200, fake_upstream::WEATHER));
    }
    assert!(connections.load(Ordering::Relaxed) > 1, "no connection was used twice; nothing was tested");
    server.stop().unwrap();
}

#[test]
fn connections_to_the_upstream_are_reused() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let upstream = fake_upstream::start(move |asked| {
        counted.fetch_add(usize::from(asked.nth == 1), Ordering::Relaxed);
        right(&asked)
    });
    let server = server_with_upstream(upstream);
    for _ in 0..20 {
        assert_eq!(get(server.addr, "/api/sun/97201/us").status, 200);
    }
    let opened = connections.load(Ordering::Relaxed);
    assert!(opened < 10, "{opened} connections for 40 calls in sequence");
    server.stop().unwrap();
}

/// Two calls that need nothing of each other wait at the same time, on the thread that both share.
#[test]
fn the_fan_out_takes_as_long_as_its_longest_part() {
    let upstream = fake_upstream::start(|asked| {
        let slow = !asked.target.starts_with("/location");
        std::thread::sleep(Duration::from_millis(if slow { 1000 } else { 0 }));
        right(&asked)
    });
    let server = server_with_upstream(upstream);
    let asked = Instant::now();
    assert_eq!(get(server.addr, "/api/city/97201/us").status, 200);
    assert!(asked.elapsed() < Duration::from_millis(1800), "{:?}", asked.elapsed());
    server.stop().unwrap();
}
