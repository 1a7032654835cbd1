//! The page: a first screen that answers whatever the data are, sections in one order, and marks by which keyboards,
//! screen readers and tests find their way.

use std::collections::BTreeSet;

use lab::results::{Asked, Load, Mode, Results, TrialOutcome};
use serde_json::Value;

use crate::findings::run;
use crate::fixture::{self, answers, closed, figures, open_loop, own_words, trial};
use crate::wide;

/// Sentences of the answer on the first screen, as text.
fn answer(page: &str) -> Vec<String> {
    let answer = page.split_once("id=\"answer\"").unwrap().1.split_once("</ul>").unwrap().0;
    answer.split("<li>").skip(1).map(|item| text(item.split("</li>").next().unwrap())).collect()
}

/// Without markup.
fn text(html: &str) -> String {
    let without = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    without.collect::<String>().trim().to_owned()
}

/// What somebody kept of the live page: two rungs side by side, closed loop at rising levels, or open loop.
fn kept(loads: &[Load]) -> Results {
    let mut results = fixture::empty();
    results.command = "cargo lab live pool event-loop".into();
    results.quick = true;
    results.experiments = vec![Asked {
        name: "live".into(),
        title: "Seen on the live page".into(),
        question: "What did pool and event-loop do under this load?".into(),
        demonstration: true,
        route: "/wait/100".into(),
        nominal_wait_ms: Some(100.0),
        ..Asked::default()
    }];
    for load in loads {
        for rung in ["pool", "event-loop"] {
            let possible = f64::from(if rung == "pool" { load.clients.min(16) } else { load.clients }) * 10.0;
            let rps = load.rate_rps.map_or(possible, |rate| rate.min(possible));
            let mut one = trial("live", rung, load.clients, rps, 100.0);
            one.load = load.clone();
            answers(&mut one, 1_000, f64::from(load.clients) * 1_000.0 / rps, 0.01);
            results.trials.push(one);
        }
    }
    results
}

/// Blocking twice as good as async, in everything.
fn async_loses() -> Results {
    run(
        5,
        &[
            ("thread-per-request", 16, 160.0, 40.0),
            ("thread-per-request", 256, 2_560.0, 40.0),
            ("thread-per-request", 2_048, 20_400.0, 40.0),
            ("event-loop", 16, 159.0, 80.0),
            ("event-loop", 256, 2_550.0, 80.0),
            ("event-loop", 2_048, 12_400.0, 80.0),
        ],
    )
}

fn all_tie() -> Results {
    let at = |rung: &'static str, clients: u32| (rung, clients, f64::from(clients) * 10.0, 50.0);
    let all: Vec<_> = [16, 64, 256]
        .into_iter()
        .flat_map(|clients| [at("thread-per-request", clients), at("event-loop", clients)])
        .collect();
    run(5, &all)
}

fn all_void() -> Results {
    let mut results = async_loses();
    for trial in &mut results.trials {
        (trial.outcome, trial.reason) = (TrialOutcome::Void, Some("an answer was wrong".into()));
    }
    results
}

#[test]
fn the_first_screen_answers_whatever_the_data_are() {
    let live = kept(&[closed(4, "/wait/100"), closed(16, "/wait/100"), closed(64, "/wait/100")]);
    for (results, first, hero) in [
        (async_loses(), "by thread-per-request for all 2,048 clients and event-loop for up to 256", true),
        (all_tie(), "by every rung, with up to 256 clients.", true),
        (all_void(), "Nothing can be concluded: all 30 trials are void.", true),
        (live, "event-loop for all 64 clients and pool for up to 16 clients (then ran out of threads)", true),
        (kept(&[open_loop(64, 80.0, "/wait/100")]), "one common rate, 80 requests/s, answers took", true),
        (fixture::plausible(), "by event-loop for all 2,048 clients, thread-per-request for up to 256", true),
        (wide::everything(5), "a request takes 5.88 times as much CPU on thread-per-request", true),
        (fixture::empty(), "Nothing was measured", false),
    ] {
        let page = own_words(&results);
        let answer = answer(&page);
        assert!(answer.len() <= 3, "{answer:#?}");
        assert!(answer.concat().contains(first), "{answer:#?}");
        assert_eq!(page.contains("<div id=\"hero\">"), hero, "{first}");
        assert!(page.contains("<p class=\"machine\" id=\"machine\">Linux 6.1.0, 2 × Constructed CPU"));
        assert_eq!(page.matches("<h1>").count(), 1);
    }
}

#[test]
fn a_tie_and_a_loss_are_said_in_the_words_of_the_intervals() {
    let tie = answer(&own_words(&all_tie())).concat();
    assert!(tie.contains("equal within 5 % (ratio 1.00, 90 % interval 1.00 to 1.00)"), "{tie}");
    let loss = answer(&own_words(&async_loses())).concat();
    assert!(loss.contains("0.500 times as much (95 % interval"), "{loss}");
}

