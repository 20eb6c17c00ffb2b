//! How the lines of a stream are written. Whatever it is, a sound reader reads the same events.

use crate::framer::StreamFormat;
use crate::json::Nesting;

/// How the lines of a stream are written. The default is as the provider writes them; all of it can be combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Framing {
    /// How lines end.
    pub line_end: LineEnd,
    /// Without a space behind the colon.
    pub tight: bool,
    /// With a comment in each event.
    pub comments: bool,
    /// With the data of an event on several lines, where JSON allows it.
    pub multi_line: bool,
    /// With an event of an unknown type before each but the first. Lines of JSON have no types, and no such lines.
    pub strangers: bool,
    /// In pieces of one byte. Whoever sends the frames splits them: here nothing depends on it.
    pub split: bool,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// With a line feed.
    #[default]
    Lf,
    /// With a carriage return and a line feed.
    Crlf,
    /// With a carriage return.
    Cr,
}

impl LineEnd {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::Crlf => b"\r\n",
            Self::Cr => b"\r",
        }
    }
}

impl Framing {
    /// Whether each frame is written as the provider would.
    fn is_usual(self) -> bool {
        self == Self { split: self.split, strangers: self.strangers, ..Self::default() }
    }

    /// A frame that was written as the provider would, in this framing. Lines and lists of JSON have no comments and no names of
    /// fields, and a carriage return alone ends no line of them.
    pub(super) fn apply(self, format: StreamFormat, frame: Vec<u8>) -> Vec<u8> {
        if self.is_usual() || frame.is_empty() {
            return frame;
        }
        let mut written = Vec::with_capacity(frame.len() + 16);
        let lines = frame.strip_suffix(b"\n").unwrap_or(&frame).split(|byte| *byte == b'\n');
        if matches!(format, StreamFormat::Lines | StreamFormat::List) {
            let end: &[u8] = if self.line_end == LineEnd::Crlf { b"\r\n" } else { b"\n" };
            lines.for_each(|line| written.extend([line, end].concat()));
            return written;
        }
        let mut begins = true;
        for line in lines {
            if begins && self.comments && !line.is_empty() {
                self.write_line(b": comment", &mut written);
            }
            begins = line.is_empty();
            self.write_field(line, &mut written);
        }
        written
    }

    fn write_field(self, line: &[u8], to: &mut Vec<u8>) {
        let data = line.strip_prefix(b"data: ").filter(|_| self.multi_line);
        let Some(data) = data else { return self.write_line(line, to) };
        for part in at_commas(data) {
            self.write_line(&[b"data: ", part].concat(), to);
        }
    }

    fn write_line(self, line: &[u8], to: &mut Vec<u8>) {
        // The first colon ends the field's name; data has none before it.
        let name = memchr::memchr(b':', line).map_or(line.len(), |colon| colon + 1);
        let (name, value) = line.split_at(name);
        to.extend_from_slice(name);
        to.extend_from_slice(value.strip_prefix(b" ").filter(|_| self.tight).unwrap_or(value));
        to.extend_from_slice(self.line_end.bytes());
    }
}

/// JSON cut behind the commas between the members of its outermost object or list: a line feed may stand there.
fn at_commas(json: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut begin, mut nesting) = (Vec::new(), 0, Nesting::default());
    for (at, byte) in json.iter().enumerate() {
        if nesting.take(*byte) && *byte == b',' && nesting.depth == 1 {
            parts.push(&json[begin..=at]);
            begin = at + 1;
        }
    }
    parts.push(&json[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_written_in_each_framing() {
        let usual = Framing::default();
        let frame = "event: a\ndata: {\"b\": [1, 2], \"c\\\"\": \"x,{\", \"d\": 4}\n\n";
        let split = Framing { split: true, ..usual };
        let all = Framing { line_end: LineEnd::Cr, tight: true, comments: true, multi_line: true, ..split };
        for (framing, expected) in [
            (usual, frame.to_owned()),
            (split, frame.to_owned()),
            (Framing { strangers: true, ..usual }, frame.to_owned()),
            (Framing { line_end: LineEnd::Crlf, ..usual }, frame.replace('\n', "\r\n")),
            (Framing { line_end: LineEnd::Cr, ..usual }, frame.replace('\n', "\r")),
            (Framing { tight: true, ..usual }, frame.replacen(": ", ":", 2)),
            (Framing { comments: true, ..usual }, format!(": comment\n{frame}")),
            (
                Framing { multi_line: true, ..usual },
                "event: a\ndata: {\"b\": [1, 2],\ndata:  \"c\\\"\": \"x,{\",\ndata:  \"d\": 4}\n\n"
                    .to_owned(),
            ),
            (
                all,
                ":comment\revent:a\rdata:{\"b\": [1, 2],\rdata: \"c\\\"\": \"x,{\",\rdata: \"d\": 4}\r\r"
                    .to_owned(),
            ),
        ] {
            let written = framing.apply(StreamFormat::Events, frame.as_bytes().to_vec());
            assert_eq!(String::from_utf8(written).unwrap(), expected, "{framing:?}");
        }
    }

    #[test]
    fn each_event_of_a_frame_has_a_comment() {
        let framing = Framing { comments: true, ..Framing::default() };
        let written = framing.apply(StreamFormat::Events, b"data: 1\n\ndata: 2\n\n".to_vec());
        assert_eq!(written, b": comment\ndata: 1\n\n: comment\ndata: 2\n\n");
    }

    #[test]
    fn lines_of_json_know_nothing_but_how_they_end() {
        let frame = b"{\"a\": 1, \"b\": 2}\n";
        for (line_end, expected) in
            [(LineEnd::Crlf, &b"{\"a\": 1, \"b\": 2}\r\n"[..]), (LineEnd::Cr, frame), (LineEnd::Lf, frame)]
        {
            let framing =
                Framing { line_end, tight: true, comments: true, multi_line: true, ..Framing::default() };
            assert_eq!(framing.apply(StreamFormat::Lines, frame.to_vec()), expected);
        }
    }
}
