//! Where a run was made: what goes into its results so that its figures can be understood elsewhere.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cpus::Split;
use crate::limits::Limits;
use crate::results::Machine;

/// What every server listens with; a smaller `somaxconn` cuts it.
const BACKLOG: u64 = 4_096;

/// Describes this machine.
pub fn describe(limits: &Limits, cpus: u32, split: Option<&Split>) -> Machine {
    Machine {
        os: os(),
        cpu: cpu(),
        cpus,
        server_cpus: split.map(|split| split.server.clone()),
        client_cpus: split.map(|split| split.client.clone()),
        memory_bytes: limits.memory_bytes,
        // Unlimited as the system itself writes it: the largest number.
        open_files: limits.files_soft.map(|soft| (soft, limits.files_hard.unwrap_or(u64::MAX))),
        limits: limits.named(),
        load_average: load_average(),
        notes: notes(limits, split),
    }
}

fn notes(limits: &Limits, split: Option<&Split>) -> Vec<String> {
    let mut notes = Vec::new();
    match split {
        None => notes.push(
            "Nothing was pinned to CPUs: server, generator and upstream took time from each other, so small differences \
             mean nothing."
                .to_owned(),
        ),
        Some(split) if split.shares_a_core => notes.push(
            "Server and generator ran on two hardware threads of one core and slowed each other down.".to_owned(),
        ),
        Some(_) => {}
    }
    if !cfg!(target_os = "linux") {
        notes.push(
            "This system does not tell page tables, kernel stacks, threads or dropped connections; they are left out."
                .to_owned(),
        );
    }
    if let Some(queue) = limits.somaxconn.filter(|queue| *queue < BACKLOG) {
        notes.push(format!("The kernel cut the listen queues of {BACKLOG} to {queue} (net.core.somaxconn)."));
    }
    notes
}

/// Parkbench's version, and the commit of the checkout.
pub fn version(checkout: Option<&Path>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(checkout?).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        None => version.to_owned(),
        Some(commit) => {
            let changed =
                git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|list| !list.is_empty());
            format!("{version} ({commit}{})", if changed { ", with local changes" } else { "" })
        }
    }
}

#[cfg(target_os = "linux")]
fn os() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}

#[cfg(target_os = "linux")]
fn cpu() -> Option<String> {
    crate::procfs::cpu_name(&std::fs::read_to_string("/proc/cpuinfo").ok()?)
}

#[cfg(target_os = "linux")]
pub(crate) fn load_average() -> Option<f64> {
    Some(crate::procfs::loadavg(&std::fs::read_to_string("/proc/loadavg").ok()?)?.0)
}

#[cfg(not(target_os = "linux"))]
fn os() -> String {
    sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned())
}

#[cfg(not(target_os = "linux"))]
fn cpu() -> Option<String> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    Some(system.cpus().first()?.brand().to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn load_average() -> Option<f64> {
    Some(sysinfo::System::load_average().ok()?.one)
}
