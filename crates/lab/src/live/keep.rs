//! What was just seen, kept as of any run: `results.json`, `results.csv` and a report.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::cpus::Split;
use crate::limits::Limits;
use crate::live::lane::TIMEOUT_MS;
use crate::live::settings::{Settings, texts};
use crate::output::Output;
use crate::programs::Programs;
use crate::results::{Asked, Boxed, Results, SCHEMA, Services, Trial};
use crate::{machine, report, wait};

/// What trials of the live page belong to.
pub(super) const NAME: &str = "live";

/// What was seen, and of which preset, where it was one.
pub(super) struct Seen<'s> {
    pub(super) trials: Vec<Trial>,
    pub(super) preset: Option<&'static str>,
    pub(super) settings: &'s Settings,
    pub(super) split: Option<Split>,
    /// Where to; a new directory of the usual place where nothing is said.
    pub(super) dir: Option<PathBuf>,
}

/// Writes it; returns where.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(seen: Seen<'_>, programs: &Programs, limits: &Limits) -> anyhow::Result<PathBuf> {
    let now = Timestamp::now();
    let output = Output::new(seen.dir.as_deref(), programs.checkout.as_deref(), now)?;
    let results = results(seen, programs, limits, now)?;
    output.write(&results)?;
    report::write(&output.dir, &results).context("there is no report, but the results are kept")?;
    output.name_latest()?;
    Ok(output.dir.clone())
}

fn results(seen: Seen<'_>, programs: &Programs, limits: &Limits, now: Timestamp) -> anyhow::Result<Results> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut machine = machine::describe(limits, u32::try_from(cpus)?, seen.split.as_ref());
    machine.notes.push(
        "Seen on the live page: both servers ran at the same time, one stretch per level, and what ended in a stretch counts."
            .into(),
    );
    let rungs = seen.settings.rungs.join(" ");
    Ok(Results {
        schema: SCHEMA.into(),
        version: machine::version(programs.checkout.as_deref()),
        started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        complete: true,
        machine,
        command: format!("cargo lab live {rungs}"),
        seed: 1,
        quick: true,
        experiments: vec![asked(seen.settings, seen.preset)],
        trials: seen.trials,
        check: None,
        precision: Vec::new(),
        lanes: Vec::new(),
    })
}

fn asked(settings: &Settings, preset: Option<&'static str>) -> Asked {
    let (title, question) = match preset {
        Some(preset) => texts(preset),
        None => (
            "Seen on the live page".to_owned(),
            format!("What did {} do under this load?", settings.rungs.join(" and ")),
        ),
    };
    let services = settings.services();
    let route = handlers::Route::parse("GET", settings.route().as_bytes()).ok();
    Asked {
        name: NAME.into(),
        title,
        question,
        expect:
            "A demonstration: each figure was seen once, while both servers ran, so there are no intervals."
                .into(),
        demonstration: true,
        route: settings.route(),
        nominal_wait_ms: route.and_then(|route| wait::nominal_ms(&route, &services).ok().flatten()),
        services: settings.calls_services().then(|| Services {
            delay: services.delay.clone(),
            capacity: services.capacity,
            faults: Vec::new(),
        }),
        timeout_ms: Some(TIMEOUT_MS),
        server: settings.boxed.then(|| {
            let server = settings.server();
            Boxed {
                address_space_bytes: server.address_space.map(|bytes| bytes.0),
                open_files: server.open_files,
                cpus: server.cpus,
            }
        }),
        ..Asked::default()
    }
}
