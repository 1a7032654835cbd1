//! The recorded trial: some requests at the same moment, each of which says on which thread it was, when that ran
//! for it and when it waited.
//!
//! It has fresh servers of its own, so that what it costs to tell is in no figure, and it measures nothing: the
//! clients are threads of the lab, and one round is no sample. `handlers::trace` says what a server tells, and
//! `report/lanes.rs` what becomes of it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use handlers::timing::SENT_AT;
use handlers::trace::{ASKS, TRACE, Trace};
use loadgen::clock::{monotonic_ns, sleep_until_ns};

use crate::cell::Cell;
use crate::contract::http::{Connection, Request};
use crate::plan::{Recording, of_cell};
use crate::process::{exit_text, said};
use crate::progress::Progress;
use crate::results::{Carried, Lanes};
use crate::trial::{self, Bench, Side, at_once};

/// Records what was planned. A server that fails has no requests, and a reason; all others go on.
///
/// # Errors
/// When somebody asked the lab to stop.
pub(crate) fn record(
    recording: &Recording,
    bench: &Bench<'_>,
    progress: &Progress,
) -> anyhow::Result<Vec<Lanes>> {
    let groups: Vec<&[Cell]> = match recording.side_by_side {
        true => vec![&recording.cells[..]],
        false => recording.cells.chunks(1).collect(),
    };
    let mut all = Vec::new();
    for cells in groups {
        let who: Vec<String> = cells.iter().map(Cell::who).collect();
        progress.now(&format!("recording {} requests on {}", recording.requests, who.join(", ")));
        // All are up before the first one is asked: starting takes the CPU from others.
        let ready = at_once(cells.iter().collect(), |cell| trial::started(Side::start(cell, bench)))?;
        all.extend(at_once(cells.iter().zip(ready).collect(), |(cell, side)| Ok(recorded(cell, side)))?);
    }
    all.extend(recording.left_out.iter().cloned());
    for Lanes { experiment, rung, failed, requests, .. } in &all {
        progress.line(&match failed {
            None => format!("{experiment}: {} requests recorded on {rung}", requests.len()),
            Some(why) => format!("{experiment}: {rung} not recorded: {why}"),
        });
    }
    Ok(all)
}

fn recorded(cell: &Cell, side: Result<Side, String>) -> Lanes {
    match side.and_then(|side| asked(cell, side)) {
        Ok(requests) => Lanes { requests, ..of_cell(cell) },
        Err(failed) => Lanes { failed: Some(failed), ..of_cell(cell) },
    }
}

fn asked(cell: &Cell, mut side: Side) -> Result<Vec<Carried>, String> {
    let patience = Duration::from_millis(cell.timeout_ms);
    let first = side.first.as_ref().map_err(|reason| format!("the first request failed: {reason}"))?;
    let answer = first.load.body.as_deref();
    let asked = ask(side.addr, &cell.load.route, cell.load.clients, patience, answer);
    let ended = match &asked {
        Ok(_) => None,
        // Why it did not answer, should that be the reason; it may be about to end.
        Err(_) => side.server.wait(Duration::from_millis(300)),
    };
    side.server.end();
    asked.map_err(|error| match ended {
        Some(ended) => format!("the server ended, {}{}", exit_text(ended.status), said(&side.server.log())),
        None => format!("{error:#}"),
    })
}

/// Before the moment at which all send: for all threads to be there.
const TOGETHER_NS: u64 = 20_000_000;

/// Sends so many requests to a server at the same moment, each over a connection of its own, and puts together what
/// their traces and their clients say. In the order of sending.
///
/// # Errors
/// When one is not answered with status 200 and, where it is known, the right body; or its trace cannot be.
pub fn ask(
    addr: SocketAddr,
    route: &str,
    requests: u32,
    patience: Duration,
    answer: Option<&str>,
) -> anyhow::Result<Vec<Carried>> {
    let warm: Vec<_> = (0..requests).map(|_| warmed(addr, patience)).collect::<anyhow::Result<_>>()?;
    let due_ns = monotonic_ns() + TOGETHER_NS;
    let mut seen = at_once(warm, |connection| {
        sleep_until_ns(due_ns);
        let connection = connection.map_or_else(|| Connection::open(addr, patience), Ok)?;
        one(connection, route, answer)
    })?;
    seen.sort_by_key(|seen| seen.sent_ns);
    let begin_ns = seen.first().map_or(0, |first| first.sent_ns);
    Ok(seen.iter().map(|seen| seen.since(begin_ns)).collect())
}

