//! What is seen of one lane: rows of its generator, `/proc` of its server, put together four times a second.

use std::collections::VecDeque;

use loadgen::live::Now;
use serde::Serialize;

use crate::probe::{self, Observed, Size};

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
    /// What the generator takes, in cores.
    pub(super) generator_cpu: Option<f64>,
    /// The lower of clients ÷ wait and cores ÷ CPU per request.
    pub(super) line_rps: Option<f64>,
}

/// The last minute of a lane, and the stretch that could be kept.
#[derive(Default)]
pub(super) struct Collected {
    quarters: VecDeque<Quarter>,
    past: VecDeque<Sample>,
    /// Since the mark.
    marked: Marked,
}

#[derive(Clone, Copy)]
struct Quarter {
    at_ns: u64,
    completed: u64,
    errors: u64,
    cpu_s: Option<f64>,
}

/// What the probe of a trial would have seen since then.
#[derive(Default, Clone)]
struct Marked {
    begun_ns: u64,
    cpu_s: Option<f64>,
    samples: Vec<probe::Sample>,
}

/// A second, and one more to measure from.
const QUARTERS: usize = 5;
/// A minute.
const PAST: usize = 240;
/// An hour.
const MOST_SAMPLES: usize = 4 * 3_600;

impl Collected {
    /// Puts a row beside what the server takes now.
    pub(super) fn add(&mut self, now: &Now, pid: u32, begun_ns: u64) -> Sample {
        let (size, cpu_s) = (probe::size(pid), probe::cpu_s(pid));
        let quarter = Quarter { at_ns: now.at_ns, completed: now.completed, errors: now.errors, cpu_s };
        push(&mut self.quarters, quarter, QUARTERS);
        self.add_to_stretch(now.at_ns, size, cpu_s);
        let first = self.quarters[0];
        let over_s = now.at_ns.saturating_sub(first.at_ns) as f64 / 1e9;
        let per_second = |of: fn(&Quarter) -> u64| {
            let sum: u64 = self.quarters.iter().skip(1).map(of).sum();
            if over_s > 0.0 { sum as f64 / over_s } else { 0.0 }
        };
        Sample {
            t_ms: now.at_ns.saturating_sub(begun_ns) / 1_000_000,
            rps: per_second(|quarter| quarter.completed),
            errors_per_s: per_second(|quarter| quarter.errors),
            in_flight: now.in_flight,
            slow: now.slow,
            p50_ms: now.p50_ms,
            p99_ms: now.p99_ms,
            minute_p50_ms: now.minute_p50_ms,
            minute_p99_ms: now.minute_p99_ms,
            threads: size.threads,
            memory_bytes: size.total_bytes().or(size.rss_bytes),
            cpu: cpu_s.zip(first.cpu_s).filter(|_| over_s > 0.0).map(|(now, then)| (now - then) / over_s),
            generator_cpu: now.cpu,
            line_rps: None,
        }
    }

    /// Keeps a sample for pages that come later.
    pub(super) fn keep(&mut self, sample: Sample) {
        push(&mut self.past, sample, PAST);
    }

    /// The last minute, oldest first.
    pub(super) fn past(&self) -> impl Iterator<Item = &Sample> {
        self.past.iter()
    }

    /// The youngest.
    pub(super) fn last(&self) -> Option<&Sample> {
        self.past.back()
    }

    /// What can be kept begins now.
    pub(super) fn mark(&mut self, at_ns: u64, pid: u32) {
        self.marked = Marked { begun_ns: at_ns, cpu_s: probe::cpu_s(pid), samples: Vec::new() };
        self.add_to_stretch(at_ns, probe::size(pid), probe::cpu_s(pid));
    }

    pub(super) fn marked_ns(&self) -> u64 {
        self.marked.begun_ns
    }

    /// Since the mark, as of a trial's window.
    pub(super) fn observed(&self, pid: u32) -> Observed {
        Observed {
            cpu_s: probe::cpu_s(pid).zip(self.marked.cpu_s).map(|(now, then)| now - then),
            samples: self.marked.samples.clone(),
            ..Observed::default()
        }
    }

    fn add_to_stretch(&mut self, at_ns: u64, size: Size, cpu_s: Option<f64>) {
        let marked = &mut self.marked;
        if marked.samples.len() < MOST_SAMPLES {
            let t_ms = at_ns.saturating_sub(marked.begun_ns) / 1_000_000;
            let cpu_s = cpu_s.zip(marked.cpu_s).map(|(now, then)| now - then);
            marked.samples.push(probe::Sample { t_ms, cpu_s, size });
        }
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

    #[test]
    fn rates_are_of_the_last_second_and_of_the_time_that_really_passed() {
        let mut collected = Collected::default();
        let pid = std::process::id();
        assert_eq!(collected.add(&row(0, 1_000, 0), pid, 1_000).rps, 0.0, "a row alone has no length");
        (1..=4).for_each(|nth| _ = collected.add(&row(nth, 50, 2), pid, 1_000));
        let sample = collected.add(&row(6, 150, 4), pid, 1_000);
        // 50 + 50 + 50 + 150 in 1.25 s, since a row came late.
        assert!((sample.rps - 300.0 / 1.25).abs() < 1e-9, "{sample:?}");
        assert!((sample.errors_per_s - 10.0 / 1.25).abs() < 1e-9, "{sample:?}");
        assert_eq!((sample.t_ms, sample.in_flight), (1_500, 7));
        assert!(sample.memory_bytes.is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn a_minute_is_kept_and_a_stretch_begins_with_its_mark() {
        let mut collected = Collected::default();
        let pid = std::process::id();
        for nth in 0..400 {
            let sample = collected.add(&row(nth, 1, 0), pid, 0);
            collected.keep(sample);
        }
        assert_eq!(collected.past().count(), PAST);
        collected.mark(1_000 + 400 * QUARTER_NS, pid);
        collected.add(&row(402, 1, 0), pid, 0);
        let times: Vec<u64> = collected.observed(pid).samples.iter().map(|sample| sample.t_ms).collect();
        assert_eq!(times, [0, 500]);
    }
}
