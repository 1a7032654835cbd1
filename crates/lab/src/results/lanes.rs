//! What results say of requests that were recorded one by one: on which thread each was, and when that ran.

use serde::{Deserialize, Serialize};

/// A recorded trial: so many requests, sent to a fresh server at the same moment. It is a picture, not a
/// measurement; nothing is concluded from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lanes {
    /// [`super::Asked::name`].
    pub experiment: String,
    /// Name on the ladder.
    pub rung: String,
    /// As in [`super::Trial::variant`].
    pub variant: Option<String>,
    /// Flags of the server process.
    pub flags: Vec<String>,
    /// Request target.
    pub route: String,
    /// All delays of the services behind were times this; null where none were called.
    pub time_scale: Option<f64>,
    /// Why there are no requests; null where there are.
    pub failed: Option<String>,
    /// In the order in which they were sent.
    pub requests: Vec<Carried>,
}

/// A request that was carried by a thread. All times are milliseconds since the first request was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Number of the thread, from 1, in the order in which they first carried a request.
    pub thread: u64,
    /// When the client sent it.
    pub sent_ms: f64,
    /// When a thread entered its view.
    pub entered_ms: f64,
    /// From when to when a thread ran for it, by the thread's CPU clock.
    pub ran_ms: Vec<(f64, f64)>,
    /// When its view was left.
    pub left_ms: f64,
    /// When the client had the answer.
    pub answered_ms: f64,
}
