//! What happened when: for loads in which something happens at a time of its own (a fault, a burst, a queue that grows),
//! every rung quarter by quarter of a second, each figure the median over its trials that count.
//!
//! `charts::timeline` draws it: response, queue, threads, memory and CPU above each other, over one time.

use std::collections::BTreeMap;

use loadgen::protocol::Shape;

use crate::report::cells::{Cell, Experiment};
use crate::report::text::{exact, milliseconds};
use crate::results::{Load, Mode, Rule, SeriesRow, Trial, Trouble};
use crate::stats::median;

/// One load over time.
pub(crate) struct Timeline<'e, 'a> {
    pub(crate) load: &'a Load,
    pub(crate) events: Vec<Happening>,
    pub(crate) tracks: Vec<Track<'e, 'a>>,
    /// Cells of the load of which no trial counts.
    pub(crate) void: Vec<&'e Cell<'a>>,
}

/// Something that was done on purpose, in seconds from the start of the window.
pub(crate) struct Happening {
    pub(crate) what: String,
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
}

/// A rung over time.
pub(crate) struct Track<'e, 'a> {
    pub(crate) cell: &'e Cell<'a>,
    pub(crate) moments: Vec<Moment>,
}

/// What was seen in the interval that ends here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    pub(crate) end_s: f64,
    figures: [Option<f64>; FIGURES],
}

const FIGURES: usize = 7;

/// What there is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Seen {
    Answers,
    Response,
    InFlight,
    Bystander,
    Threads,
    Memory,
    Cpu,
}

impl Seen {
    pub(crate) const ALL: [Self; FIGURES] = [
        Self::Answers,
        Self::Response,
        Self::InFlight,
        Self::Bystander,
        Self::Threads,
        Self::Memory,
        Self::Cpu,
    ];

    /// With its unit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers/s",
            Self::Response => "median response, ms",
            Self::InFlight => "requests in flight",
            Self::Bystander => "bystander's median response, ms",
            Self::Threads => "threads",
            Self::Memory => "resident memory, MiB",
            Self::Cpu => "CPU, cores",
        }
    }

    /// Of one row, of which the one before it is known, where there is one.
    fn of(self, row: &SeriesRow, before: Option<&SeriesRow>, length_s: f64) -> Option<f64> {
        let value = match self {
            Self::Answers => row.completed.map(|answers| answers as f64 / length_s),
            Self::Response => row.p50_ms,
            Self::InFlight => row.in_flight.map(|requests| requests as f64),
            Self::Bystander => row.bystander_p50_ms,
            Self::Threads => row.server_threads.map(|threads| threads as f64),
            Self::Memory => row.server_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)),
            Self::Cpu => {
                let then = before.map_or(Some(0.0), |before| before.server_cpu_s);
                row.server_cpu_s.zip(then).map(|(now, then)| (now - then) / length_s)
            }
        };
        value.filter(|value| value.is_finite() && *value >= 0.0)
    }
}

impl Moment {
    pub(crate) fn of(&self, seen: Seen) -> Option<f64> {
        self.figures[seen as usize]
    }
}

impl Track<'_, '_> {
    /// The time at which a figure was at its highest, and how high.
    pub(crate) fn highest(&self, seen: Seen) -> Option<(f64, f64)> {
        let all = self.moments.iter().filter_map(|moment| Some((moment.end_s, moment.of(seen)?)));
        all.reduce(|high, next| if next.1 > high.1 { next } else { high })
    }
}

/// Every load of the experiment that has a timeline; the one that brings most comes first.
pub(crate) fn all<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<Timeline<'e, 'a>> {
    let mut all: Vec<Timeline<'e, 'a>> = Vec::new();
    for cell in &experiment.cells {
        let events = events(experiment, cell.load);
        if (events.is_empty() && !overloaded(experiment, cell.load))
            || all.iter().any(|one| one.load == cell.load)
        {
            continue;
        }
        let cells: Vec<&Cell<'a>> = experiment.cells.iter().filter(|other| other.load == cell.load).collect();
        let tracks: Vec<Track<'_, '_>> = cells.iter().filter_map(|cell| track(cell)).collect();
        if !tracks.is_empty() {
            let void = cells.into_iter().filter(|cell| cell.is_void()).collect();
            all.push(Timeline { load: cell.load, events, tracks, void });
        }
    }
    all.sort_by_key(|one| (one.load.mode != Mode::Open, std::cmp::Reverse(one.load.clients)));
    all
}

