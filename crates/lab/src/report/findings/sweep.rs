//! How many clients each rung carries, where it stops, and why.

use crate::report::bounds::{Point, Standing, Sweep, Track, server_cores};
use crate::report::findings::{Finding, MANY_RUNGS};
use crate::report::text::{counted, listed, rounded, sentence};
use crate::report::verdict::{percent, ran_out};
use crate::results::Machine;

/// The headline (who keeps up with how many), then a sentence per rung.
pub(crate) fn findings(sweep: &Sweep<'_, '_>, machine: &Machine) -> Vec<Finding> {
    let cores = server_cores(machine);
    if !sweep.is_curve() {
        return one_load(sweep, cores);
    }
    let all = headline(sweep, cores).into_iter().map(Finding::headline);
    let notable = |track: &&Track<'_, '_>| {
        sweep.tracks.len() < MANY_RUNGS || track.leaves_at().is_some() || track.cpu_takes_over().is_some()
    };
    let each =
        sweep.tracks.iter().filter(notable).filter_map(|track| rung(track, cores)).map(Finding::detail);
    all.chain(each).map(|finding| Finding { text: sweep.say(&finding.text), ..finding }).collect()
}

/// Who answers each of how many clients as if it were alone.
pub(super) fn headline(sweep: &Sweep<'_, '_>, cores: Option<f64>) -> Option<String> {
    let mut tracks: Vec<(&Track<'_, '_>, Option<u32>)> = sweep
        .tracks
        .iter()
        .filter(|track| track.points.iter().any(|point| point.standing() != Standing::Unknown))
        .map(|track| (track, track.keeps_up().0.map(|point| point.clients)))
        .collect();
    tracks.sort_by_key(|(_, clients)| std::cmp::Reverse(*clients));
    let most = *sweep.levels.last()?;
    let clauses: Vec<String> = tracks
        .iter()
        .map(|(track, up_to)| {
            let name = track.series.named();
            match (up_to, track.keeps_up().1) {
                (Some(clients), None) if *clients == most => {
                    format!("{name} for all {}", counted(most.into(), "client"))
                }
                (Some(clients), None) => {
                    format!("{name} for {}, the most it was given", counted((*clients).into(), "client"))
                }
                (Some(clients), Some(end)) => {
                    format!(
                        "{name} for up to {} ({})",
                        counted((*clients).into(), "client"),
                        ran_out(track, end, cores).short()
                    )
                }
                (None, Some(end)) => {
                    format!(
                        "{name} not even for {} ({})",
                        counted(end.clients.into(), "client"),
                        ran_out(track, end, cores).label()
                    )
                }
                (None, None) => format!("{name} was not measured"),
            }
        })
        .collect();
    if clauses.is_empty() {
        return None;
    }
    let all = tracks.iter().all(|(track, up_to)| *up_to == Some(most) && track.keeps_up().1.is_none());
    let by = if all && clauses.len() > 1 {
        format!("every rung, with up to {}", counted(most.into(), "client"))
    } else {
        listed(&clauses)
    };
    let ideal = if tracks.iter().any(|(track, _)| track.wait.is_some()) {
        "Every client is answered as if it were alone (within 5 % of clients ÷ wait)"
    } else {
        "The lower bounding line is reached within 5 %"
    };
    Some(format!("{ideal} by {by}."))
}

/// One rung against the lower of its two lines.
fn rung(track: &Track<'_, '_>, cores: Option<f64>) -> Option<String> {
    let name = track.series.named();
    let kept = track.on_line_up_to();
    let mut text = match (kept, track.leaves_at()) {
        (None, None) => return None,
        (Some(last), None) => format!(
            "{name} stays within 5 % of the lower of its two lines at every load measured, up to {}{}.",
            counted(last.clients.into(), "client"),
            reached(last)
        ),
        (Some(last), Some(end)) => format!(
            "{name} stays within 5 % of the lower of its two lines up to {}{}, and leaves it at {}: {}{}.",
            counted(last.clients.into(), "client"),
            reached(last),
            counted(end.clients.into(), "client"),
            instead(end),
            ran_out(track, end, cores).clause()
        ),
        (None, Some(end)) => format!(
            "{name} is below the lower of its two lines from {} on, the fewest that have a line: {}{}.",
            counted(end.clients.into(), "client"),
            instead(end),
            ran_out(track, end, cores).clause()
        ),
    };
    if let Some(turn) = cpu_turn(track, cores) {
        text.push(' ');
        text.push_str(&sentence(&turn));
    }
    Some(text)
}

