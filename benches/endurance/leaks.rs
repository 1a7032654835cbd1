//! Does a rung keep what it took? Rounds of many requests and many connections, and a look at memory and threads
//! after each, once the rung is idle.
//!
//! The first round fills what is filled once: buffers, an allocator's arenas, a pool of threads. From then on a
//! round has to leave things as it found them.

use std::time::{Duration, Instant};

use lab::ladder::Rung;
use lab::stop;
use lab::trial::Bench;
use serde_json::{Value, json};

use crate::server::{Server, Size};

/// How many rounds, and how much each is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    /// Three, to have two to compare when the first has filled what is filled once.
    pub(crate) rounds: usize,
    pub(crate) requests: u64,
    pub(crate) connections: u64,
    /// Longest time for the requests, and for the connections, of one round.
    pub(crate) at_most: Duration,
    /// Longest time that threads may be kept for the next request. `tiny_http` keeps them for 5 s, tokio's
    /// blocking pool for 10 s.
    pub(crate) keep: Duration,
}

/// What the rounds left.
pub(crate) struct Leaks {
    rounds: Vec<Round>,
}

/// What one round did and left.
#[derive(Debug, Clone, Copy)]
struct Round {
    requests: u64,
    connections: u64,
    left: Option<Size>,
}

/// A round may leave so much more than the one before.
const ALLOWED: f64 = 1.10;

/// For `/hello`, and for connections that carry one request each.
const CLIENTS: u32 = 64;
const CONNECTING: u32 = 16;

impl Leaks {
    /// All rounds, and one more where the last has more than the one before. What is lost is lost in each of
    /// them, chance is not.
    pub(crate) fn find(rung: &Rung, size: &Rounds, bench: &Bench<'_>) -> anyhow::Result<Self> {
        let server = Server::start(rung, bench)?;
        let mut found = Self { rounds: Vec::new() };
        while found.rounds.len() < size.rounds
            || (found.has_leaked() == Some(true) && found.rounds.len() == size.rounds)
        {
            eprintln!("{}: round {} of requests and connections", rung.name, found.rounds.len() + 1);
            found.round(&server, size)?;
        }
        Ok(found)
    }

    fn round(&mut self, server: &Server<'_>, size: &Rounds) -> anyhow::Result<()> {
        let requests = all(size.requests, size.at_most, |window| server.load(CLIENTS, true, window))?;
        let connections =
            all(size.connections, size.at_most, |window| server.load(CONNECTING, false, window))?;
        let before = self.rounds.first().and_then(|first| first.left);
        let left = idle(server, before, size.keep);
        self.rounds.push(Round { requests, connections, left });
        Ok(())
    }

    /// Whether the last round left more than the one before; `None` where there was one, or the
    /// system does not tell.
    pub(crate) fn has_leaked(&self) -> Option<bool> {
        let [.., before, last] = self.rounds.as_slice() else { return None };
        let (before, last) = (before.left?, last.left?);
        let is_more = |before: u64, last: u64| last as f64 > before as f64 * ALLOWED;
        Some(is_more(before.rss_bytes, last.rss_bytes) || is_more(before.threads, last.threads))
    }

    /// In one line.
    pub(crate) fn line(&self, size: &Rounds) -> String {
        let verdict = match self.has_leaked() {
            Some(false) => "pass",
            Some(true) => "FAIL",
            None => "not judged",
        };
        let each = |value: fn(&Round) -> String| self.rounds.iter().map(value).collect::<Vec<_>>().join(", ");
        let rss = each(|round| {
            round.left.map_or("?".into(), |left| format!("{:.1}", left.rss_bytes as f64 / f64::from(1 << 20)))
        });
        let threads = each(|round| round.left.map_or("?".into(), |left| left.threads.to_string()));
        let requests = self.rounds.iter().map(|round| round.requests).min().unwrap_or(0);
        let connections = self.rounds.iter().map(|round| round.connections).min().unwrap_or(0);
        let cut = if requests < size.requests || connections < size.connections {
            format!(
                " (fewer than {} and {}: a round may take {:?})",
                size.requests, size.connections, size.at_most
            )
        } else {
            String::new()
        };
        format!(
            "leaks: {verdict}; at least {requests} requests and {connections} connections a round{cut}; \
             after each, MiB: {rss}; threads: {threads}"
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        let rounds = self.rounds.iter().map(|round| {
            json!({
                "requests": round.requests,
                "connections": round.connections,
                "rss_bytes": round.left.map(|left| left.rss_bytes),
                "threads": round.left.map(|left| left.threads),
            })
        });
        json!({ "leaks": self.has_leaked(), "rounds": rounds.collect::<Vec<_>>() })
    }
}

/// Does `some` for windows of time until all are done, or the time is over; how many were.
fn all(
    wanted: u64,
    at_most: Duration,
    some: impl Fn(Duration) -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    let until = Instant::now() + at_most;
    let mut window = Duration::from_millis(200);
    let mut done = 0;
    loop {
        let now_done = some(window)?;
        done += now_done;
        let left = until.saturating_duration_since(Instant::now());
        if done >= wanted || left < SHORTEST {
            return Ok(done);
        }
        let rps = now_done as f64 / window.as_secs_f64();
        let needed = Duration::from_secs_f64((wanted - done) as f64 / rps * 1.02);
        window = needed.clamp(SHORTEST, left.max(SHORTEST));
    }
}

const SHORTEST: Duration = Duration::from_millis(100);

/// Waits until there are no more threads than before, or nobody keeps one any longer; what there is then.
fn idle(server: &Server<'_>, before: Option<Size>, keep: Duration) -> Option<Size> {
    let until = Instant::now() + keep;
    // Connections that were closed last are still being closed.
    stop::sleep(keep.min(Duration::from_millis(300)));
    while Instant::now() < until && !stop::requested() {
        let now = server.size()?;
        if before.is_some_and(|before| now.threads <= before.threads) {
            break;
        }
        stop::sleep(Duration::from_millis(100));
    }
    server.size()
}
