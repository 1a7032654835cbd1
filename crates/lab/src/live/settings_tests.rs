//! Settings: what is refused, what is cut, and what needs fresh processes.

use super::*;

fn settings() -> Settings {
    Settings::first([ladder::rung("pool").unwrap(), ladder::rung("event-loop").unwrap()])
}

fn machine() -> Limits {
    Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() }
}

#[test]
fn what_this_machine_cannot_carry_is_refused_by_name() {
    assert_eq!(settings().check(&machine()), Ok(()));
    let threads = ["thread-per-request".to_owned(), "bare-thread-per-connection".to_owned()];
    for (broken, says) in [
        (Settings { clients: 0, ..settings() }, "clients is 0; it must be 1 to 8192 (thread budget"),
        (Settings { clients: 5_000, rungs: threads, ..settings() }, "still make): lower clients"),
        (Settings { rate_rps: f64::NAN, ..settings() }, "rate_rps is NaN"),
        (Settings { rate_rps: 1e9, ..settings() }, "0.1 to 20000"),
        (Settings { wait_ms: 0, ..settings() }, "wait_ms is 0"),
        (Settings { rounds: 5_000_001, ..settings() }, "rounds is 5000001"),
        (Settings { pool: 0, ..settings() }, "pool is 0"),
        (Settings { capacity: Some(0), ..settings() }, "capacity is 0"),
        (Settings { errors: 1.1, ..settings() }, "errors is 1.1"),
        (Settings { clients: 8_000, slow: 500, ..settings() }, ": lower clients or slow clients"),
        (Settings { mode: Mode::Open, slow: 8_192, ..settings() }, "8193 clients and slow clients"),
        (Settings { mode: Mode::Subscribers, ..settings() }, "two modes, closed and open"),
        (Settings { rungs: ["pool".into(), "pond".into()], ..settings() }, "no rung \"pond\""),
    ] {
        let refusal = broken.check(&machine()).unwrap_err();
        assert!(refusal.contains(says), "{refusal}");
    }
}

#[test]
fn what_there_may_not_be_is_cut_down_to_what_there_may_be() {
    let small = Limits { pid_max: Some(300), ..machine() };
    let most = Most::of(settings().ladder().unwrap(), &small);
    let wanted = Settings { clients: 5_000, slow: 5_000, pool: 500, ..settings() };
    assert!(wanted.check(&small).is_err());
    let cut = wanted.within(&most);
    assert_eq!((cut.clients, cut.slow, cut.pool), (most.clients, 0, 37));
    assert_eq!(cut.check(&small), Ok(()));
    let open = Settings { mode: Mode::Open, slow: 70, ..cut };
    assert_eq!(open.load(&most).clients, 5, "slow clients hold connections, too");
}

#[test]
fn new_clients_come_as_slowly_as_answers_do() {
    let of = |wait_ms| {
        let settings = Settings { wait_ms, ..settings() };
        (settings.ramp().as_millis(), settings.settles_in().as_millis())
    };
    assert_eq!([of(100), of(3_000)], [(1_000, 1_100), (3_000, 6_000)]);
}

#[test]
fn the_box_is_that_of_the_catalogue() {
    assert!(!settings().server().is_confined());
    assert!(Settings { boxed: true, ..settings() }.server().is_confined());
}

#[test]
fn only_what_cannot_be_changed_in_place_needs_fresh_processes() {
    let now = settings();
    for same in [
        Settings { clients: 900, ..now.clone() },
        Settings { wait_ms: 900, ..now.clone() },
        Settings { hog: true, slow: 3, errors: 0.5, ..now.clone() },
        Settings { ask: Ask::Sun, mode: Mode::Open, ..now.clone() },
    ] {
        assert!(!same.need_fresh_processes(&now), "{same:?}");
    }
    for fresh in [
        Settings { pool: 4, ..now.clone() },
        Settings { boxed: true, ..now.clone() },
        Settings { rungs: ["pool".into(), "pool".into()], ..now.clone() },
        Settings { ask: Ask::Sun, wait_ms: 900, ..now.clone() },
        Settings { ask: Ask::Weather, capacity: Some(5), ..now.clone() },
    ] {
        assert!(fresh.need_fresh_processes(&now), "{fresh:?}");
    }
}

/// Where more clients are set than bare threads can have: whoever chooses those has not asked for too many.
#[test]
fn other_rungs_lower_what_was_set_before_and_say_so() {
    let rungs = ["thread-per-request".to_owned(), "bare-thread-per-connection".to_owned()];
    let chosen = Settings { clients: 5_000, rungs, ..settings() };
    let (cut, said) = chosen.clone().cut(&machine());
    assert_eq!((cut.clients, cut.check(&machine())), (2_730, Ok(())));
    let said = said.unwrap();
    assert!(said.contains("can have 2,730 clients here (thread budget"), "{said}");
    let open = Settings { mode: Mode::Open, ..chosen };
    assert_eq!(open.check(&machine()), Ok(()), "an open loop has no clients");
    assert_eq!(open.cut(&machine()).1, None, "nobody would see it");
    assert_eq!(settings().cut(&machine()), (settings(), None));
}

#[test]
fn what_is_set_can_be_said() {
    assert_eq!(settings().in_words(), "/wait/100 with 50 clients in closed loop, 16 threads in the pool");
    let rungs = ["event-loop".to_owned(), "event-loop".to_owned()];
    let weather = Settings { rungs, ask: Ask::Weather, keep_alive: false, capacity: Some(20), ..settings() };
    assert_eq!(
        Settings { mode: Mode::Open, boxed: true, ..weather }.in_words(),
        "/api/weather/97201/us with 100 requests/s in open loop, a connection for each request, each server in the small \
         box, services that take 100 ms, 20 calls at a time"
    );
}
