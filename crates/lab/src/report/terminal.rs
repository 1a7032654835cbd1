//! The summary in the terminal: a table per experiment and what it shows, in words.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle};

use crate::report::tables::{self, Table};
use crate::report::text::wrapped;
use crate::report::{Report, findings};

/// Everything, within `width` columns.
pub(crate) fn summary(report: &Report<'_>, width: usize) -> String {
    let machine = &report.results.machine;
    let mut out = String::new();
    for caution in findings::cautions(report.results) {
        paragraph(&mut out, &caution, width);
    }
    for experiment in &report.experiments {
        let title =
            if experiment.asked.title.is_empty() { &experiment.asked.name } else { &experiment.asked.title };
        out.push_str(&format!("\n{}\n", plain(title)));
        if !experiment.asked.question.is_empty() {
            paragraph(&mut out, &experiment.asked.question, width);
        }
        if !experiment.cells.is_empty() {
            out.push_str(&laid_out(&tables::cells(experiment, machine), width));
            out.push('\n');
        }
        for finding in findings::of(experiment, machine) {
            item(&mut out, "- ", &finding.text, width);
        }
        for remark in tables::remarks(experiment) {
            item(&mut out, "! ", &remark, width);
        }
    }
    out
}

/// Short names of the columns of [`tables::cells`].
const HEADERS: [&str; 10] = [
    "rung",
    "clients",
    "req/s",
    "of its line",
    "p50 ms",
    "p99 ms",
    "CPU µs/req",
    "KiB per client",
    "threads",
    "trials",
];

/// What all columns need; in a narrower terminal the last three stay away.
const ALL_COLUMNS_FROM: usize = 98;

fn laid_out(table: &Table, width: usize) -> String {
    let columns = if width < ALL_COLUMNS_FROM { HEADERS.len() - 3 } else { HEADERS.len() };
    let mut laid_out = comfy_table::Table::new();
    laid_out
        .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.try_into().unwrap_or(u16::MAX))
        .set_header(&HEADERS[..columns]);
    for row in &table.rows {
        laid_out.add_row(row.iter().take(columns).enumerate().map(|(column, text)| {
            let words = column < table.numbers_from || column + 1 == HEADERS.len();
            Cell::new(plain(text)).set_alignment(if words {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            })
        }));
    }
    // Names and loads break nowhere, whatever has to be wrapped for them.
    laid_out.set_constraints([ColumnConstraint::ContentWidth, ColumnConstraint::ContentWidth]);
    laid_out.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    laid_out.trim_fmt()
}

fn paragraph(out: &mut String, text: &str, width: usize) {
    out.push_str(&wrapped(&plain(text), width, ""));
    out.push('\n');
}

fn item(out: &mut String, mark: &str, text: &str, width: usize) {
    out.push_str(&wrapped(&format!("{mark}{}", plain(text)), width, "  "));
    out.push('\n');
}

/// Names need no backticks where there is no colour to set them in, and what a server logged must not
/// steer the terminal.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|letter| *letter != '`')
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}
