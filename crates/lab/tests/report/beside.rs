//! Several routes in one experiment, bystanders, bridges, subscribers and connections: each in its own
//! group and its own words.

use lab::report;
use lab::results::{Percentiles, TrialOutcome};
use loadgen::protocol::Failure;
use tempfile::TempDir;

use crate::findings::{assert_says, said};
use crate::fixture::{answers, own_words};
use crate::wide;

#[test]
fn routes_are_kept_apart() {
    let said = said(&wide::ladder(5));
    assert_says(
        &said,
        &[
            "/wait/100: ──",
            "/hello: ──",
            "On /hello, with 64 clients: one-at-a-time 11,000 requests/s (100 % of its line); pool 4,800",
            "On /wait/100, with 256 clients: every client is answered as if it were alone (within 5 % of clients ÷ wait) on thread-per-request, bare-thread-per-request,",
            "pool 159 requests/s (6 % of its line: its threads are all taken, 16 ÷ 100 ms = 160 requests/s)",
            "Not run: one-at-a-time at 256 clients on /wait/100.",
        ],
    );
    // A pool that makes its clients queue is shown, and not compared.
    assert!(!said.contains("µs of CPU on pool"), "{said}");
    let own = own_words(&wide::ladder(5));
    for title in
        ["CPU per request: /wait/100", "CPU per request: /hello", "Response times on /wait/100 at one"]
    {
        assert!(own.contains(title), "no chart {title}");
    }
}

#[test]
fn who_let_bystanders_wait_is_told_load_by_load() {
    let said = said(&wide::bridges(5));
    assert_says(
        &said,
        &[
            "While 8 clients were at /wait/100, the median /hello took 1.19 ms (p99",
            "and 775 ms (p99 1.65 s) on blocked-loop. As against event-loop, block by block, bystanders had to wait on blocked-loop (6",
            "times as long; 95 % interval",
            "No rung is shown to let the median bystander wait 3 times as long as event-loop, nor the other way round.",
        ],
    );
    let own = own_words(&wide::bridges(5));
    assert!(own.contains("Bystanders of 8 clients at /wait/100") && own.contains("bystander p99, ms"));
    assert!(own.contains("/hello, ms (log scale)"));
}

/// Whom others are compared with is chosen beforehand, so it may be the one that lets bystanders wait.
#[test]
fn the_rung_that_others_are_compared_with_may_be_the_slow_one() {
    let mut results = wide::bridges(5);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "event-loop") {
        wide::beside(trial, 780.0);
    }
    let said = said(&results);
    assert_says(
        &said,
        &[
            "On event-loop, block by block, bystanders had to wait as against offload (",
            "thread-per-request (55",
            "times as long; 95 % interval",
        ],
    );
    assert!(!said.contains("As against event-loop, block by block"), "{said}");

    // Without anything to hold the others against, nobody is said to wait or not to.
    results.trials.retain(|trial| trial.rung == "event-loop");
    let alone = crate::findings::said(&results);
    assert!(!alone.contains("bystanders had to wait") && !alone.contains("No rung is shown"), "{alone}");
}

#[test]
fn bystanders_without_an_answer_are_counted_and_never_hidden() {
    let mut results = wide::bridges(5);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "blocked-loop") {
        let seen = trial.bystander.as_mut().unwrap();
        seen.completed = 0;
        seen.timed_out = 380;
        seen.failed.insert(Failure::Reset, 10);
        (seen.histogram, seen.latency_ms) = (None, Percentiles::default());
    }
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "offload") {
        let seen = trial.bystander.as_mut().unwrap();
        (seen.completed, seen.timed_out) = (seen.completed - 2, 2);
    }
    let said = said(&results);
    assert_says(&said, &["On blocked-loop none was answered.", "10 of 1,950 unanswered) on offload"]);
    assert!(own_words(&results).contains("1,950 of 1,950 unanswered"));
}

#[test]
fn bridges_gain_within_a_request_and_not_between_requests() {
    assert_says(
        &said(&wide::bridges(5)),
        &[
            "Within a request, with 4 clients at /api/city/97201/us: the median answer takes 205 ms on async-views and 307 ms on \
             thread-per-request (204 ms on event-loop), block by block 0.669 times as long (95 % interval",
            "Between requests, with 256 clients at /wait/100: 232 µs of CPU a request on async-views and 202 µs on thread-per-request",
            "threads 517 on async-views, 515 on thread-per-request and 3 on event-loop.",
        ],
    );
    // No line is known where a request waits for nobody knows how long.
    assert!(!said(&wide::bridges(5)).contains("0 % of its line"));
}

