//! From experiments to trials: which cells, in what order, for how long, and which ones not, and why.
//!
//! Everything is decided here, before anything starts, so that the lab can say what it is about to do.
//! `run.rs` carries it out.

use std::time::Duration;

use anyhow::{Context as _, bail};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::cell::{Cell, pool_threads, server_flags};
use crate::experiment::{Experiment, Levels, Load, Rate, Upstream, Use};
use crate::ladder::{self, Rung};
use crate::limits::{Limits, THREAD_BUDGET};
use crate::results::{self, Asked, Mode, NotRun};
use crate::wait;

/// What a run will do.
#[derive(Debug)]
pub struct Plan {
    /// In the order in which they run.
    pub experiments: Vec<Planned>,
}

/// One experiment's share of it.
#[derive(Debug)]
pub struct Planned {
    /// For the results; says what is left out, too.
    pub asked: Asked,
    /// One trial of each cell in each, in shuffled order.
    pub blocks: Vec<Vec<Step>>,
}

/// What runs at one time: a trial, or several side by side.
#[derive(Debug, Clone)]
pub struct Step {
    /// Each with a server of its own.
    pub cells: Vec<Cell>,
}

/// What the command line says about a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// One block, short windows.
    pub quick: bool,
    /// More blocks, more levels.
    pub full: bool,
    /// So many blocks, whatever the experiment says.
    pub trials: Option<u64>,
    /// These rungs instead of the experiment's.
    pub rungs: Vec<&'static Rung>,
    /// Everything random follows from it.
    pub seed: u64,
    /// Lifts the thread budget.
    pub allow_threads: bool,
}

/// What the plan has to know of the machine.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// CPUs of everybody together; pools are sized by it.
    pub cpus: u64,
    /// CPUs of the server that is measured.
    pub server_cpus: u64,
    /// What may be taken.
    pub limits: Limits,
}

impl Plan {
    /// Makes one.
    ///
    /// # Errors
    /// When an experiment asks for something impossible.
    pub fn new(experiments: Vec<Experiment>, options: &Options, host: &Host) -> anyhow::Result<Self> {
        let one = |experiment: Experiment| {
            let name = experiment.name.clone();
            planned(experiment, options, host)
                .with_context(|| format!("the experiment {name} cannot be planned"))
        };
        Ok(Self { experiments: experiments.into_iter().map(one).collect::<anyhow::Result<_>>()? })
    }

    /// How long it will take, starting and stopping servers included.
    pub fn estimate(&self) -> Duration {
        self.experiments.iter().flat_map(|planned| &planned.blocks).flatten().map(Step::estimate).sum()
    }

    /// Number of trials.
    pub fn trials(&self) -> usize {
        self.experiments
            .iter()
            .flat_map(|planned| &planned.blocks)
            .flatten()
            .map(|step| step.cells.len())
            .sum()
    }
}

impl Step {
    /// How long it will take: seen on a laptop's two cores, rounded up.
    pub fn estimate(&self) -> Duration {
        let longest = self.cells.iter().map(|cell| {
            let clients_up = Duration::from_micros(300) * cell.load.clients;
            let first_request = Duration::from_secs_f64(cell.wait_ms.unwrap_or(0.0) / 1_000.0);
            clients_up + first_request + Duration::from_millis(cell.warm_up_ms + cell.window_ms)
        });
        longest.max().unwrap_or_default() + START_AND_STOP
    }
}

/// Two or three processes started, one asked to end.
const START_AND_STOP: Duration = Duration::from_millis(500);
/// Where the thread budget does not end a doubling, this does.
const MOST_CLIENTS: u64 = 16_384;

