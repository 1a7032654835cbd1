//! The map of who wins: a panel for each metric, a row for each route, a square for each load.
//!
//! A square's colour is the logarithm of its ratio where a difference is shown, and neutral where none is; the
//! ratio stands in it, so that nothing depends on colour alone. What does not count is hatched and says why.

use plotly::common::{Anchor, ColorScale, ColorScaleElement, Font};
use plotly::layout::{Annotation, Axis, AxisType, Shape, ShapeLine, ShapeType};
use plotly::{HeatMap, Layout, Trace};

use crate::report::cells::Experiment;
use crate::report::charts::frame::{self, escaped, note, title};
use crate::report::charts::{Chart, json};
use crate::report::crossover::{self, Map, Panel, Row, Square, Standing, Winner};
use crate::report::findings::{self, compared::shown};
use crate::report::tables::{MISSING, Table};
use crate::report::text::{exact, rounded};
use crate::results::{Machine, Mode};
use crate::stats::Reading;

/// A map for each pair, read in the family of everything that the experiment's findings compare.
pub(crate) fn maps(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Chart> {
    let maps = findings::read_along(experiment, machine, |family| crossover::maps(experiment, family));
    maps.iter().enumerate().map(|(place, map)| chart(map, place == 0)).collect()
}

/// Ratios from here on, on either side, have the full colour.
const FULL_COLOUR: f64 = 8.0;

/// Between squares.
const GAP_PX: usize = 3;

/// A difference that is shown is seen, however small: it has the colour of this ratio at least.
const FAINTEST: f64 = 1.5;

/// Heights, in rem: a row of squares; what stands between two panels, and where loads are named there; what is
/// above and below them all.
const ROW: f64 = 2.1;
const BETWEEN: f64 = 2.0;
const BETWEEN_NAMED: f64 = 5.2;
const AROUND: f64 = 6.3;

fn chart(map: &Map<'_, '_>, main: bool) -> Chart {
    let (blocking, other) = (map.blocking.label(), map.other.label());
    let name = format!("Who wins where: {blocking} and {other}");
    let panels = 0..map.panels.len();
    let height = panels.map(|place| ROW * map.panels[place].rows.len() as f64 + below(map, place)).sum();
    Chart {
        how_to_read: format!(
            "Blue: {other} (async) does better; orange: {blocking} (blocking) does; grey: no difference shown, or equal within 5 %. \
             The figure says how many times better async is, so below 1 it is worse; in brackets where that \
             is not shown; fewer than five blocks show nothing, and are coloured as they came out. Hatched: nothing \
             that counts. From the left end of an unbroken blue run to the right edge, async pays."
        ),
        alt: alt(&name, map),
        figure: json(map.panels.iter().enumerate().map(heat).collect(), layout(map, height)),
        table: table(&name, map),
        main,
        height_rem: AROUND + height,
        title: name,
    }
}

/// The colours of a panel.
fn heat((place, panel): (usize, &Panel<'_>)) -> Box<dyn Trace> {
    let levels = panel.levels();
    let squares = |row: &Row<'_>| -> Vec<(Option<f64>, String)> {
        let square = |level: &f64| {
            let square = row.at(*level)?;
            Some((colour(&square.standing), hover(panel, row, square)))
        };
        levels.iter().map(|level| square(level).unwrap_or_default()).collect()
    };
    let rows: Vec<Vec<(Option<f64>, String)>> = panel.rows.iter().map(squares).collect();
    let of_rows = |row: &Vec<(Option<f64>, String)>| row.iter().map(|(colour, _)| *colour).collect();
    let colours: Vec<Vec<Option<f64>>> = rows.iter().map(of_rows).collect();
    let texts: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.into_iter().map(|(_, text)| text).collect()).collect();
    let scale = [(0.0, "@map-warm"), (0.5, "@map-even"), (1.0, "@map-cool")];
    let scale = scale.map(|(at, color)| ColorScaleElement(at, color.to_owned()));
    HeatMap::new((0..levels.len()).collect(), (0..panel.rows.len()).collect(), colours)
        .zmin(-FULL_COLOUR.ln())
        .zmax(FULL_COLOUR.ln())
        .color_scale(ColorScale::Vector(scale.to_vec()))
        .show_scale(false)
        .x_gap(GAP_PX)
        .y_gap(GAP_PX)
        .x_axis(axis_name('x', place))
        .y_axis(axis_name('y', place))
        .hover_on_gaps(false)
        .text_matrix(texts)
        .hover_template("%{text}<extra></extra>")
}

