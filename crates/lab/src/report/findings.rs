//! What the figures say, in sentences that are computed: with other data they are other sentences.
//!
//! Nothing here knows who should win. Void trials never get here, and where too little was measured the
//! sentence says that instead. Differences and equality are claimed in the words of `compared` only, and only
//! as far as `stats::Family` grants it: all ratios from which the findings of one experiment conclude are
//! corrected for together. One file per kind of question: `sweep` (how far does it carry), `cost` (what does
//! it take), `latency` (how long does it take), `gap` (what causes the difference), `bystander` (who else
//! suffers), `bridges` (what async views gain on a blocking server), `connections` (what a new one costs),
//! `subscribers` (streams held open), `itself` (a rung against itself: what this machine can show at all),
//! `demonstration` (the lecture). Where an experiment names a rule, its file comes first: `equal`,
//! `shared_limit`, `goodput`, `pool`, `bystander_tail`, `recovery`, `crossover`, `exhaustion`, `slow`.

mod bridges;
pub(crate) mod by_load;
mod bystander;
pub(crate) mod bystander_tail;
pub(crate) mod compared;
mod connections;
mod cost;
mod crossover;
mod demonstration;
mod equal;
mod exhaustion;
mod gap;
mod goodput;
mod held;
mod itself;
mod latency;
mod pool;
mod recovery;
mod shared_limit;
mod slow;
mod subscribers;
mod sweep;

use crate::check;
use crate::report::bounds::Sweep;
use crate::report::cells::{self, Experiment};
use crate::report::parts;
use crate::report::text::{self, counted};
use crate::results::{Machine, Mode, Results, Rule, TrialOutcome};
use crate::stats::{Family, Judged, Ratio};
use crate::until;

/// A load average per CPU, before the run, from which on others are likely to take part of it.
const BUSY_PER_CPU: f64 = 0.5;

/// From so many rungs on, a sentence about each would bury the others.
const MANY_RUNGS: usize = 5;

/// A sentence or two. Names of rungs are in backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) text: String,
    /// Belongs to the answer on the first screen.
    pub(crate) headline: bool,
}

