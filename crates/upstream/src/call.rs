//! A call from arrival to answer: in line, in service, in trouble.
//!
//! Read [`Services::call`] first. Its parts are `delays.rs`, `queue.rs` and `faults.rs`; who calls it is
//! `routes.rs`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use hyper::Response;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::delays::Delays;
use crate::faults::{Faults, Hit};
use crate::order::Order;
use crate::queue::Queue;
use crate::reply::{Body, Pace, Reply};
use crate::{Config, sun};

/// One of the three services; its path is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Service {
    /// Where is a place?
    #[serde(rename = "/location")]
    Location,
    /// When does the sun rise there?
    #[serde(rename = "/sun")]
    Sun,
    /// What is the weather like?
    #[serde(rename = "/weather")]
    Weather,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Location, Self::Sun, Self::Weather];
}

/// The services and everything that they share.
pub(crate) struct Services {
    pub(crate) config: Config,
    pub(crate) faults: Faults,
    delays: Delays,
    queue: Arc<Queue>,
    calls: [AtomicU64; Service::ALL.len()],
    sun: SunAnswers,
}

/// The caller is to be cut off, without an answer.
#[derive(Debug)]
pub(crate) struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reset was ordered")
    }
}

impl std::error::Error for Reset {}

impl Services {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            faults: Faults::default(),
            delays: Delays::new(config.delay, config.time_scale, config.seed),
            queue: Queue::new(config.capacity),
            calls: Default::default(),
            sun: SunAnswers::default(),
            config,
        }
    }

    /// Makes a caller wait for an answer that was ready at once. One that says no takes as long as one
    /// that says yes, as it would elsewhere.
    ///
    /// Dropping this future (the caller hung up) takes the call out of the line, or frees its slot.
    pub(crate) async fn call(&self, service: Service, answer: Reply) -> Result<Response<Body>, Reset> {
        // Drawn on arrival, so that the n-th call has the n-th draw whoever overtakes it later.
        self.calls[service as usize].fetch_add(1, Relaxed);
        let draw = self.delays.draw(service);
        let arrived = Instant::now();

        let slot = self.queue.enter().await;
        let started = Instant::now();
        // tokio's timers tick in milliseconds and never fire early: up to 2 ms are added here.
        sleep_until(started + draw.delay).await;
        self.faults.stall_over(service).await;

        let (reply, pace) = match self.faults.hit(service, draw.luck) {
            None => (answer, None),
            Some(Hit::Reset) => return Err(Reset),
            Some(Hit::Error { status }) => (Reply::problem(status, "this failure was ordered"), None),
            Some(Hit::Garbage) => (garbage(), None),
            Some(Hit::SlowBody { over }) => {
                let pace = Pace::over(over, answer.body.len(), slot);
                (answer, Some(pace))
            }
        };
        let mut response = reply.into_response(pace);
        let (queued_ms, served_ms) = (ms(started - arrived), ms(started.elapsed()));
        let timing = format!("queue;dur={queued_ms:.3}, service;dur={served_ms:.3}");
        let timing = HeaderValue::from_str(&timing).expect("digits and punctuation make a header");
        response.headers_mut().insert("server-timing", timing);
        Ok(response)
    }

    /// What `GET /control` shows.
    pub(crate) fn state(&self) -> State {
        let load = self.queue.load();
        let calls = |service: Service| (service, self.calls[service as usize].load(Relaxed));
        State {
            requests: Service::ALL.map(calls).into(),
            queued: load.queued,
            in_service: load.in_service,
            served: load.served,
            served_ms: ms(load.busy),
            faults: self.faults.left(),
            delay: self.config.delay.to_string(),
            time_scale: self.config.time_scale,
            seed: self.config.seed,
            capacity: self.config.capacity,
            date: self.config.date,
        }
    }

    /// The sun's answer for checked coordinates.
    pub(crate) fn sun(&self, lat: f64, lng: f64) -> Reply {
        self.sun.get(self.config.date, lat, lng)
    }
}

/// The state of the services: counters, the faults that hold, the settings.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    /// Calls that arrived, by path.
    requests: BTreeMap<Service, u64>,
    /// Calls that wait for a slot.
    queued: u64,
    /// Calls that have one.
    in_service: u64,
    /// Calls that are over, however they ended.
    served: u64,
    /// How long these were in service, together; over `served` it is the mean service time as it was.
    served_ms: f64,
    faults: Order,
    delay: String,
    time_scale: f64,
    seed: u64,
    capacity: Option<u32>,
    date: chrono::NaiveDate,
}

