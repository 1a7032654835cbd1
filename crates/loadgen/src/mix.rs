//! What a request asks for where a load asks for several things: each by its weight, in shuffled decks.
//!
//! With weights 49 and 1 a deck has 50 cards: every 50 requests in a row hold exactly one of the second kind, at a
//! random place. Were each request drawn by itself, the number of the rare ones in a window would be a matter of
//! chance (8 in one trial and 22 in another, where 15 are to be expected), and where these are the heavy ones, servers
//! would be compared under different loads. When requests are due is another matter: Poisson arrivals stay Poisson.
//!
//! The choice follows from the seed and from a request's place in the schedule, and from nothing that happens. So in
//! open loop two servers are asked the same at the same moments, whatever becomes of the requests. In closed loop
//! there is no schedule, and requests are counted as clients begin them.

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;

use crate::http::{Expected, Request};
use crate::protocol::Weighted;

/// Sets what is asked for apart from when.
const SEED: u64 = 0x6d69_7865_645f_6c64;
/// Larger decks would seldom come to their end within a trial, and then each request is drawn by itself.
const LARGEST_DECK: u64 = 1_000;
/// So many cards at most are laid out beforehand, in whole decks; after them they come in the same order again.
const CARDS: usize = 1 << 16;

/// The things that are asked for; none where the URL says it all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mix {
    parts: Vec<Ask>,
    /// Places in `parts`, deck after deck; none where a deck would be too large.
    cards: Vec<u16>,
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
        let parts: Vec<Ask> = parts.into_iter().map(ask).collect();
        let seed = scattered(seed ^ SEED);
        let cards = deck(&parts).map(|deck| shuffled(deck, seed)).unwrap_or_default();
        Self { parts, cards, seed }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What the nth request asks for, from 0.
    pub(crate) fn at(&self, nth: u64) -> Option<&Ask> {
        if self.cards.is_empty() {
            return self.drawn(nth);
        }
        let card = self.cards[(nth % self.cards.len() as u64) as usize];
        self.parts.get(usize::from(card))
    }

    /// By itself, whatever the others ask for.
    fn drawn(&self, nth: u64) -> Option<&Ask> {
        let all: u64 = self.parts.iter().map(|part| u64::from(part.weight)).sum();
        // The upper half of a product is a number below `all`, each as likely as the others.
        let drawn = (u128::from(scattered(self.seed.wrapping_add(nth))) * u128::from(all)) >> 64;
        let mut left = drawn as u64;
        self.parts.iter().find(|part| {
            let weight = u64::from(part.weight);
            let found = left < weight;
            left = left.saturating_sub(weight);
            found
        })
    }
}

/// Each part as often as its weight says in lowest terms; `None` where that is nothing, or too much.
fn deck(parts: &[Ask]) -> Option<Vec<u16>> {
    let common = parts.iter().fold(0_u32, |divisor, part| common_divisor(divisor, part.weight)).max(1);
    let cards: u64 = parts.iter().map(|part| u64::from(part.weight / common)).sum();
    if !(1..=LARGEST_DECK).contains(&cards) {
        return None;
    }
    let mut deck = Vec::new();
    // No more parts than cards, since each has a weight.
    for (place, part) in (0..).zip(parts) {
        deck.extend(std::iter::repeat_n::<u16>(place, (part.weight / common) as usize));
    }
    Some(deck)
}

/// The greatest one.
fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// As many decks as there is room for, each in an order of its own.
fn shuffled(mut deck: Vec<u16>, seed: u64) -> Vec<u16> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut cards = Vec::new();
    for _ in 0..CARDS / deck.len() {
        deck.shuffle(&mut random);
        cards.extend_from_slice(&deck);
    }
    cards
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
    use crate::protocol::Expect;

    fn mix(weights: &[u32], seed: u64) -> Mix {
        let ask = |(place, weight): (usize, &u32)| Weighted {
            target: format!("/{place}"),
            weight: *weight,
            expect: Expect::default(),
        };
        Mix::new(weights.iter().enumerate().map(ask).collect(), "here", true, seed)
    }

    /// The first so many requests: which part each asks for.
    fn asked(mix: &Mix, requests: u64) -> Vec<usize> {
        let place = |nth| {
            let head = String::from_utf8_lossy(&mix.at(nth).unwrap().request).into_owned();
            head.split(['/', ' ']).nth(2).unwrap().parse().unwrap()
        };
        (0..requests).map(place).collect()
    }

    fn count(asked: &[usize], part: usize) -> usize {
        asked.iter().filter(|asked| **asked == part).count()
    }

    #[test]
    fn every_deck_holds_each_part_as_often_as_its_weight_says() {
        // The second comes to 6 cards in lowest terms.
        let decks: [(Vec<u32>, Vec<usize>); 2] =
            [(vec![49, 1], vec![49, 1]), (vec![20, 30, 10], vec![2, 3, 1])];
        for (weights, deck) in decks {
            // More than are laid out beforehand.
            let asked = asked(&mix(&weights, 3), 70_000);
            let size: usize = deck.iter().sum();
            for cards in asked.chunks_exact(size) {
                let counts: Vec<usize> = (0..deck.len()).map(|part| count(cards, part)).collect();
                assert_eq!(counts, deck);
            }
        }
    }

    #[test]
    fn the_rare_one_may_be_anywhere_in_its_deck() {
        let asked = asked(&mix(&[49, 1], 3), 50 * 1_310);
        let mut places = [0_u32; 50];
        for deck in asked.chunks_exact(50) {
            places[deck.iter().position(|part| *part == 1).unwrap()] += 1;
        }
        // 26.2 at each; five standard deviations of a binomial count.
        assert!(places.iter().all(|count| (f64::from(*count) - 26.2).abs() < 25.4), "{places:?}");
    }

    #[test]
    fn where_a_deck_would_be_too_large_each_request_is_drawn_by_itself() {
        assert!(!mix(&[999, 1], 3).cards.is_empty());
        let large = mix(&[500, 11, 490], 3);
        assert!(large.cards.is_empty());
        let asked = asked(&large, 100_000);
        for (part, weight) in [500.0, 11.0, 490.0].into_iter().enumerate() {
            let (share, count): (f64, f64) = (weight / 1_001.0, count(&asked, part) as f64);
            // Five standard deviations of a binomial count.
            let off = 5.0 * (1e5 * share * (1.0 - share)).sqrt();
            assert!((count - 1e5 * share).abs() < off, "{count} of part {part}");
        }
        // The chance that two neighbours ask for different things: one less the sum of the squared shares.
        let changes = asked.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
        assert!((changes - 51_075.0).abs() < 5.0 * 158.0, "{changes} of 99,999");
    }

    #[test]
    fn the_seed_decides() {
        for weights in [[49, 1], [1_000, 1_001]] {
            let with = |seed| asked(&mix(&weights, seed), 1_000);
            assert_eq!(with(3), with(3));
            assert_ne!(with(3), with(4));
        }
        assert!(Mix::default().is_empty() && Mix::default().at(5).is_none());
    }
}
