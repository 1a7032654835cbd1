//! Stopping: what has reached a view is finished, nothing else holds the server up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_server::config::Config;
use async_server::request::Request;
use async_server::{Running, views};

use crate::config;
use testing::eventually;
use testing::http::{Connection, get};

/// A server with two loops, much patience, and a count of the requests that have reached a view.
fn counting() -> (Running, Arc<AtomicUsize>) {
    let entered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&entered);
    let config = Config { workers: 2, grace: Duration::from_secs(60), ..config() };
    let server = async_server::start_with(config, async move |request: &mut Request<'_>, up: &_| {
        count.fetch_add(1, Ordering::SeqCst);
        views::view(request, up).await
    });
    (server.unwrap(), entered)
}

#[test]
fn no_request_that_reached_a_view_is_lost() {
    let (server, entered) = counting();
    let (addr, answered) = (server.addr, Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..32)
        .map(|n| {
            let answered = Arc::clone(&answered);
            thread::spawn(move || {
                let targets = ["/hello", "/wait/1", "/wait/20", "/stream/3/5", "/wait/100"];
                // Until the server is gone: each request on a kept connection, while that lasts.
                while let Ok(mut connection) = Connection::try_open(addr) {
                    loop {
                        connection.get(targets[n % targets.len()]);
                        let Ok(reply) = connection.reply(false) else { break };
                        assert_eq!(reply.status, 200);
                        answered.fetch_add(1, Ordering::SeqCst);
                        if reply.header("connection") == Some("close") {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    eventually("the load is under way", || answered.load(Ordering::SeqCst) > 1_000);
    server.stop().unwrap();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(answered.load(Ordering::SeqCst), entered.load(Ordering::SeqCst));
}

#[test]
fn idle_connections_do_not_delay_the_stop() {
    let (server, _) = counting();
    let mut idle: Vec<_> = (0..50).map(|_| Connection::open(server.addr)).collect();
    // Some have had an answer, some have never asked.
    for connection in idle.iter_mut().step_by(2) {
        connection.get("/hello");
        assert_eq!(connection.reply(false).unwrap().status, 200);
    }
    let told = Instant::now();
    server.stop().unwrap();
    assert!(
        told.elapsed() < Duration::from_secs(10),
        "grace is 60 s, and was waited for: {:?}",
        told.elapsed()
    );
    for mut connection in idle {
        assert_eq!(connection.rest(), b"");
    }
}

#[test]
fn while_one_request_is_finished_no_new_one_is_taken() {
    let (server, entered) = counting();
    let addr = server.addr;
    let mut waiting = Connection::open(addr);
    waiting.get("/wait/1500");
    let mut streaming = Connection::open(addr);
    streaming.get("/stream/4/500");
    eventually("both have reached their view", || entered.load(Ordering::SeqCst) == 2);
    server.stopper()();
    eventually("the port is closed", || Connection::try_open(addr).is_err());

    let reply = waiting.reply(false).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(streaming.reply(false).unwrap().text().lines().count(), 4);
    server.wait().unwrap();
    assert_eq!(entered.load(Ordering::SeqCst), 2);
}

#[test]
fn grace_is_a_bound() {
    let grace = Duration::from_millis(200);
    let server = async_server::start(Config { grace, ..config() }).unwrap();
    let mut endless = Connection::open(server.addr);
    endless.get("/wait/60000");
    // Connections are accepted in order: when this is answered, the other has been read.
    assert_eq!(get(server.addr, "/wait/20").status, 200);
    let told = Instant::now();
    server.stop().unwrap();
    assert!(told.elapsed() < Duration::from_secs(20), "{:?}", told.elapsed());
    assert_eq!(endless.rest(), b"", "cut, without a reply that was never made");
}

#[test]
fn a_stopped_server_leaves_its_port_to_the_next() {
    let first = async_server::start(config()).unwrap();
    let port = first.addr.port();
    let taken = async_server::start(Config { port, ..config() }).map(|_| ()).unwrap_err();
    assert!(taken.to_string().contains("take another --port"), "{taken}");
    assert_eq!(get(first.addr, "/hello").status, 200);
    first.stop().unwrap();
    let second = async_server::start(Config { port, ..config() }).unwrap();
    assert_eq!(get(second.addr, "/hello").status, 200);
    second.stop().unwrap();
}

#[test]
fn stopping_without_any_client_takes_no_time() {
    let stopped = Arc::new(AtomicBool::new(false));
    let (server, _) = counting();
    let told = Instant::now();
    let mark = Arc::clone(&stopped);
    let waiter = thread::spawn(move || {
        server.stop().unwrap();
        mark.store(true, Ordering::SeqCst);
    });
    eventually("it has stopped", || stopped.load(Ordering::SeqCst));
    waiter.join().unwrap();
    assert!(told.elapsed() < Duration::from_secs(10));
}
