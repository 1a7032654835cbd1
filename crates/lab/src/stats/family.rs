//! What the ratios of one experiment allow one to say, read together.
//!
//! Whoever makes twenty comparisons at 5 % finds one difference that is not there. So everything from which
//! the findings of *one experiment* conclude is a [`Family`]: it first hears every comparison, then reads
//! each at a level that depends on all (S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
//! Scand. J. Statist. 6(2), 1979). Over the whole family the chance of even one false "larger" or "smaller"
//! is then at most 5 %, whatever the comparisons have to do with each other. Experiments are families of their
//! own: each asks one question and is read by itself.
//!
//! *Equal* is another claim with another test. Two one-sided tests at 5 % show that a ratio is neither below
//! 0.95 nor above 1.05, which is the same as asking whether the 90 % interval lies within (D. Schuirmann,
//! J. Pharmacokinet. Biopharm. 15(6), 1987). Each stands by itself, uncorrected, as its margins are what
//! protects the reader. Nothing is ever concluded from a difference that was not found.

use std::cell::RefCell;

use super::{EQUIVALENCE, Interval, Ratio};

/// The chance of a false claim that is accepted, over all comparisons of a family together.
const ALPHA: f64 = 0.05;

/// What a [`Ratio`] allows one to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Too few blocks to say more than what was seen.
    PointsOnly,
    /// Equal within 5 %: the 90 % interval lies within [`EQUIVALENCE`].
    Equal,
    /// The interval, as wide as the family makes it, contains 1. That is not equality: it may merely be wide.
    NoDifferenceShown,
    /// The interval lies above 1, as wide as the family makes it.
    Larger,
    /// Below 1.
    Smaller,
}

/// A ratio as its family reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What may be said.
    pub reading: Reading,
    /// The interval at the level at which the ratio was tested: it contains 1 when no difference is shown
    /// (and the ratio is not called equal), and never otherwise. Not a 95 % interval, but a wider one.
    pub corrected: Option<Interval>,
    /// How many comparisons were corrected for.
    pub comparisons: usize,
}

/// The comparisons of one experiment.
#[derive(Debug, Default)]
pub struct Family {
    heard: RefCell<Vec<Ratio>>,
    /// The level of each that was heard; none while the family still listens.
    levels: Option<Vec<f64>>,
    /// How many of them have an interval, so that they can claim anything.
    comparisons: usize,
}

impl Family {
    /// Reads something twice: the first time to hear what is compared in it, the second time for good. What
    /// is asked must not depend on what is answered.
    pub fn read<T>(findings: impl Fn(&Self) -> T) -> T {
        let listening = Self::default();
        findings(&listening);
        findings(&listening.complete())
    }

    /// Every comparison that is made in something, each once.
    pub fn heard<T>(findings: impl FnOnce(&Self) -> T) -> Vec<Ratio> {
        let listening = Self::default();
        findings(&listening);
        listening.heard.into_inner()
    }

    /// Every comparison that is made in something, with what may be said of it.
    pub fn all<T>(findings: impl FnOnce(&Self) -> T) -> Vec<(Ratio, Judged)> {
        let heard = Self::heard(findings);
        Self::read(|family| heard.iter().map(|ratio| (*ratio, family.judge(ratio))).collect())
    }

    fn complete(self) -> Self {
        let heard = self.heard.into_inner();
        let p_values: Vec<f64> = heard.iter().filter_map(Ratio::p_value).collect();
        let mut tested = holm(&p_values).into_iter();
        let level = |ratio: &Ratio| ratio.p_value().and_then(|_| tested.next()).unwrap_or(ALPHA);
        let levels = heard.iter().map(level).collect();
        Self { heard: heard.into(), levels: Some(levels), comparisons: p_values.len() }
    }

    /// What may be said of one of its ratios. Equality within 5 % comes first: a difference that is certain
    /// and smaller than that is of no use to anyone.
    pub fn judge(&self, ratio: &Ratio) -> Judged {
        let level = self.level(ratio);
        let (corrected, comparisons) = (ratio.interval_at(1.0 - level), self.comparisons);
        let (Some(p_value), Some(interval_90)) = (ratio.p_value(), ratio.interval_90) else {
            return Judged { reading: Reading::PointsOnly, corrected, comparisons };
        };
        let reading = if EQUIVALENCE.contains(interval_90.low) && EQUIVALENCE.contains(interval_90.high) {
            Reading::Equal
        } else if p_value > level {
            Reading::NoDifferenceShown
        } else if ratio.estimate > 1.0 {
            Reading::Larger
        } else {
            Reading::Smaller
        };
        Judged { reading, corrected, comparisons }
    }

    /// [`Judged::reading`] alone.
    pub fn reading(&self, ratio: &Ratio) -> Reading {
        self.judge(ratio).reading
    }

    /// The level of a ratio that was heard. One that is heard now is noted. The same comparison again, or the
    /// other way round, is the same one.
    fn level(&self, ratio: &Ratio) -> f64 {
        let key = |ratio: &Ratio| (ratio.blocks, ratio.spread, ratio.log_mean.abs());
        let known = self.heard.borrow().iter().position(|other| key(other) == key(ratio));
        match (&self.levels, known) {
            (Some(levels), Some(place)) => levels[place],
            (None, None) => {
                self.heard.borrow_mut().push(*ratio);
                ALPHA
            }
            _ => ALPHA,
        }
    }
}

