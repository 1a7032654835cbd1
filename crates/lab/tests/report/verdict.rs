//! What ran out: each rule on constructed results, both sides of its threshold, and where the obvious answer is wrong.

use lab::results::{Asked, Calls, Load, Mode, Results, Rule, Services, Trial, TrialOutcome, Trouble};
use loadgen::protocol::{Failure, Shape};

use crate::findings::{assert_says, run, said};
use crate::fixture::{answers, closed, empty, open_loop, trial};
use crate::parts::parts;

/// What stands behind "Verdict:".
#[track_caller]
fn verdict(results: &Results) -> String {
    let said = said(results);
    said.split_once("Verdict: = ").expect("every experiment has a verdict").1.to_owned()
}

/// A rung that keeps up with 16 clients and not with 256, where the trials are changed.
fn at_256(rung: &str, rps: f64, cpu_us: f64, change: impl Fn(&mut Trial)) -> String {
    let mut results = run(3, &[(rung, 16, 160.0, cpu_us), (rung, 256, rps, cpu_us)]);
    results.trials.iter_mut().filter(|trial| trial.load.clients == 256).for_each(change);
    verdict(&results)
}

const THREADED: &str = "thread-per-request";

#[test]
fn a_pool_whose_cpu_is_full_is_held_by_what_it_is_nearer_to() {
    // 16 ÷ 100 ms = 160 requests/s. At 140 its threads would be free an eighth of the time, but for the full CPU.
    let busy = |cpu_s: f64| {
        at_256("pool", 140.0, 50.0, |trial| {
            (trial.server.cpu_s, trial.server.cpu_us_per_request) = (Some(cpu_s), Some(6_900.0));
        })
    };
    let cpu = busy(3.88);
    assert!(cpu.starts_with("pool, 256 clients: its CPU is full, 97 % of 1 core at 6,900 µs"), "{cpu}");
    assert!(!cpu.contains("threads are all taken"), "{cpu}");
    // The same with a CPU that is not full: near enough, for threads are not handed over in no time.
    let threads = busy(3.6);
    assert!(threads.starts_with("pool, 256 clients: its threads are all taken, 16 ÷ 100 ms"), "{threads}");
    assert!(!threads.contains("at the same time"), "{threads}");
    // Both at once: more of one alone would not help.
    let both = at_256("pool", 159.0, 50.0, |trial| trial.server.cpu_s = Some(3.85));
    assert_says(
        &both,
        &[
            "pool, 256 clients: its threads are all taken, 16 ÷ 100 ms = 160 requests/s; at the same time its CPU is full, 96 %",
        ],
    );
}

#[test]
fn cpu_counts_from_95_percent_of_what_others_left() {
    let with = |own: f64, others: f64| {
        at_256(THREADED, 1_500.0, 200.0, |trial| {
            let (own_s, others_s) = (own * 4.0, others * 4.0);
            (trial.server.cpu_s, trial.server.others_cpu_s) = (Some(own_s), Some(others_s));
        })
    };
    assert_says(&with(0.94, 0.0), &["the cause was not found (looked at: server CPU 94 %"]);
    assert_says(&with(0.96, 0.0), &["its CPU is full, 96 % of 1 core at 200 µs a request."]);
    assert_says(
        &with(0.92, 0.05),
        &["its CPU is full, 92 % of 1 core at 200 µs a request (others and the kernel had 5 %)."],
    );
    // A tenth is what ending a thread for each request takes by itself.
    assert_says(&with(0.88, 0.12), &["its CPU is full, 88 % of 1 core"]);
    // A machine that was busy with other things is no finding about the server.
    assert_says(
        &with(0.6, 0.4),
        &["others filled its CPU, 40 % of 1 core where it had 60 %, so this may be the machine's doing."],
    );
    assert_says(&with(0.4, 0.4), &["the cause was not found"]);
    // Whoever takes what the server leaves is not to blame for what it does not want.
    let pool = at_256("pool", 159.0, 50.0, |trial| {
        (trial.server.cpu_s, trial.server.others_cpu_s) = (Some(0.1), Some(3.9));
    });
    assert_says(&pool, &["pool, 256 clients: its threads are all taken, 16 ÷ 100 ms = 160 requests/s."]);
}

