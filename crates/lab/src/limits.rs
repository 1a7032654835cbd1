//! The limits of this machine that servers run into, and how much of them an experiment may take.
//!
//! `doctor` shows them, `plan.rs` keeps to them. Limits that everybody on the machine shares are never
//! taken for more than a quarter of what is free, unless whoever runs the lab says so.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ladder::Rung;

/// What is limited, as far as this system tells; `None` is unlimited or unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Soft limit of open files of this process, and so of its children.
    pub files_soft: Option<u64>,
    /// What the soft limit may be raised to.
    pub files_hard: Option<u64>,
    /// Highest process (and thread) id; ids are shared by the whole machine.
    pub pid_max: Option<u64>,
    /// Threads on the whole machine.
    pub threads_max: Option<u64>,
    /// Threads that there are on the whole machine.
    pub threads_now: Option<u64>,
    /// Tightest `pids.max` of this process's cgroups, and how many it has.
    pub cgroup_pids: Option<(u64, u64)>,
    /// Memory mappings of one process.
    pub max_map_count: Option<u64>,
    /// Threads of one process, where the system says so directly (macOS).
    pub process_threads: Option<u64>,
    /// Longest listen queue.
    pub somaxconn: Option<u64>,
    /// First and last port for outgoing connections.
    pub ports: Option<(u64, u64)>,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
    /// What can be had of it without swapping.
    pub memory_available_bytes: Option<u64>,
}

/// About four a thread: its stack and guard page, its signal stack and that one's guard page.
const MAPPINGS_PER_THREAD: u64 = 4;
/// For everything of a process that is not a connection: listeners, logs, timers, pipes.
const OTHER_FILES: u64 = 64;
/// More than this many open files are of no use here, and programs that walk all of them get slow.
const FILES_ENOUGH: u64 = 1 << 20;

/// Why there cannot be more in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// Requests in flight.
    pub in_flight: u64,
    /// What ends there.
    pub because: &'static str,
}

