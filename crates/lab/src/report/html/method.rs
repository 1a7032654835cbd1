//! What the end of the page lists of the run: version, seed, limits, flags.

use crate::check;
use crate::report::html::first::machine_line;
use crate::report::text::count;
use crate::results::Results;

/// Label and value.
pub(crate) fn details(results: &Results) -> Vec<(&'static str, String)> {
    let machine = &results.machine;
    let limit = |(name, value): (&String, &Option<u64>)| match value {
        Some(value) => format!("{name} {}", count(*value)),
        None => format!("{name} unlimited or unknown"),
    };
    let mut details = vec![
        ("Parkbench", results.version.clone()),
        ("Started", results.started.clone()),
        ("Seed", results.seed.to_string()),
        ("Trials", count(results.trials.len() as u64)),
        ("Machine", machine_line(machine)),
    ];
    if machine.server_cpus.is_none() {
        details.push(("Pinning", "none: servers, upstream and generator shared all CPUs".into()));
    }
    if let Some((soft, hard)) = machine.open_files {
        details.push(("Open files", format!("{} (hard limit {})", count(soft), count(hard))));
    }
    if !machine.limits.is_empty() {
        details.push(("Other limits", machine.limits.iter().map(limit).collect::<Vec<_>>().join(", ")));
    }
    if let Some(load) = machine.load_average {
        details.push(("Load before the run", format!("{load:.2} (average over one minute)")));
    }
    if let Some(seen) = results.check.as_ref().and_then(check::in_brief) {
        details.push(("The machine, before and after", seen));
    }
    let mut flags: Vec<String> = Vec::new();
    for trial in &results.trials {
        let line = format!("{}: {}", trial.rung, trial.flags.join(" "));
        if !trial.flags.is_empty() && !flags.contains(&line) {
            flags.push(line);
        }
    }
    if !flags.is_empty() {
        details.push(("Flags of the servers", flags.join("; ")));
    }
    details
}
