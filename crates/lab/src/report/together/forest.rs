//! The main ratio of an experiment, a line for each run: blocking over async, as each run found it within its own
//! blocks.
//!
//! There is no pooled estimate. A mean over the machines that somebody happened to own estimates nothing, and with
//! intervals as narrow as these all differences between machines are real ones. What can be said is how far they lie
//! apart, and in how many runs which side does better.

use plotly::common::{DashType, ErrorData, ErrorType, Line, Marker, MarkerSymbol, Mode as Drawn};
use plotly::layout::{Axis, Shape, ShapeLine, ShapeType};
use plotly::{Scatter, Trace};

use crate::report::cells::{Cell, Metric, Series};
use crate::report::charts::frame::{Span, escaped, layout, title};
use crate::report::charts::{Chart, json};
use crate::report::findings;
use crate::report::findings::compared::{compared, points, shown};
use crate::report::tables::{MISSING, Table};
use crate::report::text::{counted, listed, rounded, sentence};
use crate::report::together::chosen::{self, Quantity, same};
use crate::report::together::{Shared, Side};
use crate::stats::{self, BLOCKS_FOR_INTERVAL, Family, Ratio, Reading};

/// One ratio in all runs.
pub(super) struct Forest<'s> {
    blocking: &'s Series,
    other: &'s Series,
    quantity: Quantity,
    noun: &'static str,
    /// `with 256 clients at /wait/100`
    under: String,
    lines: Vec<Row<'s>>,
}

/// What a run has to say of it.
struct Row<'s> {
    run: &'s str,
    /// The ratio and how the run itself reads it.
    seen: Option<(Ratio, Reading)>,
    /// The ratio over that of the first run that has one.
    against: Option<String>,
}

/// None where no two runs have a ratio of the same.
pub(super) fn of<'s>(shared: &'s Shared<'s>) -> Option<Forest<'s>> {
    let (quantity, [blocking, other]) = chosen::of(shared)?;
    Some(Forest {
        blocking: &blocking.series,
        other: &other.series,
        quantity,
        noun: quantity.noun(blocking),
        under: format!("with {} at {}", blocking.load_label(), blocking.target().named()),
        lines: lines(shared, blocking, other, quantity),
    })
}

fn lines<'s>(
    shared: &'s Shared<'s>,
    blocking: &Cell<'_>,
    other: &Cell<'_>,
    quantity: Quantity,
) -> Vec<Row<'s>> {
    // A ratio for each block, to be held against the blocks of other runs.
    let of_blocks = |side: &Side<'_>| -> Vec<f64> {
        let pairs = same(&side.experiment, blocking)
            .zip(same(&side.experiment, other))
            .map(|(one, two)| one.pairs(two, |trial| quantity.of(trial)));
        pairs.unwrap_or_default().into_iter().map(|(one, two)| one / two).collect()
    };
    let first =
        shared.sides.iter().position(|side| quantity.ratio(&side.experiment, blocking, other).is_some());
    let reference = first.map(|place| of_blocks(&shared.sides[place])).unwrap_or_default();
    let against: Vec<Option<Ratio>> = shared
        .sides
        .iter()
        .enumerate()
        .map(|(place, side)| {
            quantity.ratio(&side.experiment, blocking, other).filter(|_| Some(place) != first)?;
            stats::unpaired(&of_blocks(side), &reference)
        })
        .collect();
    let said = Family::read(|family| {
        let one = |ratio: &Ratio| format!("{}{}", compared(ratio, family), points(ratio));
        against.iter().map(|ratio| ratio.as_ref().map(one)).collect::<Vec<_>>()
    });
    let seen = |side: &Side<'_>| {
        let ratio = quantity.ratio(&side.experiment, blocking, other)?;
        let machine = &side.run.results.machine;
        let reading = findings::read_along(&side.experiment, machine, |family| family.reading(&ratio));
        Some((ratio, reading))
    };
    let row = |(side, against): (&'s Side<'s>, Option<String>)| Row {
        run: &side.run.name,
        seen: seen(side),
        against,
    };
    shared.sides.iter().zip(said).map(row).collect()
}

