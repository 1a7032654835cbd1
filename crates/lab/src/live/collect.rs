//! What is seen of one lane: rows of its generator, `/proc` of its server, put together four times a second. The last
//! second of it is what the page shows as "now"; everything since the mark is what can be kept.

use std::collections::{BTreeMap, VecDeque};

use loadgen::live::Now;
use loadgen::protocol::{Failure, Outcome};
use serde::Serialize;

use crate::judge::Found;
use crate::probe::{self, Counters, Edges, Observed, Size};
use crate::refusals::Refused;
use crate::results::Calls;
use crate::services;

/// One look, as the page draws it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Sample {
    /// From the start of the session.
    pub(super) t_ms: u64,
    /// Right answers per second, over the last second.
    pub(super) rps: f64,
    /// Failures, timeouts and requests given up per second, over the last second.
    pub(super) errors_per_s: f64,
    pub(super) in_flight: u64,
    pub(super) slow: u32,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) minute_p50_ms: Option<f64>,
    pub(super) minute_p99_ms: Option<f64>,
    pub(super) threads: Option<u64>,
    /// Resident, kernel stacks and page tables included.
    pub(super) memory_bytes: Option<u64>,
    /// In cores, over the last second.
    pub(super) cpu: Option<f64>,
    /// The lower of clients ÷ wait and cores ÷ CPU per request.
    pub(super) line_rps: Option<f64>,
}

/// Everything that only grows, at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    pub(super) at_ns: u64,
    pub(super) counters: Counters,
    pub(super) refused: Refused,
    pub(super) calls: Option<services::State>,
}

/// The last minute of a lane, and the stretch that could be kept.
pub(super) struct Collected {
    /// CPUs of the server; all of them where it has none of its own.
    cpus: Option<Vec<u32>>,
    /// Before its first request.
    idle: Size,
    quarters: VecDeque<Quarter>,
    past: VecDeque<Sample>,
    marked: Moment,
    /// Since the mark.
    samples: Vec<probe::Sample>,
}

/// From one row to the next, and what there was at its end.
struct Quarter {
    /// By the generator's clock.
    at_ns: u64,
    completed: u64,
    errors: u64,
    end: Moment,
}

/// A second, and one more to measure from.
const QUARTERS: usize = 5;
/// A minute.
const PAST: usize = 240;
/// An hour.
const MOST_SAMPLES: usize = 4 * 3_600;

impl Collected {
    pub(super) fn new(cpus: Option<Vec<u32>>, idle: Size) -> Self {
        let (quarters, past) = (VecDeque::new(), VecDeque::new());
        Self { cpus, idle, quarters, past, marked: Moment::default(), samples: Vec::new() }
    }

    /// Puts a row beside what the server has and took.
    pub(super) fn add(&mut self, now: &Now, end: Moment, size: Size, begun_ns: u64) -> Sample {
        self.add_to_stretch(&end, size);
        let Now { at_ns, completed, errors, .. } = *now;
        push(&mut self.quarters, Quarter { at_ns, completed, errors, end }, QUARTERS);
        let second = self.second();
        let per_second = |count: u64| if second.over_s > 0.0 { count as f64 / second.over_s } else { 0.0 };
        Sample {
            t_ms: now.at_ns.saturating_sub(begun_ns) / 1_000_000,
            rps: per_second(second.completed),
            errors_per_s: per_second(second.errors),
            in_flight: now.in_flight,
            slow: now.slow,
            p50_ms: now.p50_ms,
            p99_ms: now.p99_ms,
            minute_p50_ms: now.minute_p50_ms,
            minute_p99_ms: now.minute_p99_ms,
            threads: size.threads,
            memory_bytes: size.total_bytes().or(size.rss_bytes),
            cpu: second.cost.cpu_s.filter(|_| second.over_s > 0.0).map(|cpu_s| cpu_s / second.over_s),
            line_rps: None,
        }
    }

    /// Keeps a sample for pages that come later.
    pub(super) fn keep(&mut self, sample: Sample) {
        push(&mut self.past, sample, PAST);
    }

