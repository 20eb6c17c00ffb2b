//! The events of a streamed chat completion: chunks without a name, and `[DONE]` at the end.

use crate::answer::{Serving, Usage};
use crate::json::{write_number, write_text};
use crate::openai::Flavor;
use crate::openai::answer_body::{
    finish_word, write_choice_rest, write_opening, write_prompt_filter, write_usage,
};
use crate::stream::{COMMENT, Event, Telling, UsagePlace};

/// Writes the events of one stream.
#[derive(Clone, Debug)]
pub(crate) struct EventWriter {
    flavor: Flavor,
    /// What every chunk begins with.
    opening: Vec<u8>,
}

/// The event that ends every sound stream.
pub(crate) const END_FRAME: &[u8] = b"data: [DONE]\n\n";

impl EventWriter {
    pub(crate) fn new(flavor: Flavor, serving: &Serving<'_>) -> Self {
        let mut opening = Vec::with_capacity(192 + serving.id.len() + serving.model.len());
        opening.extend_from_slice(b"data: ");
        write_opening(flavor, serving, "chat.completion.chunk", &mut opening);
        Self { flavor, opening }
    }

    pub(crate) fn tells_calls_whole(&self) -> bool {
        self.flavor.tells_calls_whole()
    }

    /// The usage that an event tells.
    pub(crate) fn usage(&self, event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
        if event == Event::Usage { Some(telling.answer.usage) } else { telling.placed_usage(event) }
    }

