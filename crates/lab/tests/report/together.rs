//! Several runs beside each other: what differs is listed, what is equal is said to be, and contradictions are seen.

use std::fs;
use std::path::PathBuf;

use lab::report::together::{self, Agreement, Run};
use lab::results::{Results, Trial, TrialOutcome};
use tempfile::TempDir;

use crate::findings::{assert_says, run};
use crate::fixture::{answers, figures, open_loop, trial};

/// thread-per-request against event-loop, with the others' noise; CPU in µs a request.
fn measured(cpu_us: [f64; 2], seed: u32) -> Results {
    let mut results = run(0, &[]);
    results.seed = 7;
    results.command = "cargo lab compare scale --seed 7".into();
    for block in 0..5 {
        for (place, rung) in ["thread-per-request", "event-loop"].into_iter().enumerate() {
            for (clients, rps) in [(16, 158.0), (256, 2_500.0), (1_024, 4_000.0)] {
                // A few per mille, other ones for every trial.
                let wander = 1.0 + 0.001 * f64::from((block * 7 + seed * 3 + clients + 2 * place as u32) % 5);
                // Threads cost a little more with many clients, so that no two ratios are alike.
                let more = if place == 0 { 1.0 + f64::from(clients) / 20_000.0 } else { 1.0 };
                let mut one = trial("scale", rung, clients, rps * wander, cpu_us[place] * more * wander);
                one.block = block;
                one.server.memory_per_connection_bytes = Some(20_000.0 * (1.0 + place as f64) * wander);
                one.sent_to_answer_ms.p50 = Some(100.0);
                results.trials.push(one);
            }
            let mut one = trial("scale", rung, 64, 100.0, cpu_us[place]);
            one.block = block;
            one.load = open_loop(64, 100.0, "/wait/100");
            one.scheduled = 400;
            answers(&mut one, 1_200, 101.0 + 0.05 * f64::from((block + seed) % 3), 0.01);
            results.trials.push(one);
        }
    }
    results
}

fn named(all: Vec<(&str, Results)>) -> Vec<Run> {
    all.into_iter().map(|(name, results)| Run { name: name.into(), results }).collect()
}

