//! Was the machine left alone? A look at it before a run and after, kept with the results.
//!
//! Measured while the lab itself does nothing, so that what is seen is the doing of others: another program,
//! a hypervisor that gives CPU time to other guests (*steal*), a clock that heat or a battery slowed down.
//! The reader goes next to `report::findings`, which puts `warnings` in front of everything else.

use std::time::Duration;

use crate::results::{MachineCheck, MachineState};
use crate::{machine, stop};

/// How long to look. Long enough for a few percent of a CPU to be seen in the kernel's hundredths of a second.
const LOOK: Duration = Duration::from_millis(300);

/// From these shares of CPU time on the reader should know.
const BUSY: f64 = 0.15;
const STEAL: f64 = 0.01;
/// Below this share of its clock before the run, a CPU was slowed down.
const SLOWER: f64 = 0.85;

/// A run that is watched.
#[derive(Debug)]
pub struct Watch {
    /// What the CPUs had done when it began.
    began: Option<CpuTime>,
}

/// CPU time of all CPUs together since the machine started, in the kernel's ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CpuTime {
    all: u64,
    idle: u64,
    steal: u64,
}

impl Watch {
    /// Looks at the machine before a run.
    #[must_use]
    pub fn begin() -> (Self, MachineCheck) {
        let first = cpu_time();
        stop::sleep(LOOK);
        let began = cpu_time();
        let state =
            MachineState { cpu_steal: shares(first, began).map(|(_, steal)| steal), ..now(first, began) };
        (Self { began }, MachineCheck { before: state, after: None })
    }

    /// Looks at it after the run.
    #[must_use]
    pub fn end(self) -> MachineState {
        let first = cpu_time();
        // For whoever asked to stop it is over at once, and says nothing of this moment.
        stop::sleep(LOOK);
        let last = cpu_time();
        let over_all = shares(self.began, last).map(|(_, steal)| steal);
        MachineState { cpu_steal: over_all, ..now(first, last) }
    }
}

fn now(first: Option<CpuTime>, second: Option<CpuTime>) -> MachineState {
    MachineState {
        load_average: machine::load_average(),
        cpu_busy: shares(first, second).map(|(busy, _)| busy),
        cpu_steal: None,
        cpu_mhz: cpu_mhz(),
    }
}

/// What a reader must know of it, a sentence each.
pub(crate) fn warnings(check: &MachineCheck) -> Vec<String> {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let busy = |state: Option<&MachineState>, when: &str| {
        let share = state?.cpu_busy.filter(|share| *share > BUSY)?;
        Some(format!(
            "Just {when} the run other programs used {} of this machine's CPUs: what is missing to a line may be their \
             doing. Leave the machine alone during a run.",
            percent(share)
        ))
    };
    let stolen = [Some(&check.before), check.after.as_ref()].into_iter().flatten();
    let stolen = stolen.filter_map(|state| state.cpu_steal).fold(0.0, f64::max);
    let stolen = (stolen > STEAL).then(|| {
        format!(
            "The hypervisor gave {:.1} % of this machine's CPU time to other guests (steal): trials differ for a reason \
             that no server has. A machine of its own, or more blocks, helps.",
            stolen * 100.0
        )
    });
    let (first, last) = (check.before.cpu_mhz, check.after.and_then(|after| after.cpu_mhz));
    let slower = first.zip(last).filter(|(first, last)| *last < SLOWER * first);
    let slower = slower.map(|(first, last)| {
        format!(
            "The CPU's clock went from {first:.0} to {last:.0} MHz: heat or a battery may have slowed down the later \
             trials. All rungs of a block had the same, so ratios stand; throughput and CPU time alone do not."
        )
    });
    let busy = [busy(Some(&check.before), "before"), busy(check.after.as_ref(), "after")];
    busy.into_iter().chain([stolen, slower]).flatten().collect()
}

