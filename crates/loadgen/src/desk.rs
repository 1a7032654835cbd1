//! Where the pacing thread leaves requests and workers fetch them.
//!
//! One desk for all workers, because one queue before many servers is what a user of a shared resource
//! meets: with a queue per worker a request could wait for a busy connection of one worker while another
//! worker's are idle. Its lock is held for nanoseconds, once per batch on one side and once per finished
//! request on the other.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A request on its way from the schedule to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at_ns: u64,
    /// Its place in the schedule, from 0; what it asks for follows from that.
    pub(crate) nth: u64,
}

/// Where requests lie meanwhile.
#[derive(Debug)]
pub(crate) struct Desk {
    state: Mutex<State>,
    /// One per worker: there is something in its inbox.
    bells: Vec<Notify>,
}

/// What came of handing out; kept by the pacing thread, for its memory.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// When requests were due that no connection took up in time.
    pub(crate) expired: Vec<u64>,
    /// When the first of those that still wait was due.
    pub(crate) first_waiting: Option<u64>,
    /// Workers whose bell is to be rung.
    ring: Vec<usize>,
}

/// Requests wait only while no connection is free: `waiting` is empty or every `free` is 0.
#[derive(Debug)]
struct State {
    /// In the order in which they were due.
    waiting: VecDeque<Due>,
    /// Per worker, connections at rest that nothing in its inbox is meant for.
    free: Vec<u32>,
    /// Per worker, requests for its resting connections.
    inboxes: Vec<Vec<Due>>,
}

impl Desk {
    pub(crate) fn new(workers: usize) -> Self {
        let inboxes = vec![Vec::new(); workers];
        let state = State { waiting: VecDeque::new(), free: vec![0; workers], inboxes };
        Self { state: Mutex::new(state), bells: (0..workers).map(|_| Notify::new()).collect() }
    }

    /// Gives each request to the worker with the most free connections, or lets it wait, in order. Then
    /// gives up those that were due before `give_up_ns` and still wait, into [`Round::expired`].
    pub(crate) fn hand_out(&self, due: &[Due], give_up_ns: u64, round: &mut Round) {
        round.ring.clear();
        round.expired.clear();
        {
            let mut state = self.lock();
            for request in due {
                let Some(worker) = state.freest() else {
                    state.waiting.push_back(*request);
                    continue;
                };
                state.free[worker] -= 1;
                if state.inboxes[worker].is_empty() {
                    round.ring.push(worker);
                }
                state.inboxes[worker].push(*request);
            }
            while let Some(due_ns) = state.first_waiting().filter(|due_ns| *due_ns <= give_up_ns) {
                round.expired.push(due_ns);
                state.waiting.pop_front();
            }
            round.first_waiting = state.first_waiting();
        }
        // After the lock is released, so that whom the bell wakes does not run into it. A worker that is
        // not waiting for its bell costs no system call.
        for worker in &round.ring {
            self.bells[*worker].notify_one();
        }
    }

    /// Waits for requests and takes them all.
    pub(crate) async fn collect(&self, worker: usize, requests: &mut Vec<Due>) {
        loop {
            requests.append(&mut self.lock().inboxes[worker]);
            if !requests.is_empty() {
                return;
            }
            self.bells[worker].notified().await;
        }
    }

    /// A connection of `worker` is done: the next request for it, one that found none free, or `None`, and it counts
    /// as free.
    pub(crate) fn next_or_rest(&self, worker: usize) -> Option<Due> {
        let mut state = self.lock();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.free[worker] += 1;
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn freest(&self) -> Option<usize> {
        let (worker, free) = self.free.iter().enumerate().max_by_key(|(_, free)| **free)?;
        (*free > 0).then_some(worker)
    }

    /// When the first of those that wait was due.
    fn first_waiting(&self) -> Option<u64> {
        self.waiting.front().map(|request| request.at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests that are due then.
    fn due<const N: usize>(at_ns: [u64; N]) -> [Due; N] {
        at_ns.map(|at_ns| Due { at_ns, nth: 100 + at_ns })
    }

    fn inbox(desk: &Desk, worker: usize) -> Vec<Due> {
        desk.lock().inboxes[worker].clone()
    }

    #[test]
    fn requests_go_where_most_connections_are_free() {
        let desk = Desk::new(2);
        for worker in [0, 1, 1, 1] {
            assert_eq!(desk.next_or_rest(worker), None);
        }
        let mut round = Round::default();
        desk.hand_out(&due([1, 2, 3]), 0, &mut round);
        assert_eq!((inbox(&desk, 0), inbox(&desk, 1)), (vec![], due([1, 2, 3]).to_vec()));
        assert_eq!((&round.expired[..], round.first_waiting), (&[][..], None));
        desk.hand_out(&due([4, 5, 6]), 0, &mut round);
        assert_eq!(round.first_waiting, Some(5), "one connection was left");
    }

    #[test]
    fn who_waits_is_served_in_order_or_expires() {
        let desk = Desk::new(1);
        let mut round = Round::default();
        desk.hand_out(&due([10, 20, 30, 40]), 0, &mut round);
        assert_eq!(round.first_waiting, Some(10));
        desk.hand_out(&[], 20, &mut round);
        assert_eq!((&round.expired[..], round.first_waiting), (&[10, 20][..], Some(30)));
        for next in due([30, 40]) {
            assert_eq!(desk.next_or_rest(0), Some(next));
        }
        assert_eq!(desk.next_or_rest(0), None);
        assert_eq!(desk.lock().free, [1]);
    }
}
