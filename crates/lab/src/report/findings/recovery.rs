//! Rule `recovery`: something went wrong for a while in the middle of a load. Who was served meanwhile, how many
//! requests were in flight, and when were answers as quick as before? And what do other ways to measure see of it?

use loadgen::protocol::Shape;

use crate::report::bystanders;
use crate::report::cells::{Cell, Experiment};
use crate::report::findings::Finding;
use crate::report::findings::by_load::{self, Group};
use crate::report::text::{counted, exact, listed, milliseconds};
use crate::results::{Mode, SeriesRow, Trial, Trouble};
use crate::stats::median;

/// Answers count as quick again while the median of each row of the series is within this factor of the
/// median before the trouble. Rows are a quarter of a second, so nothing finer can be said.
const QUICK_AGAIN: f64 = 1.5;
/// For a second. What happens later is another matter, and on a machine with other things to do something does.
const STAYS_ROWS: usize = 4;

/// What became of the load that comes whatever happens, of bystanders, and of other recordings of the same.
pub(crate) fn findings(experiment: &Experiment<'_>) -> Vec<Finding> {
    let groups = by_load::groups(experiment);
    let services = experiment.asked.services.as_ref();
    let ordered = services.and_then(|services| services.faults.first().cloned());
    let Some(trouble) = ordered.or_else(|| groups.iter().find_map(burst)) else {
        let nothing = "Nothing went wrong on purpose here, so there is nothing to recover from.";
        return vec![Finding::headline(nothing.into())];
    };
    // Who has few connections lets requests wait in the generator: that is another recording of the same.
    let open = groups.iter().filter(|group| group.load.mode == Mode::Open);
    let Some(free) = open.max_by_key(|group| group.load.clients) else { return Vec::new() };
    let mut findings: Vec<Finding> = after(free, &trouble).into_iter().map(Finding::headline).collect();
    findings.extend(stood_by(free).map(Finding::headline));
    findings.extend(recordings(free, &groups).map(Finding::headline));
    findings
}

/// More than usual for a while.
fn burst(group: &Group<'_, '_>) -> Option<Trouble> {
    match group.load.shape? {
        Shape::Spike { at_ms, for_ms, .. } => Some(Trouble { kind: SPIKE.into(), at_ms, for_ms }),
        _ => None,
    }
}

const SPIKE: &str = "spike";

/// How many were in flight, those in service among them, and how long until all is well.
fn after(group: &Group<'_, '_>, trouble: &Trouble) -> Option<String> {
    let each = group.each(|cell| {
        let seen: Vec<Seen> = cell.ok.iter().filter_map(|trial| Seen::of(trial, trouble)).collect();
        let deepest = median(&seen.iter().map(|seen| seen.deepest).collect::<Vec<_>>())?;
        let when = quick_again(&seen.iter().map(|seen| seen.back_ms).collect::<Vec<_>>());
        let slowest: Option<Vec<_>> = seen.iter().map(|seen| seen.slowest_back_ms).collect();
        let when = match slowest.map(|each| quick_again(&each)) {
            None => format!("answers {when}"),
            Some(same) if same == when => format!("answers, the slowest too, {when}"),
            Some(later) => format!("answers {when}, the slowest {later}"),
        };
        let (deepest, name) = (exact(deepest), cell.series.named());
        Some(format!("{deepest} requests in flight at the most, {when} on {name}"))
    });
    (!each.is_empty()).then(|| {
        format!(
            "{} of {} in {}: {}.",
            match trouble.kind.as_str() {
                "stall" => "A stall",
                "reset" => "Resets",
                "error" => "Errors",
                "slow_body" => "Slow bodies",
                SPIKE => "A burst",
                _ => "Trouble",
            },
            milliseconds(trouble.for_ms as f64),
            group.said(),
            each.join("; ")
        )
    })
}

/// The median over trials of the time until something was quick, where it was so in each of them.
fn quick_again(back_ms: &[Option<f64>]) -> String {
    let back: Vec<f64> = back_ms.iter().copied().flatten().collect();
    match (back.len() == back_ms.len(), median(&back)) {
        (true, Some(ms)) if ms <= 0.0 => "quick again at once".to_owned(),
        (true, Some(ms)) => format!("quick again after {}", milliseconds(ms)),
        _ => format!(
            "not quick again within the window in {} of {}",
            back_ms.len() - back.len(),
            counted(back_ms.len() as u64, "trial")
        ),
    }
}

