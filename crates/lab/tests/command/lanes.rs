//! Requests that are recorded one by one: in the results of a run that asks for it, whatever becomes of a server.

use lab::results::TrialOutcome;

use super::{Lab, path, stderr, workshop};

/// Two servers with descriptors for twenty clients that take one each, and not for twenty that take two.
const RECORDED: &str = r#"
title = "Recorded"
question = "Who carries whom?"
expect = "Threads do."
route = "/wait/50"
blocks = 1
warm_up_ms = 100
window_ms = 500
timeout_ms = 2000
lanes = { requests = 20 }
server = { open_files = 44 }

[[rungs]]
rung = "pool"
flags = ["--threads=2"]

[[rungs]]
rung = "event-loop"

[[loads]]
closed = { clients = [1] }
"#;

#[test]
fn a_run_records_what_was_asked_and_goes_on_where_that_fails() {
    let dir = workshop(500);
    let (file, out) = (path(dir.path(), "recorded.toml"), path(dir.path(), "out"));
    std::fs::write(&file, RECORDED).unwrap();
    let output = Lab::new(["compare", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).output();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("2 trials in 1 block and 20 requests recorded, "),
        "{}",
        stderr(&output)
    );

    let results = lab::report::read(&path(&out, "results.json")).unwrap();
    let [pool, event_loop] = &results.lanes[..] else { panic!("{:?}", results.lanes) };
    assert_eq!((&*pool.rung, &*event_loop.rung), ("pool", "event-loop"));
    assert_eq!(pool.flags, ["--model=pool", "--threads=2"]);
    assert_eq!(event_loop.failed, None);
    assert_eq!((event_loop.requests.len(), event_loop.time_scale), (20, None));
    if cfg!(target_os = "linux") {
        // rouille takes two descriptors a connection.
        let why = pool.failed.as_deref().expect("no room for twenty clients");
        assert!(pool.requests.is_empty(), "{why}");
        assert!(stderr(&output).contains("pool not recorded: "), "{}", stderr(&output));
        let page = std::fs::read_to_string(path(&out, "report.html")).unwrap();
        assert!(page.contains("Not in the picture of requests on their threads"));
    }
    assert_eq!(results.trials.len(), 2);
    for trial in &results.trials {
        assert_eq!(trial.outcome, TrialOutcome::Ok, "{}: {:?}", trial.rung, trial.reason);
    }
}
