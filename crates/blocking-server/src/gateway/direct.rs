//! Responses that are written to the connection by hand.
//!
//! rouille collects what a body's reader gives until it has the end, so a stream needs another way. There
//! is one: a response with an *upgrade*, meant for web sockets, hands the connection out after a head of
//! its own. That head cannot be left out, and says `connection: upgrade`. So it is made an interim
//! response, `100 Continue`, which every HTTP/1.1 client reads past, whether it asked for one or not (RFC 9110,
//! section 15.2). What follows is written here: the real head, and each chunk when it is made.
//!
//! Afterwards the connection goes back to `tiny_http`, which reads the next request from it.

use std::io::{self, Write};
use std::time::SystemTime;

use rouille::{ReadWrite, Upgrade};

use super::sending::Sending;
use super::{After, Exchange};
use crate::sockets;
use crate::wsgi::{Body, ResponseHead};

/// A response that is to be written as soon as the connection is there.
pub(super) struct Direct<B: Body> {
    head: ResponseHead,
    /// Taken when it is sent.
    body: Option<Sending<B>>,
    exchange: Exchange,
}

impl<B: Body> Direct<B> {
    pub(super) fn new(head: ResponseHead, body: Sending<B>, exchange: Exchange) -> Self {
        Self { head, body: Some(body), exchange }
    }

    /// Errors are the client's leaving; it gets nothing more, and the body is closed like any other.
    fn write(&self, mut body: Sending<B>, socket: &mut dyn Write) -> io::Result<()> {
        let length = body.length();
        socket.write_all(&self.head(length))?;
        if !self.exchange.is_head {
            while let Some(chunk) = body.next_chunk()? {
                match length {
                    Some(_) => socket.write_all(&chunk)?,
                    None => socket.write_all(&framed(&chunk))?,
                }
                // tiny_http has a buffer around the socket; this is what makes it a stream.
                socket.flush()?;
            }
            if length.is_none() {
                socket.write_all(b"0\r\n\r\n")?;
            }
        }
        socket.flush()
    }

    fn head(&self, length: Option<u64>) -> Vec<u8> {
        let ResponseHead { status, headers } = &self.head;
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut head = format!("HTTP/1.1 {status} {}\r\ndate: {date}\r\n", reason(*status));
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head += &match length {
            Some(length) => format!("content-length: {length}\r\n"),
            None => "transfer-encoding: chunked\r\n".to_owned(),
        };
        if matches!(self.exchange.after, After::HangUp | After::GiveUp) {
            head += "connection: close\r\n";
        }
        head += "\r\n";
        head.into_bytes()
    }
}

impl<B: Body> Upgrade for Direct<B> {
    fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
        let Some(body) = self.body.take() else { return };
        let _ = self.write(body, &mut *socket);
        let Exchange { after, local, peer, .. } = self.exchange;
        match after {
            After::KeepAlive => {}
            After::Drain => {
                // What follows a body that is none would be taken for the next request, and be answered.
                if io::copy(&mut socket, &mut io::sink()).is_err() {
                    sockets::hang_up(local, peer);
                }
            }
            After::HangUp => {
                sockets::hang_up(local, peer);
            }
            After::GiveUp => {
                sockets::hang_up(local, peer);
                // Dropping this reader would allocate all that is still to come (30 GB, if a client says so),
                // and take the process with it. Leaked, it costs one parked thread and two descriptors.
                log::warn!("{peer} announced a body that is too long to be skipped; one thread is given up");
                std::mem::forget(socket);
            }
        }
    }
}

fn framed(chunk: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
    framed.extend_from_slice(chunk);
    framed.extend_from_slice(b"\r\n");
    framed
}

/// Clients may not rely on it; people who read along do.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
