//! Plans: complete blocks in seeded order, within the machine's limits and the promised time.

use std::collections::BTreeSet;

use super::*;
use crate::ladder::rung;

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
    assert!(default.estimate() <= Duration::from_secs(143), "{:?}", default.estimate());
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
