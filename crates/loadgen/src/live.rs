//! A load that can be changed while it runs, for whoever turns it up by hand and looks at what happens.
//!
//! [`run`](crate::run) makes one measurement and is over. Here [`Order`] lines come as long as somebody gives them, and
//! four times a second a [`Told::Row`] says how things are. Connections stay when only the level changes: turning the
//! load up opens the missing ones, one after the other, and turning it down closes those that are too many after their
//! answers. At level 0 everybody leaves at once, whatever is still to be answered. What counts, and how an open loop is
//! paced, is the same as in a measurement, done by the same parts: `line`, `worker`, `pacer`, `recorder`.
//!
//! There is no window. Whoever asks says with [`Order::Mark`] when a stretch begins that is worth keeping, and with
//! [`Order::Take`] wants it as an [`Outcome`]. It counts what *ended* in the stretch, in open loop, too, since nobody
//! waits here until everything is over that was due in it. So a stretch shows what was seen; it is no match for a
//! measurement, and says so in the lab's report.
//!
//! Next: `live/crew.rs`, the threads; `live/stretch.rs`, what is kept; `live/slow.rs`, clients that dawdle.

mod crew;
mod slow;
mod stretch;

use std::io::BufRead;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::monotonic_ns;
use crate::error::Error;
use crate::plan::Plan;
use crate::protocol::{Load, Outcome, Spec};
use crew::{Crew, Level};
use stretch::{Minute, Stretch};

/// What is asked, a JSON line each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// What to ask for, and how much at most; the load is at `now` from here on. With another spec than before all
    /// connections are new.
    Load {
        /// Its load is the most that there may be. New clients come over half of its warm-up, as in a measurement;
        /// the window has no meaning here. No subscribers, no bystander.
        spec: Box<Spec>,
        /// Clients of a closed loop, or requests per second of an open one; 0 is a pause.
        now: f64,
        /// Clients besides that send their requests a byte a second; they count for nothing else.
        slow: u32,
    },
    /// What is kept begins here.
    Mark,
    /// Asks for [`Told::Taken`].
    Take,
}

/// What is told, a JSON line each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Four times a second.
    Row(Now),
    /// Everything since the last mark; nothing where there was no load yet.
    Taken(Option<Box<Outcome>>),
    /// An order that cannot be carried out, and why. Whatever was going on goes on, unless it made sense and this
    /// machine has no room for it.
    Refused {
        /// One sentence.
        message: String,
    },
}

/// How things are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Now {
    /// `CLOCK_MONOTONIC` of this machine.
    pub at_ns: u64,
    /// Right answers since the last row.
    pub completed: u64,
    /// Failures, timeouts and requests given up unsent since the last row.
    pub errors: u64,
    /// Requests sent and not answered.
    pub in_flight: u64,
    /// CPU that the generator itself took since the last row, in cores.
    pub cpu: Option<f64>,
    /// Slow clients that hold a connection.
    pub slow: u32,
    /// Median response of the last second.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the last second.
    pub p99_ms: Option<f64>,
    /// Median response of the last minute.
    pub minute_p50_ms: Option<f64>,
    /// 99th percentile of the last minute.
    pub minute_p99_ms: Option<f64>,
}

/// From one row to the next.
pub const ROW_MS: u64 = 250;

