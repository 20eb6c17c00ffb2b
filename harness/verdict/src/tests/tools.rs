//! How an answer ended, and which tools it called: `finish`, `tool_calls`, `scripted_tools`.

use record::Verdict::{Fail, Inconclusive, Pass};
use record::{AnswerSeen, Entry, ExchangeId, FinishWord, Outcome, Said, tools_hash};

use super::evidence::{Evidence, all, at, id, judged};

const WEATHER: (&str, &str) = ("weather", r#"{"city":"Oslo"}"#);
const TIME: (&str, &str) = ("time", "{}");

/// An exchange whose upstream was to call these tools.
fn to_call(tools: &[(&str, &str)]) -> Evidence {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 10, 50, 200).answer = id("openai: reply");
    evidence.exchange(0, "ask", 0, 100, 200);
    evidence.entry(Entry::Answer(AnswerSeen {
        id: id("openai: reply"),
        text: None,
        cut: false,
        whole: None,
        breaks_off: false,
        tokens: None,
        tool_calls: u32::try_from(tools.len()).unwrap(),
        tools_hash: tools_hash(tools.iter().copied()),
    }));
    evidence
}

fn said(finish: Option<FinishWord>, tools: &[(&str, &str)], tools_distinct: bool) -> Entry {
    Entry::Said(Said {
        exchange: ExchangeId(0),
        at: at(100),
        finish,
        tool_calls: u32::try_from(tools.len()).unwrap(),
        tools_hash: tools_hash(tools.iter().copied()),
        tools_distinct,
    })
}

#[test]
fn calls_are_whole_if_each_of_them_came_as_it_was_sent_with_an_id_of_its_own() {
    let both = [WEATHER, TIME];
    let reordered = [TIME, WEATHER];
    let spaced = [("weather", "{ \"city\": \"Oslo\" }"), TIME];
    let broken = [WEATHER, ("time", "{")];
    for (sent, came, distinct, outcome, expected) in [
        (&both[..], &both[..], true, Outcome::Complete, "whole"),
        (&both, &spaced, true, Outcome::Complete, "whole"),
        // Whatever becomes of the stream's end.
        (&both, &both, true, Outcome::Cut, "whole"),
        (&[], &[], true, Outcome::Complete, "whole"),
        (&both, &both[..1], true, Outcome::Complete, "part"),
        (&both, &broken, true, Outcome::Cut, "part"),
        (&both, &[], true, Outcome::Complete, "none"),
        (&both, &both, false, Outcome::Complete, "other"),
        (&both, &reordered, true, Outcome::Complete, "other"),
        (&both, &broken, true, Outcome::Complete, "other"),
        (&both[..1], &both, true, Outcome::Complete, "other"),
        (&[], &both, true, Outcome::Complete, "other"),
    ] {
        let mut evidence = to_call(sent);
        evidence.exchanges[0].outcome = outcome;
        evidence.entry(said(Some(FinishWord::Tool), came, distinct));
        for word in ["whole", "part", "none", "other"] {
            let claim = format!("exchanges: {{ every: {{ scripted_tools: {word} }} }}");
            let verdict = judged(&claim, &evidence).verdict;
            assert_eq!(verdict == Pass, word == expected, "{sent:?} {came:?} {outcome:?}: {word}");
        }
    }
}

#[test]
fn the_end_of_an_answer_is_told_by_a_word() {
    for (finish, word) in [
        (Some(FinishWord::Stop), "stop"),
        (Some(FinishWord::Length), "length"),
        (Some(FinishWord::Tool), "tool"),
        (Some(FinishWord::Filtered), "filtered"),
        (Some(FinishWord::Other), "other"),
        (None, "none"),
    ] {
        let mut evidence = to_call(&[]);
        evidence.entry(said(finish, &[WEATHER], true));
        let is = format!("exchanges: {{ every: {{ finish: {word} }} }}");
        let is_not = format!("exchanges: {{ every: {{ finish: {{ not: {word} }} }} }}");
        all(
            &evidence,
            &[
                (&is, Pass),
                (&is_not, Fail),
                ("exchanges: { every: { tool_calls: 1 } }", Pass),
                ("exchanges: { every: { tool_calls: 2 } }", Fail),
            ],
        );
    }
    let mut evidence = to_call(&[]);
    evidence.entry(said(Some(FinishWord::Length), &[], true));
    let judged = judged("exchanges: { every: { finish: stop, tool_calls: 0 } }", &evidence);
    assert!(judged.observed.ends_with("`finish` is `length`"), "{}", judged.observed);
}

#[test]
fn how_an_answer_ended_is_unknown_where_it_was_not_recorded() {
    let claims = ["finish: stop", "finish: none", "tool_calls: 0", "scripted_tools: whole"];
    for claim in claims {
        let claim = format!("exchanges: {{ every: {{ {claim} }} }}");
        all(&to_call(&[]), &[(&claim, Inconclusive)]);
    }
    // The evidence does not tell what was to be called.
    let mut evidence = to_call(&[]);
    evidence.entries.retain(|entry| !matches!(entry, Entry::Answer(_)));
    evidence.entry(said(Some(FinishWord::Stop), &[], true));
    all(&evidence, &[("exchanges: { every: { scripted_tools: whole } }", Inconclusive)]);
}

#[test]
fn what_is_no_answer_has_no_end_and_no_calls() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 10, 429)]);
    evidence.exchange(1, "ask", 50, 10, 0).outcome = Outcome::Refused;
    all(
        &evidence,
        &[
            ("exchanges: { every: { finish: none, tool_calls: 0, scripted_tools: whole } }", Pass),
            ("exchanges: { none: { finish: none } }", Fail),
        ],
    );
    // An upstream had sent calls, and the client was given an error.
    let mut evidence = to_call(&[WEATHER]);
    evidence.exchanges[0].status = 502;
    all(&evidence, &[("exchanges: { every: { scripted_tools: none } }", Pass)]);
}