/// The logarithm of the ratio where a difference is shown or too few blocks keep anything from being shown,
/// neutral where none is, nothing where nothing counts.
fn colour(standing: &Standing) -> Option<f64> {
    let ratio = standing.ratio()?;
    let shown = standing.winner().is_some() || standing.is_points();
    let log = ratio.estimate.ln();
    Some(if shown { log.signum() * log.abs().max(FAINTEST.ln()) } else { 0.0 })
}

/// What stands in a square: the ratio, in brackets where it is not shown to be other than 1.
fn figure(standing: &Standing) -> String {
    match standing {
        Standing::Nothing(missing) => missing.brief.to_owned(),
        Standing::Compared(ratio, _) if standing.winner().is_some() => brief(ratio.estimate),
        Standing::Compared(ratio, _) => format!("({})", brief(ratio.estimate)),
    }
}

/// Two digits after the point from 0.1 to 10: what there is room for.
fn brief(ratio: f64) -> String {
    if (0.1..9.995).contains(&ratio) { format!("{ratio:.2}") } else { rounded(ratio) }
}

fn hover(panel: &Panel<'_>, row: &Row<'_>, square: &Square<'_>) -> String {
    let (load, route) = (square.load_label(), escaped(&row.target.named()));
    format!("{}, {route}, {load}: {}", panel.noun(), escaped(&in_words(&square.standing)))
}

/// `2.31 (2.10 to 2.54): async better`
fn in_words(standing: &Standing) -> String {
    let (ratio, reading) = match standing {
        Standing::Nothing(missing) => return missing.why.replace('`', ""),
        Standing::Compared(ratio, reading) => (ratio, reading),
    };
    let interval = ratio.interval.map(|interval| format!(" ({})", shown(interval))).unwrap_or_default();
    let said = match (standing.winner(), reading) {
        (Some(Winner::Async), _) => "async better",
        (Some(Winner::Blocking), _) => "blocking better",
        (None, Reading::Equal) => "equal within 5 %",
        (None, Reading::PointsOnly) => "points, no interval",
        (None, _) => "no difference shown",
    };
    format!("{}{interval}: {said}", rounded(ratio.estimate))
}

/// `x`, `x2`, `x3`, as plotly calls axes.
fn axis_name(letter: char, place: usize) -> String {
    if place == 0 { letter.to_string() } else { format!("{letter}{}", place + 1) }
}

/// The panels below each other. Their squares have one size, however many there are in a row.
fn layout(map: &Map<'_, '_>, height_rem: f64) -> Layout {
    let widest = map.panels.iter().map(|panel| panel.levels().len()).max().unwrap_or(1);
    let mut notes = Vec::new();
    let mut shapes = Vec::new();
    let mut axes = Vec::new();
    let mut top = 1.0;
    for (place, panel) in map.panels.iter().enumerate() {
        let bottom = top - ROW * panel.rows.len() as f64 / height_rem;
        let heading = note(panel.heading(), "@ink").show_arrow(false).x_ref("paper").y_ref("paper");
        let heading = heading.x(0.0).y(top).x_anchor(Anchor::Left).y_anchor(Anchor::Bottom);
        notes.push(heading.font(Font::new().color("@ink").size(14)));
        for (row, column, square) in panel.squares() {
            if square.standing.ratio().is_none() {
                shapes.push(hatching(place, column, row));
            }
            notes.push(label(place, column, row, square));
        }
        let x = x_axis(panel, place, widest, is_named(map, place));
        axes.push((x, y_axis(panel, place, [bottom.max(0.0), top])));
        top = bottom - below(map, place) / height_rem;
    }
    let mut axes = axes.into_iter();
    let (x, y) = axes.next().unwrap_or_default();
    let mut layout = frame::layout(x, y, "", notes, false).shapes(shapes);
    for (place, (x, y)) in axes.enumerate() {
        layout = match place {
            0 => layout.x_axis2(x).y_axis2(y),
            1 => layout.x_axis3(x).y_axis3(y),
            _ => layout.x_axis4(x).y_axis4(y),
        };
    }
    layout
}

/// Whether a panel's loads stand below it: those of the next one are others, or there is none.
fn is_named(map: &Map<'_, '_>, place: usize) -> bool {
    let mode = |place: usize| map.panels.get(place).map(Panel::mode);
    mode(place) != mode(place + 1)
}

/// Room between a panel and the next one.
fn below(map: &Map<'_, '_>, place: usize) -> f64 {
    match (place + 1 < map.panels.len(), is_named(map, place)) {
        (false, _) => 0.0,
        (true, false) => BETWEEN,
        (true, true) => BETWEEN_NAMED,
    }
}

