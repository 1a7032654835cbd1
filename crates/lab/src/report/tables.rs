//! Tables that several writers show: the cells of an experiment, and what did not count in it.

use crate::report::bounds::{Point, Standing, Sweep};
use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::text::{self, counted, exact, sentence};
use crate::report::verdict::percent;
use crate::results::{Machine, Mode};

/// Plain text in rows; numbers are to be set flush right from the column `numbers_from` on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) headers: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) numbers_from: usize,
}

/// A missing figure.
pub(crate) const MISSING: &str = "–";

/// Every cell: what was measured, how it stands to its line, what it cost.
pub(crate) fn cells(experiment: &Experiment<'_>, machine: &Machine) -> Table {
    let sweeps: Vec<(&str, Sweep<'_, '_>)> = experiment
        .closed_routes()
        .into_iter()
        .filter_map(|route| Some((route, Sweep::of(experiment, route, machine)?)))
        .collect();
    let row = |cell: &Cell<'_>| {
        let sweep =
            sweeps.iter().find(|(route, _)| cell.load.mode == Mode::Closed && *route == cell.load.route);
        let track =
            sweep.and_then(|(_, sweep)| sweep.tracks.iter().find(|track| *track.series == cell.series));
        let standing = track.and_then(|track| track.at(cell.load.clients)).map(Point::standing);
        let of_line = match standing {
            Some(Standing::On(share) | Standing::Below(share)) => percent(share),
            _ => MISSING.into(),
        };
        let pooled = cell.pooled().map(|pooled| pooled.percentiles());
        let p99 = pooled.map_or_else(|| cell.median(Metric::P99), |pooled| pooled.p99);
        let p50 = pooled.and_then(|pooled| pooled.p50).or_else(|| cell.median(Metric::P50));
        vec![
            cell.series.label(),
            load(cell),
            shown(cell.median(Metric::Throughput), exact),
            of_line,
            shown(p50, exact),
            shown(p99, exact),
            shown(cell.median(Metric::Cpu), exact),
            shown(cell.median(Metric::Memory).map(|bytes| bytes / 1_024.0), exact),
            shown(cell.median(Metric::Threads), exact),
            status(cell),
        ]
    };
    Table {
        caption: "Medians over the trials that count; percentiles over all their answers together".into(),
        headers: [
            "rung",
            "clients",
            "requests/s",
            "of its line",
            "p50, ms",
            "p99, ms",
            "CPU/request, µs",
            "memory/connection, KiB",
            "threads",
            "trials",
        ]
        .map(String::from)
        .into(),
        rows: experiment.cells.iter().map(row).collect(),
        numbers_from: 1,
    }
}

/// Everything that the reader must not miss, cell by cell: what was not run, void or collapsed trials,
/// warnings; a sentence each.
pub(crate) fn remarks(experiment: &Experiment<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for cell in &experiment.cells {
        let at = format!("{} at {}", cell.series.named(), cell.load_label());
        if let Some(left_out) = cell.not_run {
            let bound = left_out.bound_rps.filter(|bound| bound.is_finite());
            let bound = bound.map(|bound| format!(" Its line there: {} requests/s.", text::rounded(bound)));
            remarks.push(format!(
                "Not run: {at}. {}{}",
                full_stop(&left_out.reason),
                bound.unwrap_or_default()
            ));
        }
        for (kind, trials) in [("Collapsed", &cell.collapsed), ("Void", &cell.void)] {
            for trial in trials {
                let reason = trial.reason.as_deref().unwrap_or("no reason was recorded");
                remarks.push(format!(
                    "{kind}: {at}, block {}. {}",
                    u64::from(trial.block) + 1,
                    full_stop(reason)
                ));
            }
        }
        for (warning, times) in warnings(cell) {
            let times =
                if times > 1 { format!(" ({} like it)", counted(times, "trial")) } else { String::new() };
            remarks.push(format!("With care: {at}. {}{times}", full_stop(warning)));
        }
    }
    remarks
}

/// Clients in closed loop, the rate in open loop.
fn load(cell: &Cell<'_>) -> String {
    match (cell.load.mode, cell.load.rate_rps) {
        (Mode::Closed | Mode::Subscribers, _) => text::count(cell.load.clients.into()),
        (Mode::Open, Some(rate)) => format!("open {}/s", exact(rate)),
        (Mode::Open, None) => "open".into(),
    }
}

/// How its trials ended, in a word or two.
fn status(cell: &Cell<'_>) -> String {
    let parts: Vec<String> =
        [(cell.ok.len(), "ok"), (cell.collapsed.len(), "collapsed"), (cell.void.len(), "void")]
            .into_iter()
            .filter(|(trials, _)| *trials > 0)
            .map(|(trials, how)| format!("{trials} {how}"))
            .chain(cell.not_run.map(|_| "not run".into()))
            .chain(cell.client_bound().map(|_| "client-bound".into()))
            .collect();
    parts.join(", ")
}

/// What was said about the trials of a cell, the same thing with other figures once.
fn warnings<'a>(cell: &Cell<'a>) -> Vec<(&'a str, u64)> {
    let kind = |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).collect::<String>();
    let mut kinds: Vec<(String, &str, u64)> = Vec::new();
    for warning in cell.ok.iter().chain(&cell.collapsed).chain(&cell.void).flat_map(|trial| &trial.warnings) {
        match kinds.iter_mut().find(|(known, ..)| *known == kind(warning)) {
            Some((.., times)) => *times += 1,
            None => kinds.push((kind(warning), warning, 1)),
        }
    }
    kinds.into_iter().map(|(_, text, times)| (text, times)).collect()
}

/// A figure, or a dash where it is missing.
pub(crate) fn shown(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| MISSING.into(), show)
}

fn full_stop(text: &str) -> String {
    let text = sentence(text.trim());
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}
