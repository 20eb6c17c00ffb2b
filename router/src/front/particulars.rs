//! What a request says beside its model, as far as counting and booking need it.

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::ApiError;
use super::model_name::Edit;

/// The particulars of one request.
#[derive(Debug)]
pub(super) struct Particulars {
    pub(super) stream: bool,
    /// Whether the client asked for usage at the end of a stream.
    pub(super) usage_wanted: bool,
    /// The most tokens that the answer may have, if the request says so.
    pub(super) max_output: Option<u64>,
    /// What the caller sent to find its request again.
    pub(super) caller_id: Option<String>,
    /// The end of the prompt, as far as the ledger keeps it.
    pub(super) prompt_end: Option<String>,
    /// The edit that makes the provider tell its usage at the end of a stream.
    pub(super) ask_for_usage: Option<Edit>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    stream: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    stream_options: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    max_tokens: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    user: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    metadata: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    messages: Option<&'a RawValue>,
}

/// `null` is a field that is there: it has a place, and would otherwise be written a second time.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

const CALLER_ID_HEADER: &str = "x-client-request-id";
const LONGEST_CALLER_ID: usize = 128;
const USAGE_OPTION: &str = "include_usage";

impl Particulars {
    /// Reads a body that was found to be a JSON object. A field of a wrong type is for the provider to refuse.
    /// Of the prompt's end so many characters are kept.
    pub(super) fn read(body: &Bytes, headers: &HeaderMap, keep: usize) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|_| ApiError::bad_json("it is not UTF-8"))?;
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|error| ApiError::bad_json(&error.to_string()))?;
        let options: Map<String, Value> = value(fields.stream_options).unwrap_or_default();
        let stream = value(fields.stream).unwrap_or(false);
        let usage_wanted = options.get(USAGE_OPTION) == Some(&Value::Bool(true));
        let max_output = value(fields.max_completion_tokens).or_else(|| value(fields.max_tokens));
        let ask_for_usage =
            (stream && !usage_wanted).then(|| ask_for_usage(text, fields.stream_options, options)).flatten();
        let caller_id = caller_id(&fields, headers);
        let prompt_end = if keep > 0 { prompt_end(&fields, keep) } else { None };
        Ok(Self { stream, usage_wanted, max_output, caller_id, prompt_end, ask_for_usage })
    }
}

fn value<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Asks for usage and changes nothing else: other options stay, and options that cannot be read are left alone.
fn ask_for_usage(text: &str, written: Option<&RawValue>, mut options: Map<String, Value>) -> Option<Edit> {
    options.insert(USAGE_OPTION.to_owned(), Value::Bool(true));
    let options = Value::Object(options).to_string();
    let Some(written) = written else {
        // Behind the last field: there is one, since the model was found.
        let end = text.rfind('}')?;
        return Some(Edit { place: end..end, text: format!(",\"stream_options\":{options}") });
    };
    if !written.get().starts_with('{') && written.get() != "null" {
        return None;
    }
    // The raw value borrows from the body, so the distance of their addresses is its place.
    let start = written.get().as_ptr().addr() - text.as_ptr().addr();
    Some(Edit { place: start..start + written.get().len(), text: options })
}

/// The end user that the request names, or else the id that the client sent along.
fn caller_id(fields: &Fields<'_>, headers: &HeaderMap) -> Option<String> {
    let user: Option<String> = value(fields.user);
    let metadata: Option<Map<String, Value>> = value(fields.metadata);
    let in_metadata = || metadata?.get("user_id")?.as_str().map(str::to_owned);
    let in_header = || headers.get(CALLER_ID_HEADER)?.to_str().ok().map(str::to_owned);
    let mut id = user.or_else(in_metadata).or_else(in_header)?;
    if let Some((end, _)) = id.char_indices().nth(LONGEST_CALLER_ID) {
        id.truncate(end);
    }
    Some(id)
}

