//! What became of each rung of an experiment, a sentence each: where it leaves the lower of its lines, or else at the
//! heaviest load that it was given. That nothing ran out is a verdict too, with what was looked at.

use crate::report::bounds::{Standing, Sweep, Track, server_cores};
use crate::report::cells::{Cell, Experiment, Series};
use crate::report::text::{count, counted, exact, listed, milliseconds, sentence};
use crate::report::verdict::Verdict;
use crate::report::verdict::evidence::{Evidence, peak_rps};
use crate::report::verdict::rules;
use crate::report::verdict::words::{NOT_RUN, percent};
use crate::results::{Machine, Mode};

/// By what was asked for: closed loop, open loop, subscribers, slow clients.
pub(crate) fn sentences(experiment: &Experiment<'_>, machine: &Machine) -> Vec<String> {
    let mut said = Vec::new();
    for (on, each) in all(experiment, machine) {
        said.extend(together(each).into_iter().map(|text| match &on {
            Some(target) => format!("On {target}, {}", crate::report::text::continued(&text)),
            None => text,
        }));
    }
    said
}

/// What became of one rung, and where.
pub(crate) struct Became {
    pub(crate) series: Series,
    /// What it was asked for.
    pub(crate) target: String,
    pub(crate) mode: Mode,
    /// `256 clients`
    pub(crate) load: String,
    /// None where nothing ran out.
    pub(crate) verdict: Option<Verdict>,
}

/// The same as [`sentences`], to be held against other runs.
pub(crate) fn became(experiment: &Experiment<'_>, machine: &Machine) -> Vec<Became> {
    let one = |said: Said<'_, '_>| {
        let (at, verdict) = match said {
            Said::Out(at, verdict) => (at, Some(verdict)),
            Said::Nothing(at) => (at, None),
        };
        Became {
            series: at.cell.series.clone(),
            target: at.cell.target().named(),
            mode: at.cell.load.mode,
            load: load(at.cell),
            verdict,
        }
    };
    all(experiment, machine).into_iter().flat_map(|(_, each)| each).map(one).collect()
}

/// Every rung where its verdict is spoken, by what was asked for, with what to call that by if need be.
fn all<'e, 'a>(
    experiment: &'e Experiment<'a>,
    machine: &Machine,
) -> Vec<(Option<String>, Vec<Said<'e, 'a>>)> {
    let cores = server_cores(machine).filter(|_| !experiment.asked.demonstration);
    let mut all = Vec::new();
    for sweep in Sweep::all(experiment, Mode::Closed, machine) {
        let each = sweep.tracks.iter().filter_map(|track| of_track(experiment, track, cores)).collect();
        all.push((sweep.told_apart.clone(), each));
    }
    for mode in [Mode::Open, Mode::Subscribers, Mode::Slow] {
        for target in experiment.targets(mode) {
            let cells = experiment.series.iter().filter_map(|series| {
                heaviest(experiment.at(target).filter(|cell| cell.series == *series).collect())
            });
            let each = cells.filter_map(|cell| of_cell(experiment, cell, cores)).collect();
            all.push((experiment.told_apart(target), each));
        }
    }
    all
}

/// One rung at one load.
enum Said<'e, 'a> {
    /// Something ran out.
    Out(Evidence<'e, 'a>, Verdict),
    /// Nothing did.
    Nothing(Evidence<'e, 'a>),
}

/// Where the rung stops following its clients; else its heaviest load.
fn of_track<'e, 'a>(
    experiment: &'e Experiment<'a>,
    track: &Track<'e, 'a>,
    cores: Option<f64>,
) -> Option<Said<'e, 'a>> {
    let place = match (track.leaves_at(), track.cpu_takes_over()) {
        (Some(left), Some(turn)) if turn.clients < left.clients => Some(turn),
        (left, turn) => left.or(turn),
    };
    let Some(point) = place else {
        // Of a load whose trials are all void nothing is known, and what is known of lighter ones stands.
        let known = track.points.iter().rev().find(|point| matches!(point.standing(), Standing::On(_)));
        return match known {
            Some(point) => {
                let at = Evidence::at(track, point, cores);
                Some(if rules::fills_cpu(&at) { out(at) } else { Said::Nothing(at) })
            }
            None => {
                of_cell(experiment, heaviest(track.points.iter().map(|point| point.cell).collect())?, cores)
            }
        };
    };
    Some(out(Evidence::at(track, point, cores)))
}

/// A cell that has no lines.
fn of_cell<'e, 'a>(
    experiment: &'e Experiment<'a>,
    cell: &'e Cell<'a>,
    cores: Option<f64>,
) -> Option<Said<'e, 'a>> {
    let at = Evidence::of(experiment, cell, cores);
    if !rules::suffers(&at) {
        return Some(Said::Nothing(at)).filter(|_| !cell.ok.is_empty());
    }
    Some(out(at))
}

