//! What results say of a pool's queue, played again.

use serde::{Deserialize, Serialize};

/// How long the requests of a trial waited for a thread of a pool, and how long they would have waited in a queue
/// that does nothing but queue: the same arrivals, the same times in the view, first come first served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Threads of the pool, servers of the queue.
    pub servers: u32,
    /// Requests of the window, over which both means are taken. Those of the warm-up are played, too.
    pub requests: u64,
    /// Requests that were due and have no record. Where there are any, nothing is played.
    pub missing: u64,
    /// Mean from sending to entering the view, as measured; null without requests.
    pub waited_ms: Option<f64>,
    /// Mean wait in the replay; null where it was not played.
    pub replayed_ms: Option<f64>,
    /// Where each request is recorded, from the directory of the results; null where nobody kept it.
    pub file: Option<String>,
}
