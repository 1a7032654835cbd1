//! What was just seen, kept as of any run: `results.json`, `results.csv` and a report.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::cpus::Split;
use crate::live::Surroundings;
use crate::live::hog;
use crate::live::lane::TIMEOUT_MS;
use crate::live::presets::Preset;
use crate::live::settings::Settings;
use crate::output::Output;
use crate::report::text::{counted, exact};
use crate::results::{Asked, Boxed, Results, SCHEMA, Services, Trial, Trouble};
use crate::{machine, report};

/// What trials of the live page belong to.
pub(super) const NAME: &str = "live";

const DEMONSTRATION: &str =
    "A demonstration: each figure was seen once, while both servers ran, so there are no intervals.";

/// What was seen, and of which preset, where it was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) trials: Vec<Trial>,
    /// What was asked, as [`asked`] says it.
    pub(super) asked: Asked,
    /// For the command that brings both servers up again; [`Asked::expect`] says what to do then.
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
    preset: Option<&Preset>,
    own_cpus: Option<u64>,
    faults: Vec<Trouble>,
) -> Asked {
    let (title, question) = match preset {
        Some(preset) => (preset.title(), preset.question.to_owned()),
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
        expect: expect(settings, preset),
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

/// What the figures are, what came on top of the load, and how to see it again.
fn expect(settings: &Settings, preset: Option<&Preset>) -> String {
    let mut sentences = vec![DEMONSTRATION.to_owned()];
    if settings.slow > 0 {
        sentences.push(format!("Besides, {} sent a byte a second.", counted(settings.slow.into(), "client")));
    }
    if settings.hog {
        sentences.push(format!("Once a second somebody asked for {}.", hog::TARGET));
    }
    if settings.errors > 0.0 && settings.calls_services() {
        let share = exact((settings.errors * 1_000.0).round() / 10.0);
        sentences.push(format!(
            "The services behind answered {share} % of their calls with an error, as they were told to; what came of that \
             counts as failed requests."
        ));
    }
    let then = match preset {
        Some(preset) => format!("the preset “{}”", preset.title()),
        None => settings.in_words(),
    };
    let command = format!("cargo lab live {}", settings.rungs.join(" "));
    sentences.push(format!("To see it again: `{command}`, then on the page {then}."));
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::live::settings::Ask;

    fn preset(name: &str) -> Preset {
        let limits = Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() };
        Preset::named(name, &limits).unwrap()
    }

    /// What is kept of a preset, as its report says it.
    fn kept(name: &str) -> Asked {
        let preset = preset(name);
        asked(&preset.settings, Some(&preset), None, Vec::new())
    }

    #[test]
    fn what_came_on_top_of_the_load_is_said() {
        assert!(kept("slow-clients").expect.contains(" Besides, 500 clients sent a byte a second. "));
        assert!(kept("cpu-hog").expect.contains(" Once a second somebody asked for /hash/4000000. "));
        let stall = kept("stall").expect;
        assert!(!["Besides", "somebody", "error"].iter().any(|text| stall.contains(text)), "{stall}");
        let settings = Settings { ask: Ask::Weather, errors: 0.07, slow: 1, ..preset("stall").settings };
        let both = asked(&settings, None, None, Vec::new()).expect;
        assert!(both.contains(" Besides, 1 client sent a byte a second. "), "{both}");
        assert!(
            both.contains(" answered 7 % of their calls with an error, as they were told to; "),
            "{both}"
        );
    }

    #[test]
    fn it_says_how_to_see_it_again() {
        let stall = kept("stall");
        assert_eq!((&*stall.title, stall.question.contains("1.5 s")), ("Stall", true));
        let again =
            " To see it again: `cargo lab live pool event-loop`, then on the page the preset “Stall”.";
        assert!(stall.expect.ends_with(again), "{}", stall.expect);
        let by_hand = asked(&preset("scale").settings, None, None, Vec::new());
        let again = "event-loop`, then on the page /wait/100 with 16 clients in closed loop.";
        assert!(by_hand.expect.ends_with(again), "{}", by_hand.expect);
    }
}
