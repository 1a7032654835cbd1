//! Carries a plan out, trial by trial, and writes what there is after each. With `--until` blocks are added
//! to it, as `until.rs` says.

use std::slice;
use std::time::{Duration, Instant};

use loadgen::clock::monotonic_ns;

use crate::cpus::{Split, pin_this_thread};
use crate::judge;
use crate::lanes;
use crate::output::Output;
use crate::plan::{Plan, Planned, Step};
use crate::programs::Programs;
use crate::progress::Progress;
use crate::results::{Ended, NotRun, Results};
use crate::stop::{self, Stopped};
use crate::trial::{self, Bench};
use crate::until::{self, Until};

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
    /// Instead of the planned blocks: as many as it takes.
    pub until: Option<Until>,
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
    let expected = around.until.map_or(plan.estimate(), |until| until.budget);
    let mut run = Run {
        around,
        bench: Bench {
            programs: around.programs,
            split: around.split,
            started_ns: monotonic_ns(),
            recordings: Some(&around.output.dir),
        },
        progress: Progress::new(expected),
        clock: Clock { started: Instant::now(), planned_so_far: Duration::ZERO },
        results,
    };
    for (place, planned) in plan.experiments.iter().enumerate() {
        run.recorded(planned)?;
        match around.until.filter(|_| !planned.asked.demonstration) {
            None => run.planned(place, planned)?,
            Some(until) => run.until(place, planned, until, plan.experiments.len() - place)?,
        }
    }
    results.complete = true;
    around.output.write(results)
}

/// A run on its way.
struct Run<'r> {
    around: &'r Surroundings<'r>,
    bench: Bench<'r>,
    progress: Progress,
    clock: Clock,
    results: &'r mut Results,
}

