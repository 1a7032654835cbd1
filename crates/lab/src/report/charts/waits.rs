//! The wait for a thread of a pool against the rate: measured, replayed, and by theory.

use plotly::common::{DashType, Line, Marker, Mode};
use plotly::{Scatter, Trace};

use crate::report::cells::{Cell, Experiment};
use crate::report::charts::frame::{EndLabel, Span, end_label, escaped, layout, title};
use crate::report::charts::{Chart, json, style, voids};
use crate::report::tables::{MISSING, Table, shown};
use crate::report::text::{exact, listed, milliseconds};
use crate::report::waits::{Means, Point, curves, theory_ms, tolerance};
use crate::results;

/// Shorter waits are not drawn on a logarithmic axis.
const SHORTEST_MS: f64 = 0.01;
/// Points of a curve of theory.
const STEPS: u32 = 240;

/// All pools of an experiment; none where nothing is known of their waits.
pub(crate) fn against_rate(experiment: &Experiment<'_>, main: bool) -> Option<Chart> {
    let curves = curves(experiment);
    let all = || curves.iter().flatten();
    let rates = Span::of(all().map(|point| point.rate_rps), f64::INFINITY, 0.06)?;
    let measured = all().map(|point| point.waited_ms);
    let replayed = all().filter_map(|point| Some(point.means()?.replayed_ms));
    let y = Span::of(measured.chain(replayed).filter(|ms| *ms >= SHORTEST_MS), 8.0, 0.08)?;
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    let mut labels = Vec::new();
    for points in &curves {
        traces.extend(theory(points));
        traces.push(waited(points));
        traces.extend(replay(points));
        labels.extend(label(points));
    }
    y.apart(&mut labels, 15.0);
    let notes = labels.iter().map(|label| end_label(label, &rates)).collect();
    let x = rates.axis().title(title("requests/s, open loop"));
    let layout = layout(x, y.axis(), &y.titled("mean wait for a thread, ms"), notes, true);
    let name = "Waiting for a thread of the pool";
    let open: Vec<&Cell<'_>> =
        experiment.cells.iter().filter(|cell| cell.load.mode == results::Mode::Open).collect();
    let void = voids::of(&open);
    let mut table = table(name, &curves);
    voids::rows(&mut table, &void);
    Some(Chart {
        title: name.into(),
        how_to_read: format!(
            "Filled marks and lines: the mean wait as measured, from sending a request to entering its view. Hollow \
             circles around them: the same requests, as recorded, played through a first-come-first-served queue; where a \
             mark sits in its circle, the server is that queue. Dashed: Erlang C, the mean of the long run, and past the \
             limit the fluid line, along which the queue grows.{}",
            voids::said(&void)
        ),
        alt: format!("{}{}", alt(name, &curves), voids::said(&void)),
        figure: json(traces, layout),
        table,
        main,
        height_rem: 26.0,
    })
}

/// Measured means.
fn waited(points: &[Point<'_, '_>]) -> Box<dyn Trace> {
    let (style, name) = look(points);
    let (x, y) = points
        .iter()
        .filter(|point| point.waited_ms >= SHORTEST_MS)
        .map(|point| (point.rate_rps, point.waited_ms))
        .unzip();
    Scatter::new(x, y)
        .mode(Mode::LinesMarkers)
        .marker(Marker::new().symbol(style.symbol()).size(8).color(style.fill()))
        .line(Line::new().color(style.token()).width(2.5))
        .hover_template(format!("{name}, measured: %{{y:,.4~g}} ms<extra></extra>"))
        .name(format!("{name}, measured"))
}

/// The same in the replay; none where nothing was played.
fn replay(points: &[Point<'_, '_>]) -> Option<Box<dyn Trace>> {
    let (style, name) = look(points);
    let known = points.iter().filter_map(|point| Some((point.rate_rps, point.means()?.replayed_ms)));
    let (x, y): (Vec<f64>, Vec<f64>) = known.filter(|(_, ms)| *ms >= SHORTEST_MS).unzip();
    let marks = Scatter::new(x.clone(), y)
        .mode(Mode::Markers)
        .marker(
            Marker::new()
                .symbol(plotly::common::MarkerSymbol::CircleOpen)
                .size(16)
                .color(style.token())
                .line(Line::new().width(1.5)),
        )
        .hover_template(format!("{name}, replayed: %{{y:,.4~g}} ms<extra></extra>"))
        .name(format!("{name}, replayed"));
    (!x.is_empty()).then_some(marks as Box<dyn Trace>)
}

