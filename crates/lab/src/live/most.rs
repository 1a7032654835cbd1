//! The most that a page may ask of this machine.

use serde::Serialize;

use crate::ladder::{Needs, Rung};
use crate::limits::{Limits, THREAD_BUDGET};

/// The most that may be asked for, and why not more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Most {
    pub(super) clients: u32,
    pub(super) because: String,
    pub(super) rate_rps: u32,
    /// Threads of a pool.
    pub(super) pool: u32,
}

/// More clients than this show nothing new, and a slider has an end.
const CLIENTS: u32 = 20_000;
const RATE_RPS: u32 = 20_000;
const POOL: u32 = 2_000;

impl Most {
    /// For two servers that run at the same time: what one client takes is what it takes of both.
    pub(super) fn of(rungs: [&'static Rung; 2], limits: &Limits) -> Self {
        let [one, other] = rungs.map(|rung| rung.needs);
        let both = Rung {
            needs: Needs {
                threads: one.threads + other.threads,
                files: one.files.max(other.files),
                bytes: one.bytes + other.bytes,
            },
            ..*rungs[0]
        };
        let ceiling = limits.connection_budget(&both, false);
        let clients = u32::try_from(ceiling.in_flight).unwrap_or(u32::MAX).max(1);
        let budget = limits.thread_budget().map_or(POOL, |all| u32::try_from(all / 2).unwrap_or(POOL));
        let (pool, rate_rps) = (POOL.min(budget).max(1), RATE_RPS);
        if clients > CLIENTS {
            return Self { clients: CLIENTS, because: "the end of the slider".into(), rate_rps, pool };
        }
        let because = match ceiling.because {
            THREAD_BUDGET => format!("{THREAD_BUDGET}: a quarter of what this machine can still make"),
            other => other.to_owned(),
        };
        Self { clients, because, rate_rps, pool }
    }
}
