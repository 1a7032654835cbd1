//! Figures at a single load: a bar per series, the median of its trials.

use plotly::common::{
    Anchor, DashType, ErrorData, Line, Marker, MarkerSymbol, Mode, Orientation, Pattern, PatternShape,
};
use plotly::layout::{Annotation, Axis, Shape, ShapeLine, ShapeType};
use plotly::{Bar, Scatter, Trace};

use crate::report::bounds::{Point, Sweep, Track};
use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::charts::frame::{Span, TOP_PX, escaped, layout, margin, note, title};
use crate::report::charts::{Chart, Measure, behind, intervals, json, style};
use crate::report::slots::Slots;
use crate::report::tables::{Table, shown};
use crate::report::text::{exact, listed, rounded};
use crate::results::Trial;
use crate::stats::{self, Interval};

/// Throughput beside what slots allow and what others state.
pub(crate) fn throughput(
    experiment: &Experiment<'_>,
    sweep: &Sweep<'_, '_>,
    clients: u32,
    main: bool,
) -> Option<Chart> {
    let mut bars = of_level(sweep, clients, |trial| Metric::Throughput.of(trial));
    for (bar, point) in bars.iter_mut().zip(points(sweep, clients)) {
        let line = point.1.cell.not_run.and_then(|left_out| left_out.bound_rps).filter(|rps| rps.is_finite());
        if let (None, Some(line)) = (bar.value, line) {
            (bar.value, bar.kind) = (Some(line), RowKind::Line);
        }
        if point.1.cell.client_bound().is_some() {
            bar.label.push_str(" (client-bound)");
        }
    }
    bars.extend(experiment.asked.stated.iter().map(|stated| Row {
        label: stated.label.clone(),
        color: "@muted".into(),
        value: Some(stated.throughput_rps),
        trials: Vec::new(),
        kind: RowKind::Stated,
    }));
    let lines = slot_lines(sweep, clients);
    let chart = Drawing { bars: &bars, lines: &lines, axis: "requests/s" };
    let title = titled(sweep, clients, "Throughput");
    Some(Chart {
        how_to_read: format!(
            "A bar is the median of the trials that count, a mark one trial{}. Dashed lines: what so many threads or clients \
             can get at most, each of them waiting. Hatched bars were stated by others, are void, or were not run and are \
             drawn as their line. Client-bound: the load generator's core was full, so the server may be able to do more.",
            intervals::said(sweep)
        ),
        alt: alt(&title, &bars, |rps| format!("{} requests/s", rounded(rps))),
        figure: chart.json()?,
        table: table(&title, "requests/s", &bars),
        main,
        height_rem: height_rem(bars.len()),
        title,
    })
}

/// Any other figure.
pub(crate) fn one_load(sweep: &Sweep<'_, '_>, clients: u32, measure: &Measure) -> Option<Chart> {
    let bars = of_level(sweep, clients, |trial| measure.metric.of(trial).map(|value| value / measure.unit));
    let chart = Drawing { bars: &bars, lines: &[], axis: measure.axis };
    let title = titled(sweep, clients, measure.title);
    Some(Chart {
        how_to_read: format!(
            "A bar is the median of the trials that count, a mark one trial{}. Shorter is better; hatched: void.",
            intervals::said(sweep)
        ),
        alt: alt(&title, &bars, |value| measure.metric.show(value * measure.unit)),
        figure: chart.json()?,
        table: table(&title, measure.axis, &bars),
        main: false,
        height_rem: height_rem(bars.len()),
        title,
    })
}

/// Connections kept against a connection per request, rung by rung.
pub(crate) fn kept_and_own(
    kept: &Sweep<'_, '_>,
    own: &Sweep<'_, '_>,
    measure: &Measure,
    main: bool,
) -> Option<Chart> {
    let clients = *kept.levels.iter().rev().find(|level| own.levels.contains(level))?;
    let figure = |trial: &Trial| measure.metric.of(trial).map(|value| value / measure.unit);
    let named = |sweep: &Sweep<'_, '_>, which: &str| -> Vec<(Series, Row)> {
        let rows = points(sweep, clients).zip(of_level(sweep, clients, figure));
        rows.map(|((track, _), row)| {
            let label = format!("{}, {which}", row.label);
            (track.series.clone(), Row { label, ..row })
        })
        .collect()
    };
    let mut bars: Vec<(Series, Row)> = named(kept, "kept");
    for (series, row) in named(own, "new each time") {
        let place =
            bars.iter().rposition(|(other, _)| *other == series).map_or(bars.len(), |place| place + 1);
        bars.insert(place, (series, row));
    }
    let bars: Vec<Row> = bars.into_iter().map(|(_, row)| row).collect();
    let title = format!("{} with connections kept and not kept", measure.title);
    Some(Chart {
        how_to_read: format!(
            "{} at {}. A bar is the median of the trials that count, a mark one trial{}.",
            kept.load(clients),
            kept.target.route,
            intervals::said(kept)
        ),
        alt: alt(&title, &bars, |value| measure.metric.show(value * measure.unit)),
        figure: Drawing { bars: &bars, lines: &[], axis: measure.axis }.json()?,
        table: table(&title, measure.axis, &bars),
        main,
        height_rem: height_rem(bars.len()),
        title,
    })
}

