//! Server-sent events out of a body that comes in pieces, in any split: HTML Standard, section 9.2.
//!
//! Bytes rather than text: the format is made of ASCII, and whoever takes the data must look at it anyway.

use super::Malformed;

/// Reads events one after another.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Of a line that has not come to its end; empty where lines come in one piece.
    partial: Vec<u8>,
    /// The last line ended with a carriage return; a line feed now would belong to it.
    after_cr: bool,
    /// A line has been read: what looks like a byte order mark is none any more.
    begun: bool,
    name: Vec<u8>,
    data: Vec<u8>,
}

/// More than any event here has. A stream without line breaks must not fill the memory.
const MAX_EVENT_BYTES: usize = 64 * 1024;

impl Events {
    /// Takes a piece of the body; `on_event` gets name and data of each event that it completes, and may end
    /// the reading with an error of its own.
    pub(super) fn feed<E: From<Malformed>>(
        &mut self,
        mut piece: &[u8],
        mut on_event: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if std::mem::take(&mut self.after_cr) && !piece.is_empty() {
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
        }
        while let Some(end) = piece.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, rest) = piece.split_at(end);
            piece = match rest {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
            if self.partial.is_empty() {
                self.line(line, &mut on_event)?;
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, &mut on_event)?;
                whole.clear();
                self.partial = whole;
            }
        }
        self.partial.extend_from_slice(piece);
        if self.partial.len() + self.data.len() + self.name.len() > MAX_EVENT_BYTES {
            return Err(Malformed("an event of more than 64 KiB").into());
        }
        Ok(())
    }

    fn line<E>(
        &mut self,
        mut line: &[u8],
        on_event: &mut impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            // Comments (no name at all), `id` and `retry`, which are for clients that connect again, and
            // whatever may be invented yet.
            _ => {}
        }
        Ok(())
    }

    /// An empty line ends the event. One without data is none.
    fn dispatch<E>(&mut self, on_event: &mut impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let told = match self.data.strip_suffix(b"\n") {
            Some(data) => on_event(if self.name.is_empty() { b"message" } else { &self.name }, data),
            None => Ok(()),
        };
        self.name.clear();
        self.data.clear();
        told
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Events, and whether it ended in an error.
    type Seen = (Vec<(String, String)>, bool);

    fn read(body: &[u8], size: usize) -> Seen {
        let mut events = Events::default();
        let mut seen = Vec::new();
        let mut note = |name: &[u8], data: &[u8]| -> Result<(), Malformed> {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            seen.push((text(name), text(data)));
            Ok(())
        };
        let failed = body.chunks(size).any(|piece| events.feed(piece, &mut note).is_err());
        (seen, failed)
    }

    /// In pieces of every size, which must not matter.
    fn events(body: &str) -> Vec<(String, String)> {
        let whole = read(body.as_bytes(), usize::MAX);
        for size in 1..body.len() {
            assert_eq!(read(body.as_bytes(), size), whole, "in pieces of {size}");
        }
        assert!(!whole.1);
        whole.0
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.into(), data.into())
    }

    #[test]
    fn an_event_ends_with_an_empty_line_whatever_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let body = ["event: tick", "data: 1", "", "data:2", "", "data: cut short"].join(end);
            assert_eq!(events(&body), [event("tick", "1"), event("message", "2")], "{end:?}");
        }
        assert_eq!(events("data: 1\r\rdata: 2\n\r\n"), [event("message", "1"), event("message", "2")]);
    }

    #[test]
    fn comments_and_unknown_fields_are_read_over() {
        let body = ": hello\nid: 7\nretry: 10\nevent: tick\nodd\n:\ndata: 1\ncolour: red\n\n:keep-alive\n\n";
        assert_eq!(events(body), [event("tick", "1")]);
    }

    #[test]
    fn data_is_joined_by_lines_and_an_event_without_data_is_none() {
        assert_eq!(events("data: a\ndata:  b\ndata\n\n"), [event("message", "a\n b\n")]);
        assert_eq!(events("event: tick\n\ndata: 1\n\n"), [event("message", "1")], "the name is forgotten");
        assert_eq!(events("event: a\nevent: b\ndata: {\"n\":1}\n\n"), [event("b", "{\"n\":1}")]);
    }

    #[test]
    fn a_byte_order_mark_is_one_at_the_beginning_only() {
        assert_eq!(events("\u{feff}data: 1\n\n\u{feff}data: 2\n\n"), [event("message", "1")]);
    }

    #[test]
    fn an_event_has_a_limit_in_every_split() {
        let line = format!("data: {}", "x".repeat(70_000));
        let lines = "data: y\n".repeat(40_000);
        for size in [7, 1_000, usize::MAX] {
            assert_eq!(read(line.as_bytes(), size), (vec![], true));
            assert_eq!(read(lines.as_bytes(), size), (vec![], true));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_split_mean_the_same(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("data"), Just(":"), Just(" "), Just("\r"), Just("\n"), Just("event"), Just("x"), Just("\u{feff}")
                ],
                0..60,
            ),
            size in 1_usize..20,
        ) {
            let body = pieces.concat();
            prop_assert_eq!(read(body.as_bytes(), size), read(body.as_bytes(), usize::MAX));
        }
    }
}
