//! A row as conditions look at it: which rows a subject has, the values of their fields, and whether a condition holds.

use std::collections::BTreeMap;
use std::time::Duration;

use record::{Entry, EventSeen, ExchangeRow, Moment, Outcome, TargetEvent};
use scenario::{Comparator, Condition, Field, FieldKind, FieldTest, FieldValue, Operand, Subject, Test};

use crate::classes::Classes;
use crate::code::Block;
use crate::fields::{self, LedgerPart};
use crate::offence::Order;
use crate::scene::{Scene, View};
use crate::several::Scalar;
use crate::tree::{HeldAttempt, OpenTree};

/// A row of a subject; most stand within a tree.
#[derive(Clone, Copy)]
pub(crate) enum Row<'t> {
    Exchange(&'t OpenTree, &'t ExchangeRow),
    Attempt(&'t OpenTree, usize),
    Event(&'t OpenTree, usize),
    Code(&'t OpenTree, &'t Block),
    Ledger(&'t OpenTree, LedgerPart<'t>),
    /// Something that belongs to no exchange: a counter, a line of the log, a program.
    Lone(&'t Entry),
}

/// What a test looks at in a row.
pub(crate) enum Looked<'v> {
    /// The field's one value.
    One(FieldValue<'v>),
    /// Any number of values: headers of one name, what a path leads to, what is carried.
    Several(Vec<Scalar>),
}

impl OpenTree {
    /// The tree's rows of a subject; those of the ledger by the classes of their tokens, if that is asked for.
    pub(crate) fn rows(&self, subject: Subject, classes: Classes) -> Vec<Row<'_>> {
        let more = self.more();
        match subject {
            Subject::Exchanges => self.exchange.iter().map(|row| Row::Exchange(self, row)).collect(),
            Subject::Attempts => (0..self.attempts.len()).map(|index| Row::Attempt(self, index)).collect(),
            Subject::Events => {
                (0..more.map_or(0, |more| more.events.len())).map(|index| Row::Event(self, index)).collect()
            }
            Subject::Code => {
                more.iter().flat_map(|more| &more.code).map(|block| Row::Code(self, block)).collect()
            }
            Subject::Ledger => {
                LedgerPart::all_of(self, classes).into_iter().map(|part| Row::Ledger(self, part)).collect()
            }
            Subject::Requests
            | Subject::Metrics
            | Subject::Log
            | Subject::Process
            | Subject::Files
            | Subject::Exit => Vec::new(),
        }
    }
}

/// The subject of which an entry is a row by itself.
pub(crate) fn subject_of(entry: &Entry) -> Option<Subject> {
    match entry {
        Entry::Metric(_) => Some(Subject::Metrics),
        Entry::Log { .. } => Some(Subject::Log),
        Entry::Process(_) | Entry::Target { event: TargetEvent::Died(_), .. } => Some(Subject::Process),
        Entry::File(_) => Some(Subject::Files),
        Entry::Ran(_) => Some(Subject::Exit),
        _ => None,
    }
}

impl<'t> Row<'t> {
    /// When it began and in which exchange: where it stands among the offences.
    pub(crate) fn order(self) -> Order {
        let exchange =
            self.tree().and_then(|tree| tree.exchange.as_ref()).map_or(0, |exchange| exchange.id.0);
        match self {
            Self::Exchange(_, row) => (row.intended, row.id.0),
            Self::Attempt(..) => {
                self.attempt().map_or((Moment(0), 0), |held| (held.row.arrived, held.row.exchange.0))
            }
            Self::Event(..) => (self.event().map_or(Moment(0), |event| event.at), exchange),
            Self::Code(tree, _) | Self::Ledger(tree, _) => {
                (tree.exchange.as_ref().map_or(Moment(0), |row| row.intended), exchange)
            }
            Self::Lone(entry) => (fields::moment_of(entry), 0),
        }
    }

    /// When it was over; none for something that never was.
    pub(crate) fn end(self) -> Option<Moment> {
        match self {
            Self::Exchange(_, row) => row.intended.plus_micros(row.ended),
            Self::Attempt(..) => self.attempt().and_then(|held| held.row.arrived.plus_micros(held.row.ended)),
            Self::Event(..) | Self::Code(..) | Self::Ledger(..) | Self::Lone(_) => Some(self.order().0),
        }
    }

    /// How it ended.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Exchange(_, row) => row.outcome,
            Self::Attempt(..) => self.attempt().map_or(Outcome::Abandoned, |held| held.row.outcome),
            Self::Event(..) | Self::Code(..) | Self::Ledger(..) | Self::Lone(_) => Outcome::Complete,
        }
    }

    /// The tree that it stands in, if it stands in one.
    pub(crate) fn tree(self) -> Option<&'t OpenTree> {
        match self {
            Self::Exchange(tree, _)
            | Self::Attempt(tree, _)
            | Self::Event(tree, _)
            | Self::Code(tree, _)
            | Self::Ledger(tree, _) => Some(tree),
            Self::Lone(_) => None,
        }
    }

    /// The attempt, if it is one.
    pub(crate) fn attempt(self) -> Option<&'t HeldAttempt> {
        match self {
            Self::Attempt(tree, index) => tree.attempts.get(index),
            _ => None,
        }
    }

    /// The event, if it is one.
    pub(crate) fn event(self) -> Option<&'t EventSeen> {
        match self {
            Self::Event(tree, index) => tree.more()?.events.get(index),
            _ => None,
        }
    }

    /// Where it stands among the attempts of its tree, if it is one.
    pub(crate) fn index(self) -> Option<usize> {
        match self {
            Self::Attempt(_, index) => Some(index),
            _ => None,
        }
    }

    /// Whether it stands for a row that the ledger ought to have and lacks.
    pub(crate) fn is_lacking(self) -> bool {
        matches!(self, Self::Ledger(_, part) if part.is_lacking())
    }

    /// Whether a condition holds; one that is not there always does.
    pub(crate) fn satisfies(self, condition: Option<&Condition>, scene: &Scene<'_>, view: View) -> bool {
        condition.is_none_or(|condition| condition.tests.iter().all(|test| self.passes(test, scene, view)))
    }

    /// Whether it passes one test of a condition.
    pub(crate) fn passes(self, test: &FieldTest, scene: &Scene<'_>, view: View) -> bool {
        let holds = |left: FieldValue<'_>| {
            test.test.holds_with(left, &mut |operand| match operand {
                Operand::Field(field, _) => shortened(self.value(*field, scene, view)),
                Operand::Bound(name, _) => bound(name, test.field.kind(), scene.bounds),
                Operand::Literal(_) | Operand::Measured(..) => FieldValue::Missing,
            })
        };
        match self.looked_at(test.field, test.name.as_deref(), scene, view) {
            Looked::One(value) => holds(value),
            Looked::Several(values) if values.is_empty() => holds(FieldValue::Missing),
            // `not` means that none of them is.
            Looked::Several(values) if only_negates(&test.test) => {
                values.iter().all(|value| holds(value.value()))
            }
            Looked::Several(values) => values.iter().any(|value| holds(value.value())),
        }
    }

    /// What a field holds, or a header, label or path by its name.
    pub(crate) fn looked_at<'v>(
        self,
        field: Field,
        name: Option<&str>,
        scene: &'v Scene<'v>,
        view: View,
    ) -> Looked<'v>
    where
        't: 'v,
    {
        match (field, name) {
            (Field::Header, Some(name)) => Looked::Several(fields::headers(self, name)),
            (Field::Json, Some(path)) => Looked::Several(fields::json(self, path)),
            (Field::Label, Some(name)) => Looked::Several(fields::labels(self, name)),
            (Field::Carries, _) => Looked::Several(fields::carries(self)),
            (Field::Tag, _) => Looked::Several(fields::tags(self)),
            (Field::HeaderCount, Some(name)) => Looked::One(fields::header_count(self, name)),
            (field, _) => Looked::One(self.value(field, scene, view)),
        }
    }

    /// The value of a field.
    pub(crate) fn value<'v>(self, field: Field, scene: &'v Scene<'v>, view: View) -> FieldValue<'v>
    where
        't: 'v,
    {
        if field == Field::Body {
            return fields::body(self);
        }
        match self {
            Self::Exchange(tree, row) => fields::of_exchange(tree, row, field, scene, view),
            Self::Attempt(tree, index) => match tree.attempts.get(index) {
                Some(held) => fields::of_attempt(tree, index, held, field, scene, view),
                None => FieldValue::Missing,
            },
            Self::Event(tree, index) => fields::of_event(tree, index, field, scene, view),
            Self::Code(tree, block) => fields::of_code(tree, block, field, scene),
            Self::Ledger(tree, part) => fields::of_ledger(tree, part, field, scene),
            Self::Lone(entry) => fields::of_entry(entry, field, scene),
        }
    }

    /// Why the value of a field cannot be told from the evidence, if it cannot.
    pub(crate) fn unknown(self, field: Field, scene: &Scene<'_>) -> Option<&'static str> {
        fields::unknown(self, field, scene)
    }
}

