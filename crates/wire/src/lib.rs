//! HTTP/1.1 without I/O: bytes in, requests out; replies in, bytes out.
//!
//! The bare rungs of the ladder are one program in three forms, with threads or with tasks. What they share
//! is here, and it knows neither: no socket, no clock but the calendar's for `date`, no `async`. Whoever owns
//! a socket moves bytes between it and a [`Connection`]:
//!
//! ```
//! use wire::{Connection, Error, Limits, RequestHead, ServerConnection};
//!
//! let (mut http, mut head) = (ServerConnection::new(Limits::default()), RequestHead::default());
//! // In place of a socket: a request in two pieces, then the end.
//! let mut pieces = ["GET /hello HTTP/1.1\r\nho", "st: localhost\r\n\r\n", ""].into_iter();
//! let mut answered = 0;
//! while http.is_open() {
//!     match http.take_head(&mut head) {
//!         Ok(true) => http.reply(200, &[("content-type", "text/plain")], b"hello"),
//!         Ok(false) => {
//!             let piece = pieces.next().unwrap();
//!             http.space()[..piece.len()].copy_from_slice(piece.as_bytes());
//!             http.filled(piece.len());
//!         }
//!         Err(error) => http.refuse(&error),
//!     }
//!     if !http.output().is_empty() {
//!         assert!(http.output().starts_with(b"HTTP/1.1 200 OK\r\n"));
//!         answered += 1;
//!         http.sent();
//!     }
//! }
//! assert_eq!((head.target(), answered), ("", 1));
//! ```
//!
//! `examples/hello.rs` is the same with a socket. The parts: `server.rs` and `client.rs` are the two sides of a
//! connection, `request.rs` and `response.rs` their heads, `fields.rs` what heads have in common, `body.rs` and
//! `chunked.rs` where bodies end, `encode.rs` the way out, `error.rs` every way to say no.
//!
//! # What is refused
//!
//! Two programs that read the same bytes as different requests are how a request is smuggled past the first of
//! them (RFC 9112, 11.2). So wherever the standard lets a reader guess, this one refuses and closes:
//! [`Flaw`] lists what, `tests/smuggling.rs` shows it.
//!
//! | refused | with |
//! | --- | --- |
//! | what could be read in two ways ([`Flaw`]) | 400 |
//! | a body over [`Limits::body_bytes`], read or announced | 413 |
//! | a request line over [`Limits::head_bytes`] | 414 |
//! | `expect` other than `100-continue` | 417 |
//! | a head over [`Limits::head_bytes`], or of more than [`MAX_HEADERS`] lines | 431 |
//! | `transfer-encoding` other than one `chunked` | 501 |
//! | versions other than HTTP/1.0 and 1.1 | 505 |
//!
//! Not here, since nothing of ours needs it: `CONNECT` tunnels, upgrades, trailers (read and dropped), content
//! codings, bodies in requests of the client.

mod body;
mod buffer;
mod chunked;
mod client;
mod encode;
mod error;
mod fields;
mod request;
mod response;
mod server;

pub use client::ClientConnection;
pub use error::{Error, Flaw};
pub use fields::MAX_HEADERS;
pub use request::{RequestHead, is_host};
pub use response::ResponseHead;
pub use server::{Phase, ServerConnection};

/// How long the parts of a message may be. Time limits belong to whoever owns the socket: see [`Phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A head, blank line included. Chunk extensions and trailers of a body may have as much once more.
    pub head_bytes: usize,
    /// A body, without its framing.
    pub body_bytes: u64,
}

impl Default for Limits {
    /// 16 KiB of head and 1 MiB of body.
    fn default() -> Self {
        Self { head_bytes: 16 * 1024, body_bytes: 1024 * 1024 }
    }
}

/// What the owner of a socket does with either side of a connection.
pub trait Connection {
    /// Room to read into; never empty. Read only when a `take_…` said that it needs more.
    fn space(&mut self) -> &mut [u8];

    /// Takes note of bytes that were read into [`Connection::space`]. None means that the other side has
    /// closed, as in [`std::io::Read`].
    ///
    /// # Panics
    /// When there was no space for so many.
    fn filled(&mut self, count: usize);

    /// What is to be sent now.
    fn output(&self) -> &[u8];

    /// Takes note that all of [`Connection::output`] was sent.
    fn sent(&mut self);
}
