//! A [`Spec`] turned into what can be carried out, or into one clear sentence why it cannot.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;

use crate::error::Error;
use crate::http::{Expected, Request};
use crate::mix::Mix;
use crate::protocol::{Arrivals, Bystander, Expect, Load, Shape, Spec};
use crate::url::Url;
use crate::{recording, slow, sources};

/// Everything that workers need, checked.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) target: SocketAddr,
    /// Bytes of every request.
    pub(crate) request: Vec<u8>,
    /// The method is HEAD: replies have no body.
    pub(crate) head_only: bool,
    pub(crate) expected: Expected,
    /// Instead of the two above, where requests ask for several things.
    pub(crate) mix: Mix,
    pub(crate) load: Load,
    /// Connections at the level of the load.
    pub(crate) connections: u32,
    pub(crate) keep_alive: bool,
    /// From one tick of a stream to the next; 0 where nobody subscribes.
    pub(crate) tick_ns: u64,
    /// From one byte of a slow client to the next; 0 where there is none.
    pub(crate) byte_ns: u64,
    pub(crate) timeout_ns: u64,
    pub(crate) warm_up_ns: u64,
    pub(crate) window_ns: u64,
    pub(crate) row_ns: u64,
    pub(crate) seed: u64,
    /// Requests say when they were sent, answers where their time went.
    pub(crate) timing: bool,
    /// Each request is kept.
    pub(crate) record: bool,
    /// Addresses to connect from in turn; empty: let the system choose.
    pub(crate) sources: Vec<IpAddr>,
    /// Cores that this process may run on.
    pub(crate) cores: u32,
    /// Worker threads.
    pub(crate) workers: u32,
    /// What goes on beside it, as a plan of its own: another load, with the same times.
    pub(crate) bystander: Option<Arc<Plan>>,
}

const MILLISECOND: u64 = 1_000_000;
const MOST_MS: u64 = 24 * 3_600_000;
const MOST_ROWS: u64 = 100_000;
const MOST_STEPS: u32 = 1_000;
const MOST_RPS: f64 = 10_000_000.0;
const MOST_TICK_MS: u64 = 60_000;
/// 400 MB of arrivals.
const MOST_TICKS: u64 = 50_000_000;
/// A bystander is to see the load, not to be one. One thread can do this much beside others.
const MOST_BYSTANDER_RPS: f64 = 10_000.0;
const MOST_BYSTANDER_CONNECTIONS: u32 = 1_000;
/// Sets the bystander's arrivals apart from those of the load.
const BYSTANDER_SEED: u64 = 0x6279_7374_616e_6465;
const MOST_WEIGHT: u32 = 1_000_000;

impl Plan {
    pub(crate) fn new(spec: Spec) -> Result<Self, Error> {
        let url = Url::parse(&spec.url)?;
        url.check_host(spec.allow_remote.as_deref())?;
        check_method(&spec)?;
        let connections = check_load(&spec)?;
        check_times(&spec)?;
        recording::check(&spec)?;
        check_status("expect.status", &spec.expect)?;
        check_mix(&spec)?;
        let beside = spec.bystander.as_ref().map(check_bystander).transpose()?;
        let cores = thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        // One per core, and none without a connection of its own.
        let workers = cores.min(connections);
        let all = connections.saturating_add(beside.unwrap_or(0));
        sources::check_file_limit(all, workers + u32::from(beside.is_some()))?;
        let (tick_ms, byte_ms) = match spec.load {
            Load::Subscribe { tick_ms, .. } => (tick_ms, 0),
            Load::Slow { byte_every_ms, .. } => (0, byte_every_ms),
            Load::Closed { .. } | Load::Open { .. } => (0, 0),
        };
        let request = Request {
            method: &spec.method,
            host: url.authority,
            target: url.path,
            accept: (tick_ms > 0).then_some("text/event-stream"),
            keep_alive: spec.keep_alive,
            body: spec.body.as_deref(),
        };
        let sources = sources::choose(url.target.ip(), sources::ports_wanted(&spec, all));
        let plan = Self {
            target: url.target,
            request: request.to_bytes(),
            head_only: spec.method == "HEAD",
            expected: spec.expect.into(),
            mix: Mix::new(spec.mix, url.authority, spec.keep_alive, spec.seed),
            load: spec.load,
            connections,
            keep_alive: spec.keep_alive,
            tick_ns: tick_ms * MILLISECOND,
            byte_ns: byte_ms * MILLISECOND,
            timeout_ns: spec.timeout_ms * MILLISECOND,
            warm_up_ns: spec.warm_up_ms * MILLISECOND,
            window_ns: spec.window_ms * MILLISECOND,
            row_ns: spec.series_interval_ms * MILLISECOND,
            seed: spec.seed,
            timing: spec.timing,
            record: spec.record,
            sources,
            cores,
            workers,
            bystander: None,
        };
        let bystander = spec.bystander.map(|other| Arc::new(plan.beside(other, url.authority)));
        Ok(Self { bystander, ..plan })
    }

