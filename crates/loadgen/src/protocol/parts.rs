//! Where the time of the answers went, and the number in flight: what the outcome says beyond the whole time.

use serde::{Deserialize, Serialize};

/// Where the time of right answers went, from due to answered. The means of the seven parts add up to the mean
/// of [`Parts::response`]; their percentiles do not.
///
/// `queue`, `view` and `upstream` are what servers say themselves in `server-timing` (metrics `queue`, `view`,
/// `upstream` and `pool`, where each is *part of* the view but for `queue`); `None` where no answer said so. What a
/// server does not say is in [`Parts::rest`], and so is all of what it says that cannot be: more than the time from
/// sending to the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// How many answers these are of.
    pub answers: u64,
    /// Of those, answers that said at least how long the view took.
    pub told: u64,
    /// Due to answered, of these answers: without timeouts, unlike [`Outcome::response_time`](super::Outcome::response_time).
    pub response: Part,
    /// Due to taken up by a connection, where all were busy; 0 for who found one free. How late the generator was is in
    /// it for those who waited, and in [`Parts::rest`] for the others.
    pub waiting: Part,
    /// Opening that connection, where it was not open.
    pub connect: Part,
    /// Sent to entering the view, and waiting for a thread of a pool to run it.
    pub queue: Option<Part>,
    /// In the view, less the two around it.
    pub view: Option<Part>,
    /// Waiting for the upstream, while the view did nothing else.
    pub upstream: Option<Part>,
    /// The way back, the rest of a body after its view, the generator itself, and whatever nobody told.
    pub rest: Part,
}

/// A part of the response time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Arithmetic mean over all answers of [`Parts::answers`], exact; 0 counts for those that did not say.
    pub mean_ms: f64,
    /// 99th percentile, to 1 %; null under 1,000 answers.
    pub p99_ms: Option<f64>,
    /// Nanoseconds: HDR histogram of two digits, V2, base64.
    pub histogram: String,
}

/// Requests that a connection has taken up and that are not over, on average over the window. By Little's law the
/// summed time is their number times the window; so the two figures below must agree, or the generator's books
/// are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    /// From time stamps: the time that requests were in flight, clipped to the window, over its length.
    pub summed: f64,
    /// From looking: the mean of the number in flight at random moments of the window, each for the time around it.
    pub sampled: f64,
    /// How often it was looked.
    pub looks: u64,
}
