//! What is kept of the rows of a group from which a number is taken: sums and counts where they are enough, and the rows themselves only
//! where their order decides.

use std::collections::{BTreeMap, HashSet};

use record::{Moment, NOT_REACHED};
use scenario::{
    DistinctClaim, DistributionClaim, Field, FieldKind, FieldValue, Literal, Operand, Quantifier, RowClaim,
    Test,
};

use crate::group::{Part, part_of};
use crate::offence::Order;
use crate::row::{Looked, Row, bound, operands};
use crate::scene::{Scene, View};
use crate::spread::Spread;

/// So many different values are told apart: more than any scenario names.
pub(crate) const MOST_DIFFERENT: usize = 65_536;

/// The rows of a group, in one view of the harness's lag.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// How many there are.
    pub(crate) count: u64,
    pub(crate) kept: Kept,
}

/// What is kept of them.
#[derive(Debug)]
pub(crate) enum Kept {
    /// How many satisfy the condition that is asked for.
    Hits(u64),
    /// The sums of some fields.
    Sums(Vec<Sum>),
    /// The values of some fields.
    Spreads(Vec<Spread>),
    /// How many have each of the values that have a weight.
    Named(Vec<u64>),
    Different(Different),
    Rows(Rows),
}

/// The sum of a field's values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) sum: i128,
    pub(crate) lacking: u64,
}

/// The values of a field that differ.
#[derive(Debug, Default)]
pub(crate) struct Different {
    values: HashSet<String>,
    /// Whether there are more than are told apart.
    pub(crate) more: bool,
    /// How many rows have no value.
    pub(crate) lacking: u64,
}

/// Rows whose order decides: when they began, how long they lasted, and their values.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    items: Vec<Item>,
    /// The values of all rows, of each row one for each field.
    values: Vec<Option<i64>>,
}

/// What is kept of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) from: Moment,
    pub(crate) exchange: u32,
    /// Microseconds; [`NOT_REACHED`] for what never was over.
    lasted: u32,
    /// Whether it satisfies the condition that is asked for.
    pub(crate) hit: bool,
    first_value: u32,
}

impl Gathered {
    /// Nothing yet of what a claim needs.
    pub(crate) fn new(claim: &RowClaim, fields: &[Field], bounds: &BTreeMap<String, f64>) -> Self {
        let kept = match &claim.quantifier {
            Quantifier::Distribution(claim) => Kept::Named(vec![0; claim.weights.len()]),
            Quantifier::Distinct(_) => Kept::Different(Different::default()),
            Quantifier::Estimate(_) => Kept::Hits(0),
            Quantifier::Quantile(claim) => Kept::Spreads(
                fields
                    .iter()
                    .map(|field| Spread::new(limits_of(&claim.test, field.kind(), bounds)))
                    .collect(),
            ),
            Quantifier::Share(_) if claim.in_any.is_none() => Kept::Hits(0),
            Quantifier::Sum(_) if claim.in_any.is_none() => Kept::Sums(vec![Sum::default(); fields.len()]),
            _ => Kept::Rows(Rows::default()),
        };
        Self { count: 0, kept }
    }

    /// Whether it keeps each row.
    pub(crate) fn keeps_rows(&self) -> bool {
        matches!(self.kept, Kept::Rows(_))
    }

    /// Takes a row, with whether it is a hit and its values.
    pub(crate) fn take(
        &mut self,
        row: Row<'_>,
        hit: bool,
        values: impl Iterator<Item = Option<i64>>,
        quantifier: &Quantifier,
        scene: &Scene<'_>,
    ) {
        self.count += 1;
        match (&mut self.kept, quantifier) {
            (Kept::Hits(hits), _) => *hits += u64::from(hit),
            (Kept::Sums(sums), _) => sums.iter_mut().zip(values).for_each(|(sum, value)| sum.take(value)),
            (Kept::Spreads(spreads), _) => {
                spreads.iter_mut().zip(values).for_each(|(spread, value)| spread.take(value));
            }
            (Kept::Named(counts), Quantifier::Distribution(claim)) => {
                if let Some(count) = weighed(row, claim, scene).and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
            (Kept::Different(different), Quantifier::Distinct(claim)) => different.take(row, claim, scene),
            (Kept::Rows(rows), _) => rows.take(row, hit, values),
            (Kept::Named(_) | Kept::Different(_), _) => {}
        }
    }

    /// How much is kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        match &self.kept {
            Kept::Hits(_) => 1,
            Kept::Sums(sums) => sums.len(),
            Kept::Spreads(spreads) => spreads.iter().map(Spread::kept).sum(),
            Kept::Named(counts) => counts.len(),
            Kept::Different(different) => different.values.len(),
            Kept::Rows(rows) => rows.items.len(),
        }
    }
}

