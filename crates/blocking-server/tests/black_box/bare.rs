//! The bare rungs: what they promise to bad clients, at their limits and at their end. They have no framework to
//! hide behind. Most of it is promised by the bare rung of the other server as well, and is tested with the
//! same files; here is what is particular to threads.

#[path = "../../../async-server/tests/black_box/bare_clients.rs"]
mod clients;
#[path = "../../../async-server/tests/black_box/bare_ends.rs"]
mod ends;
#[path = "../../../async-server/tests/black_box/bare_limits.rs"]
mod limits;

use std::thread;
use std::time::{Duration, Instant};

use blocking_server::config::Model;
use blocking_server::views;
use handlers::Answer;

use testing::eventually;
use testing::http::{Connection, assert_alive, get};

use blocking_server::Running;
use blocking_server::config::{Config, Limits};

const PROGRAM: &str = env!("CARGO_BIN_EXE_blocking-server");

const BARE_MODELS: [&str; 2] = ["bare-thread-per-connection", "bare-thread-per-request"];

/// What can serve several clients, with more patience than any test has.
fn models() -> Vec<Config> {
    [Model::BareThreadPerConnection, Model::BareThreadPerRequest].map(with).into()
}

fn with(model: Model) -> Config {
    Config { model, grace: Duration::from_secs(60), ..crate::config() }
}

fn start(config: Config) -> Running {
    blocking_server::start(config).expect("a free port and a few threads")
}

/// A server on which these answers come first, where there is one for a target.
fn start_with(config: Config, answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Running {
    blocking_server::start_with(config, move |request, up| {
        answer(request.target).unwrap_or_else(|| views::view(request, up))
    })
    .expect("a free port and a few threads")
}

#[test]
fn one_at_a_time_the_second_client_waits_for_the_first() {
    let server = start(with(Model::OneAtATime));
    let mut first = Connection::open(server.addr);
    // Counted from before the first asks: then its stream cannot be half over before it is.
    let began = Instant::now();
    first.get("/stream/2/700");
    assert_eq!(first.head().unwrap().status, 200);
    assert_eq!(get(server.addr, "/hello").status, 200);
    assert!(began.elapsed() >= Duration::from_millis(700), "it was served beside: {:?}", began.elapsed());
    assert_eq!(first.chunk().unwrap().unwrap(), b"chunk 1 of 2\n");
    assert_eq!(first.chunk().unwrap().unwrap(), b"chunk 2 of 2\n");
    server.stop().unwrap();
}

/// A connection that stayed open would keep the only thread.
#[test]
fn one_at_a_time_a_connection_carries_one_request() {
    let server = start(with(Model::OneAtATime));
    let mut client = Connection::open(server.addr);
    client.get("/hello");
    client.get("/hello");
    let reply = client.reply(false).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(client.rest(), b"");
    assert_alive(server.addr);
    server.stop().unwrap();
}

/// Whoever is at work when there is only one, the others get their turn.
#[test]
fn one_at_a_time_a_bad_client_takes_its_time_limit_and_no_more() {
    let limit = Duration::from_millis(200);
    let limits = Limits {
        head_time: limit,
        body_time: limit,
        write_time: limit,
        linger_time: limit,
        ..Limits::default()
    };
    let server = start(Config { limits, ..with(Model::OneAtATime) });
    let began = Instant::now();
    let mut bad: Vec<_> = ["", "GET /hel", "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\n"]
        .iter()
        .map(|part| {
            let mut client = Connection::open(server.addr);
            client.write(part.as_bytes());
            client
        })
        .collect();
    assert_alive(server.addr);
    assert!(began.elapsed() >= 2 * limit, "not in turn: {:?}", began.elapsed());
    let statuses: Vec<_> = bad.iter_mut().map(|client| client.reply(false).ok().map(|r| r.status)).collect();
    assert_eq!(statuses, [None, Some(408), Some(400)]);
    server.stop().unwrap();
}

#[test]
fn one_at_a_time_a_silent_client_does_not_delay_the_stop() {
    let server = start(with(Model::OneAtATime));
    let mut silent = Connection::open(server.addr);
    let told = Instant::now();
    server.stop().unwrap();
    assert!(told.elapsed() < Duration::from_secs(20), "{:?}", told.elapsed());
    assert_eq!(silent.rest(), b"");
}

#[cfg(target_os = "linux")]
fn threads(server: &limits::Limited) -> usize {
    std::fs::read_dir(format!("/proc/{}/task", server.child.id())).unwrap().count()
}

/// Address space for about fifteen stacks of 64 MiB.
#[cfg(target_os = "linux")]
const NARROW: &str = "ulimit -v 1000000";

#[test]
#[cfg(target_os = "linux")]
fn without_a_thread_for_a_connection_its_client_hears_so_and_the_rest_goes_on() {
    for model in BARE_MODELS {
        let mut server = limits::Limited::start(NARROW, &format!("--model {model} --stack-size 64M"));
        let (addr, idle) = (server.addr, threads(&server));
        for _ in 0..3 {
            // Sent away, a client reads why: whether it had asked already or not.
            let silent: Vec<_> = (0..20).map(|_| Connection::open(addr)).collect();
            let clients: Vec<_> = (0..20)
                .map(|_| {
                    thread::spawn(move || {
                        let mut client = Connection::open(addr);
                        client.get("/hello");
                        let reply = client.reply(false).unwrap();
                        (reply.status, reply.header("retry-after").map(str::to_owned))
                    })
                })
                .collect();
            for client in clients {
                assert_eq!(client.join().unwrap(), (503, Some("1".to_owned())), "{model}");
            }
            drop(silent);
            eventually("all threads are free again", || threads(&server) == idle);
            assert_alive(addr);
            eventually("that one as well", || threads(&server) == idle);
        }
        eventually("it says why", || server.has_said("no thread for a connection"));
        assert!(server.child.try_wait().unwrap().is_none(), "it is the same process");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_thread_for_a_request_its_client_hears_so_and_its_place_is_free() {
    let flags = "--model bare-thread-per-request --stack-size 64M";
    let mut server = limits::Limited::start(NARROW, flags);
    let idle = threads(&server);
    assert_alive(server.addr);
    eventually("its threads are free again", || threads(&server) == idle);
    // The first have threads, the last are sent away: now there is none left for a request.
    let mut clients: Vec<_> = (0..30).map(|_| Connection::open(server.addr)).collect();
    assert_eq!(clients.pop().unwrap().reply(false).unwrap().status, 503);
    clients[0].get("/hello");
    let reply = clients[0].reply(false).unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(clients[0].rest(), b"");
    eventually("it says why", || server.has_said("no thread for a request"));
    // With its own connection gone, there is one for another's.
    eventually("the next is served", || {
        let mut next = clients.remove(1);
        next.get("/hello");
        next.reply(false).unwrap().status == 200
    });
    drop(clients);
    eventually("all threads are free again", || threads(&server) == idle);
    assert_alive(server.addr);
    assert!(server.child.try_wait().unwrap().is_none());
}
