//! A blocking server on the codec: `cargo run --package wire --example hello`, then `curl` what it prints.
//!
//! All of HTTP is in `wire`; what is left is moving bytes. A real server adds what only the owner of a socket
//! can: time limits for each [`wire::Phase`], bounds on lingering and on connections, and what to do when a
//! thread cannot be made (see `blocking-server/src/bare.rs`).

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use wire::{Connection, Error, Limits, RequestHead, ServerConnection};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("listening on http://{}/hello", listener.local_addr()?);
    for socket in listener.incoming() {
        let socket = socket?;
        thread::spawn(move || serve(socket));
    }
    Ok(())
}

/// One connection, from its first byte to its last.
pub(crate) fn serve(mut socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut http = ServerConnection::new(Limits::default());
    let mut head = RequestHead::default();
    while http.is_open() {
        match http.take_head(&mut head) {
            Ok(true) => answer(&head, &mut http, &mut socket)?,
            Ok(false) => receive(&mut http, &mut socket)?,
            Err(error) => http.refuse(&error),
        }
        send(&mut http, &mut socket)?;
    }
    if http.lingers() {
        socket.shutdown(Shutdown::Write)?;
        while socket.read(http.space())? > 0 {}
    }
    Ok(())
}

fn answer(head: &RequestHead, http: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<()> {
    match (head.method(), head.target()) {
        ("GET" | "HEAD", "/hello") => http.reply(200, &[("content-type", "text/plain")], b"hello\n"),
        ("POST", "/echo") => match body(http, socket)? {
            Ok(body) => http.reply(200, &[("content-type", "application/octet-stream")], &body),
            Err(error) => http.refuse(&error),
        },
        _ => http.reply(404, &[("content-type", "text/plain")], b"GET /hello or POST /echo\n"),
    }
    Ok(())
}

fn body(http: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<Result<Vec<u8>, Error>> {
    let mut body = Vec::new();
    loop {
        match http.take_body(&mut body) {
            Ok(true) => return Ok(Ok(body)),
            Ok(false) => {
                send(http, socket)?; // The client may be waiting for "100 Continue".
                receive(http, socket)?;
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn send(http: &mut impl Connection, socket: &mut TcpStream) -> io::Result<()> {
    socket.write_all(http.output())?;
    http.sent();
    Ok(())
}

fn receive(http: &mut impl Connection, socket: &mut TcpStream) -> io::Result<()> {
    let count = socket.read(http.space())?;
    http.filled(count);
    Ok(())
}
