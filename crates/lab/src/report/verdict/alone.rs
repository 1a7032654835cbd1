//! A trial by itself, for whoever looks on while it lasts: its lines, and what ran out if it is below them. By the rules
//! of the report, so that the live page and a report of the same figures say the same.

use std::borrow::Cow;

use crate::report::bounds::{self, Bounds};
use crate::report::cells::{Cell, Experiment, Series};
use crate::report::verdict::{Evidence, Verdict, rules};
use crate::results::{Asked, Machine, Mode, Trial, TrialOutcome};

/// What can be said of a trial without any other.
#[derive(Debug)]
pub(crate) struct Alone {
    /// In open loop `clients` is what is due.
    pub(crate) bounds: Bounds,
    /// Whether or not it is below them: that depends on how long was looked, which the caller knows.
    pub(crate) verdict: Verdict,
}

/// Looks at a trial.
pub(crate) fn alone(asked: &Asked, trial: &Trial) -> Alone {
    let series = Series { rung: trial.rung.clone(), variant: trial.variant.clone() };
    let (mut ok, mut collapsed, mut void) = (Vec::new(), Vec::new(), Vec::new());
    match trial.outcome {
        TrialOutcome::Ok => ok.push(trial),
        TrialOutcome::Collapsed => collapsed.push(trial),
        TrialOutcome::Void => void.push(trial),
    }
    let cell = Cell { series: series.clone(), load: &trial.load, ok, collapsed, void, not_run: None };
    let experiment =
        Experiment { asked: Cow::Borrowed(asked), series: vec![series.clone()], cells: vec![cell] };
    let cell = &experiment.cells[0];
    let track = bounds::track(&experiment, cell.target(), &series, &Machine::default());
    let point = &track.points[0];
    if trial.load.mode == Mode::Open {
        let verdict = rules::verdict(&Evidence::of(&experiment, cell, None));
        return Alone { bounds: Bounds { clients: trial.load.rate_rps, ..point.bounds }, verdict };
    }
    Alone { bounds: point.bounds, verdict: rules::verdict(&Evidence::at(&track, point, None)) }
}
