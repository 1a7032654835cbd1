//! When open-loop requests are due, and when closed-loop clients begin.
//!
//! Both follow from the seed alone: two runs with the same seed ask the same of two servers.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::protocol::{Arrivals, Shape};

/// Due times, in nanoseconds from the start of the load, without end.
///
/// Arrivals are laid out in *expected arrivals* first, equally or exponentially spaced by one on average, and
/// then carried over to time by the inverse of the rate's integral. For the exponential ones that is how a
/// Poisson process of any rate is made (E. Çinlar, *Introduction to Stochastic Processes*, 1975, section
/// 4.7), and for the equal ones it makes the count of a stretch of time exact.
#[derive(Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    rate: Vec<Stretch>,
    /// The one that the last request is due in.
    now: usize,
    random: Xoshiro256PlusPlus,
    /// Requests so far.
    nth: u64,
    /// Expected arrivals up to the last request; kept in full precision, so that rounding does not add up.
    expected: f64,
}

/// A stretch of time over which the rate changes evenly.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    begin_ns: f64,
    /// Arrivals per nanosecond at its begin.
    rate: f64,
    /// By how much that grows each nanosecond.
    slope: f64,
    /// Expected arrivals before it, and up to its end.
    before: f64,
    after: f64,
}

impl Schedule {
    /// `rate_rps` requests per second on average.
    pub fn new(arrivals: Arrivals, rate_rps: f64, seed: u64) -> Self {
        Self::shaped(arrivals, rate_rps, Shape::Steady, 0, seed)
    }

    /// The same with a rate that changes over a window, which opens so long after the start of the load.
    pub fn shaped(arrivals: Arrivals, rate_rps: f64, shape: Shape, opens_ns: u64, seed: u64) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let rate = stretches(&shape.knots(), rate_rps, opens_ns);
        Self { arrivals, rate, now: 0, random, nth: 0, expected: 0.0 }
    }

    /// When so many arrivals are to be expected; never asked for fewer than before.
    fn time_ns(&mut self, expected: f64) -> f64 {
        while expected > self.rate[self.now].after {
            self.now += 1;
        }
        let Stretch { begin_ns, rate, slope, before, .. } = self.rate[self.now];
        let left = expected - before;
        // The root of rate × t + slope × t² / 2 = left, in the form that does not cancel and knows slope 0.
        let root = (rate * rate + 2.0 * slope * left).max(0.0).sqrt();
        begin_ns + 2.0 * left / (rate + root)
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.nth += 1;
        self.expected = match self.arrivals {
            // By counting, not by adding: the millionth request is where it should be.
            Arrivals::Uniform => self.nth as f64,
            // Inverse of the exponential distribution; `random` is below 1, so the logarithm is finite.
            Arrivals::Poisson => self.expected - (1.0 - self.random.random::<f64>()).ln(),
        };
        Some(self.time_ns(self.expected) as u64)
    }
}

/// The rate at a moment of the window, as a factor. Two at the same moment are a jump.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    at_ms: u64,
    factor: f64,
}

impl Shape {
    /// From the begin of the window on; before the first and after the last the rate stays.
    fn knots(self) -> Vec<Knot> {
        let knot = |at_ms, factor| Knot { at_ms, factor };
        match self {
            Self::Steady => Vec::new(),
            Self::Spike { at_ms, for_ms, times } => {
                let end_ms = at_ms + for_ms;
                vec![knot(at_ms, 1.0), knot(at_ms, times), knot(end_ms, times), knot(end_ms, 1.0)]
            }
            Self::Ramp { at_ms, for_ms, times } => vec![knot(at_ms, 1.0), knot(at_ms + for_ms, times)],
            Self::Steps { steps, for_ms, times } => {
                let factor = |step: u32| 1.0 + (times - 1.0) * f64::from(step) / f64::from(steps);
                let jump = |step: u32| {
                    let at_ms = u64::from(step) * for_ms;
                    [knot(at_ms, factor(step - 1)), knot(at_ms, factor(step))]
                };
                (1..=steps).flat_map(jump).collect()
            }
        }
    }
}

