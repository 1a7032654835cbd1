//! Looking at the number of requests in flight, to check the books that are kept by time stamps.
//!
//! The mean number in flight is what the summed time in flight comes to per unit of time (J. Little, "A Proof for
//! the Queuing Formula: L = λW", Operations Research 9, 1961; over a window of one's own it is mere bookkeeping).
//! One side comes from time stamps, the other from counting up and down as things happen. Where a request is
//! counted twice or not at all, where a clock is read at the wrong moment or an end is noticed too late, the two
//! drift apart.
//!
//! The moments are random: looks at equal distances would see a load that pulses at that distance always in the
//! same phase. And each look stands for the time around it, not for one of so many: a machine that is busy with
//! something else lets nobody look for a while, just when nothing moves on either.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::protocol::InFlight;
use crate::recorder::Window;

/// Looks through a window.
#[derive(Debug)]
pub(crate) struct Looks {
    window: Window,
    random: Xoshiro256PlusPlus,
    next_ns: u64,
    count: u64,
    /// When the last look was, and what it saw; before the first, from the start of the window.
    last: (u64, Option<u64>),
    /// Requests times nanoseconds, between looks as if the number had changed evenly.
    request_ns: f64,
}

/// Between two looks, on average; each takes a lock for a moment. Twice as often would not make the mean much better:
/// what was in flight 5 ms ago mostly still is.
const GAP_NS: u64 = 5_000_000;

impl Looks {
    pub(crate) fn new(window: Window, seed: u64) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let start_ns = window.start_ns;
        let mut looks =
            Self { window, random, next_ns: start_ns, count: 0, last: (start_ns, None), request_ns: 0.0 };
        looks.next_ns += looks.gap_ns();
        looks
    }

    /// When to look next.
    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Looks, if it is time to.
    pub(crate) fn look(&mut self, now_ns: u64, in_flight: impl FnOnce() -> u64) {
        if now_ns < self.next_ns || !self.window.contains(now_ns) {
            return;
        }
        let (seen, (last_ns, before)) = (in_flight(), self.last);
        self.request_ns += (now_ns - last_ns) as f64 * (before.unwrap_or(seen) + seen) as f64 / 2.0;
        self.last = (now_ns, Some(seen));
        self.count += 1;
        self.next_ns = now_ns + self.gap_ns();
    }

    /// Beside what the time stamps come to; `None` where nobody looked.
    pub(crate) fn beside(&self, summed: f64) -> Option<InFlight> {
        let (last_ns, seen) = self.last;
        let Window { start_ns, end_ns } = self.window;
        // The last look stands for what is left of the window.
        let request_ns = self.request_ns + (end_ns - last_ns) as f64 * seen? as f64;
        Some(InFlight { summed, sampled: request_ns / (end_ns - start_ns) as f64, looks: self.count })
    }

    fn gap_ns(&mut self) -> u64 {
        ((0.5 + self.random.random::<f64>()) * GAP_NS as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn looks_are_spread_over_the_window_and_end_with_it() {
        let mut looks = Looks::new(Window { start_ns: SECOND, end_ns: 2 * SECOND }, 1);
        for now_ns in (0..3 * SECOND).step_by(10_000) {
            // A load that pulses at the very distance of the looks: 10 in flight half of the time.
            looks.look(now_ns, || if (now_ns / (GAP_NS / 2)).is_multiple_of(2) { 10 } else { 0 });
        }
        let InFlight { sampled, looks, .. } = looks.beside(5.0).unwrap();
        assert!((180..220).contains(&looks), "{looks}");
        assert!((sampled - 5.0).abs() < 1.5, "{sampled}");
    }

    #[test]
    fn a_time_in_which_nobody_could_look_counts_as_long_as_it_was() {
        let mut looks = Looks::new(Window { start_ns: 0, end_ns: SECOND }, 1);
        // 10 in flight, but for the middle of the window: 90, and no look at first.
        for now_ns in (0..SECOND).step_by(10_000) {
            let in_flight = if (SECOND / 4..SECOND / 4 * 3).contains(&now_ns) { 90 } else { 10 };
            if !(SECOND / 4 + 5 * GAP_NS..SECOND / 4 * 3 - 5 * GAP_NS).contains(&now_ns) {
                looks.look(now_ns, || in_flight);
            }
        }
        let InFlight { sampled, .. } = looks.beside(50.0).unwrap();
        assert!((sampled - 50.0).abs() < 1.0, "{sampled}");
    }

    #[test]
    fn who_did_not_look_says_nothing() {
        assert_eq!(Looks::new(Window { start_ns: 0, end_ns: 1 }, 1).beside(1.0), None);
    }
}
