//! The lab: starts servers as processes, loads them, measures them from outside, and reports.
//!
//! A run, in the order in which it happens:
//!
//! 1. [`cmd::compare`] reads the command line; [`programs`] builds what will run.
//! 2. [`experiment`] reads the questions (TOML), [`plan`] makes trials of them, within the [`limits`] of
//!    this machine and with the servers on [`cpus`] of their own.
//! 3. [`run`] carries the plan out. A `trial` starts fresh processes, a `generator` and the `services` behind
//!    the server among them, while a `probe` watches the server; `judge` says what came of it, and `replay` plays what a pool's
//!    requests did again. After each trial [`output`] keeps all
//!    [`results`].
//!    Where an experiment asks for it, [`lanes`] records some requests one by one before that.
//! 4. [`report`] reads the results and nothing else. What may be concluded from them is up to [`stats`].
//!
//! Around a run, [`check`] looks whether the machine was left alone, [`until`] adds blocks until intervals are
//! narrow, and [`baseline`] holds it against an earlier run.
//!
//! `live` is another way in: two servers on a page, with the load in the reader's hand.
//!
//! Where real measuring would go further is said where it is left out: servers and generator share one
//! machine here, so neither a network nor its cards are part of any figure.

mod afterwards;
pub mod baseline;
pub mod cell;
pub mod check;
pub mod cli;
pub mod cmd;
mod confine;
pub mod contract;
pub mod cpus;
pub mod experiment;
mod flags;
mod generator;
mod judge;
pub mod ladder;
pub mod lanes;
pub mod limits;
mod live;
pub mod machine;
pub mod output;
pub mod plan;
pub mod probe;
pub mod process;
#[cfg(any(test, target_os = "linux"))]
mod procfs;
pub mod programs;
mod progress;
mod refusals;
pub mod replay;
pub mod report;
pub mod results;
pub mod run;
mod services;
pub mod stats;
pub mod stop;
mod sys;
pub mod trial;
pub mod until;
mod wait;
mod warning;
