//! The flags that an experiment gives to servers, tried before anything runs.
//!
//! They are the servers' own, so only a server can say whether it takes them. Each is called with `--help`
//! after its flags: it reads those first, refuses what it does not know, and otherwise says its help and ends.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::cli::Usage;
use crate::plan::Plan;
use crate::programs::Programs;

/// Tries each combination of a program and its flags once.
///
/// # Errors
/// Names the experiment, the rung and its flags, and what the server said of them: wrong usage.
pub(crate) fn check(plan: &Plan, programs: &Programs) -> anyhow::Result<()> {
    let mut tried = BTreeSet::new();
    let steps = plan.experiments.iter().flat_map(|planned| planned.blocks.iter().flatten());
    for cell in steps.flat_map(|step| &step.cells) {
        if !tried.insert((cell.rung.program, &cell.flags)) {
            continue;
        }
        let mut server = Command::new(programs.path(cell.rung.program)?);
        server.args(["--port=0", "--exit-with-stdin"]).args(&cell.flags).arg("--help").stdin(Stdio::null());
        let answer = server.output().with_context(|| format!("cannot start {}", cell.rung.program))?;
        if !answer.status.success() {
            let said = String::from_utf8_lossy(&answer.stderr);
            let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
            let lines: Vec<_> = lines
                .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
                .collect();
            return Err(Usage::error(format!(
                "{}: rungs: {} does not take its `flags` {}: {}",
                cell.experiment,
                cell.who(),
                cell.flags.join(" "),
                lines.join("; ")
            )));
        }
    }
    Ok(())
}
