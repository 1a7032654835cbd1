//! Streams of ticks: how many came, how late, and what became of the others.

use std::time::Duration;

use loadgen::Histogram;
use loadgen::protocol::{Event, Failure, Load, Outcome};

use crate::server::{Act, Server};
use crate::support::{nobody, once_in_three, run, run_with, subscribe};

/// Of `support::subscribe`.
const TICK: Duration = Duration::from_millis(50);
const TICKS_IN_WINDOW: u64 = 20;
/// Enough for ramp, warm-up, window and what follows it.
const LIFE: u64 = 80;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn tick(n: u64) -> Vec<u8> {
    let event = format!("event: tick\ndata: {{\"n\":{n}}}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into()
}

/// A right stream, its schedule altered: tick `n` is sent `late(n)` after it is due.
fn stream(late: impl Fn(u64) -> Duration) -> Vec<Act> {
    let head = [Act::Send(HEAD.into())];
    let ticks = (1..=LIFE).flat_map(|n| [Act::Until(TICK * (n as u32 - 1) + late(n)), Act::Send(tick(n))]);
    head.into_iter().chain(ticks).collect()
}

fn in_time(_: u64) -> Duration {
    Duration::ZERO
}

fn lateness(outcome: &Outcome) -> Histogram {
    Histogram::decode(&outcome.response_time).unwrap()
}

#[test]
fn every_tick_of_every_stream_is_counted_once() {
    let server = Server::start(|_| stream(in_time));
    let mut open = Vec::new();
    let mut spec = subscribe(server.url("/live"), 16);
    (spec.window_ms, spec.series_interval_ms) = (2_000, 500);
    let outcome = run_with(spec, |event| {
        if let Event::Progress { completed, errors, in_flight, p50_ms, .. } = event {
            assert!(completed > 0 && p50_ms.is_some(), "{event:?}");
            open.push((errors, in_flight));
        }
    });
    assert_eq!(outcome.completed, 16 * 2 * TICKS_IN_WINDOW, "{outcome:?}");
    assert_eq!((outcome.connections_wanted, outcome.connections_up, outcome.in_flight_at_end), (16, 16, 16));
    assert_eq!((server.connections(), server.requests()), (16, 16), "each asks once");
    // Those in time, as the rows have them. But for what lies across an edge: more on a machine that stands still
    // just then.
    let came: u64 = outcome.series.iter().map(|row| row.completed).sum();
    assert!((outcome.throughput_rps * 2.0 - came as f64).abs() < 1e-6, "{outcome:?}");
    assert!((outcome.throughput_rps - 320.0).abs() <= 64.0, "{outcome:?}");
    assert_eq!(lateness(&outcome).count(), outcome.completed);
    assert_eq!(Histogram::decode(&outcome.schedule_lag).unwrap().count(), 0);
    assert!(outcome.series.iter().all(|row| row.in_flight == 16 && row.p50_ms.is_some()), "{outcome:?}");
    assert!(!open.is_empty() && open.iter().all(|told| *told == (0, 16)), "{open:?}");
}

#[test]
fn streams_are_not_in_step() {
    // So long that a busy machine cannot hold half of them up into one tenth of it.
    const PERIOD: Duration = Duration::from_secs(1);
    let server = Server::start(|_| {
        let ticks = (1..=5_u32).flat_map(|n| [Act::Until(PERIOD * (n - 1)), Act::Send(tick(n.into()))]);
        [Act::Send(HEAD.into())].into_iter().chain(ticks).collect()
    });
    let mut spec = subscribe(server.url("/live"), 40);
    spec.load = Load::Subscribe { subscribers: 40, tick_ms: 1_000 };
    run(spec);
    // The first thing of each stream that the server sends is its head.
    let mut tenths = [0; 10];
    let mut came: Vec<_> = server.seen().iter().map(|seen| seen.came_ns).collect();
    came.sort_unstable();
    came.dedup();
    for came_ns in &came {
        tenths[(u128::from(*came_ns) % PERIOD.as_nanos() * 10 / PERIOD.as_nanos()) as usize] += 1;
    }
    assert_eq!(came.len(), 40);
    assert!(*tenths.iter().max().unwrap() <= 20, "{tenths:?}");
}

#[test]
fn a_late_tick_is_as_late_as_it_is_and_the_others_are_not() {
    once_in_three(a_late_tick);
}

fn a_late_tick() -> Result<(), String> {
    // The 12th, due 550 ms after the first, is in the window of every stream; it is late, the next is not.
    let late = Duration::from_millis(45);
    let server = Server::start(move |_| stream(|n| if n == 12 { late } else { Duration::ZERO }));
    let outcome = run(subscribe(server.url("/live"), 10));
    assert_eq!(outcome.completed, 10 * TICKS_IN_WINDOW, "{outcome:?}");
    let lateness = lateness(&outcome);
    // 10 of 200 ticks are late: one in twenty.
    let (p90, max) = (lateness.percentile_ms(0.9).unwrap(), lateness.max_ms().unwrap());
    let is_so = (45.0..200.0).contains(&max) && p90 < 30.0;
    is_so.then_some(()).ok_or_else(|| format!("p90 {p90} ms, max {max} ms"))
}

/// All streams stand still for 600 ms and then catch up. 20 ticks of a second, 12 of them in the freeze: each as
/// late as the freeze goes on, so 10 % of all are 500 ms late or more.
#[test]
fn a_server_that_freezes_is_late_with_every_tick_of_the_freeze() {
    once_in_three(a_freeze);
    once_in_three(a_freeze_beyond_the_timeout);
}

fn freezing() -> Server {
    Server::start(|_| {
        stream(|n| {
            let due = TICK * (n as u32 - 1);
            let thaw = Duration::from_millis(1_050);
            if due >= Duration::from_millis(450) { thaw.saturating_sub(due) } else { Duration::ZERO }
        })
    })
}

fn a_freeze() -> Result<(), String> {
    let server = freezing();
    let outcome = run(subscribe(server.url("/live"), 10));
    assert_eq!(outcome.completed, 10 * TICKS_IN_WINDOW, "{outcome:?}");
    let lateness = lateness(&outcome);
    let (p90, max) = (lateness.percentile_ms(0.9).unwrap(), lateness.max_ms().unwrap());
    let is_so = (450.0..700.0).contains(&p90) && (600.0..800.0).contains(&max);
    is_so.then_some(()).ok_or_else(|| format!("p90 {p90} ms, max {max} ms"))
}

fn a_freeze_beyond_the_timeout() -> Result<(), String> {
    let server = freezing();
    let mut impatient = subscribe(server.url("/live"), 10);
    impatient.timeout_ms = 225;
    let outcome = run(impatient);
    assert_eq!(outcome.completed + outcome.timed_out, outcome.scheduled);
    assert!((lateness(&outcome).max_ms().unwrap() - 225.0).abs() < 0.5);
    // Late by 250, 300 … 600 ms: 8 ticks of each stream.
    let expected = 10 * 8;
    let is_so = outcome.timed_out.abs_diff(expected) <= 10;
    is_so.then_some(()).ok_or_else(|| format!("{outcome:?}"))
}

#[test]
fn ticks_of_the_window_are_waited_for_until_their_timeout() {
    // Those due between 800 and 2,000 ms come together; the window is over before 1,400 ms.
    let server = Server::start(|_| {
        stream(|n| {
            let due = TICK * (n as u32 - 1);
            let thaw = Duration::from_millis(2_000);
            if due >= Duration::from_millis(800) { thaw.saturating_sub(due) } else { Duration::ZERO }
        })
    });
    let outcome = run(subscribe(server.url("/live"), 4));
    assert_eq!(outcome.completed, 4 * TICKS_IN_WINDOW, "{outcome:?}");
    let (in_window, max_ms) = (outcome.throughput_rps, lateness(&outcome).max_ms().unwrap());
    assert!(in_window < 70.0 && max_ms > 1_000.0, "{outcome:?}");
}

#[test]
fn what_a_cut_stream_would_have_brought_has_failed() {
    let server = Server::start(|request| {
        let mut acts = stream(in_time);
        if request.nth < 3 {
            // After 14 ticks, in the window.
            acts.truncate(1 + 2 * 14);
            acts.push(Act::Close);
        }
        acts
    });
    let outcome = run(subscribe(server.url("/live"), 8));
    let lost = outcome.failed.get(&Failure::Reset).copied().unwrap_or_default();
    assert_eq!((outcome.failed.len(), outcome.completed + lost), (1, outcome.scheduled), "{outcome:?}");
    assert!((3..3 * TICKS_IN_WINDOW).contains(&lost), "{outcome:?}");
    assert_eq!((outcome.connections_up, outcome.in_flight_at_end), (8, 5));
    assert_eq!(server.connections(), 8, "nobody comes back");
    let by_row = outcome.series.iter().map(|row| row.failed).sum::<u64>();
    assert_eq!(by_row, lost, "ticks fail when they are due");
}

#[test]
fn a_server_that_refuses_some_is_up_for_the_others() {
    let server = Server::start(|request| match request.nth % 4 {
        0 => vec![Act::Send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".into())],
        _ => stream(in_time),
    });
    // Waiting for all connections takes its 5 s, longer than the streams of the other tests.
    let mut spec = subscribe(server.url("/live"), 12);
    (spec.window_ms, spec.timeout_ms) = (100, 200);
    let outcome = run(spec);
    assert_eq!(outcome.failed.get(&Failure::Status), Some(&(3 * 2)), "{outcome:?}");
    assert_eq!((outcome.connections_up, outcome.in_flight_at_end), (9, 9), "{outcome:?}");
    assert!(outcome.first_wrong.unwrap().starts_with("HTTP/1.1 503"));
}

#[test]
fn nobody_listens_is_refused_and_nobody_answers_is_unsent() {
    let (_its_port, nobody) = nobody();
    let silent = Server::start(|_| vec![Act::Hang]);
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| run(subscribe(nobody, 4)));
        let unsent = run(subscribe(silent.url("/live"), 4));
        assert_eq!((unsent.unsent, unsent.connections_up), (4 * TICKS_IN_WINDOW, 0), "{unsent:?}");
        let refused = refused.join().unwrap();
        assert_eq!(refused.failed.get(&Failure::Refused), Some(&(4 * TICKS_IN_WINDOW)), "{refused:?}");
    });
}

