//! What is seen of a lane: four times a second for the page, and as trials for whoever wants to keep it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use loadgen::clock::monotonic_ns;
use loadgen::live::{Now, Order, Told};
use loadgen::protocol::{Failure, Outcome};

use crate::cell::Subject;
use crate::experiment::FaultKind;
use crate::judge::{self, Found};
use crate::live::lane::Lane;
use crate::live::line::{Line, as_counting};
use crate::live::threads::Seen;
use crate::probe;
use crate::process::{exit_text, said};
use crate::report::alone;
use crate::results::{Asked, Trial};
use crate::services::Services;
use crate::trial;

/// What came of a look at a lane.
pub(in crate::live) enum Look {
    /// There is no row yet.
    Nothing,
    Seen,
    /// The server is gone, or deaf: why, in a sentence, and what ran out, in two words.
    Collapsed {
        why: String,
        brief: String,
    },
}

/// For an outcome that was asked for.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);

impl Lane {
    /// What the generator said since the last look, beside what `/proc` says now.
    ///
    /// # Errors
    /// When the generator or the services behind are gone: then nothing can be said of the server.
    pub(in crate::live) fn look(&mut self, on: bool, begun_ns: u64) -> anyhow::Result<Look> {
        while let Ok(line) = self.generator.lines.try_recv() {
            self.hear(&line)?;
        }
        let row = self.row.take();
        if let Some(why) = self.collapsed(row.as_ref()) {
            let wreck = self.wreck(begun_ns);
            let brief = alone(&self.asked, &wreck).verdict.label();
            return Ok(Look::Collapsed { why, brief });
        }
        if self.generator.poll().is_some() {
            bail!("the load generator has ended{}", said(&self.generator.log()));
        }
        if let Some(how) = self.side.services.as_mut().and_then(Services::died) {
            bail!("the services behind the server are gone: {how}");
        }
        let Some(row) = row else { return Ok(Look::Nothing) };
        let (now, size) = (self.moment(monotonic_ns()), probe::size(self.side.server.pid()));
        let mut sample = self.collected.add(&row, now, size, begun_ns);
        // Where nobody asks for anything there is no line to be held against.
        self.line = if on { self.line_now(&row) } else { Line::default() };
        sample.line_rps = self.line.rps();
        self.collected.keep(sample);
        Ok(Look::Seen)
    }

    /// The last second, held against its line.
    fn line_now(&self, row: &Now) -> Line {
        let generator_busy = row.cpu.map(|cores| cores / self.generator_cores);
        let Some((found, calls)) = self.collected.as_found(generator_busy, row.in_flight) else {
            return Line::default();
        };
        let trial = Trial { services: calls, ..judge::trial(self.cell.subject(), &found, 0) };
        Line::of(&self.asked_now(), &as_counting(trial))
    }

    /// A stretch, held against its line.
    pub(in crate::live) fn line_of(&self, trial: &Trial) -> Line {
        Line::of(&self.asked_now(), &as_counting(trial.clone()))
    }

    fn asked_now(&self) -> Asked {
        let mut asked = self.asked.clone();
        if let Some(services) = &mut asked.services {
            services.faults = self.troubles();
        }
        asked
    }

    /// Rows that come while something else is waited for are looked at later.
    fn hear(&mut self, line: &str) -> anyhow::Result<Option<Option<Box<Outcome>>>> {
        let told: Told =
            serde_json::from_str(line).with_context(|| format!("the generator said {line:.200}"))?;
        match told {
            // Two at once: the lab was late, and both count.
            Told::Row(now) => {
                self.row = Some(match self.row.take() {
                    None => now,
                    Some(before) => together(&before, now),
                });
            }
            Told::Taken(outcome) => return Ok(Some(outcome)),
            Told::Refused { message } => bail!("the generator refuses: {message}"),
        }
        Ok(None)
    }

    fn collapsed(&mut self, row: Option<&Now>) -> Option<String> {
        let now = row.map_or(0, |row| row.in_flight);
        // It may have died faster than anybody looked.
        let at = match now.max(self.collected.most_in_flight()) {
            0 => "at once".to_owned(),
            carried => format!("with {carried} requests in flight"),
        };
        if let Some(ended) = self.side.server.poll() {
            let how = exit_text(ended.status);
            return Some(format!("The server ended {at}: {how}{}", said(&self.side.server.log())));
        }
        let suspicious = row.is_some_and(|row| row.errors > 0 && row.completed == 0);
        (suspicious && trial::refuses(self.side.addr)).then(|| {
            let log = said(&self.side.server.log());
            format!("The server lives but refuses connections, {at}{log}")
        })
    }

