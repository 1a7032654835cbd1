//! The upstream client: `ureq`, and the limits that the async server's client has too.
//!
//! `reqwest::blocking` would be the obvious twin, but it starts a thread with an event loop inside, and then
//! it would be the loop that waits. `ureq` reads and writes plain sockets on the thread that asks.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use handlers::services::{Call, Fetched, MAX_RESPONSE_BYTES, Response, UpstreamError};
use handlers::timing::UpstreamTime;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{NextTimeout, TcpConnector};
use ureq::{Agent, http};

use crate::bare;
use crate::config::{Config, IDLE_UPSTREAM_CONNECTIONS, IDLE_UPSTREAM_TIME, UPSTREAM_BUFFER_BYTES};

/// Calls the slow services. No TLS, no proxy, no redirects: what it connects to is what it was told.
///
/// A view gets one of its own ([`anew`](Self::anew)), which knows how long that view has waited for them.
pub struct Client {
    shared: Arc<Shared>,
    waited: UpstreamTime,
}

/// What all requests share, the pool of connections above all.
struct Shared {
    http: Http,
    base: String,
    time_limit: Duration,
}

/// A library, or for the bare rungs, which are to show what libraries cost, the codec that they share.
enum Http {
    Ureq(Agent),
    Bare(bare::Client),
}

impl Client {
    /// One client, with one pool of connections, serves all threads.
    pub fn new(config: &Config) -> Self {
        let http = match config.model.is_rouille() {
            true => Http::Ureq(agent(config)),
            false => Http::Bare(bare::Client::new(config)),
        };
        let (base, time_limit) = (config.upstream.base().to_owned(), config.upstream_timeout);
        Self { shared: Arc::new(Shared { http, base, time_limit }), waited: UpstreamTime::default() }
    }

    /// The same client for another request, which has not waited yet.
    pub fn anew(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), waited: UpstreamTime::default() }
    }

    /// The time in which answers of the upstream were waited for through this very client.
    pub fn waited(&self) -> &UpstreamTime {
        &self.waited
    }

    /// Asks the upstream, and keeps this thread until it has answered. The time limit holds for all of it:
    /// connecting, waiting, the last byte.
    pub fn get(&self, call: &Call) -> Fetched {
        let _under_way = self.waited.call();
        let Shared { http, base, .. } = &*self.shared;
        let fetched = match http {
            Http::Ureq(agent) => self.shared.fetch(agent, call),
            Http::Bare(bare) => bare.fetch(call),
        };
        fetched.inspect_err(|error| match error {
            UpstreamError::TimedOut => log::warn!("GET {base}{}: no answer in time", call.0),
            UpstreamError::Failed(what) => log::warn!("GET {base}{}: {what}", call.0),
        })
    }
}

impl Shared {
    /// An upstream may close an idle connection in the very moment in which it is taken from the pool.
    /// A `GET` is safe to repeat, so that is worth a second try (RFC 9110, section 9.2.2); `ureq` itself
    /// looks at a connection before it takes it, and repeats nothing.
    fn fetch(&self, agent: &Agent, call: &Call) -> Fetched {
        let url = format!("{}{}", self.base, call.0);
        let began = Instant::now();
        let sent = match agent.get(&url).call() {
            Err(error) if connection_was_lost(&error) => {
                let left = self.time_limit.saturating_sub(began.elapsed());
                agent.get(&url).config().timeout_global(Some(left)).build().call()
            }
            sent => sent,
        };
        let mut response = sent.map_err(failed)?;
        let status = response.status().as_u16();
        // The limit of the library is one byte beyond what it lets through.
        let reader = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES as u64 + 1);
        let body = reader.read_to_vec().map_err(failed)?;
        Ok(Response { status, body })
    }
}

fn agent(config: &Config) -> Agent {
    let agent = Agent::config_builder()
        .timeout_global(Some(config.upstream_timeout))
        .max_idle_connections(IDLE_UPSTREAM_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_UPSTREAM_CONNECTIONS)
        .max_idle_age(IDLE_UPSTREAM_TIME)
        .input_buffer_size(UPSTREAM_BUFFER_BYTES)
        .output_buffer_size(UPSTREAM_BUFFER_BYTES)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .no_delay(true)
        .build();
    let resolver = Known(config.upstream.addrs().to_vec());
    Agent::with_parts(agent, TcpConnector::default(), resolver)
}

/// Gives the addresses that the command line gave. `ureq`'s own resolver starts a thread for each call as
/// soon as there is a limit for the call as a whole, and this one has nothing to wait for.
#[derive(Debug)]
struct Known(Vec<SocketAddr>);

impl Resolver for Known {
    fn resolve(
        &self,
        _: &http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addrs = self.empty();
        self.0.iter().for_each(|addr| addrs.push(*addr));
        Ok(addrs)
    }
}

/// The connection was there and ended before an answer began.
fn connection_was_lost(error: &ureq::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let ureq::Error::Io(error) = error else { return false };
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn failed(error: ureq::Error) -> UpstreamError {
    match error {
        ureq::Error::Timeout(_) => UpstreamError::TimedOut,
        // The system may give up on a connection before our own time limit ends.
        ureq::Error::Io(error) if error.kind() == ErrorKind::TimedOut => UpstreamError::TimedOut,
        error => UpstreamError::Failed(error.to_string()),
    }
}
