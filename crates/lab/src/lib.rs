//! The lab: starts servers as processes, runs experiments, reports.

pub mod ladder;
pub mod results;
