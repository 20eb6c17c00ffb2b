//! Quantifiers over populations and groups.

use record::Verdict::{Fail, Inconclusive, NotExercised, Pass};
use record::{Entry, EventKind, EventSeen, ExchangeId, LedgerRow, NOT_REACHED, NameId, Outcome, Tokens};

use super::evidence::{Case, Evidence, at, id, judged, verdict};

/// Exchange 0 of `ask` takes two keys, exchange 1 of `again` one, exchange 2 of `storm` asks one key twice and fails.
fn three_exchanges() -> Evidence {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 1, 429), ("second", 13, 200)]);
    evidence.tree(1, "again", 1_000, &[("second", 1_001, 200)]);
    evidence.tree(2, "storm", 2_000, &[("third", 2_001, 429), ("third", 2_300, 429)]);
    evidence.loose("third", 500, 10, 200);
    evidence
}

#[test]
fn every_quantifier_says_what_it_says() {
    for (claim, expected) in [
        ("exchanges: { every: { status: 200 } }", Fail),
        ("exchanges: { where: { step: [ask, again] }, every: { status: 200 } }", Pass),
        ("exchanges: { where: { step: ask }, every: { attempts: 2 } }", Pass),
        ("exchanges: { where: { phase: storm }, every: { attempts: { at_most: 1 } } }", Fail),
        ("exchanges: { where: { status: 500 }, every: { attempts: 1 } }", NotExercised),
        ("exchanges: { where: { phase: storm }, every: { error_shape: openai, request: ask } }", Pass),
        ("exchanges: { none: { status: 500 } }", Pass),
        ("exchanges: { none: { status: 429 } }", Fail),
        ("exchanges: { where: { step: ask, status: 429 }, none: { attempts: 2 } }", NotExercised),
        ("exchanges: { where: { at: { above: 900ms, below: 1500ms } }, every: { step: again } }", Pass),
        ("exchanges: { every: { took: { below: 25ms } } }", Fail),
        (
            "exchanges: { where: { step: ask }, every: { took: { below: 25ms }, service: { above: 20ms } } }",
            Pass,
        ),
        ("exchanges: { count: 3 }", Pass),
        ("exchanges: { count: { above: 3 } }", Fail),
        ("exchanges: { where: { status: 500 }, count: 0 }", Pass),
        ("exchanges: { where: { status: 500 }, count: { at_least: 1 } }", Fail),
        ("attempts: { count: 6 }", Pass),
        ("attempts: { where: { joined: false }, count: 1 }", Pass),
        ("attempts: { where: { joined: false }, none: { ordinal: { at_least: 1 } } }", Pass),
        ("attempts: { where: { joined: false }, every: { step: { not: ask } } }", Pass),
        ("attempts: { where: { script: limited }, every: { status: 429, error: rate_limit } }", Pass),
        ("attempts: { where: { step: ask }, every: { model: chat, upstream: openai, stream: false } }", Pass),
        ("attempts: { where: { step: ask, ordinal: 1 }, every: { key: first } }", Pass),
        ("attempts: { where: { key: { nth_used: 3 } }, every: { key: third } }", Pass),
        (
            "attempts: { where: { ordinal: 2, phase: storm }, every: { gap: { above: 288ms, below: 290ms } } }",
            Pass,
        ),
        ("attempts: { where: { ordinal: { above: 1 } }, every: { gap: { below: 250ms } } }", Fail),
        ("attempts: { where: { ordinal: 1, joined: true }, none: { gap: { at_least: 0s } } }", Pass),
    ] {
        let judged = judged(claim, &three_exchanges());
        assert_eq!(judged.verdict, expected, "{claim}: {}", judged.observed);
    }
}

