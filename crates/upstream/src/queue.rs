//! The downstream's own limit: K calls at a time, the rest in line, first come first served.
//!
//! What a database pool does to its callers, and why K calls at a time that take W never give more than
//! K/W answers a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Slots to be served in, and who waits for one.
pub(crate) struct Queue {
    /// None: as many as come. The semaphore is fair, which makes it the queue.
    slots: Option<Arc<Semaphore>>,
    queued: AtomicU64,
    in_service: AtomicU64,
    served: AtomicU64,
    busy_ns: AtomicU64,
}

/// The right to be served, until it is dropped: by an answer, or because the caller hung up.
pub(crate) struct Slot {
    queue: Arc<Queue>,
    since: Instant,
    _permit: Option<OwnedSemaphorePermit>,
}

/// What the queue was doing when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Calls without a slot.
    pub(crate) queued: u64,
    /// Calls with one.
    pub(crate) in_service: u64,
    /// Calls that gave theirs back.
    pub(crate) served: u64,
    /// How long these had it, together.
    pub(crate) busy: Duration,
}

impl Queue {
    pub(crate) fn new(capacity: Option<u32>) -> Arc<Self> {
        let slots = capacity.map(|k| {
            // The semaphore's own limit is far above any K that a flag can name on 64 bits.
            Arc::new(Semaphore::new((k as usize).min(Semaphore::MAX_PERMITS)))
        });
        let zero = AtomicU64::default;
        Arc::new(Self { slots, queued: zero(), in_service: zero(), served: zero(), busy_ns: zero() })
    }

    /// Waits in line for a slot. A caller that hangs up leaves the line.
    pub(crate) async fn enter(self: &Arc<Self>) -> Slot {
        let permit = match &self.slots {
            None => None,
            Some(slots) => {
                let _in_line = InLine::join(&self.queued);
                Some(Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed"))
            }
        };
        self.in_service.fetch_add(1, Relaxed);
        Slot { queue: Arc::clone(self), since: Instant::now(), _permit: permit }
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            queued: self.queued.load(Relaxed),
            in_service: self.in_service.load(Relaxed),
            served: self.served.load(Relaxed),
            busy: Duration::from_nanos(self.busy_ns.load(Relaxed)),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let busy_ns = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.queue.in_service.fetch_sub(1, Relaxed);
        self.queue.served.fetch_add(1, Relaxed);
        self.queue.busy_ns.fetch_add(busy_ns, Relaxed);
    }
}

/// Counts a waiting call for as long as it waits, even if it gives up.
struct InLine<'a>(&'a AtomicU64);

impl<'a> InLine<'a> {
    fn join(queued: &'a AtomicU64) -> Self {
        queued.fetch_add(1, Relaxed);
        Self(queued)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    }

    fn counts(queue: &Queue) -> (u64, u64, u64) {
        let load = queue.load();
        (load.queued, load.in_service, load.served)
    }

    async fn until(what: impl Fn() -> bool) {
        tokio::time::timeout(Duration::from_secs(20), async {
            while !what() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it never came to that");
    }

    #[test]
    fn k_calls_are_served_and_the_rest_wait_in_the_order_in_which_they_came() {
        run(async {
            let queue = Queue::new(Some(2));
            let order = Arc::new(Mutex::new(Vec::new()));
            let (first, second) = (queue.enter().await, queue.enter().await);
            for n in 0..5 {
                let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
                tokio::spawn(async move {
                    let _slot = queue.enter().await;
                    order.lock().unwrap().push(n);
                });
            }
            until(|| counts(&queue) == (5, 2, 0)).await;
            drop((first, second));
            until(|| counts(&queue) == (0, 0, 7)).await;
            assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
        });
    }

    #[test]
    fn a_caller_that_hangs_up_leaves_the_line() {
        run(async {
            let queue = Queue::new(Some(1));
            let slot = queue.enter().await;
            let waiting = tokio::spawn({
                let queue = Arc::clone(&queue);
                async move { drop(queue.enter().await) }
            });
            until(|| counts(&queue) == (1, 1, 0)).await;
            waiting.abort();
            until(|| counts(&queue) == (0, 1, 0)).await;
            drop(slot);
            drop(queue.enter().await);
            assert_eq!(counts(&queue), (0, 0, 2));
        });
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        run(async {
            let queue = Queue::new(None);
            let mut slots = Vec::new();
            for _ in 0..1_000 {
                slots.push(queue.enter().await);
            }
            assert_eq!(counts(&queue), (0, 1_000, 0));
            drop(slots);
            assert_eq!(counts(&queue), (0, 0, 1_000));
        });
    }
}
