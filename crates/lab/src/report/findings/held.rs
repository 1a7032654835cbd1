//! What it takes to hold a connection on which next to nothing happens: memory on one model and on the other.

use crate::report::cells::Metric;
use crate::report::findings::by_load::Group;
use crate::report::findings::compared::{compared, points};
use crate::report::text::listed;
use crate::stats::Family;

/// `Memory of each of 2,048 open streams: thread-per-request against event-loop 7.23 times as much (…) and …`
pub(crate) fn memory(group: &Group<'_, '_>, of_each: &str, family: &Family) -> Option<String> {
    let mut few = String::new();
    let each: Vec<String> = group
        .pairs()
        .into_iter()
        .filter_map(|(blocking, other)| {
            let ratio = blocking.over(other, Metric::Memory)?;
            few = points(&ratio);
            let (blocking, other) = (blocking.series.named(), other.series.named());
            Some(format!("{blocking} against {other} {}", compared(&ratio, family)))
        })
        .collect();
    (!each.is_empty()).then(|| format!("Memory of each of {of_each}: {}{few}.", listed(&each)))
}
