//! Numbers of `measure:`: the size of a population, how often its rows came, and what a field of theirs comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use record::{Moment, NameId};
use scenario::{Comparator, Condition, Field, FieldKind, Figure, Literal, Measure, Operand, show_duration};

use crate::claim::{EVENTS_CUT, lacks_events, refusal_of};
use crate::classes::Classes;
use crate::figures;
use crate::gathered::{Rows, Sum, whole};
use crate::names::Names;
use crate::row::{Row, fields_of, lags};
use crate::scene::{Scene, View};
use crate::spread::Spread;
use crate::timetable::Timetable;
use crate::tree::OpenTree;
use crate::words;

/// What is known of a number so far.
#[derive(Debug)]
pub(crate) struct MeasureTally<'a> {
    name: &'a str,
    measure: &'a Measure,
    refusal: Option<String>,
    population: u64,
    /// What is kept in each view of the harness's lag, the one without lag first; only that one where lag makes no difference.
    views: Vec<Kept>,
    /// Why something that it depends on is not in the evidence.
    doubt: Option<&'static str>,
}

/// What is kept of rows from which more is taken than their number.
#[derive(Debug)]
enum Kept {
    Nothing,
    Sum(Sum),
    Spread(Spread),
    Rows(Rows),
}

/// A number that is known now that all rows have been seen.
#[derive(Debug)]
pub(crate) struct Number<'a> {
    pub(crate) name: &'a str,
    /// The size of the population that it was taken from.
    pub(crate) population: u64,
    pub(crate) value: Result<f64, NoValue>,
    /// The least that it may be, where it is known to a precision only; it is no more than `value` then.
    pub(crate) least: Option<f64>,
    /// What it may be but for the harness's own lag.
    pub(crate) lagging: Vec<f64>,
    /// The number in words.
    pub(crate) shown: String,
}

/// Why a number has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// The time that it refers to is empty.
    NoTime,
    /// Its population cannot be told.
    Unknown(String),
}

impl<'a> MeasureTally<'a> {
    pub(crate) fn new(name: &'a str, measure: &'a Measure, bounds: &BTreeMap<String, f64>) -> Self {
        let refusal = measure.population.as_ref().and_then(|condition| refusal_of(condition, bounds));
        let (of, kept): (_, fn() -> Kept) = match &measure.figure {
            Figure::Count(_) | Figure::Rate(_) => (None, || Kept::Nothing),
            Figure::Peak(_) => (None, || Kept::Rows(Rows::default())),
            Figure::Sum(field) => (Some(*field), || Kept::Sum(Sum::default())),
            Figure::Quantile(quantile) => (Some(quantile.of), || Kept::Spread(Spread::default())),
        };
        let views = if of.is_some_and(lags) { View::ALL.len() } else { 1 };
        let views = (0..views).map(|_| kept()).collect();
        Self { name, measure, refusal, population: 0, views, doubt: None }
    }

    /// Takes the rows of a tree that is closed.
    pub(crate) fn take(&mut self, tree: &OpenTree, scene: &Scene<'_>) {
        if lacks_events(tree, self.measure.subject) {
            self.doubt.get_or_insert(EVENTS_CUT);
        }
        for row in tree.rows(self.measure.subject, Classes::of_measure(self.measure)) {
            self.take_row(row, scene);
        }
    }

    /// Whose rows it is taken from.
    pub(crate) fn subject(&self) -> scenario::Subject {
        self.measure.subject
    }

    /// Takes one row.
    pub(crate) fn take_row(&mut self, row: Row<'_>, scene: &Scene<'_>) {
        if let Some(doubt) = fields_of_measure(self.measure).find_map(|field| row.unknown(field, scene)) {
            self.doubt.get_or_insert(doubt);
            return;
        }
        if !row.satisfies(self.measure.population.as_ref(), scene, View::Seen) {
            return;
        }
        self.population += u64::from(!row.is_lacking());
        let of = self.of();
        for (kept, view) in self.views.iter_mut().zip(View::ALL) {
            let value = || of.and_then(|field| whole(row.value(field, scene, view)));
            match kept {
                Kept::Nothing => {}
                Kept::Sum(sum) => sum.take(value()),
                Kept::Spread(spread) => spread.take(value()),
                Kept::Rows(rows) => rows.take(row, false, std::iter::empty()),
            }
        }
    }

