//! What is seen of a lane in made-up seconds: its line, and what is said to have run out.

use std::collections::BTreeMap;

use loadgen::protocol::{Failure, Outcome};

use super::*;
use crate::cell::{Subject, server_flags};
use crate::judge::{self, Found};
use crate::ladder;
use crate::limits::Limits;
use crate::live::keep;
use crate::live::most::Most;
use crate::live::settings::{Ask, Settings};
use crate::probe::Observed;
use crate::results::{Calls, Trouble};

/// What was seen of a lane, made up.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) rps: f64,
    pub(crate) cpu: f64,
    pub(crate) others: f64,
    pub(crate) errors: u64,
    pub(crate) generator: f64,
    pub(crate) over_s: f64,
}

pub(crate) const MADE: Made =
    Made { rps: 0.0, cpu: 0.1, others: 0.0, errors: 0, generator: 0.1, over_s: 1.0 };

pub(crate) fn trial(settings: &Settings, place: usize, made: Made) -> Trial {
    let rung = settings.ladder().unwrap()[place];
    let most = Most::of(settings.ladder().unwrap(), &Limits::default());
    let subject = Subject {
        experiment: keep::NAME.into(),
        rung: rung.name.into(),
        variant: None,
        flags: server_flags(rung, &settings.flags(rung), 2, 1),
        block: 0,
        order: 0,
        load: settings.load(&most),
        bystander: None,
    };
    let completed = (made.rps * made.over_s).round() as u64;
    let outcome = Outcome {
        window_ms: made.over_s * 1_000.0,
        scheduled: completed + made.errors,
        completed,
        failed: BTreeMap::from([(Failure::Reset, made.errors)]),
        throughput_rps: made.rps,
        core_busy: made.generator,
        connections_wanted: 1,
        connections_up: 1,
        ..Outcome::default()
    };
    let observed = Observed {
        cpu_s: Some(made.cpu * made.over_s),
        others_cpu_s: Some(made.others * made.over_s),
        ..Observed::default()
    };
    let found = Found { outcome: Some(outcome), observed: Some(observed), ..Found::default() };
    as_counting(judge::trial(subject, &found, 0))
}

pub(crate) fn line(settings: &Settings, trial: &Trial) -> Line {
    Line::of(&keep::asked(settings, None, Some(1), Vec::new()), trial)
}

fn settings() -> Settings {
    let rungs = ["pool", "event-loop"].map(|name| ladder::rung(name).unwrap());
    Settings { clients: 200, ..Settings::first(rungs) }
}

/// What is said of the second lane, an event loop.
fn says(settings: &Settings, made: Made) -> String {
    line(settings, &trial(settings, 1, made)).ran_out.unwrap_or_default()
}

#[test]
fn clients_over_wait_and_cores_over_cost_bound_every_lane() {
    let of = |settings: &Settings| line(settings, &trial(settings, 1, Made { rps: 1_000.0, ..MADE }));
    let usual = of(&settings());
    assert_eq!(usual.asked_rps, Some(2_000.0));
    assert!((usual.cpu_rps.unwrap() - 10_000.0).abs() < 1e-6, "{usual:?}");
    assert_eq!(usual.rps(), Some(2_000.0));
    let hello = of(&Settings { ask: Ask::Hello, ..settings() });
    assert_eq!((hello.asked_rps, hello.rps()), (None, hello.cpu_rps), "nothing waits");
    let open = of(&Settings { mode: Mode::Open, rate_rps: 70.0, ..settings() });
    assert_eq!(open.rps(), Some(70.0));
}

#[test]
fn what_ran_out_is_said_by_the_rules_of_the_report() {
    assert_eq!(says(&settings(), Made { rps: 1_990.0, ..MADE }), "");
    let pool = line(&settings(), &trial(&settings(), 0, Made { rps: 158.0, ..MADE }));
    assert_eq!(pool.ran_out.unwrap(), "its threads are all taken, 16 ÷ 100 ms = 160 requests/s");
    let full = says(&settings(), Made { rps: 1_000.0, cpu: 0.97, ..MADE });
    assert!(full.starts_with("its CPU is full, 97 % of 1 core at 970 µs a request"), "{full}");
    let failing = says(&settings(), Made { rps: 900.0, errors: 50, ..MADE });
    assert_eq!(failing, "50 of 950 requests got no right answer");
    let generator = says(&settings(), Made { rps: 900.0, generator: 0.97, ..MADE });
    assert!(generator.contains("the load generator's own core"), "{generator}");
    let shared = says(&settings(), Made { rps: 900.0, cpu: 0.5, others: 0.48, ..MADE });
    assert!(shared.starts_with("others filled its CPU, 48 % of 1 core"), "{shared}");
    let unknown = says(&settings(), Made { rps: 900.0, ..MADE });
    assert!(unknown.starts_with("the cause was not found"), "{unknown}");
    let few = Settings { clients: 2, ..settings() };
    assert_eq!(says(&few, Made { rps: 15.0, ..MADE }), "", "of 20 answers a few are missing by chance");
    let few = Settings { clients: 12, ..settings() };
    let too_few = says(&few, Made { rps: 60.0, ..MADE });
    assert!(too_few.starts_with("too few answers to tell why, 60 in 1 s"), "{too_few}");
}

#[test]
fn in_open_loop_what_is_due_counts_and_not_what_was_answered() {
    let open = Settings { mode: Mode::Open, rate_rps: 300.0, ..settings() };
    let pool = line(&open, &trial(&open, 0, Made { rps: 158.0, ..MADE }));
    assert_eq!(pool.ran_out.unwrap(), "its threads are all taken, 16 ÷ 100 ms = 160 requests/s");
    assert_eq!(says(&open, Made { rps: 298.0, ..MADE }), "");
}

#[test]
fn the_services_behind_and_what_the_system_refuses_are_told_apart() {
    let behind = Settings { ask: Ask::Weather, capacity: Some(20), ..settings() };
    let full = Calls { arrived: 200, served: 197, service_ms: 19_900.0, queued_at_end: 180 };
    let trial_of = |made| Trial { services: Some(full), ..trial(&behind, 1, made) };
    let said = line(&behind, &trial_of(Made { rps: 197.0, ..MADE })).ran_out.unwrap();
    assert!(said.starts_with("the services behind are full, 19.9 of the 20 calls"), "{said}");
    let stall = Trouble { kind: "stall".into(), at_ms: 0, for_ms: 1_500 };
    let open = Settings { mode: Mode::Open, rate_rps: 120.0, ..behind.clone() };
    let asked = keep::asked(&open, None, Some(1), vec![stall]);
    let calls = Calls { service_ms: 5_000.0, ..full };
    let stalled = Trial { services: Some(calls), ..trial(&open, 1, Made { rps: 50.0, ..MADE }) };
    let said = Line::of(&asked, &stalled).ran_out.unwrap();
    assert_eq!(said, "the services behind hung for 1.50 s, as they were told to");
    let mut refused = trial(&settings(), 1, Made { rps: 900.0, errors: 50, ..MADE });
    refused.server.files_refused = Some(2);
    let said = line(&settings(), &refused).ran_out.unwrap();
    assert!(said.starts_with("the system refused it"), "{said}");
}
