//! Where the time of an answer went: told by the server, completed by the generator, added up.
//!
//! The request says when it was sent ([`stamp`]), the answer says how long the server had it ([`ServerTiming`]),
//! and what neither side has a name for is the rest. So the parts of each answer add up to its response time
//! exactly, and their means to the mean.

use crate::histogram::Histogram;
use crate::protocol::{Part, Parts};

/// Request header: nanoseconds of `CLOCK_MONOTONIC` when the request was sent. For servers on this machine; to any
/// other it is a number.
const SENT_AT: &str = "x-sent-at";

/// Writes `request` into `into`, with a line that says when it is sent.
pub(crate) fn stamp(into: &mut Vec<u8>, request: &[u8], sent_ns: u64) {
    use std::io::Write as _;
    let after_request_line = request.windows(2).position(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    let (line, rest) = request.split_at(after_request_line);
    into.clear();
    into.extend_from_slice(line);
    // Writing to memory cannot fail.
    let _ = write!(into, "{SENT_AT}: {sent_ns}\r\n");
    into.extend_from_slice(rest);
}

/// What an answer says of its time in the server; `view` holds `upstream` and `pool`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerTiming {
    pub(crate) queue_ns: Option<u64>,
    pub(crate) view_ns: Option<u64>,
    pub(crate) upstream_ns: Option<u64>,
    pub(crate) pool_ns: Option<u64>,
}

impl ServerTiming {
    /// Takes up what a `server-timing` line says: `queue;dur=0.1, view;dur=2;desc="that"`. Other metrics, and
    /// those without a duration, are none of ours.
    pub(crate) fn read(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        for entry in line.split(',') {
            let mut fields = entry.split(';').map(str::trim);
            let place = match fields.next() {
                Some("queue") => &mut self.queue_ns,
                Some("view") => &mut self.view_ns,
                Some("upstream") => &mut self.upstream_ns,
                Some("pool") => &mut self.pool_ns,
                _ => continue,
            };
            if let Some(ns) = fields.find_map(|field| nanoseconds(field.strip_prefix("dur=")?)) {
                *place = Some(ns);
            }
        }
    }

    /// Nothing of it can be longer than what it is part of, or than what the client saw of it.
    pub(crate) fn can_be(&self, seen_ns: u64) -> bool {
        let view_ns = self.view_ns.unwrap_or(0);
        let inside = self.upstream_ns.unwrap_or(0).saturating_add(self.pool_ns.unwrap_or(0));
        inside <= view_ns && self.queue_ns.unwrap_or(0).saturating_add(view_ns) <= seen_ns
    }
}

/// Milliseconds with or without decimals. Nobody means a day.
fn nanoseconds(milliseconds: &str) -> Option<u64> {
    let ms: f64 = milliseconds.trim_matches('"').parse().ok()?;
    (0.0..86_400_000.0).contains(&ms).then(|| (ms * 1e6).round() as u64)
}

/// An answer on the generator's own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) due_ns: u64,
    /// Taken up by a connection.
    pub(crate) taken_ns: u64,
    /// All connections were busy when it was due, and it waited for one.
    pub(crate) queued: bool,
    /// How long it took to open that one; 0 where it was open.
    pub(crate) connect_ns: u64,
    /// When its first byte went out.
    pub(crate) sent_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) server: ServerTiming,
}

/// The parts of many answers, added up.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    answers: u64,
    told: u64,
    response: Sum,
    waiting: Sum,
    connect: Sum,
    queue: Sum,
    view: Sum,
    upstream: Sum,
    rest: Sum,
}

/// The mean is to be exact, so that means add up; a histogram is enough for the tail.
#[derive(Debug)]
struct Sum {
    total_ns: u128,
    times: Histogram,
    /// At least one answer said so.
    said: bool,
}

