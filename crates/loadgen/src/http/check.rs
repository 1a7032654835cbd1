//! Is it the right answer? Status and, where one is expected, body, compared while it arrives.

use super::{Decoder, Malformed, Step};
use crate::parts::ServerTiming;
use crate::protocol::{Expect, Failure};

/// What a right answer is.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    /// `None`: any.
    pub(crate) body: Option<Box<[u8]>>,
}

impl From<Expect> for Expected {
    fn from(expect: Expect) -> Self {
        Self { status: expect.status, body: expect.body.map(|text| text.into_bytes().into()) }
    }
}

/// Drives a [`Decoder`] and compares what it yields.
#[derive(Debug)]
pub(crate) struct Check {
    decoder: Decoder,
    /// Bytes of the expected body that have come.
    matched: usize,
    wrong: Option<Wrong>,
}

/// A wrong answer and what it looked like.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) failure: Failure,
    pub(crate) excerpt: Box<str>,
}

/// Where a reply stands after some bytes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Incomplete,
    /// It is all there.
    Complete {
        /// `Ok` for the expected answer.
        answer: Result<(), Wrong>,
        /// The connection may carry another request.
        reusable: bool,
    },
}

impl Check {
    pub(crate) fn new(head_only: bool) -> Self {
        Self { decoder: Decoder::new(head_only), matched: 0, wrong: None }
    }

    /// Reads what the server says of its time as well.
    pub(crate) fn timed(self) -> Self {
        Self { decoder: self.decoder.timed(), ..self }
    }

    /// What the last reply said of its time in the server.
    pub(crate) fn timing(&self) -> ServerTiming {
        self.decoder.timing()
    }

    /// Makes ready for the reply to another request.
    pub(crate) fn reset(&mut self) {
        self.decoder.reset();
        self.matched = 0;
        self.wrong = None;
    }

    /// Takes the bytes of one read. What is wrong is reported at the reply's end, so that a connection
    /// stays usable after a wrong answer that is well framed.
    pub(crate) fn feed(&mut self, read: &[u8], expected: &Expected) -> Verdict {
        let mut rest = read;
        loop {
            match self.decoder.step(&mut rest) {
                Ok(Step::More) => return Verdict::Incomplete,
                Ok(Step::Head { status }) if status != expected.status => {
                    let shed = status == 503 && self.decoder.has_retry_after();
                    self.fail(if shed { Failure::Shed } else { Failure::Status }, "", read);
                }
                Ok(Step::Head { .. }) => {}
                Ok(Step::Body(piece)) => self.compare(piece, expected),
                Ok(Step::End) if rest.is_empty() => return self.complete(expected),
                Ok(Step::End) => {
                    return self.broken(&Malformed("bytes follow the end of the reply"), rest);
                }
                Err(malformed) => return self.broken(&malformed, read),
            }
        }
    }

    /// The connection ended: `None` when the reply did not.
    pub(crate) fn end_of_input(&mut self, expected: &Expected) -> Option<Verdict> {
        self.decoder.may_end_here().then(|| self.complete(expected))
    }

    fn compare(&mut self, piece: &[u8], expected: &Expected) {
        let Some(body) = &expected.body else { return };
        if self.wrong.is_some() {
            return;
        }
        if body[self.matched..].starts_with(piece) {
            self.matched += piece.len();
        } else {
            let place = format!("not the expected body, after {} right bytes: ", self.matched);
            self.fail(Failure::WrongBody, &place, piece);
        }
    }

    fn complete(&mut self, expected: &Expected) -> Verdict {
        let missing = expected.body.as_ref().map_or(0, |body| body.len() - self.matched);
        if self.wrong.is_none() && missing > 0 {
            let place = format!("the body ends {missing} bytes early, after {} right ones", self.matched);
            self.fail(Failure::WrongBody, &place, b"");
        }
        let answer = self.wrong.take().map_or(Ok(()), Err);
        Verdict::Complete { answer, reusable: self.decoder.keeps_alive() }
    }

    fn broken(&mut self, malformed: &Malformed, read: &[u8]) -> Verdict {
        let wrong =
            Wrong { failure: Failure::Protocol, excerpt: excerpt(&format!("{}: ", malformed.0), read) };
        Verdict::Complete { answer: Err(wrong), reusable: false }
    }

    /// The first thing that was wrong counts.
    fn fail(&mut self, failure: Failure, place: &str, read: &[u8]) {
        self.wrong.get_or_insert_with(|| Wrong { failure, excerpt: excerpt(place, read) });
    }
}

