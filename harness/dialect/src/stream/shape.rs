//! The shape of a stream: how its text is cut, where its usage stands, how its lines are written.

use std::num::NonZeroU32;

/// How a stream is cut into events and written. The default is what the provider itself would send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamShape {
    /// Whether the request asked for the usage, where the dialect asks.
    pub include_usage: bool,
    /// Into how many contents the text is cut, but never into more than it has characters; one for each word if missing.
    pub contents: Option<NonZeroU32>,
    /// Where the usage stands.
    pub usage: UsagePlace,
    /// Whether something that says nothing stands between the events: a ping, or a comment where the dialect has none.
    pub pings: bool,
    /// How lines are written.
    pub framing: Framing,
}

/// Where the usage of a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UsagePlace {
    /// Where the provider puts it, if the request asks for it.
    #[default]
    Usual,
    /// On every event of the answer, counting up.
    EveryEvent,
    /// Only on the last event with content, or on that of the finish if there is no content.
    LastContent,
    /// Only on the event that tells why the answer ended.
    Finish,
    /// Nowhere.
    Nowhere,
}

/// How the lines of a stream are written. Whatever it is, a sound reader reads the same events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// As the provider writes them.
    #[default]
    Usual,
    /// With carriage return and line feed.
    Crlf,
    /// Without a space behind the colon.
    Tight,
    /// With a comment in each event.
    Comments,
}

impl Framing {
    /// A frame that was written as the provider would, in this framing. Whoever makes a frame of his own, such as an error
    /// in the middle of a stream, frames it like the rest.
    #[must_use]
    pub fn apply(self, frame: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Usual => frame,
            Self::Crlf => rewritten(&frame, |line, to| {
                to.extend_from_slice(line);
                to.extend_from_slice(b"\r\n");
            }),
            Self::Tight => rewritten(&frame, |line, to| {
                // The first colon ends the field's name; data has none before it.
                let name = memchr::memchr(b':', line).map_or(line.len(), |colon| colon + 1);
                let (name, value) = line.split_at(name);
                to.extend_from_slice(name);
                to.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
                to.push(b'\n');
            }),
            Self::Comments => [b": comment\n", frame.as_slice()].concat(),
        }
    }
}

fn rewritten(frame: &[u8], write: impl Fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let mut written = Vec::with_capacity(frame.len() + 8);
    for line in frame.strip_suffix(b"\n").unwrap_or(frame).split(|byte| *byte == b'\n') {
        write(line, &mut written);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_written_in_each_framing() {
        let frame = "event: a\ndata: {\"b\": 1}\n\n";
        for (framing, expected) in [
            (Framing::Usual, frame),
            (Framing::Crlf, "event: a\r\ndata: {\"b\": 1}\r\n\r\n"),
            (Framing::Tight, "event:a\ndata:{\"b\": 1}\n\n"),
            (Framing::Comments, ": comment\nevent: a\ndata: {\"b\": 1}\n\n"),
        ] {
            let written = framing.apply(frame.as_bytes().to_vec());
            assert_eq!(String::from_utf8(written).unwrap(), expected, "{framing:?}");
        }
    }
}
