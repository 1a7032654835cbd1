//! From what a trial found to what it means: a result, a collapse, or nothing that may be used.
//!
//! A server that dies is a result. A wrong answer, a late generator or books that do not balance make a
//! trial void: its figures would look like figures and be none.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;

use loadgen::histogram::Histogram;
use loadgen::protocol::{Failure, InFlight, Outcome};

use crate::cell::{Subject, in_words};
use crate::probe::{Edges, INTERVAL_MS, Observed, Size};
use crate::process::{exit_text, said};
use crate::refusals::Refused;
use crate::results::{
    Afterwards, Bystander, Client, Load, Mode, Percentiles, SeriesRow, Server, Trial, TrialOutcome, Window,
};
use crate::sys::Ended;
use crate::warning::{self, Warning};

/// Everything that was gathered in a trial.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The server before its first request.
    pub(crate) idle: Size,
    /// Why there is no outcome.
    pub(crate) failure: Option<String>,
    /// The server is not the lab's: nobody watched it, and nobody saw its end.
    pub(crate) foreign: bool,
    /// What the generator measured.
    pub(crate) outcome: Option<Outcome>,
    /// When.
    pub(crate) edges: Option<Edges>,
    /// What the server cost; `None` when nobody looked.
    pub(crate) observed: Option<Observed>,
    /// The server's end, if nobody had asked for it.
    pub(crate) died: Option<Ended>,
    /// The server was alive and refused connections.
    pub(crate) deaf: bool,
    /// The server's end.
    pub(crate) ended: Option<Ended>,
    /// The first lines of its log and the last.
    pub(crate) log: Vec<String>,
    /// What all of it says that the system refused.
    pub(crate) refused: Option<Refused>,
    /// Whether it answered when the load was over, where somebody asked.
    pub(crate) afterwards: Option<Afterwards>,
}

/// Lag that is always tolerated, and the share of the median response that is.
const LAG_MS: f64 = 2.0;
const LAG_SHARE: f64 = 0.05;
/// How far the two ways to find the number in flight may be apart: a share of it, and so many requests at least.
const BALANCE_SHARE: f64 = 0.02;
const BALANCE_FLOOR: f64 = 0.5;
/// Standard deviations of the mean of all looks that are put down to chance: one good trial in a million is lost.
const BALANCE_DEVIATIONS: f64 = 5.0;
/// The server's CPU time is for all that it answered, and its memory for all connections. Where more than
/// this share of them were bystanders', which cost less than the load's, there is no figure for one of the
/// load's to be had.
const BYSTANDERS_SHARE: f64 = 0.1;

/// Makes a trial of it.
pub(crate) fn trial(subject: Subject, found: &Found, run_started_ns: u64) -> Trial {
    let outcome = found.outcome.clone().unwrap_or_default();
    let latency_ms = percentiles(&outcome.response_time);
    let lag_ms = lag_ms(&outcome.schedule_lag);
    let (judged, reason) = judged(&subject.load, found, latency_ms.p50, lag_ms);
    let mut trial = Trial {
        experiment: subject.experiment,
        rung: subject.rung,
        variant: subject.variant,
        flags: subject.flags,
        block: subject.block,
        order: subject.order,
        bystander: bystander(&outcome, subject.bystander),
        // Gathered where the services are started.
        services: None,
        replay: None,
        window: Window {
            start_ms: found
                .edges
                .map_or(0, |edges| edges.start_ns.saturating_sub(run_started_ns) / 1_000_000),
            length_ms: outcome.window_ms,
        },
        load: subject.load,
        outcome: judged,
        reason,
        throughput_rps: found.outcome.is_some().then_some(outcome.throughput_rps),
        latency_ms,
        sent_to_answer_ms: percentiles(&outcome.sent_to_answer),
        histogram: found.outcome.is_some().then(|| outcome.response_time.clone()),
        parts: outcome.parts.clone(),
        scheduled: outcome.scheduled,
        completed: outcome.completed,
        failed: outcome.failed.clone(),
        timed_out: outcome.timed_out,
        unsent: outcome.unsent,
        server: server(found, &outcome),
        client: client(found.outcome.as_ref(), lag_ms),
        warnings: Vec::new(),
        series: series(&outcome, found.observed.as_ref()),
    };
    if found.outcome.is_some() {
        // A collapse says it all: requests to a server that is gone fail.
        let collapsed = trial.outcome == TrialOutcome::Collapsed;
        let mut warnings = if collapsed { Vec::new() } else { warning::of(&trial) };
        if let Some((lag_ms, tolerated_ms)) = outcome.bystander.as_deref().and_then(late) {
            // Its times are the generator's fault; those of the load are not.
            trial.bystander = None;
            warnings.push(Warning::BystanderLate { lag_ms, tolerated_ms });
        }
        if !found.foreign && found.observed.is_none() {
            warnings.push(Warning::NotWatched);
        }
        if found.died.is_none() && was_killed(found) {
            warnings.push(Warning::Killed);
        }
        trial.warnings = warnings.iter().map(ToString::to_string).collect();
    }
    trial
}

