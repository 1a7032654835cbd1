//! From stored results to something to read: a page, a table of trials, a summary in the terminal.
//!
//! ```text
//! results.json -> cells (trials put together) -> bounds (what was possible) -> verdict (what ran out)
//!                                             -> findings (sentences) -> html, markdown, csv, terminal
//! several results -> together (what differs, and whether they agree) -> a page of its own
//! ```
//! Everything is computed from [`Results`] alone, so that a report can be made again anywhere, and a
//! `Writer` only lays out. The reader goes next to `findings`, or to `html` for the page.

mod answer;
pub(crate) mod between;
mod bounds;
mod bystanders;
pub(crate) mod cells;
mod charts;
mod crossover;
mod csv;
mod findings;
mod gap;
mod html;
mod lanes;
mod markdown;
mod parts;
mod picture;
pub(crate) mod queueing;
mod read;
mod slots;
mod tables;
mod target;
mod terminal;
pub(crate) mod text;
mod timeline;
pub mod together;
mod verdict;
mod waits;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::results::Results;
use crate::stats::Ratio;
use cells::Experiment;

pub(crate) use bounds::ON_LINE;
pub use read::read;
pub(crate) use verdict::{Alone, alone};

/// The charts' script, without tags.
pub(crate) fn charts_script() -> &'static str {
    html::script()
}

/// The colours of both themes, as style sheet variables: the first rules of the report's own.
pub(crate) fn colors() -> &'static str {
    let css = include_str!("../templates/report.css");
    css.split_once("\n*, ::before").map_or(css, |(colors, _)| colors)
}

/// Name of a rung's colour.
pub(crate) fn color_of(rung: &str, kind: Option<crate::ladder::Kind>) -> &'static str {
    charts::style::of_rung(rung, kind).color
}

/// Writes `report.html`, `results.csv` and `report.md` with its pictures into a directory. Each appears whole
/// or not at all, so that a page that is open while a run goes on can be reloaded at any time.
///
/// # Errors
/// When a file cannot be written; the message names it.
pub fn write(dir: &Path, results: &Results) -> anyhow::Result<()> {
    let report = Report::of(results);
    let writers: [&dyn Writer; 2] = [&html::Html, &csv::Csv];
    for writer in writers {
        let path = dir.join(writer.file_name());
        put(&path, writer, &report).with_context(|| format!("cannot write {}", path.display()))?;
    }
    markdown::write(dir, &report)
}

/// What the terminal shows at the end of a run: a table per experiment and the findings in words, as wide
/// as the terminal is (100 columns where there is none).
#[must_use]
pub fn summary(results: &Results) -> String {
    summary_within(results, columns())
}

/// How wide the terminal is.
pub(crate) fn columns() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0))
}

/// [`summary`] for a terminal of so many columns.
#[must_use]
pub fn summary_within(results: &Results, columns: usize) -> String {
    terminal::summary(&Report::of(results), columns.clamp(60, 160))
}

/// Every ratio from which the findings of an experiment conclude, as far as it was measured.
#[must_use]
pub fn comparisons(results: &Results, experiment: &str) -> Vec<Ratio> {
    let experiments = cells::experiments(results);
    let experiment = experiments.iter().find(|one| one.asked.name == experiment);
    experiment.map(|one| findings::comparisons(one, &results.machine)).unwrap_or_default()
}

/// One form of the report.
trait Writer {
    /// Name of the file that it fills.
    fn file_name(&self) -> &'static str;

    /// Lays the report out.
    fn write(&self, report: &Report<'_>, out: &mut dyn Write) -> anyhow::Result<()>;
}

/// What writers work from.
#[derive(Debug)]
struct Report<'a> {
    results: &'a Results,
    experiments: Vec<Experiment<'a>>,
}

impl<'a> Report<'a> {
    fn of(results: &'a Results) -> Self {
        Self { results, experiments: cells::experiments(results) }
    }
}

fn put(path: &Path, writer: &dyn Writer, report: &Report<'_>) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let mut out = BufWriter::new(File::create(&partial)?);
    writer.write(report, &mut out)?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    fs::rename(&partial, path)?;
    Ok(())
}
