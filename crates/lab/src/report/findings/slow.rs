//! Rule `slow_clients`: clients that send their request a byte at a time. Who still answers the others, what does
//! a slow client cost, and what did the server do about it?

use loadgen::protocol::Slow;

use crate::report::bystanders;
use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::findings::by_load::{self, Group};
use crate::report::findings::{Finding, held};
use crate::report::text::{bytes, count, counted, exact, listed, milliseconds, rounded};
use crate::results::{Mode, Trial};
use crate::stats::Family;

/// The most clients are the answer; fewer stand beside it.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let groups = by_load::groups(experiment);
    let mut slow: Vec<&Group<'_, '_>> = groups.iter().filter(|group| group.load.mode == Mode::Slow).collect();
    slow.sort_by_key(|group| std::cmp::Reverse(group.load.clients));
    let Some((most, fewer)) = slow.split_first() else { return Vec::new() };
    let died = died(experiment);
    let who = counted(most.load.clients.into(), "slow client");
    let answers = [others(most), cost(most), held::memory(most, &who, family), told(most)];
    let beside = fewer.iter().filter_map(|group| others(group));
    answers
        .into_iter()
        .flatten()
        .chain(died)
        .map(Finding::headline)
        .chain(beside.map(Finding::detail))
        .collect()
}

/// How the others fared.
fn others(group: &Group<'_, '_>) -> Option<String> {
    let each = group.each(|cell| {
        let seen = bystanders::of(cell)?;
        let name = cell.series.named();
        let (due, right) = sums(cell, |trial| {
            trial.bystander.as_ref().map_or((0, 0), |bystander| (bystander.scheduled, bystander.completed))
        });
        let tail = seen.response.p99.map(|ms| format!(", p99 {}", milliseconds(ms))).unwrap_or_default();
        let median = seen.response.p50.map(|ms| format!(" (median {}{tail})", milliseconds(ms)));
        let answered = if right == due {
            "all".to_owned()
        } else if right == 0 {
            "none".to_owned()
        } else {
            format!("{} of {}", count(right), count(due))
        };
        let times = median.filter(|_| right > 0).unwrap_or_default();
        Some(format!("{answered}{times} on {name}"))
    });
    (!each.is_empty()).then(|| {
        let who = counted(group.load.clients.into(), "slow client");
        format!("Beside {who}, of the bystanders' requests are answered: {}.", listed(&each))
    })
}

/// `502 threads and 24.4 KiB of memory each on …`
fn cost(group: &Group<'_, '_>) -> Option<String> {
    let held = |cell: &Cell<'_>| cell.median_of(|trial| trial.client.connections_up.map(f64::from));
    let each = group.each(|cell| {
        let threads = cell.median_of(|trial| {
            let (peak, idle) = (trial.server.threads_peak?, trial.server.threads_idle?);
            Some(peak.saturating_sub(idle) as f64)
        });
        let threads = threads.map(|more| {
            let each = more / held(cell).unwrap_or(0.0).max(1.0);
            if more == 0.0 {
                "no more threads".into()
            } else {
                format!(
                    "{} more thread{} ({} each)",
                    exact(more),
                    if more == 1.0 { "" } else { "s" },
                    rounded(each)
                )
            }
        });
        let memory = cell.median(Metric::Memory).map(|each| format!("{} of memory each", bytes(each)));
        let parts: Vec<String> = threads.into_iter().chain(memory).collect();
        (!parts.is_empty()).then(|| format!("{} on {}", parts.join(" and "), cell.series.named()))
    });
    (!each.is_empty()).then(|| {
        let who = counted(group.load.clients.into(), "slow client");
        format!("{who} cost the server {}.", listed(&each))
    })
}

/// What servers said to those whom they did not wait for.
fn told(group: &Group<'_, '_>) -> Option<String> {
    let each = group.each(|cell| {
        let all = cell.ok.iter().filter_map(|trial| trial.client.slow);
        let sum = all.fold(Slow::default(), |a, b| Slow {
            opened: a.opened + b.opened,
            held: a.held + b.held,
            refused: a.refused + b.refused,
            answered: a.answered + b.answered,
            timed_out: a.timed_out + b.timed_out,
            shed: a.shed + b.shed,
            otherwise: a.otherwise + b.otherwise,
            cut_off: a.cut_off + b.cut_off,
        });
        let ends = [
            (sum.timed_out, "told that they are too slow (408)"),
            (sum.shed, "turned away (503)"),
            (sum.otherwise, "refused with another status"),
            (sum.cut_off, "cut off without a word"),
            (sum.refused, "not let in"),
        ];
        let ends: Vec<String> = ends
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", count(*number)))
            .collect();
        (!ends.is_empty()).then(|| format!("{} on {}", listed(&ends), cell.series.named()))
    });
    let who = counted(group.load.clients.into(), "slow client");
    let seconds = group.cells.iter().flat_map(|cell| &cell.ok).map(|trial| trial.window.length_ms).next()?;
    Some(if each.is_empty() {
        format!("No server ended a connection of {who} within the window of {}.", milliseconds(seconds))
    } else {
        format!("Of {who}, or of their connections, were {}.", listed(&each))
    })
}

/// Servers that did not survive it.
fn died(experiment: &Experiment<'_>) -> Option<String> {
    let dead =
        experiment.cells.iter().filter(|cell| cell.load.mode == Mode::Slow && !cell.collapsed.is_empty());
    let each: Vec<String> = dead
        .map(|cell| {
            let who = counted(cell.load.clients.into(), "slow client");
            let reason = cell.collapsed.first().and_then(|trial| trial.reason.as_deref()).unwrap_or_default();
            format!("{} at {who} ({})", cell.series.named(), reason.trim_end_matches('.'))
        })
        .collect();
    (!each.is_empty()).then(|| format!("Collapsed: {}.", listed(&each)))
}

fn sums(cell: &Cell<'_>, of: impl Fn(&Trial) -> (u64, u64)) -> (u64, u64) {
    cell.ok.iter().map(|trial| of(trial)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}
