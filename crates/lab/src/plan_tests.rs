//! Plans: complete blocks in seeded order, within the machine's limits and the promised time.

use std::collections::BTreeSet;

use super::*;
use crate::ladder::rung;

#[path = "plan_tests/catalogue.rs"]
mod catalogue;
#[path = "plan_tests/crossover.rs"]
mod crossover;

fn two_cores() -> Host {
    let limits = Limits {
        files_soft: Some(20_000),
        pid_max: Some(32_768),
        threads_now: Some(768),
        memory_available_bytes: Some(8 << 30),
        ..Limits::default()
    };
    Host { cpus: 2, server_cpus: 1, limits }
}

fn plan_of(names: &[&str], options: &Options, host: &Host) -> Plan {
    let experiments = names.iter().map(|name| Experiment::find(name).unwrap()).collect();
    Plan::new(experiments, options, host).unwrap()
}

fn default_plan(options: &Options) -> Plan {
    plan_of(&["lecture", "scale"], options, &two_cores())
}

/// Rung, variant, load, in the order in which they run.
fn order(planned: &Planned) -> Vec<(String, String)> {
    planned
        .blocks
        .iter()
        .flatten()
        .flat_map(|step| &step.cells)
        .map(|cell| (cell.who(), cell.what()))
        .collect()
}

#[test]
fn the_promised_times_are_kept() {
    let default = default_plan(&Options::default());
    assert!(default.estimate() <= Duration::from_secs(145), "{:?}", default.estimate());
    let quick = default_plan(&Options { quick: true, ..Options::default() });
    assert!(quick.estimate() <= Duration::from_secs(42), "{:?}", quick.estimate());
    assert_eq!(quick.experiments.iter().map(|planned| planned.blocks.len()).collect::<Vec<_>>(), [1, 1]);
    let full = default_plan(&Options { full: true, ..Options::default() });
    assert!(full.experiments.iter().all(|planned| planned.blocks.len() >= 5));
}

#[test]
fn order_follows_from_the_seed_and_from_nothing_else() {
    let with = |seed| order(&default_plan(&Options { seed, ..Options::default() }).experiments[1]);
    assert_eq!(with(7), with(7));
    assert_ne!(with(7), with(8));
    let alone = plan_of(&["scale"], &Options { seed: 7, ..Options::default() }, &two_cores());
    assert_eq!(order(&alone.experiments[0]), with(7));
}

#[test]
fn every_block_has_every_cell_once_and_the_rungs_of_a_level_are_neighbours() {
    let plan = default_plan(&Options { seed: 3, ..Options::default() });
    let scale = &plan.experiments[1];
    let cells =
        |block: &Vec<Step>| -> Vec<Cell> { block.iter().flat_map(|step| step.cells.clone()).collect() };
    let names = |block| cells(block).iter().map(|cell| (cell.who(), cell.what())).collect::<BTreeSet<_>>();
    assert_eq!(scale.blocks.len(), 3);
    for (number, block) in scale.blocks.iter().enumerate() {
        assert_eq!(names(block), names(&scale.blocks[0]));
        assert_eq!(names(block).len(), cells(block).len());
        assert!(
            cells(block)
                .iter()
                .zip(0..)
                .all(|(cell, place)| (cell.block as usize, cell.order) == (number, place))
        );
        let mut levels: Vec<_> = cells(block).iter().map(Cell::what).collect();
        levels.dedup();
        assert_eq!(levels.len(), 4, "each level once, in one piece");
        let seeds: BTreeSet<_> = cells(block).iter().map(|cell| (cell.what(), cell.seed)).collect();
        assert_eq!(seeds.len(), 4, "the rungs of a level share their arrivals");
    }
}

