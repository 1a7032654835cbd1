//! The report and the live page in a real browser: do they show what the results hold, and can they be used?
//!
//! Where there is no browser these tests say so and pass; with `PARKBENCH_BROWSER=required` they fail. `support.rs` starts
//! the browser, `page.rs` is what a test does in it, `seen.rs` and `looks.rs` what every page is held to. Pictures of the
//! first screens are left in `target/tmp/screens`, to be looked at.

mod bites;
mod charts;
#[path = "../report/fixture.rs"]
#[expect(dead_code, reason = "the tests without a browser use the rest")]
mod fixture;
#[path = "../live/support.rs"]
#[expect(dead_code, reason = "the tests without a browser use the rest")]
mod lab_live;
mod live;
mod looks;
mod page;
mod pictures;
mod print;
mod report;
mod runs;
mod seen;
mod support;
