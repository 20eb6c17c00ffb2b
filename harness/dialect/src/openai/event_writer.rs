//! The events of a streamed chat completion: chunks without a name, and `[DONE]` at the end.

use crate::answer::{Serving, Usage};
use crate::json::{write_number, write_text};
use crate::openai::answer_body::{finish_word, write_opening, write_usage};
use crate::stream::{Event, Telling, UsagePlace};

/// Writes the events of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    /// What every chunk begins with.
    opening: Vec<u8>,
}

/// The event that ends every sound stream.
pub(crate) const END_FRAME: &[u8] = b"data: [DONE]\n\n";

/// What a chunk says of the usage.
enum SaidUsage {
    Nothing,
    Null,
    Told(Usage),
}

impl EventWriter {
    pub(crate) fn new(serving: &Serving<'_>) -> Self {
        let mut opening = Vec::with_capacity(192 + serving.id.len() + serving.model.len());
        opening.extend_from_slice(b"data: ");
        write_opening(serving, "chat.completion.chunk", &mut opening);
        opening.extend_from_slice(br#","choices":"#);
        Self { opening }
    }

    pub(crate) fn write(&self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        match event {
            Event::End => return END_FRAME.to_vec(),
            Event::Ping => return b": ping\n\n".to_vec(),
            _ => {}
        }
        let mut frame = Vec::with_capacity(self.opening.len() + 192);
        frame.extend_from_slice(&self.opening);
        write_choices(event, telling, &mut frame);
        match said_usage(event, telling) {
            SaidUsage::Nothing => {}
            SaidUsage::Null => frame.extend_from_slice(br#","usage":null"#),
            SaidUsage::Told(usage) => {
                frame.extend_from_slice(br#","usage":"#);
                write_usage(usage, &mut frame);
            }
        }
        frame.extend_from_slice(b"}\n\n");
        frame
    }
}

fn said_usage(event: Event<'_>, telling: Telling<'_>) -> SaidUsage {
    if event == Event::Usage {
        return SaidUsage::Told(telling.answer.usage);
    }
    match telling.placed_usage(event) {
        Some(usage) => SaidUsage::Told(usage),
        None if telling.shape.include_usage && telling.shape.usage == UsagePlace::Usual => SaidUsage::Null,
        None => SaidUsage::Nothing,
    }
}

fn write_choices(event: Event<'_>, telling: Telling<'_>, to: &mut Vec<u8>) {
    if event == Event::Usage {
        return to.extend_from_slice(b"[]");
    }
    to.extend_from_slice(br#"[{"index":0,"delta":{"#);
    write_delta(event, telling, to);
    to.extend_from_slice(br#"},"logprobs":null,"finish_reason":"#);
    if event == Event::Finish {
        to.push(b'"');
        to.extend_from_slice(finish_word(telling.answer.finish).as_bytes());
        to.push(b'"');
    } else {
        to.extend_from_slice(b"null");
    }
    to.extend_from_slice(b"}]");
}

fn write_delta(event: Event<'_>, telling: Telling<'_>, to: &mut Vec<u8>) {
    match event {
        Event::Open => {
            to.extend_from_slice(br#""role":"assistant","content":"#);
            let silent = telling.answer.text.is_empty() && !telling.answer.tools.is_empty();
            to.extend_from_slice(if silent { b"null" } else { b"\"\"" });
            to.extend_from_slice(br#","refusal":null"#);
        }
        Event::Text(piece) => {
            to.extend_from_slice(br#""content":"#);
            write_text(piece, to);
        }
        Event::ToolBegin => {
            let (id, name) = telling.call().map_or(("", ""), |call| (call.id.as_str(), call.name.as_str()));
            to.extend_from_slice(br#""tool_calls":[{"index":"#);
            write_number(telling.tool as u64, to);
            to.extend_from_slice(br#","id":"#);
            write_text(id, to);
            to.extend_from_slice(br#","type":"function","function":{"name":"#);
            write_text(name, to);
            to.extend_from_slice(br#","arguments":""}}]"#);
        }
        Event::Arguments(piece) => {
            to.extend_from_slice(br#""tool_calls":[{"index":"#);
            write_number(telling.tool as u64, to);
            to.extend_from_slice(br#","function":{"arguments":"#);
            write_text(piece, to);
            to.extend_from_slice(b"}}]");
        }
        // The dialect has no events for where blocks begin and end, and the others have an empty delta or none.
        Event::TextBegin
        | Event::TextEnd
        | Event::ToolEnd
        | Event::Finish
        | Event::Usage
        | Event::End
        | Event::Ping => {}
    }
}

/// An error in the middle of a stream: an event like any other, whose data is the error body.
pub(crate) fn error_frame(body: &[u8]) -> Vec<u8> {
    [b"data: ", body, b"\n\n"].concat()
}

#[cfg(test)]
mod tests {
    use crate::{Answer, Dialect, Finish, Serving, StreamShape, ToolCall, Usage};

    const OPENING: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"chat","service_tier":"default","system_fingerprint":"fp_simulated","choices":"#;

    fn frames(answer: Answer, shape: StreamShape) -> Vec<String> {
        let serving = Serving { id: "chatcmpl-1", created: 1_700_000_000, model: "chat" };
        let events = Dialect::Openai.stream_events(answer, &serving, shape);
        events.map(|frame| String::from_utf8(frame.bytes).unwrap()).collect()
    }

    fn chunks<const N: usize>(rests: [&str; N]) -> Vec<String> {
        let done = "data: [DONE]\n\n".to_owned();
        rests.iter().map(|rest| format!("{OPENING}{rest}\n\n")).chain([done]).collect()
    }

    #[test]
    fn the_events_of_a_text_are_written_to_the_letter() {
        let answer = Answer { text: "one two".into(), ..Answer::default() };
        let expected = chunks([
            r#"[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"content":"one"},"logprobs":null,"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"content":" two"},"logprobs":null,"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
        ]);
        assert_eq!(frames(answer, StreamShape::default()), expected);
    }

    #[test]
    fn the_usage_is_null_until_it_is_told() {
        let usage = Usage { input: 3, output: 2, ..Usage::default() };
        let answer = Answer { finish: Finish::Length, usage, ..Answer::default() };
        let expected = chunks([
            r#"[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null}"#,
            r#"[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#,
        ]);
        let shape = StreamShape { include_usage: true, ..StreamShape::default() };
        assert_eq!(frames(answer, shape), expected);
    }

    #[test]
    fn a_call_of_a_tool_is_written_in_fragments() {
        let call = ToolCall { id: "call_1".into(), name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let answer = Answer { finish: Finish::ToolUse, tools: vec![call].into(), ..Answer::default() };
        let expected = chunks([
            r#"[{"index":0,"delta":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"look","arguments":""}}]},"logprobs":null,"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"at\":1}"}}]},"logprobs":null,"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}"#,
        ]);
        assert_eq!(frames(answer, StreamShape::default()), expected);
    }
}