/// What was seen, in a line: `CPUs 2 % busy before and 1 % after; steal 0.0 %; clock 3400 and 3390 MHz`.
pub(crate) fn in_brief(check: &MachineCheck) -> Option<String> {
    let pair = |figure: fn(&MachineState) -> Option<f64>, show: &dyn Fn(f64) -> String| {
        let (before, after) =
            (figure(&check.before).map(show), check.after.as_ref().and_then(figure).map(show));
        match (before, after) {
            (Some(before), Some(after)) => Some(format!("{before} before, {after} after")),
            (Some(before), None) => Some(format!("{before} before")),
            (None, after) => after.map(|after| format!("{after} after")),
        }
    };
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let parts = [
        pair(|state| state.load_average, &|load| format!("{load:.2}"))
            .map(|pair| format!("load average {pair}")),
        pair(|state| state.cpu_busy, &percent).map(|pair| format!("CPUs in use {pair}")),
        check
            .after
            .and_then(|after| after.cpu_steal)
            .map(|share| format!("steal {} over the run", percent(share))),
        pair(|state| state.cpu_mhz, &|mhz| format!("{mhz:.0} MHz")).map(|pair| format!("clock {pair}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Shares of the CPU time between two looks: in use, and stolen.
fn shares(first: Option<CpuTime>, second: Option<CpuTime>) -> Option<(f64, f64)> {
    let (first, second) = (first?, second?);
    let all = second.all.checked_sub(first.all).filter(|all| *all > 0)? as f64;
    // Idle time may run backwards by a tick (proc(5)).
    let idle = second.idle.saturating_sub(first.idle) as f64;
    let steal = second.steal.saturating_sub(first.steal) as f64;
    Some((((all - idle - steal) / all).clamp(0.0, 1.0), (steal / all).clamp(0.0, 1.0)))
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. Guests' time, which
/// follows, is in user time already.
#[cfg(any(test, target_os = "linux"))]
fn parsed(text: &str) -> Option<CpuTime> {
    let fields = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Option<Vec<u64>> = fields.split_whitespace().take(8).map(|field| field.parse().ok()).collect();
    let ticks = ticks.filter(|ticks| ticks.len() == 8)?;
    Some(CpuTime { all: ticks.iter().sum(), idle: ticks[3] + ticks[4], steal: ticks[7] })
}

#[cfg(target_os = "linux")]
fn cpu_time() -> Option<CpuTime> {
    parsed(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// As the governor has it, or else as `/proc/cpuinfo` does.
#[cfg(target_os = "linux")]
fn cpu_mhz() -> Option<f64> {
    let governed = std::fs::read_dir("/sys/devices/system/cpu").ok().into_iter().flatten().flatten();
    let governed = governed.filter_map(|cpu| {
        let khz = std::fs::read_to_string(cpu.path().join("cpufreq/scaling_cur_freq")).ok()?;
        Some(khz.trim().parse::<f64>().ok()? / 1_000.0)
    });
    governed.reduce(f64::max).or_else(|| mhz_in(&std::fs::read_to_string("/proc/cpuinfo").ok()?))
}

#[cfg(any(test, target_os = "linux"))]
fn mhz_in(cpuinfo: &str) -> Option<f64> {
    let lines = cpuinfo.lines().filter(|line| line.starts_with("cpu MHz"));
    lines.filter_map(|line| line.split_once(':')?.1.trim().parse::<f64>().ok()).reduce(f64::max)
}

#[cfg(not(target_os = "linux"))]
fn cpu_time() -> Option<CpuTime> {
    None
}

#[cfg(not(target_os = "linux"))]
fn cpu_mhz() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between_two_looks() {
        let first = parsed("cpu  100 0 50 800 50 0 0 0 9 9\ncpu0 1 2 3 4 5 6 7 8\n");
        assert_eq!(first, Some(CpuTime { all: 1_000, idle: 850, steal: 0 }));
        let second = parsed("cpu  120 0 60 840 50 0 10 20 9 9\n");
        assert_eq!(shares(first, second), Some((0.4, 0.2)));
        assert_eq!(shares(first, first), None, "no time has passed");
        assert_eq!(shares(None, second), None);
        for nonsense in ["", "cpu 1 2 3", "cpu a b c d e f g h", "intr 1 2"] {
            assert_eq!(parsed(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_fastest_clock_counts() {
        assert_eq!(mhz_in("cpu MHz\t\t: 2400.000\nflags : x\ncpu MHz\t\t: 3400.5\n"), Some(3_400.5));
        assert_eq!(mhz_in("BogoMIPS : 50\n"), None);
    }

    fn quiet() -> MachineState {
        MachineState {
            load_average: Some(0.4),
            cpu_busy: Some(0.02),
            cpu_steal: Some(0.0),
            cpu_mhz: Some(3_400.0),
        }
    }

    #[test]
    fn a_quiet_machine_is_no_warning_and_each_disturbance_is_one() {
        let with = |before: MachineState, after: MachineState| {
            warnings(&MachineCheck { before, after: Some(after) })
        };
        assert_eq!(with(quiet(), quiet()), [""; 0]);
        assert_eq!(warnings(&MachineCheck::default()), [""; 0], "what nobody knows is no warning");
        let cases = [
            (
                MachineState { cpu_busy: Some(0.4), ..quiet() },
                quiet(),
                "before the run other programs used 40 %",
            ),
            (
                quiet(),
                MachineState { cpu_busy: Some(0.4), ..quiet() },
                "after the run other programs used 40 %",
            ),
            (quiet(), MachineState { cpu_steal: Some(0.034), ..quiet() }, "gave 3.4 % of"),
            (quiet(), MachineState { cpu_mhz: Some(2_000.0), ..quiet() }, "from 3400 to 2000 MHz"),
        ];
        for (before, after, part) in cases {
            let warnings = with(before, after);
            assert!(matches!(warnings.as_slice(), [one] if one.contains(part)), "{part}: {warnings:?}");
        }
    }

    #[test]
    fn what_was_seen_is_told_in_a_line() {
        let check = MachineCheck { before: quiet(), after: None };
        let brief = in_brief(&check).unwrap();
        assert_eq!(brief, "load average 0.40 before; CPUs in use 2.0 % before; clock 3400 MHz before");
        assert_eq!(in_brief(&MachineCheck::default()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_tells_something() {
        let (watch, check) = Watch::begin();
        assert!(check.before.cpu_busy.is_some_and(|share| (0.0..=1.0).contains(&share)), "{check:?}");
        assert!(watch.end().cpu_steal.is_some_and(|share| (0.0..=1.0).contains(&share)));
    }
}
