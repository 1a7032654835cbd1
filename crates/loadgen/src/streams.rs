//! What subscribers hear, written down while they listen and judged when all is over.
//!
//! When a tick was due cannot be known while it arrives. Nobody tells when the server began to count, and
//! an answer's own delay is not to be taken for the schedule. So a subscriber's schedule is laid through
//! its *quickest* tick: the nth is due at `origin + n * tick`, with the smallest origin that any of its
//! ticks allows. No tick is early then, and no two clocks have to agree; what is found is how late each tick
//! was compared with the best that this stream has shown. A delay that all ticks share does not show.
//!
//! The origin is known at the end, so until then every arrival is kept: 8 bytes a tick.

use crate::http::Lost;
use crate::protocol::Failure;
use crate::recorder::{Ended, Ending, Recorder, Tally, Window};

/// The streams of one worker.
#[derive(Debug)]
pub(crate) struct Streams {
    rhythm: Rhythm,
    logs: Vec<Log>,
    open: u64,
    second: Tally,
    /// What was wrong on a stream, and when: the first.
    first_wrong: Option<(u64, Box<str>)>,
}

/// What all streams have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    /// From one tick to the next.
    pub(crate) tick_ns: u64,
    /// How late a tick may be.
    pub(crate) timeout_ns: u64,
}

/// One subscriber's life.
#[derive(Debug)]
struct Log {
    /// When it begins to connect.
    planned_ns: u64,
    /// When the server began to answer.
    opened_ns: Option<u64>,
    /// When tick 1, 2, 3, … came.
    arrivals: Vec<u64>,
    /// The smallest `arrival - n * tick` so far.
    quickest_ns: Option<i64>,
    lost: Option<(u64, Failure)>,
}

impl Streams {
    pub(crate) fn new(rhythm: Rhythm) -> Self {
        Self { rhythm, logs: Vec::new(), open: 0, second: Tally::new(), first_wrong: None }
    }

    /// A subscriber more, which is to connect at that time; returns its place.
    pub(crate) fn add(&mut self, planned_ns: u64) -> usize {
        let log = Log { planned_ns, opened_ns: None, arrivals: Vec::new(), quickest_ns: None, lost: None };
        self.logs.push(log);
        self.logs.len() - 1
    }

    /// The server has begun to answer.
    pub(crate) fn opened(&mut self, place: usize, at_ns: u64) {
        self.logs[place].opened_ns = Some(at_ns);
        self.open += 1;
    }

    /// The next tick has come.
    pub(crate) fn ticked(&mut self, place: usize, at_ns: u64) {
        let Rhythm { tick_ns, timeout_ns } = self.rhythm;
        let log = &mut self.logs[place];
        log.arrivals.push(at_ns);
        let origin_ns = at_ns as i64 - (log.arrivals.len() as u64 * tick_ns) as i64;
        let quickest_ns = log.quickest_ns.map_or(origin_ns, |quickest_ns| quickest_ns.min(origin_ns));
        log.quickest_ns = Some(quickest_ns);
        // As far as can be said by now.
        let late_ns = (origin_ns - quickest_ns) as u64;
        let ending = if late_ns > timeout_ns { Ending::TimedOut } else { Ending::Right };
        self.second.count(&ending, false, late_ns.min(timeout_ns));
    }

    /// Nothing more will come.
    pub(crate) fn lost(&mut self, place: usize, at_ns: u64, lost: Lost) {
        let log = &mut self.logs[place];
        log.lost = Some((at_ns, lost.failure));
        self.open -= u64::from(log.opened_ns.is_some());
        self.second.count(&Ending::Failed(lost.failure, None), false, 0);
        if let (None, Some(excerpt)) = (&self.first_wrong, lost.excerpt) {
            self.first_wrong = Some((at_ns, excerpt));
        }
    }

    /// Streams that are open, now.
    pub(crate) fn open(&self) -> u64 {
        self.open
    }

    /// Moves what happened since the last call into `sum`.
    pub(crate) fn drain_second(&mut self, sum: &mut Tally) {
        sum.merge(&self.second);
        self.second.clear();
    }

