//! Response times as percentile curves, the tail stretched, as HDR histograms are drawn.

use plotly::common::{DashType, HoverInfo, Line, Marker, Mode};
use plotly::layout::AxisType;
use plotly::{Scatter, Trace};

use crate::report::cells::{Cell, Experiment};
use crate::report::charts::frame::{EndLabel, Span, axis, end_label, escaped, layout, title};
use crate::report::charts::{Chart, behind, json, style, voids};
use crate::report::tables::{Table, shown};
use crate::report::target::Target;
use crate::report::text::{self, count, exact, listed, milliseconds};
use crate::results::{Load, Percentiles};
use crate::stats::Pooled;

/// Decades of `1 / (1 - quantile)`, and how they are called.
const TICKS: [(f64, &str); 6] =
    [(1.0, "0"), (2.0, "50"), (10.0, "90"), (100.0, "99"), (1_000.0, "99.9"), (10_000.0, "99.99")];

/// The distribution of response times at one open-loop load. Percentiles of added-up histograms describe;
/// the findings compare block by block.
pub(crate) fn percentiles(experiment: &Experiment<'_>, load: &Load, cells: &[&Cell<'_>]) -> Option<Chart> {
    let pooled: Vec<(&Cell<'_>, Pooled)> =
        cells.iter().filter_map(|cell| Some((*cell, cell.pooled()?))).collect();
    let curves: Vec<Vec<(f64, f64)>> = pooled.iter().map(|(_, pooled)| stretched(pooled)).collect();
    let y = Span::of(curves.iter().flatten().map(|(_, ms)| *ms), 3.0, 0.1)?;
    let x = Span::of(curves.iter().flatten().map(|(far, _)| *far), 2.0, 0.02)?;

    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    let mut labels = Vec::new();
    for (place, ((cell, known), curve)) in pooled.iter().zip(&curves).enumerate() {
        let (style, name) = (style::of(&cell.series), escaped(&cell.series.label()));
        let (far, ms): (Vec<f64>, Vec<f64>) = curve.iter().copied().unzip();
        if let Some(end) = curve.last() {
            labels.push(EndLabel { text: format!("<b>{name}</b>"), color: style.token(), at: *end });
        }
        let hover: Vec<String> = far.iter().map(|far| exact_percentile(*far)).collect();
        // Curves of equal servers lie on each other: dashes let the ones below show through.
        let dash = [DashType::Solid, DashType::Dash, DashType::Dot][place % 3].clone();
        let line = Scatter::new(far, ms)
            .mode(Mode::Lines)
            .marker(Marker::new().symbol(style.symbol()))
            .line(Line::new().color(style.token()).width(2.5).dash(dash))
            .text_array(hover)
            .hover_template(format!("{name}: %{{text}} % of answers within %{{y:,.4~g}} ms<extra></extra>"))
            .legend_group(name.clone())
            .name(name.clone());
        traces.push(line);
        traces.push(marks(&style, &name, known));
    }
    y.apart(&mut labels, 15.0);
    let ticks = axis()
        .title(title("percent of answers (tail stretched: log scale)"))
        .type_(AxisType::Log)
        .tick_values(TICKS.iter().map(|(far, _)| *far).collect())
        .tick_text(TICKS.iter().map(|(_, name)| (*name).to_owned()).collect());
    let notes = labels.iter().map(|label| end_label(label, &x)).collect();
    let layout = layout(ticks, y.axis(), &y.titled("response time, ms"), notes, true);

    let rate = load
        .rate_rps
        .map_or_else(|| "open loop".into(), |rate| format!("{} requests/s, open loop", text::exact(rate)));
    let on =
        experiment.told_apart(Target::of(load)).map(|target| format!(" on {target}")).unwrap_or_default();
    let over = experiment.connections_told_apart(load);
    let void = voids::of(cells);
    let mut table = table(&pooled);
    voids::rows(&mut table, &void);
    Some(Chart {
        title: format!("Response times{on} at one common rate: {rate}{over}"),
        how_to_read: format!(
            "Read upwards from a percentage: so many percent of all answers came within this time, counted from when they \
             were due. A curve ends where fewer than ten samples lie beyond.{}",
            voids::said(&void)
        ),
        alt: format!("{}{}", alt(&rate, &pooled), voids::said(&void)),
        figure: json(traces, layout),
        table,
        main: false,
        height_rem: 24.0,
    })
}

/// The percentiles that the table has, with the rung's own mark.
fn marks(style: &style::Style, name: &str, pooled: &Pooled) -> Box<dyn Trace> {
    let at = pooled.percentiles();
    let known = [(2.0, at.p50), (10.0, at.p90), (100.0, at.p99), (1_000.0, at.p999)];
    let (far, ms): (Vec<f64>, Vec<f64>) = known.into_iter().filter_map(|(far, ms)| Some((far, ms?))).unzip();
    Scatter::new(far, ms)
        .mode(Mode::Markers)
        .marker(Marker::new().symbol(style.symbol()).size(9).color(style.fill()))
        .hover_info(HoverInfo::Skip)
        .legend_group(name)
        .show_legend(false)
}

/// `1 / (1 - quantile)` and milliseconds.
fn stretched(pooled: &Pooled) -> Vec<(f64, f64)> {
    pooled.curve().into_iter().map(|(quantile, ms)| (1.0 / (1.0 - quantile), ms)).collect()
}

fn exact_percentile(far: f64) -> String {
    let places = if far < 10.0 { 0 } else { far.log10() as usize };
    format!("{:.places$}", 100.0 * (1.0 - 1.0 / far))
}

fn alt(rate: &str, pooled: &[(&Cell<'_>, Pooled)]) -> String {
    let of_cell = |(cell, pooled): &(&Cell<'_>, Pooled)| {
        let at = pooled.percentiles();
        let known: Vec<String> = [("median", at.p50), ("p99", at.p99)]
            .into_iter()
            .filter_map(|(name, ms)| Some(format!("{name} {}", milliseconds(ms?))))
            .collect();
        format!("{}: {}", cell.series.label(), listed(&known))
    };
    let cells: Vec<String> = pooled.iter().map(of_cell).collect();
    let range = |name: &str, figure: fn(&Percentiles) -> Option<f64>| {
        let of_cell = |(cell, pooled): &(&Cell<'_>, Pooled)| {
            Some((cell.series.label(), figure(&pooled.percentiles())?))
        };
        let range = behind::range(&pooled.iter().filter_map(of_cell).collect::<Vec<_>>(), milliseconds);
        range.map(|range| format!(" {name} {range}.")).unwrap_or_default()
    };
    let ranges = [range("Medians", |at| at.p50), range("p99", |at| at.p99)].concat();
    format!("Response times at {rate}.{ranges} {}.", cells.join(". "))
}

fn table(pooled: &[(&Cell<'_>, Pooled)]) -> Table {
    let row = |(cell, pooled): &(&Cell<'_>, Pooled)| {
        let at = pooled.percentiles();
        let figures = [at.p50, at.p90, at.p99, at.p999, at.max].map(|ms| shown(ms, exact));
        [cell.series.label(), count(pooled.samples())].into_iter().chain(figures).collect()
    };
    Table {
        caption: "Response times of all trials that count, together".into(),
        headers: ["rung", "answers", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "longest ms"]
            .map(String::from)
            .into(),
        rows: pooled.iter().map(row).collect(),
        numbers_from: 1,
    }
}
