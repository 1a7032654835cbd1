//! What results say over time.

use serde::{Deserialize, Serialize};

/// A row of [`Trial::series`](super::Trial::series). Columns with `server_` are the last sample in the interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Start of the interval, from the start of the window.
    pub t_ms: u64,
    /// Right answers in the interval.
    pub completed: Option<u64>,
    /// Failures and timeouts in the interval.
    pub errors: Option<u64>,
    /// Requests sent and not answered at its end.
    pub in_flight: Option<u64>,
    /// Median response.
    pub p50_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Longest response, of however few; to 1 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
    /// Median response of a bystander; null where nobody asked, or nobody was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bystander_p50_ms: Option<f64>,
    /// Resident memory.
    pub server_rss_bytes: Option<u64>,
    /// Threads.
    pub server_threads: Option<u64>,
    /// CPU time used since the window opened.
    pub server_cpu_s: Option<f64>,
}
