//! What the theory of queues expects of a pool: Erlang's formula below its limit, a fluid line above it.
//!
//! Both are of M/M/c, that is, Poisson arrivals, exponential service times, `c` servers, one queue, first come
//! first served. Sources: A. K. Erlang, "Solution of some problems in the theory of probabilities of
//! significance in automatic telephone exchanges", 1917; L. Kleinrock, *Queueing Systems, Volume 1: Theory*,
//! 1975, section 3.5. `findings::pool` holds measured waits against them.

/// The probability that an arrival has to wait (Erlang C), with `load` service times of work coming in each
/// service time. `None` where that is not less than the servers, since then the queue has no long run.
pub(crate) fn erlang_c(servers: u32, load: f64) -> Option<f64> {
    let c = f64::from(servers);
    if !(load > 0.0 && load < c) {
        return None;
    }
    // Erlang B by its recursion, which neither overflows nor cancels, and from it Erlang C.
    let blocked = (1..=servers).fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked));
    Some(c * blocked / (c - load * (1.0 - blocked)))
}

/// The mean wait before service in the long run, in the unit of `service`.
pub(crate) fn mean_wait(servers: u32, utilisation: f64, service: f64) -> Option<f64> {
    let c = f64::from(servers);
    Some(erlang_c(servers, utilisation * c)? * service / (c * (1.0 - utilisation)))
}

/// Past the limit the queue only grows: who comes at time t finds (utilisation - 1) × t of work before him. The
/// mean of that over a window that opens so long after the load began.
pub(crate) fn fluid_wait(utilisation: f64, opens: f64, length: f64) -> Option<f64> {
    (utilisation > 1.0).then(|| (utilisation - 1.0) * (opens + length / 2.0))
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    #[test]
    fn known_values() {
        // One server: the share of time that it is busy. Two: 2ρ² / (1 + ρ) (Kleinrock, problem 3.8 and the like).
        for load in [0.1, 0.5, 0.9] {
            assert!((erlang_c(1, load).unwrap() - load).abs() < 1e-12);
            let two = erlang_c(2, 2.0 * load).unwrap();
            assert!((two - 2.0 * load * load / (1.0 + load)).abs() < 1e-12, "{two}");
        }
        // By the sums of the textbook's formula.
        let (c, a) = (10_u32, 8.0_f64);
        let term = |n: u32| (1..=n).fold(1.0, |term, k| term * a / f64::from(k));
        let last = term(c) * 10.0 / (10.0 - a);
        let expected = last / ((0..c).map(term).sum::<f64>() + last);
        assert!((erlang_c(c, a).unwrap() - expected).abs() < 1e-12);
        assert!((mean_wait(1, 0.5, 100.0).unwrap() - 100.0).abs() < 1e-9, "M/M/1: ρ / (1 - ρ) service times");
    }

    #[test]
    fn there_is_no_long_run_at_the_limit_or_beyond() {
        for load in [f64::NAN, -1.0, 0.0, 16.0, 20.0] {
            assert_eq!(erlang_c(16, load), None);
        }
        assert_eq!((mean_wait(16, 1.0, 1.0), fluid_wait(1.0, 5.0, 5.0)), (None, None));
        assert_eq!(erlang_c(0, 1.0), None);
        assert!(erlang_c(2_000, 1_990.0).is_some_and(|waits| (0.0..1.0).contains(&waits)));
    }

    /// A queue of 16 servers, played through.
    fn played(utilisation: f64, arrivals: u32, seed: u64) -> f64 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut exponential = |mean: f64| -(1.0 - random.random::<f64>()).ln() * mean;
        let mut free_at = [0.0_f64; 16];
        let (mut now, mut waited) = (0.0, 0.0);
        for _ in 0..arrivals {
            now += exponential(1.0 / (utilisation * 16.0));
            let first = free_at.iter_mut().min_by(|a, b| a.total_cmp(b)).unwrap();
            let begin = now.max(*first);
            waited += begin - now;
            *first = begin + exponential(1.0);
        }
        waited / f64::from(arrivals)
    }

    #[test]
    fn a_queue_that_is_played_through_waits_as_long_as_the_formulas_say() {
        for utilisation in [0.5, 0.7, 0.9] {
            let (played, formula) =
                (played(utilisation, 1_000_000, 5), mean_wait(16, utilisation, 1.0).unwrap());
            assert!((played / formula - 1.0).abs() < 0.1, "{utilisation}: {played}, expected {formula}");
        }
        // 20 % too many: after n arrivals the time is n / 19.2, and the mean over all of it half of the last wait.
        let (played, fluid) = (played(1.2, 200_000, 5), fluid_wait(1.2, 0.0, 200_000.0 / 19.2).unwrap());
        assert!((played / fluid - 1.0).abs() < 0.05, "{played}, expected {fluid}");
    }
}
