//! The first screen: the question, the answer in two or three sentences, one picture, the machine in one line, and below
//! it the other experiments in a line each.

use crate::check;
use crate::report::cells::Experiment;
use crate::report::html::section::Section;
use crate::report::html::{Span, plain, spans};
use crate::report::text::{bytes, listed};
use crate::report::{Report, charts};
use crate::results::{Machine, Mode, Results};

/// An experiment in a line.
pub(super) struct Line {
    pub(super) anchor: String,
    pub(super) title: String,
    pub(super) answer: Vec<Span>,
    pub(super) verdict: Vec<Span>,
}

/// Cautions that take no more than so much of the first screen stand there whole.
const FEW: usize = 2;
const FEW_LETTERS: usize = 260;

pub(super) fn are_few(cautions: &[String]) -> bool {
    let letters: usize = cautions.iter().map(|caution| caution.chars().count()).sum();
    cautions.len() <= FEW && letters <= FEW_LETTERS
}

/// The main experiment's.
pub(super) fn question(report: &Report<'_>, main: Option<usize>) -> String {
    let asked = main.map(|place| plain(&report.experiments[place].asked.question));
    asked.filter(|question| !question.is_empty()).unwrap_or_else(|| "What was measured".into())
}

/// The main experiment's, in a few sentences.
pub(super) fn answer(main: Option<usize>, sections: &[Section]) -> Vec<Vec<Span>> {
    let nothing = || vec![spans("Nothing was measured, so there is no answer.")];
    main.map_or_else(nothing, |main| sections[main].in_sentences.clone())
}

/// All others.
pub(super) fn overview(main: Option<usize>, sections: &[Section]) -> Vec<Line> {
    let line = |section: &Section| Line {
        anchor: section.anchor.clone(),
        title: section.title.clone(),
        answer: section.in_a_line.clone(),
        verdict: section.verdict.clone(),
    };
    let others = sections.iter().enumerate().filter(|(place, _)| Some(*place) != main);
    others.map(|(_, section)| line(section)).collect()
}

/// The experiment that the first screen is about: the first that compares over several loads or splits a
/// gap, else the first that compares, else the first.
pub(crate) fn main_experiment(experiments: &[Experiment<'_>]) -> Option<usize> {
    let levels = |experiment: &Experiment<'_>| {
        let of_target = |target| {
            let cells = experiment.at(target).filter(|cell| !cell.ok.is_empty());
            let mut levels: Vec<u32> = cells.map(|cell| cell.load.clients).collect();
            levels.sort_unstable();
            levels.dedup();
            levels.len()
        };
        let asked = experiment.targets(Mode::Closed);
        let of_experiment = asked.into_iter().map(of_target).max();
        of_experiment.filter(|_| !experiment.asked.demonstration).unwrap_or(0)
    };
    let measured = |experiment: &Experiment<'_>| experiment.trials().next().is_some();
    let place = |wanted: &dyn Fn(&Experiment<'_>) -> bool| experiments.iter().position(wanted);
    place(&|experiment| {
        levels(experiment) > charts::FEW_LEVELS
            || (measured(experiment) && !experiment.asked.decomposition.is_empty())
    })
    .or_else(|| place(&|experiment| levels(experiment) > 1))
    .or_else(|| place(&|experiment| !experiment.asked.demonstration && measured(experiment)))
    .or_else(|| place(&measured))
    .or((!experiments.is_empty()).then_some(0))
}

/// The machine, with what of the check before and after the run the reader should know.
pub(crate) fn machine(results: &Results) -> String {
    let line = machine_line(&results.machine);
    let care = results.check.as_ref().filter(|check| !check::warnings(check).is_empty());
    care.and_then(check::in_brief).map_or_else(|| line.clone(), |seen| format!("{line}. With care: {seen}"))
}

/// `Linux 6.1, 2 × Some CPU, 4 GiB; servers on CPU 1, load on CPU 0`
pub(super) fn machine_line(machine: &Machine) -> String {
    let mut parts = vec![machine.os.clone()];
    let cpu = machine.cpu.as_deref().unwrap_or("unknown processor");
    parts.push(format!("{} × {cpu}", machine.cpus));
    parts.extend(machine.memory_bytes.map(|memory| bytes(memory as f64)));
    let mut line = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    if let (Some(server), Some(client)) = (&machine.server_cpus, &machine.client_cpus) {
        line.push_str(&format!("; servers on {}, load on {}", cpus(server), cpus(client)));
    }
    line
}

fn cpus(numbers: &[u32]) -> String {
    let noun = if numbers.len() == 1 { "CPU" } else { "CPUs" };
    format!("{noun} {}", listed(&numbers.iter().map(ToString::to_string).collect::<Vec<_>>()))
}
