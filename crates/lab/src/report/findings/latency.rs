//! How long an answer takes, compared where that is fair: in open loop, at one rate that all serve.

use crate::ladder::Kind;
use crate::report::cells::{Cell, Metric};
use crate::report::findings::Finding;
use crate::report::findings::cost::compared;
use crate::report::text::{self, counted, listed};
use crate::results::Load;
use crate::stats::{BLOCKS_FOR_INTERVAL, Ratio};

/// Median and p99 of every rung at one load, and what the difference is worth.
pub(crate) fn findings(load: &Load, cells: &[&Cell<'_>]) -> Option<Finding> {
    let measured: Vec<Measured<'_, '_>> = cells.iter().filter_map(|cell| Measured::of(cell)).collect();
    if measured.is_empty() {
        return None;
    }
    let each: Vec<String> = measured.iter().map(Measured::clause).collect();
    let rate = load.rate_rps.map(|rate| format!(", {} requests/s,", text::exact(rate)));
    let mut text = format!(
        "In open loop, at one common rate{} answers took {}.",
        rate.unwrap_or_default(),
        listed(&each)
    );
    let short: Vec<String> =
        measured.iter().filter(|one| one.p99.is_none()).map(|one| one.cell.series.named()).collect();
    if !short.is_empty() {
        text.push_str(&format!(" No p99 for {}: it needs 1,000 answers.", listed(&short)));
    }
    let cells: Vec<&Cell<'_>> = measured.iter().map(|one| one.cell).collect();
    text.push_str(&differences(&cells));
    Some(Finding::headline(text))
}

/// A rung's response time: of all its answers together where their distribution is known, else the median
/// over trials.
struct Measured<'c, 'a> {
    cell: &'c Cell<'a>,
    p50: f64,
    p99: Option<f64>,
}

impl<'c, 'a> Measured<'c, 'a> {
    fn of(cell: &'c Cell<'a>) -> Option<Self> {
        let pooled = cell.pooled().map(|pooled| pooled.percentiles());
        let p50 = pooled.and_then(|at| at.p50).or_else(|| cell.median(Metric::P50))?;
        let p99 = pooled.map_or_else(|| cell.median(Metric::P99), |at| at.p99);
        Some(Self { cell, p50, p99 })
    }

    fn clause(&self) -> String {
        let p99 = self.p99.map(|p99| format!(" (p99 {})", text::milliseconds(p99))).unwrap_or_default();
        format!("{}{p99} on {}", text::milliseconds(self.p50), self.cell.series.named())
    }
}

/// Each blocking rung's median over the async one's, as far as the blocks carry a comparison.
fn differences(cells: &[&Cell<'_>]) -> String {
    let of_kind = |kind| cells.iter().copied().filter(move |cell| cell.series.kind() == Some(kind));
    let Some(other) = of_kind(Kind::Async).next() else { return String::new() };
    let ratios: Vec<(&Cell<'_>, Ratio)> =
        of_kind(Kind::Blocking).filter_map(|cell| Some((cell, cell.over(other, Metric::P50)?))).collect();
    let Some(blocks) = ratios.iter().map(|(_, ratio)| ratio.blocks).min() else { return String::new() };
    if blocks < BLOCKS_FOR_INTERVAL {
        let blocks = counted(blocks as u64, "block");
        return format!(" From {blocks} these are points, and show neither a difference nor equality.");
    }
    let shown: Vec<String> =
        ratios.iter().map(|(cell, ratio)| format!("{}: {}", cell.series.named(), compared(ratio))).collect();
    format!(" Medians against {}: {}.", other.series.named(), shown.join("; "))
}
