//! Conditions: one type wherever the language asks whether something holds (`where`, `when`, quantifiers).
//!
//! A condition is a map from fields to tests, all of which must hold. A test is a literal, a list (any of them), or a map
//! of comparators.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regex_lite::{Regex, RegexBuilder};
use serde_json::json;

use crate::json_path;
use crate::model::{Field, FieldKind, Subject};
use crate::node::{Entry, Node, Span, Value};
use crate::problem::{Problem, enough, listed};
use crate::read::{
    Money, ObjectSchema, Property, Read, SchemaBook, Share, Size, read_range, show_duration, taken_apart,
    words, wrong, wrong_range,
};

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
    /// The header, label or path that is meant, for a field that is asked for by name.
    pub name: Option<String>,
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
    /// A part of a whole.
    Share(Share),
    /// A number of bytes.
    Size(u64),
    /// Millionths of a dollar.
    Money(i64),
}

impl Condition {
    /// Whether every test holds. `value` gives a field of the row, `resolve` the operands that are no literals.
    pub fn holds<'v>(
        &self,
        value: &mut dyn FnMut(Field, Option<&str>) -> FieldValue<'v>,
        resolve: &dyn Fn(&Operand) -> FieldValue<'v>,
    ) -> bool {
        self.tests.iter().all(|test| {
            let left = value(test.field, test.name.as_deref());
            test.test.holds_with(left, &mut |operand| match operand {
                Operand::Field(field, _) => value(*field, None),
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
            let mut any = |compare: &dyn Fn(FieldValue<'_>, &Right<'_>) -> bool| {
                comparison.right.iter().any(|operand| match operand {
                    Operand::Literal(literal) => compare(left, &Right::Literal(literal)),
                    other => compare(left, &Right::Value(resolve(other))),
                })
            };
            match comparison.comparator {
                Comparator::Is => any(&equals),
                Comparator::Not => !any(&equals),
                Comparator::AtLeast => {
                    any(&|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_ge))
                }
                Comparator::AtMost => {
                    any(&|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_le))
                }
                Comparator::Above => {
                    any(&|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_gt))
                }
                Comparator::Below => {
                    any(&|left, right| order(left, right).is_some_and(std::cmp::Ordering::is_lt))
                }
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
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
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

    fn schema_of(kind: FieldKind, book: &mut SchemaBook) -> serde_json::Value {
        book.define(&format!("{kind:?}Test"), |book| {
            let comparison = book.define(&format!("{kind:?}Comparison"), |book| {
                let about = "Comparisons of one value, all of which must hold.";
                let mut object = ObjectSchema::new(&format!("a test of {}", kind.told()), about);
                for property in Self::comparators(kind, book) {
                    object.put(property);
                }
                object.finish()
            });
            json!({ "title": format!("a test of {}", kind.told()), "anyOf": [operands(kind, book), comparison] })
        })
    }

    /// The comparators that values of a kind have, as keys.
    pub(crate) fn comparators(kind: FieldKind, book: &mut SchemaBook) -> Vec<Property> {
        let operands = operands(kind, book);
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

/// What can stand on the right side of a comparison: a value, a reference, or a list of them.
fn operands(kind: FieldKind, book: &mut SchemaBook) -> serde_json::Value {
    let literal = match kind {
        FieldKind::Text => json!({ "type": "string" }),
        FieldKind::Number => json!({ "type": ["integer", "string"] }),
        FieldKind::Duration => json!({ "type": "string" }),
        FieldKind::Flag => json!({ "type": "boolean" }),
        FieldKind::Status => json!({ "type": ["integer", "string"] }),
        FieldKind::Size | FieldKind::Money | FieldKind::Share => json!({ "type": "string" }),
        FieldKind::Any => json!({ "type": ["boolean", "integer", "null", "string"] }),
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

/// A key is known by its label, or by the order of its first use.
fn key_schema(book: &mut SchemaBook) -> serde_json::Value {
    let by_use = book.define("KeyByUse", |book| {
        let doc = "The order of the key's first use, from 1. For example `nth_used: 1..2`.";
        let nth_used = Property::plain("nth_used", doc, Test::schema_of(FieldKind::Number, book));
        SchemaBook::one_of("a key by its use", "The keys by the order of their first use.", vec![nth_used])
    });
    let label = Test::schema_of(FieldKind::Text, book);
    json!({ "title": "a test of a text, or a key by its use", "anyOf": [label, by_use] })
}

impl Read for Condition {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let Some(entries) = node.entries() else {
            return wrong(node, "a condition such as `{ status: 200 }`", problems);
        };
        if entries.is_empty() {
            let problem = Problem::new(node.span, "a condition that tests nothing");
            problems.push(problem.help("write a field with what it must be: `{ status: 200 }`"));
            return None;
        }
        let mut tests = Vec::with_capacity(entries.len());
        let before = problems.len();
        for entry in entries {
            if enough(problems) {
                return None;
            }
            read_field_tests(entry, &mut tests, problems);
        }
        (problems.len() == before).then_some(Self { tests, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Condition", |book| {
            let mut object = ObjectSchema::new("a condition", "Tests of fields, all of which must hold.");
            for (word, field, doc) in Field::ALL {
                let test = match field {
                    Field::Key => key_schema(book),
                    _ => Test::schema_of(field.kind(), book),
                };
                let schema = if field.is_named() {
                    json!({
                        "title": "a test for each name",
                        "type": "object",
                        "additionalProperties": test,
                        "minProperties": 1,
                    })
                } else {
                    test
                };
                object.put(Property::plain(word, doc, schema));
            }
            object.finish()
        })
    }
}

/// Reads the tests under one field: one, or one for each name of a field that is asked for by name.
fn read_field_tests(entry: &Entry, tests: &mut Vec<FieldTest>, problems: &mut Vec<Problem>) {
    let word = Node { span: entry.key_span, value: Value::Text(entry.key.clone()) };
    let Some(field) = Field::read(&word, problems) else { return };
    if !field.is_named() {
        let (field, node) = match (field, entry.node.get("nth_used")) {
            (Field::Key, Some(nth)) => (Field::NthUsed, nth),
            _ => (field, &entry.node),
        };
        let test = Test::read_kind(field.kind(), node, problems);
        if let (Some(words), Some(test)) = (field.values(), &test) {
            tell_unknown_words(field, words, test, problems);
        }
        tests.extend(test.map(|test| FieldTest { field, name: None, test, span: entry.key_span }));
        return;
    }
    let Some(names) = entry.node.entries().filter(|names| !names.is_empty()) else {
        let message = format!("{} where names with tests are wanted", entry.node.described());
        let help = format!("write `{}: {{ NAME: TEST }}`", entry.key);
        problems.push(Problem::new(entry.node.span, message).help(help));
        return;
    };
    for name in names {
        if field == Field::Json {
            json_path::check(&name.key, name.key_span, problems);
        }
        if let Some(test) = Test::read_kind(field.kind(), &name.node, problems) {
            tests.push(FieldTest { field, name: Some(name.key.clone()), test, span: name.key_span });
        }
    }
}

/// Tells texts that a field never has.
fn tell_unknown_words(field: Field, words: &[&str], test: &Test, problems: &mut Vec<Problem>) {
    for text in test.names() {
        if !words.contains(&text) {
            let problem = Problem::new(test.span, format!("`{}` is never `{text}`", field.word()));
            problems.push(problem.nearest(text, words.iter().copied()));
        }
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
        [lower, Operand::Literal(upper)] => value(lower)
            .and_then(|lower| order(lower, &Right::Literal(upper)))
            .is_some_and(std::cmp::Ordering::is_gt),
        _ => false,
    }
}

fn read_pattern(node: &Node, problems: &mut Vec<Problem>) -> Option<Operand> {
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

fn read_operand(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Operand> {
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

fn read_literal(kind: FieldKind, node: &Node, problems: &mut Vec<Problem>) -> Option<Literal> {
    match (kind, &node.value) {
        (FieldKind::Text, _) => String::read(node, problems).map(Literal::Text),
        (FieldKind::Any, Value::Flag(flag)) => Some(Literal::Flag(*flag)),
        (FieldKind::Any, Value::Int(number)) => Some(Literal::Number(*number)),
        (FieldKind::Any, Value::Null) => Some(Literal::Text("null".to_owned())),
        (FieldKind::Any, Value::Float(_)) => wrong(node, "a whole number, a text or a flag", problems),
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

/// The comparators that look into a text.
fn is_text_like(left: FieldValue<'_>, right: &Right<'_>, comparator: Comparator) -> bool {
    let FieldValue::Text(left) = left else { return false };
    let right = match right {
        Right::Literal(Literal::Pattern(pattern)) => return pattern.is_in(left),
        Right::Literal(Literal::Text(right)) => right.as_str(),
        Right::Value(FieldValue::Text(right)) => right,
        _ => return false,
    };
    if comparator == Comparator::PrefixOf { right.starts_with(left) } else { left.contains(right) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
fn order(left: FieldValue<'_>, right: &Right<'_>) -> Option<std::cmp::Ordering> {
    let right = match right {
        Right::Literal(Literal::Number(number)) => FieldValue::Number(*number),
        Right::Literal(Literal::Duration(duration)) => FieldValue::Duration(*duration),
        Right::Literal(Literal::Share(share)) => FieldValue::Share(*share),
        Right::Literal(Literal::Size(size)) => FieldValue::Size(size.bytes),
        Right::Literal(Literal::Money(money)) => FieldValue::Money(money.micros),
        Right::Literal(_) => return None,
        Right::Value(value) => *value,
    };
    match (left, right) {
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
            match &test.name {
                Some(name) => write!(f, "{and}`{} {name}` {}", test.field.word(), test.test)?,
                None => write!(f, "{and}`{}` {}", test.field.word(), test.test)?,
            }
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
        condition(text).holds(&mut |_, _| value, &|_| FieldValue::Number(7))
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
            ("took: { within: [1s, 2s] }", millis(1_500), true),
            ("took: { within: [1s, 2s] }", millis(2_001), false),
            ("script: { matches: '^lim.*d$' }", FieldValue::Text("limited"), true),
            ("script: { contains: mit }", FieldValue::Text("limited"), true),
            ("script: { contains: [x, mit] }", FieldValue::Text("limited"), true),
            ("script: { prefix_of: limited }", FieldValue::Text("lim"), true),
            ("script: { prefix_of: limited }", FieldValue::Text("limits"), false),
            ("cost: { at_most: 0.002 USD }", FieldValue::Money(2_000), true),
            ("memory: { below: 64KiB }", FieldValue::Size(65_536), false),
            ("header: { x-mode: [a, b] }", FieldValue::Text("b"), true),
            ("json: { $.seed: 7 }", number(7), true),
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
