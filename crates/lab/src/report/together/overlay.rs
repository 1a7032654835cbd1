//! The charts of an experiment with all runs in them: a rung has its colour, as everywhere, and a run its dash and
//! its marker.

use plotly::common::{DashType, Line, Marker, MarkerSymbol, Mode as Drawn};
use plotly::layout::Axis;
use plotly::{Scatter, Trace};

use crate::report::cells::{Cell, Metric, Series};
use crate::report::charts::frame::{EndLabel, Span, end_label, escaped, layout, title};
use crate::report::charts::{Chart, FEW_LEVELS, json, style};
use crate::report::tables::{MISSING, Table, shown};
use crate::report::target::Target;
use crate::report::text::{exact, listed, sentence};
use crate::report::together::figures::noun;
use crate::report::together::{Shared, Side};
use crate::results::Mode;

/// Up to so many runs are told apart by dash and marker; of more only the crowd can be seen, and the table tells.
const TOLD_APART: usize = 6;

/// How the first runs look, in order, and in words.
const LOOKS: [(DashType, MarkerSymbol, &str, &str); TOLD_APART] = [
    (DashType::Solid, MarkerSymbol::Circle, "solid", "circles"),
    (DashType::Dash, MarkerSymbol::Square, "dashed", "squares"),
    (DashType::Dot, MarkerSymbol::TriangleUp, "dotted", "triangles"),
    (DashType::DashDot, MarkerSymbol::Diamond, "dashes and dots", "diamonds"),
    (DashType::LongDash, MarkerSymbol::Pentagon, "long dashes", "pentagons"),
    (DashType::LongDashDot, MarkerSymbol::Hexagon, "long dashes and dots", "hexagons"),
];

/// One figure of one target in all runs.
struct Overlay<'s> {
    shared: &'s Shared<'s>,
    target: Target<'s>,
    metric: Metric,
    noun: &'static str,
    series: Vec<&'s Series>,
    /// Clients, or requests per second where they come on a schedule.
    levels: Vec<f64>,
    points: Vec<Point>,
}

/// The median of a cell.
struct Point {
    /// Among the sides.
    side: usize,
    /// Among the series.
    series: usize,
    level: f64,
    value: f64,
}

/// Throughput and its cost in closed loop, response times in open loop.
pub(super) fn charts<'s>(shared: &'s Shared<'s>) -> Vec<Chart> {
    let mut charts = Vec::new();
    // What a demonstration costs says little: its servers run together.
    let costs = !shared.sides.iter().any(|side| side.experiment.asked.demonstration);
    for (mode, metrics) in [
        (Mode::Closed, [Metric::Throughput, Metric::Cpu]),
        // Where there are answers enough for a p99, it is what differs.
        (Mode::Open, [Metric::P99, Metric::P50]),
    ] {
        for target in targets(shared, mode) {
            let metrics = metrics.into_iter().filter(|metric| costs || *metric != Metric::Cpu);
            let mut all = metrics.filter_map(|metric| Overlay::of(shared, target, metric));
            let chart = |overlay: Overlay<'_>| {
                if overlay.levels.len() > FEW_LEVELS { overlay.curves() } else { overlay.rows() }
            };
            if mode == Mode::Open {
                charts.extend(all.next().and_then(chart));
            } else {
                charts.extend(all.filter_map(chart));
            }
        }
    }
    charts
}