fn said(runs: &[Run]) -> String {
    together::summary(runs, 160).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn page(runs: &[Run]) -> String {
    let dir = TempDir::new().unwrap();
    fs::read_to_string(together::write(dir.path(), runs).unwrap()).unwrap()
}

fn changed(mut results: Results, change: impl Fn(&mut Trial)) -> Results {
    results.trials.iter_mut().for_each(change);
    results
}

const COSTS: [f64; 2] = [150.0, 40.0];

#[test]
fn two_runs_of_the_same_say_that_nothing_differs() {
    let runs = named(vec![("monday", measured(COSTS, 0)), ("tuesday", measured(COSTS, 1))]);
    assert_says(
        &said(&runs),
        &[
            "No setting differs: both runs were made with the same ones",
            "The runs contradict each other in no significant finding and in no verdict.",
            "tuesday against monday: of 26 figures none is shown to differ; 26 equal within 5 %.",
            "2 runs more on thread-per-request than on event-loop",
            "monday: 3.94 (3.9",
            "tuesday: 3.94 (3.9",
        ],
    );
    let agreement = together::agreement(&runs);
    assert!(
        agreement.holds() && agreement.significant > 0 && agreement.verdicts_compared >= 2,
        "{agreement:?}"
    );
    assert_eq!(agreement.unnamed, 0, "every comparison behind a finding has its name: {agreement:?}");
}

#[test]
fn a_run_that_takes_a_fifth_more_is_seen_and_contradicts_nothing() {
    let slower = measured(COSTS.map(|us| us * 1.2), 1);
    let runs = named(vec![("before", measured(COSTS, 0)), ("after", slower)]);
    let said = said(&runs);
    assert_says(
        &said,
        &[
            "No setting differs",
            "of 26 figures differ: 8 larger; 18 equal within 5 %. Most: CPU per request on",
            "1.20 times as much (95 % interval 1.",
            "contradict each other in no significant finding and in no verdict",
        ],
    );
    let page = page(&runs);
    assert!(page.contains("1.20 times as much (95 % interval"), "in the words of findings");
    assert!(page.contains("equal within 5 % (ratio 1.00"), "and so where nothing differs");
}

#[test]
fn findings_that_point_in_opposite_directions_are_a_contradiction() {
    let turned = measured([40.0, 150.0], 1);
    let runs = named(vec![("ann", measured(COSTS, 0)), ("bob", turned)]);
    let Agreement { findings, .. } = together::agreement(&runs);
    let [one, ..] = findings.as_slice() else { panic!("nothing found") };
    assert!(
        one.starts_with("scale: CPU per request of `thread-per-request` over `event-loop`, 256 clients at /wait/100: 3.80 ")
            && one.contains(" in ann, but 0.270 ")
            && one.contains(" in bob."),
        "{one}"
    );
    assert_says(
        &said(&runs),
        &[
            "The runs contradict each other: in 1 significant finding",
            "! scale: CPU per request of thread-per-request over event-loop",
            "1 run more on thread-per-request than on event-loop and in 1 run less on",
        ],
    );
    assert!(page(&runs).contains("class=\"contradictions\""));
}

/// What one run shows and another does not is no contradiction.
#[test]
fn a_difference_that_only_one_run_shows_contradicts_nothing() {
    let restless = changed(measured(COSTS, 1), |trial| {
        let by = [0.2, 6.0, 1.0, 0.3, 9.0][trial.block as usize];
        if trial.rung == "event-loop" {
            trial.server.cpu_us_per_request = trial.server.cpu_us_per_request.map(|us| us * by);
        }
    });
    let runs = named(vec![("quiet", measured(COSTS, 0)), ("restless", restless)]);
    assert!(together::agreement(&runs).findings.is_empty());
    assert_says(&said(&runs), &["with no difference shown"]);
}

#[test]
fn another_thing_that_ran_out_is_a_contradiction_too() {
    // 4,000 requests/s at 245 µs each fill the only core; at 40 µs nothing is full.
    let full = changed(measured([245.0, 40.0], 1), |trial| {
        trial.server.cpu_s = trial.server.cpu_us_per_request.map(|us| us * trial.completed as f64 / 1e6);
    });
    let disturbed = changed(measured([60.0, 40.0], 0), |trial| trial.server.others_cpu_s = Some(3.0));
    let runs = named(vec![("disturbed", disturbed), ("full", full.clone())]);
    let agreement = together::agreement(&runs);
    let verdict = agreement.verdicts.iter().find(|text| text.contains("`thread-per-request`"));
    let verdict = verdict.unwrap_or_else(|| panic!("{agreement:?}"));
    assert!(
        verdict.contains(
            "the limit was CPU, taken by others in disturbed (1,024 clients); CPU in full (1,024 clients)"
        ),
        "{verdict}"
    );
    assert!(!agreement.holds());
    // Who did not find out contradicts nobody.
    let runs = named(vec![("idle", measured([60.0, 40.0], 0)), ("full", full)]);
    let agreement = together::agreement(&runs);
    assert!(agreement.verdicts.is_empty() && agreement.holds(), "{agreement:?}");
    assert!(
        agreement.undecided[0].contains("not found in idle (1,024 clients); CPU in full"),
        "{agreement:?}"
    );
    assert_says(&said(&runs), &["Of 1 rung, one run found the limit and another did not."]);
}

#[test]
fn settings_that_differ_are_listed_and_only_those() {
    let mut other = measured(COSTS, 1);
    other.machine.cpu = Some("Another CPU".into());
    other.machine.server_cpus = Some(vec![1, 2]);
    other.seed = 8;
    other.machine.load_average = Some(0.4);
    for trial in &mut other.trials {
        trial.window.length_ms = 8_000.3;
        if trial.rung == "event-loop" {
            trial.flags = vec!["--workers=2".into()];
        }
    }
    let runs = named(vec![("one", measured(COSTS, 0)), ("other", other)]);
    let said = said(&runs);
    assert_says(
        &said,
        &[
            "What differs in their settings:",
            "- Processor: Constructed CPU (one); Another CPU (other)",
            "- CPUs of the server: 1 CPU (1) (one); 2 CPUs (1 and 2) (other)",
            "- Seed: 7 (one); 8 (other)",
            "- scale: measured for: 4 s (one); 8 s (other)",
            "- scale: flags of event-loop: none (one); --workers=2 (other)",
        ],
    );
    assert!(!said.contains("- System:") && !said.contains("Load average"), "{said}");
    let page = page(&runs);
    let (opening, _) = page.split_once("<main>").unwrap();
    assert!(opening.find("Another CPU") < opening.find("Do they contradict"), "settings come first");
    assert!(!opening.contains("<th scope=\"row\">System"));
}

#[test]
fn a_void_cell_is_named_and_in_no_figure() {
    let void = changed(measured(COSTS, 1), |trial| {
        if trial.rung == "event-loop" && trial.load.clients == 1_024 {
            (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("the generator was late".into()));
        }
    });
    let runs = named(vec![("whole", measured(COSTS, 0)), ("holed", void)]);
    assert_says(
        &said(&runs),
        &[
            "of 23 figures",
            "Not compared: event-loop with 1,024 clients at /wait/100 (5 trials void in holed).",
        ],
    );
}

#[test]
fn few_blocks_are_points_without_intervals() {
    let few = |seed| {
        let mut results = measured(COSTS, seed);
        results.trials.retain(|trial| trial.block < 3);
        results
    };
    let runs = named(vec![("one", few(0)), ("other", few(1))]);
    assert_says(
        &said(&runs),
        &[
            "other against one: 26 figures, all points of fewer than five blocks",
            "2 runs points from fewer than 5 blocks",
            "cannot be told",
        ],
    );
    assert!(page(&runs).contains("times as much (3 blocks: points, no interval)"));
}

#[test]
fn a_class_of_thirty_has_a_line_for_each() {
    let machine = |n: u32| {
        let mut results = measured([200.0 + 4.0 * f64::from(n), 40.0], n);
        results.machine.cpu = Some(format!("CPU {}", n % 3));
        results
    };
    let runs: Vec<Run> =
        (0..30).map(|n| Run { name: format!("student-{n:02}"), results: machine(n) }).collect();
    let page = page(&runs);
    assert!(page.len() < 6 << 20, "{} bytes", page.len());
    let forest = &figures(&page)[0];
    let rows = forest["data"].as_array().unwrap();
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().all(|row| row["error_x"]["array"].as_array().is_some_and(|ends| ends.len() == 1)));
    assert_eq!(forest["layout"]["yaxis"]["ticktext"].as_array().unwrap().len(), 30);
    assert_says(
        &said(&runs),
        &[
            "All 29 runs against student-00:",
            "30 runs more on thread-per-request than on event-loop. The ratios lie from 5.26 to 8.30, the middle one 6.78",
            "student-29: 8.30",
        ],
    );
}

