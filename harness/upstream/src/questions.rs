//! What the conditions of an upstream ask of its requests, and whether a request meets one.

use scenario::{Comparator, Condition, Field, FieldTest, FieldValue, Operand};
use serde_json_path::JsonPath;

use crate::asked::Asked;

/// What the conditions of an upstream ask for, made ready once.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    paths: Vec<(String, JsonPath)>,
    /// Whether one of them asks which attempt of its exchange a request is.
    pub(crate) ordinals: bool,
}

impl Questions {
    /// Takes in a condition. What is no path was told when the scenario was read.
    pub(crate) fn add(&mut self, when: Option<&Condition>) {
        for test in when.into_iter().flat_map(|when| &when.tests) {
            let right = test.test.comparisons.iter().flat_map(|comparison| &comparison.right);
            let mut fields = right.filter_map(|operand| match operand {
                Operand::Field(field, _) => Some(*field),
                Operand::Literal(_) | Operand::Measured(..) | Operand::Bound(..) => None,
            });
            self.ordinals |= test.field == Field::Ordinal || fields.any(|field| field == Field::Ordinal);
            if let (Field::Json, Some(name)) = (test.field, &test.name)
                && let Ok(path) = JsonPath::parse(name)
            {
                self.paths.push((name.clone(), path));
            }
        }
    }

    /// Whether a request meets a condition; one that is not there is always met.
    pub(crate) fn met(&self, when: Option<&Condition>, asked: &Asked<'_>) -> bool {
        self.missed(when, asked).next().is_none()
    }

    /// The tests of a condition that a request does not pass.
    pub(crate) fn missed<'w>(
        &self,
        when: Option<&'w Condition>,
        asked: &Asked<'_>,
    ) -> impl Iterator<Item = &'w FieldTest> {
        let tests = when.into_iter().flat_map(|when| &when.tests);
        tests.filter(|test| !self.passes(test, asked))
    }

    fn passes(&self, test: &FieldTest, asked: &Asked<'_>) -> bool {
        let holds = |left: FieldValue<'_>| {
            test.test.holds_with(left, &mut |operand| match operand {
                Operand::Field(field, _) => asked.field(*field, None),
                Operand::Literal(_) | Operand::Measured(..) | Operand::Bound(..) => FieldValue::Missing,
            })
        };
        match (test.field, &test.name) {
            (Field::Header, Some(name)) => several(test, &asked.headers(name), holds),
            (Field::Json, Some(name)) => {
                let values = self.path(name).map_or_else(Vec::new, |path| asked.values_at(path));
                several(test, &values, holds)
            }
            (field, name) => holds(asked.field(field, name.as_deref())),
        }
    }

    fn path(&self, name: &str) -> Option<&JsonPath> {
        self.paths.iter().find(|(known, _)| known == name).map(|(_, path)| path)
    }
}

/// Whether a condition asks for the path or the method, and so is meant for more than work.
pub(crate) fn asks_for_path(when: Option<&Condition>) -> bool {
    let mut tests = when.into_iter().flat_map(|when| &when.tests);
    tests.any(|test| matches!(test.field, Field::Path | Field::Method))
}

/// Of several headers with one name, or values at one path, it is enough if one passes; `not` means that none of them is.
fn several(test: &FieldTest, values: &[FieldValue<'_>], holds: impl Fn(FieldValue<'_>) -> bool) -> bool {
    match values {
        [] => holds(FieldValue::Missing),
        values if only_negates(test) => values.iter().all(|value| holds(*value)),
        values => values.iter().any(|value| holds(*value)),
    }
}

fn only_negates(test: &FieldTest) -> bool {
    test.test.comparisons.iter().all(|comparison| comparison.comparator == Comparator::Not)
}