/// Faults of the services, and what the load itself does.
fn events(experiment: &Experiment<'_>, load: &Load) -> Vec<Happening> {
    let trouble = |trouble: &Trouble| Happening {
        what: match trouble.kind.as_str() {
            "stall" => "the services hang".into(),
            "reset" => "the services reset connections".into(),
            "error" => "the services answer with errors".into(),
            "slow_body" => "the services answer slowly".into(),
            other => format!("the services: {other}"),
        },
        from_s: trouble.at_ms as f64 / 1_000.0,
        to_s: trouble.at_ms.saturating_add(trouble.for_ms) as f64 / 1_000.0,
    };
    let faults = experiment.asked.services.iter().flat_map(|services| &services.faults).map(trouble);
    let burst = match load.shape {
        Some(Shape::Spike { at_ms, for_ms, times }) => Some(Happening {
            what: format!("{} × the requests for {}", exact(times), milliseconds(for_ms as f64)),
            from_s: at_ms as f64 / 1_000.0,
            to_s: at_ms.saturating_add(for_ms) as f64 / 1_000.0,
        }),
        _ => None,
    };
    let timed = matches!(load.mode, Mode::Open | Mode::Closed);
    faults.chain(burst).filter(|_| timed).collect()
}

/// Whether something grows although nothing happens: the rate changes step by step, or is more than can be served.
fn overloaded(experiment: &Experiment<'_>, load: &Load) -> bool {
    let rates = experiment.cells.iter().filter(|cell| cell.load.mode == Mode::Open);
    let highest = rates.filter_map(|cell| cell.load.rate_rps).reduce(f64::max);
    let most = load.mode == Mode::Open && load.rate_rps == highest && highest.is_some();
    matches!(load.shape, Some(Shape::Ramp { .. } | Shape::Steps { .. }))
        || (most && experiment.asked.rule == Some(Rule::Goodput))
}

/// None where no trial that counts has a series.
fn track<'e, 'a>(cell: &'e Cell<'a>) -> Option<Track<'e, 'a>> {
    let mut by_time: BTreeMap<u64, Vec<Moment>> = BTreeMap::new();
    for trial in &cell.ok {
        for (t_ms, moment) in moments(trial) {
            by_time.entry(t_ms).or_default().push(moment);
        }
    }
    let over_trials = |all: &Vec<Moment>| Moment {
        end_s: all[0].end_s,
        figures: Seen::ALL.map(|seen| median(&all.iter().filter_map(|one| one.of(seen)).collect::<Vec<_>>())),
    };
    let moments: Vec<Moment> = by_time.values().map(over_trials).collect();
    (moments.len() > 1).then_some(Track { cell, moments })
}

/// By the start of their interval.
fn moments(trial: &Trial) -> Vec<(u64, Moment)> {
    let rows = &trial.series;
    let [first, second, ..] = rows.as_slice() else { return Vec::new() };
    let length_ms = second.t_ms.saturating_sub(first.t_ms).max(1);
    let length_s = length_ms as f64 / 1_000.0;
    rows.iter()
        .enumerate()
        .map(|(place, row)| {
            let before = place.checked_sub(1).and_then(|before| rows.get(before));
            let end_s = row.t_ms.saturating_add(length_ms) as f64 / 1_000.0;
            (row.t_ms, Moment { end_s, figures: Seen::ALL.map(|seen| seen.of(row, before, length_s)) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_interval_and_cpu_of_what_was_added() {
        let row = |t_ms: u64, completed, cpu_s| SeriesRow {
            t_ms,
            completed: Some(completed),
            server_cpu_s: cpu_s,
            ..SeriesRow::default()
        };
        let (first, second, unknown) = (row(0, 10, Some(0.1)), row(250, 20, Some(0.3)), row(500, 0, None));
        assert_eq!(Seen::Answers.of(&second, Some(&first), 0.25), Some(80.0));
        let cpu = |row, before| Seen::Cpu.of(row, before, 0.25);
        assert!((cpu(&second, Some(&first)).unwrap() - 0.8).abs() < 1e-9);
        assert_eq!(cpu(&first, None), Some(0.4), "the window opens with nothing spent");
        assert_eq!(cpu(&unknown, Some(&second)), None);
        assert_eq!(cpu(&second, Some(&unknown)), None, "nobody knows what came before");
        assert_eq!(Seen::Memory.of(&second, None, 0.25), None);
    }
}
