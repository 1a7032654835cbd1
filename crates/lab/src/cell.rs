//! A cell: one rung at one load level. `plan.rs` makes them, `trial.rs` measures them.

use crate::experiment::Upstream;
use crate::ladder::{Kind, Rung};
use crate::results::{Load, Mode};

/// Everything that one trial needs to know.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Name of the experiment.
    pub experiment: String,
    /// Which server.
    pub rung: &'static Rung,
    /// Which use of it.
    pub variant: Option<String>,
    /// For the server's command line, model and sizes included.
    pub flags: Vec<String>,
    /// 0-based.
    pub block: u32,
    /// Place in the block, 0-based.
    pub order: u32,
    /// What load.
    pub load: Load,
    /// Load before the window.
    pub warm_up_ms: u64,
    /// What is measured.
    pub window_ms: u64,
    /// When a client gives up.
    pub timeout_ms: u64,
    /// The services behind the server, for routes that call them.
    pub upstream: Option<Upstream>,
    /// The wait of one request by design, where it is known.
    pub wait_ms: Option<f64>,
    /// Arrivals, phases and delays follow from it.
    pub seed: u64,
}

impl Cell {
    /// The rung and which use of it: `pool (5 threads)`.
    pub fn who(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{} ({variant})", self.rung.name),
            None => self.rung.name.to_owned(),
        }
    }

    /// What its results say of it.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            experiment: self.experiment.clone(),
            rung: self.rung.name.to_owned(),
            variant: self.variant.clone(),
            flags: self.flags.clone(),
            block: self.block,
            order: self.order,
            load: self.load.clone(),
        }
    }

    /// The load in words: `256 clients`, `112 requests/s`.
    pub fn what(&self) -> String {
        in_words(&self.load)
    }
}

/// What of a trial was known before it ran.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) experiment: String,
    pub(crate) rung: String,
    pub(crate) variant: Option<String>,
    pub(crate) flags: Vec<String>,
    pub(crate) block: u32,
    pub(crate) order: u32,
    pub(crate) load: Load,
}

/// A load in words.
pub fn in_words(load: &Load) -> String {
    match (load.mode, load.rate_rps) {
        (Mode::Open, Some(rate)) => format!("{rate:.0} requests/s"),
        _ if load.clients == 1 => "1 client".into(),
        _ => format!("{} clients", load.clients),
    }
}

/// Threads of a pool that nobody sized: what `blocking-server` takes by itself when it has all CPUs. Said
/// explicitly, since a server that is pinned to fewer would count only those.
pub fn default_pool(cpus: u64) -> u64 {
    8 * cpus.max(1)
}

/// The flags that make a server the rung: the given ones, and the sizes that they leave open.
pub fn server_flags(rung: &Rung, given: &[String], cpus: u64, server_cpus: u64) -> Vec<String> {
    let has = |name: &str| given.iter().any(|flag| flag.split('=').next() == Some(name));
    let mut flags = vec![format!("--model={}", rung.name)];
    if rung.name == POOL && !has("--threads") {
        flags.push(format!("--threads={}", default_pool(cpus)));
    }
    if rung.kind == Kind::Async && !has("--workers") {
        flags.push(format!("--workers={server_cpus}"));
    }
    flags.extend(given.iter().cloned());
    flags
}

/// K, where the rung is a pool of K threads.
pub fn pool_threads(rung: &Rung, flags: &[String]) -> Option<u64> {
    if rung.name != POOL {
        return None;
    }
    flags.iter().rev().find_map(|flag| flag.strip_prefix("--threads=")?.parse().ok())
}

const POOL: &str = "pool";
