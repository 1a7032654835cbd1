//! What happened when: response, queue, threads, memory and CPU above each other, over one time and under one cursor, so
//! that a cause is seen together with its effects.

use plotly::common::{Anchor, DashType, Font, Line, Mode, Orientation};
use plotly::layout::{
    Annotation, Axis, HoverMode, Legend, Shape, ShapeLayer, ShapeLine, ShapeType, SpikeMode, SpikeSnap,
};
use plotly::{Layout, Scatter, Trace};
use serde_json::Value;

use crate::report::cells::Experiment;
use crate::report::charts::frame::{self, Span, escaped, margin, note, title};
use crate::report::charts::{Chart, json, style, voids};
use crate::report::tables::{Table, shown};
use crate::report::text::{exact, listed, milliseconds, rounded};
use crate::report::timeline::{Happening, Moment, Seen, Timeline, Track};

/// Heights, in rem: of a panel, of what is between two, and around all of them (legend and time included).
const PANEL: f64 = 5.2;
const BETWEEN: f64 = 1.8;
const AROUND: f64 = 8.2;
/// The legend, the tools, and the name of the first panel.
const ABOVE_PX: usize = 74;

/// Response times that span so much have a logarithmic axis.
const LOG_FROM: f64 = 30.0;

/// None where nothing is known over time.
pub(crate) fn over_time(
    timeline: &Timeline<'_, '_>,
    experiment: &Experiment<'_>,
    main: bool,
) -> Option<Chart> {
    let panels: Vec<Panel> = Seen::ALL.into_iter().filter_map(|seen| Panel::of(seen, timeline)).collect();
    if panels.is_empty() {
        return None;
    }
    let between = panels.len().saturating_sub(1) as f64;
    let inside = panels.len() as f64 * PANEL + between * BETWEEN;
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    for (place, panel) in panels.iter().enumerate() {
        for (nth, track) in timeline.tracks.iter().enumerate() {
            traces.push(line(panel, place, nth, track));
        }
    }
    let name = named(timeline, experiment);
    let mut table = table(&name, timeline, &panels);
    voids::rows(&mut table, &timeline.void);
    Some(Chart {
        how_to_read: how_to_read(timeline),
        alt: format!("{}{}", alt(&name, timeline), voids::said(&timeline.void)),
        figure: with_one_cursor(&json(traces, layout(timeline, &panels, inside))),
        table,
        main,
        height_rem: AROUND + inside,
        title: name,
    })
}

/// One figure of all rungs.
struct Panel {
    seen: Seen,
    y: Span,
}

impl Panel {
    /// None where nobody saw any of it.
    fn of(seen: Seen, timeline: &Timeline<'_, '_>) -> Option<Self> {
        let moments = timeline.tracks.iter().flat_map(|track| &track.moments);
        let values: Vec<f64> = moments.filter_map(|moment| moment.of(seen)).collect();
        let spanning = Span::of(values.iter().copied(), LOG_FROM, 0.08)?;
        let is_time = matches!(seen, Seen::Response | Seen::Bystander);
        let y = if is_time && spanning.is_log() { spanning } else { Span::from_zero(values)? };
        Some(Self { seen, y })
    }
}

fn line(panel: &Panel, place: usize, nth: usize, track: &Track<'_, '_>) -> Box<dyn Trace> {
    let (style, name) = (style::of(&track.cell.series), escaped(&track.cell.series.label()));
    let times: Vec<f64> = track.moments.iter().map(|moment| moment.end_s).collect();
    let values: Vec<Option<f64>> = track.moments.iter().map(|moment| moment.of(panel.seen)).collect();
    // Rungs to which the same happens lie on each other: dashes let the ones below show through.
    let dash = [DashType::Solid, DashType::Dash, DashType::Dot][nth % 3].clone();
    Scatter::new(times, values)
        .mode(Mode::Lines)
        .line(Line::new().color(style.token()).width(2.0).dash(dash))
        .y_axis(axis_name(place))
        .hover_template(format!("{name}: %{{y:,.4~g}} {}<extra></extra>", panel.seen.name()))
        .legend_group(name.clone())
        .show_legend(place == 0)
        .name(name)
}

