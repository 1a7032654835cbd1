//! A preset on its way: level after level, each settled, measured and held against its line; beside what the reader
//! guessed.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::live::collect::Sample;
use crate::live::line::{Around, Line, ON_LINE};
use crate::live::presets::{Limit, Preset};
use crate::results::Mode;

/// How long a level goes on before it counts: clients come within a second of each other.
const SETTLE: Duration = Duration::from_millis(2_000);
/// How long it counts.
pub(super) const MEASURE: Duration = Duration::from_millis(4_000);
/// A throughput that grew by less than this has stopped growing.
const GROWTH: f64 = 1.05;

/// A preset that runs, or has run.
pub(super) struct Course {
    pub(super) preset: Preset,
    place: usize,
    since: Instant,
    marked: bool,
    over: bool,
    guesses: [Option<f64>; 2],
    points: [Vec<Point>; 2],
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Wait,
    /// Measuring begins.
    Mark,
    /// Measuring is over; then comes the level of [`Course::next`].
    Measured,
}

/// A lane at a level.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Point {
    pub(super) level: f64,
    /// None where the lane had collapsed.
    pub(super) rps: Option<f64>,
    pub(super) asked_rps: Option<f64>,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    /// What broke, in a clause; none where nothing did.
    pub(super) broke: Option<String>,
}

/// What the page shows of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Shown<'c> {
    name: &'static str,
    unit: &'static str,
    levels: &'c [f64],
    place: usize,
    left_ms: u64,
    over: bool,
    guesses: [Option<f64>; 2],
    points: &'c [Vec<Point>; 2],
    /// At which level each lane broke.
    broke_at: [Option<f64>; 2],
    /// Guess and measurement, a sentence for each lane.
    sentences: Vec<String>,
}

