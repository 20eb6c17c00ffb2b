//! What the rows of a group come to: counts, shares, sums, quantiles, growth and peaks, and whether they pass their test.

use std::collections::BTreeMap;
use std::time::Duration;

use record::Moment;
use scenario::{
    Comparator, Comparison, DistinctClaim, Field, FieldKind, FieldValue, Literal, Operand, Quantifier,
    RowClaim, Share, Test,
};

use crate::chance;
use crate::numbers::{Group, Inconclusive, Item, Weighed, only_upper, told};
use crate::offence::Weight;
use crate::row::{Looked, Row, bound};
use crate::scene::{Scene, View};
use crate::statistics;
use crate::words;

/// How a claim's figures are computed.
pub(crate) struct Figures<'a> {
    pub(crate) claim: &'a RowClaim,
    /// The fields whose values the items have, the one that the number is taken from first.
    pub(crate) fields: &'a [Field],
    pub(crate) measured: &'a BTreeMap<&'a str, f64>,
    pub(crate) scene: &'a Scene<'a>,
}

type Outcome = Result<Weighed, Inconclusive>;

impl Figures<'_> {
    /// The number of a group, or the worst number of its windows.
    pub(crate) fn weigh(&self, group: &Group) -> Outcome {
        let mut items: Vec<&Item> = group.items.iter().collect();
        items.sort_by_key(|item| (item.from, item.exchange));
        match &self.claim.quantifier {
            Quantifier::Estimate(claim) => statistics::estimate(claim, &items, &self.subject(items.len())),
            Quantifier::Distribution(claim) => statistics::distribution(claim, &items, &group.values),
            Quantifier::Quantile(claim) => self.quantile(&items, claim.at, &claim.test),
            Quantifier::Growth(claim) => self.growth(&items, &claim.test),
            Quantifier::Distinct(claim) => self.distinct(&items, &group.values, claim),
            _ => match self.claim.in_any {
                None => self.of_window(&items, true),
                Some(length) => self.of_windows(&items, length),
            },
        }
    }

    /// Every window of a length that holds other rows than the one before it. Between two rows further apart than the length lie
    /// windows that hold none. A window that reaches beyond the last row has not seen all of its time: it offends only by what is
    /// too much.
    fn of_windows(&self, items: &[&Item], length: Duration) -> Outcome {
        let last = items.last().map_or(Moment(0), |item| item.from);
        let (mut first_end, mut end) = (0, 0);
        let mut held: Option<Weighed> = None;
        for (begin, item) in items.iter().enumerate() {
            let until = item.from.after(length);
            while items.get(end).is_some_and(|item| item.from < until) {
                end += 1;
            }
            // A window whose first row this is begins behind the row before it, or at the row itself.
            let ends = if begin == 0 { end..=end } else { first_end.max(begin)..=end };
            for end_of_one in ends {
                if end_of_one == begin && matches!(self.claim.quantifier, Quantifier::Share(_)) {
                    // Of nothing there is no share.
                    continue;
                }
                let whole = end_of_one < end || until <= last || begin == 0;
                let weighed = self.of_window(&items[begin..end_of_one], whole)?;
                if weighed.weight != Weight::Holds {
                    let at = words::value(self.scene.since_start(item.from));
                    let observed =
                        format!("{} within {} around {at}", weighed.observed, words::duration(length));
                    return Ok(Weighed { observed, ..weighed });
                }
                held = Some(weighed);
            }
            // Those that begin right behind this row hold every row up to its distance.
            first_end = end;
            while items.get(first_end).is_some_and(|other| other.from <= until) {
                first_end += 1;
            }
        }
        held.map_or_else(
            || self.of_window(&[], true),
            |held| {
                let observed =
                    format!("{} rows, no window of {} offends", items.len(), words::duration(length));
                Ok(Weighed { observed, ..held })
            },
        )
    }

    fn of_window(&self, items: &[&Item], whole: bool) -> Outcome {
        match &self.claim.quantifier {
            Quantifier::Count(test) => {
                Ok(self.of_count(items.len(), test, &self.subject(items.len()), whole))
            }
            Quantifier::Peak(test) => {
                let peak = peak(items);
                Ok(self.of_count(peak, test, &format!("{} open at once", self.subject(peak)), whole))
            }
            Quantifier::Share(claim) => self.share(items, &claim.test, whole),
            Quantifier::Sum(claim) => self.sum(items, &claim.test, whole),
            _ => Err(Inconclusive::Unknown("this quantifier takes no number".to_owned())),
        }
    }

    fn of_count(&self, count: usize, test: &Test, observed: &str, whole: bool) -> Weighed {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let holds = |count| self.passes(test, FieldValue::Number(count), &|_| FieldValue::Missing);
        let limits =
            literals(test).flat_map(|limit| [limit.saturating_sub(1), limit, limit.saturating_add(1)]);
        let mends = || limits.chain([i64::MAX]).any(|limit| limit > count && holds(limit));
        let weight = match holds(count) {
            true => Weight::Holds,
            false if !mends() => Weight::Offends,
            // More of a window might yet have come.
            false if !whole => Weight::Holds,
            false => Weight::OffendsSoFar,
        };
        self.weighed(weight, observed.to_owned(), count.to_string())
    }

    fn share(&self, items: &[&Item], test: &Test, whole: bool) -> Outcome {
        let hits = items.iter().filter(|item| item.hit).count();
        let all = self.subject(items.len());
        if items.is_empty() {
            return Err(Inconclusive::TooFew("there is nothing to take a share of".to_owned()));
        }
        let holds = self.ratio_passes(test, wide(hits), wide(items.len()));
        let share = shown_ratio(wide(hits), wide(items.len()));
        let weight = if holds || !whole { Weight::Holds } else { Weight::OffendsSoFar };
        Ok(self.weighed(weight, format!("{share} ({hits}) of {all}"), share))
    }

    fn sum(&self, items: &[&Item], test: &Test, whole: bool) -> Outcome {
        let mut sums = vec![0_i128; self.fields.len()];
        for item in items {
            for ((sum, value), field) in sums.iter_mut().zip(&item.values).zip(self.fields) {
                match value {
                    Some(value) => *sum += i128::from(*value),
                    None => {
                        let reason =
                            format!("one of {} has no `{}`", self.subject(items.len()), field.word());
                        return Err(Inconclusive::Unknown(reason));
                    }
                }
            }
        }
        let of = |index: usize| {
            self.fields.get(index).zip(sums.get(index)).map(|(field, sum)| value_of(*field, *sum))
        };
        let Some(sum) = of(0) else { return Err(Inconclusive::Unknown("it has no field".to_owned())) };
        let other = |field: Field| {
            self.fields.iter().skip(1).position(|known| *known == field).and_then(|at| of(at + 1))
        };
        let holds = self.passes(test, sum, &|field| other(field).unwrap_or(FieldValue::Missing));
        let weight = match holds {
            true => Weight::Holds,
            false if only_upper(test) && literals_only(test) => Weight::Offends,
            false if !whole => Weight::Holds,
            false => Weight::OffendsSoFar,
        };
        let told: Vec<(String, String)> = (0..self.fields.len())
            .filter_map(|at| Some((format!("sum of `{}`", self.fields[at].word()), words::value(of(at)?))))
            .collect();
        let observed: Vec<String> =
            told.iter().map(|(name, value)| format!("the {name} is {value}")).collect();
        Ok(Weighed { weight, observed: observed.join(" and "), numbers: told })
    }

    /// A row without a value, such as a request that was never answered, is above every other one: what is not known to be
    /// small is not counted as small.
    fn quantile(&self, items: &[&Item], at: Share, test: &Test) -> Outcome {
        if items.is_empty() {
            return Err(Inconclusive::TooFew("there is nothing to take a quantile of".to_owned()));
        }
        let needed = 1_000_000_u64.div_ceil(u64::from(1_000_000_u32.saturating_sub(at.millionths)).max(1));
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if at.millionths < 1_000_000 && count < needed {
            let all = self.subject(items.len());
            return Err(Inconclusive::TooFew(format!("{all} tell nothing of {at}: that takes {needed}")));
        }
        let of = |index: usize| {
            let field = *self.fields.get(index)?;
            let values = items.iter().map(|item| item.values.get(index).copied().flatten()).collect();
            Some((field, quantile(values, at)))
        };
        let value =
            |index: usize| of(index).and_then(|(field, value)| Some(value_of(field, i128::from(value?))));
        let Some((field, _)) = of(0) else { return Err(Inconclusive::Unknown("it has no field".to_owned())) };
        let (left, without) =
            (value(0), items.iter().filter(|item| item.values.first().is_none_or(Option::is_none)).count());
        let other = |field: Field| {
            self.fields.iter().skip(1).position(|known| *known == field).and_then(|at| value(at + 1))
        };
        // What is above every value passes no test but one of lower limits.
        let only_lower = test
            .comparisons
            .iter()
            .all(|comparison| matches!(comparison.comparator, Comparator::AtLeast | Comparator::Above));
        let is_beyond = left.is_none();
        let left = left.unwrap_or(FieldValue::Missing);
        let holds = is_beyond && only_lower
            || self.passes(test, left, &|field| other(field).unwrap_or(FieldValue::Missing));
        let shown =
            if left == FieldValue::Missing { "beyond every value".to_owned() } else { words::value(left) };
        let lacking = if without == 0 { String::new() } else { format!(", {without} without a value") };
        let observed =
            format!("`{}` at {at} is {shown} ({}{lacking})", field.word(), self.subject(items.len()));
        let weight = if holds { Weight::Holds } else { Weight::OffendsSoFar };
        Ok(self.weighed(weight, observed, shown))
    }

    /// How many different values there are. Rows without a value leave that open.
    fn distinct(&self, items: &[&Item], values: &[String], claim: &DistinctClaim) -> Outcome {
        if items.is_empty() {
            return Err(Inconclusive::TooFew("there is nothing whose values could be counted".to_owned()));
        }
        let lacking = items.iter().filter(|item| item.values.is_empty()).count();
        if lacking > 0 {
            let reason = format!("{lacking} of {} have no `{}`", self.subject(items.len()), claim.of.word());
            return Err(Inconclusive::Unknown(reason));
        }
        let observed = format!("{} different among {}", values.len(), self.subject(items.len()));
        Ok(self.of_count(values.len(), &claim.test, &observed, true))
    }

    /// From the median of the first tenth to that of the last.
    fn growth(&self, items: &[&Item], test: &Test) -> Outcome {
        let values: Vec<i64> =
            items.iter().filter_map(|item| item.values.first().copied().flatten()).collect();
        if values.len() < LEAST_FOR_GROWTH {
            let reason = format!(
                "{} tell nothing of a growth: that takes {LEAST_FOR_GROWTH}",
                self.subject(values.len())
            );
            return Err(Inconclusive::TooFew(reason));
        }
        let tenth = values.len() / 10;
        let first = median(&values[..tenth]);
        let last = median(&values[values.len() - tenth..]);
        if first <= 0 {
            return Err(Inconclusive::Unknown(
                "it began at nothing, of which no growth is a share".to_owned(),
            ));
        }
        let (grown, from) = (i128::from(last) - i128::from(first), i128::from(first));
        let holds = self.ratio_passes(test, grown, from);
        let field = self.fields.first().copied().unwrap_or(Field::Value);
        let told = |value: i64| words::value(value_of(field, i128::from(value)));
        let share = shown_ratio(grown, from);
        let observed = format!("`{}` grew by {share}, from {} to {}", field.word(), told(first), told(last));
        Ok(self.weighed(if holds { Weight::Holds } else { Weight::OffendsSoFar }, observed, share))
    }

    /// Whether a fraction passes a test of shares, without being rounded.
    fn ratio_passes(&self, test: &Test, upper: i128, lower: i128) -> bool {
        let millionths = |operand: &Operand| match operand {
            Operand::Literal(Literal::Share(share)) => Some(i128::from(share.millionths)),
            Operand::Bound(name, _) => self.scene.bounds.get(name).map(|share| rounded(share * 1e6)),
            Operand::Measured(name, _) => self.measured.get(name.as_str()).map(|share| rounded(share * 1e6)),
            Operand::Literal(_) | Operand::Field(..) => None,
        };
        let order = |operand: &Operand| Some((upper * 1_000_000).cmp(&(millionths(operand)? * lower)));
        test.comparisons.iter().all(|Comparison { comparator, right }| {
            let any = |wanted: fn(std::cmp::Ordering) -> bool| {
                right.iter().any(|operand| order(operand).is_some_and(wanted))
            };
            match comparator {
                Comparator::Is => any(std::cmp::Ordering::is_eq),
                Comparator::Not => !any(std::cmp::Ordering::is_eq),
                Comparator::AtLeast => any(std::cmp::Ordering::is_ge),
                Comparator::AtMost => any(std::cmp::Ordering::is_le),
                Comparator::Above => any(std::cmp::Ordering::is_gt),
                Comparator::Below => any(std::cmp::Ordering::is_lt),
                Comparator::Within => match right.as_slice() {
                    [from, to] => {
                        order(from).is_some_and(std::cmp::Ordering::is_ge)
                            && order(to).is_some_and(std::cmp::Ordering::is_le)
                    }
                    _ => false,
                },
                Comparator::Matches | Comparator::Contains | Comparator::PrefixOf => false,
            }
        })
    }

    fn passes<'v>(&self, test: &Test, left: FieldValue<'v>, other: &dyn Fn(Field) -> FieldValue<'v>) -> bool {
        let kind = self.fields.first().map_or(FieldKind::Number, |field| field.kind());
        test.holds_with(left, &mut |operand| match operand {
            Operand::Measured(name, _) => self
                .measured
                .get(name.as_str())
                .map_or(FieldValue::Missing, |number| FieldValue::Measured(*number)),
            Operand::Bound(name, _) => bound(name, kind, self.scene.bounds),
            Operand::Field(field, _) => other(*field),
            Operand::Literal(_) => FieldValue::Missing,
        })
    }

    fn weighed(&self, weight: Weight, observed: String, number: String) -> Weighed {
        let population =
            words::population(self.claim.subject, words::Plural::Yes, self.claim.population.as_ref());
        Weighed { weight, observed, numbers: vec![(population, number)] }
    }

    fn subject(&self, count: usize) -> String {
        words::quantity(u64::try_from(count).unwrap_or(u64::MAX), self.claim.subject)
    }
}