fn x_axis(panel: &Panel<'_>, place: usize, widest: usize, named: bool) -> Axis {
    let levels = panel.levels();
    let axis = bare_axis().range(vec![-0.5, widest as f64 - 0.5]).anchor(axis_name('y', place));
    if !named {
        return axis.show_tick_labels(false);
    }
    let axis = axis.tick_values((0..levels.len()).map(|level| level as f64).collect());
    if panel.mode() == Mode::Open {
        return axis.tick_text(levels.iter().map(|level| format!("{}/s", exact(*level))).collect());
    }
    axis.title(title("clients, closed loop")).tick_text(levels.iter().map(|level| exact(*level)).collect())
}

/// Routes from top to bottom.
fn y_axis(panel: &Panel<'_>, place: usize, domain: [f64; 2]) -> Axis {
    let rows = panel.rows.len();
    bare_axis()
        .range(vec![rows as f64 - 0.5, -0.5])
        .domain(&domain)
        .anchor(axis_name('x', place))
        .tick_values((0..rows).map(|row| row as f64).collect())
        .tick_text(panel.rows.iter().map(|row| escaped(&row.target.named())).collect())
}

fn bare_axis() -> Axis {
    frame::axis().type_(AxisType::Linear).show_grid(false).zero_line(false).show_line(false).tick_length(0)
}

fn label(place: usize, column: usize, row: usize, square: &Square<'_>) -> Annotation {
    let label = note(&figure(&square.standing), "@ink").show_arrow(false).x(column).y(row);
    let label = label.x_ref(axis_name('x', place)).y_ref(axis_name('y', place));
    match square.standing {
        Standing::Nothing(_) => label.background_color("@page").font(Font::new().color("@muted").size(11)),
        Standing::Compared(..) => label,
    }
}

/// Diagonals over a square.
fn hatching(place: usize, column: usize, row: usize) -> Shape {
    let corner = |at: usize| at as f64 - 0.5;
    let line = |offset: f64| {
        let ends = [offset.max(0.0), (1.0 + offset).min(1.0)];
        let at = ends.map(|x| format!("{:.2} {:.2}", corner(column) + x, corner(row) + x - offset));
        format!("M {} L {}", at[0], at[1])
    };
    Shape::new()
        .shape_type(ShapeType::Path)
        .x_ref(axis_name('x', place))
        .y_ref(axis_name('y', place))
        .path([-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75].map(line).join(" "))
        .line(ShapeLine::new().color("@axis").width(1.0))
}

fn alt(name: &str, map: &Map<'_, '_>) -> String {
    let row = |panel: &Panel<'_>, row: &Row<'_>| {
        let at = format!("{} at {}", panel.noun(), row.target.named());
        match row.from() {
            Some((winner, place)) => {
                let beginning = row.beginning(place).unwrap_or_default();
                let who = if winner == Winner::Async { "async" } else { "blocking" };
                format!("{at}: {who} {beginning}")
            }
            None => format!("{at}: nobody"),
        }
    };
    let rows = map.panels.iter().flat_map(|panel| panel.rows.iter().map(move |one| row(panel, one)));
    format!("{name}. Who wins from which load on: {}.", rows.collect::<Vec<_>>().join("; "))
}

/// Every square with its interval, and what may be said of it.
fn table(name: &str, map: &Map<'_, '_>) -> Table {
    let mut rows = Vec::new();
    for (panel, row) in map.panels.iter().flat_map(|panel| panel.rows.iter().map(move |row| (panel, row))) {
        for square in &row.squares {
            let ratio = square.standing.ratio();
            let interval = ratio.and_then(|ratio| ratio.interval);
            let words = in_words(&square.standing);
            rows.push(vec![
                panel.noun().to_owned(),
                row.target.named(),
                square.load_label(),
                words.rsplit(": ").next().unwrap_or_default().to_owned(),
                ratio.map_or_else(|| MISSING.into(), |ratio| rounded(ratio.estimate)),
                interval.map_or_else(|| MISSING.into(), shown),
                ratio.map_or_else(|| MISSING.into(), |ratio| ratio.blocks.to_string()),
            ]);
        }
    }
    let headers = ["metric", "route", "load", "reading", "times better async is", "95 % interval", "blocks"];
    Table {
        caption: format!(
            "{name}: the interval is the square's own, the reading is corrected for all comparisons of the experiment"
        ),
        headers: headers.map(String::from).to_vec(),
        rows,
        numbers_from: 4,
    }
}
