//! Servers in a small box, and slow clients: who runs out of what, and who pays what, in sentences.

use lab::results::{
    Afterwards, Asked, Boxed, Bystander, Load, Mode, Results, Rule, Server, Trial, TrialOutcome,
};
use loadgen::protocol::{Failure, Slow};

use crate::findings::{assert_says, said};
use crate::fixture::{closed, empty, trial};

const MIB: u64 = 1 << 20;

fn boxed() -> Results {
    let mut results = empty();
    results.experiments = vec![Asked {
        name: "own".into(),
        title: "Own".into(),
        question: "What?".into(),
        route: "/wait/200".into(),
        rule: Some(Rule::Exhaustion),
        server: Some(Boxed { address_space_bytes: Some(512 * MIB), open_files: Some(768), cpus: None }),
        ..Asked::default()
    }];
    results
}

/// A stack that cannot be mapped is EAGAIN, what else cannot is ENOMEM: in a box of addresses the same limit.
#[test]
fn a_verdict_in_a_box_does_not_depend_on_which_call_was_refused_first() {
    let verdict = |log: &str, limits: Option<Boxed>| {
        let mut results = boxed();
        results.experiments[0].server = limits;
        results.trials = vec![at("thread-per-request", 32), at("thread-per-request", 64)];
        let dead = &mut results.trials[1];
        (dead.outcome, dead.reason) = (TrialOutcome::Collapsed, Some("collapsed".into()));
        dead.server.log = Some(log.into());
        said(&results)
    };
    let limits = boxed().experiments[0].server.clone();
    let (stack, other) = ("failed to spawn thread: Os { code: 11 }", "Cannot allocate memory (os error 12)");
    for log in [stack, other] {
        assert_says(&verdict(log, limits.clone()), &["in 1 of 1 trial, out of address space (collapsed)"]);
    }
    assert_says(&verdict(stack, None), &["in 1 of 1 trial, out of threads (collapsed)"]);
    assert_says(&verdict(other, None), &["in 1 of 1 trial, out of memory (collapsed)"]);
}

/// A trial of 1,000 requests, all answered, after which the server answers at once.
fn at(rung: &str, clients: u32) -> Trial {
    let mut trial = trial("own", rung, clients, 250.0, 100.0);
    trial.load = closed(clients, "/wait/200");
    trial.server = Server {
        threads_refused: Some(0),
        files_refused: Some(0),
        memory_refused: Some(0),
        address_space_peak_bytes: Some(100 * MIB),
        afterwards: Some(Afterwards { answered_after_ms: Some(0.5), asked_for_ms: 0.5 }),
        ..trial.server
    };
    trial
}

#[test]
fn who_runs_out_of_addresses_and_dies_is_told_with_the_evidence() {
    let mut results = boxed();
    results.trials =
        vec![at("thread-per-request", 32), at("thread-per-request", 64), at("thread-per-request", 128)];
    let dead = &mut results.trials[2];
    dead.outcome = TrialOutcome::Collapsed;
    dead.reason = Some("collapsed at 128 clients: signal 6 (SIGABRT, an abort); it said: failed".into());
    dead.server.threads_refused = Some(1);
    dead.server.address_space_peak_bytes = Some(500 * MIB);
    dead.server.threads_peak = Some(212);
    dead.server.afterwards = Some(Afterwards { answered_after_ms: None, asked_for_ms: 1.0 });
    assert_says(
        &said(&results),
        &[
            "- thread-per-request answered every request at up to 64 clients; at 128 it ran out of address space (its log says so 1 time; 500 MiB of 512 MiB of addresses were mapped, with 212 threads), and collapsed (signal 6 (SIGABRT, an abort)). It did not come back (experiments start servers without their supervisor).",
            "thread-per-request, 128 clients: the server collapsed in 1 of 1 trial, out of address space (",
            "Each server's process was limited to 512 MiB of address space, a stand-in for a container's limits of memory and threads, and 768 open files.",
        ],
    );
}

/// As the verdict does, the finding names the limit and not which call met it first.
#[test]
fn threads_and_memory_are_one_limit_in_a_box_and_two_without() {
    let mut results = boxed();
    results.trials = vec![at("thread-per-request", 32), at("thread-per-request", 64)];
    let short = &mut results.trials[1];
    (short.timed_out, short.completed) = (250, 750);
    (short.server.threads_refused, short.server.memory_refused) = (Some(1), Some(2));
    let text = said(&results);
    assert_says(&text, &["at 64 it ran out of address space (its log says so 3 times), and 25 %"]);
    assert!(!text.contains("threads (its log") && !text.contains("memory (its log"), "{text}");

    results.experiments[0].server = Some(Boxed { open_files: Some(768), ..Boxed::default() });
    assert_says(
        &said(&results),
        &["at 64 it ran out of threads and memory (its log says so 1 time and 2 times), and 25 %"],
    );
}

