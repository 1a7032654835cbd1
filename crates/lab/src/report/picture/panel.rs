//! A pair of axes and what is drawn between them.

use crate::report::picture::Frame;
use crate::report::picture::clip::Area;
use crate::report::picture::figure::{Axis, Figure, Place, Trace};
use crate::report::picture::marks;
use crate::report::picture::pen::{self, At, Drawn, LINE_HEIGHT, Look, Pen, Stroke, color, lines_of};
use crate::report::picture::scale::Scale;

/// Axes with their traces.
pub(super) struct Panel<'f> {
    figure: &'f Figure,
    /// Their names, as traces and notes refer to them.
    pub(super) names: (String, String),
    axes: (Axis, Axis),
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// Marks of this size and smaller are there for the hand, not for the eye.
const INVISIBLE: f64 = 2.0;

impl<'f> Panel<'f> {
    /// None where nothing on them has a place.
    pub(super) fn of(figure: &'f Figure, frame: &Frame, x: &str, y: &str) -> Option<Self> {
        let names = (x.to_owned(), y.to_owned());
        let axes = (figure.layout.axis('x', x), figure.layout.axis('y', y));
        let own = || figure.data.iter().filter(|trace| trace.axes() == names);
        let (from_x, to_x) = axes.0.domain.unwrap_or((0.0, 1.0));
        let (from_y, to_y) = axes.1.domain.unwrap_or((0.0, 1.0));
        let (left, bottom) = frame.paper(from_x, from_y);
        let (right, top) = frame.paper(to_x, to_y);
        let scale_x = Scale::of(&axes.0, own().flat_map(|trace| trace.x.iter().flatten()), (left, right))?;
        let scale_y = Scale::of(&axes.1, own().flat_map(|trace| trace.y.iter().flatten()), (bottom, top))?;
        Some(Self { figure, names: names.clone(), axes, x: scale_x, y: scale_y })
    }