    /// The number in each view of the harness's lag; none where lag makes no difference.
    fn in_views(&self) -> Vec<f64> {
        let Some(field) = self.of().filter(|field| lags(*field)) else { return Vec::new() };
        let of_view = |kept: &Kept| match (kept, &self.measure.figure) {
            (Kept::Sum(sum), _) => (sum.lacking == 0).then_some(sum.sum),
            (Kept::Spread(spread), Figure::Quantile(quantile)) => {
                spread.quantile(quantile.at).map(|found| found.most.into())
            }
            _ => None,
        };
        self.views.iter().filter_map(of_view).map(|number| in_unit(field, number)).collect()
    }

    /// The field from which numbers are taken.
    fn of(&self) -> Option<Field> {
        match &self.measure.figure {
            Figure::Sum(field) => Some(*field),
            Figure::Quantile(quantile) => Some(quantile.of),
            Figure::Count(_) | Figure::Rate(_) | Figure::Peak(_) => None,
        }
    }

    /// The number.
    pub(crate) fn number(&self, timetable: &Timetable, names: &Names<'_>) -> Number<'a> {
        let counted = words::quantity(self.population, self.measure.subject);
        let number = |value, shown| {
            let (name, population) = (self.name, self.population);
            Number { name, population, value, least: None, lagging: self.in_views(), shown }
        };
        if let Some(reason) = &self.refusal {
            return number(Err(NoValue::Unknown(reason.clone())), "unknown".to_owned());
        }
        if let Some(doubt) = self.doubt {
            return number(Err(NoValue::Unknown(doubt.to_owned())), "unknown".to_owned());
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
        let count = self.population as f64;
        let lacking = |count: u64| {
            let reason = format!("{count} of {counted} have no such value");
            number(Err(NoValue::Unknown(reason)), "unknown".to_owned())
        };
        match (self.views.first().unwrap_or(&Kept::Nothing), &self.measure.figure) {
            (_, Figure::Rate(_)) => {
                let time = time_of(self.measure.population.as_ref(), timetable, names);
                if time.is_zero() {
                    return number(Err(NoValue::NoTime), format!("{counted} in no time at all"));
                }
                let rate = count / time.as_secs_f64();
                number(Ok(rate), format!("{rate:.1} per second ({counted} in {})", show_duration(time)))
            }
            (Kept::Rows(rows), _) => {
                let peak = figures::peak(&rows.in_order());
                #[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
                number(Ok(peak as f64), format!("{peak} at once"))
            }
            (Kept::Sum(sum), _) if sum.lacking > 0 => lacking(sum.lacking),
            (Kept::Sum(sum), Figure::Sum(field)) => {
                let sum = in_unit(*field, sum.sum);
                number(Ok(sum), format!("{} over {counted}", shown(*field, sum)))
            }
            (Kept::Spread(spread), _) if spread.count() == 0 => {
                number(Err(NoValue::NoTime), "of nothing".to_owned())
            }
            (Kept::Spread(spread), Figure::Quantile(quantile)) => {
                let Some(found) = spread.quantile(quantile.at) else { return lacking(spread.without()) };
                let (least, most) =
                    (in_unit(quantile.of, found.least.into()), in_unit(quantile.of, found.most.into()));
                let told = |value| shown(quantile.of, value);
                if found.is_exact() {
                    return number(Ok(most), format!("{} ({counted})", told(most)));
                }
                let told = format!("between {} and {} ({counted})", told(least), told(most));
                Number { least: Some(least), ..number(Ok(most), told) }
            }
            (_, _) => number(Ok(count), counted.clone()),
        }
    }

    /// How much is kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let of_view = |kept: &Kept| match kept {
            Kept::Nothing | Kept::Sum(_) => 1,
            Kept::Spread(spread) => spread.kept(),
            Kept::Rows(rows) => rows.kept(),
        };
        self.views.iter().map(of_view).sum()
    }
}

/// Every field that a measured number depends on.
pub(crate) fn fields_of_measure(measure: &Measure) -> impl Iterator<Item = Field> {
    let of = match &measure.figure {
        Figure::Sum(field) => Some(*field),
        Figure::Quantile(quantile) => Some(quantile.of),
        Figure::Count(_) | Figure::Rate(_) | Figure::Peak(_) => None,
    };
    measure.population.iter().flat_map(fields_of).chain(of)
}