/// `y`, `y2`, `y3`, as plotly calls axes.
fn axis_name(place: usize) -> String {
    if place == 0 { "y".into() } else { format!("y{}", place + 1) }
}

fn layout(timeline: &Timeline<'_, '_>, panels: &[Panel], inside: f64) -> Layout {
    let mut notes: Vec<Annotation> = timeline.events.iter().map(label).collect();
    let mut axes = Vec::new();
    for (place, panel) in panels.iter().enumerate() {
        let top = 1.0 - place as f64 * (PANEL + BETWEEN) / inside;
        let heading = note(&format!("<b>{}</b>", panel.y.titled(panel.seen.name())), "@ink");
        let heading = heading.font(Font::new().color("@ink").size(12)).show_arrow(false);
        notes.push(
            heading
                .x_ref("paper")
                .x(0.0)
                .x_anchor(Anchor::Left)
                .y_ref("paper")
                .y(top)
                .y_anchor(Anchor::Bottom),
        );
        axes.push(y_axis(panel).anchor("x").domain(&[(top - PANEL / inside).max(0.0), top]));
    }
    let legend = Legend::new()
        .orientation(Orientation::Horizontal)
        .x(0.0)
        .y(1.0 + 1.4 / inside)
        .y_anchor(Anchor::Bottom);
    let mut axes = axes.into_iter();
    let first = axes.next().unwrap_or_default();
    let mut layout = frame::layout(time_axis(timeline, panels.len()), first, "", notes, false)
        .hover_mode(HoverMode::XUnified)
        .margin(margin(ABOVE_PX, 24))
        .show_legend(true)
        .legend(legend)
        .shapes(timeline.events.iter().map(shade).collect());
    for (place, axis) in axes.enumerate() {
        layout = match place {
            0 => layout.y_axis2(axis),
            1 => layout.y_axis3(axis),
            2 => layout.y_axis4(axis),
            3 => layout.y_axis5(axis),
            4 => layout.y_axis6(axis),
            _ => layout.y_axis7(axis),
        };
    }
    layout
}

/// One for all panels, below the last, with a line across them where the cursor is.
fn time_axis(timeline: &Timeline<'_, '_>, panels: usize) -> Axis {
    let ends = timeline.tracks.iter().filter_map(|track| Some(track.moments.last()?.end_s));
    let end = ends.reduce(f64::max).unwrap_or(1.0);
    frame::axis()
        .title(title("seconds from the start of the window"))
        .range(vec![0.0, end])
        .anchor(axis_name(panels.saturating_sub(1)))
        .hover_format(".2f")
        .show_spikes(true)
        .spike_mode(SpikeMode::Across)
        .spike_snap(SpikeSnap::Cursor)
        .spike_dash(DashType::Solid)
        .spike_thickness(1)
        .spike_color("@ink")
}

/// A panel is low: few ticks.
fn y_axis(panel: &Panel) -> Axis {
    if !panel.y.is_log() {
        return panel.y.axis().n_ticks(4);
    }
    let ticks: Vec<f64> = (-3..=9).flat_map(|ten| [1.0, 3.0].map(|step| step * 10_f64.powi(ten))).collect();
    let shown = |tick: &f64| (0.0..=1.0).contains(&panel.y.share(panel.y.place(*tick)));
    let ticks: Vec<f64> = ticks.into_iter().filter(shown).collect();
    let axis = panel.y.axis().tick_text(ticks.iter().map(|tick| exact(*tick)).collect());
    axis.tick_values(ticks)
}

/// When something was done on purpose.
fn shade(event: &Happening) -> Shape {
    Shape::new()
        .shape_type(ShapeType::Rect)
        .x_ref("x")
        .x0(event.from_s)
        .x1(event.to_s)
        .y_ref("paper")
        .y0(0.0)
        .y1(1.0)
        .layer(ShapeLayer::Below)
        .fill_color("@band")
        .opacity(0.5)
        .line(ShapeLine::new().width(0.0))
}