/// How it ended, and why.
fn judged(
    load: &Load,
    found: &Found,
    median_ms: Option<f64>,
    lag_ms: Option<f64>,
) -> (TrialOutcome, Option<String>) {
    let at = in_words(load);
    if let Some(ended) = found.died {
        let how = exit_text(ended.status);
        return (TrialOutcome::Collapsed, Some(format!("collapsed at {at}: {how}{}", said(&found.log))));
    }
    if found.deaf {
        let reason =
            format!("collapsed at {at}: the process lives but refuses connections{}", said(&found.log));
        return (TrialOutcome::Collapsed, Some(reason));
    }
    let void = |reason: String| (TrialOutcome::Void, Some(reason));
    let Some(outcome) = &found.outcome else {
        return void(found.failure.clone().unwrap_or_else(|| "there is no outcome".into()));
    };
    let unit = if load.mode == Mode::Subscribers { "ticks" } else { "requests" };
    let beside = outcome.bystander.as_deref();
    let fault = fault(outcome, unit)
        .or_else(|| fault(beside?, "requests").map(|text| format!("bystander: {text}")))
        .or_else(|| unbalanced(outcome.in_flight?))
        .or_else(|| unbalanced(beside?.in_flight?).map(|text| format!("bystander: {text}")));
    if let Some(reason) = fault {
        return void(reason);
    }
    let tolerated_ms = tolerated_ms(median_ms);
    match lag_ms.filter(|lag_ms| load.mode == Mode::Open && *lag_ms > tolerated_ms) {
        Some(lag_ms) => void(format!(
            "the load generator was late: {lag_ms:.1} ms behind its schedule (p99) where {tolerated_ms:.1} are tolerated; \
             leave the machine alone during a run"
        )),
        None => (TrialOutcome::Ok, None),
    }
}

/// Failures that are not the server's, and why they happen.
const OWN_FAULTS: [(Failure, &str); 3] = [
    (Failure::OutOfFiles, "the load generator ran out of file descriptors (raise `ulimit -n`)"),
    (Failure::OutOfPorts, "the load generator ran out of ports to connect from"),
    (Failure::Local, "the system refused the load generator a connection: no memory for it, or not allowed"),
];

/// What of an outcome makes its figures none: answers that were wrong, a generator that was out of
/// something, books that do not balance.
fn fault(outcome: &Outcome, unit: &str) -> Option<String> {
    let scheduled = outcome.scheduled;
    let wrong = [Failure::Status, Failure::WrongBody, Failure::Protocol];
    let wrong: u64 = wrong.iter().filter_map(|kind| outcome.failed.get(kind)).sum();
    if wrong > 0 {
        let first =
            outcome.first_wrong.as_ref().map(|text| format!("; the first: {text}")).unwrap_or_default();
        return Some(format!("{wrong} of {scheduled} answers were wrong{first}"));
    }
    let happened = |kind: Failure| outcome.failed.get(&kind).copied().filter(|count| *count > 0);
    let own = OWN_FAULTS.into_iter().find_map(|(kind, why)| Some((happened(kind)?, why)));
    if let Some((count, why)) = own {
        return Some(format!("{count} {unit} failed since {why}"));
    }
    let accounted =
        outcome.completed + outcome.failed.values().sum::<u64>() + outcome.timed_out + outcome.unsent;
    (accounted != scheduled)
        .then(|| format!("{scheduled} {unit} were scheduled, but {accounted} accounted for"))
}

