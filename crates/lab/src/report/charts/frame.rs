//! Axes, margins and labels that all charts share.

use plotly::Layout;
use plotly::color::Color;
use plotly::common::{Anchor, Font, Label, Orientation, Title};
use plotly::layout::{Annotation, Axis, AxisType, HoverMode, Legend, Margin, ModeBar};

use crate::report::bounds::Sweep;
use crate::report::text::exact;
use crate::results::Mode;

/// An axis that spans its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    log: bool,
    low: f64,
    high: f64,
}

/// A label beside the place that it names.
pub(crate) struct EndLabel {
    pub(crate) text: String,
    pub(crate) color: String,
    pub(crate) at: (f64, f64),
}

/// Room for direct labels at the right; the page takes it away where it is narrow and shows a legend.
const LABEL_ROOM: usize = 140;

impl Span {
    /// Logarithmic when all values are positive and the highest is at least `log_from_ratio` times the
    /// lowest; padded by a share of the span on each side. None without values.
    pub(crate) fn of(
        values: impl IntoIterator<Item = f64>,
        log_from_ratio: f64,
        padding: f64,
    ) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let log = low > 0.0 && high / low >= log_from_ratio;
        let (low, high) = if log { (low.log10(), high.log10()) } else { (low, high) };
        let pad = if high > low { (high - low) * padding } else { (high.abs() * 0.1).max(0.5) };
        Some(Self { log, low: low - pad, high: high + pad })
    }

    /// From zero to a little above the highest, linear.
    pub(crate) fn from_zero(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let high = values.into_iter().filter(|value| value.is_finite()).reduce(f64::max)?;
        Some(Self { log: false, low: 0.0, high: if high > 0.0 { high * 1.15 } else { 1.0 } })
    }

    /// The highest value that it shows.
    pub(crate) fn end(&self) -> f64 {
        if self.log { 10_f64.powf(self.high) } else { self.high }
    }

    /// The lowest value that it shows, and the highest.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (if self.log { 10_f64.powf(self.low) } else { self.low }, self.end())
    }

    /// How far up a place is, 0 to 1.
    pub(crate) fn share(&self, place: f64) -> f64 {
        (place - self.low) / (self.high - self.low)
    }

    pub(crate) fn is_log(&self) -> bool {
        self.log
    }

    /// Where the annotations of plotly want a value: on logarithmic axes they take logarithms.
    pub(crate) fn place(&self, value: f64) -> f64 {
        if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value }
    }

    /// Without a title. Logarithmic axes have a tick at each power of ten, or at 1, 2 and 5 times those
    /// where there are few.
    pub(crate) fn axis(&self) -> Axis {
        let axis = axis().range(vec![self.low, self.high]).separate_thousands(true);
        if !self.log {
            return axis.type_(AxisType::Linear);
        }
        let steps: &[f64] = if self.high - self.low > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let ticks: Vec<f64> =
            decades.flat_map(|ten| steps.iter().map(move |step| step * 10_f64.powi(ten))).collect();
        axis.type_(AxisType::Log)
            .tick_text(ticks.iter().map(|tick| exact(*tick)).collect())
            .tick_values(ticks)
    }

    /// A title with what a reader must know about the scale.
    pub(crate) fn titled(&self, title: &str) -> String {
        if self.log { format!("{title} (log scale)") } else { title.to_owned() }
    }

    /// Moves labels apart that would be drawn over each other, keeping their order. `rows` is how many
    /// lines of text fit over the height of the chart.
    pub(crate) fn apart(&self, labels: &mut [EndLabel], rows: f64) {
        let gap = (self.high - self.low) / rows;
        labels.sort_by(|a, b| b.at.1.total_cmp(&a.at.1));
        let mut places: Vec<f64> = labels.iter().map(|label| self.place(label.at.1)).collect();
        for next in 1..places.len() {
            places[next] = places[next].min(places[next - 1] - gap);
        }
        // What was pushed out at the bottom comes back up, and takes those above along.
        if let Some(last) = places.last_mut() {
            *last = last.max(self.low + gap / 2.0);
        }
        for next in (1..places.len()).rev() {
            places[next - 1] = places[next - 1].max(places[next] + gap);
        }
        for (label, place) in labels.iter_mut().zip(places) {
            label.at.1 = place;
        }
    }
}