impl Ledger {
    pub(crate) fn record(&mut self, course: Course) {
        let Course { due_ns, taken_ns, queued, connect_ns, sent_ns, end_ns, server } = course;
        // What cannot be is as good as not said.
        let server =
            if server.can_be(end_ns.saturating_sub(sent_ns)) { server } else { ServerTiming::default() };
        let response_ns = end_ns.saturating_sub(due_ns);
        // Who found a connection free did not wait for one: what passed before it was taken up is the rest's.
        let waiting_ns = if queued { taken_ns.saturating_sub(due_ns).min(response_ns) } else { 0 };
        let connect_ns = connect_ns.min(response_ns - waiting_ns);
        let inside = |ns: Option<u64>| ns.unwrap_or(0);
        // Waiting for a thread of a pool is queueing, wherever a framework does it.
        let queue_ns = inside(server.queue_ns) + inside(server.pool_ns);
        let view_ns = inside(server.view_ns) - inside(server.pool_ns) - inside(server.upstream_ns);
        let known_ns = waiting_ns + connect_ns + queue_ns + view_ns + inside(server.upstream_ns);
        self.answers += 1;
        self.told += u64::from(server.view_ns.is_some());
        self.response.add(response_ns, true);
        self.waiting.add(waiting_ns, true);
        self.connect.add(connect_ns, true);
        self.queue.add(queue_ns, server.queue_ns.or(server.pool_ns).is_some());
        self.view.add(view_ns, server.view_ns.is_some());
        self.upstream.add(inside(server.upstream_ns), server.upstream_ns.is_some());
        self.rest.add(response_ns.saturating_sub(known_ns), true);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.answers += other.answers;
        self.told += other.told;
        let pairs = [
            (&mut self.response, &other.response),
            (&mut self.waiting, &other.waiting),
            (&mut self.connect, &other.connect),
            (&mut self.queue, &other.queue),
            (&mut self.view, &other.view),
            (&mut self.upstream, &other.upstream),
            (&mut self.rest, &other.rest),
        ];
        for (mine, theirs) in pairs {
            mine.total_ns += theirs.total_ns;
            mine.times.merge(&theirs.times);
            mine.said |= theirs.said;
        }
    }

    /// `None` when there was no answer.
    pub(crate) fn parts(&self) -> Option<Parts> {
        let part = |sum: &Sum| Part {
            mean_ms: sum.total_ns as f64 / self.answers as f64 / 1e6,
            p99_ms: sum.times.percentile_ms(0.99),
            histogram: sum.times.encode(),
        };
        let told = |sum: &Sum| sum.said.then(|| part(sum));
        (self.answers > 0).then(|| Parts {
            answers: self.answers,
            told: self.told,
            response: part(&self.response),
            waiting: part(&self.waiting),
            connect: part(&self.connect),
            queue: told(&self.queue),
            view: told(&self.view),
            upstream: told(&self.upstream),
            rest: part(&self.rest),
        })
    }
}

