//! What the generator is told and what it tells: JSON lines, so that it can be a process of its own.
//!
//! One [`Spec`] line goes to standard input, which then stays open: its end means that whoever asked is
//! gone, and ends the generator. [`Event`] lines come from standard output, the last is
//! [`Event::Outcome`] or [`Event::Failed`].

mod parts;
mod recording;
mod slow;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use parts::{InFlight, Part, Parts};
pub use recording::{Recorded, Recording};
pub use slow::Slow;

/// One measurement to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `http://ADDRESS:PORT/path?query`. The address is a literal one or `localhost`.
    pub url: String,
    /// `GET` unless told otherwise.
    #[serde(default = "get")]
    pub method: String,
    /// Sent with every request when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How requests arrive.
    pub load: Load,
    /// What is asked for instead of the URL's path where that is not one thing: each request is one of these, a
    /// `GET` without a body, by weight, in shuffled decks: with weights 9 and 1 one of every ten is the latter. Not for
    /// subscribers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<Weighted>,
    /// Keep connections alive (true), or open one per request; the bystander's too. Subscribers know only true.
    #[serde(default = "yes")]
    pub keep_alive: bool,
    /// From due to answered; a later answer is a timeout, counted with this value.
    pub timeout_ms: u64,
    /// Load before the window, at the measured level.
    pub warm_up_ms: u64,
    /// What is measured.
    pub window_ms: u64,
    /// Length of a row of [`Outcome::series`].
    #[serde(default = "second")]
    pub series_interval_ms: u64,
    /// What a right answer is.
    #[serde(default)]
    pub expect: Expect,
    /// Arrivals and phases follow from it.
    #[serde(default)]
    pub seed: u64,
    /// A cheap request on a schedule of its own while the load runs, to see who else suffers. Over the same
    /// warm-up and window, with the same timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bystander: Option<Bystander>,
    /// Loopback addresses only, unless this names the host of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_remote: Option<String>,
    /// Open loop only: say with each request when it was sent, read `server-timing` of the answers, and tell where
    /// the time went ([`Outcome::parts`]).
    #[serde(default)]
    pub timing: bool,
    /// With `timing`, and without a bystander: tell every request of the load as well ([`Outcome::recording`]).
    #[serde(default)]
    pub record: bool,
}

/// How requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode", deny_unknown_fields)]
pub enum Load {
    /// `clients` callers; each sends when its last answer came. Finds capacity.
    Closed {
        /// Callers, each with a connection of its own.
        clients: u32,
    },
    /// Requests are due on a schedule whatever the server does. Finds latency.
    Open {
        /// Mean arrivals per second.
        rate_rps: f64,
        /// Spacing of arrivals.
        #[serde(default)]
        arrivals: Arrivals,
        /// How the rate changes.
        #[serde(default)]
        shape: Shape,
        /// At most so many connections; a request that finds all of them busy waits, and the wait is
        /// part of its response time.
        connections: u32,
    },
    /// `subscribers` connections that each ask once, for a stream of server-sent events, and then listen. The
    /// unit is the *tick*: due every `tick_ms` from the subscriber's quickest tick on, completed when it
    /// arrives, its response time the lateness. Ticks that a lost or refused stream would have had are
    /// failed or unsent. So the books of [`Outcome`] hold for ticks as they do for requests.
    ///
    /// A tick is an event of that name whose data is `{"n":1}`, counting up from 1; a stream that skips or
    /// repeats a number is a wrong body. Streams are opened within one `tick_ms` of each other, at random.
    /// One that is lost stays lost: subscribers do not come back.
    Subscribe {
        /// Streams held open.
        subscribers: u32,
        /// The server's own interval.
        tick_ms: u64,
    },
    /// `clients` that each send a valid request a byte at a time. They are counted by themselves
    /// ([`Outcome::slow`]), and no request of theirs is in the books: what they do to others is what a bystander
    /// is for.
    Slow {
        /// Clients, each with a connection of its own.
        clients: u32,
        /// From one byte to the next.
        byte_every_ms: u64,
    },
}