#[test]
fn clients_in_step_are_a_lead_where_they_would_explain_it() {
    // 256 ÷ 2,000 = 128 ms, of which 28 are not the wait; all at once would queue 256 × 200 µs at the most.
    let lead = "clients that come in step would explain it: a round of all 256 takes 51.3 ms of CPU, and an answer 27.7 ms besides its wait (looked at: ";
    assert_says(&at_256(THREADED, 2_000.0, 200.0, |_| ()), &["the cause was not found;", lead]);
    let beyond = at_256(THREADED, 1_600.0, 200.0, |_| ());
    assert!(beyond.contains("the cause was not found (") && !beyond.contains("in step"), "{beyond}");
}

#[test]
fn a_full_cpu_says_where_it_goes() {
    let said = at_256(THREADED, 4_900.0, 200.0, |trial| {
        trial.server.cpu_system_s = trial.server.cpu_s.map(|cpu_s| cpu_s * 0.6);
        (trial.server.ctx_switches_voluntary, trial.server.ctx_switches_involuntary) =
            (Some(90_000), Some(10_000));
        trial.server.life_cpu_s = Some(5.0);
    });
    // 20,000 switches per second of CPU, 200 µs a request.
    assert_says(&said, &["a request (60 % of it in the kernel, about 4.0", "context switches a request)"]);
}

#[test]
fn a_full_generator_hides_everything_but_the_servers_own_cpu() {
    let at = |cpu_s: f64, busy: f64| {
        at_256(THREADED, 1_500.0, 200.0, |trial| {
            (trial.server.cpu_s, trial.client.core_busy) = (Some(cpu_s), Some(busy));
            // Both would be the reason, were the throughput the server's.
            trial.timed_out = 1_000;
        })
    };
    assert_says(&at(1.0, 0.91), &["the load generator's own core was 91 % busy, so this may be its limit."]);
    assert_says(
        &at(3.9, 0.97),
        &["its CPU is full, 98 %", "; at the same time the load generator's own core was 97 % busy"],
    );
    assert_says(&at(1.0, 0.90), &["3,000 of 18,036 requests got no right answer"]);
}

#[test]
fn refusals_count_where_somebody_felt_them() {
    let threads = |refused: u64, failed: u64, cpu_s: f64| {
        at_256(THREADED, 1_500.0, 200.0, |trial| {
            (trial.server.threads_refused, trial.server.cpu_s) = (Some(refused), Some(cpu_s));
            trial.failed.insert(Failure::Reset, failed);
        })
    };
    assert_says(
        &threads(70, 70, 1.2),
        &[
            "the system refused it threads 210 times (EAGAIN), and 210 of 18,036 requests got no right answer.",
        ],
    );
    // Three were refused and made a moment later; the service was full, but of something else.
    assert_says(&threads(1, 0, 3.9), &["its CPU is full, 98 %"]);
    assert_says(&threads(1, 0, 1.2), &["the cause was not found", "threads refused 3 times"]);
    // Requests that failed of threads, and a CPU that is busy with it.
    assert_says(&threads(70, 70, 3.9), &["the system refused it threads"]);
    let files = at_256("event-loop", 1_500.0, 200.0, |trial| {
        trial.server.files_refused = Some(2);
        (trial.client.connections_up, trial.client.connections_wanted) = (Some(120), Some(256));
    });
    assert_says(&files, &["the system refused it file descriptors 6 times (EMFILE)"]);
    let memory = at_256("event-loop", 1_500.0, 200.0, |trial| {
        (trial.server.memory_refused, trial.timed_out) = (Some(9), 100);
    });
    assert_says(&memory, &["the system refused it memory 27 times (ENOMEM)"]);
}

