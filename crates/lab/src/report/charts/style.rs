//! One colour and one marker per rung, the same in every chart: blocking warm, async cool, the controls
//! without a framework lighter hues of the same families, bridges purple, unknown rungs grey.
//!
//! The hues are those of Okabe and Ito's palette for colour-blind readers ("Color Universal Design", 2008),
//! darkened or lightened per theme until text in them is legible (`templates/report.css` has the values);
//! markers differ as well, so that nothing depends on colour alone. Text in a control's hue cannot be light
//! and legible at once, so that a second, lighter shade fills its bars and markers.

use plotly::common::MarkerSymbol;

use crate::ladder::Kind;
use crate::report::cells::Series;

/// How a series looks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Style {
    /// Name of the colour, without the `@`; also the class of the rung's name in the text.
    pub(crate) color: &'static str,
    /// Name of the shade that fills, where it is another.
    fill: Option<&'static str>,
    marker: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Square,
    Triangle,
    TriangleDown,
    Pentagon,
    Hexagon,
    Circle,
    Diamond,
    Star,
    Cross,
    Hourglass,
}

/// The style of a series; uses of one rung with other flags share its colour and are told apart by label.
pub(crate) fn of(series: &Series) -> Style {
    of_rung(&series.rung, series.kind())
}

/// The style of a rung.
pub(crate) fn of_rung(rung: &str, kind: Option<Kind>) -> Style {
    let (color, marker) = match (rung, kind) {
        ("one-at-a-time", _) => ("warm-3", Shape::Diamond),
        ("pool", _) => ("warm-2", Shape::Square),
        ("thread-per-request", _) => ("warm-1", Shape::Triangle),
        ("bare-thread-per-request", _) => ("warm-4", Shape::TriangleDown),
        ("bare-thread-per-connection", _) => ("warm-5", Shape::Pentagon),
        ("bare-task-per-connection", _) => ("cool-2", Shape::Hexagon),
        ("event-loop", _) => ("cool-1", Shape::Circle),
        ("async-views", _) => ("bridge-1", Shape::Star),
        ("offload", _) => ("bridge-2", Shape::Cross),
        ("blocked-loop", _) => ("bridge-3", Shape::Hourglass),
        (_, Some(Kind::Blocking)) => ("warm-3", Shape::Diamond),
        (_, Some(Kind::BlockingControl)) => ("warm-4", Shape::Diamond),
        (_, Some(Kind::Async)) => ("cool-1", Shape::Diamond),
        (_, Some(Kind::AsyncControl)) => ("cool-2", Shape::Diamond),
        (_, Some(Kind::Bridge)) => ("bridge-1", Shape::Diamond),
        (_, None) => ("muted", Shape::Diamond),
    };
    let fill = match color {
        "warm-4" => Some("warm-4-fill"),
        "warm-5" => Some("warm-5-fill"),
        "cool-2" => Some("cool-2-fill"),
        _ => None,
    };
    Style { color, fill, marker }
}

impl Style {
    /// For lines and text, as charts refer to it.
    pub(crate) fn token(&self) -> String {
        format!("@{}", self.color)
    }

    /// For bars and markers.
    pub(crate) fn fill(&self) -> String {
        format!("@{}", self.fill.unwrap_or(self.color))
    }

    /// Filled.
    pub(crate) fn symbol(&self) -> MarkerSymbol {
        match self.marker {
            Shape::Square => MarkerSymbol::Square,
            Shape::Triangle => MarkerSymbol::TriangleUp,
            Shape::TriangleDown => MarkerSymbol::TriangleDown,
            Shape::Pentagon => MarkerSymbol::Pentagon,
            Shape::Hexagon => MarkerSymbol::Hexagon,
            Shape::Circle => MarkerSymbol::Circle,
            Shape::Diamond => MarkerSymbol::Diamond,
            Shape::Star => MarkerSymbol::Star,
            Shape::Cross => MarkerSymbol::Cross,
            Shape::Hourglass => MarkerSymbol::Hourglass,
        }
    }

    /// Hollow: not measured, drawn where its line is.
    pub(crate) fn hollow(&self) -> MarkerSymbol {
        match self.marker {
            Shape::Square => MarkerSymbol::SquareOpen,
            Shape::Triangle => MarkerSymbol::TriangleUpOpen,
            Shape::TriangleDown => MarkerSymbol::TriangleDownOpen,
            Shape::Pentagon => MarkerSymbol::PentagonOpen,
            Shape::Hexagon => MarkerSymbol::HexagonOpen,
            Shape::Circle => MarkerSymbol::CircleOpen,
            Shape::Diamond => MarkerSymbol::DiamondOpen,
            Shape::Star => MarkerSymbol::StarOpen,
            Shape::Cross => MarkerSymbol::CrossOpen,
            Shape::Hourglass => MarkerSymbol::HourglassOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::LADDER;

    #[test]
    fn no_two_rungs_look_alike() {
        let styles: Vec<Style> = LADDER.iter().map(|rung| of_rung(rung.name, Some(rung.kind))).collect();
        for (place, style) in styles.iter().enumerate() {
            for other in &styles[..place] {
                assert_ne!(style.color, other.color);
                assert_ne!(style.marker, other.marker);
            }
        }
    }

    #[test]
    fn families_have_their_hues() {
        for rung in LADDER {
            let color = of_rung(rung.name, Some(rung.kind)).color;
            let family = match rung.kind {
                Kind::Blocking | Kind::BlockingControl => "warm",
                Kind::Async | Kind::AsyncControl => "cool",
                Kind::Bridge => "bridge",
            };
            assert!(color.starts_with(family), "{} is {color}", rung.name);
        }
    }
}
