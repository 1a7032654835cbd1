//! `report.md`: the report for a repository or a submission. Question, answer, verdicts and tables in GitHub's
//! Markdown, and the charts as pictures in `charts/` beside it (`picture`).
//!
//! It says what the page says, from the same sentences and tables; what only a page can do (zooming, hovering) it
//! leaves out. Names of rungs are code, and nothing else that comes from a file is ever markup.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::output::replace;
use crate::report::cells::Experiment;
use crate::report::charts::{self, Chart};
use crate::report::tables::{self, Table};
use crate::report::{Report, answer, csv, findings, html, picture, verdict};
use crate::results::Results;

/// Name of the file.
const NAME: &str = "report.md";

/// Where its pictures are, beside it.
const PICTURES: &str = "charts";

/// The picture above everything else.
const OPENING: &str = "lanes.svg";

/// Writes `report.md` and the pictures that it shows into a directory, each whole or not at all.
///
/// # Errors
/// When one cannot be written; the message names it.
pub(crate) fn write(dir: &Path, report: &Report<'_>) -> anyhow::Result<()> {
    let (opening, illustrated) = (opening(report), illustrated(report));
    let folder = dir.join(PICTURES);
    for Illustrated { name, svg, .. } in illustrated.iter().flatten().chain(&opening) {
        let Some(svg) = svg else { continue };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(name);
        replace(&path, svg.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let path = dir.join(NAME);
    let page = Page::of(report, opening.as_ref(), &illustrated);
    let before = fs::read_to_string(&path).unwrap_or_default();
    replace(&path, page.text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    // What only the report before showed, of other charts or more of them. One that stays is no harm.
    for name in pictures(&before).difference(&pictures(&page.text)) {
        let _ = fs::remove_file(folder.join(name));
    }
    Ok(())
}

/// The pictures that a report shows, by the names of their files, as `file_name` makes them.
fn pictures(text: &str) -> BTreeSet<&str> {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit());
    let is_plain = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let ours = |name: &str| {
        let parts = name.strip_suffix(".svg").and_then(|stem| stem.split_once('-'));
        let parts = parts.and_then(|(place, rest)| Some((place, rest.rsplit_once('-')?)));
        parts.is_some_and(|(place, (name, number))| is_number(place) && is_plain(name) && is_number(number))
            || name == OPENING
    };
    let link = format!("]({PICTURES}/");
    let names = text.split(&link).skip(1).filter_map(|rest| rest.split_once(')'));
    names.map(|(name, _)| name).filter(|name| ours(name)).collect()
}

/// A chart and its picture.
struct Illustrated {
    chart: Chart,
    /// Of its file.
    name: String,
    /// None where it cannot be drawn: then its table stands alone.
    svg: Option<String>,
}

/// Single requests on their threads, where an experiment recorded them.
fn opening(report: &Report<'_>) -> Option<Illustrated> {
    let chart = charts::opening(report.results, &report.experiments)?;
    Some(Illustrated { svg: picture::svg(&chart), chart, name: OPENING.into() })
}

/// The charts of each experiment.
fn illustrated(report: &Report<'_>) -> Vec<Vec<Illustrated>> {
    let machine = &report.results.machine;
    let of = |(place, experiment): (usize, &Experiment<'_>)| {
        let charts = charts::of(experiment, machine).into_iter().enumerate();
        let one = |(number, chart): (usize, Chart)| {
            let (name, svg) = (file_name(place, &experiment.asked.name, number), picture::svg(&chart));
            Illustrated { chart, name, svg }
        };
        charts.map(one).collect()
    };
    report.experiments.iter().enumerate().map(of).collect()
}

/// `2-scale-1.svg`: by place, since names come from files and may be anything.
fn file_name(place: usize, experiment: &str, number: usize) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let name: String = experiment.chars().take(40).map(plain).collect();
    format!("{}-{name}-{}.svg", place + 1, number + 1)
}

/// The text as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn of(report: &Report<'_>, opening: Option<&Illustrated>, illustrated: &[Vec<Illustrated>]) -> Self {
        let (results, main) = (report.results, html::main_experiment(&report.experiments));
        let mut page = Self::default();
        page.opening(report, main);
        let hero = main.and_then(|place| illustrated.get(place)?.first()).filter(|one| one.chart.main);
        if let Some(hero) = hero {
            page.picture(hero);
        }
        page.paragraph(&escaped(&html::machine(results)));
        page.fenced(&results.command);
        if let Some(opening) = opening {
            page.chart(opening, None);
        }
        page.overview(report, main);
        for (experiment, charts) in report.experiments.iter().zip(illustrated) {
            page.experiment(experiment, results, charts, hero.map(|hero| &*hero.name));
        }
        page.method(results);
        page
    }

    /// The question, what to know before reading on, and the answer.
    fn opening(&mut self, report: &Report<'_>, main: Option<usize>) {
        let question = main.map(|place| report.experiments[place].asked.question.as_str());
        let question = question.filter(|question| !question.trim().is_empty()).unwrap_or("What was measured");
        self.heading(1, question);
        for caution in findings::cautions(report.results) {
            self.paragraph(&format!("> {}", escaped(&caution)));
        }
        let found = |place: usize| findings::of(&report.experiments[place], &report.results.machine);
        self.heading(2, "The answer, here");
        self.list(&main.map(|main| answer::on_first_screen(&found(main))).unwrap_or_default());
    }

    /// What the other experiments found, in a line each.
    fn overview(&mut self, report: &Report<'_>, main: Option<usize>) {
        let others = report.experiments.iter().enumerate().filter(|(place, _)| Some(*place) != main);
        let machine = &report.results.machine;
        let line = |(_, one): (usize, &Experiment<'_>)| {
            let title = if one.asked.title.is_empty() { &one.asked.name } else { &one.asked.title };
            let answer = answer::in_a_line(&findings::of(one, machine)).unwrap_or_default();
            let verdict = verdict::in_brief(one, machine).map(|verdict| format!(" Verdict: {verdict}."));
            format!("{title}: {answer}{}", verdict.unwrap_or_default())
        };
        let lines: Vec<String> = others.map(line).collect();
        if !lines.is_empty() {
            self.heading(2, "The other questions, in a line each");
            self.list(&lines);
        }
    }

    fn experiment(
        &mut self,
        experiment: &Experiment<'_>,
        results: &Results,
        charts: &[Illustrated],
        hero: Option<&str>,
    ) {
        let (asked, machine) = (&experiment.asked, &results.machine);
        self.heading(2, if asked.title.is_empty() { &asked.name } else { &asked.title });
        if asked.demonstration {
            self.paragraph("*A demonstration: all servers ran at once.*");
        }
        self.paragraph(&escaped(&asked.question));
        if !asked.expect.is_empty() {
            self.paragraph(&format!("**What to expect.** {}", escaped(&asked.expect)));
        }
        self.heading(3, "What was found");
        let found: Vec<String> = findings::of(experiment, machine).into_iter().map(|one| one.text).collect();
        self.list(&found);
        let verdicts = verdict::sentences(experiment, machine);
        if !verdicts.is_empty() {
            self.heading(3, "Verdict: what ran out");
            self.list(&verdicts);
        }
        let remarks = tables::remarks(experiment);
        if !remarks.is_empty() {
            self.heading(3, "Not in the figures, or to be read with care");
            self.list(&remarks);
        }
        for one in charts {
            self.chart(one, hero);
        }
        let cells = tables::cells(experiment, machine);
        if !cells.is_empty() {
            self.heading(3, "Every cell");
        }
        for cells in cells {
            self.paragraph(&escaped(&cells.table.caption));
            self.table(&cells.table);
        }
        self.paragraph("Again:");
        self.fenced(&html::repeat(results, &asked.name));
    }

    fn method(&mut self, results: &Results) {
        self.heading(2, "How it was measured");
        self.paragraph(
            "Each trial has a server process of its own and comes in a block with one trial of every cell, in an order \
             shuffled by the seed. Every answer is checked; void trials are in no figure. Rungs are compared block by \
             block, on logarithms, with 95 % t-intervals from 5 blocks on; a difference is claimed only if it stands when \
             all comparisons of its experiment are corrected for together (Holm), and “equal” means that the 90 % interval \
             lies within 0.95 to 1.05. `report.html` beside this file has the charts to zoom into and says more about the \
             method; `results.json` holds every figure, `results.csv` a row for each trial.",
        );
        self.list(&results.machine.notes);
        let details = html::details(results);
        self.table(&Table {
            headers: ["setting", "value"].map(String::from).to_vec(),
            rows: details.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect(),
            numbers_from: usize::MAX,
            ..Table::default()
        });
        self.folded("The columns of results.csv", &csv::documented());
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.paragraph(&format!("{} {}", "#".repeat(level), escaped(text)));
    }

    /// Something that is Markdown already.
    fn paragraph(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.text.push_str(text.trim_end());
            self.text.push_str("\n\n");
        }
    }

    fn list(&mut self, sentences: &[String]) {
        let items: Vec<String> =
            sentences.iter().map(|sentence| format!("- {}", escaped(sentence))).collect();
        self.paragraph(&items.join("\n"));
    }

    /// A command; nothing in it ends the fence.
    fn fenced(&mut self, text: &str) {
        let line: String = text.chars().filter(|letter| !letter.is_control()).collect();
        self.paragraph(&format!("```sh\n{}\n```", line.replace("```", "'''")));
    }

    /// A chart with everything that belongs to it.
    fn chart(&mut self, one: &Illustrated, hero: Option<&str>) {
        self.heading(3, &one.chart.title);
        self.paragraph(&escaped(&one.chart.how_to_read));
        if Some(&*one.name) == hero {
            self.paragraph("*The picture is at the top.*");
        } else {
            self.picture(one);
        }
        self.folded("The figures behind it", &one.chart.table);
    }

    fn picture(&mut self, Illustrated { chart, name, svg }: &Illustrated) {
        if svg.is_some() {
            self.paragraph(&format!("![{}]({PICTURES}/{name})", text_only(&chart.alt)));
        }
    }

    fn folded(&mut self, summary: &str, table: &Table) {
        self.paragraph(&format!("<details><summary>{}</summary>", text_only(summary)));
        self.paragraph(&escaped(&table.caption));
        self.table(table);
        self.paragraph("</details>");
    }

    fn table(&mut self, table: &Table) {
        let row = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        };
        let align = |column: usize| if column >= table.numbers_from { "---:" } else { ":---" }.to_owned();
        let mut lines = vec![
            row(&mut table.headers.iter().map(|text| text_only(text))),
            row(&mut (0..table.headers.len()).map(align)),
        ];
        lines.extend(table.rows.iter().map(|cells| row(&mut cells.iter().map(|text| text_only(text)))));
        self.paragraph(&lines.join("\n"));
    }
}

/// A sentence: what stands in backticks is code, and nothing else is markup.
fn escaped(text: &str) -> String {
    text.split('`')
        .enumerate()
        .filter(|(_, piece)| !piece.is_empty())
        .map(|(place, piece)| if place % 2 == 1 { format!("`{}`", plain(piece)) } else { text_only(piece) })
        .collect()
}

/// Text that stays text, in a line of a paragraph and in a cell of a table.
fn text_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in plain(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

/// On one line.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_backticks_are_markup() {
        assert_eq!(escaped("`event-loop` takes 1.5 × as *much*"), "`event-loop` takes 1.5 × as \\*much\\*");
        assert_eq!(
            escaped("</details>\n# [x](y) | a_b"),
            "&lt;/details&gt; \\# \\[x\\](y) \\| a\\_b",
            "one line, nothing to click, no new cell"
        );
        assert_eq!(text_only("`x`"), "\\`x\\`");
    }

    #[test]
    fn file_names_are_made_of_harmless_letters() {
        assert_eq!(file_name(1, "scale", 0), "2-scale-1.svg");
        assert_eq!(file_name(0, "../../etc/x y", 9), "1-------etc-x-y-10.svg");
    }
}
