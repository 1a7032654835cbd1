//! How long bystanders waited on each rung while a load ran.

use plotly::common::{Line, Marker, Mode};
use plotly::layout::Axis;
use plotly::{Scatter, Trace};

use crate::report::bystanders::{Beside, Seen};
use crate::report::charts::frame::{Span, escaped, layout, title};
use crate::report::charts::{Chart, behind, json, style, voids};
use crate::report::tables::{Table, shown};
use crate::report::text::{count, exact, listed, milliseconds};
use crate::results::Percentiles;

/// A row per rung: the median, and how far the tail reaches.
pub(crate) fn beside(group: &Beside<'_, '_>, main: bool) -> Option<Chart> {
    let values =
        group.seen.iter().flat_map(|seen| seen.response.p50.into_iter().chain(seen.tail().map(|(_, ms)| ms)));
    let x = Span::of(values.filter(|ms| *ms > 0.0), 3.0, 0.1)?;
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    for (place, seen) in group.seen.iter().enumerate() {
        traces.extend(reach(seen, place as f64));
    }
    let rows = group.seen.len() + group.void.len();
    let void_rows: Vec<f64> = (group.seen.len()..rows).map(|row| row as f64).collect();
    traces.extend(voids::bars(&void_rows, &x));
    let ticks = group.seen.iter().map(tick).chain(group.void.iter().map(|cell| voids::tick(cell))).collect();
    let y = Axis::new()
        .range(vec![rows as f64 - 0.4, -0.6])
        .tick_values((0..rows).map(|row| row as f64).collect())
        .tick_text(ticks)
        .auto_margin(true)
        .grid_color("@grid")
        .zero_line(false)
        .tick_color("@axis")
        .line_color("@axis");
    let axis = format!("response of a bystander's {}, ms", group.route);
    let load = group.seen.first().map(|seen| seen.cell.load_label()).unwrap_or_default();
    let target = group.seen.first().map(|seen| seen.cell.target().named()).unwrap_or_default();
    let name = format!("Bystanders of {load} at {target}");
    let mut table = table(group, &name);
    voids::rows(&mut table, &group.void);
    Some(Chart {
        title: name.clone(),
        how_to_read: format!(
            "Cheap requests to {} on a schedule of their own, counted from when they were due. The filled mark is the median; \
             the line reaches to the p99, or with fewer than 1,000 answers to the longest, which is hollow. Further right: \
             bystanders wait longer. Hatched: void, nothing is known.",
            group.route
        ),
        alt: format!(
            "{name}.{} {}.{}",
            ranges(group),
            listed(&group.seen.iter().map(words).collect::<Vec<_>>()),
            voids::said(&group.void)
        ),
        figure: json(traces, layout(x.axis().title(title(&x.titled(&axis))), y, "", Vec::new(), false)),
        table,
        main,
        height_rem: 7.5 + 2.6 * rows as f64,
    })
}

/// ` Medians from 0.3 ms on event-loop to 1.69 s on pool. The longest …`
fn ranges(group: &Beside<'_, '_>) -> String {
    let range = |name: &str, figure: fn(&Percentiles) -> Option<f64>| {
        let of_rung = |seen: &Seen<'_, '_>| Some((seen.cell.series.label(), figure(&seen.response)?));
        let range = behind::range(&group.seen.iter().filter_map(of_rung).collect::<Vec<_>>(), milliseconds);
        range.map(|range| format!(" {name} {range}.")).unwrap_or_default()
    };
    [range("Medians", |at| at.p50), range("The longest", |at| at.max)].concat()
}

fn reach(seen: &Seen<'_, '_>, row: f64) -> Vec<Box<dyn Trace>> {
    let (style, name) = (style::of(&seen.cell.series), escaped(&seen.cell.series.label()));
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    if let (Some(median), Some((_, tail))) = (seen.response.p50, seen.tail()) {
        let line = Scatter::new(vec![median, tail], vec![row, row])
            .mode(Mode::Lines)
            .line(Line::new().color(style.token()).width(2.5))
            .hover_info(plotly::common::HoverInfo::Skip);
        traces.push(line);
    }
    if let Some((which, tail)) = seen.tail() {
        let symbol = if which == "p99" { style.symbol() } else { style.hollow() };
        let mark = Scatter::new(vec![tail], vec![row])
            .mode(Mode::Markers)
            .marker(Marker::new().symbol(symbol).size(8).color(style.token()))
            .hover_template(format!("{name}, {which}: %{{x:,.4~g}} ms<extra></extra>"));
        traces.push(mark);
    }
    if let Some(median) = seen.response.p50 {
        let mark = Scatter::new(vec![median], vec![row])
            .mode(Mode::Markers)
            .marker(
                Marker::new()
                    .symbol(style.symbol())
                    .size(13)
                    .color(style.fill())
                    .line(Line::new().color(style.token()).width(1.5)),
            )
            .hover_template(format!("{name}, median: %{{x:,.4~g}} ms<extra></extra>"));
        traces.push(mark);
    }
    traces
}

fn tick(seen: &Seen<'_, '_>) -> String {
    let name = escaped(&seen.cell.series.label());
    seen.failures().map_or_else(|| name.clone(), |failures| format!("{name}<br>{failures}"))
}

fn words(seen: &Seen<'_, '_>) -> String {
    let parts: Vec<String> = seen
        .response
        .p50
        .map(|ms| format!("median {}", milliseconds(ms)))
        .into_iter()
        .chain(seen.tail().map(|(which, ms)| format!("{which} {}", milliseconds(ms))))
        .chain(seen.failures())
        .collect();
    format!("{}: {}", seen.cell.series.label(), parts.join(", "))
}

fn table(group: &Beside<'_, '_>, name: &str) -> Table {
    let row = |seen: &Seen<'_, '_>| {
        let at = seen.response;
        [seen.cell.series.label(), count(seen.scheduled), count(seen.unanswered)]
            .into_iter()
            .chain([at.p50, at.p90, at.p99, at.max].map(|ms| shown(ms, exact)))
            .collect()
    };
    Table {
        caption: format!("{name}: all trials that count, together"),
        headers: ["rung", "due", "unanswered", "p50 ms", "p90 ms", "p99 ms", "longest ms"]
            .map(String::from)
            .into(),
        rows: group.seen.iter().map(row).collect(),
        numbers_from: 1,
    }
}
