//! A cell: one rung at one load level. `plan.rs` makes them, `trial.rs` measures them.

use loadgen::protocol::Shape;

use crate::experiment::{Bystander, Part, Server, Upstream};
use crate::ladder::Rung;
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
    /// What it asks for, where that is several things.
    pub mix: Vec<Part>,
    /// Who else wants to be served meanwhile.
    pub bystander: Option<Bystander>,
    /// Load before the window.
    pub warm_up_ms: u64,
    /// What is measured.
    pub window_ms: u64,
    /// When a client gives up.
    pub timeout_ms: u64,
    /// The services behind the server, for routes that call them.
    pub upstream: Option<Upstream>,
    /// Slow clients: from one byte to the next.
    pub byte_every_ms: Option<u64>,
    /// Limits of the server.
    pub server: Server,
    /// The wait of one request by design, where it is known.
    pub wait_ms: Option<f64>,
    /// Arrivals, phases and delays follow from it.
    pub seed: u64,
    /// Each request is recorded, to be played again.
    pub record: bool,
}

impl Cell {
    /// The rung and which use of it: `pool (5 threads)`.
    pub fn who(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{} ({variant})", self.rung.name),
            None => self.rung.name.to_owned(),
        }
    }

    /// Names a file after it, in letters, digits, dots and hyphens: block and place come last, which no two share.
    pub(crate) fn file_stem(&self) -> String {
        let rate = self.load.rate_rps.map(|rate| format!("{rate}rps")).unwrap_or_default();
        let variant = self.variant.as_deref().unwrap_or_default();
        let text = format!(
            "{} {} {variant} {rate} {}-{}",
            self.experiment,
            self.rung.name,
            self.block + 1,
            self.order + 1
        );
        let letters = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.');
        letters.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
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
            bystander: self.bystander.as_ref().map(|one| (one.route.text.clone(), one.rate.0)),
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
    /// Route and arrivals per second.
    pub(crate) bystander: Option<(String, f64)>,
}

/// A load in words.
pub fn in_words(load: &Load) -> String {
    let who = caller(load.mode);
    let text = match (load.mode, load.rate_rps, load.clients) {
        (Mode::Open, Some(rate), _) => format!("{rate:.0} requests/s{}", shape_in_words(load.shape)),
        (_, _, 1) => format!("1 {who}"),
        (_, _, clients) => format!("{clients} {who}s"),
    };
    if load.keep_alive { text } else { text + ", a connection per request" }
}

/// Who makes a load, one of them.
pub fn caller(mode: Mode) -> &'static str {
    match mode {
        Mode::Subscribers => "subscriber",
        Mode::Slow => "slow client",
        Mode::Closed | Mode::Open => "client",
    }
}

/// How a rate changes, to stand behind it: `, 10 times as many for 3 s`.
pub fn shape_in_words(shape: Option<Shape>) -> String {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    match shape {
        None | Some(Shape::Steady) => String::new(),
        Some(Shape::Spike { for_ms, times, .. }) => {
            format!(", {times} times as many for {} s", seconds(for_ms))
        }
        Some(Shape::Ramp { for_ms, times, .. }) => {
            format!(", rising to {times} times as many within {} s", seconds(for_ms))
        }
        Some(Shape::Steps { steps, times, .. }) => {
            format!(", rising to {times} times as many in {steps} steps")
        }
    }
}

/// Threads of a pool that nobody sized: what `blocking-server` takes by itself when it has all CPUs. Said
/// explicitly, since a server that is pinned to fewer would count only those.
pub fn default_pool(cpus: u64) -> u64 {
    8 * cpus.max(1)
}

/// Threads that run views for `offload` when nobody sized them. More than the clients of any experiment
/// that compares it, so that what is compared is the way of waiting and not the size of a pool. Workers
/// share them out evenly, so it is this or a little more.
pub const DEFAULT_BLOCKING_THREADS: u64 = 512;

