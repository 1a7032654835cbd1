//! Slow clients: their requests come a byte at a time, and whatever a server does about it is counted.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::protocol::{Event, Expect, Load, Outcome, Slow};

use crate::support::{bystander, closed, nobody, run, run_with};

/// A server that reads so many bytes of each head and then does something; gone with the test's process.
fn after_bytes(bytes: usize, then: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hello", listener.local_addr().unwrap());
    let then = Arc::new(then);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let then = Arc::clone(&then);
            thread::spawn(move || {
                let mut head = vec![0; bytes];
                if stream.read_exact(&mut head).is_ok() {
                    then(&mut stream);
                    // Closed with bytes unread, it would be reset, and its reply lost with it.
                    let _ = stream.shutdown(Shutdown::Write);
                    let _ = io::copy(&mut stream, &mut io::sink());
                }
            });
        }
    });
    url
}

fn reply(status: &'static str) -> impl Fn(&mut TcpStream) {
    move |stream| _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes())
}

fn slow(url: String, clients: u32, byte_every_ms: u64) -> loadgen::protocol::Spec {
    let mut spec = closed(url, 1);
    spec.load = Load::Slow { clients, byte_every_ms };
    spec.expect = Expect::default();
    spec
}

fn counted(outcome: &Outcome) -> Slow {
    let slow = outcome.slow.expect("slow clients are counted");
    let ended = slow.answered + slow.timed_out + slow.shed + slow.otherwise + slow.cut_off;
    assert_eq!(slow.opened, ended + slow.held, "{slow:?}");
    assert_eq!((outcome.scheduled, outcome.completed), (0, 0), "they are not in the books of requests");
    slow
}

#[test]
fn a_request_comes_byte_by_byte_and_is_a_valid_one() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let url = after_bytes(1, move |stream| {
        let began = Instant::now();
        let (mut head, mut byte) = (vec![b'G'], [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
            head.push(byte[0]);
        }
        noted.lock().unwrap().push((String::from_utf8_lossy(&head).into_owned(), began.elapsed()));
        reply("200 OK")(stream);
    });
    let slow = counted(&run(slow(url, 3, 2)));
    assert!(slow.answered > 0 && slow.timed_out + slow.shed + slow.otherwise + slow.cut_off == 0, "{slow:?}");
    let seen = seen.lock().unwrap();
    // Who is late to notice the first byte sees a request take less, so the one that took longest counts. The last
    // ones were cut off by the end of the run.
    let whole = seen.iter().filter(|(head, _)| head.ends_with("\r\n\r\n"));
    let (head, took) = whole.max_by_key(|(_, took)| *took).expect("a request");
    assert!(head.starts_with("GET /hello HTTP/1.1\r\nhost: 127.0.0.1:"), "{head}");
    // A timer may be late with one byte and make up for it with the next, but the last is never early.
    assert!(*took >= Duration::from_millis(2 * (head.len() as u64 - 3)), "{took:?} for {head}");
}

#[test]
fn those_that_are_held_are_counted_and_shown() {
    let url = after_bytes(10_000, |_| {});
    let mut in_flight = Vec::new();
    let mut spec = slow(url, 20, 50);
    // Progress is told once a second: twice.
    spec.window_ms = 2_000;
    let outcome = run_with(spec, |event| {
        if let Event::Progress { in_flight: now, .. } = event {
            in_flight.push(now);
        }
    });
    let held = Slow { opened: 20, held: 20, ..Slow::default() };
    assert_eq!(counted(&outcome), held);
    assert_eq!((outcome.connections_up, outcome.in_flight_at_end), (20, 20));
    assert!(in_flight.iter().all(|now| *now == 20) && !in_flight.is_empty(), "{in_flight:?}");
}

#[test]
fn each_way_to_turn_them_away_is_counted_apart() {
    type Of = fn(&Slow) -> u64;
    let ways: [(String, Of); 4] = [
        (after_bytes(5, reply("408 Request Timeout")), |slow| slow.timed_out),
        (after_bytes(5, reply("503 Service Unavailable")), |slow| slow.shed),
        (after_bytes(5, reply("400 Bad Request")), |slow| slow.otherwise),
        (after_bytes(5, |_| {}), |slow| slow.cut_off),
    ];
    for (url, of) in ways {
        let slow = counted(&run(slow(url, 4, 10)));
        // They come back, each time on another connection.
        assert!(of(&slow) > 4 && of(&slow) == slow.opened - slow.held, "{slow:?}");
    }
}

#[test]
fn nobody_who_listens_is_a_refusal() {
    let (_its_port, url) = nobody();
    let mut spec = slow(url, 2, 100);
    (spec.timeout_ms, spec.window_ms) = (50, 500);
    let slow = counted(&run(spec));
    assert!(slow.refused > 0 && slow.opened == 0, "{slow:?}");
}

#[test]
fn bystanders_see_what_slow_clients_do() {
    let server = crate::server::Server::constant(Duration::ZERO, crate::support::HELLO);
    let mut spec = slow(server.url("/hello"), 8, 500);
    spec.bystander = bystander("/hello");
    let outcome = run(spec);
    assert_eq!(counted(&outcome).held, 8);
    let bystander = outcome.bystander.expect("a bystander");
    assert!(bystander.completed > 0 && bystander.completed == bystander.scheduled, "{bystander:?}");
}
