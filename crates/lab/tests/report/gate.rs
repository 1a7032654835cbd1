//! The regression gate: it names what became worse, lets pass what did not, and hides nothing it could not see.

use std::path::PathBuf;

use lab::baseline::{Baseline, Gate};
use lab::results::{Results, Trial, TrialOutcome};

use crate::findings::run;
use crate::fixture::{answers, open_loop, trial};

const CELLS: [(&str, u32, f64, f64); 3] = [
    ("thread-per-request", 16, 159.0, 200.0),
    ("event-loop", 16, 160.0, 30.0),
    ("event-loop", 256, 2_530.0, 25.0),
];

fn gate(before: Results, now: &Results, allowed: f64) -> Gate {
    Baseline { path: PathBuf::from("before"), results: before, allowed }.gate(now)
}

/// A run in which the event loop at 256 clients is changed.
fn changed(change: impl Fn(&mut Trial)) -> Results {
    let mut results = run(5, &CELLS);
    let of_cell = |trial: &&mut Trial| trial.rung == "event-loop" && trial.load.clients == 256;
    results.trials.iter_mut().filter(of_cell).for_each(change);
    results
}

fn scaled(value: &mut Option<f64>, by: f64) {
    *value = value.map(|value| value * by);
}

#[test]
fn the_same_passes_and_so_does_better() {
    let same = gate(run(5, &CELLS), &run(5, &CELLS), 0.2);
    assert_eq!(same, Gate { compared: 6, ..Gate::default() });
    let better = changed(|trial| {
        scaled(&mut trial.throughput_rps, 2.0);
        scaled(&mut trial.server.cpu_us_per_request, 0.5);
    });
    assert!(gate(run(5, &CELLS), &better, 0.2).regressed.is_empty());
}

#[test]
fn each_metric_has_its_direction_and_the_cell_is_named() {
    let slower = changed(|trial| scaled(&mut trial.throughput_rps, 0.5));
    let gate_of = |now| gate(run(5, &CELLS), now, 0.2).regressed;
    let [one] = &gate_of(&slower)[..] else { panic!("{:?}", gate_of(&slower)) };
    assert!(
        one.starts_with("scale, event-loop at 256 clients on /wait/100: 1,270 requests/s where it was"),
        "{one}"
    );
    assert!(
        one.contains("worse by a factor of 2.00 (95 % interval ") && one.ends_with("allowed 1.20)"),
        "{one}"
    );
    let dearer = changed(|trial| scaled(&mut trial.server.cpu_us_per_request, 1.5));
    let [one] = &gate_of(&dearer)[..] else { panic!("{:?}", gate_of(&dearer)) };
    assert!(
        one.contains("CPU per request 37.6 µs where it was 25.") && one.contains("worse by a factor of 1.50"),
        "{one}"
    );
}

#[test]
fn only_what_is_certainly_beyond_the_allowance_is_a_regression() {
    let by = |factor: f64| changed(move |trial| scaled(&mut trial.server.cpu_us_per_request, factor));
    assert!(gate(run(5, &CELLS), &by(1.15), 0.2).regressed.is_empty(), "15 % worse, 20 % allowed");
    assert_eq!(gate(run(5, &CELLS), &by(1.15), 0.1).regressed.len(), 1, "15 % worse, 10 % allowed");
    assert_eq!(gate(run(5, &CELLS), &by(1.15), 0.0).regressed.len(), 1);
    // Half as much again on average, and so restless that it may be nothing.
    let restless = changed(|trial| {
        let by = [0.9, 2.6, 1.0, 2.4, 1.3][trial.block as usize];
        scaled(&mut trial.server.cpu_us_per_request, by);
    });
    let gate = gate(run(5, &CELLS), &restless, 0.2);
    assert!(gate.regressed.is_empty() && gate.compared == 6, "{gate:?}");
}

