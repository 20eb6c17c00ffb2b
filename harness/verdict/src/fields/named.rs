//! Fields of which a row has any number: headers, values in JSON bodies, labels, what is carried.

use record::{Entry, Sample, Side};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::row::Row;
use crate::several::Scalar;

/// The message whose head and body the fields of a row are taken from.
pub(crate) fn message(row: Row<'_>) -> Option<&Sample> {
    match row {
        Row::Exchange(tree, _) => tree.more()?.got.as_ref(),
        Row::Attempt(tree, index) => tree.request_of(tree.attempts.get(index)?),
        _ => None,
    }
}

pub(crate) fn headers(row: Row<'_>, name: &str) -> Vec<Scalar> {
    let head = message(row).map_or(&[][..], |sample| &sample.head);
    let named = head.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| Scalar::Text(value.clone())).collect()
}

/// What a path leads to; nothing in a body that is no JSON.
pub(crate) fn json(row: Row<'_>, path: &str) -> Vec<Scalar> {
    let text = match row.event() {
        Some(event) => Some(event.data.as_str()),
        None => message(row).map(|sample| sample.body.as_str()),
    };
    let body: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    match (body, JsonPath::parse(path)) {
        (Some(body), Ok(path)) => path.query(&body).all().into_iter().map(Scalar::of).collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn labels(row: Row<'_>, name: &str) -> Vec<Scalar> {
    match row {
        Row::Lone(Entry::Metric(metric)) => {
            let named = metric.labels.iter().filter(|(known, _)| known == name);
            named.map(|(_, value)| Scalar::Text(value.clone())).collect()
        }
        _ => Vec::new(),
    }
}

/// What a message carries that does not belong there.
pub(crate) fn carries(row: Row<'_>) -> Vec<Scalar> {
    let carried = row.tree().and_then(|tree| tree.more()).map_or(&[][..], |more| &more.carried);
    let belongs = |side: Side, arrived| match row {
        Row::Exchange(..) => side == Side::ClientGot,
        Row::Attempt(..) => {
            side == Side::UpstreamGot && row.attempt().map(|held| held.row.arrived) == arrived
        }
        _ => false,
    };
    let own = carried.iter().filter(|carried| belongs(carried.side, carried.arrived));
    own.flat_map(|carried| &carried.what).cloned().map(Scalar::Text).collect()
}
