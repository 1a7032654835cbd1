//! How long requests waited for one of K threads, rate by rate: as measured, as the same requests would have waited
//! in an ideal queue (`replay`), and as the theory of queues expects of the long run (`queueing`).
//!
//! `findings::pool` puts it into words, `charts::waits` draws it.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::report::cells::{Cell, Experiment};
use crate::report::queueing::{fluid_wait, mean_wait};
use crate::report::slots;
use crate::results::{Mode, Replay, Trial};
use crate::stats::{BLOCKS_FOR_INTERVAL, Interval, mean, median};

/// What a replay may be off by and still agree: a share of it, and what the way to a thread takes.
const TOLERATED_SHARE: f64 = 0.05;
/// See [`TOLERATED_SHARE`].
const TOLERATED_MS: f64 = 0.3;

/// `5 % + 0.3 ms`
pub(crate) fn tolerance() -> String {
    format!("{:.0} % + {TOLERATED_MS} ms", TOLERATED_SHARE * 100.0)
}

/// One pool at one rate.
pub(crate) struct Point<'e, 'a> {
    pub(crate) cell: &'e Cell<'a>,
    pub(crate) threads: u32,
    pub(crate) rate_rps: f64,
    /// Rate × mean service time over threads.
    pub(crate) utilisation: f64,
    pub(crate) service_ms: f64,
    /// Mean over trials of their means, as what theory expects is a mean: near the limit waits are skewed, and a median
    /// would lie below it. From sending to the view where requests were recorded; else the response less the service,
    /// which the way there and back is part of.
    pub(crate) waited_ms: f64,
    /// By Erlang C below 1, the fluid line above.
    pub(crate) expected_ms: Option<f64>,
    /// 95 % interval of `waited_ms`; none with too few trials.
    interval_ms: Option<Interval>,
    pub(crate) replay: Replayed,
    /// From the start of the load to the window, and how long that is; for the fluid line.
    times_ms: Option<(f64, f64)>,
}

/// What became of the replay at one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Replayed {
    /// Nobody recorded the requests.
    NotRecorded,
    /// So many requests have no record, in all trials together.
    Missing(u64),
    /// Over the means of trials their medians, which are to agree, and their means, to stand beside the measured ones;
    /// how many trials agree, and how many there are.
    Played { medians: Means, means: Means, agree: u64, trials: u64 },
}

/// The same requests twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Means {
    pub(crate) waited_ms: f64,
    pub(crate) replayed_ms: f64,
}

/// The pools of an experiment, small before large, each with its rates in order.
pub(crate) fn curves<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<Vec<Point<'e, 'a>>> {
    let of_series = experiment.series.iter().map(|series| {
        let cells =
            experiment.cells.iter().filter(|cell| cell.series == *series && cell.load.mode == Mode::Open);
        let mut points: Vec<Point<'e, 'a>> =
            cells.filter_map(|cell| Point::of(cell, experiment.asked.warm_up_ms)).collect();
        points.sort_by(|a, b| a.utilisation.total_cmp(&b.utilisation));
        points
    });
    let mut curves: Vec<Vec<Point<'e, 'a>>> = of_series.filter(|points| !points.is_empty()).collect();
    curves.sort_by_key(|points| points[0].threads);
    curves
}

impl<'e, 'a> Point<'e, 'a> {
    fn of(cell: &'e Cell<'a>, warm_up_ms: Option<u64>) -> Option<Self> {
        let threads = slots::of(&cell.series, cell.ok.first().copied())?.number;
        let (rate_rps, service_ms) = (cell.load.rate_rps?, cell.median_of(service_ms)?);
        let utilisation = rate_rps * service_ms / 1_000.0 / f64::from(threads);
        let times_ms = warm_up_ms.zip(cell.median_of(|trial| Some(trial.window.length_ms)));
        let times_ms = times_ms.map(|(opens, length)| (opens as f64, length));
        let expected_ms = expected_ms(threads, utilisation, service_ms, times_ms);
        let waits_ms: Vec<f64> =
            cell.ok.iter().filter_map(|trial| waited_ms(trial)).filter(|ms| ms.is_finite()).collect();
        let mean_ms = mean(&waits_ms).filter(|ms| ms.is_finite())?;
        Some(Self {
            cell,
            threads,
            rate_rps,
            utilisation,
            service_ms,
            waited_ms: mean_ms,
            expected_ms,
            interval_ms: interval(&waits_ms, mean_ms),
            replay: Replayed::of(cell),
            times_ms,
        })
    }

    /// The wait that was measured over the one that was expected, and its interval: the same two figures that are
    /// shown, one divided by the other.
    pub(crate) fn over_expected(&self) -> Option<(f64, Option<Interval>)> {
        let expected_ms = self.expected_ms.filter(|ms| *ms > 0.0)?;
        let over = |interval: Interval| Interval {
            low: interval.low / expected_ms,
            high: interval.high / expected_ms,
        };
        Some((self.waited_ms / expected_ms, self.interval_ms.map(over)))
    }

    /// Means over trials.
    pub(crate) fn means(&self) -> Option<Means> {
        match self.replay {
            Replayed::Played { means, .. } => Some(means),
            Replayed::NotRecorded | Replayed::Missing(_) => None,
        }
    }

