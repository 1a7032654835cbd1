//! The replay, held against hands, Lindley and Erlang.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::report::queueing::mean_wait;

fn played(servers: u32, arrivals: &[(u64, u64)]) -> Vec<u64> {
    waits(servers, arrivals.iter().copied()).collect()
}

#[test]
fn small_queues_come_out_as_by_hand() {
    assert_eq!(played(1, &[(0, 10), (4, 10), (30, 5), (31, 1)]), [0, 6, 0, 4]);
    // Both busy until 10 and 20: the third has the first's server at 10, the fourth waits for 12.
    let two = [(0, 10), (1, 19), (2, 2), (3, 9), (3, 1)];
    assert_eq!(played(2, &two), [0, 0, 8, 9, 17]);
    assert_eq!(played(5, &two), [0; 5], "as many servers as requests");
    assert_eq!(played(0, &two), [0; 0]);
    assert_eq!(played(3, &[]), [0; 0]);
}

/// Poisson arrivals and exponential services of a mean of 100 ms, in nanoseconds.
fn stream(servers: u32, utilisation: f64, arrivals: usize, seed: u64) -> Vec<(u64, u64)> {
    const SERVICE_NS: f64 = 1e8;
    let mut random = StdRng::seed_from_u64(seed);
    let mut exponential = move |mean: f64| (-(1.0 - random.random::<f64>()).ln() * mean) as u64;
    let gap_ns = SERVICE_NS / utilisation / f64::from(servers);
    let mut now_ns = 0;
    let mut next = || {
        now_ns += exponential(gap_ns);
        (now_ns, exponential(SERVICE_NS))
    };
    (0..arrivals).map(|_| next()).collect()
}

#[test]
fn one_server_follows_lindleys_recursion() {
    let arrivals = stream(1, 0.9, 20_000, 7);
    let mut wait = 0_u64;
    let mut expected = vec![0];
    for pair in arrivals.windows(2) {
        let [(came, service), (comes, _)] = *pair else { unreachable!("windows of two") };
        wait = (wait + service).saturating_sub(comes - came);
        expected.push(wait);
    }
    assert_eq!(played(1, &arrivals), expected);
    assert!(expected.iter().any(|wait| *wait > 0));
}

#[test]
fn long_random_streams_wait_as_long_as_erlang_says() {
    for (utilisation, tolerance) in [(0.5, 0.05), (0.8, 0.05), (0.9, 0.1)] {
        let arrivals = stream(16, utilisation, 1_000_000, 11);
        let waited_ns: u128 = waits(16, arrivals).map(u128::from).sum();
        let mean_ms = waited_ns as f64 / 1e6 / 1e6;
        let erlang_ms = mean_wait(16, utilisation, 100.0).unwrap();
        assert!((mean_ms / erlang_ms - 1.0).abs() < tolerance, "{utilisation}: {mean_ms}, not {erlang_ms}");
    }
}

fn recorded(due_us: u64, wait_us: u64, view_us: u64) -> Recorded {
    Recorded { due_us, sent_us: due_us + 1, wait_us, view_us, upstream_us: 0, response_us: wait_us + view_us }
}

/// Two in the warm-up, which are in the way of the two of the window.
fn recording(missing: u64) -> Recording {
    let requests = vec![
        recorded(100, 5, 2_000),
        recorded(200, 1_905, 3_000),
        recorded(1_000, 4_105, 1_000),
        recorded(9_000, 7, 1_000),
    ];
    Recording { window_us: 1_000, requests, missing }
}

#[test]
fn means_are_those_of_the_window_and_the_warm_up_is_played() {
    let replay = of(&recording(0), 1);
    assert_eq!((replay.requests, replay.missing, replay.servers), (2, 0, 1));
    // The third comes at 1,001 and begins at 101 + 2,000 + 3,000; the last finds nobody.
    assert_eq!((replay.waited_ms, replay.replayed_ms), (Some(2.056), Some(2.05)));
    let empty = of(&Recording::default(), 1);
    assert_eq!((empty.waited_ms, empty.replayed_ms), (None, None));
}

#[test]
fn a_recording_with_gaps_is_not_played() {
    let replay = of(&recording(1), 1);
    assert_eq!((replay.missing, replay.waited_ms, replay.replayed_ms), (1, Some(2.056), None));
}

#[test]
fn the_file_holds_what_another_replay_needs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recordings/one.csv");
    write(&path, &recording(0), 1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], COLUMNS.trim_end());
    assert_eq!(lines[1..3], ["100,101,5,2000,0,2005,0,0", "200,201,1905,3000,0,4905,0,1900"]);
    assert_eq!(lines[3..], ["1000,1001,4105,1000,0,5105,1,4100", "9000,9001,7,1000,0,1007,1,0"]);
    write(&path, &recording(2), 1).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("9000,9001,7,1000,0,1007,1,\n"));
}
