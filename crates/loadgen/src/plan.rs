//! A [`Spec`] turned into what can be carried out, or into one clear sentence why it cannot.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;

use crate::error::Error;
use crate::http::{self, Expected};
use crate::protocol::{Load, Spec};
use crate::sources;

/// Everything that workers need, checked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) target: SocketAddr,
    /// Bytes of every request.
    pub(crate) request: Vec<u8>,
    /// The method is HEAD: replies have no body.
    pub(crate) head_only: bool,
    pub(crate) expected: Expected,
    pub(crate) load: Load,
    /// Connections at the level of the load.
    pub(crate) connections: u32,
    pub(crate) keep_alive: bool,
    pub(crate) timeout_ns: u64,
    pub(crate) warm_up_ns: u64,
    pub(crate) window_ns: u64,
    pub(crate) row_ns: u64,
    pub(crate) seed: u64,
    /// Addresses to connect from in turn; empty: let the system choose.
    pub(crate) sources: Vec<IpAddr>,
    /// Cores that this process may run on, and so the number of worker threads at most.
    pub(crate) cores: u32,
}

const MILLISECOND: u64 = 1_000_000;
const MOST_MS: u64 = 24 * 3_600_000;
const MOST_ROWS: u64 = 100_000;
const MOST_RPS: f64 = 10_000_000.0;

impl Plan {
    pub(crate) fn new(spec: Spec) -> Result<Self, Error> {
        let url = Url::parse(&spec.url)?;
        url.check_host(spec.allow_remote.as_deref())?;
        check_method(&spec)?;
        let connections = check_load(&spec.load)?;
        check_times(&spec)?;
        if !(100..=999).contains(&spec.expect.status) {
            return refuse(format!("expect.status is {}; it must be 100 to 999", spec.expect.status));
        }
        let cores = thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        sources::check_file_limit(connections, cores.min(connections))?;
        let sources = sources::choose(url.target.ip(), sources::ports_wanted(&spec, connections));
        Ok(Self {
            target: url.target,
            request: http::request(
                &spec.method,
                url.authority,
                url.path,
                spec.keep_alive,
                spec.body.as_deref(),
            ),
            head_only: spec.method == "HEAD",
            expected: Expected {
                status: spec.expect.status,
                body: spec.expect.body.map(|text| text.into_bytes().into()),
            },
            load: spec.load,
            connections,
            keep_alive: spec.keep_alive,
            timeout_ns: spec.timeout_ms * MILLISECOND,
            warm_up_ns: spec.warm_up_ms * MILLISECOND,
            window_ns: spec.window_ms * MILLISECOND,
            row_ns: spec.series_interval_ms * MILLISECOND,
            seed: spec.seed,
            sources,
            cores,
        })
    }

    /// Worker threads: one per core, and none without a connection of its own.
    pub(crate) fn workers(&self) -> u32 {
        self.cores.min(self.connections)
    }

    /// From the start of the load to the window. Never so short that whoever reads along could not be
    /// told of the window before it opens.
    pub(crate) fn lead_ns(&self) -> u64 {
        self.warm_up_ns.max(25 * MILLISECOND)
    }

    pub(crate) fn is_open_loop(&self) -> bool {
        matches!(self.load, Load::Open { .. })
    }
}

fn refuse<T>(sentence: String) -> Result<T, Error> {
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
fn check_load(load: &Load) -> Result<u32, Error> {
    match *load {
        Load::Closed { clients: 0 } => refuse("closed loop with 0 clients; ask for at least 1".into()),
        Load::Open { connections: 0, .. } => refuse("open loop with 0 connections; allow at least 1".into()),
        Load::Open { rate_rps, .. } if !(rate_rps > 0.0 && rate_rps <= MOST_RPS) => {
            refuse(format!("rate_rps is {rate_rps}; it must be above 0 and at most {MOST_RPS}"))
        }
        Load::Closed { clients } => Ok(clients),
        Load::Open { connections, .. } => Ok(connections),
        Load::Subscribe { .. } => refuse("subscribers are not built yet".into()),
    }
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

/// `http://ADDRESS:PORT/path?query`, taken apart.
struct Url<'a> {
    text: &'a str,
    /// Address without port and brackets, as written.
    host: &'a str,
    authority: &'a str,
    path: &'a str,
    target: SocketAddr,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::Spec(format!("the URL {text:?} {why}; give one such as http://127.0.0.1:8080/hello"))
        };
        let rest = text.strip_prefix("http://").ok_or_else(|| wrong("does not begin with http://"))?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('#') {
            return Err(wrong("holds a space, a fragment or a character that must be percent-encoded"));
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if path.starts_with('?') {
            return Err(wrong("has a query without a path before it"));
        }
        let path = if path.is_empty() { "/" } else { path };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("has a port that is not 1 to 65535"))?)
            }
            _ => (authority, 80),
        };
        if port == 0 {
            return Err(wrong("has port 0, on which nobody can listen"));
        }
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let address = if host == "localhost" {
            IpAddr::from(Ipv4Addr::LOCALHOST)
        } else {
            host.parse()
                .map_err(|_| wrong("names its host by something else than an address or localhost"))?
        };
        Ok(Self { text, host, authority, path, target: SocketAddr::new(address, port) })
    }

    /// Load is for machines of one's own.
    fn check_host(&self, allow_remote: Option<&str>) -> Result<(), Error> {
        if self.target.ip().is_loopback() || allow_remote == Some(self.host) {
            return Ok(());
        }
        refuse(format!(
            "{} is not on this machine; load goes to loopback addresses only, unless the host is named once \
             more: allow_remote {:?}",
            self.text, self.host
        ))
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
