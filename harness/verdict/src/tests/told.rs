//! What a target tells its client in the head of its answer: `told_*`, `header_count`, and headers that are numbers.

use record::Verdict::{Fail, Inconclusive, NotObservable, Pass};
use record::{Counting, Entry, ExchangeId, MoneyUnit, Sample, Side, ToldHeaders, Verdict};

use super::evidence::{Case, Evidence, at, sample};
use crate::Observable;

fn told() -> ToldHeaders {
    ToldHeaders {
        served_by: Some("x-served-by".to_owned()),
        cost: Some(("x-cost".to_owned(), MoneyUnit::Usd)),
        attempts: Some(("x-retries".to_owned(), Counting::Retries)),
        key: Some("x-key".to_owned()),
        request_id: Some("x-request-id".to_owned()),
    }
}

/// An exchange with two attempts whose answer had this head.
fn answered(head: &[(&str, &str)]) -> Evidence {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 10, 429), ("second", 30, 200)]);
    evidence.entry(sample(Side::ClientGot, head, "{}"));
    evidence
}

fn verdict(claim: &str, told: ToldHeaders, evidence: &Evidence) -> (Verdict, String) {
    let mut case = Case::expecting(claim);
    case.observable = Observable::everything().with_told(told);
    let judged = case.judge(evidence).remove(0);
    (judged.verdict, judged.observed)
}

const HEAD: [(&str, &str); 5] = [
    ("X-Served-By", "openai"),
    ("x-cost", " 0.0015"),
    ("x-retries", "1"),
    ("x-request-id", "req-7"),
    ("x-key", "second"),
];

#[test]
fn a_target_tells_its_client_of_the_exchange() {
    for (claim, expected) in [
        ("exchanges: { every: { told_upstream: openai } }", Pass),
        ("exchanges: { every: { told_upstream: { field: upstream } } }", Pass),
        ("exchanges: { every: { told_upstream: other } }", Fail),
        ("exchanges: { every: { told_cost: 0.0015 USD } }", Pass),
        ("exchanges: { every: { told_cost: { below: 0.0015 USD } } }", Fail),
        ("exchanges: { every: { told_attempts: { field: attempts } } }", Pass),
        ("exchanges: { every: { told_attempts: 1 } }", Fail),
        ("exchanges: { every: { told_key: second } }", Pass),
        ("exchanges: { every: { told_key: first } }", Fail),
        ("exchanges: { every: { told_request_id: { matches: '^req-' } } }", Pass),
        ("exchanges: { every: { told_request_id: { matches: '^id-' } } }", Fail),
        ("attempts: { every: { told_request_id: req-7 } }", Pass),
        ("attempts: { every: { told_request_id: req-8 } }", Fail),
        ("exchanges: { sum: { of: told_cost, is: 0.0015 USD } }", Pass),
    ] {
        let (verdict, observed) = verdict(claim, told(), &answered(&HEAD));
        assert_eq!(verdict, expected, "{claim}: {observed}");
    }
    let units = ToldHeaders {
        cost: Some(("x-retries".to_owned(), MoneyUnit::Micros)),
        attempts: Some(("x-retries".to_owned(), Counting::Attempts)),
        ..told()
    };
    let claim = "exchanges: { every: { told_cost: 0.000001 USD, told_attempts: 1 } }";
    assert_eq!(verdict(claim, units, &answered(&HEAD)).0, Pass);
}

#[test]
fn a_header_that_is_missing_or_unreadable_tells_nothing() {
    for head in [&[][..], &[("x-cost", "cheap"), ("x-retries", "many"), ("x-served-by", " ")]] {
        for field in ["told_upstream", "told_cost", "told_attempts", "told_key", "told_request_id"] {
            let limit = match field {
                "told_cost" => "{ at_least: 0 USD }",
                "told_attempts" => "{ at_least: 0 }",
                _ => "{ matches: '.' }",
            };
            let claim = format!("exchanges: {{ every: {{ {field}: {limit} }} }}");
            let (verdict, observed) = verdict(&claim, told(), &answered(head));
            assert_eq!(verdict, Fail, "{claim}: {observed}");
            assert!(observed.ends_with(&format!("there is no `{field}`")), "{observed}");
        }
    }
}

