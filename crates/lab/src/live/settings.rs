//! What the reader can set, within what this machine allows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::experiment::{Experiment, Positive, Server, Upstream};
use crate::ladder::{self, Rung};
use crate::limits::Limits;
use crate::live::most::Most;
use crate::report::text::{counted, exact};
use crate::results::{Load, Mode};
use crate::wait;

/// Everything at once: a page sends all of it with each change, so that neither side has to remember what the other
/// has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Names on the ladder; the same one twice shows what chance does.
    pub(super) rungs: [String; 2],
    /// Closed or open loop.
    pub(super) mode: Mode,
    /// Closed loop.
    pub(super) clients: u32,
    /// Open loop.
    pub(super) rate_rps: f64,
    pub(super) ask: Ask,
    /// Of `/wait`, and of each call to the services behind.
    pub(super) wait_ms: u32,
    /// Of `/hash`.
    pub(super) rounds: u32,
    pub(super) keep_alive: bool,
    /// Threads of `pool` and of `offload`.
    pub(super) pool: u32,
    /// Each server in a box so small that it can be run out of.
    pub(super) boxed: bool,
    /// How the services' delays are spread.
    pub(super) delay: Delay,
    /// Calls that the services serve at a time.
    pub(super) capacity: Option<u32>,
    /// Share of the services' answers that are errors.
    pub(super) errors: f64,
    /// Clients that send a byte a second.
    pub(super) slow: u32,
    /// Once a second somebody asks for a fifth of a second of computing.
    pub(super) hog: bool,
}

/// What clients ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    Wait,
    Hash,
    Hello,
    Weather,
    Sun,
    City,
}

/// Around the wait that is set, except for what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delay {
    Fixed,
    Exp,
    Lecture,
}

/// Connections of an open loop, at most.
const CONNECTIONS: u32 = 2_048;
/// Far from when clients give up, for two calls one after the other with random delays, too.
const WAIT_MS: u32 = 4_000;
const ROUNDS: u32 = 5_000_000;
const CAPACITY: u32 = 10_000;
/// The shortest time over which new clients come.
const RAMP_MS: u64 = 1_000;

impl Settings {
    /// What a page shows first.
    pub(super) fn first(rungs: [&'static Rung; 2]) -> Self {
        Self {
            rungs: rungs.map(|rung| rung.name.to_owned()),
            mode: Mode::Closed,
            clients: 50,
            rate_rps: 100.0,
            ask: Ask::Wait,
            wait_ms: 100,
            rounds: 10_000,
            keep_alive: true,
            pool: 16,
            boxed: false,
            delay: Delay::Fixed,
            capacity: None,
            errors: 0.0,
            slow: 0,
            hog: false,
        }
    }

    /// Holds them against this machine.
    ///
    /// # Errors
    /// The first that cannot be, and what could.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), String> {
        let rungs = self.ladder()?;
        let most = Most::of(rungs, limits);
        // An open loop has none, and their control is not to be seen then.
        if self.mode == Mode::Closed {
            let lower = if self.clients > most.clients { ": lower clients" } else { "" };
            within("clients", self.clients, 1, most.clients)
                .map_err(|text| format!("{text} ({}){lower}", most.because))?;
        }
        let rate = 0.1..=f64::from(most.rate_rps);
        if !rate.contains(&self.rate_rps) {
            return Err(format!("rate_rps is {}; it must be 0.1 to {}", self.rate_rps, most.rate_rps));
        }
        within("wait_ms", self.wait_ms, 1, WAIT_MS)?;
        within("rounds", self.rounds, 1, ROUNDS)?;
        within("pool", self.pool, 1, most.pool)?;
        within("slow", self.slow, 0, most.clients)?;
        if let Some(capacity) = self.capacity {
            within("capacity", capacity, 1, CAPACITY)?;
        }
        if !(0.0..=1.0).contains(&self.errors) {
            return Err(format!("errors is {}; it must be a share, 0 to 1", self.errors));
        }
        if !matches!(self.mode, Mode::Closed | Mode::Open) {
            return Err("the live page has two modes, closed and open".into());
        }
        let all = u64::from(self.slow) + u64::from(self.others());
        if all > u64::from(most.clients) {
            let closed = self.mode == Mode::Closed;
            let lower = if closed { "clients or slow clients" } else { "slow clients" };
            return Err(format!(
                "{all} clients and slow clients; both together may be {} ({}): lower {lower}",
                most.clients, most.because
            ));
        }
        Ok(())
    }

    /// The nearest that there may be.
    pub(super) fn within(self, most: &Most) -> Self {
        let (clients, pool) = (self.clients.min(most.clients), self.pool.min(most.pool));
        let cut = Self { clients, pool, ..self };
        Self { slow: cut.slow.min(most.clients.saturating_sub(cut.others())), ..cut }
    }

    /// The same for its own rungs, with a sentence about what was lowered, where the reader sees it: whoever chooses other
    /// rungs has the clients of those before.
    pub(super) fn cut(self, limits: &Limits) -> (Self, Option<String>) {
        let Ok(rungs) = self.ladder() else { return (self, None) };
        let most = Most::of(rungs, limits);
        let (mode, clients, slow) = (self.mode, self.clients, self.slow);
        let cut = self.within(&most);
        let lowered = cut.slow < slow || mode == Mode::Closed && cut.clients < clients;
        let said = lowered.then(|| {
            let all = counted(most.clients.into(), "client");
            format!("These two servers can have {all} here ({}), so there are fewer now.", most.because)
        });
        (cut, said)
    }

    /// Connections besides those of slow clients; an open loop needs one at least.
    fn others(&self) -> u32 {
        if self.mode == Mode::Closed { self.clients } else { 1 }
    }