/// A whole number of a field in the unit in which it is measured: seconds, dollars, bytes.
#[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
fn in_unit(field: Field, number: i128) -> f64 {
    match field.kind() {
        FieldKind::Duration => number as f64 / 1e9,
        FieldKind::Money => number as f64 / 1e6,
        _ => number as f64,
    }
}

fn shown(field: Field, number: f64) -> String {
    match field.kind() {
        FieldKind::Duration => format!("{number:.4} seconds"),
        FieldKind::Money => format!("{number:.6} dollars"),
        _ => words::number(number),
    }
}

/// The time in which a population could arise: the steps and phases that its condition names, or else the whole traffic,
/// between the times that it names.
fn time_of(condition: Option<&Condition>, timetable: &Timetable, names: &Names<'_>) -> Duration {
    let (Some(whole), Some(start)) = (timetable.whole(), timetable.start()) else { return Duration::ZERO };
    let named = condition.and_then(named_traffic);
    let is_named = |id: NameId| {
        names.text(id).is_some_and(|text| named.as_ref().is_some_and(|named| named.contains(&text)))
    };
    let spans = if named.is_some() { timetable.spans(is_named) } else { vec![whole] };
    let (from, to) = condition.map_or((None, None), times);
    let from = start.after(from.unwrap_or_default());
    let to = to.map_or(whole.1, |to| start.after(to));
    covered(spans.into_iter().map(|(began, ended)| (began.max(from), ended.min(to))).collect())
}

/// The names of steps and phases that a condition demands, if it demands any.
pub(crate) fn named_traffic(condition: &Condition) -> Option<Vec<&str>> {
    let demanded = [Field::Phase, Field::Step].into_iter().filter_map(|field| condition.test_of(field));
    let is = demanded
        .flat_map(|test| &test.comparisons)
        .filter(|comparison| comparison.comparator == Comparator::Is);
    let names: Vec<&str> = is
        .flat_map(|comparison| &comparison.right)
        .filter_map(|operand| match operand {
            Operand::Literal(Literal::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!names.is_empty()).then_some(names)
}

/// From when and until when, after the start, a condition on `at` can hold.
fn times(condition: &Condition) -> (Option<Duration>, Option<Duration>) {
    let (mut from, mut to) = (None, None);
    let tests = condition.tests.iter().filter(|test| test.field == Field::At);
    for comparison in tests.flat_map(|test| &test.test.comparisons) {
        let durations = comparison.right.iter().filter_map(|operand| match operand {
            Operand::Literal(Literal::Duration(duration)) => Some(*duration),
            _ => None,
        });
        match comparison.comparator {
            // The condition's own comparisons must all hold, so the narrowest limits count.
            Comparator::Above | Comparator::AtLeast => from = from.max(durations.min()),
            Comparator::Below | Comparator::AtMost => {
                to = [to, durations.max()].into_iter().flatten().min();
            }
            Comparator::Within => {
                let limits: Vec<Duration> = durations.collect();
                from = from.max(limits.first().copied());
                to = [to, limits.last().copied()].into_iter().flatten().min();
            }
            _ => {}
        }
    }
    (from, to)
}

/// How much time some spans cover together; phases that run beside each other are not counted twice.
fn covered(mut spans: Vec<(Moment, Moment)>) -> Duration {
    spans.sort();
    let mut covered = Duration::ZERO;
    let mut until = Moment(0);
    for (from, to) in spans {
        covered += to.since(from.max(until));
        until = until.max(to);
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_overlap_are_not_counted_twice() {
        for (spans, nanos) in [
            (vec![], 0),
            (vec![(5, 10)], 5),
            (vec![(5, 10), (20, 21)], 6),
            (vec![(5, 10), (0, 100), (50, 120)], 120),
            (vec![(10, 5), (7, 9)], 2),
        ] {
            let moments = spans.iter().map(|(from, to)| (Moment(*from), Moment(*to))).collect();
            assert_eq!(covered(moments), Duration::from_nanos(nanos), "{spans:?}");
        }
    }
}
