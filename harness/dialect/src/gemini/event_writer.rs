//! The events of a streamed answer: each looks like a plain one with a part of the content, and the last tells the reason.

use serde_json::Value;

use crate::answer::{Serving, Usage};
use crate::framer::StreamFormat;
use crate::gemini::answer_body::{
    BLOCKED, is_blocked, write_call_part, write_candidate, write_closing, write_text_part, write_usage,
};
use crate::stream::{COMMENT, Event, Telling, UsagePlace};

/// Writes the events of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    /// What every event ends with.
    closing: Vec<u8>,
    /// Where the next item of a list stands; none in a stream of events.
    list: Option<Place>,
}

/// Where an item of a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Later,
}

/// The usage that an event tells: the provider counts up on every one of them.
pub(crate) fn event_usage(event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
    let usual = telling.shape.usage_place() == UsagePlace::Usual && event != Event::Ping;
    if usual { Some(telling.so_far) } else { telling.placed_usage(event) }
}

impl EventWriter {
    pub(crate) fn new(serving: &Serving<'_>, format: StreamFormat) -> Self {
        let mut closing = Vec::with_capacity(64 + serving.id.len() + serving.model.len());
        write_closing(serving, &mut closing);
        Self { closing, list: (format == StreamFormat::List).then_some(Place::First) }
    }

    pub(crate) fn format(&self) -> StreamFormat {
        if self.list.is_some() { StreamFormat::List } else { StreamFormat::EventsAndJson }
    }

    pub(crate) fn write(&mut self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        if event == Event::Ping {
            return self.ping_frame().to_vec();
        }
        let mut frame = Vec::with_capacity(192 + self.closing.len());
        frame.extend_from_slice(self.opening());
        match event {
            Event::Text(piece) => write_candidate(None, &mut frame, |parts| write_text_part(piece, parts)),
            Event::ToolBegin => write_candidate(None, &mut frame, |parts| {
                telling.call().inspect(|call| write_call_part(call, parts));
            }),
            // The dialect has no further events.
            _ if is_blocked(telling.answer) => frame.extend_from_slice(BLOCKED),
            _ => write_candidate(Some(telling.answer.finish), &mut frame, |parts| write_text_part("", parts)),
        }
        if let Some(usage) = event_usage(event, telling) {
            write_usage(usage, &mut frame);
        }
        frame.extend_from_slice(&self.closing);
        frame.extend_from_slice(if event == Event::Finish { self.last_ending() } else { self.ending() });
        frame
    }

    /// An event without candidates and with a field that nobody knows. The official libraries read no names of events.
    pub(crate) fn stranger(&mut self) -> Vec<u8> {
        [self.opening(), br#"{"stranger":{"note":"unknown"}"#, &*self.closing, self.ending()].concat()
    }

    /// What says nothing: a comment, or a blank between the items of a list.
    pub(crate) fn ping_frame(&self) -> &'static [u8] {
        if self.list.is_some() { b"\n" } else { COMMENT }
    }

    /// An error in the middle of a stream. It is no event there, but JSON on lines of its own; in a list it is an item, and the
    /// last one.
    pub(crate) fn error_frame(&mut self, body: &[u8]) -> Vec<u8> {
        let lines = serde_json::from_slice::<Value>(body).and_then(|body| serde_json::to_vec_pretty(&body));
        let lines = lines.unwrap_or_else(|_| body.to_vec());
        match self.list {
            Some(_) => [self.opening(), &lines, self.last_ending()].concat(),
            None => [&*lines, b"\n"].concat(),
        }
    }

    /// The end of a list that has not told why its answer ended; a stream of events just ends.
    pub(crate) fn end_frame(&self) -> Vec<u8> {
        match self.list {
            Some(Place::First) => b"[]\n".to_vec(),
            Some(Place::Later) => b"]\n".to_vec(),
            None => Vec::new(),
        }
    }

    /// What an event begins with.
    fn opening(&mut self) -> &'static [u8] {
        let Some(place) = &mut self.list else { return b"data: " };
        match std::mem::replace(place, Place::Later) {
            Place::First => b"[",
            Place::Later => b",\r\n",
        }
    }

    fn ending(&self) -> &'static [u8] {
        if self.list.is_some() { b"\n" } else { b"\n\n" }
    }

    fn last_ending(&self) -> &'static [u8] {
        if self.list.is_some() { b"\n]\n" } else { b"\n\n" }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::{
        Answer, Dialect, Finish, RefusalReply, Serving, StreamEvents, StreamShape, Surface, ToolCall, Usage,
    };

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

    fn list(answer: &Answer) -> StreamEvents {
        let serving = Serving { id: "r1", created: 1_700_000_000, model: "chat" };
        Dialect::GeminiList.stream_events(Surface::Chat, answer.clone(), &serving, StreamShape::default())
    }

    fn items(bytes: &[u8]) -> Vec<Value> {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn without_events_the_stream_is_one_list_of_the_same() {
        let answer = Answer { text: "one two".into(), ..Answer::default() };
        let bytes: Vec<u8> = list(&answer).flat_map(|frame| frame.bytes).collect();
        assert!(
            bytes.starts_with(b"[{") && bytes.ends_with(b"}\n]\n"),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
        let texts: Vec<Value> = items(&bytes)
            .iter()
            .map(|item| item.pointer("/candidates/0/content/parts/0/text").cloned().unwrap())
            .collect();
        assert_eq!(texts, ["one", " two", ""]);
        let mut events = list(&answer);
        assert_eq!(events.clone().end_frame(), b"[]\n");
        let begun = events.next().unwrap().bytes;
        assert_eq!(items(&[&*begun, &events.ping_frame(), &events.end_frame()].concat()).len(), 1);
    }

    #[test]
    fn an_error_is_the_last_item_of_a_list_and_json_of_its_own_between_events() {
        let answer = Answer { text: "one two".into(), ..Answer::default() };
        let body = br#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#.to_vec();
        let refusal = RefusalReply { status: 503, headers: Vec::new(), body };
        for told in [0, 1] {
            let mut events = list(&answer);
            let mut bytes: Vec<u8> = events.by_ref().take(told).flat_map(|frame| frame.bytes).collect();
            bytes.extend(events.error_frame(&refusal));
            assert_eq!(items(&bytes)[told]["error"]["code"], 503);
            assert_eq!(items(&bytes).len(), told + 1);
        }
        let serving = Serving { id: "r1", created: 0, model: "chat" };
        let mut events =
            Dialect::Gemini.stream_events(Surface::Chat, answer, &serving, StreamShape::default());
        let expected = "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"m\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
        assert_eq!(String::from_utf8(events.error_frame(&refusal)).unwrap(), expected);
    }

    #[test]
    fn a_prompt_that_was_blocked_has_no_candidate() {
        let answer = Answer { finish: Finish::ContentFilter, ..Answer::default() };
        let items = items(&list(&answer).flat_map(|frame| frame.bytes).collect::<Vec<u8>>());
        assert_eq!((items.len(), items[0].get("candidates")), (1, None));
        assert_eq!(items[0]["promptFeedback"]["blockReason"], "SAFETY");
    }
}