/// Erlang C, and beyond it the fluid line, from the lowest rate to the highest.
fn theory(points: &[Point<'_, '_>]) -> Option<Box<dyn Trace>> {
    let (style, name) = look(points);
    let (first, last) = (points.first()?.rate_rps, points.last()?.rate_rps);
    let rates = (0..=STEPS).map(|step| first + (last - first) * f64::from(step) / f64::from(STEPS));
    let known = rates.filter_map(|rate| Some((rate, theory_ms(points, rate)?)));
    let (x, y): (Vec<f64>, Vec<f64>) = known.filter(|(_, ms)| *ms >= SHORTEST_MS).unzip();
    let line = Scatter::new(x.clone(), y)
        .mode(Mode::Lines)
        .line(Line::new().color(style.token()).width(1.5).dash(DashType::Dash))
        .hover_template(format!("{name}, by theory: %{{y:,.4~g}} ms<extra></extra>"))
        .name(format!("{name}, by theory"));
    (!x.is_empty()).then_some(line as Box<dyn Trace>)
}

fn label(points: &[Point<'_, '_>]) -> Option<EndLabel> {
    let last = points.iter().rev().find(|point| point.waited_ms >= SHORTEST_MS)?;
    let (style, name) = look(points);
    let text = format!("<b>{}</b>", name.replacen(", ", ",<br>", 1));
    Some(EndLabel { text, color: style.token(), at: (last.rate_rps, last.waited_ms) })
}

fn look(points: &[Point<'_, '_>]) -> (style::Style, String) {
    let series = &points[0].cell.series;
    (style::of(series), escaped(&series.label()))
}

fn alt(name: &str, curves: &[Vec<Point<'_, '_>>]) -> String {
    let words = |point: &Point<'_, '_>| {
        let replayed = point.means().map(|means| format!(" ({} replayed)", milliseconds(means.replayed_ms)));
        let replayed = replayed.unwrap_or_default();
        format!("{}{replayed} at {} requests/s", milliseconds(point.waited_ms), exact(point.rate_rps))
    };
    let grows = |points: &Vec<Point<'_, '_>>| {
        let (first, last) = (points.first()?, points.last().filter(|_| points.len() > 1)?);
        Some(format!(
            " On {} it goes from {} at {} requests/s to {} at {}.",
            first.cell.series.label(),
            milliseconds(first.waited_ms),
            exact(first.rate_rps),
            milliseconds(last.waited_ms),
            exact(last.rate_rps)
        ))
    };
    let grows: Vec<String> = curves.iter().filter_map(grows).collect();
    let each = curves.iter().map(|points| {
        let points_in_words: Vec<String> = points.iter().map(words).collect();
        format!("{}: {}", points[0].cell.series.label(), listed(&points_in_words))
    });
    format!("{name}, the mean wait.{} {}.", grows.concat(), each.collect::<Vec<_>>().join(". "))
}

fn table(name: &str, curves: &[Vec<Point<'_, '_>>]) -> Table {
    let row = |point: &Point<'_, '_>| {
        let means = point.means();
        // Whether they agree is decided by medians, which one disturbed trial does not move.
        let agree = point.medians().map_or(MISSING, |medians| if medians.agree() { "yes" } else { "no" });
        vec![
            point.cell.series.label(),
            exact(point.rate_rps),
            format!("{:.2}", point.utilisation),
            exact(point.service_ms),
            exact(point.waited_ms),
            shown(means.map(|means| means.replayed_ms), exact),
            shown(means.map(Means::off_ms), exact),
            agree.to_owned(),
            shown(point.expected_ms, exact),
        ]
    };
    let within = format!("medians within {}", tolerance());
    let headers = [
        "rung",
        "requests/s",
        "ρ",
        "service, ms",
        "measured, ms",
        "replayed, ms",
        "difference, ms",
        &within,
        "Erlang C or fluid line, ms",
    ];
    Table {
        caption: format!("{name}: waits are means over the trials that count of their means"),
        headers: headers.map(String::from).into(),
        rows: curves.iter().flatten().map(row).collect(),
        numbers_from: 1,
    }
}
