//! Rule `pool`: how long do requests wait for a pool of K threads as the rate grows, against the same requests in an
//! ideal queue and against what theory says of the long run? (`waits` has the figures.)

use crate::report::cells::Experiment;
use crate::report::findings::Finding;
use crate::report::findings::compared::shown;
use crate::report::text::{exact, listed, milliseconds, rounded};
use crate::report::waits::{Means, Point, Replayed, curves, tolerance};

/// A wait counts as felt from this share of a service time on.
const KNEE: f64 = 0.5;

/// For each series with a pool: its waits, where the knee is, and whether a queue is all that it is.
pub(crate) fn findings(experiment: &Experiment<'_>) -> Vec<Finding> {
    curves(experiment).iter().flat_map(|points| waited(points).into_iter().chain(replayed(points))).collect()
}

fn waited(points: &[Point<'_, '_>]) -> Option<Finding> {
    let (first, name) = (points.first()?, points.first()?.cell.series.named());
    let clauses: Vec<String> = points.iter().map(clause).collect();
    let knee = knee(points);
    Some(Finding::headline(format!(
        "The mean wait for one of {} threads of {name}, calls taking {} on average: {}.{knee}",
        first.threads,
        milliseconds(first.service_ms),
        listed(&clauses)
    )))
}

/// Between which rates waits begin to be felt. Nothing was measured between two, so no rate is named for it.
fn knee(points: &[Point<'_, '_>]) -> String {
    let felt = |point: &Point<'_, '_>| point.waited_ms > KNEE * point.service_ms;
    let Some(place) = points.iter().position(felt) else {
        return " Nowhere is the mean wait more than half of a service time.".into();
    };
    let above = &points[place];
    match place.checked_sub(1).map(|place| &points[place]) {
        Some(below) => format!(
            " Between ρ = {:.2} and {:.2} ({} and {} requests/s) the mean wait passes half of a service time.",
            below.utilisation,
            above.utilisation,
            exact(below.rate_rps),
            exact(above.rate_rps)
        ),
        None => format!(
            " At ρ = {:.2} already, the lowest of all, the mean wait is more than half of a service time.",
            above.utilisation
        ),
    }
}

/// `at ρ = 0.90 31.0 ms (30.4 ms by Erlang C; measured ÷ expected 1.02, 95 % interval 0.8 to 1.2)`
fn clause(point: &Point<'_, '_>) -> String {
    let against = point.over_expected().and_then(|(times, interval)| {
        let interval = shown(interval?);
        Some(format!("; measured ÷ expected {}, 95 % interval {interval}", rounded(times)))
    });
    let by = if point.utilisation > 1.0 { "on the fluid line" } else { "by Erlang C" };
    let replayed = point.means().map(|means| format!("{} in the replay", short(means.replayed_ms)));
    // Against next to nothing, any wait is very many times as long.
    let against = against.filter(|_| point.expected_ms.is_some_and(|ms| ms >= SHORTEST_MS));
    let expected = point.expected_ms.map(|ms| format!("{} {by}{}", short(ms), against.unwrap_or_default()));
    let beside: Vec<String> = replayed.into_iter().chain(expected).collect();
    let beside = if beside.is_empty() { String::new() } else { format!(" ({})", beside.join("; ")) };
    format!("{} at ρ = {:.2}{beside}", milliseconds(point.waited_ms), point.utilisation)
}

/// Below a hundredth of a millisecond nobody could measure it.
const SHORTEST_MS: f64 = 0.01;

fn short(ms: f64) -> String {
    if ms < SHORTEST_MS { "next to nothing".into() } else { milliseconds(ms) }
}

/// Whether the measured waits are those of a queue and nothing else.
fn replayed(points: &[Point<'_, '_>]) -> Option<Finding> {
    let first = points.first()?;
    let name = first.cell.series.named();
    let played: Vec<(&Point<'_, '_>, Means)> =
        points.iter().filter_map(|point| Some((point, point.medians()?))).collect();
    let gaps: Vec<String> = points.iter().filter_map(gap).collect();
    let Some(farthest) = played.iter().max_by(|a, b| a.1.strain().total_cmp(&b.1.strain())) else {
        let why = if gaps.is_empty() {
            "no request was recorded one by one".to_owned()
        } else {
            format!("a queue with gaps cannot be played: {}", listed(&gaps))
        };
        return Some(Finding::detail(format!(
            "The waits for {name} are not held against a replay, since {why}. Erlang C is a mean of the long run, and \
             a few seconds may be far from it by chance."
        )));
    };
    let apart: Vec<String> =
        played.iter().filter(|(_, means)| !means.agree()).map(|pair| off(pair.0, pair.1)).collect();
    let trials = played.iter().fold((0, 0), |sum, (point, _)| match point.replay {
        Replayed::Played { agree, trials, .. } => (sum.0 + agree, sum.1 + trials),
        Replayed::NotRecorded | Replayed::Missing(_) => sum,
    });
    let verdict = if apart.is_empty() {
        let all =
            if played.len() == 1 { "its only rate".into() } else { format!("all {} rates", played.len()) };
        format!("agrees with what was measured at {all}; farthest from it is {}", off(farthest.0, farthest.1))
    } else {
        format!(
            "does not agree with what was measured at {} of {} rates: {}",
            apart.len(),
            played.len(),
            listed(&apart)
        )
    };
    let gaps = if gaps.is_empty() { String::new() } else { format!(" Not played: {}.", listed(&gaps)) };
    Some(Finding::headline(format!(
        "The same requests, with their arrivals and times in the view as recorded, played through a first-come-first-served \
         queue with {} servers: that {verdict}. (These are medians over trials of their means, and to agree is to be \
         within {}; of all trials {} of {} are.) The \
         difference is what {name} does besides queueing: accepting, reading, waking a thread, writing the reply, and waiting for \
         a CPU where the machine has other work.{gaps}",
        first.threads,
        tolerance(),
        trials.0,
        trials.1
    )))
}

/// `28.9 ms measured against 27.8 ms replayed (+1.10 ms, +4.0 %) at ρ = 0.90`
fn off(point: &Point<'_, '_>, means: Means) -> String {
    let off_ms = means.off_ms();
    let sign = if off_ms < 0.0 { "−" } else { "+" };
    let share = off_ms.abs() / means.replayed_ms;
    let share = if share.is_finite() && share < 1.0 {
        format!(", {sign}{:.1} %", share * 100.0)
    } else {
        String::new()
    };
    format!(
        "{} measured against {} replayed ({sign}{}{share}) at ρ = {:.2}",
        milliseconds(means.waited_ms),
        short(means.replayed_ms),
        milliseconds(off_ms.abs()),
        point.utilisation
    )
}

/// `12 requests have no record at ρ = 1.20`
fn gap(point: &Point<'_, '_>) -> Option<String> {
    let Replayed::Missing(missing) = point.replay else { return None };
    let have = if missing == 1 { "request has" } else { "requests have" };
    Some(format!("{} {have} no record at ρ = {:.2}", exact(missing as f64), point.utilisation))
}
