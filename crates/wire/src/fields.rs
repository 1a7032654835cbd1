//! What the heads of requests and responses have in common: finding their end, and their header lines.

use std::ops::Range;

use httparse::Header;

use crate::error::{Error, Flaw};

/// A head has at most so many header lines; a browser sends about twenty.
pub const MAX_HEADERS: usize = 64;

/// Finds the end of a head in bytes that come bit by bit.
///
/// `httparse` starts anew with every call, which a sender of single bytes could turn into quadratic work,
/// and takes lines that end with LF alone. So lines are found here, each byte looked at once, and the
/// parser runs once per head.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Everything before this was looked at.
    checked: usize,
    /// Where the current line starts.
    line: usize,
}

impl Scan {
    /// The length of the head that `bytes` start with, blank line included; `None` while it is not whole.
    /// `bytes` must start with the same ones each time.
    ///
    /// # Errors
    /// For the first thing that is wrong, in the order of the bytes: so it does not matter how they are cut.
    pub(crate) fn end(&mut self, bytes: &[u8], limit: usize) -> Result<Option<usize>, Error> {
        // Says no to TLS and the like at once: their first bytes may hold no line at all.
        if bytes.first().is_some_and(|&first| !is_token(first)) {
            return Err(Flaw::StartLine.into());
        }
        let within = &bytes[..bytes.len().min(limit)];
        while let Some(at) = memchr::memchr(b'\n', &within[self.checked..]) {
            let lf = self.checked + at;
            if !within[..lf].ends_with(b"\r") {
                return Err(Flaw::LineEnding.into());
            }
            let is_blank = lf - 1 == self.line;
            (self.checked, self.line) = (lf + 1, lf + 1);
            if is_blank {
                return Ok(Some(lf + 1));
            }
        }
        self.checked = within.len();
        match bytes.len() < limit {
            true => Ok(None),
            false if self.line == 0 => Err(Error::TargetTooLong(limit)),
            false => Err(Error::HeadTooLarge(limit)),
        }
    }
}

/// A head's text and where its lines are in it. The memory is used again for the next head.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    text: Vec<u8>,
    lines: Vec<(Range<usize>, Range<usize>)>,
}

impl Fields {
    /// Takes a head over. `headers` are the parser's, and point into `text`.
    pub(crate) fn load(&mut self, text: &[u8], headers: &[Header<'_>]) {
        self.clear();
        self.text.extend_from_slice(text);
        let lines = headers.iter().map(|line| (range(text, line.name.as_bytes()), range(text, line.value)));
        self.lines.extend(lines);
    }

    pub(crate) fn clear(&mut self) {
        crate::buffer::clear(&mut self.text);
        self.lines.clear();
    }

    /// A part of the text that was checked to be ASCII when it was parsed.
    pub(crate) fn text(&self, range: &Range<usize>) -> &str {
        std::str::from_utf8(&self.text[range.clone()]).expect("checked when it was parsed")
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|(name, value)| (self.text(name), &self.text[value.clone()]))
    }
}

/// Where `part` lies within `whole`.
pub(crate) fn range(whole: &[u8], part: &[u8]) -> Range<usize> {
    // An empty part may have an address anywhere.
    if part.is_empty() {
        return 0..0;
    }
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// What the lines of a head say about where its body ends and whether the connection stays.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    pub(crate) length: Option<u64>,
    /// There is a `transfer-encoding`, and whether it is `chunked` and nothing else.
    pub(crate) coding: Option<bool>,
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) host: Option<&'a [u8]>,
    /// There is an `expect`, and whether it is `100-continue` and nothing else.
    pub(crate) expect: Option<bool>,
}

