//! What clients may do to a bare rung, and its limits on them: with threads and with tasks the same, so both
//! servers' tests have this file. What differs between the two is in the `bare.rs` above it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use handlers::{Body, Paced, Reply};

use super::{Config, Limits, Running, models, start, start_with};
use testing::eventually;
use testing::http::{Connection, assert_alive};

/// Long against every limit in here, and against a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A server of each model whose clients may take only so long.
fn each(limits: Limits, test: impl Fn(&Running)) {
    for config in models() {
        let server = start(Config { limits, ..config });
        test(&server);
        assert_alive(server.addr);
        stops_at_once(server);
    }
}

/// Nothing is left that the server would wait for: no request holds a thread or a task.
fn stops_at_once(server: Running) {
    let told = Instant::now();
    server.stop().unwrap();
    assert!(told.elapsed() < PATIENCE, "grace is a minute, and was waited for: {:?}", told.elapsed());
}

/// Sends the beginning, and then a byte at a time for longer than `limit`.
fn trickle(connection: &mut Connection, beginning: &str, limit: Duration) {
    connection.write(beginning.as_bytes());
    let until = Instant::now() + 3 * limit;
    while Instant::now() < until {
        connection.write(b"a");
        sleep(ms(20));
    }
}

#[test]
fn a_head_that_does_not_end_is_a_408_and_the_end() {
    let head_time = ms(300);
    each(Limits { head_time, ..Limits::default() }, |server| {
        let mut slow = Connection::open(server.addr);
        trickle(&mut slow, "GET /hello HTTP/1.1\r\nhost: t\r\n", head_time);
        // The client was sending all the time, and gets to read it all the same.
        assert_eq!(slow.reply(false).unwrap().status, 408);
        assert_eq!(slow.rest(), b"");

        // A kept connection has that time from the first byte of its next head on.
        let mut second = Connection::open(server.addr);
        second.get("/hello");
        assert_eq!(second.reply(false).unwrap().status, 200);
        sleep(2 * head_time);
        second.write(b"GET /hello HT");
        assert_eq!(second.reply(false).unwrap().status, 408);
        assert_eq!(second.rest(), b"");
    });
}

#[test]
fn a_body_that_does_not_end_is_a_400_and_the_end() {
    let body_time = ms(300);
    each(Limits { body_time, ..Limits::default() }, |server| {
        for framing in ["content-length: 100000\r\n\r\n", "transfer-encoding: chunked\r\n\r\nfffff\r\n"] {
            let mut slow = Connection::open(server.addr);
            trickle(&mut slow, &format!("POST /echo HTTP/1.1\r\nhost: t\r\n{framing}"), body_time);
            let reply = slow.reply(false).unwrap();
            assert_eq!((reply.status, reply.header("connection")), (400, Some("close")));
            assert_eq!(slow.rest(), b"");
        }
    });
}

#[test]
fn who_says_nothing_is_not_kept() {
    let (head_time, idle_time) = (ms(400), ms(200));
    each(Limits { head_time, idle_time, ..Limits::default() }, |server| {
        let opened = Instant::now();
        let mut silent = Connection::open(server.addr);
        assert_eq!(silent.rest(), b"");
        assert!((head_time..PATIENCE).contains(&opened.elapsed()), "silent: {:?}", opened.elapsed());

        let mut idle = Connection::open(server.addr);
        let asked = Instant::now();
        idle.get("/hello");
        assert_eq!(idle.reply(false).unwrap().status, 200);
        assert_eq!(idle.rest(), b"");
        assert!((idle_time / 2..PATIENCE).contains(&asked.elapsed()), "idle: {:?}", asked.elapsed());
    });
}

/// More than all buffers between two programs hold.
const HUGE_BYTES: usize = 32 << 20;

#[test]
fn a_client_that_never_reads_is_dropped() {
    let limits = Limits { write_time: ms(300), ..Limits::default() };
    for config in models() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let server = start_with(Config { limits, ..config }, move |target| {
            let body = match target {
                "/huge" => Body::Whole(vec![b'x'; HUGE_BYTES].into()),
                "/endless" => {
                    let held = Arc::clone(&kept);
                    let chunks = std::iter::repeat_with(move || {
                        let _held = &held;
                        vec![b'x'; 64 << 10]
                    });
                    Body::Paced(Paced::new(chunks, Duration::ZERO))
                }
                _ => return None,
            };
            Some(Ok(Reply::new(200, "text/plain", body)))
        });
        let before = Arc::strong_count(&held);
        let mut clients = ["/huge", "/endless", "/endless"].map(|target| {
            let mut client = Connection::open(server.addr);
            client.get(target);
            client
        });
        eventually("an endless reply has begun", || Arc::strong_count(&held) > before);
        eventually("nothing is made any more", || Arc::strong_count(&held) == before);
        assert_alive(server.addr);
        // Before anybody reads: what is in the way of the stop can only have ended by itself.
        stops_at_once(server);
        // What they are left with is the beginning, and an end that nobody can take for the right one.
        for client in &mut clients {
            let got = client.rest();
            assert!(got.len() < HUGE_BYTES && !got.ends_with(b"0\r\n\r\n"), "{} bytes", got.len());
        }
    }
}