#[test]
fn each_group_is_judged_by_itself() {
    for (claim, expected, observed) in [
        (
            "attempts: { per: [exchange, key], count: { at_most: 1 } }",
            Fail,
            "2 attempts on key `third` in exchange 2",
        ),
        (
            "attempts: { where: { step: [ask, again] }, per: [exchange, key], count: { at_most: 1 } }",
            Pass,
            "3 attempts in 3 groups, none offends",
        ),
        ("attempts: { per: exchange, count: 2 }", Fail, "1 attempt in exchange 1"),
        (
            "attempts: { per: key, count: { at_most: 1 } }",
            Fail,
            "2 attempts on key `second`; 2 of 3 groups offend",
        ),
        (
            "attempts: { per: [upstream, key], count: { at_most: 3 } }",
            Pass,
            "6 attempts in 3 groups, none offends",
        ),
        ("exchanges: { per: step, count: 1 }", Pass, "3 exchanges in 2 groups, none offends"),
        ("attempts: { where: { status: 500 }, per: key, count: { at_most: 1 } }", Pass, "0 attempts"),
        (
            "attempts: { where: { status: 500 }, per: key, count: { at_least: 1 } }",
            NotExercised,
            "0 attempts, and none that could be grouped by `key`",
        ),
        (
            "attempts: { where: { joined: false }, per: [exchange, key], count: { at_most: 1 } }",
            NotExercised,
            "1 attempt, and none that could be grouped by `exchange` and `key`",
        ),
        ("attempts: { per: key, every: { status: [200, 429] } }", Pass, "6 attempts, none offends"),
    ] {
        let judged = judged(claim, &three_exchanges());
        assert_eq!((judged.verdict, judged.observed.as_str()), (expected, observed), "{claim}");
    }
}

#[test]
fn nothing_at_all_is_no_proof() {
    let nothing = Evidence::whole();
    for (claim, expected) in [
        ("exchanges: { every: { status: 200 } }", NotExercised),
        ("attempts: { none: { cooling: true } }", NotExercised),
        ("attempts: { count: 0 }", Pass),
        ("attempts: { count: { at_least: 1 } }", Fail),
    ] {
        assert_eq!(verdict(claim, &nothing), expected, "{claim}");
    }
}

#[test]
fn a_gap_is_nothing_where_attempts_overlap() {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 0, 100, 200);
    evidence.attempt(0, "second", 50, 10, 200);
    evidence.attempt(0, "third", 200, 10, 200).ended = NOT_REACHED;
    evidence.attempt(0, "first", 300, 10, 200);
    evidence.exchange(0, "ask", 0, 400, 200);
    for (ordinal, gap) in [(2, "0s"), (3, "140ms"), (4, "0s")] {
        let claim = format!(
            "attempts: {{ where: {{ ordinal: {ordinal} }}, every: {{ gap: {{ at_least: {gap}, at_most: {gap} }} }} }}"
        );
        assert_eq!(verdict(&claim, &evidence), Pass, "{claim}");
    }
}

#[test]
fn a_field_that_a_row_does_not_have_compares_with_nothing() {
    let mut evidence = Evidence::whole();
    let row = evidence.exchange(0, "ask", 0, 10, 0);
    (row.outcome, row.ended, row.error) = (Outcome::Reset, NOT_REACHED, NameId::NONE);
    for (claim, expected) in [
        ("exchanges: { every: { took: { at_most: 1s } } }", Fail),
        ("exchanges: { every: { status: { not: 200 } } }", Pass),
        ("exchanges: { every: { outcome: reset } }", Pass),
        ("exchanges: { none: { first_content: { at_least: 0s } } }", Pass),
        ("exchanges: { none: { hint: { at_least: 0s } } }", Pass),
    ] {
        assert_eq!(verdict(claim, &evidence), expected, "{claim}");
    }
    let told = judged("exchanges: { every: { status: 200 } }", &evidence).observed;
    assert_eq!(told, "1 of 1 exchange offends; the first: exchange 0 at 0s: there is no `status`");
}