    /// The two rungs.
    ///
    /// # Errors
    /// When there is none of a name.
    pub(super) fn ladder(&self) -> Result<[&'static Rung; 2], String> {
        let rung = |name: &str| ladder::rung(name).map_err(|unknown| unknown.to_string());
        Ok([rung(&self.rungs[0])?, rung(&self.rungs[1])?])
    }

    /// Whether these cannot be had from the processes that run with `other`.
    pub(super) fn need_fresh_processes(&self, other: &Self) -> bool {
        let behind = |of: &Self| (of.delay, of.capacity, of.wait_ms);
        self.rungs != other.rungs
            || self.pool != other.pool
            || self.boxed != other.boxed
            || (self.calls_services() || other.calls_services()) && behind(self) != behind(other)
    }

    pub(super) fn calls_services(&self) -> bool {
        matches!(self.ask, Ask::Weather | Ask::Sun | Ask::City)
    }

    /// Whether a request waits for anything.
    pub(super) fn waits(&self) -> bool {
        !matches!(self.ask, Ask::Hash | Ask::Hello)
    }

    /// Request target.
    pub(super) fn route(&self) -> String {
        match self.ask {
            Ask::Wait => format!("/wait/{}", self.wait_ms),
            Ask::Hash => format!("/hash/{}", self.rounds),
            Ask::Hello => "/hello".into(),
            Ask::Weather => "/api/weather/97201/us".into(),
            Ask::Sun => "/api/sun/97201/us".into(),
            Ask::City => "/api/city/97201/us".into(),
        }
    }

    /// The services behind each server.
    pub(super) fn services(&self) -> Upstream {
        let delay = match self.delay {
            Delay::Fixed => format!("fixed:{}ms", self.wait_ms),
            Delay::Exp => format!("exp:{}ms", self.wait_ms),
            Delay::Lecture => "lecture".into(),
        };
        Upstream {
            delay,
            time_scale: Positive(1.0),
            capacity: self.capacity.map(u64::from),
            ..Upstream::default()
        }
    }

    /// Limits of each server's process: those of the experiment `exhaustion`.
    pub(super) fn server(&self) -> Server {
        if !self.boxed {
            return Server::default();
        }
        Experiment::find("exhaustion").map(|found| found.server).unwrap_or_default()
    }

    /// What one request waits by design; `None` where that cannot be told.
    pub(super) fn nominal_wait_ms(&self) -> Option<f64> {
        let route = handlers::Route::parse("GET", self.route().as_bytes()).ok()?;
        wait::nominal_ms(&route, &self.services()).ok().flatten()
    }

    /// New clients come over as long as a request waits: where they come at once, all answers do, and a second later
    /// there is none.
    pub(super) fn ramp(&self) -> Duration {
        Duration::from_millis((self.nominal_wait_ms().unwrap_or_default() as u64).max(RAMP_MS))
    }

    /// From a change until all clients are there and have been answered.
    pub(super) fn settles_in(&self) -> Duration {
        self.ramp() + Duration::from_secs_f64(self.nominal_wait_ms().unwrap_or_default() / 1_000.0)
    }

    /// What results say of the load.
    pub(super) fn load(&self, most: &Most) -> Load {
        let open = self.mode == Mode::Open;
        let connections = CONNECTIONS.min(most.clients.saturating_sub(self.slow)).max(1);
        Load {
            mode: self.mode,
            clients: if open { connections } else { self.clients },
            rate_rps: open.then_some(self.rate_rps),
            route: self.route(),
            keep_alive: self.keep_alive,
            shape: None,
        }
    }

    /// What is set, as a reader would set it again; what comes on top of the load is said elsewhere.
    pub(super) fn in_words(&self) -> String {
        let load = match self.mode {
            Mode::Open => format!("{} requests/s in open loop", exact(self.rate_rps)),
            _ => format!("{} in closed loop", counted(self.clients.into(), "client")),
        };
        let mut words = vec![format!("{} with {load}", self.route())];
        words.extend((!self.keep_alive).then(|| "a connection for each request".to_owned()));
        let pooled = self.rungs.iter().any(|rung| ["pool", "offload"].contains(&&**rung));
        words.extend(pooled.then(|| format!("{} in the pool", counted(self.pool.into(), "thread"))));
        words.extend(self.boxed.then(|| "each server in the small box".to_owned()));
        if self.calls_services() {
            words.push(match self.delay {
                Delay::Fixed => format!("services that take {} ms", self.wait_ms),
                Delay::Exp => format!("services that take {} ms on average", self.wait_ms),
                Delay::Lecture => "services as slow as in the lecture".to_owned(),
            });
            let at_once = self.capacity.map(|calls| format!("{} at a time", counted(calls.into(), "call")));
            words.extend(at_once);
        }
        words.join(", ")
    }

    /// For the server's command line, besides what every server is told.
    pub(super) fn flags(&self, rung: &Rung) -> Vec<String> {
        match rung.name {
            "pool" => vec![format!("--threads={}", self.pool)],
            "offload" => vec![format!("--blocking-threads={}", self.pool)],
            _ => Vec::new(),
        }
    }

    /// Clients, or requests per second: what the load's level is.
    pub(super) fn level(&self) -> f64 {
        if self.mode == Mode::Open { self.rate_rps } else { self.clients.into() }
    }

    /// The same at another level.
    pub(super) fn at(&self, level: f64) -> Self {
        let mut at = self.clone();
        if self.mode == Mode::Open {
            at.rate_rps = level;
        } else {
            at.clients = level as u32;
        }
        at
    }
}

fn within(name: &str, value: u32, least: u32, most: u32) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{name} is {value}; it must be {least} to {most}"))
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
