//! Rule `equal`: is there no difference? Claimed only by the equivalence rule of `stats`, never because an
//! interval happens to contain 1.

use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::findings::Finding;
use crate::report::findings::by_load::{self, Group};
use crate::report::findings::compared::{compared_as, shown};
use crate::report::text::{counted, listed, rounded};
use crate::results::Mode;
use crate::stats::{Family, Ratio, Reading};

/// The verdict over all loads and pairs, then a sentence for each load.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let groups = by_load::groups(experiment);
    let compared: Vec<(&Group<'_, '_>, Vec<Comparison<'_, '_>>)> = groups
        .iter()
        .map(|group| (group, Comparison::all(group, family)))
        .filter(|(_, all)| !all.is_empty())
        .collect();
    let all: Vec<(&Group<'_, '_>, &Comparison<'_, '_>)> =
        compared.iter().flat_map(|(group, all)| all.iter().map(move |one| (*group, one))).collect();
    let each = compared.iter().map(|(group, all)| {
        let clauses: Vec<String> = all.iter().map(Comparison::clause).collect();
        Finding::detail(format!("With {}: {}.", group.said(), clauses.join("; ")))
    });
    verdict(&all).map(Finding::headline).into_iter().chain(each).collect()
}

/// Blocking over async: answers a second in closed loop, median response in the others.
struct Comparison<'e, 'a> {
    blocking: &'e Cell<'a>,
    other: &'e Cell<'a>,
    metric: Metric,
    ratio: Ratio,
    reading: Reading,
    /// What the ratio allows one to say.
    said: String,
}

impl<'e, 'a> Comparison<'e, 'a> {
    fn all(group: &Group<'e, 'a>, family: &Family) -> Vec<Self> {
        let (metric, as_much) = match group.load.mode {
            Mode::Closed => (Metric::Throughput, "as many"),
            _ => (Metric::P50, "as long"),
        };
        let of = |(blocking, other): (&'e Cell<'a>, &'e Cell<'a>)| {
            let ratio = blocking.over(other, metric)?;
            let said = compared_as(as_much, &ratio, family);
            Some(Self { blocking, other, metric, reading: family.reading(&ratio), ratio, said })
        };
        group.pairs().into_iter().filter_map(of).collect()
    }

    /// `52.1 requests/s on … and 52.4 on …, equal within 5 % (…)`
    fn clause(&self) -> String {
        let figure = |cell: &Cell<'_>| {
            let value = cell.median(self.metric).map(|value| self.metric.show(value));
            format!("{} on {}", value.unwrap_or_default(), cell.series.named())
        };
        format!("{} and {}, {}", figure(self.blocking), figure(self.other), self.said)
    }

    fn names(&self) -> String {
        format!("{} and {}", self.blocking.series.named(), self.other.series.named())
    }
}

fn verdict(all: &[(&Group<'_, '_>, &Comparison<'_, '_>)]) -> Option<String> {
    let reads = |reading: Reading| all.iter().filter(move |(_, one)| one.reading == reading);
    let blocks = all.iter().map(|(_, one)| one.ratio.blocks).min()?;
    if reads(Reading::PointsOnly).next().is_some() {
        let farthest = all.iter().map(|(_, one)| one.ratio.estimate.max(1.0 / one.ratio.estimate));
        let farthest = farthest.fold(1.0, f64::max);
        return Some(format!(
            "From {} these are points, and show neither a difference nor equality: {} differ by a factor of {} at most.",
            counted(blocks as u64, "block"),
            counted(all.len() as u64, "pair"),
            rounded(farthest)
        ));
    }
    let equal = reads(Reading::Equal).count();
    let unlike: Vec<String> = all
        .iter()
        .filter(|(_, one)| one.reading != Reading::Equal)
        .map(|(group, one)| format!("{} with {} ({})", one.names(), group.said(), one.said))
        .collect();
    let pairs = counted(all.len() as u64, "comparison");
    Some(match (equal, unlike.as_slice()) {
        (1, []) => format!("A tie: {} are equal within 5 %{}.", all[0].1.names(), widest(all)),
        (_, []) => format!("A tie: in all {pairs}, blocking and async are equal within 5 %{}.", widest(all)),
        (0, _) => format!("Equality is shown for none of {pairs}: {}.", listed(&unlike)),
        _ => format!("Equal within 5 % in {equal} of {pairs}, and not shown to be for {}.", listed(&unlike)),
    })
}

/// `; the widest 90 % interval is 0.98 to 1.01`
fn widest(all: &[(&Group<'_, '_>, &Comparison<'_, '_>)]) -> String {
    let intervals = all.iter().filter_map(|(_, one)| one.ratio.interval_90);
    let widest = intervals.max_by(|a, b| (a.high / a.low).total_cmp(&(b.high / b.low)));
    widest.map_or_else(String::new, |interval| format!("; the widest 90 % interval is {}", shown(interval)))
}
