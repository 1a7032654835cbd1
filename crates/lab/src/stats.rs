//! The statistics of the report: what may be concluded from a handful of blocks, and what may not.
//!
//! A *block* holds one trial of every rung, run close together in shuffled order, so that whatever drifts
//! (temperature, a neighbour's build) hits all rungs of the block alike. Rungs are therefore compared
//! *within* blocks: one ratio per block, and the spread of those ratios says how sure we are.
//!
//! Three steps, a file each: [`ratio`] makes one ratio and its interval of the blocks, here; a [`Family`] reads
//! all ratios of an experiment together, since whoever compares often finds something sooner or later; and
//! [`unpaired`] is for two runs that share no blocks. `stats/coverage.rs` holds the intervals to what they
//! promise, by simulation.
//!
//! The reader goes next to `stats/family.rs`, then to `report::cells`, which puts trials together, and
//! `report::findings`, which turns a [`Reading`] into a sentence.

use statrs::distribution::{ContinuousCDF, StudentsT};

#[cfg(test)]
mod coverage;
mod family;
mod pooled;
mod unpaired;

pub use family::{Family, Judged, Reading};
pub use pooled::{Pooled, enough_for};
pub use unpaired::unpaired;

/// With fewer blocks there are points, and no interval.
pub const BLOCKS_FOR_INTERVAL: usize = 5;

/// Two rungs are called equal only when the whole 90 % interval of their ratio lies in here.
pub const EQUIVALENCE: Interval = Interval { low: 0.95, high: 1.05 };

/// How one rung compares with another in one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Geometric mean of the blocks' ratios.
    pub estimate: f64,
    /// Blocks that had both.
    pub blocks: usize,
    /// 95 % interval of the geometric mean; none with fewer than [`BLOCKS_FOR_INTERVAL`] blocks.
    pub interval: Option<Interval>,
    /// 90 % interval, which the test for equality uses.
    pub interval_90: Option<Interval>,
    /// What the estimate is the exponential of.
    log_mean: f64,
    /// How far that may be off; none with too few blocks.
    spread: Option<Spread>,
}

/// How sure a mean of logarithms is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    standard_error: f64,
    /// Degrees of freedom of the t distribution.
    freedom: f64,
}

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Compares two rungs over `(first, second)`, one pair per block.
///
/// A ratio of CPU times or rates is skewed and its logarithm far less so; so the mean and the t-interval
/// are taken of log ratios and carried back: `exp(m ± t(1 - α/2, n - 1) · s / √n)`. That is the t-interval
/// for the mean of paired differences (R. Jain, *The Art of Computer Systems Performance Analysis*, 1991,
/// section 13.4.1) on logarithms, which makes the mean the geometric one, the only mean of ratios that
/// does not depend on which rung is called the first (P. Fleming, J. Wallace, CACM 29(3), 1986).
///
/// What the interval supposes: that the log ratios of the blocks are independent and about normal. Drift that
/// a block has in common cancels in the ratio. Simulated with it, five blocks cover the true ratio in 95 % of
/// the experiments. A trial now and then that is far too slow makes the interval wide, not false
/// (`stats/coverage.rs` has the figures).
///
/// Pairs of which one value has no logarithm (zero, negative, not finite) do not count. `None` when no
/// pair is left.
#[must_use]
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Ratio> {
    let logs: Vec<f64> = pairs
        .iter()
        .filter(|(first, second)| *first > 0.0 && *second > 0.0)
        .map(|(first, second)| first.ln() - second.ln())
        .filter(|log| log.is_finite())
        .collect();
    let log_mean = mean(&logs)?;
    let spread = (logs.len() >= BLOCKS_FOR_INTERVAL).then(|| {
        let n = logs.len() as f64;
        Spread { standard_error: (variance(&logs, log_mean) / n).sqrt(), freedom: n - 1.0 }
    });
    Some(Ratio::of(log_mean, logs.len(), spread))
}

impl Ratio {
    fn of(log_mean: f64, blocks: usize, spread: Option<Spread>) -> Self {
        let interval = |confidence| Some(spread?.interval(log_mean, confidence));
        Self {
            estimate: log_mean.exp(),
            blocks,
            interval: interval(0.95),
            interval_90: interval(0.90),
            log_mean,
            spread,
        }
    }

    /// The interval of this confidence, such as 0.95.
    #[must_use]
    pub fn interval_at(&self, confidence: f64) -> Option<Interval> {
        Some(self.spread?.interval(self.log_mean, confidence))
    }

    /// How likely a mean at least so far from 1, on either side, would be if there were no difference (t-test).
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        Some(self.spread?.p_value(self.log_mean))
    }

    /// Half the width of the 95 % interval, as a share: 0.05 says that the estimate may be off by 5 %. It is
    /// also the smallest difference that such blocks can show.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        Some(self.spread?.half_width(0.95).exp() - 1.0)
    }

    /// The same comparison the other way round.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self::of(-self.log_mean, self.blocks, self.spread)
    }
}

