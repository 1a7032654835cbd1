//! Constructed findings, among them those where the obvious judgement would be wrong.

use std::process::ExitStatus;
use std::time::Duration;

use loadgen::protocol::Row;

use super::*;
use crate::probe::Sample;
use crate::results::Load;

fn under(mode: Mode) -> Subject {
    let rate_rps = (mode == Mode::Open).then_some(100.0);
    Subject {
        experiment: "scale".into(),
        rung: "event-loop".into(),
        variant: None,
        flags: vec!["--workers=1".into()],
        block: 1,
        order: 2,
        load: Load { mode, clients: 64, rate_rps, keep_alive: true, route: "/wait/100".into(), shape: None },
        bystander: None,
    }
}

fn all_of(ms: u64, n: u64) -> String {
    let mut histogram = Histogram::new();
    (0..n).for_each(|_| histogram.record_ns(ms * 1_000_000));
    histogram.encode()
}

fn ended(raw: i32) -> Ended {
    Ended { status: ExitStatus::from_raw(raw), voluntary: 5, involuntary: 6, cpu: Duration::ZERO }
}

/// 1,000 answers of 100 ms in a second.
fn good() -> Found {
    let outcome = Outcome {
        window_ms: 1_000.0,
        scheduled: 1_000,
        completed: 1_000,
        throughput_rps: 1_000.0,
        response_time: all_of(100, 1_000),
        sent_to_answer: all_of(100, 1_000),
        schedule_lag: all_of(1, 1_000),
        connections_wanted: 64,
        connections_up: 64,
        ..Outcome::default()
    };
    Found {
        outcome: Some(outcome),
        observed: Some(Observed::default()),
        ended: Some(ended(0)),
        ..Found::default()
    }
}

fn verdict(subject: Subject, found: &Found) -> (TrialOutcome, String) {
    let trial = trial(subject, found, 0);
    (trial.outcome, trial.reason.unwrap_or_default())
}

#[test]
fn a_good_trial_is_ok_and_has_nothing_to_warn_of() {
    let trial = trial(under(Mode::Closed), &good(), 0);
    assert_eq!((trial.outcome, trial.reason, trial.warnings), (TrialOutcome::Ok, None, vec![]));
    assert!((trial.latency_ms.p99.unwrap() - 100.0).abs() < 0.2);
    assert_eq!(trial.latency_ms.p999, None);
    assert_eq!(trial.server.cpu_s, None, "not read, so not 0");
    assert_eq!(trial.server.exit.as_deref(), Some("exit code 0"));
}

#[test]
fn a_server_that_died_collapsed_even_if_its_last_answers_were_wrong() {
    let mut found = good();
    found.died = Some(ended(6));
    found.log = vec!["thread panicked".into(), "failed to spawn thread".into()];
    found.outcome.as_mut().unwrap().failed.insert(Failure::Status, 3);
    let (outcome, reason) = verdict(under(Mode::Closed), &found);
    assert_eq!(outcome, TrialOutcome::Collapsed);
    assert_eq!(
        reason,
        "collapsed at 64 clients: signal 6 (SIGABRT, an abort); it said: thread panicked / failed to spawn thread"
    );
}

#[test]
fn a_server_that_lives_without_listening_collapsed() {
    let found = Found { deaf: true, ..good() };
    let (outcome, reason) = verdict(under(Mode::Closed), &found);
    assert_eq!(outcome, TrialOutcome::Collapsed);
    assert!(reason.contains("lives but refuses"), "{reason}");
}