/// How many rows there must be before something can be said to have grown: two in each tenth.
const LEAST_FOR_GROWTH: usize = 20;

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

/// The number of the value that a row has in a field, among those of its group.
pub(crate) fn category(row: Row<'_>, field: Field, group: &mut Group, scene: &Scene<'_>) -> Option<i64> {
    told(row, field, scene).map(|value| group.number_of(&value))
}

/// The numbers of the values that a row has in a field, among those of its group.
pub(crate) fn values_of(
    row: Row<'_>,
    claim: &DistinctClaim,
    group: &mut Group,
    scene: &Scene<'_>,
) -> Vec<Option<i64>> {
    let mut number = |value: FieldValue<'_>| match value {
        FieldValue::Missing => None,
        // Told apart in full, whatever of it people are shown.
        value => Some(Some(group.number_of(&format!("{value:?}")))),
    };
    match row.looked_at(claim.of, claim.name.as_deref(), scene, View::Seen) {
        Looked::One(value) => number(value).into_iter().collect(),
        Looked::Several(values) => values.iter().filter_map(|value| number(value.value())).collect(),
    }
}

/// A whole number as a value of a field.
fn value_of(field: Field, number: i128) -> FieldValue<'static> {
    let positive = u64::try_from(number.max(0)).unwrap_or(u64::MAX);
    let small = i64::try_from(number).unwrap_or(i64::MAX);
    match field.kind() {
        FieldKind::Duration => FieldValue::Duration(Duration::from_nanos(positive)),
        FieldKind::Size => FieldValue::Size(positive),
        FieldKind::Money => FieldValue::Money(small),
        _ => FieldValue::Number(small),
    }
}

