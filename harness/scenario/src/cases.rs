//! From a node tree to the cases of a scenario: one without `for_each`, one for each of its records with it.

use crate::model::Scenario;
use crate::model::UNSUBSTITUTED;
use crate::node::{Entry, Node, Value};
use crate::problem::Problem;
use crate::read::{At, Read};
use crate::substitute::{Names, substitute};

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
    let cases = records.iter().filter_map(|record| read_case(root, record, problems)).collect();
    tell_once(problems, before);
    cases
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
    for item in items {
        let Some(case) = item.get("case") else {
            problems.push(Problem::new(item.span, "a case without a name").help("write `case: NAME`"));
            continue;
        };
        let Some(name) = At::<String>::read(case, problems) else { continue };
        let same = |other: &&Record<'_>| other.name.as_ref().is_some_and(|other| other.value == name.value);
        if let Some(Record { name: Some(first), .. }) = records.iter().find(same) {
            let problem = Problem::new(name.span, format!("a second case `{}`", name.value));
            problems.push(problem.also(first.span, "the first one"));
            continue;
        }
        records.push(Record { name: Some(name), values: item.entries().unwrap_or_default() });
    }
    if items.is_empty() {
        problems.push(Problem::new(node.span, "no case at all"));
    }
    records
}

fn read_case(root: &Node, record: &Record<'_>, problems: &mut Vec<Problem>) -> Option<Case> {
    let mut names = Names::default();
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
    let before = problems.len();
    let filled = fill(root, &names, problems);
    if problems.len() > before {
        // What was not filled would be told again as a wrong value.
        return None;
    }
    let scenario = Scenario::read(&filled, problems)?;
    Some(Case { name: record.name.as_ref().map(|name| name.value.clone()), scenario })
}

fn fill(root: &Node, names: &Names, problems: &mut Vec<Problem>) -> Node {
    let Some(entries) = root.entries() else { return root.clone() };
    let filled = entries
        .iter()
        .map(|entry| {
            if UNSUBSTITUTED.contains(&entry.key.as_str()) {
                return entry.clone();
            }
            Entry { node: substitute(&entry.node, names, problems), ..entry.clone() }
        })
        .collect();
    Node { span: root.span, value: Value::Map(filled) }
}

fn tell_once(problems: &mut Vec<Problem>, from: usize) {
    let mut told: Vec<Problem> = Vec::new();
    for problem in problems.drain(from..) {
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    problems.extend(told);
}
