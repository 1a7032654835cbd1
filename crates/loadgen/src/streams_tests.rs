//! Schedules through the quickest tick, and what becomes of ticks that do not come.

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;
/// 100 ms long, ten ticks of 10 ms.
const WINDOW: Window = Window { start_ns: 1_000 * MS, end_ns: 1_100 * MS };
const RHYTHM: Rhythm = Rhythm { tick_ns: 10 * MS, timeout_ns: 30 * MS };

/// One stream, opened at 900 ms; `lateness_ms` of each of its ticks, the first due at 901 ms. Its last tick in
/// the window is number 20, due at 1,091 ms.
fn stream(lateness_ms: &[u64]) -> Streams {
    let mut streams = Streams::new(RHYTHM);
    let place = streams.add(890 * MS);
    streams.opened(place, 900 * MS);
    for (n, late_ms) in (0..).zip(lateness_ms) {
        streams.ticked(place, (901 + n * 10 + late_ms) * MS);
    }
    streams
}

/// Scheduled, and what was counted; the two must agree.
fn book(streams: &Streams) -> Recorder {
    let mut recorder = Recorder::new(true, WINDOW, 50 * MS);
    let scheduled = streams.book(WINDOW, &mut recorder);
    assert_eq!((recorder.measured.ended, recorder.measured.resolved()), (scheduled, scheduled));
    recorder
}

/// Completed, failed, timed out, unsent.
fn counts(recorder: &Recorder) -> [u64; 4] {
    let measured = &recorder.measured;
    [measured.completed, measured.failed.values().sum(), measured.timed_out, measured.unsent]
}

#[test]
fn the_quickest_tick_lays_the_schedule_even_when_it_comes_last() {
    let mut lateness = [7; 21];
    lateness[14] = 12;
    lateness[20] = 2;
    let recorder = book(&stream(&lateness));
    assert_eq!(counts(&recorder), [10, 0, 0, 0]);
    let times = &recorder.measured.response_time;
    // All but two are as late as their stream usually is: 5 ms later than it can be.
    assert_eq!(times.max_ms().unwrap().round(), 10.0);
    assert_eq!((times.mean_ms().unwrap() * 10.0).round(), 55.0);
    assert_eq!(recorder.measured.right_in_window, 10);
}

#[test]
fn a_tick_that_is_later_than_the_timeout_counts_at_the_timeout() {
    let mut lateness = [0; 21];
    (lateness[14], lateness[15]) = (31, 30);
    let recorder = book(&stream(&lateness));
    assert_eq!(counts(&recorder), [9, 0, 1, 0]);
    assert_eq!(recorder.measured.response_time.max_ms().unwrap().round(), 30.0);
}

#[test]
fn ticks_of_a_lost_stream_fail_when_they_are_due_and_those_before_have_timed_out() {
    // Tick 12 (due at 1,011 ms) and later ones are missing; the stream is lost at 1,055 ms.
    let mut streams = stream(&[0; 11]);
    assert_eq!(streams.open(), 1);
    streams.lost(0, 1_055 * MS, Lost::RESET);
    assert_eq!(streams.open(), 0);
    let recorder = book(&streams);
    // Due at 1,001; at 1,011 and 1,021 with their timeouts before the loss; then 7 more.
    assert_eq!(counts(&recorder), [1, 7, 2, 0]);
    assert_eq!(recorder.measured.failed[&Failure::Reset], 7);
    let rows = recorder.series();
    assert_eq!(
        (rows[0].failed, rows[1].failed),
        (0, 7),
        "three of them at the loss, four when they were due"
    );
    assert_eq!((rows[0].in_flight, rows[1].in_flight), (1, 0));
}

#[test]
fn a_silent_stream_times_out_and_one_that_never_came_up_is_unsent() {
    assert_eq!(counts(&book(&stream(&[0; 5]))), [0, 0, 10, 0]);
    assert_eq!(counts(&book(&stream(&[]))), [0, 0, 10, 0], "the head and nothing else");
    let mut streams = Streams::new(RHYTHM);
    streams.add(895 * MS);
    assert_eq!(counts(&book(&streams)), [0, 0, 0, 10]);
    streams.lost(0, 950 * MS, Lost { failure: Failure::Refused, excerpt: None });
    assert_eq!(counts(&book(&streams)), [0, 10, 0, 0]);
}

