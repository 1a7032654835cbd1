//! Rule `crossover`: from which load on does async pay, metric by metric? From the smallest at which it wins and
//! keeps winning at every larger one; a load that does not count cannot be reached past.

use crate::report::cells::{Experiment, Metric};
use crate::report::crossover::{self, Map, Panel, Row, Square, Standing, Winner};
use crate::report::findings::Finding;
use crate::report::findings::compared::{compared_as, points};
use crate::report::text::{counted, listed, sentence};
use crate::stats::{Family, Reading};

/// For each pair the numbers to remember, where requests wait longest; then every metric at every route.
pub(crate) fn findings(experiment: &Experiment<'_>, family: &Family) -> Vec<Finding> {
    let maps = crossover::maps(experiment, family);
    if maps.is_empty() {
        let nothing =
            "No blocking rung and async one had the same load, so there is no crossover to look for.";
        return vec![Finding::headline(nothing.into())];
    }
    let headlines = maps.iter().filter_map(|map| Some(Finding::headline(headline(map)?)));
    let details = maps
        .iter()
        .flat_map(|map| map.panels.iter().map(move |panel| Finding::detail(in_detail(map, panel, family))));
    headlines.chain(details).collect()
}

/// The sentence to remember.
fn headline(map: &Map<'_, '_>) -> Option<String> {
    let (blocking, other) = (map.blocking.named(), map.other.named());
    let squares = || map.panels.iter().flat_map(|panel| &panel.rows).flat_map(|row| &row.squares);
    let compared: Vec<_> = squares().filter_map(|square| square.standing.ratio()).collect();
    if compared.is_empty() {
        return Some(format!("{other} instead of {blocking}: at no load do both have figures that count."));
    }
    if compared.iter().all(|ratio| !points(ratio).is_empty()) {
        let blocks = compared.iter().map(|ratio| ratio.blocks).min()?;
        let ahead = compared.iter().filter(|ratio| ratio.estimate > 1.0).count();
        return Some(format!(
            "{other} instead of {blocking}: from {} these are points, and show no load from which async pays. It came out \
             ahead in {ahead} of {}.",
            counted(blocks as u64, "block"),
            counted(compared.len() as u64, "comparison")
        ));
    }
    let rows: Vec<(&Panel<'_>, &Row<'_>)> =
        map.panels.iter().filter_map(|panel| Some((panel, panel.longest_wait()?))).collect();
    let longest = rows.iter().map(|(_, row)| row.wait()).fold(0.0, f64::max);
    let (_, first) = rows.iter().find(|(_, row)| row.wait() >= longest)?;
    let (mut pays, mut not) = (Vec::new(), Vec::new());
    for (panel, row) in rows.iter().filter(|(_, row)| row.wait() >= longest) {
        match (row.from(), row.squares.as_slice()) {
            (Some((Winner::Async, _)), [only]) => {
                pays.push(format!("at {} in {}", only.load_label(), panel.noun()));
            }
            (Some((Winner::Async, place)), _) => {
                pays.push(format!("{} in {}", row.beginning(place)?, panel.noun()));
            }
            _ => not.push(format!("{} ({})", panel.noun(), why_not(row))),
        }
    }
    let route = first.target.named();
    let place = if first.wait() > 0.0 {
        format!("where requests wait longest ({route})")
    } else {
        format!("at {route}, where nothing waits")
    };
    let said = match (pays.is_empty(), not.is_empty()) {
        (false, true) => format!("pays {}", listed(&pays)),
        (false, false) => format!("pays {}; at no load in {}", listed(&pays), listed(&not)),
        _ => format!("is shown to pay at no load in {}", listed(&not)),
    };
    Some(format!("{} {other} instead of {blocking} {said}.", sentence(&format!("{place},"))))
}

/// Why a route has no load from which async wins, in a few words.
fn why_not(row: &Row<'_>) -> String {
    match row.from() {
        Some((Winner::Blocking, 0)) if row.squares.len() == 1 => return "blocking wins".into(),
        Some((Winner::Blocking, 0)) => return "blocking wins at every load".into(),
        Some((Winner::Blocking, place)) => {
            return format!("blocking wins {}", row.beginning(place).unwrap_or_default());
        }
        _ => {}
    }
    let Some(last) = row.squares.last() else { return String::new() };
    let load = last.load_label();
    match &last.standing {
        Standing::Nothing(missing) => format!("at {load} {}", missing.why),
        Standing::Compared(_, Reading::Equal) => format!("equal within 5 % at {load}"),
        Standing::Compared(ratio, Reading::PointsOnly) => {
            format!("only {} at {load}", counted(ratio.blocks as u64, "block"))
        }
        Standing::Compared(..) => format!("no difference shown at {load}"),
    }
}

