//! With other data, the sentences are other sentences.

use lab::report;
use lab::results::{NotRun, Results, Rule, TrialOutcome};

pub(crate) use crate::fixture::run;
use crate::fixture::{self, closed, trial};

/// The summary as one line, so that wrapping is not tested along.
pub(crate) fn said(results: &Results) -> String {
    report::summary_within(results, 160).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "not said: {part}\nin: {text}");
    }
}

#[test]
fn the_whole_summary_of_a_plausible_run() {
    insta::assert_snapshot!(report::summary_within(&fixture::plausible(), 100), @r#"

    The lecture's experiment, again
    Twenty clients, 0.945 s of waiting each: how many requests a second?
    ────────────────────────────────────────────────────────────────────────────────────────────────────
    rung                clients  req/s  of its     p50 ms  p99 ms  CPU        KiB per   threads  trials
                                        line                       µs/req     client
    ════════════════════════════════════════════════════════════════════════════════════════════════════
    pool, 5 threads          20   5.20       25 %   4,379       –        300      24.4        3  1 ok
    pool, 20 threads         20   20.6       97 %   1,105       –        300      24.4        3  1 ok
    thread-per-request       20   20.9       99 %   1,089       –        300      24.4        3  1 ok
    event-loop               20     21       99 %   1,084       –        300      24.4        3  1 ok
    ────────────────────────────────────────────────────────────────────────────────────────────────────
    - The slots were the limit, not the waiting in threads: pool (5 threads) gave 5.20 requests/s, all
      that its threads allow, while blocking servers with a slot for every client reached what the
      clients ask for (pool (20 threads) 20.6 and thread-per-request 20.9), as did event-loop 21.0.
    - pool (5 threads) answers 5.20 requests/s, and 5 threads ÷ 945 ms allow 5.29; pool (20 threads)
      answers 20.6 requests/s, and 20 clients ÷ 945 ms allow 21.2; thread-per-request answers 20.9
      requests/s, and 20 clients ÷ 945 ms allow 21.2; event-loop answers 21.0 requests/s, and 20 clients
      ÷ 945 ms allow 21.2.
    - Stated by others for the same load: 4.72 requests/s (Flask, as stated in the lecture) and 20.0
      requests/s (Quart, as stated in the lecture).
    - A demonstration, not a comparison: all servers ran at the same time on the same CPUs.
    Verdict:
    = pool (5 threads), 20 clients: its threads are all taken, 5 ÷ 945 ms = 5.29 requests/s.
    = Nothing ran out for pool (20 threads), thread-per-request and event-loop with 20 clients (looked
      at: generator's core 30 % at the most, 0 of 249 requests failed, 0 overflows of the listen queue).

    How many clients can wait at once?
    When does a server that blocks a thread per request stop scaling, what runs out, and what does async
    change?
    ────────────────────────────────────────────────────────────────────────────────────────────────────
    rung                clients     req/s   of its   p50 ms  p99 ms  CPU      KiB per  threads  trials
                                            line                     µs/req   client
    ════════════════════════════════════════════════════════════════════════════════════════════════════
    pool                        16     157    101 %     102     106      206      141       36  3 ok
    pool                       256     158      6 %   1,635   1,699      211     52.2      276  3 ok
    pool                     2,048       –        –       –       –        –        –        –  not run
    pool                open 100/s     100        –     102     104      210     24.4        3  3 ok
    thread-per-request          16     157    101 %     103     107      216      151       35  3 ok
    thread-per-request         256   2,510    101 %     103     107      191     84.3      515  3 ok
    thread-per-request       2,048   4,910     98 %     420     437      199     80.3    4,099  3 ok
    thread-per-request  open 100/s     100        –     101     103      210     24.4        3  3 ok
    event-loop                  16     158    101 %     102     106     61.2     90.4        3  3 ok
    event-loop                 256   2,524    101 %     102     106     31.1     29.1        3  3 ok
    event-loop               2,048  20,159    101 %     102     106     25.6     24.7        3  3 ok
    event-loop          open 100/s     100        –     101     103      210     24.4        3  3 ok
    ────────────────────────────────────────────────────────────────────────────────────────────────────
    - Every client is answered as if it were alone (within 5 % of clients ÷ wait) by event-loop for all
      2,048 clients, thread-per-request for up to 256 clients (then ran out of CPU) and pool for up to
      16 clients (then ran out of threads).
    - With 256 clients, the most that both keep up with: a request takes 191 µs of CPU on
      thread-per-request and 31.1 µs on event-loop, block by block 6.13 times as much; a connection 84.3
      KiB and 29.1 KiB of memory, 2.90 times as much (3 blocks: points, no interval).
    - In open loop, at one common rate, 100 requests/s, answers took 102 ms (p99 104 ms) on pool; 101 ms
      (p99 103 ms) on thread-per-request and event-loop. From 3 blocks these are points, and show
      neither a difference nor equality.
    - pool stays within 5 % of the lower of its two lines up to 16 clients, where it answers 157
      requests/s (101 % of that line), and leaves it at 256 clients: it answers 158 requests/s where the
      line allows 2,500; its threads are all taken, 16 ÷ 102 ms = 156 requests/s.
    - thread-per-request stays within 5 % of the lower of its two lines at every load measured, up to
      2,048 clients, where it answers 4,910 requests/s (98 % of that line). From 2,048 clients on that
      line is the CPU's, 1 core ÷ 199 µs = 5,030 requests/s, where clients ÷ wait would be 20,000.
    - event-loop stays within 5 % of the lower of its two lines at every load measured, up to 2,048
      clients, where it answers 20,200 requests/s (101 % of that line).
    - With 16 clients, the most that both keep up with: a request takes 206 µs of CPU on pool and 61.2
      µs on event-loop, block by block 3.36 times as much; a connection 141 KiB and 90.4 KiB of memory,
      1.56 times as much (3 blocks: points, no interval).
    - Most operating-system threads seen: pool 276 (with 256 clients), thread-per-request 4,099 (with
      2,048 clients) and event-loop 3 (with 2,048 clients).
    Verdict:
    = pool, 256 clients: its threads are all taken, 16 ÷ 102 ms = 156 requests/s.
    = thread-per-request, 2,048 clients: its CPU is full, 98 % of 1 core at 199 µs a request.
    = Nothing ran out for event-loop with 2,048 clients (looked at: server CPU 52 %, generator's core 30
      %, 0 of 241,914 requests failed, 0 overflows of the listen queue).
    = Nothing ran out for pool, thread-per-request and event-loop with 100 requests/s due (looked at:
      server CPU 2 % at the most, generator's core 30 % at the most, mean response 102 ms at the most, 0
      of 3,600 requests failed, 0 overflows of the listen queue).
    ! Not run: pool at 2,048 clients. 16 threads ÷ 100 ms make an answer take 12.8 s, more than half the
      window. Its line there: 160 requests/s.
    "#);
}

#[test]
fn async_may_lose() {
    let said = said(&run(
        5,
        &[
            ("thread-per-request", 16, 160.0, 40.0),
            ("thread-per-request", 2_048, 20_400.0, 40.0),
            ("event-loop", 16, 159.0, 80.0),
            ("event-loop", 2_048, 12_400.0, 80.0),
        ],
    ));
    assert_says(
        &said,
        &[
            "by thread-per-request for all 2,048 clients and event-loop for up to 16 clients (then ran out of CPU).",
            "a request takes 40.1 µs of CPU on thread-per-request and 80.2 µs on event-loop, block by block 0.500 times as much (95 % \
             interval 0.500 to 0.500)",
            "thread-per-request stays within 5 % of the lower of its two lines at every load measured, up to 2,048 clients",
        ],
    );
}

#[test]
fn equality_is_claimed_only_when_the_interval_is_narrow() {
    let tie = [("thread-per-request", 16, 160.0, 50.0), ("event-loop", 16, 160.0, 50.0)];
    let both = [tie[0], tie[1], ("thread-per-request", 64, 640.0, 50.0), ("event-loop", 64, 640.0, 50.0)];
    let narrow = said(&run(5, &both));
    assert_says(
        &narrow,
        &[
            "by every rung, with up to 64 clients.",
            "equal within 5 % (ratio 1.00, 90 % interval 1.00 to 1.00)",
        ],
    );

    let mut wide = run(5, &both);
    for (place, trial) in wide.trials.iter_mut().filter(|trial| trial.rung == "event-loop").enumerate() {
        trial.server.cpu_us_per_request =
            trial.server.cpu_us_per_request.map(|us| us * (0.8 + 0.1 * (place / 2) as f64));
    }
    let wide = said(&wide);
    assert_says(&wide, &["no difference shown (ratio 1.01, 95 % interval"]);
    assert!(
        !wide.contains(
            "a request takes 50.1 µs of CPU on thread-per-request and 50.1 µs on event-loop, block by block equal"
        ),
        "{wide}"
    );

    let few = said(&run(4, &both));
    assert_says(&few, &["1.00 times as much", "(4 blocks: points, no interval)"]);
    assert!(!few.contains("equal within"), "{few}");
}

#[test]
fn void_trials_say_nothing_but_that_they_are_void() {
    let mut results = run(3, &[("thread-per-request", 16, 160.0, 200.0), ("event-loop", 16, 7_777.0, 80.0)]);
    for trial in &mut results.trials {
        trial.outcome = TrialOutcome::Void;
        trial.reason = Some("an answer was wrong".into());
    }
    let all = said(&results);
    assert_says(
        &all,
        &[
            "6 of 6 trials are void: they take part in no figure and no sentence",
            "Nothing can be concluded: all 6 trials are void.",
            "Void: event-loop at 16 clients, block 3. An answer was wrong.",
            "3 void",
        ],
    );
    assert!(!all.contains("7,777") && !all.contains("times as much"), "{all}");

    results.trials[0].outcome = TrialOutcome::Ok;
    let one = said(&results);
    assert_says(
        &one,
        &[
            "5 of 6 trials are void",
            "With 16 clients: thread-per-request 160 requests/s (100 % of its line).",
        ],
    );
    assert!(!one.contains("7,777"), "{one}");
}

#[test]
fn a_machine_with_other_work_is_a_caution() {
    let mut results = fixture::plausible();
    assert!(!said(&results).contains("other work"));
    results.machine.load_average = Some(3.5);
    assert_says(
        &said(&results),
        &["The machine had other work when the run began (load average 3.50 on 2 CPUs)"],
    );
}

#[test]
fn nothing_ran() {
    let mut results = fixture::empty();
    assert_says(&said(&results), &["No trial was recorded, so nothing can be said."]);
    results.complete = false;
    assert_says(
        &said(&results),
        &["This run did not come to its end: what follows rests on the 0 trials that did."],
    );
    results.experiments = vec![fixture::scale(), fixture::lecture()];
    assert_says(&said(&results), &["How many clients can wait at once?", "Nothing of this was measured."]);
}

#[test]
fn a_partial_run_speaks_of_what_ran() {
    let mut results = fixture::plausible();
    results.complete = false;
    results.trials.truncate(6);
    let said = said(&results);
    assert_says(
        &said,
        &[
            "This run did not come to its end: what follows rests on the 6 trials that did.",
            "pool (5 threads)",
        ],
    );
    assert!(!said.contains("event-loop for"), "no event-loop in scale yet: {said}");
}

#[test]
fn a_collapse_is_a_result_with_its_reason() {
    let mut results = run(
        3,
        &[
            ("thread-per-request", 16, 160.0, 200.0),
            ("thread-per-request", 4_096, 100.0, 200.0),
            ("event-loop", 16, 160.0, 30.0),
            ("event-loop", 4_096, 32_000.0, 30.0),
        ],
    );
    for trial in results
        .trials
        .iter_mut()
        .filter(|trial| trial.rung == "thread-per-request" && trial.load.clients == 4_096)
    {
        trial.outcome = TrialOutcome::Collapsed;
        trial.reason = Some("no more threads: signal 6 after \u{1b}[31mEAGAIN".into());
    }
    let said = said(&results);
    assert_says(
        &said,
        &[
            "thread-per-request for up to 16 clients (then collapsed)",
            "and leaves it at 4,096 clients: the server collapsed in 3 of 3 trials (no more threads",
            "Collapsed: thread-per-request at 4,096 clients, block 1. No more threads",
        ],
    );
    assert!(!said.contains('\u{1b}'), "a log must not steer the terminal");
}

#[test]
fn what_ran_out_is_told_from_evidence_and_not_from_names() {
    let cells = [("thread-per-request", 16, 160.0, 200.0), ("thread-per-request", 256, 1_500.0, 200.0)];
    let at_256 = |change: &dyn Fn(&mut lab::results::Trial)| {
        let mut results = run(3, &cells);
        results.trials.iter_mut().filter(|trial| trial.load.clients == 256).for_each(change);
        said(&results)
    };
    // 1,500 × 200 µs are 30 % of a core: it is not the CPU.
    assert_says(
        &at_256(&|_| ()),
        &[
            "the cause was not found (looked at: server CPU 30 %, others on its CPU not known, generator's core 30 %, 0 of 18,036 requests failed, 0 overflows of the listen queue, 70.3 ms of each answer besides its wait, 3 threads, 64.0 MiB resident)",
        ],
    );
    assert_says(
        &at_256(&|trial| trial.client.core_busy = Some(0.97)),
        &["the load generator's own core was 97 % busy, so this may be its limit", "3 ok, client-bound"],
    );
    assert_says(
        &at_256(&|trial| trial.server.listen_overflows = Some(400)),
        &["the listen queue overflowed 1,200 times"],
    );
    assert_says(&at_256(&|trial| trial.timed_out = 100), &["300 of 18,036 requests got no right answer"]);
    assert_says(
        &at_256(&|trial| trial.server.cpu_s = Some(3.8)),
        &["its CPU is full, 95 % of 1 core at 200 µs a request"],
    );
}

#[test]
fn a_pool_is_held_by_its_threads_only_where_they_explain_it() {
    let pool = |rps: f64| said(&run(3, &[("pool", 16, 160.0, 50.0), ("pool", 256, rps, 50.0)]));
    assert_says(
        &pool(158.0),
        &[
            "its threads are all taken, 16 ÷ 100 ms = 160 requests/s",
            "pool for up to 16 clients (then ran out of threads)",
        ],
    );
    // Far below K / W: something else it is.
    assert_says(&pool(80.0), &["the cause was not found"]);
}

#[test]
fn cells_left_out_are_named_with_their_line() {
    let said = said(&fixture::plausible());
    assert_says(
        &said,
        &[
            "Not run: pool at 2,048 clients. 16 threads ÷ 100 ms make an answer take 12.8 s, more than half the window.",
        ],
    );
    let mut results = run(1, &[("pool", 16, 160.0, 50.0)]);
    results.experiments[0].not_run = vec![NotRun {
        rung: "pool".into(),
        variant: None,
        load: closed(256, "/wait/100"),
        bound_rps: None,
        reason: "the thread budget is spent".into(),
    }];
    assert_says(
        &said_of(&results),
        &[
            "leaves it at 256 clients: it was not run there, where its 16 threads would be taken (the thread budget is spent)",
        ],
    );
}

fn said_of(results: &Results) -> String {
    said(results)
}

#[test]
fn the_lesson_of_the_lecture_is_told_only_when_the_figures_teach_it() {
    assert_says(
        &said(&fixture::plausible()),
        &["The slots were the limit, not the waiting in threads: pool (5 threads) gave 5.20 requests/s"],
    );
    let mut other = fixture::plausible();
    for trial in other
        .trials
        .iter_mut()
        .filter(|trial| trial.variant.as_deref() == Some("20 threads") || trial.rung == "thread-per-request")
    {
        trial.throughput_rps = Some(6.0);
    }
    let said = said(&other);
    assert!(!said.contains("The slots were the limit"), "{said}");
    assert_says(&said, &["pool (20 threads) answers 6.00 requests/s, and 20 clients ÷ 945 ms allow 21.2"]);
}

#[test]
fn trials_of_an_experiment_that_nobody_described_are_shown_too() {
    let mut results = fixture::empty();
    results.trials = vec![trial("load", "http://127.0.0.1:8000/hello", 64, 20_000.0, 40.0)];
    assert_says(&said(&results), &["http://127.0.0.1:8000/hello 20,000 requests/s"]);
}

#[test]
fn the_same_warning_with_other_figures_is_given_once() {
    let mut results = run(3, &[("event-loop", 16, 160.0, 30.0)]);
    for (place, trial) in results.trials.iter_mut().enumerate() {
        trial.warnings = vec![format!("{} connections were reset", 10 + place), "the disk is full".into()];
    }
    let said = said(&results);
    assert_says(
        &said,
        &["With care: event-loop at 16 clients. 10 connections were reset. (so in 3 of 3 trials)"],
    );
    assert_eq!(said.matches("The disk is full. (so in 3 of 3 trials)").count(), 1, "{said}");
    assert!(!said.contains("11 connections"), "{said}");
}

#[test]
fn where_overload_is_the_question_giving_up_is_nothing_to_warn_of() {
    let mut results = run(3, &[("event-loop", 16, 160.0, 30.0)]);
    for trial in &mut results.trials {
        trial.warnings = vec![
            "938 of 938 requests were not answered in time and count with the time-out".into(),
            "not one request was answered of the 938 that were due".into(),
            "the disk is full".into(),
        ];
    }
    let (late, nothing) = ("count with the time-out. (so in 3 of 3 trials)", "Not one request was answered");
    assert_says(&said(&results), &[late, nothing]);
    results.experiments[0].rule = Some(Rule::Goodput);
    results.trials[0].warnings.clear();
    let overload = said(&results);
    assert_says(&overload, &["The disk is full. (so in 2 of 3 trials)"]);
    assert!(!overload.contains("with the time-out") && !overload.contains(nothing), "{overload}");
}
