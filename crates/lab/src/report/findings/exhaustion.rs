//! Rule `exhaustion`: servers in one small box, and more and more clients. Up to how many does each answer, what runs
//! out then, by its own words and by what was sampled, and does it answer again when they have left?

use crate::report::cells::{Cell, Experiment, Series};
use crate::report::findings::Finding;
use crate::report::text::{bytes, count, counted, listed, milliseconds, rounded};
use crate::report::verdict::percent;
use crate::results::{Mode, Server, Trial};

/// A share of the address space from which on the next stack may not fit.
const NEARLY_FULL: f64 = 0.9;

/// A sentence for each rung.
pub(crate) fn findings(experiment: &Experiment<'_>) -> Vec<Finding> {
    let said = experiment.series.iter().filter_map(|series| of_rung(experiment, series));
    said.map(Finding::headline).collect()
}

/// What the servers of an experiment were given, if anything was limited.
pub(crate) fn the_box(experiment: &Experiment<'_>) -> Option<Finding> {
    let limits = experiment.asked.server.as_ref()?;
    let addresses = limits.address_space_bytes.map(|limit| {
        format!(
            "{} of address space, a stand-in for a container's limits of memory and threads",
            bytes(limit as f64)
        )
    });
    let files = limits.open_files.map(|files| counted(files, "open file"));
    let limits: Vec<String> = addresses.into_iter().chain(files).collect();
    (!limits.is_empty())
        .then(|| Finding::detail(format!("Each server's process was limited to {}.", limits.join(", and "))))
}

fn clients(number: u32) -> String {
    counted(number.into(), "client")
}

fn of_rung(experiment: &Experiment<'_>, series: &Series) -> Option<String> {
    let mine = |cell: &&Cell<'_>| cell.series == *series && cell.load.mode == Mode::Closed;
    let measured = |cell: &&Cell<'_>| !cell.ok.is_empty() || !cell.collapsed.is_empty();
    let mut cells: Vec<&Cell<'_>> = experiment.cells.iter().filter(mine).filter(measured).collect();
    cells.sort_by_key(|cell| cell.load.clients);
    let name = series.named();
    let most = cells.last()?.load.clients;
    let Some(place) = cells.iter().position(|cell| broke(cell)) else {
        return Some(format!(
            "{name} answered every request at up to {}, the most that were tried.",
            clients(most)
        ));
    };
    let (well, broken) = cells.split_at(place);
    let first = broken.first()?;
    let up_to = match well.last() {
        Some(last) => format!(
            "{name} answered every request at up to {}; at {} it",
            clients(last.load.clients),
            count(first.load.clients.into())
        ),
        None => {
            format!("{name} broke at {} already, the fewest that were tried: it", clients(first.load.clients))
        }
    };
    let then = broken.iter().skip(1).find(|cell| !cell.collapsed.is_empty() && first.collapsed.is_empty());
    let then = then
        .map(|cell| format!(" At {} it {}.", clients(cell.load.clients), ended(cell).unwrap_or_default()));
    Some(format!(
        "{up_to} {}, and {}. {}{}",
        ran_out(experiment, first),
        ended(first).unwrap_or_else(|| unanswered(first)),
        afterwards(first),
        then.unwrap_or_default()
    ))
}

/// Not everybody was answered.
fn broke(cell: &Cell<'_>) -> bool {
    !cell.collapsed.is_empty() || cell.ok.iter().any(|trial| lost(trial) > 0)
}

fn lost(trial: &Trial) -> u64 {
    trial.failed.values().sum::<u64>() + trial.timed_out + trial.unsent
}

fn trials<'c, 'a>(cell: &'c Cell<'a>) -> impl Iterator<Item = &'a Trial> + 'c {
    cell.ok.iter().chain(&cell.collapsed).copied()
}

