//! `results.json`: everything that a run measured, and everything that a report needs.
//!
//! Missing values are `null`, never 0: "this system does not tell" is not "nothing".

mod around;
mod boxed;
mod client;
mod lanes;
mod replay;
mod series;
mod services;

use std::collections::BTreeMap;

use loadgen::protocol::{Failure, Parts, Shape};
use serde::{Deserialize, Serialize};

pub use around::{Ended, MachineCheck, MachineState, Precision};
pub use boxed::{Afterwards, Boxed};
pub use client::Client;
pub use lanes::{Carried, Lanes};
pub use replay::Replay;
pub use series::SeriesRow;
pub use services::{Calls, Rule, Services, Trouble};

/// The schema that this program reads and writes.
pub const SCHEMA: &str = "parkbench/1";

/// A run: written after every trial, so that nothing is lost when a later one fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// Parkbench's own version, and commit where it was built from a checkout.
    pub version: String,
    /// Start of the run, RFC 3339, UTC.
    pub started: String,
    /// Whether the run came to its end; false after Ctrl-C or a failure.
    pub complete: bool,
    /// Where it was measured.
    pub machine: Machine,
    /// The command line that repeats it.
    pub command: String,
    /// Everything random followed from it.
    pub seed: u64,
    /// One block, points without intervals.
    pub quick: bool,
    /// What was asked, by name, in the order of the report.
    pub experiments: Vec<Asked>,
    /// Every trial, in the order in which it ran.
    pub trials: Vec<Trial>,
    /// Whether the machine was left alone; null in results of those who did not look.
    #[serde(default)]
    pub check: Option<MachineCheck>,
    /// What became of the intervals, for each experiment that was to run until they are narrow.
    #[serde(default)]
    pub precision: Vec<Precision>,
    /// Requests recorded one by one, of each server of experiments that ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<Lanes>,
}

/// The texts and fixed settings of an experiment, kept so that a report needs no other file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Name of its file without `.toml`; [`Trial::experiment`] refers to it.
    pub name: String,
    /// Headline.
    pub title: String,
    /// What it asks.
    pub question: String,
    /// What the reader should expect and why.
    pub expect: String,
    /// All rungs ran at once; a demonstration, not a comparison.
    pub demonstration: bool,
    /// Request target of the load.
    pub route: String,
    /// The wait that one request asks for by design, upstream calls included; null when there is none.
    /// Figures divide by the measured wait where it can be measured.
    pub nominal_wait_ms: Option<f64>,
    /// Cells that were not run because their bounding line says that an answer takes more than half the
    /// window; drawn as that line.
    pub not_run: Vec<NotRun>,
    /// Figures stated by others for the same experiment, shown beside the measured ones.
    pub stated: Vec<Stated>,
    /// How the gap between the first rung and the last is split into its causes; empty where it is not.
    #[serde(default)]
    pub decomposition: Vec<GapStep>,
    /// Which question the report answers first; null: the comparison in general.
    #[serde(default)]
    pub rule: Option<Rule>,
    /// The services behind the servers; null where no route calls them.
    #[serde(default)]
    pub services: Option<Services>,
    /// Limits that each server was given; null where there were none.
    #[serde(default)]
    pub server: Option<Boxed>,
    /// From one byte of a slow client to the next; null where there are none.
    #[serde(default)]
    pub byte_every_ms: Option<u64>,
    /// When a client gives up.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Load before the window.
    #[serde(default)]
    pub warm_up_ms: Option<u64>,
}

/// A cell that was left out, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotRun {
    /// Rung.
    pub rung: String,
    /// As in [`Trial::variant`].
    pub variant: Option<String>,
    /// As in [`Trial::load`].
    pub load: Load,
    /// The bound that makes it pointless, in requests per second; null when the reason is another.
    pub bound_rps: Option<f64>,
    /// One sentence.
    pub reason: String,
}

