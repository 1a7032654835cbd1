//! Bytes that came from the socket and were not used yet.
//!
//! Thousands of connections wait at the same time, so a buffer starts small, grows only while a message
//! needs it, and gives a large allocation back as soon as it is empty.

/// A buffer's first allocation: most request heads fit.
pub(crate) const FIRST_BYTES: usize = 1024;

/// More than this is not kept by a connection that waits.
pub(crate) const KEEP_BYTES: usize = 4096;

/// `bytes[start..end]` is what came and was not used; what follows is room.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

impl Buffer {
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the other side has closed.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
    }

    /// Room for at least one byte. A buffer that is full, or empty and smaller than `least`, grows.
    pub(crate) fn space(&mut self, least: usize) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let size = self.bytes.len();
        if self.end == size || self.end == 0 && size < least {
            self.bytes.resize(least.max(size * 2).max(FIRST_BYTES), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Takes note of bytes that were read into [`Buffer::space`]; none means that there will be no more.
    pub(crate) fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.end, "more bytes were read than there was space for");
        self.end += count;
        self.ended |= count == 0;
    }

    /// To be called when the connection starts to wait.
    pub(crate) fn release(&mut self) {
        if self.is_empty() && self.bytes.len() > KEEP_BYTES {
            (self.bytes, self.start, self.end) = (Vec::new(), 0, 0);
        }
    }
}

/// Empties a buffer that is used again, without keeping a large allocation.
pub(crate) fn clear(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.shrink_to(KEEP_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(buffer: &mut Buffer, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = buffer.space(0);
            let (now, later) = rest.split_at(rest.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            buffer.filled(now.len());
            rest = later;
        }
    }

    #[test]
    fn what_is_not_consumed_stays_in_order_however_the_buffer_moves_and_grows() {
        let sent: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut buffer, mut got) = (Buffer::default(), Vec::new());
        for (round, piece) in sent.chunks(700).enumerate() {
            feed(&mut buffer, piece);
            let take = buffer.unread().len() * (round % 3) / 3;
            got.extend_from_slice(&buffer.unread()[..take]);
            buffer.consume(take);
        }
        got.extend_from_slice(buffer.unread());
        assert_eq!(got, sent);
    }

    #[test]
    fn an_empty_buffer_gives_a_large_allocation_back_and_keeps_a_small_one() {
        let mut buffer = Buffer::default();
        feed(&mut buffer, &[7; 10_000]);
        buffer.release();
        assert_eq!(buffer.unread().len(), 10_000, "what is unread is never dropped");
        buffer.consume(10_000);
        buffer.release();
        assert_eq!(buffer.bytes.capacity(), 0);
        feed(&mut buffer, b"next");
        buffer.consume(4);
        buffer.release();
        assert_eq!(buffer.bytes.len(), FIRST_BYTES);
        let mut output = vec![0; 100_000];
        clear(&mut output);
        assert!(output.is_empty() && output.capacity() <= KEEP_BYTES);
    }
}