/// `ran out of address space (its log says so 3 times; 500 MiB of 512 MiB of addresses were mapped, with 380 threads)`
fn ran_out(experiment: &Experiment<'_>, cell: &Cell<'_>) -> String {
    let said =
        |of: fn(&Server) -> Option<u64>| trials(cell).filter_map(|trial| of(&trial.server)).sum::<u64>();
    let (threads, memory) = (said(|server| server.threads_refused), said(|server| server.memory_refused));
    let files_refused = ("files", said(|server| server.files_refused));
    let kinds = if experiment.is_boxed() {
        // One limit: whether a stack or something else found no room is chance.
        vec![("address space", threads + memory), files_refused]
    } else {
        vec![("threads", threads), files_refused, ("memory", memory)]
    };
    let kinds: Vec<_> = kinds.into_iter().filter(|(_, times)| *times > 0).collect();
    let evidence: Vec<String> =
        [addresses(experiment, cell), files(experiment, &kinds)].into_iter().flatten().collect();
    if kinds.is_empty() {
        let sampled = if evidence.is_empty() { String::new() } else { format!(" ({})", evidence.join("; ")) };
        return format!("had a limit that its log does not name{sampled}");
    }
    let names: Vec<String> = kinds.iter().map(|(name, _)| (*name).to_owned()).collect();
    let times: Vec<String> = kinds.iter().map(|(_, times)| counted(*times, "time")).collect();
    let says = format!("its log says so {}", listed(&times));
    let evidence: Vec<String> = std::iter::once(says).chain(evidence).collect();
    format!("ran out of {} ({})", listed(&names), evidence.join("; "))
}

/// What was mapped, where the limit was near.
fn addresses(experiment: &Experiment<'_>, cell: &Cell<'_>) -> Option<String> {
    let limit = experiment.asked.server.as_ref()?.address_space_bytes? as f64;
    let peak = trials(cell).filter_map(|trial| trial.server.address_space_peak_bytes).max()? as f64;
    let threads = trials(cell).filter_map(|trial| trial.server.threads_peak).max();
    let threads = threads.map(|threads| format!(", with {}", counted(threads, "thread"))).unwrap_or_default();
    (peak >= NEARLY_FULL * limit)
        .then(|| format!("{} of {} of addresses were mapped{threads}", bytes(peak), bytes(limit)))
}

fn files(experiment: &Experiment<'_>, kinds: &[(&str, u64)]) -> Option<String> {
    let limit = experiment.asked.server.as_ref()?.open_files?;
    kinds.iter().any(|(name, _)| *name == "files").then(|| format!("it may open {}", count(limit)))
}

/// How it ended, where it did.
fn ended(cell: &Cell<'_>) -> Option<String> {
    let reason = cell.collapsed.first()?.reason.as_deref().unwrap_or("no reason was recorded");
    // Who said what is in the table of trials.
    let how = reason.split("; it said").next().unwrap_or(reason);
    let how = how.split_once(": ").map_or(how, |(_, how)| how);
    let of = cell.ok.len() + cell.collapsed.len();
    let times = if of == 1 { String::new() } else { format!(" in {} of {of} trials", cell.collapsed.len()) };
    Some(format!("collapsed{times} ({how})"))
}

/// `12 % of requests got no right answer: 40 were told to come back later (503) and 3 waited in vain`
fn unanswered(cell: &Cell<'_>) -> String {
    use loadgen::protocol::Failure::Shed;
    let sum = |of: &dyn Fn(&Trial) -> u64| cell.ok.iter().map(|trial| of(trial)).sum::<u64>();
    let shed = sum(&|trial| trial.failed.get(&Shed).copied().unwrap_or(0));
    let late = sum(&|trial| trial.timed_out + trial.unsent);
    let broken = sum(&lost) - shed - late;
    let kinds = [
        (shed, "told to come back later (503)"),
        (late, "not answered in time"),
        (broken, "refused or cut off"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
    let share = sum(&lost) as f64 / sum(&|trial| trial.scheduled).max(1) as f64;
    let share = if share < 0.01 { format!("{} %", rounded(share * 100.0)) } else { percent(share) };
    format!("{share} of requests got no right answer: {}", listed(&kinds))
}

/// The slowest return, or that there was none.
fn afterwards(cell: &Cell<'_>) -> String {
    let asked: Vec<_> = trials(cell).filter_map(|trial| trial.server.afterwards).collect();
    let came_back: Option<Vec<f64>> = asked.iter().map(|after| after.answered_after_ms).collect();
    let slowest = came_back.and_then(|times| times.into_iter().max_by(f64::total_cmp));
    match (slowest, asked.iter().map(|after| after.asked_for_ms).max_by(f64::total_cmp)) {
        (_, None) => "Whether it came back was not looked at.".into(),
        (Some(ms), _) => {
            format!("When the clients had left it answered again, after {}.", milliseconds(ms))
        }
        (None, Some(_)) if !cell.collapsed.is_empty() => {
            "It did not come back (experiments start servers without their supervisor).".into()
        }
        (None, Some(ms)) => format!("It did not answer within {} of their leaving.", milliseconds(ms)),
    }
}