#[test]
fn what_was_told_is_unknown_without_the_head_and_not_observable_without_a_name_for_it() {
    let mut headless = answered(&HEAD);
    headless.entries.retain(|entry| !matches!(entry, Entry::Sample(_)));
    for (claim, needs) in [
        ("exchanges: { every: { told_upstream: openai } }", "`served_by:`"),
        ("exchanges: { every: { told_cost: 0.0015 USD } }", "`cost:`"),
        ("exchanges: { every: { told_attempts: 2 } }", "`attempts:`"),
        ("exchanges: { every: { told_key: second } }", "`key:`"),
        ("exchanges: { every: { told_request_id: req-7 } }", "`request_id:`"),
        ("attempts: { every: { told_request_id: req-7 } }", "`request_id:`"),
    ] {
        assert_eq!(verdict(claim, told(), &headless).0, Inconclusive, "{claim}");
        let (verdict, observed) = verdict(claim, ToldHeaders::default(), &answered(&HEAD));
        assert_eq!(verdict, NotObservable, "{claim}");
        assert!(observed.contains(needs), "{claim}: {observed}");
    }
}

#[test]
fn an_attempt_that_joins_no_exchange_leaves_open_what_others_were_told() {
    let mut evidence = answered(&HEAD);
    evidence.loose("third", 200, 10, 200).model = super::evidence::id("chat");
    let claim = "attempts: { none: { told_request_id: req-8 } }";
    assert_eq!(verdict(claim, told(), &evidence).0, Inconclusive);
}

#[test]
fn a_measured_number_of_what_is_not_told_is_not_observable() {
    let parts = "
measure: { cost: { exchanges: {}, sum: told_cost } }
expect: [{ rule: SYN-001, say: it is cheap, that: 'measured.cost < 1.0' }]
";
    let mut case = Case::of(parts);
    assert_eq!(case.judge(&answered(&HEAD))[0].verdict, NotObservable);
    case.observable = Observable::everything().with_told(told());
    assert_eq!(case.judge(&answered(&HEAD))[0].verdict, Pass);
}

#[test]
fn headers_are_counted_and_compared_as_numbers() {
    let mut evidence = answered(&[("Via", "a"), ("via", "b"), ("x-left", "7"), ("x-mode", "many")]);
    evidence.entry(sample(Side::UpstreamGot, &[("authorization", "Bearer x")], "{}"));
    for (claim, expected) in [
        ("exchanges: { every: { header_count: { via: 2 } } }", Pass),
        ("exchanges: { every: { header_count: { via: 1 } } }", Fail),
        ("exchanges: { every: { header_count: { x-other: 0 } } }", Pass),
        ("attempts: { where: { ordinal: 1 }, every: { header_count: { authorization: 1 } } }", Pass),
        ("attempts: { where: { ordinal: 1 }, every: { header_count: { authorization: 0 } } }", Fail),
        // The request of the second attempt is not in the evidence.
        ("attempts: { where: { ordinal: 2 }, every: { header_count: { authorization: 0 } } }", Inconclusive),
        ("exchanges: { every: { header: { x-left: { below: 10 } } } }", Pass),
        ("exchanges: { every: { header: { x-left: 7 } } }", Pass),
        ("exchanges: { every: { header: { x-left: '7' } } }", Pass),
        ("exchanges: { every: { header: { x-left: { below: 7 } } } }", Fail),
        ("exchanges: { every: { header: { x-mode: { below: 7 } } } }", Fail),
        ("exchanges: { every: { header: { x-mode: many } } }", Pass),
    ] {
        let (verdict, observed) = verdict(claim, told(), &evidence);
        assert_eq!(verdict, expected, "{claim}: {observed}");
    }
    let (_, observed) = verdict("exchanges: { every: { header_count: { via: 1 } } }", told(), &evidence);
    assert!(observed.ends_with("`header_count via` is 2"), "{observed}");
}

