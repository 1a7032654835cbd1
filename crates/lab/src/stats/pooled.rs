//! Response times of several trials as one distribution, and how many samples a percentile needs.
//!
//! These are descriptive: what all answers together looked like. What may be concluded from blocks is said by
//! ratios, in the parent module.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::results::Percentiles;

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
