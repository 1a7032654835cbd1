//! Carries a plan out, trial by trial, and writes what there is after each.

use std::time::{Duration, Instant};

use loadgen::clock::monotonic_ns;

use crate::cpus::{Split, pin_this_thread};
use crate::output::Output;
use crate::plan::{Plan, Step};
use crate::programs::Programs;
use crate::progress::Progress;
use crate::results::{NotRun, Results};
use crate::stop::{self, Stopped};
use crate::trial::{self, Bench};

/// What a run needs besides its plan.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// What to start.
    pub programs: &'a Programs,
    /// Which CPUs for whom.
    pub split: Option<&'a Split>,
    /// Where results go.
    pub output: &'a Output,
    /// When to start no further block; a run that must end by itself has one.
    pub time_limit: Option<Duration>,
}

/// Runs everything, adding to `results`, which are whole and written whatever comes back.
///
/// # Errors
/// When a program other than a measured server fails, results cannot be written, or somebody asked to stop.
pub fn run(plan: &Plan, around: &Surroundings<'_>, results: &mut Results) -> anyhow::Result<()> {
    around.output.write(results)?;
    if let Some(split) = around.split {
        // The lab's own threads, probes included, stay off the server's CPUs.
        if let Err(error) = pin_this_thread(&split.client) {
            results.machine.notes.push(format!("The lab itself could not be pinned: {error}."));
        }
    }
    let bench = Bench { programs: around.programs, split: around.split, started_ns: monotonic_ns() };
    let progress = Progress::new(plan.estimate());
    let clock = Clock { started: Instant::now(), limit: around.time_limit };
    let mut planned_so_far = Duration::ZERO;
    for (planned, place) in plan.experiments.iter().zip(0..) {
        for (block, number) in planned.blocks.iter().zip(0..) {
            let blocks_time = block.iter().map(Step::estimate).sum();
            // The first block of each experiment is what a run is for; further ones only make it surer.
            if number > 0 && clock.is_too_late(planned_so_far, blocks_time) {
                results.machine.notes.push(format!(
                    "{}: {number} of {} blocks, since this machine took longer than planned and the time was up.",
                    planned.asked.name,
                    planned.blocks.len()
                ));
                around.output.write(results)?;
                break;
            }
            for step in block {
                if stop::requested() {
                    return Err(Stopped.into());
                }
                // A cell that has trials already is not "not run".
                if clock.is_over() {
                    if number > 0 {
                        continue;
                    }
                    let skipped = step.cells.iter().map(skipped);
                    results.experiments[place].not_run.extend(skipped);
                    continue;
                }
                let trials = trial::run(step, &bench, &progress)?;
                progress.done(step.estimate(), &trials);
                results.trials.extend(trials);
                around.output.write(results)?;
                planned_so_far += step.estimate();
            }
        }
    }
    results.complete = true;
    around.output.write(results)
}

fn skipped(cell: &crate::cell::Cell) -> NotRun {
    NotRun {
        rung: cell.rung.name.to_owned(),
        variant: cell.variant.clone(),
        load: cell.load.clone(),
        bound_rps: None,
        reason: "the time for this run was up; --trials takes as long as it takes".into(),
    }
}

struct Clock {
    started: Instant,
    limit: Option<Duration>,
}

impl Clock {
    /// Whether a block would end after the limit, if it takes as much longer than planned as all so far.
    fn is_too_late(&self, planned_so_far: Duration, next: Duration) -> bool {
        let Some(limit) = self.limit else { return false };
        let elapsed = self.started.elapsed();
        let slowness = elapsed.as_secs_f64() / planned_so_far.as_secs_f64().max(1e-3);
        elapsed + next.mul_f64(slowness.clamp(0.5, 10.0)) > limit
    }

    fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.started.elapsed() > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_starts_only_if_it_will_end_in_time() {
        let started = Instant::now() - Duration::from_secs(60);
        let clock = |limit| Clock { started, limit };
        let seconds = Duration::from_secs;
        assert!(!clock(Some(seconds(100))).is_too_late(seconds(60), seconds(30)));
        assert!(clock(Some(seconds(100))).is_too_late(seconds(60), seconds(50)));
        assert!(clock(Some(seconds(100))).is_too_late(seconds(30), seconds(30)), "twice as slow as planned");
        assert!(!clock(None).is_too_late(seconds(1), seconds(1_000)));
        assert!(clock(Some(seconds(59))).is_over());
        assert!(!clock(None).is_over());
    }
}
