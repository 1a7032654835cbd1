//! What the tests share: feeding bytes in pieces, and writing down what came of them.

#![allow(dead_code, clippy::allow_attributes, reason = "each test program uses its own part of this")]

use wire::{ClientConnection, Connection, Error, Limits, RequestHead, ResponseHead, ServerConnection};

/// Small, so that tests reach them.
pub(crate) const LIMITS: Limits = Limits { head_bytes: 512, body_bytes: 1_000 };

/// What a server learns from a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A request, all of it.
    Request { method: String, target: String, headers: Vec<(String, Vec<u8>)>, body: Vec<u8> },
    /// A head, then the part of its body that came before the error.
    BadBody { target: String, body: Vec<u8>, error: Error },
    /// No head. The last event, always.
    End(Error),
}

/// A byte sequence in pieces.
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Box<dyn Iterator<Item = usize> + 'a>,
}

impl<'a> Pieces<'a> {
    /// Pieces of the given sizes in turn, as long as there are bytes. A size of zero counts as one.
    pub(crate) fn cut(bytes: &'a [u8], sizes: &'a [usize]) -> Self {
        let sizes: &[usize] = if sizes.is_empty() { &[usize::MAX] } else { sizes };
        Self { bytes, sizes: Box::new(sizes.iter().copied().cycle()) }
    }

    /// Fills a connection's space with the next piece, or tells it that there are no more.
    pub(crate) fn feed(&mut self, connection: &mut impl Connection) {
        let space = connection.space();
        assert!(!space.is_empty(), "a read into nothing looks like the end");
        let size = self.sizes.next().unwrap().max(1).min(self.bytes.len()).min(space.len());
        let (now, later) = self.bytes.split_at(size);
        space[..size].copy_from_slice(now);
        connection.filled(size);
        self.bytes = later;
    }
}

/// Serves everything in `bytes`, answering 200 to each request; the events, and all that was sent.
pub(crate) fn serve(bytes: &[u8], sizes: &[usize]) -> (Vec<Event>, Vec<u8>) {
    let mut pieces = Pieces::cut(bytes, sizes);
    let mut http = ServerConnection::new(LIMITS);
    let mut head = RequestHead::default();
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    loop {
        match http.take_head(&mut head) {
            Ok(true) => events.push(request(&mut http, &head, &mut pieces)),
            Ok(false) => pieces.feed(&mut http),
            Err(error) => {
                events.push(Event::End(error));
                http.refuse(&error);
                sent.extend_from_slice(http.output());
                assert!(!http.is_open());
                return (events, sent);
            }
        }
        sent.extend_from_slice(http.output());
        http.sent();
    }
}

fn request(http: &mut ServerConnection, head: &RequestHead, pieces: &mut Pieces<'_>) -> Event {
    let (method, target) = (head.method().to_owned(), head.target().to_owned());
    let mut body = Vec::new();
    loop {
        match http.take_body(&mut body) {
            Ok(true) => {
                http.reply(200, NO_HEADERS, b"ok");
                let headers =
                    head.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                return Event::Request { method, target, headers, body };
            }
            Ok(false) => pieces.feed(http),
            Err(error) => {
                http.refuse(&error);
                return Event::BadBody { target, body, error };
            }
        }
    }
}

/// For replies without any.
pub(crate) const NO_HEADERS: &[(&str, &str)] = &[];

/// Reads one answer to `GET /`, in pieces; and whether the connection could be used again.
pub(crate) fn fetch(bytes: &[u8], sizes: &[usize]) -> (Result<(ResponseHead, Vec<u8>), Error>, bool) {
    let mut pieces = Pieces::cut(bytes, sizes);
    let mut http = ClientConnection::new(LIMITS);
    http.get("/", "localhost").unwrap();
    http.sent();
    let answer = answer(&mut http, &mut pieces);
    (answer, http.is_reusable())
}

/// The answer to the request that was just queued.
pub(crate) fn answer(
    http: &mut ClientConnection,
    pieces: &mut Pieces<'_>,
) -> Result<(ResponseHead, Vec<u8>), Error> {
    let (mut head, mut body) = (ResponseHead::default(), Vec::new());
    while !http.take_head(&mut head)? {
        pieces.feed(http);
    }
    while !http.take_body(&mut body)? {
        pieces.feed(http);
    }
    Ok((head, body))
}

/// The statuses of all replies in what a server sent, interim ones included.
pub(crate) fn statuses(sent: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(sent);
    // The text of a refusal may name the version too, but no status after it.
    text.split("HTTP/1.1 ").skip(1).filter_map(|reply| reply.get(..3)?.parse().ok()).collect()
}
