//! `report.html`: one file, findings first, that opens anywhere and asks nobody for anything.
//!
//! The template is checked when this crate is built and escapes what it is given (askama; plotly renders
//! with it too, so that it costs no second engine). The page's security policy forbids every request, so
//! "works offline" is not only a habit. Charts are drawn by the script that the plotly crate carries.
//!
//! Layout and colours: `templates/report.{html,css,js}`.

use std::io::Write;
use std::sync::LazyLock;

use askama::Template;
use plotly::Plot;

use crate::check;
use crate::ladder;
use crate::report::cells::Experiment;
use crate::report::charts::{self, Chart, style};
use crate::report::tables::{self, Cells, Table};
use crate::report::text::{self, bytes, count, listed};
use crate::report::{Report, Writer, csv, findings, verdict};
use crate::results::{Machine, Mode, Results};

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
    /// The answer: headlines of all experiments, the main one's first.
    answer: Vec<Vec<Span>>,
    /// The picture on the first screen.
    hero: Option<Figure>,
    machine: String,
    sections: Vec<Section>,
    details: Vec<(&'static str, String)>,
    notes: Vec<String>,
    /// What each column of `results.csv` is.
    columns: Table,
    /// The charts' script, with its tags.
    plotly: &'static str,
}

/// An experiment on the page.
struct Section {
    anchor: String,
    title: String,
    demonstration: bool,
    question: String,
    expect: String,
    findings: Vec<Vec<Span>>,
    /// What ran out, rung by rung.
    verdicts: Vec<Vec<Span>>,
    figures: Vec<Figure>,
    /// Title of its picture on the first screen.
    hero: Option<String>,
    cells: Vec<Cells>,
    remarks: Vec<Vec<Span>>,
    repeat: String,
}

struct Figure {
    id: String,
    chart: Chart,
}

impl Figure {
    /// What plotly.js draws, safe inside of a script element: nothing in it can end that element.
    fn json(&self) -> String {
        self.chart.figure.replace('<', "\\u003c")
    }
}

/// A piece of a sentence; a rung's name has a class, which is its colour.
struct Span {
    text: String,
    class: Option<&'static str>,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report<'a>) -> Self {
        let (results, machine) = (report.results, &report.results.machine);
        let main = main_experiment(&report.experiments);
        let mut hero = None;
        let sections: Vec<Section> = report
            .experiments
            .iter()
            .enumerate()
            .map(|(place, experiment)| {
                let mut section = Section::of(experiment, results, place);
                if Some(place) == main && section.figures.first().is_some_and(|figure| figure.chart.main) {
                    let figure = section.figures.remove(0);
                    section.hero = Some(figure.chart.title.clone());
                    hero = Some(figure);
                }
                section
            })
            .collect();
        let first = main.map(|place| &report.experiments[place]);
        let question =
            first.map(|experiment| plain(&experiment.asked.question)).filter(|question| !question.is_empty());
        Self {
            results,
            question: question.unwrap_or_else(|| "What was measured".into()),
            cautions: findings::cautions(results),
            answer: answer(report, main),
            hero,
            machine: with_care(&machine_line(machine), results),
            sections,
            details: details(results),
            notes: machine.notes.clone(),
            columns: csv::documented(),
            plotly: &SCRIPT,
        }
    }
}

impl Section {
    fn of(experiment: &Experiment<'_>, results: &Results, place: usize) -> Self {
        let asked = &experiment.asked;
        let findings = findings::of(experiment, &results.machine);
        let figures = charts::of(experiment, &results.machine)
            .into_iter()
            .enumerate()
            .map(|(number, chart)| Figure { id: format!("figure-{}-{}", place + 1, number + 1), chart })
            .collect();
        Self {
            anchor: format!("experiment-{}", place + 1),
            title: plain(if asked.title.is_empty() { &asked.name } else { &asked.title }),
            demonstration: asked.demonstration,
            question: plain(&asked.question),
            expect: plain(&asked.expect),
            findings: findings.iter().map(|finding| spans(&finding.text)).collect(),
            verdicts: verdict::sentences(experiment, &results.machine)
                .iter()
                .map(|sentence| spans(sentence))
                .collect(),
            figures,
            hero: None,
            cells: tables::cells(experiment, &results.machine),
            remarks: tables::remarks(experiment).iter().map(|remark| spans(remark)).collect(),
            repeat: format!("cargo lab compare {} --seed {}", asked.name, results.seed),
        }
    }
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

/// The headlines of the main experiment, and the first one of each other.
fn answer(report: &Report<'_>, main: Option<usize>) -> Vec<Vec<Span>> {
    let of = |place: usize| {
        let all = findings::of(&report.experiments[place], &report.results.machine);
        let at_most = if Some(place) == main { usize::MAX } else { 1 };
        all.into_iter().filter(|finding| finding.headline).take(at_most)
    };
    let others = (0..report.experiments.len()).filter(|place| Some(*place) != main);
    main.into_iter().chain(others).flat_map(of).map(|finding| spans(&finding.text)).collect()
}

/// Texts of an experiment's file, in which backticks set code apart.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// Cuts a sentence at its backticks.
fn spans(text: &str) -> Vec<Span> {
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

/// `Linux 6.1, 2 × Some CPU, 4 GiB; servers on CPU 1, load on CPU 0`
pub(crate) fn machine_line(machine: &Machine) -> String {
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

/// The same, with what of the check before and after the run the reader should know.
pub(crate) fn with_care(line: &str, results: &Results) -> String {
    let care = results.check.as_ref().filter(|check| !check::warnings(check).is_empty());
    care.and_then(check::in_brief)
        .map_or_else(|| line.to_owned(), |seen| format!("{line}. With care: {seen}"))
}

fn cpus(numbers: &[u32]) -> String {
    let noun = if numbers.len() == 1 { "CPU" } else { "CPUs" };
    format!("{noun} {}", listed(&numbers.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

/// What the footer lists: label and value.
pub(crate) fn details(results: &Results) -> Vec<(&'static str, String)> {
    let machine = &results.machine;
    let limit = |(name, value): (&String, &Option<u64>)| match value {
        Some(value) => format!("{name} {}", count(*value)),
        None => format!("{name} unlimited or unknown"),
    };
    let mut details = vec![
        ("Parkbench", results.version.clone()),
        ("Started", results.started.clone()),
        ("Seed", results.seed.to_string()),
        ("Trials", text::count(results.trials.len() as u64)),
        ("Machine", machine_line(machine)),
    ];
    if machine.server_cpus.is_none() {
        details.push(("Pinning", "none: servers, upstream and generator shared all CPUs".into()));
    }
    if let Some((soft, hard)) = machine.open_files {
        details.push(("Open files", format!("{} (hard limit {})", count(soft), count(hard))));
    }
    if !machine.limits.is_empty() {
        details.push(("Other limits", machine.limits.iter().map(limit).collect::<Vec<_>>().join(", ")));
    }
    if let Some(load) = machine.load_average {
        details.push(("Load before the run", format!("{load:.2} (average over one minute)")));
    }
    if let Some(seen) = results.check.as_ref().and_then(check::in_brief) {
        details.push(("The machine, before and after", seen));
    }
    let mut flags: Vec<String> = Vec::new();
    for trial in &results.trials {
        let line = format!("{}: {}", trial.rung, trial.flags.join(" "));
        if !trial.flags.is_empty() && !flags.contains(&line) {
            flags.push(line);
        }
    }
    if !flags.is_empty() {
        details.push(("Flags of the servers", flags.join("; ")));
    }
    details
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
