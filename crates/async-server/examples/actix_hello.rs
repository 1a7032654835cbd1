//! What actix-web does without us: one route, the reply of our `/hello` with headers of the same names and
//! lengths, the same listener. `async-server` answers at least 0.90 times as many requests as this.
//!
//! `cargo run --release -p async-server --example actix_hello -- --port 8012 --workers 1`

use std::error::Error;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use async_server::config::{BACKLOG, Limits, MAX_CONNECTIONS_PER_WORKER};
use clap::Parser;

/// The smallest actix-web program that answers `GET /hello` as async-server does
#[derive(Parser)]
struct Args {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8012)]
    port: u16,
    /// Event loops, each on a thread of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: u16,
    /// Exit when standard input reaches its end; for programs that start this one
    #[arg(long)]
    exit_with_stdin: bool,
}

async fn hello() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("content-type", "application/json"))
        .insert_header(("x-request-id", "1a2b3c4d-12345"))
        .insert_header(("server-timing", "view;dur=0.001"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("content-security-policy", "default-src 'none'; frame-ancestors 'none'"))
        .body(r#"{"hello":"world"}"#)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    if args.exit_with_stdin {
        lifecycle::exit_with_stdin()?;
    }
    let limits = Limits::default();
    let server = HttpServer::new(|| App::new().route("/hello", web::get().to(hello)))
        .workers(args.workers.into())
        .backlog(BACKLOG)
        .max_connections(MAX_CONNECTIONS_PER_WORKER)
        .tcp_nodelay(true)
        .client_request_timeout(limits.head_time)
        .keep_alive(limits.idle_time)
        .client_disconnect_timeout(limits.linger_time)
        .disable_signals()
        .bind(("127.0.0.1", args.port))?;
    let addr = server.addrs()[0];
    let server = server.run();
    let handle: ServerHandle = server.handle();
    // Nobody waits for the returned future: the command is sent when it is made.
    lifecycle::on_stop_signal(move || drop(handle.stop(false)))?;
    lifecycle::announce(addr);
    Ok(server.await?)
}