/// A connection that has been answered before, so that nobody's waiting is that of being accepted; `None` where the
/// server answers once on each. They come one after the other: of those that come at once `tiny_http` may forget some.
fn warmed(addr: SocketAddr, patience: Duration) -> anyhow::Result<Option<Connection>> {
    let mut connection = Connection::open(addr, patience).context("a client could not connect")?;
    let reply = connection.exchange(&Request::get("/hello")).context("a first /hello was not answered")?;
    let is_over = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok((!is_over).then_some(connection))
}

/// A request as client and server saw it.
struct Seen {
    sent_ns: u64,
    trace: Trace,
    answered_ns: u64,
}

fn one(mut connection: Connection, route: &str, answer: Option<&str>) -> anyhow::Result<Seen> {
    let sent_ns = monotonic_ns();
    let request = Request::get(route).header(SENT_AT, &format!("{sent_ns}{ASKS}"));
    let sent = connection.send(&request.to_bytes());
    let reply = sent.and_then(|()| connection.response(false)).context("a request was not answered")?;
    let answered_ns = monotonic_ns();
    if reply.status != 200 {
        bail!("a request was answered with status {}", reply.status);
    }
    if answer.is_some_and(|answer| answer.as_bytes() != reply.body) {
        bail!("a request was answered with another body than the first one");
    }
    let told = reply.header(TRACE).context("the server does not tell which thread had a request")?;
    let trace = told.parse().with_context(|| format!("{TRACE}: {told:?}"))?;
    Seen { sent_ns, trace, answered_ns }.checked()
}

impl Seen {
    /// What cannot have been is not drawn.
    fn checked(self) -> anyhow::Result<Self> {
        let Trace { entered_ns, left_ns, ran_ns, complete, .. } = &self.trace;
        let moments = ran_ns.iter().flat_map(|(from, to)| [*from, *to]);
        let moments: Vec<u64> = [self.sent_ns, *entered_ns]
            .into_iter()
            .chain(moments)
            .chain([*left_ns, self.answered_ns])
            .collect();
        if !moments.is_sorted() {
            bail!("the moments of a request are in no order that can be: {moments:?} ns");
        }
        if !complete {
            bail!("a view ran more often than its trace has room for");
        }
        Ok(self)
    }

    fn since(&self, begin_ns: u64) -> Carried {
        // To the microsecond: no clock call is quicker than a few hundredths of one.
        let ms = |ns: u64| (ns - begin_ns) as f64 / 1e6;
        let ms = |ns: u64| (ms(ns) * 1_000.0).round() / 1_000.0;
        let Trace { thread, entered_ns, left_ns, ran_ns, .. } = &self.trace;
        Carried {
            thread: *thread,
            sent_ms: ms(self.sent_ns),
            entered_ms: ms(*entered_ns),
            ran_ms: ran_ns.iter().map(|(from, to)| (ms(*from), ms(*to))).collect(),
            left_ms: ms(*left_ns),
            answered_ms: ms(self.answered_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sent_ns: u64, ran_ns: &[(u64, u64)]) -> Seen {
        let trace =
            Trace { thread: 1, entered_ns: 2_000, left_ns: 9_000, ran_ns: ran_ns.to_vec(), complete: true };
        Seen { sent_ns, trace, answered_ns: 10_000 }
    }

    #[test]
    fn what_cannot_have_been_is_refused() {
        assert!(seen(1_000, &[(2_000, 3_000), (5_000, 9_000)]).checked().is_ok());
        for wrong in [
            seen(2_001, &[]),
            seen(1_000, &[(1_999, 3_000)]),
            seen(1_000, &[(2_000, 3_000), (2_999, 4_000)]),
            seen(1_000, &[(8_000, 9_001)]),
        ] {
            assert!(wrong.checked().is_err());
        }
        let mut cut = seen(1_000, &[]);
        cut.trace.complete = false;
        assert!(cut.checked().is_err());
    }

    #[test]
    fn times_are_milliseconds_since_the_first_was_sent() {
        let carried = seen(1_000, &[(2_000, 3_499)]).since(1_000);
        assert_eq!((carried.sent_ms, carried.entered_ms), (0.0, 0.001));
        assert_eq!(
            (carried.ran_ms, carried.left_ms, carried.answered_ms),
            (vec![(0.001, 0.002)], 0.008, 0.009)
        );
    }
}
