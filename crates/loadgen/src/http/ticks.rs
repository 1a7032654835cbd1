//! A reply that does not end: is it the stream of ticks that was asked for?
//!
//! Each tick is an event of that name with `{"n":1}` for its data, counting up from 1. Nothing may be missing
//! or come twice, which is why their number says all there is to say about them.

use serde::Deserialize;

use super::check::excerpt;
use super::decoder::Decoder;
use super::events::Events;
use super::{Malformed, Step};
use crate::protocol::Failure;

/// Reads a stream of ticks.
#[derive(Debug)]
pub(crate) struct Ticks {
    decoder: Decoder,
    events: Events,
    expected_status: u16,
    is_open: bool,
    heard: u64,
}

/// Why a stream is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) failure: Failure,
    /// What came instead of a tick, where something did.
    pub(crate) excerpt: Option<Box<str>>,
}

/// What a tick carries.
#[derive(Deserialize)]
struct Data {
    n: u64,
}

impl Ticks {
    pub(crate) fn new(expected_status: u16) -> Self {
        let (decoder, events) = (Decoder::new(false), Events::default());
        Self { decoder, events, expected_status, is_open: false, heard: 0 }
    }

    /// The server has begun to answer, with the expected status.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Ticks so far, each the number after the one before.
    pub(crate) fn heard(&self) -> u64 {
        self.heard
    }

    /// Takes the bytes of one read.
    ///
    /// # Errors
    /// When the stream is wrong or has ended. What it said before that counts.
    pub(crate) fn feed(&mut self, read: &[u8]) -> Result<(), Lost> {
        let mut rest = read;
        loop {
            let step = self.decoder.step(&mut rest).map_err(|malformed| Lost::protocol(&malformed, read))?;
            match step {
                Step::More => return Ok(()),
                Step::Head { status } if status != self.expected_status => {
                    if status == 503 && self.decoder.has_retry_after() {
                        return Err(Lost { failure: Failure::Shed, excerpt: None });
                    }
                    return Err(Lost { failure: Failure::Status, excerpt: Some(excerpt("", read)) });
                }
                Step::Head { .. } => self.is_open = true,
                Step::Body(piece) => self.listen(piece)?,
                // After a tick it is a stream that the server has ended; before one it never was a stream.
                Step::End if self.heard > 0 => return Err(Lost::RESET),
                Step::End => return Err(Lost::wrong_body("the reply ended without a tick: ", read)),
            }
        }
    }

    fn listen(&mut self, piece: &[u8]) -> Result<(), Lost> {
        let heard = &mut self.heard;
        self.events.feed(piece, |name, data| {
            if name != b"tick" {
                return Ok(());
            }
            let next = *heard + 1;
            match serde_json::from_slice(data) {
                Ok(Data { n }) if n == next => *heard = n,
                Ok(Data { .. }) => return Err(Lost::wrong_body(&format!("not tick {next} but "), data)),
                Err(_) => return Err(Lost::wrong_body("a tick without a number: ", data)),
            }
            Ok(())
        })
    }
}

impl Lost {
    /// The connection has ended, or the server has ended the stream.
    pub(crate) const RESET: Self = Self { failure: Failure::Reset, excerpt: None };

    pub(crate) fn wrong_body(what: &str, bytes: &[u8]) -> Self {
        Self { failure: Failure::WrongBody, excerpt: Some(excerpt(what, bytes)) }
    }

    fn protocol(malformed: &Malformed, bytes: &[u8]) -> Self {
        let place = format!("{}: ", malformed.0);
        Self { failure: Failure::Protocol, excerpt: Some(excerpt(&place, bytes)) }
    }
}

impl From<Malformed> for Lost {
    fn from(malformed: Malformed) -> Self {
        Self::protocol(&malformed, b"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

    fn chunk(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    fn tick(n: u64) -> String {
        format!("event: tick\ndata: {{\"n\":{n}}}\n\n")
    }

    /// Feeds a reply in pieces of every size and demands the same each time: ticks, and how it ended.
    fn read(reply: &str) -> (u64, Option<Failure>) {
        let outcomes = (1..=reply.len()).map(|size| {
            let mut ticks = Ticks::new(200);
            let lost = reply.as_bytes().chunks(size).find_map(|piece| ticks.feed(piece).err());
            (ticks.heard(), lost.map(|lost| lost.failure))
        });
        let outcomes: Vec<_> = outcomes.collect();
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        outcomes[0]
    }

    #[test]
    fn ticks_are_counted_however_they_are_cut_into_chunks_and_reads() {
        let whole: String = (1..=12).map(tick).collect();
        for size in 1..whole.len() {
            let chunks = whole.as_bytes().chunks(size);
            let body: String = chunks.map(|piece| chunk(std::str::from_utf8(piece).unwrap())).collect();
            let mut ticks = Ticks::new(200);
            for byte in format!("{HEAD}{body}").as_bytes() {
                ticks.feed(&[*byte]).unwrap();
            }
            assert_eq!(ticks.heard(), 12, "chunks of {size}");
        }
    }

    #[test]
    fn other_events_and_comments_between_ticks_do_not_matter() {
        let other = chunk(": still here\n\nevent: tock\ndata: 7\n\ndata: 8\n\n");
        let body: String = (1..=3).map(|n| chunk(&tick(n)) + &other).collect();
        assert_eq!(read(&format!("{HEAD}{body}")), (3, None));
        assert_eq!(read(&format!("HTTP/1.1 200 OK\r\n\r\n{}{}", tick(1), tick(2))), (2, None), "no framing");
    }

    #[test]
    fn a_number_that_is_skipped_or_repeated_is_a_wrong_body_and_what_came_before_counts() {
        for numbers in [&[1, 2, 4][..], &[1, 2, 2], &[1, 2, 1]] {
            let body: String = numbers.iter().map(|n| chunk(&tick(*n))).collect();
            assert_eq!(read(&format!("{HEAD}{body}")), (2, Some(Failure::WrongBody)), "{numbers:?}");
        }
        assert_eq!(read(&format!("{HEAD}{}", chunk(&tick(2)))), (0, Some(Failure::WrongBody)));
        let without = chunk("event: tick\ndata: now\n\n");
        assert_eq!(read(&format!("{HEAD}{without}")), (0, Some(Failure::WrongBody)));
    }

    #[test]
    fn what_is_no_stream_says_what_came() {
        let lost = |reply: &str| Ticks::new(200).feed(reply.as_bytes()).unwrap_err();
        let hello = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(read(hello), (0, Some(Failure::WrongBody)));
        assert!(lost(hello).excerpt.unwrap().contains("without a tick"));
        let busy = lost("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(busy.failure, Failure::Status);
        assert!(busy.excerpt.unwrap().starts_with("HTTP/1.1 503"));
        assert_eq!(lost("SSH-2.0\r\n").failure, Failure::Protocol);
        assert_eq!(lost(&format!("{HEAD}x\r\n")).failure, Failure::Protocol);
        let endless = format!("{HEAD}{}", chunk(&"x".repeat(70_000)));
        assert_eq!(lost(&endless).failure, Failure::Protocol);
    }

    #[test]
    fn a_stream_that_the_server_ends_is_as_good_as_cut() {
        let body = chunk(&tick(1)) + "0\r\n\r\n";
        assert_eq!(read(&format!("{HEAD}{body}")), (1, Some(Failure::Reset)));
    }
}
