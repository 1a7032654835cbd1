//! What happened, counted by one thread: totals of the window, a time series, the last second.
//!
//! Everything is filed by its time stamps, never by when the generator got round to it. So rows and
//! windows are exact at their edges, and "in flight" is what was sent minus what had ended by then,
//! without sampling.

use crate::histogram::Histogram;
use crate::parts::{Course, Ledger};
use crate::protocol::{Failure, Parts, Recording, Row};
use crate::recording::Rows;

/// The measured stretch of `CLOCK_MONOTONIC`; its end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Window {
    pub(crate) fn contains(self, at_ns: u64) -> bool {
        (self.start_ns..self.end_ns).contains(&at_ns)
    }
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Right,
    /// With what came instead, where something did.
    Failed(Failure, Option<Box<str>>),
    TimedOut,
    Unsent,
}

/// One request, when it is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) due_ns: u64,
    /// When a connection took it up; `None`: none did.
    pub(crate) sent_ns: Option<u64>,
    pub(crate) end_ns: u64,
    pub(crate) ending: Ending,
}

/// Counts for one thread; [`Recorder::merge`] adds them up.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// What was *due* in the window is measured; in closed loop what *ended* in it.
    by_due: bool,
    window: Window,
    row_ns: u64,
    pub(crate) measured: Measured,
    rows: Vec<Tally>,
    before: Tally,
    second: Tally,
    in_flight: u64,
    /// Time in the window that requests were in flight, added up: from when each began to the window's end, less
    /// the same from when it was over. So those that are not over yet count as well.
    in_flight_ns: i128,
    parts: Ledger,
    /// Each request, where somebody wants that.
    rows_of_each: Option<Rows>,
    first_wrong: Option<(u64, Box<str>)>,
}

/// Totals over the measured requests.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// All of them; the kinds below must add up to it.
    pub(crate) ended: u64,
    pub(crate) completed: u64,
    pub(crate) failed: std::collections::BTreeMap<Failure, u64>,
    pub(crate) timed_out: u64,
    pub(crate) unsent: u64,
    /// Right answers that ended in the window, whenever they were due.
    pub(crate) right_in_window: u64,
    pub(crate) response_time: Histogram,
    pub(crate) sent_to_answer: Histogram,
}

/// What happened in a stretch of time.
#[derive(Debug)]
pub(crate) struct Tally {
    started: u64,
    /// Of those that were started.
    finished: u64,
    pub(crate) completed: u64,
    failed: u64,
    timed_out: u64,
    unsent: u64,
    pub(crate) times: Histogram,
}

impl Recorder {
    pub(crate) fn new(by_due: bool, window: Window, row_ns: u64) -> Self {
        let rows = (window.end_ns - window.start_ns).div_ceil(row_ns);
        Self {
            by_due,
            window,
            row_ns,
            measured: Measured::default(),
            rows: (0..rows).map(|_| Tally::new()).collect(),
            before: Tally::new(),
            second: Tally::new(),
            in_flight: 0,
            in_flight_ns: 0,
            parts: Ledger::default(),
            rows_of_each: None,
            first_wrong: None,
        }
    }

    /// The same, keeping each request besides.
    pub(crate) fn keeping_each(self) -> Self {
        Self { rows_of_each: Some(Rows::default()), ..self }
    }

    /// A connection took a request up.
    pub(crate) fn started(&mut self, at_ns: u64) {
        self.in_flight += 1;
        self.in_flight_ns += self.left_ns(at_ns);
        if let Some(tally) = self.at(at_ns) {
            tally.started += 1;
        }
    }

    /// It is over.
    pub(crate) fn ended(&mut self, ended: Ended) {
        let Ended { due_ns, sent_ns, end_ns, ending } = ended;
        let response_ns = end_ns.saturating_sub(due_ns);
        let sent = sent_ns.is_some();
        if sent {
            self.in_flight -= 1;
            self.in_flight_ns -= self.left_ns(end_ns);
        }
        self.second.count(&ending, sent, response_ns);
        if let Some(tally) = self.at(end_ns) {
            tally.count(&ending, sent, response_ns);
        }
        let in_window = self.window.contains(end_ns);
        self.measured.right_in_window += u64::from(in_window && ending == Ending::Right);
        if if self.by_due { self.window.contains(due_ns) } else { in_window } {
            self.measured.count(&ending, response_ns, sent_ns.map(|sent| end_ns.saturating_sub(sent)));
        }
        if let Ending::Failed(_, Some(excerpt)) = ending {
            self.note_wrong(end_ns, excerpt);
        }
    }

