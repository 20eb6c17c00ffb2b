//! Whole trials against a target that means harm: each request ends within its limit, with a record that says what it was, and what is left
//! on the disk is small.

use std::time::{Duration, Instant};

use record::Entry;

use crate::ground::Parts;

/// How each hostility ends.
const ENDS: [(&str, &str); 10] = [
    ("forever", "[timed_out, garbled]"),
    ("contents", "[timed_out, garbled]"),
    ("gigabyte", "garbled"),
    ("headers", "garbled"),
    ("no-text", "complete"),
    ("too-short", "cut"),
    ("packed", "complete"),
    ("elsewhere", "complete"),
    ("reset", "reset"),
    ("silent", "timed_out"),
];

pub(crate) fn a_hostile_target_is_told_as_what_it_is() {
    let lines = |of: &dyn Fn(&str, &str) -> String| -> String {
        ENDS.iter().map(|(how, ends)| of(how, ends)).collect()
    };
    let requests =
        lines(&|how, _| format!("  {how}: {{ method: GET, path: /hostile/{how}, patience: 2s }}\n"));
    let traffic = lines(&|how, _| {
        format!(
            "\n  - {{ step: step {how}, send: {how} }}\n  - {{ phase: phase {how}, burst: 3, send: {how} }}"
        )
    });
    let expect = lines(&|how, ends| {
        format!(
            "\n  - {{ rule: TST-001, say: {how}, exchanges: {{ where: {{ request: {how} }}, every: {{ outcome: {ends} }} }} }}\
                 \n  - {{ rule: TST-001, say: {how} within its limit, exchanges: {{ where: {{ request: {how} }}, every: {{ took: {{ below: 10s }} }} }} }}\
                 \n  - {{ rule: TST-001, say: all of {how}, exchanges: {{ where: {{ request: {how} }}, count: 4 }} }}"
        )
    }) + "\n  - { rule: TST-001, say: nothing is followed, exchanges: { where: { request: elsewhere }, every: { status: 302 } } }";
    let began = Instant::now();
    let ran = Parts { requests: &requests, traffic: &traffic, expect: &expect, ..Parts::default() }.run("");
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    ran.passes();
    let size: usize = ran.entries.iter().map(|entry| serde_json::to_string(entry).unwrap().len()).sum();
    assert!(size < 4 * 1024 * 1024, "{size} bytes of evidence");
    let samples = ran.entries.iter().filter(|entry| matches!(entry, Entry::Sample(_))).count();
    assert!(samples > 0, "what came is shown");
}

pub(crate) fn events_and_texts_without_end_are_told_up_to_a_cap() {
    let requests = "  contents: { method: GET, path: /hostile/contents, patience: 2s }";
    let traffic = "  - { phase: p, burst: 2, send: contents }";
    let expect =
        "\n  - { rule: TST-001, say: s, events: { where: { kind: content }, count: { at_most: 20000 } } }";
    let ran = Parts { requests, traffic, expect, ..Parts::default() }.run("");
    let told = ran.entries.iter().filter(|entry| matches!(entry, Entry::Event(_))).count();
    let cut = ran.entries.iter().filter(|entry| matches!(entry, Entry::EventsCut { .. })).count();
    assert!(told <= 20_000 && (cut == 2 || told < 20_000), "{told} events, {cut} streams cut");
}
