//! A check that never fails proves nothing: mistakes are planted into a report, and each has to be found.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::charts;
use crate::fixture;
use crate::looks;
use crate::page::Page;
use crate::report::Reported;
use crate::support::Browser;

#[test]
fn planted_mistakes_are_found() {
    let Some(browser) = Browser::start() else { return };
    let reported = Reported::of(&fixture::plausible());
    let file = reported.dir().join("report.html");
    let sound = fs::read_to_string(&file).expect("the report can be read");
    let at_peace: fn(&Page<'_>) = |page| page.assert_at_peace();
    let same_figures: fn(&Page<'_>) = |page| {
        charts::drawn(page).iter().for_each(charts::Chart::assert_whole);
        charts::drawn(page).iter().for_each(charts::Chart::assert_same_as_its_table);
    };
    let planted = [
        ("<script>console.error('planted')</script></body>", "</body>", at_peace, "planted"),
        ("<script>planted()</script></body>", "</body>", at_peace, "planted is not defined"),
        ("<img src=\"http://example.org/planted.png\"></body>", "</body>", at_peace, "planted.png"),
        ("<p style=\"color: #8a8a8a\">planted</p></body>", "</body>", looks::is_legible, "planted"),
        ("2,543; ", "2,534; ", same_figures, "2,543; "),
        ("data-points=\"9", "data-points=\"", same_figures, "points that were meant"),
    ];
    for (mistake, instead_of, check, said) in planted {
        let wrong = sound.replace(instead_of, mistake);
        assert_ne!(wrong, sound, "{mistake} can be planted");
        fs::write(&file, wrong).expect("the report can be written");
        let page = reported.open(&browser);
        let found = catch_unwind(AssertUnwindSafe(|| check(&page)));
        let found = found.err().and_then(|panic| panic.downcast::<String>().ok());
        assert!(found.is_some_and(|found| found.contains(said)), "nobody noticed {mistake}");
    }
}