#[test]
fn drops_of_the_listen_queue_explain_what_their_seconds_cost() {
    let drops =
        |number| at_256(THREADED, 1_500.0, 200.0, |trial| trial.server.listen_overflows = Some(number));
    // 41 % of 256 clients × 4 s is missing. A burst at the start costs 10 of these 424 seconds.
    assert_says(&drops(10), &["the cause was not found", "30 overflows of the listen queue"]);
    assert_says(&drops(300), &["the listen queue overflowed 900 times."]);
    let full = at_256(THREADED, 1_500.0, 200.0, |trial| {
        (trial.server.listen_overflows, trial.server.cpu_s) = (Some(300), Some(3.9));
    });
    assert_says(&full, &["its CPU is full"]);
}

#[test]
fn a_collapse_is_recognised_by_its_last_words_and_not_by_its_signal() {
    let collapsed = |log: Option<&str>, reason: &str| {
        at_256(THREADED, 1_500.0, 200.0, |trial| {
            (trial.outcome, trial.reason) = (TrialOutcome::Collapsed, Some(reason.into()));
            trial.server.log = log.map(str::to_owned);
        })
    };
    let spawn = "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }";
    let aborted = "collapsed at 256 clients: signal 6 (SIGABRT, an abort)";
    assert_says(
        &collapsed(Some(spawn), aborted),
        &["collapsed in 3 of 3 trials, out of threads (collapsed at"],
    );
    let accept = "error: Error accepting new client: Too many open files (os error 24)";
    let deaf = "collapsed at 256 clients: the process lives but refuses connections";
    assert_says(&collapsed(Some(accept), deaf), &["in 3 of 3 trials, out of file descriptors (collapsed"]);
    let memory = "memory allocation of 29999998976 bytes failed";
    assert_says(&collapsed(Some(memory), aborted), &["in 3 of 3 trials, out of memory (collapsed"]);
    // Somebody may have killed it: the kernel's signal when memory runs out is anybody's.
    let killed =
        "collapsed at 256 clients: signal 9 (SIGKILL; the kernel's, when memory runs out); it said nothing";
    assert_says(&collapsed(None, killed), &["the server collapsed in 3 of 3 trials (collapsed at 256"]);
}

#[test]
fn void_trials_have_no_verdict_but_their_reason() {
    let mut results = run(3, &[("event-loop", 16, 160.0, 30.0)]);
    for trial in results.trials.iter_mut().filter(|trial| trial.block > 0) {
        (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("the load generator was late.".into()));
    }
    assert_says(
        &verdict(&results),
        &["Nothing ran out for event-loop with 16 clients (looked at: server CPU 0 %"],
    );
    results.trials[0].outcome = TrialOutcome::Void;
    results.trials[0].reason =
        Some("5 requests failed since the load generator ran out of files or ports".into());
    assert_says(
        &verdict(&results),
        &[
            "event-loop, 16 clients: nothing can be said, all 3 trials are void (5 requests failed since the load",
        ],
    );
}

const WEATHER: &str = "/api/weather/97201/us";

/// Services that take so many calls at a time, 100 ms each, of which so many were in service on average.
fn behind(rung: &str, threads: u32, capacity: u64, in_service: f64, load: &Load, rps: f64) -> Results {
    let mut results = empty();
    results.experiments = vec![Asked {
        name: "own".into(),
        route: WEATHER.into(),
        nominal_wait_ms: Some(100.0),
        rule: Some(Rule::SharedLimit),
        services: Some(Services {
            delay: "fixed:100ms".into(),
            capacity: Some(capacity),
            faults: Vec::new(),
        }),
        ..Asked::default()
    }];
    for block in 0..3 {
        let mut one = trial("own", rung, load.clients, rps, 300.0);
        (one.block, one.load) = (block, load.clone());
        one.flags = vec![format!("--threads={threads}")];
        let calls = (rps * 4.0) as u64;
        let service_ms = in_service * 4_000.0;
        one.services = Some(Calls { arrived: calls, served: calls, service_ms, queued_at_end: 44 });
        results.trials.push(one);
    }
    results
}

