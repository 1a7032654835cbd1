//! Courses with made-up figures: where a lane breaks, and what is said of the reader's guess.

use super::*;
use crate::limits::Limits;
use crate::live::line::tests::{MADE, Made, line, trial};

fn course(name: &str, guesses: [Option<f64>; 2]) -> Course {
    let limits = Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() };
    Course::new(Preset::named(name, &limits).unwrap(), guesses)
}

/// Measures one level, with throughputs made up from it.
fn measured(course: &mut Course, rps: [fn(f64) -> f64; 2]) {
    let settings = course.preset.settings.at(course.level());
    for (lane, rps) in rps.iter().enumerate() {
        let trial = trial(&settings, lane, Made { rps: rps(course.level()), over_s: 8.0, ..MADE });
        course.add(lane, &trial, &line(&settings, &trial), None);
    }
}

fn ran(mut course: Course, rps: [fn(f64) -> f64; 2]) -> Course {
    loop {
        measured(&mut course, rps);
        if !course.next() {
            return course;
        }
    }
}

#[test]
fn guess_and_measurement_stand_together() {
    // The lecture's 0.945 s a request: four threads give 4.2 requests/s.
    let course = course("lecture", [Some(20.0), Some(1_000.0)]);
    let course = ran(course, [|clients| clients.min(4.0) / 0.945, |clients| clients / 0.945]);
    let shown = course.shown();
    assert_eq!(shown.broke_at, [Some(8.0), None]);
    assert!(
        shown.sentences[0]
            .starts_with("pool broke at 8 clients: its threads are all taken, 4 ÷ 945 ms = 4.23 requests/s."),
        "{:?}",
        shown.sentences
    );
    assert!(shown.sentences[0].ends_with("Your guess was 20: earlier than you guessed."));
    assert_eq!(
        shown.sentences[1],
        "event-loop held up to 20 clients, the last level that was measured. Your guess was 1,000: as you guessed."
    );
}

#[test]
fn a_guess_between_the_last_good_level_and_the_first_bad_one_is_right() {
    let at = |guess| {
        let course = ran(course("lecture", [Some(guess), None]), [|c| c.min(4.0) / 0.945, |c| c / 0.945]);
        course.shown().sentences[0].rsplit(": ").next().unwrap().to_owned()
    };
    assert_eq!([at(5.0), at(8.0)], ["as you guessed.", "as you guessed."]);
    assert_eq!([at(4.0), at(9.0)], ["later than you guessed.", "earlier than you guessed."]);
}

#[test]
fn of_levels_that_were_not_reached_nothing_is_claimed() {
    let mut course = course("lecture", [Some(20.0), Some(1.0)]);
    measured(&mut course, [|c| c / 0.945, |c| c / 0.945]);
    course.next();
    measured(&mut course, [|c| c / 0.945, |c| c / 0.945]);
    course.end();
    let [left, right] = &course.shown().sentences[..] else { panic!("two lanes") };
    assert!(left.ends_with("Your guess was 20: it was stopped before that."), "{left}");
    assert!(right.ends_with("Your guess was 1: longer than you guessed."), "{right}");
}

#[test]
fn without_a_wait_a_lane_breaks_where_it_stops_to_grow() {
    let course = ran(course("tie", [None, None]), [|c| 9_000.0 * c.min(2.0), |c| 9_000.0 * c.min(4.0)]);
    assert_eq!(course.shown().broke_at, [Some(4.0), Some(8.0)]);
}

#[test]
fn a_collapse_is_a_break() {
    let mut course = course("scale", [None, None]);
    let mut gone = || course.add_collapse(0, "collapsed: out of threads");
    assert!(gone() && !gone());
    course.end();
    assert_eq!(
        course.shown().sentences[0],
        "thread-per-request broke at 16 clients: it collapsed, out of threads."
    );
    assert_eq!(course.shown().sentences[1], "event-loop was not measured.");
}

#[test]
fn a_server_against_itself_is_told_apart_by_its_side() {
    let course = ran(course("a-a", [None, None]), [|c| c * 10.0, |c| c * 10.0]);
    let names: Vec<_> =
        course.shown().sentences.iter().map(|text| text.split(" held").next().unwrap().to_owned()).collect();
    assert_eq!(names, ["event-loop (left)", "event-loop (right)"]);
}

#[test]
fn a_level_lasts_for_some_waits() {
    let of = |name: &str| course(name, [None, None]).measure;
    assert_eq!(of("scale"), MEASURE);
    assert!((7_000..8_000).contains(&of("lecture").as_millis()), "8 × 945 ms: {:?}", of("lecture"));
}

#[test]
fn the_spike_lasts_as_long_as_its_question_says() {
    let spike = course("spike", [None, None]);
    assert_eq!((spike.settle + spike.measure).as_secs(), 6);
    assert!(spike.preset.question.contains("for a level of six seconds"));
}

/// As after a server was started again: what came before says nothing of the level.
#[test]
fn a_level_that_begins_anew_is_settled_and_measured_anew() {
    let mut course = course("scale", [None, None]);
    let long_ago = course.settle + course.measure + Duration::from_secs(1);
    course.since = Instant::now().checked_sub(long_ago).unwrap();
    assert_eq!([course.step(), course.step()], [Step::Mark, Step::Measured]);
    course.begin_level();
    assert_eq!((course.step(), course.level()), (Step::Wait, 16.0));
}