#[test]
fn wrong_answers_make_a_trial_void_and_resets_do_not() {
    for (kind, expected, why) in [
        (Failure::WrongBody, TrialOutcome::Void, "1 of 1001 answers were wrong"),
        (Failure::Status, TrialOutcome::Void, "1 of 1001 answers were wrong"),
        (Failure::Local, TrialOutcome::Void, "the system refused the load generator a connection"),
        (Failure::OutOfFiles, TrialOutcome::Void, "the load generator ran out of file descriptors"),
        (Failure::OutOfPorts, TrialOutcome::Void, "the load generator ran out of ports"),
        (Failure::Reset, TrialOutcome::Ok, ""),
        (Failure::Refused, TrialOutcome::Ok, ""),
        (Failure::Shed, TrialOutcome::Ok, ""),
        (Failure::Protocol, TrialOutcome::Void, "1 of 1001 answers were wrong"),
    ] {
        let mut found = good();
        let outcome = found.outcome.as_mut().unwrap();
        outcome.failed.insert(kind, 1);
        outcome.scheduled += 1;
        let (outcome, reason) = verdict(under(Mode::Closed), &found);
        assert!(outcome == expected && reason.contains(why), "{kind:?}: {outcome:?}, {reason}");
    }
}

#[test]
fn books_that_do_not_balance_make_a_trial_void() {
    let mut found = good();
    found.outcome.as_mut().unwrap().scheduled = 1_001;
    assert_eq!(verdict(under(Mode::Closed), &found).0, TrialOutcome::Void);
}

/// The same with so many requests in flight: by time stamps, by looking.
fn in_flight(summed: f64, sampled: f64, looks: u64) -> Found {
    let mut found = good();
    found.outcome.as_mut().unwrap().in_flight = Some(InFlight { summed, sampled, looks });
    found
}

#[test]
fn a_number_in_flight_that_two_ways_disagree_on_makes_a_trial_void() {
    let outcome = |summed, sampled| verdict(under(Mode::Closed), &in_flight(summed, sampled, 800)).0;
    assert_eq!(outcome(1_000.0, 1_019.0), TrialOutcome::Ok, "within 2 %");
    assert_eq!(outcome(1_000.0, 1_030.0), TrialOutcome::Void);
    assert_eq!(outcome(1_030.0, 1_000.0), TrialOutcome::Void, "either way");
    assert_eq!(outcome(0.02, 0.04), TrialOutcome::Ok, "twice as many, and next to none");
    assert_eq!(outcome(10.0, 10.4), TrialOutcome::Ok, "4 %, and less than one request");
    assert_eq!(outcome(10.0, 11.0), TrialOutcome::Void);
    assert_eq!(outcome(f64::NAN, f64::NAN), TrialOutcome::Ok, "unknown is not wrong");
    let reason = verdict(under(Mode::Open), &in_flight(100.0, 50.0, 800)).1;
    assert!(
        reason.starts_with("the load generator's books do not balance: 100.0 requests were in flight"),
        "{reason}"
    );
}

#[test]
fn the_books_of_bystanders_have_to_balance_too() {
    let with = |sampled| {
        let mut found = good();
        let mut beside = found.outcome.clone().unwrap();
        beside.in_flight = Some(InFlight { summed: 20.0, sampled, looks: 800 });
        found.outcome.as_mut().unwrap().bystander = Some(Box::new(beside));
        verdict(under(Mode::Closed), &found)
    };
    assert_eq!(with(20.2).0, TrialOutcome::Ok);
    let (outcome, reason) = with(30.0);
    assert_eq!(outcome, TrialOutcome::Void);
    assert!(reason.starts_with("bystander: the load generator's books do not balance"), "{reason}");
}

#[test]
fn few_looks_tell_little() {
    let outcome = |looks| verdict(under(Mode::Open), &in_flight(100.0, 104.0, looks)).0;
    assert_eq!((outcome(800), outcome(40)), (TrialOutcome::Void, TrialOutcome::Ok));
    let trial = trial(under(Mode::Open), &in_flight(100.0, 101.0, 800), 0);
    assert_eq!((trial.client.in_flight_summed, trial.client.in_flight_sampled), (Some(100.0), Some(101.0)));
}