    /// The plan of a bystander: the same server, times and ways to connect, another request and schedule.
    fn beside(&self, bystander: Bystander, host: &str) -> Self {
        let Bystander { target, rate_rps, connections, expect } = bystander;
        let keep_alive = self.keep_alive;
        let request = Request { method: "GET", host, target: &target, accept: None, keep_alive, body: None };
        Self {
            request: request.to_bytes(),
            head_only: false,
            expected: expect.into(),
            mix: Mix::default(),
            load: Load::Open { rate_rps, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections },
            connections,
            tick_ns: 0,
            byte_ns: 0,
            seed: self.seed ^ BYSTANDER_SEED,
            timing: false,
            record: false,
            // Of its own, so that it does not wait until those of the load have read their replies.
            workers: 1,
            ..self.clone()
        }
    }

    /// From the start of the load to the window. Never so short that whoever reads along could not be
    /// told of the window before it opens.
    pub(crate) fn lead_ns(&self) -> u64 {
        self.warm_up_ns.max(25 * MILLISECOND)
    }

    /// Subscribers begin within a tick of each other, so that not all of them hear theirs at once. Clients of a
    /// closed loop begin within the first half of the warm-up, so that the second is at the full level.
    pub(crate) fn spread_ns(&self) -> u64 {
        match self.load {
            Load::Subscribe { .. } => self.tick_ns,
            Load::Slow { .. } => self.byte_ns,
            Load::Closed { .. } | Load::Open { .. } => self.lead_ns() / 2,
        }
    }

    pub(crate) fn is_closed_loop(&self) -> bool {
        matches!(self.load, Load::Closed { .. })
    }
}

pub(crate) fn refuse<T>(sentence: String) -> Result<T, Error> {
    Err(Error::Spec(sentence))
}

fn check_method(spec: &Spec) -> Result<(), Error> {
    let method = &spec.method;
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method == "CONNECT" {
        return refuse(format!(
            "method is {method:?}; it must be one such as GET, HEAD or POST, in capitals"
        ));
    }
    if method == "HEAD" && spec.expect.body.as_ref().is_some_and(|body| !body.is_empty()) {
        return refuse("replies to HEAD have no body; leave expect.body out".into());
    }
    Ok(())
}

/// The number of connections.
fn check_load(spec: &Spec) -> Result<u32, Error> {
    match spec.load {
        Load::Closed { clients: 0 } => refuse("closed loop with 0 clients; ask for at least 1".into()),
        Load::Closed { .. } | Load::Subscribe { .. } | Load::Slow { .. } if spec.timing => refuse(
            "timing is for open loop, where each request is due at a time of its own; leave it out, or ask for \
             an open load"
                .into(),
        ),
        Load::Open { connections: 0, .. } => refuse("open loop with 0 connections; allow at least 1".into()),
        Load::Open { rate_rps, .. } if !(rate_rps > 0.0 && rate_rps <= MOST_RPS) => {
            refuse(format!("rate_rps is {rate_rps}; it must be above 0 and at most {MOST_RPS}"))
        }
        Load::Closed { clients } => Ok(clients),
        Load::Open { connections, shape, rate_rps, .. } => check_shape(shape, rate_rps).map(|()| connections),
        Load::Subscribe { subscribers, tick_ms } => check_subscribers(spec, subscribers, tick_ms),
        Load::Slow { clients, byte_every_ms } => slow::check(spec, clients, byte_every_ms),
    }
}

fn check_shape(shape: Shape, rate_rps: f64) -> Result<(), Error> {
    let times = shape.times();
    let most = MOST_RPS / rate_rps.max(1.0);
    if !(times > 0.0 && times <= most) {
        return refuse(format!("shape: times is {times}; it must be above 0 and at most {most}"));
    }
    let (at_ms, for_ms) = match shape {
        Shape::Steady => return Ok(()),
        Shape::Spike { at_ms, for_ms, .. } | Shape::Ramp { at_ms, for_ms, .. } => (at_ms, for_ms),
        Shape::Steps { steps, for_ms, .. } if (1..=MOST_STEPS).contains(&steps) => (0, for_ms),
        Shape::Steps { steps, .. } => {
            return refuse(format!("shape: there are {steps} steps; there may be 1 to {MOST_STEPS}"));
        }
    };
    if at_ms > MOST_MS || !(1..=MOST_MS).contains(&for_ms) {
        return refuse(format!(
            "shape: at_ms is {at_ms} and for_ms {for_ms}; they may be at most {MOST_MS} (a day), and for_ms not 0"
        ));
    }
    Ok(())
}

