//! A recorded load, played again through an ideal queue: does a pool of K threads behave like the queue that
//! textbooks draw?
//!
//! Erlang's formula is about the long run, and the mean of a few seconds may be far from it without anybody being
//! wrong. A replay is about *these* seconds: it takes the arrivals and service times as they were and computes
//! when each request would have begun had there been nothing but K servers and one line, first come first served.
//! So chance is the same on both sides, and what differs is the server: whatever it adds to the queue.
//!
//! What is an arrival, a service and a wait here, and what the replay leaves out on purpose:
//!
//! | | from | to |
//! | --- | --- | --- |
//! | arrival | the client begins to send | |
//! | wait | the arrival | the view is entered, on a thread of the pool |
//! | service | the view is entered | the view is left, with what it waited for |
//! | left out | | accepting, reading and parsing the head, handing it to a thread, waking that; and what the thread still does after the view: the head and body of the reply, writing them, taking the next request |
//!
//! The first of those that are left out come on top of every wait: some 0.14 ms in the median on a virtual machine
//! with two cores, where a thread was free. The last hold a thread for longer than its view takes, seen there as 0.07
//! ms from the end of one view to the begin of the next while others wait. That is nothing to a wait that is alone, but
//! at ρ = 0.9 it makes all queues longer by about 1 %. Together they are the difference that `findings::pool` reports.
//! (A service up to the answer's arrival would hold the network and the generator's turn as well, and play too long
//! a queue wherever the generator is busy.)
//!
//! The recursion is that of J. Kiefer and J. Wolfowitz, "On the theory of queues with many servers", Transactions
//! of the AMS 78, 1955: the state is the moments at which the servers are free again, and who comes next gets the
//! earliest. With one server it is D. V. Lindley's, "The theory of queues with a single server", Mathematical
//! Proceedings of the Cambridge Philosophical Society 48, 1952.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use loadgen::protocol::{Recorded, Recording};

use crate::output;
use crate::results::Replay;

/// How long each arrival waits for one of so many servers. `arrivals` are moments and service times in one unit,
/// in the order of the moments.
///
/// With no server nobody ever begins, and nobody's wait is known: there is nothing then.
pub fn waits(servers: u32, arrivals: impl IntoIterator<Item = (u64, u64)>) -> impl Iterator<Item = u64> {
    // All are free from the beginning of time.
    let mut free_at: BinaryHeap<Reverse<u64>> = (0..servers).map(|_| Reverse(0)).collect();
    arrivals.into_iter().map_while(move |(arrives, service)| {
        let mut earliest = free_at.peek_mut()?;
        let begins = arrives.max(earliest.0);
        *earliest = Reverse(begins + service);
        Some(begins - arrives)
    })
}

/// Plays a recording and compares, over the requests that were due in the window.
pub(crate) fn of(recording: &Recording, servers: u32) -> Replay {
    let measured = |waits: &mut dyn Iterator<Item = u64>| {
        let pairs = recording.requests.iter().zip(waits);
        mean_ms(pairs.filter(|(one, _)| one.due_us >= recording.window_us).map(|(_, wait_us)| wait_us))
    };
    let in_window = recording.requests.iter().filter(|one| one.due_us >= recording.window_us);
    Replay {
        servers,
        requests: in_window.count() as u64,
        missing: recording.missing,
        waited_ms: measured(&mut recording.requests.iter().map(|one| one.wait_us)),
        replayed_ms: if recording.missing == 0 {
            measured(&mut waits(servers, recording.requests.iter().map(arrival)))
        } else {
            None
        },
        file: None,
    }
}

/// Writes the requests of a recording for whoever wants to play them, one a line; `benches/README.md` documents the
/// columns.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, recording: &Recording, servers: u32) -> anyhow::Result<()> {
    let mut text = String::from(COLUMNS);
    let mut replayed = waits(servers, recording.requests.iter().map(arrival));
    for one in &recording.requests {
        let Recorded { due_us, sent_us, wait_us, view_us, upstream_us, response_us } = one;
        let in_window = u8::from(*due_us >= recording.window_us);
        let replayed_us = replayed.next().filter(|_| recording.missing == 0);
        let replayed_us = replayed_us.map(|wait_us| wait_us.to_string()).unwrap_or_default();
        // Writing to memory cannot fail.
        let _ = writeln!(
            text,
            "{due_us},{sent_us},{wait_us},{view_us},{upstream_us},{response_us},{in_window},{replayed_us}"
        );
    }
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| output::replace(path, text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

const COLUMNS: &str = "due_us,sent_us,wait_us,view_us,upstream_us,response_us,in_window,replayed_wait_us\n";

fn arrival(one: &Recorded) -> (u64, u64) {
    (one.sent_us, one.view_us)
}

fn mean_ms(times_us: impl Iterator<Item = u64>) -> Option<f64> {
    let (count, total_us) = times_us.fold((0_u64, 0_u128), |(n, sum), us| (n + 1, sum + u128::from(us)));
    (count > 0).then(|| total_us as f64 / count as f64 / 1e3)
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
