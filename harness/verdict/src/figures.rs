//! What the rows of a group come to: counts, shares, sums, quantiles, growth and peaks, and whether they pass their test.

use std::collections::BTreeMap;
use std::time::Duration;

use record::Moment;
use scenario::{
    Comparator, Comparison, DistinctClaim, Field, FieldKind, FieldValue, Literal, Operand, PairedClaim,
    Quantifier, RowClaim, Share, Test,
};

use crate::gathered::{Different, Gathered, Item, Kept, MOST_DIFFERENT, Rows, Sum, rounded};
use crate::numbers::{Inconclusive, Weighed, only_upper};
use crate::offence::Weight;
use crate::paired::{self, Differences};
use crate::row::bound;
use crate::scene::Scene;
use crate::spread::{Between, Spread};
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
    pub(crate) fn weigh(&self, group: &Gathered) -> Outcome {
        match (&group.kept, &self.claim.quantifier) {
            (Kept::Hits(hits), Quantifier::Share(claim)) => self.share(*hits, group.count, &claim.test, true),
            (Kept::Hits(hits), Quantifier::Estimate(claim)) => {
                statistics::estimate(claim, *hits, group.count, &self.subject(group.count))
            }
            (Kept::Sums(sums), Quantifier::Sum(claim)) => self.sum(sums, group.count, &claim.test, true),
            (Kept::Spreads(spreads), Quantifier::Quantile(claim)) => {
                self.quantile(spreads, claim.at, &claim.test)
            }
            (Kept::Named(counts), Quantifier::Distribution(claim)) => {
                statistics::distribution(claim, counts, group.count)
            }
            (Kept::Different(different), Quantifier::Distinct(claim)) => {
                self.distinct(different, group.count, claim)
            }
            (Kept::Rows(rows), quantifier) => {
                let items = rows.in_order();
                match (quantifier, self.claim.in_any) {
                    (Quantifier::Growth(claim), _) => self.growth(rows, &items, &claim.test),
                    (Quantifier::Paired(claim), _) => self.paired(rows, &items, claim),
                    (_, None) => self.of_window(rows, &items, true),
                    (_, Some(length)) => self.of_windows(rows, &items, length),
                }
            }
            _ => Err(Inconclusive::Unknown("this quantifier takes no number".to_owned())),
        }
    }

    /// Every window of a length that holds other rows than the one before it. Between two rows further apart than the length lie
    /// windows that hold none. A window that reaches beyond the last row has not seen all of its time: it offends only by what is
    /// too much.
    fn of_windows(&self, rows: &Rows, items: &[Item], length: Duration) -> Outcome {
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
                let weighed = self.of_window(rows, &items[begin..end_of_one], whole)?;
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
            || self.of_window(rows, &[], true),
            |held| {
                let observed =
                    format!("{} rows, no window of {} offends", items.len(), words::duration(length));
                Ok(Weighed { observed, ..held })
            },
        )
    }

    fn of_window(&self, rows: &Rows, items: &[Item], whole: bool) -> Outcome {
        let count = wide(items.len());
        match &self.claim.quantifier {
            Quantifier::Count(test) => Ok(self.of_count(count, test, &self.subject(count), whole)),
            Quantifier::Peak(test) => {
                let peak = peak(items);
                Ok(self.of_count(peak, test, &format!("{} open at once", self.subject(peak)), whole))
            }
            Quantifier::Share(claim) => {
                let hits = items.iter().filter(|item| item.hit).count();
                self.share(wide(hits), count, &claim.test, whole)
            }
            Quantifier::Sum(claim) => {
                let mut sums = vec![Sum::default(); self.fields.len()];
                for item in items {
                    sums.iter_mut().enumerate().for_each(|(at, sum)| sum.take(rows.value(item, at)));
                }
                self.sum(&sums, count, &claim.test, whole)
            }
            _ => Err(Inconclusive::Unknown("this quantifier takes no number".to_owned())),
        }
    }

    fn of_count(&self, count: u64, test: &Test, observed: &str, whole: bool) -> Weighed {
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

    fn share(&self, hits: u64, count: u64, test: &Test, whole: bool) -> Outcome {
        let all = self.subject(count);
        if count == 0 {
            return Err(Inconclusive::TooFew("there is nothing to take a share of".to_owned()));
        }
        let holds = self.ratio_passes(test, hits.into(), count.into());
        let share = shown_ratio(hits.into(), count.into());
        let weight = if holds || !whole { Weight::Holds } else { Weight::OffendsSoFar };
        Ok(self.weighed(weight, format!("{share} ({hits}) of {all}"), share))
    }

    fn sum(&self, sums: &[Sum], count: u64, test: &Test, whole: bool) -> Outcome {
        if let Some((field, _)) = self.fields.iter().zip(sums).find(|(_, sum)| sum.lacking > 0) {
            let reason = format!("one of {} has no `{}`", self.subject(count), field.word());
            return Err(Inconclusive::Unknown(reason));
        }
        let of = |index: usize| {
            self.fields.get(index).zip(sums.get(index)).map(|(field, sum)| value_of(*field, sum.sum))
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
    fn quantile(&self, spreads: &[Spread], at: Share, test: &Test) -> Outcome {
        let Some((spread, field)) = spreads.first().zip(self.fields.first()) else {
            return Err(Inconclusive::Unknown("it has no field".to_owned()));
        };
        let all = self.subject(spread.count());
        if spread.count() == 0 {
            return Err(Inconclusive::TooFew("there is nothing to take a quantile of".to_owned()));
        }
        let needed = 1_000_000_u64.div_ceil(u64::from(1_000_000_u32.saturating_sub(at.millionths)).max(1));
        if at.millionths < 1_000_000 && spread.count() < needed {
            return Err(Inconclusive::TooFew(format!("{all} tell nothing of {at}: that takes {needed}")));
        }
        let found = spread.quantile(at);
        let shown = found.map_or("beyond every value".to_owned(), |Between { least, most }| {
            let told = |value: i64| words::value(value_of(*field, value.into()));
            if least == most { told(most) } else { format!("between {} and {}", told(least), told(most)) }
        });
        let lacking = match spread.without() {
            0 => String::new(),
            without => format!(", {without} without a value"),
        };
        let observed = format!("`{}` at {at} is {shown} ({all}{lacking})", field.word());
        let weight = match self.quantile_passes(found, spreads, at, test) {
            Some(true) => Weight::Holds,
            Some(false) => Weight::OffendsSoFar,
            None => {
                let reason = format!("{observed}: too near to what it is compared with to tell");
                return Err(Inconclusive::Unknown(reason));
            }
        };
        Ok(self.weighed(weight, observed, shown))
    }

    /// Whether a quantile passes its test wherever it lies between the values where it is known to be; nothing if that depends.
    fn quantile_passes(
        &self,
        found: Option<Between>,
        spreads: &[Spread],
        at: Share,
        test: &Test,
    ) -> Option<bool> {
        let ends = |between: Option<Between>| {
            between.map_or(vec![None], |Between { least, most }| {
                if least == most { vec![Some(most)] } else { vec![Some(least), Some(most)] }
            })
        };
        let value = |field: Field, end: Option<i64>| {
            end.map_or(FieldValue::Missing, |value| value_of(field, value.into()))
        };
        // What is above every value passes no test but one of lower limits.
        let only_lower = test
            .comparisons
            .iter()
            .all(|comparison| matches!(comparison.comparator, Comparator::AtLeast | Comparator::Above));
        let mut answers = Vec::new();
        for left in ends(found) {
            // Where several fields are compared with, all of them lie at the same end.
            for upper in [false, true] {
                let other = |field: Field| {
                    let position = self.fields.iter().skip(1).position(|known| *known == field);
                    let found =
                        position.and_then(|at| spreads.get(at + 1)).and_then(|other| other.quantile(at));
                    value(field, found.map(|between| if upper { between.most } else { between.least }))
                };
                let left = value(*self.fields.first()?, left);
                answers.push(left == FieldValue::Missing && only_lower || self.passes(test, left, &other));
            }
        }
        answers.iter().all(|answer| *answer == answers[0]).then(|| answers[0])
    }

    /// How many different values there are. Rows without a value leave that open. Nothing has no value, which may be too few; where it
    /// is not, it shows nothing either.
    fn distinct(&self, different: &Different, count: u64, claim: &DistinctClaim) -> Outcome {
        let all = self.subject(count);
        if count == 0 {
            let nothing = self.of_count(0, &claim.test, &format!("0 different among {all}"), true);
            return match nothing.weight {
                Weight::Holds => {
                    Err(Inconclusive::TooFew("there is nothing whose values could be counted".to_owned()))
                }
                _ => Ok(nothing),
            };
        }
        if different.lacking > 0 {
            let reason = format!("{} of {all} have no `{}`", different.lacking, claim.of.word());
            return Err(Inconclusive::Unknown(reason));
        }
        let values = wide(different.count());
        if different.more {
            let observed = format!("more than {MOST_DIFFERENT} different among {all}");
            let is_beyond = |limit: i64| usize::try_from(limit).is_ok_and(|limit| limit > MOST_DIFFERENT);
            if literals(&claim.test).any(is_beyond) || !literals_only(&claim.test) {
                return Err(Inconclusive::Unknown(format!("{observed}, which are not told apart any more")));
            }
            return Ok(self.of_count(values + 1, &claim.test, &observed, true));
        }
        Ok(self.of_count(values, &claim.test, &format!("{values} different among {all}"), true))
    }

    /// From the median of the first tenth to that of the last.
    fn growth(&self, rows: &Rows, items: &[Item], test: &Test) -> Outcome {
        let values: Vec<i64> = items.iter().filter_map(|item| rows.value(item, 0)).collect();
        if values.len() < LEAST_FOR_GROWTH {
            let reason = format!(
                "{} tell nothing of a growth: that takes {LEAST_FOR_GROWTH}",
                self.subject(wide(values.len()))
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

    /// The median of the differences between the exchanges of pairs, with the interval in which it lies.
    fn paired(&self, rows: &Rows, items: &[Item], claim: &PairedClaim) -> Outcome {
        let differences = Differences::of(self.scene.pairs, rows, items);
        let (count, lacking) = (differences.count(), differences.lacking);
        let (Some(median), Some((lower, upper))) =
            (differences.median(), differences.interval(claim.false_alarm.millionths.into()))
        else {
            return Err(Inconclusive::TooFew(format!(
                "{count} pairs tell nothing of the median of their differences that is wrong no more than {} of the time",
                claim.false_alarm
            )));
        };
        let told = |difference: i64| {
            let size = words::value(value_of(claim.of, i128::from(difference).abs()));
            if difference < 0 { format!("-{size}") } else { size }
        };
        let observed = format!(
            "the median of {count} differences of `{}` is {}, between {} and {}",
            claim.of.word(),
            told(median),
            told(lower),
            told(upper)
        );
        if lacking * LACKING_OF > count {
            return Err(Inconclusive::Unknown(format!(
                "{observed}; but {lacking} more pairs lack an exchange or a value of it"
            )));
        }
        let passes = |difference: i64| {
            if difference < 0 {
                // No limit can be written that is below nothing.
                return paired::limits_above(claim);
            }
            self.passes(&claim.test, value_of(claim.of, difference.into()), &|_| FieldValue::Missing)
        };
        let (best, worst) = if paired::limits_above(claim) { (lower, upper) } else { (upper, lower) };
        let numbers = vec![
            ("pairs".to_owned(), count.to_string()),
            ("median of the differences".to_owned(), told(median)),
            ("at least".to_owned(), told(lower)),
            ("at most".to_owned(), told(upper)),
        ];
        let weight = match (passes(best), passes(worst)) {
            (true, true) => Weight::Holds,
            (false, _) => Weight::OffendsSoFar,
            (true, false) => {
                return Err(Inconclusive::Unknown(format!("{observed}: more pairs are needed to tell")));
            }
        };
        Ok(Weighed { weight, observed, numbers })
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

    fn subject(&self, count: u64) -> String {
        words::quantity(count, self.claim.subject)
    }
}

/// One pair in so many may lack an exchange or its value before nothing follows from the others.
const LACKING_OF: usize = 100;

/// How many rows there must be before something can be said to have grown: two in each tenth.
const LEAST_FOR_GROWTH: usize = 20;

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

fn median(values: &[i64]) -> i64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// The most that were open at once. What ends when another begins was not open with it.
pub(crate) fn peak(items: &[Item]) -> u64 {
    let begins = items.iter().map(|item| (item.from, 1));
    let ends = items.iter().filter_map(Item::to).map(|to| (to, -1));
    let mut changes: Vec<(Moment, i64)> = begins.chain(ends).collect();
    changes.sort_unstable();
    let (mut open, mut most) = (0_i64, 0_i64);
    for (_, change) in changes {
        open += change;
        most = most.max(open);
    }
    u64::try_from(most).unwrap_or(0)
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

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A fraction as a share with two decimals, which says where it is rounded by its own digits.
fn shown_ratio(upper: i128, lower: i128) -> String {
    let lower = lower.max(1);
    let hundredths = (upper * 10_000 + lower.signum() * lower / 2).div_euclid(lower);
    let (whole, rest) = (hundredths / 100, (hundredths % 100).abs());
    let sign = if hundredths < 0 && whole == 0 { "-" } else { "" };
    if rest == 0 { format!("{sign}{whole}%") } else { format!("{sign}{whole}.{rest:02}%") }
}
