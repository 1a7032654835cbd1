//! Who wins where: blocking against async at every load of every route, metric by metric, and from which load
//! on one of them wins to the end.
//!
//! Every ratio is turned so that more than 1 is in favour of async. A square has a winner only where the
//! family of all comparisons grants it, and a winner from some load on only where all larger loads agree. The
//! reader goes next to `findings/crossover`, which says it, and to `charts/crossover`, which draws it.

use crate::ladder::Kind;
use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::target::Target;
use crate::report::text::{counted, exact};
use crate::results::{Load, Mode};
use crate::stats::{BLOCKS_FOR_INTERVAL, Family, Ratio, Reading};

/// A blocking rung and the async one that it is compared with.
#[derive(Debug)]
pub(crate) struct Map<'e, 'a> {
    pub(crate) blocking: &'e Series,
    pub(crate) other: &'e Series,
    /// One for each metric of which there are loads.
    pub(crate) panels: Vec<Panel<'a>>,
}

/// Everything about one metric.
#[derive(Debug)]
pub(crate) struct Panel<'a> {
    pub(crate) metric: Metric,
    /// From the shortest wait to the longest.
    pub(crate) rows: Vec<Row<'a>>,
}

/// One route.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) target: Target<'a>,
    /// From the smallest load to the largest.
    pub(crate) squares: Vec<Square<'a>>,
}

/// One load.
#[derive(Debug)]
pub(crate) struct Square<'a> {
    pub(crate) load: &'a Load,
    pub(crate) standing: Standing,
}

/// How the two stand.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// Compared, and read by the family.
    Compared(Ratio, Reading),
    /// Nothing that counts.
    Nothing(Missing),
}

/// Why there is nothing.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    /// In a word or two, as it stands in the map.
    pub(crate) brief: &'static str,
    /// As a clause.
    pub(crate) why: String,
}

/// Who does better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Winner {
    Blocking,
    Async,
}

/// Closed loops tell what a server can do and what it takes; how long it takes is told at a common rate.
const METRICS: [(Metric, Mode); 4] = [
    (Metric::Throughput, Mode::Closed),
    (Metric::Cpu, Mode::Closed),
    (Metric::Memory, Mode::Closed),
    (Metric::P99, Mode::Open),
];

/// With fewer clients memory is not compared. A process grows by pages and its allocator by more, and the first
/// connection starts what all of them share: of a few that is most, and no cost of theirs.
const FEWEST_FOR_MEMORY: u32 = 64;

/// A map for each blocking rung with the first async one, and likewise for the controls.
pub(crate) fn maps<'e, 'a>(experiment: &'e Experiment<'a>, family: &Family) -> Vec<Map<'e, 'a>> {
    let of_kind = |kind| experiment.series.iter().filter(move |series| series.kind() == Some(kind));
    let kinds = [(Kind::Blocking, Kind::Async), (Kind::BlockingControl, Kind::AsyncControl)];
    let pairs = kinds.into_iter().filter_map(|(blocking, other)| Some((blocking, of_kind(other).next()?)));
    let pairs = pairs.flat_map(|(blocking, other)| of_kind(blocking).map(move |series| (series, other)));
    let map = |(blocking, other)| {
        let panel = |(metric, mode)| panel(experiment, (blocking, other), metric, mode, family);
        let panels = METRICS.into_iter().map(panel).filter(|panel| !panel.rows.is_empty()).collect();
        Map { blocking, other, panels }
    };
    pairs.map(map).filter(|map: &Map<'_, '_>| !map.panels.is_empty()).collect()
}

