//! What clients ask of a target, and how: endpoints, queries, raw bytes, surfaces, and what is told at the end.

use record::{Entry, Side};

use crate::ground::{Parts, Ran};

/// The values of a header of all answers, in the order in which they were told.
fn headers(ran: &Ran, name: &str) -> Vec<String> {
    let got = ran.entries.iter().filter_map(|entry| match entry {
        Entry::Sample(sample) if sample.side == Side::ClientGot => Some(&sample.head),
        _ => None,
    });
    got.flatten().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
}

pub(crate) fn endpoints_are_asked_for_by_whom_the_scenario_says() {
    let traffic = "
  - { step: anybody, get: models }
  - { step: in turn, get: { endpoint: models, tenant: { cycle: [acme, globex] } }, repeat: 3 }
  - { step: nobody, get: { endpoint: config, credential: none } }
  - { step: wrong, get: { endpoint: config, credential: wrong } }
  - { step: operator, get: config }
  - { step: as a tenant, get: { endpoint: config, tenant: acme } }
  - { phase: many, closed: { clients: 1, requests: 4 }, get: { endpoint: keys, tenant: { cycle: [acme, globex] } } }";
    let expect = "
  - { rule: TST-001, say: all of them, exchanges: { where: { header: { x-asked: { matches: '^/' } } }, every: { status: 200 } } }
  - { rule: TST-001, say: in turn, exchanges: { where: { phase: many, tenant: globex }, count: 2 } }";
    let ran = Parts { traffic, expect, ..Parts::default() }.run("paths: { keys: /keys, config: /config }");
    ran.passes();
    let (acme, globex) = ("Bearer <tenant acme>", "Bearer <tenant globex>");
    let steps = [
        "Bearer <admin key>",
        acme,
        globex,
        acme,
        "none",
        "Bearer <nobody's key>",
        "Admin <admin key>",
        acme,
    ];
    assert_eq!(headers(&ran, "x-who"), [&steps[..], &[acme, globex, acme, globex]].concat());
}

