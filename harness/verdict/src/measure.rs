//! Numbers of `measure:`: the size of a population, and how often its rows came.

use std::collections::BTreeMap;
use std::time::Duration;

use record::{Moment, NameId};
use scenario::{Comparator, Condition, Field, Figure, Literal, Measure, Operand, show_duration};

use crate::claim::refusal_of;
use crate::names::Names;
use crate::row::OpenTree;
use crate::scene::{Scene, View};
use crate::timetable::Timetable;
use crate::words;

/// What is known of a number so far.
#[derive(Debug)]
pub(crate) struct MeasureTally<'a> {
    name: &'a str,
    measure: &'a Measure,
    refusal: Option<String>,
    population: u64,
}

/// A number that is known now that all rows have been seen.
#[derive(Debug)]
pub(crate) struct Number<'a> {
    pub(crate) name: &'a str,
    /// The size of the population that it was taken from.
    pub(crate) population: u64,
    pub(crate) value: Result<f64, NoValue>,
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
        Self { name, measure, refusal, population: 0 }
    }

    /// Takes the rows of a tree that is closed.
    pub(crate) fn take(&mut self, tree: &OpenTree, scene: &Scene<'_>) {
        let population = self.measure.population.as_ref();
        let rows = tree.rows(self.measure.subject).filter(|row| row.satisfies(population, scene, View::Seen));
        self.population += u64::try_from(rows.count()).unwrap_or(u64::MAX);
    }

    /// The number.
    pub(crate) fn number(&self, timetable: &Timetable, names: &Names<'_>) -> Number<'a> {
        let counted = words::quantity(self.population, self.measure.subject);
        let number = |value, shown| Number { name: self.name, population: self.population, value, shown };
        if let Some(reason) = &self.refusal {
            return number(Err(NoValue::Unknown(reason.clone())), "unknown".to_owned());
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of a run stay far below 2^53")]
        let count = self.population as f64;
        match &self.measure.figure {
            Figure::Count(_) => number(Ok(count), counted),
            Figure::Rate(_) => {
                let time = time_of(self.measure.population.as_ref(), timetable, names);
                if time.is_zero() {
                    return number(Err(NoValue::NoTime), format!("{counted} in no time at all"));
                }
                let rate = count / time.as_secs_f64();
                number(Ok(rate), format!("{rate:.1} per second ({counted} in {})", show_duration(time)))
            }
        }
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
fn named_traffic(condition: &Condition) -> Option<Vec<&str>> {
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
            Comparator::Is | Comparator::Not => {}
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
