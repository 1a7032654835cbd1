//! The head of a request, as a server reads it: RFC 9112, 2 to 6, in its strict reading.

use std::mem::MaybeUninit;
use std::ops::Range;

use httparse::{Request, Status};

use crate::body::Framing;
use crate::error::{Error, Flaw};
use crate::fields::{Fields, MAX_HEADERS, Said, parser_error, range};

/// A request without its body. One value serves a whole connection: its memory is used for each head anew.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    fields: Fields,
    method: Range<usize>,
    target: Range<usize>,
}

impl RequestHead {
    /// As sent; methods are case-sensitive. Empty when no request was read.
    pub fn method(&self) -> &str {
        self.fields.text(&self.method)
    }

    /// As sent: ASCII without spaces, percent-encoded, in any of the forms of RFC 9112, 3.2.
    pub fn target(&self) -> &str {
        self.fields.text(&self.target)
    }

    /// The value of the first header line of this name, in any case; `None` also when it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// All header lines in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        (self.method, self.target) = (0..0, 0..0);
    }

    /// Reads a head that is whole, blank line included.
    pub(crate) fn parse(&mut self, text: &[u8]) -> Result<Asked, Error> {
        let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = Request::new(&mut []);
        match request.parse_with_uninit_headers(text, &mut lines) {
            Ok(Status::Complete(length)) if length == text.len() => {}
            Ok(_) => return Err(Flaw::StartLine.into()),
            Err(httparse::Error::Version) if names_other_version(text) => return Err(Error::UnknownVersion),
            Err(error) => return Err(parser_error(error)),
        }
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(Flaw::StartLine.into());
        };
        if !target.is_ascii() {
            return Err(Flaw::Target.into());
        }
        let asked = Asked::by(method, request.version == Some(0), &Said::by(request.headers)?)?;
        (self.method, self.target) = (range(text, method.as_bytes()), range(text, target.as_bytes()));
        self.fields.load(text, request.headers);
        Ok(asked)
    }
}

/// What the rest of the exchange depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) framing: Framing,
    pub(crate) http10: bool,
    /// `HEAD`: the reply ends after its head.
    pub(crate) head_only: bool,
    /// The client lets the connection stay open.
    pub(crate) stays: bool,
    /// The client sends the body when it is told to.
    pub(crate) expects_continue: bool,
}

impl Asked {
    /// Where there was no request: whatever is said, is said last.
    pub(crate) const NOTHING: Self = Self {
        framing: Framing::Length(0),
        http10: false,
        head_only: false,
        stays: false,
        expects_continue: false,
    };

    fn by(method: &str, http10: bool, said: &Said<'_>) -> Result<Self, Error> {
        match said.host {
            Some(host) if !is_host(host) => return Err(Flaw::HostInvalid.into()),
            None if !http10 => return Err(Flaw::HostMissing.into()),
            _ => {}
        }
        let framing = match (said.coding, said.length) {
            (Some(_), _) if http10 => return Err(Flaw::CodingInHttp10.into()),
            (Some(false), _) => return Err(Error::UnknownCoding),
            (Some(true), _) => Framing::Chunked,
            (None, length) => Framing::Length(length.unwrap_or(0)),
        };
        // HTTP/1.0 knows no expectations: ignored there (RFC 9110, 10.1.1).
        let expect = said.expect.filter(|_| !http10);
        if expect == Some(false) {
            return Err(Error::UnknownExpectation);
        }
        let (head_only, stays) = (method == "HEAD", said.stays(http10));
        Ok(Self { framing, http10, head_only, stays, expects_continue: expect.is_some() })
    }
}

/// Whether the value of a `host` header may be a name or an address, with or without a port (RFC 3986, 3.2.2
/// and 3.2.3): enough to keep out lists, paths and user names.
pub fn is_host(value: &[u8]) -> bool {
    value.iter().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'$'..=b'+' | b'-' | b'.' | b':' | b';' | b'=' | b'[' | b']' | b'_' | b'~'
            )
    })
}

/// Whether this is a request line of another version; anything else is not HTTP.
fn names_other_version(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    let version =
        matches!(words.next(), Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']));
    version && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_kept_as_it_was_sent() {
        let text =
            b"POST /echo?q=1 HTTP/1.1\r\nHost: a:80\r\nX-Odd:\r\nX-Raw: \xff\r\nA:  b \t\r\na: c\r\n\r\n";
        let mut head = RequestHead::default();
        head.parse(text).unwrap();
        assert_eq!((head.method(), head.target()), ("POST", "/echo?q=1"));
        assert_eq!(head.header("host"), Some("a:80"));
        assert_eq!(head.header("x-odd"), Some(""));
        assert_eq!(head.header("x-raw"), None, "not UTF-8");
        assert_eq!(head.header("A"), Some("b"), "the first of two, without the space around it");
        assert_eq!(head.header("missing"), None);
        assert_eq!(head.headers().nth(2), Some(("X-Raw", b"\xff".as_slice())));
        head.clear();
        assert_eq!((head.method(), head.target(), head.headers().count()), ("", "", 0));
    }

    #[test]
    fn hosts_are_names_or_addresses_with_ports() {
        let signs: Vec<u8> =
            (0..=255).filter(|&b: &u8| is_host(&[b]) && !b.is_ascii_alphanumeric()).collect();
        assert_eq!(signs, b"!$%&'()*+-.:;=[]_~");
    }

    #[test]
    fn sixty_four_headers_are_taken_and_one_more_is_not() {
        let head = |lines| format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(lines));
        assert!(RequestHead::default().parse(head(MAX_HEADERS - 1).as_bytes()).is_ok());
        let error = RequestHead::default().parse(head(MAX_HEADERS).as_bytes()).unwrap_err();
        assert_eq!(error, Error::TooManyHeaders);
    }

    #[test]
    fn a_connection_stays_unless_somebody_says_otherwise() {
        for (version, connection, stays) in [
            (1, "", true),
            (1, "connection: keep-alive\r\n", true),
            (1, "connection: Close\r\n", false),
            (1, "connection: x, close ,y\r\n", false),
            (1, "connection: keep-alive\r\nconnection: close\r\n", false),
            (1, "connection: closed\r\n", true),
            (0, "", false),
            (0, "connection: Keep-Alive\r\n", true),
            (0, "connection: keep-alive, close\r\n", false),
        ] {
            let text = format!("GET / HTTP/1.{version}\r\nhost: a\r\n{connection}\r\n");
            let asked = RequestHead::default().parse(text.as_bytes()).unwrap();
            assert_eq!(asked.stays, stays, "{text}");
        }
    }
}