#[test]
fn who_runs_out_of_files_and_comes_back_is_told_when() {
    let mut results = boxed();
    results.trials = vec![at("event-loop", 512), at("event-loop", 1_024)];
    let short = &mut results.trials[1];
    (short.timed_out, short.completed) = (250, 750);
    short.server.files_refused = Some(3);
    short.server.afterwards = Some(Afterwards { answered_after_ms: Some(420.0), asked_for_ms: 420.0 });
    assert_says(
        &said(&results),
        &[
            "- event-loop answered every request at up to 512 clients; at 1,024 it ran out of files (its log says so 3 times; it may open 768), and 25 % of requests got no right answer: 250 not answered in time. When the clients had left it answered again, after 420 ms.",
        ],
    );
    results.trials[1].server.afterwards = Some(Afterwards { answered_after_ms: None, asked_for_ms: 5_000.0 });
    assert_says(&said(&results), &["It did not answer within 5.00 s of their leaving."]);
}

#[test]
fn who_turns_clients_away_and_who_never_breaks_are_told_apart() {
    let mut results = boxed();
    let bare = "bare-thread-per-connection";
    results.trials = vec![at(bare, 512), at(bare, 1_024), at("bare-task-per-connection", 1_024)];
    let short = &mut results.trials[0];
    short.failed.insert(Failure::Shed, 100);
    short.failed.insert(Failure::Reset, 1);
    short.completed = 899;
    short.server.threads_refused = Some(100);
    let dead = &mut results.trials[1];
    dead.outcome = TrialOutcome::Collapsed;
    dead.reason =
        Some("collapsed at 1024 clients: the process lives but refuses connections; it said nothing".into());
    let text = said(&results);
    assert_says(
        &text,
        &[
            "- bare-thread-per-connection broke at 512 clients already, the fewest that were tried: it ran out of address space (its log says so 100 times), and 10 % of requests got no right answer: 100 told to come back later (503) and 1 refused or cut off. When the clients had left it answered again, after 0.500 ms. At 1,024 clients it collapsed (the process lives but refuses connections).",
            "- bare-task-per-connection answered every request at up to 1,024 clients, the most that were tried.",
        ],
    );
}

/// A full CPU, say: nothing may be named that nothing points to.
#[test]
fn what_no_evidence_names_is_not_named() {
    let mut results = boxed();
    results.trials = vec![at("event-loop", 64), at("event-loop", 128)];
    (results.trials[1].timed_out, results.trials[1].completed) = (5, 995);
    results.trials[1].server.afterwards = None;
    let text = said(&results);
    assert_says(
        &text,
        &[
            "at 128 it had a limit that its log does not name, and 0.500 % of requests got no right answer: 5 not answered in time. Whether it came back was not looked at.",
        ],
    );
    // What is void is no evidence.
    results.trials[1].outcome = TrialOutcome::Void;
    assert_says(
        &said(&results),
        &["event-loop answered every request at up to 64 clients, the most that were tried."],
    );
}

fn slow(rung: &str, clients: u32, threads: u64) -> Trial {
    let mut trial = trial("own", rung, clients, 0.0, 0.0);
    trial.load = Load { mode: Mode::Slow, ..closed(clients, "/hello") };
    (trial.throughput_rps, trial.scheduled, trial.completed) = (None, 0, 0);
    (trial.server.threads_idle, trial.server.threads_peak) = (Some(3), Some(threads));
    trial.client.connections_up = Some(clients);
    trial.client.slow =
        Some(Slow { opened: u64::from(clients), held: u64::from(clients), ..Slow::default() });
    trial.bystander = Some(Bystander {
        route: "/hello".into(),
        rate_rps: 100.0,
        latency_ms: lab::results::Percentiles { p50: Some(0.4), ..Default::default() },
        histogram: None,
        scheduled: 600,
        completed: 600,
        failed: Default::default(),
        timed_out: 0,
        unsent: 0,
    });
    trial
}

#[test]
fn slow_clients_are_told_by_who_pays_and_who_suffers() {
    let mut results = boxed();
    results.experiments[0].rule = Some(Rule::SlowClients);
    results.experiments[0].server = None;
    results.trials = vec![
        slow("one-at-a-time", 500, 3),
        slow("bare-thread-per-connection", 500, 503),
        slow("event-loop", 500, 3),
    ];
    let one = results.trials[0].bystander.as_mut().unwrap();
    (one.completed, one.timed_out) = (0, 600);
    let text = said(&results);
    assert_says(
        &text,
        &[
            "- Beside 500 slow clients, of the bystanders' requests are answered: none on one-at-a-time, all (median 0.400 ms) on bare-thread-per-connection and all (median 0.400 ms) on event-loop.",
            "500 more threads (1.00 each) and 24.4 KiB of memory each on bare-thread-per-connection and no more threads and 24.4 KiB of memory each on event-loop.",
            "No server ended a connection of 500 slow clients within the window of 4.00 s.",
            "one-at-a-time, 500 slow clients:",
            "Nothing ran out for bare-thread-per-connection and event-loop with 500 slow clients (looked at: server CPU",
            "0 of 1,200 bystanders' requests failed",
        ],
    );
    let ended = results.trials[2].client.slow.as_mut().unwrap();
    (ended.opened, ended.timed_out, ended.refused) = (900, 400, 2);
    assert_says(
        &said(&results),
        &["were 400 told that they are too slow (408) and 2 not let in on event-loop."],
    );
}
