//! A chart as a picture: SVG, drawn without a browser from the very data that the page's script draws from, so that
//! the two cannot disagree.
//!
//! ```text
//! Chart::figure (plotly's JSON) -> figure (what of it is drawn) -> panel (axes, traces, notes) -> pen (plotters)
//! ```
//! It covers what our charts use: lines, marks, whiskers, bars side by side or stacked, maps of squares, logarithmic
//! axes, notes and their arrows. What it does not know it does not draw half: then there is no picture, and the table
//! below it has the figures. Pictures are light whatever is around them, on a ground of their own.

mod clip;
mod figure;
mod legend;
mod marks;
mod notes;
mod panel;
mod pen;
mod scale;

use plotters::prelude::*;

use crate::report::charts::Chart;
use figure::{Figure, Place};
use panel::Panel;
use pen::{Pen, lines_of, width_of};

/// Of every picture, in pixels.
const WIDTH: f64 = 900.0;

/// A rem of the page.
const REM: f64 = 16.0;

/// Room for the title.
const TITLE: f64 = 34.0;

/// The picture of a chart; none where it holds something that cannot be drawn.
pub(crate) fn svg(chart: &Chart) -> Option<String> {
    let figure: Figure = serde_json::from_str(&chart.figure).ok()?;
    if !figure.can_be_drawn() {
        return None;
    }
    let frame = Frame::of(&figure, chart.height_rem * REM);
    let mut svg = String::new();
    {
        let size = (WIDTH as u32, frame.height.ceil() as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let pen = Pen::new(&area);
        drawn(&figure, &frame, &chart.title, &pen).ok()?;
        area.present().ok()?;
    }
    Some(described(&svg, chart))
}

/// Where things are, in pixels.
struct Frame {
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    /// As much room at the sides as texts need there, which the page's script finds out by itself.
    fn of(figure: &Figure, height: f64) -> Self {
        let margin = &figure.layout.margin;
        let ticks = figure.panels().into_iter().flat_map(|(_, y)| figure.layout.axis('y', &y).ticktext);
        let names = figure.data.iter().flat_map(|trace| trace.y.iter().flatten()).filter_map(Place::name);
        let widest =
            |text: String| lines_of(&text).iter().map(|line| width_of(line, 13.0)).fold(0.0, f64::max);
        let at_left = ticks.chain(names).map(widest).fold(0.0, f64::max) + 16.0;
        let labels = figure.layout.annotations.iter().filter(|note| note.name == "end-label");
        let at_right = labels.map(|note| widest(note.text.clone())).fold(0.0, f64::max) + 16.0;
        let legend = legend::height(figure);
        Self {
            height: height + TITLE + legend,
            left: margin.l.max(at_left),
            right: WIDTH - margin.r.max(at_right),
            top: TITLE + margin.t,
            bottom: height + TITLE - margin.b,
        }
    }

    /// A share of the plotting area, as `paper` coordinates are.
    fn paper(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top))
    }
}

fn drawn(figure: &Figure, frame: &Frame, title: &str, pen: &Pen<'_, '_>) -> pen::Drawn {
    pen.rectangle((0.0, 0.0), (WIDTH, frame.height), pen::color("@page", 1.0))?;
    pen.text(title, (12.0, 20.0), pen::Look { size: 15.0, bold: true, ..pen::Look::default() })?;
    let panels: Vec<Panel<'_>> =
        figure.panels().into_iter().filter_map(|(x, y)| Panel::of(figure, frame, &x, &y)).collect();
    for panel in &panels {
        panel.grid(pen)?;
    }
    notes::shapes(figure, frame, &panels, pen)?;
    for panel in &panels {
        panel.traces(pen)?;
        panel.axes(pen)?;
    }
    notes::annotations(figure, frame, &panels, pen)?;
    legend::drawn(figure, frame, pen)
}

/// The same with its title and its words, for whoever does not see it.
fn described(svg: &str, chart: &Chart) -> String {
    let start = format!(
        " role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n",
        escaped(&chart.title),
        escaped(&chart.alt)
    );
    svg.replacen(">\n", &start, 1)
}

/// As XML takes it, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let kept: String = text.chars().filter(|letter| !letter.is_control()).collect();
    kept.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