/// One metric, route by route.
fn in_detail(map: &Map<'_, '_>, panel: &Panel<'_>, family: &Family) -> String {
    let (blocking, other) = (map.blocking.named(), map.other.named());
    let (over, under) = match panel.metric {
        Metric::Throughput => (other, blocking),
        _ => (blocking, other),
    };
    let clauses: Vec<String> = panel.rows.iter().map(|row| clause(panel, row, family)).collect();
    format!("{}, {over} as against {under}: {}.", panel.heading(), clauses.join("; "))
}

/// Who wins at one route and from where on, with the ratios that it rests on.
fn clause(panel: &Panel<'_>, row: &Row<'_>, family: &Family) -> String {
    let figure = |square: &Square<'_>| {
        let load = square.under();
        match &square.standing {
            Standing::Nothing(missing) => format!("nothing {load} ({})", missing.why),
            Standing::Compared(ratio, _) => {
                let said = compared_as(as_much(panel.metric), ratio, family);
                format!("{said}{} {load}", points(ratio))
            }
        }
    };
    let at = format!("at {}", row.target.named());
    let (Some(first), Some(last)) = (row.squares.first(), row.squares.last()) else { return at };
    let ends = |from: &Square<'_>| match row.squares.len() {
        _ if std::ptr::eq(from, last) => figure(last),
        _ => format!("{} and {}", figure(from), figure(last)),
    };
    let Some((winner, place)) = row.from() else {
        let compared = row.squares.iter().find(|square| square.standing.ratio().is_some());
        return format!("{at} {}", nobody(row, &figure, ends(compared.unwrap_or(first))));
    };
    let who = if winner == Winner::Async { "async" } else { "blocking" };
    let Some(from) = row.squares.get(place) else { return at };
    let Some(below) = place.checked_sub(1).and_then(|place| row.squares.get(place)) else {
        let every = if row.squares.len() > 1 { " at every load" } else { "" };
        return format!("{at} {who} wins{every}, {}", ends(from));
    };
    let but = match &below.standing {
        Standing::Nothing(missing) => format!("{} {}", below.under(), missing.why),
        standing if standing.is_points() => {
            format!("but {}: too few blocks to claim anything past it", figure(below))
        }
        Standing::Compared(..) => format!("but {}", figure(below)),
    };
    format!("{at} {who} wins {}, {} ({but})", row.beginning(place).unwrap_or_default(), ends(from))
}

/// Why a route has no winner.
fn nobody(row: &Row<'_>, figure: &impl Fn(&Square<'_>) -> String, ends: String) -> String {
    let compared = row.squares.iter().filter(|square| square.standing.ratio().is_some());
    if compared.clone().count() == 0 {
        return match row.squares.last() {
            Some(Square { standing: Standing::Nothing(missing), .. }) => {
                format!("nothing that counts ({})", missing.why)
            }
            _ => "nothing that counts".into(),
        };
    }
    if compared.clone().all(|square| square.standing.is_points()) {
        return ends;
    }
    let won = row.squares.iter().rev().find_map(|square| Some((square, square.standing.winner()?)));
    let last = row.squares.last().map(figure).unwrap_or_default();
    match won {
        Some((square, winner)) => {
            let who = if winner == Winner::Async { "async" } else { "blocking" };
            format!("no winner from any load on: {who} wins at {}, but {last}", figure(square))
        }
        None => {
            let loads = match (compared.count(), row.squares.len()) {
                (1, 1) => "its only load".into(),
                (1, _) => "the only load that counts".into(),
                (several, _) => format!("any of {}", counted(several as u64, "load")),
            };
            format!("nobody wins at {loads}: {ends}")
        }
    }
}

fn as_much(metric: Metric) -> &'static str {
    match metric {
        Metric::Throughput => "as many",
        Metric::P99 => "as long",
        _ => "as much",
    }
}