#[test]
fn a_server_that_died_collapsed_whatever_the_books_say() {
    let found = Found { died: Some(ended(6)), ..in_flight(100.0, 50.0, 800) };
    assert_eq!(verdict(under(Mode::Closed), &found).0, TrialOutcome::Collapsed);
}

#[test]
fn shedding_load_is_a_finding_with_a_warning_of_its_own() {
    let mut found = good();
    let outcome = found.outcome.as_mut().unwrap();
    outcome.failed.extend([(Failure::Shed, 500), (Failure::Reset, 2)]);
    outcome.scheduled += 502;
    let trial = trial(under(Mode::Open), &found, 0);
    assert_eq!((trial.outcome, trial.failed[&Failure::Shed]), (TrialOutcome::Ok, 500));
    assert_eq!(trial.warnings.len(), 2, "{:?}", trial.warnings);
    assert!(trial.warnings[0].starts_with("500 of 1502 requests were shed"), "{:?}", trial.warnings);
    assert!(trial.warnings[1].starts_with("2 of 1502 requests failed"), "{:?}", trial.warnings);
}

#[test]
fn overload_and_waiting_for_a_connection_never_void() {
    let mut found = good();
    let outcome = found.outcome.as_mut().unwrap();
    (outcome.completed, outcome.timed_out, outcome.unsent) = (100, 400, 500);
    outcome.response_time = all_of(10_000, 1_000);
    assert_eq!(verdict(under(Mode::Open), &found).0, TrialOutcome::Ok);
}

#[test]
fn lag_counts_in_open_loop_only_and_against_the_median() {
    let late = |lag_ms, response_ms| {
        let mut found = good();
        let outcome = found.outcome.as_mut().unwrap();
        outcome.schedule_lag = all_of(lag_ms, 1_000);
        outcome.response_time = all_of(response_ms, 1_000);
        found
    };
    assert_eq!(verdict(under(Mode::Open), &late(4, 100)).0, TrialOutcome::Ok, "under 5 % of 100 ms");
    assert_eq!(verdict(under(Mode::Open), &late(6, 100)).0, TrialOutcome::Void);
    assert_eq!(verdict(under(Mode::Open), &late(1, 1)).0, TrialOutcome::Ok, "under 2 ms");
    assert_eq!(verdict(under(Mode::Open), &late(3, 1)).0, TrialOutcome::Void);
    assert_eq!(verdict(under(Mode::Closed), &late(50, 100)).0, TrialOutcome::Ok);
    let tried_again = |mode, found: &Found| was_late(&trial(under(mode), found, 0));
    assert!(tried_again(Mode::Open, &late(6, 100)) && !tried_again(Mode::Open, &late(4, 100)));
    assert!(!tried_again(Mode::Closed, &late(50, 100)));
    assert!(!tried_again(Mode::Open, &in_flight(100.0, 50.0, 800)), "void, and for another reason");
    let died = Found { died: Some(ended(6)), ..late(6, 100) };
    assert!(!tried_again(Mode::Open, &died), "a collapse is a result");
}

#[test]
fn without_an_outcome_a_trial_is_void_and_has_no_figures() {
    let found = Found { failure: Some("the load generator gave up: no".into()), ..Found::default() };
    let trial = trial(under(Mode::Closed), &found, 0);
    assert_eq!(trial.outcome, TrialOutcome::Void);
    assert_eq!((trial.throughput_rps, trial.histogram, trial.client.cpu_s), (None, None, None));
    assert!(trial.warnings.is_empty());
}

