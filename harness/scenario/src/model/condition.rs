//! Conditions: one type wherever the language asks whether something holds (`where`, `when`, quantifiers).
//!
//! A condition is a map from fields to tests, all of which must hold. A test is a literal, a list (any of them), or a map
//! of comparators.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::model::{Field, FieldKind, Subject};
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, read_range, show_duration, words, wrong, wrong_range};

/// Tests of fields, all of which must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The tests, in the order of the text.
    pub tests: Vec<FieldTest>,
    /// Where it stands.
    pub span: Span,
}

/// A test of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTest {
    /// The field.
    pub field: Field,
    /// The test.
    pub test: Test,
    /// Where the field's name stands.
    pub span: Span,
}

/// Comparisons of one value, all of which must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The comparisons.
    pub comparisons: Vec<Comparison>,
    /// Where it stands.
    pub span: Span,
}

/// A comparison with what stands on its right side.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How to compare.
    pub comparator: Comparator,
    /// What to compare with; any of them for `is` and none of them for `not`.
    pub right: Vec<Operand>,
}

words! {
    /// How a value is compared.
    "a comparator" => Comparator {
        /// It is the value, or one of a list. The comparator of a test that is no map.
        "is" => Is,
        /// It is not the value, nor any of a list.
        "not" => Not,
        /// It is this or more.
        "at_least" => AtLeast,
        /// It is this or less.
        "at_most" => AtMost,
        /// It is more than this.
        "above" => Above,
        /// It is less than this.
        "below" => Below,
    }
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A value that stands there.
    Literal(Literal),
    /// Another field of the same row.
    Field(Field, Span),
    /// A number of `measure:`.
    Measured(String, Span),
    /// A bound that the target's profile declares.
    Bound(String, Span),
}

/// A value that stands in a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A range of whole numbers, both ends included.
    Range(i64, i64),
    /// A duration.
    Duration(Duration),
    /// A flag.
    Flag(bool),
    /// A class of statuses by its first digit.
    StatusClass(i64),
}

/// The value of a row's field, for a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// The row has none: nothing compares with it, and only `not` holds.
    Missing,
    /// A text.
    Text(&'a str),
    /// A whole number or a status.
    Number(i64),
    /// A number that was measured.
    Measured(f64),
    /// A duration.
    Duration(Duration),
    /// A flag.
    Flag(bool),
}

impl Condition {
    /// Whether every test holds. `value` gives a field of the row, `resolve` the operands that are no literals.
    pub fn holds<'v>(
        &self,
        value: &mut dyn FnMut(Field) -> FieldValue<'v>,
        resolve: &dyn Fn(&Operand) -> FieldValue<'v>,
    ) -> bool {
        self.tests.iter().all(|test| {
            let left = value(test.field);
            test.test.holds_with(left, &mut |operand| match operand {
                Operand::Field(field, _) => value(*field),
                other => resolve(other),
            })
        })
    }

    /// Tells every field that rows of this subject do not have.
    pub(crate) fn check(&self, subject: Subject, problems: &mut Vec<Problem>) {
        let mut check = |field: Field, span: Span| {
            if !field.belongs_to(subject) {
                let message = format!("`{}` is no field of {}", field.word(), subject.word());
                problems.push(Problem::new(span, message).nearest(field.word(), Field::names_of(subject)));
            }
        };
        for test in &self.tests {
            check(test.field, test.span);
            for operand in test.test.comparisons.iter().flat_map(|comparison| &comparison.right) {
                if let Operand::Field(field, span) = operand {
                    check(*field, *span);
                }
            }
        }
    }

    /// The test of a field, if there is one.
    #[must_use]
    pub fn test_of(&self, field: Field) -> Option<&Test> {
        self.tests.iter().find(|test| test.field == field).map(|test| &test.test)
    }
}

impl Test {
    /// Whether a value passes; only literals stand on the right side.
    #[must_use]
    pub fn holds(&self, left: FieldValue<'_>) -> bool {
        self.holds_with(left, &mut |_| FieldValue::Missing)
    }