impl Spread {
    fn half_width(self, confidence: f64) -> f64 {
        let Ok(t) = StudentsT::new(0.0, 1.0, self.freedom) else { return f64::INFINITY };
        t.inverse_cdf(0.5 + confidence / 2.0) * self.standard_error
    }

    fn interval(self, log_mean: f64, confidence: f64) -> Interval {
        let half = self.half_width(confidence);
        Interval { low: (log_mean - half).exp(), high: (log_mean + half).exp() }
    }

    fn p_value(self, log_mean: f64) -> f64 {
        // Without any spread a difference is certain, and so is none.
        if self.standard_error <= 0.0 {
            return if log_mean == 0.0 { 1.0 } else { 0.0 };
        }
        let Ok(t) = StudentsT::new(0.0, 1.0, self.freedom) else { return 1.0 };
        (2.0 * t.sf((log_mean / self.standard_error).abs())).min(1.0)
    }
}

impl Interval {
    /// Whether the value lies in it, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Of a sample, around its mean.
fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// Arithmetic mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The middle value, or the mean of the two middle ones; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_textbook_one() {
        // Logs are -0.2, -0.1, 0, 0.1, 0.2: s = 0.158114, t(0.975, 4) = 2.776445, so ± 0.196325.
        let pairs: Vec<_> = [-0.2_f64, -0.1, 0.0, 0.1, 0.2].iter().map(|log| (log.exp(), 1.0)).collect();
        let ratio = ratio(&pairs).unwrap();
        assert!((ratio.estimate - 1.0).abs() < 1e-12);
        let interval = ratio.interval.unwrap();
        assert!((interval.high.ln() - 0.196_325).abs() < 1e-5, "{interval:?}");
        assert!((interval.low.ln() + 0.196_325).abs() < 1e-5, "{interval:?}");
        // t(0.95, 4) = 2.131847
        assert!((ratio.interval_90.unwrap().high.ln() - 0.150_744).abs() < 1e-5);
        // 0.196325 is where the two-sided p value of the t-test is 5 %: t = 0.196325 / (0.158114 / √5).
        let shifted: Vec<_> = pairs.iter().map(|(first, _)| (first * 0.196_325_f64.exp(), 1.0)).collect();
        assert!((super::ratio(&shifted).unwrap().p_value().unwrap() - 0.05).abs() < 1e-5);
        assert!((ratio.p_value().unwrap() - 1.0).abs() < 1e-9);
        assert!((ratio.half_width().unwrap() - (0.196_325_f64.exp() - 1.0)).abs() < 1e-5);
    }

    #[test]
    fn four_blocks_are_points_and_five_have_an_interval() {
        assert_eq!(ratio(&[(2.0, 1.0); 4]).unwrap().interval, None);
        assert_eq!(ratio(&[(2.0, 1.0); 4]).unwrap().p_value(), None);
        assert!(ratio(&[(2.0, 1.0); 5]).unwrap().interval.is_some());
    }

    #[test]
    fn one_block_no_block_and_no_spread_are_fine() {
        assert_eq!(ratio(&[]), None);
        let one = ratio(&[(3.0, 2.0)]).unwrap();
        assert!((one.estimate - 1.5).abs() < 1e-12);
        assert_eq!((one.blocks, one.interval), (1, None));
        let same = ratio(&[(7.0, 7.0); 5]).unwrap();
        assert_eq!(same.interval, Some(Interval { low: 1.0, high: 1.0 }));
        assert_eq!((same.p_value(), same.half_width()), (Some(1.0), Some(0.0)));
        assert_eq!(ratio(&[(8.0, 4.0); 5]).unwrap().p_value(), Some(0.0));
    }

    #[test]
    fn what_has_no_logarithm_does_not_count() {
        let wild = [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (4.0, 2.0)];
        let ratio = ratio(&wild).unwrap();
        assert_eq!((ratio.estimate.round(), ratio.blocks), (2.0, 1));
        assert_eq!(super::ratio(&wild[..5]), None);
    }

    #[test]
    fn turned_round_is_the_inverse() {
        let pairs = [(2.0, 1.0), (2.2, 1.0), (1.9, 1.0), (2.1, 1.0), (2.0, 1.1)];
        let swapped = pairs.map(|(first, second)| (second, first));
        let (there, back) = (ratio(&pairs).unwrap(), ratio(&swapped).unwrap().inverse());
        assert!((there.estimate - back.estimate).abs() < 1e-12);
        assert!((there.interval.unwrap().low - back.interval.unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }
}