#[test]
fn side_by_side_is_one_step() {
    let lecture = &default_plan(&Options::default()).experiments[0];
    assert_eq!(lecture.blocks.len(), 1);
    let [step] = lecture.blocks[0].as_slice() else { panic!("one step") };
    let who: BTreeSet<_> = step.cells.iter().map(Cell::who).collect();
    assert_eq!(who.len(), 4);
    assert!(who.contains("pool (5 threads)"));
    assert!(step.cells.iter().all(|cell| cell.upstream.is_some()));
}

#[test]
fn a_pool_is_not_asked_what_its_line_answers() {
    let scale = &default_plan(&Options::default()).experiments[1];
    let left_out: Vec<_> =
        scale.asked.not_run.iter().map(|cell| (cell.rung.as_str(), cell.load.clients)).collect();
    assert_eq!(left_out, [("pool", 256), ("pool", 2_048)]);
    assert!(scale.asked.not_run.iter().all(|cell| cell.bound_rps == Some(160.0)));
    assert!(
        order(scale)
            .iter()
            .all(|(who, what)| who != "pool" || what == "16 clients" || what == "112 requests/s")
    );
}

#[test]
fn the_common_rate_follows_from_the_smallest_pool_and_is_long_enough_for_a_p99() {
    let plan = default_plan(&Options::default());
    let open = |plan: &Plan| -> Vec<Cell> {
        let cells = plan.experiments[1].blocks.iter().flatten().flat_map(|step| step.cells.clone());
        cells.filter(|cell| cell.load.mode == Mode::Open).collect()
    };
    for cell in open(&plan) {
        let rate = cell.load.rate_rps.unwrap();
        assert!((rate - 0.7 * 160.0).abs() < 1e-9);
        assert!(rate * cell.window_ms as f64 / 1_000.0 * 3.0 >= 1_000.0, "{} ms", cell.window_ms);
    }
    assert_eq!(open(&plan).len(), 9);
}

#[test]
fn other_rungs_can_be_asked_for() {
    let only = |name| Options { rungs: vec![rung(name).unwrap()], ..Options::default() };
    let plan = default_plan(&only("event-loop"));
    assert!(plan.experiments.iter().flat_map(order).all(|(who, _)| who == "event-loop"));
    // The rate stays what it is with all of them.
    let rate = plan.experiments[1].blocks.iter().flatten().find_map(|step| step.cells[0].load.rate_rps);
    assert!((rate.unwrap() - 112.0).abs() < 1e-9);
    let twice = Options { rungs: vec![rung("event-loop").unwrap(); 2], ..Options::default() };
    assert_eq!(order(&default_plan(&twice).experiments[0]).len(), 1, "named twice, used once");
    let pools = default_plan(&only("pool"));
    assert_eq!(order(&pools.experiments[0]).len(), 2, "both uses of it");
}

#[test]
fn what_this_machine_cannot_bear_is_left_out_with_what_to_do_about_it() {
    let mut host = two_cores();
    host.limits.pid_max = Some(8_768);
    let reasons = |options: &Options, host: &Host| -> Vec<String> {
        let plan = plan_of(&["scale"], options, host);
        let cells = plan.experiments[0].asked.not_run.clone().into_iter();
        cells
            .filter(|cell| cell.bound_rps.is_none())
            .map(|cell| format!("{}: {}", cell.rung, cell.reason))
            .collect()
    };
    let [threads] = reasons(&Options::default(), &host).try_into().unwrap();
    assert!(threads.starts_with("thread-per-request: 2048 connections are more than the 1000"), "{threads}");
    assert!(threads.contains("--allow-threads"), "{threads}");
    assert_eq!(reasons(&Options { allow_threads: true, ..Options::default() }, &host), [""; 0]);
    host.limits.files_soft = Some(1_024);
    let files = reasons(&Options { allow_threads: true, ..Options::default() }, &host);
    assert!(
        files.iter().all(|reason| reason.contains("open files") && reason.contains("doctor")),
        "{files:?}"
    );
    assert_eq!(files.len(), 2, "both rungs that would run at 2,048 clients");
}

