//! Distributions of times: recorded in nanoseconds, read in milliseconds, merged without loss.
//!
//! High dynamic range histograms keep three significant digits at any size, so percentiles are right to
//! 0.1 % from microseconds to minutes and histograms of several threads or trials add up exactly.
//! Percentiles themselves do not: never average them, [`merge`](Histogram::merge) and read again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};

/// How often each duration came, in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// What [`Histogram::decode`] was given is not an HDR histogram.
#[derive(Debug, thiserror::Error)]
#[error("not an HDR histogram in base64 ({0}); was it cut short?")]
pub struct DecodeError(String);

impl Histogram {
    /// Empty, three significant digits.
    pub fn new() -> Self {
        Self::with_digits(3)
    }

    /// Two digits: a fourteenth of the memory, for the many small histograms of a time series.
    pub(crate) fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        Self(hdrhistogram::Histogram::new(digits).expect("1 to 5 digits are allowed"))
    }

    /// Counts one duration.
    pub fn record_ns(&mut self, ns: u64) {
        self.0.record(ns).expect("an auto-resizing histogram takes any value");
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("an auto-resizing histogram takes any other");
    }

    /// Forgets everything, keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }

    /// Durations counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Quantile `q` (0.99 for p99) in milliseconds, where there are enough samples to speak of it: at
    /// least ten beyond the quantile, so 20 for p50, 100 for p90, 1,000 for p99 and 10,000 for p99.9.
    /// `None` with fewer: a p99 of 50 samples is their maximum under another name.
    pub fn percentile_ms(&self, q: f64) -> Option<f64> {
        let beyond = (1.0 - q) * self.count() as f64;
        // The sum of binary fractions may miss ten by a hair.
        (beyond >= 10.0 - 1e-6).then(|| self.value_ms(q))
    }

    /// As [`Self::percentile_ms`] with a minimum of samples of the caller's own.
    pub fn percentile_ms_of(&self, q: f64, at_least: u64) -> Option<f64> {
        (self.count() >= at_least).then(|| self.value_ms(q))
    }

    fn value_ms(&self, q: f64) -> f64 {
        milliseconds(self.0.value_at_quantile(q) as f64)
    }

    /// Arithmetic mean in milliseconds; `None` when empty.
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| milliseconds(self.0.mean()))
    }

    /// Largest duration in milliseconds; `None` when empty.
    pub fn max_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| milliseconds(self.0.max() as f64))
    }

    /// The form in which results keep it: HDR histogram V2, base64. Other HDR tools read it as well.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).expect("writing to memory cannot fail");
        STANDARD.encode(bytes)
    }

    /// Reads [`Self::encode`]'s form.
    ///
    /// # Errors
    /// When it is something else, or cut short.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let bytes = STANDARD.decode(text).map_err(|e| DecodeError(e.to_string()))?;
        let mut decoded: hdrhistogram::Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|e| DecodeError(e.to_string()))?;
        decoded.auto(true);
        Ok(Self(decoded))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

fn milliseconds(ns: f64) -> f64 {
    ns / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 ms, 2 ms, … `n` ms.
    fn ramp(n: u64) -> Histogram {
        let mut histogram = Histogram::new();
        (1..=n).for_each(|ms| histogram.record_ns(ms * 1_000_000));
        histogram
    }

    fn close(measured: f64, expected: f64) -> bool {
        (measured / expected - 1.0).abs() < 0.002
    }

    #[test]
    fn percentiles_need_ten_samples_beyond_them() {
        assert_eq!(ramp(19).percentile_ms(0.5), None);
        assert!(close(ramp(20).percentile_ms(0.5).unwrap(), 10.0));
        assert_eq!(ramp(99).percentile_ms(0.9), None);
        assert!(close(ramp(100).percentile_ms(0.9).unwrap(), 90.0));
        assert_eq!(ramp(999).percentile_ms(0.99), None);
        assert!(close(ramp(1_000).percentile_ms(0.99).unwrap(), 990.0));
        assert_eq!(ramp(9_999).percentile_ms(0.999), None);
        assert!(close(ramp(10_000).percentile_ms(0.999).unwrap(), 9_990.0));
    }

    #[test]
    fn mean_and_max_are_null_when_there_is_nothing() {
        let empty = Histogram::new();
        assert_eq!((empty.count(), empty.mean_ms(), empty.max_ms()), (0, None, None));
        assert!(close(ramp(9).mean_ms().unwrap(), 5.0));
        assert!(close(ramp(9).max_ms().unwrap(), 9.0));
    }

    #[test]
    fn what_is_decoded_counts_the_same_and_can_be_merged_into() {
        for original in [Histogram::new(), ramp(1), ramp(5_000)] {
            let mut decoded = Histogram::decode(&original.encode()).unwrap();
            assert_eq!(decoded.count(), original.count());
            assert_eq!(decoded.percentile_ms(0.99), original.percentile_ms(0.99));
            // Far beyond anything the decoded one has room for.
            decoded.merge(&ramp(100_000));
            assert_eq!(decoded.count(), original.count() + 100_000);
        }
    }

    #[test]
    fn merging_equals_recording_together() {
        let (mut odd, mut even) = (Histogram::new(), Histogram::new());
        for ms in 1..=2_000 {
            if ms % 2 == 0 { &mut even } else { &mut odd }.record_ns(ms * 1_000_000);
        }
        odd.merge(&even);
        assert_eq!(odd.encode(), ramp(2_000).encode());
    }

    #[test]
    fn what_is_no_histogram_is_an_error() {
        let whole = ramp(100).encode();
        for bad in ["", "?", "aGVsbG8=", &whole[..whole.len() / 2]] {
            assert!(Histogram::decode(bad).is_err(), "{bad}");
        }
    }
}