impl Forest<'_> {
    fn heading(&self) -> String {
        format!("{} of {} over {}, run by run", capital(self.noun), self.blocking.label(), self.other.label())
    }

    /// In how many runs which side has more, and how far the runs lie apart.
    pub(super) fn sentence(&self) -> String {
        let seen: Vec<&(Ratio, Reading)> = self.lines.iter().filter_map(|line| line.seen.as_ref()).collect();
        let of = |reading: Reading| seen.iter().filter(|(_, read)| *read == reading).count();
        let (one, other) = (self.blocking.named(), self.other.named());
        let counts: Vec<String> = [
            (of(Reading::Larger), format!("more on {one} than on {other}")),
            (of(Reading::Smaller), format!("less on {one} than on {other}")),
            (of(Reading::Equal), "equal within 5 %".into()),
            (of(Reading::NoDifferenceShown), "no difference shown".into()),
            (of(Reading::PointsOnly), format!("points from fewer than {BLOCKS_FOR_INTERVAL} blocks")),
        ]
        .into_iter()
        .filter(|(runs, _)| *runs > 0)
        .map(|(runs, what)| format!("in {} {what}", counted(runs as u64, "run")))
        .collect();
        let estimates: Vec<f64> = seen.iter().map(|(ratio, _)| ratio.estimate).collect();
        let low = estimates.iter().copied().fold(f64::INFINITY, f64::min);
        let high = estimates.iter().copied().fold(0.0, f64::max);
        let middle = stats::median(&estimates).filter(|_| estimates.len() > 2);
        let middle = middle.map(|middle| format!(", the middle one {}", rounded(middle)));
        format!(
            "{} {}: {}. The ratios lie from {} to {}{}.",
            capital(self.noun),
            self.under,
            listed(&counts),
            rounded(low),
            rounded(high),
            middle.unwrap_or_default()
        )
    }

    /// Each run, and what it has to say.
    pub(super) fn runs(&self) -> Vec<(&str, String)> {
        self.lines.iter().map(|line| (line.run, line.words())).collect()
    }

    /// Runs from top to bottom.
    pub(super) fn chart(&self) -> Option<Chart> {
        let seen = || self.lines.iter().filter_map(|line| line.seen.as_ref());
        let ends = seen().flat_map(|(ratio, _)| {
            let interval = ratio.interval.map(|interval| [interval.low, interval.high]);
            [ratio.estimate].into_iter().chain(interval.into_iter().flatten())
        });
        // Always logarithmic: twice and half are equally far from 1.
        let x = Span::of(ends.chain([1.0]), 0.0, 0.08)?;
        let rows = self.lines.len();
        let traces =
            self.lines.iter().enumerate().filter_map(|(place, line)| self.mark(place, line)).collect();
        let y = Axis::new()
            .range(vec![rows as f64 - 0.4, -0.6])
            .tick_values((0..rows).map(|row| row as f64).collect())
            .tick_text(self.lines.iter().map(|line| escaped(line.run)).collect())
            .auto_margin(true)
            .grid_color("@grid")
            .zero_line(false)
            .tick_color("@axis")
            .line_color("@axis");
        let axis = format!("{} on {} ÷ on {}", self.noun, self.blocking.label(), self.other.label());
        let x_axis = x.axis().title(title(&x.titled(&escaped(&axis))));
        let near = near_ticks(x.ends());
        let x_axis = if near.is_empty() {
            x_axis
        } else {
            x_axis.tick_text(near.iter().map(|tick| rounded(*tick)).collect()).tick_values(near)
        };
        let layout = layout(x_axis, y, "", Vec::new(), false).shapes(vec![no_difference()]);
        let each: Vec<String> =
            self.lines.iter().map(|line| format!("{}: {}", line.run, line.words())).collect();
        Some(Chart {
            title: self.heading(),
            how_to_read: format!(
                "{}. A line is a run: its mark the geometric mean over its blocks, its whisker the 95 % interval, hollow \
                 where there are too few blocks for one. On the dashed line both are equal; to the right of it {} has \
                 more. Orange: the run shows {} to do better; blue: {}; grey: it shows neither. No mean over the runs is \
                 drawn, since machines differ in fact and not by chance.",
                sentence(&self.under),
                self.blocking.label(),
                self.blocking.label(),
                self.other.label()
            ),
            alt: format!("{}, {}. {}.", self.heading(), self.under, each.join("; ")),
            figure: json(traces, layout),
            table: self.table(),
            main: false,
            height_rem: 8.0 + 1.5 * rows as f64,
        })
    }

    /// A run's mark; none where it has no figure.
    fn mark(&self, place: usize, line: &Row<'_>) -> Option<Box<dyn Trace>> {
        let (ratio, reading) = line.seen.as_ref()?;
        // Of requests per second more is better, of all costs less.
        let turned = self.quantity == Quantity::Of(Metric::Throughput);
        let color = match reading {
            Reading::Larger | Reading::Smaller if (*reading == Reading::Larger) == turned => "@warm-1",
            Reading::Larger | Reading::Smaller => "@cool-1",
            _ => "@muted",
        };
        let symbol = if ratio.interval.is_some() { MarkerSymbol::Square } else { MarkerSymbol::SquareOpen };
        let mark = Scatter::new(vec![ratio.estimate], vec![place as f64])
            .mode(Drawn::Markers)
            .marker(Marker::new().symbol(symbol).size(9).color(color).line(Line::new().width(1.5)))
            .hover_template(format!("{}: {}<extra></extra>", escaped(line.run), line.words()))
            .name(escaped(line.run));
        let Some(interval) = ratio.interval else { return Some(mark) };
        let whisker = ErrorData::new(ErrorType::Data)
            .array(vec![interval.high - ratio.estimate])
            .array_minus(vec![ratio.estimate - interval.low])
            .symmetric(false)
            .color(color)
            .thickness(2.0)
            .width(4);
        Some(mark.error_x(whisker))
    }

    fn table(&self) -> Table {
        let dash = || MISSING.to_owned();
        let row = |line: &Row<'_>| {
            let ratio = line.seen.as_ref().map(|(ratio, _)| ratio);
            vec![
                line.run.to_owned(),
                line.reading(),
                line.against.clone().unwrap_or_else(dash),
                ratio.map_or_else(dash, |ratio| rounded(ratio.estimate)),
                ratio.and_then(|ratio| ratio.interval).map_or_else(dash, shown),
                ratio.map_or_else(dash, |ratio| ratio.blocks.to_string()),
            ]
        };
        let headers =
            ["run", "reading", "its ratio over the first one's", "ratio", "95 % interval", "blocks"];
        Table {
            caption: format!(
                "{}, {}: the reading is the run's own, corrected for all comparisons of its experiment; ratios over the \
                 first one's are corrected for all runs",
                self.heading(),
                self.under
            ),
            headers: headers.map(String::from).to_vec(),
            rows: self.lines.iter().map(row).collect(),
            numbers_from: 3,
        }
    }
}

