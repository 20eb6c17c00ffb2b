//! A chat completion as a provider writes it: the plain body, the events of a stream, the list of models.

use crate::openai::Usage;

/// What a chat completion says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was made, in seconds of Unix time.
    pub created: u64,
    /// The model that made it.
    pub model: &'a str,
}

/// The events of one streamed completion. Each is written whole, as the bytes of an event with its empty line.
#[derive(Clone, Debug)]
pub struct StreamWriter {
    /// What every chunk begins with.
    opening: Vec<u8>,
    /// What every chunk ends with.
    closing: &'static [u8],
}

/// The event that ends every sound stream.
pub const DONE_EVENT: &[u8] = b"data: [DONE]\n\n";

impl Completion<'_> {
    /// The body of a plain answer.
    #[must_use]
    pub fn body(&self, text: &str, usage: Usage) -> Vec<u8> {
        let mut body = Vec::with_capacity(640 + self.id.len() + self.model.len() + text.len());
        self.write_opening("chat.completion", &mut body);
        body.extend_from_slice(br#","choices":[{"index":0,"message":{"role":"assistant","content":"#);
        write_text(text, &mut body);
        body.extend_from_slice(
            br#","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":"#,
        );
        write_usage(usage, &mut body);
        body.push(b'}');
        body
    }

    /// The writer of the same as a stream.
    #[must_use]
    pub fn stream(&self, include_usage: bool) -> StreamWriter {
        let mut opening = b"data: ".to_vec();
        self.write_opening("chat.completion.chunk", &mut opening);
        let closing = if include_usage { &b",\"usage\":null}\n\n"[..] } else { b"}\n\n" };
        StreamWriter { opening, closing }
    }

    fn write_opening(&self, object: &str, body: &mut Vec<u8>) {
        body.extend_from_slice(br#"{"id":"#);
        write_text(self.id, body);
        body.extend_from_slice(br#","object":""#);
        body.extend_from_slice(object.as_bytes());
        body.extend_from_slice(br#"","created":"#);
        write_number(self.created, body);
        body.extend_from_slice(br#","model":"#);
        write_text(self.model, body);
        body.extend_from_slice(br#","service_tier":"default","system_fingerprint":"fp_simulated""#);
    }
}

impl StreamWriter {
    /// The first event: who speaks.
    #[must_use]
    pub fn role(&self) -> Vec<u8> {
        self.event(|event| {
            event.extend_from_slice(br#"[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]"#);
        })
    }

    /// A piece of the text.
    #[must_use]
    pub fn piece(&self, piece: &str) -> Vec<u8> {
        self.event(|event| {
            event.extend_from_slice(br#"[{"index":0,"delta":{"content":"#);
            write_text(piece, event);
            event.extend_from_slice(br#"},"logprobs":null,"finish_reason":null}]"#);
        })
    }

    /// The last event of the answer: why it ended.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        self.event(|event| {
            event.extend_from_slice(br#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]"#);
        })
    }

    /// The event after the last one, for who asked for the usage.
    #[must_use]
    pub fn usage(&self, usage: Usage) -> Vec<u8> {
        let mut event = self.opening.clone();
        event.extend_from_slice(br#","choices":[],"usage":"#);
        write_usage(usage, &mut event);
        event.extend_from_slice(b"}\n\n");
        event
    }

    fn event(&self, write_choices: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut event = Vec::with_capacity(self.opening.len() + 192);
        event.extend_from_slice(&self.opening);
        event.extend_from_slice(br#","choices":"#);
        write_choices(&mut event);
        event.extend_from_slice(self.closing);
        event
    }
}

/// A text cut into the pieces in which it is streamed: each word with the white space of ASCII before it, so that the
/// pieces together are the text.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
        let end =
            rest[word..].find(|c: char| c.is_ascii_whitespace()).map_or(rest.len(), |length| word + length);
        // White space at the very end belongs to the last word.
        let end = if rest[end..].trim_ascii_start().is_empty() { rest.len() } else { end };
        let (piece, later) = rest.split_at(end);
        rest = later;
        Some(piece)
    })
}

/// The list of an upstream's models.
#[must_use]
pub fn model_list<'a>(models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let mut body = br#"{"object":"list","data":["#.to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"id":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","object":"model","created":"#);
        write_number(created, &mut body);
        body.extend_from_slice(br#","owned_by":"openai"}"#);
    }
    body.extend_from_slice(b"]}");
    body
}

/// Writes a text as JSON.
pub(crate) fn write_text(text: &str, to: &mut Vec<u8>) {
    serde_json::to_writer(to, text).expect("a text has a JSON form, and memory takes it");
}

/// Writes a number. The standard formatting would be a tenth of the cost of a whole reply.
fn write_number(mut number: u64, to: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + u8::try_from(number % 10).expect("a digit is below ten");
        number /= 10;
        if number == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[first..]);
}

fn write_usage(usage: Usage, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"prompt_tokens":"#);
    write_number(usage.input, to);
    to.extend_from_slice(br#","completion_tokens":"#);
    write_number(usage.output, to);
    to.extend_from_slice(br#","total_tokens":"#);
    write_number(usage.input.saturating_add(usage.output), to);
    to.extend_from_slice(br#","prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::{Answer, ChatEvent};

    const COMPLETION: Completion<'static> =
        Completion { id: "chatcmpl-1", created: 1_700_000_000, model: "chat" };
    const USAGE: Usage = Usage { input: 3, output: 2 };

    #[test]
    fn a_plain_answer_is_written_to_the_letter() {
        let body = COMPLETION.body("two\n\"words\"", USAGE);
        let expected = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"chat","service_tier":"default","system_fingerprint":"fp_simulated","choices":[{"index":0,"message":{"role":"assistant","content":"two\n\"words\"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#;
        assert_eq!(String::from_utf8(body.clone()).unwrap(), expected);
        let answer = Answer::read(&body).unwrap();
        assert_eq!((answer.text.as_deref(), answer.usage), (Some("two\n\"words\""), Some(USAGE)));
    }

    #[test]
    fn the_events_of_a_stream_are_written_to_the_letter() {
        let opening = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"chat","service_tier":"default","system_fingerprint":"fp_simulated","choices":"#;
        let stream = COMPLETION.stream(false);
        for (event, rest) in [
            (
                stream.role(),
                r#"[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#,
            ),
            (
                stream.piece(" a"),
                r#"[{"index":0,"delta":{"content":" a"},"logprobs":null,"finish_reason":null}]}"#,
            ),
            (stream.finish(), r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#),
        ] {
            assert_eq!(String::from_utf8(event).unwrap(), format!("{opening}{rest}\n\n"));
        }
        let stream = COMPLETION.stream(true);
        let piece = String::from_utf8(stream.piece("a")).unwrap();
        assert!(piece.ends_with("\"finish_reason\":null}],\"usage\":null}\n\n"), "{piece}");
        let data = piece.strip_prefix("data: ").unwrap();
        assert!(
            matches!(ChatEvent::read(data.as_bytes()), ChatEvent::Chunk(chunk) if chunk.text.as_deref() == Some("a"))
        );
        let usage = String::from_utf8(stream.usage(USAGE)).unwrap();
        assert!(usage.starts_with(&format!("{opening}[],\"usage\":{{\"prompt_tokens\":3,")), "{usage}");
        assert!(usage.ends_with("}\n\n"), "{usage}");
    }

    #[test]
    fn a_text_s_pieces_are_its_words_and_together_the_text() {
        for (text, expected) in [
            ("", vec![]),
            ("one", vec!["one"]),
            ("one two  three", vec!["one", " two", "  three"]),
            (" lead and trail \n", vec![" lead", " and", " trail \n"]),
            ("  ", vec!["  "]),
            ("é ü", vec!["é", " ü"]),
        ] {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
            assert_eq!(pieces(text).collect::<String>(), text);
        }
    }

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        for number in [0, 7, 10, 1_700_000_000, u64::MAX] {
            let mut written = Vec::new();
            write_number(number, &mut written);
            assert_eq!(String::from_utf8(written).unwrap(), number.to_string());
        }
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let expected = r#"{"object":"list","data":[{"id":"a","object":"model","created":7,"owned_by":"openai"},{"id":"b","object":"model","created":7,"owned_by":"openai"}]}"#;
        assert_eq!(String::from_utf8(model_list(["a", "b"], 7)).unwrap(), expected);
        assert_eq!(model_list([], 7), br#"{"object":"list","data":[]}"#);
    }
}
