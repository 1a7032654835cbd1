//! The one clock that everything is measured on, and the CPU clocks beside it.
//!
//! `CLOCK_MONOTONIC` is the same for every process of a machine: a lab that is told when a window opens
//! and closes can read a server's CPU clock at the same two moments.

use rustix::thread::ClockId;
use rustix::time::{Timespec, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub fn monotonic_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// CPU time that this process has used so far, all threads together, the ended ones too.
pub fn process_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time that the calling thread has used so far.
pub fn thread_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

/// Sleeps until [`monotonic_ns`] reads `due_ns`; returns at once when it does already.
///
/// Absolute, so that a thread that is interrupted between reading the clock and going to sleep does not
/// sleep too long, and being late once does not move what comes after.
pub fn sleep_until_ns(due_ns: u64) {
    #[cfg(not(target_vendor = "apple"))]
    {
        let due = Timespec { tv_sec: (due_ns / SECOND) as _, tv_nsec: (due_ns % SECOND) as _ };
        // An interrupted sleep is taken up again: the end is absolute.
        while rustix::thread::clock_nanosleep_absolute(ClockId::Monotonic, &due)
            == Err(rustix::io::Errno::INTR)
        {}
    }
    #[cfg(target_vendor = "apple")]
    loop {
        match due_ns.saturating_sub(monotonic_ns()) {
            0 => return,
            left => std::thread::sleep(std::time::Duration::from_nanos(left)),
        }
    }
}

/// Asks the kernel not to round this thread's sleeps up. Linux lets a sleeping thread be 50 µs late by
/// default, to wake several at once; that is the wrong trade for a thread that paces.
pub fn sleep_precisely() {
    #[cfg(target_os = "linux")]
    {
        // Refused? Then sleeps are a little later, and the recorded lag says so.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
}

const SECOND: u64 = 1_000_000_000;

fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_after_its_time_and_a_past_one_at_once() {
        sleep_precisely();
        let due = monotonic_ns() + 2_000_000;
        sleep_until_ns(due);
        assert!(monotonic_ns() >= due);
        sleep_until_ns(0);
    }

    #[test]
    fn cpu_clocks_count_work() {
        let (process, thread) = (process_cpu_ns(), thread_cpu_ns());
        while thread_cpu_ns() < thread + 1_000_000 {}
        assert!(process_cpu_ns() >= process + 1_000_000);
    }
}