impl<'a> Said<'a> {
    /// # Errors
    /// For lengths and hosts that are no such thing, or come twice, and for a length with a coding.
    pub(crate) fn by(headers: &[Header<'a>]) -> Result<Self, Error> {
        let mut said = Self::default();
        for &Header { name, value } in headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            match name.len() {
                4 if is("host") => once(&mut said.host, value, Flaw::HostRepeated)?,
                6 if is("expect") => {
                    let known = value.eq_ignore_ascii_case(b"100-continue");
                    said.expect = Some(known && said.expect != Some(false));
                }
                10 if is("connection") => said.connection(value),
                14 if is("content-length") => once(&mut said.length, length(value)?, Flaw::LengthRepeated)?,
                17 if is("transfer-encoding") => {
                    let first = said.coding.is_none();
                    said.coding = Some(first && value.eq_ignore_ascii_case(b"chunked"));
                }
                _ => {}
            }
        }
        if said.length.is_some() && said.coding.is_some() {
            return Err(Flaw::LengthAndCoding.into());
        }
        Ok(said)
    }

    fn connection(&mut self, options: &[u8]) {
        for option in options.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Whether the sender lets the connection stay open (RFC 9112, 9.3).
    pub(crate) fn stays(&self, http10: bool) -> bool {
        !self.close && (!http10 || self.keep_alive)
    }
}

fn once<T>(slot: &mut Option<T>, value: T, again: Flaw) -> Result<(), Flaw> {
    slot.replace(value).map_or(Ok(()), |_| Err(again))
}

/// Digits and nothing else: no sign, no list, no space (RFC 9110, 8.6).
fn length(value: &[u8]) -> Result<u64, Flaw> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Flaw::LengthInvalid)
}

/// What went wrong in the parser, except with the version, which requests and responses see differently.
pub(crate) fn parser_error(error: httparse::Error) -> Error {
    use httparse::Error as E;
    match error {
        E::HeaderName => Flaw::HeaderName.into(),
        E::HeaderValue => Flaw::HeaderValue.into(),
        E::NewLine => Flaw::LineEnding.into(),
        E::TooManyHeaders => Error::TooManyHeaders,
        E::Status | E::Token | E::Version => Flaw::StartLine.into(),
    }
}

/// The bytes of names and methods (RFC 9110, 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// The bytes of header values: everything but control characters, of which only the tab is let through.
pub(crate) fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_found_however_it_is_cut() {
        let head = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        let bytes = [head.as_slice(), b"more\r\n\r\n"].concat();
        assert_eq!(Scan::default().end(&bytes, 100), Ok(Some(head.len())));
        let mut scan = Scan::default();
        for length in 0..head.len() {
            assert_eq!(scan.end(&bytes[..length], 100), Ok(None));
        }
        assert_eq!(scan.end(&bytes[..head.len()], 100), Ok(Some(head.len())));
    }

    #[test]
    fn a_head_may_have_exactly_its_limit() {
        let head = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        let end = |limit| Scan::default().end(head, limit);
        assert_eq!(end(head.len()), Ok(Some(head.len())));
        assert_eq!(end(head.len() - 1), Err(Error::HeadTooLarge(head.len() - 1)));
        assert_eq!(end(10), Err(Error::TargetTooLong(10)));
        let full = Scan::default().end(&head[..10], 10);
        assert_eq!(full, Err(Error::TargetTooLong(10)), "nothing that could come would help");
    }

    #[test]
    fn tokens_are_made_of_letters_digits_and_fifteen_signs() {
        let signs: Vec<u8> = (0..=255).filter(|&b: &u8| is_token(b) && !b.is_ascii_alphanumeric()).collect();
        assert_eq!(signs, b"!#$%&'*+-.^_`|~");
        assert_eq!((0..=255).filter(|&byte| is_token(byte)).count(), 77);
    }

    #[test]
    fn a_length_is_digits_and_fits() {
        assert_eq!(length(b"0"), Ok(0));
        assert_eq!(length(b"0017"), Ok(17));
        assert_eq!(length(b"18446744073709551615"), Ok(u64::MAX));
        for bad in
            ["", "+5", "-5", "0x5", "5,5", "5, 5", "5 5", "5.0", "1e3", "\u{665}", "18446744073709551616"]
        {
            assert_eq!(length(bad.as_bytes()), Err(Flaw::LengthInvalid), "{bad}");
        }
    }

    #[test]
    fn a_part_is_found_where_it_is_and_an_empty_one_anywhere() {
        let whole = b"abc";
        assert_eq!(range(whole, &whole[1..3]), 1..3);
        assert!(range(whole, &[]).is_empty());
    }
}