/// Everything that at least one run was asked for.
fn targets<'s>(shared: &'s Shared<'s>, mode: Mode) -> Vec<Target<'s>> {
    let mut targets: Vec<Target<'s>> = Vec::new();
    for target in shared.sides.iter().flat_map(|side| side.experiment.targets(mode)) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

impl<'s> Overlay<'s> {
    /// None where fewer than two runs have the figure.
    fn of(shared: &'s Shared<'s>, target: Target<'s>, metric: Metric) -> Option<Self> {
        let mut series: Vec<&Series> = Vec::new();
        let mut points = Vec::new();
        let mut word = "";
        for (side, Side { experiment, .. }) in shared.sides.iter().enumerate() {
            for cell in experiment.at(target) {
                let Some(value) = cell.median(metric).filter(|value| *value > 0.0) else { continue };
                // Of a full generator only the server's own figures count.
                if !metric.is_the_servers() && cell.client_bound().is_some() {
                    continue;
                }
                let place = series.iter().position(|known| **known == cell.series).unwrap_or_else(|| {
                    series.push(&cell.series);
                    series.len() - 1
                });
                word = noun(metric, cell);
                points.push(Point { side, series: place, level: level(cell), value });
            }
        }
        let first = points.first()?.side;
        if points.iter().all(|point| point.side == first) {
            return None;
        }
        let mut levels: Vec<f64> = points.iter().map(|point| point.level).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        Some(Self { shared, target, metric, noun: word, series, levels, points })
    }

    /// A line for each rung in each run.
    fn curves(&self) -> Option<Chart> {
        let x = Span::of(self.levels.iter().copied(), 10.0, 0.05)?;
        let y = Span::of(self.points.iter().map(|point| point.value), 8.0, 0.08)?;
        let many = self.shared.sides.len() > TOLD_APART;
        let mut traces: Vec<Box<dyn Trace>> = Vec::new();
        let mut labels: Vec<EndLabel> = Vec::new();
        for (series, name) in self.series.iter().enumerate() {
            let color = style::of(name).token();
            let text = escaped(&name.label());
            for side in 0..self.shared.sides.len() {
                let (xs, ys) = self.line(series, side);
                let Some(end) = xs.last().copied().zip(ys.last().copied()) else { continue };
                if !labels.iter().any(|label| label.text.contains(&format!(">{text}<"))) {
                    let text = format!("<b>{text}</b>");
                    labels.push(EndLabel { text, color: color.clone(), at: end });
                }
                traces.push(self.trace(&text, &color, (xs, ys), side, many));
            }
        }
        y.apart(&mut labels, 24.0);
        let notes = labels.iter().map(|label| end_label(label, &x)).collect();
        let axis = x
            .axis()
            .title(title(&x.titled(self.callers())))
            .tick_text(self.levels.iter().map(|level| exact(*level)).collect())
            .tick_values(self.levels.clone());
        let layout = layout(axis, y.axis(), &y.titled(self.unit()), notes, true);
        Some(self.chart(json(traces, layout), 28.0, true))
    }

    fn line(&self, series: usize, side: usize) -> (Vec<f64>, Vec<f64>) {
        let mut own: Vec<&Point> =
            self.points.iter().filter(|point| (point.series, point.side) == (series, side)).collect();
        own.sort_by(|a, b| a.level.total_cmp(&b.level));
        own.into_iter().map(|point| (point.level, point.value)).unzip()
    }

    fn trace(
        &self,
        rung: &str,
        color: &str,
        (x, y): (Vec<f64>, Vec<f64>),
        side: usize,
        many: bool,
    ) -> Box<dyn Trace> {
        let run = escaped(&self.shared.sides[side].run.name);
        let (dash, symbol, ..) = LOOKS[side % TOLD_APART].clone();
        let (mode, dash, width) =
            if many { (Drawn::Lines, DashType::Solid, 1.0) } else { (Drawn::LinesMarkers, dash, 2.0) };
        Scatter::new(x, y)
            .mode(mode)
            .marker(Marker::new().symbol(symbol).size(8).color(color.to_owned()))
            .line(Line::new().color(color.to_owned()).width(width).dash(dash))
            .opacity(if many { 0.6 } else { 1.0 })
            .hover_template(format!("{rung}, {run}, %{{x:,}}: %{{y:,.4~g}} {}<extra></extra>", self.unit()))
            .legend_group(rung)
            .show_legend(!many || side == 0)
            .name(if many { rung.to_owned() } else { format!("{rung}, {run}") })
    }

    /// A row for each rung at each load, a mark for each run.
    fn rows(&self) -> Option<Chart> {
        let values = || self.points.iter().map(|point| point.value);
        let spanning = Span::of(values(), 8.0, 0.08)?;
        // Near values look near.
        let x = if spanning.is_log() { spanning } else { Span::from_zero(values())? };
        let places: Vec<(usize, f64)> = (0..self.series.len())
            .flat_map(|series| self.levels.iter().map(move |level| (series, *level)))
            .filter(|(series, level)| {
                self.points.iter().any(|point| point.series == *series && at(point, *level))
            })
            .collect();
        let runs = self.shared.sides.len();
        let mut traces: Vec<Box<dyn Trace>> = Vec::new();
        for (row, (series, level)) in places.iter().enumerate() {
            let name = self.series[*series];
            for point in self.points.iter().filter(|point| point.series == *series && at(point, *level)) {
                // Runs stand below each other within a row.
                let below = (point.side as f64 - (runs - 1) as f64 / 2.0) * 0.7 / runs as f64;
                let run = escaped(&self.shared.sides[point.side].run.name);
                let size = if runs > TOLD_APART { 6 } else { 10 };
                let hover =
                    format!("{}, {run}: %{{x:,.4~g}} {}<extra></extra>", escaped(&name.label()), self.unit());
                let mark = Scatter::new(vec![point.value], vec![row as f64 + below])
                    .mode(Drawn::Markers)
                    .marker(
                        Marker::new()
                            .symbol(LOOKS[point.side % TOLD_APART].1.clone())
                            .size(size)
                            .color(style::of(name).token()),
                    )
                    .hover_template(hover)
                    .name(format!("{}, {run}", escaped(&name.label())));
                traces.push(mark);
            }
        }
        let tick = |(series, level): &(usize, f64)| {
            let label = escaped(&self.series[*series].label()).replacen(", ", ",<br>", 1);
            if self.levels.len() > 1 { format!("{label}<br>{}", self.load(*level)) } else { label }
        };
        let y = Axis::new()
            .range(vec![places.len() as f64 - 0.4, -0.6])
            .tick_values((0..places.len()).map(|row| row as f64).collect())
            .tick_text(places.iter().map(tick).collect())
            .auto_margin(true)
            .grid_color("@grid")
            .zero_line(false)
            .tick_color("@axis")
            .line_color("@axis");
        let layout = layout(x.axis().title(title(&x.titled(self.unit()))), y, "", Vec::new(), false);
        Some(self.chart(json(traces, layout), 8.0 + 2.8 * places.len() as f64, false))
    }

    fn chart(&self, figure: String, height_rem: f64, has_lines: bool) -> Chart {
        let noun = if self.metric == Metric::P99 { self.noun.to_owned() } else { sentence(self.noun) };
        let title = format!("{noun} of {}, all runs", self.target.named());
        Chart {
            how_to_read: format!("Medians over the trials that count. {}", self.looks(has_lines)),
            alt: format!("{title}. {}", self.words()),
            figure,
            table: self.table(&title),
            main: false,
            height_rem,
            title,
        }
    }

    /// Which look is whose.
    fn looks(&self, has_lines: bool) -> String {
        let sides = &self.shared.sides;
        if sides.len() > TOLD_APART {
            return "Runs are too many to be told apart here: the table below has them.".into();
        }
        let each: Vec<String> = sides
            .iter()
            .zip(&LOOKS)
            .map(|(side, (.., line, marks))| {
                let line = if has_lines { format!("{line}, ") } else { String::new() };
                format!("{}: {line}{marks}", side.run.name)
            })
            .collect();
        format!("{}.", each.join("; "))
    }

    /// Range over the runs, rung by rung, at the heaviest load.
    fn words(&self) -> String {
        let each = self.series.iter().enumerate().filter_map(|(series, name)| {
            let own = || self.points.iter().filter(move |point| point.series == series);
            let last = own().map(|point| point.level).fold(f64::NEG_INFINITY, f64::max);
            let values: Vec<f64> = own().filter(|point| at(point, last)).map(|point| point.value).collect();
            let low = values.iter().copied().reduce(f64::min)?;
            let high = values.iter().copied().reduce(f64::max)?;
            let (low, high) = (self.metric.show(low), self.metric.show(high));
            let range = if low == high { low } else { format!("{low} to {high}") };
            Some(format!("{} with {}: {range}", name.label(), self.load(last)))
        });
        format!("{}.", listed(&each.collect::<Vec<_>>()))
    }

    /// A row for each rung and load, a column for each run.
    fn table(&self, title: &str) -> Table {
        let mut rows = Vec::new();
        for (series, name) in self.series.iter().enumerate() {
            for level in &self.levels {
                let value = |side: usize| {
                    let own =
                        |point: &&Point| (point.series, point.side) == (series, side) && at(point, *level);
                    let value = self.points.iter().find(own).map(|point| point.value);
                    shown(value, exact)
                };
                let values: Vec<String> = (0..self.shared.sides.len()).map(value).collect();
                if values.iter().any(|value| value != MISSING) {
                    rows.push([name.label(), self.load(*level)].into_iter().chain(values).collect());
                }
            }
        }
        let runs = self.shared.sides.iter().map(|side| side.run.name.clone());
        Table {
            caption: format!("{title}: medians, {}", self.unit()),
            headers: ["rung".into(), "load".into()].into_iter().chain(runs).collect(),
            rows,
            numbers_from: 2,
        }
    }

    fn load(&self, level: f64) -> String {
        if self.target.mode == Mode::Open {
            format!("{} requests/s", exact(level))
        } else {
            crate::report::text::counted(level as u64, self.target.caller())
        }
    }

    fn callers(&self) -> &'static str {
        if self.target.mode == Mode::Open { "requests/s due, open loop" } else { "clients, closed loop" }
    }

    fn unit(&self) -> &'static str {
        match self.metric {
            Metric::Throughput => "requests/s",
            Metric::Cpu => "µs of CPU per request",
            Metric::P99 => "p99 of the response, ms",
            _ => "median response, ms",
        }
    }
}

fn at(point: &Point, level: f64) -> bool {
    point.level.total_cmp(&level).is_eq()
}

fn level(cell: &Cell<'_>) -> f64 {
    cell.load.rate_rps.filter(|_| cell.load.mode == Mode::Open).unwrap_or(cell.load.clients.into())
}
