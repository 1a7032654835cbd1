//! Do runs contradict each other in what they *found*?
//!
//! Figures differ from one machine to the next, and should. What a run concludes is of another kind: which of two
//! servers takes more CPU at the same load, and what ran out. Each run's conclusions are read as the run itself reads
//! them (ratios within its blocks, corrected within its experiment), and held against those of the others:
//!
//! - A *finding* contradicts another where both are significant and point in opposite directions, or where one says
//!   "equal within 5 %" and the whole interval of the other lies beyond that. A difference that one run shows and
//!   another does not is none: not shown is not "equal".
//! - A *verdict* contradicts another where another thing ran out on the same rung under the same kind of load, or
//!   nothing did. At how many clients it ran out may differ. A verdict that the cause was not found contradicts none:
//!   these are listed apart.
//!
//! A run knows the ratios behind its findings without names, so each is looked up among all pairs of cells that
//! findings compare. What is not found there is counted, and said.

use crate::report::cells::{Cell, Experiment, Metric, Series};
use crate::report::findings::{self, by_load::Group, bystander_tail, compared::shown};
use crate::report::text::{counted, listed, rounded};
use crate::report::together::{Side, Together};
use crate::report::verdict;
use crate::results::{Load, Mode, Trial};
use crate::stats::{EQUIVALENCE, Interval, Ratio, Reading};

/// Whether runs agree in what they found. Each entry is a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Findings of which another run has the opposite, each significant or, where it says so, equal.
    pub findings: Vec<String>,
    /// Rungs of which runs say that different things ran out.
    pub verdicts: Vec<String>,
    /// Rungs of which one run says what ran out, or that nothing did, and another that it did not find the cause.
    pub undecided: Vec<String>,
    /// Comparisons that at least two runs concluded from.
    pub findings_compared: usize,
    /// Of these, how many are significant in at least two.
    pub significant: usize,
    /// Comparisons behind findings that could not be looked up.
    pub unnamed: usize,
    /// Rungs with a verdict in at least two runs.
    pub verdicts_compared: usize,
}

/// What one run concluded from.
struct Conclusion<'s> {
    run: &'s str,
    what: What<'s>,
    ratio: Ratio,
    reading: Reading,
}

