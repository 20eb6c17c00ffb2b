//! Streams that go wrong, or are read in a format that is not theirs.

use super::hearing::*;

fn refusal(dialect: Dialect, error: ErrorName) -> RefusalReply {
    dialect.refusal(&Refusal {
        cause: Cause::Named(error),
        status: None,
        hints: &[],
        now: UNIX_EPOCH,
        request_id: "req_1",
    })
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_told_in_the_provider_s_way() {
    let [_, words, ..] = answers();
    for spoken in SPOKEN {
        let begin = match spoken {
            (_, Surface::Responses) => "event: ",
            (Dialect::Ollama, _) => "{\"error\":\"",
            (Dialect::Gemini, _) => "{\n  \"error\": {\n",
            (Dialect::Anthropic, _) => "event: error\ndata: {\"type\":\"error\",\"error\":{",
            // A key is refused before the usual words are known.
            (Dialect::Vllm, _) => "data: {\"error\":",
            (Dialect::OllamaV1, _) => "data: {\"id\":\"",
            _ => "data: {\"error\":{",
        };
        for error in ErrorName::ALL {
            let refused = refusal(spoken.0.on(spoken.1), *error);
            let expected = ErrorBody::read(None, &refused.body);
            for framing in framings() {
                let shape = StreamShape { framing, ..StreamShape::default() };
                let mut events = spoken.0.stream_events(spoken.1, words.clone(), &SERVING, shape);
                let begun: Vec<Frame> = events.by_ref().take(3).collect();
                let frame = events.error_frame(&refused);
                assert!(framing != Framing::default() || frame.starts_with(begin.as_bytes()), "{spoken:?}");
                let stream = [bytes(&begun), frame].concat();
                let heard = hear(spoken, &stream);
                if spoken == (Dialect::OllamaV1, Surface::Chat) {
                    assert_eq!((heard.errors.len(), heard.ended, heard.unreadable), (0, false, 0));
                    continue;
                }
                let [told] = &heard.errors[..] else { panic!("{spoken:?} {error:?}: {:?}", heard.errors) };
                assert_eq!(told.message, expected.message, "{spoken:?} {error:?}");
                if spoken.1 == Surface::Chat {
                    assert_eq!(*told, expected, "{spoken:?} {error:?}");
                } else {
                    assert_eq!(told.shape, Shape::Openai, "{spoken:?} {error:?}");
                }
                let vllm = spoken == (Dialect::Vllm, Surface::Chat);
                assert_eq!(
                    heard.ended, vllm,
                    "only vLLM ends a stream that failed as a sound one: {spoken:?}"
                );
                let ended = hear(spoken, &[stream, events.end_frame()].concat()).ended;
                assert_eq!(ended, spoken.0 != Dialect::Gemini, "{spoken:?}: Gemini has no end to tell");
            }
        }
    }
}

#[test]
fn a_stream_of_one_format_ends_in_no_other() {
    let [both, ..] = answers();
    let formats = [
        (Dialect::Openai, Surface::Chat),
        (Dialect::Anthropic, Surface::Chat),
        (Dialect::Gemini, Surface::Chat),
        (Dialect::Openai, Surface::Responses),
    ];
    for spoken in formats {
        for other in formats.into_iter().filter(|other| *other != spoken) {
            let heard = hear(other, &bytes(&frames(spoken, &both, StreamShape::default())));
            assert_eq!((heard.ended, heard.text.as_str()), (false, ""), "{spoken:?} as {other:?}");
            assert!(heard.unreadable > 0, "{spoken:?} as {other:?}");
        }
    }
}

#[test]
fn lines_of_json_are_no_server_sent_events() {
    let [both, ..] = answers();
    let stream = bytes(&frames((Dialect::Ollama, Surface::Chat), &both, StreamShape::default()));
    let mut framer = Framer::new(100_000);
    framer.reset(StreamFormat::Events);
    framer.push(&stream, |event| panic!("an event: {event:?}")).unwrap();
    assert!(framer.strays() > 0);
}
