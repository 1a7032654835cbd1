//! A session as a reader has it: load up and down, trouble, a collapse, a preset, a report.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::support::{Lab, both, eventually, signal};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn the_clients_that_are_set_are_in_flight_on_both_servers_until_they_are_not() {
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let mut watch = lab.watch();
    assert_eq!(watch.event().0, "past", "first the last minute");
    let frame = watch.until_up();
    lab.command(&json!({ "do": "run", "on": true }));
    lab.set(&frame, &json!({ "clients": 60, "wait_ms": 200 }));
    let frame = watch.until("60 in flight", |frame| both(frame, |lane| lane["now"]["in_flight"] == 60));
    assert_eq!(frame["settings"]["clients"], 60);
    let frame = watch.until("rates and times", |frame| {
        both(frame, |lane| number(&lane["now"]["rps"]) > 0.0 && number(&lane["now"]["p50_ms"]) >= 200.0)
    });
    assert!(both(&frame, |lane| number(&lane["line"]["asked_rps"]) == 300.0), "60 clients ÷ 200 ms: {frame}");
    #[cfg(target_os = "linux")]
    watch.until("60 threads parked in a wait on the left, none on the right", |frame| {
        let waiting = |lane: usize| frame["lanes"][lane]["threads"]["doing"]["w"].as_u64().unwrap_or(0);
        (50..70).contains(&waiting(0)) && waiting(1) == 0
    });
    lab.command(&json!({ "do": "run", "on": false }));
    watch.until("nothing in flight", |frame| both(frame, |lane| lane["now"]["in_flight"] == 0));
    let (name, past) = lab.watch().event();
    assert_eq!(name, "past");
    let seen = past["lanes"][1].as_array().expect("samples");
    assert!(seen.iter().any(|sample| sample["in_flight"] == 60), "a page that comes later knows of it");
    assert_eq!(lab.stop(), Some(0));
}

#[test]
fn an_open_loop_slow_clients_and_a_stall() {
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let mut watch = lab.watch();
    let frame = watch.until_up();
    lab.command(&json!({ "do": "run", "on": true }));
    lab.set(&frame, &json!({ "mode": "open", "rate_rps": 50.0, "ask": "weather", "wait_ms": 20, "slow": 5 }));
    watch.until("50 requests/s, and 5 slow clients", |frame| {
        both(frame, |lane| (25.0..90.0).contains(&number(&lane["now"]["rps"])) && lane["now"]["slow"] == 5)
    });
    lab.command(&json!({ "do": "stall", "for_ms": 3_000 }));
    watch.until("nobody is answered", |frame| {
        both(frame, |lane| number(&lane["stalled_ms"]) > 0.0 && number(&lane["now"]["in_flight"]) > 20.0)
    });
    watch.until("it is over", |frame| {
        both(frame, |lane| number(&lane["now"]["rps"]) > 25.0 && number(&lane["now"]["in_flight"]) < 20.0)
    });
}

#[test]
fn a_collapse_is_shown_with_its_reason_and_the_server_can_be_started_again() {
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let mut watch = lab.watch();
    watch.until_up();
    lab.command(&json!({ "do": "run", "on": true }));
    watch.until("load", |frame| both(frame, |lane| number(&lane["now"]["rps"]) > 0.0));
    let [server] = lab.children("blocking-server")[..] else { panic!("one server blocks") };
    signal(server, Signal::KILL);
    let frame = watch.until("the collapse", |frame| frame["lanes"][0]["state"] == "collapsed");
    let reason = frame["lanes"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("The server ended with") && reason.contains("SIGKILL"), "{reason}");
    assert_eq!(frame["lanes"][1]["state"], "up", "the other goes on");
    lab.command(&json!({ "do": "keep" }));
    let frame = watch.until("it is kept", |frame| frame["kept"].is_object());
    let (_, results) = lab.results(&frame);
    let outcomes: Vec<_> = results.trials.iter().map(|trial| (trial.rung.as_str(), trial.outcome)).collect();
    let collapsed = lab::results::TrialOutcome::Collapsed;
    assert_eq!(outcomes[0], ("bare-thread-per-connection", collapsed));
    lab.command(&json!({ "do": "restart", "lane": 0 }));
    watch.until("it is back under load", |frame| {
        frame["lanes"][0]["state"] == "up" && number(&frame["lanes"][0]["now"]["rps"]) > 0.0
    });
}