#[test]
fn a_stream_that_skips_or_repeats_a_number_is_a_wrong_body() {
    for number in [15, 13] {
        let server = Server::start(move |_| {
            let mut acts = stream(in_time);
            acts[2 * 14] = Act::Send(tick(number));
            acts
        });
        let outcome = run(subscribe(server.url("/live"), 4));
        let wrong = outcome.failed.get(&Failure::WrongBody).copied().unwrap_or_default();
        assert!(wrong >= 4 && outcome.completed + wrong == outcome.scheduled, "{outcome:?}");
        let said = format!("not tick 14 but {{\"n\":{number}}}");
        assert_eq!(outcome.first_wrong.as_deref(), Some(&*said));
        assert_eq!(outcome.in_flight_at_end, 0);
    }
}

#[test]
fn a_server_that_ticks_faster_than_it_is_said_to_is_told_so() {
    let server = Server::start(|_| stream(|n| Duration::ZERO.saturating_sub(TICK * n as u32)));
    let ever = Act::Send((1..=10_000).flat_map(tick).collect());
    let flood = Server::start(move |_| vec![Act::Send(HEAD.into()), ever.clone()]);
    for server in [server, flood] {
        let mut spec = subscribe(server.url("/live"), 2);
        if let Load::Subscribe { tick_ms, .. } = &mut spec.load {
            *tick_ms = 200;
        }
        let outcome = run(spec);
        assert_eq!(outcome.failed.get(&Failure::WrongBody), Some(&outcome.scheduled), "{outcome:?}");
        let said = outcome.first_wrong.unwrap();
        assert!(said.contains("too soon for one every 200 ms"), "{said}");
    }
}

#[test]
fn events_come_in_any_pieces_and_among_others() {
    let server = Server::start(|_| {
        let mut acts = stream(in_time);
        let hint = ": still here\r\n\r\nevent: other\r\ndata: 1\r\n\r\n";
        let chunk = format!("{:x};x=y\r\n{hint}\r\n", hint.len());
        acts.insert(5, Act::Send(chunk.into()));
        let bytes = |bytes: Vec<u8>| bytes.into_iter().map(|byte| Act::Send(vec![byte])).collect();
        acts.into_iter()
            .flat_map(|act| match act {
                Act::Send(text) => bytes(text),
                other => vec![other],
            })
            .collect()
    });
    let outcome = run(subscribe(server.url("/live"), 4));
    assert_eq!(outcome.completed, 4 * TICKS_IN_WINDOW, "{outcome:?}");
}
