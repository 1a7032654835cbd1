//! Two runs beside each other, `cargo lab report DIR DIR`: the page says what the terminal says.

use std::process::Command;

use crate::charts;
use crate::fixture;
use crate::looks;
use crate::report::Reported;
use crate::support::Browser;

#[test]
fn two_runs_beside_each_other() {
    let Some(browser) = Browser::start() else { return };
    let monday = Reported::of(&fixture::plausible());
    let mut slower = fixture::plausible();
    slower.machine.cpus = 4;
    for trial in &mut slower.trials {
        trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|us| us * 1.3);
    }
    let tuesday = Reported::of(&slower);
    let out = tempfile::tempdir().expect("a directory for the comparison");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("report").args([monday.dir(), tuesday.dir()]).arg("--out").arg(out.path());
    let ended = command.output().expect("the program starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let said = String::from_utf8_lossy(&ended.stdout).split_whitespace().collect::<Vec<_>>().join(" ");

    let url = format!("file://{}", out.path().join("comparison.html").display());
    let page = browser.open(&url, &url);
    let settings = page.texts("header tbody th");
    assert!(
        settings.iter().any(|setting| setting.contains("CPUs")),
        "what differs comes first: {settings:?}"
    );
    let sentences = page.texts(".agreement, .contradictions li, .findings li");
    assert!(sentences.len() >= 3, "{sentences:#?}");
    for sentence in &sentences {
        assert!(said.contains(sentence.as_str()), "{sentence:?} is not in {said}");
    }
    let charts = charts::drawn(&page);
    assert!(charts.len() >= 2, "{charts:#?}");
    charts.iter().for_each(charts::Chart::assert_whole);
    page.picture("comparison.png");
    looks::is_legible(&page);
    looks::fits(&page);
    page.assert_at_peace();
}
