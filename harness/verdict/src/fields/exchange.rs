//! The fields of exchanges.

use std::time::Duration;

use record::{ErrorShape, EventKind, ExchangeRow, FinishWord, NOT_REACHED, Outcome};
use scenario::{Field, FieldValue};

use crate::delivered::{delivered_tokens, delivered_tools, said, scripted_text};
use crate::fields::{hint, number, of_told, status};
use crate::names::TrafficKind;
use crate::scene::{Scene, View};
use crate::tree::OpenTree;

pub(crate) fn of_exchange<'v>(
    tree: &'v OpenTree,
    row: &ExchangeRow,
    field: Field,
    scene: &'v Scene<'v>,
    view: View,
) -> FieldValue<'v> {
    let timed = |from: u32, to: u32| {
        let (from, to) = (row.intended.plus_micros(from), row.intended.plus_micros(to));
        from.zip(to).map_or(FieldValue::Missing, |(from, to)| scene.timed(from, to, view))
    };
    let serving = || tree.serving().and_then(|index| tree.attempts.get(index));
    match field {
        Field::Step => scene.traffic(row.traffic, TrafficKind::Step),
        Field::Phase => scene.traffic(row.traffic, TrafficKind::Phase),
        Field::Request => scene.text(row.request),
        Field::Model => scene.text(row.model),
        Field::Tenant => scene.text(row.tenant),
        Field::Instance => number(row.instance.max(1)),
        Field::Status => status(row.status),
        Field::Outcome => FieldValue::Text(Outcome::word(row.outcome)),
        Field::Error => scene.text(row.error),
        Field::ErrorShape => FieldValue::Text(ErrorShape::word(row.error_shape)),
        Field::At => scene.since_start(row.intended),
        Field::Took => timed(0, row.ended),
        Field::Service => timed(row.sent, row.ended),
        Field::FirstByte => timed(0, row.head),
        Field::FirstContent => timed(0, row.first_content),
        Field::PerToken => per_token(tree, row, scene, view),
        Field::Added => added(tree, row, scene, view),
        Field::Hint => hint(row.hint_ms),
        Field::LastHint => tree.attempts.last().map_or(FieldValue::Missing, |held| hint(held.row.hint_ms)),
        Field::CapacityIn => tree
            .first_free
            .map_or(FieldValue::Missing, |asked| FieldValue::Duration(scene.free_in(asked, row, view))),
        Field::Attempts => number(tree.attempts.len()),
        Field::Stream => FieldValue::Flag(row.streamed),
        Field::Terminated => FieldValue::Flag(row.terminated),
        Field::Contents => number(row.contents),
        Field::ScriptedText => scripted_text(tree, scene),
        Field::Finish => {
            said(tree, row).map_or(FieldValue::Missing, |said| FieldValue::Text(finish(said.finish)))
        }
        Field::ToolCalls => said(tree, row).map_or(FieldValue::Missing, |said| number(said.calls)),
        Field::ScriptedTools => delivered_tools(tree, scene)
            .map_or(FieldValue::Missing, |delivered| FieldValue::Text(delivered.word())),
        Field::ToldUpstream
        | Field::ToldKey
        | Field::ToldCost
        | Field::ToldAttempts
        | Field::ToldRequestId => of_told(tree, field, scene),
        Field::DeliveredTokens => delivered_tokens(tree, scene).map_or(FieldValue::Missing, number),
        Field::Bytes => FieldValue::Size(u64::from(row.bytes)),
        Field::ForeignId => FieldValue::Flag(row.foreign),
        Field::Exchange => number(row.id.0),
        Field::Upstream => serving().map_or(FieldValue::Missing, |held| scene.text(held.row.upstream)),
        Field::Text => {
            let text = tree.more().and_then(|more| more.text.as_ref());
            text.map_or(FieldValue::Missing, |text| FieldValue::Text(&text.text))
        }
        _ => FieldValue::Missing,
    }
}

/// From the first content to the last, for each token behind the first; none of fewer than two, or of events that were not kept.
fn per_token(tree: &OpenTree, row: &ExchangeRow, scene: &Scene<'_>, view: View) -> FieldValue<'static> {
    let tokens = if row.output_tokens == NOT_REACHED { row.contents } else { row.output_tokens };
    let events = tree.more().map_or(&[][..], |more| &more.events);
    let mut contents = events.iter().filter(|event| event.kind == EventKind::Content);
    let (Some(first), behind) = (contents.next(), tokens.saturating_sub(1)) else {
        return FieldValue::Missing;
    };
    match (contents.next_back(), behind) {
        (Some(last), 1..) => match scene.timed(first.at, last.at, view) {
            FieldValue::Duration(all) => FieldValue::Duration(all / behind),
            other => other,
        },
        _ => FieldValue::Missing,
    }
}

fn finish(word: Option<FinishWord>) -> &'static str {
    match word {
        Some(FinishWord::Stop) => "stop",
        Some(FinishWord::Length) => "length",
        Some(FinishWord::Tool) => "tool",
        Some(FinishWord::Filtered) => "filtered",
        Some(FinishWord::Other) => "other",
        None => "none",
    }
}

/// What the target added: what an exchange took from its send, less what its serving attempt took.
fn added(tree: &OpenTree, row: &ExchangeRow, scene: &Scene<'_>, view: View) -> FieldValue<'static> {
    let serving = tree.serving().and_then(|index| tree.attempts.get(index));
    let Some(held) = serving.filter(|held| held.row.ended != NOT_REACHED) else { return FieldValue::Missing };
    let (Some(sent), true) = (row.intended.plus_micros(row.sent), row.ended != NOT_REACHED) else {
        return FieldValue::Missing;
    };
    let there = Duration::from_micros(held.row.ended.into());
    match scene.timed(sent, row.end(), view) {
        FieldValue::Duration(all) => FieldValue::Duration(all.saturating_sub(there)),
        other => other,
    }
}
