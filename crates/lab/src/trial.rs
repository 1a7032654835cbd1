//! One trial: fresh processes, a load, a window that is watched from edge to edge, and an end.
//!
//! What came out is only gathered here; `judge.rs` says what it means.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handlers::replies::TICK;
use loadgen::protocol::{Arrivals, Bystander, Event, Expect, Load, Outcome, Spec, Weighted};

use crate::afterwards;
use crate::cell::{Cell, pool_threads};
use crate::confine::{confine, environment};
use crate::contract::http::{Connection, Request};
use crate::cpus::Split;
use crate::generator::Generator;
use crate::judge::{self, Found};
use crate::plan::Step;
use crate::probe::{self, Edges, Observed};
use crate::process::Process;
use crate::programs::Programs;
use crate::progress::Progress;
use crate::refusals::Refusals;
use crate::replay;
use crate::results::{Calls, Mode, Replay, Trial, TrialOutcome};
use crate::services::Services;
use crate::stop::{self, Stopped};

/// What all trials of a run have in common.
pub struct Bench<'a> {
    /// What to start.
    pub programs: &'a Programs,
    /// Where it may run.
    pub split: Option<&'a Split>,
    /// Start of the run, on the monotonic clock.
    pub started_ns: u64,
    /// The directory of the results, for what is too much to be in them; `None`: nothing is kept.
    pub recordings: Option<&'a Path>,
}

/// Runs a step; its trials come in the order of its cells. First all servers are started and asked once,
/// then all loads begin, so that side by side means at the same time.
///
/// # Errors
/// When something other than a measured server fails, or somebody asked the lab to stop.
pub(crate) fn run(step: &Step, bench: &Bench<'_>, progress: &Progress) -> anyhow::Result<Vec<Trial>> {
    let ready = at_once(step.cells.iter().collect(), |cell| started(Side::start(cell, bench)))?;
    let pairs = step.cells.iter().zip(ready).collect();
    at_once(pairs, |(cell, side)| {
        let (found, calls) = match side {
            Ok(side) => side.measure(cell, bench, progress)?,
            Err(failure) => (Found { failure: Some(failure), ..Found::default() }, None),
        };
        let trial = judge::trial(cell.subject(), &found, bench.started_ns);
        let replay = played(cell, &found, bench)?;
        Ok(Trial { replay, ..with_calls(trial, calls) })
    })
}

/// What does not start loses its trial, and no other.
pub(crate) fn started(side: anyhow::Result<Side>) -> anyhow::Result<Result<Side, String>> {
    match side {
        Err(error) if stop::requested() || error.is::<Stopped>() => Err(Stopped.into()),
        side => Ok(side.map_err(|error| format!("{error:#}"))),
    }
}

/// What was recorded is kept in a file of its own, and played again.
fn played(cell: &Cell, found: &Found, bench: &Bench<'_>) -> anyhow::Result<Option<Replay>> {
    let recording = found.outcome.as_ref().and_then(|outcome| outcome.recording.as_deref());
    let threads = pool_threads(cell.rung, &cell.flags).and_then(|threads| u32::try_from(threads).ok());
    let (Some(recording), Some(servers)) = (recording, threads) else { return Ok(None) };
    let mut replay = replay::of(recording, servers);
    if let Some(dir) = bench.recordings {
        let file = format!("recordings/{}.csv", cell.file_stem());
        replay::write(&dir.join(&file), recording, servers)?;
        replay.file = Some(file);
    }
    Ok(Some(replay))
}

/// A trial with what its services were asked for. Where they failed themselves, nothing was measured of the
/// server, and whatever else went wrong came of it.
fn with_calls(mut trial: Trial, calls: Option<anyhow::Result<Calls>>) -> Trial {
    match calls {
        Some(Ok(calls)) => trial.services = Some(calls),
        Some(Err(error)) if trial.outcome != TrialOutcome::Collapsed => {
            trial.outcome = TrialOutcome::Void;
            // Without the details that follow: the first of many wrong answers explains nothing here.
            let then = trial.reason.as_deref().and_then(|reason| reason.split(';').next());
            let then = then.map(|then| format!("; then {then}")).unwrap_or_default();
            trial.reason = Some(format!("the services behind the server failed: {error:#}{then}"));
        }
        Some(Err(_)) | None => {}
    }
    trial
}

/// Does the same to each, at the same time.
pub(crate) fn at_once<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<R>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

/// A server with its upstream, up and asked once.
pub(crate) struct Side {
    pub(crate) server: Process,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) services: Option<Services>,
    pub(crate) addr: SocketAddr,
    pub(crate) idle: probe::Size,
    /// What the first requests were answered with, or why they were not.
    pub(crate) first: Result<First, String>,
}

