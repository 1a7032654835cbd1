//! What became of clients that send their request a byte at a time.

use serde::{Deserialize, Serialize};

/// Counted in connections: `opened = answered + timed_out + shed + otherwise + cut_off + held`, from the first
/// connection to the end of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// Connections that came up. Whoever has lost one opens another, after the time of a byte.
    pub opened: u64,
    /// Those that were still open when the window closed, their request unfinished.
    pub held: u64,
    /// Attempts to connect that failed.
    pub refused: u64,
    /// Got the expected status. (Then the client begins anew, on another connection.)
    pub answered: u64,
    /// Got 408: the server has waited long enough for the head.
    pub timed_out: u64,
    /// Got 503: the server has too much to do.
    pub shed: u64,
    /// Got another status.
    pub otherwise: u64,
    /// Ended by the server without a word.
    pub cut_off: u64,
}

impl Slow {
    /// Adds what another thread counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.held += other.held;
        self.refused += other.refused;
        self.answered += other.answered;
        self.timed_out += other.timed_out;
        self.shed += other.shed;
        self.otherwise += other.otherwise;
        self.cut_off += other.cut_off;
    }
}