/// With the load where the experiment has several of them, and the target where it has several of those.
fn titled(sweep: &Sweep<'_, '_>, clients: u32, title: &str) -> String {
    let load = if sweep.is_curve() { format!(", {}", sweep.load(clients)) } else { String::new() };
    sweep.titled(&format!("{title}{load}"))
}

/// Height of a line of text.
const ROW_PX: f64 = 16.0;

/// For the figures beside the bars.
const ROOM: f64 = 1.2;

fn height_rem(bars: usize) -> f64 {
    7.5 + 2.3 * bars as f64
}

/// A bar to be.
struct Row {
    label: String,
    color: String,
    value: Option<f64>,
    trials: Vec<f64>,
    kind: RowKind,
}

#[derive(Clone, Copy, PartialEq)]
enum RowKind {
    Measured,
    Void,
    /// Not run; the value is that of its line.
    Line,
    Stated,
}

struct Drawing<'d> {
    bars: &'d [Row],
    /// Where, and what it is called.
    lines: &'d [(f64, String)],
    axis: &'d str,
}

impl Drawing<'_> {
    /// None when there is no bar with a value.
    fn json(&self) -> Option<String> {
        let known: Vec<&Row> = self.bars.iter().filter(|row| row.value.is_some()).collect();
        let highest = known.iter().flat_map(|row| row.value.iter().chain(&row.trials)).copied();
        let x =
            Span::from_zero(highest.map(|value| value * ROOM).chain(self.lines.iter().map(|(at, _)| *at)))?;
        if known.is_empty() {
            return None;
        }
        let labels: Vec<String> = known.iter().map(|row| row.tick()).collect();
        let values: Vec<f64> = known.iter().filter_map(|row| row.value).collect();
        let pattern = |row: &&Row| {
            if row.kind == RowKind::Measured { PatternShape::None } else { PatternShape::RightDiagonalLine }
        };
        let colors: Vec<String> = known.iter().map(|row| row.color.clone()).collect();
        let bar = Bar::new(values, labels)
            .orientation(Orientation::Horizontal)
            .marker(
                Marker::new()
                    .color_array(colors)
                    .pattern(Pattern::new().shape_array(known.iter().map(pattern).collect()).solidity(0.35)),
            )
            .hover_template(format!("%{{y}}: %{{x:,.4~g}} {}<extra></extra>", self.axis));
        let bar = match whiskers(&known) {
            Some(whiskers) => bar.error_x(whiskers),
            None => bar,
        };
        let traces: Vec<Box<dyn Trace>> =
            [Some(bar as Box<dyn Trace>), marks(&known)].into_iter().flatten().collect();
        let y = Axis::new()
            .auto_range(true)
            .auto_margin(true)
            .show_grid(false)
            .tick_color("@axis")
            .line_color("@axis");
        let mut notes = line_labels(self.lines, &x);
        notes.extend(figures(&known));
        let layout = layout(x.axis().title(title(self.axis)), reversed(y, &known), "", notes, false)
            .bar_gap(0.4)
            .margin(margin(TOP_PX + self.lines.len().saturating_sub(1) * ROW_PX as usize, 24))
            .shapes(self.lines.iter().map(|(at, _)| vertical(*at)).collect());
        Some(json(traces, layout))
    }
}

impl Row {
    /// On two lines where the name has two parts, since phones are narrow.
    fn tick(&self) -> String {
        escaped(&self.label).replacen(", ", ",<br>", 1).replacen(" (", "<br>(", 1)
    }
}

/// The figure of each bar, to the right of it and of its marks, over any line that passes there.
fn figures(rows: &[&Row]) -> Vec<Annotation> {
    let figure = |(place, row): (usize, &&Row)| {
        let end = row.trials.iter().chain(&row.value).copied().fold(0.0, f64::max);
        let label = note(&format!("<b>{}</b>", exact(row.value?)), "@ink").name("figure").show_arrow(false);
        Some(label.x(end).y(place as f64).x_anchor(Anchor::Left).x_shift(6.0).background_color("@page"))
    };
    rows.iter().enumerate().filter_map(figure).collect()
}

/// Plotly draws categories upwards; the first rung belongs on top.
fn reversed(axis: Axis, rows: &[&Row]) -> Axis {
    axis.range(vec![rows.len() as f64 - 0.45, -0.55]).auto_range(false)
}

/// How sure each bar is.
fn whiskers(rows: &[&Row]) -> Option<ErrorData> {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    let measured = |row: &&Row| intervals::of(&row.trials).filter(|_| row.kind == RowKind::Measured);
    let each: Vec<Option<Interval>> = rows.iter().map(measured).collect();
    Some(intervals::whiskers(&values, &each)?.color("@ink"))
}

