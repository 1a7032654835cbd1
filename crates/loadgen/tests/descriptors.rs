//! Out of file descriptors: the generator's own fault, counted as such. Alone in its process, because it
//! takes every descriptor that there is.

#[path = "load/server.rs"]
#[expect(dead_code, reason = "shared with the tests in `load`, which use all of it")]
mod server;
#[path = "load/support.rs"]
#[expect(dead_code, reason = "shared with the tests in `load`, which use all of it")]
mod support;

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loadgen::protocol::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use server::Server;
use support::{HELLO, closed, run};

#[test]
fn no_descriptors_is_a_local_failure_and_passes() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum }).unwrap();
    let server = Server::constant(Duration::from_millis(5), HELLO);
    let mut spec = closed(server.url("/"), 4);
    (spec.keep_alive, spec.window_ms, spec.timeout_ms) = (false, 3_000, 500);
    let done = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while server.seen().len() < 50 {
                std::thread::sleep(Duration::from_millis(1));
            }
            // Whatever becomes free is taken as well.
            let mut hoard = Vec::new();
            let until = std::time::Instant::now() + Duration::from_millis(700);
            while std::time::Instant::now() < until {
                match File::open("/dev/null") {
                    Ok(file) => hoard.push(file),
                    Err(_) => std::thread::sleep(Duration::from_micros(200)),
                }
            }
            let before = server.seen().len();
            drop(hoard);
            // And when there are some again, it goes on.
            while server.seen().len() < before + 20 {
                assert!(!done.load(Ordering::SeqCst), "did not recover");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let outcome = run(spec);
        done.store(true, Ordering::SeqCst);
        outcome
    });
    assert!(outcome.failed.get(&Failure::Local).is_some_and(|n| *n > 0), "{outcome:?}");
    assert!(outcome.completed > 20, "{outcome:?}");
}

#[test]
fn more_connections_than_descriptors_are_refused_beforehand() {
    let spec = closed("http://127.0.0.1:1/".into(), 1 << 30);
    let refusal = loadgen::run(spec, |_| {}).unwrap_err().to_string();
    assert!(refusal.contains("file descriptors") && refusal.contains("ulimit -n"), "{refusal}");
}