#[test]
fn what_fails_around_a_server_is_no_collapse_of_it() {
    let lab = Lab::start(["pool", "event-loop"]);
    let mut watch = lab.watch();
    watch.until_up();
    lab.command(&json!({ "do": "run", "on": true }));
    watch.until("load", |frame| both(frame, |lane| number(&lane["now"]["rps"]) > 0.0));
    for generator in lab.children("loadgen") {
        signal(generator, Signal::KILL);
    }
    let frame = watch.until("nobody asks any more", |frame| both(frame, |lane| lane["state"] == "failed"));
    let reason = frame["lanes"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("load generator"), "{reason}");
    lab.command(&json!({ "do": "keep" }));
    // A note on generators that do not listen any more may stand there before.
    watch.until("an answer", |frame| {
        frame["note"].as_str().is_some_and(|note| note.contains("nothing to keep"))
    });
    // Without generators nobody could stop what their servers do.
    eventually("nothing of them is left", || lab.children("").is_empty().then_some(()));
    for lane in [0, 1] {
        lab.command(&json!({ "do": "restart", "lane": lane }));
    }
    watch.until("both are back", |frame| {
        both(frame, |lane| lane["state"] == "up" && number(&lane["now"]["rps"]) > 0.0)
    });
    let [services, _] = lab.children("upstream")[..] else { panic!("each server has services of its own") };
    signal(services, Signal::KILL);
    watch.until("a server without services", |frame| {
        frame["lanes"].as_array().expect("lanes").iter().any(|lane| {
            lane["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("services behind the server are gone"))
        })
    });
    let asking = || lab.children("loadgen").len();
    eventually("nobody asks that server any more", || (asking() == 1).then_some(()));
}

#[test]
fn errors_that_were_ordered_leave_trials_that_count() {
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let mut watch = lab.watch();
    let frame = watch.until_up();
    lab.command(&json!({ "do": "run", "on": true }));
    lab.set(&frame, &json!({ "ask": "weather", "clients": 20, "errors": 0.3, "slow": 3 }));
    let frame = watch.until("errors", |frame| both(frame, |lane| number(&lane["now"]["errors_per_s"]) > 0.0));
    // What is kept begins when all clients are there.
    let then = number(&frame["t_ms"]) + 4_000.0;
    watch.until("some seconds of them", |frame| number(&frame["t_ms"]) > then);
    lab.command(&json!({ "do": "run", "on": false }));
    lab.command(&json!({ "do": "keep" }));
    let frame = watch.until("it is kept", |frame| frame["kept"].is_object());
    let (_, results) = lab.results(&frame);
    assert_eq!(results.trials.len(), 2);
    for trial in &results.trials {
        assert!(trial.completed > 0 && trial.failed.values().sum::<u64>() > 0, "{:?}", trial.failed);
        let wrong = trial.reason.as_ref().filter(|reason| reason.contains("wrong"));
        assert_eq!(wrong, None, "nothing was wrong but what was ordered");
    }
    let expect = &results.experiments[0].expect;
    let again = "/api/weather/97201/us with 20 clients in closed loop";
    for said in ["3 clients sent a byte a second", "30 % of their calls", again] {
        assert!(expect.contains(said), "{said} in {expect}");
    }
}

#[test]
fn what_was_seen_before_a_pause_can_be_kept_and_opened() {
    let lab = Lab::start(["pool", "event-loop"]);
    let mut watch = lab.watch();
    let frame = watch.until_up();
    assert_eq!(lab.get("/kept/report.html").status, 404, "nothing has been kept");
    lab.command(&json!({ "do": "run", "on": true }));
    lab.set(&frame, &json!({ "clients": 40 }));
    // On a machine with other things to do, those may be named for a while.
    watch.until("what ran out", |frame| {
        let ran_out = frame["lanes"][0]["ran_out"].as_str();
        ran_out.is_some_and(|clause| clause.contains("its threads are all taken, 16 ÷ 100 ms"))
    });
    watch.until("some answers", |frame| both(frame, |lane| lane["now"]["minute_p99_ms"].is_number()));
    lab.command(&json!({ "do": "run", "on": false }));
    watch.until("a pause", |frame| frame["on"] == false);
    lab.command(&json!({ "do": "keep" }));
    let frame = watch.until("it is kept", |frame| frame["kept"].is_object());
    let (_, results) = lab.results(&frame);
    assert_eq!(results.trials.iter().map(|trial| trial.load.clients).collect::<Vec<_>>(), [40, 40]);
    let report = lab.get("/kept/report.html");
    assert_eq!((report.status, report.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = report.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("sandbox") && !policy.contains("same-origin"), "it cannot command: {policy}");
    let text = String::from_utf8(report.body).expect("text");
    assert!(text.contains("Verdict: what ran out") && text.contains("Seen on the live page"));
    assert_eq!(lab.get("/kept/..%2f..%2fetc%2fpasswd").status, 404);
}

/// No planted fault: the server of threads runs out of addresses for its stacks, the event loop does not.
#[cfg(target_os = "linux")]
#[test]
fn in_a_small_box_what_runs_out_is_said() {
    let lab = Lab::start(["thread-per-request", "event-loop"]);
    let mut watch = lab.watch();
    let frame = watch.until_up();
    lab.command(&json!({ "do": "run", "on": true }));
    lab.set(&frame, &json!({ "boxed": true, "clients": 400, "wait_ms": 500 }));
    let frame = watch.until("the collapse", |frame| frame["lanes"][0]["state"] == "collapsed");
    let reason = frame["lanes"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("it said:"), "{reason}");
    assert_eq!(frame["lanes"][0]["collapsed"], "collapsed: out of address space");
    watch.until("the event loop serves all of them", |frame| {
        frame["lanes"][1]["state"] == "up" && frame["lanes"][1]["now"]["in_flight"] == 400
    });
    lab.command(&json!({ "do": "run", "on": false }));
    lab.command(&json!({ "do": "restart", "lane": 0 }));
    watch.until("it is back", |frame| {
        frame["lanes"][0]["state"] == "up" && frame["lanes"][0]["now"].is_object()
    });
}

#[test]
fn a_preset_is_measured_level_by_level_beside_the_guess_and_can_be_kept() {
    let lab = Lab::start(["pool", "event-loop"]);
    let mut watch = lab.watch();
    watch.until_up();
    lab.command(&json!({ "do": "preset", "name": "lecture", "guesses": [3, null] }));
    let frame = watch.until("two levels", |frame| {
        frame["course"]["points"][1].as_array().is_some_and(|points| points.len() == 2)
    });
    let course = &frame["course"];
    assert_eq!((&course["name"], &course["guesses"][0]), (&json!("lecture"), &json!(3.0)));
    assert_eq!(frame["settings"]["rungs"], json!(["pool", "event-loop"]));
    assert!(number(&course["points"][0][0]["rps"]) > 0.0, "{course}");
    lab.command(&json!({ "do": "stop" }));
    let frame = watch.until("its end", |frame| frame["course"]["over"] == true && frame["on"] == false);
    let sentence = frame["course"]["sentences"][0].as_str().expect("a sentence");
    assert!(sentence.contains("pool") && sentence.contains("Your guess was 3"), "{sentence}");
    lab.command(&json!({ "do": "keep" }));
    let frame = watch.until("it is kept", |frame| frame["kept"].is_object());
    let (dir, results) = lab.results(&frame);
    assert!(dir.starts_with(lab.out.path()) && dir.join("report.html").is_file());
    assert_eq!(results.trials.len(), 4, "two levels of two servers");
    assert!(results.experiments[0].demonstration);
    assert!(results.trials.iter().all(|trial| trial.completed > 0 && trial.server.cpu_s.is_some()));
    let clients: Vec<_> = results.trials.iter().map(|trial| trial.load.clients).collect();
    assert_eq!(clients, [1, 1, 2, 2]);
}

/// Whoever restarts a server in the middle of a level marks both lanes anew: the rest of it would be no level.
#[test]
fn a_level_in_which_a_server_is_started_again_is_held_anew() {
    let lab = Lab::start(["pool", "event-loop"]);
    let mut watch = lab.watch();
    watch.until_up();
    lab.command(&json!({ "do": "preset", "name": "lecture", "guesses": [null, null] }));
    let left = |frame: &Value| number(&frame["course"]["left_ms"]);
    let frame = watch.until("the first level is on its way", |frame| left(frame) < 9_000.0);
    assert_eq!(frame["course"]["place"], 0);
    lab.command(&json!({ "do": "restart", "lane": 1 }));
    watch.until("a server starts", |frame| frame["lanes"][1]["state"] == "starting");
    let again = watch.until("it is up", |frame| frame["lanes"][1]["state"] == "up");
    assert_eq!((&again["course"]["place"], left(&again) > 9_000.0), (&json!(0), true), "{again}");
    lab.command(&json!({ "do": "stop" }));
}

/// Seen from outside, since whoever looks at the page is a page.
#[cfg(target_os = "linux")]
#[test]
fn the_load_ends_when_the_last_page_has_gone_and_not_when_it_is_reloaded() {
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let mut watch = lab.watch();
    let frame = watch.until_up();
    let [server] = lab.children("blocking-server")[..] else { panic!("one server blocks") };
    let threads = || {
        let status = std::fs::read_to_string(format!("/proc/{server}/status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("Threads:")).expect("a line");
        line.trim().parse::<u32>().expect("a number")
    };
    lab.command(&json!({ "do": "run", "on": true }));
    lab.set(&frame, &json!({ "clients": 80 }));
    watch.until("80 in flight", |frame| both(frame, |lane| lane["now"]["in_flight"] == 80));
    drop(watch);
    let mut watch = lab.watch();
    let frame = watch.until("a frame", |_| true);
    assert_eq!(frame["on"], true, "it was only reloaded");
    assert!(threads() >= 80);
    drop(watch);
    eventually("the connections are closed", || (threads() < 40).then_some(()));
    // Connections are closed before the frame that says so is made.
    let frame = lab.watch().until("the load is over", |frame| frame["on"] == false);
    let note = frame["note"].as_str().expect("why");
    assert!(note.contains("no page had been watching"), "{note}");
}
