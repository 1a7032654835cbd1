//! What holds for all three bridges: requests come through whole, and what goes wrong stays where it was.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use blocking_server::client::Client;
use blocking_server::request::Request;
use bridges::config::{Config, Model};
use bridges::{Running, async_views, blocked_loop, offload};
use handlers::MAX_BODY_BYTES;

use crate::config;
use crate::gate::{Gate, WAITING};
use testing::eventually;
use testing::http::{Connection, assert_alive, get, send};

const MODELS: [Model; 3] = [Model::AsyncViews, Model::Offload, Model::BlockedLoop];

/// A server of each model whose views do something first.
fn start_with(config: &Config, before: impl Fn(&str) + Clone + Send + Sync + 'static) -> io::Result<Running> {
    let first = before.clone();
    let blocking_view = move |request: &mut Request<'_>, up: &Client| {
        first(request.target);
        blocking_server::views::view(request, up)
    };
    let async_view = async move |request: &mut async_server::request::Request<'_>, up: &_| {
        before(request.target);
        async_server::views::view(request, up).await
    };
    match config.model {
        Model::AsyncViews => async_views::start_with(config, async_view),
        Model::Offload => offload::start_with(config, blocking_view),
        Model::BlockedLoop => blocked_loop::start_with(config, blocking_view),
    }
}

#[test]
fn a_body_comes_through_whole_and_with_its_type() {
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for model in MODELS {
        let server = bridges::start(&config(model)).unwrap();
        let lines = format!("content-type: image/x-test\r\ncontent-length: {}\r\n", bytes.len());
        let reply = send(server.addr, "POST", "/echo", &lines, &bytes);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("image/x-test")), "{model:?}");
        assert!(reply.body == bytes, "{model:?}");

        let chunked = "transfer-encoding: chunked\r\n";
        let reply = send(server.addr, "POST", "/echo", chunked, b"3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n");
        assert_eq!((reply.status, reply.text()), (200, "foobar"), "{model:?}");
        let reply = send(server.addr, "POST", "/echo", "content-length: 0\r\n", b"");
        assert_eq!((reply.status, reply.text()), (200, ""), "{model:?}");
        server.stop().unwrap();
    }
}

#[test]
fn a_body_that_cannot_be_had_is_refused_by_whoever_wants_it() {
    let too_large = format!("content-length: {}\r\n", MAX_BODY_BYTES + 1);
    let chunked = "transfer-encoding: chunked\r\n";
    let endless = [b"110000\r\n".as_slice(), &vec![b'x'; 0x11_0000], b"\r\n"].concat();
    for model in MODELS {
        let server = bridges::start(&config(model)).unwrap();
        for (method, target, lines, body, status) in [
            ("POST", "/echo", &*too_large, &b""[..], 413),
            ("POST", "/echo", chunked, &endless, 413),
            ("POST", "/echo", chunked, b"no chunk\r\n", 400),
            // These would not have looked at it.
            ("POST", "/nothing", &too_large, b"", 404),
            ("POST", "/hello", &too_large, b"", 405),
            ("GET", "/hello", &too_large, b"", 200),
        ] {
            let reply = send(server.addr, method, target, lines, body);
            assert_eq!(reply.status, status, "{model:?}: {method} {target} {lines}");
        }
        assert_alive(server.addr);
        server.stop().unwrap();
    }
}

#[test]
fn replies_carry_what_the_hooks_add_and_say_how_long_the_view_took() {
    for model in MODELS {
        let server = bridges::start(&config(model)).unwrap();
        for method in ["GET", "HEAD"] {
            let reply = send(server.addr, method, "/wait/50", "x-request-id: mine\r\n", b"");
            assert_eq!((reply.status, reply.header("x-request-id")), (200, Some("mine")), "{model:?}");
            assert_eq!(reply.header("content-length"), Some("16"), "{model:?}");
            let timing = reply.header("server-timing").unwrap();
            let (view, pool) = timing.split_once(", ").unwrap_or((timing, ""));
            assert_eq!(pool.starts_with("pool;dur="), model == Model::Offload, "{timing}");
            let took_ms: f64 = view.strip_prefix("view;dur=").unwrap().parse().unwrap();
            assert!((50.0..5_000.0).contains(&took_ms), "{model:?}: {timing}");
        }
        let reply = get(server.addr, "/stream/3/10");
        assert_eq!(reply.text(), "chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n", "{model:?}");
        server.stop().unwrap();
    }
}

#[test]
fn a_panic_is_a_500_and_the_server_lives() {
    for model in MODELS {
        let panics = |target: &str| assert!(target != "/", "this test panics on purpose");
        let server = start_with(&config(model), panics).unwrap();
        // More often than there are loops, and on one connection.
        let mut connection = Connection::open(server.addr);
        for _ in 0..4 {
            connection.get("/");
            let reply = connection.reply(false).unwrap();
            assert_eq!(reply.status, 500, "{model:?}");
            assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{model:?}");
            assert!(reply.header("x-request-id").is_some(), "{model:?}");
        }
        assert_alive(server.addr);
        server.stop().unwrap();
    }
}

#[test]
fn a_stop_loses_no_request_that_reached_a_view() {
    for model in MODELS {
        let entered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&entered);
        let counts = move |_: &str| {
            count.fetch_add(1, Ordering::SeqCst);
        };
        let server = start_with(&config(model), counts).unwrap();
        let (addr, answered) = (server.addr, Arc::new(AtomicUsize::new(0)));
        for n in 0..16 {
            let (answered, target) =
                (Arc::clone(&answered), ["/hello", "/wait/1", "/wait/20", "/stream/3/5"][n % 4]);
            thread::spawn(move || {
                // Until the server is gone: each request on a kept connection, while that lasts. What is asked
                // after the stop gets no answer, or rouille's host says 503 without calling a view.
                while let Ok(mut connection) = Connection::try_open(addr) {
                    loop {
                        connection.get(target);
                        match connection.reply(false) {
                            Ok(reply) if reply.status == 200 => answered.fetch_add(1, Ordering::SeqCst),
                            Ok(_) | Err(_) => break,
                        };
                    }
                }
            });
        }
        eventually("the load is under way", || answered.load(Ordering::SeqCst) > 300);
        server.stop().unwrap();
        // What was written before the stop may still be on its way through the clients.
        let entered = entered.load(Ordering::SeqCst);
        eventually("every answer has arrived", || answered.load(Ordering::SeqCst) == entered);
    }
}

#[test]
fn grace_is_a_bound_though_a_thread_cannot_be_stopped() {
    for model in MODELS {
        let gate = Gate::new();
        let waits = Arc::clone(&gate);
        let grace = Duration::from_millis(200);
        let server =
            start_with(&Config { grace, ..config(model) }, move |target| waits.pass(target)).unwrap();
        let mut waiting = Connection::asking(server.addr, WAITING);
        gate.await_entered(1);
        let told = Instant::now();
        server.stop().unwrap();
        assert!(told.elapsed() < Duration::from_secs(10), "{model:?}: {:?}", told.elapsed());
        gate.open();
        // Whatever the host makes of its connection by then: it comes to an end.
        let _ = waiting.reply(false);
    }
}

#[test]
fn flags_that_do_not_fit_start_nothing() {
    for model in [Model::AsyncViews, Model::BlockedLoop] {
        let wrong = Config { blocking_threads: Some(8), ..config(model) };
        let refused = bridges::start(&wrong).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("--blocking-threads"), "{refused}");
    }
}
