//! Every subject beside exchanges and attempts, and the fields of its rows.

use record::Verdict::{Blocked, Fail, Inconclusive, NotExercised, NotObservable, Pass};
use record::{
    Carried, Entry, EventKind, EventSeen, ExchangeId, FileSeen, LedgerRow, MetricSeen, NOT_REACHED,
    ProcessSeen, Ran, Sample, Shown, Side, TextSeen, Tokens,
};
use scenario::Subject;

use super::evidence::{Case, Evidence, all, at, id, judged, sample, verdict};
use crate::Observable;

fn event(exchange: u32, index: u32, ms: u64, kind: EventKind, data: &str) -> Entry {
    let exchange = ExchangeId(exchange);
    Entry::Event(EventSeen {
        exchange,
        index,
        at: at(ms),
        kind,
        name: "delta".to_owned(),
        data: data.to_owned(),
    })
}

fn ledger(exchange: Option<u32>, output: u64, cost: Option<i64>) -> Entry {
    Entry::Ledger(LedgerRow {
        at: at(4_500),
        exchange: exchange.map(ExchangeId),
        tenant: "acme".to_owned(),
        model: "chat".to_owned(),
        key: "first".to_owned(),
        tokens: Tokens { input: 6, cache_read: 4, cache_write: 0, output, reasoning: None },
        cost_micros: cost,
        state: "settled".to_owned(),
        end_user: String::new(),
        tags: Vec::new(),
    })
}

