//! The chunked coding, decoded (RFC 9112, 7.1): byte by byte where it is framing, slices where it is data.
//!
//! Extensions and trailers are read and dropped: nobody here has a use for them, and a trailer that was
//! merged into the headers could overrule what was decided by them. Both are bounded together, or a body of
//! nothing could go on for ever.

use crate::error::{Error, Flaw};
use crate::fields::{is_text, is_token};

/// A decoder in the middle of a body.
#[derive(Debug)]
pub(crate) struct Chunked {
    state: State,
    /// What is left of the chunk's data; while its size is read, the size so far.
    left: u64,
    /// How many bytes of extensions and trailers may still come.
    overhead_left: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size {
        digits: u8,
    },
    /// Whitespace after the size, which only an extension may follow.
    Padding,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Done,
}

impl Chunked {
    /// `overhead` bounds extensions and trailers together.
    pub(crate) fn new(overhead: usize) -> Self {
        Self { state: State::Size { digits: 0 }, left: 0, overhead_left: overhead }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads as far as the body goes, hands its data to `sink`, and says how many bytes that took.
    /// `allowance` is what the body may still have, and is used up.
    ///
    /// # Errors
    /// [`Error::BodyTooLarge`] with a limit of zero (only the caller knows the whole), or what is malformed.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        allowance: &mut u64,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, Error> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            if self.state == State::Data {
                let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - at);
                sink(&bytes[at..at + take]);
                at += take;
                self.left -= take as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
            } else {
                self.state = self.step(bytes[at], allowance)?;
                at += 1;
            }
        }
        Ok(at)
    }

    fn step(&mut self, byte: u8, allowance: &mut u64) -> Result<State, Error> {
        Ok(match (self.state, byte) {
            (State::Size { digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 16 => {
                let digit = (byte as char).to_digit(16).expect("the pattern says so");
                // Sixteen digits are 64 bits, so nothing is shifted out.
                self.left = self.left << 4 | u64::from(digit);
                State::Size { digits: digits + 1 }
            }
            (State::Size { digits: 1.. }, b';') => State::Extension,
            (State::Size { digits: 1.. }, b' ' | b'\t') => State::Padding,
            (State::Size { digits: 1.. }, b'\r') => State::SizeLf,
            (State::Size { .. }, _) => return Err(Flaw::ChunkSize.into()),

            (State::Padding, b' ' | b'\t') => self.overhead(State::Padding)?,
            (State::Padding, b';') => State::Extension,
            (State::Padding, _) => return Err(Flaw::ChunkSize.into()),

            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, _) if is_text(byte) => self.overhead(State::Extension)?,
            (State::Extension, _) => return Err(Flaw::ChunkExtension.into()),

            (State::SizeLf, b'\n') if self.left == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => {
                *allowance = allowance.checked_sub(self.left).ok_or(Error::BodyTooLarge(0))?;
                State::Data
            }
            (State::SizeLf, _) => return Err(Flaw::ChunkSize.into()),

            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { digits: 0 },
            (State::DataCr | State::DataLf, _) => return Err(Flaw::ChunkEnd.into()),

            (State::TrailerStart, b'\r') => State::LastLf,
            (State::TrailerStart, _) if is_token(byte) => self.overhead(State::TrailerName)?,
            (State::TrailerName, b':') => self.overhead(State::TrailerValue)?,
            (State::TrailerName, _) if is_token(byte) => self.overhead(State::TrailerName)?,
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, _) if is_text(byte) => self.overhead(State::TrailerValue)?,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::LastLf, b'\n') => State::Done,
            (
                State::TrailerStart
                | State::TrailerName
                | State::TrailerValue
                | State::TrailerLf
                | State::LastLf,
                _,
            ) => return Err(Flaw::Trailer.into()),

            (State::Data | State::Done, _) => unreachable!("not a state of framing"),
        })
    }

    fn overhead(&mut self, next: State) -> Result<State, Error> {
        self.overhead_left = self.overhead_left.checked_sub(1).ok_or(Flaw::ChunkOverhead)?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and what follows it, fed whole and byte by byte, which must come to the same.
    fn decode(bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), Error> {
        let [whole, single] = [bytes.len().max(1), 1].map(|size| {
            let (mut decoder, mut allowance) = (Chunked::new(64), 1_000);
            let (mut body, mut used) = (Vec::new(), 0);
            for piece in bytes.chunks(size) {
                used += decoder.read(piece, &mut allowance, |data| body.extend_from_slice(data))?;
            }
            decoder.is_done().then(|| (body, &bytes[used..])).ok_or(Error::Cut)
        });
        assert_eq!(whole, single);
        whole
    }

    #[test]
    fn chunks_are_joined_and_what_follows_the_last_is_left() {
        for (sent, body, rest) in [
            ("0\r\n\r\n", "", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
            ("2\r\nhe\r\n003\r\nllo\r\n000\r\n\r\nGET", "hello", "GET"),
            ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""),
            ("1;a=b;c=\"d e\"\r\nx\r\n0;last\r\n\r\n", "x", ""),
            ("1 \t;a\r\nx\r\n0\r\n\r\n", "x", ""),
            ("1\r\nx\r\n0\r\ntrailer: is\r\ndropped:\r\n\r\n!", "x", "!"),
            ("3\r\n\r\n0\r\n0\r\n\r\n", "\r\n0", ""),
        ] {
            assert_eq!(decode(sent.as_bytes()), Ok((body.into(), rest.as_bytes())), "{sent:?}");
        }
    }

    #[test]
    fn anything_that_could_be_read_in_two_ways_is_refused() {
        for (sent, flaw) in [
            ("\r\n", Flaw::ChunkSize),
            ("x\r\n", Flaw::ChunkSize),
            ("-1\r\n", Flaw::ChunkSize),
            ("+1\r\n", Flaw::ChunkSize),
            ("0x1\r\n", Flaw::ChunkSize),
            ("1_0\r\n", Flaw::ChunkSize),
            (" 1\r\n", Flaw::ChunkSize),
            ("1 \r\n", Flaw::ChunkSize),
            ("1 1\r\n", Flaw::ChunkSize),
            (";a\r\n", Flaw::ChunkSize),
            ("1\nx\r\n", Flaw::ChunkSize),
            ("1\rx\r\n", Flaw::ChunkSize),
            ("00000000000000001\r\n", Flaw::ChunkSize),
            ("10000000000000000\r\n", Flaw::ChunkSize),
            ("1;a\nx\r\n0\r\n\r\n", Flaw::ChunkExtension),
            ("1;a\rb\r\n", Flaw::ChunkSize),
            ("1;a\0\r\n", Flaw::ChunkExtension),
            ("1\r\nxx\r\n", Flaw::ChunkEnd),
            ("1\r\nx\n0\r\n", Flaw::ChunkEnd),
            ("1\r\nx\r0\r\n", Flaw::ChunkEnd),
            ("0\r\n\n", Flaw::Trailer),
            ("0\r\n\r\r", Flaw::Trailer),
            ("0\r\nno colon\r\n", Flaw::Trailer),
            ("0\r\n folded: line\r\n", Flaw::Trailer),
            ("0\r\na : b\r\n", Flaw::Trailer),
            ("0\r\na: b\nc: d\r\n", Flaw::Trailer),
            ("0\r\na: \0\r\n", Flaw::Trailer),
        ] {
            assert_eq!(decode(sent.as_bytes()), Err(flaw.into()), "{sent:?}");
        }
    }

    #[test]
    fn a_size_beyond_the_allowance_is_refused_before_any_data_comes() {
        for size in ["3e9", "ffffffffffffffff", "8000000000000000"] {
            let sent = format!("{size}\r\n");
            assert_eq!(decode(sent.as_bytes()), Err(Error::BodyTooLarge(0)), "{size}");
        }
        assert_eq!(decode(b"3e7\r\n"), Err(Error::Cut), "999 bytes are allowed, only missing");
    }

    #[test]
    fn extensions_and_trailers_are_bounded_together() {
        let extension = |length| format!("1;{}\r\nx\r\n", "e".repeat(length));
        let many = extension(20).repeat(3) + "0\r\n\r\n";
        assert_eq!(decode(many.as_bytes()).unwrap().0, b"xxx");
        let long = extension(65);
        let many = extension(20).repeat(4);
        let mixed = extension(40) + "0\r\na: " + &"t".repeat(30);
        let padded = format!("1{}", " ".repeat(70));
        for sent in [long, many, mixed, padded] {
            assert_eq!(decode(sent.as_bytes()), Err(Flaw::ChunkOverhead.into()), "{sent:?}");
        }
    }
}