/// One cell against another in a figure.
#[derive(Clone, Copy, PartialEq)]
struct What<'s> {
    series: [&'s Series; 2],
    loads: [&'s Load; 2],
    quantity: &'static str,
}

/// What findings compare: its name and its figure.
type Quantity = (&'static str, fn(&Trial) -> Option<f64>);

const QUANTITIES: [Quantity; 7] = [
    ("requests/s", |trial| Metric::Throughput.of(trial)),
    ("CPU per request", |trial| Metric::Cpu.of(trial)),
    ("memory per connection", |trial| Metric::Memory.of(trial)),
    ("median response", |trial| Metric::P50.of(trial)),
    ("p99", |trial| Metric::P99.of(trial)),
    ("a bystander's median response", |trial| Metric::Bystander.of(trial)),
    ("the 90th percentile of bystanders", bystander_tail::p90),
];

/// Of more runs than this a range is said.
const FEW: usize = 4;

/// Two ways of adding up the same logarithms come this close.
const SAME: f64 = 1e-9;

pub(super) fn of(together: &Together<'_>) -> Agreement {
    let mut agreement = Agreement::default();
    for shared in &together.shared {
        let mut all: Vec<Conclusion<'_>> = Vec::new();
        for side in &shared.sides {
            agreement.unnamed += conclusions(side, &mut all);
        }
        let mut said: Vec<What<'_>> = Vec::new();
        for one in &all {
            if said.contains(&one.what) {
                continue;
            }
            said.push(one.what);
            let same: Vec<&Conclusion<'_>> = all.iter().filter(|other| other.what == one.what).collect();
            let of = |reading: Reading| same.iter().filter(|one| one.reading == reading).count();
            let (larger, smaller, equal) = (of(Reading::Larger), of(Reading::Smaller), of(Reading::Equal));
            agreement.findings_compared += usize::from(same.len() > 1);
            agreement.significant += usize::from(larger + smaller > 1);
            if (larger > 0 && smaller > 0) || (equal > 0 && same.iter().any(|one| one.is_far())) {
                agreement.findings.push(format!("{}: {}", shared.name, opposite(&one.what, &same)));
            }
        }
        verdicts(&shared.name, &shared.sides, &mut agreement);
    }
    agreement
}

impl Agreement {
    /// No finding and no verdict contradicts another.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.verdicts.is_empty()
    }

    /// The answer in a sentence, and what it rests on in another.
    #[must_use]
    pub fn in_words(&self) -> String {
        let (findings, verdicts) = (self.findings.len() as u64, self.verdicts.len() as u64);
        let answer = match (findings, verdicts) {
            (0, 0) if self.significant == 0 && self.verdicts_compared == 0 => {
                "Whether the runs contradict each other cannot be told: no two have a significant finding or a verdict \
                 of the same thing."
                    .to_owned()
            }
            (0, 0) if self.significant == 0 => {
                "The runs contradict each other in no verdict; whether they do in findings cannot be told, for no two have \
                 a significant one of the same comparison."
                    .to_owned()
            }
            (0, 0) => "The runs contradict each other in no significant finding and in no verdict.".to_owned(),
            (0, _) => format!(
                "The runs contradict each other in no significant finding, and in {}.",
                counted(verdicts, "verdict")
            ),
            (_, 0) => format!(
                "The runs contradict each other: in {}, and in no verdict.",
                counted(findings, "significant finding")
            ),
            _ => format!(
                "The runs contradict each other: in {} and in {}.",
                counted(findings, "significant finding"),
                counted(verdicts, "verdict")
            ),
        };
        let undecided = match self.undecided.len() as u64 {
            0 => String::new(),
            some => format!(" Of {}, one run found the limit and another did not.", counted(some, "rung")),
        };
        let unnamed = match self.unnamed {
            0 => String::new(),
            some => format!(
                "; {} behind findings could not be told apart and {} not looked at",
                counted(some as u64, "comparison"),
                if some == 1 { "was" } else { "were" }
            ),
        };
        format!(
            "{answer} Looked at: {} from which at least two runs conclude, {} of them significant in two, and the verdicts \
             of {} under a load{unnamed}.{undecided}",
            counted(self.findings_compared as u64, "comparison"),
            self.significant,
            counted(self.verdicts_compared as u64, "rung"),
        )
    }
}

/// `CPU per request of … as against …: 2.00 times (1.90 to 2.10) in A; 0.500 times (…) in B.`
fn opposite(what: &What<'_>, same: &[&Conclusion<'_>]) -> String {
    let said = |(reading, word): (Reading, &str)| {
        let of: Vec<&&Conclusion<'_>> = same.iter().filter(|one| one.reading == reading).collect();
        let one = |one: &&&Conclusion<'_>| {
            let interval = one.ratio.interval.map(|interval| format!(" ({})", shown(interval)));
            format!("{}{} in {}", rounded(one.ratio.estimate), interval.unwrap_or_default(), one.run)
        };
        let estimates = || of.iter().map(|one| one.ratio.estimate);
        let range = || {
            let (low, high) = (estimates().reduce(f64::min)?, estimates().reduce(f64::max)?);
            Some(format!("{} to {} in {} runs", rounded(low), rounded(high), of.len()))
        };
        let each = if of.len() > FEW { range()? } else { listed(&of.iter().map(one).collect::<Vec<_>>()) };
        (!of.is_empty()).then(|| format!("{word}{each}"))
    };
    let readings =
        [(Reading::Larger, ""), (Reading::Smaller, ""), (Reading::Equal, "equal within 5 %, ")].map(said);
    let [one, other] = what.series;
    format!(
        "{} of {} over {}, {}: {}. Intervals are 95 % ones.",
        what.quantity,
        one.named(),
        other.named(),
        under(what),
        readings.into_iter().flatten().collect::<Vec<_>>().join(", but ")
    )
}

impl Conclusion<'_> {
    /// A difference that is shown, and of which the whole interval lies beyond what is called equal.
    fn is_far(&self) -> bool {
        let beyond = |interval: Interval| interval.low > EQUIVALENCE.high || interval.high < EQUIVALENCE.low;
        matches!(self.reading, Reading::Larger | Reading::Smaller) && self.ratio.interval.is_some_and(beyond)
    }
}

/// `256 clients at /wait/100`
fn under(what: &What<'_>) -> String {
    let words = |load: &Load| {
        let connections = if load.keep_alive { "" } else { " with a connection per request" };
        format!("{}{connections}", Group { load, cells: Vec::new() }.said())
    };
    match what.loads {
        [one, other] if one == other => words(one),
        [one, other] => format!("{} as against {}", words(one), words(other)),
    }
}

