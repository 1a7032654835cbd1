//! What of plotly's JSON is drawn. Its names are plotly's (<https://plotly.com/javascript/reference/>).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A chart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Figure {
    pub(super) data: Vec<Trace>,
    pub(super) layout: Layout,
}

/// A series of marks, bars or squares.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trace {
    #[serde(rename = "type")]
    pub(super) form: String,
    pub(super) mode: String,
    pub(super) name: Option<String>,
    pub(super) x: Vec<Option<Place>>,
    pub(super) y: Vec<Option<Place>>,
    pub(super) z: Vec<Vec<Option<f64>>>,
    pub(super) xaxis: Option<String>,
    pub(super) yaxis: Option<String>,
    pub(super) orientation: Option<String>,
    pub(super) marker: Marker,
    pub(super) line: Line,
    pub(super) opacity: Option<f64>,
    pub(super) error_x: Option<Whisker>,
    pub(super) error_y: Option<Whisker>,
    /// Where bars begin, and how thick they are, where it is not zero and the same for all.
    pub(super) base: Option<OneOrMany<f64>>,
    pub(super) width: Option<OneOrMany<f64>>,
    pub(super) text: Option<Texts>,
    pub(super) textposition: Option<String>,
    pub(super) textfont: Font,
    pub(super) showlegend: Option<bool>,
    pub(super) colorscale: Vec<(f64, String)>,
    pub(super) zmin: Option<f64>,
    pub(super) zmax: Option<f64>,
}

/// A value on an axis, or the name of a category.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Place {
    Number(f64),
    Name(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Marker {
    pub(super) symbol: Option<String>,
    pub(super) size: Option<OneOrMany<f64>>,
    pub(super) color: Option<OneOrMany<String>>,
    pub(super) opacity: Option<f64>,
    pub(super) pattern: Option<Pattern>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pattern {
    pub(super) shape: Option<OneOrMany<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) color: Option<String>,
    pub(super) width: Option<f64>,
    pub(super) dash: Option<String>,
}

/// An interval around marks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Whisker {
    /// Null where a mark has none.
    pub(super) array: Vec<Option<f64>>,
    pub(super) arrayminus: Vec<Option<f64>>,
    pub(super) color: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

/// A text for each mark; of squares, which only say theirs under the pointer, none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Texts {
    Each(Vec<String>),
    Other(Value),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Layout {
    pub(super) margin: Margin,
    pub(super) barmode: Option<String>,
    pub(super) bargap: Option<f64>,
    pub(super) showlegend: Option<bool>,
    pub(super) annotations: Vec<Note>,
    pub(super) shapes: Vec<Shape>,
    /// Axes among them: `xaxis`, `yaxis2`, …
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Margin {
    pub(super) l: f64,
    pub(super) r: f64,
    pub(super) t: f64,
    pub(super) b: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Axis {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) range: Option<(f64, f64)>,
    pub(super) domain: Option<(f64, f64)>,
    /// The other axis on which it stands.
    pub(super) anchor: Option<String>,
    pub(super) tickvals: Option<Vec<f64>>,
    pub(super) ticktext: Vec<String>,
    pub(super) title: Option<Title>,
    pub(super) showgrid: Option<bool>,
    pub(super) showline: Option<bool>,
    pub(super) showticklabels: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Title {
    pub(super) text: String,
}

/// Text in a chart, with an arrow or without.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) x: Option<Place>,
    pub(super) y: Option<Place>,
    pub(super) xref: Option<String>,
    pub(super) yref: Option<String>,
    pub(super) xanchor: Option<String>,
    pub(super) yanchor: Option<String>,
    pub(super) xshift: f64,
    pub(super) yshift: f64,
    pub(super) showarrow: Option<bool>,
    pub(super) ax: Option<f64>,
    pub(super) ay: Option<f64>,
    pub(super) arrowcolor: Option<String>,
    pub(super) bgcolor: Option<String>,
    pub(super) font: Font,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Font {
    pub(super) color: Option<String>,
    pub(super) size: Option<f64>,
}

/// A line across a chart, or a path.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) xref: Option<String>,
    pub(super) yref: Option<String>,
    pub(super) x0: Option<Place>,
    pub(super) x1: Option<Place>,
    pub(super) y0: Option<Place>,
    pub(super) y1: Option<Place>,
    pub(super) path: Option<String>,
    pub(super) line: Line,
    pub(super) fillcolor: Option<String>,
    pub(super) opacity: Option<f64>,
}

impl Default for Margin {
    fn default() -> Self {
        Self { l: 64.0, r: 24.0, t: 44.0, b: 56.0 }
    }
}

impl Figure {
    /// Whether everything in it is known here.
    pub(super) fn can_be_drawn(&self) -> bool {
        let known = |trace: &Trace| matches!(&*trace.form, "scatter" | "bar" | "heatmap");
        let line = |shape: &Shape| matches!(&*shape.kind, "line" | "path" | "rect");
        !self.data.is_empty() && self.data.iter().all(known) && self.layout.shapes.iter().all(line)
    }

    /// The pairs of axes that anything is drawn on.
    pub(super) fn panels(&self) -> Vec<(String, String)> {
        let mut panels: Vec<(String, String)> = Vec::new();
        for trace in &self.data {
            let pair = trace.axes();
            if !panels.contains(&pair) {
                panels.push(pair);
            }
        }
        panels
    }
}

impl Trace {
    /// `x` and `y`, or `x2` and `y2`.
    pub(super) fn axes(&self) -> (String, String) {
        let axis = |name: &Option<String>, letter: &str| name.clone().unwrap_or_else(|| letter.to_owned());
        (axis(&self.xaxis, "x"), axis(&self.yaxis, "y"))
    }

    pub(super) fn is_horizontal(&self) -> bool {
        self.orientation.as_deref() == Some("h")
    }
}

impl Layout {
    /// The axis of a letter that is called `x`, `x2` and so on.
    pub(super) fn axis(&self, letter: char, name: &str) -> Axis {
        let number = name.trim_start_matches(letter);
        let axis = self.others.get(&format!("{letter}axis{number}"));
        axis.and_then(|axis| serde_json::from_value(axis.clone()).ok()).unwrap_or_default()
    }
}

impl Place {
    /// Of a category.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Number(_) => None,
            Self::Name(name) => Some(name.clone()),
        }
    }
}

impl Texts {
    /// Of the mark of this place.
    pub(super) fn at(&self, place: usize) -> Option<&str> {
        match self {
            Self::Each(texts) => texts.get(place).map(String::as_str),
            Self::Other(text) => text.as_str(),
        }
    }
}

impl<T> OneOrMany<T> {
    /// The one, or that of this place.
    pub(super) fn at(&self, place: usize) -> Option<&T> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(many) => many.get(place),
        }
    }
}
