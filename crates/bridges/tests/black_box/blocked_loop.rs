//! The classic mistake, seen from outside.

use bridges::blocked_loop;
use bridges::config::{Config, Model};

use crate::config;
use crate::gate::{Gate, WAITING};
use testing::http::Connection;

#[test]
fn one_request_that_waits_stops_everybody() {
    let gate = Gate::new();
    let server = blocked_loop::start_with(&config(Model::BlockedLoop), gate.view()).unwrap();
    let mut streaming = Connection::asking(server.addr, "/stream/1000/20");
    streaming.head().unwrap();
    let mut waiting = Connection::asking(server.addr, WAITING);
    gate.await_entered(2);

    let mut hello = Connection::asking(server.addr, "/hello");
    let mut malformed = Connection::open(server.addr);
    malformed.write(b"this is not HTTP\r\n\r\n");
    assert!(hello.is_silent() && malformed.is_silent(), "the only loop waits for the gate");
    // What was sent before is still on its way; then this one stops as well.
    while !streaming.is_silent() {
        streaming.chunk().unwrap();
    }
    assert_eq!(gate.entered(), 2, "nothing else has reached a view");

    gate.open();
    assert_eq!(waiting.reply(false).unwrap().status, 200);
    assert_eq!(hello.reply(false).unwrap().status, 200);
    assert_eq!(malformed.head().unwrap().status, 400);
    assert!(streaming.chunk().unwrap().is_some());
    drop(streaming);
    server.stop().unwrap();
}

#[test]
fn as_many_wait_at_once_as_there_are_loops() {
    let gate = Gate::new();
    let config = Config { workers: Some(3), ..config(Model::BlockedLoop) };
    let server = blocked_loop::start_with(&config, gate.view()).unwrap();
    let mut waiting: Vec<_> = (0..6).map(|_| Connection::asking(server.addr, WAITING)).collect();
    gate.await_entered(3);
    assert!(waiting.iter_mut().all(Connection::is_silent));
    assert_eq!(gate.entered(), 3);
    gate.open();
    for connection in &mut waiting {
        assert_eq!(connection.reply(false).unwrap().status, 200);
    }
    server.stop().unwrap();
}
