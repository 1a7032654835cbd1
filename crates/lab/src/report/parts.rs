//! Where the time of answers went in open loop: the parts of the mean response time of each cell.
//!
//! Parts are those of [`loadgen::protocol::Parts`], and they add up in the mean alone. So it is means that are drawn
//! and spoken of; a part's own p99 stands in the table. The reader goes next to `charts::parts`.

use loadgen::protocol::{Part, Parts};

use crate::report::cells::{Cell, Experiment};
use crate::report::target::Target;
use crate::report::text::{exact, listed, milliseconds};
use crate::report::verdict::percent;
use crate::results::Load;
use crate::stats::Pooled;

/// A part, and how to find it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What lies in it, for the reader of the chart.
    pub(crate) what: &'static str,
    of: fn(&Parts) -> Option<&Part>,
}

pub(crate) const WAITING: &str = "waiting for a connection";
pub(crate) const QUEUE: &str = "queue";
pub(crate) const VIEW: &str = "view";
pub(crate) const UPSTREAM: &str = "upstream";

/// In the order in which a request meets them; the upstream's lies within the view's, which is without it.
pub(crate) static KINDS: [Kind; 6] = [
    Kind {
        name: WAITING,
        what: "all that the generator may have were busy",
        of: |parts| Some(&parts.waiting),
    },
    Kind { name: "connect", what: "opening one", of: |parts| Some(&parts.connect) },
    Kind {
        name: QUEUE,
        what: "from sending to the view, in the kernel and in the server's threads or loop",
        of: |parts| parts.queue.as_ref(),
    },
    Kind { name: VIEW, what: "in the view, upstream apart", of: |parts| parts.view.as_ref() },
    Kind { name: UPSTREAM, what: "the view waits for a service", of: |parts| parts.upstream.as_ref() },
    Kind {
        name: "rest",
        what: "network, generator, and what the server did not tell",
        of: |parts| Some(&parts.rest),
    },
];

/// The answers of a cell, over all its trials that count.
pub(crate) struct Split<'e, 'a> {
    pub(crate) cell: &'e Cell<'a>,
    pub(crate) answers: u64,
    /// Of those, answers whose server told.
    pub(crate) told: u64,
    pub(crate) response_ms: f64,
    /// One for each of [`KINDS`]; `None` where no server said such a thing.
    pub(crate) parts: Vec<Option<Share>>,
}

/// A part in figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) mean_ms: f64,
    pub(crate) p99_ms: Option<f64>,
}

/// The cells of a load that have parts.
pub(crate) fn of_load<'e, 'a>(cells: &[&'e Cell<'a>]) -> Vec<Split<'e, 'a>> {
    cells.iter().filter_map(|cell| of(cell)).collect()
}

/// Mean response and mean time of each part, over all its trials that count, each answer once. None where the
/// generator was not asked, or nothing was answered.
pub(crate) fn means(cell: &Cell<'_>) -> Option<(f64, [Option<f64>; 6])> {
    let all = told(cell);
    let answers: f64 = all.iter().map(|parts| parts.answers as f64).sum();
    let mean = |of: &dyn Fn(&Parts) -> f64| {
        all.iter().map(|parts| of(parts) * parts.answers as f64).sum::<f64>() / answers
    };
    let response_ms = mean(&|parts| parts.response.mean_ms);
    let each = KINDS.each_ref().map(|kind| {
        let known = all.iter().any(|parts| (kind.of)(parts).is_some());
        known.then(|| mean(&|parts| (kind.of)(parts).map_or(0.0, |part| part.mean_ms)))
    });
    (response_ms.is_finite() && response_ms > 0.0).then_some((response_ms, each))
}

fn of<'e, 'a>(cell: &'e Cell<'a>) -> Option<Split<'e, 'a>> {
    let (response_ms, means) = means(cell)?;
    let all = told(cell);
    let sum = |count: fn(&Parts) -> u64| all.iter().map(|parts| count(parts)).fold(0, u64::saturating_add);
    let p99_ms = |kind: &Kind| {
        let histograms = all.iter().filter_map(|parts| Some((kind.of)(parts)?.histogram.as_str()));
        Pooled::of(histograms).and_then(|pooled| pooled.percentiles().p99)
    };
    let parts = KINDS.iter().zip(means);
    let parts = parts.map(|(kind, ms)| ms.map(|mean_ms| Share { mean_ms, p99_ms: p99_ms(kind) })).collect();
    Some(Split {
        cell,
        answers: sum(|parts| parts.answers),
        told: sum(|parts| parts.told),
        response_ms,
        parts,
    })
}

/// What trials that count say, where something was answered.
fn told<'a>(cell: &Cell<'a>) -> Vec<&'a Parts> {
    cell.ok.iter().filter_map(|trial| trial.parts.as_deref()).filter(|parts| parts.answers > 0).collect()
}

impl Split<'_, '_> {
    /// What took longest, and how long.
    fn largest(&self) -> Option<(&'static Kind, f64)> {
        let known =
            KINDS.iter().zip(&self.parts).filter_map(|(kind, share)| Some((kind, share.as_ref()?.mean_ms)));
        known.filter(|(_, ms)| ms.is_finite()).max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// `98 % upstream (50.2 of 51.0 ms)`
    pub(crate) fn in_words(&self) -> Option<String> {
        let (kind, ms) = self.largest()?;
        let silent = if self.told == 0 { "; it tells nothing of its own time" } else { "" };
        let (part, whole) = (milliseconds(ms), milliseconds(self.response_ms));
        Some(format!("{} {} ({part} of {whole}{silent})", percent(ms / self.response_ms), kind.name))
    }
}

/// A sentence for each open load: what the largest part of a response was, rung by rung.
pub(crate) fn sentences(experiment: &Experiment<'_>) -> Vec<String> {
    let sentence = |(load, cells): &(&Load, Vec<&Cell<'_>>)| {
        let each: Vec<String> = of_load(cells)
            .iter()
            .filter_map(|split| Some(format!("{}: {}", split.cell.series.named(), split.in_words()?)))
            .collect();
        let at = load.rate_rps.map(|rate| format!(" at {} requests/s", exact(rate))).unwrap_or_default();
        let on =
            experiment.told_apart(Target::of(load)).map(|target| format!(" on {target}")).unwrap_or_default();
        let over = experiment.connections_told_apart(load);
        (!each.is_empty())
            .then(|| format!("The largest part of a mean response{on}{at}{over} was {}.", joined(&each)))
    };
    experiment.open_groups().iter().filter_map(sentence).collect()
}

/// Two are told apart by a comma, more by semicolons, since each has a colon of its own.
fn joined(each: &[String]) -> String {
    if each.len() > 2 { each.join("; ") } else { listed(each) }
}
