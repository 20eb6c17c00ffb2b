//! A row as conditions look at it: the values of an exchange's and an attempt's fields, and whether a condition holds.

use std::collections::BTreeMap;
use std::time::Duration;

use record::{AttemptRow, ErrorShape, ExchangeId, ExchangeRow, Joined, Moment, NOT_REACHED, NameId, Outcome};
use scenario::{Condition, Field, FieldKind, FieldTest, FieldValue, Operand, Subject, Test};

use crate::hints::RunningHint;
use crate::names::TrafficKind;
use crate::offence::Order;
use crate::scene::{Scene, View};

/// An exchange with its attempts in the order of arrival. An attempt that joins nothing stands alone in one.
#[derive(Debug, Default)]
pub(crate) struct OpenTree {
    pub(crate) exchange: Option<ExchangeRow>,
    pub(crate) attempts: Vec<HeldAttempt>,
}

/// An attempt with what was known of its key when it arrived.
#[derive(Debug)]
pub(crate) struct HeldAttempt {
    pub(crate) row: AttemptRow,
    /// Boxed, since hardly any attempt has one.
    pub(crate) running: Option<Box<RunningHint>>,
}

impl HeldAttempt {
    /// Whether the reply that asked to leave its key alone was given in this tree.
    pub(crate) fn was_limited_by(&self, tree: &OpenTree) -> bool {
        let giver = self.running.as_ref().map(|running| running.giver.exchange);
        tree.exchange.is_some_and(|exchange| giver == Some(exchange.id))
    }
}

/// A row of a subject, within its tree.
#[derive(Clone, Copy)]
pub(crate) enum Row<'t> {
    Exchange(&'t OpenTree, &'t ExchangeRow),
    Attempt(&'t OpenTree, usize),
}

impl OpenTree {
    /// The tree's rows of a subject.
    pub(crate) fn rows(&self, subject: Subject) -> impl Iterator<Item = Row<'_>> {
        let exchange = self.exchange.as_ref().filter(|_| subject == Subject::Exchanges);
        let attempts = if subject == Subject::Attempts { 0..self.attempts.len() } else { 0..0 };
        let exchange = exchange.map(|row| Row::Exchange(self, row));
        exchange.into_iter().chain(attempts.map(|index| Row::Attempt(self, index)))
    }
}

impl<'t> Row<'t> {
    /// When it began and in which exchange: where it stands among the offences.
    pub(crate) fn order(self) -> Order {
        match self {
            Self::Exchange(_, row) => (row.intended, row.id.0),
            Self::Attempt(..) => {
                self.attempt().map_or((Moment(0), 0), |held| (held.row.arrived, held.row.exchange.0))
            }
        }
    }

    /// How it ended.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Exchange(_, row) => row.outcome,
            Self::Attempt(..) => self.attempt().map_or(Outcome::Abandoned, |held| held.row.outcome),
        }
    }

    /// The tree that it stands in.
    pub(crate) fn tree(self) -> &'t OpenTree {
        match self {
            Self::Exchange(tree, _) | Self::Attempt(tree, _) => tree,
        }
    }

    /// The attempt, if it is one.
    pub(crate) fn attempt(self) -> Option<&'t HeldAttempt> {
        match self {
            Self::Exchange(..) => None,
            Self::Attempt(tree, index) => tree.attempts.get(index),
        }
    }

    /// Where it stands among the attempts of its tree, if it is one.
    pub(crate) fn index(self) -> Option<usize> {
        match self {
            Self::Exchange(..) => None,
            Self::Attempt(_, index) => Some(index),
        }
    }

    /// Whether a condition holds; one that is not there always does.
    pub(crate) fn satisfies(self, condition: Option<&Condition>, scene: &Scene<'_>, view: View) -> bool {
        condition.is_none_or(|condition| condition.tests.iter().all(|test| self.passes(test, scene, view)))
    }

    /// Whether it passes one test of a condition.
    pub(crate) fn passes(self, test: &FieldTest, scene: &Scene<'_>, view: View) -> bool {
        let left = self.value(test.field, scene, view);
        test.test.holds_with(left, &mut |operand| match operand {
            Operand::Field(field, _) => self.value(*field, scene, view),
            Operand::Bound(name, _) => bound(name, test.field.kind(), scene.bounds),
            Operand::Literal(_) | Operand::Measured(..) => FieldValue::Missing,
        })
    }

    /// The value of a field.
    pub(crate) fn value<'s>(self, field: Field, scene: &'s Scene<'s>, view: View) -> FieldValue<'s> {
        match self {
            Self::Exchange(tree, row) => exchange_value(tree, row, field, scene, view),
            Self::Attempt(tree, index) => match tree.attempts.get(index) {
                Some(held) => attempt_value(tree, index, held, field, scene, view),
                None => FieldValue::Missing,
            },
        }
    }
}

/// A bound as a value that a field of this kind can be compared with. Bounds on durations are declared in seconds.
fn bound(name: &str, kind: FieldKind, bounds: &BTreeMap<String, f64>) -> FieldValue<'static> {
    match (bounds.get(name), kind) {
        (Some(seconds), FieldKind::Duration) => {
            Duration::try_from_secs_f64(*seconds).map_or(FieldValue::Missing, FieldValue::Duration)
        }
        (Some(number), _) => FieldValue::Measured(*number),
        (None, _) => FieldValue::Missing,
    }
}