fn planned(experiment: Experiment, options: &Options, host: &Host) -> anyhow::Result<Planned> {
    let experiment = changed(experiment, options);
    let wait_ms = wait::nominal_ms(&experiment.route.route, &experiment.upstream)?;
    let mut asked = Asked {
        name: experiment.name.clone(),
        title: experiment.title.clone(),
        question: experiment.question.clone(),
        expect: experiment.expect.clone(),
        demonstration: experiment.demonstration,
        route: experiment.route.text.clone(),
        nominal_wait_ms: wait_ms,
        not_run: Vec::new(),
        stated: experiment.stated.clone(),
        decomposition: Vec::new(),
    };
    let mut levels = Vec::new();
    for load in &experiment.loads {
        for level in expanded(load, &experiment, wait_ms, options, host)? {
            let cells = experiment.rungs.iter().map(|one| cell(one, &level, &experiment, wait_ms, host));
            let (run, not_run) = sorted_out(cells.collect(), &experiment, options, host);
            asked.not_run.extend(not_run);
            levels.push(run);
        }
    }
    let mut rng = StdRng::seed_from_u64(options.seed ^ fingerprint(&experiment.name));
    let blocks =
        (0..experiment.blocks).map(|block| shuffled(&levels, block, experiment.side_by_side, &mut rng));
    Ok(Planned { asked, blocks: blocks.collect() })
}

fn changed(experiment: Experiment, options: &Options) -> Experiment {
    let changes = match (options.quick, options.full) {
        (true, _) => experiment.quick.clone(),
        (_, true) => experiment.full.clone(),
        _ => Default::default(),
    };
    let mut experiment = experiment.changed(&changes);
    experiment.blocks = match options.trials {
        Some(trials) => trials,
        None if options.quick => 1,
        None if options.full => experiment.blocks.max(FULL_BLOCKS),
        None => experiment.blocks,
    };
    if !options.rungs.is_empty() {
        let uses = |rung: &&'static Rung| {
            let known = experiment.rungs.iter().filter(|one| one.rung.name == rung.name);
            let known: Vec<Use> = known.cloned().collect();
            if known.is_empty() { vec![Use { rung, variant: None, flags: Vec::new() }] } else { known }
        };
        let mut wanted = options.rungs.clone();
        wanted.sort_by_key(|rung| ladder::place(rung));
        wanted.dedup();
        experiment.rungs = wanted.iter().flat_map(uses).collect();
    }
    experiment
}

/// With fewer, an interval says next to nothing.
const FULL_BLOCKS: u64 = 5;

/// One load level, with times of its own.
struct Level {
    load: results::Load,
    window_ms: u64,
}

fn expanded(
    load: &Load,
    experiment: &Experiment,
    wait_ms: Option<f64>,
    options: &Options,
    host: &Host,
) -> anyhow::Result<Vec<Level>> {
    let route = &experiment.route.text;
    let closed = |clients| Level {
        load: results::Load {
            mode: Mode::Closed,
            clients,
            rate_rps: None,
            route: route.clone(),
            keep_alive: true,
        },
        window_ms: experiment.window_ms,
    };
    match load {
        Load::Closed { clients: Levels::Given(levels) } => {
            Ok(levels.iter().map(|level| closed(level.0)).collect())
        }
        Load::Closed { clients: Levels::Computed(_) } => {
            let at_once = if experiment.side_by_side { experiment.rungs.len() as u64 } else { 1 };
            let most = |one: &Use| {
                host.limits.connection_budget(one.rung, options.allow_threads).in_flight / at_once
            };
            let most = experiment.rungs.iter().map(most).min().unwrap_or(1).min(MOST_CLIENTS);
            let doubling = std::iter::successors(Some(1_u32), |clients| clients.checked_mul(2));
            Ok(doubling.take_while(|clients| u64::from(*clients) <= most.max(1)).map(closed).collect())
        }
        Load::Open { rate, connections, samples } => {
            let rate_rps = match rate {
                Rate::Rps(rate) => rate.0,
                Rate::Utilisation(share) => share.0 * smallest_pool_rps(experiment, wait_ms, host)?,
            };
            let clients = u32::try_from(*connections)?;
            // No rate is so low that a window needs more than an hour; that is a mistake in the file.
            let for_samples_ms = *samples as f64 / experiment.blocks as f64 / rate_rps * 1_000.0;
            if for_samples_ms > 3_600_000.0 {
                bail!("{samples} samples at {rate_rps:.3} requests/s take over an hour a trial");
            }
            let load = results::Load {
                mode: Mode::Open,
                clients,
                rate_rps: Some(rate_rps),
                route: route.clone(),
                keep_alive: true,
            };
            Ok(vec![Level { load, window_ms: experiment.window_ms.max(for_samples_ms.ceil() as u64) }])
        }
    }
}

