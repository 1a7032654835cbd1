//! The line that a lane is held against, as in the report: nobody answers more than clients ÷ wait, or more than cores ÷
//! CPU time of a request. And, where it falls below, what ran out.

use serde::Serialize;

use crate::cell::pool_threads;
use crate::ladder::Rung;
use crate::live::collect::Sample;
use crate::live::settings::{Ask, Settings};
use crate::refusals::Refused;
use crate::report::text::rounded;
use crate::results::Mode;
use crate::wait;

/// What else may be full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// How long was counted.
    pub(super) over_s: f64,
    /// That the server may run on.
    pub(super) cores: f64,
    /// That its generator may run on.
    pub(super) generator_cores: f64,
    /// What the system refused to the server meanwhile.
    pub(super) refused: Refused,
    /// Share of all CPU time of this machine that somebody used.
    pub(super) machine_busy: Option<f64>,
}

/// Below this share of its line a rung has left it; the same as the report's.
pub(super) const ON_LINE: f64 = 0.95;
/// From here on a server's CPUs count as full.
const CPU_FULL: f64 = 0.9;
/// How near to a limit a lane must work for that to be the reason.
const NEAR: std::ops::RangeInclusive<f64> = 0.8..=1.15;
/// From here on nobody on this machine gets all that they could use.
const MACHINE_FULL: f64 = 0.95;
const MANY_ERRORS: f64 = 0.01;

/// What bounds a lane, in requests per second; none where it cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Line {
    /// Clients ÷ wait; in open loop what is due.
    pub(super) asked_rps: Option<f64>,
    /// Cores ÷ CPU of a request.
    pub(super) cpu_rps: Option<f64>,
    /// Threads ÷ wait, where there are only so many.
    pub(super) slots_rps: Option<f64>,
    /// What the services behind serve.
    pub(super) services_rps: Option<f64>,
    #[serde(skip)]
    wait_ms: Option<f64>,
    #[serde(skip)]
    slots: Option<u64>,
}

impl Line {
    /// By what was set, and by what a request costs now.
    pub(super) fn of(settings: &Settings, rung: &Rung, flags: &[String], now: &Sample, cores: f64) -> Self {
        let route = handlers::Route::parse("GET", settings.route().as_bytes()).ok();
        let wait_ms = route.and_then(|route| wait::nominal_ms(&route, &settings.services()).ok().flatten());
        let per_second = |count: f64| wait_ms.map(|ms| count / ms * 1_000.0);
        let slots = pool_threads(rung, flags);
        // A fiftieth of a core is too little to divide by.
        let cpu = now.cpu.filter(|cpu| *cpu > 0.02 && now.rps > 0.0);
        let capacity = settings.capacity.filter(|_| settings.calls_services());
        Self {
            asked_rps: match settings.mode {
                Mode::Open => Some(settings.rate_rps),
                _ => per_second(settings.clients.into()),
            },
            cpu_rps: cpu.map(|cpu| cores * now.rps / cpu),
            slots_rps: slots.and_then(|slots| per_second(slots as f64)),
            services_rps: capacity.and_then(|capacity| match settings.ask {
                Ask::City => None,
                // Two calls one after the other hold one place at a time, for as long as the request waits.
                _ => per_second(f64::from(capacity)),
            }),
            wait_ms,
            slots,
        }
    }

    /// The lower of the two lines that bound every server.
    pub(super) fn rps(&self) -> Option<f64> {
        let lines = [self.asked_rps, self.cpu_rps].into_iter().flatten();
        lines.min_by(f64::total_cmp)
    }

    /// Whether a lane stays below what is asked: by more than a twentieth, and by more than chance explains of so few
    /// answers (two standard deviations of a Poisson count).
    pub(super) fn left(&self, rps: f64, over_s: f64) -> bool {
        self.asked_rps.is_some_and(|asked| {
            let by_chance = 2.0 * (asked * over_s).sqrt() / over_s;
            rps < ON_LINE * asked && asked - rps > by_chance
        })
    }