/// What a trial's series says about it.
struct Seen {
    /// Most requests in flight.
    deepest: f64,
    /// From the end of the trouble to the first row of [`STAYS_ROWS`] quick ones; `None` if there is none.
    back_ms: Option<f64>,
    /// The same of the slowest answer of each row, held against the slowest of any row before. A row has too few answers
    /// for a 99th percentile, and this is the stricter one. Unknown in results that do not have it.
    slowest_back_ms: Option<Option<f64>>,
}

impl Seen {
    fn of(trial: &Trial, trouble: &Trouble) -> Option<Self> {
        let rows = &trial.series;
        let row_ms = rows.get(1)?.t_ms.saturating_sub(rows[0].t_ms);
        let end_ms = trouble.at_ms + trouble.for_ms;
        let quiet = || rows.iter().filter(|row| row.t_ms + row_ms <= trouble.at_ms);
        let quiet_ms = median(&quiet().filter_map(|row| row.p50_ms).collect::<Vec<_>>())?;
        let after: Vec<&SeriesRow> = rows.iter().filter(|row| row.t_ms >= end_ms).collect();
        let back = |slowest_ms: f64| {
            let within = |ms: Option<f64>, before_ms: f64| ms.is_none_or(|ms| ms <= before_ms * QUICK_AGAIN);
            let quick = |row: &&SeriesRow| {
                let any = row.errors.unwrap_or(0) == 0 && row.p50_ms.is_some();
                any && within(row.p50_ms, quiet_ms) && within(row.max_ms, slowest_ms)
            };
            let stays = |from: &usize| after[*from..after.len().min(from + STAYS_ROWS)].iter().all(quick);
            let first = (0..after.len()).find(stays).map(|from| after[from]);
            first.map(|row| (row.t_ms - end_ms) as f64)
        };
        let quiet_slowest_ms = quiet().filter_map(|row| row.max_ms).reduce(f64::max);
        Some(Self {
            deepest: rows.iter().filter_map(|row| row.in_flight).max()? as f64,
            back_ms: back(f64::INFINITY),
            slowest_back_ms: quiet_slowest_ms.map(back),
        })
    }
}

/// The longest that a bystander had to wait.
fn stood_by(group: &Group<'_, '_>) -> Option<String> {
    let seen: Vec<_> = group.cells.iter().filter_map(|cell| bystanders::of(cell)).collect();
    let route = group.cells.iter().flat_map(|cell| &cell.ok).find_map(|trial| trial.bystander.as_ref())?;
    let each: Vec<String> = seen
        .iter()
        .filter_map(|seen| {
            let failures = seen.failures().map(|text| format!(" ({text})")).unwrap_or_default();
            Some(format!("{}{failures} on {}", milliseconds(seen.response.max?), seen.cell.series.named()))
        })
        .collect();
    (!each.is_empty()).then(|| {
        format!("Meanwhile the slowest {}, which needs no service, took {}.", route.route, listed(&each))
    })
}

/// The same rung in other loops: what each recording makes of the same trouble.
fn recordings(free: &Group<'_, '_>, groups: &[Group<'_, '_>]) -> Option<String> {
    let others =
        || groups.iter().filter(|group| group.load != free.load && group.load.route == free.load.route);
    let (cell, same) = free.cells.iter().find_map(|cell| {
        let mut same: Vec<&Cell<'_>> = others()
            .flat_map(|group| &group.cells)
            .copied()
            .filter(|other| other.series == cell.series)
            .collect();
        same.sort_by_key(|cell| cell.load.mode != Mode::Open);
        (!same.is_empty()).then_some((cell, same))
    })?;
    let p90 = |cell: &Cell<'_>| {
        let response = cell.response();
        let p99 = response.p99.map(|ms| format!(" ({})", milliseconds(ms))).unwrap_or_default();
        Some(milliseconds(response.p90?) + &p99)
    };
    let mut clauses = vec![format!("{} in open loop", p90(cell)?)];
    clauses.extend(same.iter().filter_map(|other| {
        let clients = other.load.clients;
        Some(match other.load.mode {
            Mode::Open => {
                let sent = other.median_of(|trial| trial.sent_to_answer_ms.p90).map(milliseconds);
                let sent = sent.map(|ms| format!(", but {ms} from sent to answered")).unwrap_or_default();
                let connections = counted(clients.into(), "connection");
                format!("{} with no more than {connections}{sent}", p90(other)?)
            }
            _ => format!("{} in closed loop with {}", p90(other)?, counted(clients.into(), "client")),
        })
    }));
    let name = cell.series.named();
    Some(format!("The same on {name} in other recordings, 90th (99th) percentiles: {}.", clauses.join("; ")))
}
