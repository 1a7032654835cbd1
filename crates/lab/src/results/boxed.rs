//! What results say of limits that a server was given, and of what became of it afterwards.

use serde::{Deserialize, Serialize};

/// Limits of the server's process alone; null where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boxed {
    /// Addresses that it may map: a stand-in for a container's memory and thread limits.
    pub address_space_bytes: Option<u64>,
    /// Files that it may have open.
    pub open_files: Option<u64>,
    /// CPUs that it runs on.
    pub cpus: Option<u64>,
}

/// Whether a server answers `/hello` again when all clients of its load have left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Afterwards {
    /// From the end of the load to the answer; null when there was none.
    pub answered_after_ms: Option<f64>,
    /// For how long the lab asked.
    pub asked_for_ms: f64,
}
