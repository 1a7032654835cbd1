//! What a server costs, seen from outside, over exactly the window of its load.
//!
//! Nothing runs in the server for it: the system keeps a CPU clock for each process, read here at both
//! edges, and says how much memory and how many threads it has, read four times a second. What a system
//! does not tell is `None`.

use std::thread::{self, JoinHandle};

use loadgen::clock::{monotonic_ns, sleep_until_ns};

/// Four times a second; a row of the series each.
pub(crate) const INTERVAL_MS: u64 = 250;

/// Edges of a window on the monotonic clock, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    /// Opens.
    pub start_ns: u64,
    /// Closes.
    pub end_ns: u64,
}

/// What was seen of a process.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// CPU time over the window.
    pub cpu_s: Option<f64>,
    /// Of that, user and system time.
    pub(crate) split: Option<(f64, f64)>,
    /// CPU time that others had on its CPUs.
    pub(crate) others_cpu_s: Option<f64>,
    /// Connections that the kernel dropped over the window since a listen queue was full: all servers.
    pub listen_overflows: Option<u64>,
    /// At the start of the window, and at each interval's end.
    pub(crate) samples: Vec<Sample>,
}

/// One look.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sample {
    /// From the start of the window.
    pub(crate) t_ms: u64,
    /// CPU time used since the window opened.
    pub(crate) cpu_s: Option<f64>,
    pub(crate) size: Size,
}

/// Memory and threads of a process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) page_table_bytes: Option<u64>,
    pub(crate) threads: Option<u64>,
    /// Mapped, whether or not anything is there.
    pub(crate) address_space_bytes: Option<u64>,
}

impl Size {
    /// Stacks that the kernel keeps, one a thread, which are in nobody's resident memory.
    pub(crate) fn kernel_stack_bytes(self) -> Option<u64> {
        Some(self.threads? * KERNEL_STACK_BYTES?)
    }

    /// Everything that memory is taken for; `None` if a part is not known.
    pub(crate) fn total_bytes(self) -> Option<u64> {
        Some(self.rss_bytes? + self.page_table_bytes? + self.kernel_stack_bytes()?)
    }
}

/// `THREAD_SIZE` of the kernel, where it is known to be this.
const KERNEL_STACK_BYTES: Option<u64> =
    if cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        Some(16 * 1024)
    } else {
        None
    };

/// Starts to watch a process that may use these CPUs (or all); the result is there when the window is over.
///
/// # Errors
/// When the system refuses a thread.
pub(crate) fn watch(pid: u32, cpus: Option<Vec<u32>>, edges: Edges) -> std::io::Result<JoinHandle<Observed>> {
    thread::Builder::new().name("probe".into()).spawn(move || observe(pid, cpus.as_deref(), edges))
}

fn observe(pid: u32, cpus: Option<&[u32]>, edges: Edges) -> Observed {
    let Edges { start_ns, end_ns } = edges;
    sleep_until_ns(start_ns);
    let opened = Counters::read(pid, cpus);
    let since_start = |now: Option<f64>| Some(now? - opened.cpu_s?);
    let mut samples = vec![Sample { t_ms: 0, cpu_s: since_start(opened.cpu_s), size: size(pid) }];
    let mut due_ns = start_ns;
    loop {
        due_ns += INTERVAL_MS * 1_000_000;
        if due_ns >= end_ns {
            break;
        }
        sleep_until_ns(due_ns);
        samples.push(Sample {
            t_ms: (due_ns - start_ns) / 1_000_000,
            cpu_s: since_start(cpu_s(pid)),
            size: size(pid),
        });
    }
    sleep_until_ns(end_ns);
    let closed = Counters::read(pid, cpus);
    let observed = closed.since(&opened, (end_ns - start_ns) as f64 / 1e9, cpus);
    samples.push(Sample { t_ms: (end_ns - start_ns) / 1_000_000, cpu_s: observed.cpu_s, size: size(pid) });
    Observed { samples, ..observed }
}

/// What only grows, read at one moment: what lies between two of them is what a process cost meanwhile.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) cpu_s: Option<f64>,
    user_and_system: Option<(u64, u64)>,
    idle_and_all: Option<(u64, u64)>,
    listen_overflows: Option<u64>,
}

impl Counters {
    /// Of a process that may use these CPUs (or all).
    pub(crate) fn read(pid: u32, cpus: Option<&[u32]>) -> Self {
        Self {
            // The clock first: what comes after it takes time of its own.
            cpu_s: cpu_s(pid),
            user_and_system: user_and_system(pid),
            idle_and_all: idle_and_all(cpus),
            listen_overflows: listen_overflows(),
        }
    }

    /// What came on top over so long. Samples are somebody else's.
    pub(crate) fn since(&self, before: &Self, over_s: f64, cpus: Option<&[u32]>) -> Observed {
        let cpu_s = self.cpu_s.zip(before.cpu_s).map(|(now, then)| now - then);
        let ticks = self.user_and_system.zip(before.user_and_system);
        let machine = self.idle_and_all.zip(before.idle_and_all);
        let overflows = self.listen_overflows.zip(before.listen_overflows);
        let all_s = over_s * cores(cpus);
        Observed {
            cpu_s,
            split: cpu_s.zip(ticks).and_then(|(cpu_s, (now, then))| split(cpu_s, then, now)),
            others_cpu_s: cpu_s.zip(machine).and_then(|(own_s, (now, then))| others(own_s, all_s, then, now)),
            listen_overflows: overflows.map(|(now, then)| now.saturating_sub(then)),
            samples: Vec::new(),
        }
    }
}

