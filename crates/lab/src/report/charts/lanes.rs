//! The request chart: twenty requests as bars on the lanes of the threads that carried them, server by server on
//! one axis of time.
//!
//! A server whose threads wait with their requests has a lane for each thread, and below it those who stand in
//! line for one. A server whose thread waits with nobody has its few lanes, with nothing but slivers of running in
//! them, and below a line for each request that waits meanwhile.

use plotly::Trace;
use plotly::common::{Anchor, Font, HoverInfo, Line, Mode, Orientation, Position};
use plotly::layout::{Annotation, Axis, BarMode, Legend, TraceOrder};
use plotly::{Layout, Scatter};
use serde::Serialize;
use serde_json::{Value, json};

use crate::report::charts::frame::{self, Span, escaped, note, title};
use crate::report::charts::{Chart, style};
use crate::report::lanes::{self, Numbered, Recorded};
use crate::report::tables::Table;
use crate::report::text::{exact, milliseconds};
use crate::results::Results;

/// `None` where no request of this experiment was recorded.
pub(crate) fn chart(results: &Results, experiment: &str) -> Option<Chart> {
    let recorded = lanes::of(results, experiment);
    let ends = recorded.iter().filter_map(|one| Some(one.last()?.request.answered_ms));
    // With room for the last figure, also on a phone.
    let x = Span::from_zero(ends.map(|end| end * 1.1))?;
    let mut drawing = Drawing::new(&x);
    recorded.iter().for_each(|one| drawing.server(one));
    let most = recorded.iter().map(|one| one.lanes.requests.len()).max()?;
    let name = format!("{most} requests, and the threads that carried them");
    let said = lanes::sentence(&recorded).replace('`', "");
    let missing = lanes::missing(results, experiment).map(|text| format!(" {}", text.replace('`', "")));
    let shortened = lanes::shortened(&recorded).map(|text| format!(" {text}")).unwrap_or_default();
    let height_rem = AROUND_REM + UNIT_REM * drawing.y;
    Some(Chart {
        how_to_read: format!(
            "{said} Running is CPU time in views, drawn wide enough to be seen; a thread that is parked waits with its request.{shortened}"
        ),
        alt: format!("{name}. {said}{}", missing.unwrap_or_default()),
        figure: whole_on_paper(&super::json(drawing.traces(), drawing.layout(&x)), height_rem),
        table: table(&name, &recorded),
        main: false,
        height_rem,
        title: name,
    })
}

/// Heights are in units: so much is one of them. A narrow lane is as high as its number.
const UNIT_REM: f64 = 0.62;
/// Legend, axis and its title.
const AROUND_REM: f64 = 7.5;
/// The name of a server, with some air above it.
const HEAD: f64 = 2.6;
const LANE: f64 = 1.7;
const NARROW_LANE: f64 = 1.0;
/// A request that waits without a thread.
const THIN: f64 = 0.55;
/// More lanes than this are narrow.
const FEW: usize = 10;
/// Share of a row that is filled.
const FILLED: f64 = 0.8;
/// Share of the axis from which on standing in line is drawn.
const SEEN: f64 = 0.01;
/// Share of the axis that a stretch of running has at least.
const SLIVER: f64 = 0.0025;
/// Light against dark.
const LIGHT: f64 = 0.38;

struct Drawing {
    /// How far down it is, in units.
    y: f64,
    end_ms: f64,
    parked: Stretches,
    ran: Stretches,
    waiting: Stretches,
    in_line: Stretches,
    numbers: (Vec<f64>, Vec<f64>, Vec<String>),
    ticks: Vec<(f64, String)>,
    notes: Vec<Annotation>,
}

