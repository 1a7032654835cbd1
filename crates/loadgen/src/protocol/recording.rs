//! A load request by request, so that it can be played again: through a model, or by whoever doubts a mean.

use serde::{Deserialize, Serialize};

/// The requests of an open load that were due before its window closed and came back with the right answer and the
/// server's own times, in the order in which they were sent. Those of the warm-up are among them: a queue remembers
/// who came before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// When the window opened; like all moments here from the start of the load.
    pub window_us: u64,
    /// One for each.
    pub requests: Vec<Recorded>,
    /// Requests that were due, too, but have no row: they failed, were late, or nobody told where their time went.
    /// They were in the way of the others, so a recording that misses some cannot be replayed.
    pub missing: u64,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Due, by the schedule.
    pub due_us: u64,
    /// Its first byte was sent: for the server, its arrival.
    pub sent_us: u64,
    /// From there to entering the view, and waiting for a thread of a pool to run it: `queue` and `pool` of
    /// `server-timing`.
    pub wait_us: u64,
    /// In the view, what it waited for included: `view` less `pool`.
    pub view_us: u64,
    /// Of that: waiting for the upstream; 0 where nothing was said.
    pub upstream_us: u64,
    /// From due to answered.
    pub response_us: u64,
}
