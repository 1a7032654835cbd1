//! Tables that several writers show: the cells of an experiment, and what did not count in it.

use crate::report::bounds::{Point, Standing, Sweep};
use crate::report::bystanders;
use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::target::Target;
use crate::report::text::{self, counted, exact, sentence};
use crate::report::verdict::percent;
use crate::results::{Machine, Mode, Rule, Trial};

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

/// The cells of one target, with a short form of its headers for narrow places.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    /// What was asked for, where the experiment has several.
    pub(crate) target: Option<String>,
    pub(crate) table: Table,
    pub(crate) short: Vec<String>,
}

/// Every cell, a table for each target: what was measured, how it stands to its line, what it cost.
pub(crate) fn cells(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Cells> {
    let sweeps = Sweep::all(experiment, Mode::Closed, machine);
    let mut groups: Vec<(Target<'_>, Vec<&Cell<'_>>)> = Vec::new();
    let modes = [Mode::Closed, Mode::Open, Mode::Subscribers, Mode::Slow];
    for target in modes.into_iter().flat_map(|mode| experiment.targets(mode)) {
        let cells = experiment.cells.iter().filter(|cell| cell.target() == target);
        match groups.iter_mut().find(|(first, _)| beside(first, &target)) {
            Some((_, group)) => group.extend(cells),
            None => groups.push((target, cells.collect())),
        }
    }
    for (_, group) in &mut groups {
        group.sort_by_key(|cell| experiment.cells.iter().position(|known| std::ptr::eq(known, *cell)));
    }
    let table =
        |(target, group): &(Target<'_>, Vec<&Cell<'_>>)| of_target(experiment, target, group, &sweeps);
    groups.iter().map(table).collect()
}

/// Open and closed loop at one route stand in one table, ticks in one of their own.
fn beside(a: &Target<'_>, b: &Target<'_>) -> bool {
    let own =
        |target: &Target<'_>| [Mode::Subscribers, Mode::Slow].contains(&target.mode).then_some(target.mode);
    (a.route, a.keep_alive, own(a)) == (b.route, b.keep_alive, own(b))
}

fn of_target(
    experiment: &Experiment<'_>,
    target: &Target<'_>,
    cells: &[&Cell<'_>],
    sweeps: &[Sweep<'_, '_>],
) -> Cells {
    let ticks = target.mode == Mode::Subscribers;
    let bystanders = cells.iter().any(|cell| bystanders::of(cell).is_some());
    let columns: Vec<(String, String, Figure<'_>)> = [
        Some(column("rung", "rung", |cell| cell.series.label())),
        Some(column(&format!("{}s", target.caller()), &format!("{}s", target.caller()), |cell| {
            load(experiment, cell)
        })),
        Some(column(&format!("{}s/s", target.unit()), if ticks { "ticks/s" } else { "req/s" }, |cell| {
            shown(cell.median(Metric::Throughput), exact)
        })),
        (!ticks).then(|| column("of its line", "of its line", |cell| of_line(cell, sweeps))),
        Some(column(
            if ticks { "late p50, ms" } else { "p50, ms" },
            if ticks { "late p50 ms" } else { "p50 ms" },
            |cell| shown(cell.response().p50, exact),
        )),
        Some(column(
            if ticks { "late p99, ms" } else { "p99, ms" },
            if ticks { "late p99 ms" } else { "p99 ms" },
            |cell| shown(cell.response().p99, exact),
        )),
        bystanders.then(|| {
            column("bystander p50, ms", "bystander p50 ms", |cell| {
                shown(bystanders::of(cell).and_then(|seen| seen.response.p50), exact)
            })
        }),
        bystanders.then(|| {
            column("bystander p99, ms", "bystander p99 ms", |cell| {
                shown(bystanders::of(cell).and_then(|seen| seen.response.p99), exact)
            })
        }),
        Some(column(
            &format!("CPU/{}, µs", target.unit()),
            if ticks { "CPU µs/tick" } else { "CPU µs/req" },
            |cell| shown(cell.median(Metric::Cpu), exact),
        )),
        Some(column(
            if ticks { "memory/subscriber, KiB" } else { "memory/connection, KiB" },
            if ticks { "KiB per stream" } else { "KiB per client" },
            |cell| shown(cell.median(Metric::Memory).map(|bytes| bytes / 1_024.0), exact),
        )),
        Some(column("threads", "threads", |cell| shown(cell.median(Metric::Threads), exact))),
        ticks.then(|| column("ticks missed", "missed", missed)),
        Some(column("trials", "trials", status)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let told_apart = experiment.told_apart(*target);
    let what = "Medians over the trials that count; percentiles over all their answers together";
    let caption = told_apart.as_ref().map_or_else(|| what.into(), |target| format!("{target}. {what}"));
    let rows = cells.iter().map(|cell| columns.iter().map(|(_, _, figure)| figure(cell)).collect()).collect();
    let (headers, short) = columns.into_iter().map(|(long, short, _)| (long, short)).unzip();
    Cells { target: told_apart, table: Table { caption, headers, rows, numbers_from: 1 }, short }
}

/// What a column shows of a cell.
type Figure<'f> = Box<dyn Fn(&Cell<'_>) -> String + 'f>;

fn column<'f>(
    long: &str,
    short: &str,
    figure: impl Fn(&Cell<'_>) -> String + 'f,
) -> (String, String, Figure<'f>) {
    (long.to_owned(), short.to_owned(), Box::new(figure))
}

fn of_line(cell: &Cell<'_>, sweeps: &[Sweep<'_, '_>]) -> String {
    let sweep = sweeps.iter().find(|sweep| sweep.target == cell.target());
    let track = sweep.and_then(|sweep| sweep.tracks.iter().find(|track| *track.series == cell.series));
    match track.and_then(|track| track.at(cell.load.clients)).map(Point::standing) {
        Some(Standing::On(share) | Standing::Below(share)) => percent(share),
        _ => MISSING.into(),
    }
}

/// Ticks that never came, over all trials that count.
fn missed(cell: &Cell<'_>) -> String {
    let never = cell.ok.iter().map(|trial| trial.scheduled.saturating_sub(trial.completed));
    if cell.ok.is_empty() { MISSING.into() } else { text::count(never.fold(0, u64::saturating_add)) }
}

/// Everything that the reader must not miss, cell by cell: what was not run, void or collapsed trials,
/// warnings; a sentence each.
pub(crate) fn remarks(experiment: &Experiment<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for cell in &experiment.cells {
        let on =
            experiment.told_apart(cell.target()).map(|target| format!(" on {target}")).unwrap_or_default();
        let at = format!("{} at {}{on}", cell.series.named(), cell.load_label());
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
        let of = counted(trials(cell).count() as u64, "trial");
        for (warning, times) in warnings(cell) {
            if experiment.asked.rule == Some(Rule::Goodput) && is_overload(warning) {
                continue;
            }
            let times = if times > 1 { format!(" (so in {times} of {of})") } else { String::new() };
            remarks.push(format!("With care: {at}. {}{times}", full_stop(warning)));
        }
    }
    remarks
}

/// Clients in closed loop; the rate in open loop, and over how many connections if that differs.
fn load(experiment: &Experiment<'_>, cell: &Cell<'_>) -> String {
    let over = match experiment.connections_told_apart(cell.load).as_str() {
        "" => String::new(),
        _ => format!(" over {}", text::count(cell.load.clients.into())),
    };
    match (cell.load.mode, cell.load.rate_rps) {
        (Mode::Closed | Mode::Subscribers | Mode::Slow, _) => text::count(cell.load.clients.into()),
        (Mode::Open, Some(rate)) => format!("open {}/s{over}", exact(rate)),
        (Mode::Open, None) => format!("open{over}"),
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

/// Every trial of a cell.
fn trials<'c, 'a>(cell: &'c Cell<'a>) -> impl Iterator<Item = &'a Trial> + 'c {
    cell.ok.iter().chain(&cell.collapsed).chain(&cell.void).copied()
}

/// What was said about the trials of a cell, the same thing with other figures once, and in how many trials.
fn warnings<'a>(cell: &Cell<'a>) -> Vec<(&'a str, u64)> {
    let kind = |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).collect::<String>();
    let mut kinds: Vec<(String, &str, u64)> = Vec::new();
    for trial in trials(cell) {
        let mut of_trial: Vec<String> = Vec::new();
        for warning in &trial.warnings {
            let kind = kind(warning);
            if of_trial.contains(&kind) {
                continue;
            }
            match kinds.iter_mut().find(|(known, ..)| *known == kind) {
                Some((.., times)) => *times += 1,
                None => kinds.push((kind.clone(), warning, 1)),
            }
            of_trial.push(kind);
        }
    }
    kinds.into_iter().map(|(_, text, times)| (text, times)).collect()
}

/// That too much was asked for, and a smaller load would do: where overload is the question that is no advice. Results
/// hold warnings as text (see `warning::Warning`).
fn is_overload(warning: &str) -> bool {
    let gave_up = warning.contains("requests were not answered in time and count");
    gave_up || warning.to_lowercase().starts_with("not one request was answered")
}

/// A figure, or a dash where it is missing.
pub(crate) fn shown(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| MISSING.into(), show)
}

fn full_stop(text: &str) -> String {
    let text = sentence(text.trim());
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::is_overload;
    use crate::warning::Warning;

    /// Fails where a warning got other words than those that it is known by.
    #[test]
    fn warnings_of_overload_are_known_by_their_words() {
        let overload = [Warning::TimedOut { requests: 938, of: 940 }, Warning::NothingCompleted { of: 940 }];
        assert!(overload.iter().all(|warning| is_overload(&warning.to_string())), "{overload:?}");
        let others = [
            Warning::ClientBound { busy: 0.95 },
            Warning::ListenOverflows(3),
            Warning::Unsent { requests: 1, of: 9 },
            Warning::Failed { requests: 1, of: 9 },
            Warning::Killed,
        ];
        assert!(!others.iter().any(|warning| is_overload(&warning.to_string())), "{others:?}");
    }
}