#[test]
fn numbers_that_differ_in_their_last_digit_differ() {
    let answered = |seed: &str| {
        let mut evidence = Evidence::whole();
        evidence.tree(0, "ask", 0, &[("first", 10, 200)]);
        evidence.entry(sample(
            Side::ClientGot,
            &[],
            &format!("{{\"seeds\": [9223372036854775809, {seed}]}}"),
        ));
        evidence
    };
    let kept = "exchanges: { every: { json: { '$.seeds[1]': 9223372036854775807 } } }";
    let different = "exchanges: { distinct: { of: { json: '$.seeds[*]' }, is: 2 } }";
    for (seed, is_kept, are_two) in [
        ("9223372036854775807", Pass, Pass),
        ("9223372036854775808", Fail, Pass),
        ("9223372036854775809", Fail, Fail),
        ("9223372036854775807.0", Fail, Pass),
    ] {
        assert_eq!(super::evidence::verdict(kept, &answered(seed)), is_kept, "{seed}");
        assert_eq!(super::evidence::verdict(different, &answered(seed)), are_two, "{seed}");
    }
}

#[test]
fn the_line_of_a_request_is_its_method_and_its_path() {
    let mut evidence = answered(&HEAD);
    let Entry::Sample(request) = sample(Side::UpstreamGot, &[], "{}") else { return };
    let line = "POST /v1/chat/completions?key=1 HTTP/1.1".to_owned();
    evidence.entry(Entry::Sample(Sample { line, ..request }));
    for (claim, expected) in [
        ("attempts: { where: { ordinal: 1 }, every: { method: POST, path: /v1/chat/completions } }", Pass),
        ("attempts: { where: { ordinal: 1 }, every: { method: GET } }", Fail),
        ("attempts: { where: { ordinal: 1 }, none: { path: { contains: key } } }", Pass),
        // The request of the second attempt is not in the evidence.
        ("attempts: { where: { ordinal: 2 }, every: { method: POST } }", Inconclusive),
        ("attempts: { where: { ordinal: 2 }, none: { path: /v1/models } }", Inconclusive),
        ("attempts: { where: { path: /v1/models }, count: 0 }", Inconclusive),
    ] {
        let (verdict, observed) = verdict(claim, told(), &evidence);
        assert_eq!(verdict, expected, "{claim}: {observed}");
    }
}

#[test]
fn the_request_of_an_attempt_that_joins_nothing_is_known_by_its_arrival() {
    let mut evidence = answered(&HEAD);
    evidence.attempts.clear();
    for from in [100, 105] {
        evidence.loose("first", from, 20, 200);
    }
    let Entry::Sample(request) = sample(Side::UpstreamGot, &[], "{}") else { return };
    let request = Sample { exchange: ExchangeId::NONE, ..request };
    for (arrived, line) in [(105, "GET /v1/models HTTP/1.1"), (100, "POST /v1/chat HTTP/1.1")] {
        // Both were complete at once.
        let (arrived, at, line) = (Some(at(arrived)), at(110), line.to_owned());
        evidence.entry(Entry::Sample(Sample { arrived, at, line, ..request.clone() }));
    }
    let checks = "attempts: { where: { path: /v1/models }, every: { method: GET, nth: 2 } }";
    let others = "attempts: { where: { path: { not: /v1/models } }, every: { method: POST, nth: 1 } }";
    for claim in [checks, others] {
        assert_eq!(
            verdict(claim, told(), &evidence),
            (Pass, "1 attempt, none offends".to_owned()),
            "{claim}"
        );
    }
    evidence.entries.pop();
    assert_eq!(verdict(checks, told(), &evidence).0, Inconclusive);
}

#[test]
fn of_two_attempts_at_once_each_has_its_own_request() {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 10, 50, 200);
    evidence.attempt(0, "second", 20, 50, 200);
    evidence.exchange(0, "ask", 0, 100, 200);
    let Entry::Sample(request) = sample(Side::UpstreamGot, &[], "{}") else { return };
    for (arrived, complete, line) in [(20, 25, "POST /second HTTP/1.1"), (10, 30, "POST /first HTTP/1.1")] {
        let (arrived, at, line) = (Some(at(arrived)), at(complete), line.to_owned());
        evidence.entry(Entry::Sample(Sample { arrived, at, line, ..request.clone() }));
    }
    for claim in [
        "attempts: { where: { key: first }, every: { path: /first } }",
        "attempts: { where: { key: second }, every: { path: /second } }",
    ] {
        assert_eq!(verdict(claim, told(), &evidence).0, Pass, "{claim}");
    }
}
