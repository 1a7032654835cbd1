//! `cargo lab list`: what can be asked, and of whom.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table};

use crate::cli;
use crate::experiment::{CATALOGUE, DEFAULT, Experiment};
use crate::ladder::LADDER;

pub(crate) fn run() -> anyhow::Result<()> {
    let mut experiments = table(&["experiment", "asks"]);
    for (name, _) in CATALOGUE {
        let experiment = Experiment::find(name)?;
        let by_default = if DEFAULT.contains(name) { " *" } else { "" };
        experiments.add_row([format!("{name}{by_default}"), experiment.question]);
    }
    let mut rungs = table(&["rung, and its binary", "where a request waits", "in Python", "differs in"]);
    for rung in LADDER {
        let name = format!("{}\n  {}", rung.name, rung.program);
        rungs.add_row([name.as_str(), rung.waits, rung.python, rung.differs]);
    }
    // Names are to be copied, so they stay in one piece; the other columns share what is left.
    if let Some(names) = rungs.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    cli::print(&format!(
        "{}\n* runs when none is named\n\n{}\n{READING}",
        experiments.trim_fmt(),
        rungs.trim_fmt()
    ))?;
    Ok(())
}

const READING: &str = "\
From thread-per-request down to event-loop each rung differs from the one above it in one thing, and
the three after it each from the rung they name. `cargo lab serve RUNG` runs any of them, several at
once too; `cargo lab compare --rungs RUNG,RUNG` compares any.";

/// A table as wide as the terminal at most.
pub(crate) fn table(header: &[&str]) -> Table {
    let width = terminal_size::terminal_size().map_or(100, |(width, _)| width.0);
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.max(60))
        .set_header(header);
    table
}
