//! `--until 5%`: more blocks, until the intervals from which findings conclude are as narrow as that.
//!
//! How many blocks a question needs is not known before it is asked: it depends on how restless the machine
//! is. So blocks are added, never fewer than [`LEAST_BLOCKS`]: whoever looks after each block and stops at the
//! first lucky one has intervals narrower than they deserve. A rule that looks at the *width* alone, with
//! enough blocks to begin with, leaves the coverage nearly what it was (F. Anscombe, "Sequential Estimation",
//! J. R. Statist. Soc. B 15(1), 1953; simulated in `stats/coverage.rs`).
//!
//! `run.rs` asks here after each block. What came of it is kept as `results::Precision`.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::cell::Cell;
use crate::plan::Step;
use crate::report;
use crate::report::text::counted;
use crate::results::{Ended, Precision, Results};

/// So many blocks run before anybody looks at a width.
pub const LEAST_BLOCKS: u32 = 10;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Until {
    /// Half width of the 95 % intervals, as a share: 0.05 is 5 %.
    pub half_width: f64,
    /// Time for all experiments together.
    pub budget: Duration,
}

impl Until {
    /// How far an experiment has come, and whether it may end.
    #[must_use]
    pub fn so_far(&self, results: &Results, experiment: &str, blocks: u32) -> Precision {
        let ratios = report::comparisons(results, experiment);
        let widths: Option<Vec<f64>> = ratios.iter().map(crate::stats::Ratio::half_width).collect();
        let widest = widths.and_then(|widths| widths.into_iter().reduce(f64::max));
        let ended = match widest {
            _ if blocks < LEAST_BLOCKS => Ended::Stopped,
            Some(widest) if widest <= self.half_width => Ended::Narrow,
            None if ratios.is_empty() => Ended::NothingToCompare,
            _ => Ended::Stopped,
        };
        let comparisons = ratios.len() as u32;
        Precision {
            experiment: experiment.to_owned(),
            wanted: self.half_width,
            widest,
            comparisons,
            blocks,
            ended,
        }
    }
}

/// Another block like this one: the same cells, in an order and with arrivals of its own. Levels are shuffled
/// and so are the rungs of a level, next to each other, as `plan.rs` does for the first ones.
#[must_use]
pub fn another(block: &[Step], number: u32) -> Vec<Step> {
    // The first block's seeds follow from the run's.
    let first =
        block.iter().flat_map(|step| &step.cells).map(|cell| cell.seed).fold(0, |all, seed| all ^ seed);
    let mut rng = StdRng::seed_from_u64(first.wrapping_add(u64::from(number)));
    let mut levels: Vec<Vec<Step>> = Vec::new();
    for step in block {
        let same = |level: &&mut Vec<Step>| level_of(&level[0]) == level_of(step);
        match levels.iter_mut().find(same) {
            Some(level) => level.push(step.clone()),
            None => levels.push(vec![step.clone()]),
        }
    }
    levels.shuffle(&mut rng);
    let mut order = 0;
    for level in &mut levels {
        level.shuffle(&mut rng);
        let seed = rng.random();
        for cell in level.iter_mut().flat_map(|step| &mut step.cells) {
            (cell.block, cell.order, cell.seed) = (number, order, seed);
            order += 1;
        }
    }
    levels.concat()
}

/// What the rungs of a level have in common.
fn level_of(step: &Step) -> Option<(&crate::results::Load, u64, u64)> {
    step.cells.first().map(|cell: &Cell| (&cell.load, cell.warm_up_ms, cell.window_ms))
}

/// One sentence on what became of it, for the report and whoever waits.
pub(crate) fn said(precision: &Precision) -> String {
    let Precision { experiment, wanted, widest, comparisons, blocks, ended } = precision;
    let percent = |share: f64| format!("±{:.1} %", share * 100.0);
    let (blocks, wanted) = (counted(u64::from(*blocks), "block"), percent(*wanted));
    let intervals = counted(u64::from(*comparisons), "interval");
    let widest = match widest {
        Some(widest) => format!("the widest of {intervals} is {}", percent(*widest)),
        None => "some comparisons have no interval yet".into(),
    };
    match ended {
        Ended::Narrow => {
            format!("{experiment}: narrow enough after {blocks}; {widest}, and {wanted} was asked for.")
        }
        Ended::Budget => {
            format!(
                "{experiment}: the time was spent after {blocks}; {widest}, where {wanted} was asked for."
            )
        }
        Ended::NothingToCompare => {
            format!("{experiment}: its findings compare nothing, so that {blocks} had to do.")
        }
        Ended::Stopped => {
            format!("{experiment}: stopped after {blocks}; {widest}, where {wanted} was asked for.")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::experiment::Experiment;
    use crate::plan::{Host, Options, Plan};

    fn block(name: &str) -> Vec<Step> {
        let host = Host { cpus: 2, server_cpus: 1, ..Host::default() };
        let options = Options { seed: 5, ..Options::default() };
        let plan = Plan::new(vec![Experiment::find(name).unwrap()], &options, &host).unwrap();
        plan.experiments[0].blocks[0].clone()
    }

    fn cells(block: &[Step]) -> Vec<Cell> {
        block.iter().flat_map(|step| step.cells.clone()).collect()
    }

    #[test]
    fn another_block_has_the_same_cells_and_levels_in_one_piece() {
        for name in ["scale", "ladder", "lecture"] {
            let first = block(name);
            let names = |block: &[Step]| -> BTreeSet<_> {
                cells(block).iter().map(|cell| (cell.who(), cell.what(), cell.load.route.clone())).collect()
            };
            let next = another(&first, 11);
            assert_eq!(names(&next), names(&first), "{name}");
            assert_eq!(cells(&next).len(), cells(&first).len());
            let places = cells(&next).iter().map(|cell| (cell.block, cell.order)).collect::<Vec<_>>();
            assert_eq!(places, (0..places.len() as u32).map(|order| (11, order)).collect::<Vec<_>>());
            let mut levels: Vec<_> =
                cells(&next).iter().map(|cell| (cell.what(), cell.load.route.clone(), cell.seed)).collect();
            let all: BTreeSet<_> = levels.iter().cloned().collect();
            levels.dedup();
            assert_eq!(levels.len(), all.len(), "a level in one piece, with arrivals in common: {levels:?}");
        }
    }

    #[test]
    fn blocks_differ_in_order_and_repeat_with_the_seed() {
        let first = block("ladder");
        let order =
            |block: &[Step]| cells(block).iter().map(|cell| (cell.who(), cell.seed)).collect::<Vec<_>>();
        assert_eq!(order(&another(&first, 11)), order(&another(&first, 11)));
        assert_ne!(order(&another(&first, 11)), order(&another(&first, 12)));
    }

    #[test]
    fn what_became_of_it_is_said() {
        let precision = |widest, ended| Precision {
            experiment: "scale".into(),
            wanted: 0.05,
            widest,
            comparisons: 7,
            blocks: 14,
            ended,
        };
        let narrow = said(&precision(Some(0.0482), Ended::Narrow));
        assert_eq!(
            narrow,
            "scale: narrow enough after 14 blocks; the widest of 7 intervals is ±4.8 %, and ±5.0 % was asked for."
        );
        assert!(said(&precision(Some(0.21), Ended::Budget)).contains("time was spent after 14 blocks"));
        assert!(said(&precision(None, Ended::Stopped)).contains("no interval yet"));
    }
}