impl Drawing {
    fn new(x: &Span) -> Self {
        Self {
            y: 0.0,
            end_ms: x.end(),
            parked: Stretches::new("parked", LIGHT),
            ran: Stretches::new("running", 1.0),
            waiting: Stretches::new("waiting on no thread", 0.6),
            in_line: Stretches::new("in line", 0.6),
            numbers: Default::default(),
            ticks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Goes down by a row; its middle.
    fn row(&mut self, height: f64) -> f64 {
        self.y += height;
        self.y - height / 2.0
    }

    fn server(&mut self, recorded: &Recorded<'_>) {
        let style = style::of(&recorded.series);
        let head = self.row(HEAD);
        let text = format!("<b>{}</b>: {}", escaped(&recorded.series.label()), recorded.in_short());
        self.notes.push(at(note(&text, style.token()), 0.0, head + HEAD * 0.12).x_anchor(Anchor::Left));
        let waits_with = recorded.parked_ms().is_some();
        let threads = recorded.threads.len();
        let lane = if threads <= FEW { LANE } else { NARROW_LANE };
        for (place, thread) in recorded.threads.iter().enumerate() {
            let y = self.row(lane);
            if lane == LANE || place == 0 || place + 1 == threads {
                self.ticks.push((y, format!("thread {}", place + 1)));
            }
            for one in &thread.requests {
                if waits_with {
                    let view = (one.request.entered_ms, one.request.left_ms);
                    self.parked.add(view, (y, lane * FILLED), style.fill(), hover(*one, Some(place + 1)));
                    self.number(*one, y);
                }
                self.ran(*one, (y, lane * FILLED), &style, Some(place + 1));
                self.finish(recorded, *one, y, waits_with);
            }
        }
        self.without_a_thread(recorded, &style, waits_with);
    }

    /// Those in line for a thread, or, where threads wait with nobody, all that wait.
    fn without_a_thread(&mut self, recorded: &Recorded<'_>, style: &style::Style, waits_with: bool) {
        let mut requests: Vec<Numbered<'_>> =
            recorded.threads.iter().flat_map(|thread| &thread.requests).copied().collect();
        requests.sort_by(|a, b| a.request.entered_ms.total_cmp(&b.request.entered_ms));
        let begin = self.y;
        for one in requests {
            let stands_in_line = one.request.in_line_ms() > self.end_ms * SEEN;
            if waits_with && !stands_in_line {
                continue;
            }
            let y = self.row(THIN);
            let row = (y, THIN * FILLED * 0.6);
            if stands_in_line {
                let line = (one.request.sent_ms, one.request.entered_ms);
                self.in_line.add(line, row, "@muted".into(), hover(one, None));
            }
            if !waits_with {
                let view = (one.request.entered_ms, one.request.left_ms);
                self.waiting.add(view, row, style.fill(), hover(one, None));
                self.ran(one, (y, THIN * FILLED), style, None);
                self.finish(recorded, one, y, true);
            }
        }
        if self.y > begin {
            let what = if waits_with { "in line" } else { "waiting" };
            self.ticks.push(((begin + self.y) / 2.0, what.into()));
        }
    }

    fn ran(&mut self, one: Numbered<'_>, row: (f64, f64), style: &style::Style, thread: Option<usize>) {
        for (from, to) in &one.request.ran_ms {
            let to = to.max(from + self.end_ms * SLIVER);
            self.ran.add((*from, to), row, style.token(), hover(one, thread));
        }
    }

    /// At the start of its bar.
    fn number(&mut self, one: Numbered<'_>, y: f64) {
        let (x, at, text) = &mut self.numbers;
        x.push(one.request.entered_ms + self.end_ms * SLIVER * 1.6);
        at.push(y);
        text.push(one.number.to_string());
    }

    /// When the last was answered, where it ends.
    fn finish(&mut self, recorded: &Recorded<'_>, one: Numbered<'_>, y: f64, is_its_row: bool) {
        if is_its_row && recorded.last().is_some_and(|last| last.number == one.number) {
            let ms = one.request.answered_ms;
            let label = note(&format!("<b>{}</b>", milliseconds(ms)), "@ink").name("figure");
            self.notes.push(at(label, ms, y).x_anchor(Anchor::Left).x_shift(5.0));
        }
    }

    fn traces(&self) -> Vec<Box<dyn Trace>> {
        let (x, y, text) = self.numbers.clone();
        let numbers = Scatter::new(x, y)
            .mode(Mode::Text)
            .text_array(text)
            .text_position(Position::MiddleRight)
            .text_font(Font::new().size(9).color("@ink"))
            .hover_info(HoverInfo::Skip)
            .show_legend(false);
        let bars = [&self.in_line, &self.waiting, &self.parked, &self.ran];
        let bars = bars.into_iter().filter(|bars| !bars.x.is_empty());
        let mut traces: Vec<Box<dyn Trace>> =
            bars.map(|bars| Box::new(bars.clone()) as Box<dyn Trace>).collect();
        traces.push(numbers);
        traces.extend(self.keys());
        traces
    }

    /// What the looks mean, in no rung's colour; only of those that are drawn.
    fn keys(&self) -> Vec<Box<dyn Trace>> {
        let bar = |of: &Stretches, name: &str| -> Option<Box<dyn Trace>> {
            let mut key = Stretches::new(&of.name, of.opacity);
            key.add((0.0, 0.0), (0.0, 0.0), "@ink".into(), String::new());
            (key.name, key.showlegend) = (name.to_owned(), true);
            (!of.x.is_empty()).then(|| Box::new(key) as Box<dyn Trace>)
        };
        let line = |of: &Stretches, name: &str, color: &str| -> Option<Box<dyn Trace>> {
            let line = Scatter::new(vec![None::<f64>], vec![None::<f64>])
                .mode(Mode::Lines)
                .line(Line::new().color(color.to_owned()).width(2.5))
                .name(name);
            (!of.x.is_empty()).then_some(line as Box<dyn Trace>)
        };
        let keys = [
            bar(&self.ran, "thread runs"),
            bar(&self.parked, "thread is parked"),
            line(&self.waiting, "waits, no thread", "@ink"),
            line(&self.in_line, "in line for a thread", "@muted"),
        ];
        keys.into_iter().flatten().collect()
    }

    fn layout(&self, x: &Span) -> Layout {
        let (places, texts) = self.ticks.iter().cloned().unzip();
        let y = Axis::new()
            .range(vec![self.y + 0.4, 0.0])
            .auto_range(false)
            .auto_margin(true)
            .fixed_range(true)
            .show_grid(false)
            .zero_line(false)
            .tick_values(places)
            .tick_text(texts)
            .tick_font(Font::new().size(11).color("@muted"))
            .tick_color("@axis")
            .line_color("@axis");
        let legend = Legend::new()
            .orientation(Orientation::Horizontal)
            .trace_order(TraceOrder::Normal)
            .x(0.0)
            .y(1.0)
            .y_anchor(Anchor::Bottom);
        frame::layout(
            x.axis().title(title("ms since the first request was sent")),
            y,
            "",
            self.notes.clone(),
            false,
        )
        .bar_mode(BarMode::Overlay)
        .show_legend(true)
        .legend(legend)
    }
}

/// Horizontal bars that begin anywhere, each as wide as it is told: what the `Bar` of the plotly crate has no fields
/// for.
#[derive(Debug, Clone, Serialize)]
struct Stretches {
    r#type: &'static str,
    orientation: &'static str,
    name: String,
    base: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    width: Vec<f64>,
    hovertext: Vec<String>,
    hoverinfo: &'static str,
    textposition: &'static str,
    opacity: f64,
    showlegend: bool,
    marker: Look,
}

#[derive(Debug, Clone, Serialize)]
struct Look {
    color: Vec<String>,
}

impl Trace for Stretches {
    fn to_json(&self) -> String {
        json!(self).to_string()
    }
}

impl Stretches {
    fn new(name: &str, opacity: f64) -> Self {
        Self {
            r#type: "bar",
            orientation: "h",
            name: name.to_owned(),
            base: Vec::new(),
            x: Vec::new(),
            y: Vec::new(),
            width: Vec::new(),
            hovertext: Vec::new(),
            hoverinfo: "text",
            textposition: "none",
            opacity,
            showlegend: false,
            marker: Look { color: Vec::new() },
        }
    }

    /// From when to when; where, and how wide.
    fn add(&mut self, (from, to): (f64, f64), (y, width): (f64, f64), color: String, hover: String) {
        self.base.push(from);
        self.x.push((to - from).max(0.0));
        self.y.push(y);
        self.width.push(width);
        self.marker.color.push(color);
        self.hovertext.push(hover);
    }
}

fn at(label: Annotation, x: f64, y: f64) -> Annotation {
    label.show_arrow(false).x(x).y(y)
}

fn hover(one: Numbered<'_>, thread: Option<usize>) -> String {
    let Numbered { number, request } = one;
    let on = thread.map(|thread| format!(" on thread {thread}")).unwrap_or_default();
    format!(
        "request {number}{on}:<br>in line for {}, in its view for {},<br>of which a thread ran for {}",
        milliseconds(request.in_line_ms()),
        milliseconds(request.in_view_ms()),
        milliseconds(request.ran_for_ms())
    )
}

/// Its rows cannot be pressed together, so that the page keeps its height when it is printed. Half a sheet is enough
/// for any default run.
fn whole_on_paper(figure: &str, height_rem: f64) -> String {
    let mut figure: Value = serde_json::from_str(figure).unwrap_or_default();
    figure["layout"]["meta"] = json!({ "print_px": (height_rem * 16.0).clamp(360.0, 900.0) });
    figure.to_string()
}

fn table(name: &str, recorded: &[Recorded<'_>]) -> Table {
    let mut rows = Vec::new();
    for one in recorded {
        let placed = one.threads.iter().zip(1..).flat_map(|(thread, place)| {
            thread.requests.iter().map(move |numbered| (numbered.number, place, numbered.request))
        });
        let mut placed: Vec<_> = placed.collect();
        placed.sort_by_key(|(number, ..)| *number);
        rows.extend(placed.into_iter().map(|(number, thread, request)| {
            let figures = [
                request.sent_ms,
                request.in_line_ms(),
                request.in_view_ms(),
                request.ran_for_ms(),
                request.answered_ms,
            ];
            let places = [number.to_string(), thread.to_string()];
            let row = std::iter::once(one.series.label()).chain(places).chain(figures.map(exact));
            row.collect::<Vec<String>>()
        }));
    }
    let headers = [
        "rung",
        "request",
        "thread",
        "sent, ms",
        "in line, ms",
        "in its view, ms",
        "of that running, ms",
        "answered, ms",
    ];
    Table {
        caption: format!("{name}: times from the sending of the first; CPU time of the views is running"),
        headers: headers.map(String::from).into(),
        rows,
        numbers_from: 1,
    }
}