/// The last characters of the last text of the last message.
fn prompt_end(fields: &Fields<'_>, keep: usize) -> Option<String> {
    let messages: Vec<&RawValue> = value(fields.messages)?;
    let last: Value = value(messages.last().copied())?;
    let content = &last["content"];
    let last_part = || content.as_array()?.iter().rev().find_map(|part| part["text"].as_str());
    let text = content.as_str().or_else(last_part)?;
    let skipped = text.chars().count().saturating_sub(keep);
    Some(text.chars().skip(skipped).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::model_name::edited;
    use super::*;

    fn read(text: &'static str) -> Particulars {
        Particulars::read(&Bytes::from_static(text.as_bytes()), &HeaderMap::new(), 5).unwrap()
    }

    #[test]
    fn usage_is_asked_for_without_touching_any_other_byte() {
        let cases = [
            (
                r#"{"a": 1.10, "stream":true} "#,
                r#"{"a": 1.10, "stream":true,"stream_options":{"include_usage":true}} "#,
            ),
            (
                r#"{"stream":true,"stream_options":null,"b":2}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"b":2}"#,
            ),
            (
                r#"{"stream":true,"stream_options": {"x": 1,"include_usage":false}}"#,
                r#"{"stream":true,"stream_options": {"x":1,"include_usage":true}}"#,
            ),
            (r#"{"stream":true,"stream_options":7}"#, r#"{"stream":true,"stream_options":7}"#),
            (
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (r#"{"stream":false}"#, r#"{"stream":false}"#),
            (r#"{"m":"}"}"#, r#"{"m":"}"}"#),
        ];
        for (text, expected) in cases {
            let edits = read(text).ask_for_usage.into_iter().collect();
            assert_eq!(edited(&Bytes::from_static(text.as_bytes()), edits), expected);
        }
        assert!(read(r#"{"stream":true,"stream_options":{"include_usage":true}}"#).usage_wanted);
    }

    #[test]
    fn the_caller_is_known_by_what_it_says_of_itself_and_never_at_length() {
        let mut headers = HeaderMap::new();
        headers.insert(CALLER_ID_HEADER, HeaderValue::from_static("h-1"));
        let id = |text: String| Particulars::read(&Bytes::from(text), &headers, 0).unwrap().caller_id;
        assert_eq!(id(r#"{"user":"u-1","metadata":{"user_id":"m-1"}}"#.to_owned()).as_deref(), Some("u-1"));
        assert_eq!(id(r#"{"metadata":{"user_id":"m-1"}}"#.to_owned()).as_deref(), Some("m-1"));
        assert_eq!(id(r#"{"user":7}"#.to_owned()).as_deref(), Some("h-1"));
        assert_eq!(id(format!(r#"{{"user":"{}"}}"#, "é".repeat(500))), Some("é".repeat(LONGEST_CALLER_ID)));
        assert_eq!(read("{}").caller_id, None);
    }

    #[test]
    fn the_most_output_is_what_the_request_says() {
        assert_eq!(read(r#"{"max_tokens":5,"max_completion_tokens":7}"#).max_output, Some(7));
        assert_eq!(read(r#"{"max_tokens":5}"#).max_output, Some(5));
        assert_eq!(read(r#"{"max_tokens":"x"}"#).max_output, None);
    }

    #[test]
    fn of_a_prompt_only_its_end_is_kept() {
        let cases = [
            (r#"{"messages":[{"content":"first"},{"content":"the last é"}]}"#, Some("ast é")),
            (r#"{"messages":[{"content":[{"text":"a"},{"type":"image_url"}]}]}"#, Some("a")),
            (r#"{"messages":[]}"#, None),
            (r#"{"messages":7}"#, None),
            (r"{}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).prompt_end.as_deref(), expected, "{text}");
        }
        let none = Particulars::read(
            &Bytes::from_static(br#"{"messages":[{"content":"a"}]}"#),
            &HeaderMap::new(),
            0,
        );
        assert_eq!(none.unwrap().prompt_end, None);
    }
}
