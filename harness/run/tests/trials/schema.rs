//! The published schema of evidence: what a real run leaves behind is in it, field by field.

use std::collections::BTreeSet;

use record::{EVIDENCE_FORMAT, RunRecord, TargetRecord};
use serde_json::Value;

use crate::ground::Parts;

const PUBLISHED: &str = include_str!("../../../../docs/evidence.md");

/// Of so many kinds the run leaves lines at least, so that the test cannot pass by seeing little.
const LEAST_KINDS: usize = 12;

pub(crate) fn every_field_that_a_run_leaves_behind_is_documented() {
    let requests = "  tools: { model: m, prompt: ping, stream: true, tools: [look] }";
    let traffic = "
  - { step: plain, send: ask }
  - { phase: calls, burst: 3, send: tools }
  - { phase: pairs, closed: { clients: 1, requests: 4 }, send: ask, against: paired }";
    let expect = "
  - { rule: TST-001, say: a fail with a tree, exchanges: { every: { status: 418 } } }
  - { rule: TST-001, say: attempts, attempts: { where: { header: { accept: none } }, count: 0 } }
  - { rule: TST-001, say: events, events: { none: { kind: error } } }
  - { rule: TST-001, say: tools, exchanges: { where: { finish: tool, tool_calls: 2 }, count: 3 } }
  - { rule: TST-001, say: quantile, exchanges: { quantile: { of: took, at: 50%, at_most: 10s } } }";
    let ran = Parts { requests, traffic, expect, ..Parts::default() }.run("bounds: { some: 5 }");

    let known = fields_of("evidence.ndjson");
    let mut kinds = BTreeSet::new();
    for line in ran.lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        kinds.extend(line.as_object().unwrap().keys().cloned());
        are_known("evidence.ndjson", &known, &line);
    }
    assert!(kinds.len() >= LEAST_KINDS, "only {kinds:?}");
    are_known("bench.json", &fields_of("bench.json"), &serde_json::from_str(&ran.bench).unwrap());

    let trial = serde_json::to_value(&ran.record).unwrap();
    are_known("trial.json", &fields_of("trial.json"), &trial);
    let run = RunRecord {
        format: EVIDENCE_FORMAT,
        tool: String::new(),
        tool_sha256: String::new(),
        scenarios_sha256: String::new(),
        suite_sha256: String::new(),
        notes: vec![String::new()],
        started: String::new(),
        took_ms: 0,
        seed: 0,
        target: TargetRecord {
            name: String::new(),
            version: None,
            profile: String::new(),
            profile_sha256: String::new(),
            defect: None,
        },
        command: String::new(),
        interrupted: None,
        rules: Vec::new(),
        trials: Vec::new(),
    };
    are_known("run.json", &fields_of("run.json"), &serde_json::to_value(run).unwrap());
}

/// The fields of a file in the version that is written today.
fn fields_of(file: &str) -> BTreeSet<&'static str> {
    let heading = format!("### `{file}`: fields of version {EVIDENCE_FORMAT}\n");
    let (_, section) = PUBLISHED.split_once(&heading).unwrap_or_else(|| panic!("no `{heading}`"));
    let rows = section.lines().take_while(|line| !line.starts_with('#'));
    let cells = rows.filter_map(|row| row.strip_prefix("| `")?.split(" | ").next());
    // A cell may list several.
    cells.flat_map(|cell| cell.split('`').step_by(2)).collect()
}

#[track_caller]
fn are_known(file: &str, known: &BTreeSet<&'static str>, value: &Value) {
    let mut seen = Vec::new();
    gather(value, "", &mut seen);
    let of_a_map = |path: &str| {
        let map = path.rsplit_once('.').map_or("", |(map, _)| map);
        known.contains(format!("{map}.*").as_str())
    };
    let unknown: Vec<&String> =
        seen.iter().filter(|path| !known.contains(path.as_str()) && !of_a_map(path)).collect();
    assert!(unknown.is_empty(), "docs/evidence.md does not list of `{file}`: {unknown:?}");
}

/// The paths of a value's fields, as the documentation writes them. What is empty shows no items.
fn gather(value: &Value, path: &str, seen: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            gather(member, &path, seen);
        }),
        Value::Array(items) => items.iter().for_each(|item| gather(item, &format!("{path}[]"), seen)),
        _ => seen.push(path.to_owned()),
    }
}
