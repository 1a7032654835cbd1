//! On paper: every chart is drawn, fits the page, and is on one page only.

use std::fs;

use serde::Deserialize;
use serde_json::Value;

use crate::fixture;
use crate::page::screens;
use crate::report::Reported;
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

/// Pages of paper cannot be looked at by a script, columns can; a browser breaks both by the same rules. So the page is
/// laid out as if for printing, in columns of the size of a sheet.
#[test]
fn no_chart_is_cut_by_the_edge_of_a_page() {
    let Some(browser) = Browser::start() else { return };
    let page = Reported::of(&fixture::plausible()).open(&browser);
    page.until("it is ready", "document.readyState === 'complete'");
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
    let charts: Vec<OnPaper> = page.value(
        "Array.from(document.querySelectorAll('.chart'), (chart) => { \
           const figure = chart.closest('figure'); \
           const box = chart.getBoundingClientRect(); \
           const widths = Array.from(chart.querySelectorAll('.main-svg'), (svg) => svg.getBoundingClientRect().width); \
           return { id: chart.id || figure.id, drawn: chart.dataset.drawn === 'true', pieces: figure.getClientRects().length, \
                    width: box.width, height: box.height, drawing_width: Math.max(0, ...widths) }; })",
    );
    assert!(charts.len() >= 9, "{charts:#?}");
    for chart in &charts {
        assert!(chart.drawn && chart.drawing_width > 100.0, "{chart:?} is drawn");
        assert_eq!(chart.pieces, 1, "{} is in one piece", chart.id);
        assert!(
            chart.drawing_width <= f64::from(width) + 1.0 && chart.drawing_width <= chart.width + 1.0,
            "{chart:?}"
        );
        assert!(chart.height < f64::from(height), "{chart:?} fits a page");
    }
    page.assert_at_peace();
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
