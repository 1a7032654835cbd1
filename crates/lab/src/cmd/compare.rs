//! `cargo lab compare`: what is asked, planned, run, kept and reported.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::baseline::Baseline;
use crate::check::Watch;
use crate::cli::{self, Usage};
use crate::cpus::{self, Split};
use crate::experiment::{CATALOGUE, DEFAULT, Experiment};
use crate::ladder::{self, Rung};
use crate::output::Output;
use crate::plan::{Host, Options, Plan};
use crate::programs::{self, Programs};
use crate::results::{Results, SCHEMA, TrialOutcome};
use crate::run::{self, Surroundings};
use crate::stop::Stopped;
use crate::until::{LEAST_BLOCKS, Until};
use crate::{flags, limits, machine, report, stop};

/// Flags of `compare`, and of `cargo lab` alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Experiments to run, by name, or paths to TOML files of your own [default: lecture scale]
    #[arg(value_name = "EXPERIMENT")]
    experiments: Vec<String>,

    /// Every experiment of the catalogue; says first how long it takes
    #[arg(long, conflicts_with = "experiments")]
    all: bool,

    /// Rungs to compare, instead of each experiment's own
    #[arg(long, value_name = "RUNG,…", value_delimiter = ',', value_parser = ladder::rung)]
    rungs: Vec<&'static Rung>,

    /// One short trial of each cell: points without intervals; by default within 45 seconds
    #[arg(long, conflicts_with = "full")]
    quick: bool,

    /// Longer trials, more of them, and more levels; takes as long as it takes
    #[arg(long)]
    full: bool,

    /// Trials of each cell, instead of each experiment's own; takes as long as it takes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    trials: Option<u64>,

    /// Add blocks, at least 10, until every interval that findings use is this narrow, such as 5%
    ///
    /// Half the width of the 95 % interval: with 5% an estimate of 2.0 has an interval of about 1.9 to 2.1.
    #[arg(long, value_name = "PERCENT", value_parser = cli::percent, conflicts_with_all = ["quick", "trials"])]
    until: Option<f64>,

    /// The longest that --until may take for all experiments together [default: 20m]
    #[arg(long, value_name = "TIME", value_parser = cli::duration, requires = "until")]
    budget: Option<Duration>,

    /// Compare with an earlier run, and exit with 1 where something became worse than --max-regression allows
    #[arg(long, value_name = "DIR", conflicts_with = "quick")]
    baseline: Option<PathBuf>,

    /// By how much a cell may be worse than in the baseline [default: 20%]
    ///
    /// It has become worse when its whole 95 % interval lies beyond: of requests/s, CPU per request and, in
    /// open loop, p99.
    #[arg(long, value_name = "PERCENT", value_parser = cli::percent, requires = "baseline")]
    max_regression: Option<f64>,

    /// Order, arrivals and delays follow from it [default: a new one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// CPUs for the server that is measured [default: 1]
    ///
    /// Generator and upstream get the others. With one, servers can be compared across machines, and the
    /// generator has the most to spare.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    server_cpus: Option<u32>,

    /// Directory for results and report [default: a new one in target/lab]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Also run what needs more than a quarter of the threads that this machine has left
    #[arg(long)]
    allow_threads: bool,

    /// Only say what would run, what would be left out, and how long it would take
    #[arg(long)]
    dry_run: bool,
}

