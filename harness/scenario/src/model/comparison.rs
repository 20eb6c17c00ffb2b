//! Tests of one value: how it is compared, and with what.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::model::operand::{is_reference, operand_schema, read_operand, read_pattern};
use crate::model::{FieldKind, Literal, Operand};
use crate::node::{Node, Span, Value};
use crate::problem::{Problem, listed};
use crate::read::{ObjectSchema, Property, Read, SchemaBook, Share, taken_apart, words, wrong};

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
        /// The text matches this regular expression.
        "matches" => Matches,
        /// The text contains this one.
        "contains" => Contains,
        /// The text is the beginning of this one.
        "prefix_of" => PrefixOf,
        /// It lies between two values, both included: `within: [1s, 2s]`.
        "within" => Within,
    }
}

impl Comparator {
    /// Whether it compares by order.
    fn is_of_order(self) -> bool {
        matches!(self, Self::AtLeast | Self::AtMost | Self::Above | Self::Below | Self::Within)
    }

    /// Whether values of a kind can be compared so.
    fn fits(self, kind: FieldKind) -> bool {
        match self {
            Self::Is | Self::Not => true,
            Self::Matches | Self::Contains | Self::PrefixOf => {
                matches!(kind, FieldKind::Text | FieldKind::Any)
            }
            Self::AtLeast | Self::AtMost | Self::Above | Self::Below | Self::Within => {
                !matches!(kind, FieldKind::Text | FieldKind::Flag)
            }
        }
    }

    fn misfit(self, kind: FieldKind, span: Span) -> Problem {
        let message = format!("`{}` cannot compare {}", self.word(), kind.described());
        Problem::new(span, message).help(Self::fitting(kind))
    }

    fn fitting(kind: FieldKind) -> String {
        let fitting = Self::ALL.iter().filter(|(_, other, _)| other.fits(kind)).map(|(word, ..)| *word);
        format!("{} is compared by: {}", kind.described(), listed(fitting))
    }
}