fn panel<'a>(
    experiment: &Experiment<'a>,
    (blocking, other): (&Series, &Series),
    metric: Metric,
    mode: Mode,
    family: &Family,
) -> Panel<'a> {
    let row = |target: Target<'a>| {
        let of = |series: &Series, load: &Load| {
            experiment.cells.iter().find(|cell| cell.series == *series && cell.load == load)
        };
        let mut loads: Vec<&'a Load> = Vec::new();
        for cell in experiment.cells.iter().filter(|cell| cell.target() == target) {
            if [blocking, other].contains(&&cell.series) && !loads.contains(&cell.load) {
                loads.push(cell.load);
            }
        }
        loads.sort_by(|a, b| size(a).total_cmp(&size(b)));
        let square = |load: &'a Load| {
            let standing = standing(of(blocking, load), of(other, load), metric, family);
            Square { load, standing: standing.unwrap_or_else(Standing::Nothing) }
        };
        Row { target, squares: loads.into_iter().map(square).collect() }
    };
    let mut rows: Vec<Row<'a>> = experiment.targets(mode).into_iter().map(row).collect();
    rows.retain(|row| !row.squares.is_empty());
    rows.sort_by(|a, b| a.wait().total_cmp(&b.wait()));
    Panel { metric, rows }
}

/// Requests per second where they come on a schedule, else clients.
fn size(load: &Load) -> f64 {
    load.rate_rps.filter(|_| load.mode == Mode::Open).unwrap_or(load.clients.into())
}

/// What may be said of two cells at one load, or why nothing may.
fn standing(
    blocking: Option<&Cell<'_>>,
    other: Option<&Cell<'_>>,
    metric: Metric,
    family: &Family,
) -> Result<Standing, Missing> {
    let (Some(blocking), Some(other)) = (blocking, other) else {
        return Err(Missing { brief: "not run", why: "only one of the two was run".into() });
    };
    for cell in [blocking, other] {
        countable(cell, metric)?;
    }
    let ratio = match metric {
        Metric::Throughput => other.over(blocking, metric),
        _ => blocking.over(other, metric),
    };
    let Some(ratio) = ratio else {
        return Err(match metric {
            Metric::P99 => Missing {
                brief: "too few",
                why: "no block has 1,000 answers of both, which a p99 needs".into(),
            },
            _ => Missing { brief: "no figure", why: "no block has a figure of both".into() },
        });
    };
    Ok(Standing::Compared(ratio, family.reading(&ratio)))
}

/// Whether a cell may be compared in this metric.
fn countable(cell: &Cell<'_>, metric: Metric) -> Result<(), Missing> {
    let who = cell.series.named();
    let missing = |brief, why| Err(Missing { brief, why });
    if cell.ok.is_empty() {
        return match (&*cell.collapsed, &*cell.void) {
            ([_, ..], _) => missing("collapsed", format!("{who} collapsed")),
            (_, [_, ..]) => missing("void", format!("no trial of {who} counts")),
            _ => missing("not run", format!("{who} was not run")),
        };
    }
    if metric == Metric::Throughput && cell.client_bound().is_some() {
        return missing("client-<br>bound", format!("the generator was the limit of {who}"));
    }
    if metric == Metric::Memory && cell.load.clients < FEWEST_FOR_MEMORY {
        let why = "so few connections cost less than what the start of the first does";
        return missing("too few", why.into());
    }
    if metric == Metric::P99 && cell.behind().is_some() {
        return missing("fell<br>behind", format!("{who} fell behind that rate"));
    }
    Ok(())
}

