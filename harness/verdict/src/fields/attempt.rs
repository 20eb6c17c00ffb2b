//! The fields of attempts.

use std::time::Duration;

use record::{AttemptRow, Joined, NOT_REACHED, NameId, Outcome};
use scenario::{Field, FieldValue};

use crate::delivered::scripted_text;
use crate::fields::{hint, number, of_told, status, text};
use crate::names::TrafficKind;
use crate::scene::{Scene, View};
use crate::tree::{HeldAttempt, OpenTree};

pub(crate) fn of_attempt<'v>(
    tree: &'v OpenTree,
    index: usize,
    held: &HeldAttempt,
    field: Field,
    scene: &'v Scene<'v>,
    view: View,
) -> FieldValue<'v> {
    let row = &held.row;
    let exchange = tree.exchange.as_ref();
    let traffic = exchange.map_or(NameId::NONE, |exchange| exchange.traffic);
    let joined = held.is_joined();
    match field {
        Field::Step => scene.traffic(traffic, TrafficKind::Step),
        Field::Phase => scene.traffic(traffic, TrafficKind::Phase),
        Field::Request => exchange.map_or(FieldValue::Missing, |exchange| scene.text(exchange.request)),
        Field::Tenant => exchange.map_or(FieldValue::Missing, |exchange| scene.text(exchange.tenant)),
        Field::Model => scene.text(row.model),
        Field::Status => status(row.status),
        Field::Outcome => FieldValue::Text(Outcome::word(row.outcome)),
        Field::Error => scene.text(row.error),
        Field::At => scene.since_start(row.arrived),
        Field::Took if row.ended == NOT_REACHED => FieldValue::Missing,
        Field::Took => scene.timed(row.arrived, row.end(), view),
        Field::Hint => hint(row.hint_ms),
        Field::Stream => FieldValue::Flag(row.streamed),
        Field::Exchange if joined => number(row.exchange.0),
        Field::Upstream => scene.text(row.upstream),
        Field::Key => scene.text(row.key),
        Field::NthUsed => scene.key_order.place(row).map_or(FieldValue::Missing, FieldValue::Number),
        Field::Nth => scene.arrivals.place(row).map_or(FieldValue::Missing, number),
        Field::Script => scene.text(row.script),
        Field::Ordinal if joined => number(index + 1),
        Field::Gap => {
            let before = index.checked_sub(1).and_then(|before| tree.attempts.get(before));
            since_end(before, row, scene, view)
        }
        Field::GapOfKey => {
            let same = |before: &&HeldAttempt| {
                row.key.is_some() && (before.row.upstream, before.row.key) == (row.upstream, row.key)
            };
            since_end(tree.attempts[..index].iter().rev().find(same), row, scene, view)
        }
        Field::Cooling => FieldValue::Flag(scene.is_cooling(held, view)),
        Field::SinceLimited => {
            held.past.limited.map_or(FieldValue::Missing, |limited| scene.timed(limited, row.arrived, view))
        }
        Field::SinceFree => {
            held.past.waited.map_or(FieldValue::Missing, |waited| scene.since_free(waited, row.arrived, view))
        }
        Field::Probing => FieldValue::Flag(held.past.probing),
        Field::AfterContent => FieldValue::Flag(came_after_content(tree, held)),
        Field::Serving => FieldValue::Flag(tree.serving() == Some(index)),
        Field::Outlived => outlived(tree, held, scene, view),
        Field::Method => request_line(tree, held).map_or(FieldValue::Missing, |(method, _)| text(method)),
        Field::Path => request_line(tree, held).map_or(FieldValue::Missing, |(_, path)| text(path)),
        Field::SameBody => {
            let first = tree.attempts.first().map(|first| first.row.body_hash);
            FieldValue::Flag(first == Some(row.body_hash))
        }
        Field::ScriptedText => scripted_text(tree, scene),
        Field::ToldRequestId => of_told(tree, field, scene),
        Field::InputTokens => number(row.input_tokens),
        Field::OutputTokens => number(row.output_tokens),
        Field::Joined => FieldValue::Flag(row.joined == Joined::Exchange && joined),
        _ => FieldValue::Missing,
    }
}

/// How long after an earlier attempt of its exchange one arrived. What never ended was still open, as one that ended later was.
fn since_end(
    before: Option<&HeldAttempt>,
    row: &AttemptRow,
    scene: &Scene<'_>,
    view: View,
) -> FieldValue<'static> {
    match before {
        Some(before) if before.row.ended == NOT_REACHED => FieldValue::Duration(Duration::ZERO),
        Some(before) => scene.timed(before.row.end(), row.arrived, view),
        None => FieldValue::Missing,
    }
}

/// The method and the path of an attempt's request, without its query.
fn request_line<'t>(tree: &'t OpenTree, held: &HeldAttempt) -> Option<(&'t str, &'t str)> {
    let mut words = tree.request_of(held)?.line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    Some((method, target.split('?').next().unwrap_or(target)))
}

/// Whether the client had content of this exchange before the attempt began.
fn came_after_content(tree: &OpenTree, held: &HeldAttempt) -> bool {
    let content = tree.exchange.as_ref().and_then(|row| row.intended.plus_micros(row.first_content));
    content.is_some_and(|content| content < held.row.arrived)
}

/// How long the attempt went on after its client had left. One that never ended went on as long as anything was seen.
fn outlived(tree: &OpenTree, held: &HeldAttempt, scene: &Scene<'_>, view: View) -> FieldValue<'static> {
    let Some(left) = tree.left() else { return FieldValue::Missing };
    let ended = if held.row.ended == NOT_REACHED { scene.timetable.over() } else { Some(held.row.end()) };
    match ended {
        Some(ended) if ended > left => scene.timed(left.max(held.row.arrived), ended, view),
        Some(_) => FieldValue::Duration(Duration::ZERO),
        None => FieldValue::Missing,
    }
}
