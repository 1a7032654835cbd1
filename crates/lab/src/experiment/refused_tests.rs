//! Every way to get a file wrong that we could think of, and the message that it is answered with: the line,
//! what was found, and what would be right. `experiment_tests.rs` has the cases that came with each key.

use super::tests::refused;

const CLOSED: &str = "closed = { clients = [1, 20] }";

/// A table of cases: what of the good file is replaced, with what, and what the message says.
fn each_refused(cases: &[(&str, &str, &[&str])]) {
    for (what, with, parts) in cases {
        let error = refused(what, with);
        assert!(error.starts_with("mine.toml "), "{error}");
        for part in *parts {
            assert!(error.contains(part), "{with}: no {part:?} in:\n{error}");
        }
        for jargon in ["u64", "i64", "f64", "struct ", "sequence", "map", "unit variant", "field"] {
            assert!(!error.contains(jargon), "{with}: {jargon} is no word for a reader:\n{error}");
        }
    }
}

#[test]
fn what_is_no_toml() {
    each_refused(&[
        ("blocks = 2", "blocks", &["line 5", "expected `=`"]),
        ("blocks = 2", "blocks = 2\nblocks = 3", &["line 6", "this key is there twice"]),
        ("rung = \"event-loop\"", "rung = \"event-loop", &["line 14"]),
        ("[[rungs]]\nrung = \"pool\"", "[rungs]\nrung = \"pool\"", &["line 13", "there twice"]),
    ]);
}

#[test]
fn what_has_the_wrong_type() {
    let number = "expected a whole number from 1 to 100";
    each_refused(&[
        ("blocks = 2", "blocks = 2.5", &["line 5", "2.5", number]),
        ("blocks = 2", "blocks = \"two\"", &["line 5", "\"two\"", number]),
        ("blocks = 2", "blocks = [2]", &["line 5", number]),
        ("title = \"t\"", "title = 5", &["line 1", "`5`", "expected a string"]),
        ("\"/wait/100\"", "100", &["line 4", "`100`", "expected a string"]),
        ("blocks = 2", "blocks = 2\nside_by_side = \"yes\"", &["line 6", "\"yes\"", "a boolean"]),
        ("blocks = 2", "blocks = 2\nupstream = \"exp:9ms\"", &["line 6", "such as { delay = "]),
        ("blocks = 2", "blocks = 2\nbystander = \"/hello\"", &["line 6", "such as { route = "]),
        ("flags = [\"--threads=5\"]", "flags = \"--threads=5\"", &["line 11", "expected a list"]),
        (CLOSED, "closed = 5", &["line 17", "such as { clients = "]),
        (CLOSED, "closed = { clients = 5 }", &["line 17", "expected a list of numbers from 1 to 100000"]),
        (CLOSED, "open = 5", &["line 17", "such as { rate = "]),
        (CLOSED, "open = { rate = 5, connections = 5 }", &["line 17", "{ rps = 300 }"]),
        (CLOSED, "open = { rate = { rps = \"5\" }, connections = 5 }", &["line 17", "a number over 0"]),
        (
            CLOSED,
            "open = { rate = { rps = 5 }, connections = 9, shape = \"spike\" }",
            &["line 17", "such as { spike = { at_ms"],
        ),
    ]);
}

#[test]
fn what_is_out_of_range() {
    let over_0 = "is not over 0 and at most 1000000";
    each_refused(&[
        ("blocks = 2", "blocks = -1", &["line 5", "-1 is not within 1 to 100"]),
        ("blocks = 2", "blocks = 2\ntimeout_ms = 0", &["line 6", "0 is not within 1 to 600000"]),
        ("window_ms = 500", "window_ms = 0", &["line 7", "0 is not within 100 to 600000"]),
        ("warm_up_ms = 100", "warm_up_ms = -5", &["line 6", "-5 is not within 0 to 600000"]),
        (CLOSED, "closed = { clients = [100001] }", &["line 17", "1 to 100000"]),
        (CLOSED, "open = { rate = { rps = 0 }, connections = 5 }", &["line 17", "0", over_0]),
        (CLOSED, "open = { rate = { rps = 1e9 }, connections = 5 }", &["line 17", over_0]),
        (CLOSED, "open = { rate = { rps = nan }, connections = 5 }", &["line 17", over_0]),
        (CLOSED, "open = { rate = { rps = 5 }, connections = 0 }", &["line 17", "0 is not within"]),
        (CLOSED, "route = \"/live\"\nsubscribers = { counts = [0] }", &["line 18", "0 is not within"]),
        ("blocks = 2", "blocks = 2\nupstream = { seed = -1 }", &["line 6", "-1", "from 0 on"]),
        (
            "blocks = 2",
            "blocks = 2\nbystander = { route = \"/hello\", rate = 9, connections = 5000 }",
            &["line 6", "5000 is not within 1 to 1000"],
        ),
        (
            "closed = { clients = [1, 20] }\n",
            "closed = { clients = [1, 20] }\n[quick]\nwindow_ms = 0\n",
            &["line 19", "0 is not within 100 to 600000"],
        ),
        (
            "closed = { clients = [1, 20] }\n",
            "closed = { clients = [1, 20] }\n[full]\nblocks = 0\n",
            &["line 19", "0 is not within 1 to 100"],
        ),
    ]);
}

