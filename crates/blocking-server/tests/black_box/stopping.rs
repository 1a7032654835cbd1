//! Stopping: what has reached a view is finished, nothing else holds the server up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use blocking_server::config::Config;
use blocking_server::{Running, start_with, views};

use crate::{config, models};
use testing::eventually;
use testing::http::{Connection, get};

/// A server with much patience, and a count of the requests that have reached a view.
fn counting(config: Config) -> (Running, Arc<AtomicUsize>) {
    let entered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&entered);
    let config = Config { grace: Duration::from_secs(60), ..config };
    let server = start_with(config, move |request, up| {
        count.fetch_add(1, Ordering::SeqCst);
        views::view(request, up)
    });
    (server.unwrap(), entered)
}

/// Under load that never pauses, which is what rouille's own way to stop waits for.
#[test]
fn no_request_that_reached_a_view_is_lost() {
    for config in models() {
        let (server, entered) = counting(config);
        let (addr, answered) = (server.addr, Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..32)
            .map(|n| {
                let answered = Arc::clone(&answered);
                thread::spawn(move || {
                    let targets = ["/hello", "/wait/1", "/wait/20", "/stream/3/5", "/wait/100"];
                    // Until the server is gone. What is asked after the stop gets a 503, or no answer.
                    let Ok(mut connection) = Connection::try_open(addr) else { return };
                    loop {
                        connection.get(targets[n % targets.len()]);
                        match connection.reply(false) {
                            Ok(reply) if reply.status == 200 => answered.fetch_add(1, Ordering::SeqCst),
                            Ok(reply) => return assert_eq!(reply.status, 503),
                            Err(_) => return,
                        };
                    }
                })
            })
            .collect();
        eventually("the load is under way", || answered.load(Ordering::SeqCst) > 1_000);
        let told = Instant::now();
        server.stop().unwrap();
        assert!(told.elapsed() < Duration::from_secs(10), "it waited for the load: {:?}", told.elapsed());
        // What was written before the stop may still be on its way through the clients.
        let entered = entered.load(Ordering::SeqCst);
        eventually("every answer has arrived", || answered.load(Ordering::SeqCst) == entered);
        // In a program the connections end with the process. Here their threads belong to the test's.
        drop(clients);
    }
}

#[test]
fn while_one_request_is_finished_no_new_one_is_taken() {
    for config in models() {
        let (server, entered) = counting(config);
        let addr = server.addr;
        let mut kept = Connection::open(addr);
        kept.get("/hello");
        assert_eq!(kept.reply(false).unwrap().status, 200);
        let mut waiting = Connection::open(addr);
        waiting.get("/wait/1500");
        let mut streaming = Connection::open(addr);
        streaming.get("/stream/4/500");
        eventually("all have reached their view", || entered.load(Ordering::SeqCst) == 3);
        let stop = server.stopper();
        let server = thread::spawn(move || server.wait());
        stop();
        eventually("the port is closed", || Connection::try_open(addr).is_err());
        kept.get("/hello");

        assert_eq!(waiting.reply(false).unwrap().text(), r#"{"waited_ms":1500}"#);
        assert_eq!(streaming.reply(false).unwrap().text().lines().count(), 4);
        server.join().unwrap().unwrap();
        assert_eq!(entered.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn idle_connections_do_not_delay_the_stop() {
    let (server, _) = counting(config());
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
}

#[test]
fn grace_is_a_bound() {
    for config in models() {
        let server = blocking_server::start(Config { grace: Duration::from_millis(200), ..config }).unwrap();
        let mut endless = Connection::open(server.addr);
        // Long against the bound below; this thread outlives the test, but not by much.
        endless.get("/wait/20000");
        assert_eq!(get(server.addr, "/wait/20").status, 200);
        let told = Instant::now();
        server.stop().unwrap();
        assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    }
}

#[test]
fn a_stopped_server_leaves_its_port_to_the_next() {
    let first = blocking_server::start(config()).unwrap();
    let port = first.addr.port();
    let taken = blocking_server::start(Config { port, ..config() }).map(drop).unwrap_err();
    assert!(taken.to_string().contains("take another --port"), "{taken}");
    assert_eq!(get(first.addr, "/hello").status, 200);
    first.stop().unwrap();
    let second = blocking_server::start(Config { port, ..config() }).unwrap();
    assert_eq!(get(second.addr, "/hello").status, 200);
    second.stop().unwrap();
}
