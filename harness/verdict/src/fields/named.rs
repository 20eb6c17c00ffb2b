//! Fields of which a row has any number: headers, values in JSON bodies, labels, what is carried.

use record::{Entry, EventKind, Sample, Side};
use scenario::FieldValue;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::fields::number;
use crate::row::Row;
use crate::several::Scalar;
use crate::tree::OpenTree;

/// The message whose head and body the fields of a row are taken from.
pub(crate) fn message<'t>(row: Row<'t>) -> Option<&'t Sample> {
    match row {
        Row::Exchange(tree, _) => tree.more()?.got.as_ref(),
        Row::Attempt(tree, index) => tree.request_of(tree.attempts.get(index)?),
        _ => None,
    }
}

pub(crate) fn headers(row: Row<'_>, name: &str) -> Vec<Scalar> {
    let head = message(row).map_or(&[][..], |sample| &sample.head);
    let named = head.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| Scalar::Header(value.clone())).collect()
}

/// How many headers a message has of a name; nothing where there was no message.
pub(crate) fn header_count(row: Row<'_>, name: &str) -> FieldValue<'static> {
    message(row).map_or(FieldValue::Missing, |sample| {
        number(sample.head.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count())
    })
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

/// The body of a row's message; none where there was no message.
pub(crate) fn body(row: Row<'_>) -> FieldValue<'_> {
    message(row).map_or(FieldValue::Missing, |sample| FieldValue::Text(&sample.body))
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
    if let Some(text) = written(row) {
        return secrets_in(text).chain(spread(row)).map(|what| Scalar::Text(what.to_owned())).collect();
    }
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

/// Where a message carries something: in which header, in the body.
pub(crate) fn carried_in(row: Row<'_>, what: &str) -> Vec<String> {
    let (Some(sample), label) = (message(row), format!("<{what}>")) else { return Vec::new() };
    let in_head = |(name, value): &&(String, String)| name.contains(&label) || value.contains(&label);
    let mut places: Vec<String> =
        sample.head.iter().filter(in_head).map(|(name, _)| format!("header `{name}`")).collect();
    places.dedup();
    for (text, place) in [(&sample.line, "the request line"), (&sample.body, "the body")] {
        if text.contains(&label) {
            places.push(place.to_owned());
        }
    }
    places
}

/// The tags of a row of the ledger.
pub(crate) fn tags(row: Row<'_>) -> Vec<Scalar> {
    match row {
        Row::Ledger(_, part) => part.tags().iter().cloned().map(Scalar::Text).collect(),
        _ => Vec::new(),
    }
}

/// What is spread over several events of an answer: each event of its text carries it.
fn spread<'t>(row: Row<'t>) -> impl Iterator<Item = &'t str> {
    let is_content = row.event().is_some_and(|event| event.kind == EventKind::Content);
    let more = row.tree().filter(|_| is_content).and_then(OpenTree::more);
    more.into_iter().flat_map(|more| &more.spread).map(String::as_str)
}

/// What a target wrote that is no message to a client or an upstream.
fn written(row: Row<'_>) -> Option<&str> {
    match row {
        Row::Lone(Entry::Log { line, .. }) => Some(line),
        Row::Lone(Entry::File(file)) => Some(file.text.as_deref().unwrap_or_default()),
        Row::Lone(Entry::Ran(ran)) => Some(&ran.output),
        Row::Event(..) => row.event().map(|event| event.data.as_str()),
        _ => None,
    }
}

/// The secrets of a text by their names. No secret stands in the evidence: the name stands in its place, `<key openai/first>`.
pub(crate) fn secrets_in(text: &str) -> impl Iterator<Item = &str> {
    let named = text.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(name, _)| name);
    named.filter(|name| *name == "admin key" || name.starts_with("key ") || name.starts_with("tenant "))
}
