//! Reports of constructed and recorded results: what is on the page is what the results say.

use std::fs;
use std::path::Path;
use std::process::Command;

use lab::report;
use lab::results::{Results, TrialOutcome};
use tempfile::TempDir;

use crate::charts::{self, Chart};
use crate::fixture::{self, run};
use crate::looks;
use crate::page::Page;
use crate::support::Browser;

/// A report in a directory of its own, written by the program.
pub(crate) struct Reported {
    dir: TempDir,
    pub(crate) results: Results,
}

impl Reported {
    pub(crate) fn of(results: &Results) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a report");
        let json = serde_json::to_string(results).expect("results are JSON");
        fs::write(dir.path().join("results.json"), json).expect("results can be written");
        let ended = Command::new(env!("CARGO_BIN_EXE_lab")).arg("report").arg(dir.path()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let results = report::read(&dir.path().join("results.json")).expect("they can be read");
        Self { dir, results }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn open<'b>(&self, browser: &'b Browser) -> Page<'b> {
        let url = format!("file://{}", self.dir.path().join("report.html").display());
        browser.open(&url, &url)
    }
}

#[test]
fn a_run_as_the_default_one_might_come_out() {
    let Some(browser) = Browser::start() else { return };
    let reported = Reported::of(&fixture::plausible());
    let page = reported.open(&browser);
    page.until(
        "the first picture is drawn",
        "document.querySelector('#hero .chart').dataset.drawn === 'true'",
    );
    page.picture("report.png");
    says_what_the_results_say(&page, &reported.results);
    let charts = shows_what_its_tables_say(&page);
    assert!(charts.len() >= 9, "both experiments have their charts: {charts:#?}");
    looks::is_legible(&page);
    looks::fits(&page);
    page.assert_at_peace();
}

#[test]
fn the_first_screen_of_a_phone_and_of_a_dark_theme() {
    let Some(browser) = Browser::start() else { return };
    let page = Reported::of(&fixture::plausible()).open(&browser);
    page.resize(390, 844);
    page.until(
        "the answer is in sight",
        "document.querySelector('#answer').getBoundingClientRect().top < innerHeight",
    );
    page.picture("report-phone.png");
    page.resize(1_280, 800);
    page.media("", "dark");
    page.until(
        "the first picture is drawn",
        "document.querySelector('#hero .chart').dataset.drawn === 'true'",
    );
    page.picture("report-dark.png");
    page.assert_at_peace();
}

#[test]
fn a_recorded_run() {
    let Some(browser) = Browser::start() else { return };
    let results: Results = serde_json::from_str(include_str!("../report/recorded.json")).unwrap();
    holds(&browser, &results);
}

#[test]
fn async_loses() {
    let Some(browser) = Browser::start() else { return };
    let results = run(
        5,
        &[
            ("thread-per-request", 16, 160.0, 40.0),
            ("thread-per-request", 2_048, 20_400.0, 40.0),
            ("event-loop", 16, 159.0, 80.0),
            ("event-loop", 2_048, 12_400.0, 80.0),
        ],
    );
    let answer = holds(&browser, &results);
    for part in ["event-loop for up to 16 clients (then ran out of CPU)", "0.500 times as much"] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
}

#[test]
fn all_tie() {
    let Some(browser) = Browser::start() else { return };
    let rungs = ["thread-per-request", "event-loop"];
    let cells = [16, 64].into_iter().flat_map(|clients| rungs.map(|rung| (rung, clients)));
    let cells: Vec<_> =
        cells.map(|(rung, clients)| (rung, clients, f64::from(clients) * 10.0, 50.0)).collect();
    let answer = holds(&browser, &run(5, &cells));
    assert!(answer.contains("equal within 5 %") && !answer.contains("times as much"), "{answer}");
}