/// Little's law, held against the generator itself: requests in flight by its time stamps, and by looking.
fn unbalanced(in_flight: InFlight) -> Option<String> {
    let InFlight { summed, sampled, looks } = in_flight;
    let most = summed.max(sampled);
    // Looking has an error of its own, the larger the fewer looks there were: requests that come and go at random
    // make a number in flight whose variance is its mean, and no look knows more than one of them.
    let by_chance = BALANCE_FLOOR.max(BALANCE_DEVIATIONS * (most / looks.max(1) as f64).sqrt());
    let apart = (summed - sampled).abs();
    (apart > BALANCE_SHARE * most && apart > by_chance).then(|| {
        format!(
            "the load generator's books do not balance: {summed:.1} requests were in flight on average by their time \
             stamps, but {sampled:.1} in {looks} looks; leave the machine alone during a run"
        )
    })
}

/// Whether a bystander was behind its schedule, and how far it may be.
fn late(bystander: &Outcome) -> Option<(f64, f64)> {
    let lag_ms = lag_ms(&bystander.schedule_lag)?;
    let tolerated_ms = tolerated_ms(percentiles(&bystander.response_time).p50);
    (lag_ms > tolerated_ms).then_some((lag_ms, tolerated_ms))
}

/// Whether a trial is void since its generator was late. That is the machine's doing: it had other work.
pub(crate) fn was_late(trial: &Trial) -> bool {
    let late = trial.client.lag_ms_p99.is_some_and(|lag_ms| lag_ms > tolerated_ms(trial.latency_ms.p50));
    trial.outcome == TrialOutcome::Void && trial.load.mode == Mode::Open && late
}

fn tolerated_ms(median_ms: Option<f64>) -> f64 {
    LAG_MS.max(LAG_SHARE * median_ms.unwrap_or(0.0))
}

fn bystander(outcome: &Outcome, asked: Option<(String, f64)>) -> Option<Bystander> {
    let (seen, (route, rate_rps)) = outcome.bystander.as_deref().zip(asked)?;
    Some(Bystander {
        route,
        rate_rps,
        latency_ms: percentiles(&seen.response_time),
        histogram: Some(seen.response_time.clone()),
        scheduled: seen.scheduled,
        completed: seen.completed,
        failed: seen.failed.clone(),
        timed_out: seen.timed_out,
        unsent: seen.unsent,
    })
}

fn server(found: &Found, outcome: &Outcome) -> Server {
    let observed = found.observed.as_ref();
    let cpu_s = observed.and_then(|observed| observed.cpu_s);
    let bystanders = outcome.bystander.as_ref().map_or(0, |bystander| bystander.completed);
    let cpu_over = of_the_load(outcome.completed, bystanders);
    let bystanders = outcome.bystander.as_ref().map_or(0, |bystander| bystander.connections_up);
    let memory_over = of_the_load(outcome.connections_up.into(), bystanders.into());
    let sizes = || observed.iter().flat_map(|observed| &observed.samples).map(|sample| sample.size);
    let threads_peak = sizes().filter_map(|size| size.threads).max();
    let at_most = Size { threads: threads_peak, ..Size::default() };
    let total_peak = sizes().filter_map(Size::total_bytes).max();
    let growth =
        total_peak.zip(found.idle.total_bytes()).map(|(peak, idle)| peak.saturating_sub(idle) as f64);
    let well = found.died.is_none() && !found.deaf && found.ended.is_some_and(|ended| ended.status.success());
    Server {
        cpu_s,
        cpu_user_s: observed.and_then(|observed| observed.split).map(|(user, _)| user),
        cpu_system_s: observed.and_then(|observed| observed.split).map(|(_, system)| system),
        others_cpu_s: observed.and_then(|observed| observed.others_cpu_s),
        life_cpu_s: found.ended.map(|ended| ended.cpu.as_secs_f64()),
        cpu_us_per_request: cpu_s.zip(cpu_over).map(|(cpu_s, answers)| cpu_s * 1e6 / answers),
        rss_idle_bytes: found.idle.rss_bytes,
        rss_peak_bytes: sizes().filter_map(|size| size.rss_bytes).max(),
        threads_peak,
        threads_idle: found.idle.threads,
        kernel_stack_bytes: at_most.kernel_stack_bytes(),
        page_table_bytes: sizes().filter_map(|size| size.page_table_bytes).max(),
        page_table_idle_bytes: found.idle.page_table_bytes,
        memory_per_connection_bytes: growth
            .zip(memory_over)
            .map(|(growth, connections)| growth / connections),
        ctx_switches_voluntary: found.ended.map(|ended| ended.voluntary),
        ctx_switches_involuntary: found.ended.map(|ended| ended.involuntary),
        listen_overflows: observed.and_then(|observed| observed.listen_overflows),
        address_space_peak_bytes: sizes().filter_map(|size| size.address_space_bytes).max(),
        threads_refused: found.refused.map(|refused| refused.threads),
        files_refused: found.refused.map(|refused| refused.files),
        memory_refused: found.refused.map(|refused| refused.memory),
        afterwards: found.afterwards,
        exit: found.ended.map(|ended| exit_text(ended.status)),
        log: (!well && !found.log.is_empty()).then(|| found.log.join("\n")),
    }
}