#[test]
fn a_client_that_reads_slowly_is_not() {
    let limits = Limits { write_time: ms(1500), ..Limits::default() };
    for config in models() {
        let server = start_with(Config { limits, ..config }, |target| {
            let body = Body::Whole(vec![b'x'; HUGE_BYTES].into());
            (target == "/huge").then(|| Ok(Reply::new(200, "text/plain", body)))
        });
        let mut client = TcpStream::connect(server.addr).unwrap();
        client.write_all(b"GET /huge HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").unwrap();
        let (mut got, mut mebibyte) = (0, vec![0; 1 << 20]);
        let began = Instant::now();
        loop {
            match client.read_exact(&mut mebibyte) {
                Ok(()) => got += mebibyte.len(),
                Err(end) => {
                    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
                    break;
                }
            }
            // In all longer than the limit, which is for each wait.
            sleep(ms(100));
        }
        assert_eq!(got, HUGE_BYTES);
        assert!(began.elapsed() > limits.write_time, "too fast to show anything: {:?}", began.elapsed());
        stops_at_once(server);
    }
}

/// Half-closing is legal: such a client says that it has no more requests, and waits for its answers.
#[test]
fn a_client_that_only_stops_sending_is_still_answered() {
    each(Limits::default(), |server| {
        let mut client = Connection::open(server.addr);
        client.get("/wait/100");
        client.get("/stream/3/20");
        client.close_writing();
        assert_eq!(client.reply(false).unwrap().text(), r#"{"waited_ms":100}"#);
        assert_eq!(client.reply(false).unwrap().text().lines().count(), 3);
        assert_eq!(client.rest(), b"");

        for part in ["", "GET /hel", "POST /hello HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nhe"] {
            let mut client = Connection::open(server.addr);
            client.write(part.as_bytes());
            client.close_writing();
            let rest = client.rest();
            assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{part:?}: {rest:?}");
        }
    });
}

#[test]
fn a_reset_in_the_middle_of_a_reply_frees_what_it_held() {
    each(Limits::default(), |server| {
        for target in ["/live", "/stream/1000/20", "/stream/1000/0"] {
            for _ in 0..5 {
                let mut client = Connection::open(server.addr);
                client.get(target);
                assert_eq!(client.head().unwrap().status, 200);
                assert!(client.chunk().unwrap().is_some());
                client.reset();
            }
        }
        // Each of these would have gone on for longer than the stop that follows may take, `/live` for ever.
    });
}

/// Closing on a client that is still sending would reset the connection and take the reply away.
#[test]
fn a_client_whose_body_is_too_large_gets_to_read_that() {
    each(Limits::default(), |server| {
        let mebibyte = vec![b'x'; 1 << 20];
        for framing in ["content-length: 8388608\r\n\r\n", "transfer-encoding: chunked\r\n\r\n800000\r\n"] {
            let mut client = Connection::open(server.addr);
            client.write(format!("POST /echo HTTP/1.1\r\nhost: t\r\n{framing}").as_bytes());
            (0..8).for_each(|_| client.write(&mebibyte));
            let reply = client.reply(false).unwrap();
            assert_eq!((reply.status, reply.header("connection")), (413, Some("close")), "{framing}");
            assert_eq!(client.rest(), b"");
        }
        // One that never stops sending is not read for ever: see `LINGER_BYTES`.
        let mut endless = TcpStream::connect(server.addr).unwrap();
        endless.write_all(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 30000000000\r\n\r\n").unwrap();
        let began = Instant::now();
        while endless.write_all(&mebibyte).is_ok() {
            assert!(began.elapsed() < PATIENCE, "still read");
        }
    });
}

#[test]
fn a_view_that_panics_is_a_500_and_the_connection_lives() {
    for config in models() {
        let server = start_with(config, |target| {
            assert_ne!(target, "/panic", "this panic is the test's own");
            None
        });
        let mut client = Connection::open(server.addr);
        for _ in 0..3 {
            client.get("/panic");
            let reply = client.reply(false).unwrap();
            assert_eq!(reply.status, 500);
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            assert!(!reply.text().contains("test's own"), "{}", reply.text());
            client.get("/hello");
            assert_eq!(client.reply(false).unwrap().status, 200);
        }
        stops_at_once(server);
    }
}