#[test]
fn a_pool_that_stands_in_the_services_line_is_not_the_limit() {
    let at_200 = closed(200, WEATHER);
    // All 64 threads are taken, by requests that wait for one of 20 calls.
    assert_says(
        &verdict(&behind("pool", 64, 20, 19.8, &at_200, 198.0)),
        &[
            "pool, 200 clients: the services behind are full, 19.8 of the 20 calls that they take at a time, and 44 more calls in line at the end; at the same time its threads are all taken, by 64 of 200.",
        ],
    );
    // The same services, and a pool that never asks for more than 16.
    let few = verdict(&behind("pool", 16, 20, 15.7, &at_200, 157.0));
    assert!(few.starts_with("pool, 200 clients: its threads are all taken, 16 ÷ 100 ms"), "{few}");
    assert!(!few.contains("services"), "{few}");
    // Just as many of both.
    assert_says(
        &verdict(&behind("pool", 20, 20, 19.5, &at_200, 196.0)),
        &["the services behind are full", "; at the same time its threads are all taken, 20 ÷ 100 ms"],
    );
    assert_says(&verdict(&behind("event-loop", 0, 20, 18.9, &at_200, 189.0)), &["the cause was not found"]);
}

/// Open loop at `/wait/100`, where a mean response has these parts: waiting, connect, queue, view, upstream, rest.
fn taking(rung: &str, load: &Load, ms: [f64; 6], change: impl Fn(&mut Trial)) -> Results {
    let mut results = run(0, &[]);
    for block in 0..3 {
        let rate = load.rate_rps.unwrap_or(0.0);
        let mut one = trial("scale", rung, load.clients, rate, 300.0);
        (one.block, one.load) = (block, load.clone());
        answers(&mut one, 1_000, ms.iter().sum(), 0.01);
        let mut parts = parts(ms);
        parts.upstream = parts.upstream.filter(|_| ms[4] > 0.0);
        one.parts = Some(parts);
        change(&mut one);
        results.trials.push(one);
    }
    results
}

#[test]
fn nothing_ran_out_is_a_verdict_too() {
    let calm =
        taking("event-loop", &open_loop(256, 100.0, "/wait/100"), [0.0, 0.1, 0.5, 101.0, 0.0, 0.5], |_| ());
    assert_says(
        &verdict(&calm),
        &[
            "Nothing ran out for event-loop with 100 requests/s due (looked at: server CPU 3 %, generator's core 30 %, mean response 10",
        ],
    );
}

#[test]
fn requests_that_queue_for_threads_are_told_from_those_that_queue_for_a_loop() {
    let queueing = [0.0, 0.1, 700.0, 100.5, 0.0, 0.5];
    let pool = |rate: f64| verdict(&taking("pool", &open_loop(1_024, rate, "/wait/100"), queueing, |_| ()));
    assert_says(
        &pool(192.0),
        &[
            "pool, 192 requests/s due: its threads are all taken, 16 ÷ 100 ms = 160 requests/s; 700 ms of a mean response of 801 ms queueing.",
        ],
    );
    // Half of what its threads serve: whatever holds requests up, it is not their number.
    assert_says(
        &pool(80.0),
        &["pool, 80 requests/s due: the cause was not found", "700 ms of a mean response of 801 ms queue"],
    );
    let hog = |rung, busy: f64| {
        let load = open_loop(256, 125.0, "/hello");
        verdict(&taking(rung, &load, [0.0, 0.1, 60.0, 4.0, 0.0, 0.4], |trial| {
            trial.server.cpu_s = Some(busy * 4.0);
        }))
    };
    assert_says(
        &hog("event-loop", 0.5),
        &[
            "its event loop was taken by other requests, 60.0 ms of a mean response of 64.5 ms queueing, its CPU 50 % busy.",
        ],
    );
    assert_says(&hog("event-loop", 0.97), &["its CPU is full, 97 %"]);
    assert_says(&hog("thread-per-request", 0.5), &["the cause was not found"]);
}

