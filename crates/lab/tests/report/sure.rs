//! How sure a report is: many comparisons are corrected for, a rung against itself shows what can be seen at
//! all, and what happened around the run is said.

use lab::report;
use lab::results::{Asked, Ended, MachineCheck, MachineState, Precision, Results, Trial};
use lab::stats;

use crate::findings::{assert_says, run, said};
use crate::fixture::{answers, closed, empty, open_loop, trial};
use crate::wide;

/// Logs of a step in five blocks. By themselves they show a difference: p = 0.0275.
const WEAK: [f64; 5] = [0.12, 0.02, 0.14, 0.03, 0.10];

#[test]
fn what_only_stands_alone_is_not_claimed_among_many() {
    let alone = stats::ratio(&WEAK.map(|log| (log.exp(), 1.0))).unwrap();
    assert!(alone.interval.unwrap().low > 1.01, "by itself it would be claimed: {alone:?}");

    let mut results = wide::ladder(5);
    for trial in results.trials.iter_mut().filter(|trial| trial.load.route == "/wait/100") {
        let cpu_us = &mut trial.server.cpu_us_per_request;
        match trial.rung.as_str() {
            "bare-thread-per-request" => *cpu_us = Some(40.0),
            "bare-thread-per-connection" => *cpu_us = Some(40.0 / WEAK[trial.block as usize].exp()),
            _ => {}
        }
    }
    let said = said(&results);
    assert_says(
        &said,
        &[
            "No difference shown for making threads (ratio 1.09, 1.02 to 1.16; 0.998 to 1.18 once corrected for 17 comparisons).",
        ],
    );
    // What is clear stands all the same.
    assert_says(&said, &["5.00 (4.9", ") for the framework (blocking)"]);
    let all = report::comparisons(&results, "ladder");
    assert!(all.len() > 15, "{}", all.len());
    assert!(report::comparisons(&results, "nothing").is_empty());
}

#[test]
fn a_difference_is_never_claimed_with_an_interval_that_holds_one() {
    // Two rungs, 2 % apart and noisy.
    let mut results = run(5, &[("thread-per-request", 16, 160.0, 50.0), ("event-loop", 16, 160.0, 49.0)]);
    for trial in results.trials.iter_mut().filter(|trial| trial.rung == "event-loop") {
        let wild = [0.8, 1.3, 0.9, 1.2, 0.95][trial.block as usize];
        trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|us| us * wild);
    }
    let said = said(&results);
    assert_says(&said, &["no difference shown (ratio 1."]);
    assert!(!said.contains("once corrected"), "the plain interval says it already: {said}");
}

/// Two rungs, each twice; `bias` is what makes the second use of the event loop dearer.
fn against_themselves(blocks: u32, bias: f64) -> Results {
    let mut results = empty();
    let name = || "a-a".to_owned();
    results.experiments =
        vec![Asked { name: name(), title: "Itself".into(), route: "/wait/100".into(), ..Asked::default() }];
    for block in 0..blocks {
        for (place, (rung, variant)) in [
            ("thread-per-request", "a"),
            ("thread-per-request", "b"),
            ("event-loop", "a"),
            ("event-loop", "b"),
        ]
        .into_iter()
        .enumerate()
        {
            let wander = 1.0 + 0.01 * f64::from((block * 7 + place as u32 * 3) % 5) - 0.02;
            let favour = if (rung, variant) == ("event-loop", "b") { bias } else { 1.0 };
            let mut push = |mut one: Trial| {
                (one.block, one.variant) = (block, Some(variant.to_owned()));
                results.trials.push(one);
            };
            let mut waiting = trial("a-a", rung, 256, 2_500.0, 40.0 * wander * favour);
            waiting.server.memory_per_connection_bytes = Some(25_000.0 * wander);
            push(waiting);
            let mut busy = trial("a-a", rung, 64, 20_000.0 * wander, 40.0 / wander * favour);
            busy.load = closed(64, "/hello");
            push(busy);
            let mut due = trial("a-a", rung, 64, 300.0, 45.0 * wander * favour);
            due.load = open_loop(64, 300.0, "/wait/100");
            due.scheduled = 1_200;
            answers(&mut due, 1_200, 100.0 * (1.0 + 0.1 * (wander - 1.0)), 0.004);
            push(due);
        }
    }
    results
}