/// One of the things that a load asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Path and query, on the server of [`Spec::url`].
    pub target: String,
    /// Its share is this over the sum of all.
    pub weight: u32,
    /// What a right answer is.
    #[serde(default)]
    pub expect: Expect,
}

/// A bystander: `GET` requests that have nothing to do with the load, over connections of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bystander {
    /// Path and query, on the server of [`Spec::url`].
    pub target: String,
    /// Poisson arrivals per second.
    pub rate_rps: f64,
    /// At most so many connections.
    pub connections: u32,
    /// What a right answer is.
    #[serde(default)]
    pub expect: Expect,
}

/// Spacing of open-loop arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Exponential gaps: independent users.
    #[default]
    Poisson,
    /// Equal gaps.
    Uniform,
}

/// How the rate of an open loop changes over the window. Before the window it is as at its begin; after it,
/// where the last requests are waited for, it goes on as the shape says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// Not at all.
    #[default]
    Steady,
    /// It is `times` as high for a while.
    Spike {
        /// From the begin of the window.
        at_ms: u64,
        /// How long.
        for_ms: u64,
        /// Factor.
        times: f64,
    },
    /// It grows evenly to `times` what it was, and stays there.
    Ramp {
        /// From the begin of the window.
        at_ms: u64,
        /// How long it takes.
        for_ms: u64,
        /// Factor.
        times: f64,
    },
    /// It jumps to `times` what it was in so many even steps, and stays there.
    Steps {
        /// Jumps.
        steps: u32,
        /// From the begin of the window to the first, and from one to the next.
        for_ms: u64,
        /// Factor.
        times: f64,
    },
}

impl Shape {
    /// The factor that it reaches.
    #[must_use]
    pub fn times(self) -> f64 {
        match self {
            Self::Steady => 1.0,
            Self::Spike { times, .. } | Self::Ramp { times, .. } | Self::Steps { times, .. } => times,
        }
    }
}

/// What every answer is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// HTTP status code.
    pub status: u16,
    /// Exact body; not checked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What the generator says while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Connections are up (or 5 s are over, of subscribers 5 s and a tick) and the warm-up goes on; the
    /// window is fixed from here.
    /// Sent at least 20 ms before the window opens.
    Window {
        /// `CLOCK_MONOTONIC` of this machine, nanoseconds.
        start_ns: u64,
        /// Same clock.
        end_ns: u64,
    },
    /// Once a second from the first request on: progress for whoever watches. Of the load; a bystander is
    /// spoken of in the [`Outcome`] alone.
    Progress {
        /// Answers in the last second, right ones; or ticks.
        completed: u64,
        /// Failures and timeouts in the last second; or streams lost and ticks too late.
        errors: u64,
        /// Requests sent and not answered, now; or streams open.
        in_flight: u64,
        /// Median response of the last second.
        p50_ms: Option<f64>,
        /// 99th percentile of the last second.
        p99_ms: Option<f64>,
    },
    /// The end.
    Outcome(Box<Outcome>),
    /// The end, without a measurement: the spec makes no sense, or the generator itself failed.
    Failed {
        /// What, where, what to do.
        message: String,
    },
}

