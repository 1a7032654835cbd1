//! A verdict in words: one or two for a chart, a clause with its numbers for a sentence.

use crate::report::text::{bytes, count, counted, exact, milliseconds, rounded};
use crate::report::verdict::evidence::Evidence;
use crate::report::verdict::{Cause, InStep, Limit, Took, Verdict};

impl Verdict {
    /// One or two words, for a label in a chart: what it ran out of.
    pub(crate) fn label(&self) -> String {
        match &self.cause {
            Cause::Collapsed { limit: Some(limit), .. } => format!("collapsed: out of {}", limit.name()),
            Cause::Collapsed { .. } => "collapsed".into(),
            Cause::NotRun { slots: Some((slots, wait)), .. }
            | Cause::Slots { slots, line: Some((wait, _)), .. } => format!("{} ÷ {wait}", slots.counted()),
            Cause::Slots { slots, .. } | Cause::Blocked { slots, .. } => slots.counted(),
            Cause::NotRun { .. } => "not run".into(),
            Cause::Void { .. } => "void".into(),
            Cause::Refused { limit, .. } => format!("out of {}", limit.name()),
            Cause::Downstream { capacity, .. } => format!("services full: {}", counted(*capacity, "call")),
            Cause::Fault { .. } => "trouble in the services".into(),
            Cause::EventLoop { .. } => "event loop taken".into(),
            Cause::View { .. } => "long views".into(),
            Cause::Connections { number, .. } => counted((*number).into(), "connection"),
            Cause::Cpu { us: Some(us), .. } => format!("CPU full: {} µs a request", rounded(*us)),
            Cause::Cpu { .. } => "CPU full".into(),
            Cause::Others { .. } => "CPU taken by others".into(),
            Cause::Generator { .. } => "generator full".into(),
            Cause::ListenQueue { .. } => "listen queue full".into(),
            Cause::Failures { .. } => "failures".into(),
            Cause::NotFound { few: Some(_), .. } => "too few answers to tell".into(),
            Cause::NotFound { .. } => "cause not found".into(),
        }
    }

    /// What follows the number of clients in a list of rungs.
    pub(crate) fn short(&self) -> String {
        match &self.cause {
            Cause::Collapsed { limit: Some(limit), .. } => {
                format!("then collapsed, out of {}", limit.name())
            }
            Cause::Collapsed { .. } => "then collapsed".into(),
            Cause::NotRun { slots: Some((slots, _)), .. }
            | Cause::Slots { slots, .. }
            | Cause::Blocked { slots, .. } => slots.ran_out().into(),
            Cause::NotRun { .. } => "beyond which it was not run".into(),
            Cause::Void { .. } => "beyond which nothing counts".into(),
            Cause::Refused { limit, .. } => format!("then ran out of {}", limit.name()),
            Cause::Downstream { .. } => "then the services behind were full".into(),
            Cause::Fault { .. } => "then the services behind were in trouble".into(),
            Cause::EventLoop { .. } => "then its event loop was taken".into(),
            Cause::View { .. } => "then views took longer".into(),
            Cause::Connections { .. } => "then all connections were taken".into(),
            Cause::Cpu { .. } => "then ran out of CPU".into(),
            Cause::Others { .. } => "then others had its CPU".into(),
            Cause::Generator { .. } => "then the load generator was full".into(),
            Cause::ListenQueue { .. } => "then the listen queue overflowed".into(),
            Cause::Failures { .. } => "then requests failed".into(),
            Cause::NotFound { few: Some(_), .. } => {
                "then fell behind, with too few answers to tell why".into()
            }
            Cause::NotFound { .. } => "then fell behind, the cause not found".into(),
        }
    }

    /// The cause alone, the same words for all rungs that have it.
    pub(crate) fn in_brief(&self) -> String {
        match &self.cause {
            Cause::NotRun { .. } => NOT_RUN.into(),
            Cause::Slots { slots, .. } | Cause::Blocked { slots, .. } => {
                slots.ran_out().trim_start_matches("then ").into()
            }
            Cause::Downstream { .. } => "services behind full".into(),
            Cause::Fault { .. } => "services behind in trouble".into(),
            Cause::Connections { .. } => "connections all taken".into(),
            Cause::Cpu { .. } => "CPU full".into(),
            _ => self.label(),
        }
    }

    /// A clause with its numbers, for after a colon.
    pub(crate) fn clause(&self) -> String {
        let also: Vec<String> =
            self.also.iter().map(|cause| format!("; at the same time {}", clause(cause))).collect();
        format!("{}{}", clause(&self.cause), also.concat())
    }

