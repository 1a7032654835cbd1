//! Whatever ends a run, nothing that it started is left and nothing that it measured is lost. `kills.rs` is
//! about what ends a part of it.
#![cfg(target_os = "linux")]

use std::path::Path;

use lab::results::Results;
use rustix::process::Signal;

use super::{Lab, Running, eventually, path, stderr, stdout, workshop};

/// Starts a run of four trials.
fn started(dir: &Path) -> Running {
    let (file, out) = (path(dir, "tiny.toml"), path(dir, "out"));
    Lab::new(["compare", file.to_str().unwrap(), "--trials", "2", "--out", out.to_str().unwrap()]).start()
}

fn results(dir: &Path) -> Results {
    lab::report::read(&path(dir, "out").join("results.json")).unwrap()
}

fn wait_for_a_trial(dir: &Path) {
    let file = path(dir, "out").join("results.json");
    eventually("a trial is kept", || {
        let text = std::fs::read_to_string(&file).ok()?;
        // Whole at any moment, or it would not be "written after every trial".
        let results: Results = serde_json::from_str(&text).expect("whole results");
        (!results.trials.is_empty()).then_some(())
    });
}

#[test]
fn ctrl_c_leaves_what_was_measured_and_no_child() {
    let dir = workshop(3_000);
    let mut lab = started(dir.path());
    wait_for_a_trial(dir.path());
    lab.wait_for("loadgen");
    lab.signal(Signal::INT);
    let output = lab.output();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("stopped before the end"), "{}", stderr(&output));
    assert!(stdout(&output).contains("Tiny"), "what there is, is summed up: {}", stdout(&output));
    lab.none_is_left();
    let results = results(dir.path());
    assert!(!results.complete && !results.trials.is_empty() && results.trials.len() < 4);
    assert!(path(dir.path(), "out").join("report.html").is_file());
}

#[test]
fn ctrl_c_before_the_first_trial_ends_it_all_the_same() {
    let dir = workshop(60_000);
    let mut lab = started(dir.path());
    lab.wait_for("loadgen");
    lab.signal(Signal::INT);
    let output = lab.output();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    lab.none_is_left();
    assert!(results(dir.path()).trials.is_empty());
}

#[test]
fn kill_9_leaves_whole_results_and_no_child() {
    let dir = workshop(3_000);
    let mut lab = started(dir.path());
    wait_for_a_trial(dir.path());
    lab.wait_for("loadgen");
    lab.signal(Signal::KILL);
    lab.output();
    lab.none_is_left();
    assert!(!results(dir.path()).complete);
}