    /// Whether a value passes.
    pub fn holds_with<'v>(
        &self,
        left: FieldValue<'v>,
        resolve: &mut dyn FnMut(&Operand) -> FieldValue<'v>,
    ) -> bool {
        self.comparisons.iter().all(|comparison| {
            let mut any = |compare: fn(FieldValue<'_>, &Right<'_>) -> bool| {
                comparison.right.iter().any(|operand| match operand {
                    Operand::Literal(literal) => compare(left, &Right::Literal(literal)),
                    other => compare(left, &Right::Value(resolve(other))),
                })
            };
            match comparison.comparator {
                Comparator::Is => any(equals),
                Comparator::Not => !any(equals),
                Comparator::AtLeast => {
                    any(|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_ge))
                }
                Comparator::AtMost => {
                    any(|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_le))
                }
                Comparator::Above => {
                    any(|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_gt))
                }
                Comparator::Below => {
                    any(|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_lt))
                }
            }
        })
    }

    /// Reads a test whose values are of a kind.
    pub(crate) fn read_kind(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let comparisons = match &node.value {
            Value::Map(entries) if entries.iter().any(|entry| is_reference(&entry.key)) => {
                vec![Comparison {
                    comparator: Comparator::Is,
                    right: vec![read_operand(kind, node, problems)?],
                }]
            }
            Value::Map(entries) if entries.is_empty() => return wrong(node, "a comparator", problems),
            Value::Map(entries) => {
                let read: Vec<Option<Comparison>> = entries
                    .iter()
                    .map(|entry| {
                        let word = Node { span: entry.key_span, value: Value::Text(entry.key.clone()) };
                        let comparator = Comparator::read(&word, problems)?;
                        Some(Comparison {
                            comparator,
                            right: read_right(kind, comparator, &entry.node, problems)?,
                        })
                    })
                    .collect();
                read.into_iter().collect::<Option<_>>()?
            }
            _ => {
                let right = read_right(kind, Comparator::Is, node, problems)?;
                vec![Comparison { comparator: Comparator::Is, right }]
            }
        };
        Some(Self { comparisons, span: node.span })
    }

    fn schema_of(kind: FieldKind) -> serde_json::Value {
        let literal = match kind {
            FieldKind::Text => json!({ "type": "string" }),
            FieldKind::Number => json!({ "type": ["integer", "string"] }),
            FieldKind::Duration => json!({ "type": "string" }),
            FieldKind::Flag => json!({ "type": ["boolean", "string"] }),
            FieldKind::Status => json!({ "type": ["integer", "string"] }),
        };
        let reference = json!({
            "type": "object",
            "properties": {
                "field": { "type": "string" },
                "measured": { "type": "string" },
                "bound": { "type": "string" },
            },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        });
        let operand = json!({ "anyOf": [literal, reference] });
        let any_of = json!({ "anyOf": [operand, { "type": "array", "items": operand }] });
        let comparators: serde_json::Map<String, serde_json::Value> =
            Comparator::ALL.iter().map(|(word, ..)| ((*word).to_owned(), any_of.clone())).collect();
        json!({ "anyOf": [
            any_of,
            { "type": "object", "properties": comparators, "additionalProperties": false, "minProperties": 1 },
        ] })
    }
}

impl Read for Condition {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let Some(entries) = node.entries() else {
            return wrong(node, "a condition such as `{ status: 200 }`", problems);
        };
        if entries.is_empty() {
            return wrong(node, "a field to test", problems);
        }
        let read: Vec<Option<FieldTest>> = entries
            .iter()
            .map(|entry| {
                let name = Node { span: entry.key_span, value: Value::Text(entry.key.clone()) };
                let field = Field::read(&name, problems)?;
                let (field, node) = match (field, entry.node.get("nth_used")) {
                    (Field::Key, Some(nth)) => (Field::NthUsed, nth),
                    _ => (field, &entry.node),
                };
                let test = Test::read_kind(field.kind(), node, problems)?;
                Some(FieldTest { field, test, span: entry.key_span })
            })
            .collect();
        Some(Self { tests: read.into_iter().collect::<Option<_>>()?, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Condition", |book| {
            let mut object = book.object("Tests of fields, all of which must hold.");
            for (word, field, doc) in Field::ALL {
                object.property(word, doc, Test::schema_of(field.kind()), false);
            }
            object.finish()
        })
    }
}

