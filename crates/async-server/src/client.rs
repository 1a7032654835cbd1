//! The upstream client: `reqwest`, and the limits that the blocking server's client has too.
//!
//! Every worker has a client of its own. A pooled connection is driven by a task on the loop that opened
//! it: shared between workers, one worker's call would wait for another's loop, and die with it.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use handlers::services::{Call, Fetched, MAX_RESPONSE_BYTES, Response, UpstreamError};
use handlers::timing::UpstreamTime;
use tokio::time::timeout;

use crate::bare;
use crate::config::{Config, IDLE_UPSTREAM_CONNECTIONS, IDLE_UPSTREAM_TIME, Model};

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

/// A library, or for the bare rung, which is to show what libraries cost, the codec that it shares.
enum Http {
    Reqwest(reqwest::Client),
    Bare(bare::Client),
}

impl Client {
    /// A client for the worker that makes it.
    pub fn new(config: &Config) -> Self {
        let http = match config.model {
            Model::EventLoop => Http::Reqwest(client(config)),
            Model::BareTaskPerConnection => Http::Bare(bare::Client::new(config)),
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

    /// Asks the upstream. The time limit holds for all of it: connecting, a second try, the last byte.
    pub async fn get(&self, call: &Call) -> Fetched {
        let _under_way = self.waited.call();
        let Shared { http, base, time_limit } = &*self.shared;
        // Boxed, because these futures are large and live inside every view's: `/hello` should not carry them.
        let fetched = match http {
            Http::Reqwest(http) => {
                let fetched = Box::pin(timeout(*time_limit, self.shared.fetch(http, call))).await;
                fetched.unwrap_or(Err(UpstreamError::TimedOut))
            }
            Http::Bare(bare) => Box::pin(bare.fetch(call)).await,
        };
        fetched.inspect_err(|error| match error {
            UpstreamError::TimedOut => log::warn!("GET {base}{}: no answer in time", call.0),
            UpstreamError::Failed(what) => log::warn!("GET {base}{}: {what}", call.0),
        })
    }
}

impl Shared {
    /// An upstream may close an idle connection in the very moment in which it is taken from the pool.
    /// A `GET` is safe to repeat, so that is worth a second try (RFC 9110, section 9.2.2); `hyper` itself
    /// repeats only what it has not begun to send.
    async fn fetch(&self, http: &reqwest::Client, call: &Call) -> Fetched {
        let url = format!("{}{}", self.base, call.0);
        let sent = match http.get(&url).send().await {
            Err(error) if connection_was_lost(&error) => http.get(&url).send().await,
            sent => sent,
        };
        let mut response = sent.map_err(|error| failed(&error))?;
        let announced = response.content_length().unwrap_or(0);
        if announced > MAX_RESPONSE_BYTES as u64 {
            return Err(UpstreamError::Failed(format!("an answer of {announced} bytes is too long")));
        }
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(UpstreamError::Failed("the answer does not end".into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, body })
    }
}

fn client(config: &Config) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        // Known since the command line was read: a lookup would take a thread for every connection.
        .resolve_to_addrs(config.upstream.host(), config.upstream.addrs())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(IDLE_UPSTREAM_CONNECTIONS)
        .pool_idle_timeout(IDLE_UPSTREAM_TIME)
        .tcp_nodelay(true)
        .build()
        .expect("without TLS there is nothing in a client that could fail")
}

/// The connection was there and ended before an answer began.
fn connection_was_lost(error: &reqwest::Error) -> bool {
    !error.is_connect()
        && causes(error).any(|cause| {
            let is_cut = cause.downcast_ref().is_some_and(hyper::Error::is_incomplete_message);
            let kind = cause.downcast_ref().map(std::io::Error::kind);
            is_cut || matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
        })
}

fn failed(error: &reqwest::Error) -> UpstreamError {
    // The system may give up on a connection before our own time limit ends.
    if error.is_timeout() {
        return UpstreamError::TimedOut;
    }
    let texts: Vec<_> = causes(error).map(ToString::to_string).collect();
    UpstreamError::Failed(texts.join(": "))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