impl Course {
    pub(super) fn new(preset: Preset, guesses: [Option<f64>; 2]) -> Self {
        let since = Instant::now();
        Self { preset, place: 0, since, marked: false, over: false, guesses, points: Default::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn level(&self) -> f64 {
        self.preset.levels[self.place]
    }

    /// The level begins now.
    pub(super) fn begin_level(&mut self) {
        (self.since, self.marked) = (Instant::now(), false);
    }

    pub(super) fn step(&mut self) -> Step {
        let elapsed = self.since.elapsed();
        if self.over {
            Step::Wait
        } else if !self.marked && elapsed >= SETTLE {
            self.marked = true;
            Step::Mark
        } else if self.marked && elapsed >= SETTLE + MEASURE {
            Step::Measured
        } else {
            Step::Wait
        }
    }

    /// What a lane did at this level: over the measured time, and in its last second.
    pub(super) fn add(&mut self, lane: usize, rps: f64, last: &Sample, line: &Line, around: Around) {
        self.points[lane].push(Point {
            level: self.level(),
            rps: Some(rps),
            asked_rps: line.asked_rps,
            p50_ms: last.p50_ms,
            p99_ms: last.p99_ms,
            broke: self.broke(lane, rps, last, line, around),
        });
    }

    /// A lane that is gone; false where that was known at the level before.
    pub(super) fn add_collapse(&mut self, lane: usize) -> bool {
        let known = self.points[lane].iter().any(|point| point.rps.is_none());
        if !known {
            let broke = Some("it collapsed".to_owned());
            let level = self.level();
            self.points[lane].push(Point { level, broke, ..Point::default() });
        }
        !known
    }

    fn broke(&self, lane: usize, rps: f64, last: &Sample, line: &Line, around: Around) -> Option<String> {
        let seen = Sample { rps, ..last.clone() };
        if line.left(rps, around.over_s) {
            return line.ran_out(&seen, around);
        }
        let too_late = |which: &str, ms: Option<f64>, most: f64| {
            ms.filter(|ms| *ms > most).map(|ms| format!("{which} takes {ms:.0} ms"))
        };
        let late = match self.preset.limit {
            Limit::None => None,
            Limit::P50(most) => too_late("the median answer", last.p50_ms, most),
            Limit::P99(most) => too_late("one answer in a hundred", last.p99_ms, most),
        };
        let closed = self.preset.settings.mode == Mode::Closed;
        let before = self.points[lane].last().and_then(|point| point.rps);
        let stopped = before.filter(|before| closed && line.asked_rps.is_none() && rps < before * GROWTH);
        late.or_else(|| {
            stopped.map(|before| format!("more clients bring no more: {before:.0}, then {rps:.0} requests/s"))
        })
    }

    /// Goes on; false when that was the last level.
    pub(super) fn next(&mut self) -> bool {
        if self.place + 1 < self.preset.levels.len() {
            self.place += 1;
            self.begin_level();
            return true;
        }
        self.end();
        false
    }

    pub(super) fn end(&mut self) {
        self.over = true;
    }

    pub(super) fn shown(&self) -> Shown<'_> {
        let all = SETTLE + MEASURE;
        Shown {
            name: self.preset.name,
            unit: self.preset.unit(),
            levels: &self.preset.levels,
            place: self.place,
            left_ms: all.saturating_sub(self.since.elapsed()).as_millis() as u64,
            over: self.over,
            guesses: self.guesses,
            points: &self.points,
            broke_at: [0, 1].map(|lane| self.broken(lane).map(|point| point.level)),
            sentences: if self.over { [0, 1].map(|lane| self.sentence(lane)).to_vec() } else { Vec::new() },
        }
    }

    /// Where a lane broke for the first time.
    fn broken(&self, lane: usize) -> Option<&Point> {
        self.points[lane].iter().find(|point| point.broke.is_some())
    }

    fn sentence(&self, lane: usize) -> String {
        let (rung, unit) = (&self.preset.settings.rungs[lane], self.preset.unit());
        let measured = match (self.broken(lane), self.points[lane].last()) {
            (Some(point), _) => {
                let why = point.broke.as_deref().unwrap_or("it broke");
                format!("{rung} broke at {:.0} {unit}: {why}.", point.level)
            }
            (None, Some(last)) => format!("{rung} held up to {:.0} {unit}, the last level.", last.level),
            (None, None) => format!("{rung} was not measured."),
        };
        let Some(guess) = self.guesses[lane] else { return measured };
        let verdict = match self.broken(lane).map(|point| point.level) {
            Some(level) if self.same_step(guess, level) => "as you guessed",
            Some(level) if guess > level => "earlier than you guessed",
            Some(_) => "later than you guessed",
            None if guess > self.level() => "as you guessed",
            None => "longer than you guessed",
        };
        format!("{measured} Your guess was {guess:.0}: {verdict}.")
    }

    /// A guess is right when it lies between the level before and this one: nothing was measured in between.
    fn same_step(&self, guess: f64, level: f64) -> bool {
        let before = self.preset.levels.iter().take_while(|other| **other < level).last();
        guess <= level * (2.0 - ON_LINE) && before.is_none_or(|before| guess > *before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder;
    use crate::limits::Limits;
    use crate::refusals::Refused;

    fn course(name: &str, guesses: [Option<f64>; 2]) -> Course {
        let limits = Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() };
        Course::new(Preset::named(name, &limits).unwrap(), guesses)
    }

    const AROUND: Around = Around {
        over_s: 4.0,
        cores: 1.0,
        generator_cores: 1.0,
        refused: Refused { threads: 0, files: 0, memory: 0 },
        machine_busy: None,
    };

    /// Runs it with throughputs made up by level.
    fn ran(mut course: Course, rps: [fn(f64) -> f64; 2]) -> Course {
        loop {
            let settings = course.preset.settings.at(course.level());
            for (lane, rps) in rps.iter().enumerate() {
                let now = Sample { rps: rps(course.level()), cpu: Some(0.1), ..Sample::default() };
                let rung = ladder::rung(&settings.rungs[lane]).unwrap();
                let line = Line::of(&settings, rung, &settings.flags(rung), &now, 1.0);
                course.add(lane, now.rps, &now, &line, AROUND);
            }
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
            shown.sentences[0].starts_with("pool broke at 8 clients: all threads wait: 4 ÷ 945 ms"),
            "{:?}",
            shown.sentences
        );
        assert!(shown.sentences[0].ends_with("Your guess was 20: earlier than you guessed."));
        assert_eq!(
            shown.sentences[1],
            "event-loop held up to 20 clients, the last level. Your guess was 1000: as you guessed."
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
    fn without_a_wait_a_lane_breaks_where_it_stops_to_grow() {
        let course = ran(course("tie", [None, None]), [|c| 9_000.0 * c.min(2.0), |c| 9_000.0 * c.min(4.0)]);
        assert_eq!(course.shown().broke_at, [Some(4.0), Some(8.0)]);
    }

    #[test]
    fn a_collapse_is_a_break() {
        let mut course = course("scale", [None, None]);
        assert!(course.add_collapse(0) && !course.add_collapse(0));
        course.end();
        assert!(course.shown().sentences[0].ends_with("it collapsed."), "{:?}", course.shown().sentences);
        assert_eq!(course.shown().sentences[1], "event-loop was not measured.");
    }
}
