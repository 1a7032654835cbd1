//! The two things that only the C library can tell about another process: its CPU clock, and what it had
//! used when it ended. All `unsafe` code of the lab is in this file; `process.rs` and `probe.rs` use it.
#![expect(unsafe_code, reason = "clock_getcpuclockid and wait4 have no safe wrapper that is kept up")]

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// How a child ended, and what its whole life took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Exit code or signal.
    pub(crate) status: ExitStatus,
    /// Waits that gave the CPU up, all threads, those that are gone included.
    pub(crate) voluntary: u64,
    /// Time slices that ran out.
    pub(crate) involuntary: u64,
    /// User and system time, all threads, those that are gone included.
    pub(crate) cpu: Duration,
}

/// Collects a child that has ended; `None` while it runs. After `Some` the process id is free for others,
/// so it must not be signalled any more.
pub(crate) fn try_wait(pid: u32) -> io::Result<Option<Ended>> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: `rusage` is plain integers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live, writable values of the types that wait4 fills in.
    match unsafe { libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage) } {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(Some(Ended {
            status: ExitStatus::from_raw(status),
            voluntary: u64::try_from(usage.ru_nvcsw).unwrap_or(0),
            involuntary: u64::try_from(usage.ru_nivcsw).unwrap_or(0),
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        })),
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// CPU time of a process, user and system, all threads that it has and had, to the nanosecond.
#[cfg(target_os = "linux")]
pub(crate) fn process_cpu(pid: u32) -> Option<Duration> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the pointer is to a live, writable clock id.
    if unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live, writable timespec; a clock that is gone is an error, not undefined.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[expect(clippy::zombie_processes, reason = "what is under test collects it")]
    #[test]
    fn a_childs_end_is_collected_once() {
        let child = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
        let ended = loop {
            if let Some(ended) = try_wait(child.id()).unwrap() {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(ended.status.code(), Some(7));
        assert!(ended.cpu > Duration::ZERO, "a shell takes some time to start");
        assert!(try_wait(child.id()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_cpu_clock_of_a_process_only_grows() {
        let before = process_cpu(std::process::id()).unwrap();
        std::hint::black_box((0..1_000_000_u64).fold(0, |a, b| a ^ b.wrapping_mul(31)));
        assert!(process_cpu(std::process::id()).unwrap() > before);
        assert_eq!(process_cpu(u32::MAX), None);
    }
}