    /// Nothing that may come yet changes how the ticks of the window are judged, `now_ns` being after it.
    pub(crate) fn is_settled(&self, window: Window, now_ns: u64) -> bool {
        now_ns >= window.end_ns + self.rhythm.timeout_ns
            || self.logs.iter().all(|log| log.is_settled(self.rhythm, window))
    }

    /// Judges every tick; returns how many were due in the window.
    pub(crate) fn book(&self, window: Window, recorder: &mut Recorder) -> u64 {
        if let Some((at_ns, excerpt)) = &self.first_wrong {
            recorder.note_wrong(*at_ns, excerpt.clone());
        }
        self.logs.iter().map(|log| log.book(self.rhythm, window, recorder)).sum()
    }
}

impl Log {
    /// When tick 0 would have been due.
    fn origin_ns(&self, tick_ns: u64) -> i64 {
        // Without any tick: as if the first had been due when the stream was open, or should have been.
        let first_ns = self.opened_ns.unwrap_or(self.planned_ns);
        self.quickest_ns.unwrap_or(first_ns as i64 - tick_ns as i64)
    }

    /// All that were due in the window have come, or never will. A tick that comes after the window can move the
    /// schedule, but not so far that another one falls into the window: that one would be due a tick later.
    fn is_settled(&self, Rhythm { tick_ns, .. }: Rhythm, window: Window) -> bool {
        let next = self.arrivals.len() as i64 + 1;
        self.lost.is_some()
            || self.opened_ns.is_none()
            || self.origin_ns(tick_ns) + next * tick_ns as i64 >= window.end_ns as i64
    }

    fn book(&self, rhythm: Rhythm, window: Window, recorder: &mut Recorder) -> u64 {
        let Rhythm { tick_ns, timeout_ns } = rhythm;
        let origin_ns = self.origin_ns(tick_ns);
        let due_ns = |n: i64| (origin_ns + n * tick_ns as i64).max(0) as u64;
        if let Some(opened_ns) = self.opened_ns {
            recorder.stream(opened_ns, self.lost.map(|(at_ns, _)| at_ns));
        }
        for (n, arrival_ns) in (1..).zip(self.arrivals.iter().copied()) {
            let (due_ns, latest_ns) = (due_ns(n), due_ns(n) + timeout_ns);
            let (end_ns, ending) = if arrival_ns > latest_ns {
                (latest_ns, Ending::TimedOut)
            } else {
                (arrival_ns, Ending::Right)
            };
            recorder.ended(Ended { due_ns, sent_ns: None, end_ns, ending });
        }
        // The first number that is due at that time or later.
        let first_due = |at_ns: u64| {
            let (ahead, tick) = (at_ns as i64 - origin_ns, tick_ns as i64);
            ahead.div_euclid(tick) + i64::from(ahead.rem_euclid(tick) > 0)
        };
        let due_in_window = first_due(window.start_ns)..first_due(window.end_ns);
        let came = 1..=self.arrivals.len() as i64;
        for n in due_in_window.clone().filter(|n| !came.contains(n)) {
            recorder.ended(self.missing(n, due_ns(n), timeout_ns));
        }
        (due_in_window.end - due_in_window.start) as u64
    }

    /// What became of a tick that has not come.
    fn missing(&self, n: i64, due_ns: u64, timeout_ns: u64) -> Ended {
        let latest_ns = due_ns + timeout_ns;
        let (end_ns, ending) = match self.lost {
            // Before the first: the stream came up too late for it.
            _ if n < 1 => (latest_ns, Ending::Unsent),
            Some((lost_ns, failure)) if lost_ns < latest_ns => {
                (lost_ns.max(due_ns), Ending::Failed(failure, None))
            }
            _ if self.opened_ns.is_some() => (latest_ns, Ending::TimedOut),
            _ => (latest_ns, Ending::Unsent),
        };
        Ended { due_ns, sent_ns: None, end_ns, ending }
    }
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
