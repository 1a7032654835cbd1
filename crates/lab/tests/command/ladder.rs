//! The whole ladder through the real programs: any rung runs any load, and each kind of load leaves what it
//! promises.

use std::collections::BTreeSet;
use std::path::Path;

use lab::ladder::LADDER;
use lab::results::{Mode, Results, Trial, TrialOutcome};

use super::{Lab, path, stderr};

/// Runs an experiment with these loads on these rungs, and takes nothing but valid trials.
fn ran(text: &str, rungs: &str) -> Results {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (path(dir.path(), "short.toml"), path(dir.path(), "out"));
    std::fs::write(&file, format!("{HEAD}{text}")).unwrap();
    let arguments = ["compare", text_of(&file), "--rungs", rungs, "--out", text_of(&out)];
    let output = Lab::new(arguments).output();
    assert!(output.status.success(), "{}", stderr(&output));
    let results = lab::report::read(&path(&out, "results.json")).unwrap();
    for trial in &results.trials {
        assert_eq!(trial.outcome, TrialOutcome::Ok, "{}: {:?}", trial.rung, trial.reason);
        assert!(trial.completed > 0, "{}: {:?}", trial.rung, trial.warnings);
        let failed: u64 = trial.failed.values().sum();
        assert_eq!(trial.scheduled, trial.completed + failed + trial.timed_out + trial.unsent);
        assert_eq!(
            trial.server.exit.as_deref(),
            Some("exit code 0"),
            "{}: {:?}",
            trial.rung,
            trial.server.log
        );
    }
    results
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

const HEAD: &str = r#"
title = "Short"
question = "Does it run?"
expect = "It does."
route = "/hello"
blocks = 1
warm_up_ms = 100
window_ms = 1200
rungs = [{ rung = "event-loop" }]
"#;

fn one<'a>(results: &'a Results, rung: &str) -> &'a Trial {
    results.trials.iter().find(|trial| trial.rung == rung).expect("a trial")
}

#[test]
fn every_rung_runs() {
    let names: Vec<_> = LADDER.iter().map(|rung| rung.name).collect();
    let results = ran("loads = [{ closed = { clients = [4] } }]", &names.join(","));
    let ran: BTreeSet<_> = results.trials.iter().map(|trial| trial.rung.as_str()).collect();
    assert_eq!(ran, names.iter().copied().collect());
    for trial in &results.trials {
        assert!(trial.flags.contains(&format!("--model={}", trial.rung)), "{:?}", trial.flags);
    }
    assert_eq!(one(&results, "offload").flags[1..], ["--workers=1", "--blocking-threads=512"]);
}

#[test]
fn a_connection_per_request_is_a_load_of_its_own() {
    let loads =
        "loads = [{ closed = { clients = [4] } }, { closed = { clients = [4], keep_alive = false } }]";
    let results = ran(loads, "bare-thread-per-connection,bare-task-per-connection");
    let kept = |keep_alive| results.trials.iter().filter(move |trial| trial.load.keep_alive == keep_alive);
    assert_eq!((kept(true).count(), kept(false).count()), (2, 2));
    // Medians: one pause of a busy machine is in every mean.
    let per_answer = |trial: &Trial| trial.latency_ms.p50.unwrap();
    let both = |keep_alive| kept(keep_alive).map(per_answer).sum::<f64>();
    assert!(both(false) > both(true), "connecting takes time: {} and {} ms", both(false), both(true));
}

#[test]
fn subscribers_are_counted_in_ticks_and_nobody_waits_for_the_end_of_their_streams() {
    let loads = r#"loads = [{ route = "/live", subscribers = { counts = [5] } }]"#;
    let results = ran(loads, "thread-per-request,bare-task-per-connection,event-loop");
    assert_eq!(results.trials.len(), 3);
    for trial in &results.trials {
        assert_eq!((trial.load.mode, trial.load.clients), (Mode::Subscribers, 5));
    }
}

#[test]
fn a_blocked_loop_lets_the_bystander_wait_and_a_pool_of_threads_beside_it_does_not() {
    let text = r#"
bystander = { route = "/hello", rate = 50, connections = 32 }
loads = [{ route = "/wait/100", closed = { clients = [2] } }]
"#;
    let results = ran(text, "offload,blocked-loop");
    let bystander = |rung| one(&results, rung).bystander.as_ref().expect("a bystander");
    assert_eq!((bystander("offload").route.as_str(), bystander("offload").rate_rps), ("/hello", 50.0));
    let [free, blocked] = ["offload", "blocked-loop"].map(|rung| bystander(rung).latency_ms.p50.unwrap());
    assert!(
        blocked > 20.0 && blocked > 2.0 * free,
        "{blocked} ms where the loop is blocked, {free} ms where not"
    );
}
