//! What belongs to the window, to a row and to a histogram, at the edges above all.

use super::*;

const MS: u64 = 1_000_000;
/// 100 ms long in rows of 40 ms: the last one is shorter.
const WINDOW: Window = Window { start_ns: 1_000 * MS, end_ns: 1_100 * MS };

fn recorder(open_loop: bool) -> Recorder {
    Recorder::new(open_loop, WINDOW, 40 * MS)
}

/// Sent at `due_ms`, over at `end_ms`.
fn sent(recorder: &mut Recorder, due_ms: u64, end_ms: u64, ending: Ending) {
    recorder.started(due_ms * MS);
    recorder.ended(Ended { due_ns: due_ms * MS, sent_ns: Some(due_ms * MS), end_ns: end_ms * MS, ending });
}

#[test]
fn closed_loop_measures_what_ended_in_the_window() {
    let mut closed = recorder(false);
    for (due, end) in [(990, 999), (990, 1_000), (1_050, 1_099), (1_050, 1_100)] {
        sent(&mut closed, due, end, Ending::Right);
    }
    assert_eq!((closed.measured.completed, closed.measured.right_in_window), (2, 2));
}

#[test]
fn open_loop_measures_what_was_due_in_the_window() {
    let mut open = recorder(true);
    for (due, end) in [(999, 1_050), (1_000, 1_020), (1_099, 1_500), (1_100, 1_101)] {
        sent(&mut open, due, end, Ending::Right);
    }
    assert_eq!(open.measured.completed, 2, "due at 1,000 and 1,099");
    assert_eq!(open.measured.right_in_window, 2, "ended at 1,020 and 1,050");
}

#[test]
fn rows_are_cut_at_the_window_and_count_what_is_in_flight_at_their_end() {
    let mut recorder = recorder(false);
    sent(&mut recorder, 900, 1_039, Ending::Right);
    sent(&mut recorder, 1_010, 1_040, Ending::TimedOut);
    sent(&mut recorder, 1_079, 1_080, Ending::Failed(Failure::Reset, None));
    sent(&mut recorder, 1_090, 1_200, Ending::Right);
    recorder.started(1_050 * MS);
    let rows: Vec<_> = recorder
        .series()
        .iter()
        .map(|row| (row.t_ms, row.completed, row.timed_out, row.failed, row.in_flight))
        .collect();
    assert_eq!(rows, [(0, 1, 0, 0, 1), (40, 0, 1, 0, 2), (80, 0, 0, 1, 2)]);
    assert_eq!((recorder.started_by_close(), recorder.ended_by_close(), recorder.in_flight()), (5, 3, 1));
}

#[test]
fn timeouts_count_at_the_timeout_and_failures_have_no_time() {
    let mut open = recorder(true);
    sent(&mut open, 1_000, 1_010, Ending::Right);
    sent(&mut open, 1_000, 1_500, Ending::TimedOut);
    sent(&mut open, 1_000, 1_001, Ending::Failed(Failure::Refused, None));
    open.ended(Ended { due_ns: 1_000 * MS, sent_ns: None, end_ns: 1_500 * MS, ending: Ending::Unsent });
    let Measured { response_time, sent_to_answer, .. } = &open.measured;
    assert_eq!((response_time.count(), sent_to_answer.count()), (3, 2));
    assert!((response_time.max_ms().unwrap() - 500.0).abs() < 1.0);
    assert_eq!((open.measured.ended, open.measured.resolved()), (4, 4));
}

#[test]
fn time_in_flight_is_clipped_to_the_window_and_counts_who_is_not_over() {
    let mut recorder = recorder(true);
    sent(&mut recorder, 900, 950, Ending::Right);
    // 20 ms of it in the window, 30, and 40.
    sent(&mut recorder, 900, 1_020, Ending::Right);
    sent(&mut recorder, 1_030, 1_060, Ending::Failed(Failure::Reset, None));
    sent(&mut recorder, 1_060, 1_300, Ending::TimedOut);
    // Never over: 10 ms. Never begun: nothing.
    recorder.started(1_090 * MS);
    recorder.started(1_100 * MS);
    recorder.ended(Ended { due_ns: 1_000 * MS, sent_ns: None, end_ns: 1_050 * MS, ending: Ending::Unsent });
    assert!((recorder.mean_in_flight() - 1.0).abs() < 1e-9, "{}", recorder.mean_in_flight());
}

#[test]
fn merging_adds_everything_and_keeps_the_earliest_wrong_answer() {
    let wrong = |text: &str| Ending::Failed(Failure::Status, Some(text.into()));
    let (mut a, mut b) = (recorder(false), recorder(false));
    sent(&mut a, 1_000, 1_020, wrong("second"));
    sent(&mut b, 1_000, 1_010, wrong("first"));
    sent(&mut b, 1_000, 1_010, Ending::Right);
    a.merge(&b);
    assert_eq!(a.first_wrong().as_deref(), Some("first"));
    assert_eq!(a.measured.failed[&Failure::Status], 2);
    assert_eq!((a.measured.ended, a.measured.resolved(), a.series()[0].completed), (3, 3, 1));
}

#[test]
fn a_second_is_told_once() {
    let mut recorder = recorder(false);
    sent(&mut recorder, 900, 910, Ending::Right);
    sent(&mut recorder, 900, 910, Ending::TimedOut);
    let mut sum = Tally::new();
    recorder.drain_second(&mut sum);
    recorder.drain_second(&mut sum);
    assert_eq!((sum.completed, sum.errors(), sum.times.count()), (1, 1, 2));
}

#[test]
fn a_row_says_what_took_longest_however_little_there_was() {
    let mut recorder = recorder(false);
    sent(&mut recorder, 900, 1_039, Ending::Right);
    sent(&mut recorder, 1_010, 1_020, Ending::Right);
    sent(&mut recorder, 1_000, 1_050, Ending::TimedOut);
    sent(&mut recorder, 1_079, 1_080, Ending::Failed(Failure::Reset, None));
    let rows = recorder.series();
    let longest =
        |row: usize, ms: f64| rows[row].max_ms.is_some_and(|max_ms| (max_ms / ms - 1.0).abs() < 0.02);
    assert!(longest(0, 139.0) && longest(1, 50.0), "{rows:?}");
    assert_eq!((rows[0].p99_ms, rows[2].max_ms), (None, None), "two are no tail, and a failure has no time");
    let before = r#"{"t_ms":0,"completed":1,"failed":0,"timed_out":0,"in_flight":0,"p50_ms":5,"p99_ms":9}"#;
    assert_eq!(serde_json::from_str::<Row>(before).unwrap().max_ms, None, "earlier ones did not say it");
}
