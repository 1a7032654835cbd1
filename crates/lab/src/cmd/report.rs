//! `cargo lab report`: the report again, from stored results alone.

use std::path::{Path, PathBuf};

use crate::cli;
use crate::output::RESULTS;
use crate::report;

/// Flags of `report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run, or a file with results
    #[arg(value_name = "DIR", default_value = "target/lab/latest")]
    path: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let file = if args.path.is_dir() { args.path.join(RESULTS) } else { args.path.clone() };
    let results = report::read(&file)?;
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    report::write(dir, &results)?;
    cli::print(&report::summary(&results))?;
    cli::print(&format!("\nReport: {}", dir.join("report.html").display()))?;
    Ok(())
}
