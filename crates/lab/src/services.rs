//! The services behind a server during its trial: started with it, told what goes wrong when, and asked at
//! both edges of the window what they had to do.
//!
//! They are a process of their own, and everything goes over their `/control`, which is never delayed by
//! what it orders.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, bail};
use loadgen::clock::sleep_until_ns;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::http::{Connection, Request};
use crate::experiment::{Fault, FaultKind, Upstream};
use crate::probe::Edges;
use crate::process::{Process, exit_text, said};
use crate::results::Calls;
use crate::trial::Bench;

/// Services at work; they end when this is dropped.
pub(crate) struct Services {
    process: Process,
    addr: SocketAddr,
    faults: Vec<Fault>,
    /// Whoever attends to them asks and orders nothing more: the port may be somebody else's by then.
    over: Arc<AtomicBool>,
}

impl Drop for Services {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// An answer of `/control` takes a millisecond; one that takes this long will not come.
const PATIENCE: Duration = Duration::from_secs(5);

impl Services {
    /// Starts them, on the CPUs that are not the server's.
    ///
    /// # Errors
    /// When they do not start.
    pub(crate) fn start(upstream: &Upstream, seed: u64, bench: &Bench<'_>) -> anyhow::Result<Self> {
        let cpus = bench.split.map(|split| split.client.as_slice());
        let (process, addr) =
            Process::listening(bench.programs.path("upstream")?, &flags(upstream, seed), cpus)
                .context("the services behind the server failed")?;
        let mut faults = upstream.faults.clone();
        faults.sort_by_key(|fault| fault.at_ms);
        Ok(Self { process, addr, faults, over: Arc::default() })
    }

    /// Where they listen.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How they ended, if they have: nobody asks them to.
    pub(crate) fn died(&mut self) -> Option<String> {
        let ended = self.process.poll()?;
        Some(format!("upstream died, {}{}", exit_text(ended.status), said(&self.process.log())))
    }

    /// How much they have done so far.
    ///
    /// # Errors
    /// When they do not answer.
    pub(crate) fn state(&self) -> anyhow::Result<State> {
        state(self.addr)
    }

    /// Orders the faults as the window goes on, and counts the calls in it; the count is there when the
    /// window is over.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn attend(&self, edges: Edges) -> std::io::Result<JoinHandle<anyhow::Result<Calls>>> {
        let (addr, faults, over) = (self.addr, self.faults.clone(), Arc::clone(&self.over));
        thread::Builder::new().name("services".into()).spawn(move || attend(addr, &faults, edges, &over))
    }
}

fn flags(upstream: &Upstream, seed: u64) -> Vec<String> {
    let mut flags = vec![
        "--port=0".to_owned(),
        "--exit-with-stdin".to_owned(),
        format!("--delay={}", upstream.delay),
        format!("--time-scale={}", upstream.time_scale.0),
        format!("--seed={}", upstream.seed.unwrap_or(seed)),
    ];
    flags.extend(upstream.capacity.map(|capacity| format!("--capacity={capacity}")));
    flags
}

fn attend(addr: SocketAddr, faults: &[Fault], edges: Edges, over: &AtomicBool) -> anyhow::Result<Calls> {
    let until = |ns| {
        sleep_until_ns(ns);
        if over.load(Ordering::SeqCst) { bail!("the trial was over before its window was") } else { Ok(()) }
    };
    until(edges.start_ns)?;
    let before = state(addr)?;
    for fault in faults {
        until(edges.start_ns + fault.at_ms * 1_000_000)?;
        order(addr, fault)?;
    }
    until(edges.end_ns)?;
    Ok(state(addr)?.since(&before))
}

/// What `GET /control` says, as far as it is needed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct State {
    requests: std::collections::BTreeMap<String, u64>,
    queued: u64,
    served: u64,
    served_ms: f64,
    /// What is left of them, in the form in which they are ordered.
    faults: Map<String, Value>,
}

impl State {
    /// What was asked of them meanwhile.
    pub(crate) fn since(&self, before: &Self) -> Calls {
        let arrived = |state: &Self| state.requests.values().sum::<u64>();
        Calls {
            arrived: arrived(self).saturating_sub(arrived(before)),
            served: self.served.saturating_sub(before.served),
            service_ms: (self.served_ms - before.served_ms).max(0.0),
            queued_at_end: self.queued,
        }
    }
}

fn state(addr: SocketAddr) -> anyhow::Result<State> {
    control(addr, &Request::get("/control"))
}

/// An order replaces whatever held before, so it names that again.
pub(crate) fn order(addr: SocketAddr, fault: &Fault) -> anyhow::Result<()> {
    let mut faults = state(addr)?.faults;
    faults.insert(fault.kind.name().to_owned(), serde_json::to_value(fault)?);
    let body = serde_json::to_vec(&faults)?;
    control(addr, &Request::new("POST", "/control").body(body)).map(|_| ())
}

/// Takes an order back; the others hold on.
pub(crate) fn call_off(addr: SocketAddr, kind: FaultKind) -> anyhow::Result<()> {
    let mut faults = state(addr)?.faults;
    if faults.remove(kind.name()).is_none() {
        return Ok(());
    }
    let body = serde_json::to_vec(&faults)?;
    control(addr, &Request::new("POST", "/control").body(body)).map(|_| ())
}

