//! What differs between the settings of runs, and nothing that does not: whoever compares figures should see this
//! first.

use std::collections::BTreeSet;

use crate::report::text::{bytes, count, counted, exact, listed};
use crate::report::together::{Shared, Side, Together};
use crate::results::{Boxed, Machine, Results, Services, Trial};

/// A setting of which runs have different values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) what: String,
    /// One for each run, in their order.
    pub(super) values: Vec<String>,
}

/// Load averages are never the same twice. They are a difference from half a CPU on.
const LOAD_DIFFERS: f64 = 0.5;

/// Of the machines, then of how it was measured, then experiment by experiment.
pub(super) fn rows(together: &Together<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let all: Vec<&Results> = together.runs.iter().map(|run| &run.results).collect();
    let mut add = |what: &str, values: Vec<String>| {
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            rows.push(Row { what: what.to_owned(), values });
        }
    };
    for (what, value) in OF_MACHINES {
        add(what, all.iter().map(|results| value(&results.machine)).collect());
    }
    for name in limits(&all) {
        let limit = |results: &&Results| match results.machine.limits.get(&name) {
            Some(Some(value)) => count(*value),
            _ => "unlimited or unknown".into(),
        };
        add(&format!("Limit {name}"), all.iter().map(limit).collect());
    }
    let loads: Vec<Option<f64>> = all.iter().map(|results| results.machine.load_average).collect();
    let known = || loads.iter().flatten().copied();
    if known().fold(0.0, f64::max) - known().fold(f64::INFINITY, f64::min) >= LOAD_DIFFERS {
        let shown = |load: &Option<f64>| load.map_or_else(|| "unknown".into(), |load| format!("{load:.1}"));
        add("Load average before the run", loads.iter().map(shown).collect());
    }
    for (what, value) in OF_RUNS {
        add(what, all.iter().map(|results| value(results)).collect());
    }
    for shared in &together.shared {
        for (what, value) in OF_EXPERIMENTS {
            add(&format!("{}: {what}", shared.name), by_run(together, shared, value));
        }
        for series in series(shared) {
            let flags = |side: &Side<'_>| flags(side, &series);
            add(&format!("{}: flags of {series}", shared.name), by_run(together, shared, flags));
        }
    }
    rows
}

type Of<T> = (&'static str, fn(&T) -> String);

const OF_MACHINES: [Of<Machine>; 7] = [
    ("Processor", |machine| machine.cpu.clone().unwrap_or_else(|| "unknown".into())),
    ("System", |machine| machine.os.clone()),
    ("CPUs", |machine| machine.cpus.to_string()),
    ("Memory", |machine| {
        machine.memory_bytes.map_or_else(|| "unknown".into(), |memory| bytes(memory as f64))
    }),
    ("CPUs of the server", |machine| cpus(machine.server_cpus.as_ref())),
    ("CPUs of the load", |machine| cpus(machine.client_cpus.as_ref())),
    ("Open files", |machine| {
        let limit = |(soft, hard): (u64, u64)| format!("{} (hard limit {})", count(soft), count(hard));
        machine.open_files.map_or_else(|| "unknown".into(), limit)
    }),
];

const OF_RUNS: [Of<Results>; 4] = [
    ("Parkbench", |results| results.version.clone()),
    ("Seed", |results| results.seed.to_string()),
    ("A quick look", |results| if results.quick { "yes" } else { "no" }.into()),
    ("Came to its end", |results| if results.complete { "yes" } else { "no" }.into()),
];

type OfSide = (&'static str, fn(&Side<'_>) -> String);

