//! Rule `shared_limit`: the services behind the servers take only so many calls at a time. Do all servers
//! reach what that allows, and what is the queue in front of it made of?

use crate::report::cells::{Cell, Experiment, Metric};
use crate::report::findings::Finding;
use crate::report::findings::by_load::{self, Group};
use crate::report::findings::compared::compared_as;
use crate::report::text::{bytes, counted, exact, listed, milliseconds, rounded};
use crate::results::Mode;
use crate::stats::Family;

/// A server that comes this near has reached the services' limit. Their timers, and a call's way there and
/// back, add some per cent to each delay.
const REACHED: f64 = 0.9;
/// Nobody can be over it, but for what was under way at the edges of the window.
const OVER: f64 = 1.05;

/// What `capacity ÷ wait` allows.
pub(crate) struct Limit {
    pub(crate) rps: f64,
    /// `20 calls at a time ÷ 100 ms = 200 requests/s`
    pub(crate) text: String,
}

/// None where the services take as many calls as come, or nobody knows how long they take.
pub(crate) fn limit(experiment: &Experiment<'_>) -> Option<Limit> {
    let capacity = experiment.asked.services.as_ref()?.capacity?;
    let wait_ms = experiment.asked.nominal_wait_ms.filter(|ms| *ms > 0.0)?;
    let rps = capacity as f64 * 1_000.0 / wait_ms;
    let calls = counted(capacity, "call");
    let text = format!("{calls} at a time ÷ {} = {} requests/s", milliseconds(wait_ms), exact(rps));
    Some(Limit { rps, text })
}

/// At the most clients that were there.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let Some(limit) = limit(experiment) else {
        let nothing = "The services behind have no known limit here, so there is none to share.";
        return vec![Finding::headline(nothing.into())];
    };
    let groups = by_load::groups(experiment);
    let closed = groups.iter().filter(|group| group.load.mode == Mode::Closed);
    let Some(most) = closed.max_by_key(|group| group.load.clients) else { return Vec::new() };
    reached(most, &limit, family).into_iter().chain(queue(most)).map(Finding::headline).collect()
}

fn reached(group: &Group<'_, '_>, limit: &Limit, family: &Family) -> Option<String> {
    let share = |cell: &Cell<'_>| Some(cell.median(Metric::Throughput)? / limit.rps);
    let each = group.each(|cell| {
        let rps = cell.median(Metric::Throughput)?;
        Some(format!("{} on {}", rounded(rps), cell.series.named()))
    });
    if each.is_empty() {
        return None;
    }
    let named = |is: &dyn Fn(f64) -> bool| {
        group.each(|cell| Some(cell.series.named()).filter(|_| share(cell).is_some_and(is)))
    };
    let (short, over) = (named(&|share| share < REACHED), named(&|share| share > OVER));
    let reading = match (short.as_slice(), over.as_slice()) {
        ([], []) => " All reach it: the services are the limit, and not the way of waiting.".to_owned(),
        (_, [_, ..]) => {
            format!(" More than that on {}: the services are not the limit there.", listed(&over))
        }
        (short, []) if short.len() == each.len() => " None reaches it.".to_owned(),
        (short, []) => format!(" All reach it but {}.", listed(short)),
    };
    let pairs: Vec<String> = group
        .pairs()
        .into_iter()
        .filter_map(|(blocking, other)| {
            let ratio = blocking.over(other, Metric::Throughput)?;
            ratio.interval?;
            let (one, two) = (blocking.series.named(), other.series.named());
            Some(format!(" {one} against {two}: {}.", compared_as("as many", &ratio, family)))
        })
        .collect();
    let (said, text) = (group.said(), &limit.text);
    Some(format!(
        "{text} are all that the services allow. With {said}, requests/s are {}.{reading}{}",
        listed(&each),
        pairs.concat()
    ))
}

fn queue(group: &Group<'_, '_>) -> Option<String> {
    let each = group.each(|cell| {
        let threads = cell.median(Metric::Threads).map(|threads| counted(threads as u64, "thread"));
        let memory = cell.median(Metric::Memory).map(|each| format!("{} of memory a client", bytes(each)));
        let parts: Vec<String> = threads.into_iter().chain(memory).collect();
        (!parts.is_empty()).then(|| format!("{} on {}", parts.join(" and "), cell.series.named()))
    });
    (!each.is_empty()).then(|| format!("What the queue takes meanwhile: {}.", each.join("; ")))
}
