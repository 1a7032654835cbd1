//! What ran out where a rung left its line, from evidence in the results and from nothing else.
//!
//! Rules are tried in the order of how much they explain: a dead server explains everything, a full CPU
//! little more than itself. When none fits, the verdict is "not found" and says what was looked at.

use crate::report::bounds::{Point, Standing, Track};
use crate::report::slots::Slots;
use crate::report::text::{self, rounded};
use crate::results::Trial;

/// A share of its CPUs from which on a server counts as full.
const CPU_FULL: f64 = 0.9;

/// How near to K / W a rung must work for K / W to be the reason.
const NEAR_SLOTS_LINE: std::ops::RangeInclusive<f64> = 0.85..=1.15;

/// A share of requests without a right answer that explains missing throughput.
const MANY_FAILED: f64 = 0.01;

/// What ran out, with the figures that say so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RanOut {
    /// The server died or stopped listening.
    Collapsed { trials: usize, of: usize, reason: String },
    /// Not measured: its line says that an answer takes too long to wait for.
    NotRun { reason: String, slots: Option<(Slots, String)> },
    /// Everything that it can wait in waits.
    Slots { slots: Slots, wait: String, limit_rps: f64 },
    /// The server's CPUs are full.
    Cpu { busy: f64, cores: f64, us: f64 },
    /// The generator's core was full: nothing can be said about the server's throughput.
    Generator { busy: f64 },
    /// Connections were dropped before the server saw them.
    ListenQueue { overflows: u64 },
    /// Requests were not answered, or not rightly.
    Failures { failed: u64, of: u64 },
    /// None of these.
    NotFound { looked_at: String },
}

/// What ran out at a point that is off its line (or off C / W).
pub(crate) fn ran_out(track: &Track<'_, '_>, point: &Point<'_, '_>, cores: Option<f64>) -> RanOut {
    let cell = point.cell;
    match point.standing() {
        Standing::Collapsed => return collapsed(point),
        Standing::NotRun => return not_run(track, point),
        _ => {}
    }
    if let Some(busy) = cell.client_bound() {
        return RanOut::Generator { busy };
    }
    slots(track, point)
        .or_else(|| cpu(point, cores))
        .or_else(|| listen_queue(point))
        .or_else(|| failures(point))
        .unwrap_or_else(|| RanOut::NotFound { looked_at: looked_at(point, cores) })
}

impl RanOut {
    /// One or two words, for a label in a chart: what it ran out of.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Collapsed { .. } => "collapsed".into(),
            Self::NotRun { slots: Some((slots, wait)), .. } | Self::Slots { slots, wait, .. } => {
                format!("{} ÷ {wait}", slots.counted())
            }
            Self::NotRun { .. } => "not run".into(),
            Self::Cpu { us, .. } => format!("CPU full: {} µs a request", rounded(*us)),
            Self::Generator { .. } => "generator full".into(),
            Self::ListenQueue { .. } => "listen queue full".into(),
            Self::Failures { .. } => "failures".into(),
            Self::NotFound { .. } => "cause not found".into(),
        }
    }

    /// What follows "then" in a list of rungs.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Collapsed { .. } => "then collapsed".into(),
            Self::NotRun { slots: Some((slots, _)), .. } | Self::Slots { slots, .. } => {
                slots.ran_out().into()
            }
            Self::NotRun { .. } => "beyond which it was not run".into(),
            Self::Cpu { .. } => "then ran out of CPU".into(),
            Self::Generator { .. } => "then the load generator was full".into(),
            Self::ListenQueue { .. } => "then the listen queue overflowed".into(),
            Self::Failures { .. } => "then requests failed".into(),
            Self::NotFound { .. } => "then fell behind, the cause not found".into(),
        }
    }

    /// A clause with its numbers, for after a colon.
    pub(crate) fn clause(&self) -> String {
        match self {
            Self::Collapsed { trials, of, reason } => {
                format!(
                    "the server collapsed in {trials} of {} ({reason})",
                    text::counted(*of as u64, "trial")
                )
            }
            Self::NotRun { reason, .. } => format!("it was not run there ({reason})"),
            Self::Slots { slots, wait, limit_rps } => {
                let (taken, number) = (slots.all_taken(), slots.number);
                format!("{taken}, {number} ÷ {wait} = {} requests/s", rounded(*limit_rps))
            }
            Self::Cpu { busy, cores, us } => format!(
                "its CPU is full, {} of {} at {} µs a request",
                percent(*busy),
                text::counted(*cores as u64, "core"),
                rounded(*us)
            ),
            Self::Generator { busy } => {
                format!("the load generator's own core was {} busy, so this may be its limit", percent(*busy))
            }
            Self::ListenQueue { overflows } => {
                format!("the listen queue overflowed {}", text::counted(*overflows, "time"))
            }
            Self::Failures { failed, of } => {
                format!("{} of {} requests got no right answer", text::count(*failed), text::count(*of))
            }
            Self::NotFound { looked_at } => format!("the cause was not found (looked at: {looked_at})"),
        }
    }
}

