//! From a node tree to the cases of a scenario: one without `for_each`, one for each of its records with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::model::{Scenario, UNSUBSTITUTED};
use crate::node::{Entry, Node, Span, Value};
use crate::partial::without_wrong_parts;
use crate::problem::{Problem, enough};
use crate::read::{At, Read};
use crate::substitute::{Names, Shared, substitute};
use crate::template::LATER;

/// One case of a scenario, with everything substituted.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name; none for a scenario without `for_each`.
    pub name: Option<String>,
    /// The experiment.
    pub scenario: Scenario,
}

/// Reads every case of a scenario. A problem that several cases share is told once.
pub(crate) fn read_cases(root: &Node, problems: &mut Vec<Problem>) -> Vec<Case> {
    let before = problems.len();
    let records = match root.get("for_each") {
        Some(node) => read_records(node, problems),
        None => vec![Record { name: None, values: &[] }],
    };
    tell_names(root, &records, problems);
    let shared = Shared::new();
    let mut used = BTreeSet::new();
    let mut told = HashSet::new();
    let mut cases = Vec::new();
    for record in whole(&records) {
        if shared.is_spent() || enough(problems) {
            break;
        }
        let mut found = Vec::new();
        cases.extend(read_case(root, record, &shared, &mut used, &mut found));
        problems
            .extend(found.into_iter().filter(|problem| told.insert((problem.span, problem.message.clone()))));
    }
    if problems.len() == before {
        tell_unused(root, &records, &used, problems);
    }
    cases
}

/// Tells names that do not stand for one thing in each case.
fn tell_names(root: &Node, records: &[Record<'_>], problems: &mut Vec<Problem>) {
    let constants = root.get("let").and_then(Node::entries).unwrap_or_default();
    let first = records.first().map_or(&[][..], |record| record.values);
    let constant_spans: HashMap<&str, Span> =
        constants.iter().map(|entry| (entry.key.as_str(), entry.key_span)).collect();
    for entry in constants.iter().chain(first) {
        if LATER.iter().any(|(later, _)| *later == entry.key) {
            let message = format!("`{}` is a name of the language itself", entry.key);
            problems.push(Problem::new(entry.key_span, message).help("choose another name"));
        }
    }
    for entry in first {
        if let Some(constant) = constant_spans.get(entry.key.as_str()) {
            let problem = Problem::new(entry.key_span, format!("`{}` is a constant already", entry.key));
            problems.push(problem.also(*constant, "the constant").help("rename one of them"));
        }
    }
    tell_missing(records, problems);
}

/// The cases that have a value for every name: what the others lack has been told, and would be told again where it is used.
fn whole<'r, 'n>(records: &'r [Record<'n>]) -> impl Iterator<Item = &'r Record<'n>> {
    let names: BTreeSet<&str> =
        records.iter().flat_map(|record| record.values).map(|entry| entry.key.as_str()).collect();
    // No key occurs twice in a map.
    records.iter().filter(move |record| record.values.len() == names.len())
}

/// Tells the first case that lacks a value which another has.
fn tell_missing(records: &[Record<'_>], problems: &mut Vec<Problem>) {
    let names = |record: &Record<'_>| -> BTreeMap<String, Span> {
        record.values.iter().map(|entry| (entry.key.clone(), entry.key_span)).collect()
    };
    let Some(first) = records.first() else { return };
    let first_names = names(first);
    for record in &records[1..] {
        let own_names = names(record);
        for (has, lacks, of) in [(&first_names, &own_names, record), (&own_names, &first_names, first)] {
            let missing = has.iter().find(|(name, _)| !lacks.contains_key(*name));
            if let (Some((name, span)), Some(case)) = (missing, &of.name) {
                let problem = Problem::new(case.span, format!("case `{}` has no `{name}`", case.value));
                let problem = problem.also(*span, "another case has it");
                problems.push(problem.help("give each case a value for each name"));
                return;
            }
        }
    }
}

/// Tells every constant and every value of a case that nothing uses: it was meant to do something.
fn tell_unused(root: &Node, records: &[Record<'_>], used: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    let constants = root.get("let").and_then(Node::entries).unwrap_or_default().iter();
    let values = records.iter().flat_map(|record| record.values).filter(|entry| entry.key != "case");
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for entry in constants.chain(values) {
        if !used.contains(&entry.key) && told.insert(&entry.key) && !enough(problems) {
            let problem = Problem::new(entry.key_span, format!("nobody uses `{}`", entry.key));
            problems.push(
                problem.help(format!("write `\"{{{{ {} }}}}\"` where it is meant, or remove it", entry.key)),
            );
        }
    }
}

/// A record of `for_each`.
struct Record<'n> {
    name: Option<At<String>>,
    values: &'n [Entry],
}

