//! The statistics of the report: what may be concluded from a handful of blocks, and what may not.
//!
//! A *block* holds one trial of every rung, run close together in shuffled order, so that whatever drifts
//! (temperature, a neighbour's build) hits all rungs of the block alike. Rungs are therefore compared
//! *within* blocks: one ratio per block, and the spread of those ratios says how sure we are.
//!
//! The reader goes next to `report::cells`, which puts trials together, and `report::findings`, which
//! turns a [`Reading`] into a sentence.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::results::Percentiles;

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
}

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// What a [`Ratio`] allows one to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Too few blocks to say more than what was seen.
    PointsOnly,
    /// Equal within 5 %: the 90 % interval lies within [`EQUIVALENCE`].
    Equal,
    /// The 95 % interval contains 1. That is not equality: it may merely be wide.
    NoDifferenceShown,
    /// The 95 % interval lies above 1.
    Larger,
    /// The 95 % interval lies below 1.
    Smaller,
}

/// Compares two rungs over `(first, second)`, one pair per block.
///
/// A ratio of CPU times or rates is skewed and its logarithm far less so; so the mean and the t-interval
/// are taken of log ratios and carried back: `exp(m ± t(1 - α/2, n - 1) · s / √n)`. That is the t-interval
/// for the mean of paired differences (R. Jain, *The Art of Computer Systems Performance Analysis*, 1991,
/// section 13.4.1) on logarithms, which makes the mean the geometric one, the only mean of ratios that
/// does not depend on which rung is called the first (P. Fleming, J. Wallace, CACM 29(3), 1986). Equality
/// is tested by two one-sided tests at 5 %, which is the same as asking whether the 90 % interval lies
/// within the margins (D. Schuirmann, J. Pharmacokinet. Biopharm. 15(6), 1987).
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
    let middle = mean(&logs)?;
    let interval = |confidence| {
        if logs.len() < BLOCKS_FOR_INTERVAL {
            return None;
        }
        let half = half_width(&logs, middle, confidence);
        Some(Interval { low: (middle - half).exp(), high: (middle + half).exp() })
    };
    Some(Ratio {
        estimate: middle.exp(),
        blocks: logs.len(),
        interval: interval(0.95),
        interval_90: interval(0.90),
    })
}

impl Ratio {
    /// What may be said. Equality within 5 % comes first: a difference that is certain and smaller than
    /// that is of no use to anyone.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let (Some(interval), Some(interval_90)) = (self.interval, self.interval_90) else {
            return Reading::PointsOnly;
        };
        if EQUIVALENCE.contains(interval_90.low) && EQUIVALENCE.contains(interval_90.high) {
            Reading::Equal
        } else if interval.contains(1.0) {
            Reading::NoDifferenceShown
        } else if interval.low > 1.0 {
            Reading::Larger
        } else {
            Reading::Smaller
        }
    }

    /// The same comparison the other way round.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let flip = |interval: Interval| Interval { low: 1.0 / interval.high, high: 1.0 / interval.low };
        Self {
            estimate: 1.0 / self.estimate,
            blocks: self.blocks,
            interval: self.interval.map(flip),
            interval_90: self.interval_90.map(flip),
        }
    }
}

impl Interval {
    /// Whether the value lies in it, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Half of the t-interval's width for the mean of `values`.
fn half_width(values: &[f64], mean: f64, confidence: f64) -> f64 {
    let n = values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let Ok(t) = StudentsT::new(0.0, 1.0, n - 1.0) else { return f64::INFINITY };
    t.inverse_cdf(0.5 + confidence / 2.0) * (variance / n).sqrt()
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

/// Response times of several trials as one distribution. Percentiles cannot be averaged (the mean of two
/// p99 is no percentile of anything); histograms can be added.
#[derive(Debug, Clone)]
pub struct Pooled {
    histogram: Histogram<u64>,
    /// Histograms that could not be read.
    pub unreadable: usize,
}

impl Pooled {
    /// Adds up histograms as results hold them: HDR V2 in base64, nanoseconds. `None` when there is no
    /// sample in any.
    pub fn of<'a>(encoded: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut pooled: Option<Histogram<u64>> = None;
        let mut unreadable = 0;
        for text in encoded {
            match (decode(text), &mut pooled) {
                (None, _) => unreadable += 1,
                (Some(one), None) => pooled = Some(one),
                (Some(one), Some(sum)) => {
                    sum.auto(true);
                    if sum.add(&one).is_err() {
                        unreadable += 1;
                    }
                }
            }
        }
        pooled.filter(|histogram| !histogram.is_empty()).map(|histogram| Self { histogram, unreadable })
    }

    /// How many answers it describes.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.histogram.len()
    }

