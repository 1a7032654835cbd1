//! What is remembered of a live load: the last minute, for the rows, and the stretch since the last mark, for whoever
//! wants to keep it.

use std::collections::VecDeque;

use crate::clock::{monotonic_ns, process_cpu_ns};
use crate::live::crew::Crew;
use crate::live::{Now, ROW_MS};
use crate::protocol::{Load, Outcome, Row};
use crate::recorder::Tally;

/// The last minute.
#[derive(Default)]
pub(super) struct Minute {
    /// Rows of the last second, the youngest last.
    quarters: VecDeque<Tally>,
    /// The second that is not full yet is the last.
    seconds: VecDeque<Tally>,
    rows: usize,
    /// Time and CPU time of the process at the last row.
    spent: Option<(u64, u64)>,
}

const QUARTERS: usize = 4;
const SECONDS: usize = 60;

impl Minute {
    /// Fetches what has happened since the last row.
    pub(super) fn row(&mut self, crew: &Crew) -> Now {
        let mut quarter = Tally::new();
        let in_flight = crew.drain(&mut quarter);
        let at_ns = monotonic_ns();
        if self.rows.is_multiple_of(QUARTERS) {
            push(&mut self.seconds, Tally::new(), SECONDS);
        }
        self.rows += 1;
        if let Some(second) = self.seconds.back_mut() {
            second.merge(&quarter);
        }
        let (completed, errors) = (quarter.completed, quarter.errors());
        push(&mut self.quarters, quarter, QUARTERS);
        let (p50_ms, p99_ms) = times(&self.quarters);
        let (minute_p50_ms, minute_p99_ms) = times(&self.seconds);
        let cpu_ns = process_cpu_ns();
        let before = self.spent.replace((at_ns, cpu_ns)).filter(|(then_ns, _)| *then_ns < at_ns);
        let cpu = before.map(|(then_ns, spent_ns)| (cpu_ns - spent_ns) as f64 / (at_ns - then_ns) as f64);
        let slow = crew.held();
        Now { at_ns, completed, errors, in_flight, cpu, slow, p50_ms, p99_ms, minute_p50_ms, minute_p99_ms }
    }

    /// What the last row was made of.
    pub(super) fn last(&self) -> Option<&Tally> {
        self.quarters.back()
    }
}

fn push(tallies: &mut VecDeque<Tally>, tally: Tally, at_most: usize) {
    tallies.push_back(tally);
    if tallies.len() > at_most {
        tallies.pop_front();
    }
}

fn times(tallies: &VecDeque<Tally>) -> (Option<f64>, Option<f64>) {
    let mut sum = Tally::new();
    tallies.iter().for_each(|tally| sum.merge(tally));
    sum.p50_and_p99_ms()
}

/// What went on since the last mark.
pub(super) struct Stretch {
    begun_ns: u64,
    cpu_ns: u64,
    rows: Vec<Row>,
}

/// An hour of rows: more than anybody looks at, and still only a few megabytes.
const MOST_ROWS: usize = 4 * 3_600;

impl Default for Stretch {
    fn default() -> Self {
        Self { begun_ns: monotonic_ns(), cpu_ns: process_cpu_ns(), rows: Vec::new() }
    }
}

impl Stretch {
    pub(super) fn push(&mut self, now: &Now, tally: Option<&Tally>) {
        let t_ms = (now.at_ns.saturating_sub(self.begun_ns) / 1_000_000).saturating_sub(ROW_MS);
        if let Some(tally) = tally.filter(|_| self.rows.len() < MOST_ROWS) {
            self.rows.push(tally.row(t_ms, now.in_flight));
        }
    }

    /// As a measurement would have come out; without what only a window has, such as the lag of a schedule.
    pub(super) fn outcome(&self, crew: &Crew) -> Outcome {
        let counted = crew.counted();
        let measured = &counted.measured;
        let window_s = (monotonic_ns() - self.begun_ns).max(1) as f64 / 1e9;
        let cpu_s = (process_cpu_ns() - self.cpu_ns) as f64 / 1e9;
        let connections = match crew.plan.load {
            Load::Closed { .. } => crew.level().clients,
            _ => crew.plan.connections,
        };
        Outcome {
            window_ms: window_s * 1e3,
            // Nobody waits for those that are due, so what was to be done is what was done.
            scheduled: measured.resolved(),
            completed: measured.completed,
            failed: measured.failed.clone(),
            timed_out: measured.timed_out,
            unsent: measured.unsent,
            throughput_rps: measured.right_in_window as f64 / window_s,
            response_time: measured.response_time.encode(),
            sent_to_answer: measured.sent_to_answer.encode(),
            series: self.rows.clone(),
            connections_wanted: connections,
            connections_up: connections,
            in_flight_at_end: self.rows.last().map_or(0, |row| row.in_flight),
            cpu_s,
            core_busy: (cpu_s / window_s / f64::from(crew.plan.cores)).clamp(0.0, 1.0),
            cores: crew.plan.cores,
            first_wrong: counted.first_wrong(),
            parts: counted.parts().map(Box::new),
            ..Outcome::default()
        }
    }
}