#[test]
fn a_burst_is_held_against_its_highest_rate() {
    let spike = Load {
        shape: Some(Shape::Spike { at_ms: 1_000, for_ms: 1_000, times: 10.0 }),
        ..open_loop(1_024, 30.0, "/wait/100")
    };
    let parts = [0.0, 0.1, 700.0, 100.5, 0.0, 0.5];
    assert_says(
        &verdict(&taking("pool", &spike, parts, |_| ())),
        &["pool, 300 requests/s due at the most: its threads are all taken, 16 ÷ 100 ms"],
    );
}

#[test]
fn long_views_and_connections_that_clients_may_not_have_are_named() {
    let computing = taking(
        "thread-per-request",
        &open_loop(256, 125.0, "/hello"),
        [0.0, 0.1, 1.0, 14.0, 0.0, 0.4],
        |_| (),
    );
    assert_says(
        &verdict(&computing),
        &[
            "computing and taking turns at it, 14.0 ms of a mean response of 15.5 ms in the view, its CPU 4 % busy.",
        ],
    );
    let capped =
        taking("event-loop", &open_loop(16, 80.0, "/wait/100"), [900.0, 0.0, 0.5, 101.0, 0.0, 0.5], |_| ());
    assert_says(
        &verdict(&capped),
        &[
            "all 16 connections that clients may have were taken, 900 ms of a mean response of 1.00 s waiting for one.",
        ],
    );
}

#[test]
fn trouble_that_was_ordered_explains_what_it_fills() {
    let stalled = |rung: &str, ms: [f64; 6], rate: f64| {
        let mut results = taking(rung, &open_loop(1_024, rate, WEATHER), ms, |trial| {
            trial.services = Some(Calls { arrived: 320, served: 320, service_ms: 9e5, queued_at_end: 0 });
        });
        let asked = &mut results.experiments[0];
        (asked.route, asked.nominal_wait_ms) = (WEATHER.into(), Some(100.0));
        let stall = Trouble { kind: "stall".into(), at_ms: 2_000, for_ms: 5_000 };
        asked.services = Some(Services { delay: "fixed:100ms".into(), capacity: None, faults: vec![stall] });
        verdict(&results)
    };
    let hung = "the services behind hung for 5.00 s, as they were told to";
    // 80 requests/s × 100 ms are half of the pool: all of its threads are taken because of the stall.
    let pool = stalled("pool", [0.0, 0.1, 2_000.0, 1.0, 500.0, 0.5], 80.0);
    assert_says(
        &pool,
        &[&format!(
            "pool, 80 requests/s due: {hung}; at the same time its threads are all taken; 2.00 s of a"
        )],
    );
    let event_loop = stalled("event-loop", [0.0, 0.1, 1.0, 1.0, 1_500.0, 0.5], 80.0);
    assert_says(&event_loop, &[&format!("event-loop, 80 requests/s due: {hung}.")]);
    // At 200 requests/s the pool would not do on a good day either.
    let always = stalled("pool", [0.0, 0.1, 2_000.0, 1.0, 500.0, 0.5], 200.0);
    assert!(always.starts_with("pool, 200 requests/s due: its threads are all taken"), "{always}");
}

#[test]
fn subscribers_that_a_pool_has_no_thread_for_are_no_mere_failures() {
    let mut results = run(0, &[]);
    for (rung, missed) in [("pool", 8_128), ("event-loop", 0)] {
        let mut one = trial("scale", rung, 2_048, 2_048.0, 300.0);
        one.load = Load { mode: Mode::Subscribers, ..closed(2_048, "/live") };
        (one.scheduled, one.completed, one.unsent) = (8_192, 8_192 - missed, missed);
        results.trials.push(one);
    }
    assert_says(
        &verdict(&results),
        &[
            "pool, 2,048 subscribers: its threads are all taken, by 16 of 2,048.",
            "Nothing ran out for event-loop with 2,048 subscribers (looked at: ",
            "0 of 8,192 ticks failed",
        ],
    );
}