pub(crate) fn queries_and_values_of_the_trial_are_filled_in() {
    let requests =
        "  query: { model: m, prompt: ping, query: { api-version: '1 & 2', at: '{{ upstream.u }}' } }
  path: { method: GET, path: '/x?y=z', query: { nth: '{{ exchange.nth }}' } }";
    let traffic = "
  - { step: a, send: { like: query, query: { more: 'yes' } } }
  - { step: b, send: path, repeat: 2 }
  - { phase: c, closed: { clients: 1, requests: 2 }, send: path }
  - { step: d, raw: \"GET /{{ upstream.u }} HTTP/1.1\\r\\n\\r\\n\" }";
    let expect = "
  - { rule: TST-001, say: s, exchanges: { every: { header: { x-asked: { matches: '^/' } } } } }";
    let ran = Parts { requests, traffic, expect, ..Parts::default() }.run("");
    ran.passes();
    let asked = headers(&ran, "x-asked");
    let (begin, end) =
        ("/v1/chat/completions?api-version=1%20%26%202&at=http%3A%2F%2F127.0.0.1%3A", "%2Fv1&more=yes");
    assert!(asked[0].starts_with(begin) && asked[0].ends_with(end), "{}", asked[0]);
    assert_eq!(asked[1..5], ["/x?y=z&nth=1", "/x?y=z&nth=2", "/x?y=z&nth=1", "/x?y=z&nth=2"]);
    assert!(asked[5].starts_with("/http://127.0.0.1:") && asked[5].ends_with("/v1"), "{}", asked[5]);
}

pub(crate) fn a_program_finds_what_stands_beside_the_scenario() {
    let traffic = "
  - { step: s, send: ask }
  - { exec: it, command: [cat, '{{ scenario.folder }}/beside.txt'] }";
    let expect = "
  - { rule: TST-001, say: s, exit: { every: { code: 0, text: { contains: here } } } }";
    Parts { traffic, expect, ..Parts::default() }.run("").passes();
}

pub(crate) fn raw_bytes_and_slow_writers_get_their_answers_in_steps_and_phases() {
    let traffic = "
  - { step: good, raw: \"GET /health HTTP/1.1\\r\\n\\r\\n\" }
  - { step: bad, raw: { hex: 00 0d 0a 0d 0a } }
  - { phase: bad ones, closed: { clients: 2, requests: 10 }, raw: { hex: 00 0d 0a 0d 0a } }
  - { step: slow, send: ask, write: { bytes: 64B, every: 20ms } }
  - { phase: slow ones, burst: 3, send: ask, write: { bytes: 64B, every: 20ms } }
  - { phase: slow raw, burst: 3, raw: \"GET /health HTTP/1.1\\r\\n\\r\\n\", write: { bytes: 6B, every: 20ms } }";
    let expect = "
  - { rule: TST-001, say: good, exchanges: { where: { step: good }, every: { status: 200 } } }
  - { rule: TST-001, say: bad, exchanges: { where: { phase: bad ones }, every: { status: 400 } } }
  - { rule: TST-001, say: bad again, exchanges: { where: { status: 400 }, count: 11 } }
  - { rule: TST-001, say: slow, exchanges: { where: { took: { at_least: 60ms }, status: 200 }, count: 7 } }";
    Parts { traffic, expect, ..Parts::default() }.run("").passes();
}

pub(crate) fn a_manner_s_patience_goes_before_that_of_the_request() {
    let requests = "  hang: { model: m, prompt: never, patience: 15s }";
    let traffic = "
  - { step: s, send: hang, patience: 100ms }
  - { phase: p, burst: 2, send: hang, patience: 100ms }
  - { step: raw, raw: \"GET\", patience: 100ms }";
    let expect = "
  - { rule: TST-001, say: s, exchanges: { every: { outcome: timed_out, took: { below: 10s } } } }";
    Parts { requests, traffic, expect, ..Parts::default() }.run("").passes();
}

pub(crate) fn other_surfaces_are_asked_and_read() {
    let traffic = "
  - { step: s, send: { like: ask, surface: responses } }";
    let expect = "
  - { rule: TST-001, say: s, exchanges: { every: { header: { x-asked: /v1/responses }, text: pong, finish: stop } } }";
    Parts { traffic, expect, ..Parts::default() }.run("").passes();
}

pub(crate) fn a_target_is_told_to_ask_no_other_model_in_its_own_way() {
    let traffic = "
  - { step: with, send: ask }
  - { step: without, send: { like: ask, fallbacks: false } }";
    let expect = "
  - { rule: TST-001, say: with, exchanges: { where: { step: with }, every: { header: { x-told: none } } } }
  - { rule: TST-001, say: without, exchanges: { where: { step: without }, every: { header: { x-told: please } } } }";
    let parts = Parts { traffic, expect, ..Parts::default() };
    parts.run("without_fallbacks: { header: x-no-fallbacks, value: please }").passes();
    let expect = "
  - { rule: TST-001, say: s, exchanges: { every: { status: 200 } } }";
    let ran = Parts { expect, ..parts }.run("without_fallbacks: { body: { no_others: true } }");
    ran.passes();
    let sent = ran.entries.iter().filter_map(|entry| match entry {
        Entry::Sample(sample) if sample.side == Side::ClientSent => {
            Some(sample.body.contains("\"no_others\":true"))
        }
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [false, true]);
}

pub(crate) fn what_is_told_at_the_end_of_an_answer_is_judged() {
    let requests = "  tools: { model: m, prompt: ping, stream: true, tools: [look] }";
    let traffic = "
  - { step: plain, send: ask }
  - { step: calls, send: tools }
  - { phase: many calls, burst: 3, send: tools }";
    let expect = "
  - { rule: TST-001, say: plain, exchanges: { where: { step: plain }, every: { finish: stop, tool_calls: 0 } } }
  - { rule: TST-001, say: calls, exchanges: { where: { finish: tool, tool_calls: 2 }, count: 4 } }";
    Parts { requests, traffic, expect, ..Parts::default() }.run("").passes();
}

pub(crate) fn what_a_target_tells_its_clients_is_judged_by_the_headers_of_its_profile() {
    let expect = "
  - { rule: TST-001, say: cost, exchanges: { every: { told_cost: 0.000123 USD } } }
  - { rule: TST-001, say: attempts, exchanges: { every: { told_attempts: 2, told_upstream: somebody } } }";
    let traffic = "
  - { step: s, send: ask }
  - { wait_until: { exchanges: { where: { told_attempts: 2 }, count: 1 } }, within: 5s }";
    let reads = "reads: { cost: { header: x-cost, unit: micros }, attempts: { header: x-retries, counts: retries }, \
                 served_by: { header: x-served } }";
    Parts { traffic, expect, ..Parts::default() }.run(reads).passes();
}

pub(crate) fn pairs_go_through_the_target_and_straight_to_the_upstream() {
    let traffic = "
  - { phase: pairs, closed: { clients: 1, requests: 40 }, send: ask, against: paired }";
    let expect = "
  - { rule: TST-001, say: all of them, exchanges: { where: { phase: pairs, status: 200 }, count: 40 } }
  - { rule: TST-001, say: one attempt for each that goes straight, attempts: { where: { phase: pairs }, count: 20 } }
  - { rule: TST-001, say: median, exchanges: { paired: { of: service, at_most: 10s, false_alarm: 1% } } }";
    let ran = Parts { traffic, expect, ..Parts::default() }.run("");
    ran.passes();
    let pairs = ran.entries.iter().filter(|entry| matches!(entry, Entry::Pair(_))).count();
    assert_eq!(pairs, 20);
}
