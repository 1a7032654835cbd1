//! Where a body ends, and reading up to there (RFC 9112, 6.3).

use crate::Limits;
use crate::buffer::Buffer;
use crate::chunked::Chunked;
use crate::error::Error;

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `content-length`, or zero for a message that says nothing.
    Length(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
    /// Responses only: by closing.
    UntilClose,
}

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct Body {
    left: Left,
    limit: u64,
    allowance: u64,
}

/// What is still to come.
#[derive(Debug)]
enum Left {
    Bytes(u64),
    Chunks(Chunked),
    UntilClose,
    /// Nobody knows: nothing of it can be read any more.
    Lost(Error),
}

impl Body {
    pub(crate) fn new(framing: Framing, limits: Limits) -> Self {
        let left = match framing {
            Framing::Length(bytes) => Left::Bytes(bytes),
            Framing::Chunked => Left::Chunks(Chunked::new(limits.head_bytes)),
            Framing::UntilClose => Left::UntilClose,
        };
        Self { left, limit: limits.body_bytes, allowance: limits.body_bytes }
    }

    /// The body of a message whose head was refused.
    pub(crate) fn lost(error: Error) -> Self {
        Self { left: Left::Lost(error), limit: 0, allowance: 0 }
    }

    /// Hands what has come to `sink`; true when that was all of it.
    ///
    /// # Errors
    /// Too large, malformed, or cut off. The same error again, when it is called again.
    pub(crate) fn read(&mut self, input: &mut Buffer, sink: impl FnMut(&[u8])) -> Result<bool, Error> {
        let done = self.advance(input, sink).and_then(|done| match done {
            false if input.ended() => Err(Error::Cut),
            done => Ok(done),
        });
        done.inspect_err(|&error| self.left = Left::Lost(error))
    }

    fn advance(&mut self, input: &mut Buffer, mut sink: impl FnMut(&[u8])) -> Result<bool, Error> {
        let too_large = Error::BodyTooLarge(self.limit);
        match &mut self.left {
            // Refused before any of it is read: whoever announces 30 GB need not send them.
            Left::Bytes(left) if *left > self.allowance => Err(too_large),
            Left::Bytes(left) => {
                let take = up_to(*left, input.unread());
                sink(&input.unread()[..take]);
                input.consume(take);
                *left -= take as u64;
                self.allowance -= take as u64;
                Ok(*left == 0)
            }
            Left::Chunks(chunks) => {
                let used = chunks.read(input.unread(), &mut self.allowance, sink);
                input.consume(used.map_err(|error| match error {
                    Error::BodyTooLarge(_) => too_large,
                    error => error,
                })?);
                Ok(chunks.is_done())
            }
            Left::UntilClose => {
                let take = up_to(self.allowance, input.unread());
                sink(&input.unread()[..take]);
                input.consume(take);
                self.allowance -= take as u64;
                if input.is_empty() { Ok(input.ended()) } else { Err(too_large) }
            }
            Left::Lost(error) => Err(*error),
        }
    }

    /// True when nothing is missing.
    pub(crate) fn is_done(&self) -> bool {
        match &self.left {
            Left::Bytes(left) => *left == 0,
            Left::Chunks(chunks) => chunks.is_done(),
            Left::UntilClose | Left::Lost(_) => false,
        }
    }

    /// How much room makes sense to read the rest: all of a small body at once, a large one in large pieces.
    pub(crate) fn room(&self) -> usize {
        match &self.left {
            Left::Bytes(left) => usize::try_from(*left).unwrap_or(READ_BYTES).min(READ_BYTES),
            Left::Chunks(_) | Left::UntilClose => READ_BYTES / 4,
            Left::Lost(_) => 0,
        }
    }
}

/// A large body is read in pieces of this size.
const READ_BYTES: usize = 16 * 1024;

fn up_to(most: u64, bytes: &[u8]) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len())
}