#[test]
fn everything_is_void() {
    let Some(browser) = Browser::start() else { return };
    let mut results = run(3, &[("thread-per-request", 16, 160.0, 200.0), ("event-loop", 16, 7_777.0, 80.0)]);
    for trial in &mut results.trials {
        trial.outcome = TrialOutcome::Void;
        trial.reason = Some("an answer was wrong".into());
    }
    let answer = holds(&browser, &results);
    assert!(answer.contains("Nothing can be concluded: all 6 trials are void."), "{answer}");
    assert!(!answer.contains("7,777"), "{answer}");
}

/// All that is asked of any report; returns its answer.
#[track_caller]
fn holds(browser: &Browser, results: &Results) -> String {
    let reported = Reported::of(results);
    let page = reported.open(browser);
    says_what_the_results_say(&page, &reported.results);
    shows_what_its_tables_say(&page);
    looks::fits(&page);
    page.assert_at_peace();
    page.text("#answer")
}

/// Every sentence of the page is one that the results lead to, and every one of those is on the page.
#[track_caller]
fn says_what_the_results_say(page: &Page<'_>, results: &Results) {
    let summary = report::summary_within(results, 160);
    let (found, verdicts) = (items(&summary, "- "), items(&summary, "= "));
    assert!(!found.is_empty(), "{summary}");
    assert_eq!(sorted(page.texts(".findings li")), sorted(found.clone()));
    assert_eq!(sorted(page.texts(".verdicts li")), sorted(verdicts));
    let answer = page.texts("#answer li");
    assert!((1..=3).contains(&answer.len()), "two or three sentences: {answer:#?}");
    for sentence in &answer {
        // Cut out of a finding, and shortened where it would be too long.
        let said = without_brackets(sentence.trim_end_matches('…').trim_end());
        let is_said = |finding: &String| without_brackets(finding).contains(&said);
        assert!(found.iter().any(is_said), "{sentence:?} is in none of {found:#?}");
    }
    let questions: Vec<_> = results.experiments.iter().map(|asked| asked.question.as_str()).collect();
    let question = page.text("h1");
    assert!(questions.contains(&question.as_str()) || question == "What was measured", "{question}");
    let machine = page.text("#machine");
    assert!(
        machine.contains(&results.machine.os) && machine.contains(&results.machine.cpus.to_string()),
        "{machine}"
    );
    let again = page.texts("code.repeat");
    for (place, asked) in results.experiments.iter().enumerate() {
        let title = page.text(&format!("#experiment-{} h2", place + 1));
        assert!(title.starts_with(&asked.title), "{title:?} is not {:?}", asked.title);
        let repeats = |command: &&String| command.contains(&format!("cargo lab compare {} ", asked.name));
        assert!(
            again.iter().any(|command| repeats(&command)),
            "{} is repeated by none of {again:?}",
            asked.name
        );
    }
}

#[track_caller]
fn shows_what_its_tables_say(page: &Page<'_>) -> Vec<Chart> {
    let charts = charts::drawn(page);
    for chart in &charts {
        assert!(chart.points.is_some(), "{} says how many points it has", chart.id);
        chart.assert_whole();
        chart.assert_same_as_its_table();
    }
    charts
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

/// Without anything in brackets, and the blanks before them.
fn without_brackets(text: &str) -> String {
    let (mut plain, mut depth) = (String::new(), 0_u32);
    for letter in text.chars() {
        match letter {
            '(' => {
                plain.truncate(plain.trim_end().len());
                depth += 1;
            }
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}

/// The items of a list in the terminal's summary, each as one line.
fn items(summary: &str, mark: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut inside = false;
    for line in summary.lines() {
        match line.strip_prefix(mark) {
            Some(first) => items.push(first.trim().to_owned()),
            None if inside && line.starts_with("  ") => {
                let item = items.last_mut().expect("it is inside of one");
                *item = format!("{item} {}", line.trim());
            }
            None => {}
        }
        inside = line.starts_with(mark) || (inside && line.starts_with("  "));
    }
    items
}