/// In the first panel, where it begins.
fn label(event: &Happening) -> Annotation {
    note(&escaped(&event.what), "@ink")
        .font(Font::new().color("@ink").size(12))
        .show_arrow(false)
        .x(event.from_s)
        .x_anchor(Anchor::Left)
        .y_ref("paper")
        .y(1.0)
        .y_anchor(Anchor::Top)
}

/// What points at a moment in one panel is told of all of them. (An option of plotly.js that its crate does not know.)
fn with_one_cursor(figure: &str) -> String {
    let mut figure: Value = serde_json::from_str(figure).unwrap_or_default();
    figure["layout"]["hoversubplots"] = "axis".into();
    figure.to_string()
}

fn named(timeline: &Timeline<'_, '_>, experiment: &Experiment<'_>) -> String {
    let Some(first) = timeline.tracks.first() else { return String::new() };
    let target = first.cell.target();
    let on = experiment.told_apart(target).map(|target| format!(" on {target}")).unwrap_or_default();
    let over = experiment.connections_told_apart(timeline.load);
    let closed = if timeline.load.rate_rps.is_none() { ", closed loop" } else { "" };
    format!("Over time: {}{on}{over}{closed}", first.cell.load_label())
}

fn how_to_read(timeline: &Timeline<'_, '_>) -> String {
    let shaded: Vec<String> = timeline.events.iter().map(|event| event.what.clone()).collect();
    let shaded = if shaded.is_empty() { String::new() } else { format!(" Shaded: {}.", listed(&shaded)) };
    let first = timeline.tracks.first().and_then(|track| track.moments.first());
    let each = first.map(|moment| milliseconds(moment.end_s * 1_000.0)).unwrap_or_default();
    format!(
        "All panels share one time and one cursor, so that a cause is read together with its effects.{shaded} A value is of \
         the {each} that end there, the median over the trials that count; a line has a gap while nothing was answered.{}",
        voids::said(&timeline.void)
    )
}

fn alt(name: &str, timeline: &Timeline<'_, '_>) -> String {
    let events: Vec<String> = timeline
        .events
        .iter()
        .map(|event| format!("From {} s to {} s {}. ", exact(event.from_s), exact(event.to_s), event.what))
        .collect();
    let of_track = |track: &Track<'_, '_>| {
        let most = |seen: Seen, show: &dyn Fn(f64) -> String| {
            track.highest(seen).map(|(at, value)| format!("{} after {} s", show(value), rounded(at)))
        };
        let highest: Vec<String> = [
            most(Seen::InFlight, &|value| format!("{} requests in flight", exact(value))),
            most(Seen::Response, &|value| format!("a median response of {}", milliseconds(value))),
            most(Seen::Threads, &|value| format!("{} threads", exact(value))),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("{}: {}", track.cell.series.label(), listed(&highest))
    };
    let tracks: Vec<String> = timeline.tracks.iter().map(of_track).collect();
    format!("{name}. {}At the most, {}.", events.concat(), tracks.join("; "))
}

/// Every point of every panel.
fn table(name: &str, timeline: &Timeline<'_, '_>, panels: &[Panel]) -> Table {
    let of_track = |track: &Track<'_, '_>| -> Vec<Vec<String>> {
        let rung = track.cell.series.label();
        let row = |moment: &Moment| {
            let figures = panels.iter().map(|panel| shown(moment.of(panel.seen), exact));
            [rung.clone(), format!("{:.2}", moment.end_s)].into_iter().chain(figures).collect()
        };
        track.moments.iter().map(row).collect()
    };
    let headers = ["rung", "until, s"].map(String::from).into_iter();
    Table {
        caption: format!("{name}: medians over the trials that count"),
        headers: headers.chain(panels.iter().map(|panel| panel.seen.name().to_owned())).collect(),
        rows: timeline.tracks.iter().flat_map(of_track).collect(),
        numbers_from: 1,
    }
}
