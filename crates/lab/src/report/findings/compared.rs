//! What a ratio allows one to say, as the end of a clause: the same words everywhere, and only those that its
//! family of comparisons (`stats::Family`) grants.

use crate::report::text::{counted, rounded};
use crate::stats::{BLOCKS_FOR_INTERVAL, Family, Interval, Judged, Ratio, Reading};

/// Stands before a ratio that follows two figures: these are medians, or of all answers together, and the ratio is a
/// mean over blocks, so that it need not be their quotient.
pub(crate) const BLOCK_BY_BLOCK: &str = "block by block";

/// `6.13 times as much (95 % interval 5.90 to 6.37)`, or that no difference is shown, or equality.
pub(crate) fn compared(ratio: &Ratio, family: &Family) -> String {
    compared_as("as much", ratio, family)
}

/// [`compared`], for what is not much but `as many` or `as long`.
pub(crate) fn compared_as(as_much: &str, ratio: &Ratio, family: &Family) -> String {
    let judged = family.judge(ratio);
    let times = format!("{} times {as_much}", rounded(ratio.estimate));
    match judged.reading {
        Reading::Equal => format!("equal within 5 % ({})", evidence(ratio, &judged)),
        Reading::NoDifferenceShown => format!("no difference shown ({})", evidence(ratio, &judged)),
        Reading::Larger | Reading::Smaller | Reading::PointsOnly => match ratio.interval {
            Some(interval) => format!("{times} (95 % interval {})", shown(interval)),
            None => times,
        },
    }
}

/// [`compared_as`] `as long`, and a difference in the other direction as a factor above 1 as well: `20.0 times as short`.
pub(crate) fn as_long_or_short(ratio: &Ratio, family: &Family) -> String {
    let differs = !matches!(family.reading(ratio), Reading::Equal | Reading::NoDifferenceShown);
    if differs && ratio.estimate < 1.0 {
        compared_as("as short", &ratio.inverse(), family)
    } else {
        compared_as("as long", ratio, family)
    }
}

/// The ratio and the interval on which a reading other than a difference rests. Where only the number of
/// comparisons took a difference away, that is said: the plain interval alone would contradict the words.
pub(crate) fn evidence(ratio: &Ratio, judged: &Judged) -> String {
    let estimate = rounded(ratio.estimate);
    match (judged.reading, ratio.interval, ratio.interval_90) {
        (Reading::Equal, _, Some(interval)) => format!("ratio {estimate}, 90 % interval {}", shown(interval)),
        (Reading::NoDifferenceShown, Some(interval), _) => {
            format!("ratio {estimate}, 95 % interval {}{}", shown(interval), correction(interval, judged))
        }
        _ => format!("ratio {estimate}"),
    }
}

/// `; 0.980 to 1.20 once corrected for 12 comparisons`, where that made the difference.
pub(crate) fn correction(interval: Interval, judged: &Judged) -> String {
    let made_the_difference = judged.reading == Reading::NoDifferenceShown && !interval.contains(1.0);
    let corrected = judged.corrected.filter(|_| made_the_difference);
    corrected.map_or_else(String::new, |corrected| {
        format!(
            "; {} once corrected for {}",
            shown(corrected),
            counted(judged.comparisons as u64, "comparison")
        )
    })
}

/// ` (3 blocks: points, no interval)` where that is so.
pub(crate) fn points(ratio: &Ratio) -> String {
    if ratio.blocks < BLOCKS_FOR_INTERVAL {
        format!(" ({}: points, no interval)", counted(ratio.blocks as u64, "block"))
    } else {
        String::new()
    }
}

/// `0.980 to 1.20`
pub(crate) fn shown(interval: Interval) -> String {
    format!("{} to {}", rounded(interval.low), rounded(interval.high))
}
