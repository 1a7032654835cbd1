//! Cells of which no trial counts, in charts of one load: they have a place of their own, hatched and with a word,
//! or where there is no room for one they are named. Never are they merely missing.

use plotly::Bar;
use plotly::Trace;
use plotly::common::{HoverInfo, Marker, Orientation, Pattern, PatternShape};

use crate::report::cells::Cell;
use crate::report::charts::frame::{Span, escaped};
use crate::report::tables::{MISSING, Table};
use crate::report::text::listed;

/// What stands beside the name of such a cell.
const WORD: &str = "void";

/// Which of them these are.
pub(crate) fn of<'e, 'a>(cells: &[&'e Cell<'a>]) -> Vec<&'e Cell<'a>> {
    cells.iter().copied().filter(|cell| cell.is_void()).collect()
}

/// `event-loop<br>void`, as the name of a row.
pub(crate) fn tick(cell: &Cell<'_>) -> String {
    format!("{}<br>{WORD}", escaped(&cell.series.label()).replacen(", ", ",<br>", 1))
}

/// A hatched bar across the chart in each of these rows.
pub(crate) fn bars<Y: serde::Serialize + Clone + 'static>(rows: &[Y], x: &Span) -> Option<Box<dyn Trace>> {
    let across = vec![x.end(); rows.len()];
    let pattern = Pattern::new().shape(PatternShape::RightDiagonalLine).solidity(0.2);
    let bar = Bar::new(across, rows.to_vec())
        .orientation(Orientation::Horizontal)
        .marker(Marker::new().color("@muted").opacity(0.5).pattern(pattern))
        .show_legend(false)
        .hover_info(HoverInfo::Skip);
    (!rows.is_empty()).then_some(bar as Box<dyn Trace>)
}

/// ` Void, and therefore not drawn: event-loop.`
pub(crate) fn said(void: &[&Cell<'_>]) -> String {
    let names: Vec<String> = void.iter().map(|cell| cell.series.label()).collect();
    if names.is_empty() { String::new() } else { format!(" Void, and in no figure: {}.", listed(&names)) }
}

/// A row for each, without figures.
pub(crate) fn rows(table: &mut Table, void: &[&Cell<'_>]) {
    for cell in void {
        let mut row = vec![format!("{} ({WORD})", cell.series.label())];
        row.resize(table.headers.len(), MISSING.to_owned());
        table.rows.push(row);
    }
}
