//! Bare rouille with one route: what `blocking-server` is measured against, to see what its own layers cost.
//!
//! It answers `/hello` with the header names and the lengths that the server answers with, from constants: no
//! WSGI, no hooks, no application. The listener is mended and connections are looked after as there, because
//! the comparison is of what runs for each request. Takes `--port N` and `--exit-with-stdin`.

use std::io;
use std::sync::Arc;
use std::thread;

use blocking_server::sockets::Listener;
use blocking_server::stranded::Rescue;
use rouille::{Response, ResponseBody, Server};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut port = 0_u16;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--port" => port = arguments.next().ok_or("--port needs a number")?.parse()?,
            "--exit-with-stdin" => lifecycle::exit_with_stdin()?,
            other => {
                return Err(format!("unknown argument {other}; there are --port and --exit-with-stdin").into());
            }
        }
    }
    let rescue = Arc::new(Rescue::default());
    let seen = Arc::clone(&rescue);
    let server = Server::new(("127.0.0.1", port), move |request| {
        seen.saw(*request.remote_addr());
        match request.raw_url() {
            "/hello" => hello(),
            _ => Response::empty_404(),
        }
    })?;
    let addr = server.server_addr();
    Listener::find(addr).ok_or_else(|| io::Error::other("no listener of ours"))?.mend()?;
    thread::spawn(move || rescue.watch(addr, || false));
    lifecycle::announce(addr);
    server.run();
    Err("rouille has stopped accepting connections".into())
}

fn hello() -> Response {
    Response {
        status_code: 200,
        headers: Vec::new(),
        data: ResponseBody::from_data(*br#"{"hello":"world"}"#),
        upgrade: None,
    }
    .with_additional_header("content-type", "application/json")
    .with_additional_header("x-request-id", "0123abcd-12345")
    .with_additional_header("server-timing", "view;dur=0.001")
    .with_additional_header("x-content-type-options", "nosniff")
    .with_additional_header("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
}