#[test]
fn a_bound_is_what_the_profile_declares() {
    let mut evidence = Evidence::whole();
    evidence.exchange(0, "ask", 0, 300, 200);
    for (claim, bound, expected) in [
        ("exchanges: { every: { took: { at_most: { bound: slow } } } }", Some(0.5), Pass),
        ("exchanges: { every: { took: { at_most: { bound: slow } } } }", Some(0.2), Fail),
        ("exchanges: { every: { attempts: { at_most: { bound: slow } } } }", Some(0.0), Pass),
        ("exchanges: { count: { at_most: { bound: slow } } }", Some(1.0), Pass),
        ("exchanges: { count: { at_most: { bound: slow } } }", Some(0.0), Fail),
        ("exchanges: { every: { took: { at_most: { bound: slow } } } }", None, Inconclusive),
        ("exchanges: { count: { at_most: { bound: slow } } }", None, Inconclusive),
    ] {
        let mut case = Case::expecting(claim);
        case.bounds.extend(bound.map(|bound| ("slow".to_owned(), bound)));
        let judged = case.judge(&evidence).remove(0);
        assert_eq!(judged.verdict, expected, "{claim} with {bound:?}: {}", judged.observed);
    }
}

#[test]
fn fields_can_be_compared_with_each_other() {
    let mut evidence = Evidence::whole();
    evidence.exchange(0, "ask", 0, 300, 200).sent = 1_000;
    assert_eq!(verdict("exchanges: { every: { service: { below: { field: took } } } }", &evidence), Pass);
    assert_eq!(verdict("exchanges: { every: { service: { at_least: { field: took } } } }", &evidence), Fail);
}

#[test]
fn what_the_evidence_does_not_say_is_not_made_up() {
    for (claim, reason) in [
        ("exchanges: { every: { header: { x-mode: a } } }", "its response is not in the evidence"),
        ("attempts: { where: { json: { $.model: chat } }, count: 3 }", "its request is not in the evidence"),
        ("exchanges: { none: { carries: { contains: key } } }", "its response is not in the evidence"),
    ] {
        let judged = judged(claim, &three_exchanges());
        assert_eq!(judged.verdict, Inconclusive, "{claim}");
        assert!(judged.observed.contains(reason), "{claim}: {}", judged.observed);
    }
}

#[test]
fn an_attempt_whose_exchange_is_missing_casts_doubt_on_what_depends_on_it_alone() {
    let mut evidence = three_exchanges();
    evidence.attempt(77, "first", 100, 10, 200);
    for (claim, expected) in [
        ("attempts: { where: { step: again }, every: { status: 200 } }", Inconclusive),
        ("exchanges: { every: { attempts: { at_most: 2 } } }", Inconclusive),
        ("exchanges: { where: { phase: storm }, every: { attempts: { at_most: 1 } } }", Fail),
        ("attempts: { every: { status: [200, 429] } }", Pass),
        ("exchanges: { every: { status: [200, 429] } }", Pass),
    ] {
        let judged = judged(claim, &evidence);
        assert_eq!(judged.verdict, expected, "{claim}: {}", judged.observed);
    }
}

/// Two exchanges of `ask`, of which the first has an event of usage, an attempt and a row of the ledger, and one of `storm`.
fn one_of_two() -> Evidence {
    let mut evidence = Evidence::whole();
    for (number, step) in [(0, "ask"), (1, "ask"), (2, "storm")] {
        evidence.attempt(number, "first", 10 + u64::from(number) * 100, 10, 200).input_tokens = 5;
        let row = evidence.exchange(number, step, u64::from(number) * 100, 50, 200);
        (row.streamed, row.model, row.tenant) = (true, id("chat"), id("acme"));
    }
    evidence.attempts[1].status = 500;
    let (exchange, at) = (ExchangeId(0), at(30));
    let (name, data) = (String::new(), "{}".to_owned());
    evidence.entry(Entry::Event(EventSeen { exchange, index: 1, at, kind: EventKind::Usage, name, data }));
    let tokens = Tokens { input: 5, ..Tokens::default() };
    let [model, tenant, key, end_user] = ["chat", "acme", "first", ""].map(str::to_owned);
    let (state, tags) = ("settled".to_owned(), Vec::new());
    let exchange = Some(exchange);
    let row =
        LedgerRow { at, exchange, tenant, model, key, tokens, cost_micros: None, state, end_user, tags };
    evidence.entry(Entry::Ledger(row));
    evidence
}