impl Limits {
    /// Threads that an experiment may take: a quarter of what is left of the limits that everyone shares,
    /// and half of what one process may have of its own. `None` is no limit that is known.
    pub fn thread_budget(&self) -> Option<u64> {
        [self.free_threads().map(|free| free / 4), self.threads_of_a_process().map(|all| all / 2)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Threads that can still be made, whoever makes them.
    pub fn free_threads(&self) -> Option<u64> {
        let now = self.threads_now.unwrap_or(0);
        let of_machine =
            [self.pid_max, self.threads_max].into_iter().flatten().map(|max| max.saturating_sub(now));
        let of_cgroup = self.cgroup_pids.map(|(max, now)| max.saturating_sub(now));
        of_machine.chain(of_cgroup).min()
    }

    /// Threads that one process can have, by its mappings or by a limit of their own.
    pub fn threads_of_a_process(&self) -> Option<u64> {
        let by_mappings = self.max_map_count.map(|max| max / MAPPINGS_PER_THREAD);
        [by_mappings, self.process_threads].into_iter().flatten().min()
    }

    /// Connections that an experiment may open on this rung: within the thread budget (or, if that was
    /// lifted, all that can be had), the file limit and half of the free memory.
    pub fn connection_budget(&self, rung: &Rung, lifted: bool) -> Ceiling {
        let budget = if lifted { self.free_threads() } else { self.thread_budget() };
        let threads = budget.and_then(|budget| budget.checked_div(rung.needs.threads));
        let memory = self.memory_available_bytes.map(|free| free / 2 / rung.needs.bytes);
        lowest([(threads, THREAD_BUDGET), (self.connections_by_files(rung), FILES), (memory, "memory")])
    }

    /// Ports that clients on this machine have towards one server. Linux answers on all of 127.0.0.0/8, and
    /// the load generator connects from so many of its addresses.
    pub fn client_ports(&self) -> Option<u64> {
        let (first, last) = self.ports?;
        let addresses = if cfg!(target_os = "linux") { 64 } else { 1 };
        Some((last + 1).saturating_sub(first) * addresses)
    }

    /// What is in flight on this rung when the first limit of all is reached.
    pub fn ceiling(&self, rung: &Rung) -> Ceiling {
        let per = |limit: Option<u64>, each: u64| limit.and_then(|limit| limit.checked_div(each));
        lowest([
            (self.connections_by_files(rung), FILES),
            (per(self.free_threads(), rung.needs.threads), "threads of the machine or cgroup"),
            (per(self.threads_of_a_process(), rung.needs.threads), PROCESS_THREADS),
            (per(self.memory_available_bytes, rung.needs.bytes), "memory"),
            (self.ports.map(|(first, last)| (last + 1).saturating_sub(first)), "ports of one client address"),
        ])
    }

    /// By name, for results and for people.
    pub fn named(&self) -> BTreeMap<String, Option<u64>> {
        let values = [
            ("pid_max", self.pid_max),
            ("threads-max", self.threads_max),
            ("cgroup pids.max", self.cgroup_pids.map(|(max, _)| max)),
            ("max_map_count", self.max_map_count),
            ("threads of one process", self.process_threads),
            ("somaxconn", self.somaxconn),
            ("ports", self.ports.map(|(first, last)| (last + 1).saturating_sub(first))),
        ];
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn connections_by_files(&self, rung: &Rung) -> Option<u64> {
        // The generator needs one a connection; a server may need more.
        let each = rung.needs.files.max(1);
        self.files_soft.map(|files| files.saturating_sub(OTHER_FILES) / each)
    }
}

/// The ceiling that a flag lifts.
pub(crate) const THREAD_BUDGET: &str = "thread budget";
const FILES: &str = "open files";
const PROCESS_THREADS: &str =
    if cfg!(target_os = "linux") { "max_map_count" } else { "threads of one process" };

fn lowest<const N: usize>(ceilings: [(Option<u64>, &'static str); N]) -> Ceiling {
    let known =
        ceilings.into_iter().filter_map(|(limit, because)| Some(Ceiling { in_flight: limit?, because }));
    known
        .min_by_key(|ceiling| ceiling.in_flight)
        .unwrap_or(Ceiling { in_flight: u64::MAX, because: "nothing that this system tells" })
}

/// Raises the soft limit of open files as far as the hard one allows, for this process and the children
/// that it starts from here on. What cannot be raised stays as it is; `plan.rs` looks at what there is.
pub fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let goal = maximum.unwrap_or(FILES_ENOUGH).min(FILES_ENOUGH);
    // macOS reports "unlimited" and refuses it: there the kernel's own limit per process is the most.
    for goal in [goal, 24_576, 10_240] {
        if current.is_none_or(|current| current >= goal) {
            return;
        }
        if setrlimit(Resource::Nofile, Rlimit { current: Some(goal), maximum }).is_ok() {
            return;
        }
    }
}

/// The limits of this machine, as they are for this process now.
pub fn read() -> Limits {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    Limits { files_soft: current, files_hard: maximum, ..of_the_system() }
}

#[cfg(target_os = "linux")]
fn of_the_system() -> Limits {
    use std::fs::read_to_string;

    use crate::procfs;

    let number = |path: &str| procfs::limit(&read_to_string(path).ok()?);
    let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
    let ports = read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let cgroups = procfs::pids_cgroups(&read_to_string("/proc/self/cgroup").unwrap_or_default());
    let pids = |dir: String| {
        let file = |name| number(&format!("/sys/fs/cgroup/{dir}/{name}"));
        Some((file("pids.max")?, file("pids.current")?))
    };
    Limits {
        pid_max: number("/proc/sys/kernel/pid_max"),
        threads_max: number("/proc/sys/kernel/threads-max"),
        threads_now: read_to_string("/proc/loadavg").ok().and_then(|text| Some(procfs::loadavg(&text)?.1)),
        cgroup_pids: cgroups.into_iter().filter_map(pids).min_by_key(|(max, now)| max.saturating_sub(*now)),
        max_map_count: number("/proc/sys/vm/max_map_count"),
        somaxconn: number("/proc/sys/net/core/somaxconn"),
        ports: ports.and_then(|text| {
            let (first, last) = text.split_once(char::is_whitespace)?;
            Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
        }),
        memory_bytes: procfs::kib(&meminfo, "MemTotal:"),
        memory_available_bytes: procfs::kib(&meminfo, "MemAvailable:"),
        ..Limits::default()
    }
}

#[cfg(not(target_os = "linux"))]
fn of_the_system() -> Limits {
    let memory = sysinfo::System::new().ok().map(|mut system| {
        system.refresh_memory();
        (system.total_memory(), system.available_memory())
    });
    let sysctl = |name: &str| {
        let output = std::process::Command::new("sysctl").args(["-n", name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let first = sysctl("net.inet.ip.portrange.first");
    Limits {
        process_threads: sysctl("kern.num_taskthreads"),
        somaxconn: sysctl("kern.ipc.somaxconn"),
        ports: first.zip(sysctl("net.inet.ip.portrange.last")),
        memory_bytes: memory.map(|(total, _)| total),
        memory_available_bytes: memory.map(|(_, available)| available).filter(|bytes| *bytes > 0),
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::rung;

    fn machine() -> Limits {
        Limits {
            files_soft: Some(20_000),
            pid_max: Some(32_768),
            threads_max: Some(192_730),
            threads_now: Some(768),
            max_map_count: Some(65_530),
            memory_available_bytes: Some(8 << 30),
            ..Limits::default()
        }
    }

    #[test]
    fn the_budget_is_a_quarter_of_what_is_free_for_all() {
        assert_eq!(machine().free_threads(), Some(32_000));
        assert_eq!(machine().thread_budget(), Some(8_000));
        let contained = Limits { cgroup_pids: Some((2_000, 400)), ..machine() };
        assert_eq!(contained.thread_budget(), Some(400));
        assert_eq!(Limits::default().thread_budget(), None);
    }

    #[test]
    fn a_process_may_take_half_of_what_is_its_own() {
        let large = Limits { pid_max: None, threads_max: None, ..machine() };
        assert_eq!(large.thread_budget(), Some(8_191));
    }

    #[test]
    fn the_hungriest_resource_sets_the_ceiling_and_is_named() {
        let threads = rung("thread-per-request").unwrap();
        let tasks = rung("event-loop").unwrap();
        assert_eq!(
            machine().connection_budget(threads, false),
            Ceiling { in_flight: 4_000, because: THREAD_BUDGET }
        );
        assert_eq!(machine().connection_budget(threads, true).in_flight, 9_968);
        assert_eq!(machine().ceiling(threads), Ceiling { in_flight: 8_191, because: "max_map_count" });
        assert_eq!(machine().ceiling(tasks), Ceiling { in_flight: 19_936, because: "open files" });
        let few = Limits { files_soft: Some(256), ..machine() };
        assert_eq!(few.ceiling(threads), Ceiling { in_flight: 96, because: "open files" });
    }

    #[test]
    fn this_machine_can_be_read() {
        let limits = read();
        assert!(limits.files_soft.is_none_or(|files| files > 0));
        #[cfg(target_os = "linux")]
        assert!(limits.threads_max.is_some() && limits.memory_bytes.is_some());
    }
}