#[test]
fn too_few_answers_in_a_trial_are_not_compared() {
    let mut results = wide::bridges(5);
    for trial in results.trials.iter_mut().filter(|trial| trial.load.clients == 4) {
        trial.latency_ms = Percentiles::default();
    }
    assert_says(
        &said(&results),
        &["307 ms on thread-per-request (204 ms on event-loop), too few answers in a trial to compare them"],
    );
}

/// With 256 clients on a full server the response holds the queue, and C over it is what was answered.
#[test]
fn a_response_with_queueing_in_it_is_not_taken_for_the_wait() {
    let mut results = wide::ladder(5);
    for trial in &mut results.trials {
        if trial.rung == "async-views" && trial.load.clients == 256 {
            trial.throughput_rps = Some(256_000.0 / 120.0);
            answers(trial, 4_000, 120.0, 0.01);
        }
    }
    assert_says(&said(&results), &["async-views 2,130 requests/s (83 % of its line"]);
}

#[test]
fn a_blocked_loop_has_one_slot() {
    assert_says(&said(&wide::bridges(5)), &["its only event loop is blocked, 1 ÷ 100 ms = 10.0 requests/s"]);
}

#[test]
fn subscribers_are_told_in_their_own_words() {
    let results = wide::subscribers();
    let said = said(&results);
    assert_says(
        &said,
        &[
            "2,048 open streams cost 4,099 threads and 120 MiB of memory (60.1 KiB each) on pool,",
            "and 3 threads and 44.2 MiB of memory (22.1 KiB each) on event-loop.",
            "Memory of each of 2,048 open streams: pool against event-loop 2.72 times as much, thread-per-request against event-loop",
            "and bare-thread-per-connection against bare-task-per-connection 5.",
            "With 2,048 open streams the median tick is late by",
            "ticks that never came: 8,128 of 8,192 on pool.",
            "subscribers ticks/s late p50",
        ],
    );
    assert!(!said.contains("requests/s") && !said.contains("client"), "{said}");
    let own = own_words(&results);
    for title in ["Memory per subscriber", "Lateness of ticks, p99", "Operating-system threads"] {
        assert!(own.contains(title), "no chart {title}");
    }
    assert!(own.contains("\"subscribers (log scale)\""));
}

#[test]
fn a_rung_that_dies_under_its_subscribers_is_named() {
    let mut results = wide::subscribers();
    for trial in results.trials.iter_mut() {
        if trial.rung == "thread-per-request" && trial.load.clients == 2_048 {
            (trial.outcome, trial.reason) =
                (TrialOutcome::Collapsed, Some("no more threads: signal 6".into()));
        }
    }
    assert_says(&said(&results), &["thread-per-request its life (no more threads: signal 6)"]);
}

#[test]
fn connections_kept_and_not_kept_are_compared_and_never_mixed() {
    let said = said(&wide::connections(5));
    assert_says(
        &said,
        &[
            "CPU of a request to /hello on a connection of its own, as against a kept one: from 1.6",
            "times on thread-per-request to 4.9",
            "on event-loop 49.0 µs of CPU a request instead of 12.1, 4.0",
            "and 19,600 requests/s instead of 69,300",
            "No requests/s of bare-task-per-connection: the load generator's own core was full there.",
            "/hello with a connection per request: ──",
        ],
    );
    assert!(!said.contains("requests/s instead of 88"), "{said}");
    let own = own_words(&wide::connections(5));
    assert!(own.contains("event-loop,\\u003cbr>new each time"));
}

#[test]
fn rows_say_what_was_asked_for() {
    let dir = TempDir::new().unwrap();
    report::write(dir.path(), &wide::everything(1)).unwrap();
    let mut rows = csv::Reader::from_path(dir.path().join("results.csv")).unwrap();
    let headers = rows.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let count = |name: &str, value: &str| rows.iter().filter(|row| &row[column(name)] == value).count();
    assert_eq!(count("keep_alive", "false"), 4);
    assert_eq!(count("mode", "subscribers"), 20);
    assert_eq!(count("bystander_route", "/hello"), 14);
    assert!(rows.iter().any(|row| &row[column("bystander_completed")] == "390"));
    // Each column is explained on the page.
    let own = own_words(&wide::everything(1));
    for header in &headers {
        assert!(own.contains(&format!("<th scope=\"row\">{header}</th>")), "{header} is not explained");
    }
}

#[test]
fn the_first_screen_answers_briefly_and_with_the_split() {
    let own = own_words(&wide::everything(5));
    let (first, _) = own.split_once("<main>").unwrap();
    assert!(first.contains("What the gap in CPU per request consists of"), "the picture");
    let answer = &first[first.find("id=\"answer\"").unwrap()..first.find("id=\"hero\"").unwrap()];
    assert_eq!(answer.matches("<li>").count(), 3, "of the ladder alone: {answer}");
    assert!(answer.contains("The causes multiply"), "{answer}");
}