fn read_records<'n>(node: &'n Node, problems: &mut Vec<Problem>) -> Vec<Record<'n>> {
    let Value::List(items) = &node.value else {
        let message = format!("{} where a list of cases is wanted", node.described());
        problems.push(
            Problem::new(node.span, message).help("write `- { case: NAME, value: ... }` for each case"),
        );
        return Vec::new();
    };
    let mut records: Vec<Record<'n>> = Vec::new();
    let mut names: HashMap<String, Span> = HashMap::new();
    for item in items {
        let Some(case) = item.get("case") else {
            problems.push(Problem::new(item.span, "a case without a name").help("write `case: NAME`"));
            continue;
        };
        let Some(name) = At::<String>::read(case, problems) else { continue };
        if let Some(first) = names.insert(name.value.clone(), name.span) {
            let problem = Problem::new(name.span, format!("a second case `{}`", name.value));
            problems.push(problem.also(first, "the first one").help("rename one of them"));
            continue;
        }
        if let Some(filled) = values_in_braces(item) {
            let message = "`{{ }}` in a value of a case, which is put in as it stands";
            problems.push(Problem::new(filled, message).help("write the expression where the value is used"));
            continue;
        }
        records.push(Record { name: Some(name), values: item.entries().unwrap_or_default() });
    }
    if items.is_empty() {
        let help = "write `- { case: NAME, value: ... }` for each case, or leave `for_each` out";
        problems.push(Problem::new(node.span, "no case at all").help(help));
    }
    records
}

/// Where a value of a case has braces of its own.
fn values_in_braces(node: &Node) -> Option<Span> {
    match &node.value {
        Value::Text(text) if text.contains("{{") => Some(node.span),
        Value::List(items) => items.iter().find_map(values_in_braces),
        Value::Map(entries) => entries.iter().find_map(|entry| values_in_braces(&entry.node)),
        _ => None,
    }
}

fn read_case(
    root: &Node,
    record: &Record<'_>,
    shared: &Shared,
    used: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Option<Case> {
    let before = problems.len();
    let mut names = Names::new(shared);
    for entry in record.values.iter().filter(|entry| entry.key != "case") {
        names.add(&entry.key, entry.node.clone());
    }
    if let Some(constants) = root.get("let") {
        for entry in constants.entries().unwrap_or_default() {
            let value = substitute(&entry.node, &names, problems);
            names.add(&entry.key, value);
        }
        if constants.entries().is_none() {
            let message = format!("{} where named constants are wanted", constants.described());
            problems.push(Problem::new(constants.span, message).help("write `name: value` for each"));
        }
    }
    let filled = fill(root, &mut names, problems);
    let known = root.get("let").and_then(Node::entries).unwrap_or_default().iter().chain(record.values);
    for entry in known {
        if !used.contains(&entry.key) && names.was_used(&entry.key) {
            used.insert(entry.key.clone());
        }
    }
    if problems.len() > before {
        // What was not filled would be told again as a wrong value.
        return None;
    }
    let scenario = match Scenario::read(&filled, problems) {
        Some(scenario) => scenario,
        // The rest is looked at in the same go. It is never run: what is wrong was told.
        None => {
            let rest = without_wrong_parts(&filled, &problems[before..])?;
            let mut again = Vec::new();
            Scenario::read(&rest, &mut again).filter(|_| again.is_empty())?
        }
    };
    Some(Case { name: record.name.as_ref().map(|name| name.value.clone()), scenario })
}

fn fill(root: &Node, names: &mut Names<'_>, problems: &mut Vec<Problem>) -> Node {
    let Some(entries) = root.entries() else { return root.clone() };
    let filled = entries
        .iter()
        // What names stand for has been put in, and a thousand cases need not carry a thousand records each.
        .filter(|entry| !UNSUBSTITUTED.contains(&entry.key.as_str()))
        .map(|entry| {
            names.known_later(known_later(&entry.key));
            Entry { node: substitute(&entry.node, names, problems), ..entry.clone() }
        })
        .collect();
    Node { span: root.span, value: Value::Map(filled) }
}

/// The roots that are known only later in a part of the scenario.
fn known_later(part: &str) -> &'static [&'static str] {
    match part {
        "world" => &["request"],
        "requests" | "traffic" => &["captured", "exchange", "target", "upstream", "scenario"],
        _ => &[],
    }
}
