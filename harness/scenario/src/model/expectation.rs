//! What a scenario expects: subjects, populations, quantifiers, and the numbers that are measured to be compared.

use std::time::Duration;

use serde_json::json;

use crate::model::{Condition, Field, Quantifier, Test};
use crate::node::{Node, Span};
use crate::problem::{Problem, listed};
use crate::read::{At, Fields, ObjectSchema, Property, Read, SchemaBook, words};

/// One expectation: a rule, the expectation in plain words, and what has to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The rule of the contract that it proves.
    pub rule: At<String>,
    /// What is expected, in words that a report can quote.
    pub say: String,
    /// What has to hold.
    pub claim: Claim,
    /// Where it stands.
    pub span: Span,
}

/// What has to hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// A claim about rows.
    Rows(RowClaim),
    /// A comparison of measured numbers, in CEL.
    That(At<String>),
}

/// Proof that what the scenario provokes really happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// The claim.
    pub claim: RowClaim,
    /// Where it stands.
    pub span: Span,
}

/// A claim about the rows of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct RowClaim {
    /// Which rows.
    pub subject: Subject,
    /// Which of them; all if there is no `where`.
    pub population: Option<Condition>,
    /// The fields by which they are grouped; each group is judged by itself.
    pub per: Vec<Field>,
    /// The window in which they are looked at: each time of this length is judged by itself.
    pub in_any: Option<Duration>,
    /// What has to hold of them.
    pub quantifier: Quantifier,
    /// Where the subject stands.
    pub span: Span,
}

words! {
    /// Whose rows are looked at.
    "a subject" => Subject {
        /// Client requests with their responses, as the client saw them.
        /// For example `exchanges: { every: { status: 200 } }`.
        "exchanges" => Exchanges,
        /// Requests that upstreams saw. For example `attempts: { where: { step: ask }, none: { cooling: true } }`.
        "attempts" => Attempts,
        /// Requests that an upstream is about to answer: what `when` looks at.
        "requests" => Requests,
        /// Events of streams, as the client saw them.
        /// For example `events: { where: { kind: content }, every: { gap: { below: 1s } } }`.
        "events" => Events,
        /// Rows of the target's ledger; one for each class of tokens where a claim speaks of `token_class`. What upstreams
        /// reported and the ledger lacks belongs to the population with nothing charged.
        /// For example `ledger: { per: exchange, count: 1 }`.
        "ledger" => Ledger,
        /// Counters of the target.
        /// For example `metrics: { where: { name: requests_total }, every: { value: { at_least: 6 } } }`.
        "metrics" => Metrics,
        /// Lines of the target's log. For example `log: { where: { text: { contains: panic } }, count: 0 }`.
        "log" => Log,
        /// What the target's process used, a few times a second.
        /// For example `process: { growth: { of: memory, at_most: 10% } }`.
        "process" => Process,
        /// Files that a program left in its folder. For example `files: { every: { size: { at_most: 1MiB } } }`.
        "files" => Files,
        /// Code that stands in answers, between fences.
        /// For example `code: { every: { complete: true, balanced: true } }`.
        "code" => Code,
        /// How programs ended. For example `exit: { where: { step: compile }, every: { code: 0 } }`.
        "exit" => Exit,
    }
}

/// The subjects that an expectation, a witness or a measure can name.
pub(super) const SUBJECTS: [Subject; 10] = [
    Subject::Exchanges,
    Subject::Attempts,
    Subject::Events,
    Subject::Ledger,
    Subject::Metrics,
    Subject::Log,
    Subject::Process,
    Subject::Files,
    Subject::Code,
    Subject::Exit,
];

/// What to write where one subject is wanted.
pub(super) fn subjects_help() -> String {
    format!("write exactly one of: {}", listed(SUBJECTS.iter().map(|subject| subject.word())))
}

