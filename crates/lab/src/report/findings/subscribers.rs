//! What streams that stay open cost, and how late their ticks are.

use crate::report::bounds::{Sweep, Track};
use crate::report::cells::{Cell, Metric};
use crate::report::findings::Finding;
use crate::report::text::{bytes, count, counted, exact, listed, milliseconds};

/// One sentence: every rung at the most subscribers that any had.
pub(crate) fn finding(sweep: &Sweep<'_, '_>) -> Option<Finding> {
    let measured = |track: &&Track<'_, '_>, level: u32| {
        track.at(level).is_some_and(|point| !point.cell.ok.is_empty() || !point.cell.collapsed.is_empty())
    };
    let most = *sweep
        .levels
        .iter()
        .rev()
        .find(|level| sweep.tracks.iter().any(|track| measured(&track, **level)))?;
    let cost: Vec<String> =
        sweep.tracks.iter().filter_map(|track| held(track.at(most)?.cell, most)).collect();
    let late: Vec<String> = sweep.tracks.iter().filter_map(|track| lateness(track.at(most)?.cell)).collect();
    let missed: Vec<String> = sweep.tracks.iter().filter_map(|track| missed(track.at(most)?.cell)).collect();
    if cost.is_empty() && late.is_empty() {
        return None;
    }
    let streams = counted(most.into(), "open stream");
    let verb = if most == 1 { "costs" } else { "cost" };
    let mut text = if cost.is_empty() {
        format!("With {streams}, what they cost is not known.")
    } else {
        format!("{streams} {verb} {}.", listed(&cost))
    };
    if !late.is_empty() {
        text.push_str(&format!(" Ticks were late by {}.", listed(&late)));
    }
    if !missed.is_empty() {
        text.push_str(&format!(" Ticks that never came: {}.", listed(&missed)));
    }
    Some(Finding::headline(sweep.say(&text)))
}

/// `2,051 threads and 41.0 KiB each (82.0 MiB) on thread-per-request`
fn held(cell: &Cell<'_>, subscribers: u32) -> Option<String> {
    let name = cell.series.named();
    if let Some(trial) = cell.collapsed.first() {
        let reason = trial.reason.as_deref().unwrap_or("no reason was recorded").trim_end_matches('.');
        return Some(format!("{name} its life ({reason})"));
    }
    let threads = cell
        .median(Metric::Threads)
        .map(|threads| format!("{} thread{}", exact(threads), if threads == 1.0 { "" } else { "s" }));
    let memory = cell
        .median(Metric::Memory)
        .map(|each| format!("{} of memory each ({})", bytes(each), bytes(each * f64::from(subscribers))));
    let parts: Vec<String> = threads.into_iter().chain(memory).collect();
    (!parts.is_empty()).then(|| format!("{} on {name}", parts.join(" and ")))
}

/// `1.20 ms (p99 4.80 ms) on event-loop`
fn lateness(cell: &Cell<'_>) -> Option<String> {
    let response = cell.response();
    let p99 = response.p99.map(|ms| format!(" (p99 {})", milliseconds(ms))).unwrap_or_default();
    Some(format!("{}{p99} on {}", milliseconds(response.p50?), cell.series.named()))
}

/// `32,512 of 32,768 on pool`
fn missed(cell: &Cell<'_>) -> Option<String> {
    let sum = |figure: fn(&crate::results::Trial) -> u64| {
        cell.ok.iter().map(|trial| figure(trial)).fold(0_u64, u64::saturating_add)
    };
    let scheduled = sum(|trial| trial.scheduled);
    let never = scheduled.saturating_sub(sum(|trial| trial.completed));
    (never > 0).then(|| format!("{} of {} on {}", count(never), count(scheduled), cell.series.named()))
}
