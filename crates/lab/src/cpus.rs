//! Which CPUs the servers get and which the rest, so that neither takes the other's time.
//!
//! A core's two hardware threads share its execution units; a server on one of them is slowed by a
//! generator on the other. So the split goes between cores, never through one, where there are two.

use std::io;
use std::process::{Child, Command};

/// Who runs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// For the server that is measured.
    pub server: Vec<u32>,
    /// For generator, upstream and the lab itself.
    pub client: Vec<u32>,
    /// Whether server and generator are on two hardware threads of one core after all.
    pub shares_a_core: bool,
}

/// Gives `wanted` CPUs to the server: the last cores' first threads, then their second ones. The other
/// cores are the client's; the unused second threads of the server's cores are nobody's. `None` if it
/// cannot be done with these.
pub fn split(cores: &[Vec<u32>], wanted: usize) -> Option<Split> {
    if let [only] = cores
        && only.len() > wanted
        && wanted > 0
    {
        let (client, server) = only.split_at(only.len() - wanted);
        return Some(Split { server: server.to_vec(), client: client.to_vec(), shares_a_core: true });
    }
    // One core, at least, is the client's.
    let available = cores.get(1..)?;
    let threads: usize = available.iter().map(Vec::len).sum();
    if wanted == 0 || wanted > threads {
        return None;
    }
    let first_threads = wanted.min(available.len());
    let mut taken = first_threads;
    while available[available.len() - taken..].iter().map(Vec::len).sum::<usize>() < wanted {
        taken += 1;
    }
    let (left, right) = cores.split_at(cores.len() - taken);
    let widest = right.iter().map(Vec::len).max().unwrap_or(0);
    let by_thread = (0..widest).flat_map(|nth| right.iter().rev().filter_map(move |core| core.get(nth)));
    let mut server: Vec<u32> = by_thread.copied().take(wanted).collect();
    server.sort_unstable();
    Some(Split { server, client: left.concat(), shares_a_core: false })
}

/// The CPUs that this process may use, by core; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn cores() -> Option<Vec<Vec<u32>>> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let allowed = sched_getaffinity(None).ok()?;
    let mut cores: Vec<Vec<u32>> = Vec::new();
    for cpu in (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)) {
        let cpu = u32::try_from(cpu).ok()?;
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        // No topology (some containers hide it): every CPU counts as a core.
        let siblings = std::fs::read_to_string(path).map(|text| cpu_list(&text)).unwrap_or_default();
        match cores.iter_mut().find(|core| core.iter().any(|other| siblings.contains(other))) {
            Some(core) => core.push(cpu),
            None => cores.push(vec![cpu]),
        }
    }
    Some(cores)
}

/// Pinning is Linux's; elsewhere the report says that nothing was pinned.
#[cfg(not(target_os = "linux"))]
pub fn cores() -> Option<Vec<Vec<u32>>> {
    None
}

/// Starts a program on these CPUs only. A child inherits the CPUs of the thread that starts it, so a
/// thread that lives no longer than that does it; nothing has to run between `fork` and `exec`.
///
/// # Errors
/// When the program cannot be started or the CPUs are not to be had.
pub(crate) fn spawn_on(command: &mut Command, cpus: Option<&[u32]>) -> io::Result<Child> {
    let Some(cpus) = cpus else { return command.spawn() };
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            pin_this_thread(cpus)?;
            command.spawn()
        });
        started.join().unwrap_or_else(|_| Err(io::Error::other("the starting thread panicked")))
    })
}

/// Keeps the calling thread, and threads that it starts later, on these CPUs.
#[cfg(target_os = "linux")]
pub(crate) fn pin_this_thread(cpus: &[u32]) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    for &cpu in cpus {
        set.set(cpu as usize);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin_this_thread(_cpus: &[u32]) -> io::Result<()> {
    Ok(())
}

/// `0-2,4` as the kernel writes it.
fn cpu_list(text: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse::<u32>().ok()?..=to.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(n: u32) -> Vec<Vec<u32>> {
        (0..n).map(|cpu| vec![cpu]).collect()
    }

    #[test]
    fn the_server_gets_the_last_cores_and_the_client_the_rest() {
        let split = |n, wanted| split(&plain(n), wanted).map(|s| (s.server, s.client));
        assert_eq!(split(2, 1), Some((vec![1], vec![0])));
        assert_eq!(split(8, 2), Some((vec![6, 7], vec![0, 1, 2, 3, 4, 5])));
    }

    #[test]
    fn nobody_runs_on_the_other_thread_of_a_servers_core() {
        let four_cores = [vec![0, 4], vec![1, 5], vec![2, 6], vec![3, 7]];
        let one = split(&four_cores, 1).unwrap();
        assert_eq!((one.server, one.client), (vec![3], vec![0, 4, 1, 5, 2, 6]));
        let six = split(&four_cores, 6).unwrap();
        assert_eq!((six.server, six.client), (vec![1, 2, 3, 5, 6, 7], vec![0, 4]));
    }

    #[test]
    fn one_core_with_two_threads_is_shared_and_said_to_be() {
        let shared = split(&[vec![0, 1]], 1).unwrap();
        assert!(shared.shares_a_core);
        assert_eq!((shared.server, shared.client), (vec![1], vec![0]));
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        for (cores, wanted) in [(plain(1), 1), (plain(2), 2), (plain(2), 0), (plain(4), 4)] {
            assert_eq!(split(&cores, wanted), None, "{cores:?} {wanted}");
        }
    }

    #[test]
    fn cpu_lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(cpu_list("0-2,4\n"), [0, 1, 2, 4]);
        assert_eq!(cpu_list("7\n"), [7]);
        assert_eq!(cpu_list("\n"), [0; 0]);
    }
}
