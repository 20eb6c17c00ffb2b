//! What a scenario expects: subjects, populations, quantifiers, and the numbers that are measured to be compared.

use crate::model::{Condition, Field, Test};
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::read::{At, Fields, Read, SchemaBook, choice, part, words};

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

/// A number that is taken from rows, to be compared in `that` or in a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Which rows.
    pub subject: Subject,
    /// Which of them; all if there is no `where`.
    pub population: Option<Condition>,
    /// What is taken from them.
    pub figure: Figure,
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
    /// What has to hold of them.
    pub quantifier: Quantifier,
    /// Where the subject stands.
    pub span: Span,
}

words! {
    /// Whose rows are looked at.
    "a subject" => Subject {
        /// Client requests with their responses, as the client saw them.
        "exchanges" => Exchanges,
        /// Requests that upstreams saw.
        "attempts" => Attempts,
        /// Requests that an upstream is about to answer: what `when` looks at.
        "requests" => Requests,
    }
}

choice! {
    /// How many of a population must satisfy something.
    "a quantifier" => Quantifier {
        /// Each of the population satisfies the condition. An empty population is not exercised.
        "every" => Every(Condition),
        /// None of the population satisfies the condition, which holds the offence. An empty population is not exercised.
        "none" => None(Condition),
        /// The size of the population passes the test. It may be 0 if the witness held.
        "count" => Count(Test),
    }
}

choice! {
    /// What number is taken from a population.
    "a figure" => Figure {
        /// The size of the population: `count: all`.
        "count" => Count(CountOf),
        /// The size of the population divided by the time in which it could arise: `rate: per second`.
        "rate" => Rate(RateUnit),
    }
}

words! {
    /// What is counted.
    "`all`" => CountOf {
        /// The whole population.
        "all" => All,
    }
}

words! {
    /// The time that a rate refers to.
    "`per second`" => RateUnit {
        /// In a second.
        "per second" => PerSecond,
    }
}

part! {
    /// The population of a measured number.
    "a population" => Population {
        /// Which rows belong to it; all if it is missing.
        population as "where": Option<Condition>,
    }
}

/// The subjects that an expectation, a witness or a measure can name.
const SUBJECTS: [Subject; 2] = [Subject::Exchanges, Subject::Attempts];

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
                problems.push(
                    Problem::new(node.span, message)
                        .help("write exactly one of: `exchanges`, `attempts`, `that`"),
                );
                return None;
            }
        };
        Some(Self { rule: rule?, say: say?, claim, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Expectation", |book| {
            let mut object = book.object("One expectation: a rule, a sentence, and what has to hold.");
            object.property("rule", "The rule that it proves.", String::schema(book), true);
            object.property(
                "say",
                "What is expected, in words that a report can quote.",
                String::schema(book),
                true,
            );
            for subject in SUBJECTS {
                object.property(subject.word(), "A claim about these rows.", RowClaim::schema(book), false);
            }
            object.property("that", "CEL over the numbers of `measure:`.", String::schema(book), false);
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
                problems.push(
                    Problem::new(node.span, "a witness without a subject")
                        .help("write `exchanges:` or `attempts:`"),
                );
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let properties =
            SUBJECTS.map(|subject| (subject.word(), "A claim about these rows.", RowClaim::schema(book)));
        SchemaBook::one_of("Proof that what the scenario provokes really happened.", properties.into())
    }
}

impl Read for Measure {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a measure", problems)?;
        let mut subjects = Vec::new();
        for subject in SUBJECTS {
            if let Some(entry) = fields.entry(subject.word()) {
                subjects.push((subject, Population::read(&entry.node, problems)));
            }
        }
        let figure = take_choice(&mut fields, Figure::KEYS, |entry| Figure::read_entry(entry, problems));
        fields.finish("a measure", problems);
        let figure = match figure {
            Found::One(figure) => figure?,
            Found::Nothing | Found::Several => {
                let help = format!("write exactly one of: {}", Figure::KEYS.join(", "));
                problems.push(Problem::new(node.span, "a measure without one figure").help(help));
                return None;
            }
        };
        let mut subjects = subjects.into_iter();
        match (subjects.next(), subjects.next()) {
            (Some((subject, population)), None) => {
                Some(Self { subject, population: population?.population, figure, span: node.span })
            }
            _ => {
                problems.push(
                    Problem::new(node.span, "a measure without one subject")
                        .help("write `exchanges:` or `attempts:`"),
                );
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Measure", |book| {
            let mut object = book.object("A number that is taken from rows.");
            for subject in SUBJECTS {
                object.property(
                    subject.word(),
                    "The rows that it is taken from.",
                    Population::schema(book),
                    false,
                );
            }
            for (key, doc, schema) in Figure::properties(book) {
                object.property(key, doc, schema, false);
            }
            object.finish()
        })
    }
}

impl RowClaim {
    fn read(subject: Subject, node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, subject.word(), problems)?;
        let population: Option<Option<Condition>> = fields.take("where", problems);
        let per = match fields.entry("per") {
            Some(entry) => read_per(&entry.node, problems),
            None => Some(Vec::new()),
        };
        let quantifier =
            take_choice(&mut fields, Quantifier::KEYS, |entry| Quantifier::read_entry(entry, problems));
        fields.finish(subject.word(), problems);
        match quantifier {
            Found::One(quantifier) => Some(Self {
                subject,
                population: population?,
                per: per?,
                quantifier: quantifier?,
                span: node.span,
            }),
            Found::Nothing | Found::Several => {
                let help = format!("write exactly one of: {}", Quantifier::KEYS.join(", "));
                problems.push(Problem::new(node.span, "a claim without one quantifier").help(help));
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("RowClaim", |book| {
            let mut object = book.object("A population and one quantifier.");
            object.property(
                "where",
                "Which rows belong to it; all if missing.",
                Condition::schema(book),
                false,
            );
            let field = Field::schema(book);
            let per = serde_json::json!({ "anyOf": [field, { "type": "array", "items": field }] });
            object.property("per", "Groups the population; each group is judged by itself.", per, false);
            for (key, doc, schema) in Quantifier::properties(book) {
                object.property(key, doc, schema, false);
            }
            object.finish()
        })
    }
}

fn read_per(node: &Node, problems: &mut Vec<Problem>) -> Option<Vec<Field>> {
    match node.text() {
        Some(_) => Some(vec![Field::read(node, problems)?]),
        None => Vec::read(node, problems),
    }
}

fn take_row_claim(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Result<Option<RowClaim>, ()> {
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
enum Found<T> {
    Nothing,
    One(Option<T>),
    Several,
}

fn take_choice<'n, T>(
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
