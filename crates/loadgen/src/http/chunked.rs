//! The chunked coding, byte by byte: RFC 9112, section 7.1.

use super::decoder::take;
use super::{Malformed, Step};

/// Progress through a chunked body.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// Of the chunk whose size line is being read, or what is left of the one whose data is.
    size: u64,
    digits: u8,
    /// Bytes of extensions and trailers so far: read over, but not without bound.
    ignored: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    EndLf,
    Done,
}

const MAX_IGNORED_BYTES: usize = 16 * 1024;
/// 60 bits: more than any body has, and no overflow.
const MAX_SIZE_DIGITS: u8 = 15;

impl Chunked {
    pub(super) fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, Malformed> {
        loop {
            if matches!(self.state, State::Done) {
                return Ok(Step::End);
            }
            if input.is_empty() {
                return Ok(Step::More);
            }
            if matches!(self.state, State::Data) {
                let here = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len());
                self.size -= here as u64;
                if self.size == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Step::Body(take(input, here)));
            }
            let byte = take(input, 1)[0];
            self.state = self.after(byte)?;
        }
    }

    /// The state after a byte that is not data.
    fn after(&mut self, byte: u8) -> Result<State, Malformed> {
        Ok(match (&self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digits += 1;
                if self.digits > MAX_SIZE_DIGITS {
                    return Err(Malformed("a chunk size beyond reason"));
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                State::Size
            }
            (State::Size, b'\r') if self.digits > 0 => State::SizeLf,
            (State::Size, b';' | b' ' | b'\t') if self.digits > 0 => State::Extension,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, _) if byte != b'\n' => {
                self.ignore()?;
                State::Extension
            }
            (State::SizeLf, b'\n') if self.size == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.digits = 0;
                State::Size
            }
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::Trailer, b'\n') => State::TrailerStart,
            (State::TrailerStart | State::Trailer, _) if byte != b'\n' => {
                self.ignore()?;
                State::Trailer
            }
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(Malformed("a chunk that is not framed as one")),
        })
    }

    fn ignore(&mut self) -> Result<(), Malformed> {
        self.ignored += 1;
        if self.ignored > MAX_IGNORED_BYTES {
            return Err(Malformed("more than 16 KiB of chunk extensions and trailers"));
        }
        Ok(())
    }
}
