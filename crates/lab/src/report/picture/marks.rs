//! Marks: the shapes that tell rungs apart where colour does not.

use std::f64::consts::PI;

use plotters::style::RGBAColor;

use crate::report::picture::pen::{At, Drawn, Pen, Stroke};

/// Draws a mark of that many pixels across. Filled ones are one circle or one polygon each.
pub(super) fn mark(pen: &Pen<'_, '_>, symbol: &str, at: At, size: f64, color: RGBAColor) -> Drawn {
    let (name, hollow) = match symbol.strip_suffix("-open") {
        Some(name) => (name, true),
        None => (symbol, false),
    };
    let radius = size / 2.0;
    let stroke = Stroke { color, width: 2.0, dash: None };
    let place = |(x, y): At| (at.0 + x * radius, at.1 + y * radius);
    let corners: Vec<At> = match name {
        "square" => vec![(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "diamond" => regular(4, -PI / 2.0, 1.15),
        "triangle-up" => regular(3, -PI / 2.0, 1.2),
        "triangle-down" => regular(3, PI / 2.0, 1.2),
        "pentagon" => regular(5, -PI / 2.0, 1.1),
        "hexagon" => regular(6, 0.0, 1.1),
        "star" => star(),
        "cross" => cross(),
        "hourglass" => vec![(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)],
        // Thin ones are strokes whatever they are called.
        "line-ns" => return pen.line(&[place((0.0, -1.0)), place((0.0, 1.0))], stroke),
        "x-thin" => {
            pen.line(&[place((-0.7, -0.7)), place((0.7, 0.7))], stroke)?;
            return pen.line(&[place((-0.7, 0.7)), place((0.7, -0.7))], stroke);
        }
        _ => return pen.circle(at, radius, color, !hollow),
    };
    let mut corners: Vec<At> = corners.into_iter().map(place).collect();
    if !hollow {
        return pen.polygon(&corners, color);
    }
    corners.extend(corners.first().copied());
    pen.line(&corners, stroke)
}

/// Corners on a circle of that radius, the first at that angle.
fn regular(corners: u32, first: f64, radius: f64) -> Vec<At> {
    let angle = |n: u32| first + 2.0 * PI * f64::from(n) / f64::from(corners);
    (0..corners).map(angle).map(|angle| (radius * angle.cos(), radius * angle.sin())).collect()
}

fn star() -> Vec<At> {
    let (outer, inner) = (regular(5, -PI / 2.0, 1.25), regular(5, -PI / 2.0 + PI / 5.0, 0.52));
    outer.into_iter().zip(inner).flat_map(|(one, other)| [one, other]).collect()
}

fn cross() -> Vec<At> {
    let quarter = [(-0.35, -1.05), (0.35, -1.05), (0.35, -0.35)];
    let turn = |(x, y): At, times: u32| (0..times).fold((x, y), |(x, y), _| (-y, x));
    (0..4).flat_map(|times| quarter.map(|corner| turn(corner, times))).collect()
}
