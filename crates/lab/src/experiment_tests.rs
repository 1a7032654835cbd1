//! What an experiment file may say, and what is said to whoever gets one wrong.

use super::*;

pub(super) const GOOD: &str = r#"title = "t"
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
pub(super) fn refused(what: &str, with: &str) -> String {
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
        (lecture.route.text.clone(), lecture.window_ms),
        (facts.experiment.route, facts.experiment.duration_s * 1_000)
    );
    let [Kind::Closed(Closed { clients: Levels::Given(clients), .. })] = kinds(&lecture)[..] else {
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
        ("blocks = 2", "block = 2", &["line 5", "unknown key `block`", "`blocks`"][..]),
        ("blocks = 2", "blocks = 0", &["line 5", "blocks = 0", "0 is not within 1 to 100"]),
        (
            "blocks = 2",
            "blocks = \"many\"",
            &["line 5", "string \"many\"", "expected a whole number from 1 to 100"],
        ),
        ("window_ms = 500", "window_ms = 5", &["line 7", "5 is not within 100 to 600000"]),
        ("window_ms = 500", "", &["missing key `window_ms`"]),
        ("\"/wait/100\"", "\"/wait/soon\"", &["line 4", "no server answers GET /wait/soon"]),
        (
            "\"event-loop\"",
            "\"eventloop\"",
            &["line 14", "no rung \"eventloop\"", "pool, thread-per-request"],
        ),
        (
            "closed =",
            "sudden =",
            &["line 17", "unknown key `sudden`", "`closed`, `open`, `subscribers`, `slow`"],
        ),
        (
            "closed = { clients = [1, 20] }",
            "",
            &["line 16", "one of `closed`, `open`, `subscribers` and `slow`"],
        ),
        (
            "closed = { clients = [1, 20] }",
            "closed = { clients = [1] }\nsubscribers = { counts = [1] }",
            &["line 16", "a [[loads]] of its own"],
        ),
        (
            "[1, 20] }",
            "[1, 20], keepalive = false }",
            &["line 17", "unknown key `keepalive`", "`keep_alive`"],
        ),
        (
            "closed = { clients = [1, 20] }",
            "route = \"/live\"\nsubscribers = { counts = [1], tick_ms = 500 }",
            &["line 18", "tick_ms", "500 is not 1000"],
        ),
        ("closed =", "rungs = [\"quart\"]\nclosed =", &["line 17", "no rung \"quart\"", "event-loop"]),
        ("closed =", "route = \"/slow\"\nclosed =", &["line 17", "no server answers GET /slow"]),
        (
            "blocks = 2",
            "blocks = 2\nbystander = { route = \"/hello\", rate = 0, connections = 8 }",
            &["line 6", "0 is not over 0"],
        ),
        ("blocks = 2", "blocks = 2\nrule = \"fastest\"", &["line 6", "unknown word `fastest`", "`equal`"]),
        (
            "blocks = 2",
            "blocks = 2\nupstream = { capacity = 0 }",
            &["line 6", "0 is not within 1 to 1000000"],
        ),
        (
            "blocks = 2",
            "blocks = 2\nupstream = { faults = [{ kind = \"hang\", at_ms = 1, for_ms = 1 }] }",
            &["line 6", "unknown word `hang`", "`stall`"],
        ),
        (
            "closed = { clients = [1, 20] }",
            "open = { rate = { rps = 9 }, connections = 5, shape = { peak = { at_ms = 1 } } }",
            &["line 17", "unknown word `peak`", "`spike`, `ramp`, `steps`"],
        ),
        ("[1, 20]", "[0]", &["line 17", "1 to 100000", "\"doubling\""]),
        (
            "closed = { clients = [1, 20] }",
            "open = { rate = { rps = -1 }, connections = 5 }",
            &["line 17", "-1 is not over 0"],
        ),
        ("title = \"t\"", "title = \"t", &["line 1"]),
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
    for (what, with, expected) in [
        ("[1, 20]", "[]", "`clients` has no level"),
        (
            "closed = { clients = [1, 20] }",
            "subscribers = { counts = [5] }",
            "subscribers listen to /live, not to /wait/100",
        ),
        ("\"/wait/100\"", "\"/live\"", "/live never ends"),
        (
            "blocks = 2",
            "blocks = 2\nbystander = { route = \"/live\", rate = 5, connections = 8 }",
            "/live never ends; ask for what does",
        ),
        (
            "closed = { clients = [1, 20] }",
            "open = { rate = { rps = 9 }, connections = 5, shape = { spike = { at_ms = 1, for_ms = 500, times = 2 } } }",
            "shape: it ends at 501 ms, after the window of 500 ms",
        ),
        (
            "closed = { clients = [1, 20] }",
            "open = { rate = { rps = 9 }, connections = 5, shape = { steps = { steps = 2, for_ms = 10, times = 0 } } }",
            "times = 0 is not over 0",
        ),
        (
            "blocks = 2",
            "blocks = 2\nupstream = { faults = [{ kind = \"reset\", at_ms = 500, for_ms = 1 }] }",
            "upstream.faults: a reset at 500 ms is after the window of 500 ms",
        ),
        (
            "closed =",
            "rungs = [\"offload\"]\nclosed =",
            "offload is none of the experiment's rungs, which are pool, event-loop",
        ),
    ] {
        let error = refused(what, with);
        assert!(
            error.starts_with("mine.toml makes no sense at line ") && error.contains(expected),
            "{error}"
        );
    }
    let nobody = refused("[[loads]]\nclosed = { clients = [1, 20] }", "").replace('\n', " ");
    assert!(nobody.contains("missing key `loads`"), "{nobody}");
}