    /// What ran out, in a clause; `None` on the line.
    pub(super) fn ran_out(&self, now: &Sample, around: Around) -> Option<String> {
        if !self.left(now.rps, around.over_s) {
            return None;
        }
        let near = |limit: Option<f64>| limit.filter(|limit| NEAR.contains(&(now.rps / limit)));
        if let (Some(limit), Some(slots), Some(ms)) = (near(self.slots_rps), self.slots, self.wait_ms) {
            let noun = if slots == 1 { "the only thread waits" } else { "all threads wait" };
            return Some(format!("{noun}: {slots} ÷ {ms:.0} ms = {} requests/s", rounded(limit)));
        }
        if let Some(limit) = near(self.services_rps) {
            return Some(format!("the services behind serve no more: {} requests/s", rounded(limit)));
        }
        let Refused { threads, files, memory } = around.refused;
        let refused = [("threads", threads), ("open files", files), ("memory", memory)];
        if let Some((what, _)) = refused.iter().find(|(_, count)| *count > 0) {
            return Some(format!("it is out of {what}: the system refuses it more"));
        }
        if let Some(cpu) = now.cpu.filter(|cpu| *cpu >= CPU_FULL * around.cores) {
            let us = cpu / now.rps.max(1.0) * 1e6;
            return Some(format!("its CPU is full: {us:.0} µs a request"));
        }
        if now.errors_per_s > MANY_ERRORS * (now.rps + now.errors_per_s) {
            return Some(format!("{:.0} requests a second fail", now.errors_per_s));
        }
        if now.generator_cpu.is_some_and(|cpu| cpu >= CPU_FULL * around.generator_cores) {
            return Some("the load generator is full: it cannot ask for more".into());
        }
        if around.machine_busy.is_some_and(|busy| busy >= MACHINE_FULL) {
            return Some("this machine is full: everything that runs here shares its CPUs".into());
        }
        Some("below what is possible, the cause not found".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::server_flags;
    use crate::ladder;

    const AROUND: Around = Around {
        over_s: 1.0,
        cores: 1.0,
        generator_cores: 2.0,
        refused: Refused { threads: 0, files: 0, memory: 0 },
        machine_busy: Some(0.6),
    };

    fn sample(rps: f64, cpu: f64) -> Sample {
        Sample { rps, cpu: Some(cpu), ..Sample::default() }
    }

    fn line(rung: &str, settings: &Settings, now: &Sample) -> Line {
        let rung = ladder::rung(rung).unwrap();
        let flags = server_flags(rung, &settings.flags(rung), 2, 1);
        Line::of(settings, rung, &flags, now, 1.0)
    }

    fn settings() -> Settings {
        let rungs = ["pool", "event-loop"].map(|name| ladder::rung(name).unwrap());
        Settings { clients: 200, ..Settings::first(rungs) }
    }

    #[test]
    fn clients_over_wait_and_cores_over_cost_bound_every_lane() {
        let now = sample(1_000.0, 0.1);
        let line = line("event-loop", &settings(), &now);
        assert_eq!((line.asked_rps, line.slots_rps), (Some(2_000.0), None));
        assert!((line.cpu_rps.unwrap() - 10_000.0).abs() < 1e-6);
        assert_eq!(line.rps(), Some(2_000.0));
        let hello = Settings { ask: Ask::Hello, ..settings() };
        assert_eq!(super::Line::of(&hello, ladder::rung("pool").unwrap(), &[], &now, 1.0).asked_rps, None);
        let open = Settings { mode: Mode::Open, rate_rps: 70.0, ..settings() };
        assert_eq!(super::Line::of(&open, ladder::rung("pool").unwrap(), &[], &now, 1.0).rps(), Some(70.0));
    }

    #[test]
    fn what_ran_out_is_told_from_what_is_seen() {
        let says = |rung: &str, settings: &Settings, now: &Sample| {
            line(rung, settings, now).ran_out(now, AROUND).unwrap_or_default()
        };
        assert_eq!(says("event-loop", &settings(), &sample(1_990.0, 0.2)), "");
        let pool = says("pool", &settings(), &sample(158.0, 0.05));
        assert_eq!(pool, "all threads wait: 16 ÷ 100 ms = 160 requests/s");
        let full = says("thread-per-request", &settings(), &sample(1_000.0, 0.97));
        assert_eq!(full, "its CPU is full: 970 µs a request");
        let behind = Settings { ask: Ask::Weather, capacity: Some(20), ..settings() };
        let shared = says("event-loop", &behind, &sample(197.0, 0.1));
        assert_eq!(shared, "the services behind serve no more: 200 requests/s");
        let failing = Sample { errors_per_s: 50.0, ..sample(900.0, 0.3) };
        assert_eq!(says("event-loop", &settings(), &failing), "50 requests a second fail");
        assert!(says("event-loop", &settings(), &sample(900.0, 0.3)).contains("not found"));
        let asking = Sample { generator_cpu: Some(1.9), ..sample(900.0, 0.3) };
        assert!(says("event-loop", &settings(), &asking).starts_with("the load generator is full"));
        let (now, full) = (sample(900.0, 0.3), Around { machine_busy: Some(0.99), ..AROUND });
        let cause = line("event-loop", &settings(), &now).ran_out(&now, full).unwrap();
        assert!(cause.starts_with("this machine is full"), "{cause}");
        let boxed = Around { refused: Refused { files: 2, ..AROUND.refused }, ..AROUND };
        let cause = line("event-loop", &settings(), &now).ran_out(&now, boxed).unwrap();
        assert_eq!(cause, "it is out of open files: the system refuses it more");
        let few = Settings { clients: 2, ..settings() };
        assert_eq!(
            says("event-loop", &few, &sample(15.0, 0.0)),
            "",
            "of 20 answers a few are missing by chance"
        );
    }
}