#[test]
fn an_exchange_that_has_none_of_what_is_counted_is_a_group_too() {
    for (claim, expected, observed) in [
        (
            "events: { where: { kind: usage }, per: exchange, count: 1 }",
            Fail,
            "0 events in exchange 1; 2 of 3 groups offend",
        ),
        (
            "events: { where: { step: ask, kind: usage }, per: exchange, count: 1 }",
            Fail,
            "0 events in exchange 1",
        ),
        (
            "events: { where: { kind: usage }, per: exchange, count: { at_most: 1 } }",
            Pass,
            "1 event in 3 groups, none offends",
        ),
        (
            "events: { where: { phase: storm, kind: error }, per: exchange, count: 0 }",
            Pass,
            "0 events in one group, which does not offend",
        ),
        (
            "events: { where: { tenant: { not: acme }, kind: usage }, per: exchange, count: 1 }",
            NotExercised,
            "0 events, and none that could be grouped by `exchange`",
        ),
        (
            "attempts: { where: { step: ask, status: 200 }, per: exchange, count: 1 }",
            Fail,
            "0 attempts in exchange 1",
        ),
        (
            "events: { where: { kind: usage }, per: exchange, distinct: { of: kind, is: 1 } }",
            Fail,
            "in exchange 1 0 different among 0 events; 2 of 3 groups offend",
        ),
        (
            "events: { where: { step: ask, kind: usage }, per: exchange, distinct: { of: kind, at_most: 1 } }",
            NotExercised,
            "in exchange 1 there is nothing whose values could be counted",
        ),
        (
            "events: { where: { kind: usage }, per: [exchange, tenant], distinct: { of: kind, is: 1 } }",
            Pass,
            "with `tenant` `acme` in exchange 0 1 different among 1 event",
        ),
        (
            "attempts: { where: { request: ask, key: third }, per: exchange, count: { at_least: 1 } }",
            Fail,
            "0 attempts in exchange 0; 3 of 3 groups offend",
        ),
        (
            "ledger: { where: { tenant: acme, state: settled }, per: exchange, count: 1 }",
            Fail,
            "0 rows of the ledger in exchange 1; 2 of 3 groups offend",
        ),
        // Beside another field, only what is there makes groups.
        (
            "events: { where: { kind: usage }, per: [exchange, tenant], count: 1 }",
            Pass,
            "1 event in one group, which does not offend",
        ),
    ] {
        let judged = judged(claim, &one_of_two());
        assert_eq!((judged.verdict, judged.observed.as_str()), (expected, observed), "{claim}");
    }
}

#[test]
fn an_exchange_that_could_have_none_of_what_is_counted_is_no_group() {
    let events = "events: { where: { kind: usage }, per: exchange, count: 1 }";
    let attempts = "attempts: { where: { status: 200 }, per: exchange, count: 1 }";
    let ledger = "ledger: { where: { state: settled }, per: exchange, count: 1 }";
    for refused in [true, false] {
        let mut evidence = one_of_two();
        for row in &mut evidence.exchanges[1..] {
            // It was refused, or asked for neither a stream nor a model, such as one that asks whether the target lives.
            if refused { row.status = 503 } else { (row.streamed, row.model) = (false, NameId::NONE) }
        }
        evidence.attempts.truncate(1);
        assert_eq!(verdict(events, &evidence), Pass);
        assert_eq!(verdict(attempts, &evidence), if refused { Fail } else { Pass });
        assert_eq!(verdict(ledger, &evidence), Pass, "no upstream reported tokens of it");
    }
}