/// The longest that the default run and the quick one may take after the build.
const TIME_LIMIT: Duration = Duration::from_secs(150);
const QUICK_TIME_LIMIT: Duration = Duration::from_secs(45);
const BUDGET: Duration = Duration::from_secs(20 * 60);
const MAX_REGRESSION: f64 = 0.2;
/// What of it is for the report, and for a trial that takes longer than planned.
const RESERVE: Duration = Duration::from_secs(3);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let experiments = experiments(args)?;
    let until = until(args)?;
    let baseline = baseline(args)?;
    // Before the build, so that what is wrong with the command line is said at once.
    let cores = cpus::cores();
    let split = split(args, cpus_wanted(args, &experiments)?, cores.as_deref())?;
    limits::raise_open_files();
    let limits = limits::read();
    let cpus = cores.map_or_else(available_cpus, |cores| cores.concat().len() as u64);
    let server_cpus = split.as_ref().map_or(cpus, |split| split.server.len() as u64);
    let options = options(args);
    let host = Host { cpus, server_cpus, limits };
    let mut plan =
        Plan::new(experiments, &options, &host).map_err(|error| Usage::error(format!("{error:#}")))?;
    if until.is_some() {
        // Of what has no interval, more blocks make nothing narrower.
        let shown = plan.experiments.iter_mut().filter(|planned| planned.asked.demonstration);
        shown.for_each(|planned| planned.blocks.truncate(1));
    }
    if let Some(baseline) = &baseline {
        baseline.fits(&plan)?;
    }
    if plan.trials() == 0 {
        return Err(Usage::error(format!("there is nothing to run: {}", left_out(&plan).join("; "))));
    }
    let time_limit = time_limit(args);
    if args.dry_run {
        announce(&plan, split.as_ref(), until, time_limit);
        return Ok(());
    }
    let output = Output::new(args.out.as_deref(), programs::checkout().as_deref(), Timestamp::now())?;
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    let programs = Programs::ready()?;
    flags::check(&plan, &programs)?;
    announce(&plan, split.as_ref(), until, time_limit);
    cli::tell(&format!("Results go to {}.\n", output.dir.display()));

    let (watch, check) = Watch::begin();
    let mut results = Results {
        schema: SCHEMA.into(),
        version: machine::version(programs.checkout.as_deref()),
        started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        complete: false,
        machine: machine::describe(&host.limits, u32::try_from(cpus)?, split.as_ref()),
        command: command(args, options.seed),
        seed: options.seed,
        quick: args.quick,
        experiments: plan.experiments.iter().map(|planned| planned.asked.clone()).collect(),
        trials: Vec::new(),
        check: Some(check),
        precision: Vec::new(),
        lanes: Vec::new(),
    };
    let time_limit = time_limit.map(|limit| limit.saturating_sub(RESERVE));
    let around =
        Surroundings { programs: &programs, split: split.as_ref(), output: &output, time_limit, until };
    let ran = run::run(&plan, &around, &mut results);
    if let Err(error) = &ran {
        results.machine.notes.push(format!("The run ended before its end: {error:#}."));
    }
    let after = watch.end();
    if let Some(check) = &mut results.check {
        check.after = Some(after);
    }
    let kept = output.write(&results);
    let ran = ran.and(kept);
    conclude(&results, &output, baseline.as_ref(), ran)
}

/// Reports what there is, whatever ended the run.
fn conclude(
    results: &Results,
    output: &Output,
    baseline: Option<&Baseline>,
    ran: anyhow::Result<()>,
) -> anyhow::Result<()> {
    let dir = output.dir.display();
    let kept = format!("{} trials are kept in {dir}", results.trials.len());
    if results.trials.is_empty() {
        return ran.context("the run ended before its first trial did");
    }
    report::write(&output.dir, results).with_context(|| format!("there is no report, but {kept}"))?;
    output.name_latest()?;
    cli::print(&report::summary(results))?;
    cli::print(&format!("\nReport: {dir}/report.html   (report.md, results.json, results.csv beside it)"))?;
    match ran {
        Err(_) if stop::requested() => bail!("{Stopped}; {kept}"),
        Err(error) => return Err(error.context(format!("the run failed; {kept}"))),
        Ok(()) => {}
    }
    let void = all_void(results);
    let passed = baseline.map_or(Ok(()), |baseline| baseline.hold_against(results));
    match void.as_slice() {
        [] => passed,
        void => bail!("no trial is valid of {}; the reasons are in the report", void.join(", ")),
    }
}

fn until(args: &Args) -> anyhow::Result<Option<Until>> {
    let Some(half_width) = args.until else { return Ok(None) };
    if half_width < 0.001 {
        return Err(Usage::error("--until: no machine shows differences under 0.1%; give more, such as 5%"));
    }
    Ok(Some(Until { half_width, budget: args.budget.unwrap_or(BUDGET) }))
}

