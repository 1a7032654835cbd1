//! Limits for a server from outside, once it is up: address space and open files of that process alone.
//!
//! Afterwards, so that every server gets as far as listening and what is found is what its *clients* use up. Hard
//! and soft limit are the same, so that a server cannot raise its own.

use anyhow::Context as _;

use crate::experiment::Server;

/// Whether this system can limit a process that is not the caller's own.
pub(crate) const CAN_CONFINE: bool = cfg!(target_os = "linux");

/// What a server that is to be confined must be started with.
///
/// The C library of Linux maps 64 MiB for each of the first threads that allocate something, up to eight times the
/// number of CPUs, whatever they put there. Within a limit of address space that would be most of what is found, and
/// another thing on each machine.
pub(crate) fn environment(server: &Server) -> &'static [(&'static str, &'static str)] {
    if server.address_space.is_some() { &[("MALLOC_ARENA_MAX", "2")] } else { &[] }
}

/// Closes the box around a process.
///
/// # Errors
/// When the system refuses, as it does where a limit is above the one that there is.
#[cfg(target_os = "linux")]
pub(crate) fn confine(pid: u32, server: &Server) -> anyhow::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a server without a process id")?;
    let limits = [
        ("address_space", Resource::As, server.address_space.map(|bytes| bytes.0)),
        ("open_files", Resource::Nofile, server.open_files),
    ];
    for (key, resource, limit) in limits {
        let Some(limit) = limit else { continue };
        let both = Rlimit { current: Some(limit), maximum: Some(limit) };
        prlimit(Some(pid), resource, both).with_context(|| {
            format!("server.{key}: the system does not let the limit be {limit}; it may be above the one that there is")
        })?;
    }
    Ok(())
}

/// Elsewhere `plan.rs` leaves out what would need it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_pid: u32, _server: &Server) -> anyhow::Result<()> {
    anyhow::bail!("this system cannot limit another process")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::experiment::Bytes;

    #[test]
    fn limits_hold_for_that_process() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let server =
            Server { address_space: Some(Bytes(512_000_000)), open_files: Some(77), ..Server::default() };
        let confined = confine(child.id(), &server);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        confined.unwrap();
        let row = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert_eq!(row("Max open files").matches("77 ").count(), 2, "{limits}");
        assert_eq!(row("Max address space").matches("512000000 ").count(), 2, "{limits}");
    }
}
