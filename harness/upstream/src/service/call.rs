//! What a service is asked to do: a request, with what of its path lies below a resource.

use std::time::Duration;

use http::{HeaderName, Method, request};
use serde_json::{Map, Value};

use crate::service::answer::Refusal;
use crate::service::upload::TakenIn;

/// A request to a resource.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// The parts of the path below that of the resource.
    pub(crate) below: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    head: &'a request::Parts,
    pub(crate) body: &'a [u8],
    /// The file that was sent, for a request that sent one.
    pub(crate) upload: Option<TakenIn>,
}

/// Nobody waits longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl<'a> Call<'a> {
    /// A request whose path begins with so many parts that lead to the resource.
    pub(crate) fn new(head: &'a request::Parts, body: &'a [u8], above: usize) -> Self {
        // A service answers HEAD as it answers GET, and hyper leaves the body out.
        let method = if head.method == Method::HEAD { Method::GET } else { head.method.clone() };
        let below = segments(head.uri.path()).skip(above).map(decoded).collect();
        let query = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = query.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        });
        Self { method, below, query: query.collect(), head, body, upload: None }
    }

    /// The parts of the path below that of the resource, to be matched.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.below.iter().map(String::as_str).collect()
    }

    /// A header, as far as it is a text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.body).map_err(|why| Refusal::unfit(format!("the body is no JSON: {why}")))
    }

    /// The body as a map.
    pub(crate) fn map(&self) -> Result<Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(map) => Ok(map),
            _ => Err(Refusal::unfit("the body is no map")),
        }
    }

    /// The body as a map; an empty one where there is no body.
    pub(crate) fn map_if_any(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() { Ok(Map::new()) } else { self.map() }
    }

    /// How long the caller would wait for what is not there now: `?wait=500ms`.
    pub(crate) fn wait(&self) -> Result<Duration, Refusal> {
        let Some((_, wait)) = self.query.iter().find(|(name, _)| name == "wait") else {
            return Ok(Duration::ZERO);
        };
        let read = |digits: &str, unit: fn(u64) -> Duration| digits.parse().ok().map(unit);
        let wait = match (wait.strip_suffix("ms"), wait.strip_suffix('s')) {
            (Some(digits), _) => read(digits, Duration::from_millis),
            (None, Some(digits)) => read(digits, Duration::from_secs),
            (None, None) => None,
        };
        let wait = wait.ok_or_else(|| Refusal::unfit("`wait` is no time such as 500ms or 2s"))?;
        Ok(wait.min(LONGEST_WAIT))
    }
}

/// The parts of a path. A slash at the end is none.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/')
}

/// A text without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(target: &str) -> request::Parts {
        Request::get(target).body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_path_and_a_query_are_taken_apart() {
        let head = head("/v1/tasks/a%20b/events/?state=in+work&x=%zz&flag");
        let call = Call::new(&head, b"", 2);
        assert_eq!(call.path(), ["a b", "events"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(call.query, [pair("state", "in work"), pair("x", "%zz"), pair("flag", "")]);
    }

    #[test]
    fn a_wait_is_a_time_and_has_an_end() {
        for (query, expected) in [
            ("", Some(Duration::ZERO)),
            ("?wait=500ms", Some(Duration::from_millis(500))),
            ("?wait=2s", Some(Duration::from_secs(2))),
            ("?wait=999999s", Some(LONGEST_WAIT)),
            ("?wait=soon", None),
            ("?wait=s", None),
        ] {
            let head = head(&format!("/slots{query}"));
            assert_eq!(Call::new(&head, b"", 1).wait().ok(), expected, "{query}");
        }
    }
}
