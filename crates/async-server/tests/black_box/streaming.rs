//! Bodies that are made while they are sent.

use std::time::{Duration, Instant};

use crate::server;
use testing::http::{Connection, assert_alive, send};

#[test]
fn each_chunk_is_sent_when_it_is_made() {
    let server = server();
    let mut connection = Connection::open(server.addr);
    connection.get("/stream/3/1000");
    assert_eq!(connection.head().unwrap().header("transfer-encoding"), Some("chunked"));
    let mut arrived = Vec::new();
    while let Some(chunk) = connection.chunk().unwrap() {
        arrived.push((String::from_utf8(chunk).unwrap(), Instant::now()));
    }
    let lines: Vec<_> = arrived.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, ["chunk 1 of 3\n", "chunk 2 of 3\n", "chunk 3 of 3\n"]);
    // Collected and sent at the end, they would arrive together.
    assert!(arrived[2].1 - arrived[0].1 > Duration::from_millis(1200), "the first waited for the last");
    server.stop().unwrap();
}

#[test]
fn the_head_of_a_stream_does_not_wait_for_its_end() {
    let server = server();
    let asked = Instant::now();
    let reply = send(server.addr, "HEAD", "/stream/1000/10000", "", b"");
    // Nearly three hours, were it run.
    assert!(asked.elapsed() < Duration::from_secs(20));
    assert_eq!((reply.status, reply.header("transfer-encoding")), (200, Some("chunked")));
    server.stop().unwrap();
}

#[test]
fn an_old_client_gets_the_lines_without_chunks_and_the_end_of_the_connection() {
    let server = server();
    let mut connection = Connection::open(server.addr);
    connection.write(b"GET /stream/2/1 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let reply = connection.reply(false).unwrap();
    assert_eq!((reply.header("transfer-encoding"), reply.header("content-length")), (None, None));
    assert_eq!(reply.text(), "chunk 1 of 2\nchunk 2 of 2\n");
    server.stop().unwrap();
}

#[test]
fn two_hundred_streams_share_one_loop_and_leave_room_for_others() {
    let server = server();
    let mut streams: Vec<_> = (0..200)
        .map(|_| {
            let mut connection = Connection::open(server.addr);
            connection.get("/stream/5/100");
            connection
        })
        .collect();
    assert_alive(server.addr);
    for stream in &mut streams {
        let reply = stream.reply(false).unwrap();
        assert_eq!(reply.text().lines().count(), 5);
    }
    server.stop().unwrap();
}
