//! Streams: each chunk when it is made, and an end for all that there is.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blocking_server::host;
use blocking_server::wsgi::{Application, Body, Chunk, Delivered, Environ, ResponseHead, StartResponse};

use crate::http::{Connection, assert_alive, get};
use crate::{config, eventually, models, server};

#[test]
fn each_chunk_comes_when_it_is_made() {
    for config in models() {
        let server = blocking_server::start(config).unwrap();
        let mut connection = Connection::open(server.addr);
        let began = Instant::now();
        connection.get("/stream/4/250");
        connection.head().unwrap();
        let mut came_ms = Vec::new();
        while let Some(chunk) = connection.chunk().unwrap() {
            came_ms.push(began.elapsed().as_millis());
            assert_eq!(chunk, format!("chunk {} of 4\n", came_ms.len()).into_bytes());
        }
        assert_eq!(came_ms.len(), 4);
        for (nth, &came_ms) in came_ms.iter().enumerate() {
            assert!(came_ms >= 250 * nth as u128, "too early: chunk {nth} after {came_ms} ms");
        }
        // Had they been collected, the first would have come with the last.
        assert!(came_ms[0] + 500 <= came_ms[3], "collected: {came_ms:?}");
        server.stop().unwrap();
    }
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
        let headers = vec![("content-type", "text/plain".into())];
        start.start_response(ResponseHead { status: 200, headers }, None).unwrap();
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