#[test]
fn what_could_not_be_compared_is_said() {
    let mut void = run(5, &CELLS);
    for trial in void.trials.iter_mut().filter(|trial| trial.rung == "thread-per-request" && trial.block < 2)
    {
        trial.outcome = TrialOutcome::Void;
    }
    let gate_of = |before: Results, now: &Results| gate(before, now, 0.2);
    let first = gate_of(run(5, &CELLS), &void);
    assert_eq!(
        first.not_compared,
        [
            "scale, thread-per-request at 16 clients on /wait/100: 3 good and 2 void in this run, and 5 good trials are needed"
        ]
    );
    assert_eq!(first.compared, 4);
    assert_eq!(first.lost, ["scale, thread-per-request at 16 clients on /wait/100"], "which fails the gate");

    let few = gate_of(run(3, &CELLS), &run(5, &CELLS));
    assert_eq!((few.compared, few.not_compared.len()), (0, 3));
    assert!(few.not_compared[0].contains("3 good in the baseline"), "{:?}", few.not_compared);

    let gone = gate_of(run(5, &CELLS), &run(5, &CELLS[..2]));
    assert_eq!(gone.not_compared, ["scale, event-loop at 256 clients on /wait/100: not part of this run"]);
    assert!(gone.lost.is_empty(), "nobody asked for it");
    let still_void = gate_of(void.clone(), &void);
    assert!(still_void.lost.is_empty(), "the baseline had no more: {still_void:?}");
    let new = gate_of(run(5, &CELLS[..2]), &run(5, &CELLS));
    assert_eq!(new.not_compared, ["scale, event-loop at 256 clients on /wait/100: not part of the baseline"]);

    let mut elsewhere = run(5, &CELLS);
    elsewhere.experiments[0].name = "other".into();
    elsewhere.trials.iter_mut().for_each(|trial| trial.experiment = "other".into());
    let other = gate_of(elsewhere, &run(5, &CELLS));
    assert_eq!(other.not_compared, ["other: not part of this run", "scale: not part of the baseline"]);

    let flags = changed(|trial| trial.flags = vec!["--workers=4".into()]);
    assert!(gate_of(run(5, &CELLS), &flags).not_compared[0].ends_with("other flags than in the baseline"));

    let bound = changed(|trial| trial.client.core_busy = Some(0.99));
    let bound = gate_of(run(5, &CELLS), &bound);
    assert_eq!(bound.compared, 5, "CPU is still compared");
    assert!(
        bound.not_compared[0].contains(", requests/s: the load generator's own core was full"),
        "{bound:?}"
    );
}

#[test]
fn a_cell_that_collapses_now_and_did_not_then_is_a_regression() {
    let collapsed = changed(|trial| {
        if trial.block == 3 {
            (trial.outcome, trial.reason) = (TrialOutcome::Collapsed, Some("signal 6".into()));
        }
    });
    let regressed = gate(run(5, &CELLS), &collapsed, 0.2).regressed;
    let [one] = regressed.as_slice() else { panic!("{regressed:?}") };
    assert!(one.contains("collapsed in 1 of 5 trials, and never in the baseline (signal 6)"), "{one}");
    assert!(gate(collapsed.clone(), &collapsed, 0.2).regressed.is_empty(), "it always did");
}

/// With so many answers in each trial, and a tail that grows by this factor.
fn open(answers_each: u64, tail: f64) -> Results {
    let mut results = run(0, &[]);
    for block in 0..5 {
        let mut one = trial("scale", "event-loop", 64, 300.0, 100.0);
        one.block = block;
        one.load = open_loop(64, 300.0, "/wait/100");
        one.scheduled = 1_200;
        answers(&mut one, answers_each, 100.0 * (1.0 + 0.001 * f64::from(block)), 0.05 * tail);
        results.trials.push(one);
    }
    results
}

#[test]
fn the_tail_counts_in_open_loop_if_there_are_answers_enough() {
    let worse = gate(open(1_200, 1.0), &open(1_200, 6.0), 0.2);
    assert!(worse.regressed.len() == 1 && worse.regressed[0].contains("p99 2"), "{worse:?}");
    assert!(worse.regressed[0].starts_with("scale, event-loop at 300 requests/s due on /wait/100: p99"));
    let few = gate(open(900, 1.0), &open(900, 6.0), 0.2);
    assert_eq!((few.regressed.len(), few.compared), (0, 2));
    assert!(
        few.not_compared[0].contains("p99: 0 trials have a figure here and 0 in the baseline"),
        "{few:?}"
    );
}

#[test]
fn a_baseline_of_another_machine_is_warned_about() {
    let mut elsewhere = run(5, &CELLS);
    elsewhere.machine.cpu = Some("Another CPU".into());
    elsewhere.machine.cpus = 64;
    let gate = gate(elsewhere, &run(5, &CELLS), 0.2);
    let [warning] = gate.warnings.as_slice() else { panic!("{gate:?}") };
    assert!(
        warning.contains("processor: Another CPU then, Constructed CPU now; CPUs: 64 then, 2 now"),
        "{warning}"
    );
    assert_eq!(gate.compared, 6, "warned about, and compared all the same");
}

#[test]
fn the_end_of_a_run_says_all_of_it() {
    let baseline = Baseline { path: PathBuf::from("before"), results: run(5, &CELLS), allowed: 0.2 };
    let now = changed(|trial| scaled(&mut trial.throughput_rps, 0.5));
    let said = baseline.gate(&now).in_words(&baseline);
    assert!(
        said.contains(
            "Against the baseline before:\n6 figures compared; 1 regression certainly worse by more"
        )
    );
    let same = baseline.gate(&run(5, &CELLS)).in_words(&baseline);
    assert!(same.contains("6 figures compared, none certainly worse by more than 20.0 %."), "{same}");
}