#[test]
fn changes_replace_only_what_they_name() {
    let text = format!("{GOOD}\n[quick]\nwindow_ms = 200\ntime_scale = 0.5\nclients = [7]\n");
    let experiment = parse(&text).unwrap();
    let quick = experiment.clone().changed(&experiment.quick);
    assert_eq!((quick.window_ms, quick.warm_up_ms, quick.upstream.time_scale.0), (200, 100, 0.5));
    let Kind::Closed(Closed { clients: Levels::Given(levels), .. }) = kinds(&quick)[0] else { panic!() };
    assert_eq!(levels, &[Clients(7)]);
    let full = experiment.clone().changed(&experiment.full);
    assert_eq!((full.window_ms, full.blocks), (500, 2));
}

#[test]
fn a_gap_is_split_along_a_chain_of_the_experiments_own_rungs() {
    let step = |from, to| format!("\n[[decomposition]]\nfrom = \"{from}\"\nto = \"{to}\"\ncause = \"c\"\n");
    let with = |steps: &[String]| parse(&format!("{GOOD}{}", steps.concat()));
    assert_eq!(with(&[step("pool", "event-loop")]).unwrap().decomposition.len(), 1);
    let strange = with(&[step("pool", "bare")]).unwrap_err();
    assert!(format!("{strange:#}").contains("decomposition: bare is none of"), "{strange:#}");
    let broken = with(&[step("pool", "event-loop"), step("pool", "event-loop")]).unwrap_err();
    assert!(format!("{broken:#}").contains("the next begins there and not at pool"), "{broken:#}");
    let short = parse(&format!("{GOOD}\n[[decomposition]]\nfrom = \"pool\"\n")).unwrap_err();
    assert!(format!("{short:#}").contains("line 19") && format!("{short:#}").contains("`to`"), "{short:#}");
}

#[test]
fn the_ladder_splits_the_gap_between_the_two_frameworks_into_four() {
    let steps = Experiment::find("ladder").unwrap().decomposition;
    let rungs: Vec<_> = steps.iter().map(|step| step.from.as_str()).chain([steps[3].to.as_str()]).collect();
    let ladder: Vec<_> = ladder::LADDER.iter().map(|rung| rung.name).collect();
    let first = ladder.iter().position(|rung| *rung == "thread-per-request").unwrap();
    assert_eq!(rungs, ladder[first..=first + 4], "neighbours, in the order of the ladder");
}

#[test]
fn a_load_may_have_a_route_and_rungs_of_its_own() {
    let text =
        format!("{GOOD}\n[[loads]]\nroute = \"/hello\"\nrungs = [\"pool\"]\nclosed = {{ clients = [3] }}\n");
    let experiment = parse(&text).unwrap();
    let targets: Vec<_> = experiment.loads.iter().map(|load| experiment.target(load).text.as_str()).collect();
    assert_eq!(targets, ["/wait/100", "/hello"]);
    let event_loop = ladder::rung("event-loop").unwrap();
    assert_eq!(
        experiment.loads.iter().map(|load| load.is_for(event_loop)).collect::<Vec<_>>(),
        [true, false]
    );
}

fn kinds(experiment: &Experiment) -> Vec<&Kind> {
    experiment.loads.iter().map(|load| &load.kind).collect()
}

#[test]
fn a_load_may_ask_for_several_things() {
    let mixed = |mix: &str| GOOD.replacen("closed =", &format!("mix = {mix}\nclosed ="), 1);
    let two = "[{ route = \"/hello\", weight = 49 }, { route = \"/hash/5\", weight = 1 }]";
    let experiment = parse(&mixed(two)).unwrap();
    let load = &experiment.loads[0];
    assert_eq!(load.mixed().as_deref(), Some("49 × /hello + 1 × /hash/5"));
    let targets: Vec<_> = experiment.targets(load).iter().map(|target| target.text.as_str()).collect();
    assert_eq!(targets, ["/hello", "/hash/5"]);
    for (mix, says) in [
        ("[{ route = \"/hello\", weight = 1 }]", "two parts at least"),
        ("[{ route = \"/hello\", weight = 1 }, { route = \"/live\", weight = 1 }]", "which never ends"),
        ("[{ route = \"/hello\", weight = 0 }]", "0 is not within 1 to 1000000"),
        ("[{ route = \"/hello\" }]", "missing key `weight`"),
        ("[{ route = \"/slow\", weight = 1 }]", "no server answers GET /slow"),
    ] {
        let error = format!("{:#}", parse(&mixed(mix)).unwrap_err());
        let here = ["line 16", "line 17"].iter().any(|line| error.contains(line));
        assert!(error.contains(says) && here, "{mix}: {error}");
    }
    let both = mixed(two).replacen("closed =", "route = \"/hello\"\nclosed =", 1);
    assert!(format!("{:#}", parse(&both).unwrap_err()).contains("not both"));
}

/// What the documentation shows must run.
#[test]
fn the_example_of_the_documentation_is_an_experiment() {
    let readme = include_str!("../../../benches/README.md");
    let example = readme.split("```toml\n").nth(1).unwrap().split("\n```").next().unwrap();
    let experiment = parse(example).unwrap();
    assert_eq!((experiment.rungs.len(), experiment.loads.len()), (2, 2));
    assert_eq!(experiment.upstream.faults.len(), 1);
    // It shows every key that a file may have, but those for what is shown elsewhere.
    for key in ["title", "question", "expect", "route", "rule", "bystander", "timeout_ms", "capacity", "mix"]
    {
        assert!(example.contains(&format!("{key} = ")), "{key}");
    }
}