fn baseline(args: &Args) -> anyhow::Result<Option<Baseline>> {
    let Some(path) = &args.baseline else { return Ok(None) };
    let allowed = args.max_regression.unwrap_or(MAX_REGRESSION);
    let read = Baseline::read(path, allowed).map_err(|error| Usage::error(format!("--baseline: {error:#}")));
    read.map(Some)
}

fn experiments(args: &Args) -> anyhow::Result<Vec<Experiment>> {
    let names: Vec<&str> = match args.experiments.as_slice() {
        [] if args.all => CATALOGUE.iter().map(|(name, _)| *name).collect(),
        [] => DEFAULT.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let mut found: Vec<Experiment> = Vec::new();
    for name in names {
        let experiment = Experiment::find(name).map_err(|error| Usage::error(format!("{error:#}")))?;
        if found.iter().any(|other| other.name == experiment.name) {
            return Err(Usage::error(format!("the experiment {} is named twice", experiment.name)));
        }
        found.push(experiment);
    }
    Ok(found)
}

/// CPUs for the server, if anybody says how many: the command line for all experiments, or else each for itself.
fn cpus_wanted(args: &Args, experiments: &[Experiment]) -> anyhow::Result<Option<u64>> {
    if let Some(wanted) = args.server_cpus {
        return Ok(Some(wanted.into()));
    }
    let wanted = |experiment: &Experiment| experiment.server.cpus;
    let first = experiments.first().and_then(wanted);
    let other = experiments.iter().find(|one| wanted(one).unwrap_or(1) != first.unwrap_or(1));
    match (other, experiments.first()) {
        (Some(other), Some(one)) => Err(Usage::error(format!(
            "{} has servers on {} CPUs and {} on {}, and a run has one division of CPUs: run them apart, or say \
             --server-cpus for both",
            one.name,
            first.unwrap_or(1),
            other.name,
            wanted(other).unwrap_or(1)
        ))),
        _ => Ok(first.or_else(|| experiments.iter().find_map(wanted))),
    }
}

fn split(args: &Args, asked: Option<u64>, cores: Option<&[Vec<u32>]>) -> anyhow::Result<Option<Split>> {
    let wanted = asked.unwrap_or(1) as usize;
    let split = cores.and_then(|cores| cpus::split(cores, wanted));
    let key = if args.server_cpus.is_some() { "--server-cpus" } else { "server.cpus =" };
    match (&split, asked, cores) {
        (None, Some(_), None) if args.server_cpus.is_none() && wanted == 1 => Ok(None),
        (None, Some(_), None) => Err(Usage::error(format!(
            "{key} {wanted}: this system cannot keep a program on some of its CPUs"
        ))),
        (None, Some(n), Some(cores)) => {
            let have: usize = cores.iter().map(Vec::len).sum();
            Err(Usage::error(format!(
                "{key} {n}: there are {have} CPUs on {} cores, and one whole core is the load generator's",
                cores.len()
            )))
        }
        _ => Ok(split),
    }
}

fn options(args: &Args) -> Options {
    Options {
        quick: args.quick,
        full: args.full,
        all: args.all,
        trials: args.trials.or(args.until.map(|_| LEAST_BLOCKS.into())),
        rungs: args.rungs.clone(),
        // Small enough to be typed again.
        seed: args.seed.unwrap_or_else(|| u64::from(rand::random::<u16>())),
        allow_threads: args.allow_threads,
    }
}

fn available_cpus() -> u64 {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64)
}

/// What was promised for the run by default; whoever asks for more trials, or for other experiments, gets
/// the time that it takes.
fn time_limit(args: &Args) -> Option<Duration> {
    let promised = |name: &String| DEFAULT.contains(&name.as_str());
    match args {
        Args { all: true, .. } => None,
        _ if !args.experiments.iter().all(promised) => None,
        Args { full: true, .. } | Args { trials: Some(_), .. } | Args { until: Some(_), .. } => None,
        Args { quick: true, .. } => Some(QUICK_TIME_LIMIT),
        _ => Some(TIME_LIMIT),
    }
}