impl Sum {
    pub(crate) fn take(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.sum += i128::from(value),
            None => self.lacking += 1,
        }
    }
}

impl Different {
    /// How many values were told apart.
    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }

    fn take(&mut self, row: Row<'_>, claim: &DistinctClaim, scene: &Scene<'_>) {
        let mut any = false;
        let mut note = |value: FieldValue<'_>| {
            if value == FieldValue::Missing {
                return;
            }
            any = true;
            // Told apart in full, whatever of it people are shown.
            let told = format!("{value:?}");
            if self.values.len() < MOST_DIFFERENT {
                self.values.insert(told);
            } else if !self.values.contains(&told) {
                self.more = true;
            }
        };
        match row.looked_at(claim.of, claim.name.as_deref(), scene, View::Seen) {
            Looked::One(value) => note(value),
            Looked::Several(values) => values.iter().for_each(|value| note(value.value())),
        }
        self.lacking += u64::from(!any);
    }
}

impl Rows {
    /// Takes a row with its values, of each row as many.
    pub(crate) fn take(&mut self, row: Row<'_>, hit: bool, values: impl Iterator<Item = Option<i64>>) {
        let (from, exchange) = row.order();
        let lasted = row.end().map_or(NOT_REACHED, |to| to.micros_after(from));
        self.push((from, exchange), lasted, hit, values);
    }

    /// Takes what began at a moment in an exchange and lasted so many microseconds.
    pub(crate) fn push(
        &mut self,
        (from, exchange): Order,
        lasted: u32,
        hit: bool,
        values: impl IntoIterator<Item = Option<i64>>,
    ) {
        let first_value = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.extend(values);
        self.items.push(Item { from, exchange, lasted, hit, first_value });
    }

    /// All rows, in the order in which they began.
    pub(crate) fn in_order(&self) -> Vec<Item> {
        let mut items = self.items.clone();
        items.sort_by_key(|item| (item.from, item.exchange));
        items
    }

    /// What a row has in one of the fields that are kept.
    pub(crate) fn value(&self, item: &Item, field: usize) -> Option<i64> {
        let at = usize::try_from(item.first_value).ok()?.checked_add(field)?;
        self.values.get(at).copied().flatten()
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.items.len()
    }
}

impl Item {
    /// When it was over; none for what never was.
    pub(crate) fn to(&self) -> Option<Moment> {
        self.from.plus_micros(self.lasted)
    }
}

/// The number of the weight that a row's value has.
fn weighed(row: Row<'_>, claim: &DistributionClaim, scene: &Scene<'_>) -> Option<usize> {
    let value = match part_of(row.value(claim.of, scene, View::Seen))? {
        Part::Text(text) => text,
        Part::Number(number) => number.to_string(),
        Part::Flag(flag) => flag.to_string(),
        Part::Nothing => return None,
    };
    claim.weights.iter().position(|(name, _)| name.value == value)
}

/// The numbers that values of a kind are compared with, as far as they are known before the rows.
fn limits_of(test: &Test, kind: FieldKind, bounds: &BTreeMap<String, f64>) -> Vec<i64> {
    let mut limits = Vec::new();
    for operand in operands(test) {
        let value = match operand {
            Operand::Literal(Literal::Range(from, to)) => {
                limits.extend([*from, *to]);
                continue;
            }
            Operand::Literal(Literal::Number(number)) => FieldValue::Number(*number),
            Operand::Literal(Literal::Duration(duration)) => FieldValue::Duration(*duration),
            Operand::Literal(Literal::Size(size)) => FieldValue::Size(size.bytes),
            Operand::Literal(Literal::Money(money)) => FieldValue::Money(money.micros),
            Operand::Literal(Literal::Share(share)) => FieldValue::Share(*share),
            Operand::Bound(name, _) => bound(name, kind, bounds),
            _ => continue,
        };
        limits.extend(whole(value));
    }
    limits
}

/// A field's value as a whole number: nanoseconds, bytes, millionths of a dollar.
pub(crate) fn whole(value: FieldValue<'_>) -> Option<i64> {
    match value {
        FieldValue::Number(number) => Some(number),
        FieldValue::Duration(duration) => i64::try_from(duration.as_nanos()).ok(),
        FieldValue::Size(bytes) => i64::try_from(bytes).ok(),
        FieldValue::Money(micros) => Some(micros),
        FieldValue::Large(number) => i64::try_from(number).ok(),
        FieldValue::Measured(number) => i64::try_from(rounded(number)).ok(),
        FieldValue::Share(share) => Some(share.millionths.into()),
        FieldValue::Missing
        | FieldValue::Text(_)
        | FieldValue::Header(_)
        | FieldValue::Flag(_)
        | FieldValue::Null => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is rounded to a whole number, and far below 2^63")]
pub(crate) fn rounded(number: f64) -> i128 {
    number.round() as i128
}
