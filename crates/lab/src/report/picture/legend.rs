//! A legend below a chart that has one on the page as well.

use crate::report::picture::figure::{Figure, Trace};
use crate::report::picture::marks;
use crate::report::picture::panel::dash_of;
use crate::report::picture::pen::{Drawn, Look, Pen, Stroke, color, lines_of, width_of};
use crate::report::picture::{Frame, WIDTH};

const ROW: f64 = 24.0;

/// Room for a line or a square before a name.
const SAMPLE: f64 = 28.0;

/// What a chart of this needs below it.
pub(super) fn height(figure: &Figure) -> f64 {
    let rows = entries(figure).last().map_or(0.0, |(_, _, row)| *row as f64 + 1.0);
    if rows > 0.0 { rows * ROW + 12.0 } else { 0.0 }
}

pub(super) fn drawn(figure: &Figure, frame: &Frame, pen: &Pen<'_, '_>) -> Drawn {
    let top = frame.height - height(figure);
    for (trace, x, row) in entries(figure) {
        let y = top + ROW * (row as f64 + 0.5);
        let own = trace.marker.color.as_ref().and_then(|color| color.at(0)).map(String::as_str);
        let name = trace.line.color.as_deref().or(own).unwrap_or("@ink");
        let ink = color(name, trace.opacity.unwrap_or(1.0));
        if trace.form == "bar" {
            pen.rectangle((x, y - 6.0), (x + 20.0, y + 6.0), ink)?;
        } else {
            if trace.mode.contains("lines") {
                let width = trace.line.width.unwrap_or(2.0).min(4.0);
                let stroke = Stroke { color: ink, width, dash: dash_of(trace.line.dash.as_deref()) };
                pen.line(&[(x, y), (x + 22.0, y)], stroke)?;
            }
            if let Some(symbol) = trace.marker.symbol.as_deref().filter(|_| trace.mode.contains("markers")) {
                marks::mark(pen, symbol, (x + 11.0, y), 8.0, ink)?;
            }
        }
        pen.lines(&named(trace), (x + SAMPLE, y), Look::default())?;
    }
    Ok(())
}

/// Traces with a name, where each begins, and in which row.
fn entries(figure: &Figure) -> Vec<(&Trace, f64, usize)> {
    let mut entries = Vec::new();
    let (mut x, mut row) = (64.0, 0);
    let shown = figure.data.iter().filter(|_| figure.layout.showlegend == Some(true));
    for trace in shown.filter(|trace| trace.showlegend != Some(false) && trace.name.is_some()) {
        let width = SAMPLE + named(trace).iter().map(|line| width_of(line, 13.0)).fold(0.0, f64::max) + 22.0;
        if x + width > WIDTH && x > 64.0 {
            (x, row) = (64.0, row + 1);
        }
        entries.push((trace, x, row));
        x += width;
    }
    entries
}

/// On one line.
fn named(trace: &Trace) -> Vec<(String, bool)> {
    let lines = lines_of(trace.name.as_deref().unwrap_or_default());
    vec![(lines.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(" "), false)]
}
