//! What a request and a connection cost on one model and on the other, at the same load.

use crate::ladder::Kind;
use crate::report::bounds::{Point, Sweep, Track};
use crate::report::cells::Metric;
use crate::report::findings::Finding;
use crate::report::findings::compared::{BLOCK_BY_BLOCK, compared};
use crate::report::text::{counted, exact, listed};
use crate::stats::{BLOCKS_FOR_INTERVAL, Family};

/// CPU and memory of each blocking rung against the async one if `compare` says so, and the threads of all.
pub(crate) fn findings(sweep: &Sweep<'_, '_>, compare: bool, family: &Family) -> Vec<Finding> {
    let mut pairs: Vec<Pair<'_, '_>> = if compare { pairs(sweep) } else { Vec::new() };
    // First the pair that says most: the blocking rung that keeps up with most clients, and rather one
    // that has a thread for each than one that makes them queue.
    pairs.sort_by_key(|pair| {
        (!pair.both_keep_up, std::cmp::Reverse(pair.clients), pair.blocking.slots.is_some())
    });
    let sentences = pairs.iter().filter_map(|pair| pair.sentence(sweep, family)).enumerate();
    let mut findings: Vec<Finding> =
        sentences.map(|(place, text)| Finding { text: sweep.say(&text), headline: place == 0 }).collect();
    // Where nothing waits, threads come and go by chance.
    let threads = threads(sweep).filter(|_| sweep.target.waits());
    findings.extend(threads.map(|text| Finding::detail(sweep.say(&text))));
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

/// Every blocking rung with the first async one, and likewise the controls; none when one kind is missing.
fn pairs<'s, 'a>(sweep: &'s Sweep<'s, 'a>) -> Vec<Pair<'s, 'a>> {
    let kinds = [(Kind::Blocking, Kind::Async), (Kind::BlockingControl, Kind::AsyncControl)];
    let of_kind = |kind| sweep.tracks.iter().filter(move |track| track.series.kind() == Some(kind));
    let pairs = kinds.into_iter().filter_map(|(blocking, other)| Some((blocking, of_kind(other).next()?)));
    pairs
        .flat_map(|(blocking, other)| of_kind(blocking).filter_map(move |track| pair(sweep, track, other)))
        .collect()
}

fn pair<'s, 'a>(
    sweep: &'s Sweep<'s, 'a>,
    blocking: &'s Track<'s, 'a>,
    other: &'s Track<'s, 'a>,
) -> Option<Pair<'s, 'a>> {
    let keeps_up = |track: &Track<'_, '_>, clients: u32| track.at(clients).is_some_and(Point::keeps_up);
    let both = |clients: &&u32| keeps_up(blocking, **clients) && keeps_up(other, **clients);
    if let Some(clients) = sweep.levels.iter().rev().find(both) {
        return Some(Pair { blocking, other, clients: *clients, both_keep_up: true });
    }
    // Who only serves some of its clients at a time is shown, and not compared.
    let queues = |point: &Point<'_, '_>| {
        point.bounds.slots.zip(point.bounds.clients).is_some_and(|(slots, clients)| slots < clients)
    };
    let measured = |track: &Track<'_, '_>, clients: u32| {
        track.at(clients).is_some_and(|point| !point.cell.ok.is_empty() && !queues(point))
    };
    let lightest =
        sweep.levels.iter().find(|clients| measured(blocking, **clients) && measured(other, **clients))?;
    Some(Pair { blocking, other, clients: *lightest, both_keep_up: false })
}

impl Pair<'_, '_> {
    fn sentence(&self, sweep: &Sweep<'_, '_>, family: &Family) -> Option<String> {
        let (mine, theirs) = (self.blocking.at(self.clients)?.cell, self.other.at(self.clients)?.cell);
        let (my_name, their_name) = (self.blocking.series.named(), self.other.series.named());
        let mut blocks = usize::MAX;
        let mut clause = |metric: Metric| {
            let (value, other, ratio) =
                (mine.median(metric)?, theirs.median(metric)?, mine.over(theirs, metric)?);
            blocks = blocks.min(ratio.blocks);
            Some((metric.show(value), metric.show(other), compared(&ratio, family)))
        };
        let cpu = clause(Metric::Cpu).map(|(mine, theirs, times)| {
            format!(
                "a request takes {mine} of CPU on {my_name} and {theirs} on {their_name}, {BLOCK_BY_BLOCK} \
                 {times}"
            )
        });
        // Where nothing waits, few connections are all that there is, and the server's fixed costs show.
        let memory =
            sweep.target.waits().then(|| clause(Metric::Memory)).flatten().map(|(mine, theirs, times)| {
                match cpu {
                    Some(_) => format!("a connection {mine} and {theirs} of memory, {times}"),
                    None => format!(
                        "a connection takes {mine} of memory on {my_name} and {theirs} on {their_name}, \
                     {BLOCK_BY_BLOCK} {times}"
                    ),
                }
            });
        let clauses: Vec<String> = cpu.into_iter().chain(memory).collect();
        if clauses.is_empty() {
            return None;
        }
        let why = match (sweep.is_curve(), self.both_keep_up) {
            (false, _) => "",
            (true, true) => ", the most that both keep up with",
            (true, false) => ", the lightest load of both",
        };
        let points = if blocks < BLOCKS_FOR_INTERVAL { ": points, no interval" } else { "" };
        let (clients, blocks) = (counted(self.clients.into(), "client"), counted(blocks as u64, "block"));
        Some(format!("With {clients}{why}: {} ({blocks}{points}).", clauses.join("; ")))
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
        Some((format!("{} {}", track.series.named(), exact(threads)), clients))
    };
    let each: Vec<(String, u32)> = sweep.tracks.iter().filter_map(most).collect();
    let (_, first) = each.first()?;
    if each.len() > 1 && each.iter().all(|(_, clients)| clients == first) {
        let each: Vec<String> = each.iter().map(|(text, _)| text.clone()).collect();
        return Some(format!(
            "Most operating-system threads seen, with {}: {}.",
            sweep.load(*first),
            listed(&each)
        ));
    }
    let each: Vec<String> =
        each.iter().map(|(text, clients)| format!("{text} (with {})", sweep.load(*clients))).collect();
    Some(format!("Most operating-system threads seen: {}.", listed(&each)))
}
