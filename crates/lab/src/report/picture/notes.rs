//! What is written and drawn over a chart: texts, arrows, lines across it, hatching.

use crate::report::picture::figure::{Figure, Note, Place, Shape};
use crate::report::picture::panel::{Panel, dash_of};
use crate::report::picture::pen::{At, Drawn, LINE_HEIGHT, Look, Pen, Stroke, color, lines_of, width_of};
use crate::report::picture::scale::Scale;
use crate::report::picture::{Frame, WIDTH};

/// An arrow without a length of its own points up, this long.
const ARROW: f64 = 30.0;

/// Texts, each where it belongs.
pub(super) fn annotations(figure: &Figure, frame: &Frame, panels: &[Panel<'_>], pen: &Pen<'_, '_>) -> Drawn {
    for note in &figure.layout.annotations {
        let place = place(
            (note.x.as_ref(), note.xref.as_deref()),
            (note.y.as_ref(), note.yref.as_deref()),
            (frame, panels),
            Scale::note,
        );
        if let Some(place) = place {
            annotation(note, frame, place, pen)?;
        }
    }
    Ok(())
}

fn annotation(note: &Note, frame: &Frame, (x, y): At, pen: &Pen<'_, '_>) -> Drawn {
    let lines = lines_of(&note.text);
    let size = note.font.size.unwrap_or(13.0);
    let width = lines.iter().map(|line| width_of(line, size)).fold(0.0, f64::max);
    let height = lines.len() as f64 * size * LINE_HEIGHT;
    let arrow = note.showarrow != Some(false);
    let (mut at_x, mut at_y) = (x + note.xshift, y - note.yshift);
    if arrow {
        (at_x, at_y) = (at_x + note.ax.unwrap_or(0.0), at_y + note.ay.unwrap_or(-ARROW));
    }
    let anchor = match note.xanchor.as_deref() {
        Some("left") => 0.0,
        Some("right") => 1.0,
        _ => 0.5,
    };
    // The title of the vertical axis begins where the picture does.
    if note.name == "axis-title" {
        at_x = frame.left.min(12.0_f64.max(frame.left - 50.0));
    }
    // Nothing is written beyond the edges.
    let left = (at_x - anchor * width).clamp(4.0, (WIDTH - width - 4.0).max(4.0));
    at_x = left + anchor * width;
    let middle = match note.yanchor.as_deref() {
        Some("bottom") => at_y - height / 2.0,
        Some("top") => at_y + height / 2.0,
        _ => at_y,
    };
    if arrow {
        let name = note.arrowcolor.as_deref().or(note.font.color.as_deref()).unwrap_or("@ink");
        self::arrow((left + width / 2.0, middle), (x, y), height / 2.0, color(name, 1.0), pen)?;
    }
    if let Some(ground) = &note.bgcolor {
        let (from, to) = ((left - 2.0, middle - height / 2.0), (left + width + 2.0, middle + height / 2.0));
        pen.rectangle(from, to, color(ground, 1.0))?;
    }
    let ink = color(note.font.color.as_deref().unwrap_or("@ink"), 1.0);
    pen.lines(&lines, (at_x, middle), Look { size, bold: false, color: ink, anchor })
}

/// From a text to what it names; the text covers the beginning.
fn arrow(from: At, to: At, clear: f64, color: plotters::style::RGBAColor, pen: &Pen<'_, '_>) -> Drawn {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length < clear + 12.0 {
        return Ok(());
    }
    let (ux, uy) = (dx / length, dy / length);
    let tip = (to.0 - 7.0 * ux, to.1 - 7.0 * uy);
    let stroke = Stroke { color, width: 2.0, dash: None };
    pen.line(&[from, tip], stroke)?;
    let side = |turn: f64| (tip.0 - 7.0 * ux + turn * 4.0 * uy, tip.1 - 7.0 * uy - turn * 4.0 * ux);
    pen.line(&[side(1.0), tip, side(-1.0)], stroke)
}

/// Lines across the chart, and paths.
pub(super) fn shapes(figure: &Figure, frame: &Frame, panels: &[Panel<'_>], pen: &Pen<'_, '_>) -> Drawn {
    for shape in &figure.layout.shapes {
        let opacity = shape.opacity.unwrap_or(1.0);
        let name = shape.line.color.as_deref().unwrap_or("@ink");
        let stroke = Stroke {
            color: color(name, opacity),
            width: shape.line.width.unwrap_or(2.0),
            dash: dash_of(shape.line.dash.as_deref()),
        };
        let corner = |x: &Option<Place>, y: &Option<Place>| {
            let (x, y) = ((x.as_ref(), shape.xref.as_deref()), (y.as_ref(), shape.yref.as_deref()));
            place(x, y, (frame, panels), Scale::at)
        };
        let ends = corner(&shape.x0, &shape.y0).zip(corner(&shape.x1, &shape.y1));
        match (&*shape.kind, ends) {
            ("line", Some((from, to))) => pen.line(&[from, to], stroke)?,
            ("rect", Some((from, to))) => {
                let fill = color(shape.fillcolor.as_deref().unwrap_or("rgba(0,0,0,0)"), opacity);
                pen.rectangle(from, to, fill)?;
            }
            _ => path(shape, frame, panels, stroke, pen)?,
        }
    }
    Ok(())
}

/// `M 1 2 L 3 4 M …`, in the units of its axes.
fn path(shape: &Shape, frame: &Frame, panels: &[Panel<'_>], stroke: Stroke, pen: &Pen<'_, '_>) -> Drawn {
    let mut strokes: Vec<Vec<At>> = Vec::new();
    let mut words = shape.path.as_deref().unwrap_or_default().split_whitespace();
    while let Some(word) = words.next() {
        if word == "M" {
            strokes.push(Vec::new());
        }
        if word == "M" || word == "L" {
            let numbers =
                [words.next(), words.next()].map(|word| word?.parse::<f64>().ok().map(Place::Number));
            let at = place(
                (numbers[0].as_ref(), shape.xref.as_deref()),
                (numbers[1].as_ref(), shape.yref.as_deref()),
                (frame, panels),
                Scale::at,
            );
            if let (Some(stroke), Some(at)) = (strokes.last_mut(), at) {
                stroke.push(at);
            }
        }
    }
    strokes.iter().try_for_each(|places| pen.line(places, stroke))
}

/// Where a pair of coordinates is: shares of the chart, or values of an axis. On logarithmic axes notes take
/// logarithms and shapes do not; that is plotly's way.
fn place(
    (x, xref): (Option<&Place>, Option<&str>),
    (y, yref): (Option<&Place>, Option<&str>),
    (frame, panels): (&Frame, &[Panel<'_>]),
    on: fn(&Scale, &Place) -> Option<f64>,
) -> Option<At> {
    let (x, y) = (x?, y?);
    let on_paper = |place: &Place| match place {
        Place::Number(share) => Some(*share),
        Place::Name(_) => None,
    };
    let at_x = match xref {
        Some("paper") => frame.paper(on_paper(x)?, 0.0).0,
        axis => on(&panels.iter().find(|panel| panel.names.0 == axis.unwrap_or("x"))?.x, x)?,
    };
    let at_y = match yref {
        Some("paper") => frame.paper(0.0, on_paper(y)?).1,
        axis => on(&panels.iter().find(|panel| panel.names.1 == axis.unwrap_or("y"))?.y, y)?,
    };
    Some((at_x, at_y))
}
