//! Cuts a stream of bytes into server-sent events, whatever the split of the bytes and the ends of the lines.
//!
//! Each event keeps its own bytes, comments and blank lines included, so that it can be passed on as it came.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;
use thiserror::Error;

/// One event with the blank line that ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// As it came.
    pub(crate) raw: Bytes,
    /// The value of `event:`, or empty.
    pub(crate) name: Bytes,
    /// The lines of `data:`, joined; empty for a comment.
    pub(crate) data: Bytes,
}

/// Collects bytes until an event is whole.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    buffer: BytesMut,
    /// Up to here there is no end of the current event.
    scanned: usize,
    line_start: usize,
    /// The last line ended in a carriage return, so a line feed that follows belongs to that end.
    after_return: bool,
}

/// An event that is longer than anything a provider sends.
#[derive(Debug, Error)]
#[error("an event is longer than {MOST_BYTES} bytes")]
pub(crate) struct TooLong;

/// A picture in one event fits.
const MOST_BYTES: usize = 8 * 1024 * 1024;

impl Framer {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.buffer.len() + bytes.len() > MOST_BYTES {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole event.
    pub(crate) fn next(&mut self) -> Option<Event> {
        while let Some(found) = memchr2(b'\r', b'\n', &self.buffer[self.scanned..]) {
            let at = self.scanned + found;
            let byte = self.buffer[at];
            self.scanned = at + 1;
            if byte == b'\n' && self.after_return && at == self.line_start {
                self.after_return = false;
                self.line_start = at + 1;
                continue;
            }
            let is_blank = at == self.line_start;
            self.after_return = byte == b'\r';
            self.line_start = at + 1;
            if is_blank {
                return Some(self.cut());
            }
        }
        self.scanned = self.buffer.len();
        None
    }

    /// What is left when no more bytes come, for dialects that leave out the last blank line.
    pub(crate) fn rest(&mut self) -> Option<Event> {
        let rest = std::mem::take(self).buffer.freeze();
        (!rest.is_empty()).then(|| Event::read(rest))
    }

    /// Takes the event that ends before `scanned`, with the second half of its last line's end if that is there.
    fn cut(&mut self) -> Event {
        let mut end = self.scanned;
        if self.after_return && self.buffer.get(end) == Some(&b'\n') {
            end += 1;
            self.after_return = false;
        }
        let raw = self.buffer.split_to(end).freeze();
        self.scanned = 0;
        self.line_start = 0;
        Event::read(raw)
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Event {
    fn read(raw: Bytes) -> Self {
        let (mut name, mut data): (Bytes, Option<Bytes>) = (Bytes::new(), None);
        for line in raw.split(|byte| matches!(byte, b'\r' | b'\n')) {
            let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
            if let Some(value) = field(line, b"event") {
                name = raw.slice_ref(value);
            } else if let Some(value) = field(line, b"data") {
                data = Some(match data {
                    None => raw.slice_ref(value),
                    Some(earlier) => Bytes::from([earlier.as_ref(), b"\n", value].concat()),
                });
            }
        }
        Self { name, data: data.unwrap_or_default(), raw }
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(parts: &[&[u8]]) -> (Vec<(String, String)>, Vec<u8>) {
        let (mut framer, mut found, mut raw) = (Framer::default(), Vec::new(), Vec::new());
        for part in parts {
            framer.push(part).unwrap();
            while let Some(event) = framer.next() {
                let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                if !event.data.is_empty() {
                    found.push((text(&event.name), text(&event.data)));
                }
                raw.extend_from_slice(&event.raw);
            }
        }
        raw.extend_from_slice(&framer.buffer);
        (found, raw)
    }

    #[test]
    fn any_split_and_any_line_end_gives_the_same_events_and_keeps_every_byte() {
        for end in ["\n", "\r\n", "\r"] {
            let text =
                ["event: a", "data: 汉🙂", "", ": ping", "", "data:b", "data:  c", "id: 7", "", ""].join(end);
            let bytes = text.as_bytes();
            let expected =
                [("a", "汉🙂"), ("", "b\n c")].map(|(name, data)| (name.to_owned(), data.to_owned()));
            for split in 0..=bytes.len() {
                let (found, raw) = events(&[&bytes[..split], &bytes[split..]]);
                assert_eq!(found, expected, "{end:?} split at {split}");
                assert_eq!(raw, bytes, "{end:?} split at {split}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(events(&single), (expected.to_vec(), bytes.to_vec()), "{end:?}");
        }
    }

    #[test]
    fn an_unfinished_event_is_no_event_and_a_mark_at_the_beginning_is_skipped() {
        assert_eq!(events(&[b"data: x\n"]).0, []);
        let (found, _) = events(&[b"\xef\xbb\xbfdata: x\n\n"]);
        assert_eq!(found, [(String::new(), "x".to_owned())]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut framer = Framer::default();
        framer.push(&vec![b'a'; MOST_BYTES]).unwrap();
        assert!(framer.next().is_none());
        assert!(framer.push(b"a").is_err());
    }
}
