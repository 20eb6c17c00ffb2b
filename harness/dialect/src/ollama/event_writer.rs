//! The lines of a streamed answer: pieces of a message, and one that says that it is done.

use crate::answer::{Finish, Serving, Usage};
use crate::json::write_text;
use crate::ollama::answer_body::{write_call, write_counts, write_done, write_opening};
use crate::stream::{Event, Telling, UsagePlace};

/// Writes the lines of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    /// What every line begins with, up to the content of the message.
    opening: Vec<u8>,
}

/// The usage that a line tells.
pub(crate) fn event_usage(event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
    let usual = telling.shape.usage_place() == UsagePlace::Usual && event == Event::Finish;
    if usual { Some(telling.answer.usage) } else { telling.placed_usage(event) }
}

impl EventWriter {
    pub(crate) fn new(serving: &Serving<'_>) -> Self {
        let mut opening = Vec::with_capacity(96 + serving.model.len());
        write_opening(serving, &mut opening);
        Self { opening }
    }

    pub(crate) fn write(&self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        if event == Event::Ping {
            // Between lines there is no comment, but a line may be empty.
            return b"\n".to_vec();
        }
        let mut line = Vec::with_capacity(self.opening.len() + 192);
        line.extend_from_slice(&self.opening);
        let usage = event_usage(event, telling);
        match event {
            Event::Text(piece) => write_text(piece, &mut line),
            _ => line.extend_from_slice(b"\"\""),
        }
        if let Some(call) = telling.call().filter(|_| event == Event::ToolBegin) {
            line.extend_from_slice(br#","tool_calls":["#);
            write_call(call, telling.tool, &mut line);
            line.push(b']');
        }
        line.push(b'}');
        if event == Event::Finish {
            write_done(telling.answer.finish, usage, &mut line);
        } else {
            line.extend_from_slice(br#","done":false"#);
            usage.inspect(|usage| write_counts(*usage, &mut line));
            line.push(b'}');
        }
        line.push(b'\n');
        line
    }

    /// The line that says that the answer is done, without a usage.
    pub(crate) fn end_frame(&self) -> Vec<u8> {
        let mut line = self.opening.clone();
        line.extend_from_slice(b"\"\"}");
        write_done(Finish::Stop, None, &mut line);
        line.push(b'\n');
        line
    }
}

/// An error in the middle of a stream: a line with nothing else.
pub(crate) fn error_frame(body: &[u8]) -> Vec<u8> {
    [body, b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use crate::{Answer, Dialect, Serving, StreamShape, Surface, ToolCall, Usage};

    #[test]
    fn the_lines_are_written_to_the_letter() {
        let usage = Usage { input: 3, cache_read: 20, output: 8, ..Usage::default() };
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"a":1}"#.into() };
        let answer = Answer { text: "one two".into(), usage, tools: vec![call].into(), ..Answer::default() };
        let serving = Serving { id: "unused", created: 1_700_000_000, model: "chat" };
        let events = Dialect::Ollama.stream_events(Surface::Chat, answer, &serving, StreamShape::default());
        let written: Vec<String> = events.map(|frame| String::from_utf8(frame.bytes).unwrap()).collect();
        let expected = [
            r#""one"},"done":false}"#,
            r#"" two"},"done":false}"#,
            r#""","tool_calls":[{"id":"c","function":{"index":0,"name":"look","arguments":{"a":1}}}]},"done":false}"#,
            r#"""},"done_reason":"stop","done":true,"total_duration":2000000,"load_duration":1000000,"prompt_eval_count":23,"prompt_eval_duration":1000000,"eval_count":8,"eval_duration":1000000}"#,
        ];
        let opening =
            r#"{"model":"chat","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"#;
        assert_eq!(written, expected.map(|rest| format!("{opening}{rest}\n")));
    }
}
