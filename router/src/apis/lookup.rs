//! Asking an API whether it has done what it was asked for, when its reply was lost: by the caller's own name for it.

use std::fmt::Write as _;

use http::Method;
use http::uri::PathAndQuery;
use serde_json::Value;

use super::{ApiRequest, Effect};

/// Where the result of certain requests is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// Of which requests.
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) ask: Template,
}

/// A path with places for fields of the request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The names that lead to a field.
    Field(Vec<String>),
}

/// A longer name is not anybody's for an order.
const LONGEST_NAME: usize = 200;

impl Template {
    /// `/orders/{client_order_id}`. The problem, if it is none.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').ok_or("a `{` has no `}` behind it")?;
            let names: Vec<String> = name.split('.').map(str::to_owned).collect();
            if names.iter().any(|name| name.trim().is_empty() || name.contains('{')) {
                return Err("between `{` and `}` stands the name of a field, such as `{order.client_id}`");
            }
            pieces.extend([Piece::Text(before.to_owned()), Piece::Field(names)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self(pieces);
        if !template.0.iter().any(|piece| matches!(piece, Piece::Field(_))) {
            return Err("it names no field of the request, so it would find the same whatever was asked for");
        }
        let sample = template.filled(&|_| Some("x".to_owned()));
        let is_path = sample.as_deref().is_some_and(|path| path.starts_with('/'));
        let is_path = is_path && sample.is_some_and(|path| path.parse::<PathAndQuery>().is_ok());
        if is_path { Ok(template) } else { Err("not a path: write one such as `/orders/{client_order_id}`") }
    }

    fn filled(&self, value: &dyn Fn(&[String]) -> Option<String>) -> Option<String> {
        let mut path = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Field(names) => push_encoded(&value(names)?, &mut path),
            }
        }
        Some(path)
    }

    /// As it was written.
    pub(crate) fn shown(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(names) => format!("{{{}}}", names.join(".")),
        };
        self.0.iter().map(piece).collect()
    }
}

impl Lookup {
    /// Whether it is about a request.
    pub(super) fn is_for(&self, request: &ApiRequest) -> bool {
        let path = request.path.path().trim_end_matches('/');
        self.method == request.method && path == self.path.trim_end_matches('/')
    }

    /// What is asked to find the result of a request; nothing for one without a name of the caller's own.
    pub(super) fn question(&self, request: &ApiRequest) -> Option<ApiRequest> {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        let path = self.ask.filled(&|names| name_in(&body, names))?;
        let mut headers = request.headers.clone();
        headers.remove(http::header::CONTENT_TYPE);
        headers.remove(super::repeat::IDEMPOTENCY_KEY);
        Some(ApiRequest {
            method: Method::GET,
            path: path.parse().ok()?,
            headers,
            body: bytes::Bytes::new(),
            effect: Effect::None,
            timeout: request.timeout,
        })
    }
}

/// A name in a body: a text or a whole number. One that would lead to another path is none.
fn name_in(body: &Value, names: &[String]) -> Option<String> {
    let value = names.iter().try_fold(body, |value, name| value.get(name))?;
    let name = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    let is_name =
        !name.trim().is_empty() && name.len() <= LONGEST_NAME && !matches!(name.as_str(), "." | "..");
    is_name.then_some(name)
}

fn push_encoded(text: &str, path: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            write!(path, "%{byte:02X}").ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn order(body: &str) -> ApiRequest {
        ApiRequest {
            method: Method::POST,
            path: "/market/orders?x=1".parse().unwrap(),
            headers: HeaderMap::new(),
            body: bytes::Bytes::from(body.to_owned()),
            effect: Effect::EachTime,
            timeout: std::time::Duration::from_secs(1),
        }
    }

    fn lookup(ask: &str) -> Lookup {
        let ask = Template::read(ask).unwrap();
        Lookup { method: Method::POST, path: "/market/orders".to_owned(), ask }
    }

    #[test]
    fn a_request_is_looked_up_by_its_own_name() {
        let asked = |ask: &str, body: &str| Some(lookup(ask).question(&order(body))?.path.to_string());
        let cases = [
            ("/orders/{id}", r#"{"id":"a-1"}"#, Some("/orders/a-1")),
            ("/orders/{id}", r#"{"id":77}"#, Some("/orders/77")),
            (
                "/orders?by={order.id}&of={who}",
                r#"{"order":{"id":"a b"},"who":"é/?"}"#,
                Some("/orders?by=a%20b&of=%C3%A9%2F%3F"),
            ),
            ("/orders/{id}", r#"{"id":"../admin"}"#, Some("/orders/..%2Fadmin")),
            ("/orders/{id}", r#"{"id":".."}"#, None),
            ("/orders/{id}", r#"{"id":""}"#, None),
            ("/orders/{id}", r#"{"id":null}"#, None),
            ("/orders/{id}", r#"{"id":1.5}"#, None),
            ("/orders/{id}", r#"{"other":"a"}"#, None),
            ("/orders/{id}", "<order/>", None),
        ];
        for (ask, body, expected) in cases {
            assert_eq!(asked(ask, body).as_deref(), expected, "{ask} {body}");
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST_NAME + 1));
        assert_eq!(asked("/orders/{id}", &long), None);
    }

    #[test]
    fn it_is_about_one_method_and_one_path() {
        let lookup = lookup("/orders/{id}");
        assert!(lookup.is_for(&order("{}")));
        let other =
            |method: Method, path: &str| ApiRequest { method, path: path.parse().unwrap(), ..order("{}") };
        assert!(lookup.is_for(&other(Method::POST, "/market/orders/")));
        assert!(!lookup.is_for(&other(Method::PUT, "/market/orders")));
        assert!(!lookup.is_for(&other(Method::POST, "/market/orders/7")));
    }

    #[test]
    fn a_template_that_cannot_work_is_told() {
        for (text, expected) in [
            ("/orders", "names no field"),
            ("orders/{id}", "not a path"),
            ("/orders/{id", "has no `}`"),
            ("/orders/{}", "stands the name of a field"),
            ("/orders/{a..b}", "stands the name of a field"),
            ("/orders /{id}", "not a path"),
        ] {
            let problem = Template::read(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        assert_eq!(Template::read("/o/{a.b}/x").unwrap().shown(), "/o/{a.b}/x");
    }
}
