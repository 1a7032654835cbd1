//! Every way in which a message is refused, with the status that a server owes for it.

use std::fmt;

/// Why there is no message, or no more of it.
///
/// A server answers with [`Error::status`] and closes; a client throws the connection away. Neither can
/// go on: after a bad message nobody knows where the next one starts, and guessing is how request
/// smuggling works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The other side closed, and no message is cut: the usual end of a connection. For a client that
    /// waits for an answer: not a byte of it came, so a `GET` may be sent again elsewhere.
    Closed,
    /// The other side closed in the middle of a message.
    Cut,
    /// Time ran out before the message was complete. Never made here (there is no clock in a codec); it is
    /// for whoever owns the socket, to refuse with.
    TimedOut,
    /// Not HTTP/1.x, or HTTP that could be read in two ways.
    Malformed(Flaw),
    /// The request line alone is longer than [`crate::Limits::head_bytes`].
    TargetTooLong(usize),
    /// The head is longer than [`crate::Limits::head_bytes`].
    HeadTooLarge(usize),
    /// The head has more header lines than [`crate::MAX_HEADERS`].
    TooManyHeaders,
    /// The body is longer than [`crate::Limits::body_bytes`].
    BodyTooLarge(u64),
    /// `expect` asks for something other than `100-continue`.
    UnknownExpectation,
    /// A transfer coding other than `chunked`, or more than one.
    UnknownCoding,
    /// A version of HTTP that is not 1.0 or 1.1.
    UnknownVersion,
}

/// What is wrong with a malformed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The first line is not that of a request (or of a response, for a client).
    StartLine,
    /// The request target has bytes outside ASCII.
    Target,
    /// A header name has a byte that no name may have. Whitespace before the colon and folded lines
    /// (RFC 9112, 5.1 and 5.2) end up here as well.
    HeaderName,
    /// A control character in a header value, NUL and a lone CR among them (RFC 9110, 5.5).
    HeaderValue,
    /// A line that does not end with CR LF. A reader may take LF alone (RFC 9112, 2.2), but a proxy in
    /// front that does not would see another message. Something behind the version ends up here as well.
    LineEnding,
    /// HTTP/1.1 without `host` (RFC 9112, 3.2).
    HostMissing,
    /// More than one `host`.
    HostRepeated,
    /// A `host` that is no host.
    HostInvalid,
    /// `content-length` is anything but digits, or does not fit 64 bits.
    LengthInvalid,
    /// `content-length` more than once. Equal values could be merged (RFC 9112, 6.3); no sender that
    /// works does this, so they are refused as well.
    LengthRepeated,
    /// `content-length` and `transfer-encoding`: two answers to where the body ends.
    LengthAndCoding,
    /// `transfer-encoding` in HTTP/1.0, which has none (RFC 9112, 6.1).
    CodingInHttp10,
    /// A chunk's size is not 1 to 16 hexadecimal digits, or something odd follows them.
    ChunkSize,
    /// A control character in a chunk extension.
    ChunkExtension,
    /// The data of a chunk is not followed by CR LF.
    ChunkEnd,
    /// A trailer line that is no header line.
    Trailer,
    /// Chunk extensions and trailers, which nobody reads, are longer than a head may be.
    ChunkOverhead,
    /// A switch of protocols that nobody asked for, or interim responses without end.
    Interim,
}

impl Error {
    /// The status that a server refuses with; `None` when there is nobody left to hear it.
    pub fn status(&self) -> Option<u16> {
        Some(match self {
            Self::Closed | Self::Cut => return None,
            Self::Malformed(_) => 400,
            Self::TimedOut => 408,
            Self::BodyTooLarge(_) => 413,
            Self::TargetTooLong(_) => 414,
            Self::UnknownExpectation => 417,
            Self::HeadTooLarge(_) | Self::TooManyHeaders => 431,
            Self::UnknownCoding => 501,
            Self::UnknownVersion => 505,
        })
    }
}

impl fmt::Display for Error {
    /// One sentence without quotes or line breaks, so that it can stand in JSON as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::Cut => f.write_str("the connection was closed in the middle of a message"),
            Self::TimedOut => f.write_str("the message was not complete in time"),
            Self::Malformed(flaw) => flaw.fmt(f),
            Self::TargetTooLong(limit) => write!(f, "the request line may have {limit} bytes at most"),
            Self::HeadTooLarge(limit) => write!(f, "the head may have {limit} bytes at most"),
            Self::TooManyHeaders => write!(f, "the head may have {} lines at most", crate::MAX_HEADERS),
            Self::BodyTooLarge(limit) => write!(f, "the body may have {limit} bytes at most"),
            Self::UnknownExpectation => f.write_str("the only known expectation is 100-continue"),
            Self::UnknownCoding => f.write_str("the only known transfer coding is chunked, once"),
            Self::UnknownVersion => f.write_str("the only known versions are HTTP/1.0 and HTTP/1.1"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartLine => "the first line is not HTTP/1.x",
            Self::Target => "the request target must be ASCII, percent-encoded where needed",
            Self::HeaderName => "a header line needs a name, directly followed by a colon, on one line",
            Self::HeaderValue => "a header value must not have control characters",
            Self::LineEnding => "lines end with CR LF, and with nothing else",
            Self::HostMissing => "HTTP/1.1 needs a host header",
            Self::HostRepeated => "there is more than one host header",
            Self::HostInvalid => "the host header is not a host",
            Self::LengthInvalid => "content-length must be one decimal number",
            Self::LengthRepeated => "there is more than one content-length header",
            Self::LengthAndCoding => "content-length and transfer-encoding exclude each other",
            Self::CodingInHttp10 => "HTTP/1.0 has no transfer-encoding",
            Self::ChunkSize => "a chunk starts with its size, 1 to 16 hexadecimal digits",
            Self::ChunkExtension => "a chunk extension must not have control characters",
            Self::ChunkEnd => "the data of a chunk is not followed by CR LF",
            Self::Trailer => "a trailer line is not a header line",
            Self::ChunkOverhead => "chunk extensions and trailers are longer than a head may be",
            Self::Interim => "an interim response is not one that a GET can have",
        })
    }
}

impl std::error::Error for Error {}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        Self::Malformed(flaw)
    }
}
