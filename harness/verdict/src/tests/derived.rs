//! Fields that are derived from several rows.

use std::time::Duration;

use record::Verdict::{Fail, Inconclusive, NotExercised, Pass};
use record::{AnswerSeen, Entry, ExchangeId, NOT_REACHED, Outcome, TextSeen, Tokens, WholeText};

use super::evidence::{Evidence, all, at, hint, id};

#[test]
fn what_the_target_added_is_what_is_left_without_the_serving_attempt() {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 5, 10, 429);
    evidence.attempt(0, "second", 20, 30, 200);
    evidence.exchange(0, "ask", 0, 60, 200).sent = 2_000;
    all(
        &evidence,
        &[
            ("exchanges: { every: { added: 28ms } }", Pass),
            ("exchanges: { every: { upstream: openai } }", Pass),
            ("attempts: { where: { serving: true }, every: { key: second } }", Pass),
            ("attempts: { where: { key: first }, every: { serving: false } }", Pass),
        ],
    );
}

#[test]
fn capacity_is_there_again_when_the_first_key_of_the_pool_is_free() {
    let mut evidence = Evidence::whole();
    for (key, from, wait) in [("first", 10, 5), ("second", 20, 2), ("third", 30, 9)] {
        hint(evidence.attempt(0, key, from, 10, 429), Duration::from_secs(wait));
    }
    let row = evidence.exchange(0, "ask", 0, 50, 429);
    (row.model, row.hint_ms) = (id("chat"), 2_000);
    // The second key was asked to wait 2 s from 30 ms on; the exchange was over at 50 ms.
    all(
        &evidence,
        &[
            ("exchanges: { every: { capacity_in: 1980ms } }", Pass),
            ("exchanges: { every: { hint: { at_least: { field: capacity_in } } } }", Pass),
            ("exchanges: { every: { last_hint: 9s } }", Pass),
        ],
    );
    evidence.exchanges[0].hint_ms = 1_000;
    all(&evidence, &[("exchanges: { every: { hint: { at_least: { field: capacity_in } } } }", Fail)]);
    // A key that was not limited is free.
    evidence.attempts.remove(1);
    all(&evidence, &[("exchanges: { every: { capacity_in: 0s } }", Pass)]);
}

#[test]
fn a_key_is_probed_from_the_end_of_its_wait_until_it_succeeds() {
    let mut evidence = Evidence::whole();
    hint(evidence.attempt(0, "first", 0, 10, 429), Duration::from_secs(1));
    evidence.attempt(1, "first", 500, 10, 200).outcome = Outcome::Reset;
    // Two at once, of which the first one is refused again.
    evidence.attempt(2, "first", 1_100, 50, 429);
    evidence.attempt(3, "first", 1_120, 100, 200);
    evidence.attempt(4, "first", 1_300, 10, 200);
    all(
        &evidence,
        &[
            ("attempts: { where: { probing: true }, count: 2 }", Pass),
            ("attempts: { where: { probing: true }, per: key, peak: { at_most: 1 } }", Fail),
            ("attempts: { where: { nth: 1 }, every: { probing: false } }", Pass),
            ("attempts: { where: { nth: 5 }, every: { probing: false, since_limited: 150ms } }", Pass),
            ("attempts: { where: { nth: 2 }, every: { since_limited: 490ms } }", Pass),
            ("attempts: { where: { nth: 1 }, every: { since_limited: { at_least: 0s } } }", Fail),
        ],
    );
}

#[test]
fn an_attempt_after_content_was_delivered_is_known() {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 10, 100, 200);
    evidence.attempt(0, "second", 150, 100, 200);
    let row = evidence.exchange(0, "ask", 0, 300, 200);
    (row.streamed, row.first_content) = (true, 60_000);
    all(
        &evidence,
        &[
            ("attempts: { none: { after_content: true } }", Fail),
            ("attempts: { where: { ordinal: 1 }, none: { after_content: true } }", Pass),
        ],
    );
}

#[test]
fn an_attempt_outlives_a_client_that_left() {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 10, 500, 200);
    evidence.exchange(0, "ask", 0, 100, 200).outcome = Outcome::CallerLeft;
    evidence.attempt(1, "first", 1_010, 500, 200);
    evidence.exchange(1, "ask", 1_000, 600, 200);
    evidence.attempt(2, "first", 2_010, 10, 200).ended = NOT_REACHED;
    evidence.exchange(2, "ask", 2_000, 100, 200).outcome = Outcome::CallerLeft;
    all(
        &evidence,
        &[
            ("attempts: { where: { nth: 1 }, every: { outlived: 410ms } }", Pass),
            ("attempts: { where: { nth: 2 }, none: { outlived: { at_least: 0s } } }", Pass),
            // It was never seen to end: it went on as long as anything was seen, until 5 s.
            ("attempts: { where: { nth: 3 }, every: { outlived: 2900ms } }", Pass),
            ("attempts: { every: { outlived: { at_most: 1s } } }", Fail),
        ],
    );
}

#[test]
fn the_body_of_a_second_attempt_is_that_of_the_first_or_not() {
    let mut evidence = Evidence::whole();
    for (key, from, hash) in [("first", 10, 7), ("second", 30, 7), ("third", 50, 8)] {
        evidence.attempt(0, key, from, 10, 500).body_hash = hash;
    }
    evidence.exchange(0, "ask", 0, 100, 500);
    all(
        &evidence,
        &[
            ("attempts: { every: { same_body: true } }", Fail),
            ("attempts: { where: { ordinal: 1..2 }, every: { same_body: true } }", Pass),
        ],
    );
}

const SCRIPTED: &str = "a scripted answer";

