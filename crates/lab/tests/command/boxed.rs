//! Limits of a server, through the real programs: it runs out, says of what, and comes back or does not; and clients
//! that send a byte at a time.

use lab::report;
use lab::results::{Results, Trial, TrialOutcome};

use super::{Lab, path, stderr};

const HEAD: &str = r#"
title = "Small"
question = "Does it break?"
expect = "It does."
route = "/wait/100"
blocks = 1
warm_up_ms = 200
window_ms = 1000
"#;

fn ran(text: &str) -> (Results, String) {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (path(dir.path(), "small.toml"), path(dir.path(), "out"));
    std::fs::write(&file, format!("{HEAD}{text}")).unwrap();
    let output = Lab::new(["compare", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).output();
    assert!(output.status.success(), "{}", stderr(&output));
    let results = report::read(&path(&out, "results.json")).unwrap();
    let summary = report::summary(&results).split_whitespace().collect::<Vec<_>>().join(" ");
    (results, summary)
}

fn lost(trial: &Trial) -> u64 {
    trial.scheduled - trial.completed
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_without_threads_turns_clients_away_and_comes_back() {
    // Nobody waits for a timeout here, so it may be longer than a busy machine takes for any answer.
    let (results, summary) = ran(r#"
timeout_ms = 5000
rule = "exhaustion"
rungs = [{ rung = "bare-thread-per-connection", flags = ["--stack-size=8388608"] }]
loads = [{ closed = { clients = [4, 200] } }]
server = { address_space = "512MiB", open_files = 4096 }
"#);
    let at = |clients| results.trials.iter().find(|trial| trial.load.clients == clients).unwrap();
    let (few, many) = (at(4), at(200));
    assert_eq!(
        (few.outcome, lost(few), few.server.threads_refused),
        (TrialOutcome::Ok, 0, Some(0)),
        "{few:?}"
    );
    assert!(many.server.threads_refused > Some(0) && lost(many) > 0, "{many:?}");
    let mapped = many.server.address_space_peak_bytes.unwrap();
    assert!(mapped <= 512 << 20 && mapped > 400 << 20, "{mapped}");
    assert!(many.server.afterwards.unwrap().answered_after_ms.is_some(), "{many:?}");
    for part in
        ["answered every request at up to 4 clients; at 200 it ran out of address space", "it answered again"]
    {
        assert!(summary.contains(part), "no {part:?} in {summary}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_without_files_leaves_clients_waiting_and_comes_back() {
    let (results, summary) = ran(r#"
timeout_ms = 600
rule = "exhaustion"
rungs = [{ rung = "event-loop" }]
loads = [{ closed = { clients = [200] } }]
server = { open_files = 100 }
"#);
    let trial = &results.trials[0];
    assert!(trial.server.files_refused > Some(0) && trial.server.threads_refused == Some(0), "{trial:?}");
    assert!(trial.server.afterwards.unwrap().answered_after_ms.is_some(), "{trial:?}");
    assert!(summary.contains("ran out of files") && summary.contains("it may open 100"), "{summary}");
}

#[test]
fn slow_clients_are_held_while_bystanders_are_served() {
    let (results, summary) = ran(r#"
timeout_ms = 5000
rule = "slow_clients"
bystander = { route = "/hello", rate = 20, connections = 8 }
rungs = [{ rung = "bare-task-per-connection" }, { rung = "bare-thread-per-connection" }]
loads = [{ slow = { counts = [30], byte_every_ms = 500 } }]
"#);
    for trial in &results.trials {
        assert_eq!(trial.outcome, TrialOutcome::Ok, "{trial:?}");
        let slow = trial.client.slow.unwrap();
        assert_eq!((slow.opened, slow.held), (30, 30), "{}: {slow:?}", trial.rung);
        let bystander = trial.bystander.as_ref().unwrap();
        assert!(bystander.completed > 0, "{}: {bystander:?}", trial.rung);
    }
    assert!(summary.contains("Beside 30 slow clients"), "{summary}");
}
