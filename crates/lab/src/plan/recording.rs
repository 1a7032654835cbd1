//! The recorded trial of an experiment that asks for `lanes`: which servers it has, and how long it takes.
//!
//! Every rung is in it once, in the first of its uses; the same twenty requests beside the same twenty is what it
//! is about. What would take long is left out and says so. `lanes.rs` carries it out.

use std::time::Duration;

use super::{Host, START_AND_STOP, fingerprint};
use crate::cell::{Cell, pool_threads, server_flags};
use crate::cli::in_words;
use crate::experiment::{Experiment, Lanes as Asked, Positive, Upstream, Use};
use crate::results::{Lanes, Load, Mode};
use crate::wait;

/// What will be recorded.
#[derive(Debug)]
pub struct Recording {
    /// Requests on each server.
    pub requests: u64,
    /// A server each.
    pub cells: Vec<Cell>,
    /// All servers at once, as the experiment has them; else one after the other.
    pub side_by_side: bool,
    /// What takes too long for a picture.
    pub left_out: Vec<Lanes>,
}

/// Nobody waits longer than this for one server's part of a picture.
const LONGEST: Duration = Duration::from_secs(5);

impl Recording {
    /// `None` where the experiment does not ask for it.
    pub(super) fn of(experiment: &Experiment, host: &Host, seed: u64) -> anyhow::Result<Option<Self>> {
        let Some(asked) = &experiment.lanes else { return Ok(None) };
        let upstream = shortened(experiment, asked);
        let wait_ms = wait::nominal_ms(&experiment.route.route, &upstream)?;
        let (mut cells, mut left_out) = (Vec::new(), Vec::new());
        for (place, one) in experiment.rungs.iter().enumerate() {
            if experiment.rungs[..place].iter().any(|before| before.rung == one.rung) {
                continue;
            }
            let cell = Cell { wait_ms, ..cell(one, asked, &upstream, experiment, host, seed) };
            let takes = estimate(&cell);
            if takes <= LONGEST {
                cells.push(cell);
            } else {
                let why = format!(
                    "{} requests would take about {} here, and a picture is to take {} at most",
                    asked.requests,
                    in_words(takes),
                    in_words(LONGEST)
                );
                left_out.push(Lanes { failed: Some(why), ..of_cell(&cell) });
            }
        }
        Ok(Some(Self { requests: asked.requests, cells, side_by_side: experiment.side_by_side, left_out }))
    }

    /// How long it will take.
    pub fn estimate(&self) -> Duration {
        let each = self.cells.iter().map(estimate);
        if self.side_by_side { each.max().unwrap_or_default() } else { each.sum() }
    }
}

/// What is known of a recording before it is made.
pub(crate) fn of_cell(cell: &Cell) -> Lanes {
    Lanes {
        experiment: cell.experiment.clone(),
        rung: cell.rung.name.to_owned(),
        variant: cell.variant.clone(),
        flags: cell.flags.clone(),
        route: cell.load.route.clone(),
        time_scale: cell.upstream.as_ref().map(|upstream| upstream.time_scale.0),
        ..Lanes::default()
    }
}

/// A request alone, and then all of them, as many at a time as there are threads and services for.
fn estimate(cell: &Cell) -> Duration {
    let requests = u64::from(cell.load.clients);
    let threads = pool_threads(cell.rung, &cell.flags).unwrap_or(requests);
    let services = cell.upstream.as_ref().and_then(|upstream| upstream.capacity).unwrap_or(requests);
    let rounds = requests.div_ceil(threads.min(services).max(1));
    let wait = Duration::from_secs_f64(cell.wait_ms.unwrap_or(0.0) / 1_000.0);
    START_AND_STOP + wait * (1 + rounds as u32)
}

fn shortened(experiment: &Experiment, asked: &Asked) -> Upstream {
    let mut upstream = experiment.upstream.clone();
    let wanted = asked.time_scale.map_or(f64::INFINITY, |scale| scale.0);
    upstream.time_scale = Positive(upstream.time_scale.0.min(wanted));
    // They are given by the window, and there is none.
    upstream.faults.clear();
    upstream
}

