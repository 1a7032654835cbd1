//! What every page is held to, whatever it shows: it fits a phone and a laptop, and all of it can be read.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::page::Page;

/// A phone, and the laptop of most of those who will look.
pub(crate) const WIDTHS: [u32; 2] = [390, 1_280];

/// WCAG 2.2, success criterion 1.4.3.
const LEAST_CONTRAST: f64 = 4.5;

/// What is drawn anew after a change of theme has this long for it.
const REDRAWING: Duration = Duration::from_secs(15);

/// Nothing of the page lies beyond its right edge, at any width.
#[track_caller]
pub(crate) fn fits(page: &Page<'_>) {
    for width in WIDTHS {
        page.resize(width, 844);
        page.until("it has the width that it was given", &format!("innerWidth === {width}"));
        page.until(
            &format!("no scrolling sideways at {width} px"),
            "document.scrollingElement.scrollWidth <= innerWidth",
        );
    }
}

/// A text that can be seen.
#[derive(Debug, Deserialize)]
struct Text {
    /// How it begins.
    #[expect(dead_code, reason = "read in messages of failed tests")]
    text: String,
    #[expect(dead_code, reason = "read in messages of failed tests")]
    color: String,
    #[expect(dead_code, reason = "read in messages of failed tests")]
    behind: String,
    contrast: f64,
}

/// All text has enough contrast, in both themes. What is folded is unfolded for it.
#[track_caller]
pub(crate) fn is_legible(page: &Page<'_>) {
    page.value::<serde_json::Value>(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
    );
    for theme in ["light", "dark"] {
        page.media("", theme);
        let until = Instant::now() + REDRAWING;
        loop {
            let texts: Vec<Text> = page.value(include_str!("contrast.js"));
            assert!(texts.len() > 40, "{} texts can be seen", texts.len());
            let faint: Vec<&Text> = texts.iter().filter(|text| text.contrast < LEAST_CONTRAST).collect();
            if faint.is_empty() {
                break;
            }
            assert!(Instant::now() < until, "in the {theme} theme: {:#?}", &faint[..faint.len().min(12)]);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    page.media("", "light");
}
