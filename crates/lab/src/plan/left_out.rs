//! Cells that are not run: they would measure nothing, or more than this machine should be asked for.

use super::levels::Level;
use super::{Host, Options};
use crate::cell::{Cell, pool_threads};
use crate::confine::CAN_CONFINE;
use crate::limits::THREAD_BUDGET;
use crate::results::{Mode, NotRun};

/// Why a cell is left out: the line that bounds it, where that is the reason, and a sentence.
type Reason = (Option<f64>, String);

/// Those that are run, and those that are not. `at_once` cells run side by side.
pub(super) fn sorted(
    cells: Vec<Cell>,
    level: &Level<'_>,
    at_once: u64,
    options: &Options,
    host: &Host,
) -> (Vec<Cell>, Vec<NotRun>) {
    let mut not_run = Vec::new();
    let run = cells.into_iter().filter(|cell| {
        let reason = beyond_any_generator(cell)
            .or_else(|| too_slow(cell, level))
            .or_else(|| too_many_connections(cell, at_once, options, host))
            .or_else(|| too_many_ports(cell, host))
            .or_else(|| cannot_confine(cell));
        let Some((bound_rps, reason)) = reason else { return true };
        let (rung, variant) = (cell.rung.name.to_owned(), cell.variant.clone());
        not_run.push(NotRun { rung, variant, load: cell.load.clone(), bound_rps, reason });
        false
    });
    (run.collect(), not_run)
}

/// A rate that one core's load generator cannot keep, whatever the server: the trial would be about the
/// generator. And one so low that hardly a request is due in a window measures nothing at all.
fn beyond_any_generator(cell: &Cell) -> Option<Reason> {
    let rate_rps = cell.load.rate_rps?;
    let most_rps = rate_rps * cell.load.shape.map_or(1.0, |shape| shape.times().max(1.0));
    let due = rate_rps * cell.window_ms as f64 / 1_000.0;
    let reason = if most_rps > MOST_RPS {
        format!("{most_rps:.0} requests/s are more than a load generator on one core sends ({MOST_RPS:.0})")
    } else if due < 1.0 {
        format!(
            "{due:.2} requests are due in a window of {:.1} s; a higher rate or a longer window has some",
            cell.window_ms as f64 / 1_000.0
        )
    } else {
        return None;
    };
    Some((None, reason))
}

/// About what the generator reaches against a server that costs nothing (`loadgen/examples/per_cpu_second.rs`),
/// with something to spare for faster machines.
const MOST_RPS: f64 = 300_000.0;

/// Threads / wait bounds a pool, and capacity / wait whatever stands before services that serve so many at a
/// time. A window that is not even two answers long would measure its own edges, and a rate that nobody can
/// serve the length of a queue.
fn too_slow(cell: &Cell, level: &Level<'_>) -> Option<Reason> {
    let wait_ms = cell.wait_ms?;
    // (A server refuses to have none.)
    let threads =
        pool_threads(cell.rung, &cell.flags).filter(|threads| *threads > 0).map(|threads| match threads {
            1 => (1, "1 thread serves".to_owned()),
            more => (more, format!("{more} threads serve")),
        });
    let capacity = cell.upstream.as_ref().and_then(|upstream| upstream.capacity);
    let capacity = capacity.map(|places| (places, format!("services that take {places} at a time serve")));
    let (slots, who_serves) = threads.into_iter().chain(capacity).min_by_key(|(slots, _)| *slots)?;
    let bound_rps = slots as f64 / wait_ms * 1_000.0;
    let bound = format!("{who_serves} at most {bound_rps:.0} requests/s here");
    let reason = match (cell.load.mode, cell.load.rate_rps) {
        (Mode::Open, Some(rate_rps)) => (rate_rps >= bound_rps && !level.may_overload)
            .then(|| format!("{bound}, and {rate_rps:.0} are due"))?,
        _ => {
            let rounds = (f64::from(cell.load.clients) / slots as f64).max(1.0);
            let answer_ms = wait_ms * rounds;
            let is_long = answer_ms > cell.window_ms as f64 / 2.0;
            let seconds = answer_ms / 1_000.0;
            is_long.then(|| {
                format!("{bound}, so that an answer takes {seconds:.1} s, more than half of the window")
            })?
        }
    };
    Some((Some(bound_rps), reason))
}

fn too_many_connections(cell: &Cell, at_once: u64, options: &Options, host: &Host) -> Option<Reason> {
    let most = host.limits.connection_budget(cell.rung, options.allow_threads);
    let bystanders = cell.bystander.as_ref().map_or(0, |bystander| bystander.connections);
    let wanted = (u64::from(cell.load.clients) + bystanders) * at_once;
    if wanted <= most.in_flight {
        return None;
    }
    let remedy = match most.because {
        THREAD_BUDGET => "--allow-threads runs it all the same",
        _ => "`cargo lab doctor` says how to raise it",
    };
    let reason = format!(
        "{wanted} connections are more than the {} that are safe here ({}); {remedy}",
        most.in_flight, most.because
    );
    Some((None, reason))
}

/// Without keep-alive each request takes a port, which the client's end keeps for a minute if it was the
/// first to close. (Where the server was, the entry stands on the server's side: its port is new in each
/// trial, and the kernel takes a client's next connection over such an entry, so nothing runs out.) How
/// often a closed loop connects is known only afterwards; there, running out makes the trial void.
fn too_many_ports(cell: &Cell, host: &Host) -> Option<Reason> {
    let rate_rps = cell.load.rate_rps.filter(|_| !cell.load.keep_alive)?;
    let seconds = ((cell.warm_up_ms + cell.window_ms) as f64 / 1_000.0).min(60.0);
    let (wanted, most) = ((rate_rps * seconds).ceil() as u64, host.limits.client_ports()?);
    (wanted > most).then(|| {
        let text = format!(
            "a connection for each of {rate_rps:.0} requests/s takes {wanted} ports, and clients have {most} here; a lower \
             rate or a shorter window needs fewer"
        );
        (None, text)
    })
}

fn cannot_confine(cell: &Cell) -> Option<Reason> {
    let wanted = cell.server.is_confined() && !CAN_CONFINE;
    wanted.then(|| (None, "this system cannot limit another process".into()))
}
