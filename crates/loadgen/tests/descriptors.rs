//! Out of file descriptors: the generator's own fault, counted as such. In a test program of its own,
//! because the limit is one of the whole process.

#[path = "load/server.rs"]
#[expect(dead_code, reason = "shared with the tests in `load`, which use all of it")]
mod server;
#[path = "load/support.rs"]
#[expect(dead_code, reason = "shared with the tests in `load`, which use all of it")]
mod support;

use std::time::Duration;

use loadgen::protocol::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use server::Server;
use support::{HELLO, closed, run};

/// Below what is open already, so that nothing can be opened at all.
fn limit(current: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum }).unwrap();
}

#[test]
fn no_descriptors_is_a_failure_by_that_name_and_passes() {
    let before = getrlimit(Resource::Nofile).current.unwrap();
    let server = Server::constant(Duration::from_millis(5), HELLO);
    let mut spec = closed(server.url("/"), 4);
    (spec.keep_alive, spec.window_ms, spec.timeout_ms) = (false, 4_000, 500);
    spec.series_interval_ms = 1_000;
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while server.seen().len() < 50 {
                std::thread::sleep(Duration::from_millis(1));
            }
            limit(3);
            // Well into the window, whatever else the machine does.
            std::thread::sleep(Duration::from_secs(1));
            limit(before);
        });
        run(spec)
    });
    assert!(outcome.failed.get(&Failure::OutOfFiles).is_some_and(|n| *n > 0), "{outcome:?}");
    assert!(outcome.series.last().unwrap().completed > 0, "it goes on afterwards: {outcome:?}");
    assert_eq!(outcome.series.last().unwrap().failed, 0, "{outcome:?}");
}

#[test]
fn more_connections_than_descriptors_are_refused_beforehand() {
    let spec = closed("http://127.0.0.1:1/".into(), 1 << 30);
    let refusal = loadgen::run(spec, |_| {}).unwrap_err().to_string();
    assert!(refusal.contains("file descriptors") && refusal.contains("ulimit -n"), "{refusal}");
}
