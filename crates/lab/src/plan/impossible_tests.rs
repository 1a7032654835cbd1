//! Plans of loads that cannot be, and what the catalogue has to have for its answers to have intervals.

use super::*;
use crate::experiment::CATALOGUE;
use crate::limits::Limits;

fn two_cores() -> Host {
    Host { cpus: 2, server_cpus: 1, limits: Limits { files_soft: Some(20_000), ..Limits::default() } }
}

fn plan_of(text: &str) -> Plan {
    let experiment = Experiment::parse("mine", "mine.toml", text).unwrap();
    Plan::new(vec![experiment], &Options::default(), &two_cores()).unwrap()
}

/// Every experiment of the catalogue has blocks enough for intervals, but what shows, must be short or breaks
/// its servers.
#[test]
fn nearly_all_experiments_have_intervals() {
    for (name, text) in CATALOGUE {
        let plan = plan_of(text);
        let blocks = plan.experiments[0].blocks.len();
        assert!(blocks >= 5 || ["lecture", "scale", "exhaustion"].contains(name), "{name}: {blocks} blocks");
    }
}

#[test]
fn a_load_that_is_impossible_is_left_out_with_its_reason() {
    let reason_for = |load: &str| {
        let text = format!(
            "title = \"t\"\nquestion = \"q\"\nexpect = \"e\"\nroute = \"/hello\"\nblocks = 1\nwarm_up_ms = 0\n\
             window_ms = 500\n[[rungs]]\nrung = \"event-loop\"\n[[loads]]\n{load}\n"
        );
        let plan = plan_of(&text);
        assert_eq!(plan.trials(), 0, "{load}");
        plan.experiments[0].asked.not_run[0].reason.clone()
    };
    for (load, says) in [
        ("closed = { clients = [100000] }", "100000 connections are more than the"),
        ("open = { rate = { rps = 9 }, connections = 100000 }", "100000 connections are more than the"),
        (
            "open = { rate = { rps = 900000 }, connections = 9 }",
            "more than a load generator on one core sends",
        ),
        (
            "open = { rate = { rps = 900 }, connections = 9, shape = { spike = { at_ms = 0, for_ms = 9, times = 999 } } }",
            "899100 requests/s are more than",
        ),
        ("open = { rate = { rps = 1 }, connections = 9 }", "0.50 requests are due in a window of 0.5 s"),
    ] {
        let reason = reason_for(load);
        assert!(reason.contains(says), "{load}: {reason}");
    }
}