impl Read for Expectation {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "an expectation", problems)?;
        let rule = fields.take("rule", problems);
        let say = fields.take("say", problems);
        let rows = take_row_claim(&mut fields, problems);
        let that: Option<Option<At<String>>> = fields.take("that", problems);
        fields.finish("an expectation", problems);
        let claim = match (rows.ok()?, that?) {
            (Some(rows), None) => Claim::Rows(rows),
            (None, Some(that)) => Claim::That(that),
            (first, _) => {
                let message = if first.is_some() {
                    "two subjects in one expectation"
                } else {
                    "an expectation without a subject"
                };
                problems.push(Problem::new(node.span, message).help(format!("{}, `that`", subjects_help())));
                return None;
            }
        };
        Some(Self { rule: rule?, say: say?, claim, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Expectation", |book| {
            let mut object = ObjectSchema::new(
                "an expectation",
                "One expectation: a rule, a sentence, and one claim that has to hold.",
            );
            let rule = "The rule of the contract that it proves. For example `rule: ROT-001`.";
            object.put(Property::of::<String>(book, "rule", rule).required(true));
            let say = "What is expected, in words that a report can quote. \
                       For example `say: the client gets an answer`.";
            object.put(Property::of::<String>(book, "say", say).required(true));
            for property in claim_properties(book) {
                object.put(property);
            }
            let that = "A comparison of numbers of `measure:`, in CEL. \
                        For example `that: measured.late * 2 <= measured.early`.";
            object.put(Property::of::<String>(book, "that", that));
            object.finish()
        })
    }
}

impl Read for Witness {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a witness", problems)?;
        let rows = take_row_claim(&mut fields, problems);
        fields.finish("a witness", problems);
        match rows.ok()? {
            Some(claim) => Some(Self { claim, span: node.span }),
            None => {
                problems.push(Problem::new(node.span, "a witness without a subject").help(subjects_help()));
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Witness", |book| {
            let about = "Proof that what the scenario provokes really happened: a claim about rows.";
            SchemaBook::one_of("a witness", about, claim_properties(book))
        })
    }
}

