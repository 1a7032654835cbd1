//! What was shown and not compared: the lecture's experiment again, slots over wait, beside what was stated; and what
//! somebody kept of the live page, at whatever loads.

use crate::ladder::Kind;
use crate::report::bounds::{Point, Sweep, Track};
use crate::report::cells::Experiment;
use crate::report::findings::{Finding, latency, sweep};
use crate::report::text::{counted, listed, rounded, sentence};
use crate::results::{Machine, Mode};
use crate::stats::Family;

/// A pool counts as held by K / W, and any server by C / W, from this share of it on; the delays are
/// random and the window short.
const NEAR: f64 = 0.85;

/// What each server did beside what its slots allow; what a bigger pool changed; what was stated. One of them is the
/// answer, since whoever opens the report looks for one.
pub(crate) fn findings(experiment: &Experiment<'_>, machine: &Machine, family: &Family) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sweep in Sweep::all(experiment, Mode::Closed, machine) {
        findings.extend(slots(&sweep).map(Finding::headline));
        if sweep.is_curve() {
            // Servers that run together have no CPU of their own that could be full.
            findings.extend(sweep::headline(&sweep, None).map(|text| Finding::headline(sweep.say(&text))));
        }
        let each: Vec<String> = sweep.tracks.iter().filter_map(|track| measured(track, &sweep)).collect();
        if !each.is_empty() {
            findings.push(Finding::detail(format!("{}.", sentence(&each.join("; ")))));
        }
    }
    for (_, cells) in experiment.open_groups() {
        findings.extend(latency::finding(experiment, &cells, family));
    }
    if let Some(first) = findings.first_mut().filter(|first| !first.headline) {
        first.headline = true;
    }
    let stated: Vec<String> = experiment
        .asked
        .stated
        .iter()
        .map(|stated| format!("{} requests/s ({})", rounded(stated.throughput_rps), stated.label))
        .collect();
    if !stated.is_empty() {
        findings.push(Finding::detail(format!("Stated by others for the same load: {}.", listed(&stated))));
    }
    findings.push(Finding::detail(
        "A demonstration, not a comparison: all servers ran at the same time on the same CPUs.".into(),
    ));
    findings
}

/// `pool (5 threads) answers 5.12 requests/s, and 5 threads ÷ 945 ms allow 5.29`, at the heaviest load.
fn measured(track: &Track<'_, '_>, sweep: &Sweep<'_, '_>) -> Option<String> {
    let point = heaviest(track)?;
    let rps = point.throughput?;
    let name = track.series.named();
    let with = if sweep.is_curve() { format!(" with {}", sweep.load(point.clients)) } else { String::new() };
    let limit =
        limit(track, point).map(|limit| format!(", and {} allow {}", limit.slots, rounded(limit.rps)));
    Some(format!("{name} answers {} requests/s{with}{}", rounded(rps), limit.unwrap_or_default()))
}

/// Where most clients were answered.
fn heaviest<'t, 'e, 'a>(track: &'t Track<'e, 'a>) -> Option<&'t Point<'e, 'a>> {
    track.points.iter().rev().find(|point| point.throughput.is_some())
}

/// Whichever is fewer, threads or clients, over the wait.
struct Limit {
    slots: String,
    rps: f64,
    by_threads: bool,
}

fn limit(track: &Track<'_, '_>, point: &Point<'_, '_>) -> Option<Limit> {
    let wait = track.wait?.shown();
    match (track.slots, point.bounds.slots, point.bounds.clients) {
        (Some(slots), Some(rps), _) if slots.number < point.clients => {
            Some(Limit { slots: format!("{} ÷ {wait}", slots.counted()), rps, by_threads: true })
        }
        (_, _, Some(rps)) => {
            let slots = format!("{} ÷ {wait}", counted(point.clients.into(), "client"));
            Some(Limit { slots, rps, by_threads: false })
        }
        _ => None,
    }
}

/// The lesson, when the figures teach it: the same blocking server with more slots serves all clients.
fn slots(sweep: &Sweep<'_, '_>) -> Option<String> {
    let near = |track: &Track<'_, '_>, by_threads: bool| {
        let point = heaviest(track)?;
        let (rps, limit) = (point.throughput?, limit(track, point)?);
        let held = (NEAR..=2.0 - NEAR).contains(&(rps / limit.rps)) && limit.by_threads == by_threads;
        held.then_some((track.series.named(), rps))
    };
    let (small, small_rps) = sweep.tracks.iter().find_map(|track| near(track, true))?;
    let wide = |kind| {
        let of_kind = sweep.tracks.iter().filter(move |track| track.series.kind() == Some(kind));
        of_kind.filter_map(|track| near(track, false)).map(|(name, rps)| format!("{name} {}", rounded(rps)))
    };
    let (blocking, other): (Vec<String>, Vec<String>) =
        (wide(Kind::Blocking).collect(), wide(Kind::Async).collect());
    if blocking.is_empty() {
        return None;
    }
    let other = if other.is_empty() { String::new() } else { format!(", as did {}", listed(&other)) };
    Some(format!(
        "The slots were the limit, not the waiting in threads: {small} gave {} requests/s, all that its threads allow, \
         while blocking servers with a slot for every client reached what the clients ask for ({}){other}.",
        rounded(small_rps),
        listed(&blocking)
    ))
}
