//! `comparison.html`: one file, settings first, that opens anywhere and asks nobody for anything.
//!
//! It has the report's colours and the report's charts' script, and a layout of its own:
//! `templates/comparison.{html,css,js}`.

use askama::Template;

use crate::report;
use crate::report::html::{self, Span, spans};
use crate::report::tables::Table;
use crate::report::text::{listed, rounded};
use crate::report::together::figures::{self, Figure};
use crate::report::together::words::{self, Read};
use crate::report::together::{Run, Together, agreement, overlay, settings};

/// What the template shows.
#[derive(Template)]
#[template(path = "comparison.html")]
struct Page {
    title: String,
    cautions: Vec<String>,
    runs: Table,
    /// What differs; without rows where nothing does.
    settings: Table,
    no_setting_differs: String,
    agreement: Vec<Span>,
    contradictions: Vec<Vec<Span>>,
    undecided: Vec<Vec<Span>>,
    sections: Vec<Section>,
    alone: Option<String>,
    colors: &'static str,
    script: &'static str,
}

/// An experiment.
struct Section {
    anchor: String,
    title: String,
    headlines: Vec<Vec<Span>>,
    figures: Vec<html::Figure>,
    cells: Table,
    missing: Vec<Vec<Span>>,
}

pub(super) fn render(together: &Together<'_>) -> anyhow::Result<String> {
    Ok(Page::of(together).render()?)
}

impl Page {
    fn of(together: &Together<'_>) -> Self {
        let runs = together.runs;
        let agreement = agreement::of(together);
        let contradictions = agreement.findings.iter().chain(&agreement.verdicts);
        let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
        let title = if runs.len() > 4 {
            format!("{} runs, compared", runs.len())
        } else {
            format!("{}, compared", listed(&names))
        };
        let rows = settings::rows(together).into_iter();
        Self {
            title,
            cautions: words::cautions(runs),
            runs: of_runs(runs),
            settings: Table {
                caption: "Only what differs is listed.".into(),
                headers: ["setting".into()].into_iter().chain(names).collect(),
                rows: rows.map(|row| [row.what].into_iter().chain(row.values).collect()).collect(),
                numbers_from: usize::MAX,
            },
            no_setting_differs: words::no_setting_differs(runs),
            agreement: spans(&agreement.in_words()),
            contradictions: contradictions.map(|sentence| spans(sentence)).collect(),
            undecided: agreement.undecided.iter().map(|sentence| spans(sentence)).collect(),
            sections: together.shared.iter().enumerate().map(Section::of).collect(),
            alone: words::alone(together),
            colors: report::colors(),
            script: report::charts_script(),
        }
    }
}

impl Section {
    fn of((place, shared): (usize, &report::together::Shared<'_>)) -> Self {
        let read = Read::of(shared);
        let forest = read.forest.iter().filter_map(report::together::forest::Forest::chart);
        let figures = forest
            .chain(overlay::charts(shared))
            .enumerate()
            .map(|(number, chart)| html::Figure::of(chart, format!("figure-{}-{}", place + 1, number + 1)));
        Self {
            anchor: format!("experiment-{}", place + 1),
            title: shared.title.clone(),
            headlines: read.headlines().iter().map(|sentence| spans(sentence)).collect(),
            figures: figures.collect(),
            cells: cells(&read),
            missing: read.figures.missing.iter().map(|text| spans(text)).collect(),
        }
    }
}

fn of_runs(runs: &[Run]) -> Table {
    let row = |run: &Run| {
        let results = &run.results;
        let trials = results.trials.len().to_string();
        vec![run.name.clone(), results.started.clone(), results.command.clone(), trials]
    };
    Table {
        caption: "The first is what the others are compared with.".into(),
        headers: ["run", "started", "command", "trials"].map(String::from).to_vec(),
        rows: runs.iter().map(row).collect(),
        numbers_from: 3,
    }
}

/// Every figure of every cell, by run.
fn cells(read: &Read<'_>) -> Table {
    let row = |figure: &Figure<'_>| {
        let show = |cell: &crate::report::cells::Cell<'_>| {
            cell.median(figure.metric).map_or_else(String::new, |value| figure.metric.show(value))
        };
        vec![
            figure.run.to_owned(),
            figure.first.series.label(),
            format!("{} at {}", figure.first.load_label(), figure.first.target().named()),
            figures::noun(figure.metric, figure.first).to_owned(),
            figure.said.clone(),
            show(figure.first),
            show(figure.second),
            rounded(figure.ratio.estimate),
            words::interval(figure),
        ]
    };
    let first = read.shared.sides.first().map(|side| side.run.name.as_str()).unwrap_or_default();
    Table {
        caption: format!(
            "Every cell of which both have trials that count, over the same of {first}: medians, the ratio of geometric \
             means, its own 95 % interval (Welch), and what may be said of it when all comparisons of the experiment are \
             corrected for together (Holm)"
        ),
        headers: [
            "run",
            "rung",
            "load",
            "figure",
            "compared",
            &format!("in {first}"),
            "in this run",
            "ratio",
            "95 % interval",
        ]
        .map(String::from)
        .to_vec(),
        rows: read.figures.all.iter().map(row).collect(),
        numbers_from: 5,
    }
}
