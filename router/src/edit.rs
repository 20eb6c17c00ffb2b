//! Changes a few places of a body, and leaves every other byte as it is.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One place of a body, and what stands there instead.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) place: Range<usize>,
    pub(crate) text: String,
}

/// The same body with a few places changed, none of which overlap.
pub(crate) fn edited(body: &Bytes, mut edits: Vec<Edit>) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|edit| edit.place.start);
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut patched = BytesMut::with_capacity(body.len() + added);
    let mut copied = 0;
    for Edit { place, text } in edits {
        patched.extend_from_slice(&body[copied..place.start]);
        patched.extend_from_slice(text.as_bytes());
        copied = place.end;
    }
    patched.extend_from_slice(&body[copied..]);
    patched.freeze()
}

/// Where a value stands in the text that it was read from. It borrows from it, so the distance of their addresses is its
/// place.
pub(crate) fn place_of(value: &RawValue, text: &str) -> Range<usize> {
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + value.get().len()
}

/// `null` is a field that is there: it has a place, and would otherwise be written a second time.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