/// A part of a gap: two rungs that differ in one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapStep {
    /// The rung before.
    pub from: String,
    /// The rung after; the next step begins there.
    pub to: String,
    /// What they differ in, as a noun: `making threads`.
    pub cause: String,
}

/// A figure from elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stated {
    /// What it is about, such as `Flask (as stated in the lecture)`.
    pub label: String,
    /// Requests per second.
    pub throughput_rps: f64,
    /// Where it comes from.
    pub source: String,
}

/// Where a run was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and kernel.
    pub os: String,
    /// Processor's name.
    pub cpu: Option<String>,
    /// Logical CPUs that this process may use.
    pub cpus: u32,
    /// CPUs that servers were pinned to; null where the system cannot pin.
    pub server_cpus: Option<Vec<u32>>,
    /// CPUs that generator and upstream were pinned to.
    pub client_cpus: Option<Vec<u32>>,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
    /// Soft and hard limit of open files, as the children had them.
    pub open_files: Option<(u64, u64)>,
    /// `pid_max`, `threads-max`, cgroup `pids.max` and the like: name to value, null where unlimited or unknown.
    pub limits: BTreeMap<String, Option<u64>>,
    /// Load average over one minute before the run.
    pub load_average: Option<f64>,
    /// What this system cannot tell or do, a sentence each.
    pub notes: Vec<String>,
}

/// One measured run of a rung at a load, in fresh server processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// [`Asked::name`].
    pub experiment: String,
    /// Name on the ladder.
    pub rung: String,
    /// Tells uses of one rung with different flags apart, such as `5 threads`; null when there is one use.
    pub variant: Option<String>,
    /// Flags of the server process.
    pub flags: Vec<String>,
    /// 0-based; a block has one trial of each rung.
    pub block: u32,
    /// Place of the trial in its block, 0-based.
    pub order: u32,
    /// When, on the run's own clock.
    pub window: Window,
    /// What load.
    pub load: Load,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// Why it collapsed or is void; null when it is ok.
    pub reason: Option<String>,
    /// Right answers per second of the window.
    pub throughput_rps: Option<f64>,
    /// Response time: from due to answered.
    pub latency_ms: Percentiles,
    /// From sent to answered.
    pub sent_to_answer_ms: Percentiles,
    /// Response times in nanoseconds: HDR histogram V2, base64.
    pub histogram: Option<String>,
    /// Where the time of the right answers went; null but in open loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Box<Parts>>,
    /// `scheduled = completed + failed + timed_out + unsent`.
    pub scheduled: u64,
    /// Right answers.
    pub completed: u64,
    /// By kind.
    pub failed: BTreeMap<Failure, u64>,
    /// No answer within the client's timeout.
    pub timed_out: u64,
    /// Never sent.
    pub unsent: u64,
    /// Who else was served meanwhile; null where nobody asked.
    #[serde(default)]
    pub bystander: Option<Bystander>,
    /// What the services behind the server were asked for; null where there were none.
    #[serde(default)]
    pub services: Option<Calls>,
    /// The requests played again through an ideal queue; null where they were not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The cost on the server's side.
    pub server: Server,
    /// The cost on the generator's side.
    pub client: Client,
    /// What the reader should know before believing the figures.
    pub warnings: Vec<String>,
    /// Over time, a row per 250 ms.
    pub series: Vec<SeriesRow>,
}

/// Cheap requests on a schedule of their own, over the same window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bystander {
    /// Request target.
    pub route: String,
    /// Arrivals per second.
    pub rate_rps: f64,
    /// Response time: from due to answered.
    pub latency_ms: Percentiles,
    /// Response times in nanoseconds: HDR histogram V2, base64.
    pub histogram: Option<String>,
    /// `scheduled = completed + failed + timed_out + unsent`.
    pub scheduled: u64,
    /// Right answers.
    pub completed: u64,
    /// By kind.
    pub failed: BTreeMap<Failure, u64>,
    /// No answer within the client's timeout.
    pub timed_out: u64,
    /// Never sent.
    pub unsent: u64,
}