fn exchange_value<'s>(
    tree: &OpenTree,
    row: &ExchangeRow,
    field: Field,
    scene: &'s Scene<'s>,
    view: View,
) -> FieldValue<'s> {
    let timed = |from: u32, to: u32| {
        let (from, to) = (row.intended.plus_micros(from), row.intended.plus_micros(to));
        from.zip(to).map_or(FieldValue::Missing, |(from, to)| scene.timed(from, to, view))
    };
    match field {
        Field::Step => scene.traffic(row.traffic, TrafficKind::Step),
        Field::Phase => scene.traffic(row.traffic, TrafficKind::Phase),
        Field::Request => scene.text(row.request),
        Field::Model => scene.text(row.model),
        Field::Status => status(row.status),
        Field::Outcome => FieldValue::Text(Outcome::word(row.outcome)),
        Field::Error => scene.text(row.error),
        Field::ErrorShape => FieldValue::Text(ErrorShape::word(row.error_shape)),
        Field::At => scene.since_start(row.intended),
        Field::Took => timed(0, row.ended),
        Field::Service => timed(row.sent, row.ended),
        Field::FirstContent => timed(0, row.first_content),
        Field::Hint => hint(row.hint_ms),
        Field::Attempts => FieldValue::Number(i64::try_from(tree.attempts.len()).unwrap_or(i64::MAX)),
        Field::Stream => FieldValue::Flag(row.streamed),
        Field::Terminated => FieldValue::Flag(row.terminated),
        Field::Exchange => FieldValue::Number(i64::from(row.id.0)),
        Field::Upstream
        | Field::Key
        | Field::NthUsed
        | Field::Nth
        | Field::Script
        | Field::Ordinal
        | Field::Gap
        | Field::Cooling
        | Field::Joined => FieldValue::Missing,
    }
}

fn attempt_value<'s>(
    tree: &OpenTree,
    index: usize,
    held: &HeldAttempt,
    field: Field,
    scene: &'s Scene<'s>,
    view: View,
) -> FieldValue<'s> {
    let row = &held.row;
    let traffic = tree.exchange.map_or(NameId::NONE, |exchange| exchange.traffic);
    let joined = row.joined == Joined::Exchange && row.exchange != ExchangeId::NONE;
    match field {
        Field::Step => scene.traffic(traffic, TrafficKind::Step),
        Field::Phase => scene.traffic(traffic, TrafficKind::Phase),
        Field::Model => scene.text(row.model),
        Field::Status => status(row.status),
        Field::Outcome => FieldValue::Text(Outcome::word(row.outcome)),
        Field::Error => scene.text(row.error),
        Field::At => scene.since_start(row.arrived),
        Field::Took if row.ended == NOT_REACHED => FieldValue::Missing,
        Field::Took => scene.timed(row.arrived, row.end(), view),
        Field::Hint => hint(row.hint_ms),
        Field::Stream => FieldValue::Flag(row.streamed),
        Field::Exchange if joined => FieldValue::Number(i64::from(row.exchange.0)),
        Field::Upstream => scene.text(row.upstream),
        Field::Key => scene.text(row.key),
        Field::NthUsed => scene.key_order.place(row).map_or(FieldValue::Missing, FieldValue::Number),
        Field::Script => scene.text(row.script),
        Field::Ordinal if joined => FieldValue::Number(i64::try_from(index + 1).unwrap_or(i64::MAX)),
        Field::Gap => match index.checked_sub(1).and_then(|before| tree.attempts.get(before)) {
            // What never ended was still open, as one that ended later was.
            Some(before) if before.row.ended == NOT_REACHED => FieldValue::Duration(Duration::ZERO),
            Some(before) => scene.timed(before.row.end(), row.arrived, view),
            None => FieldValue::Missing,
        },
        Field::Cooling => FieldValue::Flag(scene.is_cooling(held, view)),
        Field::Joined => FieldValue::Flag(joined),
        Field::Exchange
        | Field::Ordinal
        | Field::Nth
        | Field::Request
        | Field::ErrorShape
        | Field::Service
        | Field::FirstContent
        | Field::Attempts
        | Field::Terminated => FieldValue::Missing,
    }
}

fn status(status: u16) -> FieldValue<'static> {
    if status == 0 { FieldValue::Missing } else { FieldValue::Number(i64::from(status)) }
}

fn hint(millis: u32) -> FieldValue<'static> {
    if millis == NOT_REACHED {
        return FieldValue::Missing;
    }
    FieldValue::Duration(Duration::from_millis(u64::from(millis)))
}

/// Whether the lag of the harness can make a difference to a condition.
pub(crate) fn depends_on_lag(condition: &Condition) -> bool {
    fields_of(condition).any(|field| {
        matches!(field, Field::Took | Field::Service | Field::FirstContent | Field::Gap | Field::Cooling)
    })
}

/// Every field that a condition looks at.
pub(crate) fn fields_of(condition: &Condition) -> impl Iterator<Item = Field> {
    let right =
        condition.tests.iter().flat_map(|test| operands(&test.test)).filter_map(|operand| match operand {
            Operand::Field(field, _) => Some(*field),
            _ => None,
        });
    condition.tests.iter().map(|test| test.field).chain(right)
}

/// Every right side of a test.
pub(crate) fn operands(test: &Test) -> impl Iterator<Item = &Operand> {
    test.comparisons.iter().flat_map(|comparison| &comparison.right)
}
