//! The files: one page that needs nothing else, and a row per trial.

use std::collections::BTreeMap;

use lab::report;
use lab::results::{Results, TrialOutcome};
use tempfile::TempDir;

use crate::fixture;

/// The page, and the page without plotly.js.
fn page(results: &Results) -> (String, String) {
    let whole = fixture::page(results);
    let own = fixture::without_script(&whole);
    (whole, own)
}

#[test]
fn the_page_is_one_file_without_requests() {
    let (whole, own) = page(&fixture::plausible());
    assert!(whole.len() < 6 << 20, "{} bytes", whole.len());
    assert_eq!(whole.matches("* plotly.js v").count(), 1, "the script is there, once");
    assert!(!whole.contains("MathJax.js") && !own.contains("tex-svg"), "and not MathJax");
    for reference in [" src=", "url(", "@import", "<link", "http://", "https://", "fetch(", "<iframe"] {
        assert!(!own.contains(reference), "{reference} in the page");
    }
    assert!(own.contains("default-src 'none'"), "the browser is told to refuse requests");
}

#[test]
fn findings_come_first_and_every_chart_has_its_words_and_its_table() {
    let (_, own) = page(&fixture::plausible());
    let (answer, main) = own.split_once("<main>").unwrap();
    assert!(answer.contains("Every client is answered as if it were alone"), "{answer}");
    assert!(answer.contains(r#"<b class="rung cool-1">event-loop</b>"#));
    assert!(answer.contains("cargo lab compare lecture scale --seed 1"));
    assert!(main.contains("demonstration"));
    let charts = own.matches("class=\"chart\"").count();
    assert_eq!(
        charts, 9,
        "throughput, response and threads of lecture; throughput, CPU, memory, threads, response and tails of scale"
    );
    assert_eq!(own.matches("The figures behind it").count(), charts);
    assert_eq!(own.matches("aria-label=\"\"").count(), 0);
    assert_eq!(own.matches("<details class=\"behind\">").count(), charts);
}

#[test]
fn figures_are_json_with_a_point_for_each_trial() {
    let (_, own) = page(&fixture::plausible());
    let figures: Vec<serde_json::Value> = own
        .split("<script type=\"application/json\"")
        .skip(1)
        .map(|rest| {
            let json = &rest[rest.find('>').unwrap() + 1..rest.find("</script>").unwrap()];
            serde_json::from_str(json).expect("a figure is JSON")
        })
        .collect();
    let throughput = &figures[0];
    let points: usize = throughput["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|trace| trace["mode"] == "markers")
        .map(|trace| trace["x"].as_array().unwrap().len())
        .sum();
    assert_eq!(points, 24, "eight cells in three blocks");
    assert_eq!(throughput["layout"]["xaxis"]["type"], "log");
    let notes = throughput["layout"]["annotations"].to_string();
    assert!(notes.contains("16 threads ÷") && notes.contains("CPU full"), "{notes}");
}

#[test]
fn void_and_collapsed_trials_stay_in_sight() {
    let mut results = fixture::plausible();
    let outcomes = [TrialOutcome::Void, TrialOutcome::Collapsed];
    for (trial, outcome) in
        results.trials.iter_mut().filter(|trial| trial.load.clients == 2_048).zip(outcomes)
    {
        trial.outcome = outcome;
        trial.reason = Some(format!("a constructed reason for {outcome:?}"));
    }
    let (_, own) = page(&results);
    let figure = own.split("<script type=\"application/json\"").nth(1).unwrap();
    assert!(
        figure.contains("a constructed reason for Void")
            && figure.contains("a constructed reason for Collapsed")
    );
    assert!(own.contains("A constructed reason for Void."), "and among the remarks");
}

#[test]
fn what_comes_from_a_file_is_text_and_never_markup() {
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
    let mut results = fixture::plausible();
    results.command = evil.into();
    results.machine.os = evil.into();
    for asked in &mut results.experiments {
        (asked.title, asked.question, asked.expect) = (evil.into(), evil.into(), evil.into());
    }
    for trial in &mut results.trials {
        trial.variant = Some(evil.into());
        trial.reason = Some(evil.into());
        trial.warnings = vec![evil.into()];
    }
    let (_, own) = page(&results);
    assert!(!own.contains("<script>alert") && !own.contains("<img"), "markup got through");
}

#[test]
fn a_row_per_trial_under_headers_with_units() {
    let dir = TempDir::new().unwrap();
    let mut results = fixture::plausible();
    results.trials.truncate(2);
    results.trials[1].reason = Some("with a comma, and \"quotes\"".into());
    results.trials[1].server.cpu_s = None;
    report::write(dir.path(), &results).unwrap();
    let mut rows = csv::Reader::from_path(dir.path().join("results.csv")).unwrap();
    let headers: Vec<String> = rows.headers().unwrap().iter().map(String::from).collect();
    insta::assert_snapshot!(headers.join("\n"), @"
    experiment
    rung
    variant
    flags
    block
    order
    outcome
    reason
    mode
    clients
    rate_rps
    route
    keep_alive
    window_start_ms
    window_length_ms
    throughput_rps
    response_p50_ms
    response_p90_ms
    response_p99_ms
    response_p999_ms
    response_max_ms
    response_mean_ms
    sent_to_answer_p50_ms
    sent_to_answer_p90_ms
    sent_to_answer_p99_ms
    sent_to_answer_p999_ms
    sent_to_answer_max_ms
    sent_to_answer_mean_ms
    waiting_mean_ms
    waiting_p99_ms
    connect_mean_ms
    connect_p99_ms
    queue_mean_ms
    queue_p99_ms
    view_mean_ms
    view_p99_ms
    upstream_mean_ms
    upstream_p99_ms
    rest_mean_ms
    rest_p99_ms
    scheduled
    completed
    failed
    timed_out
    unsent
    bystander_route
    bystander_rate_rps
    bystander_p50_ms
    bystander_p90_ms
    bystander_p99_ms
    bystander_p999_ms
    bystander_max_ms
    bystander_mean_ms
    bystander_scheduled
    bystander_completed
    server_cpu_s
    server_cpu_user_s
    server_cpu_system_s
    server_others_cpu_s
    server_life_cpu_s
    server_cpu_us_per_request
    server_rss_idle_bytes
    server_rss_peak_bytes
    server_threads_idle
    server_threads_peak
    server_kernel_stack_bytes
    server_page_table_idle_bytes
    server_page_table_bytes
    server_memory_per_connection_bytes
    server_ctx_switches_voluntary
    server_ctx_switches_involuntary
    listen_overflows
    threads_refused
    files_refused
    memory_refused
    server_exit
    client_cpu_s
    client_core_busy
    client_lag_p99_ms
    connections_wanted
    connections_up
    warnings
    ");
    let rows: Vec<BTreeMap<String, String>> = rows.deserialize().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["variant"], "5 threads");
    assert_eq!(rows[0]["throughput_rps"], "5.2");
    assert_eq!(rows[1]["reason"], "with a comma, and \"quotes\"");
    assert_eq!(rows[1]["server_cpu_s"], "", "not known is empty, and not 0");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error = report::write(std::path::Path::new("/does/not/exist"), &fixture::empty()).unwrap_err();
    assert!(error.to_string().contains("cannot write /does/not/exist/report.html"), "{error}");
}

/// WCAG 2.2, success criterion 1.4.3: text needs 4.5 : 1 against what is behind it.
#[test]
fn colours_are_legible_in_both_themes() {
    let css = include_str!("../../templates/report.css");
    let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
    for theme in [light, dark.split_once("\n}").unwrap().0] {
        let color = |name: &str| {
            let at =
                theme.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("no {name}")) + name.len() + 5;
            luminance(&theme[at..at + 6])
        };
        for text in TEXT_COLOURS {
            for behind in ["page", "panel"] {
                let contrast = contrast(color(text), color(behind));
                assert!(contrast >= 4.5, "{text} on {behind}: {contrast:.2}");
            }
        }
        for behind in ["caution", "band", "map-warm", "map-even", "map-cool"] {
            let contrast = contrast(color("ink"), color(behind));
            assert!(contrast >= 4.5, "ink on {behind}: {contrast:.2}");
        }
        assert!(contrast(color("page"), color("ink")) >= 4.5, "the skip link is the page turned round");
    }
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Every colour that text is set in.
const TEXT_COLOURS: [&str; 12] = [
    "ink", "muted", "warm-1", "warm-2", "warm-3", "warm-4", "warm-5", "cool-1", "cool-2", "bridge-1",
    "bridge-2", "bridge-3",
];

/// Relative luminance as WCAG defines it, of `rrggbb`.
fn luminance(hex: &str) -> f64 {
    let linear = |place: usize| {
        let value = f64::from(u8::from_str_radix(&hex[place..place + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(0) + 0.7152 * linear(2) + 0.0722 * linear(4)
}
