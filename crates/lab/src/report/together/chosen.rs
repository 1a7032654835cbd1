//! Which ratio is an experiment's main one, among all that its runs have in common.

use std::cmp::Reverse;

use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::findings::{by_load::Group, bystander_tail};
use crate::report::together::figures::noun;
use crate::report::together::{Shared, Side};
use crate::results::{Load, Mode, Rule, Trial};
use crate::stats::{self, Ratio};

/// What the ratio is of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Quantity {
    Of(Metric),
    /// The 90th percentile of bystanders.
    Tail,
}

/// Whatever has a ratio in most runs, in the figure that the experiment's rule asks about.
pub(super) fn of<'s>(shared: &'s Shared<'s>) -> Option<(Quantity, [&'s Cell<'s>; 2])> {
    if shared.sides.iter().any(|side| side.experiment.asked.demonstration) {
        return None;
    }
    let first = &shared.sides.first()?.experiment;
    let mut best: Option<(Standing, Quantity, [&Cell<'_>; 2])> = None;
    for (place, quantity) in asked_about(first.asked.rule).iter().enumerate() {
        for [blocking, other] in pairs(first) {
            let has = |side: &&Side<'_>| quantity.ratio(&side.experiment, blocking, other).is_some();
            let runs = shared.sides.iter().filter(has).count();
            let standing = Standing::of(first, blocking, other, place, runs);
            if runs > 1 && best.as_ref().is_none_or(|(known, ..)| standing > *known) {
                best = Some((standing, *quantity, [blocking, other]));
            }
        }
    }
    let (_, quantity, cells) = best?;
    Some((quantity, cells))
}

/// By what the main ratio is chosen; what comes first counts first, and more is better.
#[derive(PartialEq, PartialOrd)]
struct Standing {
    runs: usize,
    /// Of the figure, from the last to the first that the rule asks about.
    metric: Reverse<usize>,
    /// The pair that pages show.
    default_pair: bool,
    own_route: bool,
    waits: bool,
    clients: u32,
    rate: f64,
}

impl Standing {
    fn of(experiment: &Experiment<'_>, one: &Cell<'_>, other: &Cell<'_>, metric: usize, runs: usize) -> Self {
        Self {
            runs,
            metric: Reverse(metric),
            default_pair: (&*one.series.rung, &*other.series.rung) == ("thread-per-request", "event-loop"),
            own_route: experiment.asked.route == one.load.route,
            waits: one.target().waits(),
            clients: if one.load.mode == Mode::Open { 0 } else { one.load.clients },
            rate: one.load.rate_rps.unwrap_or(0.0),
        }
    }
}

/// The figures in which an experiment's answer lies.
fn asked_about(rule: Option<Rule>) -> &'static [Quantity] {
    use Metric::{Cpu, Memory, P50, P99, Throughput};
    use Quantity::{Of, Tail};
    match rule {
        Some(Rule::Equal | Rule::SharedLimit | Rule::Goodput) => &[Of(Throughput), Of(P50), Of(Cpu)],
        Some(Rule::Bystanders) => &[Tail, Of(Cpu)],
        Some(Rule::Pool | Rule::Recovery) => &[Of(P99), Of(P50), Of(Throughput)],
        Some(Rule::Exhaustion | Rule::SlowClients) => &[Of(Memory), Of(Cpu)],
        Some(Rule::Crossover) | None => &[Of(Cpu), Of(Memory), Of(Throughput)],
    }
}

/// Blocking and async under one load; where there is no such pair, the first and the last rung.
fn pairs<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<[&'e Cell<'a>; 2]> {
    let mut groups: Vec<Group<'e, 'a>> = Vec::new();
    // Of a full generator the server's own figures still count, so that all cells are asked.
    for cell in experiment.cells.iter().filter(|cell| !cell.ok.is_empty()) {
        match groups.iter_mut().find(|group| group.load == cell.load) {
            Some(group) => group.cells.push(cell),
            None => groups.push(Group { load: cell.load, cells: vec![cell] }),
        }
    }
    let of_kinds = groups.iter().flat_map(Group::pairs).map(|(blocking, other)| [blocking, other]);
    let of_kinds: Vec<_> = of_kinds.collect();
    if !of_kinds.is_empty() {
        return of_kinds;
    }
    let ends = groups.iter().filter_map(|group| match group.cells.as_slice() {
        [first, .., last] => Some([*first, *last]),
        _ => None,
    });
    ends.collect()
}

impl Quantity {
    pub(super) fn of(self, trial: &Trial) -> Option<f64> {
        match self {
            Self::Of(metric) => metric.of(trial),
            Self::Tail => bystander_tail::p90(trial),
        }
    }

    pub(super) fn noun(self, cell: &Cell<'_>) -> &'static str {
        match self {
            Self::Of(metric) => noun(metric, cell),
            Self::Tail => "the 90th percentile of bystanders",
        }
    }

    /// Of the same two cells in a run.
    pub(super) fn ratio(
        self,
        experiment: &Experiment<'_>,
        blocking: &Cell<'_>,
        other: &Cell<'_>,
    ) -> Option<Ratio> {
        let (one, two) = (same(experiment, blocking)?, same(experiment, other)?);
        match self {
            Self::Of(metric) => one.over(two, metric),
            Self::Tail => stats::ratio(&one.pairs(two, bystander_tail::p90)),
        }
    }
}

pub(super) fn same<'e, 'a>(experiment: &'e Experiment<'a>, cell: &Cell<'_>) -> Option<&'e Cell<'a>> {
    let (series, load): (&Series, &Load) = (&cell.series, cell.load);
    experiment.cells.iter().find(|mine| mine.series == *series && mine.load == load)
}
