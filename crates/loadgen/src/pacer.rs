//! The thread that keeps the open loop's schedule, and does nothing else.
//!
//! It must be its own: an event loop that is busy with replies looks at its timers late, and its timers
//! tick in milliseconds. A sleeping thread is woken by the kernel within a fraction of one. How late it
//! was is recorded for each request, as schedule lag; that part of a response time is the generator's.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::clock::{monotonic_ns, sleep_precisely, sleep_until_ns};
use crate::desk::{Desk, Due, Round};
use crate::histogram::Histogram;
use crate::recorder::{Ended, Ending, Recorder, Window};

/// Read along by the thread that runs the whole.
#[derive(Debug, Default)]
pub(crate) struct Paced {
    /// Requests due in the window so far.
    pub(crate) scheduled: AtomicU64,
    /// Requests due before the window closed so far, those of the warm-up among them.
    pub(crate) due_by_close: AtomicU64,
    /// The two above are final.
    pub(crate) past_window: AtomicBool,
    /// Set by others: stop pacing.
    pub(crate) stop: AtomicBool,
}

/// At high rates several requests are handed out together rather than each with a wake-up of its own,
/// which would cost more than sending them. So a request may be this late on purpose.
const SHORTEST_SLEEP_NS: u64 = 50_000;
/// Looks up this often even when nothing is due.
const LONGEST_SLEEP_NS: u64 = 20_000_000;

/// Hands each request of `schedule` out when it is due, until told to stop. Returns the schedule lag of
/// those that were due in the window.
pub(crate) fn pace(
    mut schedule: impl Iterator<Item = u64>,
    desk: &Desk,
    timeout_ns: u64,
    window: Window,
    recorder: &Mutex<Recorder>,
    paced: &Paced,
) -> Histogram {
    sleep_precisely();
    let mut lag = Histogram::new();
    let mut round = Round::default();
    let mut due = Vec::new();
    let mut nth = 0;
    let mut next_ns = schedule.next().unwrap_or(u64::MAX);
    let mut now_ns = monotonic_ns();
    while !paced.stop.load(Ordering::Relaxed) {
        if next_ns >= window.end_ns {
            paced.past_window.store(true, Ordering::Release);
        }
        let expiry_ns = round.first_waiting.map_or(u64::MAX, |due_ns| due_ns + timeout_ns);
        let wake_ns = next_ns.min(expiry_ns).clamp(now_ns + SHORTEST_SLEEP_NS, now_ns + LONGEST_SLEEP_NS);
        sleep_until_ns(wake_ns);
        now_ns = monotonic_ns();
        due.clear();
        while next_ns <= now_ns {
            if window.contains(next_ns) {
                lag.record_ns(now_ns - next_ns);
                paced.scheduled.fetch_add(1, Ordering::Relaxed);
            }
            if next_ns < window.end_ns {
                paced.due_by_close.fetch_add(1, Ordering::Relaxed);
            }
            due.push(Due { at_ns: next_ns, nth });
            nth += 1;
            next_ns = schedule.next().unwrap_or(u64::MAX);
        }
        desk.hand_out(&due, now_ns.saturating_sub(timeout_ns), &mut round);
        if !round.expired.is_empty() {
            give_up(&round.expired, timeout_ns, recorder);
        }
    }
    lag
}

/// Nobody took them up before their time was over.
fn give_up(expired: &[u64], timeout_ns: u64, recorder: &Mutex<Recorder>) {
    let mut recorder = recorder.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for due_ns in expired.iter().copied() {
        let end_ns = due_ns + timeout_ns;
        recorder.ended(Ended { due_ns, sent_ns: None, end_ns, ending: Ending::Unsent });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_handed_out_once_in_order_and_none_before_it_is_due() {
        let start_ns = monotonic_ns();
        let window = Window { start_ns: start_ns + 10_000_000, end_ns: start_ns + 30_000_000 };
        let recorder = Mutex::new(Recorder::new(true, window, 1_000_000));
        let (desk, paced) = (Desk::new(1), Paced::default());
        let lag = std::thread::scope(|scope| {
            let schedule = (1..=50).map(|ms| start_ns + ms * 1_000_000);
            let pacer = scope.spawn(|| pace(schedule, &desk, 5_000_000, window, &recorder, &paced));
            // Nobody ever takes one up: all must come back as unsent.
            while recorder.lock().unwrap().measured.unsent < 20 {
                assert!(monotonic_ns() < start_ns + 20_000_000_000, "never came back");
                std::thread::yield_now();
            }
            paced.stop.store(true, Ordering::Relaxed);
            pacer.join().unwrap()
        });
        assert!(paced.past_window.load(Ordering::Acquire));
        assert_eq!(paced.scheduled.load(Ordering::Relaxed), 20, "due from 10 to 29 ms");
        assert_eq!(paced.due_by_close.load(Ordering::Relaxed), 29);
        assert_eq!(lag.count(), 20);
        let recorder = recorder.into_inner().unwrap();
        assert_eq!((recorder.measured.ended, recorder.measured.resolved()), (20, 20));
        assert_eq!(recorder.measured.sent_to_answer.count(), 0);
    }
}