const OF_EXPERIMENTS: [OfSide; 9] = [
    ("question", |side| side.experiment.asked.question.clone()),
    ("blocks", |side| {
        let blocks: BTreeSet<u32> = side.experiment.trials().map(|trial| trial.block).collect();
        blocks.len().to_string()
    }),
    ("measured for", |side| {
        // As they were measured, no two have quite the same length.
        let tenths = |trial: &Trial| (trial.window.length_ms / 100.0).round() as u64;
        let lengths: BTreeSet<u64> = side.experiment.trials().map(tenths).collect();
        let each: Vec<String> = lengths.iter().map(|tenths| exact(*tenths as f64 / 10.0)).collect();
        if each.is_empty() { "nothing".into() } else { format!("{} s", listed(&each)) }
    }),
    ("warm-up", |side| milliseconds(side.experiment.asked.warm_up_ms)),
    ("clients give up after", |side| milliseconds(side.experiment.asked.timeout_ms)),
    ("wait of a request", |side| {
        side.experiment.asked.nominal_wait_ms.map_or_else(|| "none".into(), |ms| format!("{} ms", exact(ms)))
    }),
    ("services", |side| side.experiment.asked.services.as_ref().map_or_else(|| "none".into(), services)),
    ("limits of the server", |side| {
        side.experiment.asked.server.as_ref().map_or_else(|| "none".into(), boxed)
    }),
    ("cells", |side| counted(side.experiment.cells.len() as u64, "cell")),
];

/// A dash for a run that does not have the experiment, and the same as the first's where that would be a difference
/// by itself: which runs have it is said elsewhere.
fn by_run(together: &Together<'_>, shared: &Shared<'_>, value: impl Fn(&Side<'_>) -> String) -> Vec<String> {
    let values: Vec<Option<String>> = (0..together.runs.len())
        .map(|place| shared.sides.iter().find(|side| side.place == place).map(&value))
        .collect();
    let mut known = values.iter().flatten();
    let first = known.next().cloned().unwrap_or_default();
    let differ = known.any(|value| *value != first);
    let absent = if differ { "–".to_owned() } else { first };
    values.into_iter().map(|value| value.unwrap_or_else(|| absent.clone())).collect()
}

fn limits(all: &[&Results]) -> BTreeSet<String> {
    all.iter().flat_map(|results| results.machine.limits.keys().cloned()).collect()
}

/// Labels of everything that was measured in an experiment.
fn series(shared: &Shared<'_>) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for series in shared.sides.iter().flat_map(|side| &side.experiment.series) {
        if !labels.contains(&series.label()) {
            labels.push(series.label());
        }
    }
    labels
}

fn flags(side: &Side<'_>, series: &str) -> String {
    let mut cells = side.experiment.cells.iter().filter(|cell| cell.series.label() == series);
    let trial =
        cells.find_map(|cell| cell.ok.iter().chain(&cell.collapsed).chain(&cell.void).next().copied());
    match trial.map(|trial| trial.flags.join(" ")) {
        None => "not run".into(),
        Some(flags) if flags.is_empty() => "none".into(),
        Some(flags) => flags,
    }
}

fn cpus(numbers: Option<&Vec<u32>>) -> String {
    let Some(numbers) = numbers else { return "not pinned".into() };
    let each: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{} ({})", counted(numbers.len() as u64, "CPU"), listed(&each))
}

fn milliseconds(ms: Option<u64>) -> String {
    ms.map_or_else(|| "not known".into(), |ms| format!("{} ms", count(ms)))
}

/// `256 MiB of addresses, 128 open files`
fn boxed(limits: &Boxed) -> String {
    let each: Vec<String> = [
        limits.address_space_bytes.map(|size| format!("{} of addresses", bytes(size as f64))),
        limits.open_files.map(|files| counted(files, "open file")),
        limits.cpus.map(|cpus| counted(cpus, "CPU")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if each.is_empty() { "none".into() } else { each.join(", ") }
}

/// `fixed:100ms, 16 calls at a time, stall at 3000 ms for 2000 ms`
fn services(services: &Services) -> String {
    let capacity = services.capacity.map_or_else(
        || "as many calls as come".into(),
        |calls| format!("{} at a time", counted(calls, "call")),
    );
    let faults = services
        .faults
        .iter()
        .map(|fault| format!("{} at {} ms for {} ms", fault.kind, count(fault.at_ms), count(fault.for_ms)));
    [services.delay.clone(), capacity].into_iter().chain(faults).collect::<Vec<_>>().join(", ")
}
