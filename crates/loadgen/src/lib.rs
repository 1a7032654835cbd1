//! Load generation: schedules, connections, samples, histograms.

pub mod clock;
mod connection;
mod crew;
mod desk;
mod error;
pub mod histogram;
mod http;
mod line;
mod outcome;
mod pacer;
mod plan;
pub mod protocol;
mod recorder;
mod run;
mod schedule;
mod sockopt;
mod sources;
mod worker;

pub use error::Error;
pub use histogram::Histogram;
pub use run::run;
pub use schedule::{Schedule, phases};
pub use sources::raise_file_limit;
