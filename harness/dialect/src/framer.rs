//! Streams, cut into events as they come: server-sent events and lines of JSON, any split of the bytes, any of the three
//! line ends, bounded memory.

use memchr::memchr2;

use crate::json::Nesting;

/// How the events of a stream are told apart on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StreamFormat {
    /// Server-sent events.
    #[default]
    Events,
    /// Server-sent events, between which an error stands as JSON without a field, on however many lines.
    EventsAndJson,
    /// Each line is an event.
    Lines,
    /// One long list of JSON, in which each item is an event.
    List,
}

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// The value of its last `event:` line; empty if it has none.
    pub name: &'a [u8],
    /// The values of its `data:` lines, joined by line feeds; or the line; or the JSON.
    pub data: &'a [u8],
}

/// An event, or a line, is longer than the framer's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {limit} bytes")]
pub struct EventTooLong {
    /// The limit.
    pub limit: usize,
}

/// Cuts a stream into events. One framer reads many streams in turn and keeps its buffers.
#[derive(Debug)]
pub struct Framer {
    format: StreamFormat,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    data: Vec<u8>,
    name: Vec<u8>,
    has_data: bool,
    /// A carriage return has just ended a line, so that a line feed right after it ends nothing more.
    after_return: bool,
    first_line: bool,
    strays: u64,
    /// How deep inside of JSON without a field, or of the list, it is.
    nesting: Nesting,
    limit: usize,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl StreamFormat {
    /// The content type of such a stream.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Events | Self::EventsAndJson => "text/event-stream; charset=utf-8",
            Self::Lines => "application/x-ndjson",
            Self::List => "application/json; charset=utf-8",
        }
    }

    /// The format that a content type tells; none for that of a plain body.
    #[must_use]
    pub fn of_content_type(value: &[u8]) -> Option<Self> {
        let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let is = |known: &str| kind.eq_ignore_ascii_case(known.as_bytes());
        if is("text/event-stream") {
            return Some(Self::Events);
        }
        (is("application/x-ndjson") || is("application/ndjson")).then_some(Self::Lines)
    }
}

