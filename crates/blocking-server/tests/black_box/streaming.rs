//! Streams: each chunk when it is made, and an end for all that there is.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blocking_server::host;
use blocking_server::wsgi::{Application, Body, Chunk, Delivered, Environ, ResponseHead, StartResponse};

use crate::{config, models, server};
use testing::eventually;
use testing::http::{Connection, assert_alive, get};

/// A stream that makes a chunk only when the client has got the one before: collected, it would never end.
struct InStep(Arc<Mutex<Receiver<()>>>);

struct InStepBody {
    arrived: Arc<Mutex<Receiver<()>>>,
    made: usize,
}

impl Application for InStep {
    type Body = InStepBody;

    fn call(&self, _: &mut Environ<'_>, start: &mut dyn StartResponse) -> InStepBody {
        start.start_response(head(), None).unwrap();
        InStepBody { arrived: Arc::clone(&self.0), made: 0 }
    }
}

impl Iterator for InStepBody {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.made > 0 {
            let arrived = self.arrived.lock().unwrap().recv_timeout(Duration::from_secs(20));
            arrived.expect("the client has got the chunk before");
        }
        self.made += 1;
        (self.made <= 5).then(|| Ok(b"now\n".as_slice().into()))
    }
}

impl Body for InStepBody {}

fn head() -> ResponseHead {
    ResponseHead { status: 200, headers: vec![("content-type", "text/plain".into())] }
}

#[test]
fn each_chunk_is_sent_when_it_is_made() {
    for config in models() {
        let (has_arrived, arrived) = channel();
        let server = host(config, InStep(Arc::new(Mutex::new(arrived)))).unwrap();
        let mut connection = Connection::open(server.addr);
        connection.get("/");
        connection.head().unwrap();
        for _ in 0..5 {
            assert_eq!(connection.chunk().unwrap().unwrap(), b"now\n");
            has_arrived.send(()).unwrap();
        }
        assert!(connection.chunk().unwrap().is_none());
        server.stop().unwrap();
    }
}

#[test]
fn there_is_a_pause_before_every_chunk_but_the_first() {
    let server = server();
    let began = Instant::now();
    assert_eq!(get(server.addr, "/stream/1/10000").text(), "chunk 1 of 1\n");
    assert!(began.elapsed() < Duration::from_secs(10), "a pause before the first");
    let began = Instant::now();
    assert_eq!(get(server.addr, "/stream/4/100").text().lines().count(), 4);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    server.stop().unwrap();
}

#[test]
fn a_client_sees_one_clean_response_and_the_connection_goes_on() {
    let server = server();
    let mut connection = Connection::open(server.addr);
    for _ in 0..3 {
        connection.get("/stream/2/1");
        let reply = connection.reply(false).unwrap();
        assert_eq!((reply.status, reply.text()), (200, "chunk 1 of 2\nchunk 2 of 2\n"));
        let names = reply.names();
        for wrong in ["upgrade", "connection", "content-length"] {
            assert!(!names.iter().any(|name| name == wrong), "{wrong} in {names:?}");
        }
        assert!(names.iter().any(|name| name == "date"), "{names:?}");
    }
    connection.get("/hello");
    assert_eq!(connection.reply(false).unwrap().status, 200);
    server.stop().unwrap();
}

/// A stream of a chunk now and then, which tells how it was closed.
struct Ticks(Arc<Mutex<Vec<Delivered>>>);

struct TickBody(Arc<Mutex<Vec<Delivered>>>);

impl Application for Ticks {
    type Body = TickBody;

    fn call(&self, _: &mut Environ<'_>, start: &mut dyn StartResponse) -> TickBody {
        start.start_response(head(), None).unwrap();
        TickBody(Arc::clone(&self.0))
    }
}

impl Iterator for TickBody {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        std::thread::sleep(Duration::from_millis(5));
        Some(Ok(b"tick\n".as_slice().into()))
    }
}

impl Body for TickBody {
    fn close(&mut self, delivered: Delivered) {
        self.0.lock().unwrap().push(delivered);
    }
}

#[test]
fn a_stream_without_an_end_ends_with_its_client() {
    let closed = Arc::new(Mutex::new(Vec::new()));
    let server = host(config(), Ticks(Arc::clone(&closed))).unwrap();
    let mut connection = Connection::open(server.addr);
    connection.get("/");
    connection.head().unwrap();
    for _ in 0..3 {
        assert_eq!(connection.chunk().unwrap().unwrap(), b"tick\n");
    }
    drop(connection);
    eventually("the body is closed", || !closed.lock().unwrap().is_empty());
    let closed = closed.lock().unwrap();
    assert_eq!(closed.len(), 1);
    assert!(!closed[0].complete && closed[0].bytes >= 15, "{:?}", closed[0]);
    server.stop().unwrap();
}

#[test]
fn many_streams_at_once() {
    let server = server();
    let addr = server.addr;
    let clients: Vec<_> = (0..50)
        .map(|_| std::thread::spawn(move || assert_eq!(get(addr, "/stream/5/20").text().lines().count(), 5)))
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert_alive(addr);
    server.stop().unwrap();
}
