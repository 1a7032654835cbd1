//! A preset on its way: level after level, each settled, measured and held against its line; beside what the reader
//! guessed.

use std::time::{Duration, Instant};

use loadgen::clock::monotonic_ns;
use loadgen::histogram::Histogram;
use serde::Serialize;

use crate::live::line::Line;
use crate::live::presets::{Limit, Preset};
use crate::report::ON_LINE;
use crate::report::text::{exact, milliseconds, rounded};
use crate::results::{Mode, Trial};

/// The shortest time that a level goes on before it counts.
const SETTLE: Duration = Duration::from_millis(2_000);
/// The shortest and the longest time that it counts, and how many waits it should last: over a few waits all servers
/// are equal.
const MEASURE: Duration = Duration::from_millis(4_000);
const MEASURE_AT_MOST: Duration = Duration::from_millis(12_000);
const WAITS: f64 = 8.0;
/// A throughput that grew by less than this has stopped growing.
const GROWTH: f64 = 1.05;
/// Answers that a 99th percentile needs here. (A report asks for ten times as many.)
const P99_NEEDS: u64 = 100;

/// A preset that runs, or has run.
pub(super) struct Course {
    pub(super) preset: Preset,
    id: u64,
    settle: Duration,
    measure: Duration,
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
    /// Which of the levels; the same one may come twice.
    pub(super) place: usize,
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
    /// By which a page knows a new one, even of another session.
    id: u64,
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
        let wait_s = preset.settings.nominal_wait_ms().unwrap_or_default() / 1_000.0;
        Self {
            id: monotonic_ns() / 1_000_000,
            settle: SETTLE.max(preset.settings.settles_in()),
            measure: Duration::from_secs_f64(WAITS * wait_s).clamp(MEASURE, MEASURE_AT_MOST),
            preset,
            place: 0,
            since: Instant::now(),
            marked: false,
            over: false,
            guesses,
            points: Default::default(),
        }
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
        } else if !self.marked && elapsed >= self.settle {
            self.marked = true;
            Step::Mark
        } else if self.marked && elapsed >= self.settle + self.measure {
            Step::Measured
        } else {
            Step::Wait
        }
    }

    /// What a lane did at this level, and the median of its last second.
    pub(super) fn add(&mut self, lane: usize, trial: &Trial, line: &Line, last_p50_ms: Option<f64>) {
        let times = trial.histogram.as_deref().and_then(|text| Histogram::decode(text).ok());
        let p99_ms = times.and_then(|times| times.percentile_ms_of(0.99, P99_NEEDS));
        let (rps, p50_ms) = (trial.throughput_rps, trial.latency_ms.p50);
        let late = match self.preset.limit {
            Limit::None => None,
            Limit::P50(most) => too_late("the median answer", last_p50_ms, most),
            Limit::P99(most) => too_late("one answer in a hundred", p99_ms, most),
        };
        let broke = line.ran_out.clone().or(late).or_else(|| self.stopped_growing(lane, rps?, line));
        let (place, level, asked_rps) = (self.place, self.level(), line.asked_rps);
        self.points[lane].push(Point { place, level, rps, asked_rps, p50_ms, p99_ms, broke });
    }

    /// A lane that is gone; false where that was known at the level before.
    pub(super) fn add_collapse(&mut self, lane: usize, brief: &str) -> bool {
        let known = self.points[lane].last().is_some_and(|point| point.rps.is_none());
        if !known {
            let (place, level) = (self.place, self.level());
            let broke = Some(format!("it {}", brief.replacen(": ", ", ", 1)));
            self.points[lane].push(Point { place, level, broke, ..Point::default() });
        }
        !known
    }

    /// Where nothing waits there is no line that clients ask for: then a server ends where more of them bring no more.
    fn stopped_growing(&self, lane: usize, rps: f64, line: &Line) -> Option<String> {
        let closed = self.preset.settings.mode == Mode::Closed;
        let before = self.points[lane].last().and_then(|point| point.rps);
        let before = before.filter(|before| closed && line.asked_rps.is_none() && rps < before * GROWTH)?;
        Some(format!("more clients bring no more: {}, then {} requests/s", rounded(before), rounded(rps)))
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
        let all = self.settle + self.measure;
        Shown {
            id: self.id,
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
        let (name, unit) = (self.name(lane), self.preset.unit());
        let points = &self.points[lane];
        let measured = match (self.broken(lane), points.last()) {
            (Some(point), _) => {
                let why = point.broke.as_deref().unwrap_or("it broke");
                format!("{name} broke at {} {unit}: {why}.", exact(point.level))
            }
            (None, Some(last)) => {
                format!("{name} held up to {} {unit}, the last level that was measured.", exact(last.level))
            }
            (None, None) => return format!("{name} was not measured."),
        };
        let Some(guess) = self.guesses[lane] else { return measured };
        let verdict = match self.broken(lane).map(|point| point.level) {
            Some(level) if self.same_step(guess, level) => "as you guessed",
            Some(level) if guess > level => "earlier than you guessed",
            Some(_) => "later than you guessed",
            None if points.last().is_some_and(|last| guess <= last.level) => "longer than you guessed",
            None if points.len() == self.preset.levels.len() => "as you guessed",
            None => "it was stopped before that",
        };
        format!("{measured} Your guess was {}: {verdict}.", exact(guess))
    }

    /// A rung against itself is told apart by its side.
    fn name(&self, lane: usize) -> String {
        let rungs = &self.preset.settings.rungs;
        let side = if rungs[0] == rungs[1] { [" (left)", " (right)"][lane] } else { "" };
        format!("{}{side}", rungs[lane])
    }

    /// A guess is right when it lies between the level before and this one: nothing was measured in between.
    fn same_step(&self, guess: f64, level: f64) -> bool {
        let before = self.preset.levels.iter().take_while(|other| **other < level).last();
        guess <= level * (2.0 - ON_LINE) && before.is_none_or(|before| guess > *before)
    }
}

fn too_late(which: &str, ms: Option<f64>, most_ms: f64) -> Option<String> {
    let ms = ms.filter(|ms| *ms > most_ms)?;
    Some(format!("{which} takes {}", milliseconds(ms)))
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