#[test]
fn a_stream_that_comes_up_in_the_window_missed_what_was_before() {
    let mut streams = Streams::new(RHYTHM);
    streams.add(890 * MS);
    streams.opened(0, 1_042 * MS);
    for n in 0..7 {
        streams.ticked(0, (1_043 + n * 10) * MS);
    }
    // Due at 1,003, 1,013 … 1,033 before the first; 1,043 … 1,093 came.
    assert_eq!(counts(&book(&streams)), [6, 0, 0, 4]);
}

#[test]
fn a_wrong_stream_is_quoted() {
    let mut streams = stream(&[0; 3]);
    streams.lost(0, 950 * MS, Lost::wrong_body("not tick 4 but ", b"{\"n\":5}"));
    let recorder = book(&streams);
    assert_eq!(counts(&recorder), [0, 10, 0, 0]);
    assert_eq!(recorder.first_wrong().as_deref(), Some("not tick 4 but {\"n\":5}"));
}

#[test]
fn settled_is_when_the_next_tick_is_due_after_the_window() {
    let settled = |streams: &Streams| streams.is_settled(WINDOW, WINDOW.end_ns + 20 * MS);
    assert!(!settled(&stream(&[0; 19])));
    assert!(settled(&stream(&[0; 20])));
    let silent = stream(&[0; 5]);
    assert!(!settled(&silent));
    assert!(silent.is_settled(WINDOW, WINDOW.end_ns + RHYTHM.timeout_ns));
}

#[test]
fn a_second_is_told_once_and_measures_from_the_quickest_so_far() {
    let mut streams = stream(&[3, 0, 1]);
    let mut sum = Tally::new();
    streams.drain_second(&mut sum);
    streams.drain_second(&mut sum);
    assert_eq!((sum.completed, sum.times.max_ms().unwrap().round()), (3, 1.0));
}

proptest! {
    /// However late ticks are and whenever the stream is cut: the books balance, and one tick is in time to the
    /// nanosecond.
    #[test]
    fn books_balance_whatever_comes(
        mut lateness in proptest::collection::vec(0_u64..80, 1..40),
        lost_ms in proptest::option::of(900_u64..1_200),
    ) {
        // Ticks come in order.
        for n in 1..lateness.len() {
            lateness[n] = lateness[n].max(lateness[n - 1].saturating_sub(10));
        }
        let mut streams = stream(&lateness);
        if let Some(lost_ms) = lost_ms {
            let last_ns = streams.logs[0].arrivals.last().copied().unwrap_or_default();
            streams.lost(0, last_ns.max(lost_ms * MS), Lost::RESET);
        }
        let recorder = book(&streams);
        prop_assert_eq!(recorder.measured.ended, 10);
        let log = &streams.logs[0];
        let origin_ns = log.origin_ns(RHYTHM.tick_ns);
        let late = (1..).zip(&log.arrivals).map(|(n, at_ns)| *at_ns as i64 - origin_ns - n * 10 * MS as i64);
        prop_assert_eq!(late.min(), Some(0));
    }

    /// Once a stream is settled, what comes after the window may move its schedule, but no further tick into
    /// the window.
    #[test]
    fn what_is_settled_stays_so(lateness in proptest::collection::vec(0_u64..80, 20..30)) {
        let log = |ticks: usize| stream(&lateness[..ticks]).logs.remove(0);
        for ticks in 1..lateness.len() {
            let came_after = log(lateness.len()).arrivals[ticks..].iter().all(|at_ns| *at_ns >= WINDOW.end_ns);
            if came_after && log(ticks).is_settled(RHYTHM, WINDOW) {
                for more in ticks..=lateness.len() {
                    prop_assert!(log(more).is_settled(RHYTHM, WINDOW), "{ticks} {more}");
                }
            }
        }
    }
}
