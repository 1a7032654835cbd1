//! The regression gate: a run held against an earlier one, cell by cell.
//!
//! The blocks of two runs have nothing in common, so cells are compared by Welch's interval
//! (`report::between`, which several runs on one page share). A cell has *regressed* when its whole 95 % interval lies beyond what is allowed, or
//! when it collapsed where it did not before. What cannot be compared is named, with its reason, and a cell
//! that the baseline has figures of and this run could not measure fails it: a gate that passes what it has not seen
//! keeps nobody honest. Rungs and loads that this run was not asked for are no such cells.
//!
//! What the interval cannot know is what happened *between* the runs: another kernel, a warmer room, other
//! guests. That is what the allowance is for; keep it well above what two runs of the same commit differ by.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::cli::{self, Usage};
use crate::output::RESULTS;
use crate::plan::{Plan, Planned};
use crate::report;
use crate::report::between::{self, Missing};
use crate::report::cells::{self, Cell, Experiment, Metric};
use crate::report::text::{counted, listed, rounded};
use crate::results::{Machine, Mode, Results, Trial};
use crate::stats::BLOCKS_FOR_INTERVAL;

/// An earlier run, and by how much its cells may have become worse.
#[derive(Debug)]
pub struct Baseline {
    /// Where it was read from.
    pub path: PathBuf,
    /// What it measured.
    pub results: Results,
    /// As a share: with 0.2 a request may take 20 % more CPU.
    pub allowed: f64,
}

/// What came of the comparison. Each entry is a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// Cells that became worse by more than is allowed.
    pub regressed: Vec<String>,
    /// Number of comparisons made: cells times metrics.
    pub compared: usize,
    /// What could not be compared, and why.
    pub not_compared: Vec<String>,
    /// Cells that the baseline has figures of and this run has none: void, or not run.
    pub lost: Vec<String>,
    /// What the reader should know before believing it.
    pub warnings: Vec<String>,
}

/// What is compared where it can be; `true` where more is better.
const METRICS: [(Metric, &str, bool); 3] = [
    (Metric::Throughput, "requests/s", true),
    (Metric::Cpu, "CPU per request", false),
    (Metric::P99, "p99", false),
];

impl Baseline {
    /// Reads the directory of a run, or a file with results.
    ///
    /// # Errors
    /// When there are none that can be read.
    pub fn read(path: &Path, allowed: f64) -> anyhow::Result<Self> {
        let file = if path.is_dir() { path.join(RESULTS) } else { path.to_owned() };
        Ok(Self { path: path.to_owned(), results: report::read(&file)?, allowed })
    }

    /// What would leave the gate nothing to compare is said before a run, not after.
    ///
    /// # Errors
    /// Wrong usage: no experiment in common, or too few blocks for an interval.
    pub(crate) fn fits(&self, plan: &Plan) -> anyhow::Result<()> {
        let known = |name: &str| {
            self.results.experiments.iter().any(|asked| asked.name == name && !asked.demonstration)
        };
        let in_both: Vec<&Planned> =
            plan.experiments.iter().filter(|planned| known(&planned.asked.name)).collect();
        if in_both.is_empty() {
            return Err(Usage::error(format!(
                "--baseline {}: it has none of the experiments of this run (demonstrations, which have no intervals, \
                 apart)",
                self.path.display()
            )));
        }
        match in_both.iter().find(|planned| planned.blocks.len() < BLOCKS_FOR_INTERVAL) {
            None => Ok(()),
            Some(short) => Err(Usage::error(format!(
                "--baseline compares intervals, which need {BLOCKS_FOR_INTERVAL} blocks, and {} has {}: add --trials \
                 {BLOCKS_FOR_INTERVAL}",
                short.asked.name,
                short.blocks.len()
            ))),
        }
    }

    /// Prints what the gate found.
    ///
    /// # Errors
    /// When it does not let the run pass: something regressed, or nothing could be compared.
    pub(crate) fn hold_against(&self, run: &Results) -> anyhow::Result<()> {
        let gate = self.gate(run);
        cli::print(&format!("\n{}", gate.in_words(self)))?;
        match (gate.regressed.as_slice(), gate.compared) {
            ([], _) if !gate.lost.is_empty() => bail!(
                "nothing shows that these kept the limit: {}; run them again, or leave them out with --rungs",
                gate.lost.join("; ")
            ),
            ([], 0) => bail!("nothing could be compared with the baseline; the reasons are above"),
            ([], _) => Ok(()),
            ([one], _) => bail!("a regression against the baseline: {one}"),
            (some, _) => bail!("{} regressions against the baseline: {}", some.len(), some.join("; ")),
        }
    }