/// The flags that make a server the rung: the given ones, and the sizes that they leave open. All sizes are
/// said, so that results carry them.
pub fn server_flags(rung: &Rung, given: &[String], cpus: u64, server_cpus: u64) -> Vec<String> {
    let mut flags = vec![format!("--model={}", rung.name)];
    if rung.name == POOL && size(given, "--threads").is_none() {
        flags.push(format!("--threads={}", default_pool(cpus)));
    }
    let workers = size(given, "--workers");
    if rung.has_workers && workers.is_none() {
        flags.push(format!("--workers={server_cpus}"));
    }
    if rung.name == OFFLOAD && size(given, "--blocking-threads").is_none() {
        let threads = DEFAULT_BLOCKING_THREADS.next_multiple_of(workers.unwrap_or(server_cpus).max(1));
        flags.push(format!("--blocking-threads={threads}"));
    }
    flags.extend(given.iter().cloned());
    flags
}

/// K, where the rung runs at most K views at once, each on a thread that waits with it.
pub fn pool_threads(rung: &Rung, flags: &[String]) -> Option<u64> {
    match rung.name {
        ONE_AT_A_TIME => Some(1),
        POOL => size(flags, "--threads"),
        OFFLOAD => size(flags, "--blocking-threads"),
        // A view that blocks the loop is the only one that the loop's thread runs.
        BLOCKED_LOOP => size(flags, "--workers"),
        _ => None,
    }
}

/// Whether the requests of a rung stand in one line for its threads, whichever connection they came over. (Each
/// worker of `offload` has threads of its own, and `one-at-a-time` keeps its thread for as long as a client stays.)
pub fn has_one_line(rung: &Rung) -> bool {
    rung.name == POOL
}

/// The number that a flag has; the last one counts.
fn size(flags: &[String], name: &str) -> Option<u64> {
    flags.iter().rev().find_map(|flag| flag.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

const ONE_AT_A_TIME: &str = "one-at-a-time";
const POOL: &str = "pool";
const OFFLOAD: &str = "offload";
const BLOCKED_LOOP: &str = "blocked-loop";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::{LADDER, rung};

    #[test]
    fn every_size_of_a_rung_is_on_its_command_line() {
        let flags = |name: &str| server_flags(rung(name).unwrap(), &[], 2, 1).join(" ");
        assert_eq!(flags("pool"), "--model=pool --threads=16");
        assert_eq!(flags("thread-per-request"), "--model=thread-per-request");
        assert_eq!(flags("bare-task-per-connection"), "--model=bare-task-per-connection --workers=1");
        assert_eq!(flags("offload"), "--model=offload --workers=1 --blocking-threads=512");
        let given = ["--blocking-threads=4".to_owned(), "--workers=2".to_owned()];
        let flags = server_flags(rung("offload").unwrap(), &given, 2, 1);
        assert_eq!(flags.join(" "), "--model=offload --blocking-threads=4 --workers=2");
        let three = server_flags(rung("offload").unwrap(), &[], 4, 3).join(" ");
        assert_eq!(three, "--model=offload --workers=3 --blocking-threads=513");
    }

    #[test]
    fn only_some_rungs_have_a_bound_on_views_at_once() {
        let bound = |rung| pool_threads(rung, &server_flags(rung, &[], 2, 1));
        let bounds: Vec<_> = LADDER.iter().filter_map(|rung| Some((rung.name, bound(rung)?))).collect();
        assert_eq!(bounds, [("one-at-a-time", 1), ("pool", 16), ("offload", 512), ("blocked-loop", 1)]);
        let flags = ["--threads=3".to_owned(), "--threads=5".to_owned()];
        assert_eq!(pool_threads(rung("pool").unwrap(), &flags), Some(5), "the last one counts");
    }

    #[test]
    fn one_line_is_the_pools_alone() {
        let names: Vec<_> = LADDER.iter().filter(|rung| has_one_line(rung)).map(|rung| rung.name).collect();
        assert_eq!(names, ["pool"]);
    }

    #[test]
    fn loads_are_told_apart_in_words() {
        let load = |mode, clients, rate_rps, keep_alive| {
            in_words(&Load { mode, clients, rate_rps, route: "/hello".into(), keep_alive, shape: None })
        };
        assert_eq!(load(Mode::Closed, 1, None, true), "1 client");
        assert_eq!(load(Mode::Closed, 64, None, false), "64 clients, a connection per request");
        assert_eq!(load(Mode::Open, 64, Some(300.0), true), "300 requests/s");
        assert_eq!(load(Mode::Subscribers, 512, None, true), "512 subscribers");
        assert_eq!(load(Mode::Slow, 50, None, true), "50 slow clients");
    }
}
