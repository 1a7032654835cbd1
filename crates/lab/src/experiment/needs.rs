//! What no single key shows: texts that say nothing, and rules whose needs are not met.

use anyhow::{anyhow, bail};

use super::{Experiment, Kind};
use crate::ladder::Rung;
use crate::results::Rule;
use crate::wait;

impl Experiment {
    pub(super) fn check_texts(&self) -> anyhow::Result<()> {
        for (key, text) in [("title", &self.title), ("question", &self.question), ("expect", &self.expect)] {
            if text.trim().is_empty() {
                bail!("{key}: it is empty, and the report's section needs it");
            }
        }
        if let Some(stated) = self
            .stated
            .iter()
            .find(|stated| !(stated.throughput_rps.is_finite() && stated.throughput_rps > 0.0))
        {
            bail!("stated: throughput_rps = {} is not over 0", stated.throughput_rps);
        }
        for changes in [&self.quick, &self.full] {
            let none = |key: &str| anyhow!("{key}: it lists no level; give it one at least");
            if matches!(&changes.clients, Some(super::Levels::Given(levels)) if levels.is_empty()) {
                return Err(none("clients"));
            }
            if changes.counts.as_ref().is_some_and(Vec::is_empty) {
                return Err(none("counts"));
            }
        }
        self.rungs.iter().try_for_each(|one| check_flags(&one.flags))
    }

    /// A rule that could not say anything of this experiment is refused here, rather than silent in the report.
    pub(super) fn check_rule(&self) -> anyhow::Result<()> {
        let Some(rule) = self.rule else { return Ok(()) };
        let is_open = |kind: &Kind| matches!(kind, Kind::Open(_));
        let any_open = self.loads.iter().any(|load| is_open(&load.kind));
        let closed = self.loads.iter().filter(|load| matches!(load.kind, Kind::Closed(_)));
        let needs = |met: bool, rule: &str, what: &str| {
            if met { Ok(()) } else { Err(anyhow!("rule: \"{rule}\" needs {what}")) }
        };
        match rule {
            Rule::Equal => needs(
                self.blocks >= LEAST_BLOCKS,
                "equal",
                &format!("at least {LEAST_BLOCKS} `blocks` for its intervals, and there are {}", self.blocks),
            ),
            Rule::SharedLimit => {
                let mut calls = closed.flat_map(|load| self.targets(load));
                needs(self.upstream.capacity.is_some(), "shared_limit", "`upstream.capacity`")?;
                let calls = calls.any(|target| wait::calls_upstream(&target.route));
                needs(
                    calls,
                    "shared_limit",
                    "a closed load that calls the services, such as /api/weather/97201/us",
                )
            }
            Rule::Goodput if !any_open => needs(false, "goodput", "an open load"),
            Rule::Pool => {
                needs(any_open, "pool", "an open load")?;
                let pool = |rung: &Rung| rung.name == "pool";
                needs(self.rungs.iter().any(|one| pool(one.rung)), "pool", "the rung pool")?;
                needs(self.upstream.delay.starts_with("exp:"), "pool", "`upstream.delay` as in \"exp:100ms\"")
            }
            Rule::Bystanders if self.bystander.is_none() => needs(false, "bystanders", "a `bystander`"),
            Rule::Recovery => {
                let spike = |kind: &Kind| matches!(kind, Kind::Open(open) if open.shape.times() > 1.0);
                let upset =
                    !self.upstream.faults.is_empty() || self.loads.iter().any(|load| spike(&load.kind));
                needs(
                    upset && any_open,
                    "recovery",
                    "an open load with something to recover from: one of `upstream.faults`, or a `shape` with a spike",
                )
            }
            _ => Ok(()),
        }
    }
}

/// Flags that decide what is measured, where, and how it ends: the lab gives them.
const OF_THE_LAB: [&str; 6] = ["--port", "--upstream", "--model", "--exit-with-stdin", "--help", "--version"];

fn check_flags(flags: &[String]) -> anyhow::Result<()> {
    for flag in flags {
        let name = flag.split_once('=').map_or(flag.as_str(), |(name, _)| name);
        if !name.starts_with("--") {
            bail!("flags: \"{flag}\" is no flag; each is one string, such as \"--threads=5\"");
        }
        if OF_THE_LAB.contains(&name) {
            bail!("flags: {name} is for the lab to give, not for an experiment");
        }
    }
    Ok(())
}

/// With fewer there are no intervals.
const LEAST_BLOCKS: u64 = 5;

/// Says where in a file the key is that an error begins with.
pub(super) fn placed(file: &str, text: &str, error: &anyhow::Error) -> anyhow::Error {
    let said = format!("{error:#}");
    let key = said.split([':', '.', ' ']).next().unwrap_or_default();
    let is_key = |line: &str| {
        let line = line.trim_start().trim_start_matches('[').trim_start();
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
    };
    match text.lines().position(is_key) {
        Some(line) => anyhow!("{file} makes no sense at line {}: {said}", line + 1),
        None => anyhow!("{file} makes no sense: {said}"),
    }
}