/// An axis for numbers of clients or subscribers, with a tick at each level that was measured.
pub(crate) fn levels_axis(span: &Span, sweep: &Sweep<'_, '_>) -> Axis {
    let callers = if sweep.target.mode == Mode::Subscribers { "subscribers" } else { "clients, closed loop" };
    let levels: Vec<f64> = sweep.levels.iter().map(|level| f64::from(*level)).collect();
    span.axis()
        .title(title(&span.titled(callers)))
        .tick_text(levels.iter().map(|level| exact(*level)).collect())
        .tick_values(levels)
}

/// The title of a horizontal axis.
pub(crate) fn title(text: &str) -> Title {
    Title::with_text(text).font(Font::new().color("@muted").size(13))
}

/// What all axes share.
pub(crate) fn axis() -> Axis {
    Axis::new()
        .grid_color("@grid")
        .zero_line_color("@axis")
        .line_color("@axis")
        .tick_color("@axis")
        .show_line(true)
        .auto_margin(true)
}

/// The layout of every chart. The title of the vertical axis stands above it and is read without turning
/// one's head.
pub(crate) fn layout(
    x: Axis,
    y: Axis,
    y_title: &str,
    mut notes: Vec<Annotation>,
    labels_at_right: bool,
) -> Layout {
    let room = if labels_at_right { LABEL_ROOM } else { 24 };
    if !y_title.is_empty() {
        let title =
            note(y_title, "@muted").name("axis-title").show_arrow(false).x_ref("paper").y_ref("paper");
        notes.push(
            title.x(0.0).y(1.0).x_anchor(Anchor::Left).y_anchor(Anchor::Bottom).x_shift(-50.0).y_shift(6.0),
        );
    }
    Layout::new()
        .font(Font::new().color("@ink").size(13))
        .paper_background_color(CLEAR)
        .plot_background_color(CLEAR)
        .margin(margin(TOP_PX, room))
        .mode_bar(ModeBar::new().background_color(CLEAR).color("@muted").active_color("@ink"))
        .hover_mode(HoverMode::Closest)
        .hover_label(Label::new().background_color("@panel").font(Font::new().color("@ink")))
        .show_legend(false)
        .legend(Legend::new().orientation(Orientation::Horizontal).x(0.0).y(-0.28).y_anchor(Anchor::Top))
        .x_axis(x)
        .y_axis(y)
        .annotations(notes)
}

/// Room around a chart, in pixels.
pub(crate) fn margin(top: usize, right: usize) -> Margin {
    Margin::new().left(64).right(right).top(top).bottom(56)
}

/// Text at the end of a line, named so that the page can leave it out where there is no room. Its place
/// is one that [`Span::apart`] has made: as annotations want it.
pub(crate) fn end_label(label: &EndLabel, x: &Span) -> Annotation {
    note(&label.text, label.color.clone())
        .name("end-label")
        .show_arrow(false)
        .x(x.place(label.at.0))
        .y(label.at.1)
        .x_anchor(Anchor::Left)
        .x_shift(9.0)
}

/// A text without a place yet.
pub(crate) fn note(text: &str, color: impl Color) -> Annotation {
    Annotation::new().text(text).font(Font::new().color(color).size(13))
}

/// Plotly reads a little HTML in every text; names from a file must not become any.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Room above a chart: a line of text, and the tools.
pub(crate) const TOP_PX: usize = 44;

const CLEAR: &str = "rgba(0,0,0,0)";

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(places: &[f64]) -> Vec<EndLabel> {
        places.iter().map(|y| EndLabel { text: String::new(), color: String::new(), at: (1.0, *y) }).collect()
    }

    #[test]
    fn labels_keep_their_order_and_their_distance() {
        let span = Span { log: false, low: 0.0, high: 100.0 };
        let mut crowd = labels(&[50.0, 51.0, 49.0, 2.0, 1.0]);
        span.apart(&mut crowd, 10.0);
        let places: Vec<f64> = crowd.iter().map(|label| label.at.1).collect();
        assert!(places.windows(2).all(|pair| pair[0] - pair[1] >= 10.0 - 1e-9), "{places:?}");
        assert!(*places.last().unwrap() >= 5.0);
    }

    #[test]
    fn spans_of_nothing_of_one_and_of_zero() {
        assert!(Span::of([], 10.0, 0.1).is_none());
        assert!(Span::of([f64::NAN], 10.0, 0.1).is_none());
        let one = Span::of([5.0], 10.0, 0.1).unwrap();
        assert!(one.low < 5.0 && one.high > 5.0);
        let with_zero = Span::of([0.0, 1e6], 10.0, 0.1).unwrap();
        assert!(!with_zero.log, "zero has no logarithm");
        assert!(Span::of([1.0, 10.0], 10.0, 0.1).unwrap().log);
    }
}
