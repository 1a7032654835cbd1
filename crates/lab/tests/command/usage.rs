//! Wrong usage is answered with what is wrong and what would be right: exit code 2, and nothing is built
//! or started.

use super::{Lab, path, stderr, stdout, workshop};

fn refused(arguments: &[&str], parts: &[&str]) {
    let output = Lab::new(arguments).output();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{arguments:?}: no {part:?} in {text}");
    }
}

#[test]
fn unknown_names_are_answered_with_those_that_there_are() {
    refused(&["compare", "speed"], &["\"speed\"", "lecture, scale"]);
    refused(
        &["compare", "--rungs", "pool,gevent"],
        &["gevent", "pool, thread-per-request, bare-thread-per-request"],
    );
    refused(&["serve", "flask"], &["flask", "event-loop, async-views, offload, blocked-loop"]);
}

#[test]
fn flags_out_of_range_or_at_odds_are_refused() {
    refused(&["--quick", "--full"], &["--quick", "--full"]);
    refused(&["--trials", "0"], &["0", "1..=100"]);
    refused(&["compare", "scale", "scale"], &["scale is named twice"]);
    refused(&["compare", "--server-cpus", "1000"], &["--server-cpus"]);
    refused(&["--until", "5%", "--quick"], &["--until", "--quick"]);
    refused(&["--until", "narrow"], &["such as 5%"]);
    refused(&["--until", "0%"], &["--until", "such as 5%"]);
    refused(&["--budget", "5m"], &["--until"]);
    refused(&["--max-regression", "5%"], &["--baseline"]);
    refused(&["--baseline", "/nowhere"], &["--baseline", "/nowhere"]);
    refused(&["load"], &["<URL>"]);
    refused(&["load", "https://localhost/"], &["http only"]);
    refused(&["load", "http://localhost:1/", "--clients", "3", "--rate", "5"], &["--clients", "--rate"]);
    refused(&["load", "http://localhost:1/", "--subscribers", "3", "--rate", "5"], &["--subscribers"]);
    refused(&["load", "http://localhost:1/", "--rate", "NaN"], &["requests per second"]);
    refused(&["load", "http://localhost:1/", "--duration", "soon"], &["such as 10s"]);
    refused(&["load", "http://localhost:1/", "--duration", "1ms"], &["at least 100ms"]);
    refused(&["serve", "--port", "0"], &["1..=65000"]);
    refused(&["report", "/nowhere", "/nowhere"], &["/nowhere is named twice"]);
}

#[test]
fn a_broken_experiment_is_refused_with_its_file_and_line() {
    let dir = workshop(500);
    let file = path(dir.path(), "broken.toml");
    let text = std::fs::read_to_string(path(dir.path(), "tiny.toml")).unwrap();
    std::fs::write(&file, text.replace("blocks = 2", "blokcs = 2")).unwrap();
    let file = file.to_str().unwrap();
    refused(&["compare", file], &[file, "line 6", "`blokcs`", "`blocks`"]);
    refused(&["compare", "/nowhere/mine.toml"], &["/nowhere/mine.toml"]);
}

/// The tiny experiment with one thing replaced.
fn tiny_with(what: &str, with: &str) -> (tempfile::TempDir, String) {
    let dir = workshop(500);
    let file = path(dir.path(), "tiny.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(what), "{what}");
    std::fs::write(&file, text.replace(what, with)).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (dir, file)
}

#[test]
fn a_load_that_nobody_can_carry_is_refused_with_the_limit() {
    let closed = "closed = { clients = [6] }";
    for (load, says) in [
        ("closed = { clients = [100000] }", "100000 connections are more than the"),
        (
            "open = { rate = { rps = 999999 }, connections = 9 }",
            "more than a load generator on one core sends",
        ),
        ("open = { rate = { rps = 0.001 }, connections = 9 }", "0.00 requests are due in a window of 0.5 s"),
        ("open = { rate = { rps = 0.001 }, connections = 9, samples = 9000 }", "over an hour"),
    ] {
        let (_dir, file) = tiny_with(closed, load);
        refused(&["compare", &file], &[says]);
    }
}

#[test]
fn flags_that_a_server_does_not_take_are_refused_before_anything_runs() {
    for flag in ["--threds=5", "--threads=0", "--threads=many"] {
        let (dir, file) = tiny_with("--threads=3", flag);
        let out = path(dir.path(), "out");
        refused(&["compare", &file, "--out", out.to_str().unwrap()], &["tiny: rungs: pool", "`flags`", flag]);
        assert!(!out.exists(), "nothing was kept, since nothing ran");
    }
}

#[test]
fn a_dry_run_says_how_long_it_would_take_and_leaves_nothing() {
    let dir = workshop(500);
    let (file, out) = (path(dir.path(), "tiny.toml"), path(dir.path(), "out"));
    let arguments = ["compare", file.to_str().unwrap(), "--dry-run", "--out", out.to_str().unwrap()];
    let output = Lab::new(arguments).output();
    assert!(output.status.success(), "{}", stderr(&output));
    for part in ["4 trials, about 5 s", "tiny", "4 trials in 2 blocks"] {
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
    assert!(!out.exists());
}

#[test]
fn servers_get_no_more_cpus_than_there_are_and_a_run_divides_them_once() {
    let dir = workshop(500);
    let text = std::fs::read_to_string(path(dir.path(), "tiny.toml")).unwrap();
    let file = |name: &str, cpus: u32| {
        let file = path(dir.path(), name);
        std::fs::write(&file, format!("{text}\n[server]\ncpus = {cpus}\n")).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let many = file("many.toml", 1_000);
    refused(&["compare", &many], &["server.cpus = 1000", "CPUs"]);
    let one = file("one.toml", 1);
    refused(&["compare", &one, &many], &["one has servers on 1 CPUs and many on 1000", "--server-cpus"]);
    let none = file("none.toml", 0);
    refused(&["compare", &none], &[&none, "line 21", "0 is not within 1 to 1024"]);
}

#[test]
fn the_list_names_every_experiment_and_rung_within_100_columns() {
    let output = Lab::new(["list"]).output();
    assert!(output.status.success());
    let text = stdout(&output);
    let rungs = lab::ladder::LADDER.iter().flat_map(|rung| [rung.name, rung.program]);
    let experiments = lab::experiment::CATALOGUE.iter().map(|(name, _)| *name);
    for name in rungs.chain(experiments).chain(["lecture *", "Quart", "differs in"]) {
        assert!(text.contains(name), "{name}");
    }
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "{longest:?}\n{text}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut lab = Lab::new(["list"]).start();
    drop(lab.child().stdout.take());
    let output = lab.output();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn the_doctor_says_what_each_rung_may_reach_and_why() {
    let output = Lab::new(["doctor"]).output();
    assert!(output.status.success());
    for part in ["open files", "CPUs", "pid_max", "max_map_count", "thread-per-request", "--allow-threads"] {
        assert!(stdout(&output).contains(part), "{part}");
    }
}
