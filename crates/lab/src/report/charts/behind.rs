//! What stands behind curves for whoever does not see them: words that say what they show, and tables with every figure.

use crate::report::bounds::{Point, Sweep, Track};
use crate::report::cells::Metric;
use crate::report::tables::{Table, shown};
use crate::report::text::{exact, listed, rounded};
use crate::report::verdict::ran_out;
use crate::results::Trial;

/// Where each rung leaves its line and what ran out there, then every median.
pub(crate) fn throughput_alt(sweep: &Sweep<'_, '_>, cores: Option<f64>) -> String {
    let of_track = |track: &Track<'_, '_>| {
        let name = track.series.label();
        match (track.leaves_at(), track.on_line_up_to()) {
            (Some(end), _) => {
                let why = ran_out(track, end, cores).label();
                Some(format!("{name} leaves its line at {} ({why})", sweep.load(end.clients)))
            }
            (None, Some(last)) => {
                Some(format!("{name} stays on its line up to {}", sweep.load(last.clients)))
            }
            (None, None) => None,
        }
    };
    let leaving: Vec<String> = sweep.tracks.iter().filter_map(of_track).collect();
    let leaving = if leaving.is_empty() { String::new() } else { format!(" {}.", listed(&leaving)) };
    let show = |rps: f64| format!("{} requests/s", rounded(rps));
    let medians = of_all(sweep, |point| point.throughput, show);
    format!("Throughput against clients.{leaving} {medians}{}", void(sweep))
}

/// From where to where the rungs reach at the heaviest load of several, then every median.
pub(crate) fn alt(
    sweep: &Sweep<'_, '_>,
    what: &str,
    figure: impl Fn(&Point<'_, '_>) -> Option<f64>,
    show: impl Fn(f64) -> String,
) -> String {
    let at = |clients: u32| -> Vec<(String, f64)> {
        let known = |track: &Track<'_, '_>| Some((track.series.label(), figure(track.at(clients)?)?));
        sweep.tracks.iter().filter_map(known).collect()
    };
    let heaviest =
        sweep.levels.iter().rev().find_map(|clients| Some((*clients, range(&at(*clients), &show)?)));
    let heaviest = heaviest
        .map(|(clients, range)| format!(" With {}: {range}.", sweep.load(clients)))
        .unwrap_or_default();
    format!("{what}.{heaviest} {}{}", of_all(sweep, figure, show), void(sweep))
}

/// `from 20.7 µs on event-loop to 146 µs on thread-per-request`; none of fewer than two.
pub(crate) fn range(values: &[(String, f64)], show: impl Fn(f64) -> String) -> Option<String> {
    let low = values.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let high = values.iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| values.len() > 1)?;
    let (least, most) = (show(low.1), show(high.1));
    Some(if least == most {
        format!("{least} on each of them")
    } else {
        format!("from {least} on {} to {most} on {}", low.0, high.0)
    })
}

/// `event-loop: 158 requests/s with 16 clients and 2,530 requests/s with 256 clients.`
fn of_all(
    sweep: &Sweep<'_, '_>,
    figure: impl Fn(&Point<'_, '_>) -> Option<f64>,
    show: impl Fn(f64) -> String,
) -> String {
    let of_track = |track: &Track<'_, '_>| {
        let value = |point: &Point<'_, '_>| {
            Some(format!("{} with {}", show(figure(point)?), sweep.load(point.clients)))
        };
        let values: Vec<String> = track.points.iter().filter_map(value).collect();
        (!values.is_empty()).then(|| format!("{}: {}", track.series.label(), listed(&values)))
    };
    let tracks: Vec<String> = sweep.tracks.iter().filter_map(of_track).collect();
    if tracks.is_empty() { String::new() } else { format!("{}.", tracks.join(". ")) }
}

/// ` Void, and in no line: event-loop with 256 clients.`
pub(crate) fn void(sweep: &Sweep<'_, '_>) -> String {
    let points = sweep.tracks.iter().flat_map(|track| track.points.iter().map(move |point| (track, point)));
    let void: Vec<String> = points
        .filter(|(_, point)| point.cell.is_void())
        .map(|(track, point)| format!("{} with {}", track.series.label(), sweep.load(point.clients)))
        .collect();
    if void.is_empty() { String::new() } else { format!(" Void, and in no line: {}.", listed(&void)) }
}

pub(crate) fn throughput_table(sweep: &Sweep<'_, '_>) -> Table {
    let values = |trial: &Trial| Metric::Throughput.of(trial);
    let mut table = table(sweep, "Throughput", "requests/s", values, |point| point.throughput);
    table.headers.extend(["clients ÷ wait", "CPU line", "slots ÷ wait"].map(String::from));
    let points = sweep.tracks.iter().flat_map(|track| &track.points);
    for (row, point) in table.rows.iter_mut().zip(points) {
        let bounds = [point.bounds.clients, point.bounds.cpu, point.bounds.slots];
        row.extend(bounds.map(|bound| shown(bound, exact)));
    }
    table
}

pub(crate) fn table(
    sweep: &Sweep<'_, '_>,
    title: &str,
    unit: &str,
    figure: impl Fn(&Trial) -> Option<f64>,
    median: impl Fn(&Point<'_, '_>) -> Option<f64>,
) -> Table {
    let row = |(track, point): (&Track<'_, '_>, &Point<'_, '_>)| {
        let trials: Vec<String> = point.cell.ok.iter().map(|trial| shown(figure(trial), exact)).collect();
        let load = sweep.load(point.clients);
        let load = if point.cell.is_void() { format!("{load} (void)") } else { load };
        vec![track.series.label(), load, shown(median(point), exact), trials.join("; ")]
    };
    let points = sweep.tracks.iter().flat_map(|track| track.points.iter().map(move |point| (track, point)));
    Table {
        caption: format!("{title}: the figures behind the chart"),
        headers: vec!["rung".into(), "load".into(), format!("median, {unit}"), "each trial".into()],
        rows: points.map(row).collect(),
        numbers_from: 2,
    }
}
