//! An error body: in whose words it is written, and what it says.

use serde_json::{Map, Value};

/// The shape of an error body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// There is no body.
    #[default]
    None,
    /// `{"error": {"message", "type", "param", "code"}}`; also what an event of the Responses API says of an error.
    Openai,
    /// `{"type": "error", "error": {"type", "message"}}`.
    Anthropic,
    /// `{"error": {"code", "message"}}`, where the code is a text.
    Azure,
    /// `{"error": {"message", "type", "code"}}`, where the code is a number.
    Vllm,
    /// `{"error": {"code", "message", "status"}}`.
    Gemini,
    /// `{"error": "message"}`.
    Ollama,
    /// JSON, but in the shape of no dialect.
    Json,
    /// An HTML page.
    Html,
    /// Something else.
    Other,
}

/// What an error body says. Where its shape is no dialect's, whatever can be found in the usual places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// In whose words it is written.
    pub shape: Shape,
    /// Its code: `rate_limit_exceeded`; for Gemini the status word, `RESOURCE_EXHAUSTED`; for Anthropic the code among the
    /// details, which errors of money and of growth have.
    pub code: Option<String>,
    /// Its type: `insufficient_quota`.
    pub kind: Option<String>,
    /// Its message.
    pub message: Option<String>,
}

impl ErrorBody {
    /// Reads a body. It is the body that decides, as it does for the official clients; the content type only tells an HTML
    /// page from other text.
    #[must_use]
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Self {
        let body = body.trim_ascii();
        if body.is_empty() {
            return Self::default();
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Self::read_object(&object),
            Ok(_) => Self::of_shape(Shape::Json),
            Err(_) if is_html(content_type, body) => Self::of_shape(Shape::Html),
            Err(_) => Self::of_shape(Shape::Other),
        }
    }

    /// What a report calls the error: its code, or its type where it has none.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.code.as_deref().or(self.kind.as_deref())
    }

    fn read_object(body: &Map<String, Value>) -> Self {
        let error = match body.get("error") {
            Some(Value::Object(error)) => error,
            Some(Value::String(message)) => {
                let shape = if message.is_empty() { Shape::Json } else { Shape::Ollama };
                return Self { message: word(&body["error"]), ..Self::of_shape(shape) };
            }
            _ => match body.get("response").and_then(|response| response.get("error")) {
                Some(Value::Object(error)) => error,
                _ => body,
            },
        };
        let event = is_event(body);
        let shape = if event { Shape::Openai } else { shape_of(body, error) };
        let code = match shape {
            Shape::Gemini => error.get("status"),
            Shape::Anthropic => error.get("details").and_then(error_code),
            _ => error.get("code"),
        };
        Self {
            shape,
            code: code.and_then(word),
            // The type of an event is its name.
            kind: error.get("type").filter(|_| !event || !std::ptr::eq(error, body)).and_then(word),
            message: error.get("message").and_then(word),
        }
    }

    fn of_shape(shape: Shape) -> Self {
        Self { shape, ..Self::default() }
    }
}

/// Whether the body is that of an event of the Responses API: only those have numbers.
fn is_event(body: &Map<String, Value>) -> bool {
    let kind = body.get("type").and_then(Value::as_str);
    body.contains_key("sequence_number") && matches!(kind, Some("error" | "response.failed"))
}

fn shape_of(body: &Map<String, Value>, error: &Map<String, Value>) -> Shape {
    let says = |field| error.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let enclosed = body.get("error").is_some_and(Value::is_object);
    if !enclosed || !says("message") {
        return Shape::Json;
    }
    if body.get("type").and_then(Value::as_str) == Some("error") {
        return if says("type") { Shape::Anthropic } else { Shape::Json };
    }
    if error.get("code").is_some_and(Value::is_u64) && says("status") {
        return Shape::Gemini;
    }
    let word_or_null = |field| error.get(field).is_none_or(|value| value.is_string() || value.is_null());
    if says("type") && error.get("code").is_some_and(Value::is_u64) {
        return Shape::Vllm;
    }
    if error.get("type").is_none_or(Value::is_null) && says("code") {
        return Shape::Azure;
    }
    let openai = says("type") && word_or_null("code") && word_or_null("param");
    if openai { Shape::Openai } else { Shape::Json }
}