    fn own(&self) -> impl Iterator<Item = &'f Trace> {
        self.figure.data.iter().filter(|trace| trace.axes() == self.names)
    }

    /// Between the axes.
    fn area(&self) -> Area {
        let ((left, right), (top, bottom)) = (self.x.span(), self.y.span());
        Area { from: (left, top), to: (right, bottom) }
    }

    /// Lines behind everything.
    pub(super) fn grid(&self, pen: &Pen<'_, '_>) -> Drawn {
        let stroke = Stroke { color: color("@grid", 1.0), width: 1.0, dash: None };
        let ((left, right), (top, bottom)) = (self.x.span(), self.y.span());
        if self.axes.0.showgrid != Some(false) {
            for (x, _) in self.x.ticks(&self.axes.0) {
                pen.line(&[(x, top), (x, bottom)], stroke)?;
            }
        }
        if self.axes.1.showgrid != Some(false) {
            for (y, _) in self.y.ticks(&self.axes.1) {
                pen.line(&[(left, y), (right, y)], stroke)?;
            }
        }
        Ok(())
    }

    /// The axes with their ticks.
    pub(super) fn axes(&self, pen: &Pen<'_, '_>) -> Drawn {
        let stroke = Stroke { color: color("@axis", 1.0), width: 1.0, dash: None };
        let ((left, right), (top, bottom)) = (self.x.span(), self.y.span());
        if self.axes.0.showline != Some(false) {
            pen.line(&[(left, bottom), (right, bottom)], stroke)?;
        }
        if self.axes.1.showline != Some(false) {
            pen.line(&[(left, top), (left, bottom)], stroke)?;
        }
        // An axis that several panels share is named below the one on which it stands.
        if self.axes.0.anchor.as_deref().unwrap_or("y") == self.names.1 {
            self.below(pen)?;
        }
        if self.axes.1.showticklabels != Some(false) {
            for (y, text) in self.y.ticks(&self.axes.1) {
                pen.lines(&lines_of(&text), (left - 8.0, y), Look { anchor: 1.0, ..Look::default() })?;
            }
        }
        Ok(())
    }

    /// Ticks and title of the horizontal axis.
    fn below(&self, pen: &Pen<'_, '_>) -> Drawn {
        let ((left, right), (_, bottom)) = (self.x.span(), self.y.span());
        let mut below = 0.0_f64;
        if self.axes.0.showticklabels != Some(false) {
            let mut free = f64::NEG_INFINITY;
            for (x, text) in self.x.ticks(&self.axes.0) {
                let lines = lines_of(&text);
                let half = lines.iter().map(|line| pen::width_of(line, 13.0)).fold(0.0, f64::max) / 2.0;
                // Ticks that would be written over each other give way to the one before.
                if x - half < free {
                    continue;
                }
                free = x + half + 6.0;
                let height = lines.len() as f64 * 13.0 * LINE_HEIGHT;
                below = below.max(height);
                pen.lines(&lines, (x, bottom + 6.0 + height / 2.0), Look { anchor: 0.5, ..Look::default() })?;
            }
        }
        let Some(title) = self.axes.0.title.as_ref().filter(|title| !title.text.is_empty()) else {
            return Ok(());
        };
        let look = Look { anchor: 0.5, color: color("@muted", 1.0), ..Look::default() };
        pen.lines(&lines_of(&title.text), (f64::midpoint(left, right), bottom + below + 18.0), look)
    }

    /// Everything that was measured.
    pub(super) fn traces(&self, pen: &Pen<'_, '_>) -> Drawn {
        let mut stacked: Vec<(Place, f64)> = Vec::new();
        for trace in self.own() {
            match &*trace.form {
                "heatmap" => self.squares(trace, pen)?,
                "bar" => self.bars(trace, &mut stacked, pen)?,
                _ => self.scatter(trace, pen)?,
            }
        }
        Ok(())
    }

    fn scatter(&self, trace: &Trace, pen: &Pen<'_, '_>) -> Drawn {
        let opacity = trace.opacity.unwrap_or(1.0);
        let places: Vec<Option<At>> = trace
            .x
            .iter()
            .zip(&trace.y)
            .map(|(x, y)| Some((self.x.at(x.as_ref()?)?, self.y.at(y.as_ref()?)?)))
            .collect();
        if trace.mode.contains("lines") || trace.mode.is_empty() {
            let own = trace.marker.color.as_ref().and_then(|color| color.at(0)).map(String::as_str);
            let name = trace.line.color.as_deref().or(own).unwrap_or("@ink");
            let dash = dash_of(trace.line.dash.as_deref());
            let stroke = Stroke { color: color(name, opacity), width: trace.line.width.unwrap_or(2.0), dash };
            // A value that is not known leaves a gap.
            for run in places.split(Option::is_none) {
                let run: Vec<At> = run.iter().copied().flatten().collect();
                for piece in self.area().pieces(&run) {
                    pen.line(&piece, stroke)?;
                }
            }
        }
        self.whiskers(trace, pen)?;
        if trace.mode.contains("text") {
            self.texts(trace, &places, pen)?;
        }
        if !trace.mode.contains("markers") {
            return Ok(());
        }
        let symbol = trace.marker.symbol.as_deref().unwrap_or("circle");
        let opacity = opacity * trace.marker.opacity.unwrap_or(1.0);
        for (place, at) in places.iter().enumerate() {
            let size = trace.marker.size.as_ref().and_then(|size| size.at(place)).copied().unwrap_or(6.0);
            let name = trace.marker.color.as_ref().and_then(|color| color.at(place));
            if let Some(at) = at.filter(|at| size > INVISIBLE && self.area().has(*at)) {
                marks::mark(pen, symbol, at, size, color(name.map_or("@ink", String::as_str), opacity))?;
            }
        }
        Ok(())
    }

    /// Intervals around marks and at the ends of bars.
    fn whiskers(&self, trace: &Trace, pen: &Pen<'_, '_>) -> Drawn {
        for (whisker, is_across) in [(&trace.error_x, true), (&trace.error_y, false)] {
            let Some(whisker) = whisker else { continue };
            let own = trace.marker.color.as_ref().and_then(|color| color.at(0)).map(String::as_str);
            let name = whisker.color.as_deref().or(own).unwrap_or("@ink");
            let stroke = Stroke { color: color(name, 1.0), width: 2.0, dash: None };
            for (place, (x, y)) in trace.x.iter().zip(&trace.y).enumerate() {
                let (Some(x), Some(y)) = (x, y) else { continue };
                let (of, at, along, across) =
                    if is_across { (x, y, &self.x, &self.y) } else { (y, x, &self.y, &self.x) };
                let (Place::Number(of), Some(Some(more))) = (of, whisker.array.get(place)) else { continue };
                let less = whisker.arrayminus.get(place).copied().flatten().unwrap_or(*more);
                let ends = [of - less, of + more].map(|end| along.at(&Place::Number(end)));
                let ([Some(low), Some(high)], Some(at)) = (ends, across.at(at)) else { continue };
                let turned =
                    |along: f64, across: f64| if is_across { (along, across) } else { (across, along) };
                pen.line(&[turned(low, at), turned(high, at)], stroke)?;
                for end in [low, high] {
                    pen.line(&[turned(end, at - 4.0), turned(end, at + 4.0)], stroke)?;
                }
            }
        }
        Ok(())
    }

    /// Words in the place of marks.
    fn texts(&self, trace: &Trace, places: &[Option<At>], pen: &Pen<'_, '_>) -> Drawn {
        let (size, name) = (trace.textfont.size.unwrap_or(12.0), trace.textfont.color.as_deref());
        let anchor = match trace.textposition.as_deref().unwrap_or_default() {
            position if position.contains("right") => 0.0,
            position if position.contains("left") => 1.0,
            _ => 0.5,
        };
        let look = Look { size, bold: false, color: color(name.unwrap_or("@ink"), 1.0), anchor };
        for (place, at) in places.iter().enumerate() {
            let text = trace.text.as_ref().and_then(|text| text.at(place));
            if let (Some(at), Some(text)) = (at, text) {
                pen.lines(&lines_of(text), *at, look)?;
            }
        }
        Ok(())
    }

    /// Bars from zero, from where they say, or from the end of the bar before where they are stacked.
    fn bars(&self, trace: &Trace, stacked: &mut Vec<(Place, f64)>, pen: &Pen<'_, '_>) -> Drawn {
        let horizontal = trace.is_horizontal();
        let (values, rows) = if horizontal { (&trace.x, &trace.y) } else { (&trace.y, &trace.x) };
        let (along, across) = if horizontal { (&self.x, &self.y) } else { (&self.y, &self.x) };
        let stacks = self.figure.layout.barmode.as_deref() == Some("stack");
        let all_alike = 1.0 - self.figure.layout.bargap.unwrap_or(0.2);
        for (place, (value, row)) in values.iter().zip(rows).enumerate() {
            let (Some(Place::Number(value)), Some(row)) = (value, row) else { continue };
            if *value == 0.0 {
                continue;
            }
            let base = trace.base.as_ref().and_then(|base| base.at(place)).copied().unwrap_or(0.0);
            let from = match stacked.iter_mut().find(|(known, _)| known == row).filter(|_| stacks) {
                Some((_, end)) => std::mem::replace(end, *end + value),
                None => {
                    stacked.push((row.clone(), base + value));
                    base
                }
            };
            let ends = [from, from + value].map(|end| along.at(&Place::Number(end)));
            let ([Some(start), Some(end)], Some(middle)) = (ends, across.at(row)) else { continue };
            let thick = trace.width.as_ref().and_then(|width| width.at(place)).copied().unwrap_or(all_alike);
            // However thin or short, it is there.
            let half = (across.unit() * thick / 2.0).max(0.5);
            let (low, high) = (start.min(end), start.max(end).max(start.min(end) + 1.0));
            let corners = [(low, middle - half), (high, middle + half)];
            let [from, to] =
                if horizontal { corners } else { corners.map(|(along, across)| (across, along)) };
            let name = trace.marker.color.as_ref().and_then(|color| color.at(place));
            let opacity = trace.opacity.unwrap_or(1.0) * trace.marker.opacity.unwrap_or(1.0);
            let fill = color(name.map_or("@ink", String::as_str), opacity);
            let shape = trace.marker.pattern.as_ref().and_then(|pattern| pattern.shape.as_ref()?.at(place));
            match shape.map(String::as_str) {
                None | Some("") => pen.rectangle(from, to, fill)?,
                Some(_) => pen.hatching(from, to, fill)?,
            }
        }
        self.whiskers(trace, pen)
    }

    /// A square for each value of a map.
    fn squares(&self, trace: &Trace, pen: &Pen<'_, '_>) -> Drawn {
        let (low, high) = (trace.zmin.unwrap_or(0.0), trace.zmax.unwrap_or(1.0));
        let (half_x, half_y) = (self.x.unit() / 2.0 - 1.5, self.y.unit() / 2.0 - 1.5);
        for (row, y) in trace.z.iter().zip(&trace.y) {
            for (value, x) in row.iter().zip(&trace.x) {
                let (Some(value), Some(x), Some(y)) = (value, x, y) else { continue };
                let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
                if let (Some(x), Some(y)) = (self.x.at(x), self.y.at(y)) {
                    let fill = of_scale(&trace.colorscale, share);
                    pen.rectangle((x - half_x, y - half_y), (x + half_x, y + half_y), fill)?;
                }
            }
        }
        Ok(())
    }
}

/// The colour at a share of a scale.
fn of_scale(scale: &[(f64, String)], share: f64) -> plotters::style::RGBAColor {
    let after = scale.iter().position(|(at, _)| *at >= share).unwrap_or(scale.len().saturating_sub(1));
    let (Some((to, next)), Some((from, before))) = (scale.get(after), scale.get(after.saturating_sub(1)))
    else {
        return color("@muted", 1.0);
    };
    let share = if to > from { (share - from) / (to - from) } else { 1.0 };
    pen::between(color(before, 1.0), color(next, 1.0), share)
}

/// Lengths of dashes and gaps.
pub(super) fn dash_of(name: Option<&str>) -> Option<(i32, i32)> {
    match name? {
        "dot" => Some((2, 4)),
        "dash" => Some((8, 5)),
        "longdash" => Some((14, 6)),
        "dashdot" => Some((11, 4)),
        "longdashdot" => Some((18, 4)),
        _ => None,
    }
}
