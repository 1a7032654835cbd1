//! Load generation: schedules, connections, samples, histograms.

pub mod protocol;
