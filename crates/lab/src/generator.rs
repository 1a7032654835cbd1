//! The load generator as a child process: a spec in, events out.
//!
//! It shares no process with a server or with the lab, so that its CPU time and its lag are its own.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use loadgen::protocol::{Event, Outcome, Spec};

use crate::process::{Process, exit_text, said};
use crate::programs::Programs;

/// What it may take on top of its load: connecting, and waiting for the last answers.
const EXTRA: Duration = Duration::from_secs(15);
/// From the end of its output to its own.
const TO_BE_GONE: Duration = Duration::from_secs(1);

/// A generator at work.
pub(crate) struct Generator(Process);

impl Generator {
    /// Starts one and tells it what to do.
    ///
    /// # Errors
    /// When it cannot be started or told.
    pub(crate) fn start(programs: &Programs, spec: &Spec, cpus: Option<&[u32]>) -> anyhow::Result<Self> {
        let mut process = Process::start(programs.path("loadgen")?, &[], cpus)?;
        let mut line = serde_json::to_string(spec)?;
        line.push('\n');
        let stdin = process.stdin().context("the load generator has no standard input")?;
        stdin.write_all(line.as_bytes()).context("the load generator does not listen")?;
        Ok(Self(process))
    }

    /// Follows it to its outcome; everything that it says before goes to `meanwhile`.
    ///
    /// # Errors
    /// When it gives up, ends or falls silent before its outcome, or somebody asked the lab to stop.
    pub(crate) fn outcome(
        mut self,
        spec: &Spec,
        mut meanwhile: impl FnMut(Event) -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let longest = Duration::from_millis(spec.warm_up_ms + spec.window_ms + spec.timeout_ms) + EXTRA;
        let until = Instant::now() + longest;
        loop {
            match self.event(until)? {
                Event::Outcome(outcome) => return Ok(*outcome),
                Event::Failed { message } => bail!("the load generator gave up: {message}"),
                event => meanwhile(event)?,
            }
        }
    }

    fn event(&mut self, until: Instant) -> anyhow::Result<Event> {
        match self.0.next_line(until)? {
            Some(line) => serde_json::from_str(&line)
                .with_context(|| format!("the load generator said what is no event: {line:.200}")),
            None => {
                let ended = self.0.wait(TO_BE_GONE);
                let how = ended.map_or_else(|| "it lives on".into(), |ended| exit_text(ended.status));
                self.0.kill();
                bail!("the load generator ended without a result: {how}{}", said(&self.0.log()))
            }
        }
    }
}
