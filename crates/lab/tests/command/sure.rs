//! As many blocks as it takes, and an earlier run to be held against: through the real programs.

use lab::results::{Ended, Results};

use super::{Lab, path, stderr, stdout, workshop};

/// `compare tiny.toml` with two rungs that are compared, and more.
fn compare(dir: &std::path::Path, out: &str, flags: &[&str]) -> Vec<String> {
    let (file, out) = (path(dir, "tiny.toml"), path(dir, out));
    let file_and_out = [file.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let fixed = ["compare", "--rungs=thread-per-request,event-loop"].iter().chain(&file_and_out);
    fixed.chain(flags).map(ToString::to_string).collect()
}

fn results(dir: &std::path::Path, out: &str) -> Results {
    lab::report::read(&path(&path(dir, out), "results.json")).unwrap()
}

#[test]
fn blocks_are_added_until_intervals_are_narrow_or_the_time_is_spent() {
    let dir = workshop(100);
    let wide = Lab::new(compare(dir.path(), "wide", &["--until=900%", "--seed=3"])).output();
    assert!(wide.status.success(), "{}", stderr(&wide));
    let narrow = results(dir.path(), "wide");
    let [precision] = narrow.precision.as_slice() else { panic!("{:?}", narrow.precision) };
    assert_eq!((precision.ended, precision.blocks), (Ended::Narrow, 10), "{precision:?}");
    assert!(
        precision.comparisons > 0 && precision.widest.is_some_and(|widest| widest <= 9.0),
        "{precision:?}"
    );
    assert_eq!(narrow.trials.len(), 20);
    assert!(narrow.command.ends_with("--until 900% --seed 3"), "{}", narrow.command);
    assert!(stdout(&wide).contains("narrow enough after 10 blocks"), "{}", stdout(&wide));
    assert!(stderr(&wide).contains("widest interval ±"), "{}", stderr(&wide));
    if cfg!(target_os = "linux") {
        let check = narrow.check.expect("the machine was looked at");
        assert!(check.before.cpu_busy.is_some() && check.after.unwrap().cpu_steal.is_some());
    }

    let short = Lab::new(compare(dir.path(), "short", &["--until=0.1%", "--budget=5s"])).output();
    assert!(short.status.success(), "{}", stderr(&short));
    let short = results(dir.path(), "short");
    assert_eq!((short.precision[0].ended, short.complete), (Ended::Budget, true));
    assert!(short.precision[0].blocks >= 1 && short.trials.len() == 2 * short.precision[0].blocks as usize);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_keeps_the_blocks_that_there_are() {
    let dir = workshop(100);
    let mut lab = Lab::new(compare(dir.path(), "out", &["--until=0.1%"])).start();
    super::eventually("two blocks are kept", || {
        let file = path(&path(dir.path(), "out"), "results.json");
        let results: Results =
            serde_json::from_str(&std::fs::read_to_string(file).ok()?).expect("whole results");
        (results.precision.first()?.blocks >= 2).then_some(())
    });
    lab.signal(rustix::process::Signal::INT);
    let output = lab.output();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let results = results(dir.path(), "out");
    assert!(!results.complete && results.precision[0].ended == Ended::Stopped, "{:?}", results.precision);
    assert!(results.check.is_some_and(|check| check.after.is_some()));
    assert!(stdout(&output).contains("stopped after"), "{}", stdout(&output));
    lab.none_is_left();
}

#[test]
fn a_regression_is_named_and_ends_with_1() {
    let dir = workshop(200);
    let first = Lab::new(compare(dir.path(), "first", &["--trials=5"])).output();
    assert!(first.status.success(), "{}", stderr(&first));
    // The same, had the event loop been ten times as cheap.
    let mut better = results(dir.path(), "first");
    for trial in better.trials.iter_mut().filter(|trial| trial.rung == "event-loop") {
        let cpu_us = &mut trial.server.cpu_us_per_request;
        *cpu_us = cpu_us.map(|us| us / 10.0);
        trial.throughput_rps = trial.throughput_rps.map(|rps| rps * 10.0);
    }
    let baseline = path(dir.path(), "better.json");
    std::fs::write(&baseline, serde_json::to_string(&better).unwrap()).unwrap();

    let flag = format!("--baseline={}", baseline.to_str().unwrap());
    let worse =
        Lab::new(compare(dir.path(), "worse", &["--trials=5", &flag, "--max-regression=100%"])).output();
    assert_eq!(worse.status.code(), Some(1), "{}", stderr(&worse));
    let (text, error) = (stdout(&worse), stderr(&worse));
    assert!(text.contains("Against the baseline") && text.contains("figures compared; "), "{text}");
    let last = error.lines().last().unwrap();
    assert!(last.contains("against the baseline: tiny, event-loop at 6 clients on /wait/20: "), "{last}");
    assert!(!last.contains("thread-per-request"), "{last}");
    assert!(results(dir.path(), "worse").complete, "what was measured is kept");

    let first = path(dir.path(), "first");
    let flag = format!("--baseline={}", first.to_str().unwrap());
    let short = Lab::new(compare(dir.path(), "short", &["--trials=2", &flag])).output();
    assert_eq!(short.status.code(), Some(2), "{}", stderr(&short));
    assert!(stderr(&short).contains("tiny has 2: add --trials 5"), "{}", stderr(&short));
    // The same again passes, if all is allowed that a busy machine may do to it.
    let same =
        Lab::new(compare(dir.path(), "same", &["--trials=5", &flag, "--max-regression=900%"])).output();
    assert!(same.status.success(), "{}", stderr(&same));
}
