//! What results say of the load generator itself.

use loadgen::protocol::Slow;
use serde::{Deserialize, Serialize};

/// What the generator spent over the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// CPU time.
    pub cpu_s: Option<f64>,
    /// Share of its busiest core, 0 to 1.
    pub core_busy: Option<f64>,
    /// Wake-up minus due, 99th percentile; null in closed loop.
    pub lag_ms_p99: Option<f64>,
    /// Connections asked for.
    pub connections_wanted: Option<u32>,
    /// Connections up when the window opened.
    pub connections_up: Option<u32>,
    /// Requests in flight on average, from time stamps; null for subscribers.
    #[serde(default)]
    pub in_flight_summed: Option<f64>,
    /// The same from looking at random moments; a trial in which the two differ is void.
    #[serde(default)]
    pub in_flight_sampled: Option<f64>,
    /// What became of slow clients, where the load was of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
}
