//! What a scenario refers to must exist: upstreams, requests, models, phases, script entries, measured numbers, rules.

use crate::model::{
    Claim, Condition, Errand, Expectation, Field, FieldKind, Literal, Operand, Quantifier, RowClaim,
    Scenario, Schedule, Send, Subject, Test, Traffic, Upstream,
};
use crate::node::Span;
use crate::problem::Problem;
use crate::read::At;
use crate::rules::Rules;
use crate::substitute::syntax;

/// Tells everything in a case that refers to nothing or contradicts itself.
pub(crate) fn check(scenario: &Scenario, rules: &Rules, problems: &mut Vec<Problem>) {
    let mut checker = Checker { scenario, problems };
    checker.world();
    checker.traffic();
    for witness in &scenario.witness {
        checker.row_claim(&witness.claim);
    }
    for (_, measure) in &scenario.measure.0 {
        if let Some(population) = &measure.population {
            checker.condition(population, measure.subject);
        }
    }
    for expectation in &scenario.expect {
        checker.expectation(expectation, rules);
    }
    checker.must_have_something();
}

struct Checker<'a> {
    scenario: &'a Scenario,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn refers<'v>(&mut self, name: &At<String>, what: &str, valid: impl IntoIterator<Item = &'v str>) {
        let valid: Vec<&str> = valid.into_iter().collect();
        if !valid.contains(&name.value.as_str()) {
            let problem = Problem::new(name.span, format!("no {what} is called `{}`", name.value));
            self.tell(problem.nearest(&name.value, valid));
        }
    }

    fn world(&mut self) {
        let scenario = self.scenario;
        for (_, upstream) in &scenario.world.upstreams.0 {
            self.upstream(upstream);
        }
        for (_, model) in &scenario.world.router.models.0 {
            self.refers(&model.pool, "upstream", scenario.world.upstreams.names());
        }
    }

    fn upstream(&mut self, upstream: &Upstream) {
        let scenario = self.scenario;
        for plan in &upstream.plans {
            plan.check(self.problems);
        }
        for entry in &upstream.script {
            if let Some(when) = &entry.when {
                self.condition(when, Subject::Requests);
                self.key_labels(when, &upstream.keys.0);
            }
        }
        for entry in &upstream.timeline {
            entry.check(self.problems);
            if let Some(during) = &entry.during {
                self.refers(during, "phase", phases(scenario));
            }
        }
        let mut seen: Vec<&At<String>> = Vec::new();
        let names = upstream
            .script
            .iter()
            .map(|entry| &entry.name)
            .chain(upstream.plans.iter().map(|plan| &plan.name));
        for name in names {
            match seen.iter().find(|first| first.value == name.value) {
                Some(first) => {
                    let problem = Problem::new(name.span, format!("a second entry `{}`", name.value));
                    self.tell(problem.also(first.span, "the first one"));
                }
                None => seen.push(name),
            }
        }
    }

    fn key_labels(&mut self, condition: &Condition, keys: &[At<String>]) {
        let Some(test) = condition.test_of(Field::Key) else { return };
        for label in texts(test) {
            if !keys.iter().any(|key| key.value == label) {
                let problem = Problem::new(test.span, format!("no key of this upstream is called `{label}`"));
                self.tell(problem.nearest(label, keys.iter().map(|key| key.value.as_str())));
            }
        }
    }

    fn traffic(&mut self) {
        let scenario = self.scenario;
        let mut seen: Vec<&At<String>> = Vec::new();
        for entry in &scenario.traffic {
            if let Some(name) = entry.name() {
                if let Some(first) = seen.iter().find(|first| first.value == name.value) {
                    let problem = Problem::new(name.span, format!("a second step or phase `{}`", name.value));
                    self.tell(problem.also(first.span, "the first one"));
                }
                seen.push(name);
            }
            if let Some(Errand::Send(send)) = entry.errand() {
                self.send(send);
            }
            if let Traffic::Phase(phase) = entry {
                self.beside(phase.beside.as_ref(), &phase.name);
                self.unpaced(&phase.schedule, phase.span);
            }
        }
        for (_, request) in &scenario.requests.0 {
            self.refers(&request.model, "model of the router", scenario.world.router.models.names());
        }
    }

    /// A phase can only accompany one that runs by itself: a chain of companions would have no end of its own.
    fn beside(&mut self, beside: Option<&At<String>>, own: &At<String>) {
        let Some(beside) = beside else { return };
        let scenario = self.scenario;
        self.refers(
            beside,
            "phase that runs by itself",
            leading_phases(scenario).filter(|name| *name != own.value),
        );
    }

    fn unpaced(&mut self, schedule: &Schedule, span: Span) {
        const MOST_BURST: u32 = 20_000;
        if matches!(schedule, Schedule::Burst(count) if *count > MOST_BURST) {
            self.tell(Problem::new(span, format!("a burst of more than {MOST_BURST} requests")));
        }
    }

    fn send(&mut self, send: &Send) {
        let scenario = self.scenario;
        for variation in &send.cycle {
            self.refers(&variation.like, "request", scenario.requests.names());
            if let Some(model) = &variation.model {
                self.refers(model, "model of the router", scenario.world.router.models.names());
            }
        }
    }

    fn expectation(&mut self, expectation: &Expectation, rules: &Rules) {
        if rules.get(&expectation.rule.value).is_none() {
            let problem = Problem::new(
                expectation.rule.span,
                format!("no rule is called `{}`", expectation.rule.value),
            );
            self.tell(problem.nearest(&expectation.rule.value, rules.ids()));
        }
        match &expectation.claim {
            Claim::Rows(claim) => self.row_claim(claim),
            Claim::That(that) => self.that(that),
        }
    }

    fn that(&mut self, that: &At<String>) {
        let program = match cel::Program::compile(&that.value) {
            Ok(program) => program,
            Err(errors) => {
                self.tell(Problem::new(that.span, format!("not an expression: {}", syntax(&errors))));
                return;
            }
        };
        for name in program.references().variables() {
            if name != "measured" {
                let problem = Problem::new(that.span, format!("unknown name `{name}`"));
                self.tell(problem.help("`that` compares numbers of `measure:`, written `measured.NAME`"));
            }
        }
        let scenario = self.scenario;
        for name in measured_names(&that.value) {
            self.refers(&At { value: name, span: that.span }, "measured number", scenario.measure.names());
        }
    }

    fn row_claim(&mut self, claim: &RowClaim) {
        if let Some(population) = &claim.population {
            self.condition(population, claim.subject);
        }
        match &claim.quantifier {
            Quantifier::Every(condition) | Quantifier::None(condition) => {
                self.condition(condition, claim.subject);
            }
            Quantifier::Count(test) => self.measured_in(test),
        }
        for field in &claim.per {
            let groups = field.kind() != FieldKind::Duration;
            if !groups || !field.belongs_to(claim.subject) {
                let message = format!("{} cannot be grouped by `{}`", claim.subject.word(), field.word());
                self.tell(Problem::new(claim.span, message));
            }
        }
    }

    fn condition(&mut self, condition: &Condition, subject: Subject) {
        let scenario = self.scenario;
        condition.check(subject, self.problems);
        for test in &condition.tests {
            self.not_measured(&test.test);
            let (what, valid): (&str, Vec<&str>) = match test.field {
                Field::Step => ("step", steps(scenario).collect()),
                Field::Phase => ("phase", phases(scenario).collect()),
                Field::Request => ("request", scenario.requests.names().collect()),
                Field::Upstream => ("upstream", scenario.world.upstreams.names().collect()),
                Field::Script => ("script entry, timeline entry or plan", scenario.world.script_names()),
                _ => continue,
            };
            for name in texts(&test.test) {
                self.refers(
                    &At { value: name.to_owned(), span: test.test.span },
                    what,
                    valid.iter().copied(),
                );
            }
        }
    }

    /// What is measured is known only at the end, when the rows have gone by.
    fn not_measured(&mut self, test: &Test) {
        for operand in test.comparisons.iter().flat_map(|comparison| &comparison.right) {
            if let Operand::Measured(name, span) = operand {
                let problem =
                    Problem::new(*span, format!("`{name}` is measured, and not known while rows go by"));
                self.tell(problem.help("compare it in `that:` or in a `count:`"));
            }
        }
    }

    fn measured_in(&mut self, test: &Test) {
        let scenario = self.scenario;
        for operand in test.comparisons.iter().flat_map(|comparison| &comparison.right) {
            if let Operand::Measured(name, span) = operand {
                self.refers(
                    &At { value: name.clone(), span: *span },
                    "measured number",
                    scenario.measure.names(),
                );
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
            (scenario.world.upstreams.0.is_empty(), "world.upstreams"),
        ] {
            if empty {
                let problem = Problem::new(scenario.title.span, format!("nothing under `{key}`"));
                self.tell(problem.help("without it the scenario would pass whatever the target does"));
            }
        }
    }
}

fn phases(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::Phase(phase) => Some(phase.name.value.as_str()),
        _ => None,
    })
}

fn leading_phases(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::Phase(phase) if phase.beside.is_none() => Some(phase.name.value.as_str()),
        _ => None,
    })
}

fn steps(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::Step(step) => Some(step.name.value.as_str()),
        _ => None,
    })
}

fn texts(test: &Test) -> impl Iterator<Item = &str> {
    test.comparisons.iter().flat_map(|comparison| &comparison.right).filter_map(|operand| match operand {
        Operand::Literal(Literal::Text(text)) => Some(text.as_str()),
        _ => None,
    })
}

/// The names behind `measured.` in an expression.
fn measured_names(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("measured.") {
        rest = &rest[at + "measured.".len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        names.push(rest[..end].to_owned());
    }
    names
}
