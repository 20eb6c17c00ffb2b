//! What a request says beside its model, as far as counting and booking need it.

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::ApiError;
use crate::edit::{Edit, place_of, present};

/// The particulars of one request.
#[derive(Debug)]
pub(super) struct Particulars {
    pub(super) stream: bool,
    /// Whether the client asked for usage at the end of a stream.
    pub(super) usage_wanted: bool,
    /// The most tokens that the answer may have, if the request says so.
    pub(super) max_output: Option<u64>,
    pub(super) booked: Booked,
    /// The edit that makes the provider tell its usage at the end of a stream.
    pub(super) ask_for_usage: Option<Edit>,
    /// The field of a response that needs earlier ones, or would be needed by later ones.
    pub(super) needs_memory: Option<&'static str>,
    /// The edit that keeps the provider from keeping a response.
    pub(super) keep_nothing: Option<Edit>,
}

/// What a request says of itself that the ledger keeps. None of it decides who pays.
#[derive(Debug, Default)]
pub(super) struct Booked {
    /// What the caller sent to find its request again.
    pub(super) caller_id: Option<String>,
    /// Whom the caller asks for.
    pub(super) end_user: Option<String>,
    /// What the request belongs to.
    pub(super) tags: Vec<String>,
    /// The end of the prompt, as far as the ledger keeps it.
    pub(super) prompt_end: Option<String>,
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
    /// Gemini has its limit here, and the conversation in `contents`.
    #[serde(default, borrow, rename = "generationConfig", deserialize_with = "present")]
    generation: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    max_output_tokens: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    store: Option<&'a RawValue>,
    #[serde(default, borrow)]
    previous_response_id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    conversation: Option<&'a RawValue>,
    #[serde(default, borrow)]
    background: Option<&'a RawValue>,
    /// The conversation, by the name that it has in each dialect.
    #[serde(default, borrow, alias = "contents", alias = "input", deserialize_with = "present")]
    messages: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generation {
    max_output_tokens: Option<u64>,
}

const CALLER_ID_HEADER: &str = "x-client-request-id";
const LONGEST_CALLER_ID: usize = 128;
const TAGS_HEADER: &str = "x-router-tags";
const LONGEST_TAG: usize = 64;
/// More tags than these are left out of the ledger.
const MOST_TAGS: usize = 16;
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
        let generation = || value(fields.generation).and_then(|of: Generation| of.max_output_tokens);
        let max_output = value(fields.max_completion_tokens)
            .or_else(|| value(fields.max_tokens))
            .or_else(|| value(fields.max_output_tokens))
            .or_else(generation);
        let ask_for_usage =
            (stream && !usage_wanted).then(|| ask_for_usage(text, fields.stream_options, options)).flatten();
        let booked = Booked::read(&fields, headers, keep);
        let (needs_memory, keep_nothing) = (needs_memory(&fields), keep_nothing(text, fields.store));
        Ok(Self { stream, usage_wanted, max_output, booked, ask_for_usage, needs_memory, keep_nothing })
    }
}

