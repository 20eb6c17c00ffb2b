//! Rows of the ledger: reasoning as a part of the output, and what else a row says: `end_user`, `tag`.

use record::Verdict::{Fail, Inconclusive, NotExercised, NotObservable, Pass};
use record::{AnswerSeen, Entry, ExchangeId, LedgerRow, Tokens};
use scenario::Field;

use super::evidence::{Case, Evidence, all, at, id, judged};
use crate::Observable;

/// One exchange of which its upstream reported ten tokens of input and five of output, two of which were spent on reasoning.
fn one_call() -> Evidence {
    let mut evidence = Evidence::whole();
    let row = evidence.attempt(0, "first", 10, 10, 200);
    (row.input_tokens, row.output_tokens, row.answer) = (10, 5, id("openai: reply"));
    let row = evidence.exchange(0, "ask", 0, 30, 200);
    (row.tenant, row.model) = (id("acme"), id("chat"));
    evidence.entry(Entry::Answer(AnswerSeen {
        id: id("openai: reply"),
        text: None,
        cut: false,
        whole: None,
        breaks_off: false,
        tokens: Some(Tokens { input: 10, output: 5, reasoning: Some(2), ..Tokens::default() }),
        tool_calls: 0,
        tools_hash: 0,
    }));
    evidence
}

fn row(reasoning: Option<u64>, cost: i64) -> LedgerRow {
    LedgerRow {
        at: at(4_500),
        exchange: Some(ExchangeId(0)),
        tenant: "acme".to_owned(),
        model: "chat".to_owned(),
        key: "first".to_owned(),
        tokens: Tokens { input: 10, output: 5, reasoning, ..Tokens::default() },
        cost_micros: Some(cost),
        state: "settled".to_owned(),
        end_user: "ann".to_owned(),
        tags: vec!["red".to_owned(), "blue".to_owned()],
    }
}

const EXACT: &str =
    "ledger: { per: [tenant, model, token_class], sum: { of: tokens, is: { field: upstream_tokens } } }";
const REASONING: &str =
    "ledger: { where: { token_class: reasoning }, every: { tokens: 2, upstream_tokens: 2 } }";

#[test]
fn reasoning_is_a_class_of_its_own_where_the_ledger_tells_it() {
    for (reasoning, exact, by_name) in
        [(Some(2), Pass, Pass), (Some(0), Fail, Fail), (Some(5), Fail, Fail), (None, Pass, Inconclusive)]
    {
        let mut evidence = one_call();
        evidence.entry(Entry::Ledger(row(reasoning, 0)));
        all(&evidence, &[(EXACT, exact), (REASONING, by_name)]);
    }
    // What was never written down is lacking in this class as well.
    all(&one_call(), &[(EXACT, Fail), (REASONING, Fail)]);
}

#[test]
fn no_token_is_counted_twice_in_a_sum() {
    let mut evidence = one_call();
    evidence.entry(Entry::Ledger(row(Some(2), 0)));
    all(
        &evidence,
        &[
            ("ledger: { sum: { of: tokens, is: 15 } }", Pass),
            ("ledger: { sum: { of: upstream_tokens, is: 15 } }", Pass),
            ("ledger: { where: { token_class: { not: input } }, sum: { of: tokens, is: 5 } }", Pass),
            ("ledger: { where: { token_class: { not: input } }, sum: { of: tokens, is: 7 } }", Fail),
            ("ledger: { where: { token_class: [output, reasoning] }, sum: { of: tokens, is: 5 } }", Pass),
            ("ledger: { where: { token_class: reasoning }, sum: { of: tokens, is: 2 } }", Pass),
            ("ledger: { where: { token_class: output }, sum: { of: tokens, is: 5 } }", Pass),
            ("ledger: { per: token_class, sum: { of: tokens, at_most: 10 } }", Pass),
            ("ledger: { per: [exchange, token_class], count: 1 }", Pass),
            ("ledger: { where: { token_class: [output, reasoning] }, count: 2 }", Pass),
        ],
    );
    let measured = |population: &str| {
        let parts = format!(
            "
measure: {{ tokens: {{ ledger: {{ where: {{ token_class: {population} }} }}, sum: tokens }} }}
expect: [{{ rule: SYN-001, say: it adds up, that: 'measured.tokens == 5' }}]
"
        );
        Case::of(&parts).judge(&evidence)[0].verdict
    };
    assert_eq!([measured("[output, reasoning]"), measured("reasoning")], [Pass, Fail]);
}

#[test]
fn reasoning_has_its_own_price_and_is_not_paid_for_as_output_too() {
    // Ten at 10, three at 20 and two at 60 dollars for a million.
    const PRICED: &str = "ledger: { sum: { of: cost, is: { field: priced_upstream_tokens } } }";
    const OUTPUT: &str =
        "ledger: { where: { token_class: output }, every: { priced_upstream_tokens: 0.00018 USD } }";
    const SPENT: &str =
        "ledger: { where: { token_class: reasoning }, every: { priced_upstream_tokens: 0.00012 USD } }";
    for (cost, expected) in [(280, Pass), (200, Fail), (320, Fail)] {
        let mut evidence = one_call();
        evidence.entry(Entry::Ledger(row(Some(2), cost)));
        all(&evidence, &[(PRICED, expected), (OUTPUT, Pass), (SPENT, Pass)]);
    }
}

#[test]
fn a_row_names_its_end_user_and_any_number_of_tags() {
    let mut evidence = one_call();
    evidence.entry(Entry::Ledger(row(None, 0)));
    all(
        &evidence,
        &[
            ("ledger: { every: { end_user: ann } }", Pass),
            ("ledger: { every: { end_user: bob } }", Fail),
            ("ledger: { every: { tag: red } }", Pass),
            ("ledger: { every: { tag: blue } }", Pass),
            ("ledger: { every: { tag: green } }", Fail),
            ("ledger: { none: { tag: blue } }", Fail),
            ("ledger: { every: { tag: { not: green } } }", Pass),
            ("ledger: { where: { tag: green }, every: { tokens: 15 } }", NotExercised),
        ],
    );
    let judged = judged("ledger: { every: { tag: green, end_user: bob } }", &evidence);
    assert!(
        judged.observed.ends_with("`tag` is `red` and `blue` and `end_user` is `ann`"),
        "{}",
        judged.observed
    );
    let mut bare = one_call();
    bare.entry(Entry::Ledger(LedgerRow { end_user: String::new(), tags: Vec::new(), ..row(None, 0) }));
    all(
        &bare,
        &[
            ("ledger: { every: { end_user: ann } }", Fail),
            ("ledger: { every: { tag: red } }", Fail),
            ("ledger: { none: { tag: red } }", Pass),
        ],
    );
}

#[test]
fn what_a_ledger_has_no_column_for_is_not_observable() {
    let mut evidence = one_call();
    evidence.entry(Entry::Ledger(row(None, 0)));
    let reason = "the target's profile says nothing of tags";
    for (claim, expected) in [
        ("ledger: { every: { tag: red } }", NotObservable),
        ("ledger: { where: { tag: red }, every: { tokens: 15 } }", NotObservable),
        ("ledger: { every: { end_user: ann } }", Pass),
    ] {
        let mut case = Case::expecting(claim);
        case.observable = Observable::everything().without_field(Field::Tag, reason);
        let judged = case.judge(&evidence).remove(0);
        assert_eq!(
            (judged.verdict, judged.observed == reason),
            (expected, expected == NotObservable),
            "{claim}"
        );
    }
}
