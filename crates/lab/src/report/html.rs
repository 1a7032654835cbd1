//! `report.html`: one file, findings first, that opens anywhere and asks nobody for anything.
//!
//! The template is checked when this crate is built and escapes what it is given (askama; plotly renders
//! with it too, so that it costs no second engine). The page's security policy forbids every request, so
//! "works offline" is not only a habit. Charts are drawn by the script that the plotly crate carries.
//!
//! From top to bottom: `first` (the screen that answers), `section` (one per experiment), `method` (how it was
//! measured, and where). Layout and colours: `templates/report.{html,css,js}`.

mod first;
mod method;
mod section;

use std::io::Write;
use std::sync::LazyLock;

use askama::Template;
use plotly::Plot;
use serde_json::Value;

use crate::ladder;
use crate::report::charts::{self, Chart, style};
use crate::report::tables::Table;
use crate::report::{Report, Writer, csv, findings};
use crate::results::Results;
use first::Line;
pub(crate) use first::{machine, main_experiment};
pub(crate) use method::details;
use section::Section;
pub(crate) use section::repeat;

/// Writes `report.html`.
pub(crate) struct Html;

impl Writer for Html {
    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn write(&self, report: &Report<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
        let page = Page::of(report);
        out.write_all(page.render()?.as_bytes())?;
        Ok(())
    }
}

/// What the template shows.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    results: &'a Results,
    question: String,
    cautions: Vec<String>,
    /// Whether there is room for all of them on the first screen.
    few_cautions: bool,
    /// Up to three sentences.
    answer: Vec<Vec<Span>>,
    /// The picture on the first screen.
    hero: Option<Figure>,
    machine: String,
    /// The picture below the first screen, before everything else.
    opening: Option<Figure>,
    /// The other experiments, in a line each.
    overview: Vec<Line>,
    sections: Vec<Section>,
    details: Vec<(&'static str, String)>,
    notes: Vec<String>,
    /// What each column of `results.csv` is.
    columns: Table,
    /// The charts' script, with its tags.
    plotly: &'static str,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report<'a>) -> Self {
        let (results, machine) = (report.results, &report.results.machine);
        let main = first::main_experiment(&report.experiments);
        let numbered = report.experiments.iter().enumerate();
        let mut sections: Vec<Section> =
            numbered.map(|(place, experiment)| Section::of(experiment, results, place)).collect();
        let hero = main.and_then(|main| sections[main].give_hero());
        let cautions = findings::cautions(results);
        let opening = charts::opening(results, &report.experiments);
        Self {
            results,
            question: first::question(report, main),
            few_cautions: first::are_few(&cautions),
            cautions,
            answer: first::answer(main, &sections),
            hero,
            machine: first::machine(results),
            opening: opening.map(|chart| Figure::of(chart, "lanes".into())),
            overview: first::overview(main, &sections),
            sections,
            details: method::details(results),
            notes: machine.notes.clone(),
            columns: csv::documented(),
            plotly: &SCRIPT,
        }
    }
}

/// A chart with its place on the page.
pub(crate) struct Figure {
    pub(crate) id: String,
    pub(crate) chart: Chart,
    /// Values that it draws, gaps included, so that whoever checks the page knows how many there have to be.
    pub(crate) points: usize,
}

impl Figure {
    pub(crate) fn of(chart: Chart, id: String) -> Self {
        Self { id, points: points(&chart.figure), chart }
    }

    /// What plotly.js draws, safe inside of a script element: nothing in it can end that element.
    pub(crate) fn json(&self) -> String {
        self.chart.figure.replace('<', "\\u003c")
    }
}

/// Marks, bars, corners of lines and squares, as plotly.js is given them.
fn points(figure: &str) -> usize {
    let figure: Value = serde_json::from_str(figure).unwrap_or_default();
    let count = |values: &Value| values.as_array().map_or(0, Vec::len);
    let of_trace = |trace: &Value| match trace["z"].as_array() {
        Some(rows) => rows.iter().map(count).sum(),
        None => count(&trace["x"]).min(count(&trace["y"])),
    };
    figure["data"].as_array().into_iter().flatten().map(of_trace).sum()
}

/// A piece of a sentence; a rung's name has a class, which is its colour.
#[derive(Clone)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) class: Option<&'static str>,
}

/// Cuts a sentence at its backticks.
pub(crate) fn spans(text: &str) -> Vec<Span> {
    text.split('`')
        .enumerate()
        .filter(|(_, piece)| !piece.is_empty())
        .map(|(place, piece)| {
            let name = place % 2 == 1;
            let class =
                name.then(|| style::of_rung(piece, ladder::rung(piece).ok().map(|rung| rung.kind)).color);
            Span { text: piece.to_owned(), class }
        })
        .collect()
}

/// Texts of an experiment's file, in which backticks set code apart.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// [`SCRIPT`] without its tags.
pub(crate) fn script() -> &'static str {
    let inside = SCRIPT.find('>').map_or("", |open| &SCRIPT[open + 1..]);
    inside.rfind("</script>").map_or(inside, |close| &inside[..close]).trim_start()
}

/// plotly.js alone: the crate's sources for offline use hold it first and `MathJax`, which nothing here
/// needs and which is a third of them, second.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    const END: &str = "</script>";
    let mut sources = Plot::offline_js_sources();
    if let Some(end) = sources.find(END) {
        sources.truncate(end + END.len());
    }
    sources
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_the_values_of_all_traces() {
        let figure = r#"{"data": [
            {"x": [1, 2, 3], "y": [1, null, 3]},
            {"x": ["a", "b"], "y": [0, 0]},
            {"x": [0, 1], "y": [0, 1], "z": [[1, null], [2, 3]]},
            {"x": []}
        ]}"#;
        assert_eq!(points(figure), 3 + 2 + 4);
        assert_eq!((points("{}"), points("no figure")), (0, 0));
    }
}