/// Carries orders out until there are no more of them, which ends the load.
///
/// # Errors
/// When the system refuses what the generator needs, or a thread of it panicked. An order that makes no sense is
/// answered with [`Told::Refused`].
pub fn run(orders: impl BufRead + Send + 'static, mut say: impl FnMut(&Told)) -> Result<(), Error> {
    let orders = each(orders)?;
    let mut live = Live::default();
    let mut next_ns = monotonic_ns();
    loop {
        next_ns += ROW_MS * 1_000_000;
        loop {
            let left = Duration::from_nanos(next_ns.saturating_sub(monotonic_ns()));
            match orders.recv_timeout(left) {
                Ok(order) => {
                    if let Some(told) = live.obey(order)? {
                        say(&told);
                    }
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        say(&Told::Row(live.row()?));
        // After a pause of the whole machine rows go on from now; those that were missed are not made up.
        next_ns = next_ns.max(monotonic_ns().saturating_sub(ROW_MS * 1_000_000));
    }
}

/// Orders as they come, from a thread of their own.
fn each(orders: impl BufRead + Send + 'static) -> Result<Receiver<Result<Order, String>>, Error> {
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        for line in orders.lines().map_while(Result::ok) {
            let order = serde_json::from_str(&line).map_err(|error| format!("that is no order: {error}"));
            if sender.send(order).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("orders".into()).spawn(read);
    thread.map_err(|source| Error::System { what: "start a thread", source })?;
    Ok(receiver)
}

/// The load, and what is known of it.
#[derive(Default)]
struct Live {
    crew: Option<(Spec, Crew)>,
    minute: Minute,
    stretch: Stretch,
}

impl Live {
    fn obey(&mut self, order: Result<Order, String>) -> Result<Option<Told>, Error> {
        match order {
            Ok(Order::Load { spec, now, slow }) => match self.load(*spec, now, slow) {
                Err(Error::Spec(message)) => return Ok(Some(Told::Refused { message })),
                other => other?,
            },
            Ok(Order::Mark) => self.mark(),
            Ok(Order::Take) => {
                let taken = self.crew.as_ref().map(|(_, crew)| Box::new(self.stretch.outcome(crew)));
                return Ok(Some(Told::Taken(taken)));
            }
            Err(message) => return Ok(Some(Told::Refused { message })),
        }
        Ok(None)
    }

    fn load(&mut self, spec: Spec, now: f64, slow: u32) -> Result<(), Error> {
        let level = level(&spec, now, slow)?;
        if now == 0.0 && slow == 0 {
            self.crew = None;
            self.mark();
            return Ok(());
        }
        if self.crew.as_ref().is_none_or(|(known, _)| *known != spec) {
            // Whether it makes sense is seen while the old one goes on; for as many connections as it may come to,
            // those of the old one may be in the way.
            Plan::new(with_one_connection(spec.clone()))?;
            drop(self.crew.take());
            self.crew = Some((spec.clone(), Crew::start(spec)?));
            self.minute = Minute::default();
        }
        if let Some((_, crew)) = &mut self.crew {
            crew.set(level)?;
        }
        self.mark();
        Ok(())
    }

    fn mark(&mut self) {
        if let Some((_, crew)) = &self.crew {
            crew.begin_anew();
        }
        self.stretch = Stretch::default();
    }

    fn row(&mut self) -> Result<Now, Error> {
        let Some((_, crew)) = &mut self.crew else {
            return Ok(Now { at_ns: monotonic_ns(), ..Now::default() });
        };
        crew.check()?;
        let now = self.minute.row(crew);
        self.stretch.push(&now, self.minute.last());
        Ok(now)
    }
}

/// What an order asks for, within what its spec allows.
fn level(spec: &Spec, now: f64, slow: u32) -> Result<Level, Error> {
    let (most, unit) = match spec.load {
        Load::Closed { clients } => (f64::from(clients), "clients"),
        Load::Open { rate_rps, .. } => (rate_rps, "requests/s"),
        _ => return Err(Error::Spec("a live load is closed or open".into())),
    };
    if spec.bystander.is_some() {
        return Err(Error::Spec("a live load has no bystander".into()));
    }
    if !(0.0..=most).contains(&now) {
        return Err(Error::Spec(format!("now is {now}; it must be 0 to {most} {unit}, as its spec says")));
    }
    if slow > MOST_SLOW {
        return Err(Error::Spec(format!("{slow} slow clients; there may be {MOST_SLOW} at most")));
    }
    Ok(match spec.load {
        Load::Closed { .. } => Level { clients: now as u32, rate_rps: 0.0, slow },
        _ => Level { clients: 0, rate_rps: now, slow },
    })
}

fn with_one_connection(mut spec: Spec) -> Spec {
    match &mut spec.load {
        Load::Closed { clients } => *clients = 1,
        Load::Open { connections, .. } => *connections = 1,
        _ => {}
    }
    spec
}

/// More than any server here has threads for.
const MOST_SLOW: u32 = 10_000;
