//! Several runs beside each other, `cargo lab report DIR DIR`: the page says what the terminal says, and its charts what
//! their tables say.

use std::fs;
use std::process::Command;

use lab::results::Results;
use tempfile::TempDir;

use crate::charts;
use crate::fixture;
use crate::looks;
use crate::page::Page;
use crate::support::Browser;

/// The page of several runs in a directory of its own, written by the program.
pub(crate) struct Compared {
    dir: TempDir,
    /// What the terminal says, blanks put together.
    said: String,
}

impl Compared {
    /// Runs are called `run-1`, `run-2` and so on.
    #[track_caller]
    pub(crate) fn of(runs: &[Results]) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the comparison");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.arg("report").arg("--out").arg(dir.path());
        for (results, nth) in runs.iter().zip(1..) {
            let run = dir.path().join(name(nth));
            fs::create_dir(&run).expect("a directory for a run");
            let json = serde_json::to_string(results).expect("results are JSON");
            fs::write(run.join("results.json"), json).expect("results can be written");
            command.arg(run);
        }
        let ended = command.output().expect("the program starts");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let said = String::from_utf8_lossy(&ended.stdout);
        Self { dir, said: said.split_whitespace().collect::<Vec<_>>().join(" ") }
    }

    pub(crate) fn open<'b>(&self, browser: &'b Browser) -> Page<'b> {
        let url = format!("file://{}", self.dir.path().join("comparison.html").display());
        browser.open(&url, &url)
    }
}

fn name(nth: usize) -> String {
    format!("run-{nth}")
}

#[test]
fn two_runs_beside_each_other() {
    let Some(browser) = Browser::start() else { return };
    let mut slower = fixture::plausible();
    slower.machine.cpus = 4;
    for trial in &mut slower.trials {
        trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|us| us * 1.3);
    }
    let compared = Compared::of(&[fixture::plausible(), slower]);
    let page = compared.open(&browser);
    let settings = page.texts("header tbody th");
    assert!(
        settings.iter().any(|setting| setting.contains("CPUs")),
        "what differs comes first: {settings:?}"
    );
    let sentences = page.texts(".agreement, .contradictions li, .findings li");
    assert!(sentences.len() >= 3, "{sentences:#?}");
    for sentence in &sentences {
        assert!(compared.said.contains(sentence.as_str()), "{sentence:?} is not in {}", compared.said);
    }
    let charts = charts::drawn(&page);
    assert!(charts.len() >= 2, "{charts:#?}");
    let runs = [name(1), name(2)];
    for chart in &charts {
        assert!(chart.points.is_some(), "{} says how many points it has", chart.id);
        chart.assert_whole();
        chart.assert_same_as_its_table();
        // A column for each run, or a row with its ratio.
        let is_figure = |header: &str| header == "ratio" || runs.iter().any(|run| run == header);
        let columns = chart.assert_columns_are_drawn(is_figure);
        assert!([1, 2].contains(&columns), "{}: {columns} columns of figures", chart.id);
    }
    page.picture("comparison.png");
    looks::is_legible(&page);
    looks::fits(&page);
    page.assert_at_peace();
}