fn cell(
    one: &Use,
    asked: &Asked,
    upstream: &Upstream,
    experiment: &Experiment,
    host: &Host,
    seed: u64,
) -> Cell {
    let route = &experiment.route;
    Cell {
        experiment: experiment.name.clone(),
        rung: one.rung,
        variant: one.variant.clone(),
        flags: server_flags(one.rung, &one.flags, host.cpus, host.server_cpus),
        block: 0,
        order: 0,
        load: Load {
            mode: Mode::Closed,
            clients: asked.requests as u32,
            rate_rps: None,
            route: route.text.clone(),
            keep_alive: true,
            shape: None,
        },
        mix: Vec::new(),
        bystander: None,
        warm_up_ms: 0,
        window_ms: 0,
        timeout_ms: experiment.timeout_ms,
        upstream: wait::calls_upstream(&route.route).then(|| upstream.clone()),
        byte_every_ms: None,
        server: experiment.server.clone(),
        wait_ms: None,
        // The same delays for every rung.
        seed: seed ^ fingerprint(&experiment.name),
        record: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Options, Plan};

    fn recording(text: &str, options: &Options) -> Recording {
        let host = Host { cpus: 2, server_cpus: 1, ..Host::default() };
        let experiment = Experiment::parse("mine", "mine.toml", text).unwrap();
        Plan::new(vec![experiment], options, &host).unwrap().experiments.remove(0).recording.unwrap()
    }

    const EXPERIMENT: &str = r#"
title = "t"
question = "q"
expect = "e"
route = "/api/sun/97201/us"
blocks = 1
warm_up_ms = 100
window_ms = 5000
upstream = { delay = "fixed:400ms" }
lanes = { requests = 20, time_scale = 0.5 }
rungs = [
    { rung = "pool", variant = "5", flags = ["--threads=5"] },
    { rung = "pool", variant = "20", flags = ["--threads=20"] },
    { rung = "event-loop" },
]
loads = [{ closed = { clients = [20] } }]
"#;

    #[test]
    fn each_rung_is_recorded_once_and_in_time() {
        let recording = recording(EXPERIMENT, &Options::default());
        let who: Vec<String> = recording.cells.iter().map(Cell::who).collect();
        assert_eq!(who, ["pool (5)", "event-loop"]);
        assert!(recording.cells.iter().all(|cell| cell.load.clients == 20 && cell.wait_ms == Some(400.0)));
        // One after the other: five waits of 0.4 s on the pool, two on the loop.
        assert_eq!(recording.estimate(), 2 * START_AND_STOP + Duration::from_millis(2_800));
        let at_once = EXPERIMENT.replace("blocks = 1", "blocks = 1\nside_by_side = true");
        assert_eq!(
            self::recording(&at_once, &Options::default()).estimate(),
            START_AND_STOP + Duration::from_secs(2)
        );
    }

    #[test]
    fn delays_are_never_made_longer() {
        let scale =
            |text: &str| recording(text, &Options::default()).cells[0].upstream.clone().unwrap().time_scale.0;
        assert_eq!(scale(EXPERIMENT), 0.5);
        assert_eq!(scale(&EXPERIMENT.replace("delay =", "time_scale = 0.2, delay =")), 0.2);
        assert_eq!(scale(&EXPERIMENT.replace(", time_scale = 0.5", "")), 1.0);
    }

    #[test]
    fn what_takes_too_long_is_left_out_and_says_so() {
        let rungs =
            vec![crate::ladder::rung("one-at-a-time").unwrap(), crate::ladder::rung("event-loop").unwrap()];
        let recording = recording(EXPERIMENT, &Options { rungs, ..Options::default() });
        assert_eq!(recording.cells.len(), 1);
        let [Lanes { rung, failed: Some(why), .. }] = &recording.left_out[..] else { panic!() };
        assert_eq!(rung, "one-at-a-time");
        assert!(why.contains("20 requests would take about 9 s"), "{why}");
    }
}