#[test]
fn events_have_a_place_a_kind_and_a_gap() {
    let mut evidence = Evidence::whole();
    evidence.exchange(3, "ask", 0, 500, 200).streamed = true;
    // They are written in the order of their ends, and read in that of the stream.
    evidence.entry(event(3, 2, 140, EventKind::Content, r#"{"choices":[{"delta":{"content":"b"}}]}"#));
    evidence.entry(event(3, 1, 100, EventKind::Content, r#"{"choices":[{"delta":{"content":"a"}}]}"#));
    evidence.entry(event(3, 3, 400, EventKind::End, "[DONE]"));
    all(
        &evidence,
        &[
            ("events: { where: { kind: content }, count: 2 }", Pass),
            ("events: { where: { kind: content, index: 2 }, every: { gap: 40ms } }", Pass),
            ("events: { every: { gap: { below: 100ms } } }", Fail),
            ("events: { where: { step: ask, kind: end }, every: { text: '[DONE]', at: 400ms } }", Pass),
            ("events: { where: { json: { '$.choices[0].delta.content': a } }, every: { index: 1 } }", Pass),
            ("events: { where: { kind: error }, every: { index: 1 } }", NotExercised),
            ("events: { per: exchange, where: { name: delta }, count: 3 }", Pass),
        ],
    );
    let judged = judged("events: { every: { gap: { below: 100ms } } }", &evidence);
    assert_eq!(
        judged.observed,
        "2 of 3 events offend; the first: event 1 of exchange 3 at 100ms: there is no `gap`"
    );
}

/// One exchange of which its upstream reported six fresh and four cached tokens of input, and five of output.
fn one_call() -> Evidence {
    let mut evidence = Evidence::whole();
    let row = evidence.attempt(0, "first", 10, 10, 200);
    (row.input_tokens, row.output_tokens, row.answer) = (10, 5, id("openai: reply"));
    let row = evidence.exchange(0, "ask", 0, 30, 200);
    (row.tenant, row.model) = (id("acme"), id("chat"));
    evidence.entry(Entry::Answer(record::AnswerSeen {
        id: id("openai: reply"),
        text: None,
        cut: false,
        whole: None,
        breaks_off: false,
        tokens: Some(Tokens { input: 6, cache_read: 4, cache_write: 0, output: 5, reasoning: Some(0) }),
        tool_calls: 0,
        tools_hash: 0,
    }));
    evidence
}

const EXACT: &str =
    "ledger: { per: [tenant, model, token_class], sum: { of: tokens, is: { field: upstream_tokens } } }";
const PRICED: &str = "ledger: { per: tenant, sum: { of: cost, is: { field: priced_upstream_tokens } } }";
const ONCE: &str = "ledger: { per: exchange, count: 1 }";
const ONCE_BY_CLASS: &str = "ledger: { per: [exchange, token_class], count: 1 }";

#[test]
fn a_ledger_is_compared_with_what_the_upstreams_reported() {
    // Six at 10, four at 1 and five at 20 dollars for a million.
    for (rows, exact, priced, once) in [
        (vec![ledger(Some(0), 5, Some(164))], Pass, Pass, Pass),
        (vec![ledger(Some(0), 4, Some(164))], Fail, Pass, Pass),
        (vec![ledger(Some(0), 5, Some(165))], Pass, Fail, Pass),
        (vec![ledger(Some(0), 5, Some(164)), ledger(Some(0), 5, Some(164))], Fail, Fail, Fail),
        // What was never written down is noticed as well.
        (vec![], Fail, Fail, Fail),
        (vec![ledger(Some(0), 5, None)], Pass, Inconclusive, Pass),
    ] {
        let mut evidence = one_call();
        rows.iter().cloned().for_each(|row| evidence.entry(row));
        all(&evidence, &[(EXACT, exact), (PRICED, priced), (ONCE, once), (ONCE_BY_CLASS, once)]);
    }
}

#[test]
fn content_that_was_given_and_never_charged_is_noticed_before_any_tokens_were_told() {
    let mut evidence = one_call();
    (evidence.attempts[0].input_tokens, evidence.attempts[0].output_tokens) = (0, 0);
    all(&evidence, &[(ONCE, NotExercised)]);
    evidence.exchanges[0].contents = 3;
    all(&evidence, &[(ONCE, Fail)]);
}

#[test]
fn a_row_of_the_ledger_that_names_no_exchange_counts_in_sums_and_proves_nothing_of_one_exchange() {
    let mut evidence = one_call();
    evidence.entry(ledger(None, 5, Some(164)));
    all(&evidence, &[(EXACT, Pass), (PRICED, Pass), (ONCE, Inconclusive)]);
}

#[test]
fn the_fields_of_a_ledger_s_row_are_its_own() {
    let mut evidence = one_call();
    evidence.entry(ledger(Some(0), 5, Some(164)));
    all(
        &evidence,
        &[
            (
                "ledger: { every: { state: settled, key: first, tenant: acme, tokens: 15, cost: 0.000164 USD } }",
                Pass,
            ),
            (
                "ledger: { where: { token_class: cache_read }, every: { tokens: 4, upstream_tokens: 4 } }",
                Pass,
            ),
            ("ledger: { where: { token_class: output }, sum: { of: tokens, is: 5 } }", Pass),
            ("ledger: { every: { request: ask } }", Pass),
        ],
    );
}

#[test]
fn counters_are_told_apart_by_their_labels() {
    let mut evidence = Evidence::whole();
    for (model, value) in [("chat", 6.0), ("small", 1.5)] {
        let labels = vec![("model".to_owned(), model.to_owned())];
        evidence.entry(Entry::Metric(MetricSeen {
            at: at(4_100),
            name: "requests_total".to_owned(),
            labels,
            value,
            text: None,
        }));
    }
    all(
        &evidence,
        &[
            (
                "metrics: { where: { name: requests_total, label: { model: chat } }, every: { value: 6 } }",
                Pass,
            ),
            ("metrics: { every: { value: { at_least: 2 } } }", Fail),
            ("metrics: { where: { label: { region: x } }, every: { value: 6 } }", NotExercised),
            ("metrics: { where: { name: { matches: '^requests' } }, count: 2 }", Pass),
        ],
    );
    let judged = judged("metrics: { every: { value: { at_least: 2 } } }", &evidence);
    assert!(judged.observed.contains("counter requests_total{model=\"small\"}"), "{}", judged.observed);
}

#[test]
fn a_state_that_is_told_in_words_is_a_text_and_no_number() {
    let mut evidence = Evidence::whole();
    for (name, value, text) in [("breaker", 0.0, Some("open")), ("waiting", 0.0, None)] {
        let (name, text) = (name.to_owned(), text.map(str::to_owned));
        evidence.entry(Entry::Metric(MetricSeen { at: at(4_100), name, labels: Vec::new(), value, text }));
    }
    all(
        &evidence,
        &[
            ("metrics: { where: { name: breaker }, every: { text: open } }", Pass),
            ("metrics: { where: { name: breaker }, every: { text: closed } }", Fail),
            ("metrics: { where: { name: breaker }, every: { value: { at_most: 1 } } }", Fail),
            ("metrics: { where: { name: waiting }, every: { value: 0 } }", Pass),
            ("metrics: { where: { name: waiting }, none: { text: { matches: '.' } } }", Pass),
        ],
    );
}

#[test]
fn the_log_and_the_process_are_looked_at_as_well() {
    let mut evidence = Evidence::whole();
    evidence.entry(Entry::Log { at: at(100), line: "started".to_owned() });
    evidence.entry(Entry::Log { at: at(200), line: "panicked at main.rs".to_owned() });
    for (n, memory) in (0..).zip([100, 100, 101, 100, 101, 100, 100, 102, 101, 100].repeat(3)) {
        evidence.entry(Entry::Process(ProcessSeen {
            at: at(100 * n),
            instance: 1,
            memory: memory * 1_048_576,
            cpu_us: 1_000 * n,
            descriptors: 20,
            sockets: 4,
            threads: 3,
        }));
    }
    all(
        &evidence,
        &[
            ("log: { none: { text: { contains: panic } } }", Fail),
            ("log: { where: { at: { below: 150ms } }, none: { text: { contains: panic } } }", Pass),
            ("process: { where: { phase: storm }, count: 10 }", Pass),
            ("process: { growth: { of: memory, at_most: 1% } }", Pass),
            ("process: { growth: { of: cpu, at_most: 10% } }", Fail),
            ("process: { every: { descriptors: 20, sockets: 4, threads: 3, instance: 1 } }", Pass),
        ],
    );
}

#[test]
fn a_death_is_a_row_only_where_it_is_asked_whether_the_process_lives() {
    let looked_at = Entry::Process(ProcessSeen {
        at: at(100),
        instance: 1,
        memory: 1_048_576,
        cpu_us: 1_000,
        descriptors: 20,
        sockets: 4,
        threads: 3,
    });
    let mut alive = Evidence::whole();
    alive.entry(looked_at.clone());
    let mut dead = Evidence::whole();
    dead.entry(looked_at);
    dead.died(150);
    for (evidence, lives, figures) in [(&alive, Pass, Pass), (&dead, Fail, Blocked)] {
        all(
            evidence,
            &[
                ("process: { every: { alive: true } }", lives),
                ("process: { every: { memory: { at_most: 2MiB } } }", figures),
                ("process: { count: 1 }", figures),
            ],
        );
    }
}

#[test]
fn a_process_is_looked_at_during_the_phase_that_leads() {
    let parts = "
traffic:
  - { step: ask, send: ask }
  - { phase: again, open: { rate: 1/s }, send: ask, beside: storm }
  - { phase: storm, open: { rate: 5/s, lasts: 1s }, send: ask }
expect:
";
    let claims = [("storm", 6), ("again", 3), ("{ not: [storm, again] }", 21)].map(|(phase, count)| {
        let claim = format!("process: {{ where: {{ phase: {phase} }}, count: {count} }}");
        format!("  - {{ rule: SYN-001, say: it holds, {claim} }}\n")
    });
    let mut evidence = Evidence::empty();
    for (name, from, to) in [("ask", 0, 1_000), ("again", 1_000, 1_900), ("storm", 1_100, 1_700)] {
        evidence.began(name, from);
        evidence.ended(name, to);
    }
    evidence.end(None);
    for n in 0..30 {
        let [memory, cpu_us] = [1; 2];
        let at = at(100 * n);
        let seen = ProcessSeen { at, instance: 1, memory, cpu_us, descriptors: 1, sockets: 1, threads: 1 };
        evidence.entry(Entry::Process(seen));
    }
    for judged in Case::of(&format!("{parts}{}", claims.concat())).judge(&evidence) {
        assert_eq!(judged.verdict, Pass, "{}: {}", judged.expected, judged.observed);
    }
}

#[test]
fn programs_and_their_files_are_looked_at() {
    let mut evidence = Evidence::whole();
    let traffic = id("compile");
    let output = "ok".to_owned();
    let took_us = 20_000;
    evidence.entry(Entry::Ran(Ran { traffic, at: at(4_000), took_us, code: Some(0), signal: None, output }));
    for (path, text) in [("out.txt", Some("pong\n".to_owned())), ("out.bin", None)] {
        evidence.entry(Entry::File(FileSeen {
            traffic,
            at: at(4_000),
            path: path.to_owned(),
            size: 5,
            text,
        }));
    }
    all(
        &evidence,
        &[
            (
                "exit: { where: { step: compile }, every: { code: 0, took: { below: 1s }, text: { contains: ok } } }",
                Pass,
            ),
            ("exit: { every: { code: { not: 0 } } }", Fail),
            ("exit: { none: { signal: { at_least: 1 } } }", Pass),
            (
                "files: { where: { name: out.txt }, every: { text: { contains: pong }, size: { at_most: 5B } } }",
                Pass,
            ),
            ("files: { sum: { of: size, at_most: 9B } }", Fail),
            ("files: { where: { step: compile }, count: 2 }", Pass),
        ],
    );
}

fn text(exchange: u32, text: &str) -> Entry {
    Entry::Text(TextSeen { exchange: ExchangeId(exchange), at: at(300), text: text.to_owned(), cut: false })
}

#[test]
fn code_is_taken_out_of_answers() {
    let mut evidence = Evidence::whole();
    evidence.exchange(0, "ask", 0, 30, 200).text_hash = 1;
    evidence.entry(text(0, "Here:\n```python\nprint(1)\n```\nand\n```python\nprint(2\n"));
    all(
        &evidence,
        &[
            ("code: { where: { language: python, complete: true }, every: { balanced: true } }", Pass),
            ("code: { every: { complete: true } }", Fail),
            ("code: { where: { step: ask }, count: 2 }", Pass),
            ("code: { per: exchange, count: { at_most: 1 } }", Fail),
            ("exchanges: { every: { text: { contains: Here } } }", Pass),
        ],
    );
}

#[test]
fn headers_and_values_of_bodies_are_taken_from_messages() {
    let mut evidence = one_call();
    let got = [("Content-Type", "application/json"), ("x-served-by", "a"), ("X-Served-By", "b")];
    evidence.entry(sample(Side::ClientGot, &got, r#"{"usage":{"total_tokens":15},"tags":["x","y"]}"#));
    evidence.entry(sample(Side::UpstreamGot, &[("accept", "*/*")], r#"{"model":"chat","seed":7}"#));
    all(
        &evidence,
        &[
            ("exchanges: { every: { header: { content-type: { contains: json } } } }", Pass),
            ("exchanges: { every: { header: { x-served-by: b } } }", Pass),
            ("exchanges: { every: { header: { x-served-by: { not: b } } } }", Fail),
            ("exchanges: { every: { header: { x-other: b } } }", Fail),
            ("exchanges: { every: { json: { $.usage.total_tokens: { at_least: 15 } } } }", Pass),
            ("exchanges: { every: { json: { '$.tags[*]': y } } }", Pass),
            ("attempts: { every: { json: { $.seed: 7 }, header: { accept: '*/*' } } }", Pass),
            ("attempts: { none: { json: { $.temperature: { at_least: 0 } } } }", Pass),
            ("attempts: { every: { body: { contains: seed } } }", Pass),
            ("exchanges: { none: { body: { contains: total } } }", Fail),
        ],
    );
}

#[test]
fn a_value_in_a_body_is_compared_as_what_it_is() {
    let mut evidence = one_call();
    evidence.entry(sample(
        Side::ClientGot,
        &[],
        r#"{"nothing":null,"word":"null","half":0.5,"one":1,"text":"0.5"}"#,
    ));
    all(
        &evidence,
        &[
            ("exchanges: { every: { json: { $.nothing: null } } }", Pass),
            ("exchanges: { every: { json: { $.word: null } } }", Fail),
            ("exchanges: { every: { json: { $.word: 'null' } } }", Pass),
            ("exchanges: { every: { json: { $.half: 0.5 } } }", Pass),
            ("exchanges: { every: { json: { $.half: { below: 0.6 } } } }", Pass),
            ("exchanges: { every: { json: { $.one: { above: 0.5 } } } }", Pass),
            ("exchanges: { every: { json: { $.text: 0.5 } } }", Fail),
        ],
    );
}

#[test]
fn different_values_are_counted() {
    let mut evidence = Evidence::whole();
    for (number, id, served) in [(0, "a", "x"), (1, "b", "x"), (2, "b", "y")] {
        evidence.exchange(number, "ask", u64::from(number) * 100, 30, 200);
        let Entry::Sample(sample) =
            sample(Side::ClientGot, &[("x-served-by", served)], &format!(r#"{{"id":"{id}"}}"#))
        else {
            panic!("it is a sample")
        };
        evidence.entry(Entry::Sample(Sample { exchange: ExchangeId(number), ..sample }));
    }
    all(
        &evidence,
        &[
            ("exchanges: { distinct: { of: { json: $.id }, is: 2 } }", Pass),
            ("exchanges: { distinct: { of: { json: $.id }, is: 3 } }", Fail),
            ("exchanges: { distinct: { of: { header: x-served-by }, at_most: 2 } }", Pass),
            ("exchanges: { per: status, distinct: { of: step, is: 1 } }", Pass),
            // What has no such value is neither the same nor another one.
            ("exchanges: { distinct: { of: { json: $.nothing }, is: 1 } }", Inconclusive),
            // Of nothing there is no value: that is too few where some are wanted, and shows nothing where none would do.
            ("exchanges: { where: { status: 500 }, distinct: { of: step, is: 1 } }", Fail),
            ("exchanges: { where: { status: 500 }, distinct: { of: step, at_least: 2 } }", Fail),
            ("exchanges: { where: { status: 500 }, distinct: { of: step, at_most: 1 } }", NotExercised),
            ("exchanges: { where: { status: 500 }, distinct: { of: step, is: 0 } }", NotExercised),
            ("exchanges: { where: { status: 500 }, per: status, distinct: { of: step, is: 1 } }", Fail),
        ],
    );
}

#[test]
fn a_stream_has_a_first_byte_and_a_time_for_each_token_behind_the_first() {
    let mut evidence = Evidence::whole();
    for (number, contents, tokens) in [(3, 3, NOT_REACHED), (4, 3, 7), (5, 1, 1)] {
        let row = evidence.exchange(number, "ask", 0, 500, 200);
        (row.streamed, row.head, row.contents, row.output_tokens) = (true, 90_000, contents, tokens);
        for (index, ms) in (0..contents).zip([100, 105, 160]) {
            evidence.entry(event(number, index + 1, ms, EventKind::Content, "{}"));
        }
        evidence.entry(event(number, 9, 450, EventKind::End, "[DONE]"));
    }
    all(
        &evidence,
        &[
            ("exchanges: { every: { first_byte: 90ms } }", Pass),
            ("exchanges: { every: { first_byte: { below: 90ms } } }", Fail),
            ("exchanges: { where: { exchange: 3 }, every: { per_token: 30ms } }", Pass),
            ("exchanges: { where: { exchange: 4 }, every: { per_token: 10ms } }", Pass),
            ("exchanges: { where: { exchange: 5 }, none: { per_token: { at_least: 0s } } }", Pass),
            (
                "exchanges: { where: { contents: 3 }, quantile: { of: per_token, at: 50%, at_most: 30ms } }",
                Pass,
            ),
        ],
    );
    evidence.entries.retain(|entry| !matches!(entry, Entry::Event(_)));
    all(
        &evidence,
        &[
            ("exchanges: { where: { exchange: 3 }, every: { per_token: 30ms } }", Inconclusive),
            ("exchanges: { where: { exchange: 5 }, none: { per_token: { at_least: 0s } } }", Pass),
        ],
    );
}

#[test]
fn events_keep_to_an_order() {
    let mut evidence = Evidence::whole();
    evidence.exchange(3, "ask", 0, 500, 200).streamed = true;
    let kinds = [EventKind::Other, EventKind::Content, EventKind::Content, EventKind::Finish, EventKind::End];
    for (index, kind) in (1..).zip(kinds) {
        evidence.entry(event(3, index, u64::from(index) * 10, kind, "{}"));
    }
    all(
        &evidence,
        &[
            (
                "events: { order: [{ kind: other }, { kind: content }, { kind: finish }, { kind: end }] }",
                Pass,
            ),
            ("events: { order: [{ kind: content }, { kind: finish }] }", Fail),
            ("events: { where: { kind: [finish, end] }, path: [{ kind: finish }, { kind: end }] }", Pass),
        ],
    );
}

#[test]
fn a_secret_in_what_the_target_wrote_is_known_by_its_name() {
    let mut evidence = Evidence::whole();
    evidence.entry(Entry::Log { at: at(100), line: "asking with <key openai/first> of <b>x</b>".to_owned() });
    all(
        &evidence,
        &[
            ("log: { none: { carries: { matches: '^key ' } } }", Fail),
            ("log: { none: { carries: { matches: '^tenant ' } } }", Pass),
        ],
    );
}

#[test]
fn of_a_stream_with_more_events_than_are_kept_only_an_offence_is_sure() {
    let mut evidence = Evidence::whole();
    evidence.exchange(3, "ask", 0, 500, 200).streamed = true;
    evidence.entry(event(3, 1, 100, EventKind::Content, "{}"));
    let whole = [
        ("events: { count: 1 }", Pass),
        ("events: { every: { kind: content } }", Pass),
        ("events: { none: { kind: content } }", Fail),
    ];
    all(&evidence, &whole);
    evidence.entry(Entry::EventsCut { exchange: ExchangeId(3), at: at(110) });
    let [count, every, none] = whole.map(|(claim, _)| claim);
    all(&evidence, &[(count, Inconclusive), (every, Inconclusive), (none, Fail)]);
}

#[test]
fn a_secret_that_is_spread_over_events_is_carried_by_those_of_the_text() {
    const NO_KEY: &str = "events: { none: { carries: { matches: '^key ' } } }";
    let streamed = |second: &str, whole: Option<&str>, cut: bool| {
        let mut evidence = Evidence::whole();
        evidence.exchange(3, "ask", 0, 500, 200).streamed = true;
        evidence.entry(event(3, 1, 100, EventKind::Content, r#"{"content":"it is sk-12"}"#));
        evidence.entry(event(3, 2, 110, EventKind::Content, second));
        evidence.entry(event(3, 3, 120, EventKind::End, "[DONE]"));
        if let Some(whole) = whole {
            let (exchange, text) = (ExchangeId(3), whole.to_owned());
            evidence.entry(Entry::Text(TextSeen { exchange, at: at(130), text, cut }));
        }
        evidence
    };
    let halves = streamed(r#"{"content":"34"}"#, Some("it is <key openai/first>"), false);
    all(
        &halves,
        &[
            (NO_KEY, Fail),
            ("events: { where: { carries: key openai/first }, count: 2 }", Pass),
            ("events: { where: { kind: end }, none: { carries: { contains: key } } }", Pass),
            ("events: { none: { carries: { matches: '^tenant ' } } }", Pass),
        ],
    );
    let alone = streamed(r#"{"content":"<key openai/first>"}"#, Some("it is sk-12<key openai/first>"), false);
    all(&alone, &[(NO_KEY, Fail), ("events: { where: { carries: key openai/first }, count: 1 }", Pass)]);
    all(&streamed(r#"{"content":"5"}"#, Some("it is sk-125"), false), &[(NO_KEY, Pass)]);
    all(&streamed(r#"{"content":"5"}"#, Some("it is sk-125"), true), &[(NO_KEY, Inconclusive)]);
}

#[test]
fn what_a_message_carries_is_told_with_its_place() {
    let mut evidence = one_call();
    let head = [("x-debug", "with <key openai/first>"), ("x-other", "<key openai/second>")];
    evidence.entry(sample(Side::ClientGot, &head, "as <key openai/first>"));
    let what = vec!["key openai/first".to_owned()];
    evidence.entry(Entry::Carried(Carried {
        side: Side::ClientGot,
        exchange: ExchangeId(0),
        arrived: None,
        at: at(12),
        what,
    }));
    let judged = judged("exchanges: { none: { carries: { contains: key } } }", &evidence);
    let told = "`carries` is `key openai/first` in header `x-debug` and the body";
    assert!(judged.observed.ends_with(told), "{}", judged.observed);
}

#[test]
fn what_a_message_carries_is_known_by_its_name() {
    let mut evidence = one_call();
    let carried = |side, arrived, what: &str| {
        let exchange = ExchangeId(0);
        Entry::Carried(Carried { side, exchange, arrived, at: at(12), what: vec![what.to_owned()] })
    };
    evidence.entry(sample(Side::ClientGot, &[], "{}"));
    evidence.entry(carried(Side::UpstreamGot, Some(at(10)), "tenant acme"));
    all(
        &evidence,
        &[
            ("attempts: { none: { carries: { matches: 'tenant|admin' } } }", Fail),
            ("attempts: { none: { carries: { matches: '^key ' } } }", Pass),
            ("exchanges: { none: { carries: { matches: '^key ' } } }", Pass),
        ],
    );
    evidence.entry(carried(Side::ClientGot, None, "key openai/first"));
    assert_eq!(verdict("exchanges: { none: { carries: { matches: '^key ' } } }", &evidence), Fail);
    let judged = judged("attempts: { none: { carries: { contains: tenant } } }", &evidence);
    assert!(judged.observed.ends_with("`carries` is `tenant acme`"), "{}", judged.observed);
}

#[test]
fn what_a_run_cannot_see_is_not_observable() {
    let parts = "
witness: [{ exchanges: { count: 1 } }]
measure: { rows: { ledger: {}, count: all } }
expect:
  - { rule: SYN-001, say: a, ledger: { per: exchange, count: 1 } }
  - { rule: SYN-001, say: b, that: 'measured.rows > 1' }
  - { rule: SYN-001, say: c, exchanges: { every: { status: 200 } } }
  - { rule: SYN-001, say: d, exchanges: { every: { attempts: 1 } } }
  - { rule: SYN-001, say: e, attempts: { every: { status: 200 } } }
";
    let mut case = Case::of(parts);
    case.observable = Observable::everything()
        .without(Subject::Ledger, "the profile says nothing of a ledger")
        .without(Subject::Attempts, "the upstreams are not ours");
    let judged = case.judge(&one_call());
    let seen: Vec<_> = judged.iter().map(|judged| (judged.verdict, judged.observed.as_str())).collect();
    let ledger = (NotObservable, "the profile says nothing of a ledger");
    let behind = (NotObservable, "the upstreams are not ours");
    assert_eq!(seen, [ledger, ledger, (Pass, "1 exchange, none offends"), behind, behind]);
}

#[test]
fn a_text_that_differs_from_its_file_is_shown_line_by_line() {
    let case = Case::of(
        "expect: [{ rule: SYN-001, say: it is the golden text, exchanges: { matches: golden.txt } }]\n",
    );
    let mut evidence = Evidence::whole();
    evidence.exchange(0, "ask", 0, 30, 200).text_hash = 1;
    evidence.entry(text(0, "one\ntwo\n"));
    let judged = case.judge(&evidence).remove(0);
    assert_eq!(judged.verdict, Fail);
    let Some(Shown::Diff(lines)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert!(lines.contains(&"+two".to_owned()) && lines.contains(&"-three".to_owned()), "{lines:?}");
    let mut evidence = Evidence::whole();
    evidence.exchange(0, "ask", 0, 30, 200).text_hash = 1;
    evidence.entry(text(0, "one\nthree\n"));
    assert_eq!(case.judge(&evidence).remove(0).verdict, Pass);
}
