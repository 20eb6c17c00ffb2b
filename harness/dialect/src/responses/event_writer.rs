//! The events of a streamed response: each with a name and a number; items and parts begin and end, and the last event holds
//! the whole response.

use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Serving, Usage};
use crate::json::{write_number, write_text};
use crate::refusal::RefusalReply;
use crate::responses::answer_body::{
    Standing, call_item_id, message_id, write_call, write_items, write_message, write_part, write_response,
    write_usage,
};
use crate::stream::{COMMENT, Event, Telling, UsagePlace};

/// Writes the events of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    id: String,
    model: String,
    created: u64,
    /// The number of the next event.
    sequence: u64,
}

/// The usage that an event tells.
pub(crate) fn event_usage(event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
    let usual = telling.shape.usage_place() == UsagePlace::Usual && event == Event::Finish;
    if usual { Some(telling.answer.usage) } else { telling.placed_usage(event) }
}

impl EventWriter {
    pub(crate) fn new(serving: &Serving<'_>) -> Self {
        let (id, model) = (serving.id.to_owned(), serving.model.to_owned());
        Self { id, model, created: serving.created, sequence: 0 }
    }

    pub(crate) fn write(&mut self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        let mut frame = Vec::with_capacity(256);
        let usage = event_usage(event, telling);
        match event {
            Event::Open => {
                for name in ["response.created", "response.in_progress"] {
                    self.write_lifecycle(name, Standing::InProgress, (None, usage), &mut frame);
                }
            }
            Event::TextBegin => self.begin_message(&mut frame),
            Event::Text(piece) => self.event("response.output_text.delta", &mut frame, |writer, to| {
                writer.write_place(0, to);
                to.extend_from_slice(br#","delta":"#);
                write_text(piece, to);
                to.extend_from_slice(br#","logprobs":[]"#);
                write_placed(usage, to);
            }),
            Event::TextEnd => self.end_message(&telling.answer.text, &mut frame),
            Event::ToolBegin => self.begin_call(telling, usage, &mut frame),
            Event::Arguments(piece) => {
                self.event("response.function_call_arguments.delta", &mut frame, |writer, to| {
                    writer.write_call_place(telling, to);
                    to.extend_from_slice(br#","delta":"#);
                    write_text(piece, to);
                    write_placed(usage, to);
                });
            }
            Event::ToolEnd => self.end_call(telling, &mut frame),
            Event::Finish => {
                let finish = telling.answer.finish;
                let complete = matches!(finish, Finish::Stop | Finish::ToolUse);
                let name = if complete { "response.completed" } else { "response.incomplete" };
                self.write_lifecycle(name, Standing::Over(finish), (Some(telling.answer), usage), &mut frame);
            }
            // The dialect has no further events.
            Event::Ping | Event::Usage | Event::End => frame.extend_from_slice(COMMENT),
        }
        frame
    }

    /// The event that ends a response of which nothing is told.
    pub(crate) fn end_frame(&mut self) -> Vec<u8> {
        let mut frame = Vec::new();
        self.write_lifecycle("response.completed", Standing::Over(Finish::Stop), (None, None), &mut frame);
        frame
    }

    /// An event of a type that the provider may add one day. It is counted like the others.
    pub(crate) fn stranger(&mut self) -> Vec<u8> {
        let mut frame = Vec::new();
        self.event("response.stranger", &mut frame, |_, to| to.extend_from_slice(br#","note":"unknown""#));
        frame
    }

    /// An error in the middle of a stream. Where the provider itself fails, the response fails; whatever else refuses, such
    /// as a quota, is an event of that name, which is not the end of a response.
    pub(crate) fn error_frame(&mut self, refusal: &RefusalReply) -> Vec<u8> {
        let body: Value = serde_json::from_slice(&refusal.body).unwrap_or_default();
        let error = body.get("error").unwrap_or(&body);
        let member = |name| error.get(name).cloned().unwrap_or_default();
        let message = error.as_str().map_or_else(|| member("message"), Value::from);
        let code =
            [member("code"), member("type")].into_iter().find(|word| !word.is_null()).unwrap_or_default();
        let mut frame = Vec::new();
        if refusal.status >= 500 {
            let error = json!({ "code": code, "message": message }).to_string();
            self.write_lifecycle("response.failed", Standing::Failed(&error), (None, None), &mut frame);
            return frame;
        }
        self.event("error", &mut frame, |_, to| {
            for (name, value) in [("code", code), ("message", message), ("param", member("param"))] {
                to.extend_from_slice(format!(r#","{name}":{value}"#).as_bytes());
            }
        });
        frame
    }

    fn begin_message(&mut self, frame: &mut Vec<u8>) {
        self.event("response.output_item.added", frame, |writer, to| {
            to.extend_from_slice(br#","output_index":0,"item":"#);
            write_message(&writer.serving(), None, to);
        });
        self.event("response.content_part.added", frame, |writer, to| {
            writer.write_place(0, to);
            to.extend_from_slice(br#","part":"#);
            write_part("", to);
        });
    }

    fn end_message(&mut self, text: &str, frame: &mut Vec<u8>) {
        self.event("response.output_text.done", frame, |writer, to| {
            writer.write_place(0, to);
            to.extend_from_slice(br#","text":"#);
            write_text(text, to);
            to.extend_from_slice(br#","logprobs":[]"#);
        });
        self.event("response.content_part.done", frame, |writer, to| {
            writer.write_place(0, to);
            to.extend_from_slice(br#","part":"#);
            write_part(text, to);
        });
        self.event("response.output_item.done", frame, |writer, to| {
            to.extend_from_slice(br#","output_index":0,"item":"#);
            write_message(&writer.serving(), Some(text), to);
        });
    }

    fn begin_call(&mut self, telling: Telling<'_>, usage: Option<Usage>, frame: &mut Vec<u8>) {
        let Some(call) = telling.call() else { return };
        self.event("response.output_item.added", frame, |writer, to| {
            to.extend_from_slice(br#","output_index":"#);
            write_number(output_index(telling), to);
            to.extend_from_slice(br#","item":"#);
            write_call(&writer.serving(), telling.tool, (call, None), to);
            write_placed(usage, to);
        });
    }

    fn end_call(&mut self, telling: Telling<'_>, frame: &mut Vec<u8>) {
        let Some(call) = telling.call() else { return };
        self.event("response.function_call_arguments.done", frame, |writer, to| {
            writer.write_call_place(telling, to);
            to.extend_from_slice(br#","arguments":"#);
            write_text(&call.arguments, to);
        });
        self.event("response.output_item.done", frame, |writer, to| {
            to.extend_from_slice(br#","output_index":"#);
            write_number(output_index(telling), to);
            to.extend_from_slice(br#","item":"#);
            write_call(&writer.serving(), telling.tool, (call, Some(&call.arguments)), to);
        });
    }

    /// An event that holds the response as it stands, with its output if there is any yet.
    fn write_lifecycle(
        &mut self,
        name: &str,
        standing: Standing<'_>,
        (answer, usage): (Option<&Answer>, Option<Usage>),
        frame: &mut Vec<u8>,
    ) {
        self.event(name, frame, |writer, to| {
            let serving = writer.serving();
            to.extend_from_slice(br#","response":"#);
            write_response(&serving, standing, to, |output| {
                answer.inspect(|answer| write_items(answer, &serving, output));
            });
            to.truncate(to.len() - 1);
            to.extend_from_slice(br#","usage":"#);
            match usage {
                Some(usage) => write_usage(usage, to),
                None => to.extend_from_slice(b"null"),
            }
            to.push(b'}');
        });
    }

    /// An event with its name, its number and what `write` puts behind them.
    fn event(&mut self, name: &str, frame: &mut Vec<u8>, write: impl FnOnce(&Self, &mut Vec<u8>)) {
        for part in ["event: ", name, "\ndata: {\"type\":\"", name, "\",\"sequence_number\":"] {
            frame.extend_from_slice(part.as_bytes());
        }
        write_number(self.sequence, frame);
        self.sequence += 1;
        write(self, frame);
        frame.extend_from_slice(b"}\n\n");
    }

    /// Where a piece of the text belongs.
    fn write_place(&self, output: u64, to: &mut Vec<u8>) {
        to.extend_from_slice(br#","item_id":"#);
        write_text(&message_id(&self.serving()), to);
        to.extend_from_slice(br#","output_index":"#);
        write_number(output, to);
        to.extend_from_slice(br#","content_index":0"#);
    }

    /// Where a piece of a call belongs.
    fn write_call_place(&self, telling: Telling<'_>, to: &mut Vec<u8>) {
        to.extend_from_slice(br#","item_id":"#);
        write_text(&call_item_id(&self.serving(), telling.tool), to);
        to.extend_from_slice(br#","output_index":"#);
        write_number(output_index(telling), to);
    }

    fn serving(&self) -> Serving<'_> {
        Serving { id: &self.id, created: self.created, model: &self.model }
    }
}

/// The number of a call among the items of the output: the message is the first one if there is a text.
fn output_index(telling: Telling<'_>) -> u64 {
    u64::from(!telling.answer.text.is_empty()) + telling.tool as u64
}

/// A usage that stands on an event on which the provider has none.
fn write_placed(usage: Option<Usage>, to: &mut Vec<u8>) {
    if let Some(usage) = usage {
        to.extend_from_slice(br#","usage":"#);
        write_usage(usage, to);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::Value;

    use crate::{
        Answer, Cause, Dialect, ErrorName, Refusal, Serving, StreamEvents, StreamShape, Surface, ToolCall,
    };

    fn events() -> StreamEvents {
        let call = ToolCall { id: "call_1".into(), name: "look".into(), arguments: r#"{"a":1}"#.into() };
        let answer = Answer { text: "one two".into(), tools: vec![call].into(), ..Answer::default() };
        let serving = Serving { id: "resp_1", created: 1_700_000_000, model: "chat" };
        Dialect::Openai.stream_events(Surface::Responses, answer, &serving, StreamShape::default())
    }

    fn read(frame: &[u8]) -> Vec<(String, Value)> {
        let text = str::from_utf8(frame).unwrap();
        let event = |event: &str| {
            let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            (name.to_owned(), serde_json::from_str(data).unwrap())
        };
        text.split_terminator("\n\n").map(event).collect()
    }

    #[test]
    fn the_events_are_named_and_numbered_in_their_order() {
        let all: Vec<(String, Value)> = events().flat_map(|frame| read(&frame.bytes)).collect();
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ];
        assert_eq!(names, expected);
        for (number, (name, data)) in all.iter().enumerate() {
            assert_eq!((&data["type"], &data["sequence_number"]), (&name.as_str().into(), &number.into()));
        }
        assert_eq!(all[12].1["item"]["arguments"], r#"{"a":1}"#);
        assert_eq!((&all[10].1["output_index"], &all[10].1["item_id"]), (&1.into(), &"fc_1_0".into()));
        assert_eq!(all[13].1["response"]["output"][0]["content"][0]["text"], "one two");
    }

    #[test]
    fn a_piece_of_text_is_written_to_the_letter() {
        let delta = events().find(|frame| frame.kind.is_content()).unwrap();
        let expected = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"one\",\"logprobs\":[]}\n\n";
        assert_eq!(String::from_utf8(delta.bytes).unwrap(), expected);
    }

    #[test]
    fn an_error_counts_on_from_what_was_told() {
        for (error, frames, name, number) in [
            (ErrorName::ServerError, 1, "response.failed", 2),
            (ErrorName::ServerError, 3, "response.failed", 5),
            (ErrorName::InsufficientQuota, 1, "error", 2),
            (ErrorName::RateLimit, 8, "error", 13),
        ] {
            let refusal = Refusal {
                cause: Cause::Named(error),
                status: None,
                hints: &[],
                now: UNIX_EPOCH,
                request_id: "",
            };
            let mut events = events();
            assert_eq!(events.by_ref().take(frames).count(), frames);
            let told = [events.error_frame(&Dialect::Openai.refusal(&refusal)), events.end_frame()].concat();
            let found = read(&told);
            let numbers: Vec<&Value> = found.iter().map(|(_, data)| &data["sequence_number"]).collect();
            assert_eq!(numbers, [&Value::from(number), &Value::from(number + 1)], "{error:?}");
            assert_eq!((found[0].0.as_str(), found[1].0.as_str()), (name, "response.completed"));
        }
    }
}