/// Says what will happen, on standard error: standard output is for results.
fn announce(plan: &Plan, split: Option<&Split>, until: Option<Until>, time_limit: Option<Duration>) {
    let limit = match (until, time_limit) {
        (Some(until), _) => format!(
            ", then more until intervals are within ±{}, or {} have passed",
            cli::in_percent(until.half_width),
            cli::in_words(until.budget)
        ),
        (None, Some(limit)) => format!(", at most {}", cli::in_words(limit)),
        (None, None) => String::new(),
    };
    cli::tell(&format!("{} trials, about {}{limit}:", plan.trials(), cli::in_words(plan.estimate())));
    for planned in &plan.experiments {
        let (name, title, blocks) = (&planned.asked.name, &planned.asked.title, planned.blocks.len());
        let trials: usize = planned.blocks.iter().flatten().map(|step| step.cells.len()).sum();
        let plural = if blocks == 1 { "" } else { "s" };
        let time = cli::in_words(planned.estimate());
        let recorded = planned.recording.as_ref();
        let recorded =
            recorded.map(|lanes| format!(" and {} requests recorded", lanes.requests)).unwrap_or_default();
        cli::tell(&format!(
            "  {name:<11} {title}: {trials} trials in {blocks} block{plural}{recorded}, {time}"
        ));
    }
    for reason in left_out(plan) {
        cli::tell(&format!("  left out    {reason}"));
    }
    cli::tell(&match split {
        Some(split) => {
            format!("Servers run on CPU {:?}, everything else on {:?}.", split.server, split.client)
        }
        None => "Servers are not pinned to CPUs of their own here.".to_owned(),
    });
}

fn left_out(plan: &Plan) -> Vec<String> {
    let cells = plan
        .experiments
        .iter()
        .flat_map(|planned| planned.asked.not_run.iter().map(move |cell| (planned, cell)));
    let sentence = |(planned, cell): (&crate::plan::Planned, &crate::results::NotRun)| {
        let (load, route) = (crate::cell::in_words(&cell.load), &cell.load.route);
        format!("{}, {} at {load} of {route}: {}", planned.asked.name, cell.rung, cell.reason)
    };
    cells.map(sentence).collect()
}

/// The command line that does the same again.
fn command(args: &Args, seed: u64) -> String {
    let mut words =
        vec![if programs::checkout().is_some() { "cargo lab compare" } else { "lab compare" }.to_owned()];
    words.extend(args.experiments.iter().map(|name| quoted(name)));
    if !args.rungs.is_empty() {
        words.push(format!(
            "--rungs {}",
            args.rungs.iter().map(|rung| rung.name).collect::<Vec<_>>().join(",")
        ));
    }
    let switches = [
        (args.all, "--all"),
        (args.quick, "--quick"),
        (args.full, "--full"),
        (args.allow_threads, "--allow-threads"),
    ];
    words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()));
    words.extend(args.trials.map(|trials| format!("--trials {trials}")));
    words.extend(args.until.map(|share| format!("--until {}", cli::in_percent(share))));
    words.extend(args.budget.map(|budget| format!("--budget {}s", budget.as_secs_f64())));
    words.extend(args.server_cpus.map(|cpus| format!("--server-cpus {cpus}")));
    words.push(format!("--seed {seed}"));
    words.join(" ")
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Cells of which nothing may be used.
fn all_void(results: &Results) -> Vec<String> {
    let same = |a: &crate::results::Trial, b: &crate::results::Trial| {
        (&a.experiment, &a.rung, &a.variant, &a.load) == (&b.experiment, &b.rung, &b.variant, &b.load)
    };
    let mut void: Vec<String> = Vec::new();
    for trial in &results.trials {
        let usable =
            results.trials.iter().any(|other| same(trial, other) && other.outcome != TrialOutcome::Void);
        let name = format!("{} at {} ({})", trial.rung, crate::cell::in_words(&trial.load), trial.experiment);
        if !usable && !void.contains(&name) {
            void.push(name);
        }
    }
    void
}