    /// How long ago the mark was, then.
    pub(super) fn since_mark_ms(&self, at_ns: u64) -> u64 {
        at_ns.saturating_sub(self.marked.at_ns) / 1_000_000
    }

    /// The last minute, oldest first.
    pub(super) fn past(&self) -> impl Iterator<Item = &Sample> {
        self.past.iter()
    }

    /// The youngest.
    pub(super) fn last(&self) -> Option<&Sample> {
        self.past.back()
    }

    /// The most requests at once of the last second: what a server carried that has just died, as all of its
    /// clients have failed before that is seen.
    pub(super) fn most_in_flight(&self) -> u64 {
        self.past.iter().rev().take(QUARTERS).map(|sample| sample.in_flight).max().unwrap_or(0)
    }

    /// What can be kept begins now.
    pub(super) fn mark(&mut self, now: Moment, size: Size) {
        let cpu_s = now.counters.cpu_s.map(|_| 0.0);
        (self.marked, self.samples) = (now, vec![probe::Sample { t_ms: 0, cpu_s, size }]);
    }

    /// The last second in the form of a trial, with the calls in it; `None` before there is one. `generator_busy` is a
    /// share of its cores.
    pub(super) fn as_found(
        &self,
        generator_busy: Option<f64>,
        in_flight: u64,
    ) -> Option<(Found, Option<Calls>)> {
        let second = self.second();
        if second.over_s <= 0.0 {
            return None;
        }
        let connections = u32::try_from(in_flight).unwrap_or(u32::MAX);
        let outcome = Outcome {
            window_ms: second.over_s * 1_000.0,
            scheduled: second.completed + second.errors,
            completed: second.completed,
            // Which kind does not matter here: all count alike.
            failed: BTreeMap::from([(Failure::Status, second.errors)]),
            throughput_rps: second.completed as f64 / second.over_s,
            core_busy: generator_busy.unwrap_or_default(),
            connections_wanted: connections,
            connections_up: connections,
            ..Outcome::default()
        };
        let found = Found {
            idle: self.idle,
            outcome: Some(outcome),
            observed: Some(second.cost),
            refused: Some(second.refused),
            ..Found::default()
        };
        Some((found, second.calls))
    }

    /// Since the mark, in the form of a trial's window.
    pub(super) fn as_window(&self, now: &Moment, outcome: Outcome) -> (Found, Option<Calls>) {
        let over_s = between_s(&self.marked, now);
        let cost = now.counters.since(&self.marked.counters, over_s, self.cpus.as_deref());
        let found = Found {
            idle: self.idle,
            edges: Some(Edges { start_ns: self.marked.at_ns, end_ns: now.at_ns }),
            observed: Some(Observed { samples: self.samples.clone(), ..cost }),
            outcome: Some(outcome),
            refused: Some(since(self.marked.refused, now.refused)),
            ..Found::default()
        };
        (found, calls(&self.marked, now))
    }

    fn second(&self) -> Second {
        let (Some(first), Some(last)) = (self.quarters.front(), self.quarters.back()) else {
            return Second::default();
        };
        let sum = |of: fn(&Quarter) -> u64| self.quarters.iter().skip(1).map(of).sum();
        let over_s = last.at_ns.saturating_sub(first.at_ns) as f64 / 1e9;
        // The lab looks a little later than the generator counts, and not always as much.
        let seen_s = between_s(&first.end, &last.end);
        let cost = last.end.counters.since(&first.end.counters, seen_s, self.cpus.as_deref());
        let over_it = |cpu_s: Option<f64>| cpu_s.map(|cpu_s| cpu_s * over_s / seen_s);
        let (cpu_s, others_cpu_s) = (over_it(cost.cpu_s), over_it(cost.others_cpu_s));
        Second {
            over_s,
            completed: sum(|quarter| quarter.completed),
            errors: sum(|quarter| quarter.errors),
            cost: Observed { cpu_s, others_cpu_s, ..cost },
            refused: since(first.end.refused, last.end.refused),
            calls: calls(&first.end, &last.end),
        }
    }