    /// What ran out without its figures, by which the verdicts of two runs are held against each other. None where
    /// nothing was measured.
    pub(crate) fn kind(&self) -> Option<String> {
        let kind = match &self.cause {
            Cause::Void { .. } | Cause::NotRun { slots: None, .. } => return None,
            Cause::Collapsed { limit: Some(limit), .. } => {
                return Some(format!("a collapse, out of {}", limit.name()));
            }
            Cause::Refused { limit, .. } => limit.name(),
            Cause::Collapsed { .. } => "a collapse",
            Cause::NotRun { .. } | Cause::Slots { .. } | Cause::Blocked { .. } => "slots to wait in",
            Cause::Downstream { .. } => "the services behind",
            Cause::Fault { .. } => "trouble in the services behind",
            Cause::EventLoop { .. } => "its event loop",
            Cause::View { .. } => "long views",
            Cause::Connections { .. } => "connections",
            Cause::Cpu { .. } => "CPU",
            Cause::Others { .. } => "CPU, taken by others",
            Cause::Generator { .. } => "the load generator",
            Cause::ListenQueue { .. } => "the listen queue",
            Cause::Failures { .. } => "failures",
            Cause::NotFound { .. } => NOT_FOUND,
        };
        Some(kind.to_owned())
    }

    pub(crate) fn is_found(&self) -> bool {
        !matches!(self.cause, Cause::NotFound { .. })
    }
}

/// Of a cell that was left out.
pub(crate) const NOT_RUN: &str = "not run";
/// What a verdict without a cause is called among others.
pub(crate) const NOT_FOUND: &str = "not found";

/// A share of the server's CPUs that others had.
const WORTH_A_NOTE: f64 = 0.02;

fn clause(cause: &Cause) -> String {
    match cause {
        Cause::Collapsed { trials, of, reason, limit } => {
            let of = counted(*of as u64, "trial");
            let ran_out = limit.map(|limit| format!(", out of {}", limit.name())).unwrap_or_default();
            format!("the server collapsed in {trials} of {of}{ran_out} ({reason})")
        }
        Cause::NotRun { reason, slots: Some((slots, _)) } => {
            format!("it was not run there, where its {} would be taken ({reason})", slots.counted())
        }
        Cause::NotRun { reason, slots: None } => format!("it was not run there ({reason})"),
        Cause::Void { trials, reason } => {
            format!("nothing can be said, {} void ({reason})", all(*trials))
        }
        Cause::Refused { limit, times, failed, of } => format!(
            "the system refused it {} {} ({}), and {} of {} requests got no right answer",
            limit.name(),
            counted(*times, "time"),
            limit.error(),
            count(*failed),
            count(*of)
        ),
        Cause::Downstream { capacity, in_service, queued } => {
            let line = if *queued > 0 {
                format!(", and {} in line at the end", counted(*queued, "more call"))
            } else {
                String::new()
            };
            let calls = counted(*capacity, "call");
            format!(
                "the services behind are full, {} of the {calls} that they take at a time{line}",
                rounded(*in_service)
            )
        }
        Cause::Fault { what, for_ms } => {
            format!("the services behind {what} for {}, as they were told to", milliseconds(*for_ms as f64))
        }
        Cause::Slots { slots, callers, line, queue } => {
            let (taken, number) = (slots.all_taken(), slots.number);
            let queue = queue.map(|took| format!("; {} queueing", took.said())).unwrap_or_default();
            match line {
                Some((wait, rps)) => {
                    format!("{taken}, {number} ÷ {wait} = {} requests/s{queue}", rounded(*rps))
                }
                None if queue.is_empty() => format!("{taken}, by {number} of {}", count((*callers).into())),
                None => format!("{taken}{queue}"),
            }
        }
        Cause::Blocked { slots, bystander_ms } => format!(
            "{}, so that half of those who want something else meanwhile wait {} or longer",
            slots.all_taken(),
            milliseconds(*bystander_ms)
        ),
        Cause::EventLoop { queue, busy } => format!(
            "its event loop was taken by other requests, {} queueing{}",
            queue.said(),
            cpu_only(*busy)
        ),
        Cause::View { view, busy } => {
            format!("computing and taking turns at it, {} in the view{}", view.said(), cpu_only(*busy))
        }
        Cause::Connections { number, waiting } => format!(
            "all {} that clients may have were taken, {} waiting for one",
            counted((*number).into(), "connection"),
            waiting.said()
        ),
        Cause::Cpu { busy, others, cores, us, kernel, switches } => {
            let each = us.map(|us| format!(" at {} µs a request", rounded(us))).unwrap_or_default();
            let kernel = kernel.map(|share| format!("{} of it in the kernel", percent(share)));
            let switches = switches.map(|each| format!("about {} context switches a request", rounded(each)));
            let others =
                (*others >= WORTH_A_NOTE).then(|| format!("others and the kernel had {}", percent(*others)));
            let how: Vec<String> = kernel.into_iter().chain(switches).chain(others).collect();
            let how = if how.is_empty() { String::new() } else { format!(" ({})", how.join(", ")) };
            format!("its CPU is full, {} of {}{each}{how}", percent(*busy), counted(*cores as u64, "core"))
        }
        Cause::Others { busy, others, cores } => format!(
            "others filled its CPU, {} of {} where it had {}, so this may be the machine's doing",
            percent(*others),
            counted(*cores as u64, "core"),
            percent(*busy)
        ),
        Cause::Generator { busy } => {
            format!("the load generator's own core was {} busy, so this may be its limit", percent(*busy))
        }
        Cause::ListenQueue { overflows } => {
            format!("the listen queue overflowed {}", counted(*overflows, "time"))
        }
        Cause::Failures { failed, of } => {
            format!("{} of {} requests got no right answer", count(*failed), count(*of))
        }
        Cause::NotFound { looked_at, few: Some((answers, seconds)), .. } => format!(
            "too few answers to tell why, {} in {} s (looked at: {looked_at})",
            count(*answers),
            exact(*seconds)
        ),
        Cause::NotFound { looked_at, in_step: Some(in_step), .. } => format!(
            "the cause was not found; clients that come in step would explain it: a round of all {} takes {} of CPU, and an \
             answer {} besides its wait (looked at: {looked_at})",
            count(in_step.clients.into()),
            milliseconds(in_step.round_ms),
            milliseconds(in_step.besides_ms)
        ),
        Cause::NotFound { looked_at, .. } => format!("the cause was not found (looked at: {looked_at})"),
    }
}

