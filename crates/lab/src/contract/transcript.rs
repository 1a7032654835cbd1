//! What went over a connection, kept for those who have to find out why a check failed.

use std::fmt;

/// Both directions of a connection, in the order in which this side saw them.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    lines: Vec<Line>,
    ended: Option<String>,
}

#[derive(Debug, Clone)]
struct Line {
    from: Side,
    /// The first bytes only.
    bytes: Vec<u8>,
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Us,
    Server,
}

/// Of each side's turn: enough for a head, and for anything that was sent to provoke.
const KEPT_BYTES: usize = 700;

impl Transcript {
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.add(Side::Us, bytes);
    }

    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.add(Side::Server, bytes);
    }

    pub(crate) fn ended_sending(&mut self) {
        self.add(Side::Us, b"");
    }

    pub(crate) fn closed(&mut self, how: &str) {
        self.ended = Some(how.to_owned());
    }

    fn is_silent(&self) -> bool {
        !self.lines.iter().any(|line| line.from == Side::Server)
    }

    fn add(&mut self, from: Side, bytes: &[u8]) {
        // What comes in many pieces is one turn; an empty one marks the end of sending.
        if self.lines.last().is_none_or(|last| last.from != from) || bytes.is_empty() {
            self.lines.push(Line { from, bytes: Vec::new(), length: 0 });
        }
        if let Some(line) = self.lines.last_mut() {
            let room = KEPT_BYTES.saturating_sub(line.bytes.len());
            line.bytes.extend(&bytes[..bytes.len().min(room)]);
            line.length += bytes.len();
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let from = if line.from == Side::Us { "sent" } else { "received" };
            match line.length {
                0 => write!(f, "{from}: (the end: nothing more will be sent)")?,
                _ => write!(f, "{from}: {}", line.bytes.escape_ascii())?,
            }
            if line.length > line.bytes.len() {
                write!(f, " … ({} bytes)", line.length)?;
            }
            writeln!(f)?;
        }
        if self.is_silent() {
            writeln!(f, "received: nothing")?;
        }
        match &self.ended {
            Some(how) => write!(f, "the connection: {how}"),
            None => write!(f, "the connection: still open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_shown_in_turn_escaped_and_cut() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.to_string(), "received: nothing\nthe connection: still open");
        transcript.sent(b"GET / HTTP/1.1\r\n");
        transcript.sent(b"a: \0\r\n\r\n");
        transcript.received(&[b'x'; 2_000]);
        transcript.ended_sending();
        transcript.closed("closed by the server");
        let text = transcript.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], r"sent: GET / HTTP/1.1\r\na: \x00\r\n\r\n");
        assert!(lines[1].starts_with("received: xxx") && lines[1].ends_with("x … (2000 bytes)"));
        assert_eq!(lines[2], "sent: (the end: nothing more will be sent)");
        assert_eq!(lines[3], "the connection: closed by the server");
        assert!(text.len() < 1_000);
    }
}