impl Run<'_> {
    /// Requests one by one, on servers of their own, where the experiment asks for it.
    fn recorded(&mut self, planned: &Planned) -> anyhow::Result<()> {
        let Some(recording) = &planned.recording else { return Ok(()) };
        if self.clock.is_over(self.around.time_limit) {
            return Ok(());
        }
        self.results.lanes.extend(lanes::record(recording, &self.bench, &self.progress)?);
        self.progress.done(recording.estimate(), &[]);
        self.clock.planned_so_far += recording.estimate();
        self.around.output.write(self.results)
    }

    /// The blocks of the plan, as far as the time allows.
    fn planned(&mut self, place: usize, planned: &Planned) -> anyhow::Result<()> {
        let limit = self.around.time_limit;
        for (block, number) in planned.blocks.iter().zip(0..) {
            // The first block of each experiment is what a run is for; further ones only make it surer.
            if number > 0 && self.clock.is_too_late(limit, block) {
                self.results.machine.notes.push(format!(
                    "{}: {number} of {} blocks, since this machine took longer than planned and the time was up.",
                    planned.asked.name,
                    planned.blocks.len()
                ));
                return self.around.output.write(self.results);
            }
            self.block(place, number, block, limit)?;
        }
        Ok(())
    }

    /// Blocks until the intervals are narrow, or this experiment's share of the time is spent: what is left,
    /// divided among those that are left.
    fn until(&mut self, place: usize, planned: &Planned, until: Until, left: usize) -> anyhow::Result<()> {
        let elapsed = self.clock.started.elapsed();
        let limit = elapsed + until.budget.saturating_sub(elapsed) / left as u32;
        let name = &planned.asked.name;
        let Some(first) = planned.blocks.first() else { return Ok(()) };
        let mine = self.results.precision.len();
        self.results.precision.push(until.so_far(self.results, name, 0));
        for number in 0.. {
            let added;
            let block = match planned.blocks.get(number as usize) {
                Some(block) => block,
                None => {
                    added = until::another(first, number);
                    &added
                }
            };
            if number > 0 && self.clock.is_too_late(Some(limit), block) {
                self.results.precision[mine].ended = Ended::Budget;
            }
            if self.results.precision[mine].ended != Ended::Stopped {
                break;
            }
            self.block(place, number, block, None)?;
            let so_far = until.so_far(self.results, name, number + 1);
            if let Some(widest) = so_far.widest {
                let (blocks, widest, wanted) = (number + 1, widest * 100.0, until.half_width * 100.0);
                let text =
                    format!("{name}: {blocks} blocks, widest interval ±{widest:.1} % of ±{wanted:.1} %");
                self.progress.line(&text);
            }
            self.results.precision[mine] = so_far;
            self.around.output.write(self.results)?;
        }
        self.progress.line(&until::said(&self.results.precision[mine]));
        self.around.output.write(self.results)
    }

    /// One trial of each cell.
    fn block(
        &mut self,
        place: usize,
        number: u32,
        block: &[Step],
        limit: Option<Duration>,
    ) -> anyhow::Result<()> {
        for step in block {
            if stop::requested() {
                return Err(Stopped.into());
            }
            if self.clock.is_over(limit) {
                // A cell that has trials already is not "not run".
                if number == 0 {
                    let skipped = step.cells.iter().map(skipped);
                    self.results.experiments[place].not_run.extend(skipped);
                }
                continue;
            }
            let late = self.step(step, step.estimate())?;
            // A block that lacks a trial compares nothing. What the machine spoiled is tried again at once, under
            // the same conditions as the rest of its block, and once: the machine may be like that.
            let alone = step.cells.len() == 1;
            if late && alone && !stop::requested() && !self.clock.is_too_late(limit, slice::from_ref(step)) {
                // What was recorded of it makes room for what is recorded now.
                self.results.trials.last_mut().expect("it was just added").replay = None;
                self.progress.line("The load generator was late, so this trial is void: once more.");
                self.step(step, Duration::ZERO)?;
            }
        }
        Ok(())
    }

    /// What runs at one time; whether it is void since the generator was late.
    fn step(&mut self, step: &Step, planned: Duration) -> anyhow::Result<bool> {
        let trials = trial::run(step, &self.bench, &self.progress)?;
        self.progress.done(planned, &trials);
        let late = trials.iter().any(judge::was_late);
        self.results.trials.extend(trials);
        self.around.output.write(self.results)?;
        self.clock.planned_so_far += step.estimate();
        Ok(late)
    }
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
    planned_so_far: Duration,
}

impl Clock {
    /// Whether a block would end after the limit, if it takes as much longer than planned as all so far.
    fn is_too_late(&self, limit: Option<Duration>, block: &[Step]) -> bool {
        self.would_pass(limit, block.iter().map(Step::estimate).sum())
    }

    fn would_pass(&self, limit: Option<Duration>, next: Duration) -> bool {
        let Some(limit) = limit else { return false };
        let elapsed = self.started.elapsed();
        let slowness = elapsed.as_secs_f64() / self.planned_so_far.as_secs_f64().max(1e-3);
        elapsed + next.mul_f64(slowness.clamp(0.5, 10.0)) > limit
    }

    fn is_over(&self, limit: Option<Duration>) -> bool {
        limit.is_some_and(|limit| self.started.elapsed() > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_starts_only_if_it_will_end_in_time() {
        let started = Instant::now() - Duration::from_secs(60);
        let seconds = Duration::from_secs;
        let clock = |planned| Clock { started, planned_so_far: seconds(planned) };
        assert!(!clock(60).would_pass(Some(seconds(100)), seconds(30)));
        assert!(clock(60).would_pass(Some(seconds(100)), seconds(50)));
        assert!(clock(30).would_pass(Some(seconds(100)), seconds(30)), "twice as slow as planned");
        assert!(!clock(1).would_pass(None, seconds(1_000)));
        assert!(clock(1).is_over(Some(seconds(59))));
        assert!(!clock(1).is_over(None));
    }
}
