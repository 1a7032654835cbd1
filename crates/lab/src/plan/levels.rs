//! From a load of an experiment to its levels: which load exactly, for how long, and how long a request
//! waits under it.

use anyhow::bail;
use loadgen::protocol::Shape;

use super::{Host, Options};
use crate::cell::{default_pool, pool_threads, server_flags};
use crate::experiment::{Experiment, Kind, Levels, Load, Open, Part, Rate, Target, Use};
use crate::results::{self, Mode};
use crate::wait;

/// Where the thread budget does not end a doubling, this does.
const MOST_CLIENTS: u64 = 16_384;

/// One load level, with times of its own.
#[derive(Debug)]
pub(super) struct Level<'a> {
    pub(super) load: results::Load,
    /// Everything that it asks for.
    pub(super) targets: Vec<&'a Target>,
    pub(super) mix: &'a [Part],
    pub(super) window_ms: u64,
    /// The wait of one request by design, where it is known.
    pub(super) wait_ms: Option<f64>,
    /// More than a pool can serve is what the experiment is after.
    pub(super) may_overload: bool,
    /// Of slow clients only.
    pub(super) byte_every_ms: Option<u64>,
}

/// The levels of a load.
///
/// # Errors
/// When it asks for something impossible.
pub(super) fn of<'a>(
    load: &'a Load,
    experiment: &'a Experiment,
    options: &Options,
    host: &Host,
) -> anyhow::Result<Vec<Level<'a>>> {
    let targets = experiment.targets(load);
    // Requests that wait differently have no wait of their own.
    let wait_ms = match targets.as_slice() {
        [one] => wait::nominal_ms(&one.route, &experiment.upstream)?,
        _ => None,
    };
    let route = load.mixed().unwrap_or_else(|| experiment.target(load).text.clone());
    let level = |mode, clients, keep_alive| Level {
        load: results::Load { mode, clients, rate_rps: None, route: route.clone(), keep_alive, shape: None },
        targets: targets.clone(),
        mix: &load.mix,
        window_ms: experiment.window_ms,
        wait_ms,
        may_overload: true,
        byte_every_ms: None,
    };
    let uses = experiment.rungs.iter().filter(|one| load.is_for(one.rung));
    Ok(match &load.kind {
        Kind::Closed(closed) => {
            let counts = match &closed.clients {
                Levels::Given(given) => given.iter().map(|clients| clients.0).collect(),
                Levels::Computed(_) => doubling(uses, experiment.side_by_side, options, host),
            };
            counts.into_iter().map(|clients| level(Mode::Closed, clients, closed.keep_alive)).collect()
        }
        Kind::Open(open) => {
            let rate_rps = match open.rate {
                Rate::Rps(rate) => rate.0,
                Rate::Utilisation(share) => share.0 * smallest_pool_rps(uses, wait_ms, host)?,
            };
            let level = level(Mode::Open, u32::try_from(open.connections)?, open.keep_alive);
            let window_ms = long_enough(open, rate_rps, experiment)?;
            // Whoever names a utilisation over 1 means it.
            let may_overload = matches!(open.rate, Rate::Utilisation(_));
            let shape = Some(open.shape).filter(|shape| *shape != Shape::Steady);
            let load = results::Load { rate_rps: Some(rate_rps), shape, ..level.load };
            vec![Level { load, window_ms, may_overload, ..level }]
        }
        Kind::Subscribers(subscribers) => {
            subscribers.counts.iter().map(|count| level(Mode::Subscribers, count.0, true)).collect()
        }
        Kind::Slow(slow) => {
            let slow_level = |count: &crate::experiment::Clients| {
                let level = level(Mode::Slow, count.0, true);
                // What they ask for is waited for least of all.
                Level { byte_every_ms: Some(slow.byte_every_ms), wait_ms: None, ..level }
            };
            slow.counts.iter().map(slow_level).collect()
        }
    })
}

/// 1, 2, 4 and so on, as far as all rungs may go.
fn doubling<'a>(
    uses: impl Iterator<Item = &'a Use> + Clone,
    side_by_side: bool,
    options: &Options,
    host: &Host,
) -> Vec<u32> {
    let at_once = if side_by_side { uses.clone().count() as u64 } else { 1 };
    let most = |one: &Use| host.limits.connection_budget(one.rung, options.allow_threads).in_flight / at_once;
    let most = uses.map(most).min().unwrap_or(1).clamp(1, MOST_CLIENTS);
    let doubling = std::iter::successors(Some(1_u32), |clients| clients.checked_mul(2));
    doubling.take_while(|clients| u64::from(*clients) <= most).collect()
}

fn smallest_pool_rps<'a>(
    uses: impl Iterator<Item = &'a Use>,
    wait_ms: Option<f64>,
    host: &Host,
) -> anyhow::Result<f64> {
    let Some(wait_ms) = wait_ms else {
        bail!("a rate given as utilisation needs a route whose wait is known, such as /wait/100");
    };
    let pools = uses.filter_map(|one| {
        let flags = server_flags(one.rung, &one.flags, host.cpus, host.server_cpus);
        pool_threads(one.rung, &flags)
    });
    // Without a pool among the rungs: what one of the usual size would serve, so that rates stay comparable.
    let threads = pools.min().unwrap_or(default_pool(host.cpus));
    Ok(threads as f64 / wait_ms * 1_000.0)
}

/// The window that an open load needs for its samples.
fn long_enough(open: &Open, rate_rps: f64, experiment: &Experiment) -> anyhow::Result<u64> {
    let samples = open.samples;
    let for_samples_ms = samples as f64 / experiment.blocks as f64 / rate_rps * 1_000.0;
    // No rate is so low that a window needs more than an hour; that is a mistake in the file.
    if for_samples_ms > 3_600_000.0 {
        bail!("{samples} samples at {rate_rps:.3} requests/s take over an hour a trial");
    }
    Ok(experiment.window_ms.max(for_samples_ms.ceil() as u64))
}
