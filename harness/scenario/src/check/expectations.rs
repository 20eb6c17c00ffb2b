//! Witnesses, measured numbers and expectations: the fields, names and rules that they refer to.

use crate::check::Checker;
use crate::expression::{compile, is_comparison, names_behind, roots};
use crate::model::{
    Against, Claim, Expectation, Field, FieldKind, Figure, Operand, Quantifier, RowClaim, Subject, Test,
    Traffic, above_all, no_number,
};
use crate::node::Span;
use crate::problem::{Problem, listed};
use crate::read::At;
use crate::rules::Rules;

/// The subjects whose rows have a field.
fn only_rows_with(field: Field) -> String {
    let subjects = Subject::ALL.iter().filter(|(_, subject, _)| field.belongs_to(*subject));
    format!("only those of these have: {}", listed(subjects.map(|(word, ..)| *word)))
}

impl Checker<'_> {
    pub(super) fn expectations(&mut self, rules: &Rules) {
        let scenario = self.scenario;
        for witness in &scenario.witness {
            self.row_claim(&witness.claim);
        }
        for (_, measure) in &scenario.measure.0 {
            if let Some(population) = &measure.population {
                self.condition(population, measure.subject);
            }
            let of = match &measure.figure {
                Figure::Sum(field) => Some(*field),
                Figure::Quantile(quantile) => Some(quantile.of),
                Figure::Count(_) | Figure::Rate(_) | Figure::Peak(_) => None,
            };
            self.field_of(of, measure.subject, measure.span);
            if let Some(problem) = of.and_then(|field| no_number(field, measure.span)) {
                self.tell(problem);
            }
            if matches!(&measure.figure, Figure::Quantile(quantile) if quantile.at.millionths > 1_000_000) {
                self.tell(above_all(measure.span));
            }
            if matches!(measure.figure, Figure::Peak(_)) {
                self.has_ends(measure.subject, measure.span);
            }
        }
        for expectation in &scenario.expect {
            self.expectation(expectation, rules);
        }
    }

    fn expectation(&mut self, expectation: &Expectation, rules: &Rules) {
        let rule = &expectation.rule;
        if !rules.is_stated(&rule.value) {
            let problem = Problem::new(rule.span, format!("no rule is called `{}`", rule.value));
            let help =
                "write the id of a rule, such as `ROT-001`; each `rules.yaml` beside scenarios states some";
            self.tell(problem.nearest_or(&rule.value, rules.ids(), help));
        }
        match &expectation.claim {
            Claim::Rows(claim) => self.row_claim(claim),
            Claim::That(that) => self.that(that),
        }
    }

    fn that(&mut self, that: &At<String>) {
        let program = match compile(&that.value) {
            Ok(program) => program,
            Err(message) => {
                let help = "write a comparison: `measured.late * 2 <= measured.early`";
                self.tell(Problem::new(that.span, message).help(help));
                return;
            }
        };
        let help = "`that` compares numbers of `measure:`, written `measured.NAME`, also with bounds of the profile, `bound.NAME`";
        let strangers: Vec<&str> =
            roots(&program).into_iter().filter(|name| !["measured", "bound"].contains(name)).collect();
        for name in &strangers {
            self.tell(Problem::new(that.span, format!("unknown name `{name}`")).help(help));
        }
        let names = names_behind("measured", &program);
        if names.is_empty() && strangers.is_empty() {
            self.tell(Problem::new(that.span, "a comparison that looks at nothing measured").help(help));
        }
        if !is_comparison(&program) {
            self.tell(
                Problem::new(that.span, "an expression that is neither true nor false")
                    .help("write a comparison: `measured.late * 2 <= measured.early`"),
            );
        }
        for name in names {
            let name = At { value: name, span: that.span };
            self.refers(&name, "measured number", self.scenario.measure.names());
        }
    }

    pub(super) fn row_claim(&mut self, claim: &RowClaim) {
        for condition in claim.conditions() {
            self.condition(condition, claim.subject);
        }
        self.field_of(claim.of(), claim.subject, claim.span);
        if let Some(test) = claim.test() {
            self.test_of_whole(test, claim.subject);
        }
        for field in &claim.per {
            let groups = !matches!(field.kind(), FieldKind::Duration | FieldKind::Size | FieldKind::Money);
            if !groups || !field.belongs_to(claim.subject) || field.is_named() {
                let message =
                    format!("rows of `{}` cannot be grouped by `{}`", claim.subject.word(), field.word());
                let help = "group by one of their fields that has few values, such as `step` or `status`";
                self.tell(Problem::new(claim.span, message).help(help));
            }
        }
        self.quantifier(claim);
    }

    fn quantifier(&mut self, claim: &RowClaim) {
        let (subject, span) = (claim.subject, claim.span);
        match &claim.quantifier {
            Quantifier::Order(conditions) | Quantifier::Path(conditions) => {
                if !matches!(subject, Subject::Attempts | Subject::Events) {
                    self.tell(
                        Problem::new(
                            span,
                            format!("rows of `{}` have no order in an exchange", subject.word()),
                        )
                        .help("only `attempts` and `events` have"),
                    );
                }
                if !claim.per.is_empty() {
                    let problem = Problem::new(span, "an order with `per`");
                    self.tell(problem.help("the rows of each exchange have an order of their own already"));
                }
                if conditions.is_empty() {
                    let problem = Problem::new(span, "an order of nothing");
                    self.tell(problem.help("write for example `order: [{ status: 429 }, { status: 200 }]`"));
                }
            }
            Quantifier::Matches(_) if !Field::Text.belongs_to(subject) => {
                let message = format!("rows of `{}` have no text to compare with a file", subject.word());
                self.tell(Problem::new(span, message).help(only_rows_with(Field::Text)));
            }
            Quantifier::Growth(_) if !Field::At.belongs_to(subject) => {
                let message = format!("rows of `{}` have no time over which something grows", subject.word());
                self.tell(Problem::new(span, message).help(only_rows_with(Field::At)));
            }
            Quantifier::Peak(_) => self.has_ends(subject, span),
            Quantifier::Paired(_) if subject != Subject::Exchanges => {
                let message = format!("rows of `{}` come in no pairs", subject.word());
                self.tell(Problem::new(span, message).help("only those of `exchanges` do"));
            }
            Quantifier::Paired(_) if !self.sends_pairs() => {
                let problem = Problem::new(span, "`paired` without a phase that sends pairs");
                self.tell(
                    problem.help("write `against: paired` in the phase whose requests are to be compared"),
                );
            }
            _ => {}
        }
        if let Quantifier::Distribution(distribution) = &claim.quantifier
            && distribution.of.is_named()
        {
            let message =
                format!("`{}` has a value for each name, and none to count", distribution.of.word());
            self.tell(
                Problem::new(distribution.span, message).help("name a field with one value in each row"),
            );
        }
        if claim.in_any.is_some_and(|window| window.is_zero()) {
            self.tell(Problem::new(span, "a window of no length").help("write for example `in_any: 1s`"));
        }
        if claim.in_any.is_some() {
            let slides = matches!(
                claim.quantifier,
                Quantifier::Count(_) | Quantifier::Sum(_) | Quantifier::Share(_) | Quantifier::Peak(_)
            );
            if !slides || !Field::At.belongs_to(subject) {
                let problem = Problem::new(span, "`in_any` with a quantifier that no window can slide over");
                self.tell(problem.help(
                    "a window slides over `count`, `share`, `sum` and `peak` of rows that have a time",
                ));
            }
        }
    }

    fn sends_pairs(&self) -> bool {
        let mut manners = self.scenario.traffic.iter().filter_map(Traffic::manner);
        manners.any(|manner| manner.against == Some(Against::Paired))
    }

    fn has_ends(&mut self, subject: Subject, span: Span) {
        if !matches!(subject, Subject::Exchanges | Subject::Attempts) {
            let message = format!("rows of `{}` are not open for a time", subject.word());
            self.tell(Problem::new(span, message).help("only those of `exchanges` and `attempts` are"));
        }
    }

    fn field_of(&mut self, field: Option<Field>, subject: Subject, span: Span) {
        let Some(field) = field.filter(|field| !field.belongs_to(subject)) else { return };
        let message = format!("`{}` is no field of {}", field.word(), subject.word());
        self.tell(Problem::new(span, message).nearest(field.word(), Field::names_of(subject)));
    }

    /// A test of a number that is known only when all rows have gone by.
    fn test_of_whole(&mut self, test: &Test, subject: Subject) {
        for operand in test.comparisons.iter().flat_map(|comparison| &comparison.right) {
            match operand {
                Operand::Measured(name, span) => {
                    let name = At { value: name.clone(), span: *span };
                    self.refers(&name, "measured number", self.scenario.measure.names());
                }
                Operand::Field(field, span) => self.field_of(Some(*field), subject, *span),
                Operand::Bound(..) | Operand::Literal(_) => {}
            }
        }
    }
}
