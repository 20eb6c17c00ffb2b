//! `stormproof list --coverage`: rules and rows of the requirements, each with the scenarios that are there for it, or with what
//! else of the project shows it, and those for which there is nothing.

use std::collections::BTreeMap;

use run::Exit;
use scenario::{Level, Requirements, ScenarioFile, Source, Suite, SuiteError};

use crate::args::ListArgs;
use crate::check::tell_all;
use crate::terminal::{say, tell};

const RELEASED: (&str, &str) = ("fixtures/requirements.yaml", include_str!("../fixtures/requirements.yaml"));

/// Tells the coverage of a suite. What lacks a scenario is a proof that is missing.
pub(crate) fn coverage(args: &ListArgs, suite: &Suite) -> Exit {
    let requirements = match requirements(args) {
        Ok(requirements) => requirements,
        Err(error) => return tell_all(&error),
    };
    let found = Coverage::of(suite, requirements.as_ref());
    say(&found.shown());
    let lacks = found.lacks();
    if lacks.is_empty() {
        return Exit::Sound;
    }
    tell(&lacks);
    Exit::Unproved
}

/// The rows that were named, or those of the suite inside the command where that one is listed.
fn requirements(args: &ListArgs) -> Result<Option<Requirements>, SuiteError> {
    match &args.requirements {
        Some(path) => Requirements::read_file(path).map(Some),
        None if args.paths.is_empty() => {
            let (name, text) = RELEASED;
            Requirements::of(Source { name: name.to_owned(), text: text.to_owned() }).map(Some)
        }
        None => Ok(None),
    }
}

/// What there is for each rule and each row.
#[derive(Debug, Default)]
struct Coverage {
    /// Each with its level and names of scenarios.
    rules: Vec<(String, &'static str, Vec<String>)>,
    rows: Vec<Row>,
    /// How many rows are left for later.
    later: usize,
    /// Rows that scenarios cite and nobody has stated, each with one of the scenarios.
    unknown: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Row {
    id: String,
    /// Names of scenarios.
    scenarios: Vec<String>,
    /// Tests and sections of the project.
    shown_by: Vec<String>,
}

impl Row {
    fn all(&self) -> Vec<String> {
        self.scenarios.iter().chain(&self.shown_by).cloned().collect()
    }

    fn is_covered(&self) -> bool {
        !self.scenarios.is_empty() || !self.shown_by.is_empty()
    }
}

impl Coverage {
    fn of(suite: &Suite, requirements: Option<&Requirements>) -> Self {
        let mut of_rule: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut of_row: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for file in &suite.scenarios {
            let name = shortened(file);
            for case in &file.cases {
                let rules = case.scenario.expect.iter().map(|expectation| expectation.rule.value.as_str());
                rules.for_each(|rule| add(&mut of_rule, rule, &name));
                case.scenario.covers.iter().for_each(|row| add(&mut of_row, row, &name));
            }
        }
        let rules = suite.rules.iter().map(|known| {
            let level = match known.rule.level {
                Level::Must => "MUST",
                Level::Should => "SHOULD",
                Level::May => "MAY",
            };
            (known.id.clone(), level, of_rule.remove(known.id.as_str()).unwrap_or_default())
        });
        let mut found = Self { rules: rules.collect(), ..Self::default() };
        let Some(requirements) = requirements else { return found };
        for id in requirements.rows.names() {
            let shows =
                requirements.shown.iter().filter(|shown| shown.rows.iter().any(|row| row.value == id));
            found.rows.push(Row {
                id: id.to_owned(),
                scenarios: of_row.remove(id).unwrap_or_default(),
                shown_by: shows.map(|shown| shown.by.value.clone()).collect(),
            });
        }
        let later = requirements.later.iter().flat_map(|later| &later.rows);
        found.later = later.clone().count();
        later.for_each(|row| drop(of_row.remove(row.value.as_str())));
        found.unknown = of_row.into_iter().map(|(row, names)| (row.to_owned(), names.join(", "))).collect();
        found
    }

    fn shown(&self) -> String {
        let mut text = String::new();
        for (id, level, names) in &self.rules {
            text.push_str(&format!("{id}  {level:6}  {}\n", or_none(names)));
        }
        if !self.rows.is_empty() {
            text.push('\n');
        }
        for row in &self.rows {
            text.push_str(&format!("{:7}  {}\n", row.id, or_none(&row.all())));
        }
        text.push_str(&format!("\n{}\n", counted("rule", self.rules.iter().map(|(.., names)| names))));
        if !self.rows.is_empty() {
            let later = self.later;
            let rows = counted("row", self.rows.iter().map(|row| &row.scenarios));
            let shown = self.rows.iter().filter(|row| row.scenarios.is_empty() && row.is_covered()).count();
            text.push_str(&format!(
                "{rows}; {shown} more are shown by the project's own tests and book; {later} are left for later\n"
            ));
        }
        text
    }

    fn lacks(&self) -> String {
        let rules = self.rules.iter().filter(|(.., names)| names.is_empty()).map(|(id, ..)| id.as_str());
        let rows = self.rows.iter().filter(|row| !row.is_covered()).map(|row| row.id.as_str());
        let mut text = String::new();
        let rules = ("rules without a scenario", rules.collect::<Vec<_>>());
        for (what, lacking) in [rules, ("rows that nothing shows", rows.collect())] {
            if !lacking.is_empty() {
                text.push_str(&format!("error: {what}: {}\n", lacking.join(", ")));
            }
        }
        for (row, names) in &self.unknown {
            text.push_str(&format!("error: no row is called `{row}`, which {names} covers\n"));
        }
        text
    }
}

fn add<'s>(to: &mut BTreeMap<&'s str, Vec<String>>, what: &'s str, name: &str) {
    let names = to.entry(what).or_default();
    if names.last().is_none_or(|last| last != name) {
        names.push(name.to_owned());
    }
}

/// A scenario's name as one says it: its chapter and its own.
fn shortened(file: &ScenarioFile) -> String {
    let mut parts = file.name.trim_end_matches(".yaml").rsplit('/').take(2).collect::<Vec<_>>();
    parts.reverse();
    parts.join("/")
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn counted<'n>(what: &str, all: impl Iterator<Item = &'n Vec<String>>) -> String {
    let (mut count, mut covered) = (0, 0);
    for names in all {
        count += 1;
        covered += usize::from(!names.is_empty());
    }
    format!("{covered} of {count} {what}s have a scenario")
}