impl Sum {
    fn add(&mut self, ns: u64, said: bool) {
        self.total_ns += u128::from(ns);
        self.times.record_ns(ns);
        self.said |= said;
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self { total_ns: 0, times: Histogram::coarse(), said: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn read(line: &str) -> [Option<u64>; 4] {
        let mut timing = ServerTiming::default();
        timing.read(line.as_bytes());
        [timing.queue_ns, timing.view_ns, timing.upstream_ns, timing.pool_ns]
    }

    /// Due at 0, taken up when a connection was free at 10 ms, connected for 5, sent at 16, answered at 120.
    fn course(said: &str) -> Course {
        let mut server = ServerTiming::default();
        server.read(said.as_bytes());
        let (connect_ns, sent_ns) = (5 * MS, 16 * MS);
        Course { due_ns: 0, taken_ns: 10 * MS, queued: true, connect_ns, sent_ns, end_ns: 120 * MS, server }
    }

    fn means(parts: &Parts) -> [f64; 6] {
        let or_none = |part: &Option<Part>| part.as_ref().map_or(0.0, |part| part.mean_ms);
        let Parts { waiting, connect, queue, view, upstream, rest, .. } = parts;
        [waiting.mean_ms, connect.mean_ms, or_none(queue), or_none(view), or_none(upstream), rest.mean_ms]
    }

    fn of(said: &[&str]) -> Parts {
        let mut ledger = Ledger::default();
        said.iter().for_each(|said| ledger.record(course(said)));
        ledger.parts().unwrap()
    }

    #[test]
    fn a_request_says_when_it_is_sent_and_is_the_same_otherwise() {
        let request = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
        let mut stamped = b"left over from the last one".to_vec();
        stamp(&mut stamped, request, 123);
        let expected = "POST /a HTTP/1.1\r\nx-sent-at: 123\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(String::from_utf8(stamped).unwrap(), expected);
    }

    #[test]
    fn server_timing_is_read_as_w3c_writes_it() {
        assert_eq!(
            read("queue;dur=0.412, view;dur=51.873, upstream;dur=50"),
            [Some(412_000), Some(51_873_000), Some(50_000_000), None]
        );
        assert_eq!(
            read("cache;desc=hit, view; desc=\"all\"; dur=\"2.5\",pool;dur=1"),
            [None, Some(2_500_000), None, Some(1_000_000)]
        );
        for nothing in
            ["", "view", "view;dur=", "view;dur=-1", "view;dur=NaN", "view;dur=1e300", ";;,,=", "\u{e9}"]
        {
            assert_eq!(read(nothing), [None; 4], "{nothing}");
        }
    }

    #[test]
    fn parts_add_up_to_the_response_time() {
        let parts = of(&["queue;dur=4, view;dur=80, upstream;dur=50, pool;dur=3"]);
        assert_eq!(means(&parts), [10.0, 5.0, 7.0, 27.0, 50.0, 21.0]);
        assert_eq!((parts.response.mean_ms, parts.answers, parts.told), (120.0, 1, 1));
        let mixed = of(&["", "queue;dur=0.123456, view;dur=77.7", "view;dur=30.1, upstream;dur=20.05", ""]);
        assert!((means(&mixed).iter().sum::<f64>() - 120.0).abs() < 1e-6, "{mixed:?}");
        assert_eq!((mixed.answers, mixed.told), (4, 2));
    }

    #[test]
    fn who_found_a_connection_free_did_not_wait_for_one() {
        let mut ledger = Ledger::default();
        ledger.record(Course { queued: false, ..course("view;dur=80") });
        let parts = ledger.parts().unwrap();
        assert_eq!(means(&parts), [0.0, 5.0, 0.0, 80.0, 0.0, 35.0], "being late is in the rest");
        assert_eq!(parts.response.mean_ms, 120.0);
    }

    #[test]
    fn a_server_that_says_nothing_leaves_the_clients_parts() {
        let parts = of(&["", "cache;desc=hit"]);
        assert_eq!((parts.queue.clone(), parts.view.clone(), parts.upstream.clone()), (None, None, None));
        assert_eq!(means(&parts), [10.0, 5.0, 0.0, 0.0, 0.0, 105.0]);
        assert_eq!(Ledger::default().parts(), None);
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        for said in
            ["queue;dur=60, view;dur=60", "view;dur=20, upstream;dur=30", "view;dur=104.1", "pool;dur=1"]
        {
            let parts = of(&[said]);
            assert_eq!((parts.told, parts.view.is_none()), (0, true), "{said}");
            assert_eq!(parts.rest.mean_ms, 105.0, "{said}");
        }
        assert_eq!(of(&["view;dur=104"]).told, 1, "all of it in the view can be");
    }

    #[test]
    fn merging_is_recording_together() {
        let lines = ["queue;dur=4, view;dur=80", "", "view;dur=100, upstream;dur=99"];
        let mut one = Ledger::default();
        lines.iter().for_each(|said| one.record(course(said)));
        let mut sum = Ledger::default();
        for said in lines {
            let mut other = Ledger::default();
            other.record(course(said));
            sum.merge(&other);
        }
        let (sum, one) = (sum.parts().unwrap(), one.parts().unwrap());
        assert_eq!((means(&sum), sum.answers, sum.told), (means(&one), one.answers, one.told));
        let rest = |parts: &Parts| Histogram::decode(&parts.rest.histogram).unwrap();
        assert_eq!((rest(&sum).count(), rest(&sum).max_ms()), (3, rest(&one).max_ms()));
    }
}
