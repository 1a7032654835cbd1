//! One colour and one marker per rung, the same in every chart: blocking warm, async cool, others grey.
//!
//! The hues are those of Okabe and Ito's palette for colour-blind readers ("Color Universal Design", 2008),
//! darkened or lightened per theme until text in them is legible (`templates/report.css` has the values);
//! markers differ as well, so that nothing depends on colour alone.

use plotly::common::MarkerSymbol;

use crate::ladder::Kind;
use crate::report::cells::Series;

/// How a series looks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Style {
    /// Name of the colour, without the `@`; also the class of the rung's name in the text.
    pub(crate) color: &'static str,
    marker: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Square,
    Triangle,
    Circle,
    Diamond,
}

/// The style of a series; uses of one rung with other flags share its colour and are told apart by label.
pub(crate) fn of(series: &Series) -> Style {
    of_rung(&series.rung, series.kind())
}

/// The style of a rung.
pub(crate) fn of_rung(rung: &str, kind: Option<Kind>) -> Style {
    let (color, marker) = match (rung, kind) {
        ("pool", _) => ("warm-2", Shape::Square),
        ("thread-per-request", _) => ("warm-1", Shape::Triangle),
        ("event-loop", _) => ("cool-1", Shape::Circle),
        (_, Some(Kind::Blocking)) => ("warm-3", Shape::Diamond),
        (_, Some(Kind::Async)) => ("cool-2", Shape::Diamond),
        _ => ("muted", Shape::Diamond),
    };
    Style { color, marker }
}

impl Style {
    /// As charts refer to it.
    pub(crate) fn token(&self) -> String {
        format!("@{}", self.color)
    }

    /// Filled.
    pub(crate) fn symbol(&self) -> MarkerSymbol {
        match self.marker {
            Shape::Square => MarkerSymbol::Square,
            Shape::Triangle => MarkerSymbol::TriangleUp,
            Shape::Circle => MarkerSymbol::Circle,
            Shape::Diamond => MarkerSymbol::Diamond,
        }
    }

    /// Hollow: not measured, drawn where its line is.
    pub(crate) fn hollow(&self) -> MarkerSymbol {
        match self.marker {
            Shape::Square => MarkerSymbol::SquareOpen,
            Shape::Triangle => MarkerSymbol::TriangleUpOpen,
            Shape::Circle => MarkerSymbol::CircleOpen,
            Shape::Diamond => MarkerSymbol::DiamondOpen,
        }
    }
}