/// A condition's values do not outlive the comparison.
fn shortened<'a>(value: FieldValue<'a>) -> FieldValue<'a> {
    value
}

fn only_negates(test: &Test) -> bool {
    test.comparisons.iter().all(|comparison| comparison.comparator == Comparator::Not)
}

/// A bound as a value that a field of this kind can be compared with. Bounds on durations are declared in seconds.
pub(crate) fn bound(name: &str, kind: FieldKind, bounds: &BTreeMap<String, f64>) -> FieldValue<'static> {
    match (bounds.get(name), kind) {
        (Some(seconds), FieldKind::Duration) => {
            Duration::try_from_secs_f64(*seconds).map_or(FieldValue::Missing, FieldValue::Duration)
        }
        (Some(number), _) => FieldValue::Measured(*number),
        (None, _) => FieldValue::Missing,
    }
}

/// Whether the lag of the harness can make a difference to a condition.
pub(crate) fn depends_on_lag(condition: &Condition) -> bool {
    fields_of(condition).any(lags)
}

/// Whether the lag of the harness can make a difference to a field.
pub(crate) fn lags(field: Field) -> bool {
    matches!(
        field,
        Field::Took
            | Field::Service
            | Field::FirstByte
            | Field::FirstContent
            | Field::PerToken
            | Field::Added
            | Field::CapacityIn
            | Field::Gap
            | Field::GapOfKey
            | Field::Cooling
            | Field::SinceLimited
            | Field::SinceFree
            | Field::Outlived
    )
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
