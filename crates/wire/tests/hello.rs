//! The example server, on a real socket.

#[path = "../examples/hello.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod hello;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// All that the server sends until it closes, to a client that sends all it has at once.
fn talk(request: &[u8]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || hello::serve(listener.accept().unwrap().0));
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.write_all(request).unwrap();
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).unwrap();
    drop(socket);
    server.join().unwrap().unwrap();
    String::from_utf8(reply).unwrap()
}

#[test]
fn it_answers_what_it_knows_until_the_client_wants_no_more() {
    let reply = talk(
        b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n\
          POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\necho\n\r\n0\r\n\r\n\
          DELETE /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    let at = |part| reply.find(part).unwrap_or_else(|| panic!("no {part:?} in {reply}"));
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(at("\r\n\r\nhello\n") < at("\r\n\r\necho\n") && at("echo\n") < at("HTTP/1.1 404 Not Found\r\n"));
    assert!(reply.ends_with("GET /hello or POST /echo\n"));
}

/// The client sends far more than the server reads before it refuses: without the two-step close, the reply
/// would be lost in a reset.
#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let mut request = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n".to_vec();
    request.resize(request.len() + 2_000_000, b'x');
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || hello::serve(listener.accept().unwrap().0));
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.write_all(&request).unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 413 Content Too Large\r\n"), "{reply}");
    drop(socket);
    server.join().unwrap().unwrap();
}
