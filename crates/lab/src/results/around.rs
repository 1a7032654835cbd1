//! What results say of the run as a whole: whether the machine was left alone, and how narrow intervals became.
//!
//! `check.rs` fills in the first, `until.rs` the second.

use serde::{Deserialize, Serialize};

/// A look at the machine before the first trial and after the last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineCheck {
    /// A moment before the run.
    pub before: MachineState,
    /// A moment after it; null when the lab did not get there.
    pub after: Option<MachineState>,
}

/// What the machine did while the lab did nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineState {
    /// Over one minute. Before a run the build may be in it, and after it the run itself is.
    pub load_average: Option<f64>,
    /// Share of all CPUs that somebody used just then, 0 to 1.
    pub cpu_busy: Option<f64>,
    /// Share of CPU time that the hypervisor gave to others, 0 to 1: before a run just then, after it over the
    /// whole run.
    pub cpu_steal: Option<f64>,
    /// Clock of the fastest CPU just then.
    pub cpu_mhz: Option<f64>,
}

/// How narrow an experiment's intervals were to become, and did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// [`super::Asked::name`].
    pub experiment: String,
    /// Half width that was asked for, as a share: 0.05 is 5 %.
    pub wanted: f64,
    /// The widest among the comparisons from which findings conclude; null while one of them has no interval.
    pub widest: Option<f64>,
    /// Number of those comparisons.
    pub comparisons: u32,
    /// Blocks that ran.
    pub blocks: u32,
    /// Why no more of them did.
    pub ended: Ended,
}

/// Why an experiment that runs until its intervals are narrow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// They are.
    Narrow,
    /// The time was spent.
    Budget,
    /// Its findings compare nothing.
    NothingToCompare,
    /// Ctrl-C or a failure; what every experiment says until it ends.
    Stopped,
}
