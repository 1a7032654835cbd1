//! What results say of the services behind the servers, and of how an experiment's answer is to be read.

use serde::{Deserialize, Serialize};

/// How the answer to an experiment's question is read from its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Is there no difference? Blocking and async, framework and bare, held to the rule of equality.
    Equal,
    /// Where the services behind are the limit: do all reach it, and what does queueing cost there?
    SharedLimit,
    /// More is due than can be served: how much is answered in time, and for whom was the rest done?
    Goodput,
    /// How long do requests wait for a pool, against the same requests in an ideal queue and what theory expects?
    Pool,
    /// Who lets bystanders wait in the tail, and who is the cure?
    Bystanders,
    /// After a fault or a burst: how deep was the queue, and when are answers as quick as before?
    Recovery,
    /// From which load on does async pay, metric by metric?
    Crossover,
    /// At how many clients does each server run out of what, and does it come back?
    Exhaustion,
    /// Who still answers others while clients send a byte at a time, and what does one of these cost?
    SlowClients,
}

/// What was asked of the services behind the servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Services {
    /// Delay of a call, as `upstream --delay` takes it.
    pub delay: String,
    /// Calls served at a time; null: as many as come.
    pub capacity: Option<u64>,
    /// Faults, from the start of the window.
    pub faults: Vec<Trouble>,
}

/// Something that went wrong on purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// `stall`, `error`, …
    pub kind: String,
    /// Begin, from the start of the window.
    pub at_ms: u64,
    /// How long.
    pub for_ms: u64,
}

/// Calls to the services behind a server over the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// That came.
    pub arrived: u64,
    /// That were in service and are over, however they ended: answered, or the caller hung up.
    pub served: u64,
    /// How long these were in service, together.
    pub service_ms: f64,
    /// In line without being in service when the window closed.
    pub queued_at_end: u64,
}