    /// Holds a run against it.
    #[must_use]
    pub fn gate(&self, run: &Results) -> Gate {
        let mut gate = Gate { warnings: warnings(&self.results, run), ..Gate::default() };
        let (before, now) = (cells::experiments(&self.results), cells::experiments(run));
        for old in &before {
            let name = &old.asked.name;
            if old.asked.demonstration {
                gate.not_compared.push(format!("{name}: a demonstration, whose figures carry no interval"));
                continue;
            }
            match now.iter().find(|new| new.asked.name == *name) {
                Some(new) => self.experiment(old, new, &mut gate),
                None => gate.not_compared.push(format!("{name}: not part of this run")),
            }
        }
        let new = now.iter().filter(|new| !before.iter().any(|old| old.asked.name == new.asked.name));
        gate.not_compared.extend(new.map(|new| format!("{}: not part of the baseline", new.asked.name)));
        gate
    }

    fn experiment(&self, old: &Experiment<'_>, new: &Experiment<'_>, gate: &mut Gate) {
        let name = &old.asked.name;
        let cells = between::matched(old, new);
        for (before, now) in cells.both {
            self.cell(name, before, now, gate);
        }
        let gone = cells.only_first.iter().map(|cell| format!("{}: not part of this run", at(name, cell)));
        let unknown =
            cells.only_second.iter().map(|cell| format!("{}: not part of the baseline", at(name, cell)));
        gate.not_compared.extend(gone.chain(unknown));
    }

    fn cell(&self, experiment: &str, before: &Cell<'_>, now: &Cell<'_>, gate: &mut Gate) {
        let cell = at(experiment, now);
        if !now.collapsed.is_empty() && before.collapsed.is_empty() && !before.ok.is_empty() {
            let reason = now.collapsed.iter().find_map(|trial| trial.reason.as_deref());
            gate.regressed.push(format!(
                "{cell}: collapsed in {} of {}, and never in the baseline ({})",
                now.collapsed.len(),
                counted((now.ok.len() + now.collapsed.len() + now.void.len()) as u64, "trial"),
                reason.unwrap_or("no reason was recorded")
            ));
        }
        let (then, today) = (unusable(before, "in the baseline"), unusable(now, "in this run"));
        if then.is_none() && today.is_some() && now.collapsed.is_empty() {
            gate.lost.push(cell.clone());
        }
        if let Some(reason) = then.or(today) {
            gate.not_compared.push(format!("{cell}: {reason}"));
            return;
        }
        if flags(before) != flags(now) {
            gate.not_compared.push(format!("{cell}: the server has other flags than in the baseline"));
            return;
        }
        let mut missing: Vec<(String, Vec<&str>)> = Vec::new();
        for (metric, name, more_is_better) in METRICS {
            if metric == Metric::P99 && now.load.mode != Mode::Open {
                continue;
            }
            match self.figure(before, now, metric, more_is_better) {
                Ok(None) => gate.compared += 1,
                Ok(Some(worse)) => {
                    gate.compared += 1;
                    // Requests per second are named by their unit.
                    let name = if metric == Metric::Throughput { String::new() } else { format!("{name} ") };
                    gate.regressed.push(format!("{cell}: {name}{worse}"));
                }
                Err(reason) => match missing.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, names)) => names.push(name),
                    None => missing.push((reason, vec![name])),
                },
            }
        }
        gate.not_compared.extend(
            missing.into_iter().map(|(reason, names)| format!("{cell}, {}: {reason}", names.join(" and "))),
        );
    }

    /// By how much a figure became worse, where that is certainly more than is allowed.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn figure(
        &self,
        before: &Cell<'_>,
        now: &Cell<'_>,
        metric: Metric,
        more_is_better: bool,
    ) -> Result<Option<String>, String> {
        let too_few = || {
            let why = if metric == Metric::P99 { "; a trial needs 1,000 answers for a p99" } else { "" };
            format!(
                "{} have a figure here and {} in the baseline, where {BLOCKS_FOR_INTERVAL} are needed{why}",
                counted(now.values(metric).len() as u64, "trial"),
                before.values(metric).len()
            )
        };
        let ratio = between::over(now, before, metric).map_err(|missing| match missing {
            Missing::Generator => "the load generator's own core was full, so it may be its figure".into(),
            Missing::Nothing { .. } => too_few(),
        })?;
        let ratio = if more_is_better { ratio.inverse() } else { ratio };
        let interval = ratio.interval.ok_or_else(too_few)?;
        if interval.low <= 1.0 + self.allowed {
            return Ok(None);
        }
        let medians = before.median(metric).zip(now.median(metric));
        let medians =
            medians.map(|(old, new)| format!("{} where it was {}", metric.show(new), metric.show(old)));
        Ok(Some(format!(
            "{}, worse by a factor of {} (95 % interval {} to {}, allowed {})",
            medians.unwrap_or_default(),
            rounded(ratio.estimate),
            rounded(interval.low),
            rounded(interval.high),
            rounded(1.0 + self.allowed)
        )))
    }
}