impl Row<'_> {
    /// `4.62 (3.80 to 5.70), more`
    fn words(&self) -> String {
        let Some((ratio, _)) = &self.seen else { return "no figure".into() };
        let interval = ratio.interval.map(|interval| format!(" ({})", shown(interval))).unwrap_or_default();
        format!("{}{interval}, {}", rounded(ratio.estimate), self.reading())
    }

    fn reading(&self) -> String {
        match self.seen {
            None => "no figure",
            Some((_, Reading::Larger)) => "more",
            Some((_, Reading::Smaller)) => "less",
            Some((_, Reading::Equal)) => "equal within 5 %",
            Some((_, Reading::NoDifferenceShown)) => "no difference shown",
            Some((_, Reading::PointsOnly)) => "points, no interval",
        }
        .to_owned()
    }
}

/// Ratios this close to each other have no power of ten among them, nor twice or five times one: even steps will do.
const NEAR: f64 = 3.0;

fn near_ticks((low, high): (f64, f64)) -> Vec<f64> {
    if high / low > NEAR {
        return Vec::new();
    }
    let raw = (high - low) / 5.0;
    let ten = 10_f64.powf(raw.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * ten);
    let step = steps.into_iter().find(|step| *step >= raw).unwrap_or(raw);
    let first = (low / step).ceil() as u32;
    (first..first.saturating_add(8)).map(|n| f64::from(n) * step).take_while(|tick| *tick <= high).collect()
}

/// As a sentence begins; `p99` stays as it is.
fn capital(noun: &str) -> String {
    if noun.starts_with("p99") { noun.to_owned() } else { sentence(noun) }
}

fn no_difference() -> Shape {
    Shape::new()
        .shape_type(ShapeType::Line)
        .x_ref("x")
        .y_ref("paper")
        .x0(1.0)
        .x1(1.0)
        .y0(0.0)
        .y1(1.0)
        .line(ShapeLine::new().color("@muted").width(1.5).dash(DashType::Dash))
}
