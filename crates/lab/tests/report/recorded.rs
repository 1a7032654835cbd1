//! Verdicts on recorded runs; constructed ones are in `verdict.rs`.

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

/// One block of some experiments, recorded on a machine that was left alone: what is full is full of its own load. Texts,
/// series and histograms are cut away.
#[test]
fn a_recorded_run_on_a_quiet_machine() {
    let results: Results = serde_json::from_str(include_str!("recorded_quiet.json")).unwrap();
    let said = said(&results);
    assert_says(
        &said,
        &[
            // A full core, a twelfth of which the kernel took to end threads, and a generator that was full instead.
            "= On /hello, thread-per-request, 64 clients: its CPU is full, 92 % of 1 core at 59.0 µs a request (75 % of it in the kernel,",
            "= On /hello with a connection per request, event-loop, 64 clients: the load generator's own core was 98 % busy, so this may be its limit.",
            // Half of a CPU, and late all the same.
            "= On /wait/100, async-views, 256 clients: the cause was not found; clients that come in step would explain it: a round of all 256 takes 50.2 ms of CPU, and an answer 8.96 ms besides its wait (looked at: server CPU 48 %",
            // A blocked loop, by its line and by its bystanders.
            "= On /wait/100, blocked-loop, 4 clients: its only event loop is blocked, 1 ÷ 100 ms = 10.0 requests/s.",
            "= On /api/city/97201/us, blocked-loop, 4 clients: its only event loop is blocked, so that half of those who want something else meanwhile wait 1.06 s or longer.",
            "= On /api/city/97201/us, nothing ran out for event-loop and async-views with 4 clients",
            // A CPU that is half busy, and a loop that is taken.
            "= thread-per-request, 125 requests/s due: computing and taking turns at it, 4.27 ms of a mean response of 4.58 ms in the view, its CPU 55 % busy.",
            "= event-loop, 125 requests/s due: its event loop was taken by other requests, 49.3 ms of a mean response of 53.5 ms queueing, its CPU 53 % busy.",
            // Two limits of the same small box.
            "= thread-per-request, 128 clients: the server collapsed in 1 of 1 trial, out of address space (collapsed at 128 clients: exit code 1; it said: failed to spawn thread:",
            "= event-loop, 2,048 clients: the system refused it file descriptors 6 times (EMFILE), and 532 of 6,596 requests got no right answer.",
        ],
    );
}