    pub(crate) fn write(&self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        match event {
            Event::End => return END_FRAME.to_vec(),
            Event::Ping => return COMMENT.to_vec(),
            _ => {}
        }
        let mut frame = Vec::with_capacity(self.opening.len() + 192);
        if event == Event::Open && self.flavor == Flavor::Azure {
            self.write_filter_chunk(&mut frame);
        }
        frame.extend_from_slice(&self.opening);
        frame.extend_from_slice(br#","choices":"#);
        self.write_choices(event, telling, &mut frame);
        let usual = telling.shape.usage_place() == UsagePlace::Usual;
        if let Some(usage) = self.usage(event, telling) {
            frame.extend_from_slice(br#","usage":"#);
            write_usage(self.flavor, usage, &mut frame);
        } else if self.flavor.says_null_usage() && telling.shape.include_usage && usual {
            frame.extend_from_slice(br#","usage":null"#);
        }
        frame.extend_from_slice(b"}\n\n");
        frame
    }

    /// The chunk without a choice in which Azure says what its filter made of the prompt.
    fn write_filter_chunk(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.opening);
        to.extend_from_slice(br#","choices":[]"#);
        write_prompt_filter(to);
        to.extend_from_slice(b"}\n\n");
    }

    fn write_choices(&self, event: Event<'_>, telling: Telling<'_>, to: &mut Vec<u8>) {
        if event == Event::Usage {
            return to.extend_from_slice(b"[]");
        }
        to.extend_from_slice(br#"[{"index":0,"delta":{"#);
        write_delta(self.flavor, event, telling, to);
        to.push(b'}');
        to.extend_from_slice(self.flavor.logprobs().as_bytes());
        to.extend_from_slice(br#","finish_reason":"#);
        if event == Event::Finish {
            to.push(b'"');
            to.extend_from_slice(finish_word(telling.answer.finish).as_bytes());
            to.push(b'"');
            write_choice_rest(self.flavor, telling.answer.finish, to);
        } else {
            to.extend_from_slice(b"null");
        }
        to.extend_from_slice(b"}]");
    }

    /// A chunk that says nothing of any choice, behind a name that no chunk has.
    pub(crate) fn stranger(&self) -> Vec<u8> {
        [b"event: stranger\n", &*self.opening, br#","choices":[],"stranger":{"note":"unknown"}}"#, b"\n\n"]
            .concat()
    }

    /// An error in the middle of a stream: an event like any other, whose data is the error body. vLLM ends the stream
    /// behind it as it ends a sound one. Ollama takes its own line for a piece without a text, and tells of no error.
    pub(crate) fn error_frame(&self, body: &[u8]) -> Vec<u8> {
        const NOTHING: &[u8] =
            br#","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
        match self.flavor {
            Flavor::Ollama => [&*self.opening, NOTHING, b"\n\n"].concat(),
            Flavor::Vllm => [b"data: ", body, b"\n\n", END_FRAME].concat(),
            Flavor::Openai | Flavor::Azure => [b"data: ", body, b"\n\n"].concat(),
        }
    }
}

fn write_delta(flavor: Flavor, event: Event<'_>, telling: Telling<'_>, to: &mut Vec<u8>) {
    match event {
        Event::Open => {
            to.extend_from_slice(br#""role":"assistant","content":"#);
            let silent = telling.answer.text.is_empty() && !telling.answer.tools.is_empty();
            to.extend_from_slice(if silent && flavor != Flavor::Ollama { b"null" } else { b"\"\"" });
            to.extend_from_slice(flavor.first_delta_rest().as_bytes());
        }
        Event::Text(piece) => {
            to.extend_from_slice(br#""content":"#);
            write_text(piece, to);
        }
        Event::ToolBegin => {
            let call = telling.call();
            let (id, name) = call.map_or(("", ""), |call| (call.id.as_str(), call.name.as_str()));
            let whole = call.filter(|_| flavor.tells_calls_whole());
            to.extend_from_slice(br#""tool_calls":[{"index":"#);
            write_number(telling.tool as u64, to);
            to.extend_from_slice(br#","id":"#);
            write_text(id, to);
            to.extend_from_slice(br#","type":"function","function":{"name":"#);
            write_text(name, to);
            to.extend_from_slice(br#","arguments":"#);
            write_text(whole.map_or("", |call| &call.arguments), to);
            to.extend_from_slice(b"}}]");
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

#[cfg(test)]
mod tests {
    use crate::{Answer, Dialect, Finish, Serving, StreamShape, Surface, ToolCall, Usage};

    const OPENING: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"chat","service_tier":"default","system_fingerprint":"fp_simulated","choices":"#;

    fn frames(answer: Answer, shape: StreamShape) -> Vec<String> {
        let serving = Serving { id: "chatcmpl-1", created: 1_700_000_000, model: "chat" };
        let events = Dialect::Openai.stream_events(Surface::Chat, answer, &serving, shape);
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

    #[test]
    fn others_leave_out_or_add_what_is_theirs() {
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let usage = Usage { input: 3, output: 2, ..Usage::default() };
        let answer = Answer { finish: Finish::ToolUse, tools: vec![call].into(), usage, ..Answer::default() };
        let shape = StreamShape { include_usage: true, ..StreamShape::default() };
        let serving = Serving { id: "id-1", created: 7, model: "chat" };
        let opening = r#"data: {"id":"id-1","object":"chat.completion.chunk","created":7,"model":"chat""#;
        let begun = r#"{"index":0,"id":"c","type":"function","function":{"name":"look","arguments":""}}"#;
        let vllm = [
            r#"[{"index":0,"delta":{"role":"assistant","content":null},"logprobs":null,"finish_reason":null}]}"#.to_owned(),
            format!(r#"[{{"index":0,"delta":{{"tool_calls":[{begun}]}},"logprobs":null,"finish_reason":null}}]}}"#),
            r#"[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"at\":1}"}}]},"logprobs":null,"finish_reason":null}]}"#.to_owned(),
            r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls","stop_reason":null}]}"#.to_owned(),
            r#"[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":null}}"#.to_owned(),
        ];
        let ollama = [
            r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}]},"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
        ];
        for (dialect, print, rests) in [
            (Dialect::Vllm, "", vllm.to_vec()),
            (Dialect::OllamaV1, r#","system_fingerprint":"fp_ollama""#, ollama.map(str::to_owned).to_vec()),
        ] {
            let events = dialect.stream_events(Surface::Chat, answer.clone(), &serving, shape);
            let written: Vec<String> = events.map(|frame| String::from_utf8(frame.bytes).unwrap()).collect();
            let chunks = rests.iter().map(|rest| format!("{opening}{print},\"choices\":{rest}\n\n"));
            assert_eq!(
                written,
                chunks.chain(["data: [DONE]\n\n".to_owned()]).collect::<Vec<_>>(),
                "{dialect:?}"
            );
        }
    }

    #[test]
    fn azure_says_first_what_its_filter_made_of_the_prompt() {
        let serving = Serving { id: "id-1", created: 7, model: "chat" };
        let shape = StreamShape::default();
        let mut events = Dialect::Azure.stream_events(Surface::Chat, Answer::default(), &serving, shape);
        let opening = String::from_utf8(events.next().unwrap().bytes).unwrap();
        let chunks: Vec<&str> = opening.split_terminator("\n\n").collect();
        assert_eq!(chunks.len(), 2, "{opening}");
        assert!(
            chunks[0].contains(r#""choices":[],"prompt_filter_results":[{"prompt_index":0,"#),
            "{opening}"
        );
        assert!(chunks[1].contains(r#""delta":{"role":"assistant""#), "{opening}");
        let finish = String::from_utf8(events.next().unwrap().bytes).unwrap();
        assert!(finish.contains(r#""finish_reason":"stop","content_filter_results":{"hate":"#), "{finish}");
    }
}