    /// Where the time of a right answer went.
    pub(crate) fn parted(&mut self, course: Course) {
        if self.window.contains(course.due_ns) {
            self.parts.record(course);
        }
        if let Some(rows) = &mut self.rows_of_each {
            rows.keep(course);
        }
    }

    /// Of the answers that count; `None` when there is none.
    pub(crate) fn parts(&self) -> Option<Parts> {
        self.parts.parts()
    }

    /// Each request, of so many that were due before the window closed; `None` where they were not kept.
    pub(crate) fn recording(&self, load_ns: u64, due: u64) -> Option<Recording> {
        Some(self.rows_of_each.as_ref()?.recording(load_ns, self.window, due))
    }

    /// A stream was open from then until then, if it was lost. Streams are in flight while they are open; what
    /// they bring is not.
    pub(crate) fn stream(&mut self, opened_ns: u64, lost_ns: Option<u64>) {
        if let Some(tally) = self.at(opened_ns) {
            tally.started += 1;
        }
        if let Some(tally) = lost_ns.and_then(|lost_ns| self.at(lost_ns)) {
            tally.finished += 1;
        }
    }

    /// Requests taken up and not over, now.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Requests in flight on average over the window, from their time stamps.
    pub(crate) fn mean_in_flight(&self) -> f64 {
        self.in_flight_ns as f64 / (self.window.end_ns - self.window.start_ns) as f64
    }

    /// From then to the window's end, as far as it lies in the window.
    fn left_ns(&self, at_ns: u64) -> i128 {
        let Window { start_ns, end_ns } = self.window;
        i128::from(end_ns - at_ns.clamp(start_ns, end_ns))
    }

    /// What is measured begins anew, for a load without a window; who is in flight stays so.
    pub(crate) fn begin_anew(&mut self) {
        (self.measured, self.parts, self.first_wrong) = (Measured::default(), Ledger::default(), None);
    }

    /// Moves what happened since the last call into `sum`.
    pub(crate) fn drain_second(&mut self, sum: &mut Tally) {
        sum.merge(&self.second);
        self.second.clear();
    }

    /// Adds what another thread counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.measured.merge(&other.measured);
        self.before.merge(&other.before);
        self.in_flight += other.in_flight;
        self.in_flight_ns += other.in_flight_ns;
        self.parts.merge(&other.parts);
        if let (Some(mine), Some(theirs)) = (&mut self.rows_of_each, &other.rows_of_each) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.rows.iter_mut().zip(&other.rows) {
            mine.merge(theirs);
        }
        if let Some((at_ns, excerpt)) = &other.first_wrong {
            self.note_wrong(*at_ns, excerpt.clone());
        }
    }

    /// Requests that were over when the window closed, with those of the warm-up.
    pub(crate) fn ended_by_close(&self) -> u64 {
        self.rows.iter().map(Tally::ended).sum::<u64>() + self.before.ended()
    }

    /// Requests taken up before the window closed, with those of the warm-up.
    pub(crate) fn started_by_close(&self) -> u64 {
        self.rows.iter().map(|row| row.started).sum::<u64>() + self.before.started
    }

    /// Requests that were over when the window opened.
    pub(crate) fn ended_by_opening(&self) -> u64 {
        self.before.ended()
    }

    /// The time series.
    pub(crate) fn series(&self) -> Vec<Row> {
        // Started less finished, up to the end of each row. A request may be recorded as started by one
        // thread only, but sums over all threads are taken here, so the difference is never negative.
        let mut in_flight = self.before.started - self.before.finished;
        let row = |(i, tally): (usize, &Tally)| {
            in_flight = in_flight + tally.started - tally.finished;
            tally.row(i as u64 * self.row_ns / 1_000_000, in_flight)
        };
        self.rows.iter().enumerate().map(row).collect()
    }

    /// What the first wrong answer looked like.
    pub(crate) fn first_wrong(&self) -> Option<String> {
        self.first_wrong.as_ref().map(|(_, excerpt)| excerpt.to_string())
    }

    /// An answer that was not the expected one; the earliest is kept.
    pub(crate) fn note_wrong(&mut self, at_ns: u64, excerpt: Box<str>) {
        if self.first_wrong.as_ref().is_none_or(|(first, _)| at_ns < *first) {
            self.first_wrong = Some((at_ns, excerpt));
        }
    }

    /// Where something that happened at that time is counted; `None` after the window.
    fn at(&mut self, at_ns: u64) -> Option<&mut Tally> {
        if at_ns < self.window.start_ns {
            Some(&mut self.before)
        } else if at_ns < self.window.end_ns {
            self.rows.get_mut(((at_ns - self.window.start_ns) / self.row_ns) as usize)
        } else {
            None
        }
    }
}