#[test]
fn a_full_run_doubles_clients_as_far_as_the_thread_budget_goes() {
    let plan = default_plan(&Options { full: true, ..Options::default() });
    let closed = |(_, what): &(String, String)| {
        what.strip_suffix(" clients").and_then(|clients| clients.parse::<u32>().ok())
    };
    let levels: BTreeSet<_> = order(&plan.experiments[1]).iter().filter_map(closed).collect();
    assert_eq!(levels.into_iter().collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048]);
}

/// Those of the first block.
fn cells(planned: &Planned) -> Vec<Cell> {
    planned.blocks[0].iter().flat_map(|step| step.cells.clone()).collect()
}

fn who_runs(planned: &Planned, what: &str, route: &str) -> BTreeSet<&'static str> {
    let cells = cells(planned).into_iter().filter(|cell| cell.what() == what && cell.load.route == route);
    cells.map(|cell| cell.rung.name).collect()
}

#[test]
fn on_the_ladder_what_cannot_keep_up_is_a_line_and_all_others_run() {
    let ladder = &plan_of(&["ladder"], &Options::default(), &two_cores()).experiments[0];
    let lines = ["blocked-loop", "one-at-a-time", "pool"];
    let all: BTreeSet<_> = ladder::LADDER.iter().map(|rung| rung.name).collect();
    let others: BTreeSet<_> = all.iter().copied().filter(|rung| !lines.contains(rung)).collect();
    assert_eq!(who_runs(ladder, "256 clients", "/wait/100"), others);
    assert_eq!(who_runs(ladder, "64 clients", "/hello"), all);
    assert_eq!(who_runs(ladder, "500 requests/s", "/wait/100"), others);
    assert_eq!(ladder.asked.not_run.len(), 6);
    assert!(ladder.asked.not_run.iter().all(|cell| cell.bound_rps.is_some()));
    let reason = |rung| &ladder.asked.not_run.iter().rfind(|cell| cell.rung == rung).unwrap().reason;
    assert_eq!(reason("one-at-a-time"), "1 thread serves at most 10 requests/s here, and 500 are due");
    assert_eq!(ladder.asked.decomposition.len(), 4);
    assert_eq!(ladder.blocks.len(), 5, "enough for intervals");
}

#[test]
fn a_gap_of_which_a_rung_is_missing_is_not_split() {
    let rungs = ["thread-per-request", "event-loop"].map(|name| rung(name).unwrap()).to_vec();
    let plan = plan_of(&["ladder"], &Options { rungs, ..Options::default() }, &two_cores());
    assert!(plan.experiments[0].asked.decomposition.is_empty());
}

#[test]
fn a_blocked_loop_runs_with_few_clients_and_someone_stands_by() {
    let bridges = &plan_of(&["bridges"], &Options::default(), &two_cores()).experiments[0];
    let quick = &plan_of(&["bridges"], &Options { quick: true, ..Options::default() }, &two_cores());
    for planned in [bridges, &quick.experiments[0]] {
        assert!(who_runs(planned, "4 clients", "/wait/100").contains("blocked-loop"));
        assert!(!who_runs(planned, "256 clients", "/wait/100").contains("blocked-loop"));
        assert_eq!(who_runs(planned, "4 clients", "/api/city/97201/us").len(), 5);
    }
    for cell in cells(bridges) {
        assert_eq!(cell.bystander.as_ref().unwrap().route.text, "/hello");
        assert_eq!(cell.upstream.is_some(), cell.load.route.starts_with("/api/"));
        assert_eq!(cell.wait_ms, (cell.load.route == "/wait/100").then_some(100.0));
        let bystanders = 100.0 * cell.window_ms as f64 / 1_000.0 * bridges.blocks.len() as f64;
        assert!(bystanders >= 1_050.0, "enough for a 99th percentile: {bystanders}");
    }
}