/// Answers of the sun service, kept because they are the only ones that take work (a fifth of a
/// millisecond): a downstream that burns CPU would be measured along with the servers in front of it.
#[derive(Default)]
struct SunAnswers(Mutex<HashMap<(u64, u64), Bytes>>);

impl SunAnswers {
    /// More coordinates than anybody asks for in a lesson; then it starts anew, so that it stays bounded.
    const MOST: usize = 4_096;

    fn get(&self, date: chrono::NaiveDate, lat: f64, lng: f64) -> Reply {
        let key = (lat.to_bits(), lng.to_bits());
        let mut known = self.0.lock().expect("no holder panics");
        if let Some(body) = known.get(&key) {
            return Reply { status: 200, content_type: "application/json", body: body.clone(), allow: None };
        }
        let reply = match sun::times(date, lat, lng) {
            Ok(times) => Reply::json(&times),
            Err(error) => return Reply::problem(500, &format!("the sun cannot be computed: {error}")),
        };
        if known.len() == Self::MOST {
            known.clear();
        }
        known.insert(key, reply.body.clone());
        reply
    }
}

/// What a broken proxy or a crashed serialiser leaves: it says JSON, and is neither that nor UTF-8.
fn garbage() -> Reply {
    let body = Bytes::from_static(b"{\"lat\": 45.4, \"sunrise\": \"06:\xff\xfe\x00<html>");
    Reply { status: 200, content_type: "application/json", body, allow: None }
}

/// Milliseconds, to the microsecond.
fn ms(time: std::time::Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn services(delay: &str, capacity: Option<u32>) -> Arc<Services> {
        let config = Config { delay: delay.parse().unwrap(), capacity, ..Config::default() };
        Arc::new(Services::new(config))
    }

    async fn call_all(services: &Arc<Services>, count: usize) -> Duration {
        let begin = Instant::now();
        let calls: Vec<_> = (0..count)
            .map(|_| {
                let services = Arc::clone(services);
                tokio::spawn(async move {
                    services.call(Service::Sun, Reply::json(&1)).await.map(drop).unwrap();
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        begin.elapsed()
    }

    /// The clock is simulated here, so that the arithmetic is exact: 100 calls of 100 ms, 4 at a time.
    #[tokio::test(start_paused = true)]
    async fn k_slots_and_a_delay_of_w_give_k_over_w() {
        let limited = services("fixed:100ms", Some(4));
        assert_eq!(call_all(&limited, 100).await.as_millis(), 2_500);
        assert_eq!(call_all(&services("fixed:100ms", None), 100).await.as_millis(), 100);
        let state = limited.state();
        assert_eq!((state.served, state.queued, state.in_service), (100, 0, 0));
        assert_eq!((state.served_ms / 100.0).round(), 100.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_keeps_the_slots_and_lets_everything_out_at_once() {
        let services = services("fixed:100ms", Some(10));
        services.faults.set(crate::order::order(br#"{"stall":{"for_ms":5000}}"#).unwrap());
        assert_eq!(call_all(&services, 10).await.as_millis(), 5_000);
        assert_eq!(call_all(&services, 10).await.as_millis(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_calls_fails_the_same_ones_for_the_same_seed() {
        async fn fates() -> Vec<bool> {
            let services = services("exp:100ms", None);
            services.faults.set(crate::order::order(br#"{"reset":{"rate":0.25}}"#).unwrap());
            let mut fates = Vec::new();
            for _ in 0..1_000 {
                fates.push(services.call(Service::Sun, Reply::json(&1)).await.is_err());
            }
            fates
        }
        let first = fates().await;
        assert_eq!(first, fates().await);
        let failed = first.iter().filter(|failed| **failed).count();
        assert!((200..=300).contains(&failed), "{failed} of 1,000 calls, not a quarter");
    }

    #[test]
    fn the_sun_is_computed_once_for_each_place_and_remembered_within_bounds() {
        let services = services("lecture", None);
        let first = services.sun(45.5, -122.7).body;
        assert_eq!(services.sun(45.5, -122.7).body, first);
        assert_ne!(services.sun(45.5, -100.0).body, first);
        assert_eq!(services.sun.0.lock().unwrap().len(), 2);
    }
}
