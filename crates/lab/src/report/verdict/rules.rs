//! From evidence to what ran out. Many things are full at once when a server is overloaded, and most of them
//! *because* another one is. So the order is from cause to consequence:
//!
//! 1. A server that died, a cell that was not run, trials that are all void: there is nothing else to look at.
//! 2. The generator. If its core was full, only the server's own CPU can still be the answer.
//! 3. Limits of the operating system, where requests failed of them. A few refusals that nobody felt are none.
//! 4. The services behind. They fill the pool in front of them, and the listen queue in front of that.
//! 5. The slots (threads of a pool). When the CPU is full they fill up as well, since views take longer; so then
//!    only what comes within 5 % of K / W is put down to them.
//! 6. The CPU.
//! 7. Others who filled the server's CPU: then the machine was not left alone, and what follows says nothing.
//! 8. Slots that only bystanders show to be taken, where the load itself has no line.
//! 9. The listen queue, if what its drops cost explains half of what is missing; after all that fills it.
//! 10. The longest part of the response, in open loop. It says where to look rather than what ran out.
//!
//! Where none of them is found, clients in step are mentioned if they could be it: that is a lead and no finding.
//!
//! Where a second one of 2, 4, 5 and 6 is full as well, the verdict says so: more of the first alone would not help.

use crate::ladder::Kind;
use crate::report::bounds::ON_LINE;
use crate::report::cells::Metric;
use crate::report::parts;
use crate::report::text::milliseconds;
use crate::report::verdict::evidence::Evidence;
use crate::report::verdict::words::looked_at;
use crate::report::verdict::{Cause, InStep, Limit, Took, Verdict};
use crate::results::{Mode, Trial};

/// A share from which on CPUs, threads or services count as full.
const FULL: f64 = 0.95;

/// A share of the server's CPUs from which on what others had of them is worth more than a note. Whoever makes threads
/// or connections for each request leaves up to an eighth of a core to the kernel, which ends them for nobody's account.
const OTHERS: f64 = 0.2;

/// How near to K / W a rung must work for K / W to be the reason, and how near where its CPU is full too.
const NEAR_SLOTS_LINE: f64 = 0.85;
const OVER_SLOTS_LINE: f64 = 1.15;

/// Answers in a trial, below which little can be concluded: their number alone has a standard deviation of a tenth.
const FEW: u64 = 100;

/// A share of requests without a right answer that explains missing throughput.
pub(crate) const MANY_FAILED: f64 = 0.01;

/// A client whose connection was dropped tries again after this long at first (RFC 6298).
const RETRY_MS: f64 = 1_000.0;

/// A part of a response that is at least so much of it explains it.
const MOST: f64 = 0.5;

/// Mean responses of so many times their wait, and so many milliseconds, are late.
const LATE: f64 = 1.5;
const LATE_MS: f64 = 3.0;

/// What ran out.
pub(crate) fn verdict(at: &Evidence<'_, '_>) -> Verdict {
    let alone = |cause| Verdict { cause, also: Vec::new() };
    if let Some(cause) = over(at) {
        return alone(cause);
    }
    let cpu = cpu(at);
    if let Some(busy) = at.cell.client_bound() {
        let generator = Cause::Generator { busy };
        return match cpu {
            Some(cpu) => Verdict { cause: cpu, also: vec![generator] },
            None => alone(generator),
        };
    }
    if let Some(refused) = refused(at) {
        return alone(refused);
    }
    let slots = slots(at, cpu.is_some()).or_else(|| in_the_services_line(at));
    let full = [downstream(at).or_else(|| fault(at)), slots, cpu];
    let mut full = full.into_iter().flatten();
    if let Some(cause) = full.next() {
        return Verdict { cause, also: full.collect() };
    }
    let cause = others(at)
        .or_else(|| blocked(at))
        .or_else(|| listen_queue(at))
        .or_else(|| part(at))
        .or_else(|| failures(at))
        .unwrap_or_else(|| not_found(at));
    alone(cause)
}

