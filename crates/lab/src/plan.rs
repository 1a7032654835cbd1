//! From experiments to trials: which cells, in what order, for how long, and which ones not, and why.
//!
//! Everything is decided here, before anything starts, so that the lab can say what it is about to do.
//! `run.rs` carries it out.

use std::time::Duration;

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::cell::{Cell, has_one_line, server_flags};
use crate::experiment::{Experiment, Upstream, Use};
use crate::ladder::{self, Rung};
use crate::limits::Limits;
use crate::results::{Asked, Boxed, GapStep, Mode, Rule, Services, Trouble};
use crate::wait;

mod left_out;
mod levels;
mod recording;

use levels::Level;

pub use recording::Recording;
pub(crate) use recording::of_cell;

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
    /// What is recorded before them, where the experiment asks for it.
    pub recording: Option<Recording>,
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
    /// As many blocks as an interval takes, for everything that compares: a whole catalogue has the time.
    pub all: bool,
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
        self.experiments.iter().map(Planned::estimate).sum()
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

impl Planned {
    /// How long it will take.
    pub fn estimate(&self) -> Duration {
        let recording = self.recording.as_ref().map(Recording::estimate).unwrap_or_default();
        self.blocks.iter().flatten().map(Step::estimate).sum::<Duration>() + recording
    }
}

impl Step {
    /// How long it will take: seen on a laptop's two cores, rounded up.
    pub fn estimate(&self) -> Duration {
        let longest = self.cells.iter().map(|cell| {
            let clients_up = Duration::from_micros(300) * cell.load.clients;
            let first_request = Duration::from_secs_f64(cell.wait_ms.unwrap_or(0.0) / 1_000.0);
            let streams = if cell.load.mode == Mode::Subscribers { COME_AND_GO } else { Duration::ZERO };
            clients_up + first_request + streams + Duration::from_millis(cell.warm_up_ms + cell.window_ms)
        });
        longest.max().unwrap_or_default() + START_AND_STOP
    }
}

/// Subscribers come within a tick of each other, their last ticks are waited for, and a server notices at its
/// next tick that they are gone.
const COME_AND_GO: Duration = Duration::from_millis(2_500);
/// Two or three processes started, one asked to end.
const START_AND_STOP: Duration = Duration::from_millis(500);

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
        decomposition: decomposition(&experiment),
        rule: experiment.rule,
        services: services(&experiment),
        server: boxed(&experiment),
        byte_every_ms: experiment.loads.iter().find_map(|load| load.kind.byte_every_ms()),
        timeout_ms: Some(experiment.timeout_ms),
        warm_up_ms: Some(experiment.warm_up_ms),
    };
    let mut levels = Vec::new();
    for load in &experiment.loads {
        let uses = || experiment.rungs.iter().filter(|one| load.is_for(one.rung));
        let at_once = if experiment.side_by_side { uses().count() as u64 } else { 1 };
        for level in levels::of(load, &experiment, options, host)? {
            let cells = uses().map(|one| cell(one, &level, &experiment, host)).collect();
            let (run, not_run) = left_out::sorted(cells, &level, at_once, options, host);
            asked.not_run.extend(not_run);
            levels.push(run);
        }
    }
    let mut rng = StdRng::seed_from_u64(options.seed ^ fingerprint(&experiment.name));
    let blocks =
        (0..experiment.blocks).map(|block| shuffled(&levels, block, experiment.side_by_side, &mut rng));
    let recording = Recording::of(&experiment, host, options.seed)?;
    Ok(Planned { asked, blocks: blocks.collect(), recording })
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
        None if options.all && !experiment.demonstration => experiment.blocks.max(FULL_BLOCKS),
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
        let rungs: Vec<Use> = wanted.iter().flat_map(uses).collect();
        // A load that is for some of the experiment's rungs says nothing about others.
        let strange = |rung: &&&'static Rung| !experiment.rungs.iter().any(|one| one.rung == **rung);
        let strangers: Vec<_> = wanted.iter().filter(strange).copied().collect();
        for only in experiment.loads.iter_mut().filter_map(|load| load.rungs.as_mut()) {
            only.extend(&strangers);
        }
        experiment.rungs = rungs;
    }
    experiment
}

/// Of an experiment of which only some rungs run, there is nothing to split.
fn decomposition(experiment: &Experiment) -> Vec<GapStep> {
    let has = |name: &String| experiment.rungs.iter().any(|one| one.rung.name == name);
    let steps = &experiment.decomposition;
    if steps.iter().all(|step| has(&step.from) && has(&step.to)) { steps.clone() } else { Vec::new() }
}

/// The services, for the report; `None` where no load calls them.
fn services(experiment: &Experiment) -> Option<Services> {
    let upstream = &experiment.upstream;
    let mut targets = experiment.loads.iter().flat_map(|load| experiment.targets(load));
    let called = targets.any(|target| wait::calls_upstream(&target.route));
    called.then(|| Services {
        delay: upstream.delay.clone(),
        capacity: upstream.capacity,
        faults: upstream
            .faults
            .iter()
            .map(|fault| Trouble { kind: fault.kind.name().into(), at_ms: fault.at_ms, for_ms: fault.for_ms })
            .collect(),
    })
}

/// The limits, for the report; `None` where there are none.
fn boxed(experiment: &Experiment) -> Option<Boxed> {
    let server = &experiment.server;
    let boxed = Boxed {
        address_space_bytes: server.address_space.map(|bytes| bytes.0),
        open_files: server.open_files,
        cpus: server.cpus,
    };
    (boxed != Boxed::default()).then_some(boxed)
}

/// With fewer, an interval says next to nothing.
const FULL_BLOCKS: u64 = 5;

fn cell(one: &Use, level: &Level<'_>, experiment: &Experiment, host: &Host) -> Cell {
    let bystander = experiment.bystander.as_ref();
    let mut asked_for = bystander.map(|one| &one.route).into_iter().chain(level.targets.iter().copied());
    let calls_upstream = asked_for.any(|target| wait::calls_upstream(&target.route));
    Cell {
        experiment: experiment.name.clone(),
        rung: one.rung,
        variant: one.variant.clone(),
        flags: server_flags(one.rung, &one.flags, host.cpus, host.server_cpus),
        block: 0,
        order: 0,
        load: level.load.clone(),
        mix: level.mix.to_vec(),
        bystander: bystander.cloned(),
        warm_up_ms: experiment.warm_up_ms,
        window_ms: level.window_ms,
        timeout_ms: experiment.timeout_ms,
        upstream: calls_upstream.then(|| Upstream::clone(&experiment.upstream)),
        byte_every_ms: level.byte_every_ms,
        server: experiment.server.clone(),
        wait_ms: level.wait_ms,
        seed: 0,
        record: experiment.rule == Some(Rule::Pool)
            && level.load.mode == Mode::Open
            && has_one_line(one.rung),
    }
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

#[cfg(test)]
#[path = "plan/impossible_tests.rs"]
mod impossible_tests;