/// The smallest value that so many of all do not exceed; none if that is one of those that have none.
pub(crate) fn quantile(mut values: Vec<Option<i64>>, at: Share) -> Option<i64> {
    let count = u128::try_from(values.len()).unwrap_or(u128::MAX);
    let rank = (count * u128::from(at.millionths)).div_ceil(u128::from(chance::WHOLE)).max(1);
    let index = usize::try_from(rank - 1).ok()?.min(values.len().checked_sub(1)?);
    // What has no value comes last.
    values.sort_by_key(|value| (value.is_none(), *value));
    values[index]
}

fn median(values: &[i64]) -> i64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// The most that were open at once. What ends when another begins was not open with it.
pub(crate) fn peak(items: &[&Item]) -> usize {
    let begins = items.iter().map(|item| (item.from, 1));
    let ends = items.iter().filter_map(|item| item.to).map(|to| (to, -1));
    let mut changes: Vec<(Moment, i64)> = begins.chain(ends).collect();
    changes.sort_unstable();
    let (mut open, mut most) = (0_i64, 0_i64);
    for (_, change) in changes {
        open += change;
        most = most.max(open);
    }
    usize::try_from(most).unwrap_or(0)
}

fn literals(test: &Test) -> impl Iterator<Item = i64> {
    let right = test.comparisons.iter().flat_map(|comparison| &comparison.right);
    right.flat_map(|operand| match operand {
        Operand::Literal(Literal::Number(number)) => [*number, *number],
        Operand::Literal(Literal::Range(from, to)) => [*from, *to],
        _ => [0, 0],
    })
}

fn literals_only(test: &Test) -> bool {
    let mut right = test.comparisons.iter().flat_map(|comparison| &comparison.right);
    right.all(|operand| matches!(operand, Operand::Literal(_)))
}

fn wide(count: usize) -> i128 {
    i128::try_from(count).unwrap_or(i128::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "it is rounded to a whole number, and far below 2^63")]
fn rounded(number: f64) -> i128 {
    number.round() as i128
}

/// A fraction as a share with two decimals, which says where it is rounded by its own digits.
fn shown_ratio(upper: i128, lower: i128) -> String {
    let lower = lower.max(1);
    let hundredths = (upper * 10_000 + lower.signum() * lower / 2).div_euclid(lower);
    let (whole, rest) = (hundredths / 100, (hundredths % 100).abs());
    let sign = if hundredths < 0 && whole == 0 { "-" } else { "" };
    if rest == 0 { format!("{sign}{whole}%") } else { format!("{sign}{whole}.{rest:02}%") }
}
