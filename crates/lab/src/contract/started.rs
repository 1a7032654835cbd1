//! A rung as a process, behind services of its own, for as long as it is checked.

use std::net::SocketAddr;

use crate::cell::server_flags;
use crate::ladder::Rung;
use crate::process::Process;
use crate::programs::Programs;

/// A program that listens. It ends when this is dropped.
pub struct Started {
    /// Where.
    pub addr: SocketAddr,
    process: Process,
}

impl Started {
    /// Starts the slow services.
    ///
    /// # Errors
    /// When they do not start.
    pub fn upstream(programs: &Programs, delay: &str) -> anyhow::Result<Self> {
        Self::program(programs, "upstream", &[format!("--delay={delay}")])
    }

    /// Starts a rung in front of these services. Without its supervisor, where it has one: a server that is
    /// started anew before anybody looks seems to have survived.
    ///
    /// # Errors
    /// When it does not start.
    pub fn rung(
        programs: &Programs,
        rung: &Rung,
        upstream: SocketAddr,
        given: &[String],
    ) -> anyhow::Result<Self> {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let mut flags = server_flags(rung, given, cpus, cpus);
        flags.push(format!("--upstream=http://{upstream}"));
        if rung.supervised {
            flags.push("--no-supervisor".into());
        }
        Self::program(programs, rung.program, &flags)
    }

    fn program(programs: &Programs, name: &str, flags: &[String]) -> anyhow::Result<Self> {
        let all: Vec<_> =
            flags.iter().cloned().chain(["--port=0".into(), "--exit-with-stdin".into()]).collect();
        let (process, addr) = Process::listening(programs.path(name)?, &all, None)?;
        Ok(Self { addr, process })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.process.poll().map(|ended| crate::process::exit_text(ended.status))
    }
}
