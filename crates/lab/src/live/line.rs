//! The line that a lane is held against, and what ran out where it falls below: both by the rules of the report, which
//! is given what was seen here as if it were a trial. Next: `report/verdict/rules.rs`.

use serde::Serialize;

use crate::report::{Alone, ON_LINE, alone};
use crate::results::{Asked, Mode, Trial, TrialOutcome};

/// What bounds a lane, in requests per second; none where it cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Line {
    /// Clients ÷ wait; in open loop what is due.
    pub(super) asked_rps: Option<f64>,
    /// Cores ÷ CPU of a request.
    pub(super) cpu_rps: Option<f64>,
    /// What ran out, in a clause; none where the lane does what it is asked for.
    #[serde(skip)]
    pub(super) ran_out: Option<String>,
}

impl Line {
    /// By what was asked for, and by what was seen.
    pub(super) fn of(asked: &Asked, trial: &Trial) -> Self {
        let Alone { bounds, verdict } = alone(asked, trial);
        // Of less CPU time than this nobody knows what a request costs.
        let spent = trial.server.cpu_s.is_some_and(|cpu_s| cpu_s > 0.02);
        let line = Self { asked_rps: bounds.clients, cpu_rps: bounds.cpu.filter(|_| spent), ran_out: None };
        let left = line.is_left(trial);
        Self { ran_out: left.then(|| verdict.clause()), ..line }
    }

    /// The lower of the two lines that bound every server.
    pub(super) fn rps(&self) -> Option<f64> {
        [self.asked_rps, self.cpu_rps].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// Whether less is answered than asked for: by more than the share that the report tolerates, and by more than
    /// chance explains of so few answers (two standard deviations of a Poisson count), since a second is short.
    fn is_left(&self, trial: &Trial) -> bool {
        let over_s = trial.window.length_ms / 1_000.0;
        let seen = self.asked_rps.zip(trial.throughput_rps);
        seen.is_some_and(|(asked, rps)| {
            let by_chance = 2.0 * (asked * over_s).sqrt() / over_s;
            rps < ON_LINE * asked && asked - rps > by_chance
        })
    }
}

/// What was seen of a lane may not count as a trial, since its books are those of a moment: here it does. In open loop
/// all that was due is what was to be done, answered or not.
pub(super) fn as_counting(mut trial: Trial) -> Trial {
    trial.outcome = TrialOutcome::Ok;
    if let (Mode::Open, Some(rate_rps)) = (trial.load.mode, trial.load.rate_rps) {
        trial.scheduled = trial.scheduled.max((rate_rps * trial.window.length_ms / 1_000.0) as u64);
    }
    trial
}

#[cfg(test)]
#[path = "line_tests.rs"]
pub(super) mod tests;
