//! What a request and a connection cost on one model and on the other, at the same load.

use crate::ladder::Kind;
use crate::report::bounds::{Point, Sweep, Track};
use crate::report::cells::Metric;
use crate::report::findings::Finding;
use crate::report::text::{counted, exact, listed, rounded};
use crate::stats::{BLOCKS_FOR_INTERVAL, Ratio, Reading};

/// CPU and memory of each blocking rung against the async one, and the threads of all.
pub(crate) fn findings(sweep: &Sweep<'_, '_>) -> Vec<Finding> {
    let mut pairs: Vec<Pair<'_, '_>> = pairs(sweep);
    // The pair that says most: the blocking rung that keeps up with most clients.
    let best = pairs.iter().map(|pair| pair.clients).max();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.clients));
    let mut headlines = 0;
    let mut findings = Vec::new();
    for pair in &pairs {
        let Some(text) = pair.sentence() else { continue };
        let headline = headlines == 0 && Some(pair.clients) == best;
        headlines += usize::from(headline);
        findings.push(Finding { text, headline });
    }
    findings.extend(threads(sweep).map(Finding::detail));
    findings
}

/// One blocking rung and the async rung that it is compared with, at one load.
struct Pair<'s, 'a> {
    blocking: &'s Track<'s, 'a>,
    other: &'s Track<'s, 'a>,
    clients: u32,
    /// Both answer every client there as if it were alone, so neither is compared while it drowns.
    both_keep_up: bool,
}

/// Every blocking rung with the first async one; none when one kind is missing.
fn pairs<'s, 'a>(sweep: &'s Sweep<'s, 'a>) -> Vec<Pair<'s, 'a>> {
    let of_kind = |kind| sweep.tracks.iter().filter(move |track| track.series.kind() == Some(kind));
    let Some(other) = of_kind(Kind::Async).next() else { return Vec::new() };
    of_kind(Kind::Blocking)
        .filter_map(|blocking| {
            let keeps_up =
                |track: &Track<'_, '_>, clients: u32| track.at(clients).is_some_and(Point::keeps_up);
            let measured = |clients: u32| {
                let has =
                    |track: &Track<'_, '_>| track.at(clients).is_some_and(|point| !point.cell.ok.is_empty());
                has(blocking) && has(other)
            };
            let both = |clients: &&u32| keeps_up(blocking, **clients) && keeps_up(other, **clients);
            if let Some(clients) = sweep.levels.iter().rev().find(both) {
                return Some(Pair { blocking, other, clients: *clients, both_keep_up: true });
            }
            let lightest = sweep.levels.iter().find(|clients| measured(**clients))?;
            Some(Pair { blocking, other, clients: *lightest, both_keep_up: false })
        })
        .collect()
}

impl Pair<'_, '_> {
    fn sentence(&self) -> Option<String> {
        let (mine, theirs) = (self.blocking.at(self.clients)?.cell, self.other.at(self.clients)?.cell);
        let (my_name, their_name) = (self.blocking.series.named(), self.other.series.named());
        let mut blocks = usize::MAX;
        let mut clause = |metric: Metric| {
            let (value, other, ratio) =
                (mine.median(metric)?, theirs.median(metric)?, mine.over(theirs, metric)?);
            blocks = blocks.min(ratio.blocks);
            Some((metric.show(value), metric.show(other), compared(&ratio)))
        };
        let cpu = clause(Metric::Cpu).map(|(mine, theirs, times)| {
            format!("a request takes {mine} of CPU on {my_name} and {theirs} on {their_name}, {times}")
        });
        let memory = clause(Metric::Memory).map(|(mine, theirs, times)| match cpu {
            Some(_) => format!("a connection {mine} and {theirs} of memory, {times}"),
            None => format!(
                "a connection takes {mine} of memory on {my_name} and {theirs} on {their_name}, {times}"
            ),
        });
        let clauses: Vec<String> = cpu.into_iter().chain(memory).collect();
        if clauses.is_empty() {
            return None;
        }
        let why = if self.both_keep_up {
            ", the most that both keep up with"
        } else {
            ", the lightest load of both"
        };
        let points = if blocks < BLOCKS_FOR_INTERVAL { ": points, no interval" } else { "" };
        let (clients, blocks) = (counted(self.clients.into(), "client"), counted(blocks as u64, "block"));
        Some(format!("With {clients}{why}: {} ({blocks}{points}).", clauses.join("; ")))
    }
}

/// What a ratio allows one to say, as the end of a clause.
pub(crate) fn compared(ratio: &Ratio) -> String {
    let times = format!("{} times as much", rounded(ratio.estimate));
    match (ratio.reading(), ratio.interval, ratio.interval_90) {
        (Reading::Equal, _, Some(interval)) => format!(
            "equal within 5 % (ratio {}, 90 % interval {} to {})",
            rounded(ratio.estimate),
            rounded(interval.low),
            rounded(interval.high)
        ),
        (Reading::NoDifferenceShown, Some(interval), _) => format!(
            "no difference shown (ratio {}, 95 % interval {} to {})",
            rounded(ratio.estimate),
            rounded(interval.low),
            rounded(interval.high)
        ),
        (Reading::Larger | Reading::Smaller, Some(interval), _) => {
            format!("{times} (95 % interval {} to {})", rounded(interval.low), rounded(interval.high))
        }
        _ => times,
    }
}

/// The most threads that each rung was seen with, and at which load.
fn threads(sweep: &Sweep<'_, '_>) -> Option<String> {
    let most = |track: &Track<'_, '_>| {
        let seen = track
            .points
            .iter()
            .filter_map(|point| Some((point.cell.median(Metric::Threads)?, point.clients)));
        let (threads, clients) = seen.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let clients = counted(clients.into(), "client");
        Some(format!("{} {} (with {clients})", track.series.named(), exact(threads)))
    };
    let clauses: Vec<String> = sweep.tracks.iter().filter_map(most).collect();
    (!clauses.is_empty()).then(|| format!("Most operating-system threads seen: {}.", listed(&clauses)))
}