fn control(addr: SocketAddr, request: &Request) -> anyhow::Result<State> {
    let answer = Connection::open(addr, PATIENCE)
        .and_then(|mut connection| connection.exchange(request))
        .context("they do not answer")?;
    if answer.status != 200 {
        bail!("they refuse an order: {}", String::from_utf8_lossy(&answer.body));
    }
    serde_json::from_slice(&answer.body).context("they say what nobody understands")
}

#[cfg(test)]
mod tests {
    use loadgen::clock::monotonic_ns;

    use super::*;

    fn services() -> upstream::Running {
        let delay = "fixed:0ms".parse().unwrap();
        upstream::start(upstream::Config { port: 0, delay, ..upstream::Config::default() }).unwrap()
    }

    fn faults(text: &str) -> Vec<Fault> {
        toml::from_str::<Upstream>(text).unwrap().faults
    }

    fn get(addr: SocketAddr, target: &str) -> u16 {
        Connection::open(addr, PATIENCE).unwrap().exchange(&Request::get(target)).unwrap().status
    }

    const WEATHER: &str = "/weather?zip=97201,us";

    #[test]
    fn what_an_experiment_says_of_its_services_is_on_their_command_line() {
        let upstream = toml::from_str("delay = \"exp:5ms\"\ntime_scale = 2.5\ncapacity = 20").unwrap();
        let said = flags(&upstream, 9).join(" ");
        assert_eq!(
            said,
            "--port=0 --exit-with-stdin --delay=exp:5ms --time-scale=2.5 --seed=9 --capacity=20"
        );
        let own = Upstream { seed: Some(4), ..Upstream::default() };
        assert!(flags(&own, 9).join(" ").ends_with("--seed=4"));
    }

    #[test]
    fn nobody_is_ordered_about_after_the_trial() {
        let services = services();
        let edges = Edges { start_ns: monotonic_ns(), end_ns: monotonic_ns() + 1_000_000 };
        let stall = faults("faults = [{ kind = \"stall\", at_ms = 0, for_ms = 60000 }]");
        let error = attend(services.addr, &stall, edges, &AtomicBool::new(true)).unwrap_err();
        assert!(error.to_string().starts_with("the trial was over"), "{error:#}");
        assert!(state(services.addr).unwrap().faults.is_empty());
    }

    /// Whatever a file may say, the services take.
    #[test]
    fn every_kind_of_fault_is_taken_beside_those_that_hold() {
        let services = services();
        let all = faults(
            r#"
faults = [
    { kind = "stall", at_ms = 0, for_ms = 600000, path = "/location" },
    { kind = "reset", at_ms = 1, for_ms = 600000, rate = 0.5, count = 1000000000 },
    { kind = "error", at_ms = 2, for_ms = 600000, path = "/sun", status = 599 },
    { kind = "garbage", at_ms = 3, for_ms = 1000 },
    { kind = "slow_body", at_ms = 4, for_ms = 600000, over_ms = 60000 },
]"#,
        );
        all.iter().try_for_each(|fault| order(services.addr, fault)).unwrap();
        let held: Vec<String> = state(services.addr).unwrap().faults.keys().cloned().collect();
        assert_eq!(held, ["error", "garbage", "reset", "slow_body", "stall"]);
        call_off(services.addr, FaultKind::Stall).unwrap();
        call_off(services.addr, FaultKind::Stall).unwrap();
        let held: Vec<String> = state(services.addr).unwrap().faults.keys().cloned().collect();
        assert_eq!(held, ["error", "garbage", "reset", "slow_body"]);
    }

    #[test]
    fn faults_hold_when_they_should_and_calls_are_those_of_the_window() {
        let services = services();
        let addr = services.addr;
        assert_eq!(get(addr, WEATHER), 200, "before the window");
        let start_ns = monotonic_ns() + 20_000_000;
        let edges = Edges { start_ns, end_ns: start_ns + 4_500_000_000 };
        // Asked for in the middle of each part: a busy machine may be half a second late with the order.
        let error = faults("faults = [{ kind = \"error\", at_ms = 1200, for_ms = 1200, status = 503 }]");
        let calls = thread::scope(|scope| {
            let attended = scope.spawn(|| attend(addr, &error, edges, &AtomicBool::new(false)));
            let mut seen = Vec::new();
            for at_ms in [600, 1_800, 3_300] {
                sleep_until_ns(start_ns + at_ms * 1_000_000);
                seen.push((get(addr, WEATHER), monotonic_ns() - start_ns));
            }
            // A machine that is busy with other things may be late; then this says nothing.
            for ((status, at_ns), (expected, until_ms)) in
                seen.into_iter().zip([(200, 1_140), (503, 2_340), (200, 4_440)])
            {
                assert!(status == expected || at_ns > until_ms * 1_000_000, "{status} at {at_ns} ns");
            }
            attended.join().unwrap().unwrap()
        });
        assert!((1..=3).contains(&calls.served) && calls.arrived == calls.served, "{calls:?}");
        assert_eq!(calls.queued_at_end, 0);
    }

    #[test]
    fn services_that_are_gone_are_an_error_and_not_a_count_of_nothing() {
        let services = services();
        let addr = services.addr;
        services.stop().unwrap();
        let edges = Edges { start_ns: monotonic_ns(), end_ns: monotonic_ns() + 1_000_000 };
        let error = attend(addr, &[], edges, &AtomicBool::new(false)).unwrap_err();
        assert!(format!("{error:#}").starts_with("they do not answer"), "{error:#}");
    }
}