#[test]
fn charts_hold_all_runs_and_have_tables() {
    let runs = named(vec![("monday", measured(COSTS, 0)), ("tuesday", measured(COSTS, 1))]);
    let page = page(&runs);
    let figures = figures(&page);
    assert_eq!(figures.len(), 4, "the main ratio, throughput, CPU, and p99 in open loop");
    let throughput = figures[1]["data"].as_array().unwrap();
    assert_eq!(throughput.len(), 4, "two rungs in two runs");
    assert!(
        throughput.iter().all(|line| line["x"] == serde_json::json!([16.0, 256.0, 1024.0])),
        "{throughput:?}"
    );
    let looks = |key: &str, part: &str| {
        let all: Vec<_> =
            throughput.iter().map(|line| line[key][part].as_str().unwrap().to_owned()).collect();
        all
    };
    assert_eq!(
        looks("line", "color"),
        ["@warm-1", "@warm-1", "@cool-1", "@cool-1"],
        "a colour for each rung"
    );
    assert_eq!(looks("line", "dash"), ["solid", "dash", "solid", "dash"], "a dash for each run");
    assert_eq!(page.matches("The figures behind it").count(), 4);
    for reference in [" src=", "url(", "@import", "<link", "http://", "fetch(", "<iframe"] {
        let script = page.find("* plotly.js v").unwrap();
        assert!(!page[..script].contains(reference), "{reference} in the page");
    }
}

#[test]
fn the_same_run_twice_and_runs_without_anything_in_common_are_refused() {
    let root = TempDir::new().unwrap();
    let stored = |name: &str, results: &Results| -> PathBuf {
        let dir = root.path().join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("results.json"), serde_json::to_string(results).unwrap()).unwrap();
        dir
    };
    let mut other = measured(COSTS, 1);
    other.experiments[0].name = "ladder".into();
    other.trials.iter_mut().for_each(|trial| trial.experiment = "ladder".into());
    let (one, other) = (stored("one", &measured(COSTS, 0)), stored("other", &other));
    let refused = |paths: &[&PathBuf]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| (*path).clone()).collect();
        together::read_all(&paths).unwrap_err().to_string()
    };
    assert!(refused(&[&one, &one]).ends_with("is named twice: name each run once"));
    assert!(refused(&[&one, &one.join("results.json")]).contains("are the same run"));
    assert_eq!(
        refused(&[&one, &other]),
        "there is nothing to compare, for no experiment is in two of these runs: one has scale; other has ladder"
    );
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(refused(&[&one, &empty]).contains("cannot read") && refused(&[&one, &empty]).contains("empty"));
    let copy = stored("copy", &measured(COSTS, 0));
    let runs = together::read_all(&[one, copy]).unwrap();
    assert_eq!([&*runs[0].name, &*runs[1].name], ["one", "copy"]);
    assert_says(&said(&runs), &["one and copy hold the same trials: one is a copy of the other."]);
}

#[test]
fn what_comes_from_a_file_is_text_and_never_markup() {
    let evil = "</script><script>alert(1)</script><img src=x>";
    let spoilt = |seed| {
        let mut results = measured(COSTS, seed);
        results.machine.cpu = Some(format!("{evil}{seed}"));
        results.experiments[0].title = evil.into();
        results
    };
    let runs = named(vec![(evil, spoilt(0)), ("other", spoilt(1))]);
    let page = page(&runs);
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "markup got through");
}
