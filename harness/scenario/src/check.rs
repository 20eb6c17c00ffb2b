//! What a scenario refers to must exist, and what it says must mean something: upstreams, requests, models, phases, script
//! entries, tenants, captures, measured numbers, rules.

mod expectations;
mod service;
mod traffic;
mod world;

use std::collections::{BTreeSet, HashMap};

use crate::model::{
    Condition, ErrorName, Field, FieldTest, MARKS, Operand, Scenario, Stage, Subject, Test, Traffic,
};
use crate::node::Span;
use crate::problem::{Problem, enough, nearest};
use crate::read::At;
use crate::rules::Rules;

/// Tells everything in a case that refers to nothing or contradicts itself.
pub(crate) fn check(scenario: &Scenario, rules: &Rules, problems: &mut Vec<Problem>) {
    let mut checker = Checker { scenario, known: Known::of(scenario), problems };
    checker.tags();
    checker.world();
    checker.phases_of_timelines();
    checker.requests();
    checker.traffic();
    checker.expectations(rules);
}

/// Tells the same of a world by itself. Nobody knows which phases the traffic has that will be sent to it.
pub(crate) fn check_world(scenario: &Scenario, problems: &mut Vec<Problem>) {
    Checker { scenario, known: Known::of(scenario), problems }.world();
}

/// Tells a scenario that has nothing where it needs something. Only of one that was read whole: of another one the part that is
/// empty may be what was left out.
pub(crate) fn check_whole(scenario: &Scenario, problems: &mut Vec<Problem>) {
    Checker { scenario, known: Known::of(scenario), problems }.must_have_something();
}

struct Checker<'a> {
    scenario: &'a Scenario,
    known: Known<'a>,
    problems: &'a mut Vec<Problem>,
}

/// The names that conditions compare with, collected once: a scenario may hold thousands of both.
struct Known<'a> {
    steps: BTreeSet<&'a str>,
    phases: BTreeSet<&'a str>,
    requests: BTreeSet<&'a str>,
    upstreams: BTreeSet<&'a str>,
    tenants: BTreeSet<&'a str>,
    scripts: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(scenario: &'a Scenario) -> Self {
        Self {
            steps: steps(scenario).collect(),
            phases: phases(scenario).collect(),
            requests: scenario.requests.names().collect(),
            upstreams: scenario.world.upstreams.names().collect(),
            tenants: scenario.world.tenants.names().collect(),
            scripts: scenario.world.script_names().into_iter().collect(),
        }
    }

    /// What the texts of a field refer to, and the names that there are; none for a field whose texts refer to nothing.
    fn by(&self, field: Field) -> Option<(&'static str, &BTreeSet<&'a str>)> {
        Some(match field {
            Field::Step => ("step", &self.steps),
            Field::Phase => ("phase", &self.phases),
            Field::Request => ("request", &self.requests),
            Field::Upstream => ("upstream", &self.upstreams),
            Field::Tenant => ("tenant", &self.tenants),
            Field::Script => ("script entry, timeline entry, plan or state of a key", &self.scripts),
            _ => return None,
        })
    }
}

