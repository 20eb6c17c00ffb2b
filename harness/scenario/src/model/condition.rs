//! Conditions: one type wherever the language asks whether something holds (`where`, `when`, quantifiers).
//!
//! A condition is a map from fields to tests, all of which must hold. A test is a literal, a list (any of them), or a map
//! of comparators.

use std::fmt;

use serde_json::json;

use crate::json_path;
use crate::model::{Field, FieldKind, FieldValue, Operand, Subject, Test};
use crate::node::{Entry, Node, Span, Value};
use crate::problem::{Problem, enough};
use crate::read::{ObjectSchema, Property, Read, SchemaBook, wrong};

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

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, test) in self.tests.iter().enumerate() {
            let and = if index == 0 { "" } else { " and " };
            write!(f, "{and}{test}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{} {name}` {}", self.field.word(), self.test),
            None => write!(f, "`{}` {}", self.field.word(), self.test),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
    fn whole_numbers_are_compared_by_all_their_digits() {
        let largest = "json: { $.seed: 9223372036854775807 }";
        let above = "json: { $.seed: { above: 9223372036854775807 } }";
        let odd = "json: { $.seed: 9007199254740993 }";
        for (text, value, expected) in [
            (largest, FieldValue::Number(i64::MAX), true),
            (largest, FieldValue::Large(9_223_372_036_854_775_808), false),
            (largest, FieldValue::Measured(9_223_372_036_854_775_808.0), false),
            (above, FieldValue::Large(9_223_372_036_854_775_808), true),
            (above, FieldValue::Measured(9_223_372_036_854_775_808.0), true),
            (above, FieldValue::Measured(f64::INFINITY), true),
            (above, FieldValue::Measured(f64::NAN), false),
            (odd, FieldValue::Measured(9_007_199_254_740_992.0), false),
            ("json: { $.seed: { below: 7 } }", FieldValue::Measured(6.5), true),
            ("json: { $.seed: { below: 7 } }", FieldValue::Measured(7.5), false),
            ("json: { $.seed: { above: -7 } }", FieldValue::Measured(-6.5), true),
            ("json: { $.seed: { above: -7 } }", FieldValue::Measured(-7.5), false),
            ("json: { $.seed: 7 }", FieldValue::Measured(7.0), true),
            ("header: { x: 9223372036854775807 }", FieldValue::Header("9223372036854775808"), false),
        ] {
            assert_eq!(holds(text, value), expected, "{text} for {value:?}");
        }
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
            ("header: { x-left: 7 }", FieldValue::Header(" 7"), true),
            ("header: { x-left: '7' }", FieldValue::Header("7"), true),
            ("header: { x-left: { below: 7 } }", FieldValue::Header("6.5"), true),
            ("header: { x-left: { below: 7 } }", FieldValue::Header("many"), false),
            ("header: { x-left: { not: 7 } }", FieldValue::Header("many"), true),
            ("header: { x-left: { contains: an } }", FieldValue::Header("many"), true),
            ("header: { x-left: { below: 7 } }", FieldValue::Header("NaN"), false),
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