/// Enough of it for a person to see what came.
pub(super) fn excerpt(place: &str, read: &[u8]) -> Box<str> {
    const MOST_BYTES: usize = 400;
    let cut = if read.len() > MOST_BYTES { " …" } else { "" };
    let shown = String::from_utf8_lossy(&read[..read.len().min(MOST_BYTES)]);
    format!("{place}{shown}{cut}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(status: u16, body: Option<&str>) -> Expected {
        Expected { status, body: body.map(|text| text.as_bytes().into()) }
    }

    /// Feeds `reply` in pieces of every size and demands the same verdict each time.
    fn verdict(reply: &str, expected: &Expected) -> (Option<Failure>, bool) {
        let verdicts = (1..=reply.len()).map(|size| {
            let mut check = Check::new(false);
            let mut verdict = Verdict::Incomplete;
            for piece in reply.as_bytes().chunks(size) {
                assert_eq!(verdict, Verdict::Incomplete, "complete before its last piece of {size}");
                verdict = check.feed(piece, expected);
            }
            match verdict {
                Verdict::Complete { answer, reusable } => (answer.err().map(|w| w.failure), reusable),
                Verdict::Incomplete => panic!("no verdict on {reply:?} in pieces of {size}"),
            }
        });
        let verdicts: Vec<_> = verdicts.collect();
        assert!(verdicts.iter().all(|v| *v == verdicts[0]), "{verdicts:?}");
        verdicts[0]
    }

    const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

    #[test]
    fn the_right_answer_is_right_however_it_is_framed() {
        for reply in [HELLO, CHUNKED] {
            assert_eq!(verdict(reply, &expected(200, Some("hello"))), (None, true));
            assert_eq!(verdict(reply, &expected(200, None)), (None, true));
        }
    }

    #[test]
    fn wrong_answers_are_told_apart_and_leave_the_connection_usable() {
        for reply in [HELLO, CHUNKED] {
            assert_eq!(verdict(reply, &expected(204, None)), (Some(Failure::Status), true));
            for body in ["hell", "hello!", "jello", ""] {
                assert_eq!(
                    verdict(reply, &expected(200, Some(body))),
                    (Some(Failure::WrongBody), true),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_status_is_not_also_a_wrong_body() {
        assert_eq!(verdict(HELLO, &expected(404, Some("other"))), (Some(Failure::Status), true));
    }

    #[test]
    fn shedding_load_is_told_from_being_wrong() {
        let unavailable = |line: &str| format!("HTTP/1.1 503 Busy\r\n{line}content-length: 0\r\n\r\n");
        let shed = unavailable("Retry-After: 1\r\n");
        assert_eq!(verdict(&shed, &expected(200, None)), (Some(Failure::Shed), true));
        assert_eq!(verdict(&unavailable(""), &expected(200, None)), (Some(Failure::Status), true));
        assert_eq!(verdict(&shed, &expected(503, None)), (None, true), "asked for is not shed");
        let moved = "HTTP/1.1 301 Moved\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(verdict(moved, &expected(200, None)), (Some(Failure::Status), true));
    }

    #[test]
    fn what_a_server_says_of_its_time_is_read_where_it_is_asked_for() {
        let reply = b"HTTP/1.1 200 OK\r\nServer-Timing: queue;dur=1\r\ncontent-length: 0\r\n\
                      server-timing: view;dur=2.5\r\n\r\n";
        let mut timed = Check::new(false).timed();
        timed.feed(reply, &expected(200, None));
        let (queue_ns, view_ns) = (Some(1_000_000), Some(2_500_000));
        assert_eq!(timed.timing(), ServerTiming { queue_ns, view_ns, ..ServerTiming::default() });
        timed.reset();
        timed.feed(HELLO.as_bytes(), &expected(200, None));
        assert_eq!(timed.timing(), ServerTiming::default(), "the one before is forgotten");
        let mut plain = Check::new(false);
        plain.feed(reply, &expected(200, None));
        assert_eq!(plain.timing(), ServerTiming::default());
    }

    #[test]
    fn bytes_after_the_reply_are_a_failure() {
        let mut check = Check::new(false);
        let verdict = check.feed(format!("{HELLO}extra").as_bytes(), &expected(200, None));
        let Verdict::Complete { answer: Err(wrong), reusable: false } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(wrong.failure, Failure::Protocol);
        assert!(wrong.excerpt.ends_with("extra"), "{}", wrong.excerpt);
    }

    #[test]
    fn the_end_of_the_connection_ends_a_reply_only_without_a_length() {
        let mut check = Check::new(false);
        check.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", &expected(200, None));
        assert_eq!(check.end_of_input(&expected(200, None)), None);
        check.reset();
        check.feed(b"HTTP/1.1 200 OK\r\n\r\nhell", &expected(200, Some("hell")));
        let complete = Verdict::Complete { answer: Ok(()), reusable: false };
        assert_eq!(check.end_of_input(&expected(200, Some("hell"))), Some(complete));
    }

    #[test]
    fn an_excerpt_is_short_and_shows_what_came() {
        let mut check = Check::new(false);
        let reply = format!("HTTP/1.1 500 No\r\ncontent-length: 9000\r\n\r\n{}", "x".repeat(9_000));
        let verdict = check.feed(reply.as_bytes(), &expected(200, None));
        let Verdict::Complete { answer: Err(wrong), .. } = verdict else { panic!("{verdict:?}") };
        assert!(wrong.excerpt.starts_with("HTTP/1.1 500 No"), "{}", wrong.excerpt);
        assert!(wrong.excerpt.len() < 500);
    }
}
