//! Where the time went: the mean response of each rung at one open-loop load, cut into its parts.

use plotly::common::{Anchor, Marker, Orientation};
use plotly::layout::{Axis, BarMode, Legend, TraceOrder};
use plotly::{Bar, Trace};

use crate::report::cells::{Cell, Experiment};
use crate::report::charts::frame::{Span, escaped, layout, title};
use crate::report::charts::{Chart, json, voids};
use crate::report::parts::{self, KINDS, Split};
use crate::report::tables::{MISSING, Table, shown};
use crate::report::target::Target;
use crate::report::text::{count, exact};
use crate::results::Load;

/// A bar for each rung. Colours are those of the parts here, not of the rungs.
pub(crate) fn stacked(experiment: &Experiment<'_>, load: &Load, cells: &[&Cell<'_>]) -> Option<Chart> {
    let splits = parts::of_load(cells);
    let x = Span::from_zero(splits.iter().map(|split| split.response_ms))?;
    // The bars of parts come first, so that rows are in the order of rungs.
    let void = voids::of(cells);
    let hatched = voids::bars(&void.iter().map(|cell| voids::tick(cell)).collect::<Vec<_>>(), &x);
    let parts = KINDS.iter().enumerate().filter_map(|(place, _)| trace(place, &splits));
    let traces: Vec<Box<dyn Trace>> = parts.chain(hatched).collect();
    let rows = splits.len() + void.len();
    let y = Axis::new()
        .range(vec![rows as f64 - 0.45, -0.55])
        .auto_range(false)
        .auto_margin(true)
        .show_grid(false)
        .tick_color("@axis")
        .line_color("@axis");
    let legend = Legend::new()
        .orientation(Orientation::Horizontal)
        .trace_order(TraceOrder::Normal)
        .x(0.0)
        .y(-0.28)
        .y_anchor(Anchor::Top);
    let layout = layout(x.axis().title(title("mean response, ms")), y, "", Vec::new(), false)
        .bar_mode(BarMode::Stack)
        .bar_gap(0.4)
        .show_legend(true)
        .legend(legend);
    let on =
        experiment.told_apart(Target::of(load)).map(|target| format!(" on {target}")).unwrap_or_default();
    let rate = load.rate_rps.map(|rate| format!(", {} requests/s", exact(rate))).unwrap_or_default();
    let over = experiment.connections_told_apart(load);
    let name = format!("Where the time went{on}{rate}{over}, open loop");
    let mut table = table(&name, &splits);
    voids::rows(&mut table, &void);
    Some(Chart {
        how_to_read: format!(
            "A bar is the mean time from due to answered, of answers that came; its parts follow each other from left to right. Hatched: void, nothing is known. {}.",
            KINDS.iter().map(|kind| format!("{}: {}", kind.name, kind.what)).collect::<Vec<_>>().join("; ")
        ),
        alt: format!("{}{}", alt(&name, &splits), voids::said(&void)),
        figure: json(traces, layout),
        table,
        main: false,
        height_rem: 10.0 + 2.3 * rows as f64,
        title: name,
    })
}

/// One part on all rungs; none where it is nowhere.
fn trace(place: usize, splits: &[Split<'_, '_>]) -> Option<Box<dyn Trace>> {
    let figures =
        splits.iter().map(|split| split.parts.get(place).copied().flatten().map(|share| share.mean_ms));
    let known: Vec<Option<f64>> = figures.collect();
    if known.iter().all(Option::is_none) {
        return None;
    }
    let names: Vec<String> =
        splits.iter().map(|split| escaped(&split.cell.series.label()).replacen(", ", ",<br>", 1)).collect();
    let values: Vec<f64> = known.iter().map(|ms| ms.unwrap_or(0.0)).collect();
    let name = KINDS.get(place)?.name;
    let bar = Bar::new(values, names)
        .orientation(Orientation::Horizontal)
        .name(name)
        // No pattern: hatched is what is void. Neighbours differ in lightness as well.
        .marker(Marker::new().color(format!("@part-{}", place + 1)))
        .hover_template(format!("%{{y}}, {name}: %{{x:,.4~g}} ms<extra></extra>"));
    Some(bar)
}

fn alt(name: &str, splits: &[Split<'_, '_>]) -> String {
    let words = |split: &Split<'_, '_>| Some(format!("{}: {}", split.cell.series.label(), split.in_words()?));
    let each: Vec<String> = splits.iter().filter_map(words).collect();
    format!("{name}: the largest part of the mean response. {}.", each.join("; "))
}

/// Mean and p99 of each part.
fn table(name: &str, splits: &[Split<'_, '_>]) -> Table {
    let figures = |split: &Split<'_, '_>| {
        let part = |share: &Option<parts::Share>| {
            share.map_or_else(
                || MISSING.to_owned(),
                |share| {
                    let p99 = shown(share.p99_ms, exact);
                    format!("{} (p99 {p99})", exact(share.mean_ms))
                },
            )
        };
        let counts = [count(split.answers), count(split.told), exact(split.response_ms)];
        let row = std::iter::once(split.cell.series.label()).chain(counts);
        row.chain(split.parts.iter().map(part)).collect()
    };
    let headers = ["rung", "answers", "told by the server", "response, mean ms"].map(String::from);
    Table {
        caption: format!("{name}: means add up, a p99 does not; all trials that count, together"),
        headers: headers.into_iter().chain(KINDS.iter().map(|kind| format!("{}, ms", kind.name))).collect(),
        rows: splits.iter().map(figures).collect(),
        numbers_from: 1,
    }
}