/// Whether a cell without lines needs a verdict: the server fell behind, answers are late, or there were none.
pub(crate) fn suffers(at: &Evidence<'_, '_>) -> bool {
    let late_ms = at.wait_ms.unwrap_or(0.0) * LATE + LATE_MS;
    over(at).is_some()
        || at.cell.client_bound().is_some()
        || at.cell.behind().is_some()
        || (at.is_open() && at.mean_response_ms().is_some_and(|ms| ms > late_ms))
        || many(at.failed())
        || cpu(at).is_some()
        || late_bystander(at).is_some()
}

/// How long whoever asks for something else beside the load waits, half of the time, where that is long.
fn late_bystander(at: &Evidence<'_, '_>) -> Option<f64> {
    let (ms, wait_ms) = at.bystander_ms()?;
    (ms > wait_ms * LATE + LATE_MS).then_some(ms)
}

fn many((failed, of): (u64, u64)) -> bool {
    failed as f64 > MANY_FAILED * of as f64
}

/// Whether its CPUs are full, which is no reason to leave a line where that line is the CPU's.
pub(crate) fn fills_cpu(at: &Evidence<'_, '_>) -> bool {
    cpu(at).is_some()
}

/// What leaves nothing to look at.
fn over(at: &Evidence<'_, '_>) -> Option<Cause> {
    let cell = at.cell;
    let reason_of = |trials: &[&Trial]| {
        let reason = trials.iter().find_map(|trial| trial.reason.as_deref());
        reason.unwrap_or("no reason was recorded").trim_end_matches('.').to_owned()
    };
    if !cell.collapsed.is_empty() {
        let (trials, of) = (cell.collapsed.len(), cell.ok.len() + cell.collapsed.len());
        let limit = cell.collapsed.iter().find_map(|trial| {
            let said = [trial.server.log.as_deref(), trial.reason.as_deref()];
            said.into_iter().flatten().find_map(last_words).or_else(|| counted(trial))
        });
        let limit = limit.map(|limit| at.named(limit));
        return Some(Cause::Collapsed { trials, of, reason: reason_of(&cell.collapsed), limit });
    }
    if !cell.ok.is_empty() {
        return None;
    }
    if let Some(left_out) = cell.not_run {
        // The slots are the reason when K / W is the lowest of its lines.
        let lowest = at.slots_rps().zip(at.possible_rps).is_some_and(|(slots, lower)| slots < lower);
        let slots = at.slots.zip(at.wait_ms).filter(|_| lowest).map(|(slots, ms)| (slots, milliseconds(ms)));
        return Some(Cause::NotRun { reason: left_out.reason.trim_end_matches('.').into(), slots });
    }
    (!cell.void.is_empty()).then(|| Cause::Void { trials: cell.void.len(), reason: reason_of(&cell.void) })
}

/// What a server ran out of by what it or its runtime said at last, in the words of the C library and of Rust.
/// A signal says nothing: the kernel kills with the same one when memory runs out as anybody else.
fn last_words(text: &str) -> Option<Limit> {
    let said = |what: &[&str]| what.iter().any(|what| text.contains(what));
    if said(&["Too many open files", "os error 24", "os error 23"]) {
        Some(Limit::Files)
    } else if said(&["memory allocation of", "Cannot allocate memory", "os error 12"]) {
        Some(Limit::Memory)
    } else if said(&["failed to spawn thread", "Resource temporarily unavailable", "os error 11"]) {
        Some(Limit::Threads)
    } else {
        None
    }
}

fn counted(trial: &Trial) -> Option<Limit> {
    let server = &trial.server;
    let kinds = [
        (Limit::Files, server.files_refused),
        (Limit::Memory, server.memory_refused),
        (Limit::Threads, server.threads_refused),
    ];
    kinds.into_iter().find(|(_, times)| times.is_some_and(|times| times > 0)).map(|(limit, _)| limit)
}