fn value<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn needs_memory(fields: &Fields<'_>) -> Option<&'static str> {
    let is_true = |raw| value(raw) == Some(true);
    [
        ("previous_response_id", fields.previous_response_id.is_some()),
        ("conversation", fields.conversation.is_some()),
        ("store", is_true(fields.store)),
        ("background", is_true(fields.background)),
    ]
    .into_iter()
    .find_map(|(field, needs)| needs.then_some(field))
}

/// Left to itself the provider would keep a response.
fn keep_nothing(text: &str, written: Option<&RawValue>) -> Option<Edit> {
    match written {
        Some(written) if written.get() != "null" => None,
        Some(null) => Some(Edit { place: place_of(null, text), text: "false".to_owned() }),
        None => {
            let end = text.rfind('}')?;
            Some(Edit { place: end..end, text: ",\"store\":false".to_owned() })
        }
    }
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
    Some(Edit { place: place_of(written, text), text: options })
}

impl Booked {
    fn read(fields: &Fields<'_>, headers: &HeaderMap, keep: usize) -> Self {
        let metadata: Map<String, Value> = value(fields.metadata).unwrap_or_default();
        let user = value(fields.user).or_else(|| metadata.get("user_id")?.as_str().map(str::to_owned));
        let end_user = user.map(|user: String| shortened(&user, LONGEST_CALLER_ID));
        let in_header = || headers.get(CALLER_ID_HEADER)?.to_str().ok();
        // The end user that the request names, or else the id that the client sent along.
        let caller_id = end_user.clone().or_else(|| Some(shortened(in_header()?, LONGEST_CALLER_ID)));
        let prompt_end = if keep > 0 { prompt_end(fields, keep) } else { None };
        Self { caller_id, end_user, tags: tags(&metadata, headers), prompt_end }
    }
}

/// The tags of the header and those of the metadata, as a list or with commas between them.
fn tags(metadata: &Map<String, Value>, headers: &HeaderMap) -> Vec<String> {
    let in_headers = headers.get_all(TAGS_HEADER).iter().filter_map(|value| value.to_str().ok());
    let written = metadata.get("tags");
    let listed = written.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let together = written.and_then(Value::as_str);
    let texts = in_headers.chain(together).flat_map(|text| text.split(','));
    let trimmed = texts.chain(listed).map(str::trim).filter(|tag| !tag.is_empty());
    trimmed.take(MOST_TAGS).map(|tag| shortened(tag, LONGEST_TAG)).collect()
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The last characters of the last text of the last message.
fn prompt_end(fields: &Fields<'_>, keep: usize) -> Option<String> {
    let last: Value = match value::<Value>(fields.messages)? {
        Value::Array(mut messages) => messages.pop()?,
        text => text,
    };
    let content = if last["parts"].is_array() { &last["parts"] } else { &last["content"] };
    let last_part = || content.as_array()?.iter().rev().find_map(|part| part["text"].as_str());
    let text = content.as_str().or_else(last_part).or(last.as_str())?;
    let skipped = text.chars().count().saturating_sub(keep);
    Some(text.chars().skip(skipped).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::edit::edited;

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
        let id = |text: String| Particulars::read(&Bytes::from(text), &headers, 0).unwrap().booked.caller_id;
        assert_eq!(id(r#"{"user":"u-1","metadata":{"user_id":"m-1"}}"#.to_owned()).as_deref(), Some("u-1"));
        assert_eq!(id(r#"{"metadata":{"user_id":"m-1"}}"#.to_owned()).as_deref(), Some("m-1"));
        assert_eq!(id(r#"{"user":7}"#.to_owned()).as_deref(), Some("h-1"));
        assert_eq!(id(format!(r#"{{"user":"{}"}}"#, "é".repeat(500))), Some("é".repeat(LONGEST_CALLER_ID)));
        assert_eq!(read("{}").booked.caller_id, None);
        let named = read(r#"{"metadata":{"user_id":"m-1"}}"#).booked;
        assert_eq!(named.end_user.as_deref(), Some("m-1"));
        let unnamed = Particulars::read(&Bytes::from_static(b"{}"), &headers, 0).unwrap().booked;
        assert_eq!((unnamed.caller_id.as_deref(), unnamed.end_user), (Some("h-1"), None));
    }

    #[test]
    fn tags_come_from_the_header_and_the_metadata_and_are_few_and_short() {
        let mut headers = HeaderMap::new();
        headers.insert(TAGS_HEADER, HeaderValue::from_static("a, b,,"));
        let tags = |text: &str| {
            let body = Bytes::from(format!("{{\"metadata\":{{\"tags\":{text}}}}}"));
            Particulars::read(&body, &headers, 0).unwrap().booked.tags
        };
        assert_eq!(tags(r#"["x,y", 7, "z"]"#), ["a", "b", "x,y", "z"]);
        assert_eq!(tags(r#""x, y""#), ["a", "b", "x", "y"]);
        assert_eq!(tags("7"), ["a", "b"]);
        let long = serde_json::to_string(&vec!["é".repeat(100); 100]).unwrap();
        let kept = tags(&long);
        assert_eq!((kept.len(), kept[2].chars().count()), (MOST_TAGS, LONGEST_TAG));
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
            assert_eq!(read(text).booked.prompt_end.as_deref(), expected, "{text}");
        }
        let none = Particulars::read(
            &Bytes::from_static(br#"{"messages":[{"content":"a"}]}"#),
            &HeaderMap::new(),
            0,
        );
        assert_eq!(none.unwrap().booked.prompt_end, None);
    }
}
