//! The pictures of the main README. `scripts/screenshots.sh` calls this, and says of which run and where to.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::lab_live::Lab;
use crate::live::{in_flight, opened, set};
use crate::page::Page;
use crate::support::Browser;

/// What the repository should have to carry for a picture.
const MOST_BYTES: usize = 300_000;

#[test]
#[ignore = "for scripts/screenshots.sh, which says of which run and where to"]
fn of_both_first_screens() {
    let path = |name: &str| PathBuf::from(env::var_os(name).expect("scripts/screenshots.sh sets it"));
    let (run, to) = (path("PARKBENCH_PICTURES_OF"), path("PARKBENCH_PICTURES_TO"));
    let browser = Browser::start().expect("a browser to take pictures with");
    let report = fs::canonicalize(run.join("report.html")).expect("the run has a report");
    let url = format!("file://{}", report.display());
    let page = browser.open(&url, &url);
    page.resize(1_280, 820);
    page.until(
        "the first picture is drawn",
        "document.querySelector('#hero .chart').dataset.drawn === 'true'",
    );
    taken(&page, &to.join("report.png"));

    let lab = Lab::start(["thread-per-request", "event-loop"]);
    let (page, mut watch) = opened(&browser, &lab);
    page.resize(1_280, 1_500);
    set(&page, &mut watch, "wait_ms", 1_000);
    set(&page, &mut watch, "clients", 2_000);
    page.click("#run");
    page.until("all of them wait on the left", &in_flight(0, "2,000"));
    page.until("and on the right", &in_flight(1, "2,000"));
    page.until(
        "half a minute of it",
        "document.querySelector('.lane .plot path.line.main').getAttribute('d').split('L').length > 120",
    );
    page.value::<serde_json::Value>(
        "document.activeElement.blur(); scrollTo({ top: 0, behavior: 'instant' })",
    );
    taken(&page, &to.join("live.png"));
}

#[track_caller]
fn taken(page: &Page<'_>, to: &Path) {
    let png = page.png();
    assert!(png.len() < MOST_BYTES, "{} has {} bytes: show less of the page", to.display(), png.len());
    fs::write(to, png).expect("the picture can be written");
}
