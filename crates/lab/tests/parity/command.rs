//! `cargo lab verify` as a command, against servers that are wrong.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_server_that_says_hello_to_everything_fails_with_what_was_sent_and_received() {
    let addr = serving(hello_to_everything);
    let output = verify(&[&format!("http://{addr}"), "--no-upstream", "--timeout=2s"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "pass    answers GET /hello\n",
        "FAIL    refuses /nothing with 404",
        "skip    answers GET /api/sun/97201/us",
        r"sent: GET /wait/25 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        r"received: HTTP/1.1 200 OK\r\n",
        "FAIL    refuses two lengths that differ",
        "RFC 9112, 6.3",
        r"content-length: 5\r\ncontent-length: 40\r\n\r\nhelloGET /smuggled HTTP/1.1",
        "answered with status 200 instead of a refusal",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(" failed ") && !text.contains("    known   "), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_a_failure_and_no_hang() {
    let addr = serving(|mut stream| while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {});
    let begun = Instant::now();
    let output = verify(&[&format!("http://{addr}/"), "--timeout=300ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("answers nobody"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// An excuse that is none: this server is not what it is said to be.
#[test]
fn a_known_difference_that_is_none_fails() {
    let upstream = crate::upstream("fixed:5ms");
    let rung = lab::ladder::rung("bare-task-per-connection").unwrap();
    let server = crate::server(rung, upstream.addr, "20s");
    let output = verify(&[&format!("http://{}", server.addr), "--as=event-loop"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("it is no known difference any more"), "{text}");
}

#[test]
fn wrong_usage_is_said_and_nothing_is_sent() {
    for (arguments, part) in [
        (&["flask"][..], "or a URL such as http://127.0.0.1:8001"),
        (&[], "<RUNG|URL>"),
        (&["http://192.0.2.1:80"], "--allow-remote 192.0.2.1"),
        (&["http://127.0.0.1:1/hello"], "without a path"),
        (&["pool", "pool"], "pool is named twice"),
        (&["pool", "--no-upstream"], "servers at URLs"),
        (&["pool", "--timeout=0"], "longer than 0"),
        (&["http://127.0.0.1:1", "--as=flask"], "flask"),
    ] {
        let output = verify(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: no {part:?} in {error}");
    }
}

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).arg("verify").args(arguments).output().expect("the lab runs")
}

/// A server that treats each connection like this, until the test's process ends.
fn serving(treat: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || treat(stream));
        }
    });
    addr
}

/// With every header that the contract asks for, so that the contract of `/hello` is kept.
fn hello_to_everything(mut stream: TcpStream) {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\
                  date: Sun, 22 Nov 2026 02:57:16 GMT\r\nx-request-id: 1\r\nserver-timing: view;dur=0\r\n\
                  x-content-type-options: nosniff\r\ncontent-security-policy: default-src 'none'\r\n\r\n\
                  {\"hello\":\"world\"}";
    while matches!(stream.read(&mut [0; 64 * 1024]), Ok(1..)) {
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
