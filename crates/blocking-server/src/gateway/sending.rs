//! A body on its way out: counts what is handed to the connection, and closes the body whatever happens.

use std::io::{self, Read};

use crate::wsgi::{Body, Chunk, Delivered};

/// A [`Body`] that cannot be forgotten to be closed.
pub(super) struct Sending<B: Body> {
    body: B,
    /// As the body saw it at its start.
    length: Option<u64>,
    chunk: Chunk,
    /// Bytes of `chunk` that are handed out.
    at: usize,
    bytes: u64,
    /// The body has ended, or is not to be sent at all.
    at_end: bool,
}

impl<B: Body> Sending<B> {
    pub(super) fn new(body: B) -> Self {
        let length = body.length();
        Self { body, length, chunk: Chunk::default(), at: 0, bytes: 0, at_end: false }
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    /// This answers `HEAD`: the body is not made, and nothing of it is missing.
    pub(super) fn skip(&mut self) {
        self.at_end = true;
    }

    /// Makes the first chunk, which [`next_chunk`](Self::next_chunk) then returns.
    pub(super) fn make_first(&mut self) -> io::Result<()> {
        self.advance().map(drop)
    }

    /// Takes the next chunk that is not empty, to be sent when it is made.
    pub(super) fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        if self.at == self.chunk.len() && !self.advance()? {
            return Ok(None);
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.bytes += chunk.len() as u64;
        Ok(Some(chunk))
    }

    /// Reads at most so many bytes.
    pub(super) fn up_to(self, length: u64) -> io::Take<Self> {
        self.take(length)
    }

    fn advance(&mut self) -> io::Result<bool> {
        while !self.at_end {
            match self.body.next() {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    (self.chunk, self.at) = (chunk, 0);
                    return Ok(true);
                }
                Some(Err(error)) => return Err(error),
                None => self.at_end = true,
            }
        }
        Ok(false)
    }
}

impl<B: Body> Read for Sending<B> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() && !self.advance()? {
            return Ok(0);
        }
        let read = (&self.chunk[self.at..]).read(buf)?;
        self.at += read;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl<B: Body> Drop for Sending<B> {
    fn drop(&mut self) {
        // A body whose length is known is not asked for the end that follows it.
        let complete = self.at_end || self.length == Some(self.bytes);
        self.body.close(Delivered { bytes: self.bytes, complete });
    }
}