/// A test of a number that has no field: the `count` of a population.
impl Read for Test {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read_kind(FieldKind::Number, node, problems)
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        Self::schema_of(FieldKind::Number)
    }
}

fn is_reference(key: &str) -> bool {
    matches!(key, "field" | "measured" | "bound")
}

fn read_right(
    kind: FieldKind,
    comparator: Comparator,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Operand>> {
    match (&node.value, comparator) {
        (Value::List(items), Comparator::Is | Comparator::Not) => {
            let read: Vec<_> = items.iter().map(|item| read_operand(kind, item, problems)).collect();
            read.into_iter().collect()
        }
        _ => Some(vec![read_operand(kind, node, problems)?]),
    }
}

fn read_operand(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Operand> {
    let Some([entry]) = node.entries() else {
        return read_literal(kind, node, problems).map(Operand::Literal);
    };
    let span = entry.node.span;
    match entry.key.as_str() {
        "field" => Some(Operand::Field(Field::read(&entry.node, problems)?, span)),
        "measured" => Some(Operand::Measured(String::read(&entry.node, problems)?, span)),
        "bound" => Some(Operand::Bound(String::read(&entry.node, problems)?, span)),
        other => {
            let problem = Problem::new(entry.key_span, format!("unknown key `{other}` on the right side"));
            problems.push(problem.nearest(other, ["field", "measured", "bound"]));
            None
        }
    }
}

fn read_literal(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Literal> {
    match (kind, &node.value) {
        (FieldKind::Text, _) => String::read(node, problems).map(Literal::Text),
        (FieldKind::Flag, _) => bool::read(node, problems).map(Literal::Flag),
        (FieldKind::Duration, _) => Duration::read(node, problems).map(Literal::Duration),
        (FieldKind::Number, Value::Int(number)) => Some(Literal::Number(*number)),
        (FieldKind::Number, Value::Text(text)) => {
            let range =
                read_range(text).and_then(|(from, to)| Some((from.try_into().ok()?, to.try_into().ok()?)));
            match range {
                Some((from, to)) => Some(Literal::Range(from, to)),
                None => wrong_range(node, problems),
            }
        }
        (FieldKind::Number, _) => wrong_range(node, problems),
        (FieldKind::Status, Value::Int(status @ 100..=599)) => Some(Literal::Number(*status)),
        (FieldKind::Status, Value::Text(text)) => match text.as_bytes() {
            [class @ b'1'..=b'5', b'x', b'x'] => Some(Literal::StatusClass(i64::from(class - b'0'))),
            _ => wrong(node, "a status such as `429` or `2xx`", problems),
        },
        (FieldKind::Status, _) => wrong(node, "a status such as `429` or `2xx`", problems),
    }
}

/// The right side of one comparison, once its operand is known.
enum Right<'a> {
    Literal(&'a Literal),
    Value(FieldValue<'a>),
}

fn equals(left: FieldValue<'_>, right: &Right<'_>) -> bool {
    match (left, right) {
        (FieldValue::Text(left), Right::Literal(Literal::Text(right))) => left == right,
        (FieldValue::Text(left), Right::Value(FieldValue::Text(right))) => left == *right,
        (FieldValue::Flag(left), Right::Literal(Literal::Flag(right))) => left == *right,
        (FieldValue::Flag(left), Right::Value(FieldValue::Flag(right))) => left == *right,
        (FieldValue::Number(left), Right::Literal(Literal::Range(from, to))) => (*from..=*to).contains(&left),
        (FieldValue::Number(left), Right::Literal(Literal::StatusClass(class))) => left / 100 == *class,
        _ => order(left, right) == Some(std::cmp::Ordering::Equal),
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
fn order(left: FieldValue<'_>, right: &Right<'_>) -> Option<std::cmp::Ordering> {
    let right = match right {
        Right::Literal(Literal::Number(number)) => FieldValue::Number(*number),
        Right::Literal(Literal::Duration(duration)) => FieldValue::Duration(*duration),
        Right::Literal(_) => return None,
        Right::Value(value) => *value,
    };
    match (left, right) {
        (FieldValue::Number(left), FieldValue::Number(right)) => Some(left.cmp(&right)),
        (FieldValue::Duration(left), FieldValue::Duration(right)) => Some(left.cmp(&right)),
        (FieldValue::Number(left), FieldValue::Measured(right)) => (left as f64).partial_cmp(&right),
        (FieldValue::Measured(left), FieldValue::Number(right)) => left.partial_cmp(&(right as f64)),
        (FieldValue::Measured(left), FieldValue::Measured(right)) => left.partial_cmp(&right),
        // A bound that is a duration is known by its seconds.
        (FieldValue::Duration(left), FieldValue::Measured(right)) => left.as_secs_f64().partial_cmp(&right),
        _ => None,
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, test) in self.tests.iter().enumerate() {
            let and = if index == 0 { "" } else { " and " };
            write!(f, "{and}`{}` {}", test.field.word(), test.test)?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, comparison) in self.comparisons.iter().enumerate() {
            let and = if index == 0 { "" } else { " and " };
            let words = match comparison.comparator {
                Comparator::Is => "is",
                Comparator::Not => "is not",
                Comparator::AtLeast => "is at least",
                Comparator::AtMost => "is at most",
                Comparator::Above => "is above",
                Comparator::Below => "is below",
            };
            let right: Vec<String> = comparison.right.iter().map(ToString::to_string).collect();
            write!(f, "{and}{words} {}", right.join(" or "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Field(field, _) => write!(f, "its `{}`", field.word()),
            Self::Measured(name, _) => write!(f, "measured `{name}`"),
            Self::Bound(name, _) => write!(f, "the bound `{name}`"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Range(from, to) => write!(f, "{from}..{to}"),
            Self::Duration(duration) => f.write_str(&show_duration(*duration)),
            Self::Flag(flag) => flag.fmt(f),
            Self::StatusClass(class) => write!(f, "{class}xx"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::SourceId;

    fn condition(text: &str) -> Condition {
        let node = crate::yaml::parse(SourceId(0), text).unwrap();
        let mut problems = Vec::new();
        let read = Condition::read(&node, &mut problems);
        assert_eq!(problems, []);
        read.unwrap()
    }

    fn holds(text: &str, value: FieldValue<'static>) -> bool {
        condition(text).holds(&mut |_| value, &|_| FieldValue::Number(7))
    }

    #[test]
    fn a_condition_compares_as_it_reads() {
        let number = FieldValue::Number;
        let millis = |ms| FieldValue::Duration(Duration::from_millis(ms));
        for (text, value, expected) in [
            ("status: 200", number(200), true),
            ("status: 200", number(201), false),
            ("status: 2xx", number(201), true),
            ("status: [200, 429]", number(429), true),
            ("status: { not: 200 }", number(500), true),
            ("status: { not: [200, 2xx] }", number(204), false),
            ("status: { not: 200 }", FieldValue::Missing, true),
            ("status: 200", FieldValue::Missing, false),
            ("attempts: { at_least: 1, below: 3 }", number(2), true),
            ("attempts: { at_least: 1, below: 3 }", number(3), false),
            ("attempts: 1..2", number(2), true),
            ("attempts: { at_most: { measured: x } }", number(7), true),
            ("attempts: { above: { measured: x } }", number(7), false),
            ("took: { at_most: 1s }", millis(1_000), true),
            ("took: { below: 1s }", millis(1_000), false),
            ("took: { below: 1s }", FieldValue::Missing, false),
            ("cooling: true", FieldValue::Flag(false), false),
            ("script: [a, b]", FieldValue::Text("b"), true),
            ("took: { below: { field: service } }", millis(5), false),
        ] {
            assert_eq!(holds(text, value), expected, "{text} with {value:?}");
        }
    }

    #[test]
    fn a_condition_is_shown_in_words() {
        let shown = condition("{ status: { not: [200, 2xx] }, took: { at_most: 250ms } }").to_string();
        assert_eq!(shown, "`status` is not 200 or 2xx and `took` is at most 250ms");
    }

    #[test]
    fn keys_by_order_of_first_use_are_a_field_of_their_own() {
        let read = condition("key: { nth_used: 1..2 }");
        assert_eq!(read.tests[0].field, Field::NthUsed);
    }
}
