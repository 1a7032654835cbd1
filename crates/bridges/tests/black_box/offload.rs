//! What a pool beside the event loop can do, and what happens when it is full.

use std::sync::Arc;

use bridges::config::{Config, Model};
use bridges::{Running, offload};

use crate::config;
use crate::gate::{Gate, WAITING};
use testing::http::{Connection, assert_alive, get};

/// With these views and so many threads.
fn server(threads: u16, gate: &Arc<Gate>) -> Running {
    let config = Config { blocking_threads: Some(threads), ..config(Model::Offload) };
    offload::start_with(&config, gate.view()).unwrap()
}

#[test]
fn when_all_threads_wait_the_next_request_waits_too() {
    let gate = Gate::new();
    let server = server(2, &gate);
    let mut waiting = Connection::asking(server.addr, WAITING);
    gate.await_entered(1);
    // One thread is left, and it is enough for this.
    assert_alive(server.addr);

    let mut also_waiting = Connection::asking(server.addr, WAITING);
    gate.await_entered(3);
    let mut hello = Connection::asking(server.addr, "/hello");
    assert!(hello.is_silent(), "2 threads, 3 requests in views");
    assert_eq!(gate.entered(), 3);
    gate.open();
    for connection in [&mut waiting, &mut also_waiting, &mut hello] {
        assert_eq!(connection.reply(false).unwrap().status, 200);
    }
    server.stop().unwrap();
}

#[test]
fn while_all_threads_wait_the_loop_goes_on() {
    let gate = Gate::new();
    let server = server(1, &gate);
    let mut streaming = Connection::asking(server.addr, "/stream/1000/20");
    streaming.head().unwrap();
    let mut waiting = Connection::asking(server.addr, WAITING);
    gate.await_entered(2);
    for _ in 0..20 {
        assert!(streaming.chunk().unwrap().is_some());
    }
    // What the framework answers by itself needs no thread either.
    let mut malformed = Connection::open(server.addr);
    malformed.write(b"this is not HTTP\r\n\r\n");
    assert_eq!(malformed.head().unwrap().status, 400);
    gate.open();
    assert_eq!(waiting.reply(false).unwrap().status, 200);
    drop(streaming);
    server.stop().unwrap();
}

#[test]
fn a_call_that_has_begun_goes_on_after_its_client_has_left() {
    let gate = Gate::new();
    let server = server(1, &gate);
    let leaving = Connection::asking(server.addr, WAITING);
    gate.await_entered(1);
    leaving.reset();
    let mut hello = Connection::asking(server.addr, "/hello");
    assert!(hello.is_silent(), "the only thread still waits for the gate");
    gate.open();
    assert_eq!(hello.reply(false).unwrap().status, 200);
    server.stop().unwrap();
}

#[test]
fn without_a_number_many_more_wait_at_once_than_there_are_loops() {
    let gate = Gate::new();
    let server = offload::start_with(&config(Model::Offload), gate.view()).unwrap();
    let mut waiting: Vec<_> = (0..100).map(|_| Connection::asking(server.addr, WAITING)).collect();
    gate.await_entered(100);
    assert_eq!(get(server.addr, "/hello").status, 200);
    gate.open();
    for connection in &mut waiting {
        assert_eq!(connection.reply(false).unwrap().status, 200);
    }
    server.stop().unwrap();
}