fn out<'e, 'a>(at: Evidence<'e, 'a>) -> Said<'e, 'a> {
    let verdict = rules::verdict(&at);
    Said::Out(at, verdict)
}

/// Most requests at its highest rate; of equal ones that with most connections or clients.
fn heaviest<'e, 'a>(cells: Vec<&'e Cell<'a>>) -> Option<&'e Cell<'a>> {
    let key = |cell: &Cell<'_>| (peak_rps(cell).unwrap_or(0.0), cell.load.clients);
    cells.into_iter().max_by(|a, b| {
        let ((rate_a, clients_a), (rate_b, clients_b)) = (key(a), key(b));
        rate_a.total_cmp(&rate_b).then(clients_a.cmp(&clients_b))
    })
}

/// `256 clients`, `300 requests/s due at the most`
fn load(cell: &Cell<'_>) -> String {
    match peak_rps(cell).filter(|_| cell.load.shape.is_some()) {
        Some(peak) => format!("{} requests/s due at the most", exact(peak)),
        None => cell.load_label(),
    }
}

/// A sentence for each rung where something ran out, and one for all the others.
fn together(each: Vec<Said<'_, '_>>) -> Vec<String> {
    let (mut out, mut nothing) = (Vec::new(), Vec::new());
    for said in each {
        match said {
            Said::Out(at, verdict) => {
                let (name, load) = (at.cell.series.named(), load(at.cell));
                out.push(format!("{name}, {load}: {}.", verdict.clause()));
            }
            Said::Nothing(at) => nothing.push(at),
        }
    }
    out.extend(quiet(&nothing));
    out
}

/// `Nothing ran out for … (looked at: …).`
fn quiet(all: &[Evidence<'_, '_>]) -> Option<String> {
    let first = all.first()?;
    let most =
        |figure: &dyn Fn(&Evidence<'_, '_>) -> Option<f64>| all.iter().filter_map(figure).reduce(f64::max);
    let mut names: Vec<String> = Vec::new();
    let same_load = all.iter().all(|at| load(at.cell) == load(first.cell));
    for at in all {
        let name = at.cell.series.named();
        names.push(if same_load { name } else { format!("{name} ({})", load(at.cell)) });
    }
    let with = if same_load { format!(" with {}", load(first.cell)) } else { String::new() };
    let at_most = if all.len() > 1 { " at the most" } else { "" };
    let share = |name: &str, value: Option<f64>| Some(format!("{name} {}{at_most}", percent(value?)));
    let (failed, of) = all
        .iter()
        .map(Evidence::failed)
        .fold((0_u64, 0_u64), |a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)));
    let overflows = all.iter().map(Evidence::overflows).fold(0, u64::saturating_add);
    // Slow clients ask for nothing: others do, beside them.
    let unit = match first.cell.load.mode {
        Mode::Slow => "bystanders' request",
        _ => first.cell.target().unit(),
    };
    let looked_at: Vec<String> = [
        share("server CPU", most(&|at| at.cpu_busy())),
        share("generator's core", most(&|at| at.generator_busy())),
        most(&|at| at.mean_response_ms().filter(|_| at.is_open()))
            .map(|ms| format!("mean response {}{at_most}", milliseconds(ms))),
        Some(format!("{} of {} {unit}s failed", count(failed), count(of))),
        Some(format!("{} of the listen queue", counted(overflows, "overflow"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    Some(sentence(&format!(
        "nothing ran out for {}{with} (looked at: {}).",
        listed(&names),
        looked_at.join(", ")
    )))
}

/// ``CPU full: `thread-per-request`; ran out of threads: `pool` ``; none where nothing was measured.
pub(crate) fn in_brief(experiment: &Experiment<'_>, machine: &Machine) -> Option<String> {
    let mut causes: Vec<(String, Vec<String>)> = Vec::new();
    let mut nothing = false;
    for said in all(experiment, machine).into_iter().flat_map(|(_, each)| each) {
        let Said::Out(at, verdict) = said else {
            nothing = true;
            continue;
        };
        let (cause, name) = (verdict.in_brief(), format!("`{}`", at.cell.series.rung));
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => causes.push((cause, vec![name])),
        }
    }
    // What was not run explains least.
    causes.sort_by_key(|(cause, _)| cause == NOT_RUN);
    let each: Vec<String> =
        causes.into_iter().map(|(cause, names)| format!("{cause}: {}", some_of(&names))).collect();
    match (each.is_empty(), nothing) {
        (true, true) => Some("nothing ran out".into()),
        (true, false) => None,
        (false, _) => Some(each.join("; ")),
    }
}

/// So many names are a list, and more are too long for one.
const NAMES_IN_BRIEF: usize = 3;

fn some_of(names: &[String]) -> String {
    match names {
        [first, second, rest @ ..] if names.len() > NAMES_IN_BRIEF => {
            format!("{first}, {second} and {} more", rest.len())
        }
        _ => listed(names),
    }
}