#[test]
fn a_rung_against_itself_shows_bias_and_the_smallest_effect() {
    let fair = said(&against_themselves(5, 1.0));
    assert_says(
        &fair,
        &[
            // CPU in both closed loops, memory and requests/s once, the median response once; on two rungs.
            "No bias is shown in 10 comparisons of rungs with themselves. The smallest effect that this machine shows with 5 blocks in a single comparison, the widest interval counting: ",
            " % in CPU per request, ",
            " % in requests/s, ",
            " % in memory per connection and 0.",
            " % in median response; where many comparisons are corrected for, only larger ones show.",
            "event-loop against itself: CPU per request with 64 clients at /hello: equal within 5 % (ratio 1.00,",
        ],
    );
    // No finding concludes from CPU per request in open loop.
    assert!(!fair.contains("CPU per request with 300 requests/s due"), "{fair}");
    assert!(!fair.contains("times as much") && !fair.contains("within 5 % of clients"), "{fair}");

    let biased = said(&against_themselves(5, 1.3));
    assert_says(
        &biased,
        &[
            "Something favours one of two equal servers, so trust no difference of that size here: CPU per request with 64 clients at /hello, event-loop (0.7",
        ],
    );
    let few = said(&against_themselves(3, 1.0));
    assert_says(&few, &["Rungs against themselves, 3 blocks: points without intervals, so neither bias"]);
}

#[test]
fn a_run_with_other_experiments_is_read_with_it_in_mind() {
    let mut results = against_themselves(5, 1.0);
    let other = run(5, &[("thread-per-request", 16, 160.0, 50.0), ("event-loop", 16, 160.0, 20.0)]);
    assert!(!said(&other).contains("with themselves"));
    results.experiments.extend(other.experiments);
    results.trials.extend(other.trials);
    let said = said(&results);
    assert_eq!(
        said.matches("No bias is shown in 10 comparisons").count(),
        2,
        "in front, and as the answer: {said}"
    );
}

#[test]
fn other_flags_make_it_another_server() {
    let mut results = against_themselves(5, 1.0);
    for trial in results.trials.iter_mut().filter(|trial| trial.variant.as_deref() == Some("b")) {
        trial.flags = vec!["--workers=2".into()];
    }
    assert!(!said(&results).contains("themselves"));
}

#[test]
fn a_machine_that_was_not_left_alone_is_a_caution_and_stands_beside_its_name() {
    let state = MachineState {
        load_average: Some(0.3),
        cpu_busy: Some(0.01),
        cpu_steal: Some(0.0),
        cpu_mhz: Some(3_000.0),
    };
    let mut results = crate::fixture::plausible();
    results.check = Some(MachineCheck { before: state, after: Some(state) });
    // A build of the lab's own is in the load average; the CPUs were idle when it mattered.
    results.machine.load_average = Some(9.0);
    let quiet = said(&results);
    assert!(!quiet.contains("other work") && !quiet.contains("other programs"), "{quiet}");
    results.check = Some(MachineCheck {
        before: MachineState { cpu_busy: Some(0.5), ..state },
        after: Some(MachineState { cpu_steal: Some(0.06), ..state }),
    });
    assert_says(
        &said(&results),
        &["Just before the run other programs used 50 % of this machine's CPUs", "The hypervisor gave 6.0 %"],
    );
    let dir = tempfile::TempDir::new().unwrap();
    report::write(dir.path(), &results).unwrap();
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains(
        "load on CPU 0. With care: load average 0.30 before, 0.30 after; CPUs in use 50.0 % before"
    ));
}

#[test]
fn how_narrow_intervals_became_is_said() {
    let mut results = crate::fixture::plausible();
    results.precision = vec![Precision {
        experiment: "scale".into(),
        wanted: 0.05,
        widest: Some(0.081),
        comparisons: 9,
        blocks: 23,
        ended: Ended::Budget,
    }];
    assert_says(
        &said(&results),
        &[
            "scale: the time was spent after 23 blocks; the widest of 9 intervals is ±8.1 %, where ±5.0 % was asked for.",
        ],
    );
}

#[test]
fn results_without_what_is_new_can_still_be_read() {
    let mut value = serde_json::to_value(crate::fixture::plausible()).unwrap();
    let object = value.as_object_mut().unwrap();
    assert!(object.remove("check").is_some() && object.remove("precision").is_some());
    let results: Results = serde_json::from_value(value).unwrap();
    assert_eq!(results, crate::fixture::plausible());
}