#[test]
fn unknown_and_missing_keys_and_words() {
    each_refused(&[
        ("title = \"t\"\n", "", &["missing key `title`"]),
        (
            "rung = \"pool\"",
            "run = \"pool\"",
            &["line 10", "unknown key `run`", "`rung`, `variant`, `flags`"],
        ),
        (CLOSED, "closed = {}", &["line 17", "missing key `clients`"]),
        (CLOSED, "subscribers = {}", &["line 17", "missing key `counts`"]),
        (CLOSED, "open = { rate = { rps = 5 } }", &["line 17", "missing key `connections`"]),
        (CLOSED, "open = { rate = { rpm = 5 }, connections = 5 }", &["line 17", "`rpm`", "`rps`"]),
        (CLOSED, "open = { rate = {}, connections = 5 }", &["line 17", "`rps`", "`utilisation`"]),
        (
            CLOSED,
            "open = { rate = { rps = 5, utilisation = 1 }, connections = 5 }",
            &["line 17", "one of `rps` and `utilisation`"],
        ),
        (
            CLOSED,
            "open = { rate = { rps = 5 }, connections = 9, shape = { spike = { at_ms = 1, for_ms = 5, times = 2, x = 3 } } }",
            &["line 17", "unknown key x", "at_ms, for_ms, times"],
        ),
        (CLOSED, "rungs = []\nclosed = { clients = [1] }", &["line 16", "`rungs` names none"]),
    ]);
}

#[test]
fn routes_that_no_server_answers_and_delays_that_no_service_has() {
    let delay = |text: &str| format!("blocks = 2\nupstream = {{ delay = \"{text}\" }}");
    for text in ["", "wait/100", "http://localhost/hello", "/wait/100 ", "/hello\\r\\nx: y"] {
        let error = refused("\"/wait/100\"", &format!("\"{text}\""));
        assert!(error.contains("line 4") && error.contains("such as /wait/100"), "{error}");
    }
    for text in ["/wait/60001", "/hash/5000001", "/echo", "/nothing", "/stream/0/0"] {
        let error = refused("\"/wait/100\"", &format!("\"{text}\""));
        assert!(error.contains("line 4") && error.contains("no server answers GET"), "{error}");
    }
    for (text, says) in [
        ("gauss:5ms", "none of lecture, fixed:100ms"),
        ("fixed:5", "as in fixed:100ms"),
        ("fixed:-5ms", "as in fixed:100ms"),
        ("exp:61s", "at most 60s"),
        ("lognormal:5ms", "lognormal:100ms:0.5"),
        ("lognormal:soon:1", "\"soon\" is no delay"),
        ("lognormal:5ms:9", "a number from 0 to 2"),
    ] {
        let error = refused("blocks = 2", &delay(text));
        assert!(error.contains("line 6") && error.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_no_single_key_shows_is_placed_too() {
    each_refused(&[
        ("title = \"t\"", "title = \" \"", &["at line 1: title: it is empty"]),
        ("[\"--threads=5\"]", "[\"--threads\", \"5\"]", &["at line 11: flags: \"5\" is no flag"]),
        ("[\"--threads=5\"]", "[\"--port=80\"]", &["at line 11: flags: --port is for the lab to give"]),
        (CLOSED, "closed = { clients = [5, 7, 5] }", &["at line 16: loads: `clients` has 5 twice"]),
        (
            "closed = { clients = [1, 20] }\n",
            "closed = { clients = [1, 20] }\n[full]\nclients = []\n",
            &["clients: it lists no level"],
        ),
        (
            "closed = { clients = [1, 20] }\n",
            "closed = { clients = [1, 20] }\n[[stated]]\nlabel = \"x\"\nthroughput_rps = -1\nsource = \"y\"\n",
            &["at line 18: stated: throughput_rps = -1 is not over 0"],
        ),
    ]);
}

#[test]
fn a_rule_whose_needs_are_not_met() {
    for (rule, needs) in [
        ("equal", "at least 5 `blocks`"),
        ("shared_limit", "`upstream.capacity`"),
        ("goodput", "an open load"),
        ("pool", "an open load"),
        ("bystanders", "a `bystander`"),
        ("recovery", "something to recover from"),
    ] {
        let error = refused("blocks = 2", &format!("blocks = 2\nrule = \"{rule}\""));
        let start = format!("mine.toml makes no sense at line 6: rule: \"{rule}\" needs ");
        assert!(error.starts_with(&start) && error.contains(needs), "{error}");
    }
    let call = "blocks = 2\nrule = \"shared_limit\"\nupstream = { capacity = 5 }";
    assert!(refused("blocks = 2", call).contains("a closed load that calls the services"));
}
