//! Verdicts on a recorded run, `recorded.json`; constructed ones are in `verdict.rs`.

use lab::results::Results;

use crate::findings::{assert_says, said};

/// Recorded on a machine that was busy with other things all along, which is when the obvious answer is wrong: in every
/// trial the server's CPU was full. Texts, series and histograms are cut away.
#[test]
fn a_recorded_run_on_a_busy_machine() {
    let results: Results = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let said = said(&results);
    assert_says(
        &said,
        &[
            // Overload: as many threads as calls at a time, and both taken.
            "= pool, 240 requests/s due: the services behind are full, 15.7 of the 16 calls that they take at a time; at the same time its threads are all taken, 16 ÷ 100 ms = 160 requests/s.",
            "= event-loop, 240 requests/s due: the services behind are full, 15.7 of the 16 calls that they take at a time, and 409 more calls in line at the end.",
            "= thread-per-request, 240 requests/s due: nothing can be said, its only trial is void (the load generator's books do not balance",
            // Spike: ten times as many for a while.
            "= pool, 300 requests/s due at the most: its threads are all taken, 16 ÷ 100 ms = 160 requests/s; 1.09 s of a mean response of 1.20 s queueing.",
            // CPU hog: an event loop that is blocked queues, and so does one whose CPU others have.
            "= event-loop, 125 requests/s due: others filled its CPU, 76 % of 1 core where it had 24 %, so this may be the machine's doing.",
            // Stall: half of the pool would do, were it not for the services.
            "= event-loop, 8 clients: the services behind hung for 5.00 s, as they were told to.",
            "= pool, 80 requests/s due: the services behind hung for 5.00 s, as they were told to; at the same time its threads are all taken",
        ],
    );
}
