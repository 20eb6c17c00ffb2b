//! The events of a streamed message: each with its name, blocks that begin and end, `message_stop` at the end.

use crate::answer::{Serving, Usage};
use crate::anthropic::answer_body::{finish_word, write_opening, write_output, write_usage};
use crate::json::{write_number, write_text};
use crate::stream::{Event, Telling, UsagePlace};

/// Writes the events of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    /// The message of the first event, as far as it is the same for every stream of the answer.
    message: Vec<u8>,
}

/// The event that ends every sound stream.
pub(crate) const END_FRAME: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// An event that says nothing.
pub(crate) const PING_FRAME: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";

/// An event of a type that the provider may add one day.
pub(crate) const STRANGER: &[u8] = b"event: stranger\ndata: {\"type\":\"stranger\",\"note\":\"unknown\"}\n\n";

/// The usage that an event tells: on the first one the provider has already counted the input, and a token of the output.
pub(crate) fn event_usage(event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
    let whole = telling.answer.usage;
    let usual = match event {
        Event::Open => Some(Usage { output: whole.output.min(1), reasoning: 0, ..whole }),
        Event::Finish => Some(whole),
        _ => None,
    };
    let usual = usual.filter(|_| telling.shape.usage_place() == UsagePlace::Usual);
    telling.placed_usage(event).or(usual)
}

impl EventWriter {
    pub(crate) fn new(serving: &Serving<'_>) -> Self {
        let mut message = Vec::with_capacity(160 + serving.id.len() + serving.model.len());
        write_opening(serving, &mut message);
        message.extend_from_slice(br#","content":[],"stop_reason":null,"stop_sequence":null"#);
        Self { message }
    }

    pub(crate) fn write(&self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        let name = match event {
            Event::Open => "message_start",
            Event::TextBegin | Event::ToolBegin => "content_block_start",
            Event::Text(_) | Event::Arguments(_) => "content_block_delta",
            Event::TextEnd | Event::ToolEnd => "content_block_stop",
            Event::Finish | Event::Usage => "message_delta",
            Event::Ping => return PING_FRAME.to_vec(),
            Event::End => return END_FRAME.to_vec(),
        };
        let mut frame =
            Vec::with_capacity(192 + if event == Event::Open { self.message.len() + 256 } else { 0 });
        for part in ["event: ", name, "\ndata: {\"type\":\"", name, "\""] {
            frame.extend_from_slice(part.as_bytes());
        }
        if event == Event::Open {
            self.write_message(telling, &mut frame);
        } else {
            write_rest(event, telling, &mut frame);
        }
        frame.extend_from_slice(b"}\n\n");
        frame
    }

    fn write_message(&self, telling: Telling<'_>, to: &mut Vec<u8>) {
        to.extend_from_slice(br#","message":"#);
        to.extend_from_slice(&self.message);
        if let Some(usage) = event_usage(Event::Open, telling) {
            to.extend_from_slice(br#","usage":"#);
            write_usage(usage, usage.output, to);
        }
        to.push(b'}');
    }
}

fn write_rest(event: Event<'_>, telling: Telling<'_>, to: &mut Vec<u8>) {
    let index = block(event, telling);
    if let Some(index) = index {
        to.extend_from_slice(br#","index":"#);
        write_number(index, to);
    }
    match event {
        Event::TextBegin => to.extend_from_slice(br#","content_block":{"type":"text","text":""}"#),
        Event::Text(piece) => {
            to.extend_from_slice(br#","delta":{"type":"text_delta","text":"#);
            write_text(piece, to);
            to.push(b'}');
        }
        Event::ToolBegin => {
            let (id, name) = telling.call().map_or(("", ""), |call| (call.id.as_str(), call.name.as_str()));
            to.extend_from_slice(br#","content_block":{"type":"tool_use","id":"#);
            write_text(id, to);
            to.extend_from_slice(br#","name":"#);
            write_text(name, to);
            to.extend_from_slice(br#","input":{}}"#);
        }
        Event::Arguments(piece) => {
            to.extend_from_slice(br#","delta":{"type":"input_json_delta","partial_json":"#);
            write_text(piece, to);
            to.push(b'}');
        }
        Event::Finish => {
            to.extend_from_slice(br#","delta":{"stop_reason":""#);
            to.extend_from_slice(finish_word(telling.answer.finish).as_bytes());
            to.extend_from_slice(br#"","stop_sequence":null}"#);
        }
        Event::Open | Event::TextEnd | Event::ToolEnd | Event::Usage | Event::End | Event::Ping => {}
    }
    let Some(usage) = event_usage(event, telling) else { return };
    to.extend_from_slice(br#","usage":"#);
    if telling.shape.usage_place() == UsagePlace::Usual {
        // The rest was told with the first event.
        to.push(b'{');
        write_output(usage.output, usage.reasoning, to);
        to.push(b'}');
    } else {
        write_usage(usage, usage.output, to);
    }
}

/// The number of the block that an event belongs to: the text is the first one if there is a text.
fn block(event: Event<'_>, telling: Telling<'_>) -> Option<u64> {
    let texts = u64::from(!telling.answer.text.is_empty());
    match event {
        Event::TextBegin | Event::Text(_) | Event::TextEnd => Some(0),
        Event::ToolBegin | Event::Arguments(_) | Event::ToolEnd => Some(texts + telling.tool as u64),
        Event::Open | Event::Finish | Event::Usage | Event::End | Event::Ping => None,
    }
}

/// An error in the middle of a stream: an event of that name, whose data is the error body.
pub(crate) fn error_frame(body: &[u8]) -> Vec<u8> {
    [b"event: error\ndata: ", body, b"\n\n"].concat()
}

#[cfg(test)]
mod tests {
    use crate::{Answer, Dialect, Finish, Serving, StreamShape, Surface, ToolCall, Usage};

    #[test]
    fn the_events_are_written_to_the_letter() {
        let usage = Usage { input: 3, cache_read: 20, cache_write: 5, output: 7, reasoning: 2, total: None };
        let call = ToolCall { id: "toolu_1".into(), name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let tools = vec![call].into();
        let answer = Answer { text: "one two".into(), usage, finish: Finish::ToolUse, tools };
        let serving = Serving { id: "msg_1", created: 1_700_000_000, model: "chat" };
        let shape = StreamShape { pings: false, ..StreamShape::default() };
        let events = Dialect::Anthropic.stream_events(Surface::Chat, answer, &serving, shape);
        let written: Vec<String> = events.map(|frame| String::from_utf8(frame.bytes).unwrap()).collect();
        let expected = [
            r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"chat","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"one"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" two"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"look","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"at\":1}"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":2}}}"#,
            r#"{"type":"message_stop"}"#,
        ];
        let expected = expected.map(|data| {
            let name = data.split('"').nth(3).unwrap();
            format!("event: {name}\ndata: {data}\n\n")
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn a_ping_is_an_event_of_its_own() {
        let serving = Serving { id: "msg_1", created: 0, model: "chat" };
        let shape = StreamShape { pings: true, ..StreamShape::default() };
        let ping = Dialect::Anthropic
            .stream_events(Surface::Chat, Answer::default(), &serving, shape)
            .nth(1)
            .unwrap();
        assert_eq!(ping.bytes, b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
    }
}
