//! `that`: a comparison of measured numbers, in CEL.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::{Context, IdedExpr, Program, Value};

/// A comparison that can be evaluated.
#[derive(Debug)]
pub(crate) struct That {
    expression: IdedExpr,
    names: BTreeSet<String>,
    bounds: BTreeSet<String>,
}

impl That {
    /// Reads a comparison. Measured numbers have fractions and CEL does not mix them with whole numbers, so a whole number that
    /// stands in the text is taken as one with a fraction.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let program = Program::compile(text).map_err(|_| "it is no expression".to_owned())?;
        let (names, bounds) = (BTreeSet::new(), BTreeSet::new());
        let mut that = Self { expression: program.expression().clone(), names, bounds };
        prepare(&mut that.expression, &mut |root, name| match root {
            "measured" => drop(that.names.insert(name.to_owned())),
            "bound" => drop(that.bounds.insert(name.to_owned())),
            _ => {}
        });
        Ok(that)
    }

    /// The measured numbers that it compares.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The bounds of the profile that it looks at.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = &str> {
        self.bounds.iter().map(String::as_str)
    }

    /// Whether it holds for these numbers and bounds.
    pub(crate) fn holds(
        &self,
        numbers: &BTreeMap<&str, f64>,
        bounds: &BTreeMap<String, f64>,
    ) -> Result<bool, String> {
        let measured: HashMap<String, Value> =
            numbers.iter().map(|(name, number)| ((*name).to_owned(), Value::Float(*number))).collect();
        let bounds: HashMap<String, Value> =
            bounds.iter().map(|(name, number)| (name.clone(), Value::Float(*number))).collect();
        let mut context = Context::default();
        context.add_variable_from_value("measured", measured);
        context.add_variable_from_value("bound", bounds);
        match context.resolve(&self.expression) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("it is neither true nor false".to_owned()),
            Err(error) => Err(format!("it has no value: {error}")),
        }
    }
}

/// Turns whole numbers into numbers with fractions, and tells the names behind each root.
fn prepare(node: &mut IdedExpr, tell: &mut dyn FnMut(&str, &str)) {
    match &mut node.expr {
        Expr::Literal(literal) => {
            #[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
            let number = match literal {
                LiteralValue::Int(number) => Some(*number.inner() as f64),
                LiteralValue::UInt(number) => Some(*number.inner() as f64),
                _ => None,
            };
            if let Some(number) = number {
                *literal = LiteralValue::Double(number.into());
            }
        }
        Expr::Select(select) => {
            if let Expr::Ident(root) = &select.operand.expr {
                tell(root, &select.field);
            }
            prepare(&mut select.operand, tell);
        }
        Expr::Call(call) => {
            let parts = call.target.as_deref_mut().into_iter().chain(&mut call.args);
            parts.for_each(|part| prepare(part, tell));
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|part| prepare(part, tell)),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => prepare(&mut entry.value, tell),
                    EntryExpr::StructField(field) => prepare(&mut field.value, tell),
                }
            }
        }
        // A macro such as `all` counts in whole numbers of its own, which must stay as they are.
        Expr::Comprehension(comprehension) => prepare(&mut comprehension.iter_range, tell),
        Expr::Struct(_) | Expr::Ident(_) | Expr::Unspecified => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_compare_and_multiply_with_measured_ones() {
        let numbers = BTreeMap::from([("early", 80.5), ("late", 40.0), ("none", 0.0)]);
        for (text, holds) in [
            ("measured.late * 2 <= measured.early", true),
            ("measured.late * 3 <= measured.early", false),
            ("2 * measured.late == 80", true),
            ("measured.none == 0", true),
            ("measured.early - 1 > 79.4 && -measured.late < -1", true),
            ("measured.early / 2 > 41 || measured.late >= 100", false),
            ("measured.late in [40, 50]", true),
        ] {
            assert_eq!(That::read(text).unwrap().holds(&numbers, &BTreeMap::new()), Ok(holds), "{text}");
        }
    }

    #[test]
    fn the_names_that_are_compared_are_known() {
        let that = That::read("measured.late * 2 <= measured.early && [measured.a] == []").unwrap();
        assert_eq!(that.names().collect::<Vec<_>>(), ["a", "early", "late"]);
    }

    #[test]
    fn bounds_of_the_profile_can_be_reckoned_with() {
        let that = That::read("measured.late <= bound.burst + 2 * bound.rate").unwrap();
        assert_eq!(
            (that.names().collect::<Vec<_>>(), that.bounds().collect::<Vec<_>>()),
            (vec!["late"], vec!["burst", "rate"])
        );
        let bounds = BTreeMap::from([("burst".to_owned(), 10.0), ("rate".to_owned(), 5.0)]);
        for (late, holds) in [(20.0, true), (20.5, false)] {
            assert_eq!(that.holds(&BTreeMap::from([("late", late)]), &bounds), Ok(holds));
        }
    }

    #[test]
    fn what_is_no_comparison_is_told() {
        assert_eq!(That::read("measured.a <=").unwrap_err(), "it is no expression");
        let numbers = BTreeMap::from([("a", 1.0)]);
        let told = |text| That::read(text).unwrap().holds(&numbers, &BTreeMap::new()).unwrap_err();
        assert_eq!(told("measured.a + 1"), "it is neither true nor false");
        assert!(told("measured.b > 1").starts_with("it has no value: "));
    }
}