fn smallest_pool_rps(experiment: &Experiment, wait_ms: Option<f64>, host: &Host) -> anyhow::Result<f64> {
    let Some(wait_ms) = wait_ms else {
        bail!("a rate given as utilisation needs a route whose wait is known, such as /wait/100");
    };
    let pools = experiment.rungs.iter().filter_map(|one| {
        let flags = server_flags(one.rung, &one.flags, host.cpus, host.server_cpus);
        pool_threads(one.rung, &flags)
    });
    // Without a pool among the rungs: what one of the usual size would serve, so that rates stay comparable.
    let threads = pools.min().unwrap_or(crate::cell::default_pool(host.cpus));
    Ok(threads as f64 / wait_ms * 1_000.0)
}

fn cell(one: &Use, level: &Level, experiment: &Experiment, wait_ms: Option<f64>, host: &Host) -> Cell {
    Cell {
        experiment: experiment.name.clone(),
        rung: one.rung,
        variant: one.variant.clone(),
        flags: server_flags(one.rung, &one.flags, host.cpus, host.server_cpus),
        block: 0,
        order: 0,
        load: level.load.clone(),
        warm_up_ms: experiment.warm_up_ms,
        window_ms: level.window_ms,
        timeout_ms: experiment.timeout_ms,
        upstream: wait::calls_upstream(&experiment.route.route)
            .then(|| Upstream::clone(&experiment.upstream)),
        wait_ms,
        seed: 0,
    }
}

/// Takes out the cells that would measure nothing, or more than this machine should be asked for.
fn sorted_out(
    cells: Vec<Cell>,
    experiment: &Experiment,
    options: &Options,
    host: &Host,
) -> (Vec<Cell>, Vec<NotRun>) {
    let at_once = if experiment.side_by_side { cells.len() as u64 } else { 1 };
    let mut not_run = Vec::new();
    let run = cells.into_iter().filter(|cell| {
        let Some((bound_rps, reason)) = too_slow(cell).or_else(|| too_much(cell, at_once, options, host))
        else {
            return true;
        };
        let (rung, variant) = (cell.rung.name.to_owned(), cell.variant.clone());
        not_run.push(NotRun { rung, variant, load: cell.load.clone(), bound_rps, reason });
        false
    });
    (run.collect(), not_run)
}

/// Threads / wait bounds a pool; a window that is not even two answers long would measure its own edges.
fn too_slow(cell: &Cell) -> Option<(Option<f64>, String)> {
    let (wait_ms, threads) = (cell.wait_ms?, pool_threads(cell.rung, &cell.flags)?);
    let rounds = (f64::from(cell.load.clients) / threads as f64).max(1.0);
    let answer_ms = wait_ms * rounds;
    if cell.load.mode == Mode::Open || answer_ms <= cell.window_ms as f64 / 2.0 {
        return None;
    }
    let bound_rps = threads as f64 / wait_ms * 1_000.0;
    let reason = format!(
        "{threads} threads serve at most {bound_rps:.0} requests/s here, so that an answer takes {:.1} s, more than \
         half of the window",
        answer_ms / 1_000.0
    );
    Some((Some(bound_rps), reason))
}

fn too_much(cell: &Cell, at_once: u64, options: &Options, host: &Host) -> Option<(Option<f64>, String)> {
    let most = host.limits.connection_budget(cell.rung, options.allow_threads);
    let wanted = u64::from(cell.load.clients) * at_once;
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

/// A block: levels in random order, and for each level the rungs in random order, next to each other, so
/// that whatever drifts on this machine meets the rungs of a level alike.
fn shuffled(levels: &[Vec<Cell>], block: u64, side_by_side: bool, rng: &mut StdRng) -> Vec<Step> {
    let mut levels = levels.to_vec();
    levels.shuffle(rng);
    let mut order = 0;
    let mut steps = Vec::new();
    for mut cells in levels {
        cells.shuffle(rng);
        // The same arrivals for every rung of the level.
        let seed = rng.random();
        for cell in &mut cells {
            (cell.block, cell.order, cell.seed) = (block as u32, order, seed);
            order += 1;
        }
        if side_by_side {
            steps.push(Step { cells });
        } else {
            steps.extend(cells.into_iter().map(|cell| Step { cells: vec![cell] }));
        }
    }
    steps.retain(|step| !step.cells.is_empty());
    steps
}

/// So that an experiment's order does not depend on which others run (FNV-1a).
fn fingerprint(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