/// The value of a row's field, for a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// The row has none: nothing compares with it, and only `not` holds.
    Missing,
    /// A text.
    Text(&'a str),
    /// A header: a text that can be compared as a number where it is one.
    Header(&'a str),
    /// A whole number or a status.
    Number(i64),
    /// A whole number above those of [`Self::Number`].
    Large(u64),
    /// A number that was measured.
    Measured(f64),
    /// A duration.
    Duration(Duration),
    /// A flag.
    Flag(bool),
    /// A part of a whole.
    Share(Share),
    /// A number of bytes.
    Size(u64),
    /// Millionths of a dollar.
    Money(i64),
    /// A JSON text's `null`.
    Null,
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
            let mut any = |compare: &dyn Fn(FieldValue<'_>, &Right<'_>) -> bool| {
                comparison.right.iter().any(|operand| match operand {
                    Operand::Literal(literal) => compare(left, &Right::Literal(literal)),
                    other => compare(left, &Right::Value(resolve(other))),
                })
            };
            match comparison.comparator {
                Comparator::Is => any(&equals),
                Comparator::Not => !any(&equals),
                Comparator::AtLeast => any(&|left, right| order(left, right).is_some_and(Ordering::is_ge)),
                Comparator::AtMost => any(&|left, right| order(left, right).is_some_and(Ordering::is_le)),
                Comparator::Above => any(&|left, right| order(left, right).is_some_and(Ordering::is_gt)),
                Comparator::Below => any(&|left, right| order(left, right).is_some_and(Ordering::is_lt)),
                Comparator::Matches | Comparator::Contains | Comparator::PrefixOf => {
                    any(&|left, right| is_text_like(left, right, comparison.comparator))
                }
                Comparator::Within => comparison.right.iter().zip([true, false]).all(|(operand, lower)| {
                    let right = match operand {
                        Operand::Literal(literal) => Right::Literal(literal),
                        other => Right::Value(resolve(other)),
                    };
                    order(left, &right).is_some_and(|order| if lower { order.is_ge() } else { order.is_le() })
                }),
            }
        })
    }

    /// The texts that a value must be, or must not be.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let whole = self
            .comparisons
            .iter()
            .filter(|comparison| matches!(comparison.comparator, Comparator::Is | Comparator::Not));
        whole.flat_map(|comparison| &comparison.right).filter_map(|operand| match operand {
            Operand::Literal(Literal::Text(text)) => Some(text.as_str()),
            _ => None,
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
            Value::Map(entries) if entries.is_empty() => {
                let problem = Problem::new(node.span, "a test that compares with nothing");
                problems.push(problem.help(Comparator::fitting(kind)));
                return None;
            }
            Value::Map(entries) => {
                let read: Vec<Option<Comparison>> = entries
                    .iter()
                    .map(|entry| {
                        let word = Node { span: entry.key_span, value: Value::Text(entry.key.clone()) };
                        let comparator = Comparator::read(&word, problems)?;
                        if !comparator.fits(kind) {
                            problems.push(comparator.misfit(kind, entry.key_span));
                            return None;
                        }
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

    pub(super) fn schema_of(kind: FieldKind, book: &mut SchemaBook) -> serde_json::Value {
        book.define(&format!("{kind:?}Test"), |book| {
            let comparison = book.define(&format!("{kind:?}Comparison"), |book| {
                let about = "Comparisons of one value, all of which must hold.";
                let mut object = ObjectSchema::new(&format!("a test of {}", kind.told()), about);
                for property in Self::comparators(kind, book) {
                    object.put(property);
                }
                object.finish()
            });
            json!({ "title": format!("a test of {}", kind.told()), "anyOf": [operand_schema(kind, book), comparison] })
        })
    }

    /// The comparators that values of a kind have, as keys.
    pub(crate) fn comparators(kind: FieldKind, book: &mut SchemaBook) -> Vec<Property> {
        let operands = operand_schema(kind, book);
        let (one, other) = kind.examples();
        let property = |(word, comparator, doc): &(&'static str, Comparator, &str)| {
            let right = match comparator {
                Comparator::Within => format!("[{one}, {other}]"),
                Comparator::Matches => "'^ab+'".to_owned(),
                _ => one.to_owned(),
            };
            let doc = format!("{} For example `{word}: {right}`.", taken_apart(doc).0);
            Property::plain(word, &doc, operands.clone())
        };
        Comparator::ALL.iter().filter(|(_, comparator, _)| comparator.fits(kind)).map(property).collect()
    }
}

/// A test of a number that has no field: the `count` of a population.
impl Read for Test {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read_kind(FieldKind::Number, node, problems)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        Self::schema_of(FieldKind::Number, book)
    }
}

fn read_right(
    kind: FieldKind,
    comparator: Comparator,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Operand>> {
    match (&node.value, comparator) {
        (Value::List(items), _) if items.is_empty() => wrong(node, "at least one value", problems),
        (_, Comparator::Matches) => read_pattern(node, problems).map(|pattern| vec![pattern]),
        (
            Value::List(items),
            Comparator::Is | Comparator::Not | Comparator::Contains | Comparator::PrefixOf,
        ) => {
            let read: Vec<_> = items.iter().map(|item| read_operand(kind, item, problems)).collect();
            read.into_iter().collect()
        }
        (Value::List(items), Comparator::Within) if items.len() == 2 => {
            let read: Vec<_> =
                items.iter().map(|item| read_limit(kind, comparator, item, problems)).collect();
            let limits: Vec<Operand> = read.into_iter().collect::<Option<_>>()?;
            if is_reversed(&limits) {
                let problem = Problem::new(node.span, "`within` from the larger value to the smaller one");
                problems.push(problem.help("write the smaller one first: `within: [1s, 2s]`"));
                return None;
            }
            Some(limits)
        }
        (_, Comparator::Within) => wrong(node, "a pair of values such as `[1s, 2s]`", problems),
        _ => Some(vec![read_limit(kind, comparator, node, problems)?]),
    }
}

/// What a value is compared with by its order, where a range or a class has no place.
fn read_limit(
    kind: FieldKind,
    comparator: Comparator,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<Operand> {
    let operand = read_operand(kind, node, problems)?;
    let several = matches!(&operand, Operand::Literal(Literal::Range(..) | Literal::StatusClass(_)));
    if several && comparator.is_of_order() {
        return wrong(node, &format!("one number for `{}`", comparator.word()), problems);
    }
    Some(operand)
}

fn is_reversed(limits: &[Operand]) -> bool {
    let value = |operand: &Operand| match operand {
        Operand::Literal(Literal::Number(number)) => Some(FieldValue::Number(*number)),
        Operand::Literal(Literal::Duration(duration)) => Some(FieldValue::Duration(*duration)),
        Operand::Literal(Literal::Share(share)) => Some(FieldValue::Share(*share)),
        Operand::Literal(Literal::Size(size)) => Some(FieldValue::Size(size.bytes)),
        Operand::Literal(Literal::Money(money)) => Some(FieldValue::Money(money.micros)),
        _ => None,
    };
    match limits {
        [lower, Operand::Literal(upper)] => {
            value(lower).and_then(|lower| order(lower, &Right::Literal(upper))).is_some_and(Ordering::is_gt)
        }
        _ => false,
    }
}

/// The right side of one comparison, once its operand is known.
enum Right<'a> {
    Literal(&'a Literal),
    Value(FieldValue<'a>),
}

fn equals(left: FieldValue<'_>, right: &Right<'_>) -> bool {
    let literal_text = matches!(right, Right::Literal(Literal::Text(_)) | Right::Value(FieldValue::Text(_)));
    let left = match left {
        FieldValue::Header(text) if literal_text => FieldValue::Text(text),
        other => number_of(other),
    };
    match (left, right) {
        (FieldValue::Text(left), Right::Literal(Literal::Text(right))) => left == right,
        (FieldValue::Text(left), Right::Value(FieldValue::Text(right))) => left == *right,
        (FieldValue::Flag(left), Right::Literal(Literal::Flag(right))) => left == *right,
        (FieldValue::Null, Right::Literal(Literal::Null) | Right::Value(FieldValue::Null)) => true,
        (FieldValue::Flag(left), Right::Value(FieldValue::Flag(right))) => left == *right,
        (FieldValue::Number(left), Right::Literal(Literal::Range(from, to))) => (*from..=*to).contains(&left),
        (FieldValue::Number(left), Right::Literal(Literal::StatusClass(class))) => left / 100 == *class,
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

/// The comparators that look into a text.
fn is_text_like(left: FieldValue<'_>, right: &Right<'_>, comparator: Comparator) -> bool {
    let (FieldValue::Text(left) | FieldValue::Header(left)) = left else { return false };
    let right = match right {
        Right::Literal(Literal::Pattern(pattern)) => return pattern.is_in(left),
        Right::Literal(Literal::Text(right)) => right.as_str(),
        Right::Value(FieldValue::Text(right)) => right,
        _ => return false,
    };
    if comparator == Comparator::PrefixOf { right.starts_with(left) } else { left.contains(right) }
}

/// A header that is a number, as that number.
fn number_of(value: FieldValue<'_>) -> FieldValue<'_> {
    let FieldValue::Header(text) = value else { return value };
    let text = text.trim();
    let large = || text.parse().map(FieldValue::Large).ok();
    let whole = text.parse().map(FieldValue::Number).ok().or_else(large);
    let measured = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(FieldValue::Measured);
    whole.or_else(measured).unwrap_or(FieldValue::Text(text))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
fn order(left: FieldValue<'_>, right: &Right<'_>) -> Option<Ordering> {
    let right = match right {
        Right::Literal(Literal::Number(number)) => FieldValue::Number(*number),
        Right::Literal(Literal::Duration(duration)) => FieldValue::Duration(*duration),
        Right::Literal(Literal::Share(share)) => FieldValue::Share(*share),
        Right::Literal(Literal::Size(size)) => FieldValue::Size(size.bytes),
        Right::Literal(Literal::Money(money)) => FieldValue::Money(money.micros),
        Right::Literal(Literal::Fraction(number)) => FieldValue::Measured(*number),
        Right::Literal(_) => return None,
        Right::Value(value) => *value,
    };
    match (number_of(left), right) {
        (FieldValue::Number(left), FieldValue::Number(right)) => Some(left.cmp(&right)),
        (FieldValue::Duration(left), FieldValue::Duration(right)) => Some(left.cmp(&right)),
        (FieldValue::Share(left), FieldValue::Share(right)) => Some(left.cmp(&right)),
        (FieldValue::Size(left), FieldValue::Size(right)) => Some(left.cmp(&right)),
        (FieldValue::Money(left), FieldValue::Money(right)) => Some(left.cmp(&right)),
        (FieldValue::Size(left), FieldValue::Measured(right)) => (left as f64).partial_cmp(&right),
        (FieldValue::Share(left), FieldValue::Measured(right)) => {
            (f64::from(left.millionths) / 1e6).partial_cmp(&right)
        }
        // A sum of money is known by its dollars.
        (FieldValue::Money(left), FieldValue::Measured(right)) => (left as f64 / 1e6).partial_cmp(&right),
        (FieldValue::Large(left), FieldValue::Large(right)) => Some(left.cmp(&right)),
        (FieldValue::Large(_), FieldValue::Number(_)) => Some(Ordering::Greater),
        (FieldValue::Number(_), FieldValue::Large(_)) => Some(Ordering::Less),
        (FieldValue::Number(left), FieldValue::Measured(right)) => exact_order(left.into(), right),
        (FieldValue::Large(left), FieldValue::Measured(right)) => exact_order(left.into(), right),
        (FieldValue::Measured(left), FieldValue::Number(right)) => {
            exact_order(right.into(), left).map(Ordering::reverse)
        }
        (FieldValue::Measured(left), FieldValue::Large(right)) => {
            exact_order(right.into(), left).map(Ordering::reverse)
        }
        (FieldValue::Measured(left), FieldValue::Measured(right)) => left.partial_cmp(&right),
        // A bound that is a duration is known by its seconds.
        (FieldValue::Duration(left), FieldValue::Measured(right)) => left.as_secs_f64().partial_cmp(&right),
        _ => None,
    }
}

/// The order of a whole number and one that was measured, by all their digits: a fraction near 2^63 stands for a thousand whole
/// numbers, and is one of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is too large or small becomes the largest or smallest"
)]
fn exact_order(left: i128, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        return None;
    }
    let behind_the_point = || 0.0.partial_cmp(&right.fract());
    match left.cmp(&(right.trunc() as i128)) {
        Ordering::Equal if right.is_finite() => behind_the_point(),
        order => Some(order),
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
                Comparator::Matches => "matches",
                Comparator::Contains => "contains",
                Comparator::PrefixOf => "is the beginning of",
                Comparator::Within => "is within",
            };
            let right: Vec<String> = comparison.right.iter().map(ToString::to_string).collect();
            let between = if comparison.comparator == Comparator::Within { " to " } else { " or " };
            write!(f, "{and}{words} {}", right.join(between))?;
        }
        Ok(())
    }
}
