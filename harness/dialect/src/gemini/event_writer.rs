//! The events of a streamed answer: each looks like a plain one with a part of the content, and the last tells the reason.

use crate::answer::{Serving, Usage};
use crate::gemini::answer_body::{
    OPENING, write_call_part, write_closing, write_content_end, write_text_part, write_usage,
};
use crate::stream::{COMMENT, Event, Telling, UsagePlace};

/// Writes the events of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    /// What every event ends with.
    closing: Vec<u8>,
}

/// The usage that an event tells: the provider counts up on every one of them.
pub(crate) fn event_usage(event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
    let usual = telling.shape.usage_place() == UsagePlace::Usual && event != Event::Ping;
    if usual { Some(telling.so_far) } else { telling.placed_usage(event) }
}

impl EventWriter {
    pub(crate) fn new(serving: &Serving<'_>) -> Self {
        let mut closing = Vec::with_capacity(64 + serving.id.len() + serving.model.len());
        write_closing(serving, &mut closing);
        Self { closing }
    }

    pub(crate) fn write(&self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        if event == Event::Ping {
            return COMMENT.to_vec();
        }
        let mut frame = Vec::with_capacity(192 + self.closing.len());
        frame.extend_from_slice(b"data: ");
        frame.extend_from_slice(OPENING);
        let finish = match event {
            Event::Text(piece) => {
                write_text_part(piece, &mut frame);
                None
            }
            Event::ToolBegin => {
                telling.call().inspect(|call| write_call_part(call, &mut frame));
                None
            }
            // The dialect has no further events.
            _ => {
                write_text_part("", &mut frame);
                Some(telling.answer.finish)
            }
        };
        write_content_end(finish, &mut frame);
        if let Some(usage) = event_usage(event, telling) {
            write_usage(usage, &mut frame);
        }
        frame.extend_from_slice(&self.closing);
        frame.extend_from_slice(b"\n\n");
        frame
    }

    /// An event without candidates and with a field that nobody knows. The official libraries read no names of events.
    pub(crate) fn stranger(&self) -> Vec<u8> {
        [br#"data: {"stranger":{"note":"unknown"}"#, &*self.closing, b"\n\n"].concat()
    }
}

/// An error in the middle of a stream: an event like any other, whose data is the error body.
pub(crate) fn error_frame(body: &[u8]) -> Vec<u8> {
    [b"data: ", body, b"\n\n"].concat()
}

#[cfg(test)]
mod tests {
    use crate::{Answer, Dialect, Finish, Serving, StreamShape, Surface, ToolCall, Usage};

    #[test]
    fn the_events_are_written_to_the_letter() {
        let usage = Usage { input: 3, cache_read: 20, output: 8, reasoning: 2, ..Usage::default() };
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"a":1}"#.into() };
        let tools = vec![call].into();
        let answer = Answer { text: "o two".into(), usage, finish: Finish::ToolUse, tools };
        let serving = Serving { id: "r1", created: 1_700_000_000, model: "chat" };
        let events = Dialect::Gemini.stream_events(Surface::Chat, answer, &serving, StreamShape::default());
        let written: Vec<String> = events.map(|frame| String::from_utf8(frame.bytes).unwrap()).collect();
        // Told are 1, 5 and all 12 characters of text and arguments.
        let expected = [
            (
                r#"{"text":"o"}"#,
                "",
                r#""candidatesTokenCount":0,"totalTokenCount":23,"cachedContentTokenCount":20"#,
            ),
            (
                r#"{"text":" two"}"#,
                "",
                r#""candidatesTokenCount":3,"totalTokenCount":26,"cachedContentTokenCount":20"#,
            ),
            (
                r#"{"functionCall":{"id":"c","name":"look","args":{"a":1}}}"#,
                "",
                r#""candidatesTokenCount":6,"totalTokenCount":31,"cachedContentTokenCount":20,"thoughtsTokenCount":2"#,
            ),
            (
                r#"{"text":""}"#,
                r#","finishReason":"STOP""#,
                r#""candidatesTokenCount":6,"totalTokenCount":31,"cachedContentTokenCount":20,"thoughtsTokenCount":2"#,
            ),
        ];
        let expected = expected.map(|(part, finish, usage)| {
            format!(
                "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{part}],\"role\":\"model\"}}{finish},\"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":23,{usage}}},\"modelVersion\":\"chat\",\"responseId\":\"r1\"}}\n\n"
            )
        });
        assert_eq!(written, expected);
    }
}