/// Over how many of the load and its bystanders a cost is to be divided; `None` where it would say little
/// of the load's own.
fn of_the_load(own: u64, bystanders: u64) -> Option<f64> {
    let all = (own + bystanders) as f64;
    (own > 0 && bystanders as f64 <= BYSTANDERS_SHARE * all).then_some(all)
}

fn client(outcome: Option<&Outcome>, lag_ms: Option<f64>) -> Client {
    let Some(outcome) = outcome else { return Client::default() };
    Client {
        cpu_s: Some(outcome.cpu_s),
        core_busy: Some(outcome.core_busy),
        lag_ms_p99: lag_ms,
        connections_wanted: Some(outcome.connections_wanted),
        connections_up: Some(outcome.connections_up),
        slow: outcome.slow,
        in_flight_summed: outcome.in_flight.map(|in_flight| in_flight.summed),
        in_flight_sampled: outcome.in_flight.map(|in_flight| in_flight.sampled),
    }
}

/// Of the generator's rows, with the last look at the server in each.
fn series(outcome: &Outcome, observed: Option<&Observed>) -> Vec<SeriesRow> {
    let rows = outcome.series.iter().map(|row| SeriesRow {
        t_ms: row.t_ms,
        completed: Some(row.completed),
        errors: Some(row.failed + row.timed_out),
        in_flight: Some(row.in_flight),
        p50_ms: row.p50_ms,
        p99_ms: row.p99_ms,
        max_ms: row.max_ms,
        ..SeriesRow::default()
    });
    let mut by_time: BTreeMap<u64, SeriesRow> = rows.map(|row| (row.t_ms, row)).collect();
    for beside in outcome.bystander.iter().flat_map(|bystander| &bystander.series) {
        if let Some(row) = by_time.get_mut(&beside.t_ms) {
            row.bystander_p50_ms = beside.p50_ms;
        }
    }
    for sample in observed.iter().flat_map(|observed| &observed.samples).filter(|sample| sample.t_ms > 0) {
        // A look at an interval's end belongs to the interval that ends there.
        let t_ms = (sample.t_ms - 1) / INTERVAL_MS * INTERVAL_MS;
        let row = by_time.entry(t_ms).or_insert_with(|| SeriesRow { t_ms, ..SeriesRow::default() });
        row.server_rss_bytes = sample.size.rss_bytes;
        row.server_threads = sample.size.threads;
        row.server_cpu_s = sample.cpu_s;
    }
    by_time.into_values().collect()
}

fn percentiles(histogram: &str) -> Percentiles {
    let Ok(histogram) = Histogram::decode(histogram) else { return Percentiles::default() };
    Percentiles {
        p50: histogram.percentile_ms(0.5),
        p90: histogram.percentile_ms(0.9),
        p99: histogram.percentile_ms(0.99),
        p999: histogram.percentile_ms(0.999),
        max: histogram.max_ms(),
        mean: histogram.mean_ms(),
    }
}

fn lag_ms(histogram: &str) -> Option<f64> {
    Histogram::decode(histogram).ok()?.percentile_ms(0.99)
}

fn was_killed(found: &Found) -> bool {
    found.ended.is_some_and(|ended| ended.status.signal() == Some(libc::SIGKILL))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