#[test]
fn cost_is_taken_at_the_peak_and_less_what_it_was_idle() {
    let size = |rss, threads| Size {
        rss_bytes: Some(rss),
        page_table_bytes: Some(100),
        threads: Some(threads),
        ..Size::default()
    };
    let sample = |t_ms, size| Sample { t_ms, cpu_s: Some(t_ms as f64 / 1_000.0), size };
    let samples = vec![sample(0, size(1_000, 4)), sample(250, size(65_000, 4)), sample(500, size(2_000, 4))];
    let mut found = good();
    found.idle = size(1_000, 4);
    found.observed =
        Some(Observed { cpu_s: Some(0.5), listen_overflows: Some(0), samples, ..Observed::default() });
    let trial = trial(under(Mode::Closed), &found, 0);
    assert_eq!(trial.server.rss_peak_bytes, Some(65_000));
    assert_eq!(trial.server.cpu_us_per_request, Some(500.0));
    #[cfg(target_arch = "x86_64")]
    assert_eq!(trial.server.memory_per_connection_bytes, Some(1_000.0));
    let rows: Vec<_> = trial.series.iter().map(|row| (row.t_ms, row.server_cpu_s)).collect();
    assert_eq!(rows, [(0, Some(0.25)), (250, Some(0.5))]);
}

#[test]
fn warnings_say_what_to_do() {
    let mut found = good();
    let outcome = found.outcome.as_mut().unwrap();
    outcome.core_busy = 0.97;
    outcome.connections_up = 60;
    outcome.timed_out = 7;
    outcome.scheduled += 7;
    let warnings = trial(under(Mode::Closed), &found, 0).warnings;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].starts_with("client-bound: the load generator's core was 97 % busy"));
    assert!(warnings[1].starts_with("only 60 of 64 connections"));
    assert!(warnings[2].starts_with("7 of 1007 requests were not answered in time"));
    let outcome = found.outcome.as_mut().unwrap();
    (outcome.completed, outcome.timed_out) = (0, 1_007);
    let warnings = trial(under(Mode::Closed), &found, 0).warnings;
    assert!(
        warnings[2].starts_with("not one request was answered of the 1007 that were due"),
        "{warnings:?}"
    );
    assert_eq!(warnings.len(), 3, "nothing else can be said of its requests: {warnings:?}");
    found.died = Some(ended(6));
    assert!(trial(under(Mode::Closed), &found, 0).warnings.is_empty(), "a collapse says it all");
}

/// The same with a bystander: 40 answers of 3 ms.
fn with_bystander() -> Found {
    let mut found = good();
    let bystander = Outcome {
        scheduled: 40,
        completed: 40,
        response_time: all_of(3, 40),
        schedule_lag: all_of(1, 1_000),
        series: vec![Row { t_ms: 250, p50_ms: Some(3.0), ..Row::default() }],
        ..Outcome::default()
    };
    let outcome = found.outcome.as_mut().unwrap();
    outcome.series = vec![Row::default(), Row { t_ms: 250, max_ms: Some(170.0), ..Row::default() }];
    outcome.bystander = Some(Box::new(bystander));
    found
}

fn beside_a_bystander() -> Subject {
    Subject { bystander: Some(("/hello".into(), 50.0)), ..under(Mode::Closed) }
}

#[test]
fn a_bystander_has_books_of_its_own() {
    let mut found = with_bystander();
    let seen = found.outcome.as_mut().unwrap().bystander.as_mut().unwrap();
    (seen.timed_out, seen.unsent, seen.scheduled) = (1, 2, 44);
    seen.failed.insert(Failure::Reset, 1);
    let trial = trial(beside_a_bystander(), &found, 0);
    assert_eq!(trial.outcome, TrialOutcome::Ok, "who gets no answer is a result: {:?}", trial.reason);
    let bystander = trial.bystander.unwrap();
    assert_eq!((bystander.route.as_str(), bystander.rate_rps), ("/hello", 50.0));
    assert_eq!((bystander.completed, bystander.timed_out, bystander.unsent), (40, 1, 2));
    assert!((bystander.latency_ms.p50.unwrap() - 3.0).abs() < 0.01);
    assert_eq!(trial.completed, 1_000, "the load's own");
    let over_time: Vec<_> = trial.series.iter().map(|row| (row.max_ms, row.bystander_p50_ms)).collect();
    assert_eq!(over_time, [(None, None), (Some(170.0), Some(3.0))], "beside the load's rows");
}