    /// Milliseconds; null where too few samples stand behind one (see [`enough_for`]).
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        Percentiles {
            p50: self.at(0.5),
            p90: self.at(0.9),
            p99: self.at(0.99),
            p999: self.at(0.999),
            max: Some(self.histogram.max() as f64 / 1e6),
            mean: Some(self.histogram.mean() / 1e6),
        }
    }

    /// `(quantile, milliseconds)` from the median's side to as far out as the samples carry, evenly spaced
    /// in `log(1 / (1 - quantile))`, which is how the tail is drawn.
    #[must_use]
    pub fn curve(&self) -> Vec<(f64, f64)> {
        const STEPS_PER_DECADE: i32 = 12;
        (0..=5 * STEPS_PER_DECADE)
            .map(|step| 1.0 - 10_f64.powf(-f64::from(step) / f64::from(STEPS_PER_DECADE)))
            .take_while(|quantile| enough_for(*quantile, self.samples()))
            .filter_map(|quantile| Some((quantile, self.at(quantile)?)))
            .collect()
    }

    fn at(&self, quantile: f64) -> Option<f64> {
        enough_for(quantile, self.samples()).then(|| self.histogram.value_at_quantile(quantile) as f64 / 1e6)
    }
}

/// Ten samples must lie beyond a tail percentile before it is given: p99 needs 1,000, p99.9 10,000. The
/// median and p90 are given as soon as there is a sample: whoever reads them sees the count beside them.
#[must_use]
pub fn enough_for(quantile: f64, samples: u64) -> bool {
    // The tiny allowance keeps 1,000 × (1 - 0.99), which floats make 9.999…, on the right side.
    samples > 0 && (quantile <= 0.9 || samples as f64 * (1.0 - quantile) >= 10.0 - 1e-6)
}

fn decode(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer, V2Serializer};

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
        assert_eq!(ratio.reading(), Reading::NoDifferenceShown);
    }

    #[test]
    fn four_blocks_are_points_and_five_have_an_interval() {
        assert_eq!(ratio(&[(2.0, 1.0); 4]).unwrap().interval, None);
        assert_eq!(ratio(&[(2.0, 1.0); 4]).unwrap().reading(), Reading::PointsOnly);
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
        assert_eq!(same.reading(), Reading::Equal);
    }

    #[test]
    fn what_has_no_logarithm_does_not_count() {
        let wild = [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (4.0, 2.0)];
        let ratio = ratio(&wild).unwrap();
        assert_eq!((ratio.estimate.round(), ratio.blocks), (2.0, 1));
        assert_eq!(super::ratio(&wild[..5]), None);
    }

    #[test]
    fn readings_follow_the_intervals_and_not_the_estimate() {
        let read = |logs: [f64; 5]| ratio(&logs.map(|log| (log.exp(), 1.0))).unwrap().reading();
        assert_eq!(read([0.70, 0.71, 0.69, 0.70, 0.70]), Reading::Larger);
        assert_eq!(read([-0.70, -0.71, -0.69, -0.70, -0.70]), Reading::Smaller);
        // Certain, and within 5 %.
        assert_eq!(read([0.020, 0.021, 0.019, 0.020, 0.020]), Reading::Equal);
        // The same middle, but wide: a large difference was not excluded, so no equality.
        assert_eq!(read([0.02, 0.30, -0.26, 0.15, -0.11]), Reading::NoDifferenceShown);
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

    fn encoded(millis: impl IntoIterator<Item = u64>) -> String {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        millis.into_iter().for_each(|ms| histogram.record(ms * 1_000_000).unwrap());
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        STANDARD.encode(bytes)
    }

    #[test]
    fn histograms_add_up_to_the_percentiles_of_all_samples() {
        let (low, high) = (encoded(1..=500), encoded(501..=1_000));
        let pooled = Pooled::of([low.as_str(), high.as_str(), "not a histogram"]).unwrap();
        assert_eq!((pooled.samples(), pooled.unreadable), (1_000, 1));
        let got = pooled.percentiles();
        for (value, expected) in [(got.p50, 500.0), (got.p90, 900.0), (got.p99, 990.0), (got.max, 1_000.0)] {
            assert!((value.unwrap() / expected - 1.0).abs() < 2e-3, "{value:?} for {expected}");
        }
        assert_eq!(got.p999, None, "1,000 samples do not carry p99.9");
    }

    #[test]
    fn tails_need_their_samples() {
        assert!(enough_for(0.99, 1_000) && !enough_for(0.99, 999));
        assert!(enough_for(0.999, 10_000) && !enough_for(0.999, 9_999));
        assert!(enough_for(0.5, 1) && !enough_for(0.5, 0));
        let few = Pooled::of([encoded(1..=999).as_str()]).unwrap();
        assert_eq!(few.percentiles().p99, None);
        let last = few.curve().last().unwrap().0;
        assert!(last > 0.9 && last < 0.99, "{last}");
    }

    #[test]
    fn no_samples_is_no_distribution() {
        assert!(Pooled::of([]).is_none());
        assert!(Pooled::of([encoded([]).as_str()]).is_none());
        assert!(Pooled::of(["", "????", "AAAA"]).is_none());
    }
}
