//! `cargo lab report`: the report of a run again, or several runs beside each other, from stored results alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::cli;
use crate::output::{Output, RESULTS};
use crate::programs;
use crate::report::{self, together};

/// Flags of `report`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = TEACHING)]
pub struct Args {
    /// Directories of runs, or files with results; several are compared with the first
    #[arg(value_name = "DIR", default_value = "target/lab/latest")]
    paths: Vec<PathBuf>,

    /// Directory to write to [default: that of the run; for several a new one in target/lab]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const TEACHING: &str = "\
One run: report.html, report.md with charts/*.svg (for a repository or a submission), and results.csv are written again from \
its results.json, and nothing is measured.

Several runs, of another machine, another day or other settings: comparison.html says
  1. which settings differ, and only those. Look here first: with other settings, other figures are no news;
  2. whether the runs contradict each other: a difference that two runs both show, in opposite directions, or another thing \
that ran out on the same rung;
  3. for each experiment that they have in common the ratio of every figure to that of the first run with a 95 % interval, \
all runs in the same charts, and its main ratio (blocking over async) run by run.
Two runs with the same --seed on the same quiet machine should contradict each other in nothing.

Examples:
  cargo lab report                                  the last run again
  cargo lab report monday/ tuesday/                 two days
  cargo lab report teacher/ students/*/             a class: a line for each machine
  cargo lab report a/ b/ --out target/lab/a-and-b   and where to";

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match args.paths.as_slice() {
        [path] => one(path, args.out.as_deref()),
        several => compared(several, args.out.as_deref()),
    }
}

fn one(path: &Path, out: Option<&Path>) -> anyhow::Result<()> {
    let file = if path.is_dir() { path.join(RESULTS) } else { path.to_owned() };
    let results = report::read(&file)?;
    let beside = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = out.unwrap_or(beside);
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    report::write(dir, &results)?;
    cli::print(&report::summary(&results))?;
    cli::print(&format!("\nReport: {}   (report.md beside it)", dir.join("report.html").display()))?;
    Ok(())
}

fn compared(paths: &[PathBuf], out: Option<&Path>) -> anyhow::Result<()> {
    let runs = together::read_all(paths)?;
    let output = Output::new(out, programs::checkout().as_deref(), Timestamp::now())?;
    let page = together::write(&output.dir, &runs)?;
    cli::print(&together::summary(&runs, report::columns()))?;
    cli::print(&format!("\nComparison: {}", page.display()))?;
    Ok(())
}
