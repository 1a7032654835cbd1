//! Clients that are slow, or gone half way: the others are served. Requests that are wrong in themselves are
//! in `lab/src/contract/conformance`, for every rung, with what rouille is known to do about them.

use crate::server;
use testing::http::{Connection, assert_alive, get};

/// There is no time limit to send them away by: they hold a thread each, and nobody else is held up.
#[test]
fn slow_senders_hold_up_nobody_else() {
    let server = server();
    let slow: Vec<_> = [
        "",
        "GET /hello HTTP/1.1\r\nhos",
        "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 5000\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf",
    ]
    .iter()
    .cycle()
    .take(80)
    .map(|bytes| {
        let mut connection = Connection::open(server.addr);
        connection.write(bytes.as_bytes());
        connection
    })
    .collect();
    for _ in 0..20 {
        assert_alive(server.addr);
    }
    drop(slow);
    server.stop().unwrap();
}

#[test]
fn clients_that_leave_half_way_take_nothing_with_them() {
    let server = server();
    for _ in 0..20 {
        for bytes in [
            "GET /he",
            "GET /wait/50 HTTP/1.1\r\nhost: t\r\n\r\n",
            "GET /stream/1000/1 HTTP/1.1\r\nhost: t\r\n\r\n",
            "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\nonly this",
            "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 30000000000\r\n\r\nonly this",
            "POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this",
            "POST /hello HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this",
        ] {
            let mut leaving = Connection::open(server.addr);
            leaving.write(bytes.as_bytes());
            drop(leaving);
            let mut slamming = Connection::open(server.addr);
            slamming.write(bytes.as_bytes());
            slamming.reset();
        }
    }
    assert_alive(server.addr);
    assert_eq!(get(server.addr, "/stream/3/1").status, 200);
    server.stop().unwrap();
}