fn stretches(knots: &[Knot], rate_rps: f64, opens_ns: u64) -> Vec<Stretch> {
    let steady = Knot { at_ms: 0, factor: 1.0 };
    let (first, last) = (knots.first().unwrap_or(&steady), knots.last().unwrap_or(&steady));
    let time_ns = |knot: &Knot| opens_ns as f64 + knot.at_ms as f64 * 1e6;
    let rate = |knot: &Knot| knot.factor * rate_rps / 1e9;
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut before = 0.0;
    // From the start of the load to the first, and between them.
    let start = std::iter::once((0.0, rate(first), time_ns(first), rate(first)));
    let between =
        knots.windows(2).map(|pair| (time_ns(&pair[0]), rate(&pair[0]), time_ns(&pair[1]), rate(&pair[1])));
    for (begin_ns, from, end_ns, to) in start.chain(between) {
        let length_ns = end_ns - begin_ns;
        if length_ns > 0.0 {
            let after = before + (from + to) / 2.0 * length_ns;
            stretches.push(Stretch { begin_ns, rate: from, slope: (to - from) / length_ns, before, after });
            before = after;
        }
    }
    let forever =
        Stretch { begin_ns: time_ns(last), rate: rate(last), slope: 0.0, before, after: f64::INFINITY };
    stretches.push(forever);
    stretches
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

    /// Requests due in each of these stretches of the window, given in milliseconds, by the clock.
    fn counts(shape: Shape, rate_rps: f64, edges_ms: &[u64]) -> Vec<usize> {
        let opens_ns = 250_000_000;
        let last_ns = opens_ns + edges_ms.last().unwrap() * 1_000_000;
        let schedule = Schedule::shaped(Arrivals::Uniform, rate_rps, shape, opens_ns, 0);
        let due: Vec<u64> = schedule.take_while(|due_ns| *due_ns <= last_ns).collect();
        let within = |pair: &[u64]| {
            let (begin_ns, end_ns) = (opens_ns + pair[0] * 1_000_000, opens_ns + pair[1] * 1_000_000);
            due.iter().filter(|due_ns| (begin_ns + 1..=end_ns).contains(*due_ns)).count()
        };
        edges_ms.windows(2).map(within).collect()
    }

    /// With equal gaps in expected arrivals, counts are the integral of the rate, to the request at an edge.
    fn assert_counts(shape: Shape, rate_rps: f64, edges_ms: &[u64], expected: &[usize]) {
        let counts = counts(shape, rate_rps, edges_ms);
        let right = counts.iter().zip(expected).all(|(count, expected)| count.abs_diff(*expected) <= 1);
        assert!(right && counts.len() == expected.len(), "{shape:?}: {counts:?}, expected {expected:?}");
    }

    #[test]
    fn a_spike_has_its_rate_for_its_time_and_no_longer() {
        let spike = Shape::Spike { at_ms: 2_000, for_ms: 3_000, times: 10.0 };
        assert_counts(spike, 100.0, &[0, 2_000, 5_000, 8_000], &[200, 3_000, 300]);
        let dip = Shape::Spike { at_ms: 1_000, for_ms: 1_000, times: 0.1 };
        assert_counts(dip, 100.0, &[0, 1_000, 2_000, 3_000], &[100, 10, 100]);
    }

    #[test]
    fn a_ramp_is_the_area_under_it_and_stays_where_it_ends() {
        // From 100 to 300 a second within 4 s: 2 s at 150 on average, 2 s at 250, and then 300.
        let ramp = Shape::Ramp { at_ms: 1_000, for_ms: 4_000, times: 3.0 };
        assert_counts(ramp, 100.0, &[0, 1_000, 3_000, 5_000, 6_000], &[100, 300, 500, 300]);
        let down = Shape::Ramp { at_ms: 0, for_ms: 4_000, times: 0.5 };
        assert_counts(down, 200.0, &[0, 2_000, 4_000, 5_000], &[350, 250, 100]);
    }

    #[test]
    fn steps_are_even_and_the_last_one_stays() {
        let steps = Shape::Steps { steps: 2, for_ms: 1_000, times: 5.0 };
        assert_counts(steps, 100.0, &[0, 1_000, 2_000, 3_000, 4_000], &[100, 300, 500, 500]);
    }

    #[test]
    fn before_the_window_the_rate_is_that_of_its_begin() {
        let shape = Shape::Spike { at_ms: 0, for_ms: 1_000, times: 2.0 };
        let early = Schedule::shaped(Arrivals::Uniform, 100.0, shape, 1_000_000_000, 0);
        assert_eq!(early.take_while(|due_ns| *due_ns <= 1_000_000_000).count(), 100);
    }

    #[test]
    fn shaped_poisson_arrivals_have_the_expected_counts_and_come_in_order() {
        let ramp = Shape::Ramp { at_ms: 0, for_ms: 10_000, times: 9.0 };
        let due: Vec<u64> = Schedule::shaped(Arrivals::Poisson, 1_000.0, ramp, 0, 5)
            .take_while(|due_ns| *due_ns < 10_000_000_000)
            .collect();
        assert!(due.is_sorted());
        // 50,000 expected; five standard deviations. In the first half 30 % of them.
        assert!(due.len().abs_diff(50_000) < 1_120, "{}", due.len());
        let first_half = due.iter().filter(|due_ns| **due_ns < 5_000_000_000).count();
        assert!(first_half.abs_diff(15_000) < 612, "{first_half}");
    }
}