/// Adds what a run concluded from, and says how many comparisons could not be looked up.
fn conclusions<'s>(side: &'s Side<'s>, all: &mut Vec<Conclusion<'s>>) -> usize {
    let experiment = &side.experiment;
    let judged = findings::judged(experiment, &side.run.results.machine);
    if judged.is_empty() {
        return 0;
    }
    let mut found = vec![false; judged.len()];
    for (one, other) in pairs(experiment) {
        for (quantity, figure) in QUANTITIES {
            let Some((log, blocks)) = log_mean(&one.pairs(other, figure)) else { continue };
            for (place, (ratio, judged)) in judged.iter().enumerate() {
                let theirs = ratio.estimate.ln();
                let turned = match (theirs - log, theirs + log) {
                    _ if ratio.blocks != blocks => continue,
                    (same, _) if same.abs() < SAME => false,
                    (_, inverse) if inverse.abs() < SAME => true,
                    _ => continue,
                };
                found[place] = true;
                let what =
                    What { series: [&one.series, &other.series], loads: [one.load, other.load], quantity };
                if !all.iter().any(|known| known.run == side.run.name && known.what == what) {
                    let (ratio, reading) = if turned {
                        (ratio.inverse(), inverse(judged.reading))
                    } else {
                        (*ratio, judged.reading)
                    };
                    all.push(Conclusion { run: &side.run.name, what, ratio, reading });
                }
            }
        }
    }
    found.iter().filter(|found| !**found).count()
}

/// Two rungs under one load, or one rung under two that differ in whether connections are kept.
fn pairs<'e, 'a>(experiment: &'e Experiment<'a>) -> Vec<(&'e Cell<'a>, &'e Cell<'a>)> {
    let compares = |one: &Cell<'_>, other: &Cell<'_>| {
        let connections = one.series == other.series
            && one.load.mode == Mode::Closed
            && (&one.load.route, one.load.clients) == (&other.load.route, other.load.clients);
        one.load == other.load || connections
    };
    let cells = experiment.cells.iter().enumerate();
    cells
        .flat_map(|(place, one)| experiment.cells[place + 1..].iter().map(move |other| (one, other)))
        .filter(|(one, other)| compares(one, other))
        .collect()
}

/// As `stats::ratio` takes it: of pairs that have logarithms; and how many these are.
fn log_mean(pairs: &[(f64, f64)]) -> Option<(f64, usize)> {
    let logs: Vec<f64> = pairs
        .iter()
        .filter(|(one, other)| *one > 0.0 && *other > 0.0)
        .map(|(one, other)| one.ln() - other.ln())
        .filter(|log| log.is_finite())
        .collect();
    Some((crate::stats::mean(&logs)?, logs.len()))
}

fn inverse(reading: Reading) -> Reading {
    match reading {
        Reading::Larger => Reading::Smaller,
        Reading::Smaller => Reading::Larger,
        other => other,
    }
}

/// Holds the verdicts of each rung against each other.
fn verdicts(experiment: &str, sides: &[Side<'_>], agreement: &mut Agreement) {
    let mut all: Vec<(verdict::Became, &str)> = Vec::new();
    for side in sides {
        let became = verdict::became(&side.experiment, &side.run.results.machine);
        all.extend(became.into_iter().map(|became| (became, &*side.run.name)));
    }
    let mut done = Vec::new();
    for (one, _) in &all {
        let key = (&one.series, &one.target, one.mode);
        if done.contains(&key) {
            continue;
        }
        done.push(key);
        let same = all.iter().filter(|(other, _)| (&other.series, &other.target, other.mode) == key);
        let known: Vec<(String, String)> = same
            .filter_map(|(became, run)| {
                let kind =
                    became.verdict.as_ref().map_or_else(|| Some("none".into()), verdict::Verdict::kind);
                Some((kind?, format!("{run} ({})", became.load)))
            })
            .collect();
        agreement.verdicts_compared += usize::from(known.len() > 1);
        let (rung, target) = (one.series.named(), &one.target);
        let said = || format!("{experiment}: on {rung} at {target}, the limit was {}.", each(&known));
        let differ = |kinds: Vec<&(String, String)>| kinds.windows(2).any(|pair| pair[0].0 != pair[1].0);
        if differ(known.iter().filter(|(kind, _)| kind != verdict::NOT_FOUND).collect()) {
            agreement.verdicts.push(said());
        } else if differ(known.iter().collect()) {
            agreement.undecided.push(said());
        }
    }
}

/// `CPU in A (256 clients) and B (512 clients); none in C (2,048 clients)`
fn each(known: &[(String, String)]) -> String {
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for (kind, run) in known {
        match kinds.iter_mut().find(|(known, _)| known == kind) {
            Some((_, runs)) => runs.push(run.clone()),
            None => kinds.push((kind, vec![run.clone()])),
        }
    }
    let each: Vec<String> = kinds.iter().map(|(kind, runs)| format!("{kind} in {}", listed(runs))).collect();
    each.join("; ")
}
