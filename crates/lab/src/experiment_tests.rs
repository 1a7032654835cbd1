//! What an experiment file may say, and what is said to whoever gets one wrong.

use super::*;

const GOOD: &str = r#"
title = "t"
question = "q"
expect = "e"
route = "/wait/100"
blocks = 2
warm_up_ms = 100
window_ms = 500

[[rungs]]
rung = "pool"
flags = ["--threads=5"]

[[rungs]]
rung = "event-loop"

[[loads]]
closed = { clients = [1, 20] }
"#;

fn parse(text: &str) -> anyhow::Result<Experiment> {
    Experiment::parse("mine", "mine.toml", text)
}

/// The good file with one thing replaced, as an error message.
fn refused(what: &str, with: &str) -> String {
    assert!(GOOD.contains(what), "{what}");
    match parse(&GOOD.replacen(what, with, 1)) {
        Ok(_) => panic!("{with} was taken"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn the_catalogue_can_be_read() {
    for (name, _) in CATALOGUE {
        let experiment = Experiment::find(name).unwrap();
        assert_eq!(experiment.name, *name);
        assert!(experiment.clone().changed(&experiment.quick).window_ms <= experiment.window_ms);
    }
}

#[test]
fn the_lectures_figures_are_those_of_the_facts() {
    #[derive(Deserialize)]
    struct Facts {
        experiment: Setting,
        stated: std::collections::BTreeMap<String, Figure>,
    }
    #[derive(Deserialize)]
    struct Setting {
        route: String,
        connections: u32,
        duration_s: u64,
    }
    #[derive(Deserialize)]
    struct Figure {
        requests_per_second: f64,
    }
    let facts: Facts = toml::from_str(include_str!("../../../benches/facts/lecture.toml")).unwrap();
    let lecture = Experiment::find("lecture").unwrap();
    assert_eq!(
        (lecture.route.text, lecture.window_ms),
        (facts.experiment.route, facts.experiment.duration_s * 1_000)
    );
    let [Load::Closed { clients: Levels::Given(clients) }] = lecture.loads.as_slice() else {
        panic!("one closed load")
    };
    assert_eq!(clients, &[Clients(facts.experiment.connections)]);
    let stated: Vec<f64> = lecture.stated.iter().map(|stated| stated.throughput_rps).collect();
    assert_eq!(
        stated,
        [facts.stated["flask"].requests_per_second, facts.stated["quart"].requests_per_second]
    );
}

#[test]
fn a_file_of_ones_own_is_read_from_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("my own.toml");
    std::fs::write(&path, GOOD).unwrap();
    assert_eq!(Experiment::find(path.to_str().unwrap()).unwrap().name, "my own");
    let missing = dir.path().join("none.toml");
    assert!(Experiment::find(missing.to_str().unwrap()).is_err());
}

#[test]
fn an_unknown_experiment_is_answered_with_those_that_there_are() {
    let error = Experiment::find("speed").unwrap_err().to_string();
    assert!(error.contains("\"speed\"") && error.contains("lecture, scale"), "{error}");
}

#[test]
fn errors_name_file_line_key_what_was_found_and_what_is_allowed() {
    for (what, with, expected) in [
        ("blocks = 2", "block = 2", &["line 6", "unknown field `block`", "`blocks`"][..]),
        ("blocks = 2", "blocks = 0", &["line 6", "blocks = 0", "0 is not within 1 to 100"]),
        ("blocks = 2", "blocks = \"many\"", &["line 6", "string \"many\"", "expected u64"]),
        ("window_ms = 500", "window_ms = 5", &["line 8", "5 is not within 100 to 600000"]),
        ("window_ms = 500", "", &["missing field `window_ms`"]),
        ("\"/wait/100\"", "\"/wait/soon\"", &["line 5", "no server answers GET /wait/soon"]),
        (
            "\"event-loop\"",
            "\"eventloop\"",
            &["line 15", "no rung \"eventloop\"", "pool, thread-per-request"],
        ),
        ("closed =", "sudden =", &["line 18", "unknown variant `sudden`", "`closed` or `open`"]),
        ("[1, 20]", "[0]", &["line 18", "1 to 100000", "\"doubling\""]),
        (
            "closed = { clients = [1, 20] }",
            "open = { rate = { rps = -1 }, connections = 5 }",
            &["line 18", "-1 is not over 0"],
        ),
        ("title = \"t\"", "title = \"t", &["line 2"]),
    ] {
        let error = refused(what, with);
        assert!(error.starts_with("mine.toml is not an experiment"), "{error}");
        for part in expected {
            assert!(error.contains(part), "{with}: no {part:?} in:\n{error}");
        }
    }
}

#[test]
fn what_makes_no_sense_as_a_whole_is_refused_too() {
    let twice = refused("\"event-loop\"", "\"pool\"");
    assert!(twice.contains("pool is there twice"), "{twice}");
    let nobody = refused("[[loads]]\nclosed = { clients = [1, 20] }", "").replace('\n', " ");
    assert!(nobody.contains("missing field `loads`"), "{nobody}");
}

#[test]
fn changes_replace_only_what_they_name() {
    let text = format!("{GOOD}\n[quick]\nwindow_ms = 200\ntime_scale = 0.5\nclients = [7]\n");
    let experiment = parse(&text).unwrap();
    let quick = experiment.clone().changed(&experiment.quick);
    assert_eq!((quick.window_ms, quick.warm_up_ms, quick.upstream.time_scale.0), (200, 100, 0.5));
    assert!(
        matches!(&quick.loads[0], Load::Closed { clients: Levels::Given(levels) } if *levels == [Clients(7)])
    );
    let full = experiment.clone().changed(&experiment.full);
    assert_eq!((full.window_ms, full.blocks), (500, 2));
}
