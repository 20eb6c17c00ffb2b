//! What stands on the right side of a comparison: a value, another field, a bound, a measured number.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regex_lite::{Regex, RegexBuilder};
use serde_json::json;

use crate::model::{Field, FieldKind};
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::{
    Money, Property, Read, SchemaBook, Share, Size, read_range, show_duration, wrong, wrong_range,
};

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
    /// A part of a whole.
    Share(Share),
    /// A number of bytes.
    Size(Size),
    /// An amount of money.
    Money(Money),
    /// A regular expression.
    Pattern(Pattern),
    /// A number with a fraction, where values are compared as they are found.
    Fraction(f64),
    /// A JSON text's `null`.
    Null,
}

/// A regular expression, compared by its text.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    /// Compiled when it is first looked for: a scenario may hold thousands, and most are read only to be checked.
    compiled: Arc<OnceLock<Option<Regex>>>,
}

/// A pattern that takes more memory than this would take as much for each row.
const LARGEST_PATTERN: usize = 32 * 1024;

fn compiled(pattern: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build()
}

impl Pattern {
    /// Whether it is found in a text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compiled(&self.text).ok());
        compiled.as_ref().is_some_and(|compiled| compiled.is_match(text))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

pub(super) fn is_reference(key: &str) -> bool {
    matches!(key, "field" | "measured" | "bound")
}

pub(super) fn read_operand(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Operand> {
    let Some([entry]) = node.entries() else {
        return read_literal(kind, node, problems).map(Operand::Literal);
    };
    let span = entry.node.span;
    match entry.key.as_str() {
        "field" => read_other_field(kind, &entry.node, problems),
        "measured" => Some(Operand::Measured(String::read(&entry.node, problems)?, span)),
        "bound" => Some(Operand::Bound(String::read(&entry.node, problems)?, span)),
        other => {
            let problem = Problem::new(entry.key_span, format!("unknown key `{other}` on the right side"));
            problems.push(problem.nearest(other, ["field", "measured", "bound"]));
            None
        }
    }
}

/// Another field on the right side, whose values must be of the same kind.
fn read_other_field(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Operand> {
    let field = Field::read(node, problems)?;
    if field.is_named() {
        let message = format!("`{}` has a value for each name, and none to compare with", field.word());
        problems.push(Problem::new(node.span, message).help("compare with another field, or with a value"));
        return None;
    }
    if field.kind() != kind && kind != FieldKind::Any {
        let message = format!(
            "`{}` is {}, and cannot be compared with {}",
            field.word(),
            field.kind().described(),
            kind.described()
        );
        problems.push(Problem::new(node.span, message).help("compare with a field of the same kind"));
        return None;
    }
    Some(Operand::Field(field, node.span))
}

pub(super) fn read_pattern(node: &Node, problems: &mut Vec<Problem>) -> Option<Operand> {
    let text = String::read(node, problems)?;
    match compiled(&text) {
        Ok(_) => Some(Operand::Literal(Literal::Pattern(Pattern { text, compiled: Arc::default() }))),
        Err(error) => {
            problems.push(
                Problem::new(node.span, format!("not a regular expression: {error}")).help(
                    "a dot means any character and `\\.` a dot; look for a plain text with `contains:`",
                ),
            );
            None
        }
    }
}

fn read_literal(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Literal> {
    match (kind, &node.value) {
        // What a target says can be empty, and a scenario can expect just that.
        (FieldKind::Text | FieldKind::Any, Value::Text(text)) if text.is_empty() => {
            Some(Literal::Text(String::new()))
        }
        (FieldKind::Text, _) => String::read(node, problems).map(Literal::Text),
        (FieldKind::Any, Value::Flag(flag)) => Some(Literal::Flag(*flag)),
        (FieldKind::Any, Value::Int(number)) => Some(Literal::Number(*number)),
        (FieldKind::Any, Value::Null) => Some(Literal::Null),
        (FieldKind::Any, Value::Float(number)) => Some(Literal::Fraction(*number)),
        (FieldKind::Any, _) => String::read(node, problems).map(Literal::Text),
        (FieldKind::Share, _) => Share::read(node, problems).map(Literal::Share),
        (FieldKind::Size, _) => Size::read(node, problems).map(Literal::Size),
        (FieldKind::Money, _) => Money::read(node, problems).map(Literal::Money),
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

/// What can stand on the right side of a comparison: a value, a reference, or a list of them.
pub(super) fn operand_schema(kind: FieldKind, book: &mut SchemaBook) -> serde_json::Value {
    let literal = match kind {
        FieldKind::Text => json!({ "type": "string" }),
        FieldKind::Number => json!({ "type": ["integer", "string"] }),
        FieldKind::Duration => json!({ "type": "string" }),
        FieldKind::Flag => json!({ "type": "boolean" }),
        FieldKind::Status => json!({ "type": ["integer", "string"] }),
        FieldKind::Size | FieldKind::Money | FieldKind::Share => json!({ "type": "string" }),
        FieldKind::Any => json!({ "type": ["boolean", "number", "null", "string"] }),
    };
    let reference = book.define("Reference", |book| {
        let field = "Another field of the same row. For example `field: upstream_tokens`.";
        let measured =
            "A number of `measure:`, where a whole population is tested. For example `measured: early`.";
        let bound = "A bound that the target's profile declares. For example `bound: cooldown_lag`.";
        let keys = vec![
            Property::of::<Field>(book, "field", field),
            Property::of::<String>(book, "measured", measured),
            Property::of::<String>(book, "bound", bound),
        ];
        SchemaBook::one_of("a reference", "What a value is compared with, where it is no literal.", keys)
    });
    book.define(&format!("{kind:?}Value"), |_| {
        let operand = json!({ "anyOf": [literal, reference] });
        json!({ "title": kind.told(), "anyOf": [operand, { "type": "array", "items": operand }] })
    })
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
            Self::Share(share) => share.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Money(money) => money.fmt(f),
            Self::Pattern(pattern) => write!(f, "/{}/", pattern.text),
            Self::Fraction(number) => number.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}
