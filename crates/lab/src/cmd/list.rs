//! `cargo lab list`: what can be asked, and of whom.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, LineStyle, Table};

use crate::cli;
use crate::experiment::{CATALOGUE, Experiment};
use crate::ladder::LADDER;

pub(crate) fn run() -> anyhow::Result<()> {
    let mut experiments = table(&["experiment", "asks"]);
    for (name, _) in CATALOGUE {
        let experiment = Experiment::find(name)?;
        experiments.add_row([experiment.name, experiment.question]);
    }
    let mut rungs = table(&["rung", "program", "where a request waits", "in Python"]);
    for rung in LADDER {
        rungs.add_row([rung.name, rung.program, rung.waits, rung.python]);
    }
    cli::print(&format!("{}\n\n{}", experiments.trim_fmt(), rungs.trim_fmt()))?;
    Ok(())
}

/// A table as wide as the terminal at most.
pub(crate) fn table(header: &[&str]) -> Table {
    let width = terminal_size::terminal_size().map_or(110, |(width, _)| width.0);
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.max(60))
        .set_header(header);
    table
}
