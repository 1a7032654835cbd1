//! Rule `goodput`: more is due than can be served, and clients give up. How much is answered in time, and for
//! whom was the rest of the work done?

use handlers::Route;

use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::findings::Finding;
use crate::report::findings::by_load::{self, Group};
use crate::report::findings::compared::compared_as;
use crate::report::findings::shared_limit::{self, Limit};
use crate::report::text::{exact, listed, milliseconds, rounded};
use crate::report::verdict::percent;
use crate::results::{Mode, Trial};
use crate::stats::Family;

/// The heaviest load is the answer; what the lighter ones got stands beside it.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let groups = by_load::groups(experiment);
    let mut open: Vec<&Group<'_, '_>> = groups.iter().filter(|group| group.load.mode == Mode::Open).collect();
    let rate = |group: &Group<'_, '_>| group.load.rate_rps.unwrap_or(0.0);
    open.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
    let Some((heaviest, lighter)) = open.split_first() else { return Vec::new() };
    let limit = shared_limit::limit(experiment);
    let timeout_ms = experiment.asked.timeout_ms;
    let answers = [in_time(heaviest, limit.as_ref(), timeout_ms, family), for_nobody(heaviest)];
    let beside = lighter.iter().filter_map(|group| in_time(group, limit.as_ref(), timeout_ms, family));
    answers.into_iter().flatten().map(Finding::headline).chain(beside.map(Finding::detail)).collect()
}

/// Right answers per second to clients that still waited for them.
fn in_time(
    group: &Group<'_, '_>,
    limit: Option<&Limit>,
    timeout_ms: Option<u64>,
    family: &Family,
) -> Option<String> {
    let rate = group.load.rate_rps?;
    let each = group.each(|cell| {
        let rps = cell.median(Metric::Throughput)?;
        let share = cell.median_of(served)?;
        Some(format!("{} on {} ({} of what was due)", rounded(rps), cell.series.named(), percent(share)))
    });
    if each.is_empty() {
        return None;
    }
    let limit = limit
        .map(|limit| format!(", {} times what can be served ({})", rounded(rate / limit.rps), limit.text));
    let patience =
        timeout_ms.map_or_else(|| "in time".into(), |ms| format!("within {}", milliseconds(ms as f64)));
    let mut text = format!(
        "With {}{}, requests/s answered {patience}: {}.",
        group.said(),
        limit.unwrap_or_default(),
        listed(&each)
    );
    for (blocking, other) in group.pairs() {
        let Some(ratio) = blocking.over(other, Metric::Throughput) else { continue };
        if ratio.interval.is_some() {
            let (one, two) = (blocking.series.named(), other.series.named());
            let compared = compared_as("as many", &ratio, family);
            text.push_str(&format!(" {one} against {two}: {compared}."));
        }
    }
    Some(text)
}

/// Share of the requests due in a trial: by chance that is more or less than its nominal rate.
fn served(trial: &Trial) -> Option<f64> {
    Some(trial.throughput_rps? * trial.window.length_ms / 1_000.0 / trial.scheduled as f64)
}

/// Calls that the services served for somebody who had left, and CPU over answers that somebody got.
fn for_nobody(group: &Group<'_, '_>) -> Option<String> {
    let calls = calls_of(&group.load.route);
    let wasted = group.each(|cell| {
        let share = cell.median_of(|trial| wasted(trial, calls?))?;
        Some(format!("{} on {}", percent(share), cell.series.named()))
    });
    let cpu = group.each(|cell: &Cell<'_>| {
        let us = cell.median(Metric::Cpu)?;
        Some(format!("{} on {}", milliseconds(us / 1_000.0), cell.series.named()))
    });
    let wasted = (!wasted.is_empty()).then(|| {
        format!("of the calls that the services worked on, {} led to no answer in time", listed(&wasted))
    });
    let cpu =
        (!cpu.is_empty()).then(|| format!("for each answer in time the server took {} of CPU", listed(&cpu)));
    let clauses: Vec<String> = wasted.into_iter().chain(cpu).collect();
    (!clauses.is_empty()).then(|| {
        let rate = group.load.rate_rps.map(exact).unwrap_or_default();
        format!("The work behind it, at {rate} requests/s: {}.", clauses.join("; "))
    })
}

/// Share of the calls served that no right answer came of.
fn wasted(trial: &Trial, calls: f64) -> Option<f64> {
    let served = trial.services?.served as f64;
    let rps = trial.throughput_rps?;
    let useful = rps * trial.window.length_ms / 1_000.0 * calls;
    // Calls under way at the edges of the window belong to answers on the other side.
    (served > 0.0).then(|| (1.0 - useful / served).clamp(0.0, 1.0))
}

/// Calls that an answer of this route takes.
fn calls_of(route: &str) -> Option<f64> {
    match Route::parse("GET", route.as_bytes()).ok()? {
        Route::Weather(_) => Some(1.0),
        Route::Sun(_) => Some(2.0),
        Route::City(_) => Some(3.0),
        _ => None,
    }
}