/// The level at which each p value is tested: α / m for the smallest of m, α / (m - 1) for the next, and so
/// on up to the first that is larger than its level. It and all larger ones are tested, in vain, at the level
/// of the first. So "p is at most its level" is Holm's decision, and an interval of confidence 1 - level
/// excludes 1 just when that is the decision.
fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut levels = vec![ALPHA; p_values.len()];
    let mut left = p_values.len();
    let mut goes_on = true;
    for place in order {
        levels[place] = ALPHA / left as f64;
        goes_on &= p_values[place] <= levels[place];
        if goes_on {
            left -= 1;
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::super::ratio;
    use super::*;

    fn of(logs: [f64; 5]) -> Ratio {
        ratio(&logs.map(|log| (log.exp(), 1.0))).unwrap()
    }

    /// Of a single comparison.
    fn alone(logs: [f64; 5]) -> Reading {
        Family::read(|family| family.reading(&of(logs)))
    }

    /// p = 0.0275.
    const WEAK: [f64; 5] = [0.12, 0.02, 0.14, 0.03, 0.10];
    /// p < 0.000001.
    const CLEAR: [f64; 5] = [0.70, 0.71, 0.69, 0.70, 0.70];

    #[test]
    fn readings_follow_the_intervals_and_not_the_estimate() {
        assert_eq!(alone(CLEAR), Reading::Larger);
        assert_eq!(alone(CLEAR.map(|log| -log)), Reading::Smaller);
        // Certain, and within 5 %.
        assert_eq!(alone([0.020, 0.021, 0.019, 0.020, 0.020]), Reading::Equal);
        // The same middle, but wide: a large difference was not excluded, so no equality.
        assert_eq!(alone([0.02, 0.30, -0.26, 0.15, -0.11]), Reading::NoDifferenceShown);
        let few = ratio(&[(2.0, 1.0); 4]).unwrap();
        assert_eq!(Family::read(|family| family.reading(&few)), Reading::PointsOnly);
        assert_eq!(alone([0.0; 5]), Reading::Equal);
    }

    #[test]
    fn holm_as_it_is_worked_by_hand() {
        // Sorted 0.005 ≤ 0.05/4, 0.01 ≤ 0.05/3, 0.03 > 0.05/2: the first two are rejected, and no more.
        let levels = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.05 / 3.0, 0.05 / 2.0, 0.05 / 2.0, 0.05 / 4.0];
        assert!(
            levels.iter().zip(expected).all(|(level, right)| (level - right).abs() < 1e-12),
            "{levels:?}"
        );
        // A later one that is small enough for its own step is not rejected after one that was not.
        let levels = holm(&[0.026, 0.026, 0.026]);
        assert!(levels.iter().all(|level| 0.026 > *level), "{levels:?}");
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_difference_that_stands_alone_does_not_stand_among_many() {
        assert_eq!(alone(WEAK), Reading::Larger);
        let among = |others: usize| {
            let others: Vec<Ratio> =
                (0..others).map(|n| of([0.3, -0.3, 0.2, -0.2, 0.01 * (n + 1) as f64])).collect();
            Family::read(|family| {
                others.iter().for_each(|other| _ = family.reading(other));
                (family.judge(&of(WEAK)), family.judge(&of(CLEAR)))
            })
        };
        let (weak, clear) = among(3);
        assert_eq!((weak.reading, weak.comparisons), (Reading::NoDifferenceShown, 5));
        assert!(weak.corrected.unwrap().contains(1.0));
        assert_eq!(clear.reading, Reading::Larger, "what is clear stands among any");
        assert!(!clear.corrected.unwrap().contains(1.0));
        assert_eq!(among(0).0.reading, Reading::Larger, "0.0275 ≤ 0.05 once the clear one is out of the way");
    }

    #[test]
    fn a_comparison_is_counted_once_and_whichever_way_round() {
        let once = Family::heard(|family| {
            for ratio in [of(WEAK), of(WEAK).inverse(), of(CLEAR), of(WEAK)] {
                family.reading(&ratio);
            }
        });
        assert_eq!(once.len(), 2);
        let turned = Family::read(|family| {
            [family.judge(&of(WEAK)).comparisons, family.judge(&of(WEAK).inverse()).comparisons]
        });
        assert_eq!(turned, [1, 1]);
    }

    #[test]
    fn points_do_not_make_the_others_less_sure() {
        let points = ratio(&[(2.0, 1.0); 3]).unwrap();
        let weak = Family::read(|family| {
            family.reading(&points);
            family.judge(&of(WEAK))
        });
        assert_eq!((weak.reading, weak.comparisons), (Reading::Larger, 1));
    }

    #[test]
    fn the_corrected_interval_always_agrees_with_the_reading() {
        let all: Vec<Ratio> = (1..40)
            .map(|n| {
                let middle = 0.01 * f64::from(n);
                of([-0.08, -0.03, 0.01, 0.04, 0.06].map(|log| middle + log))
            })
            .collect();
        let judged = Family::read(|family| all.iter().map(|ratio| family.judge(ratio)).collect::<Vec<_>>());
        let shown = |judged: &Judged| judged.reading == Reading::Larger;
        assert!(judged.iter().any(shown) && !judged.iter().all(shown));
        for judged in judged.iter().filter(|judged| judged.reading != Reading::Equal) {
            assert_eq!(judged.corrected.unwrap().contains(1.0), !shown(judged), "{judged:?}");
        }
    }
}
