//! A gap as a staircase: from the first rung's figure to the last one's, a step for each cause.

use plotly::common::{DashType, ErrorData, ErrorType, Line, Marker, Mode};
use plotly::layout::Axis;
use plotly::{Scatter, Trace};

use crate::ladder::Kind;
use crate::report::cells::{Metric, Series};
use crate::report::charts::frame::{Span, escaped, layout, title};
use crate::report::charts::{Chart, json, style};
use crate::report::gap::{Gap, Step, noun};
use crate::report::tables::Table;
use crate::report::text::{counted, exact, rounded, sentence};
use crate::stats::Ratio;

/// The picture of one gap; the first of an experiment is its main one.
pub(crate) fn steps(gap: &Gap<'_, '_>, main: bool) -> Option<Chart> {
    let figures = gap.rungs.iter().map(|rung| shown(gap, rung.value));
    let ends = gap.steps.iter().zip(&gap.rungs).flat_map(|(step, before)| {
        let interval = step.factor.interval?;
        Some([interval.low, interval.high].map(|factor| after(gap, before.value, factor)))
    });
    let marks: Vec<f64> = figures.clone().chain(ends.flatten().map(|value| shown(gap, value))).collect();
    // Always logarithmic: only there is a factor the same length wherever it stands.
    let x = Span::of(marks, 0.0, 0.08)?;
    let rows = gap.rungs.len() + gap.steps.len();
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    for (place, step) in gap.steps.iter().enumerate() {
        traces.extend(stair(gap, place, step));
    }
    traces.extend(gap.rungs.iter().enumerate().map(|(place, rung)| -> Box<dyn Trace> {
        let style = style::of(rung.series);
        Scatter::new(vec![shown(gap, rung.value)], vec![2.0 * place as f64])
            .mode(Mode::Markers)
            .marker(
                Marker::new()
                    .symbol(style.symbol())
                    .size(13)
                    .color(style.fill())
                    .line(Line::new().color(style.token()).width(1.5)),
            )
            .hover_template(format!(
                "{}: %{{x:,.4~g}} {}<extra></extra>",
                escaped(&rung.series.label()),
                unit(gap)
            ))
    }));
    let y = Axis::new()
        .range(vec![rows as f64 - 0.4, -0.6])
        .tick_values((0..rows).map(|row| row as f64).collect())
        .tick_text(ticks(gap))
        .auto_margin(true)
        .show_grid(false)
        .zero_line(false)
        .tick_color("@axis")
        .line_color("@axis");
    let layout = layout(x.axis().title(title(&x.titled(unit(gap)))), y, "", Vec::new(), false);
    let heading = format!("What the gap in {} consists of", noun(gap.metric));
    Some(Chart {
        title: gap.sweep.titled(&heading),
        how_to_read: how_to_read(gap),
        alt: alt(gap),
        figure: json(traces, layout),
        table: table(gap, &gap.sweep.titled(&heading)),
        main,
        height_rem: 7.0 + 2.7 * rows as f64,
    })
}

/// The bar between two rungs, with the interval of its far end, and dotted lines down to their marks.
fn stair(gap: &Gap<'_, '_>, place: usize, step: &Step) -> Vec<Box<dyn Trace>> {
    let (Some(before), Some(next)) = (gap.rungs.get(place), gap.rungs.get(place + 1)) else {
        return Vec::new();
    };
    let (from, to) = (shown(gap, before.value), shown(gap, next.value));
    let row = 2.0 * place as f64 + 1.0;
    let color = style::of(cause_of(before.series, next.series));
    let hover = format!("{}: {}<extra></extra>", escaped(&step.cause), escaped(&change(gap, &step.factor)));
    let drop = |at: f64, from: f64, to: f64| -> Box<dyn Trace> {
        Scatter::new(vec![at, at], vec![from, to])
            .mode(Mode::Lines)
            .line(Line::new().color("@axis").width(1.0).dash(DashType::Dot))
            .hover_info(plotly::common::HoverInfo::Skip)
    };
    let bar = Scatter::new(vec![from, to], vec![row, row])
        .mode(Mode::Lines)
        .line(Line::new().color(color.fill()).width(17.0))
        .hover_template(hover.clone());
    let mut traces: Vec<Box<dyn Trace>> = vec![drop(from, row - 1.0, row), drop(to, row, row + 1.0), bar];
    if let Some(interval) = step.factor.interval {
        let ends = [interval.low, interval.high].map(|factor| shown(gap, after(gap, before.value, factor)));
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let error = ErrorData::new(ErrorType::Data)
            .array(vec![(high - to).max(0.0)])
            .array_minus(vec![(to - low).max(0.0)])
            .symmetric(false)
            .color("@ink")
            .thickness(1.5)
            .width(5);
        let whisker = Scatter::new(vec![to], vec![row])
            .mode(Mode::Markers)
            .marker(Marker::new().size(3).color("@ink"))
            .error_x(error)
            .hover_template(hover);
        traces.push(whisker);
    }
    traces
}