/// `, where it answers 20,300 requests/s (99 % of it)`.
fn reached(point: &Point<'_, '_>) -> String {
    match (point.throughput, point.standing()) {
        (Some(rps), Standing::On(share)) => {
            format!(", where it answers {} requests/s ({} of that line)", rounded(rps), percent(share))
        }
        _ => String::new(),
    }
}

/// `it answers 158 requests/s where the line allows 2,530; `, or nothing when there are no such figures.
fn instead(point: &Point<'_, '_>) -> String {
    match (point.standing(), point.throughput, point.bounds.lower()) {
        (Standing::Below(_), Some(rps), Some(line)) => {
            format!("it answers {} requests/s where the line allows {}; ", rounded(rps), rounded(line))
        }
        _ => String::new(),
    }
}

/// Where the CPU's line becomes the lower one: the rung may still be on its line, and has run out of CPU.
fn cpu_turn(track: &Track<'_, '_>, cores: Option<f64>) -> Option<String> {
    let turn = track.cpu_takes_over()?;
    let (clients, cpu) = (turn.bounds.clients?, turn.bounds.cpu?);
    let cores = cores
        .map(|cores| format!("{} ÷ {} µs = ", counted(cores as u64, "core"), rounded(cores * 1e6 / cpu)));
    Some(format!(
        "from {} on that line is the CPU's, {}{} requests/s, where clients ÷ wait would be {}.",
        counted(turn.clients.into(), "client"),
        cores.unwrap_or_default(),
        rounded(cpu),
        rounded(clients)
    ))
}

/// Nothing to sweep over: each rung's throughput and its share of the line.
fn one_load(sweep: &Sweep<'_, '_>, cores: Option<f64>) -> Vec<Finding> {
    let shown = |track: &Track<'_, '_>| {
        let point = track.points.first()?;
        let name = track.series.named();
        Some(match (point.standing(), point.throughput) {
            (Standing::On(share) | Standing::Below(share), Some(rps)) => {
                let why = match ran_out(track, point, cores) {
                    why if matches!(point.standing(), Standing::Below(_)) && why.is_found() => {
                        format!(": {}", why.clause())
                    }
                    _ => String::new(),
                };
                format!("{name} {} requests/s ({} of its line{why})", rounded(rps), percent(share))
            }
            (Standing::Collapsed | Standing::NotRun, _) => {
                format!("{name}: {}", ran_out(track, point, cores).clause())
            }
            (_, Some(rps)) => format!("{name} {} requests/s", rounded(rps)),
            (_, None) => return None,
        })
    };
    let alone =
        |track: &&Track<'_, '_>| track.wait.is_some() && track.points.first().is_some_and(Point::keeps_up);
    let all_alone: Vec<String> =
        sweep.tracks.iter().filter(alone).map(|track| track.series.named()).collect();
    let together = all_alone.len() >= MANY_RUNGS;
    let mut clauses: Vec<String> =
        sweep.tracks.iter().filter(|track| !(together && alone(track))).filter_map(shown).collect();
    if together {
        let names = listed(&all_alone);
        let most =
            format!("every client is answered as if it were alone (within 5 % of clients ÷ wait) on {names}");
        clauses.insert(0, most);
    }
    let Some(level) = sweep.levels.first().filter(|_| !clauses.is_empty()) else { return Vec::new() };
    let text = format!("With {}: {}.", counted((*level).into(), "client"), clauses.join("; "));
    vec![Finding::headline(sweep.say(&text))]
}
