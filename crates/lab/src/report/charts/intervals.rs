//! Whiskers: how sure the mean of a rung's trials is, by itself.
//!
//! Differences between rungs are judged by ratios within blocks (`stats`), which are surer than these whiskers are: what
//! drifts hits all rungs of a block alike.

use plotly::common::{ErrorData, ErrorType};

use crate::report::bounds::Sweep;
use crate::stats::{BLOCKS_FOR_INTERVAL, Interval, ratio};

/// 95 % interval of the geometric mean; none of fewer than five trials.
pub(crate) fn of(trials: &[f64]) -> Option<Interval> {
    let pairs: Vec<(f64, f64)> = trials.iter().map(|value| (*value, 1.0)).collect();
    ratio(&pairs)?.interval
}

/// From what is drawn to the ends of its interval; none where there is no interval at all.
pub(crate) fn whiskers(drawn: &[f64], intervals: &[Option<Interval>]) -> Option<ErrorData> {
    if intervals.iter().all(Option::is_none) {
        return None;
    }
    let reach = |end: &dyn Fn(f64, Interval) -> f64| -> Vec<f64> {
        let both = drawn.iter().zip(intervals);
        // What has none gets no whisker: JSON knows no NaN and writes null.
        both.map(|(value, interval)| interval.map_or(f64::NAN, |interval| end(*value, interval).max(0.0)))
            .collect()
    };
    let error = ErrorData::new(ErrorType::Data)
        .array(reach(&|value, interval| interval.high - value))
        .array_minus(reach(&|value, interval| value - interval.low))
        .symmetric(false)
        .thickness(1.5)
        .width(4);
    Some(error)
}

/// For a chart with whiskers, as the end of a clause.
pub(crate) fn said(sweep: &Sweep<'_, '_>) -> &'static str {
    let points = sweep.tracks.iter().flat_map(|track| &track.points);
    let enough = points.map(|point| point.cell.ok.len()).max().unwrap_or(0) >= BLOCKS_FOR_INTERVAL;
    if enough { ", a whisker is the 95 % interval of the mean" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_trials_have_a_whisker_and_four_have_none() {
        let interval = of(&[99.0, 100.0, 101.0, 100.0, 100.0]).unwrap();
        assert!(interval.contains(100.0) && interval.high < 101.0, "{interval:?}");
        assert_eq!(of(&[100.0; 4]), None);
        assert!(whiskers(&[1.0, 2.0], &[None, None]).is_none());
        let some = serde_json::to_value(whiskers(&[100.0, 2.0], &[Some(interval), None])).unwrap();
        assert!(some["array"][0].as_f64().unwrap() > 0.0 && some["array"][1].is_null(), "{some}");
    }
}
