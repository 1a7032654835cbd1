//! What a request asks for where a load asks for several things: each is one of them, at random by weight.
//!
//! The choice follows from the seed and from when the request is due, and from nothing that happens. So in
//! open loop two servers are asked the same at the same moments, whatever becomes of the requests.

use crate::http::{Expected, Request};
use crate::protocol::Weighted;

/// Sets what is asked for apart from when.
const SEED: u64 = 0x6d69_7865_645f_6c64;

/// The things that are asked for; none where the URL says it all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mix {
    parts: Vec<Ask>,
    seed: u64,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Bytes of the request.
    pub(crate) request: Vec<u8>,
    pub(crate) expected: Expected,
    /// Share of the requests: its weight over that of all.
    pub(crate) weight: u32,
}

impl Mix {
    pub(crate) fn new(parts: Vec<Weighted>, host: &str, keep_alive: bool, seed: u64) -> Self {
        let ask = |part: Weighted| {
            let target = &part.target;
            let request = Request { method: "GET", host, target, accept: None, keep_alive, body: None };
            Ask { request: request.to_bytes(), expected: part.expect.into(), weight: part.weight }
        };
        Self { parts: parts.into_iter().map(ask).collect(), seed: seed ^ SEED }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What the request asks for that is due at this time from the start of the load.
    pub(crate) fn at(&self, offset_ns: u64) -> Option<&Ask> {
        let all: u64 = self.parts.iter().map(|part| u64::from(part.weight)).sum();
        // The upper half of a product is a number below `all`, each as likely as the others.
        let drawn = (u128::from(scattered(offset_ns ^ self.seed)) * u128::from(all)) >> 64;
        let mut left = drawn as u64;
        self.parts.iter().find(|part| {
            let weight = u64::from(part.weight);
            let found = left < weight;
            left = left.saturating_sub(weight);
            found
        })
    }
}

/// The finaliser of `SplitMix64` (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014): neighbours in, strangers out.
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Arrivals, Expect};
    use crate::schedule::Schedule;

    fn mix(weights: &[u32], seed: u64) -> Mix {
        let ask = |(place, weight): (usize, &u32)| Weighted {
            target: format!("/{place}"),
            weight: *weight,
            expect: Expect::default(),
        };
        Mix::new(weights.iter().enumerate().map(ask).collect(), "here", true, seed)
    }

    fn asked(mix: &Mix, arrivals: Arrivals) -> Vec<usize> {
        let due = Schedule::new(arrivals, 1_000.0, 7).take(100_000);
        let place = |at_ns| {
            let head = String::from_utf8_lossy(&mix.at(at_ns).unwrap().request).into_owned();
            head.split(['/', ' ']).nth(2).unwrap().parse().unwrap()
        };
        due.map(place).collect()
    }

    #[test]
    fn each_part_gets_its_share_whatever_the_spacing() {
        for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
            let asked = asked(&mix(&[49, 1, 50], 3), arrivals);
            for (place, share) in [(0, 0.49), (1, 0.01), (2, 0.5)] {
                let count = asked.iter().filter(|asked| **asked == place).count() as f64;
                // Five standard deviations of a binomial count.
                let off = 5.0 * (1e5 * share * (1.0_f64 - share)).sqrt();
                assert!((count - 1e5 * share).abs() < off, "{arrivals:?}: {count} of part {place}");
            }
        }
    }

    #[test]
    fn parts_do_not_come_in_runs() {
        let asked = asked(&mix(&[1, 1], 3), Arrivals::Uniform);
        let changes = asked.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
        assert!((changes - 50_000.0).abs() < 5.0 * 158.0, "{changes} of 99,999");
    }

    #[test]
    fn the_seed_decides() {
        let with = |seed| asked(&mix(&[1, 1], seed), Arrivals::Uniform);
        assert_eq!(with(3), with(3));
        assert_ne!(with(3), with(4));
        assert!(Mix::default().is_empty() && Mix::default().at(5).is_none());
    }
}
