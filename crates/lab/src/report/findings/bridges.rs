//! What async views gain on a blocking server: within a request, where several things can be waited for at
//! once, and between requests, where each still has a thread.

use crate::report::bounds::{Sweep, Track};
use crate::report::cells::{Cell, Metric};
use crate::report::findings::Finding;
use crate::report::findings::compared::{BLOCK_BY_BLOCK, compared, compared_as, points};
use crate::report::text::{exact, listed, milliseconds};
use crate::stats::Family;

/// The server that both run on, and the views that are exchanged.
const PLAIN: &str = "thread-per-request";
const ASYNC_VIEWS: &str = "async-views";
/// Shown beside them, for what is gained without threads.
const WITHOUT_THREADS: &str = "event-loop";

/// A finding for each target at which both were measured.
pub(crate) fn findings(closed: &[Sweep<'_, '_>], family: &Family) -> Vec<Finding> {
    closed
        .iter()
        .filter(|sweep| sweep.target.waits())
        .filter_map(|sweep| {
            let track = |name: &str| sweep.tracks.iter().find(|track| track.series.rung == name);
            let (plain, views) = (track(PLAIN)?, track(ASYNC_VIEWS)?);
            let common = |level: &&u32| cell(plain, **level).is_some() && cell(views, **level).is_some();
            let clients = *sweep.levels.iter().rev().find(common)?;
            let of = Of {
                load: sweep.load(clients),
                plain: cell(plain, clients)?,
                views: cell(views, clients)?,
                other: track(WITHOUT_THREADS).and_then(|track| cell(track, clients)),
            };
            let (gain, route) = (sweep.target.fans_out(), sweep.target.named());
            let text = if gain { within(&of, &route, family) } else { between(&of, &route, family) }?;
            Some(Finding::headline(text))
        })
        .collect()
}

struct Of<'s, 'a> {
    load: String,
    plain: &'s Cell<'a>,
    views: &'s Cell<'a>,
    other: Option<&'s Cell<'a>>,
}

/// A cell with a trial that counts.
fn cell<'s, 'a>(track: &'s Track<'s, 'a>, clients: u32) -> Option<&'s Cell<'a>> {
    track.at(clients).map(|point| point.cell).filter(|cell| !cell.ok.is_empty())
}

fn within(of: &Of<'_, '_>, route: &str, family: &Family) -> Option<String> {
    let median = |cell: &Cell<'_>| cell.response().p50.map(milliseconds);
    let compared = of.views.over(of.plain, Metric::P50).map_or_else(
        || "too few answers in a trial to compare them block by block".into(),
        |ratio| format!("{BLOCK_BY_BLOCK} {}{}", compared_as("as long", &ratio, family), points(&ratio)),
    );
    let other = of.other.and_then(|cell| Some(format!(" ({} on {})", median(cell)?, cell.series.named())));
    Some(format!(
        "Within a request, with {} at {route}: the median answer takes {} on {} and {} on {}{}, {compared}.",
        of.load,
        median(of.views)?,
        of.views.series.named(),
        median(of.plain)?,
        of.plain.series.named(),
        other.unwrap_or_default(),
    ))
}

fn between(of: &Of<'_, '_>, route: &str, family: &Family) -> Option<String> {
    let cpu = clause(of, Metric::Cpu, "of CPU a request", true, family);
    let memory = clause(of, Metric::Memory, "of memory a connection", cpu.is_none(), family);
    let threads = [Some(of.views), Some(of.plain), of.other].into_iter().flatten();
    let threads: Vec<String> = threads
        .filter_map(|cell| {
            Some(format!("{} on {}", exact(cell.median(Metric::Threads)?), cell.series.named()))
        })
        .collect();
    let threads = (!threads.is_empty()).then(|| format!("threads {}", listed(&threads)));
    let clauses: Vec<String> = [cpu, memory, threads].into_iter().flatten().collect();
    (!clauses.is_empty())
        .then(|| format!("Between requests, with {} at {route}: {}.", of.load, clauses.join("; ")))
}

/// `207 µs of CPU a request on async-views and 191 µs on thread-per-request, block by block 1.08 times as much`; that it
/// is block by block stands in the first clause of a sentence.
fn clause(of: &Of<'_, '_>, metric: Metric, what: &str, first: bool, family: &Family) -> Option<String> {
    let ratio = of.views.over(of.plain, metric)?;
    let by = if first { format!("{BLOCK_BY_BLOCK} ") } else { String::new() };
    let other = of.other.and_then(|cell| {
        Some(format!(" ({} on {})", metric.show(cell.median(metric)?), cell.series.named()))
    });
    Some(format!(
        "{} {what} on {} and {} on {}{}, {by}{}{}",
        metric.show(of.views.median(metric)?),
        of.views.series.named(),
        metric.show(of.plain.median(metric)?),
        of.plain.series.named(),
        other.unwrap_or_default(),
        compared(&ratio, family),
        points(&ratio),
    ))
}
