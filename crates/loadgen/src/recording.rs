//! Keeps what became of each request, for [`Recording`]: a row an answer, nothing for the rest.

use crate::error::Error;
use crate::parts::Course;
use crate::protocol::{Load, Recorded, Recording, Spec};
use crate::recorder::Window;

/// Rows of one thread.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<Course>);

impl Rows {
    /// Keeps a right answer.
    pub(crate) fn keep(&mut self, course: Course) {
        self.0.push(course);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Puts them in order; of `due` requests that were due before the window closed.
    pub(crate) fn recording(&self, load_ns: u64, window: Window, due: u64) -> Recording {
        let before_close = self.0.iter().filter(|course| course.due_ns < window.end_ns);
        let mut requests: Vec<Recorded> = before_close.filter_map(|course| row(course, load_ns)).collect();
        requests.sort_by_key(|request| request.sent_us);
        let missing = due.saturating_sub(requests.len() as u64);
        Recording { window_us: (window.start_ns - load_ns) / 1_000, requests, missing }
    }
}

/// None where the server does not say both, or what cannot be.
fn row(course: &Course, load_ns: u64) -> Option<Recorded> {
    let Course { due_ns, sent_ns, end_ns, server, .. } = *course;
    let (queue_ns, view_ns) = (server.queue_ns?, server.view_ns?);
    let pool_ns = server.pool_ns.unwrap_or(0);
    server.can_be(end_ns.saturating_sub(sent_ns)).then(|| Recorded {
        due_us: due_ns.saturating_sub(load_ns) / 1_000,
        sent_us: sent_ns.saturating_sub(load_ns) / 1_000,
        wait_us: (queue_ns + pool_ns) / 1_000,
        view_us: (view_ns - pool_ns) / 1_000,
        upstream_us: server.upstream_ns.unwrap_or(0) / 1_000,
        response_us: end_ns.saturating_sub(due_ns) / 1_000,
    })
}

/// Some 100 MB of rows.
const MOST: f64 = 1_000_000.0;

/// What is recorded must be all that the server does, and must fit.
///
/// # Errors
/// When it cannot be, with what to change.
pub(crate) fn check(spec: &Spec) -> Result<(), Error> {
    if !spec.record {
        return Ok(());
    }
    let refuse = |what: String| Err(Error::Spec(what));
    let Load::Open { rate_rps, shape, .. } = spec.load else {
        return refuse("record is for open loop; leave it out, or ask for an open load".into());
    };
    if !spec.timing {
        return refuse("record is of the servers' own times; ask for timing as well".into());
    }
    if spec.bystander.is_some() {
        return refuse(
            "record and bystander exclude each other, since a bystander is in the way and would not be recorded; \
             leave one out"
                .into(),
        );
    }
    let most = rate_rps * shape.times().max(1.0) * (spec.warm_up_ms + spec.window_ms) as f64 / 1_000.0;
    if most > MOST {
        return refuse(format!(
            "record: {most:.0} requests would be due, and at most {MOST} are recorded; ask for less"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::ServerTiming;

    const MS: u64 = 1_000_000;
    /// Load from 1 s on, the window from 3 to 4 s.
    const WINDOW: Window = Window { start_ns: 3_000 * MS, end_ns: 4_000 * MS };

    /// Due then, sent 1 ms later and answered 100 ms after that.
    fn course(due_ms: u64, said: &str) -> Course {
        let mut server = ServerTiming::default();
        server.read(said.as_bytes());
        let (due_ns, sent_ns) = (due_ms * MS, (due_ms + 1) * MS);
        Course {
            due_ns,
            taken_ns: due_ns,
            queued: false,
            connect_ns: 0,
            sent_ns,
            end_ns: sent_ns + 100 * MS,
            server,
        }
    }

    #[test]
    fn rows_come_in_order_from_the_start_of_the_load_and_none_from_after_the_window() {
        let (mut one, mut other) = (Rows::default(), Rows::default());
        one.keep(course(3_500, "queue;dur=20.5, view;dur=70, upstream;dur=50, pool;dur=2"));
        one.keep(course(4_000, "queue;dur=1, view;dur=2"));
        other.keep(course(1_200, "queue;dur=1, view;dur=99"));
        one.merge(&other);
        let recording = one.recording(1_000 * MS, WINDOW, 2);
        let first = Recorded {
            due_us: 200_000,
            sent_us: 201_000,
            wait_us: 1_000,
            view_us: 99_000,
            upstream_us: 0,
            response_us: 101_000,
        };
        let second = Recorded {
            due_us: 2_500_000,
            sent_us: 2_501_000,
            wait_us: 22_500,
            view_us: 68_000,
            upstream_us: 50_000,
            response_us: 101_000,
        };
        assert_eq!(recording, Recording { window_us: 2_000_000, requests: vec![first, second], missing: 0 });
    }

    #[test]
    fn who_was_due_and_has_no_row_is_missing() {
        let mut rows = Rows::default();
        for said in ["", "view;dur=5", "queue;dur=5", "queue;dur=60, view;dur=60", "queue;dur=1, view;dur=2"]
        {
            rows.keep(course(3_100, said));
        }
        let recording = rows.recording(1_000 * MS, WINDOW, 7);
        assert_eq!((recording.requests.len(), recording.missing), (1, 6), "and two never came back");
    }
}
