//! A rung as a process: started as the lab starts it, loaded by the load generator, looked at from outside.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use lab::contract::http::{Connection, Request};
use lab::ladder::Rung;
use lab::process::Process;
use lab::stop;
use lab::trial::{self, Bench};
use loadgen::Histogram;
use loadgen::protocol::{Arrivals, Expect, Load, Outcome, Shape, Spec};

/// What is asked for, and what comes.
const HELLO: (&str, &str) = ("/hello", r#"{"hello":"world"}"#);

/// When a client of `/hello` gives up.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Bystanders: connections at most, and requests a second. The least demanding rung spends a twelfth of a CPU
/// on that, so what they see is not of their own making.
const BYSTANDERS: u32 = 64;
const BYSTANDER_RPS: f64 = 400.0;

/// A server, ended with this.
pub(crate) struct Server<'a> {
    process: Process,
    pub(crate) addr: SocketAddr,
    bench: &'a Bench<'a>,
}

/// What a process holds; `None` where the system does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rss_bytes: u64,
    pub(crate) threads: u64,
}

/// What the bystanders saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) p50_ms: Option<f64>,
    /// Only where there were enough samples to speak of it.
    pub(crate) p99_ms: Option<f64>,
    pub(crate) asked: u64,
    /// Not, wrongly or too late.
    pub(crate) unanswered: u64,
}

impl<'a> Server<'a> {
    pub(crate) fn start(rung: &Rung, bench: &'a Bench<'a>) -> anyhow::Result<Self> {
        let mut flags =
            vec!["--port=0".to_owned(), "--exit-with-stdin".into(), format!("--model={}", rung.name)];
        if rung.has_workers {
            flags.push("--workers=1".into());
        }
        if rung.supervised {
            // A server that was started anew would hide what became of the first.
            flags.push("--no-supervisor".into());
        }
        let cpus = bench.split.map(|split| split.server.as_slice());
        let (process, addr) = Process::listening(bench.programs.path(rung.program)?, &flags, cpus)?;
        Ok(Self { process, addr, bench })
    }

    /// Memory and threads now.
    pub(crate) fn size(&self) -> Option<Size> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid())).ok()?;
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Size { rss_bytes: field("VmRSS:")? * 1024, threads: field("Threads:")? })
    }

    /// Keeps so many clients busy for so long; how many right answers they got.
    pub(crate) fn load(&self, clients: u32, keep_alive: bool, window: Duration) -> anyhow::Result<u64> {
        let outcome =
            self.generate(Load::Closed { clients }, keep_alive, Duration::from_millis(50), window)?;
        ensure!(outcome.completed > 0, "not one right answer to {clients} clients: {:?}", outcome.failed);
        Ok(outcome.completed)
    }

    /// Looks at `/hello` with the eyes of somebody who has nothing to do with what else goes on.
    pub(crate) fn bystanders(&self, window: Duration) -> anyhow::Result<Seen> {
        let load = Load::Open {
            rate_rps: BYSTANDER_RPS,
            arrivals: Arrivals::Poisson,
            shape: Shape::Steady,
            connections: BYSTANDERS,
        };
        let outcome = self.generate(load, true, window / 10, window)?;
        let times = Histogram::decode(&outcome.response_time)?;
        Ok(Seen {
            p50_ms: times.percentile_ms(0.5),
            p99_ms: times.percentile_ms(0.99),
            asked: outcome.scheduled,
            unanswered: outcome.scheduled - outcome.completed,
        })
    }

    fn generate(
        &self,
        load: Load,
        keep_alive: bool,
        warm_up: Duration,
        window: Duration,
    ) -> anyhow::Result<Outcome> {
        let spec = Spec {
            url: format!("http://{}{}", self.addr, HELLO.0),
            method: "GET".into(),
            body: None,
            load,
            mix: Vec::new(),
            keep_alive,
            timeout_ms: TIMEOUT.as_millis() as u64,
            warm_up_ms: warm_up.as_millis() as u64,
            window_ms: window.as_millis() as u64,
            series_interval_ms: 1_000,
            expect: Expect { status: 200, body: Some(HELLO.1.into()) },
            bystander: None,
            seed: 1,
            allow_remote: None,
            timing: false,
            record: false,
        };
        Ok(trial::generate(&spec, self.bench, self.process.pid(), |_| {})?.0)
    }

    /// Waits until it answers again; how long that took.
    pub(crate) fn comes_back(&self, within: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let asked = Connection::open(self.addr, TIMEOUT)
                .and_then(|mut connection| connection.exchange(&Request::get(HELLO.0)));
            match asked {
                Ok(reply) if reply.status == 200 && reply.body == HELLO.1.as_bytes() => {
                    return Ok(began.elapsed());
                }
                Ok(reply) if began.elapsed() > within => bail!("still answers {}", reply.status),
                Err(error) if began.elapsed() > within => return Err(error).context("still does not answer"),
                _ => sleep(Duration::from_millis(20)),
            }
            ensure!(!stop::requested(), stop::Stopped);
        }
    }
}
