//! Streams that tell a whole answer, in every shape.

use super::hearing::*;

#[test]
fn a_stream_of_any_shape_tells_the_whole_answer() {
    for spoken in SPOKEN {
        for answer in answers() {
            for shape in shapes() {
                let heard = hear(spoken, &bytes(&frames(spoken, &answer, shape)));
                let context = format!("{spoken:?} {shape:?} {answer:?}");
                assert_eq!(heard.text, *answer.text, "{context}");
                let expected = told_calls(spoken, &answer, false);
                assert!(heard.tools.calls().eq(&expected), "{context}: {:?}", heard.tools);
                let calls = !answer.tools.is_empty();
                let finish = heard.finish.as_deref().and_then(|word| spoken.0.finish(spoken.1, word, calls));
                assert_eq!(finish, Some(knowable(spoken, answer.finish)), "{context}");
                assert_eq!((heard.ended, heard.unreadable), (true, 0), "{context}");
                let told = heard.usage.map(ToldUsage::usage);
                let asked = shape.include_usage || !tells_when_asked(spoken);
                assert_eq!(told, asked.then_some(tellable(spoken)), "{context}");
            }
        }
    }
}

#[test]
fn a_stream_in_pieces_of_one_byte_is_the_same_stream() {
    let [both, ..] = answers();
    for spoken in SPOKEN {
        for framing in framings() {
            let shape = StreamShape { framing, include_usage: true, ..StreamShape::default() };
            let stream = bytes(&frames(spoken, &both, shape));
            assert_eq!(hear_in_pieces(spoken, &stream, 1), hear(spoken, &stream), "{spoken:?} {framing:?}");
        }
    }
}

#[test]
fn a_frame_says_what_it_carries() {
    for spoken in SPOKEN {
        for answer in answers() {
            for shape in shapes() {
                let mut events = spoken.0.stream_events(spoken.1, answer.clone(), &SERVING, shape);
                let (mut told, mut last) = (0, None);
                while let Some(kind) = events.next_kind() {
                    let frame = events.next().unwrap();
                    assert_eq!(frame.kind, kind);
                    assert_eq!(frame.text.start, told);
                    assert_eq!(frame.text.is_empty(), kind != FrameKind::Content, "{kind:?}");
                    told = frame.text.end;
                    let heard = hear(spoken, &frame.bytes);
                    assert_eq!(heard.text, answer.text[frame.text.clone()], "{kind:?}");
                    assert_eq!(heard.usage.is_some(), frame.usage.is_some(), "{spoken:?} {kind:?}");
                    let output = heard.usage.map(|usage| usage.usage().output);
                    assert_eq!(output, frame.usage.map(|usage| usage.output), "{spoken:?} {kind:?}");
                    last = heard.ended.then_some(kind);
                }
                assert_eq!(told, answer.text.len());
                assert!(matches!(last, Some(FrameKind::Finish | FrameKind::End)), "{spoken:?} {last:?}");
                assert!(events.is_over() && events.next().is_none());
            }
        }
    }
}

#[test]
fn a_text_comes_in_as_many_contents_as_are_wanted() {
    let [_, words, ..] = answers();
    for spoken in SPOKEN {
        for (contents, expected) in [(None, 5), (NonZeroU32::new(3), 3), (NonZeroU32::new(1_000), 22)] {
            let shape = StreamShape { contents, ..StreamShape::default() };
            let frames = frames(spoken, &words, shape);
            let found = frames.iter().filter(|frame| frame.kind.is_content()).count();
            assert_eq!(found, expected, "{spoken:?} {contents:?}");
        }
    }
}

#[test]
fn pings_stand_between_the_events_and_not_behind_the_end() {
    let [both, ..] = answers();
    for spoken in SPOKEN {
        let plain = frames(spoken, &both, StreamShape::default());
        let pinged = frames(spoken, &both, StreamShape { pings: true, ..StreamShape::default() });
        assert_eq!(pinged.len(), 2 * plain.len() - 1);
        let (even, odd): (Vec<_>, Vec<_>) = pinged.iter().enumerate().partition(|(index, _)| index % 2 == 0);
        assert!(even.into_iter().map(|(_, frame)| frame).eq(&plain), "{spoken:?}");
        assert!(odd.iter().all(|(_, frame)| frame.kind == FrameKind::Ping), "{spoken:?}");
        let events = spoken.0.stream_events(spoken.1, both.clone(), &SERVING, StreamShape::default());
        assert_eq!(events.ping_frame(), odd[0].1.bytes, "{spoken:?}");
        assert_eq!(hear(spoken, &events.ping_frame()), Heard::default(), "a ping says nothing");
    }
}

#[test]
fn a_plain_answer_is_read_back_whole() {
    for spoken in SPOKEN {
        let (dialect, surface) = spoken;
        for answer in answers() {
            let body = dialect.answer_body(surface, &answer, &SERVING);
            let read = dialect.read_answer(surface, &body).unwrap();
            assert_eq!(read.text.as_deref().unwrap_or_default(), &*answer.text, "{spoken:?}");
            let calls = !answer.tools.is_empty();
            let finish = read.finish.as_deref().and_then(|word| dialect.finish(surface, word, calls));
            assert_eq!(finish, Some(knowable(spoken, answer.finish)), "{spoken:?}");
            assert_eq!(read.usage.map(ToldUsage::usage), Some(tellable(spoken)), "{spoken:?}");
            assert_eq!(read.tools, told_calls(spoken, &answer, true), "{spoken:?}");
        }
    }
}

#[test]
fn strangers_stand_between_the_events_in_each_dialect_s_own_way() {
    let framing = Framing { strangers: true, ..Framing::default() };
    for (dialect, surface) in SPOKEN {
        let frames = |shape| {
            let answer = answers()[1].clone();
            let events = dialect.stream_events(surface, answer, &SERVING, shape);
            events.map(|frame| String::from_utf8(frame.bytes).unwrap()).collect::<Vec<_>>()
        };
        let usual = frames(StreamShape::default());
        let strange = frames(StreamShape { framing, ..StreamShape::default() });
        assert_eq!(strange.len(), usual.len(), "{dialect:?} {surface:?}");
        assert_eq!(strange[0], usual[0], "nothing stands before the first one");
        let with_strangers = strange.iter().filter(|frame| frame.contains("stranger")).count();
        let lines = dialect.stream_format(surface) == StreamFormat::Lines;
        let expected = if lines { 0 } else { usual.len() - 1 };
        assert_eq!(with_strangers, expected, "{dialect:?} {surface:?}");
    }
}
