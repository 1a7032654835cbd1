//! Rule `bystanders`: some requests of the load are heavy. How long does the unluckiest tenth of bystanders wait,
//! and on which rung? (`bystander` compares medians, which a load that is heavy now and then hardly moves.)

use crate::report::bounds::server_cores;
use crate::report::bystanders;
use crate::report::cells::{Cell, Experiment};
use crate::report::findings::Finding;
use crate::report::findings::by_load::{self, Group};
use crate::report::findings::compared::{BLOCK_BY_BLOCK, as_long_or_short, points};
use crate::report::text::{listed, milliseconds};
use crate::report::verdict::percent;
use crate::results::{Machine, Trial};
use crate::stats::{Family, Ratio, ratio};

/// For each load: everybody's tail, and that of the async rung against each of the others.
pub(crate) fn findings(experiment: &Experiment<'_>, machine: &Machine, family: &Family) -> Vec<Finding> {
    let groups = by_load::groups(experiment);
    let said = groups.iter().filter_map(|group| said(experiment, group, machine, family));
    said.map(Finding::headline).collect()
}

fn said(
    experiment: &Experiment<'_>,
    group: &Group<'_, '_>,
    machine: &Machine,
    family: &Family,
) -> Option<String> {
    let mut tails: Vec<(&Cell<'_>, f64)> =
        group.cells.iter().filter_map(|cell| Some((*cell, cell.median_of(p90)?))).collect();
    tails.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (slowest, _) = tails.first()?;
    let route = slowest.ok.iter().find_map(|trial| Some(trial.bystander.as_ref()?.route.as_str()))?;
    let each: Vec<String> = tails
        .iter()
        .map(|(cell, ms)| {
            let p99 = bystanders::of(cell).and_then(|seen| seen.response.p99);
            let p99 = p99.map(|ms| format!(" (99th {})", milliseconds(ms))).unwrap_or_default();
            format!("{}{p99} on {}", milliseconds(*ms), cell.series.named())
        })
        .collect();
    let busy = group.each(|cell| {
        let share = cell.median_of(|trial| busy(trial, machine))?;
        Some(format!("{} on {}", percent(share), cell.series.named()))
    });
    let busy = (!busy.is_empty()).then(|| format!(" The server's CPU was busy {}.", listed(&busy)));
    let against = against(experiment, group, &tails, family);
    Some(format!(
        "Beside {}, the 90th percentile of {route} takes {}.{}{}",
        group.said(),
        listed(&each),
        against.unwrap_or_default(),
        busy.unwrap_or_default()
    ))
}

/// ` On … that is, block by block, as against …`: the rung that was chosen beforehand, which may lose or win.
fn against(
    experiment: &Experiment<'_>,
    group: &Group<'_, '_>,
    tails: &[(&Cell<'_>, f64)],
    family: &Family,
) -> Option<String> {
    let reference = by_load::reference(experiment, group.load)?;
    let (reference, _) = tails.iter().find(|(cell, _)| cell.series == reference.series)?;
    let each: Vec<String> = tails
        .iter()
        .filter(|(cell, _)| cell.series != reference.series)
        .filter_map(|(cell, _)| {
            let ratio = tail_ratio(reference, cell)?;
            let compared = as_long_or_short(&ratio, family);
            Some(format!("{} {compared}{}", cell.series.named(), points(&ratio)))
        })
        .collect();
    let name = reference.series.named();
    (!each.is_empty()).then(|| format!(" On {name} that is, {BLOCK_BY_BLOCK}, as against {}.", listed(&each)))
}

/// The tail that is compared.
pub(crate) fn p90(trial: &Trial) -> Option<f64> {
    trial.bystander.as_ref()?.latency_ms.p90
}

/// Block by block.
fn tail_ratio(one: &Cell<'_>, other: &Cell<'_>) -> Option<Ratio> {
    ratio(&one.pairs(other, p90))
}

/// Share of the server's CPUs.
fn busy(trial: &Trial, machine: &Machine) -> Option<f64> {
    let over_s = trial.window.length_ms / 1_000.0;
    Some(trial.server.cpu_s? / (over_s * server_cores(machine)?)).filter(|share| share.is_finite())
}