/// Everything that one experiment shows, what answers its question first.
pub(crate) fn of(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Finding> {
    let mut found = Family::read(|family| within(experiment, machine, family));
    found.sort_by_key(|finding| !finding.headline);
    found
}

/// Every ratio from which [`of`] concludes.
pub(crate) fn comparisons(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Ratio> {
    Family::heard(|family| within(experiment, machine, family))
}

/// The same with what may be said of each.
pub(crate) fn judged(experiment: &Experiment<'_>, machine: &Machine) -> Vec<(Ratio, Judged)> {
    Family::all(|family| within(experiment, machine, family))
}

/// Something else that compares what [`of`] compares, read in the same family, so that both say the same.
pub(crate) fn read_along<T>(
    experiment: &Experiment<'_>,
    machine: &Machine,
    more: impl Fn(&Family) -> T,
) -> T {
    Family::read(|family| {
        within(experiment, machine, family);
        more(family)
    })
}

fn within(experiment: &Experiment<'_>, machine: &Machine, family: &Family) -> Vec<Finding> {
    if let Some(nothing) = nothing_to_say(experiment) {
        return vec![Finding::headline(nothing)];
    }
    if experiment.asked.demonstration {
        return demonstration::findings(experiment, machine, family);
    }
    let closed = Sweep::all(experiment, Mode::Closed, machine);
    let gaps = gap::findings(experiment, &closed, family);
    let mut findings: Vec<Finding> = match experiment.asked.rule {
        Some(Rule::Equal) => equal::findings(experiment, family),
        Some(Rule::SharedLimit) => shared_limit::findings(experiment, family),
        Some(Rule::Goodput) => goodput::findings(experiment, family),
        Some(Rule::Pool) => pool::findings(experiment),
        Some(Rule::Bystanders) => bystander_tail::findings(experiment, machine, family),
        Some(Rule::Recovery) => recovery::findings(experiment),
        Some(Rule::Crossover) => crossover::findings(experiment, family),
        Some(Rule::SlowClients) => slow::findings(experiment, family),
        Some(Rule::Exhaustion) => exhaustion::findings(experiment),
        None => itself::findings(experiment, family),
    };
    if itself::is_all(experiment) {
        return findings;
    }
    findings.extend(exhaustion::the_box(experiment));
    findings.extend(gaps.iter().cloned());
    // Where the question is what a gap consists of, bridges are beside the point.
    let beside = |finding| if gaps.is_empty() { finding } else { Finding { headline: false, ..finding } };
    findings.extend(bridges::findings(&closed, family).into_iter().map(beside));
    findings.extend(connections::findings(&closed, family));
    // Of slow clients the rule has said who answered others, and how soon.
    if experiment.asked.rule != Some(Rule::SlowClients) {
        findings.extend(bystander::findings(experiment, family));
    }
    let streams = Sweep::all(experiment, Mode::Subscribers, machine);
    findings.extend(streams.iter().flat_map(|sweep| subscribers::findings(sweep, family)));
    // Where an experiment asked for more than a comparison, that is the answer and the rest is detail.
    let answered = findings.iter().any(|finding| finding.headline);
    // A rate that changes is not one rate to compare latency at.
    let mut steady = experiment.open_groups();
    steady.retain(|(load, _)| load.shape.is_none());
    let mut general = Vec::new();
    for sweep in &closed {
        general.extend(sweep::findings(sweep, machine));
        // A gap that is split says what its ends cost, and a map of crossovers what every load does.
        let is_told = !gaps.is_empty() || experiment.asked.rule == Some(Rule::Crossover);
        general.extend(cost::findings(sweep, !is_told, family));
    }
    general.extend(steady.iter().filter_map(|(_, cells)| latency::finding(experiment, cells, family)));
    general.extend(parts::sentences(experiment).into_iter().map(Finding::detail));
    findings.extend(
        general.into_iter().map(|finding| Finding { headline: finding.headline && !answered, ..finding }),
    );
    findings
}

/// What the reader must know about the run as a whole before reading on.
pub(crate) fn cautions(results: &Results) -> Vec<String> {
    let mut cautions = Vec::new();
    let ran = results.trials.len() as u64;
    if !results.complete {
        cautions.push(format!(
            "This run did not come to its end: what follows rests on the {} that did.",
            counted(ran, "trial")
        ));
    } else if ran == 0 {
        cautions.push("No trial was recorded, so nothing can be said.".into());
    }
    if results.quick {
        cautions.push("A quick look: one block, so points without intervals.".into());
    }
    // Its own build is in the load average too; where the CPUs were looked at, that counts.
    let looked = results.check.as_ref().is_some_and(|check| check.before.cpu_busy.is_some());
    if let Some(load) = results
        .machine
        .load_average
        .filter(|load| !looked && *load > BUSY_PER_CPU * f64::from(results.machine.cpus))
    {
        cautions.push(format!(
            "The machine had other work when the run began (load average {} on {}): what is missing to a line may be its doing.",
            text::rounded(load),
            counted(results.machine.cpus.into(), "CPU")
        ));
    }
    cautions.extend(results.check.iter().flat_map(check::warnings));
    if results.experiments.len() > 1 {
        // What a rung against itself shows is how all others are to be read.
        let experiments = cells::experiments(results);
        cautions.extend(experiments.iter().filter_map(itself::answer).map(|answer| answer.replace('`', "")));
    }
    cautions.extend(results.precision.iter().map(until::said));
    let void = results.trials.iter().filter(|trial| trial.outcome == TrialOutcome::Void).count() as u64;
    if void > 0 {
        let (are, they) = if void == 1 { ("is", "it takes") } else { ("are", "they take") };
        cautions.push(format!(
            "{} of {} {are} void: {they} part in no figure and no sentence; the reasons are below.",
            text::count(void),
            counted(ran, "trial")
        ));
    }
    cautions
}

impl Finding {
    pub(crate) fn headline(text: String) -> Self {
        Self { text, headline: true }
    }

    pub(crate) fn detail(text: String) -> Self {
        Self { text, headline: false }
    }
}

/// Why an experiment shows nothing, if so.
fn nothing_to_say(experiment: &Experiment<'_>) -> Option<String> {
    let outcomes: Vec<TrialOutcome> = experiment.trials().map(|trial| trial.outcome).collect();
    if outcomes.is_empty() {
        Some("Nothing of this was measured.".into())
    } else if outcomes.iter().all(|outcome| *outcome == TrialOutcome::Void) {
        let all = match outcomes.len() {
            1 => "its only trial is".into(),
            2 => "both trials are".into(),
            more => format!("all {more} trials are"),
        };
        Some(format!("Nothing can be concluded: {all} void."))
    } else {
        None
    }
}