fn refused(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (failed, of) = at.failed();
    let felt = many((failed, of)) || at.missing_connections() > MANY_FAILED;
    let (limit, times) = at.refused().into_iter().max_by_key(|(_, times)| *times)?;
    let limit = at.named(limit);
    (times > 0 && (felt || many((times, of)))).then_some(Cause::Refused { limit, times, failed, of })
}

fn downstream(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (capacity, in_service) = (at.services?.capacity?, at.calls_in_service()?);
    let queued = at.calls_queued();
    (in_service >= FULL * capacity as f64).then_some(Cause::Downstream { capacity, in_service, queued })
}

/// Trouble that was ordered. Where more is due than its slots could ever serve, that is the reason all the same.
fn fault(at: &Evidence<'_, '_>) -> Option<Cause> {
    let trouble = at.services?.faults.first()?;
    let called = at.cell.ok.iter().any(|trial| trial.services.is_some_and(|calls| calls.arrived > 0));
    let within =
        at.slots_rps().zip(at.possible_rps).is_none_or(|(slots, due)| !at.is_open() || due < FULL * slots);
    let what = match trouble.kind.as_str() {
        "stall" => "hung",
        "reset" => "reset connections",
        "error" => "answered with errors",
        "slow_body" => "sent their answers slowly",
        _ => "did not do what they should",
    };
    (called && within).then_some(Cause::Fault { what, for_ms: trouble.for_ms })
}

fn slots(at: &Evidence<'_, '_>, cpu_is_full: bool) -> Option<Cause> {
    let (slots, callers) = (at.slots?, at.cell.load.clients);
    if at.cell.load.mode == Mode::Subscribers {
        // Who has a slot keeps it, so all others wait for ever.
        let left_out = slots.number < callers && many(at.failed());
        return left_out.then_some(Cause::Slots { slots, callers, line: None, queue: None });
    }
    let (wait_ms, limit_rps) = (at.wait_ms?, at.slots_rps()?);
    let queue = at.longest_part().filter(|(name, _)| *name == parts::QUEUE).map(|(_, took)| took);
    let all_taken = if at.is_open() {
        // For a while at least, more was due than they can serve, and it is there that requests waited.
        let waited = queue.is_some_and(Took::most) || (queue.is_none() && at.cell.behind().is_some());
        waited && (at.possible_rps? >= FULL * limit_rps || fault(at).is_some())
    } else {
        let near = if cpu_is_full { ON_LINE } else { NEAR_SLOTS_LINE };
        // The answers of each slot are counted to one, wherever the window's edges fall among them.
        let window_s = Some(at.window_ms() / 1_000.0).filter(|s| *s > 0.0);
        let cut_off = window_s.map_or(0.0, |s| f64::from(slots.number).sqrt() / s);
        let near = near * limit_rps - cut_off..=OVER_SLOTS_LINE * limit_rps + cut_off;
        slots.number < callers && near.contains(&at.throughput_rps?)
    };
    // A line that far more than is due would fit under proves nothing: there its slots were taken for a while.
    let reached = !at.is_open() || at.possible_rps? >= FULL * limit_rps;
    let line = reached.then(|| (milliseconds(wait_ms), limit_rps));
    all_taken.then_some(Cause::Slots { slots, callers, line, queue })
}

/// Slots that are all taken by who stands in the line of full services: it is these that bystanders wait for.
fn in_the_services_line(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (slots, callers) = (at.slots?, at.cell.load.clients);
    let Cause::Downstream { in_service, queued, .. } = downstream(at)? else { return None };
    let all_taken = slots.number < callers && in_service + queued as f64 >= FULL * f64::from(slots.number);
    all_taken.then_some(Cause::Slots { slots, callers, line: None, queue: None })
}

/// Where a load has no line, its slots are seen to be taken by who else wants one.
fn blocked(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (slots, bystander_ms) = (at.slots?, late_bystander(at)?);
    (slots.number <= at.cell.load.clients).then_some(Cause::Blocked { slots, bystander_ms })
}