/// What right answers are: the first ones.
pub(crate) struct First {
    pub(crate) load: Expect,
    /// One for each part of a mix.
    pub(crate) mix: Vec<Expect>,
    /// Where the cell has one.
    pub(crate) bystander: Option<Expect>,
}

/// Time for a server that has just announced itself to come to rest before its idle memory is read.
const REST: Duration = Duration::from_millis(50);

impl Side {
    pub(crate) fn start(cell: &Cell, bench: &Bench<'_>) -> anyhow::Result<Self> {
        let server_cpus = bench.split.map(|split| split.server.as_slice());
        let mut flags = vec!["--port=0".to_owned(), "--exit-with-stdin".to_owned()];
        let services = match &cell.upstream {
            None => None,
            Some(upstream) => {
                let services = Services::start(upstream, cell.seed, bench)?;
                flags.push(format!("--upstream=http://{}", services.addr()));
                Some(services)
            }
        };
        if cell.rung.supervised {
            // A collapse is what an experiment is after; nobody shall repair it.
            flags.push("--no-supervisor".to_owned());
        }
        flags.extend(cell.flags.iter().cloned());
        let refusals = Arc::new(Refusals::default());
        let heard = Arc::clone(&refusals);
        let program = bench.programs.path(cell.rung.program)?;
        let (server, addr) =
            Process::listening_to(program, &flags, server_cpus, environment(&cell.server), move |line| {
                heard.hear(line);
            })?;
        confine(server.pid(), &cell.server)?;
        std::thread::sleep(REST);
        let idle = probe::size(server.pid());
        let first = first_answers(cell, addr);
        Ok(Self { server, refusals, services, addr, idle, first })
    }

    /// What was found, and what the services were asked for, where a window opened and there were any.
    fn measure(
        mut self,
        cell: &Cell,
        bench: &Bench<'_>,
        progress: &Progress,
    ) -> anyhow::Result<(Found, Option<anyhow::Result<Calls>>)> {
        let mut calls = None;
        let mut found = Found { idle: self.idle, ..Found::default() };
        match self.first {
            Err(ref reason) => found.failure = Some(format!("the first request failed: {reason}")),
            Ok(ref first) => {
                let spec = spec(cell, self.addr, first);
                let show = |now: &str| progress.now(&format!("{}, {}: {now}", cell.who(), cell.what()));
                match generate_before(&spec, bench, self.server.pid(), self.services.as_ref(), show) {
                    Ok(generated) => {
                        found.outcome = Some(generated.outcome);
                        found.edges = generated.edges;
                        found.observed = generated.observed;
                        calls = generated.calls;
                    }
                    Err(error) if stop::requested() || error.is::<Stopped>() => return Err(Stopped.into()),
                    Err(error) => found.failure = Some(format!("{error:#}")),
                }
            }
        }
        if let Some(how) = self.services.as_mut().and_then(Services::died) {
            calls = Some(Err(anyhow::anyhow!(how)));
        }
        if cell.server.is_confined() && self.first.is_ok() {
            found.afterwards = Some(afterwards::look(self.addr, &mut self.server));
        }
        found.died = self.server.poll();
        found.deaf = found.died.is_none() && refuses(self.addr);
        // A server may refuse since it is just about to end.
        if found.deaf {
            found.died = self.server.wait(Duration::from_millis(300));
        }
        found.ended = self.server.end();
        found.log = self.server.log();
        found.refused = Some(self.refusals.counted());
        Ok((found, calls))
    }
}

pub(crate) fn spec(cell: &Cell, addr: SocketAddr, first: &First) -> Spec {
    let clients = cell.load.clients;
    let load = match (cell.load.mode, cell.load.rate_rps) {
        (Mode::Open, Some(rate_rps)) => Load::Open {
            rate_rps,
            arrivals: Arrivals::Poisson,
            shape: cell.load.shape.unwrap_or_default(),
            connections: clients,
        },
        (Mode::Subscribers, _) => Load::Subscribe { subscribers: clients, tick_ms: TICK.as_millis() as u64 },
        (Mode::Slow, _) => Load::Slow { clients, byte_every_ms: cell.byte_every_ms.unwrap_or(1_000) },
        _ => Load::Closed { clients },
    };
    let bystander = cell.bystander.as_ref().zip(first.bystander.clone());
    // Where there is a mix, it says what is asked for.
    let path = if cell.mix.is_empty() { &*cell.load.route } else { "/" };
    let mix = cell.mix.iter().zip(&first.mix).map(|(part, expect)| Weighted {
        target: part.route.text.clone(),
        weight: part.weight as u32,
        expect: expect.clone(),
    });
    Spec {
        url: format!("http://{addr}{path}"),
        method: "GET".into(),
        body: None,
        load,
        mix: mix.collect(),
        keep_alive: cell.load.keep_alive,
        bystander: bystander.map(|(bystander, expect)| Bystander {
            target: bystander.route.text.clone(),
            rate_rps: bystander.rate.0,
            connections: bystander.connections as u32,
            expect,
        }),
        timeout_ms: cell.timeout_ms,
        warm_up_ms: cell.warm_up_ms,
        window_ms: cell.window_ms,
        series_interval_ms: probe::INTERVAL_MS,
        expect: match load {
            // Of what answers them only the status is read.
            Load::Slow { .. } => Expect { body: None, ..first.load.clone() },
            _ => first.load.clone(),
        },
        seed: cell.seed,
        allow_remote: None,
        timing: matches!(load, Load::Open { .. }),
        record: cell.record && cell.bystander.is_none(),
    }
}