impl Framer {
    /// A framer of server-sent events that holds at most `limit` bytes of an event.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            format: StreamFormat::Events,
            line: Vec::new(),
            data: Vec::new(),
            name: Vec::new(),
            has_data: false,
            after_return: false,
            first_line: true,
            strays: 0,
            nesting: Nesting::default(),
            limit,
        }
    }

    /// Makes ready for another stream.
    pub fn reset(&mut self, format: StreamFormat) {
        self.format = format;
        self.line.clear();
        self.forget_event();
        (self.after_return, self.first_line, self.strays) = (false, true, 0);
        self.nesting = Nesting::default();
    }

    /// Takes the next bytes and hands over each event that they complete.
    ///
    /// # Errors
    ///
    /// When an event exceeds the limit. The stream cannot be read any further then; [`Framer::reset`] begins another.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut on_event: impl FnMut(RawEvent<'_>),
    ) -> Result<(), EventTooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                return self.keep_beginning(bytes);
            };
            self.after_return = bytes[end] == b'\r';
            self.end_line(&bytes[..end], &mut on_event)?;
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// Whether the stream broke off inside an event: its bytes came, but not the line that completes it.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.has_data || !self.line.is_empty() || self.nesting.depth > 0
    }

    /// How many lines were no field and no comment. A reader ignores them, but a sound server sends none.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.strays
    }

    fn keep_beginning(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        self.check_length(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn check_length(&self, more: usize) -> Result<(), EventTooLong> {
        let held = self.line.len() + self.data.len() + self.name.len();
        if held + more > self.limit { Err(EventTooLong { limit: self.limit }) } else { Ok(()) }
    }

    fn end_line(&mut self, rest: &[u8], on_event: &mut impl FnMut(RawEvent<'_>)) -> Result<(), EventTooLong> {
        if self.line.is_empty() {
            return self.read_line(rest, on_event);
        }
        self.keep_beginning(rest)?;
        let mut line = std::mem::take(&mut self.line);
        let read = self.read_line(&line, on_event);
        line.clear();
        self.line = line;
        read
    }

    fn read_line(
        &mut self,
        mut line: &[u8],
        on_event: &mut impl FnMut(RawEvent<'_>),
    ) -> Result<(), EventTooLong> {
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if self.format == StreamFormat::Lines {
            if !line.trim_ascii().is_empty() {
                on_event(RawEvent { name: b"", data: line });
            }
            return Ok(());
        }
        if self.format == StreamFormat::List {
            return self.read_json(line, 1, on_event);
        }
        let begins = !self.has_data && matches!(line, [b'{' | b'[', ..]);
        if self.format == StreamFormat::EventsAndJson && (begins || self.nesting.depth > 0) {
            return self.read_json(line, 0, on_event);
        }
        if line.is_empty() {
            if self.has_data {
                on_event(RawEvent { name: &self.name, data: &self.data });
            }
            self.forget_event();
            return Ok(());
        }
        let (field, value) = split_field(line);
        match field {
            b"data" => {
                self.check_length(value.len() + 1)?;
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"event" => {
                self.name.clear();
                self.check_length(value.len())?;
                self.name.extend_from_slice(value);
            }
            // An empty field name is a comment.
            b"" | b"id" | b"retry" => {}
            _ => self.strays += 1,
        }
        Ok(())
    }

    /// Reads a line of JSON. What is whole at this depth is an event.
    fn read_json(
        &mut self,
        line: &[u8],
        depth: usize,
        on_event: &mut impl FnMut(RawEvent<'_>),
    ) -> Result<(), EventTooLong> {
        self.check_length(line.len() + 1)?;
        for byte in line.iter().chain(b"\n") {
            let before = self.nesting.depth;
            self.nesting.take(*byte);
            if before.max(self.nesting.depth) > depth {
                self.data.push(*byte);
            }
            if before == depth + 1 && self.nesting.depth == depth {
                on_event(RawEvent { name: b"", data: &self.data });
                self.forget_event();
            }
        }
        Ok(())
    }

    fn forget_event(&mut self) {
        self.data.clear();
        self.name.clear();
        self.has_data = false;
    }
}

fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line) {
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
        None => (line, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as `name|data`, with the bytes pushed in pieces of one size.
    fn events(stream: &str, piece: usize) -> Vec<String> {
        let mut framer = Framer::new(64);
        let mut events = Vec::new();
        for bytes in stream.as_bytes().chunks(piece) {
            framer
                .push(bytes, |event| {
                    events.push(format!(
                        "{}|{}",
                        str::from_utf8(event.name).unwrap(),
                        str::from_utf8(event.data).unwrap()
                    ));
                })
                .unwrap();
        }
        events
    }

    #[test]
    fn a_stream_reads_the_same_however_it_is_cut() {
        let cases: [(&str, &[&str]); 12] = [
            ("data: one\n\ndata: two\n\n", &["|one", "|two"]),
            ("data:one\r\n\r\ndata:two\r\n\r\n", &["|one", "|two"]),
            ("data: one\r\rdata: two\r\r", &["|one", "|two"]),
            ("data: one\r\n\ndata: two\r\n\r", &["|one", "|two"]),
            ("data:  two spaces\n\n", &["| two spaces"]),
            ("data: first\ndata: second\ndata\n\n", &["|first\nsecond\n"]),
            ("event: error\ndata: {}\n\ndata: x\n\n", &["error|{}", "|x"]),
            (": ping\n\n:\n\ndata: x\n\n", &["|x"]),
            ("\u{feff}data: x\n\n", &["|x"]),
            ("event: lonely\n\ndata:\n\n", &["|"]),
            ("id: 1\nretry: 5\nother: y\ndata: grün 😀\n\n", &["|grün 😀"]),
            ("data: never completed\n", &[]),
        ];
        for (stream, expected) in cases {
            for piece in 1..=stream.len() {
                assert_eq!(events(stream, piece), expected, "{stream:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_stream_that_breaks_off_inside_an_event_is_unfinished() {
        for (stream, unfinished) in
            [("", false), ("data: x\n\n", false), ("data: x\n", true), ("da", true), (": ping\n", false)]
        {
            let mut framer = Framer::new(64);
            framer.push(stream.as_bytes(), |_| {}).unwrap();
            assert_eq!(framer.is_unfinished(), unfinished, "{stream:?}");
            framer.reset(StreamFormat::Events);
            assert!(!framer.is_unfinished());
        }
    }

    #[test]
    fn lines_are_events_however_they_are_cut() {
        for (stream, expected) in [
            ("{\"a\":1}\n{\"b\":\"grün 😀\"}\n", &["{\"a\":1}", "{\"b\":\"grün 😀\"}"][..]),
            ("one\r\n\r\n \r\ntwo\r\n", &["one", "two"]),
            ("data: x\n", &["data: x"]),
            ("\u{feff}one\nbroken off", &["one"]),
        ] {
            for piece in 1..=stream.len() {
                let mut framer = Framer::new(64);
                framer.reset(StreamFormat::Lines);
                let mut lines = Vec::new();
                for bytes in stream.as_bytes().chunks(piece) {
                    let keep =
                        |event: RawEvent<'_>| lines.push(String::from_utf8_lossy(event.data).into_owned());
                    framer.push(bytes, keep).unwrap();
                }
                assert_eq!(lines, expected, "{stream:?} in pieces of {piece}");
                assert_eq!((framer.strays(), framer.is_unfinished()), (0, !stream.ends_with('\n')));
            }
        }
    }

    #[test]
    fn json_between_events_and_in_a_list_is_cut_at_its_braces() {
        let pretty = "{\n  \"a\": \"}\\\"{\",\n\n  \"b\": [1]\n}";
        for (format, stream, expected) in [
            (
                StreamFormat::EventsAndJson,
                format!("data: one\n\n{pretty}\ndata: two\n\n{{\"c\":1}}\n[2]\n"),
                vec!["one", pretty, "two", "{\"c\":1}", "[2]"],
            ),
            (StreamFormat::EventsAndJson, format!("{pretty}\n{{\"broken\n"), vec![pretty]),
            (StreamFormat::List, format!("[{pretty}\n,\r\n{{\"c\":[]}}]"), vec![pretty]),
            (StreamFormat::List, format!("[{pretty}\n,\n{{\"c\":[]}}]\n"), vec![pretty, "{\"c\":[]}"]),
            (StreamFormat::List, "[\n]\n".to_owned(), vec![]),
        ] {
            for piece in 1..=stream.len() {
                let (mut framer, mut found) = (Framer::new(100), Vec::new());
                framer.reset(format);
                for bytes in stream.as_bytes().chunks(piece) {
                    let keep =
                        |event: RawEvent<'_>| found.push(String::from_utf8(event.data.to_vec()).unwrap());
                    framer.push(bytes, keep).unwrap();
                }
                assert_eq!(found, expected, "{stream:?} in pieces of {piece}");
                let broken = stream.contains("broken") || !stream.ends_with('\n');
                assert_eq!((framer.is_unfinished(), framer.strays()), (broken, 0), "{stream:?}");
            }
        }
    }

    #[test]
    fn json_without_end_is_refused_before_it_fills_the_memory() {
        for format in [StreamFormat::EventsAndJson, StreamFormat::List] {
            let mut framer = Framer::new(1_000);
            framer.reset(format);
            let refused = (0..2_000).find_map(|_| framer.push(b"{\"x\": [\n", |_| {}).err());
            assert_eq!(refused, Some(EventTooLong { limit: 1_000 }), "{format:?}");
        }
    }

    #[test]
    fn the_content_type_tells_the_format() {
        for format in [StreamFormat::Events, StreamFormat::Lines] {
            assert_eq!(StreamFormat::of_content_type(format.content_type().as_bytes()), Some(format));
        }
        assert_eq!(StreamFormat::of_content_type(b"Text/Event-Stream"), Some(StreamFormat::Events));
        assert_eq!(StreamFormat::of_content_type(b"application/json"), None);
    }

    #[test]
    fn lines_that_are_no_field_are_counted() {
        let mut framer = Framer::new(64);
        framer.push(b"{\"error\":1}\n\ndata: x\n: fine\n\n<html>\n", |_| {}).unwrap();
        assert_eq!(framer.strays(), 2);
    }

    #[test]
    fn an_event_without_end_is_refused_before_it_fills_the_memory() {
        for piece in ["x", "data: xxxxxxxx\n", "event: xxxxxxxxxxxxx"] {
            let mut framer = Framer::new(1_000);
            let refused = (0..2_000).find_map(|_| framer.push(piece.as_bytes(), |_| {}).err());
            assert_eq!(refused, Some(EventTooLong { limit: 1_000 }), "{piece:?}");
            assert!(framer.line.capacity() + framer.data.capacity() + framer.name.capacity() <= 4_000);
        }
    }
}