impl<'a> Checker<'a> {
    fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn refers<'v>(&mut self, name: &At<String>, what: &str, valid: impl IntoIterator<Item = &'v str>) {
        if enough(self.problems) {
            return;
        }
        let valid: Vec<&str> = valid.into_iter().collect();
        if !valid.contains(&name.value.as_str()) {
            let problem = Problem::new(name.span, format!("no {what} is called `{}`", name.value));
            self.tell(if valid.is_empty() {
                problem.help(format!("there is no {what}"))
            } else {
                problem.nearest(&name.value, valid)
            });
        }
    }

    /// Tells the second of two equal names.
    fn unique(&mut self, what: &str, names: impl IntoIterator<Item = &'a At<String>>) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for name in names {
            if let Some(first) = seen.insert(&name.value, name.span) {
                let problem = Problem::new(name.span, format!("a second {what} `{}`", name.value));
                self.tell(
                    problem.also(first, "the first one").help("names tell them apart: rename one of them"),
                );
            }
        }
    }

    /// A condition on rows of a subject: its fields must be theirs, and the names that it compares with must exist.
    fn condition(&mut self, condition: &Condition, subject: Subject) {
        condition.check(subject, self.problems);
        for test in &condition.tests {
            self.not_measured(&test.test);
            self.names_of_errors(test, subject);
            let Some((what, known)) = self.known.by(test.field) else { continue };
            let unknown: Vec<&str> = test.test.names().filter(|name| !known.contains(name)).collect();
            let known: Vec<&str> =
                if unknown.is_empty() { Vec::new() } else { known.iter().copied().collect() };
            for name in unknown {
                let name = At { value: name.to_owned(), span: test.test.span };
                self.refers(&name, what, known.iter().copied());
            }
        }
    }

    /// The errors of attempts are the language's own. Those of exchanges are whatever a target writes.
    fn names_of_errors(&mut self, test: &FieldTest, subject: Subject) {
        if test.field != Field::Error || subject != Subject::Attempts {
            return;
        }
        let known = || ErrorName::ALL.iter().map(|(word, ..)| *word);
        for name in test.test.names().filter(|name| known().all(|known| known != *name)) {
            let name = At { value: name.to_owned(), span: test.test.span };
            self.refers(&name, "error", known());
        }
    }

    /// What is measured is known only at the end, when the rows have gone by.
    fn not_measured(&mut self, test: &Test) {
        for operand in test.comparisons.iter().flat_map(|comparison| &comparison.right) {
            if let Operand::Measured(name, span) = operand {
                let problem =
                    Problem::new(*span, format!("`{name}` is measured, and not known while rows go by"));
                self.tell(problem.help(
                    "compare it in `that:`, or in a `count:`, `sum:` or another test of a whole population",
                ));
            }
        }
    }

    /// A mark that is misspelt would be switched off by no flag.
    fn tags(&mut self) {
        let stages = Stage::ALL.iter().map(|(word, ..)| *word);
        let marks: Vec<&str> = stages.chain(MARKS).collect();
        for tag in &self.scenario.tags {
            let is_known = marks.contains(&tag.value.as_str());
            // So few letters are near to many words.
            if is_known || tag.value.len() < 4 {
                continue;
            }
            if let Some(near) = nearest(&tag.value, &marks) {
                let message = format!("the tag `{}` is almost the mark `{near}`", tag.value);
                let help = format!("did you mean `{near}`? Otherwise take another word");
                self.tell(Problem::new(tag.span, message).help(help));
            }
        }
    }

    /// A scenario that sends nothing, expects nothing or witnesses nothing would pass whatever the target does.
    fn must_have_something(&mut self) {
        let scenario = self.scenario;
        for (empty, key) in [
            (scenario.traffic.is_empty(), "traffic"),
            (scenario.witness.is_empty(), "witness"),
            (scenario.expect.is_empty(), "expect"),
        ] {
            if empty {
                let problem = Problem::new(scenario.title.span, format!("nothing under `{key}`"));
                self.tell(problem.help("without it the scenario would pass whatever the target does"));
            }
        }
        let sends = scenario.traffic.iter().any(|entry| !matches!(entry, Traffic::Exec(_)));
        if scenario.world.upstreams.0.is_empty() && sends {
            let problem = Problem::new(scenario.title.span, "nothing under `world.upstreams`");
            self.tell(problem.help("without it the scenario would pass whatever the target does"));
        }
    }
}

fn phases(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::Phase(phase) => Some(phase.name.value.as_str()),
        _ => None,
    })
}

fn steps(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::Step(step) => Some(step.name.value.as_str()),
        Traffic::Exec(exec) => Some(exec.name.value.as_str()),
        _ => None,
    })
}