#[test]
fn subscribers_and_kept_connections_are_loads_of_their_own() {
    let plan = plan_of(&["subscribers", "connections"], &Options::default(), &two_cores());
    let of = |place: usize| cells(&plan.experiments[place]);
    assert!(of(0).iter().all(|cell| cell.load.mode == Mode::Subscribers && cell.load.route == "/live"));
    let counts = |of: Vec<Cell>| of.iter().map(|cell| cell.load.clients).collect::<BTreeSet<_>>();
    assert_eq!(counts(of(0)), BTreeSet::from([64, 2_048]));
    let full = plan_of(&["subscribers"], &Options { full: true, ..Options::default() }, &two_cores());
    assert_eq!(counts(cells(&full.experiments[0])), BTreeSet::from([1, 64, 512, 2_048]));
    let (kept, closed): (Vec<_>, Vec<_>) = of(1).into_iter().partition(|cell| cell.load.keep_alive);
    assert_eq!((kept.len(), closed.len()), (4, 4));
    assert_eq!(closed[0].what(), "64 clients, a connection per request");
}

#[test]
fn a_rung_that_an_experiment_does_not_have_gets_all_its_loads() {
    let only = Options { rungs: vec![rung("async-views").unwrap()], ..Options::default() };
    let targets = &plan_of(&["targets"], &only, &two_cores()).experiments[0];
    let loads: BTreeSet<_> =
        cells(targets).iter().map(|cell| (cell.what(), cell.load.route.clone())).collect();
    assert_eq!(loads.len(), 3, "{loads:?} (4,000 are too many)");
    assert!(targets.asked.not_run.iter().all(|cell| cell.reason.contains("4000 connections")));
    let plan = plan_of(&["targets"], &Options::default(), &two_cores());
    let hello = who_runs(&plan.experiments[0], "64 clients", "/hello");
    assert!(hello.contains("thread-per-request"), "{hello:?}");
    let most = who_runs(&plan.experiments[0], "4000 clients", "/wait/100");
    assert_eq!(
        most.len(),
        2,
        "4,000 threads are within the budget here: {:?}",
        plan.experiments[0].asked.not_run
    );
}

#[test]
fn bystanders_count_as_connections_and_open_loads_as_ports() {
    let mut host = two_cores();
    host.limits.files_soft = Some(64 + 300);
    let bridges = &plan_of(&["bridges"], &Options::default(), &host).experiments[0];
    let reason = &bridges.asked.not_run.iter().find(|cell| cell.rung == "event-loop").unwrap().reason;
    assert!(reason.starts_with("416 connections are more than the 300"), "{reason}");

    let text = r#"
title = "t"
question = "q"
expect = "e"
route = "/hello"
blocks = 1
warm_up_ms = 0
window_ms = 600000
rungs = [{ rung = "event-loop" }]
loads = [{ open = { rate = { rps = 5000 }, connections = 9, keep_alive = false } }]
"#;
    host.limits.ports = Some((32_768, 33_767));
    let plan =
        Plan::new(vec![Experiment::parse("mine", "mine.toml", text).unwrap()], &Options::default(), &host)
            .unwrap();
    let [left_out] = plan.experiments[0].asked.not_run.as_slice() else { panic!("{plan:?}") };
    assert!(left_out.reason.contains("takes 300000 ports"), "{}", left_out.reason);
}

/// Those of the first block of an experiment of the catalogue.
fn first_block(name: &str, options: &Options) -> (Asked, Vec<Cell>) {
    let plan = plan_of(&[name], options, &two_cores());
    (plan.experiments[0].asked.clone(), cells(&plan.experiments[0]))
}

#[test]
fn behind_services_with_a_limit_all_rungs_run_and_the_report_knows_it() {
    let (asked, cells) = first_block("downstream", &Options::default());
    assert_eq!((cells.len(), asked.not_run.len()), (6, 0), "{:?}", asked.not_run);
    assert_eq!(asked.services.unwrap().capacity, Some(20));
    assert!(cells.iter().all(|cell| cell.upstream.as_ref().is_some_and(|up| up.capacity == Some(20))));
}

