//! Where the usage stands, and that it is told whole.

use super::hearing::*;

#[test]
fn the_usage_stands_where_it_is_placed() {
    use FrameKind::{Block, Content, Finish, Opening, Tool, Usage};
    let openai = (Dialect::Openai, Surface::Chat);
    let anthropic = (Dialect::Anthropic, Surface::Chat);
    let gemini = (Dialect::Gemini, Surface::Chat);
    let ollama = (Dialect::Ollama, Surface::Chat);
    let responses = (Dialect::Openai, Surface::Responses);
    type Case = (Spoken, bool, UsagePlace, &'static [FrameKind]);
    let cases: [Case; 20] = [
        (openai, true, UsagePlace::Usual, &[Usage]),
        (openai, false, UsagePlace::Usual, &[]),
        (openai, true, UsagePlace::EveryEvent, &[Opening, Content, Tool, Finish, Usage]),
        (openai, false, UsagePlace::EveryEvent, &[Opening, Content, Tool, Finish]),
        (openai, true, UsagePlace::Finish, &[Finish]),
        (openai, true, UsagePlace::Nowhere, &[]),
        (anthropic, false, UsagePlace::Usual, &[Opening, Finish]),
        (anthropic, true, UsagePlace::EveryEvent, &[Opening, Block, Content, Tool, Finish]),
        (anthropic, true, UsagePlace::Finish, &[Finish]),
        (anthropic, true, UsagePlace::Nowhere, &[]),
        (anthropic, false, UsagePlace::Nowhere, &[]),
        (gemini, false, UsagePlace::Usual, &[Content, Tool, Finish]),
        (gemini, false, UsagePlace::Finish, &[Finish]),
        (gemini, false, UsagePlace::Nowhere, &[]),
        (ollama, false, UsagePlace::Usual, &[Finish]),
        (ollama, false, UsagePlace::EveryEvent, &[Content, Tool, Finish]),
        (ollama, false, UsagePlace::Nowhere, &[]),
        (responses, false, UsagePlace::Usual, &[Finish]),
        (responses, false, UsagePlace::EveryEvent, &[Opening, Content, Tool, Finish]),
        (responses, false, UsagePlace::Nowhere, &[]),
    ];
    let [both, ..] = answers();
    for (spoken, include_usage, usage, places) in cases {
        let shape = StreamShape { include_usage, usage, ..StreamShape::default() };
        for frame in frames(spoken, &both, shape) {
            let text = String::from_utf8_lossy(&frame.bytes);
            let said = ["\"usage\":{", "\"usageMetadata\":{", "\"eval_count\":"]
                .iter()
                .any(|word| text.contains(word));
            assert_eq!(said, places.contains(&frame.kind), "{spoken:?} {usage:?} {:?}", frame.kind);
        }
    }
}

#[test]
fn a_usage_that_is_asked_for_continuously_stands_on_every_event() {
    let [both, ..] = answers();
    let vllm = (Dialect::Vllm, Surface::Chat);
    let shape = StreamShape { include_usage: true, continuous_usage: true, ..StreamShape::default() };
    let every = StreamShape { usage: UsagePlace::EveryEvent, include_usage: true, ..StreamShape::default() };
    assert_eq!(bytes(&frames(vllm, &both, shape)), bytes(&frames(vllm, &both, every)));
    let nowhere = StreamShape { usage: UsagePlace::Nowhere, ..shape };
    assert_eq!(hear(vllm, &bytes(&frames(vllm, &both, nowhere))).usage, None);
}

#[test]
fn the_usage_can_stand_on_the_last_content() {
    let shape = StreamShape { usage: UsagePlace::LastContent, ..StreamShape::default() };
    let [both, words, _, empty] = answers();
    for spoken in SPOKEN {
        for (answer, kind) in
            [(&both, FrameKind::Tool), (&words, FrameKind::Content), (&empty, FrameKind::Finish)]
        {
            let frames = frames(spoken, answer, shape);
            let last = frames.iter().rposition(|frame| frame.kind == kind);
            let told: Vec<usize> = (0..frames.len())
                .filter(|index| hear(spoken, &frames[*index].bytes).usage.is_some())
                .collect();
            assert_eq!(told, Vec::from_iter(last), "{spoken:?} {kind:?}");
            let heard = hear(spoken, &bytes(&frames));
            assert_eq!(heard.usage.map(ToldUsage::usage), Some(tellable(spoken)), "{spoken:?} {kind:?}");
        }
    }
}

#[test]
fn a_usage_on_every_event_counts_up_to_the_whole() {
    let shape = StreamShape { usage: UsagePlace::EveryEvent, ..StreamShape::default() };
    let [both, ..] = answers();
    for spoken in SPOKEN {
        let frames = frames(spoken, &both, shape);
        let told = frames.iter().filter_map(|frame| hear(spoken, &frame.bytes).usage?.output);
        let told: Vec<u32> = told.collect();
        assert!(told.is_sorted() && told.len() > 5, "{told:?}");
        assert!(told.first().is_some_and(|first| *first <= 1), "{spoken:?} {told:?}");
        assert_eq!(told.last(), Some(&USAGE.output), "{spoken:?} {told:?}");
        assert_eq!(hear(spoken, &bytes(&frames)).usage.map(ToldUsage::usage), Some(tellable(spoken)));
    }
}