impl Gate {
    /// Everything it found, for the end of a run.
    #[must_use]
    pub fn in_words(&self, baseline: &Baseline) -> String {
        let mut lines = vec![format!("Against the baseline {}:", baseline.path.display())];
        lines.extend(self.warnings.iter().map(|text| format!("! {text}")));
        let beyond = format!("worse by more than {} %", rounded(baseline.allowed * 100.0));
        let figures = counted(self.compared as u64, "figure");
        lines.push(match self.regressed.len() {
            0 => format!("{figures} compared, none certainly {beyond}."),
            some => format!("{figures} compared; {} certainly {beyond}:", counted(some as u64, "regression")),
        });
        lines.extend(self.regressed.iter().map(|text| format!("- {text}")));
        if !self.not_compared.is_empty() {
            lines.push("Not compared:".into());
            lines.extend(self.not_compared.iter().map(|text| format!("- {text}")));
        }
        lines.join("\n")
    }
}

/// `scale, pool at 256 clients on /wait/100`
fn at(experiment: &str, cell: &Cell<'_>) -> String {
    format!("{experiment}, {} at {} on {}", cell.series.label(), cell.load_label(), cell.target().named())
}

/// Why nothing of a cell can be used.
fn unusable(cell: &Cell<'_>, when: &str) -> Option<String> {
    if cell.ok.len() >= BLOCKS_FOR_INTERVAL {
        return None;
    }
    let kinds = [(cell.ok.len(), "good"), (cell.void.len(), "void"), (cell.collapsed.len(), "collapsed")];
    let trials: Vec<String> = kinds
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, kind)| format!("{number} {kind}"))
        .collect();
    let trials = if trials.is_empty() { "it was not run".into() } else { listed(&trials) };
    Some(format!("{trials} {when}, and {BLOCKS_FOR_INTERVAL} good trials are needed"))
}

fn flags<'a>(cell: &Cell<'a>) -> Option<&'a Vec<String>> {
    cell.ok.first().map(|trial: &&'a Trial| &trial.flags)
}

fn warnings(before: &Results, now: &Results) -> Vec<String> {
    let differs = differences(&before.machine, &now.machine);
    let mut warnings = Vec::new();
    if !differs.is_empty() {
        warnings.push(format!(
            "The baseline is of another machine ({}): what differs may be the machine's doing.",
            differs.join("; ")
        ));
    }
    if !before.complete {
        warnings.push("The baseline's run did not come to its end.".into());
    }
    warnings
}

fn differences(before: &Machine, now: &Machine) -> Vec<String> {
    let show = |cpus: &Option<Vec<u32>>| cpus.as_ref().map_or(0, Vec::len).to_string();
    let unknown = || "unknown".to_owned();
    let pairs = [
        ("processor", before.cpu.clone().unwrap_or_else(unknown), now.cpu.clone().unwrap_or_else(unknown)),
        ("system", before.os.clone(), now.os.clone()),
        ("CPUs", before.cpus.to_string(), now.cpus.to_string()),
        ("CPUs of the server", show(&before.server_cpus), show(&now.server_cpus)),
    ];
    let differing = pairs.into_iter().filter(|(_, before, now)| before != now);
    differing.map(|(what, before, now)| format!("{what}: {before} then, {now} now")).collect()
}