/// The trials of each bar that has several.
fn marks(rows: &[&Row]) -> Option<Box<dyn Trace>> {
    let several = rows.iter().filter(|row| row.trials.len() > 1);
    let (x, y): (Vec<f64>, Vec<String>) =
        several.flat_map(|row| row.trials.iter().map(|value| (*value, row.tick()))).unzip();
    if x.is_empty() {
        return None;
    }
    let marks = Scatter::new(x, y)
        .mode(Mode::Markers)
        .marker(
            Marker::new()
                .symbol(MarkerSymbol::LineNSOpen)
                .size(14)
                .color("@ink")
                .line(Line::new().width(1.5)),
        )
        .hover_template("%{y}, one trial: %{x:,.4~g}<extra></extra>");
    Some(marks)
}

fn vertical(at: f64) -> Shape {
    Shape::new()
        .shape_type(ShapeType::Line)
        .x_ref("x")
        .y_ref("paper")
        .x0(at)
        .x1(at)
        .y0(0.0)
        .y1(1.0)
        .line(ShapeLine::new().color("@muted").width(1.5).dash(DashType::Dash))
}

/// Above its line, reaching inwards, each in a row of its own; named so that the page can tell them.
fn line_labels(lines: &[(f64, String)], x: &Span) -> Vec<Annotation> {
    let label = |(row, (at, text)): (usize, &(f64, String))| {
        let anchor = if x.share(*at) > 0.5 { Anchor::Right } else { Anchor::Left };
        let label = note(text, "@muted").name("slot-label").show_arrow(false).x(*at).y_ref("paper").y(1.0);
        label.y_anchor(Anchor::Bottom).y_shift(ROW_PX * row as f64).x_anchor(anchor)
    };
    lines.iter().enumerate().map(label).collect()
}

/// K / W and C / W, each once.
fn slot_lines(sweep: &Sweep<'_, '_>, clients: u32) -> Vec<(f64, String)> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for (track, point) in points(sweep, clients) {
        // A cell that was not run is drawn as its line already.
        let Some(wait) = track.wait.filter(|_| point.throughput.is_some()) else { continue };
        let slots = track.slots.filter(|slots| slots.number < clients);
        let all = [
            slots.map(Slots::counted).zip(point.bounds.slots),
            Some(sweep.load(clients)).zip(point.bounds.clients),
        ];
        for (who, line) in all.into_iter().flatten() {
            if !lines.iter().any(|(known, _)| (known / line - 1.0).abs() < 0.05) {
                lines.push((line, format!("{who} ÷ {}", wait.shown())));
            }
        }
    }
    lines
}

fn points<'s, 'a>(
    sweep: &'s Sweep<'s, 'a>,
    clients: u32,
) -> impl Iterator<Item = (&'s Track<'s, 'a>, &'s Point<'s, 'a>)> {
    sweep.tracks.iter().filter_map(move |track| Some((track, track.at(clients)?)))
}

fn of_level(sweep: &Sweep<'_, '_>, clients: u32, figure: impl Fn(&Trial) -> Option<f64>) -> Vec<Row> {
    let row = |(track, point): (&Track<'_, '_>, &Point<'_, '_>)| {
        let cell = point.cell;
        let values =
            |trials: &[&Trial]| trials.iter().filter_map(|trial| figure(trial)).collect::<Vec<f64>>();
        let (counting, void) = (values(&cell.ok), values(&cell.void));
        let only_void = counting.is_empty() && !void.is_empty();
        let (kind, trials) = if only_void { (RowKind::Void, void) } else { (RowKind::Measured, counting) };
        Row {
            label: label(track, cell, kind),
            color: if only_void { "@muted".into() } else { style::of(track.series).fill() },
            value: stats::median(&trials),
            trials,
            kind,
        }
    };
    points(sweep, clients).map(row).collect()
}

fn label(track: &Track<'_, '_>, cell: &Cell<'_>, kind: RowKind) -> String {
    let name = track.series.label();
    match kind {
        RowKind::Void => format!("{name} (void)"),
        _ if !cell.collapsed.is_empty() => format!("{name} (collapsed)"),
        _ if cell.not_run.is_some() => format!("{name} (not run)"),
        _ => name,
    }
}

fn alt(what: &str, rows: &[Row], show: impl Fn(f64) -> String) -> String {
    let measured = |row: &&Row| row.kind == RowKind::Measured;
    let counting = rows.iter().filter(measured).filter_map(|row| Some((row.label.clone(), row.value?)));
    let range = behind::range(&counting.collect::<Vec<_>>(), &show);
    let range = range.map(|range| format!("{range}. Each: ")).unwrap_or_default();
    let known: Vec<String> =
        rows.iter().filter_map(|row| Some(format!("{} {}", row.label, show(row.value?)))).collect();
    format!("{what}: {range}{}.", listed(&known))
}

fn table(title: &str, unit: &str, rows: &[Row]) -> Table {
    let row = |row: &Row| {
        let trials: Vec<String> = row.trials.iter().map(|value| exact(*value)).collect();
        vec![row.label.clone(), shown(row.value, exact), trials.join("; ")]
    };
    Table {
        caption: format!("{title}: the figures behind the chart"),
        headers: vec!["series".into(), format!("median, {unit}"), "each trial".into()],
        rows: rows.iter().map(row).collect(),
        numbers_from: 1,
    }
}
