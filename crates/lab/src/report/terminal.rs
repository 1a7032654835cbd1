//! The summary in the terminal: a table per experiment and what it shows, in words.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Width};

use crate::report::tables::{self, Cells};
use crate::report::text::wrapped;
use crate::report::{Report, findings, verdict};

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
        for cells in tables::cells(experiment, machine) {
            if let Some(target) = &cells.target {
                out.push_str(&format!("{}:\n", plain(target)));
            }
            out.push_str(&laid_out(&cells, width));
            out.push('\n');
        }
        for finding in findings::of(experiment, machine) {
            item(&mut out, "- ", &finding.text, width);
        }
        let verdicts = verdict::sentences(experiment, machine);
        if !verdicts.is_empty() {
            paragraph(&mut out, VERDICT, width);
        }
        for sentence in verdicts {
            item(&mut out, "= ", &sentence, width);
        }
        for remark in tables::remarks(experiment) {
            item(&mut out, "! ", &remark, width);
        }
    }
    out
}

/// Above what ran out, rung by rung.
const VERDICT: &str = "Verdict:";

/// What stays away first where the terminal is too narrow for all columns.
const LEAST_NEEDED: [&str; 6] =
    ["of its line", "KiB per client", "KiB per stream", "threads", "trials", "CPU µs/req"];

/// Shorter ones have room enough in any column.
const LONG_WORD: usize = 6;

fn laid_out(cells: &Cells, width: usize) -> String {
    let columns = fitting(cells, width);
    let mut laid_out = comfy_table::Table::new();
    laid_out
        .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.try_into().unwrap_or(u16::MAX))
        .set_header(columns.iter().map(|column| &cells.short[*column]));
    for row in &cells.table.rows {
        laid_out.add_row(columns.iter().map(|column| {
            let words = *column < cells.table.numbers_from || *column + 1 == cells.short.len();
            Cell::new(plain(&row[*column])).set_alignment(if words {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            })
        }));
    }
    // Names and loads break nowhere, whatever has to be wrapped for them.
    laid_out.set_constraints([ColumnConstraint::ContentWidth, ColumnConstraint::ContentWidth]);
    for (column, from) in laid_out.column_iter_mut().zip(columns) {
        column.set_padding((0, 1));
        // Nor do long words of headers, and of what became of the trials.
        let least = longest_word(cells, from);
        if from > 1 && least > LONG_WORD {
            let least = least.try_into().unwrap_or(u16::MAX - 1);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least + 1)));
        }
    }
    laid_out.trim_fmt()
}

/// What a column needs so that no word of it is broken; figures and names count as one word.
fn longest_word(cells: &Cells, column: usize) -> usize {
    let last = column + 1 == cells.short.len();
    let longest = |text: &str, words: bool| {
        let parts = text.split(|letter| words && letter == ' ');
        parts.map(|word| word.chars().count()).max().unwrap_or(0)
    };
    let rows = cells.table.rows.iter().map(|row| longest(&row[column], last));
    rows.max().unwrap_or(0).max(longest(&cells.short[column], true))
}

/// The columns that there is room for.
fn fitting(cells: &Cells, width: usize) -> Vec<usize> {
    let needs = |column: usize| longest_word(cells, column) + 2;
    let mut columns: Vec<usize> = (0..cells.short.len()).collect();
    for name in LEAST_NEEDED {
        if columns.iter().map(|column| needs(*column)).sum::<usize>() > width {
            columns.retain(|column| cells.short[*column] != name);
        }
    }
    columns
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