/// Its share is what others left, unless they had much.
fn cpu(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (cores, busy) = (at.cores?, at.cpu_busy()?);
    let others = at.others_busy().unwrap_or(0.0);
    if busy < FULL * (1.0 - others) || others > OTHERS {
        return None;
    }
    let us = at.cell.median(Metric::Cpu);
    Some(Cause::Cpu { busy, others, cores, us, kernel: at.kernel_share(), switches: at.switches() })
}

/// Where others fill the CPU, the server may have wanted more of it, and may not: nobody knows. So this explains only
/// what nothing else that was full does.
fn others(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (cores, busy, others) = (at.cores?, at.cpu_busy()?, at.others_busy()?);
    (others > OTHERS && busy + others >= FULL).then_some(Cause::Others { busy, others, cores })
}

/// A dropped connection costs its client a second. So many of them explain what is missing only if these seconds,
/// shared among all clients, are at least half of it: a burst at the start is soon forgotten.
fn listen_queue(at: &Evidence<'_, '_>) -> Option<Cause> {
    let overflows = at.overflows();
    let cost_ms = overflows as f64 * RETRY_MS;
    let explains = if at.is_open() {
        let (_, of) = at.failed();
        cost_ms / of as f64 >= MOST * (at.mean_response_ms()? - at.wait_ms.unwrap_or(0.0))
    } else {
        let spent_ms = f64::from(at.cell.load.clients) * at.window_ms() * at.cell.ok.len() as f64;
        let missing = 1.0 - at.throughput_rps? / at.possible_rps?;
        cost_ms / spent_ms >= MOST * missing
    };
    (overflows > 0 && explains).then_some(Cause::ListenQueue { overflows })
}

/// Where responses went, if one part is most of them and the rung lets it mean something.
fn part(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (name, took) = at.longest_part().filter(|(_, took)| took.most())?;
    let loops = matches!(at.cell.series.kind(), Some(Kind::Async | Kind::AsyncControl));
    match name {
        parts::WAITING => Some(Cause::Connections { number: at.cell.load.clients, waiting: took }),
        parts::QUEUE if loops => Some(Cause::EventLoop { queue: took, busy: at.cpu_busy() }),
        parts::VIEW if took.ms > at.wait_ms.unwrap_or(0.0) * LATE => {
            Some(Cause::View { view: took, busy: at.cpu_busy() })
        }
        _ => None,
    }
}

fn failures(at: &Evidence<'_, '_>) -> Option<Cause> {
    let (failed, of) = at.failed();
    many((failed, of)).then_some(Cause::Failures { failed, of })
}

/// Of so few answers even their number is uncertain by a tenth, and a limit that they come near may not show.
fn few(at: &Evidence<'_, '_>) -> Option<(u64, f64)> {
    let answers = at.cell.median_of(|trial| Some(trial.completed as f64))? as u64;
    (answers < FEW).then(|| (answers, at.window_ms() / 1_000.0))
}

fn not_found(at: &Evidence<'_, '_>) -> Cause {
    let in_step = in_step(at);
    Cause::NotFound { looked_at: looked_at(at, in_step), few: few(at), in_step }
}

/// A constant wait keeps closed-loop clients together that have once met, as behind a timer's tick or a hiccup: a burst
/// of requests, an idle CPU, a burst of answers. Each then queues for no longer than a round of all of them takes.
fn in_step(at: &Evidence<'_, '_>) -> Option<InStep> {
    let (us, besides_ms) = (at.cell.median(Metric::Cpu)?, at.besides_waiting_ms()?);
    let clients = at.cell.load.clients;
    let round_ms = f64::from(clients) * us / 1_000.0 / at.cores?;
    (besides_ms <= round_ms).then_some(InStep { clients, round_ms, besides_ms })
}

impl Took {
    /// At least half of it.
    fn most(self) -> bool {
        self.ms >= MOST * self.of_ms
    }
}

impl Evidence<'_, '_> {
    /// K / W.
    fn slots_rps(&self) -> Option<f64> {
        Some(f64::from(self.slots?.number) * 1_000.0 / self.wait_ms?)
    }
}
