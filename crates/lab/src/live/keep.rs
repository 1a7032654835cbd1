//! What was just seen, kept as of any run: `results.json`, `results.csv` and a report.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::cpus::Split;
use crate::live::Surroundings;
use crate::live::lane::TIMEOUT_MS;
use crate::live::settings::{Settings, texts};
use crate::output::Output;
use crate::results::{Asked, Boxed, Results, SCHEMA, Services, Trial, Trouble};
use crate::{machine, report};

/// What trials of the live page belong to.
pub(super) const NAME: &str = "live";

/// What was seen, and of which preset, where it was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) trials: Vec<Trial>,
    /// What was asked, as [`asked`] says it.
    pub(super) asked: Asked,
    /// The command that shows it again.
    pub(super) rungs: String,
}

/// Writes it; returns where.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(
    seen: Seen,
    splits: &[Option<Split>; 2],
    dir: Option<&Path>,
    around: &Surroundings,
) -> anyhow::Result<PathBuf> {
    let now = Timestamp::now();
    let output = Output::new(dir, around.programs.checkout.as_deref(), now)?;
    let results = results(seen, splits, around, now)?;
    output.write(&results)?;
    report::write(&output.dir, &results).context("there is no report, but the results are kept")?;
    output.name_latest()?;
    Ok(output.dir.clone())
}

fn results(
    seen: Seen,
    splits: &[Option<Split>; 2],
    around: &Surroundings,
    now: Timestamp,
) -> anyhow::Result<Results> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut machine = machine::describe(&around.limits, u32::try_from(cpus)?, together(splits).as_ref());
    machine.notes.push(
        "Seen on the live page: both servers ran at the same time, one stretch per level, and what ended in a stretch counts."
            .into(),
    );
    Ok(Results {
        schema: SCHEMA.into(),
        version: machine::version(around.programs.checkout.as_deref()),
        started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        complete: true,
        machine,
        command: format!("cargo lab live {}", seen.rungs),
        seed: 1,
        quick: true,
        experiments: vec![seen.asked],
        trials: seen.trials,
        check: None,
        precision: Vec::new(),
        lanes: Vec::new(),
    })
}

/// The CPUs of both servers, and those of everything else.
fn together(splits: &[Option<Split>; 2]) -> Option<Split> {
    let [Some(one), Some(other)] = splits else { return None };
    let mut server = [one.server.as_slice(), &other.server].concat();
    server.sort_unstable();
    Some(Split { server, ..one.clone() })
}

/// What was asked of both servers, as results say it. `own_cpus`: how many each had for itself.
pub(super) fn asked(
    settings: &Settings,
    preset: Option<&'static str>,
    own_cpus: Option<u64>,
    faults: Vec<Trouble>,
) -> Asked {
    let (title, question) = match preset {
        Some(preset) => texts(preset),
        None => (
            "Seen on the live page".to_owned(),
            format!("What did {} do under this load?", settings.rungs.join(" and ")),
        ),
    };
    let services = settings.services();
    let limits = settings.server();
    Asked {
        name: NAME.into(),
        title,
        question,
        expect:
            "A demonstration: each figure was seen once, while both servers ran, so there are no intervals."
                .into(),
        demonstration: true,
        route: settings.route(),
        nominal_wait_ms: settings.nominal_wait_ms(),
        services: settings.calls_services().then(|| Services {
            delay: services.delay.clone(),
            capacity: services.capacity,
            faults,
        }),
        timeout_ms: Some(TIMEOUT_MS),
        server: Some(Boxed {
            address_space_bytes: limits.address_space.map(|bytes| bytes.0),
            open_files: limits.open_files,
            cpus: limits.cpus.or(own_cpus),
        })
        .filter(|limits| *limits != Boxed::default()),
        ..Asked::default()
    }
}