/// What came out of the window.
///
/// `scheduled = completed + failed + timed_out + unsent`, always. Open loop: requests *due* in the window.
/// Closed loop: requests whose end fell into the window. Subscribers: ticks due in the window.
///
/// A tick is timed out when it has not come by then, failed when its stream had been lost before that, and
/// unsent when its stream had not come up. Ticks of a stream that brought none are due from when it opened,
/// or should have.
///
/// A request is *sent* when a connection takes it up. Where that connection must first be opened (always,
/// without keep-alive), opening it is part of the time from sent to answered, as it is for a user.
/// Failures are counted but have no time: a refusal within a microsecond is not a fast answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Length of the window as it was, milliseconds.
    pub window_ms: f64,
    /// Everything that was to be done.
    pub scheduled: u64,
    /// Right answers.
    pub completed: u64,
    /// Failures by kind, timeouts and unsent requests not among them.
    pub failed: BTreeMap<Failure, u64>,
    /// No answer within the timeout.
    pub timed_out: u64,
    /// Never sent: no connection was free, or could be made, before the timeout.
    pub unsent: u64,
    /// Right answers whose end fell into the window, or ticks that came in it, over its length, per second.
    pub throughput_rps: f64,
    /// Due to answered, nanoseconds, timeouts and unsent requests at the timeout: HDR histogram, V2,
    /// base64; [`Histogram`](crate::Histogram) reads it.
    pub response_time: String,
    /// Sent to answered, same form; equal to the response time in closed loop, empty for subscribers, who
    /// send nothing.
    pub sent_to_answer: String,
    /// Wake-up minus due of the pacing thread, same form; an empty histogram where nothing is paced, as in
    /// closed loop and for subscribers.
    pub schedule_lag: String,
    /// One row per [`Spec::series_interval_ms`] of the window.
    pub series: Vec<Row>,
    /// Connections asked for at the level of the load.
    pub connections_wanted: u32,
    /// Connections that were up when the window was fixed; or streams that the server had begun to answer.
    pub connections_up: u32,
    /// Requests without an answer when the window closed; or streams open then.
    pub in_flight_at_end: u64,
    /// CPU time of the generator's process over the window.
    pub cpu_s: f64,
    /// Share of the busiest generator thread's core that was in use over the window, 0 to 1.
    pub core_busy: f64,
    /// Cores that the generator may run on.
    pub cores: u32,
    /// Bytes of an answer that was not the expected one, when there was any: the first, cut short.
    pub first_wrong: Option<String>,
    /// Where the time of the right answers went; `None` where nobody asked, or there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Box<Parts>>,
    /// Every request of the load, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Box<Recording>>,
    /// The number in flight, found in two ways; `None` for subscribers and slow clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
    /// What became of slow clients, where the load was of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// What the bystander saw over the same window, where there was one. (CPU time and cores are those of the
    /// whole generator, as above.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bystander: Option<Box<Outcome>>,
}

/// A row of the time series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Start of the interval, milliseconds from the start of the window.
    pub t_ms: u64,
    /// Right answers in the interval.
    pub completed: u64,
    /// Failures in the interval.
    pub failed: u64,
    /// Timeouts in the interval.
    pub timed_out: u64,
    /// Requests given up unsent in the interval.
    #[serde(default)]
    pub unsent: u64,
    /// Requests sent and not answered at the interval's end; or streams open.
    pub in_flight: u64,
    /// Median response of what ended in the interval.
    pub p50_ms: Option<f64>,
    /// 99th percentile (null under 100 answers).
    pub p99_ms: Option<f64>,
    /// Longest response of what ended in the interval, who gave up among them; to 1 %.
    #[serde(default)]
    pub max_ms: Option<f64>,
}

/// Ways to fail other than being late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nobody listens.
    Refused,
    /// The connection ended before the answer did.
    Reset,
    /// Another status than the expected one.
    Status,
    /// The right status, another body than the expected one.
    WrongBody,
    /// What came is not HTTP.
    Protocol,
    /// No connection, since the system refused the generator one: out of memory, not allowed. (In older results those
    /// at the end of this list, too.)
    Local,
    /// 503 with `retry-after`, where another status was expected: the server says that it has too much to do. Not
    /// a wrong answer but a right one to overload.
    Shed,
    /// No connection, since the generator, or the whole machine, was out of file descriptors.
    OutOfFiles,
    /// No connection, since the generator was out of ports to connect from.
    OutOfPorts,
}

impl Default for Expect {
    fn default() -> Self {
        Self { status: 200, body: None }
    }
}

fn get() -> String {
    "GET".into()
}

fn yes() -> bool {
    true
}

fn second() -> u64 {
    1_000
}