    /// What was seen since the mark, as a trial; `None` where there was no load.
    ///
    /// # Errors
    /// When the generator does not tell.
    pub(in crate::live) fn take(&mut self, run_started_ns: u64) -> anyhow::Result<Option<Trial>> {
        self.order(&Order::Take)?;
        let until = Instant::now() + TAKEN_WITHIN;
        let outcome = loop {
            let Some(line) = self.generator.next_line(until)? else {
                bail!("the load generator has ended{}", said(&self.generator.log()))
            };
            if let Some(taken) = self.hear(&line)? {
                break taken;
            }
        };
        let Some(outcome) = outcome else { return Ok(None) };
        let (found, calls) = self.collected.as_window(&self.moment(monotonic_ns()), *outcome);
        let trial = judged(self.cell.subject(), found, self.fails_as_told(), run_started_ns);
        Ok(Some(Trial { services: calls, ..trial }))
    }

    /// Whether answers with another status are what the reader has ordered.
    fn fails_as_told(&self) -> bool {
        let told = self.troubles.iter().any(|trouble| trouble.kind == FaultKind::Error.name());
        told && self.asked.services.is_some()
    }

    /// How it ended, as a trial, for a server that has collapsed.
    pub(in crate::live) fn wreck(&mut self, run_started_ns: u64) -> Trial {
        let died = self.side.server.poll();
        let found = Found {
            idle: self.side.idle,
            deaf: died.is_none(),
            died,
            log: self.side.server.log(),
            refused: Some(self.side.refusals.counted()),
            ..Found::default()
        };
        judge::trial(self.cell.subject(), &found, run_started_ns)
    }

    pub(in crate::live) fn threads(&self) -> Seen {
        self.watch.seen()
    }

    /// Left of a stall.
    pub(in crate::live) fn stalled_ms(&self) -> u64 {
        let left = self.stalled_until.map(|until| until.saturating_duration_since(Instant::now()));
        left.unwrap_or_default().as_millis() as u64
    }
}

/// Two rows as one: counts add up, states are the later ones.
fn together(before: &Now, mut after: Now) -> Now {
    after.completed += before.completed;
    after.errors += before.errors;
    after
}

/// Where the services behind fail as they were told to, an answer with another status is no wrong one, which would make
/// the trial void, but a request that failed. The judge knows nothing of such orders, so it is shown connections that
/// ended; the books keep what it was.
fn judged(subject: Subject, mut found: Found, fails_as_told: bool, run_started_ns: u64) -> Trial {
    let failed = found.outcome.as_ref().map(|outcome| outcome.failed.clone()).unwrap_or_default();
    if let Some(outcome) = found.outcome.as_mut().filter(|_| fails_as_told)
        && let Some(statuses) = outcome.failed.remove(&Failure::Status)
    {
        *outcome.failed.entry(Failure::Reset).or_default() += statuses;
    }
    Trial { failed, ..judge::trial(subject, &found, run_started_ns) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::live::keep::NAME;
    use crate::results::{Load, Mode, TrialOutcome};

    fn judged_of(failed: &[(Failure, u64)], fails_as_told: bool) -> Trial {
        let load = Load {
            mode: Mode::Closed,
            clients: 10,
            rate_rps: None,
            route: "/api/weather/97201/us".into(),
            keep_alive: true,
            shape: None,
        };
        let subject = Subject {
            experiment: NAME.into(),
            rung: "event-loop".into(),
            variant: None,
            flags: Vec::new(),
            block: 0,
            order: 0,
            load,
            bystander: None,
        };
        let failed: BTreeMap<_, _> = failed.iter().copied().collect();
        let outcome = Outcome {
            window_ms: 1_000.0,
            scheduled: 90 + failed.values().sum::<u64>(),
            completed: 90,
            failed,
            throughput_rps: 90.0,
            ..Outcome::default()
        };
        judged(subject, Found { outcome: Some(outcome), ..Found::default() }, fails_as_told, 0)
    }

    #[test]
    fn errors_that_were_ordered_are_failed_requests_and_others_make_a_trial_void() {
        let seen = [(Failure::Status, 8), (Failure::Reset, 2)];
        let ordered = judged_of(&seen, true);
        assert_eq!((ordered.outcome, ordered.reason), (TrialOutcome::Ok, None));
        assert_eq!((ordered.scheduled, ordered.failed), (100, BTreeMap::from(seen)));
        assert!(ordered.warnings.iter().any(|text| text.starts_with("10 of 100 requests failed")));
        let void = judged_of(&seen, false);
        assert_eq!(void.outcome, TrialOutcome::Void);
        assert!(void.reason.is_some_and(|reason| reason.starts_with("8 of 100 answers were wrong")));
        // The right status with another body is what nobody has ordered.
        assert_eq!(judged_of(&[(Failure::WrongBody, 1)], true).outcome, TrialOutcome::Void);
    }
}
