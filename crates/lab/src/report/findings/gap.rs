//! Whose doing a gap is, in words: the whole, and the causes that multiply to it.

use crate::report::bounds::Sweep;
use crate::report::cells::{Experiment, Metric};
use crate::report::findings::Finding;
use crate::report::findings::compared::{correction, evidence, shown};
use crate::report::gap::{self, Gap, Split, Step, noun};
use crate::report::text::{counted, listed, rounded};
use crate::stats::{Family, Interval, Ratio, Reading};

/// A finding for each gap that was asked for; the first two (CPU and memory) for the first screen.
pub(crate) fn findings(
    experiment: &Experiment<'_>,
    closed: &[Sweep<'_, '_>],
    family: &Family,
) -> Vec<Finding> {
    let said = gap::all(experiment, closed).into_iter().enumerate();
    said.map(|(place, split)| match split {
        Split::Gap(gap) => Finding { text: said_of(&gap, family), headline: place < 2 },
        Split::Not(why) => Finding::detail(why),
    })
    .collect()
}

fn said_of(gap: &Gap<'_, '_>, family: &Family) -> String {
    // Told from the side that is worse off, so that the whole is a factor above 1.
    let turned = gap.whole.estimate < 1.0;
    let seen = |factor: &Ratio| if turned { factor.inverse() } else { *factor };
    let mut text = String::new();
    if !gap.client_bound.is_empty() {
        let names: Vec<String> = gap.client_bound.iter().map(|series| series.named()).collect();
        text.push_str(&format!(
            "How many requests/s they could answer with {} cannot be told, since the load generator's own core was full \
             with {}; of the cost to the server it can: ",
            gap.sweep.load(gap.clients),
            listed(&names)
        ));
        text.push_str(&claim(gap, &seen(&gap.whole), turned, family));
    } else {
        text.push_str(&format!(
            "With {}, {}",
            gap.sweep.load(gap.clients),
            claim(gap, &seen(&gap.whole), turned, family)
        ));
    }
    text.push('.');
    let steps: Vec<(&Step, Ratio)> = gap.steps.iter().map(|step| (step, seen(&step.factor))).collect();
    if steps.len() > 1 {
        text.push_str(&causes(&steps, family));
    }
    if !gap.missing.is_empty() {
        let names: Vec<String> = gap.missing.iter().map(|name| format!("`{name}`")).collect();
        let has = if names.len() == 1 { "has" } else { "have" };
        text.push_str(&format!(
            " {} {has} no trial that counts here, so that the causes beside it stand together.",
            listed(&names)
        ));
    }
    if !gap.behind.is_empty() {
        let names: Vec<String> = gap.behind.iter().map(|series| series.named()).collect();
        text.push_str(&format!(" With care: {} did not keep up with this load.", listed(&names)));
    }
    gap.sweep.say(&text)
}

/// The whole, without a full stop.
fn claim(gap: &Gap<'_, '_>, whole: &Ratio, turned: bool, family: &Family) -> String {
    let (Some(first), Some(last)) = (gap.rungs.first(), gap.rungs.last()) else { return String::new() };
    let (first, last) = (first.series.named(), last.series.named());
    let noun = noun(gap.metric);
    let times = rounded(whole.estimate);
    let (more, less) = if turned { (&last, &first) } else { (&first, &last) };
    let differs = match gap.metric {
        Metric::Memory => format!("a connection takes {times} times as much memory on {more} as on {less}"),
        Metric::Throughput => format!("{less} answers {times} times as many requests/s as {more}"),
        _ => format!("a request takes {times} times as much CPU on {more} as on {less}"),
    };
    let judged = family.judge(whole);
    let evidence = evidence(whole, &judged);
    match (judged.reading, whole.interval) {
        (Reading::Equal, _) => format!("{noun} is equal within 5 % on {first} and {last} ({evidence})"),
        (Reading::NoDifferenceShown, _) => {
            format!("no difference in {noun} is shown between {first} and {last} ({evidence})")
        }
        (_, Some(interval)) => format!("{differs} (95 % interval {})", shown(interval)),
        (_, None) => format!("{differs} ({}: points, no interval)", counted(whole.blocks as u64, "block")),
    }
}

/// ` The causes multiply: 5.10 for …`
fn causes(steps: &[(&Step, Ratio)], family: &Family) -> String {
    let (mut along, mut against, mut none, mut equal) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (step, factor) in steps {
        let cause = named(&step.cause);
        let with_interval = |factor: &Ratio| {
            let interval =
                factor.interval.map(|interval| format!(" ({})", shown(interval))).unwrap_or_default();
            format!("{}{interval} for {cause}", rounded(factor.estimate))
        };
        let judged = family.judge(factor);
        let not_a_cause = |interval: Option<Interval>| {
            let interval =
                interval.map(|interval| format!(", {}{}", shown(interval), correction(interval, &judged)));
            format!("{cause} (ratio {}{})", rounded(factor.estimate), interval.unwrap_or_default())
        };
        match judged.reading {
            Reading::NoDifferenceShown => none.push(not_a_cause(factor.interval)),
            Reading::Equal => equal.push(not_a_cause(factor.interval_90)),
            _ if factor.estimate >= 1.0 => along.push(with_interval(factor)),
            _ => against.push(with_interval(&factor.inverse())),
        }
    }
    let mut text = String::new();
    match (along.is_empty(), against.is_empty()) {
        (true, true) => {}
        (false, true) => text.push_str(&format!(" The causes multiply: {}.", listed(&along))),
        (false, false) => text.push_str(&format!(
            " The causes multiply: {}, and in the other direction {}.",
            listed(&along),
            listed(&against)
        )),
        (true, false) => text.push_str(&format!(" In the other direction: {}.", listed(&against))),
    }
    if !none.is_empty() {
        text.push_str(&format!(" No difference shown for {}.", listed(&none)));
    }
    if !equal.is_empty() {
        text.push_str(&format!(" Equal within 5 %: {}.", listed(&equal)));
    }
    text
}

/// `the framework (blocking)`, `making threads`.
fn named(cause: &str) -> String {
    if cause.starts_with("framework") { format!("the {cause}") } else { cause.to_owned() }
}
