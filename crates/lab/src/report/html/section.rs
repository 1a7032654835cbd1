//! The section of an experiment: question, expectation, how to read its chart, the answer and what ran out, charts,
//! tables, where the raw data lie, and the command that repeats it.

use std::path::Path;

use crate::report::cells::Experiment;
use crate::report::findings::{self, Finding};
use crate::report::html::{Figure, Span, plain, spans};
use crate::report::tables::{self, Cells};
use crate::report::{answer, charts, lanes, verdict};
use crate::results::Results;

/// An experiment on the page.
pub(super) struct Section {
    pub(super) anchor: String,
    /// As the column `experiment` of `results.csv` has it.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) demonstration: bool,
    pub(super) question: String,
    pub(super) expect: String,
    /// How to read its first chart.
    pub(super) reading: Option<String>,
    /// The answer for the first screen, and for the overview.
    pub(super) in_sentences: Vec<Vec<Span>>,
    pub(super) in_a_line: Vec<Span>,
    /// The findings that answer the question, and all others.
    pub(super) answer: Vec<Vec<Span>>,
    pub(super) others: Vec<Vec<Span>>,
    /// What ran out, rung by rung, and the same in a line.
    pub(super) verdicts: Vec<Vec<Span>>,
    pub(super) verdict: Vec<Span>,
    pub(super) figures: Vec<Figure>,
    /// Title of its picture on the first screen.
    pub(super) hero: Option<String>,
    pub(super) cells: Vec<Cells>,
    pub(super) remarks: Vec<Vec<Span>>,
    pub(super) repeat: String,
}

impl Section {
    pub(super) fn of(experiment: &Experiment<'_>, results: &Results, place: usize) -> Self {
        let (asked, machine) = (&experiment.asked, &results.machine);
        let number = place + 1;
        let found = findings::of(experiment, machine);
        let figures: Vec<Figure> = charts::of(experiment, machine)
            .into_iter()
            .zip(1..)
            .map(|(mut chart, nth)| {
                if nth == 1 {
                    // Of the first picture of all it is known what it shows.
                    chart.alt = with_answer(&found, &chart.alt);
                }
                Figure::of(chart, format!("figure-{number}-{nth}"))
            })
            .collect();
        let headlines = found.iter().any(|finding| finding.headline);
        let (answering, others): (Vec<&Finding>, Vec<&Finding>) =
            found.iter().partition(|finding| finding.headline || !headlines);
        let all = |texts: Vec<&Finding>| texts.iter().map(|finding| spans(&finding.text)).collect();
        let sentences = |texts: Vec<String>| texts.iter().map(|text| spans(text)).collect();
        let mut remarks = tables::remarks(experiment);
        remarks.extend(lanes::missing(results, &asked.name));
        Self {
            anchor: format!("experiment-{number}"),
            name: asked.name.clone(),
            title: plain(if asked.title.is_empty() { &asked.name } else { &asked.title }),
            demonstration: asked.demonstration,
            question: plain(&asked.question),
            expect: plain(&asked.expect),
            reading: figures.first().map(|figure| figure.chart.how_to_read.clone()),
            in_sentences: sentences(answer::on_first_screen(&found)),
            in_a_line: spans(&answer::in_a_line(&found).unwrap_or_default()),
            answer: all(answering),
            others: all(others),
            verdicts: sentences(verdict::sentences(experiment, machine)),
            verdict: spans(&verdict::in_brief(experiment, machine).unwrap_or_default()),
            figures,
            hero: None,
            cells: tables::cells(experiment, machine),
            remarks: sentences(remarks),
            repeat: repeat(results, &asked.name),
        }
    }

    /// Its first picture, for the first screen.
    pub(super) fn give_hero(&mut self) -> Option<Figure> {
        if self.figures.is_empty() {
            return None;
        }
        let figure = self.figures.remove(0);
        self.hero = Some(figure.chart.title.clone());
        Some(figure)
    }
}

/// What a picture shows is the answer, as far as it is known; its figures follow.
fn with_answer(found: &[Finding], figures: &str) -> String {
    let answer = answer::in_a_line(found).map(|answer| plain(&answer)).unwrap_or_default();
    let stop = if answer.is_empty() || answer.ends_with(['.', '…']) { "" } else { "." };
    format!("{answer}{stop} {figures}").trim().to_owned()
}

/// The command of the run for this experiment alone: its other flags stay.
pub(crate) fn repeat(results: &Results, name: &str) -> String {
    let command = &results.command;
    let quoted = command.contains(['\'', '"']);
    let Some((before, after)) = command.split_once(" compare ").filter(|_| !quoted) else {
        return command.clone();
    };
    let words: Vec<&str> = after.split_whitespace().collect();
    let flags = words.iter().position(|word| word.starts_with("--")).unwrap_or(words.len());
    let (names, flags) = words.split_at(flags);
    // A file of somebody's own is called by its path.
    let own = names.iter().find(|word| Path::new(word).file_stem().is_some_and(|stem| stem == name));
    let flags = flags.iter().filter(|word| **word != "--all");
    let parts = [before, "compare", own.copied().unwrap_or(name)].into_iter().chain(flags.copied());
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Asked;

    fn run(command: &str, experiments: &[&str]) -> Results {
        let asked = |name: &&str| Asked { name: (*name).into(), ..Asked::default() };
        Results {
            schema: String::new(),
            version: String::new(),
            started: String::new(),
            complete: true,
            machine: crate::results::Machine::default(),
            command: command.into(),
            seed: 7,
            quick: false,
            experiments: experiments.iter().map(asked).collect(),
            trials: Vec::new(),
            check: None,
            precision: Vec::new(),
            lanes: Vec::new(),
        }
    }

    #[test]
    fn the_command_repeats_one_experiment_with_the_flags_of_all() {
        let all = run("cargo lab compare --all --quick --seed 7", &["scale", "stall"]);
        assert_eq!(repeat(&all, "stall"), "cargo lab compare stall --quick --seed 7");
        let two = run("cargo lab compare scale my/own.toml --rungs pool --seed 7", &["scale", "own"]);
        assert_eq!(repeat(&two, "own"), "cargo lab compare my/own.toml --rungs pool --seed 7");
        let one = run("cargo lab compare scale --seed 7", &["scale"]);
        assert_eq!(repeat(&one, "scale"), one.command);
        let live = run("cargo lab live pool event-loop", &["live", "other"]);
        assert_eq!(repeat(&live, "live"), live.command);
        let quoted = run("cargo lab compare 'my own.toml' scale --seed 7", &["my own", "scale"]);
        assert_eq!(repeat(&quoted, "scale"), quoted.command);
    }
}