#[test]
fn other_experiments_follow_in_a_line_each() {
    let page = own_words(&wide::everything(5));
    let overview = page.split_once("<ul class=\"overview\">").unwrap().1.split_once("</ul>").unwrap().0;
    let lines: Vec<String> = overview.split("<li>").skip(1).map(text).collect();
    assert_eq!(lines.len(), 3, "all but the one of the first screen");
    for (line, parts) in lines.iter().zip([
        ["Bridges between the two worlds", "async-views", "blocked-loop"],
        ["Streams that stay open", "2,048 open streams cost", "ran out of threads: pool"],
        ["A connection for each request", "on a connection of its own", "CPU full"],
    ]) {
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(line.chars().count() < 420, "{line}");
    }
    assert!(overview.contains("<a href=\"#experiment-2\">Bridges between the two worlds</a>"));
    let alone = own_words(&wide::ladder(5));
    assert!(
        !alone.contains("id=\"overview\"") && !alone.contains("id=\"contents\""),
        "there is nothing else"
    );
}

#[test]
fn a_section_goes_from_the_question_to_the_command() {
    let page = own_words(&fixture::plausible());
    let section =
        page.split_once("<section id=\"experiment-2\"").unwrap().1.split_once("</section>").unwrap().0;
    let order = [
        "class=\"question\">When does a server",
        "What to expect.",
        "How to read the first chart.",
        "<h3>The answer</h3>",
        "Verdict: what ran out",
        "<div class=\"figures\">",
        "<h3>Every cell</h3>",
        "href=\"results.csv\"",
        "<code class=\"repeat\">cargo lab compare scale --seed 1</code>",
    ];
    let places: Vec<usize> = order.iter().map(|part| section.find(part).expect(part)).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn every_chart_can_be_found_and_knows_what_it_draws() {
    for results in [fixture::plausible(), wide::everything(5), crate::rules::stall()] {
        let page = own_words(&results);
        let charts: Vec<&str> = page.split("<div class=\"chart\" ").skip(1).collect();
        let figures = figures(&page);
        assert_eq!(charts.len(), figures.len());
        for (chart, figure) in charts.iter().zip(&figures) {
            let of = |name: &str| {
                let value = chart.split_once(&format!("{name}=\"")).unwrap().1;
                value.split_once('"').unwrap().0
            };
            assert!(of("id").starts_with("figure-") && of("aria-label").len() > 30, "{}", &chart[..200]);
            let points = of("data-points").parse::<usize>().unwrap();
            assert_eq!(points, drawn(figure), "{}", of("id"));
            assert!(points > 0);
        }
    }
}

/// Counted anew.
fn drawn(figure: &Value) -> usize {
    let length = |values: &Value| values.as_array().unwrap().len();
    let of_trace = |trace: &Value| match trace["z"].as_array() {
        Some(rows) => rows.iter().map(length).sum(),
        None => {
            assert_eq!(length(&trace["x"]), length(&trace["y"]), "{trace}");
            length(&trace["x"])
        }
    };
    figure["data"].as_array().unwrap().iter().map(of_trace).sum()
}

#[test]
fn alternative_texts_state_what_is_found() {
    let page = own_words(&fixture::plausible());
    for finding in [
        "thread-per-request stays on its line up to 2,048 clients",
        "pool leaves its line at 256 clients (16 threads ÷ 102 ms)",
        "CPU per request. With 2,048 clients: from 25.6 µs on event-loop to 199 µs on thread-per-request.",
        "Medians from 101 ms on event-loop to 102 ms on pool.",
    ] {
        assert!(page.contains(finding), "{finding}");
    }
}

#[test]
fn headings_do_not_skip_and_everything_that_is_pointed_at_is_there_once() {
    let page = own_words(&wide::everything(5));
    let mut level = 0;
    for heading in page.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10)) {
        assert!(heading <= level + 1, "h{heading} after h{level}");
        level = heading;
    }
    let all = |name: &str| -> Vec<&str> {
        page.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
    };
    let ids = all("id");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id is there twice");
    let pointed = all("href").into_iter().filter_map(|target| target.strip_prefix('#'));
    for target in pointed.chain(all("aria-labelledby")) {
        assert!(unique.contains(target), "{target} is nowhere");
    }
    for part in [
        "<a class=\"skip\"",
        "<header>",
        "<nav id=\"contents\" aria-label=\"Contents\">",
        "<main>",
        "<footer",
    ] {
        assert_eq!(page.matches(part).count(), 1, "{part}");
    }
}

#[test]
fn many_cautions_leave_room_for_the_answer() {
    let few = own_words(&kept(&[closed(4, "/wait/100")]));
    assert!(few.contains("<ul class=\"cautions\"><li>A quick look"));
    let mut results = all_void();
    (results.quick, results.complete, results.machine.load_average) = (true, false, Some(7.0));
    let many = own_words(&results);
    let cautions = many.split_once("<details class=\"cautions facts\">").unwrap().1;
    let (first, others) = cautions.split_once("</summary>").unwrap();
    assert!(first.contains("did not come to its end") && first.contains("3 more to know first"), "{first}");
    assert_eq!(others.split_once("</details>").unwrap().0.matches("<li>").count(), 3);
}

#[test]
fn a_kept_open_load_and_one_of_another_mode_have_an_answer_as_well() {
    let slow = Load { mode: Mode::Slow, ..closed(64, "/wait/100") };
    for load in [open_loop(64, 80.0, "/wait/100"), slow] {
        let answer = answer(&own_words(&kept(&[load])));
        assert!(!answer.is_empty() && answer.iter().all(|sentence| !sentence.is_empty()), "{answer:?}");
    }
}