/// CPUs that it may use.
fn cores(cpus: Option<&[u32]>) -> f64 {
    cpus.map_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get), <[u32]>::len)
        as f64
}

/// What was not idle and not its own; `None` where no tick was counted.
fn others(own_s: f64, all_s: f64, then: (u64, u64), now: (u64, u64)) -> Option<f64> {
    let (idle, all) = (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1));
    let busy_s = all_s * (1.0 - idle as f64 / all as f64);
    busy_s.is_finite().then_some((busy_s - own_s).max(0.0))
}

/// The clock is exact and the ticks are counted by looking, so the ticks only say which share is whose.
fn split(cpu_s: f64, then: (u64, u64), now: (u64, u64)) -> Option<(f64, f64)> {
    let (user, system) = (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1));
    let share = user as f64 / (user + system) as f64;
    share.is_finite().then_some((cpu_s * share, cpu_s * (1.0 - share)))
}

/// Whether an edge can still be waited for.
pub(crate) fn is_ahead(edges: Edges) -> bool {
    edges.start_ns < edges.end_ns && monotonic_ns() <= edges.start_ns
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::read_to_string;

    use super::Size;
    use crate::{procfs, sys};

    pub(super) fn cpu_s(pid: u32) -> Option<f64> {
        Some(sys::process_cpu(pid)?.as_secs_f64())
    }

    pub(super) fn idle_and_all(cpus: Option<&[u32]>) -> Option<(u64, u64)> {
        procfs::idle_and_all(&read_to_string("/proc/stat").ok()?, cpus)
    }

    pub(super) fn user_and_system(pid: u32) -> Option<(u64, u64)> {
        procfs::user_and_system(&read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    pub(crate) fn size(pid: u32) -> Size {
        let status =
            read_to_string(format!("/proc/{pid}/status")).ok().and_then(|text| procfs::status(&text));
        Size {
            rss_bytes: status.map(|status| status.rss_bytes),
            page_table_bytes: status.map(|status| status.page_table_bytes),
            threads: status.map(|status| status.threads),
            address_space_bytes: status.and_then(|status| status.address_space_bytes),
        }
    }

    pub(super) fn listen_overflows() -> Option<u64> {
        procfs::netstat(&read_to_string("/proc/net/netstat").ok()?, "TcpExt", "ListenOverflows")
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::cell::RefCell;

    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    use super::Size;

    thread_local! {
        static SYSTEM: RefCell<Option<System>> = RefCell::new(System::new().ok());
    }

    fn look<T>(pid: u32, read: impl Fn(&sysinfo::Process) -> T) -> Option<T> {
        SYSTEM.with_borrow_mut(|system| {
            let system = system.as_mut()?;
            let pid = Pid::from_u32(pid);
            let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
            system.process(pid).map(read)
        })
    }

    pub(super) fn cpu_s(pid: u32) -> Option<f64> {
        look(pid, |process| process.accumulated_cpu_time() as f64 / 1_000.0)
    }

    pub(crate) fn size(pid: u32) -> Size {
        Size { rss_bytes: look(pid, sysinfo::Process::memory), ..Size::default() }
    }

    pub(super) fn idle_and_all(_cpus: Option<&[u32]>) -> Option<(u64, u64)> {
        None
    }

    pub(super) fn user_and_system(_pid: u32) -> Option<(u64, u64)> {
        None
    }

    pub(super) fn listen_overflows() -> Option<u64> {
        None
    }
}

pub(crate) use system::size;
use system::{cpu_s, idle_and_all, listen_overflows, user_and_system};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_watched_from_edge_to_edge() {
        let start_ns = monotonic_ns() + 20_000_000;
        let edges = Edges { start_ns, end_ns: start_ns + 600_000_000 };
        assert!(is_ahead(edges));
        let observed = watch(std::process::id(), None, edges).unwrap().join().unwrap();
        let times: Vec<_> = observed.samples.iter().map(|sample| sample.t_ms).collect();
        assert_eq!(times, [0, 250, 500, 600]);
        assert!(observed.cpu_s.is_some_and(|cpu_s| cpu_s >= 0.0));
        assert!(observed.samples.iter().all(|sample| sample.size.rss_bytes.is_some_and(|bytes| bytes > 0)));
        assert!(!is_ahead(edges));
    }

    #[test]
    fn user_and_system_time_add_up_to_the_clock() {
        assert_eq!(split(4.0, (100, 50), (400, 150)), Some((3.0, 1.0)));
        assert_eq!(others(1.0, 4.0, (0, 0), (200, 400)), Some(1.0), "half of 4 s was idle");
        assert_eq!(others(3.0, 4.0, (0, 0), (200, 400)), Some(0.0), "ticks are coarse");
        assert_eq!(split(0.001, (100, 50), (100, 50)), None, "no tick saw it");
    }

    #[test]
    fn a_process_that_is_gone_has_no_size() {
        assert_eq!(size(u32::MAX), Size::default());
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn the_total_counts_what_is_not_in_resident_memory() {
        let size =
            Size { rss_bytes: Some(1_000), page_table_bytes: Some(100), threads: Some(2), ..Size::default() };
        assert_eq!(size.total_bytes(), Some(1_000 + 100 + 2 * 16_384));
        assert_eq!(Size { threads: None, ..size }.total_bytes(), None);
    }
}