/// When a trial measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// From the start of the run.
    pub start_ms: u64,
    /// As it was.
    pub length_ms: f64,
}

/// The load of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Closed or open loop.
    pub mode: Mode,
    /// Closed loop: callers. Open loop: connections at most. Else subscribers.
    pub clients: u32,
    /// Open loop only.
    pub rate_rps: Option<f64>,
    /// Request target.
    pub route: String,
    /// False when every request opens a connection of its own.
    #[serde(default = "yes")]
    pub keep_alive: bool,
    /// Open loop: how the rate changes over the window; null where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

fn yes() -> bool {
    true
}

/// Closed loop finds capacity, open loop finds latency. Subscribers send nothing: they hold a stream each, and
/// what is counted and timed are the ticks that they receive. Slow clients send a byte at a time, and are counted in
/// connections ([`Client::slow`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "said above")]
pub enum Mode {
    Closed,
    Open,
    Subscribers,
    Slow,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    /// Figures can be used.
    Ok,
    /// The server died or stopped listening: a result, with its reason.
    Collapsed,
    /// Figures must not be used.
    Void,
}

/// Percentiles in milliseconds; null where there are too few samples (p99 needs 1,000, p99.9 10,000).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
}

/// What the server spent over exactly the window; the context switches are of its whole life.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// User and system time.
    pub cpu_s: Option<f64>,
    /// Of that, in its own code; the kernel splits by looking at each of its ticks, so it is a good guess.
    #[serde(default)]
    pub cpu_user_s: Option<f64>,
    /// Of that, in the kernel on its behalf.
    #[serde(default)]
    pub cpu_system_s: Option<f64>,
    /// CPU time that others had on its CPUs meanwhile: other programs, the kernel's own work, other guests.
    #[serde(default)]
    pub others_cpu_s: Option<f64>,
    /// User and system time of its whole life, to which the context switches belong.
    #[serde(default)]
    pub life_cpu_s: Option<f64>,
    /// CPU time over completed requests.
    pub cpu_us_per_request: Option<f64>,
    /// Resident memory before the first request.
    pub rss_idle_bytes: Option<u64>,
    /// Highest resident memory sampled.
    pub rss_peak_bytes: Option<u64>,
    /// Highest number of threads sampled.
    pub threads_peak: Option<u64>,
    /// Threads before the first request.
    pub threads_idle: Option<u64>,
    /// Kernel stacks at the peak: threads × 16 KiB on x86-64 Linux.
    pub kernel_stack_bytes: Option<u64>,
    /// Page tables at the peak.
    pub page_table_bytes: Option<u64>,
    /// Page tables before the first request.
    pub page_table_idle_bytes: Option<u64>,
    /// (RSS + page tables + kernel stacks at the peak, less the same when idle) over open connections.
    pub memory_per_connection_bytes: Option<f64>,
    /// Waits that gave the CPU up.
    pub ctx_switches_voluntary: Option<u64>,
    /// Time slices that ran out.
    pub ctx_switches_involuntary: Option<u64>,
    /// Connections that the kernel dropped because the listen queue was full, on the whole machine.
    pub listen_overflows: Option<u64>,
    /// Addresses mapped, the most that was sampled.
    #[serde(default)]
    pub address_space_peak_bytes: Option<u64>,
    /// How often its log says that a thread could not be made (EAGAIN); null where nobody reads it.
    #[serde(default)]
    pub threads_refused: Option<u64>,
    /// The same of files, sockets among them (EMFILE). Servers say it once each time they have to stop accepting.
    #[serde(default)]
    pub files_refused: Option<u64>,
    /// The same of memory (ENOMEM).
    #[serde(default)]
    pub memory_refused: Option<u64>,
    /// Whether it answered when the load was over; null where nobody asked.
    #[serde(default)]
    pub afterwards: Option<Afterwards>,
    /// `exit code 0`, `signal 6`, …
    pub exit: Option<String>,
    /// The first lines and the last of its log when it did not end well.
    pub log: Option<String>,
}
