//! Traces: what is in them, who has them when, and that the text of one reads as it was.

use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::timing::UpstreamTime;

fn asked() -> Tracing {
    let (sent_at, tracing) = Tracing::asked(Some("5;trace"));
    assert_eq!(sent_at, Some("5"));
    tracing
}

fn trace(tracing: &Tracing) -> Trace {
    let mut headers = Vec::new();
    tracing.note(&mut headers);
    let [(TRACE, value)] = &headers[..] else { panic!("{headers:?}") };
    value.parse().unwrap()
}

/// Uses the CPU.
fn work(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::black_box(0);
    }
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn who_does_not_ask_gets_none() {
    for value in [None, Some("5"), Some("trace"), Some("5;traced")] {
        let (sent_at, mut tracing) = Tracing::asked(value);
        assert_eq!(sent_at, value);
        tracing.around(|| {
            assert!(matches!(Tracing::handed_over(), Tracing::Unasked));
            mark();
        });
        let mut headers = Vec::new();
        tracing.note(&mut headers);
        assert!(headers.is_empty() && matches!(tracing, Tracing::Unasked), "{value:?}");
    }
}

/// A view of a blocking server: it computes, calls a service that takes 30 ms, and computes again.
#[test]
fn a_call_is_waiting_and_what_surrounds_it_is_running() {
    let mut tracing = asked();
    let began = monotonic_ns();
    let (asking, answered) = tracing.around(|| {
        work(3 * MS);
        let asking = monotonic_ns();
        let time = UpstreamTime::default();
        let call = time.call();
        thread::sleep(30 * MS);
        drop(call);
        let answered = monotonic_ns();
        work(3 * MS);
        (asking, answered)
    });
    let Trace { entered_ns, left_ns, ran_ns, complete, .. } = trace(&tracing);
    assert!(began <= entered_ns && left_ns <= monotonic_ns() && complete);
    assert!(ran_ns.iter().all(|(from, to)| entered_ns <= *from && from < to && *to <= left_ns), "{ran_ns:?}");
    assert!(ran_ns.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{ran_ns:?}");
    let ran: u64 = ran_ns.iter().map(|(from, to)| to - from).sum();
    assert!(
        left_ns - entered_ns - ran >= 29_000_000,
        "of 30 ms of waiting: {ran_ns:?} in {}",
        left_ns - entered_ns
    );
    assert!(ran_ns.iter().any(|(from, _)| *from < asking), "before the call: {ran_ns:?}");
    assert!(ran_ns.iter().any(|(from, _)| *from >= answered - 1_000_000), "after it: {ran_ns:?}");
}

/// Two requests on one thread, polled in turns, as an event loop does.
#[test]
fn between_two_polls_the_thread_is_anothers() {
    let (mut one, mut other) = (asked(), asked());
    for _ in 0..3 {
        one.around(|| work(MS));
        other.around(|| work(MS));
    }
    let (one, other) = (trace(&one), trace(&other));
    assert_eq!(one.thread, other.thread);
    assert!(one.entered_ns < other.entered_ns && other.entered_ns < one.left_ns, "both were there at once");
    let mut all: Vec<_> = one.ran_ns.iter().chain(&other.ran_ns).collect();
    all.sort();
    assert_eq!(all.len(), 6);
    assert!(all.windows(2).all(|pair| pair[0].1 <= pair[1].0), "never at the same time: {all:?}");
}

#[test]
fn threads_have_numbers_of_their_own() {
    let number = || {
        let mut tracing = asked();
        tracing.around(|| ());
        trace(&tracing).thread
    };
    let here = number();
    assert_eq!(number(), here);
    let elsewhere = thread::scope(|scope| scope.spawn(number).join().unwrap());
    assert_ne!(elsewhere, here);
}

/// As `offload` has it: a loop carries a request, and another thread answers it.
#[test]
fn the_thread_that_answered_is_the_one_that_is_named() {
    let mut host = asked();
    let mut headers = Vec::new();
    let answering = host.around(|| {
        let mut tracing = Tracing::handed_over();
        thread::scope(|scope| scope.spawn(|| tracing.around(|| work(MS))).join().unwrap());
        tracing.note(&mut headers);
        trace(&tracing)
    });
    host.note(&mut headers);
    let [(TRACE, said)] = &headers[..] else { panic!("{headers:?}") };
    assert_eq!(said.parse(), Ok(answering.clone()));
    assert_ne!(answering.thread, trace(&host).thread);
}

#[test]
fn more_stretches_than_fit_are_left_out_and_that_is_said() {
    let mut tracing = asked();
    for _ in 0..=MOST_STRETCHES {
        tracing.around(|| work(Duration::from_micros(20)));
    }
    let trace = trace(&tracing);
    assert_eq!((trace.ran_ns.len(), trace.complete), (MOST_STRETCHES, false));
}

#[test]
fn a_trace_reads_as_it_was_written() {
    let trace = Trace {
        thread: 3,
        entered_ns: 81_000,
        left_ns: 95_500,
        ran_ns: vec![(81_000, 82_250), (95_000, 95_400)],
        complete: true,
    };
    assert_eq!(trace.to_string(), "thread=3; entered=81000; left=95500; ran=0-1250, 14000-14400");
    for trace in
        [trace.clone(), Trace { complete: false, ..trace.clone() }, Trace { ran_ns: vec![], ..trace }]
    {
        assert_eq!(trace.to_string().parse(), Ok(trace));
    }
    for wrong in [
        "",
        "thread=3",
        "thread=3; entered=1; left=2",
        "thread=3; entered=1; left=2; ran=5",
        "thread=3; entered=1; left=2; ran=0-1; more",
        "thread=-1; entered=1; left=2; ran=",
        "thread=3; entered=18446744073709551615; left=2; ran=1-2",
    ] {
        assert_eq!(wrong.parse::<Trace>(), Err(NoTrace), "{wrong}");
    }
}
