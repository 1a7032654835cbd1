//! Everything that `cargo lab verify` knows, held against each rung by itself.

use lab::contract::verify::{self, Outcome, Subject};
use lab::ladder::{self, LADDER};

use crate::{DEADLINE, server, upstream};

/// A test for each, so that a failure has the rung's name.
macro_rules! rungs {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                keeps_everything($name);
            }
        )*

        #[test]
        fn every_rung_of_the_ladder_has_its_test() {
            let ladder: Vec<_> = LADDER.iter().map(|rung| rung.name).collect();
            assert_eq!([$($name),*], ladder[..]);
        }
    };
}

rungs! {
    one_at_a_time: "one-at-a-time",
    pool: "pool",
    thread_per_request: "thread-per-request",
    bare_thread_per_request: "bare-thread-per-request",
    bare_thread_per_connection: "bare-thread-per-connection",
    bare_task_per_connection: "bare-task-per-connection",
    event_loop: "event-loop",
    async_views: "async-views",
    offload: "offload",
    blocked_loop: "blocked-loop",
}

fn keeps_everything(name: &str) {
    let rung = ladder::rung(name).unwrap();
    let upstream = upstream("fixed:5ms");
    let server = server(rung, upstream.addr, "20s");
    let jobs = verify::jobs(Some(rung));
    let subject =
        Subject { addr: server.addr, rung: Some(rung), has_upstream: true, patience: DEADLINE, jobs };
    let findings = verify::verify(&subject);
    assert!(findings.len() > 200, "{}", findings.len());
    let failures: Vec<_> = findings
        .iter()
        .filter_map(|finding| match &finding.outcome {
            Outcome::Passed | Outcome::Known(_) => None,
            Outcome::NotSo(does) => Some(format!("{}\n  not so any more: {does}", finding.name)),
            Outcome::Failed(failure) => {
                Some(format!("{}\n  {}\n{}", finding.name, failure.why, failure.transcript))
            }
            Outcome::Skipped(why) => Some(format!("{}\n  skipped: {why}", finding.name)),
        })
        .collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