#[test]
fn a_bystander_that_was_answered_wrongly_makes_a_trial_void() {
    for kind in [Failure::WrongBody, Failure::Local] {
        let mut found = with_bystander();
        let seen = found.outcome.as_mut().unwrap().bystander.as_mut().unwrap();
        seen.failed.insert(kind, 1);
        seen.scheduled += 1;
        let (outcome, reason) = verdict(beside_a_bystander(), &found);
        assert_eq!(outcome, TrialOutcome::Void);
        assert!(reason.starts_with("bystander: 1 "), "{reason}");
    }
    let mut found = with_bystander();
    found.outcome.as_mut().unwrap().bystander.as_mut().unwrap().scheduled = 39;
    assert!(verdict(beside_a_bystander(), &found).1.contains("39 requests were scheduled, but 40"));
}

#[test]
fn a_bystander_that_was_late_is_not_shown_and_the_load_still_counts() {
    let mut found = with_bystander();
    found.outcome.as_mut().unwrap().bystander.as_mut().unwrap().schedule_lag = all_of(9, 1_000);
    let trial = trial(beside_a_bystander(), &found, 0);
    assert_eq!((trial.outcome, trial.bystander), (TrialOutcome::Ok, None));
    assert!(
        trial.warnings[0].starts_with("the bystander's requests left 9.0 ms late"),
        "{:?}",
        trial.warnings
    );
}

#[test]
fn what_bystanders_cost_is_not_the_loads() {
    let cost = |answers, connections| {
        let mut found = with_bystander();
        let size = |kb: u64| Size {
            rss_bytes: Some(kb * 1_000),
            page_table_bytes: Some(0),
            threads: Some(4),
            ..Size::default()
        };
        found.idle = size(1_000);
        let samples = vec![Sample { t_ms: 0, cpu_s: None, size: size(1_660) }];
        found.observed = Some(Observed { cpu_s: Some(0.52), samples, ..Observed::default() });
        let seen = found.outcome.as_mut().unwrap().bystander.as_mut().unwrap();
        (seen.scheduled, seen.completed, seen.connections_up) = (answers, answers, connections);
        let server = trial(beside_a_bystander(), &found, 0).server;
        (server.cpu_us_per_request, server.memory_per_connection_bytes)
    };
    let (cpu_us, memory_bytes) = cost(40, 2);
    assert_eq!(cpu_us, Some(500.0), "over all 1,040 answers");
    #[cfg(target_arch = "x86_64")]
    assert_eq!(memory_bytes, Some(10_000.0), "over all 66 connections");
    assert_eq!(cost(400, 64), (None, None), "too many to tell whose it was");
}

#[test]
fn subscribers_are_judged_by_their_ticks() {
    let mut found = good();
    let outcome = found.outcome.as_mut().unwrap();
    (outcome.timed_out, outcome.unsent, outcome.scheduled) = (2, 3, 1_005);
    let missed = trial(under(Mode::Subscribers), &found, 0);
    assert_eq!((missed.outcome, missed.completed), (TrialOutcome::Ok, 1_000));
    assert!(missed.warnings[0].starts_with("5 of 1005 ticks did not reach"), "{:?}", missed.warnings);

    found.outcome.as_mut().unwrap().scheduled = 1_006;
    let (outcome, reason) = verdict(under(Mode::Subscribers), &found);
    assert_eq!(
        (outcome, reason.as_str()),
        (TrialOutcome::Void, "1006 ticks were scheduled, but 1005 accounted for")
    );

    found.died = Some(ended(6));
    let (outcome, reason) = verdict(under(Mode::Subscribers), &found);
    assert_eq!(outcome, TrialOutcome::Collapsed);
    assert!(reason.starts_with("collapsed at 64 subscribers: signal 6"), "{reason}");
}
