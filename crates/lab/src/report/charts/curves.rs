//! Figures over the number of clients: points for every trial, a line through their medians.

use plotly::common::{Anchor, DashType, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::Annotation;
use plotly::{Scatter, Trace};

use crate::report::bounds::{Point, Sweep, Track, server_cores};
use crate::report::cells::Metric;
use crate::report::charts::frame::{EndLabel, Span, end_label, escaped, layout, levels_axis, note};
use crate::report::charts::{Chart, Measure, behind, intervals, json, style};
use crate::report::text::milliseconds;
use crate::report::verdict::ran_out;
use crate::results::{Machine, Trial};

/// Throughput against clients with both bounding lines and the place where each rung leaves them.
pub(crate) fn throughput(sweep: &Sweep<'_, '_>, machine: &Machine, main: bool) -> Option<Chart> {
    let values = sweep.tracks.iter().flat_map(|track| {
        let points = || track.points.iter();
        let bounds = points().flat_map(|point| [point.bounds.clients, point.bounds.cpu, point.bounds.slots]);
        let not_counting = points().flat_map(|point| point.cell.void.iter().chain(&point.cell.collapsed));
        let not_counting =
            not_counting.filter_map(|trial| Metric::Throughput.of(trial)).filter(|rps| *rps > 0.0);
        let counting = points().flat_map(|point| point.cell.values(Metric::Throughput));
        bounds.flatten().chain(counting).chain(not_counting)
    });
    let y = Span::of(values, 10.0, 0.08)?;
    let x = Span::of(sweep.levels.iter().map(|level| f64::from(*level)), 10.0, 0.05)?;

    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    let mut notes: Vec<Annotation> = Vec::new();
    clients_line(sweep, &x, &y, &mut traces, &mut notes);
    for track in &sweep.tracks {
        cpu_line(track, &mut traces);
    }
    notes.extend(cpu_label(sweep, &x, &y));
    for track in &sweep.tracks {
        let each = |trial: &Trial| Metric::Throughput.of(trial);
        traces.extend(medians(sweep, track, |point| point.throughput, each, "requests/s"));
        traces.extend(not_run(track));
        traces.extend(trials(sweep, track, each, "requests/s"));
        traces.extend(out_of_figures(track));
        notes.extend(where_it_leaves(track, server_cores(machine), &x, &y));
    }
    notes.extend(end_labels(sweep, |point| point.throughput.or(left_out_at(point)), &x, &y, 24.0));

    let layout = layout(levels_axis(&x, sweep), y.axis(), &y.titled("requests/s"), notes, true);
    Some(Chart {
        title: sweep.titled("Throughput against clients"),
        how_to_read: format!(
            "Grey band: clients ÷ wait, all that the clients ask for. Dotted, in a rung's colour: its CPU line, cores ÷ CPU \
             per request. No server can pass the lower of its two lines; an arrow says what ran out. A mark is a trial, a \
             line joins medians{}; hollow: not run, drawn as its line; ×: collapsed; hatched (#): void.{}",
            intervals::said(sweep),
            behind::void(sweep)
        ),
        alt: behind::throughput_alt(sweep, server_cores(machine)),
        figure: json(traces, layout),
        table: behind::throughput_table(sweep),
        main,
        height_rem: 34.0,
    })
}

/// Any other figure against clients.
pub(crate) fn over_clients(sweep: &Sweep<'_, '_>, measure: &Measure, main: bool) -> Option<Chart> {
    let scaled = |trial: &Trial| measure.metric.of(trial).map(|value| value / measure.unit);
    let median = |point: &Point<'_, '_>| point.cell.median(measure.metric).map(|value| value / measure.unit);
    let all = || sweep.tracks.iter().flat_map(|track| &track.points).flat_map(|point| point.cell.ok.iter());
    let values: Vec<f64> = all().filter_map(|trial| scaled(trial)).collect();
    let spanning = Span::of(values.iter().copied(), 8.0, 0.08)?;
    let y = if spanning.is_log() { spanning } else { Span::from_zero(values)? };
    let x = Span::of(sweep.levels.iter().map(|level| f64::from(*level)), 10.0, 0.05)?;

    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    for track in &sweep.tracks {
        traces.extend(medians(sweep, track, median, scaled, measure.axis));
        traces.extend(trials(sweep, track, scaled, measure.axis));
    }
    let notes = end_labels(sweep, median, &x, &y, 15.0);
    let layout = layout(levels_axis(&x, sweep), y.axis(), &y.titled(measure.axis), notes, true);
    let whole = |point: &Point<'_, '_>| point.cell.median(measure.metric);
    Some(Chart {
        title: sweep.titled(measure.title),
        how_to_read: format!("{}{}", measure.how_to_read, behind::void(sweep)),
        alt: behind::alt(sweep, measure.title, whole, |value| measure.metric.show(value)),
        figure: json(traces, layout),
        table: behind::table(sweep, measure.title, measure.axis, scaled, median),
        main,
        height_rem: 21.0,
    })
}

/// C / W: the same for all rungs but for their measured waits, so it is drawn once, for their median.
fn clients_line(
    sweep: &Sweep<'_, '_>,
    x: &Span,
    y: &Span,
    traces: &mut Vec<Box<dyn Trace>>,
    notes: &mut Vec<Annotation>,
) {
    let waits: Vec<f64> = sweep.tracks.iter().filter_map(|track| track.wait).map(|wait| wait.ms).collect();
    let Some(wait) = crate::stats::median(&waits) else { return };
    let at = |clients: u32| f64::from(clients) * 1_000.0 / wait;
    let line = Scatter::new(sweep.levels.clone(), sweep.levels.iter().map(|level| at(*level)).collect())
        .mode(Mode::Lines)
        .name("clients ÷ wait")
        .line(Line::new().color("@band").width(11.0))
        .hover_template(format!("clients ÷ {}: %{{y:,.0f}} requests/s<extra></extra>", milliseconds(wait)));
    traces.push(line);
    // The label stands where the line has room above it: to the left of its middle.
    if let (Some(first), Some(last)) = (sweep.levels.first(), sweep.levels.last()) {
        let clients = (f64::from(*first) * f64::from(*last)).sqrt();
        let label = note(&format!("clients ÷ {}", milliseconds(wait)), "@muted")
            .name("line-label")
            .show_arrow(false)
            .x(x.place(clients))
            .y(y.place(clients * 1_000.0 / wait))
            .x_anchor(Anchor::Right)
            .x_shift(-14.0)
            .y_shift(10.0);
        notes.push(label);
    }
}

/// cores / CPU per request, as measured at each load.
fn cpu_line(track: &Track<'_, '_>, traces: &mut Vec<Box<dyn Trace>>) {
    let known: Vec<(u32, f64)> =
        track.points.iter().filter_map(|point| Some((point.clients, point.bounds.cpu?))).collect();
    if known.is_empty() {
        return;
    }
    let (clients, rps): (Vec<u32>, Vec<f64>) = known.into_iter().unzip();
    let name = format!("CPU line of {}", escaped(&track.series.label()));
    let line = Scatter::new(clients, rps)
        .mode(Mode::Lines)
        .hover_template(format!("{name}: %{{y:,.0f}} requests/s<extra></extra>"))
        .name(name)
        .show_legend(false)
        .opacity(0.75)
        .line(Line::new().color(style::of(track.series).token()).width(1.5).dash(DashType::Dot));
    traces.push(line);
}

/// What the dotted lines are, above the right end of the highest.
fn cpu_label(sweep: &Sweep<'_, '_>, x: &Span, y: &Span) -> Option<Annotation> {
    let ends = sweep.tracks.iter().filter_map(|track| {
        track.points.iter().rev().find_map(|point| Some((f64::from(point.clients), point.bounds.cpu?)))
    });
    let (clients, rps) = ends.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let label = note("CPU lines: cores ÷ CPU per request", "@muted").name("line-label").show_arrow(false);
    Some(
        label
            .x(x.place(clients))
            .y(y.place(rps))
            .x_anchor(Anchor::Right)
            .y_anchor(Anchor::Bottom)
            .y_shift(6.0),
    )
}

/// The line through the medians of a series, with the interval of the mean where there are trials enough.
fn medians(
    sweep: &Sweep<'_, '_>,
    track: &Track<'_, '_>,
    figure: impl Fn(&Point<'_, '_>) -> Option<f64>,
    each: impl Fn(&Trial) -> Option<f64>,
    unit: &str,
) -> Option<Box<dyn Trace>> {
    let known: Vec<&Point<'_, '_>> = track.points.iter().filter(|point| figure(point).is_some()).collect();
    if known.is_empty() {
        return None;
    }
    let x: Vec<u32> = known.iter().map(|point| point.clients).collect();
    let y: Vec<f64> = known.iter().filter_map(|point| figure(point)).collect();
    let of_point = |point: &&Point<'_, '_>| {
        intervals::of(&point.cell.ok.iter().filter_map(|trial| each(trial)).collect::<Vec<_>>())
    };
    let whiskers = intervals::whiskers(&y, &known.iter().map(of_point).collect::<Vec<_>>());
    let (style, name) = (style::of(track.series), escaped(&track.series.label()));
    let callers = sweep.target.caller();
    let line = Scatter::new(x, y)
        .mode(Mode::LinesMarkers)
        .marker(Marker::new().symbol(style.symbol()).size(1).color(style.token()))
        .line(Line::new().color(style.token()).width(2.5))
        .hover_template(format!("{name}, %{{x:,}} {callers}s: median %{{y:,.4~g}} {unit}<extra></extra>"))
        .legend_group(name.clone())
        .name(name)
        .show_legend(false);
    Some(match whiskers {
        Some(whiskers) => line.error_y(whiskers.color(style.token())),
        None => line,
    })
}

/// A mark per trial that counts.
fn trials(
    sweep: &Sweep<'_, '_>,
    track: &Track<'_, '_>,
    figure: impl Fn(&Trial) -> Option<f64>,
    unit: &str,
) -> Option<Box<dyn Trace>> {
    let (mut x, mut y, mut hover) = (Vec::new(), Vec::new(), Vec::new());
    for point in &track.points {
        for trial in &point.cell.ok {
            let Some(value) = figure(trial) else { continue };
            x.push(point.clients);
            y.push(value);
            hover.push((u64::from(trial.block) + 1).to_string());
        }
    }
    if x.is_empty() {
        return None;
    }
    let (style, name) = (style::of(track.series), escaped(&track.series.label()));
    let callers = sweep.target.caller();
    let marks = Scatter::new(x, y)
        .mode(Mode::Markers)
        .marker(
            Marker::new()
                .symbol(style.symbol())
                .size(10)
                .color(style.fill())
                .opacity(0.85)
                .line(Line::new().color("@page").width(1.0)),
        )
        .hover_template(format!(
            "{name}, %{{x:,}} {callers}s, block %{{text}}: %{{y:,.4~g}} {unit}<extra></extra>"
        ))
        .text_array(hover)
        .legend_group(name.clone())
        .name(name);
    Some(marks)
}

/// Cells that were left out, drawn as the line that made them pointless.
fn not_run(track: &Track<'_, '_>) -> Option<Box<dyn Trace>> {
    let left_out: Vec<(u32, f64)> =
        track.points.iter().filter_map(|point| Some((point.clients, left_out_at(point)?))).collect();
    let measured =
        track.points.iter().filter_map(|point| Some((point.clients, point.throughput?))).next_back();
    if left_out.is_empty() {
        return None;
    }
    let style = style::of(track.series);
    let mut symbols_from = measured.into_iter().chain(left_out).collect::<Vec<_>>();
    symbols_from.sort_by_key(|(clients, _)| *clients);
    let (x, y): (Vec<u32>, Vec<f64>) = symbols_from.into_iter().unzip();
    let name = escaped(&track.series.label());
    let marks = Scatter::new(x, y)
        .mode(Mode::LinesMarkers)
        .marker(Marker::new().symbol(style.hollow()).size(10).color(style.token()))
        .line(Line::new().color(style.token()).width(2.0).dash(DashType::DashDot))
        .hover_template(format!(
            "{name}, %{{x:,}} clients: not run, its line is %{{y:,.4~g}} requests/s<extra></extra>"
        ))
        .name(format!("{name}, not run"))
        .legend_group(name)
        .show_legend(false);
    Some(marks)
}

/// Void trials, hatched, and collapsed ones: in sight, and in no median.
fn out_of_figures(track: &Track<'_, '_>) -> Vec<Box<dyn Trace>> {
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    let kinds = [
        ("void", MarkerSymbol::HashOpen, "@muted".to_owned()),
        ("collapsed", MarkerSymbol::XThinOpen, style::of(track.series).token()),
    ];
    for (what, symbol, color) in kinds {
        let (mut x, mut y, mut why) = (Vec::new(), Vec::new(), Vec::new());
        for point in &track.points {
            for trial in if what == "void" { &point.cell.void } else { &point.cell.collapsed } {
                let Some(value) = Metric::Throughput.of(trial).filter(|value| *value > 0.0) else { continue };
                x.push(point.clients);
                y.push(value);
                why.push(escaped(trial.reason.as_deref().unwrap_or("no reason was recorded")));
            }
        }
        if x.is_empty() {
            continue;
        }
        let name = escaped(&track.series.label());
        let marks = Scatter::new(x, y)
            .mode(Mode::Markers)
            .marker(Marker::new().symbol(symbol).size(12).color(color.clone()).line(Line::new().width(2.0)))
            .hover_template(format!("{name}, %{{x:,}} clients, {what}: %{{text}}<extra></extra>"))
            .text_array(why)
            .name(format!("{name}, {what}"));
        traces.push(marks);
    }
    traces
}

fn left_out_at(point: &Point<'_, '_>) -> Option<f64> {
    let left_out = point.cell.not_run.filter(|_| point.throughput.is_none())?;
    left_out
        .bound_rps
        .or(point.bounds.slots)
        .or(point.bounds.lower())
        .filter(|rps| rps.is_finite() && *rps > 0.0)
}

/// The label at the place where a rung stops following the clients: what ran out.
fn where_it_leaves(track: &Track<'_, '_>, cores: Option<f64>, x: &Span, y: &Span) -> Option<Annotation> {
    let point = match (track.leaves_at(), track.cpu_takes_over()) {
        (Some(left), Some(turn)) if turn.clients < left.clients => turn,
        (left, turn) => left.or(turn)?,
    };
    let height = y.place(point.throughput.or_else(|| left_out_at(point))?);
    let what = ran_out(track, point, cores).label();
    let color = style::of(track.series).token();
    // Lines come from the lower left: a label keeps clear of them to the right below a point, or below the last
    // one, where it ends at its arrow (plotly.js draws none whose label has a corner just so to the lower right of
    // its point); above low curves, to the left.
    let last = x.share(x.place(f64::from(point.clients))) > 0.8;
    let (right, down, anchor) = match (y.share(height) < 0.4, last) {
        (true, _) => (-60.0, -34.0, Anchor::Center),
        (false, true) => (-6.0, 72.0, Anchor::Right),
        (false, false) => (50.0, 46.0, Anchor::Center),
    };
    let label = note(&format!("<b>{}</b>", escaped(&what)), color.clone())
        .name("departure")
        .background_color("@page")
        .border_pad(2.0)
        .x(x.place(f64::from(point.clients)))
        .y(height)
        .show_arrow(true)
        .arrow_head(2)
        .arrow_color(color)
        .arrow_width(1.5)
        .stand_off(7.0)
        .x_anchor(anchor)
        .ax(right)
        .ay(down);
    Some(label)
}

/// Names at the right ends of the lines.
fn end_labels(
    sweep: &Sweep<'_, '_>,
    figure: impl Fn(&Point<'_, '_>) -> Option<f64>,
    x: &Span,
    y: &Span,
    rows: f64,
) -> Vec<Annotation> {
    let mut labels: Vec<EndLabel> = sweep
        .tracks
        .iter()
        .filter_map(|track| {
            let (clients, value) = track
                .points
                .iter()
                .rev()
                .find_map(|point| Some((f64::from(point.clients), figure(point)?)))?;
            let style = style::of(track.series);
            let text = escaped(&track.series.label()).replacen(", ", ",<br>", 1);
            Some(EndLabel { text: format!("<b>{text}</b>"), color: style.token(), at: (clients, value) })
        })
        .collect();
    y.apart(&mut labels, rows);
    labels.iter().map(|label| end_label(label, x)).collect()
}