impl RowClaim {
    /// Every condition that it holds.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let own: Vec<&Condition> = match &self.quantifier {
            Quantifier::Every(condition) | Quantifier::None(condition) => vec![condition],
            Quantifier::Share(share) => vec![&share.of],
            Quantifier::Estimate(estimate) => vec![&estimate.of],
            Quantifier::Order(conditions) | Quantifier::Path(conditions) => conditions.iter().collect(),
            Quantifier::Count(_)
            | Quantifier::Distribution(_)
            | Quantifier::Sum(_)
            | Quantifier::Quantile(_)
            | Quantifier::Growth(_)
            | Quantifier::Paired(_)
            | Quantifier::Distinct(_)
            | Quantifier::Peak(_)
            | Quantifier::Matches(_) => Vec::new(),
        };
        self.population.iter().chain(own)
    }

    /// The field that it takes numbers or values from, if it does.
    #[must_use]
    pub fn of(&self) -> Option<Field> {
        match &self.quantifier {
            Quantifier::Distribution(claim) => Some(claim.of),
            Quantifier::Sum(claim) => Some(claim.of),
            Quantifier::Quantile(claim) => Some(claim.of),
            Quantifier::Growth(claim) => Some(claim.of),
            Quantifier::Paired(claim) => Some(claim.of),
            Quantifier::Distinct(claim) => Some(claim.of),
            _ => None,
        }
    }

    /// The test of the number that it takes from the whole population, if it takes one.
    #[must_use]
    pub fn test(&self) -> Option<&Test> {
        match &self.quantifier {
            Quantifier::Count(test) | Quantifier::Peak(test) => Some(test),
            Quantifier::Share(claim) => Some(&claim.test),
            Quantifier::Estimate(claim) => Some(&claim.test),
            Quantifier::Sum(claim) => Some(&claim.test),
            Quantifier::Quantile(claim) => Some(&claim.test),
            Quantifier::Growth(claim) => Some(&claim.test),
            Quantifier::Paired(claim) => Some(&claim.test),
            Quantifier::Distinct(claim) => Some(&claim.test),
            _ => None,
        }
    }

    fn read(subject: Subject, node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, subject.word(), problems)?;
        let population: Option<Option<Condition>> = fields.take("where", problems);
        let per = match fields.entry("per") {
            Some(entry) => read_per(&entry.node, problems),
            None => Some(Vec::new()),
        };
        let in_any: Option<Option<Duration>> = fields.take("in_any", problems);
        let quantifier =
            take_choice(&mut fields, Quantifier::KEYS, |entry| Quantifier::read_entry(entry, problems));
        fields.finish(subject.word(), problems);
        match quantifier {
            Found::One(quantifier) => Some(Self {
                subject,
                population: population?,
                per: per?,
                in_any: in_any?,
                quantifier: quantifier?,
                span: node.span,
            }),
            Found::Nothing | Found::Several => {
                let problem = Problem::new(node.span, "a claim without one quantifier");
                problems.push(problem.one_of(Quantifier::KEYS.iter().copied()));
                None
            }
        }
    }

    pub(crate) fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("RowClaim", |book| {
            let mut object = ObjectSchema::new("a claim", "A population and one quantifier.");
            let population = "Which rows belong to the population; all if missing. For example `where: { step: ask }`.";
            object.put(Property::of::<Condition>(book, "where", population));
            let field = Field::schema(book);
            let per = json!({
                "title": "a field or a list of fields",
                "anyOf": [field, { "type": "array", "items": field }],
            });
            let doc = "Groups the population; each group is judged by itself. \
                       For example `per: upstream` or `per: [exchange, key]`.";
            object.put(Property::plain("per", doc, per));
            let window = "A window that slides over the population; each window of this length is judged by itself. \
                          For example `in_any: 1s`.";
            object.put(Property::of::<Duration>(book, "in_any", window));
            for property in Quantifier::properties(book) {
                object.put(property);
            }
            object.finish()
        })
    }
}

/// The subjects as keys, each with a claim about its rows.
pub(crate) fn claim_properties(book: &mut SchemaBook) -> Vec<Property> {
    let claim = RowClaim::schema(book);
    let subjects = Subject::ALL.iter().filter(|(_, subject, _)| SUBJECTS.contains(subject));
    subjects.map(|(word, _, doc)| Property::plain(word, doc, claim.clone())).collect()
}

fn read_per(node: &Node, problems: &mut Vec<Problem>) -> Option<Vec<Field>> {
    match node.text() {
        Some(_) => Some(vec![Field::read(node, problems)?]),
        None => Vec::read(node, problems),
    }
}

pub(crate) fn take_row_claim(
    fields: &mut Fields<'_>,
    problems: &mut Vec<Problem>,
) -> Result<Option<RowClaim>, ()> {
    let mut found = None;
    for subject in SUBJECTS {
        let Some(entry) = fields.entry(subject.word()) else { continue };
        if found.is_some() {
            problems.push(
                Problem::new(entry.key_span, "a second subject").help("write one expectation for each"),
            );
            return Err(());
        }
        found = Some(RowClaim::read(subject, &entry.node, problems).ok_or(())?);
    }
    Ok(found)
}

/// What was found of keys of which there should be exactly one.
pub(super) enum Found<T> {
    Nothing,
    One(Option<T>),
    Several,
}

pub(super) fn take_choice<'n, T>(
    fields: &mut Fields<'n>,
    keys: &'static [&'static str],
    mut read: impl FnMut(&'n crate::node::Entry) -> Option<T>,
) -> Found<T> {
    let entries: Vec<_> = keys.iter().filter_map(|key| fields.entry(key)).collect();
    match entries.as_slice() {
        [] => Found::Nothing,
        [entry] => Found::One(read(entry)),
        _ => Found::Several,
    }
}