/// The code among the details: an object, or one of a list.
fn error_code(details: &Value) -> Option<&Value> {
    let own = details.get("error_code");
    own.or_else(|| details.as_array()?.iter().find_map(|item| item.get("error_code")))
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_html(content_type: Option<&str>, body: &[u8]) -> bool {
    let begins =
        |text: &str| body.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()));
    content_type.is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/html"))
        || begins("<!doctype html")
        || begins("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_is_told_by_its_shape() {
        let cases = [
            ("", Shape::None, None),
            (" \r\n", Shape::None, None),
            (
                r#"{"error":{"message":"m","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
                Shape::Openai,
                Some("rate_limit_exceeded"),
            ),
            (
                r#"{"error":{"message":"m","type":"insufficient_quota","code":null}}"#,
                Shape::Openai,
                Some("insufficient_quota"),
            ),
            (r#"{"error":{"message":"","type":"t","code":"c"}}"#, Shape::Json, Some("c")),
            (r#"{"error":{"message":"m","code":"c"}}"#, Shape::Azure, Some("c")),
            (r#"{"error":{"message":"m","type":null,"code":"c"}}"#, Shape::Azure, Some("c")),
            (r#"{"error":{"message":"m","code":null}}"#, Shape::Json, None),
            (r#"{"error":{"message":"m","type":"t","code":429}}"#, Shape::Vllm, Some("429")),
            (
                r#"{"type":"error","code":"c","message":"m","param":null,"sequence_number":2}"#,
                Shape::Openai,
                Some("c"),
            ),
            (
                r#"{"type":"error","error":{"type":"t","code":"c","message":"m"},"sequence_number":2}"#,
                Shape::Openai,
                Some("c"),
            ),
            (
                r#"{"type":"response.failed","response":{"error":{"code":"c","message":"m"}},"sequence_number":2}"#,
                Shape::Openai,
                Some("c"),
            ),
            (r#"{"message":"m","type":"t","code":"c"}"#, Shape::Json, Some("c")),
            (r#"{"error":"too many requests"}"#, Shape::Ollama, None),
            (r#"{"error":""}"#, Shape::Json, None),
            (r#"{"detail":"not found"}"#, Shape::Json, None),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
                Shape::Anthropic,
                Some("overloaded_error"),
            ),
            (
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"c"}}}"#,
                Shape::Anthropic,
                Some("c"),
            ),
            (
                r#"{"type":"error","error":{"type":"t","message":"m","details":[{"x":1},{"error_code":"c"}]}}"#,
                Shape::Anthropic,
                Some("c"),
            ),
            (r#"{"type":"error","error":{"message":"m"}}"#, Shape::Json, None),
            (
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#,
                Shape::Gemini,
                Some("RESOURCE_EXHAUSTED"),
            ),
            ("[1]", Shape::Json, None),
            ("\"text\"", Shape::Json, None),
            ("<!DOCTYPE html><p>502", Shape::Html, None),
            ("  <HTML>", Shape::Html, None),
            ("upstream connect error", Shape::Other, None),
            (r#"{"error":{"message":"m","#, Shape::Other, None),
        ];
        for (body, shape, name) in cases {
            let error = ErrorBody::read(None, body.as_bytes());
            assert_eq!((error.shape, error.name()), (shape, name), "{body}");
        }
    }

    #[test]
    fn the_content_type_tells_a_page_from_other_text() {
        let shape = |kind| ErrorBody::read(Some(kind), b"Bad gateway").shape;
        assert_eq!(shape("text/html; charset=utf-8"), Shape::Html);
        assert_eq!(shape("text/plain"), Shape::Other);
        assert_eq!(shape("application/json"), Shape::Other);
    }

    #[test]
    fn the_message_is_read() {
        for body in
            [r#"{"error":{"message":"why","type":"t"}}"#, r#"{"error":"why"}"#, r#"{"message":"why"}"#]
        {
            assert_eq!(ErrorBody::read(None, body.as_bytes()).message.as_deref(), Some("why"), "{body}");
        }
    }

    #[test]
    fn no_bytes_are_too_much_for_the_reader() {
        let deep = "[".repeat(100_000);
        assert_eq!(ErrorBody::read(None, deep.as_bytes()).shape, Shape::Other);
        assert_eq!(ErrorBody::read(None, &[0xff, 0xfe, 0x00]).shape, Shape::Other);
    }
}