#[test]
fn an_overload_is_planned_since_it_was_asked_for() {
    for quick in [false, true] {
        let (asked, cells) = first_block("overload", &Options { quick, ..Options::default() });
        let rates: BTreeSet<_> = cells.iter().map(|cell| cell.load.rate_rps.unwrap() as u64).collect();
        assert_eq!(rates.into_iter().collect::<Vec<_>>(), [112, 240], "0.7 and 1.5 of 16 ÷ 100 ms");
        assert_eq!((cells.len(), asked.timeout_ms), (6, Some(1_000)), "{:?}", asked.not_run);
    }
}

#[test]
fn a_stall_is_over_with_time_to_recover_before_the_window_ends() {
    for quick in [false, true] {
        let (asked, cells) = first_block("stall", &Options { quick, ..Options::default() });
        let services = asked.services.unwrap();
        let [stall] = services.faults.as_slice() else { panic!("one fault") };
        assert!(cells.iter().all(|cell| stall.at_ms + stall.for_ms + 4_000 < cell.window_ms));
        assert_eq!(cells.len(), 5, "three rungs, and two other recordings of one");
        // A pool that could not serve the rate would never get rid of its queue.
        assert!(cells.iter().all(|cell| cell.load.rate_rps.is_none_or(|rate| rate < 160.0)));
    }
}

#[test]
fn an_answer_that_takes_too_long_behind_the_services_is_a_line_as_well() {
    let text = r#"
title = "t"
question = "q"
expect = "e"
route = "/api/weather/97201/us"
blocks = 1
warm_up_ms = 0
window_ms = 1000
upstream = { delay = "fixed:100ms", capacity = 2 }
rungs = [{ rung = "event-loop" }, { rung = "one-at-a-time" }]
loads = [{ closed = { clients = [2, 11] } }, { open = { rate = { rps = 20 }, connections = 9 } }]
"#;
    let experiment = Experiment::parse("mine", "mine.toml", text).unwrap();
    let plan = Plan::new(vec![experiment], &Options::default(), &two_cores()).unwrap();
    let reasons: Vec<_> =
        plan.experiments[0].asked.not_run.iter().map(|cell| (cell.rung.as_str(), &*cell.reason)).collect();
    assert!(
        reasons.contains(&(
            "event-loop",
            "services that take 2 at a time serve at most 20 requests/s here, so that an answer takes 0.6 s, more \
             than half of the window"
        )),
        "{reasons:?}"
    );
    assert!(reasons.contains(&(
        "event-loop",
        "services that take 2 at a time serve at most 20 requests/s here, and 20 are due"
    )));
    assert!(reasons.iter().any(|(rung, reason)| *rung == "one-at-a-time"
        && reason.starts_with("1 thread serves at most 10 requests/s here, and 20")));
}

#[test]
fn requests_are_recorded_where_the_question_is_the_queue_of_a_pool() {
    let recorded = |name: &str| first_block(name, &Options::default()).1.iter().all(|cell| cell.record);
    assert_eq!(["pool", "overload", "downstream"].map(recorded), [true, false, false]);
}

#[test]
fn a_mix_is_one_load_of_several_things() {
    let (_, cells) = first_block("cpu-hog", &Options::default());
    assert_eq!(cells.len(), 3);
    for cell in cells {
        assert_eq!(cell.load.route, "49 × /hello + 1 × /hash/4000000");
        assert_eq!((cell.mix.len(), cell.wait_ms, cell.upstream.is_none()), (2, None, true));
    }
}

#[test]
fn a_spike_is_a_shape_of_the_load_and_known_to_the_report() {
    let (_, cells) = first_block("spike", &Options::default());
    assert_eq!(cells.len(), 3);
    assert!(cells.iter().all(|cell| cell.what() == "30 requests/s, 10 times as many for 3 s"), "{cells:?}");
}