fn collapsed(point: &Point<'_, '_>) -> RanOut {
    let cell = point.cell;
    let reason =
        cell.collapsed.iter().find_map(|trial| trial.reason.as_deref()).unwrap_or("no reason was recorded");
    RanOut::Collapsed {
        trials: cell.collapsed.len(),
        of: cell.ok.len() + cell.collapsed.len(),
        reason: reason.trim_end_matches('.').into(),
    }
}

fn not_run(track: &Track<'_, '_>, point: &Point<'_, '_>) -> RanOut {
    let reason = point.cell.not_run.map_or("", |left_out| left_out.reason.as_str());
    // The slots are the reason when K / W is the lowest of its lines.
    let slots_are_lowest =
        point.bounds.slots.zip(point.bounds.lower()).is_some_and(|(slots, lower)| slots < lower);
    let slots = track.slots.zip(track.wait).filter(|_| slots_are_lowest);
    RanOut::NotRun {
        reason: reason.trim_end_matches('.').into(),
        slots: slots.map(|(slots, wait)| (slots, wait.shown())),
    }
}

fn slots(track: &Track<'_, '_>, point: &Point<'_, '_>) -> Option<RanOut> {
    let (slots, wait, limit_rps) = (track.slots?, track.wait?, point.bounds.slots?);
    let near = NEAR_SLOTS_LINE.contains(&(point.throughput? / limit_rps));
    (near && slots.number < point.clients).then(|| RanOut::Slots { slots, wait: wait.shown(), limit_rps })
}

fn cpu(point: &Point<'_, '_>, cores: Option<f64>) -> Option<RanOut> {
    let (cores, busy) = (cores?, cpu_busy(point, cores)?);
    (busy >= CPU_FULL).then_some(RanOut::Cpu { busy, cores, us: cores * 1e6 / point.bounds.cpu? })
}

fn listen_queue(point: &Point<'_, '_>) -> Option<RanOut> {
    let known = point.cell.ok.iter().filter_map(|trial| trial.server.listen_overflows);
    let overflows = known.fold(0_u64, u64::saturating_add);
    (overflows > 0).then_some(RanOut::ListenQueue { overflows })
}

fn failures(point: &Point<'_, '_>) -> Option<RanOut> {
    let (failed, of) = failed_of(point);
    (failed as f64 > MANY_FAILED * of as f64).then_some(RanOut::Failures { failed, of })
}

/// Share of the server's CPUs that it used, over all trials that count. Throughput over the CPU line is
/// the same by definition, and is there when the plain figure is not.
fn cpu_busy(point: &Point<'_, '_>, cores: Option<f64>) -> Option<f64> {
    let share = |trial: &Trial| {
        let seconds = trial.window.length_ms / 1_000.0;
        Some(trial.server.cpu_s? / seconds / cores?)
    };
    point.cell.median_of(share).or_else(|| Some(point.throughput? / point.bounds.cpu?))
}

fn failed_of(point: &Point<'_, '_>) -> (u64, u64) {
    let failed = |trial: &Trial| {
        let kinds = trial.failed.values().chain([&trial.timed_out, &trial.unsent]);
        kinds.fold(0_u64, |sum, number| sum.saturating_add(*number))
    };
    let trials = || point.cell.ok.iter();
    (
        trials().fold(0, |sum, trial| sum.saturating_add(failed(trial))),
        trials().fold(0, |sum, trial| sum.saturating_add(trial.scheduled)),
    )
}

fn looked_at(point: &Point<'_, '_>, cores: Option<f64>) -> String {
    let share = |value: Option<f64>| value.map_or_else(|| "not known".into(), percent);
    let (failed, of) = failed_of(point);
    format!(
        "server CPU {}, generator's core {}, {} of {} requests failed, listen queue",
        share(cpu_busy(point, cores)),
        share(point.cell.median_of(|trial| trial.client.core_busy)),
        text::count(failed),
        text::count(of),
    )
}

/// A share as whole percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