    fn add_to_stretch(&mut self, now: &Moment, size: Size) {
        if self.samples.len() < MOST_SAMPLES {
            let t_ms = now.at_ns.saturating_sub(self.marked.at_ns) / 1_000_000;
            let cpu_s = now.counters.cpu_s.zip(self.marked.counters.cpu_s).map(|(now, then)| now - then);
            self.samples.push(probe::Sample { t_ms, cpu_s, size });
        }
    }
}

/// The last second, as long as it really was.
#[derive(Default)]
struct Second {
    over_s: f64,
    completed: u64,
    errors: u64,
    cost: Observed,
    refused: Refused,
    calls: Option<Calls>,
}

fn between_s(first: &Moment, last: &Moment) -> f64 {
    last.at_ns.saturating_sub(first.at_ns) as f64 / 1e9
}

fn calls(first: &Moment, last: &Moment) -> Option<Calls> {
    Some(last.calls.as_ref()?.since(first.calls.as_ref()?))
}

/// What came on top.
fn since(before: Refused, now: Refused) -> Refused {
    Refused {
        threads: now.threads.saturating_sub(before.threads),
        files: now.files.saturating_sub(before.files),
        memory: now.memory.saturating_sub(before.memory),
    }
}

fn push<T>(queue: &mut VecDeque<T>, one: T, at_most: usize) {
    queue.push_back(one);
    if queue.len() > at_most {
        queue.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER_NS: u64 = 250_000_000;

    fn row(nth: u64, completed: u64, errors: u64) -> Now {
        Now { at_ns: 1_000 + nth * QUARTER_NS, completed, errors, in_flight: 7, ..Now::default() }
    }

    fn add(collected: &mut Collected, row: &Now) -> Sample {
        let pid = std::process::id();
        let end = Moment { at_ns: row.at_ns, counters: Counters::read(pid, None), ..Moment::default() };
        collected.add(row, end, probe::size(pid), 1_000)
    }

    #[test]
    fn rates_are_of_the_last_second_and_of_the_time_that_really_passed() {
        let mut collected = Collected::new(None, Size::default());
        assert_eq!(add(&mut collected, &row(0, 1_000, 0)).rps, 0.0, "a row alone has no length");
        (1..=4).for_each(|nth| _ = add(&mut collected, &row(nth, 50, 2)));
        let sample = add(&mut collected, &row(6, 150, 4));
        // 50 + 50 + 50 + 150 in 1.25 s, since a row came late.
        assert!((sample.rps - 300.0 / 1.25).abs() < 1e-9, "{sample:?}");
        assert!((sample.errors_per_s - 10.0 / 1.25).abs() < 1e-9, "{sample:?}");
        assert_eq!((sample.t_ms, sample.in_flight), (1_500, 7));
        assert!(sample.memory_bytes.is_some_and(|bytes| bytes > 0));
        let (found, _) = collected.as_found(None, 7).unwrap();
        let outcome = found.outcome.unwrap();
        assert_eq!((outcome.completed, outcome.scheduled, outcome.window_ms), (300, 310, 1_250.0));
    }

    #[test]
    fn a_minute_is_kept_and_a_stretch_begins_with_its_mark() {
        let mut collected = Collected::new(None, Size::default());
        for nth in 0..400 {
            let sample = add(&mut collected, &row(nth, 1, 0));
            collected.keep(sample);
        }
        assert_eq!(collected.past().count(), PAST);
        let moment = |nth: u64| Moment { at_ns: 1_000 + nth * QUARTER_NS, ..Moment::default() };
        collected.mark(moment(400), Size::default());
        add(&mut collected, &row(402, 1, 0));
        let (found, calls) = collected.as_window(&moment(404), Outcome::default());
        let times: Vec<u64> = found.observed.unwrap().samples.iter().map(|sample| sample.t_ms).collect();
        assert_eq!((times, calls), (vec![0, 500], None));
        assert_eq!(found.edges.unwrap().start_ns, 1_000 + 400 * QUARTER_NS);
    }
}
