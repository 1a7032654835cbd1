//! What a connection of its own for each request costs, against connections that are kept.

use crate::report::bounds::{Sweep, Track};
use crate::report::cells::{Cell, Metric};
use crate::report::findings::Finding;
use crate::report::findings::compared::{compared, evidence, shown};
use crate::report::text::{counted, listed, rounded};
use crate::stats::{BLOCKS_FOR_INTERVAL, Family, Ratio, Reading};

/// A finding for each route that was asked for in both ways.
pub(crate) fn findings(closed: &[Sweep<'_, '_>], family: &Family) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kept in closed.iter().filter(|sweep| sweep.target.keep_alive) {
        let own = closed.iter().find(|own| !own.target.keep_alive && own.target.same_requests(&kept.target));
        let Some(own) = own else { continue };
        let Some(clients) = kept.levels.iter().rev().find(|level| own.levels.contains(level)) else {
            continue;
        };
        let pairs: Vec<Pair<'_, '_>> =
            kept.tracks.iter().filter_map(|track| Pair::of(track, own, *clients)).collect();
        findings.extend(range(kept, &pairs, family).map(Finding::headline));
        findings.extend(each(kept, *clients, &pairs, family).map(Finding::detail));
    }
    findings
}

/// A rung with its connections kept and not kept.
struct Pair<'s, 'a> {
    kept: &'s Cell<'a>,
    own: &'s Cell<'a>,
    /// CPU a request, not kept over kept.
    cpu: Ratio,
}

/// From which rung's price to which, in CPU.
fn range(kept: &Sweep<'_, '_>, pairs: &[Pair<'_, '_>], family: &Family) -> Option<String> {
    let order = |a: &&Pair<'_, '_>, b: &&Pair<'_, '_>| a.cpu.estimate.total_cmp(&b.cpu.estimate);
    let (least, most) = (pairs.iter().min_by(order)?, pairs.iter().max_by(order)?);
    let times = |pair: &Pair<'_, '_>| {
        let (judged, name) = (family.judge(&pair.cpu), pair.kept.series.named());
        match judged.reading {
            Reading::Equal => format!("an equal price ({}) on {name}", evidence(&pair.cpu, &judged)),
            Reading::NoDifferenceShown => {
                format!("no difference shown ({}) on {name}", evidence(&pair.cpu, &judged))
            }
            Reading::Larger | Reading::Smaller | Reading::PointsOnly => {
                let interval = pair.cpu.interval.map(|interval| format!(" ({})", shown(interval)));
                format!("{}{} times on {name}", rounded(pair.cpu.estimate), interval.unwrap_or_default())
            }
        }
    };
    let factor =
        if pairs.len() == 1 { times(least) } else { format!("from {} to {}", times(least), times(most)) };
    let fewest = pairs.iter().map(|pair| pair.cpu.blocks).min()?;
    let sure = if fewest < BLOCKS_FOR_INTERVAL { "points, no interval" } else { "95 % intervals" };
    Some(format!(
        "CPU of a request to {} on a connection of its own, as against a kept one: {factor} ({}: {sure}).",
        kept.target.route,
        counted(fewest as u64, "block")
    ))
}

/// Rung by rung, with requests per second where they are the server's.
fn each(kept: &Sweep<'_, '_>, clients: u32, pairs: &[Pair<'_, '_>], family: &Family) -> Option<String> {
    let clauses: Vec<String> = pairs.iter().filter_map(|pair| pair.clause(family)).collect();
    if clauses.is_empty() {
        return None;
    }
    let full: Vec<String> =
        pairs.iter().filter(|pair| pair.full()).map(|pair| pair.kept.series.named()).collect();
    let full = if full.is_empty() {
        String::new()
    } else {
        format!(" No requests/s of {}: the load generator's own core was full there.", listed(&full))
    };
    Some(format!(
        "With {}, a connection per request instead of kept ones: {}.{full}",
        kept.load(clients),
        clauses.join("; ")
    ))
}

impl<'s, 'a> Pair<'s, 'a> {
    fn of(track: &'s Track<'s, 'a>, own: &'s Sweep<'s, 'a>, clients: u32) -> Option<Self> {
        let other = own.tracks.iter().find(|other| other.series == track.series)?;
        let (kept, own) = (track.at(clients)?.cell, other.at(clients)?.cell);
        Some(Self { kept, own, cpu: own.over(kept, Metric::Cpu)? })
    }

    /// The generator's core was full in one of them, so that requests/s may be its own.
    fn full(&self) -> bool {
        self.kept.client_bound().is_some() || self.own.client_bound().is_some()
    }

    /// `on … 49.0 µs of CPU a request instead of 12.1, 4.02 times as much, and 19,600 requests/s instead of 69,300`
    fn clause(&self, family: &Family) -> Option<String> {
        let both = |metric| Some((self.own.median(metric)?, self.kept.median(metric)?));
        let (own_us, kept_us) = both(Metric::Cpu)?;
        let rate = both(Metric::Throughput).filter(|_| !self.full());
        let rate = rate
            .map(|(own, kept)| format!(", and {} requests/s instead of {}", rounded(own), rounded(kept)))
            .unwrap_or_default();
        Some(format!(
            "on {} {} µs of CPU a request instead of {}, {}{rate}",
            self.kept.series.named(),
            rounded(own_us),
            rounded(kept_us),
            compared(&self.cpu, family)
        ))
    }
}
