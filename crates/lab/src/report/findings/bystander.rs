//! Who let bystanders wait.

use crate::report::bystanders::{self, Beside, Seen};
use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::findings::compared::{BLOCK_BY_BLOCK, shown};
use crate::report::findings::{Finding, by_load};
use crate::report::target::Target;
use crate::report::text::{counted, exact, listed, milliseconds, rounded};
use crate::results::Mode;
use crate::stats::{Family, Ratio, Reading};

/// From so many times the median of the rung that it is compared with on, a rung is said to let bystanders wait.
const LETS_WAIT: f64 = 3.0;

/// One for each load; the one with the widest spread for the first screen.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let groups = bystanders::all(experiment);
    let widest = groups.iter().map(Beside::spread).fold(0.0, f64::max);
    let mut headline = false;
    groups
        .iter()
        .filter_map(|group| {
            let first = !headline && group.spread() >= widest;
            let text = said(experiment, group, family)?;
            headline |= first;
            Some(Finding { text, headline: first })
        })
        .collect()
}

fn said(experiment: &Experiment<'_>, group: &Beside<'_, '_>, family: &Family) -> Option<String> {
    // Where the generator was full, bystanders' times are its own as well.
    let counting = || group.seen.iter().filter(|seen| seen.cell.client_bound().is_none());
    let mut seen: Vec<&Seen<'_, '_>> = counting().filter(|seen| seen.response.p50.is_some()).collect();
    seen.sort_by(|a, b| a.response.p50.unwrap_or(0.0).total_cmp(&b.response.p50.unwrap_or(0.0)));
    let silent: Vec<String> =
        counting().filter(|seen| seen.response.p50.is_none()).map(|seen| seen.cell.series.named()).collect();
    if seen.is_empty() && silent.is_empty() {
        return None;
    }
    let load = meanwhile(experiment, group);
    let mut text = if seen.is_empty() {
        format!("{load}, no {} was answered on any rung.", group.route)
    } else {
        let each: Vec<String> = seen.iter().map(|seen| clause(seen)).collect();
        format!("{load}, the median {} took {}.", group.route, listed(&each))
    };
    if let Some(reference) = by_load::reference(experiment, group.load) {
        text.push_str(&who_let_wait(reference, &seen, family));
    }
    if !silent.is_empty() && !seen.is_empty() {
        text.push_str(&format!(" On {} none was answered.", listed(&silent)));
    }
    Some(text)
}

/// `While 8 clients were at /wait/100`
fn meanwhile(experiment: &Experiment<'_>, group: &Beside<'_, '_>) -> String {
    let (target, load) = (Target::of(group.load), group.load);
    let callers = counted(load.clients.into(), target.caller());
    let were = if load.clients == 1 { "was" } else { "were" };
    match (load.mode, load.rate_rps) {
        (Mode::Open, Some(rate)) => {
            let over = experiment.connections_told_apart(load);
            format!("While {} requests/s for {} came in{over}", exact(rate), target.named())
        }
        (Mode::Subscribers, _) => format!("While {callers} listened to {}", target.named()),
        (Mode::Slow, _) => format!("While {callers} sent byte by byte"),
        _ => format!("While {callers} {were} at {}", target.named()),
    }
}

/// `780 ms (p99 1.2 s, 12 of 400 unanswered) on …`
fn clause(seen: &Seen<'_, '_>) -> String {
    let tail = seen.tail().map(|(name, ms)| format!("{name} {}", milliseconds(ms)));
    let notes: Vec<String> = tail.into_iter().chain(seen.failures()).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    format!("{}{notes} on {}", milliseconds(seen.response.p50.unwrap_or(0.0)), seen.cell.series.named())
}

/// Against the rung that was chosen beforehand: others may let bystanders wait as against it, or it as against them.
fn who_let_wait(reference: &Cell<'_>, seen: &[&Seen<'_, '_>], family: &Family) -> String {
    let compared: Vec<(&Cell<'_>, Ratio)> = seen
        .iter()
        .filter(|seen| seen.cell.series != reference.series)
        .filter_map(|seen| Some((seen.cell, seen.cell.over(reference, Metric::Bystander)?)))
        .collect();
    if compared.is_empty() {
        return String::new();
    }
    let (mut wait, mut quicker) = (Vec::new(), Vec::new());
    for (cell, ratio) in &compared {
        let counts =
            matches!(family.reading(ratio), Reading::Larger | Reading::Smaller | Reading::PointsOnly);
        if counts && ratio.estimate >= LETS_WAIT {
            wait.push(times_as_long(cell, ratio));
        } else if counts && ratio.estimate <= 1.0 / LETS_WAIT {
            quicker.push(times_as_long(cell, &ratio.inverse()));
        }
    }
    let name = reference.series.named();
    let mut text = String::new();
    if !wait.is_empty() {
        text.push_str(&format!(
            " As against {name}, {BLOCK_BY_BLOCK}, bystanders had to wait on {}.",
            listed(&wait)
        ));
    }
    if !quicker.is_empty() {
        text.push_str(&format!(
            " On {name}, {BLOCK_BY_BLOCK}, bystanders had to wait as against {}.",
            listed(&quicker)
        ));
    }
    if text.is_empty() {
        text = format!(
            " No rung is shown to let the median bystander wait {LETS_WAIT} times as long as {name}, nor the other \
             way round."
        );
    }
    text
}

/// `blocked-loop (1,970 times as long; 95 % interval 1,560 to 2,490)`
fn times_as_long(cell: &Cell<'_>, ratio: &Ratio) -> String {
    let how_sure = ratio.interval.map_or_else(
        || format!("{}: points, no interval", counted(ratio.blocks as u64, "block")),
        |interval| format!("95 % interval {}", shown(interval)),
    );
    format!("{} ({} times as long; {how_sure})", cell.series.named(), rounded(ratio.estimate))
}
