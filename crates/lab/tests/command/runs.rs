//! A whole run through the real programs: what it leaves can be read, adds up, and is never overwritten.

use lab::results::{Mode, TrialOutcome};

use super::{Lab, path, stderr, stdout, workshop};

#[test]
fn a_run_leaves_results_that_add_up_and_a_report() {
    let dir = workshop(500);
    let (file, out) = (path(dir.path(), "tiny.toml"), path(dir.path(), "out"));
    // Time for a busy machine to hear of the window before it opens: the lab does not look at half of one.
    let text = std::fs::read_to_string(&file).unwrap().replace("warm_up_ms = 100", "warm_up_ms = 1000");
    std::fs::write(&file, text).unwrap();
    let arguments = ["compare", file.to_str().unwrap(), "--seed", "7", "--out", out.to_str().unwrap()];
    let output = Lab::new(arguments).output();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("event-loop"), "{}", stdout(&output));
    assert!(stderr(&output).contains("4 trials, about"), "{}", stderr(&output));

    let results = lab::report::read(&path(&out, "results.json")).unwrap();
    assert!(results.complete);
    assert_eq!((results.seed, results.experiments[0].nominal_wait_ms), (7, Some(20.0)));
    assert!(results.command.ends_with("tiny.toml --seed 7"), "{}", results.command);
    assert_eq!(results.trials.len(), 4);
    for trial in &results.trials {
        assert_eq!(trial.outcome, TrialOutcome::Ok, "{:?}", trial.reason);
        assert!(trial.completed > 0);
        let failed: u64 = trial.failed.values().sum();
        assert_eq!(trial.scheduled, trial.completed + failed + trial.timed_out + trial.unsent);
        assert_eq!((trial.load.mode, trial.load.clients), (Mode::Closed, 6));
        assert!((trial.window.length_ms - 500.0).abs() < 1.0, "{}", trial.window.length_ms);
        assert_eq!(trial.series.len(), 2, "{:?}", trial.series);
        assert_eq!(trial.server.exit.as_deref(), Some("exit code 0"), "{:?}", trial.server.log);
        assert!(trial.server.ctx_switches_voluntary.is_some_and(|switches| switches > 0));
        // Nobody can have been answered before the wait was over.
        assert!(trial.latency_ms.mean.is_some_and(|ms| ms >= 20.0), "{:?}", trial.latency_ms);
        if cfg!(target_os = "linux") {
            assert!(
                trial.server.cpu_s.is_some_and(|cpu_s| cpu_s > 0.0 && cpu_s <= 0.6),
                "{:?}",
                trial.server.cpu_s
            );
            assert!(trial.server.threads_peak >= trial.server.threads_idle);
            assert!(trial.series.iter().all(|row| row.server_rss_bytes.is_some()));
        }
    }
    let pool = results.trials.iter().find(|trial| trial.rung == "pool").unwrap();
    assert_eq!(pool.flags, ["--model=pool", "--threads=3"]);
    // Of six clients each may have had an answer just before the window that a busy generator read in it.
    assert!(
        pool.throughput_rps.unwrap() <= 3.0 / 0.020 * 1.05 + 6.0 / 0.5,
        "threads / wait bounds it: {:?}",
        pool.throughput_rps
    );
    assert!(path(&out, "report.html").is_file() && path(&out, "results.csv").is_file());

    let again = Lab::new(arguments).output();
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("results of another run"), "{}", stderr(&again));

    let report = Lab::new(["report", out.to_str().unwrap()]).output();
    assert!(report.status.success(), "{}", stderr(&report));
}

#[test]
fn results_that_cannot_be_read_are_answered_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(dir.path(), "results.json");
    let report = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = Lab::new(["report", dir.path().to_str().unwrap()]).output();
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    assert!(report(r#"{"schema":"parkbench/1","trials":["#).contains("cut short"));
    assert!(report(r#"{"schema":"parkbench/99"}"#).contains("parkbench/99"));
    let nowhere = Lab::new(["report", "/nowhere"]).output();
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(stderr(&nowhere).contains("/nowhere"));
}

#[test]
fn a_place_that_cannot_be_written_is_found_out_before_anything_starts() {
    let dir = workshop(500);
    let file = path(dir.path(), "tiny.toml");
    let out = file.join("below-a-file");
    let output = Lab::new(["compare", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).output();
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("below-a-file") && text.lines().count() == 1, "{text}");
}

/// Services that take four calls at a time and hang for a while, and a load of two kinds of requests.
const SERVED: &str = r#"
title = "Served"
question = "Are the services what the file says?"
expect = "They are."
route = "/api/weather/97201/us"
rule = "shared_limit"
blocks = 1
warm_up_ms = 1000
window_ms = 1500

[upstream]
delay = "fixed:20ms"
capacity = 4
faults = [{ kind = "stall", at_ms = 300, for_ms = 400 }]

[[rungs]]
rung = "event-loop"

[[loads]]
closed = { clients = [8] }

[[loads]]
mix = [{ route = "/api/weather/97201/us", weight = 1 }, { route = "/hello", weight = 1 }]
closed = { clients = [1] }
"#;

#[test]
fn services_have_the_limit_and_the_faults_of_the_file_and_a_mix_is_of_all_its_parts() {
    let dir = workshop(500);
    let (file, out) = (path(dir.path(), "served.toml"), path(dir.path(), "out"));
    std::fs::write(&file, SERVED).unwrap();
    let output = Lab::new(["compare", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).output();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("4 calls at a time"), "{}", stdout(&output));

    let results = lab::report::read(&path(&out, "results.json")).unwrap();
    assert_eq!(results.experiments[0].services.as_ref().unwrap().faults.len(), 1);
    for trial in &results.trials {
        assert_eq!(trial.outcome, TrialOutcome::Ok, "{:?}", trial.reason);
        let services = trial.services.unwrap();
        assert!(services.served > 0 && services.service_ms > 0.0, "{services:?}");
        // 400 ms of nothing, less what a call had waited for by then.
        assert!(trial.latency_ms.max.unwrap() >= 350.0, "{:?}", trial.latency_ms);
        if trial.load.clients == 8 {
            assert!(trial.throughput_rps.unwrap() <= 4.0 / 0.020 * 1.05, "{:?}", trial.throughput_rps);
            // Not the 200 of the warm-up. A busy machine may ask for the count a quarter of a second late.
            assert!(services.served.abs_diff(trial.completed) <= 66, "{services:?}, {}", trial.completed);
        } else {
            // About half of the requests are for nobody's service.
            assert!(services.served < trial.completed, "{services:?}, {}", trial.completed);
        }
    }
}