impl Measured {
    /// Answers have a response time. So has who gave up: at least the timeout. A failure has none: a
    /// refusal within a microsecond is not a fast answer.
    fn count(&mut self, ending: &Ending, response_ns: u64, sent_to_answer_ns: Option<u64>) {
        self.ended += 1;
        match ending {
            Ending::Right => self.completed += 1,
            Ending::TimedOut => self.timed_out += 1,
            Ending::Unsent => self.unsent += 1,
            Ending::Failed(failure, _) => {
                *self.failed.entry(*failure).or_default() += 1;
                return;
            }
        }
        self.response_time.record_ns(response_ns);
        if let (Ending::Right | Ending::TimedOut, Some(ns)) = (ending, sent_to_answer_ns) {
            self.sent_to_answer.record_ns(ns);
        }
    }

    /// The sum that must equal what was scheduled.
    pub(crate) fn resolved(&self) -> u64 {
        self.completed + self.failed.values().sum::<u64>() + self.timed_out + self.unsent
    }

    fn merge(&mut self, other: &Self) {
        self.ended += other.ended;
        self.completed += other.completed;
        self.timed_out += other.timed_out;
        self.unsent += other.unsent;
        self.right_in_window += other.right_in_window;
        for (failure, count) in &other.failed {
            *self.failed.entry(*failure).or_default() += count;
        }
        self.response_time.merge(&other.response_time);
        self.sent_to_answer.merge(&other.sent_to_answer);
    }
}

impl Tally {
    pub(crate) fn new() -> Self {
        let times = Histogram::coarse();
        Self { started: 0, finished: 0, completed: 0, failed: 0, timed_out: 0, unsent: 0, times }
    }

    pub(crate) fn count(&mut self, ending: &Ending, sent: bool, response_ns: u64) {
        self.finished += u64::from(sent);
        match ending {
            Ending::Right => self.completed += 1,
            Ending::TimedOut => self.timed_out += 1,
            Ending::Unsent => self.unsent += 1,
            Ending::Failed(..) => {
                self.failed += 1;
                return;
            }
        }
        self.times.record_ns(response_ns);
    }

    fn ended(&self) -> u64 {
        self.completed + self.errors()
    }

    pub(crate) fn errors(&self) -> u64 {
        self.failed + self.timed_out + self.unsent
    }

    /// Of few answers only the median is worth showing, of fewer than 100 no tail. A row is a look at how
    /// things went, not a statistic, so the minimum is below the one of [`Histogram::percentile_ms`].
    pub(crate) fn p50_and_p99_ms(&self) -> (Option<f64>, Option<f64>) {
        (self.times.percentile_ms_of(0.5, 1), self.times.percentile_ms_of(0.99, 100))
    }

    pub(crate) fn row(&self, t_ms: u64, in_flight: u64) -> Row {
        let (p50_ms, p99_ms) = self.p50_and_p99_ms();
        let Self { completed, failed, timed_out, unsent, .. } = *self;
        let max_ms = self.times.max_ms();
        Row { t_ms, completed, failed, timed_out, unsent, in_flight, p50_ms, p99_ms, max_ms }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.finished += other.finished;
        self.completed += other.completed;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.unsent += other.unsent;
        self.times.merge(&other.times);
    }

    pub(crate) fn clear(&mut self) {
        let mut times = std::mem::replace(&mut self.times, Histogram::coarse());
        times.clear();
        *self = Self { times, ..Self::new() };
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
