//! What a reader should know before believing a trial's figures, each with what can be done about it.

use std::fmt;

use loadgen::protocol::Failure;

use crate::results::{Mode, Trial};

/// A reason for care. The text says what was seen and what helps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Warning {
    /// The generator's core was full.
    ClientBound { busy: f64 },
    /// Some connections never came up.
    ConnectionsMissing { up: u32, wanted: u32 },
    /// A listen queue was full.
    ListenOverflows(u64),
    /// Clients gave up.
    TimedOut { requests: u64, of: u64 },
    /// Requests found no connection in time.
    Unsent { requests: u64, of: u64 },
    /// The server said that it had too much to do.
    Shed { requests: u64, of: u64 },
    /// Connections ended or were refused while the server lived.
    Failed { requests: u64, of: u64 },
    /// Subscribers waited in vain.
    TicksMissed { ticks: u64, of: u64 },
    /// Not one right answer.
    NothingCompleted { of: u64 },
    /// The server did not end when it was asked to.
    Killed,
    /// The bystander's requests left the generator late.
    BystanderLate { lag_ms: f64, tolerated_ms: f64 },
    /// The window's edges were announced too late to read anything at them.
    NotWatched,
}

/// A generator that is busier than this was perhaps the limit itself.
const CLIENT_BOUND: f64 = 0.9;

/// Everything that the figures of a trial give reason to say.
pub(crate) fn of(trial: &Trial) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (client, server) = (&trial.client, &trial.server);
    if let Some(busy) = client.core_busy.filter(|busy| *busy > CLIENT_BOUND) {
        warnings.push(Warning::ClientBound { busy });
    }
    if let (Some(up), Some(wanted)) = (client.connections_up, client.connections_wanted)
        && up < wanted
    {
        warnings.push(Warning::ConnectionsMissing { up, wanted });
    }
    if let Some(overflows) = server.listen_overflows.filter(|overflows| *overflows > 0) {
        warnings.push(Warning::ListenOverflows(overflows));
    }
    let (of, failed) = (trial.scheduled, trial.failed.values().sum::<u64>());
    if trial.load.mode == Mode::Slow {
        // They have no requests in the books, and being turned away is a finding.
        return warnings;
    }
    if trial.load.mode == Mode::Subscribers {
        let ticks = trial.timed_out + trial.unsent + failed;
        warnings.extend((ticks > 0).then_some(Warning::TicksMissed { ticks, of }));
        return warnings;
    }
    if trial.completed == 0 {
        // Whatever else can be said of its requests says less.
        warnings.push(Warning::NothingCompleted { of });
        return warnings;
    }
    if trial.timed_out > 0 {
        warnings.push(Warning::TimedOut { requests: trial.timed_out, of });
    }
    if trial.unsent > 0 {
        warnings.push(Warning::Unsent { requests: trial.unsent, of });
    }
    let shed = trial.failed.get(&Failure::Shed).copied().unwrap_or(0);
    if shed > 0 {
        warnings.push(Warning::Shed { requests: shed, of });
    }
    if failed > shed {
        warnings.push(Warning::Failed { requests: failed - shed, of });
    }
    warnings
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientBound { busy } => write!(
                f,
                "client-bound: the load generator's core was {:.0} % busy, so the throughput may be its own; believe only \
                 the server's CPU and memory, or give the generator a core more",
                busy * 100.0
            ),
            Self::ConnectionsMissing { up, wanted } => write!(
                f,
                "only {up} of {wanted} connections were up when the window opened; `cargo lab doctor` shows which limit \
                 that may be"
            ),
            Self::ListenOverflows(n) => write!(
                f,
                "the kernel dropped {n} connections since a listen queue was full; raise net.core.somaxconn to 4096"
            ),
            Self::TimedOut { requests, of } => write!(
                f,
                "{requests} of {of} requests were not answered in time and count with the time-out; fewer clients or a \
                 lower rate show what the server can do"
            ),
            Self::Unsent { requests, of } => write!(
                f,
                "{requests} of {of} requests never found a free connection; allow more connections or a lower rate"
            ),
            Self::Shed { requests, of } => write!(
                f,
                "{requests} of {of} requests were shed: the server answered 503 and when to come back, so what it did \
                 serve is not all that was asked for; fewer clients or a lower rate show what it can do"
            ),
            Self::Failed { requests, of } => write!(
                f,
                "{requests} of {of} requests failed although the server went on; its limits are the first thing to look \
                 at (`cargo lab doctor`)"
            ),
            Self::TicksMissed { ticks, of } => write!(
                f,
                "{ticks} of {of} ticks did not reach their subscriber; fewer subscribers show how many the server can \
                 keep"
            ),
            Self::NothingCompleted { of } => write!(
                f,
                "not one request was answered of the {of} that were due; a smaller load shows whether the server works \
                 at all"
            ),
            Self::Killed => f.write_str(
                "the server did not end when asked to and was killed; its context switches are those up to then",
            ),
            Self::BystanderLate { lag_ms, tolerated_ms } => write!(
                f,
                "the bystander's requests left {lag_ms:.1} ms late (p99) where {tolerated_ms:.1} are tolerated, so its \
                 times are not shown; give the generator a core more"
            ),
            Self::NotWatched => f.write_str(
                "the window opened before the lab could look, so the server's CPU and memory are unknown; leave the \
                 machine alone during a run",
            ),
        }
    }
}