impl Panel<'_> {
    /// What is compared, without its unit.
    pub(crate) fn noun(&self) -> &'static str {
        match self.metric {
            Metric::Throughput => "throughput",
            Metric::Cpu => "CPU per request",
            Metric::Memory => "memory per connection",
            _ => "p99 at a common rate",
        }
    }

    /// The same to stand above or before what it is about.
    pub(crate) fn heading(&self) -> &'static str {
        match self.metric {
            Metric::Throughput => "Throughput",
            Metric::Cpu => "CPU per request",
            Metric::Memory => "Memory per connection",
            _ => "Response time at a common rate, p99",
        }
    }

    /// How its loads come.
    pub(crate) fn mode(&self) -> Mode {
        if self.metric == Metric::P99 { Mode::Open } else { Mode::Closed }
    }

    /// Loads of all its routes, from the smallest to the largest.
    pub(crate) fn levels(&self) -> Vec<f64> {
        let squares = self.rows.iter().flat_map(|row| &row.squares);
        let mut levels: Vec<f64> = squares.map(|square| size(square.load)).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        levels
    }

    /// Every square with its row and its column.
    pub(crate) fn squares(&self) -> Vec<(usize, usize, &Square<'_>)> {
        let levels = self.levels();
        let mut squares = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            let at = |(column, level): (usize, &f64)| Some((place, column, row.at(*level)?));
            squares.extend(levels.iter().enumerate().filter_map(at));
        }
        squares
    }

    /// Where requests wait longest.
    pub(crate) fn longest_wait(&self) -> Option<&Row<'_>> {
        self.rows.last()
    }
}

impl Row<'_> {
    /// How long its requests wait as far as the route tells; for the order.
    pub(crate) fn wait(&self) -> f64 {
        match self.target.wait_ms() {
            Some(wait_ms) => wait_ms,
            None if self.target.waits() && self.target.route != "/wait/0" => f64::MAX,
            None => 0.0,
        }
    }

    /// Its square at a load of this size.
    pub(crate) fn at(&self, level: f64) -> Option<&Square<'_>> {
        self.squares.iter().find(|square| size(square.load).total_cmp(&level).is_eq())
    }

    /// Who wins at the largest load, and the place of the smallest load from which on that is so without a
    /// gap.
    pub(crate) fn from(&self) -> Option<(Winner, usize)> {
        let winner = self.squares.last()?.standing.winner()?;
        let agree = |square: &&Square<'_>| square.standing.winner() == Some(winner);
        let run = self.squares.iter().rev().take_while(agree).count();
        Some((winner, self.squares.len() - run))
    }

    /// `from 64 clients on`: where a winner begins. It may have won before where the load below tells nothing.
    pub(crate) fn beginning(&self, place: usize) -> Option<String> {
        let from = self.squares.get(place)?.load_label();
        let below = place.checked_sub(1).and_then(|place| self.squares.get(place));
        let unknown = below.is_some_and(|square| square.standing.tells_nothing());
        Some(format!("{}from {from} on", if unknown { "at the latest " } else { "" }))
    }
}

impl Square<'_> {
    /// `64 clients`, `2,000 requests/s`
    pub(crate) fn load_label(&self) -> String {
        match (self.load.mode, self.load.rate_rps) {
            (Mode::Open, Some(rate)) => format!("{} requests/s", exact(rate)),
            _ => counted(self.load.clients.into(), "client"),
        }
    }

    /// `with 64 clients`, `at 2,000 requests/s`
    pub(crate) fn under(&self) -> String {
        let preposition = if self.load.mode == Mode::Open { "at" } else { "with" };
        format!("{preposition} {}", self.load_label())
    }
}

impl Standing {
    /// Only where the family grants a difference.
    pub(crate) fn winner(&self) -> Option<Winner> {
        match self {
            Self::Compared(_, Reading::Larger) => Some(Winner::Async),
            Self::Compared(_, Reading::Smaller) => Some(Winner::Blocking),
            _ => None,
        }
    }

    pub(crate) fn ratio(&self) -> Option<&Ratio> {
        match self {
            Self::Compared(ratio, _) => Some(ratio),
            Self::Nothing(_) => None,
        }
    }

    /// Nothing that counts, or too few blocks of it.
    pub(crate) fn tells_nothing(&self) -> bool {
        matches!(self, Self::Nothing(_)) || self.is_points()
    }

    /// Compared, but in too few blocks to say anything.
    pub(crate) fn is_points(&self) -> bool {
        self.ratio().is_some_and(|ratio| ratio.blocks < BLOCKS_FOR_INTERVAL)
    }
}
