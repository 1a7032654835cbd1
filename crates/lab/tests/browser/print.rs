//! On paper: every chart is drawn, fits the page, and is on one page only.

use std::fs;

use serde::Deserialize;
use serde_json::Value;

use crate::fixture::{self, run};
use crate::page::{Page, screens};
use crate::report::Reported;
use crate::runs::Compared;
use crate::support::Browser;

/// What an A4 page holds between its margins of 14 and 16 mm, in px of 1/96 inch.
const SHEET_PX: [u32; 2] = [687, 1_001];

/// A chart in columns that are as wide and as high as a page.
#[derive(Debug, Deserialize)]
struct OnPaper {
    id: String,
    drawn: bool,
    /// Columns that it, and its title with it, is in.
    pieces: usize,
    width: f64,
    height: f64,
    /// Of what was drawn.
    drawing_width: f64,
}

#[test]
fn no_chart_is_cut_by_the_edge_of_a_page() {
    let Some(browser) = Browser::start() else { return };
    let page = Reported::of(&fixture::plausible()).open(&browser);
    let charts = on_paper(&page);
    assert!(charts.len() >= 9, "{charts:#?}");
    fit_sheets(&charts);
    page.assert_at_peace();
}

/// A class of forty, a line for each in the main chart; and two runs of so many rungs that their rows take a sheet.
#[test]
fn charts_of_many_runs_and_of_many_rungs_are_pressed_into_a_sheet() {
    let Some(browser) = Browser::start() else { return };
    let student = |nth: u32| {
        let cpu_us = 80.0 + f64::from(nth);
        run(5, &[("thread-per-request", 64, 640.0, cpu_us), ("event-loop", 64, 640.0, 40.0)])
    };
    let class: Vec<_> = (0..40).map(student).collect();
    let rungs = [
        "one-at-a-time",
        "pool",
        "thread-per-request",
        "bare-thread-per-request",
        "bare-thread-per-connection",
        "bare-task-per-connection",
        "event-loop",
        "async-views",
        "offload",
        "blocked-loop",
    ];
    let cells: Vec<_> =
        rungs.into_iter().flat_map(|rung| [(rung, 16, 158.0, 90.0), (rung, 64, 630.0, 80.0)]).collect();
    for runs in [class, vec![run(3, &cells), run(3, &cells)]] {
        let compared = Compared::of(&runs);
        let page = compared.open(&browser);
        let highest: f64 = page.value(
            "Math.max(...Array.from(document.querySelectorAll('.chart'), (chart) => chart.clientHeight))",
        );
        assert!(highest > f64::from(SHEET_PX[1]), "on a screen a chart takes more than a sheet: {highest}");
        let charts = on_paper(&page);
        assert!(charts.len() >= 3, "{charts:#?}");
        fit_sheets(&charts);
        page.assert_at_peace();
    }
}

/// Pages of paper cannot be looked at by a script, columns can; a browser breaks both by the same rules. So the page is
/// laid out as if for printing, in columns of the size of a sheet.
#[track_caller]
fn on_paper(page: &Page<'_>) -> Vec<OnPaper> {
    page.until("it is ready", "document.readyState === 'complete'");
    // A chart whose turn comes after the paper would be drawn for the screen. A comparison draws all by itself.
    page.value::<Value>("void window.parkbench?.drawAll()");
    page.until("all are drawn for the screen", "document.documentElement.dataset.charts === 'drawn'");
    page.value::<Value>(
        "document.querySelectorAll('.chart').forEach((one) => { delete one.dataset.drawn; })",
    );
    page.media("print", "light");
    page.value::<Value>("dispatchEvent(new Event('beforeprint'))");
    let [width, height] = SHEET_PX;
    page.value::<Value>(&format!(
        "Object.assign(document.body.style, {{ margin: 0, padding: 0, maxWidth: 'none', width: '{width}px', height: '{height}px', \
         columns: '{width}px auto', columnGap: '0px', columnFill: 'auto' }})"
    ));
    page.until(
        "all charts are drawn",
        "[...document.querySelectorAll('.chart')].every((one) => one.dataset.drawn === 'true')",
    );
    page.value(
        "Array.from(document.querySelectorAll('.chart'), (chart) => { \
           const figure = chart.closest('figure'); \
           const box = chart.getBoundingClientRect(); \
           const widths = Array.from(chart.querySelectorAll('.main-svg'), (svg) => svg.getBoundingClientRect().width); \
           return { id: chart.id || figure.id, drawn: chart.dataset.drawn === 'true', pieces: figure.getClientRects().length, \
                    width: box.width, height: box.height, drawing_width: Math.max(0, ...widths) }; })",
    )
}

#[track_caller]
fn fit_sheets(charts: &[OnPaper]) {
    let [width, height] = SHEET_PX.map(f64::from);
    for chart in charts {
        assert!(chart.drawn && chart.drawing_width > 100.0, "{chart:?} is drawn");
        assert_eq!(chart.pieces, 1, "{} is in one piece", chart.id);
        assert!(chart.drawing_width <= width + 1.0 && chart.drawing_width <= chart.width + 1.0, "{chart:?}");
        assert!(chart.height < height, "{chart:?} fits a page");
    }
}

#[test]
fn printed_before_anything_was_scrolled_it_has_all_charts() {
    let Some(browser) = Browser::start() else { return };
    let page = Reported::of(&fixture::plausible()).open(&browser);
    page.until("it is ready", "document.readyState === 'complete'");
    // Heard after the page's own listener has done its work.
    page.value::<Value>(
        "addEventListener('beforeprint', () => { \
           const charts = [...document.querySelectorAll('.chart')]; \
           window.atPrint = { charts: charts.length, drawn: charts.filter((one) => one.querySelector('.main-svg')).length }; })",
    );
    let pdf = page.pdf();
    fs::write(screens().join("report.pdf"), &pdf).expect("it can be kept");
    assert!(pdf.starts_with(b"%PDF-"));
    let pages = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
    assert!((3..60).contains(&pages), "{pages} pages");
    let at_print: Value = page.value("window.atPrint");
    assert!(at_print["charts"].as_u64() >= Some(9) && at_print["drawn"] == at_print["charts"], "{at_print}");
    page.until("the page is as it was", "document.documentElement.dataset.theme === undefined");
    page.assert_at_peace();
}
