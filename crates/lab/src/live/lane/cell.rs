//! A lane's load as a trial's cell, so that processes are started, answers checked and figures judged as in a trial.

use handlers::{Body, Reply, replies};
use loadgen::protocol::Expect;

use crate::cell::{Cell, server_flags};
use crate::cpus::Split;
use crate::ladder::Rung;
use crate::live::lane::{TIMEOUT_MS, available};
use crate::live::most::Most;
use crate::live::settings::{Ask, Settings};

/// Of a load that goes on until somebody changes it, so without a window.
pub(super) fn of(
    place: usize,
    rung: &'static Rung,
    settings: &Settings,
    most: &Most,
    split: Option<&Split>,
) -> Cell {
    let cpus = available() as u64;
    let server_cpus = split.map_or(cpus, |split| split.server.len() as u64);
    // A rung against itself: the second one needs a name of its own.
    let twice = settings.rungs[0] == settings.rungs[1];
    Cell {
        experiment: crate::live::keep::NAME.to_owned(),
        rung,
        variant: twice.then(|| ["left", "right"][place].to_owned()),
        flags: server_flags(rung, &settings.flags(rung), cpus, server_cpus),
        block: 0,
        order: place as u32,
        load: settings.load(most),
        mix: Vec::new(),
        bystander: None,
        // New clients come over the first half of it.
        warm_up_ms: 2 * settings.ramp().as_millis() as u64,
        window_ms: 1_000,
        timeout_ms: TIMEOUT_MS,
        wait_ms: settings.nominal_wait_ms(),
        upstream: Some(settings.services()),
        byte_every_ms: None,
        server: settings.server(),
        record: false,
        seed: 1,
    }
}

/// What nobody has to be asked for: a slider that is pulled sets many waits.
pub(super) fn known_answer(settings: &Settings) -> Option<Expect> {
    let Reply { status, body, .. } = match settings.ask {
        Ask::Wait => replies::waited(settings.wait_ms),
        Ask::Hello => replies::hello(),
        Ask::Hash | Ask::Weather | Ask::Sun | Ask::City => return None,
    };
    let Body::Whole(bytes) = body else { return None };
    Some(Expect { status, body: String::from_utf8(bytes.into_owned()).ok() })
}
