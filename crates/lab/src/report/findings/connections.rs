//! What a connection of its own for each request costs, against connections that are kept.

use crate::report::bounds::{Sweep, Track};
use crate::report::cells::{Cell, Metric};
use crate::report::findings::Finding;
use crate::report::findings::cost::compared;
use crate::report::text::{counted, listed, rounded};
use crate::stats::{BLOCKS_FOR_INTERVAL, Ratio};

/// A finding for each route that was asked for in both ways.
pub(crate) fn findings(closed: &[Sweep<'_, '_>]) -> Vec<Finding> {
    let kept = closed.iter().filter(|sweep| sweep.target.keep_alive);
    kept.filter_map(|kept| {
        let own = closed
            .iter()
            .find(|other| !other.target.keep_alive && other.target.same_requests(&kept.target))?;
        said(kept, own).map(Finding::headline)
    })
    .collect()
}

fn said(kept: &Sweep<'_, '_>, own: &Sweep<'_, '_>) -> Option<String> {
    let common = |level: &&u32| own.levels.contains(level);
    let clients = *kept.levels.iter().rev().find(common)?;
    let mut fewest = usize::MAX;
    let mut bound: Vec<String> = Vec::new();
    let each: Vec<String> = kept
        .tracks
        .iter()
        .filter_map(|track| {
            let (kept, own) = (cell(track, clients)?, cell(same(own, track)?, clients)?);
            let (clause, ratio) = clause(kept, own)?;
            fewest = fewest.min(ratio.blocks);
            if full(kept, own) {
                bound.push(track.series.named());
            }
            Some(clause)
        })
        .collect();
    if each.is_empty() {
        return None;
    }
    let points = if fewest < BLOCKS_FOR_INTERVAL {
        format!(" ({}: points, no interval)", counted(fewest as u64, "block"))
    } else {
        String::new()
    };
    let mut text = format!(
        "A connection of its own for each request to {}, with {}, against kept ones: {}{points}.",
        kept.target.route,
        kept.load(clients),
        each.join("; ")
    );
    if !bound.is_empty() {
        text.push_str(&format!(
            " No requests/s of {}: the load generator's own core was full there.",
            listed(&bound)
        ));
    }
    Some(text)
}

/// `38.0 µs of CPU instead of 12.1 on event-loop, 3.14 times as much, and 26,000 instead of 80,000 requests/s`
fn clause(kept: &Cell<'_>, own: &Cell<'_>) -> Option<(String, Ratio)> {
    let name = kept.series.named();
    let cpu = own.over(kept, Metric::Cpu).and_then(|ratio| {
        let (own, kept) = (own.median(Metric::Cpu)?, kept.median(Metric::Cpu)?);
        let text = format!(
            "{} µs of CPU a request instead of {}, {}",
            rounded(own),
            rounded(kept),
            compared(&ratio)
        );
        Some((text, ratio))
    });
    let rate = own.over(kept, Metric::Throughput).filter(|_| !full(kept, own)).and_then(|ratio| {
        let (own, kept) = (own.median(Metric::Throughput)?, kept.median(Metric::Throughput)?);
        let text = format!(
            "{} requests/s instead of {}, {}",
            rounded(own),
            rounded(kept),
            compared(&ratio).replace("as much", "as many")
        );
        Some((text, ratio))
    });
    match (cpu, rate) {
        (Some((cpu, ratio)), Some((rate, _))) => Some((format!("on {name} {cpu}, and {rate}"), ratio)),
        (Some((one, ratio)), None) | (None, Some((one, ratio))) => Some((format!("on {name} {one}"), ratio)),
        (None, None) => None,
    }
}

/// The generator's core was full in one of them, so that requests/s may be its own.
fn full(kept: &Cell<'_>, own: &Cell<'_>) -> bool {
    kept.client_bound().is_some() || own.client_bound().is_some()
}

fn cell<'s, 'a>(track: &'s Track<'s, 'a>, clients: u32) -> Option<&'s Cell<'a>> {
    track.at(clients).map(|point| point.cell)
}

fn same<'s, 'a>(sweep: &'s Sweep<'s, 'a>, track: &Track<'_, '_>) -> Option<&'s Track<'s, 'a>> {
    sweep.tracks.iter().find(|other| other.series == track.series)
}
