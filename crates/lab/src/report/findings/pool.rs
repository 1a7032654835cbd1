//! Rule `pool`: how long do requests wait for a pool of K threads as the rate grows, against what the theory of
//! queues says? (`queueing` has the formulas.)

use crate::report::cells::{Cell, Experiment};
use crate::report::findings::Finding;
use crate::report::queueing::{fluid_wait, mean_wait};
use crate::report::slots;
use crate::report::text::{exact, listed, milliseconds, rounded};
use crate::results::{Mode, Trial};
use crate::stats::{Ratio, ratio};

/// A wait counts as felt from this share of a service time on.
const KNEE: f64 = 0.5;

/// For each series with a pool: its waits, and where the knee is.
pub(crate) fn findings(experiment: &Experiment<'_>) -> Vec<Finding> {
    let series = experiment.series.iter();
    let mut curves: Vec<Vec<Point<'_, '_>>> = series
        .map(|series| {
            let cells =
                experiment.cells.iter().filter(|cell| cell.series == *series && cell.load.mode == Mode::Open);
            let mut points: Vec<Point<'_, '_>> =
                cells.filter_map(|cell| Point::of(cell, experiment.asked.warm_up_ms)).collect();
            points.sort_by(|a, b| a.utilisation.total_cmp(&b.utilisation));
            points
        })
        .filter(|points| !points.is_empty())
        .collect();
    curves.sort_by_key(|points| points[0].threads);
    curves.iter().flat_map(|points| said(points)).collect()
}

/// One pool at one rate.
struct Point<'e, 'a> {
    cell: &'e Cell<'a>,
    threads: u32,
    /// Rate × mean service time over threads.
    utilisation: f64,
    service_ms: f64,
    waited_ms: f64,
    /// By Erlang C below 1, the fluid line above.
    expected_ms: Option<f64>,
    /// Measured over expected, block by block.
    ratio: Option<Ratio>,
}

impl<'e, 'a> Point<'e, 'a> {
    fn of(cell: &'e Cell<'a>, warm_up_ms: Option<u64>) -> Option<Self> {
        let threads = slots::of(&cell.series, cell.ok.first().copied())?.number;
        let (rate, service_ms) = (cell.load.rate_rps?, cell.median_of(service_ms)?);
        let utilisation = rate * service_ms / 1_000.0 / f64::from(threads);
        let expected = |trial: &Trial| {
            let opens_ms = warm_up_ms? as f64;
            let fluid = || fluid_wait(utilisation, opens_ms, trial.window.length_ms);
            mean_wait(threads, utilisation, service_ms).or_else(fluid)
        };
        let pairs: Vec<(f64, f64)> =
            cell.ok.iter().filter_map(|trial| Some((waited_ms(trial)?, expected(trial)?))).collect();
        Some(Self {
            cell,
            threads,
            utilisation,
            service_ms,
            waited_ms: cell.median_of(waited_ms)?,
            expected_ms: cell.median_of(expected),
            ratio: ratio(&pairs),
        })
    }

    /// `at ρ = 0.90 31.0 ms (expected 30.4 ms; measured ÷ expected 1.02, 95 % interval 0.8 to 1.2)`
    fn clause(&self) -> String {
        let against = self.ratio.and_then(|ratio| {
            ratio.interval.map(|interval| {
                let (low, high) = (rounded(interval.low), rounded(interval.high));
                format!("; measured ÷ expected {}, 95 % interval {low} to {high}", rounded(ratio.estimate))
            })
        });
        let by = if self.utilisation > 1.0 { "on the fluid line" } else { "by Erlang C" };
        let expected = self
            .expected_ms
            .map(|ms| format!(" ({} {by}{})", expected_in_words(ms), against.unwrap_or_default()));
        format!(
            "{} at ρ = {:.2}{}",
            milliseconds(self.waited_ms),
            self.utilisation,
            expected.unwrap_or_default()
        )
    }
}

/// Below a hundredth of a millisecond nobody could measure it.
fn expected_in_words(ms: f64) -> String {
    if ms < 0.01 { "next to nothing".into() } else { milliseconds(ms) }
}

/// What the calls really took.
fn service_ms(trial: &Trial) -> Option<f64> {
    let calls = trial.services.filter(|calls| calls.served > 0)?;
    Some(calls.service_ms / calls.served as f64)
}

/// The mean response less the mean service: waiting for a thread, and what the way there and back takes.
fn waited_ms(trial: &Trial) -> Option<f64> {
    Some((trial.latency_ms.mean? - service_ms(trial)?).max(0.0))
}

fn said(points: &[Point<'_, '_>]) -> Option<Finding> {
    let (first, name) = (points.first()?, points.first()?.cell.series.named());
    let clauses: Vec<String> = points.iter().map(Point::clause).collect();
    let knee = points.iter().find(|point| point.waited_ms > KNEE * point.service_ms);
    let knee = match knee {
        Some(point) => format!(
            " From ρ = {:.2} on ({} requests/s) the mean wait is more than half of a service time.",
            point.utilisation,
            exact(point.cell.load.rate_rps.unwrap_or(0.0))
        ),
        None => " Nowhere is the mean wait more than half of a service time.".into(),
    };
    Some(Finding::headline(format!(
        "The mean wait for one of {} threads of {name}, calls taking {} on average: {}.{knee}",
        first.threads,
        milliseconds(first.service_ms),
        listed(&clauses)
    )))
}
