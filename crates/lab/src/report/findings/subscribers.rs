//! What streams that stay open cost, and how late their ticks are.

use crate::report::bounds::Sweep;
use crate::report::cells::{Cell, Metric};
use crate::report::findings::by_load::Group;
use crate::report::findings::{Finding, held};
use crate::report::text::{bytes, count, counted, exact, listed, milliseconds};
use crate::stats::Family;

/// Every rung at the most subscribers that any had: the cost, and then the lateness.
pub(crate) fn findings(sweep: &Sweep<'_, '_>, family: &Family) -> Vec<Finding> {
    let ran = |cell: &Cell<'_>| !cell.ok.is_empty() || !cell.collapsed.is_empty();
    let of_any = |level: &&u32| {
        sweep.tracks.iter().any(|track| track.at(**level).is_some_and(|point| ran(point.cell)))
    };
    let Some(most) = sweep.levels.iter().rev().find(of_any).copied() else { return Vec::new() };
    let each = |clause: &dyn Fn(&Cell<'_>) -> Option<String>| -> Vec<String> {
        sweep.tracks.iter().filter_map(|track| clause(track.at(most)?.cell)).collect()
    };
    let (cost, late, missed) = (each(&|cell| held(cell, most)), each(&lateness), each(&missed));
    let streams = counted(most.into(), "open stream");
    let verb = if most == 1 { "costs" } else { "cost" };
    let mut findings = Vec::new();
    if !cost.is_empty() {
        findings.push(format!("{streams} {verb} {}.", listed(&cost)));
    }
    let cells: Vec<_> = sweep.tracks.iter().filter_map(|track| Some(track.at(most)?.cell)).collect();
    if let Some(first) = cells.first() {
        let group = Group { load: first.load, cells: cells.clone() };
        findings.extend(held::memory(&group, &streams, family));
    }
    if !late.is_empty() {
        findings.push(format!("With {streams} the median tick is late by {}.", listed(&late)));
    }
    if !missed.is_empty() {
        findings.push(format!("With {streams}, ticks that never came: {}.", listed(&missed)));
    }
    findings.iter().map(|text| Finding::headline(sweep.say(text))).collect()
}

/// `2,051 threads and 82.0 MiB of memory (41.0 KiB each) on thread-per-request`
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
        .map(|each| format!("{} of memory ({} each)", bytes(each * f64::from(subscribers)), bytes(each)));
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