/// A stand-in for the hash of a text.
fn hash(text: &str) -> u32 {
    1 + u32::try_from(text.len()).unwrap()
}

/// An exchange whose upstream was to send a text of 17 bytes and 34 tokens, and whose client was given another.
fn delivered(given: Option<&str>, cut: bool) -> Evidence {
    let mut evidence = Evidence::whole();
    let row = evidence.attempt(0, "first", 10, 50, 200);
    (row.answer, row.output_tokens, row.text_hash) = (id("openai: reply"), 34, hash(SCRIPTED));
    row.streamed = true;
    let row = evidence.exchange(0, "ask", 0, 100, 200);
    row.streamed = true;
    if let Some(given) = given {
        (row.text_hash, row.contents) = (hash(given), 1);
    }
    if cut {
        row.outcome = Outcome::Cut;
    }
    evidence.entry(Entry::Answer(AnswerSeen {
        id: id("openai: reply"),
        text: Some(SCRIPTED.to_owned()),
        cut: false,
        whole: Some(WholeText { hash: hash(SCRIPTED), bytes: 17 }),
        breaks_off: false,
        tokens: Some(Tokens { output: 34, ..Tokens::default() }),
        tool_calls: 0,
        tools_hash: 0,
    }));
    evidence
}

#[test]
fn what_was_delivered_of_a_scripted_text_is_known_by_the_text() {
    for (given, cut, text, tokens) in [
        (Some(SCRIPTED), false, "whole", 34),
        // All of the text, without the end of the stream.
        (Some(SCRIPTED), true, "whole", 34),
        (Some("a script"), true, "part", 16),
        (Some("a script"), false, "part", 16),
        (Some("something else."), false, "other", 0),
        // As long as the scripted one, so that their stand-ins of a hash are the same: bytes count.
        (Some("a scripted answeR"), false, "other", 0),
        (Some("a scripted answer a scripted answer"), false, "other", 0),
        (None, true, "none", 0),
    ] {
        let mut evidence = delivered(given, cut);
        if let Some(given) = given {
            let text = given.to_owned();
            evidence.entry(Entry::Text(TextSeen { exchange: ExchangeId(0), at: at(100), text, cut: false }));
        }
        let claim =
            format!("exchanges: {{ every: {{ scripted_text: {text}, delivered_tokens: {tokens} }} }}");
        let of_attempt = format!("attempts: {{ every: {{ scripted_text: {text} }} }}");
        let is_not = format!("attempts: {{ none: {{ scripted_text: {text} }} }}");
        all(&evidence, &[(claim.as_str(), Pass), (&of_attempt, Pass), (&is_not, Fail)]);
    }
}

/// The answer as the evidence tells it.
fn answer(evidence: &mut Evidence) -> &mut AnswerSeen {
    let answers = evidence.entries.iter_mut().filter_map(|entry| match entry {
        Entry::Answer(answer) => Some(answer),
        _ => None,
    });
    answers.last().unwrap()
}

#[test]
fn what_an_upstream_broke_off_is_part_of_the_text_though_all_that_was_sent_arrived() {
    let whole = "exchanges: { every: { scripted_text: whole } }";
    let part = "exchanges: { every: { scripted_text: part, delivered_tokens: 16 } }";
    let mut evidence = delivered(Some("a script"), false);
    // Both ends are sound: the stream ended in good order, only too early.
    evidence.attempts[0].text_hash = hash("a script");
    all(&evidence, &[(whole, Inconclusive)]);
    let text = TextSeen { exchange: ExchangeId(0), at: at(100), text: "a script".to_owned(), cut: false };
    evidence.entry(Entry::Text(text));
    all(&evidence, &[(whole, Fail), (part, Pass)]);
    // Evidence from before the whole text was told.
    answer(&mut evidence).whole = None;
    all(&evidence, &[(whole, Fail), (part, Pass)]);
    // Each reply has a text of its own.
    answer(&mut evidence).text = None;
    answer(&mut evidence).breaks_off = true;
    all(&evidence, &[(whole, Inconclusive), (part, Inconclusive)]);
    answer(&mut evidence).breaks_off = false;
    all(&evidence, &[(whole, Pass)]);
}

#[test]
fn the_share_of_a_long_text_is_that_of_all_of_it() {
    let mut evidence = delivered(Some("a script"), true);
    let text = TextSeen { exchange: ExchangeId(0), at: at(100), text: "a script".to_owned(), cut: false };
    evidence.entry(Entry::Text(text));
    let answer = answer(&mut evidence);
    (answer.cut, answer.whole) = (true, Some(WholeText { hash: 9_999, bytes: 34 }));
    all(&evidence, &[("exchanges: { every: { scripted_text: part, delivered_tokens: 8 } }", Pass)]);
}

#[test]
fn an_attempt_that_joins_no_exchange_leaves_open_what_others_delivered() {
    let mut evidence = delivered(Some(SCRIPTED), false);
    evidence.loose("second", 200, 10, 200).model = id("chat");
    all(&evidence, &[("attempts: { none: { scripted_text: part } }", Inconclusive)]);
}

#[test]
fn a_text_that_is_not_in_the_evidence_is_judged_only_where_its_hash_tells() {
    let claim = "exchanges: { every: { scripted_text: whole } }";
    all(&delivered(Some(SCRIPTED), false), &[(claim, Pass)]);
    let of_attempt = "attempts: { every: { scripted_text: whole } }";
    all(&delivered(Some("a script"), true), &[(claim, Inconclusive), (of_attempt, Inconclusive)]);
    all(&Evidence::whole(), &[(claim, NotExercised)]);
}