/// Whose look a step has: the rung that has the thing in which they differ, which is the one with the
/// framework, or else the upper one.
fn cause_of<'s>(before: &'s Series, next: &'s Series) -> &'s Series {
    if next.kind() == Some(Kind::Async) { next } else { before }
}

/// The figure after a step of this factor; more is better for requests per second only.
fn after(gap: &Gap<'_, '_>, before: f64, factor: f64) -> f64 {
    if gap.metric == Metric::Throughput { before * factor } else { before / factor }
}

fn shown(gap: &Gap<'_, '_>, value: f64) -> f64 {
    if gap.metric == Metric::Memory { value / 1_024.0 } else { value }
}

fn unit(gap: &Gap<'_, '_>) -> &'static str {
    match gap.metric {
        Metric::Memory => "KiB per connection",
        Metric::Throughput => "requests/s",
        _ => "µs of CPU per request",
    }
}

/// `÷ 5.10 (4.95 to 5.26)`: what becomes of the figure, so that `÷` makes less of it and `×` more.
fn change(gap: &Gap<'_, '_>, factor: &Ratio) -> String {
    let on_figure = if gap.metric == Metric::Throughput { *factor } else { factor.inverse() };
    let (sign, ratio) =
        if on_figure.estimate < 1.0 { ("÷", on_figure.inverse()) } else { ("×", on_figure) };
    let interval = ratio
        .interval
        .map(|interval| format!(" ({} to {})", rounded(interval.low), rounded(interval.high)))
        .unwrap_or_default();
    format!("{sign} {}{interval}", rounded(ratio.estimate))
}

/// Rungs with their figures, and between them the causes with their factors.
fn ticks(gap: &Gap<'_, '_>) -> Vec<String> {
    let rung = |place: usize| {
        gap.rungs.get(place).map(|rung| {
            format!("<b>{}</b><br>{}", escaped(&rung.series.label()), gap.metric.show(rung.value))
        })
    };
    let cause = |place: usize| {
        let step = gap.steps.get(place)?;
        Some(format!("{}<br>{}", escaped(&step.cause), change(gap, &step.factor)))
    };
    (0..gap.rungs.len()).flat_map(|place| [rung(place), cause(place)]).flatten().collect()
}

fn how_to_read(gap: &Gap<'_, '_>) -> String {
    let whole = change(gap, &gap.whole);
    let blocks = counted(gap.whole.blocks as u64, "block");
    let whiskers = if gap.whole.interval.is_some() {
        "the whisker at its end its 95 % interval"
    } else {
        "without intervals, since there are fewer than five blocks"
    };
    format!(
        "From top to bottom, neighbours differ in one thing. A bar is what that thing is worth, {whiskers}; on this scale \
         equal factors have equal lengths, and the steps multiply to the whole: {whole} (geometric means over {blocks})."
    )
}

fn alt(gap: &Gap<'_, '_>) -> String {
    let steps: Vec<String> =
        gap.steps.iter().map(|step| format!("{} {}", step.cause, change(gap, &step.factor))).collect();
    let ends: Vec<String> = [gap.rungs.first(), gap.rungs.last()]
        .into_iter()
        .flatten()
        .map(|rung| format!("{} {}", rung.series.label(), gap.metric.show(rung.value)))
        .collect();
    format!("{}: {}. {}.", sentence(noun(gap.metric)), ends.join(", "), steps.join(", "))
}

fn table(gap: &Gap<'_, '_>, heading: &str) -> Table {
    let interval = |ratio: &Ratio| {
        ratio.interval.map_or_else(
            || crate::report::tables::MISSING.into(),
            |interval| format!("{} to {}", rounded(interval.low), rounded(interval.high)),
        )
    };
    let row = |cause: &str, from: usize, to: usize, factor: &Ratio| {
        let figure = |place: usize| {
            gap.rungs.get(place).map_or_else(String::new, |rung| exact(shown(gap, rung.value)))
        };
        let name = |place: usize| gap.rungs.get(place).map_or_else(String::new, |rung| rung.series.label());
        vec![
            cause.to_owned(),
            name(from),
            name(to),
            figure(from),
            figure(to),
            rounded(factor.estimate),
            interval(factor),
        ]
    };
    let steps =
        gap.steps.iter().enumerate().map(|(place, step)| row(&step.cause, place, place + 1, &step.factor));
    let whole = row("the whole gap", 0, gap.rungs.len() - 1, &gap.whole);
    Table {
        caption: format!(
            "{heading}, with {}: geometric means over {}; a factor above 1 means less cost, or more requests/s, on the second rung",
            gap.sweep.load(gap.clients),
            counted(gap.whole.blocks as u64, "block")
        ),
        headers: ["cause", "from", "to", "before", "after", "factor", "95 % interval"]
            .map(String::from)
            .into(),
        rows: steps.chain([whole]).collect(),
        numbers_from: 3,
    }
}