fn check_subscribers(spec: &Spec, subscribers: u32, tick_ms: u64) -> Result<u32, Error> {
    if subscribers == 0 {
        return refuse("0 subscribers; ask for at least 1".into());
    }
    if !(1..=MOST_TICK_MS).contains(&tick_ms) {
        return refuse(format!(
            "tick_ms is {tick_ms}; it must be the server's own interval, 1 to {MOST_TICK_MS}"
        ));
    }
    if spec.method != "GET" || spec.body.is_some() {
        return refuse(format!(
            "subscribers send a GET without a body; method is {:?}{}",
            spec.method,
            if spec.body.is_some() { ", and a body is given" } else { "" }
        ));
    }
    if !spec.keep_alive {
        return refuse(
            "subscribers hold one connection each for as long as they listen; keep_alive: false makes no \
             sense with them, leave it out"
                .into(),
        );
    }
    if spec.expect.body.is_some() {
        return refuse(
            "a stream has no end to compare a body with, and its ticks are checked by themselves; leave \
             expect.body out"
                .into(),
        );
    }
    let life_ms = spec.warm_up_ms.saturating_add(spec.window_ms).saturating_add(spec.timeout_ms);
    let ticks = (life_ms / tick_ms).saturating_mul(subscribers.into());
    if ticks > MOST_TICKS {
        return refuse(format!(
            "{subscribers} subscribers hear {ticks} ticks until the last timeout, and each is kept until the \
             end; ask for {MOST_TICKS} at most, by fewer subscribers or a shorter window"
        ));
    }
    Ok(subscribers)
}

/// The number of its connections.
fn check_bystander(bystander: &Bystander) -> Result<u32, Error> {
    let Bystander { target, rate_rps, connections, expect } = bystander;
    check_target("bystander.target", target)?;
    if !(*rate_rps > 0.0 && *rate_rps <= MOST_BYSTANDER_RPS) {
        return refuse(format!(
            "bystander.rate_rps is {rate_rps}; it must be above 0 and at most {MOST_BYSTANDER_RPS}, since a \
             bystander is to see the load and not to be one"
        ));
    }
    if !(1..=MOST_BYSTANDER_CONNECTIONS).contains(connections) {
        return refuse(format!(
            "bystander.connections is {connections}; it must be 1 to {MOST_BYSTANDER_CONNECTIONS}"
        ));
    }
    check_status("bystander.expect.status", expect)?;
    Ok(*connections)
}

/// Things to ask for that can be asked for.
fn check_mix(spec: &Spec) -> Result<(), Error> {
    if spec.mix.is_empty() {
        return Ok(());
    }
    if spec.method != "GET" || spec.body.is_some() || matches!(spec.load, Load::Subscribe { .. }) {
        return refuse("a mix is of GET requests without a body, and not for subscribers".into());
    }
    spec.mix.iter().try_for_each(|part| {
        check_target("mix.target", &part.target)?;
        check_status("mix.expect.status", &part.expect)?;
        if (1..=MOST_WEIGHT).contains(&part.weight) {
            return Ok(());
        }
        refuse(format!("mix.weight is {}; it must be 1 to {MOST_WEIGHT}", part.weight))
    })
}

fn check_target(name: &str, target: &str) -> Result<(), Error> {
    let plain = target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if target.starts_with('/') && plain {
        return Ok(());
    }
    refuse(format!(
        "{name} is {target:?}; it must be a path and perhaps a query, percent-encoded, such as /hello"
    ))
}

fn check_status(name: &str, expect: &Expect) -> Result<(), Error> {
    if (100..=999).contains(&expect.status) {
        return Ok(());
    }
    refuse(format!("{name} is {}; it must be 100 to 999", expect.status))
}

fn check_times(spec: &Spec) -> Result<(), Error> {
    let times = [
        ("timeout_ms", spec.timeout_ms, 1),
        ("warm_up_ms", spec.warm_up_ms, 0),
        ("window_ms", spec.window_ms, 1),
        ("series_interval_ms", spec.series_interval_ms, 1),
    ];
    for (name, ms, least) in times {
        if !(least..=MOST_MS).contains(&ms) {
            return refuse(format!("{name} is {ms}; it must be {least} to {MOST_MS} (a day)"));
        }
    }
    let rows = spec.window_ms.div_ceil(spec.series_interval_ms);
    if rows > MOST_ROWS {
        return refuse(format!(
            "a window of {} ms has {rows} rows of {} ms; make series_interval_ms larger, so that there are \
             {MOST_ROWS} at most",
            spec.window_ms, spec.series_interval_ms
        ));
    }
    Ok(())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
