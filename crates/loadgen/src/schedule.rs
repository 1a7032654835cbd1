//! When open-loop requests are due, and when closed-loop clients begin.
//!
//! Both follow from the seed alone: two runs with the same seed ask the same of two servers.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::protocol::Arrivals;

/// Due times, in nanoseconds from the start of the load, without end.
#[derive(Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    gap_ns: f64,
    random: Xoshiro256PlusPlus,
    /// Requests so far.
    nth: u64,
    /// Of the last request; kept in full precision, so that rounding does not add up.
    last_ns: f64,
}

impl Schedule {
    /// `rate_rps` requests per second on average.
    pub fn new(arrivals: Arrivals, rate_rps: f64, seed: u64) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { arrivals, gap_ns: 1e9 / rate_rps, random, nth: 0, last_ns: 0.0 }
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.nth += 1;
        self.last_ns = match self.arrivals {
            // By multiplication, not by adding: the millionth request is where it should be.
            Arrivals::Uniform => self.gap_ns * self.nth as f64,
            // Inverse of the exponential distribution; `random` is below 1, so the logarithm is finite.
            Arrivals::Poisson => self.last_ns - (1.0 - self.random.random::<f64>()).ln() * self.gap_ns,
        };
        Some(self.last_ns as u64)
    }
}

/// When each of `clients` closed-loop callers sends its first request: at random within `spread_ns`.
///
/// Clients that all begin at once would stay in step for ever where every answer takes the same time, and
/// the server would see a burst per wait instead of a steady load.
pub fn phases(clients: u32, spread_ns: u64, seed: u64) -> Vec<u64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..clients).map(|_| (random.random::<f64>() * spread_ns as f64) as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 100_000;

    fn gaps(arrivals: Arrivals) -> Vec<f64> {
        let due: Vec<u64> = Schedule::new(arrivals, 1_000.0, 7).take(N + 1).collect();
        due.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect()
    }

    fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let gaps = gaps(Arrivals::Poisson);
        // Exponential: the deviation equals the mean. Tolerances are over five standard errors.
        let (mean, deviation) = mean_and_deviation(&gaps);
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((deviation - 1.0).abs() < 0.03, "{deviation}");
        // And its distribution function is 1 - e^-t, everywhere (Kolmogorov-Smirnov, far tail of N).
        let mut sorted = gaps;
        sorted.sort_by(f64::total_cmp);
        let farthest = sorted
            .iter()
            .enumerate()
            .map(|(i, gap)| ((i as f64 + 0.5) / N as f64 - (1.0 - (-gap).exp())).abs())
            .fold(0.0, f64::max);
        assert!(farthest < 2.0 / (N as f64).sqrt(), "{farthest}");
    }

    #[test]
    fn poisson_counts_per_second_vary_as_their_mean() {
        let mut counts = vec![0.0; 90];
        for due in Schedule::new(Arrivals::Poisson, 1_000.0, 3) {
            match counts.get_mut((due / 1_000_000_000) as usize) {
                Some(count) => *count += 1.0,
                None => break,
            }
        }
        let (mean, deviation) = mean_and_deviation(&counts);
        assert!((mean - 1_000.0).abs() < 20.0, "{mean}");
        assert!((20.0..46.0).contains(&deviation), "{deviation}, expected near the root of 1,000");
    }

    #[test]
    fn uniform_gaps_are_equal_and_do_not_drift() {
        assert!(gaps(Arrivals::Uniform).iter().all(|gap| (gap - 1.0).abs() < 1e-5));
        let third = Schedule::new(Arrivals::Uniform, 3.0, 0).nth(2_999_999).unwrap();
        assert!(third.abs_diff(1_000_000_000_000_000) <= 200_000, "{third}");
    }

    #[test]
    fn the_seed_decides_everything() {
        let schedule = |seed| Schedule::new(Arrivals::Poisson, 50.0, seed).take(1_000).collect::<Vec<_>>();
        assert_eq!(schedule(1), schedule(1));
        assert_ne!(schedule(1), schedule(2));
        assert_eq!(phases(100, 1_000, 1), phases(100, 1_000, 1));
        assert_ne!(phases(100, 1_000, 1), phases(100, 1_000, 2));
    }

    #[test]
    fn phases_fill_their_spread_evenly() {
        let mut phases = phases(10_000, 1_000_000, 5);
        phases.sort_unstable();
        for (i, phase) in phases.iter().enumerate() {
            assert!(phase.abs_diff(i as u64 * 100) < 20_000, "phase {i} at {phase}");
        }
        assert_eq!(super::phases(3, 0, 5), [0, 0, 0]);
    }
}