/// What a load left.
struct Generated {
    outcome: Outcome,
    edges: Option<Edges>,
    observed: Option<Observed>,
    calls: Option<anyhow::Result<Calls>>,
}

/// Runs a load to its end while the server is watched over the window.
///
/// # Errors
/// When the generator fails, or somebody asked the lab to stop.
pub fn generate(
    spec: &Spec,
    bench: &Bench<'_>,
    server: u32,
    show: impl FnMut(&str),
) -> anyhow::Result<(Outcome, Option<Edges>, Option<Observed>)> {
    let generated = generate_before(spec, bench, server, None, show)?;
    Ok((generated.outcome, generated.edges, generated.observed))
}

/// The same before services, which are attended to.
fn generate_before(
    spec: &Spec,
    bench: &Bench<'_>,
    server: u32,
    services: Option<&Services>,
    mut show: impl FnMut(&str),
) -> anyhow::Result<Generated> {
    let cpus = bench.split.map(|split| split.client.as_slice());
    let (mut watched, mut attended) = (None, None);
    let outcome = Generator::start(bench.programs, spec, cpus)?.outcome(spec, |event| {
        match event {
            Event::Window { start_ns, end_ns } => {
                let edges = Edges { start_ns, end_ns };
                // Told too late, the edge cannot be read any more, and half a window is none.
                let cpus = bench.split.map(|split| split.server.clone());
                let probe =
                    if probe::is_ahead(edges) { Some(probe::watch(server, cpus, edges)?) } else { None };
                watched = Some((edges, probe));
                attended = services.map(|services| services.attend(edges)).transpose()?;
            }
            Event::Progress { completed, errors, in_flight, .. } => {
                show(&format!("{completed} requests/s, {errors} errors/s, {in_flight} in flight"));
            }
            _ => {}
        }
        Ok(())
    })?;
    let edges = watched.as_ref().map(|(edges, _)| *edges);
    let observed = watched.and_then(|(_, probe)| probe?.join().ok());
    let calls = attended.map(|thread| {
        thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the thread that asked them panicked")))
    });
    Ok(Generated { outcome, edges, observed, calls })
}

/// One request each before the load: it must be answered, and its answer is what all others are held to.
pub(crate) fn first_answers(cell: &Cell, addr: SocketAddr) -> Result<First, String> {
    let deadline = Duration::from_millis(cell.timeout_ms);
    let request = match cell.load.mode {
        // A stream that never ends is asked for without it: the head says whether it would begin, and
        // nobody is left on the server who still listens when the measuring begins.
        Mode::Subscribers => Request::new("HEAD", &cell.load.route),
        Mode::Closed | Mode::Open | Mode::Slow => Request::get(&cell.load.route),
    };
    let mix: Vec<Expect> = cell
        .mix
        .iter()
        .map(|part| first_answer(addr, &Request::get(&part.route.text), deadline))
        .collect::<Result<_, _>>()?;
    let load = match mix.first() {
        Some(first) => first.clone(),
        None => first_answer(addr, &request, deadline)?,
    };
    let bystander = cell.bystander.as_ref().map(|one| {
        first_answer(addr, &Request::get(&one.route.text), deadline)
            .map_err(|reason| format!("the bystander's: {reason}"))
    });
    Ok(First { load, mix, bystander: bystander.transpose()? })
}

/// Over a connection of its own, since not every server keeps one.
fn first_answer(addr: SocketAddr, request: &Request, deadline: Duration) -> Result<Expect, String> {
    let answer = Connection::open(addr, deadline).and_then(|mut connection| connection.exchange(request));
    let answer = answer.map_err(|error| error.to_string())?;
    let body = String::from_utf8(answer.body).ok();
    match answer.status {
        // The body of an answer to HEAD says nothing.
        200 => Ok(Expect { status: 200, body: body.filter(|_| request.method == "GET") }),
        status => Err(format!("status {status}: {:.200}", body.unwrap_or_default())),
    }
}

/// Whether a server that is there does not take connections any more.
pub(crate) fn refuses(addr: SocketAddr) -> bool {
    TcpStream::connect_timeout(&addr, Duration::from_secs(1))
        .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}
