//! The fields of events of streams.

use record::EventKind;
use scenario::{Field, FieldValue};

use crate::fields::{number, text};
use crate::names::TrafficKind;
use crate::scene::{Scene, View};
use crate::tree::OpenTree;

pub(crate) fn of_event<'v>(
    tree: &'v OpenTree,
    index: usize,
    field: Field,
    scene: &'v Scene<'v>,
    view: View,
) -> FieldValue<'v> {
    let Some((more, event)) = tree.more().and_then(|more| Some((more, more.events.get(index)?))) else {
        return FieldValue::Missing;
    };
    let exchange = tree.exchange.as_ref();
    match field {
        Field::Step => {
            exchange.map_or(FieldValue::Missing, |row| scene.traffic(row.traffic, TrafficKind::Step))
        }
        Field::Phase => {
            exchange.map_or(FieldValue::Missing, |row| scene.traffic(row.traffic, TrafficKind::Phase))
        }
        Field::Request => exchange.map_or(FieldValue::Missing, |row| scene.text(row.request)),
        Field::Tenant => exchange.map_or(FieldValue::Missing, |row| scene.text(row.tenant)),
        Field::Exchange => number(event.exchange.0),
        Field::At => scene.since_start(event.at),
        Field::Gap => match index.checked_sub(1).and_then(|before| more.events.get(before)) {
            Some(before) => scene.timed(before.at, event.at, view),
            None => FieldValue::Missing,
        },
        Field::Name => text(&event.name),
        Field::Kind => FieldValue::Text(kind(event.kind)),
        Field::Index => number(event.index),
        Field::Text => FieldValue::Text(&event.data),
        _ => FieldValue::Missing,
    }
}

fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Content => "content",
        EventKind::Usage => "usage",
        EventKind::Finish => "finish",
        EventKind::Error => "error",
        EventKind::Ping => "ping",
        EventKind::End => "end",
        EventKind::Other => "other",
    }
}
