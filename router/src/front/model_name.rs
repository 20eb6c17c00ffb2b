//! Finds the model's name in a request, and replaces it without touching any other byte.

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::ApiError;
use crate::edit::{Edit, place_of};

/// The model that a request asks for, and where its name stands.
#[derive(Debug)]
pub(super) struct RequestedModel {
    name: String,
    /// Absent where the address names it.
    place: Option<Range<usize>>,
}

/// Only the model is looked at; the rest is checked to be JSON and stays as it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
}

impl RequestedModel {
    pub(super) fn find(body: &Bytes) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|_| ApiError::bad_json("it is not UTF-8"))?;
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(ApiError::bad_json("it is not a JSON object"));
        }
        let envelope: Envelope<'_> =
            serde_json::from_str(text).map_err(|error| ApiError::bad_json(&error.to_string()))?;
        let Some(raw) = envelope.model else {
            return Err(ApiError::bad_model("the field `model` is missing"));
        };
        let name: String = serde_json::from_str(raw.get())
            .map_err(|_| ApiError::bad_model("the field `model` is not a text"))?;
        Ok(Self { name, place: Some(place_of(raw, text)) })
    }

    /// One that the address names.
    pub(super) fn addressed(name: String) -> Self {
        Self { name, place: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl RequestedModel {
    /// The edit that gives the model another name, where the body has one.
    pub(super) fn renamed(&self, name: &str) -> Option<Edit> {
        let place = self.place.clone().filter(|_| self.name != name)?;
        Some(Edit { place, text: serde_json::Value::from(name).to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::edited;

    #[test]
    fn only_the_name_is_replaced() {
        let body = Bytes::from_static(
            br#" {"x": [12345678901234567890, 1.10, "\u00e9", {"model":"inner"}], "model" : "ch\u0061t" ,"y":null}"#,
        );
        let requested = RequestedModel::find(&body).unwrap();
        assert_eq!(requested.name(), "chat");
        assert_eq!(
            edited(&body, requested.renamed("gpt \"4\"").into_iter().collect()),
            &br#" {"x": [12345678901234567890, 1.10, "\u00e9", {"model":"inner"}], "model" : "gpt \"4\"" ,"y":null}"#[..]
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let deep = "[".repeat(100_000);
        let cases: [&[u8]; 10] = [
            b"",
            b"[]",
            b"[\"chat\"]",
            b"null",
            b"{}",
            b"{\"model\":1}",
            b"{\"model\":\"a\"",
            b"{\"model\":\"a\",\"model\":\"b\"}",
            b"{\"model\":\"\xff\"}",
            deep.as_bytes(),
        ];
        for case in cases {
            let refused = RequestedModel::find(&Bytes::copy_from_slice(case)).unwrap_err();
            assert_eq!(refused.status().as_u16(), 400);
        }
        let nested = format!("{{\"model\":\"a\",\"x\":{deep}");
        assert!(RequestedModel::find(&Bytes::from(nested)).is_err());
    }
}