    /// Medians over trials: by these a replay agrees or does not.
    pub(crate) fn medians(&self) -> Option<Means> {
        match self.replay {
            Replayed::Played { medians, .. } => Some(medians),
            Replayed::NotRecorded | Replayed::Missing(_) => None,
        }
    }
}

/// What theory expects of the pool of these points at any rate; service times are those of their median.
pub(crate) fn theory_ms(points: &[Point<'_, '_>], rate_rps: f64) -> Option<f64> {
    let services: Vec<f64> = points.iter().map(|point| point.service_ms).collect();
    let (service_ms, first) = (median(&services)?, points.first()?);
    let utilisation = rate_rps * service_ms / 1_000.0 / f64::from(first.threads);
    expected_ms(first.threads, utilisation, service_ms, first.times_ms)
}

fn expected_ms(threads: u32, utilisation: f64, service_ms: f64, times_ms: Option<(f64, f64)>) -> Option<f64> {
    let fluid = || times_ms.and_then(|(opens, length)| fluid_wait(utilisation, opens, length));
    mean_wait(threads, utilisation, service_ms).or_else(fluid)
}

impl Replayed {
    /// Medians over trials decide: a machine that does something else for a moment adds to what is measured and not to
    /// the replay, and a mean over all trials would show that moment.
    fn of(cell: &Cell<'_>) -> Self {
        let replays: Vec<&Replay> = cell.ok.iter().filter_map(|trial| trial.replay.as_ref()).collect();
        let missing = replays.iter().map(|replay| replay.missing).fold(0, u64::saturating_add);
        if missing > 0 {
            return Self::Missing(missing);
        }
        let means = |replay: &&Replay| {
            let means = Means { waited_ms: replay.waited_ms?, replayed_ms: replay.replayed_ms? };
            means.strain().is_finite().then_some(means)
        };
        let all: Vec<Means> = replays.iter().filter_map(means).collect();
        let over = |middle: fn(&[f64]) -> Option<f64>| {
            let of = |figure: fn(&Means) -> f64| middle(&all.iter().map(figure).collect::<Vec<_>>());
            Some(Means {
                waited_ms: of(|means| means.waited_ms)?,
                replayed_ms: of(|means| means.replayed_ms)?,
            })
        };
        match (over(median), over(mean)) {
            (Some(medians), Some(means)) => Self::Played {
                medians,
                means,
                agree: all.iter().filter(|means| means.agree()).count() as u64,
                trials: all.len() as u64,
            },
            _ => Self::NotRecorded,
        }
    }
}

impl Means {
    pub(crate) fn off_ms(self) -> f64 {
        self.waited_ms - self.replayed_ms
    }

    /// How much of what is tolerated is used up; over 1, they do not agree.
    pub(crate) fn strain(self) -> f64 {
        self.off_ms().abs() / (TOLERATED_SHARE * self.replayed_ms + TOLERATED_MS)
    }

    pub(crate) fn agree(self) -> bool {
        self.strain() <= 1.0
    }
}

/// What the calls really took.
fn service_ms(trial: &Trial) -> Option<f64> {
    let calls = trial.services.filter(|calls| calls.served > 0)?;
    Some(calls.service_ms / calls.served as f64)
}

/// 95 % interval of the mean of some waits: the t-interval, `m ± t(0.975, n - 1) · s / √n`. Not one of logarithms, as
/// ratios have, since what it is held against is an arithmetic mean. No wait is below 0, so neither is its end.
fn interval(waits_ms: &[f64], mean_ms: f64) -> Option<Interval> {
    if waits_ms.len() < BLOCKS_FOR_INTERVAL {
        return None;
    }
    let n = waits_ms.len() as f64;
    let variance = waits_ms.iter().map(|ms| (ms - mean_ms).powi(2)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
    let half = t.inverse_cdf(0.975) * (variance / n).sqrt();
    Some(Interval { low: (mean_ms - half).max(0.0), high: mean_ms + half })
}

/// See [`Point::waited_ms`].
fn waited_ms(trial: &Trial) -> Option<f64> {
    let recorded = trial.replay.as_ref().and_then(|replay| replay.waited_ms);
    let from_outside = || Some((trial.latency_ms.mean? - service_ms(trial)?).max(0.0));
    recorded.or_else(from_outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_the_textbook_one() {
        // Mean 3, s = √2.5, t(0.975, 4) = 2.776445: ± 1.963243.
        let interval = interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 3.0).unwrap();
        assert!((interval.low - 1.036_757).abs() < 1e-5, "{interval:?}");
        assert!((interval.high - 4.963_243).abs() < 1e-5, "{interval:?}");
    }

    #[test]
    fn four_trials_have_no_interval_and_none_reaches_below_nothing() {
        assert_eq!(interval(&[1.0, 2.0, 3.0, 4.0], 2.5), None);
        // One trial met a queue, as happens near the limit.
        let skewed = interval(&[0.0, 0.0, 0.0, 0.0, 10.0], 2.0).unwrap();
        assert_eq!(skewed.low, 0.0);
        // s = √20, t = 2.776445: 2 + 5.552890.
        assert!((skewed.high - 7.552_890).abs() < 1e-5, "{skewed:?}");
    }
}
