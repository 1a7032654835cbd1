//! Two runs that share no blocks: today's and a stored one.
//!
//! Within a run a block's ratio is free of what all rungs of the block met alike. Between runs there is no
//! such pairing, so each run's own spread counts. The reader goes next to `report::between`, which puts the cells of two
//! runs beside each other.

use super::{BLOCKS_FOR_INTERVAL, Ratio, Spread, mean, variance};

/// The geometric mean of the first values over that of the second, with Welch's t-interval on the logarithms:
/// `m₁ - m₂ ± t · √(s₁²/n₁ + s₂²/n₂)`, at the degrees of freedom that fit two spreads which need not be alike
/// (B. Welch, Biometrika 34(1/2), 1947; R. Jain, *The Art of Computer Systems Performance Analysis*, 1991,
/// section 13.4.2).
///
/// The interval knows how much values differed *within* each run, not what happened between the runs.
///
/// Values without a logarithm do not count. `None` when either side has none left; no interval when
/// either has fewer than [`BLOCKS_FOR_INTERVAL`].
#[must_use]
pub fn unpaired(first: &[f64], second: &[f64]) -> Option<Ratio> {
    let logs = |values: &[f64]| -> Vec<f64> {
        values.iter().filter(|value| **value > 0.0 && value.is_finite()).map(|value| value.ln()).collect()
    };
    let (first, second) = (logs(first), logs(second));
    let (first_mean, second_mean) = (mean(&first)?, mean(&second)?);
    let blocks = first.len().min(second.len());
    let spread = (blocks >= BLOCKS_FOR_INTERVAL).then(|| {
        let of_mean = |values: &[f64], mean| variance(values, mean) / values.len() as f64;
        welch((of_mean(&first, first_mean), first.len()), (of_mean(&second, second_mean), second.len()))
    });
    Some(Ratio::of(first_mean - second_mean, blocks, spread))
}

/// Of the variance of each mean, and how many values stand behind it.
fn welch(first: (f64, usize), second: (f64, usize)) -> Spread {
    let both = first.0 + second.0;
    let part = |(variance, values): (f64, usize)| variance.powi(2) / (values as f64 - 1.0);
    let freedom = both.powi(2) / (part(first) + part(second));
    // Without any spread there is nothing to weigh, and the interval is a point whatever stands here.
    let freedom = if freedom.is_finite() { freedom } else { (first.1 + second.1 - 2) as f64 };
    Spread { standard_error: both.sqrt(), freedom }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_welchs() {
        // Logs 0.1 0.2 0.3 0.4 0.5 (mean 0.3, s² 0.025) and -0.2 -0.1 0 0.1 0.2 0.3 (mean 0.05, s² 0.035):
        // standard error √(0.005 + 0.0058333) = 0.104083, and (0.0108333)² / (0.005²/4 + 0.0058333²/5)
        // = 8.99 degrees of freedom.
        let logs = |values: &[f64]| values.iter().map(|log: &f64| log.exp()).collect::<Vec<_>>();
        let ratio =
            unpaired(&logs(&[0.1, 0.2, 0.3, 0.4, 0.5]), &logs(&[-0.2, -0.1, 0.0, 0.1, 0.2, 0.3])).unwrap();
        assert!((ratio.estimate.ln() - 0.25).abs() < 1e-12);
        let spread = ratio.spread.unwrap();
        assert!((spread.standard_error - 0.104_083).abs() < 1e-6, "{spread:?}");
        assert!((spread.freedom - 8.99).abs() < 0.01, "{spread:?}");
        // t(0.975, 9) = 2.262157
        let half = ratio.interval.unwrap().high.ln() - 0.25;
        assert!((half - 2.262_157 * 0.104_083).abs() < 1e-3, "{half}");
    }

    #[test]
    fn few_values_and_no_spread() {
        assert_eq!(unpaired(&[], &[1.0]), None);
        assert_eq!(unpaired(&[0.0, f64::NAN], &[1.0]), None);
        assert_eq!(unpaired(&[2.0; 4], &[1.0; 9]).unwrap().interval, None);
        let certain = unpaired(&[2.0; 5], &[1.0; 5]).unwrap();
        assert!((certain.interval.unwrap().low - 2.0).abs() < 1e-9, "{certain:?}");
    }
}
