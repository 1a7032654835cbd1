//! Whichever process dies in the middle of whichever kind of experiment: the report says which, and the rest
//! of the run is kept.
#![cfg(target_os = "linux")]

use std::path::Path;

use lab::results::{Results, Trial, TrialOutcome};
use rustix::process::Signal;

use super::{Lab, eventually, path, stderr, stdout};

/// Kinds of experiment: each in three blocks, with the services behind them.
const KINDS: [(&str, &str); 5] = [
    ("closed", "[[loads]]\nclosed = { clients = [4] }"),
    ("open", "[[loads]]\nopen = { rate = { rps = 40 }, connections = 32 }"),
    ("subscribers", "[[loads]]\nroute = \"/live\"\nsubscribers = { counts = [8] }"),
    (
        "bystander",
        "[bystander]\nroute = \"/hello\"\nrate = 20\nconnections = 16\n\n[[loads]]\nclosed = { clients = [4] }",
    ),
    (
        "faults",
        "rule = \"recovery\"\n\n[[loads]]\nopen = { rate = { rps = 40 }, connections = 64 }\n\n\
         [[upstream.faults]]\nkind = \"stall\"\nat_ms = 300\nfor_ms = 500",
    ),
];

/// Who dies, and what the reason of the trial says then.
const VICTIMS: [(&str, TrialOutcome, &str); 3] = [
    (
        "upstream",
        TrialOutcome::Void,
        "the services behind the server failed: upstream died, signal 9 (SIGKILL",
    ),
    ("async-server", TrialOutcome::Collapsed, "signal 9 (SIGKILL"),
    ("loadgen", TrialOutcome::Void, "the load generator ended without a result: signal 9 (SIGKILL"),
];

fn experiment(kind: &str) -> String {
    // Keys of the file come before its tables.
    let (own, tables) = match kind.strip_prefix("rule = \"recovery\"") {
        Some(tables) => ("rule = \"recovery\"\n", tables),
        None => ("", kind),
    };
    format!(
        "title = \"Killed\"\nquestion = \"What is left?\"\nexpect = \"All but one trial.\"\n\
         route = \"/api/weather/97201/us\"\nblocks = 3\nwarm_up_ms = 200\nwindow_ms = 1500\ntimeout_ms = 2000\n{own}\n\
         [upstream]\ndelay = \"fixed:20ms\"\n\n\
         [[rungs]]\nrung = \"event-loop\"\n\n{tables}\n"
    )
}

#[test]
fn in_a_closed_loop() {
    each_victim("closed");
}

#[test]
fn in_an_open_loop() {
    each_victim("open");
}

/// Live events call no services: there is none to kill.
#[test]
fn among_subscribers() {
    each_victim("subscribers");
}

#[test]
fn beside_a_bystander() {
    each_victim("bystander");
}

#[test]
fn with_faults_on_a_timeline() {
    each_victim("faults");
}

fn each_victim(kind: &str) {
    let (_, text) = KINDS.iter().find(|(name, _)| *name == kind).expect("a kind");
    for (victim, outcome, says) in VICTIMS {
        if kind != "subscribers" || victim != "upstream" {
            killed(kind, &experiment(text), victim, (outcome, says));
        }
    }
}

fn killed(kind: &str, text: &str, victim: &str, (outcome, says): (TrialOutcome, &str)) {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (path(dir.path(), "killed.toml"), path(dir.path(), "out"));
    std::fs::write(&file, text).unwrap();
    let mut lab = Lab::new(["compare", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).start();
    // The first trial is there, so there is something to lose.
    eventually("a trial is kept", || (!whole(&out)?.trials.is_empty()).then_some(()));
    // Both are up in the middle of a trial; the generator is the last to start, and has been told what to do.
    let pid = eventually(&format!("{victim} under load"), || {
        let children = lab.children();
        let find = |name: &str| children.iter().find(|(_, known)| known == name).map(|(pid, _)| *pid);
        find("loadgen").filter(|pid| has_read_its_spec(*pid)).and(find(victim))
    });
    super::signal(pid, Signal::KILL);
    let output = lab.output();
    lab.none_is_left();
    let what = format!("{victim} of {kind}: {}", stderr(&output));

    let results = whole(&out).expect("results");
    assert!(results.complete, "{what}");
    // One more where the generator was late, which is tried again.
    assert!((3..=6).contains(&results.trials.len()), "{what}");
    let (struck, others): (Vec<&Trial>, Vec<&Trial>) = results.trials.iter().partition(|trial| {
        trial.outcome == outcome && trial.reason.as_deref().is_some_and(|reason| reason.contains(says))
    });
    let [trial] = struck.as_slice() else { panic!("one of three: {what}") };
    let reason = trial.reason.as_deref().expect("just looked at");
    let html = std::fs::read_to_string(path(&out, "report.html")).expect("a report");
    assert!(html.to_lowercase().contains(&says.to_lowercase()), "the report says it: {reason}");
    assert!(stdout(&output).contains("Killed"), "{what}");
    // A busy machine may have lost another trial, of which the exit code then speaks as well.
    let lost = |trial: &&&Trial| trial.outcome == TrialOutcome::Void;
    if !others.iter().any(|other| lost(&other)) {
        assert_eq!(output.status.code(), Some(0), "each cell has a valid trial: {what}");
    }
}

/// Until then it has one thread, and the lab may still be writing: that fails in other words.
fn has_read_its_spec(generator: u32) -> bool {
    std::fs::read_dir(format!("/proc/{generator}/task")).is_ok_and(|threads| threads.count() > 1)
}

/// Results as they are at this moment, if there are any: whole ones.
fn whole(out: &Path) -> Option<Results> {
    let text = std::fs::read_to_string(path(out, "results.json")).ok()?;
    Some(serde_json::from_str(&text).expect("whole results"))
}