/// Everything that a verdict could rest on, with its figures.
pub(super) fn looked_at(at: &Evidence<'_, '_>, in_step: Option<InStep>) -> String {
    let share = |value: Option<f64>| value.map_or_else(|| "not known".into(), percent);
    let (failed, of) = at.failed();
    let mut seen = vec![
        format!("server CPU {}", share(at.cpu_busy())),
        format!("others on its CPU {}", share(at.others_busy())),
        format!("generator's core {}", share(at.generator_busy())),
        format!("{} of {} requests failed", count(failed), count(of)),
        format!("{} of the listen queue", counted(at.overflows(), "overflow")),
    ];
    match (at.longest_part(), at.mean_response_ms().filter(|_| at.is_open())) {
        (Some((name, took)), _) => seen.push(format!("{} {name}", took.said())),
        (None, Some(ms)) => seen.push(format!("mean response {}", milliseconds(ms))),
        (None, None) => {}
    }
    // The lead of clients in step has it in its own words.
    let besides_ms = at.besides_waiting_ms().filter(|_| in_step.is_none());
    seen.extend(besides_ms.map(|ms| format!("{} of each answer besides its wait", milliseconds(ms))));
    if let Some(calls) = at.calls_in_service().filter(|calls| *calls > 0.0) {
        seen.push(format!("{} calls in the services at a time", rounded(calls)));
    }
    let threads = at.cell.median(crate::report::cells::Metric::Threads);
    seen.extend(threads.map(|threads| counted(threads as u64, "thread")));
    let rss = at.cell.median_of(|trial| trial.server.rss_peak_bytes.map(|bytes| bytes as f64));
    seen.extend(rss.map(|rss| format!("{} resident", bytes(rss))));
    let refused = at.refused().into_iter().filter(|(_, times)| *times > 0);
    seen.extend(refused.map(|(limit, times)| format!("{} refused {}", limit.name(), counted(times, "time"))));
    seen.join(", ")
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Files => "file descriptors",
            Self::Memory => "memory",
            Self::Addresses => "address space",
        }
    }

    fn error(self) -> &'static str {
        match self {
            Self::Threads => "EAGAIN",
            Self::Files => "EMFILE",
            Self::Memory => "ENOMEM",
            Self::Addresses => "EAGAIN or ENOMEM",
        }
    }
}

impl Took {
    /// `150 ms of a mean response of 202 ms`
    fn said(self) -> String {
        format!("{} of a mean response of {}", milliseconds(self.ms), milliseconds(self.of_ms))
    }
}

fn cpu_only(busy: Option<f64>) -> String {
    busy.map(|busy| format!(", its CPU {} busy", percent(busy))).unwrap_or_default()
}

fn all(trials: usize) -> String {
    match trials {
        1 => "its only trial is".into(),
        2 => "both trials are".into(),
        more => format!("all {more} trials are"),
    }
}

/// A share as whole percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
