//! The live page: two servers side by side under a load that the reader turns up, seen as it happens.
//!
//! ```text
//!  browser ── GET /events (server-sent events, 4 a second) ── http ── latest frame ◄── session ── lane ── server
//!          ── POST /do    (one command, JSON)  ────────────── http ── commands ──────► session ── lane ── generator
//!                                                                                              └─ services behind
//! ```
//!
//! **Processes.** Each of the two lanes has a server, the services behind it and a generator of its own (`loadgen
//! --live`, whose load can be changed while it runs), started as a trial starts them. Services that serve so many calls
//! at a time are a limit, and two servers that shared one would be measured against each other. Where there are cores
//! enough each server has one that nobody else uses.
//!
//! **One thread decides.** The [`session`] owns all processes. Four times a second it takes the commands that came,
//! collects what generators and `/proc` say, moves a preset on, and publishes a [`frame`]: everything that the page
//! shows, whole, so that a page that was reloaded or lost its connection knows all with the next one. The HTTP side
//! ([`http`]) passes commands in and frames out by the [`hub`] and knows nothing else.
//!
//! **States of a session:** *paused* (no load) → *running* → paused again, by the reader, by pages that have fetched
//! nothing for ten seconds, or by a preset at its end. A preset is a course of levels ([`course`]): each is held for some
//! seconds, measured like any trial, and held against its line. A lane is *starting*, *up*, *collapsed* (its server is
//! gone: a result) or *failed* (something around the server is: no result). Neither of the last two ends by itself; the
//! reader reads why, and starts it again. The other lane goes on.
//!
//! **One set of rules.** What bounds a lane and what ran out is found by the rules of the report (`report/verdict`),
//! from the last second as if it were a trial ([`line`]), so that the page and what is kept of it say the same.
//!
//! **Settings** ([`settings`]) are one value, sent whole by the page and checked here, since a page can be anybody's. Most
//! of them change the load at once; the rungs, the pool's size and the services behind need fresh processes.
//!
//! **Bounds.** Loopback only, with `Host`, `Origin` and `Sec-Fetch-Site` checked, so that no other page can start a load through a browser
//! that happens to be here. Clients are at most what the thread budget of experiments allows to both servers
//! together. The [`threads`] view may cost 2 % of a core, and looks at fewer threads, less often, to keep to it.
//!
//! What was seen can be kept ([`keep`]): results and a report as of any run, marked as a demonstration.

mod collect;
mod course;
mod files;
mod frame;
mod hog;
mod http;
mod hub;
mod keep;
mod lane;
mod line;
mod most;
mod presets;
mod session;
mod settings;
mod threads;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use crate::ladder::Rung;
use crate::limits::Limits;
use crate::programs::Programs;

/// What a session needs besides what the reader asks for.
pub(crate) struct Surroundings {
    /// What to start.
    pub(crate) programs: Programs,
    /// What may be taken of this machine.
    pub(crate) limits: Limits,
    /// The two that are shown first.
    pub(crate) rungs: [&'static Rung; 2],
    /// Where reports go.
    pub(crate) out: Option<PathBuf>,
}

/// Serves the page on a listener of loopback until somebody asks to stop; `ready` gets its address.
///
/// # Errors
/// When a program cannot be started at all, or the page cannot be served.
pub(crate) fn run(
    around: Surroundings,
    listener: TcpListener,
    ready: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let port = listener.local_addr().context("the page's port cannot be told")?.port();
    let hub = Arc::new(hub::Hub::new(port, around.limits.clone()));
    http::serve(listener, &hub)?;
    ready(&format!("http://127.0.0.1:{port}/"))?;
    session::run(around, &hub)
}
