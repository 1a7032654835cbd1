//! The faults that hold now, and whom they hit. Which ones there are, and what they take: `order.rs`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::Service;
use crate::order::{Fault, Kind, Order};

/// What a call met instead of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    Reset,
    Error { status: u16 },
    Garbage,
    SlowBody { over: Duration },
}

/// The faults that hold now.
#[derive(Default)]
pub(crate) struct Faults {
    active: Mutex<BTreeMap<Kind, Active>>,
    changed: Notify,
}

struct Active {
    fault: Fault,
    until: Option<Instant>,
}

impl Faults {
    /// Replaces whatever held before. Calls that a former stall holds are let go.
    pub(crate) fn set(&self, order: Order) {
        let now = Instant::now();
        let until = |fault: &Fault| fault.for_ms.map(|ms| now + Duration::from_millis(ms));
        let active = order.into_iter().map(|(kind, fault)| (kind, Active { until: until(&fault), fault }));
        *self.active.lock().expect("no holder panics") = active.collect();
        self.changed.notify_waiters();
    }

    /// What holds now, with the time and the hits that are left: a body that could be posted again.
    pub(crate) fn left(&self) -> Order {
        let now = Instant::now();
        let mut active = self.active.lock().expect("no holder panics");
        active.retain(|_, one| one.holds(now));
        let left = |one: &Active| Fault {
            for_ms: one.until.map(|until| (until - now).as_millis().max(1) as u64),
            ..one.fault.clone()
        };
        active.iter().map(|(&kind, one)| (kind, left(one))).collect()
    }

    /// Returns when no stall holds this service, at once if none does.
    pub(crate) async fn stall_over(&self, service: Service) {
        loop {
            // Listening starts before looking, so that a change in between is not missed.
            let changed = self.changed.notified();
            let Some(until) = self.stalled_until(service) else { return };
            tokio::select! {
                () = sleep_until(until) => {}
                () = changed => {}
            }
        }
    }

    fn stalled_until(&self, service: Service) -> Option<Instant> {
        let active = self.active.lock().expect("no holder panics");
        let stall = active.get(&Kind::Stall)?;
        stall.until.filter(|_| stall.holds(Instant::now()) && stall.fault.concerns(service))
    }

    /// Decides what a call meets, and counts the hit. `luck` is the call's own number, 0 to 1.
    pub(crate) fn hit(&self, service: Service, luck: f64) -> Option<Hit> {
        let now = Instant::now();
        let mut luck = luck;
        let mut active = self.active.lock().expect("no holder panics");
        for (kind, one) in active.iter_mut() {
            if *kind == Kind::Stall || !one.holds(now) || !one.fault.concerns(service) {
                continue;
            }
            let rate = one.fault.rate.unwrap_or(1.0);
            if luck >= rate {
                // Faults share the numbers out among them, so that each hits its own share of calls.
                luck -= rate;
                continue;
            }
            if let Some(left) = &mut one.fault.count {
                *left -= 1;
            }
            return one.fault.as_hit(*kind);
        }
        None
    }
}

impl Active {
    fn holds(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until) && self.fault.count != Some(0)
    }
}

impl Fault {
    fn concerns(&self, service: Service) -> bool {
        self.path.is_none_or(|path| path == service)
    }

    fn as_hit(&self, kind: Kind) -> Option<Hit> {
        match kind {
            Kind::Stall => None,
            Kind::Reset => Some(Hit::Reset),
            Kind::Error => Some(Hit::Error { status: self.status.unwrap_or(500) }),
            Kind::Garbage => Some(Hit::Garbage),
            Kind::SlowBody => self.over_ms.map(|ms| Hit::SlowBody { over: Duration::from_millis(ms) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::order;

    fn faults(body: &str) -> Faults {
        let faults = Faults::default();
        faults.set(order(body.as_bytes()).unwrap());
        faults
    }

    #[test]
    fn faults_hit_their_path_their_share_and_their_count() {
        let held = faults(r#"{"error":{"path":"/sun","rate":0.3,"count":2},"reset":{"rate":0.3}}"#);
        assert_eq!(held.hit(Service::Location, 0.29), Some(Hit::Reset));
        assert_eq!(held.hit(Service::Location, 0.31), None);
        assert_eq!(held.hit(Service::Sun, 0.31), Some(Hit::Error { status: 500 }));
        assert_eq!(held.hit(Service::Sun, 0.61), None);
        assert_eq!(held.hit(Service::Sun, 0.59), Some(Hit::Error { status: 500 }));
        assert_eq!(held.hit(Service::Sun, 0.59), None);
        assert_eq!(held.left().keys().copied().collect::<Vec<_>>(), [Kind::Reset]);
    }

    #[tokio::test(start_paused = true)]
    async fn faults_end_with_their_time_and_say_how_much_of_it_is_left() {
        let held = faults(r#"{"garbage":{"for_ms":5000}}"#);
        tokio::time::advance(Duration::from_millis(4_000)).await;
        assert_eq!(held.hit(Service::Sun, 0.9), Some(Hit::Garbage));
        assert_eq!(held.left()[&Kind::Garbage].for_ms, Some(1_000));
        tokio::time::advance(Duration::from_millis(1_000)).await;
        assert_eq!(held.hit(Service::Sun, 0.0), None);
        assert!(held.left().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_holds_its_path_until_it_is_over_or_called_off() {
        let begin = Instant::now();
        let held = faults(r#"{"stall":{"for_ms":5000,"path":"/sun"}}"#);
        held.stall_over(Service::Weather).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        held.stall_over(Service::Sun).await;
        assert_eq!(begin.elapsed().as_secs(), 5);

        let held = std::sync::Arc::new(faults(r#"{"stall":{"for_ms":600000}}"#));
        let begin = Instant::now();
        let other = std::sync::Arc::clone(&held);
        let waiting = tokio::spawn(async move { other.stall_over(Service::Sun).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.set(Order::new());
        waiting.await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 1);
    }
}
