//! Numbers that are taken from rows, to be compared in `that` or in a condition.

use crate::model::expectation::{Found, SUBJECTS, subjects_help, take_choice};
use crate::model::{Condition, Field, Subject};
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::read::{Fields, ObjectSchema, Property, Read, SchemaBook, Share, choice, part, words};

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

choice! {
    /// What number is taken from a population.
    "a figure" => Figure {
        /// The size of the population. For example `count: all`.
        "count" => Count(CountOf),
        /// The size of the population divided by the time in which it could arise. For example `rate: per second`.
        "rate" => Rate(RateUnit),
        /// The sum of a field; durations in seconds, money in dollars. For example `sum: cost`.
        "sum" => Sum(Field),
        /// A quantile of a field. For example `quantile: { of: took, at: 99% }`.
        "quantile" => Quantile(QuantileOf),
        /// The most that were open at once. For example `peak: all`.
        "peak" => Peak(CountOf),
    }
}

part! {
    /// Which quantile of which field.
    "a quantile" => QuantileOf {
        /// The field. For example `of: took`.
        of: Field,
        /// Which quantile. For example `at: 99%`.
        at: Share,
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
        /// Which rows belong to it; all if it is missing. For example `where: { phase: storm }`.
        population as "where": Option<Condition>,
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
                let problem = Problem::new(node.span, "a measure without one figure");
                problems.push(problem.one_of(Figure::KEYS.iter().copied()));
                return None;
            }
        };
        let mut subjects = subjects.into_iter();
        match (subjects.next(), subjects.next()) {
            (Some((subject, population)), None) => {
                Some(Self { subject, population: population?.population, figure, span: node.span })
            }
            _ => {
                problems.push(Problem::new(node.span, "a measure without one subject").help(subjects_help()));
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Measure", |book| {
            let mut object = ObjectSchema::new("a measure", "A number that is taken from rows.");
            for subject in SUBJECTS {
                let word = subject.word();
                let timed = if Field::At.subjects().contains(&subject) {
                    format!(" or `{word}: {{ where: {{ at: {{ below: 1s }} }} }}`")
                } else {
                    String::new()
                };
                let doc = format!("Takes the number from {word}. For example `{word}: {{}}`{timed}.");
                object.put(Property::of::<Population>(book, subject.word(), &doc));
            }
            for property in Figure::properties(book) {
                object.put(property);
            }
            object.finish()
        })
    }
}
