//! What services do with requests, at moments that the tests name.

mod items;
mod jobs;
mod slots;

use http::Request;
use scenario::{Entry, Node, Read, Span};
use serde_json::{Value, json};

use super::*;

/// A service, and the moment at which it is asked.
struct Stage {
    service: Service,
    now: Moment,
}

/// What a service said.
#[derive(Debug)]
struct Said {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Stage {
    fn new(resources: &Value) -> Self {
        Self::with(resources, &[])
    }

    fn with(resources: &Value, defects: &[ServiceDefect]) -> Self {
        let settings = json!({ "dialect": "rest", "resources": resources });
        let mut problems = Vec::new();
        let settings = scenario::Upstream::read(&node(&settings), &mut problems);
        assert_eq!(problems, []);
        let defects = Defects::new(defects, None);
        let draws = |place: &str| DrawSource::new(7, "main", Some(place));
        let begin = (Moment(0), Duration::from_secs(1_700_000_000));
        let service = Service::new(&settings.unwrap(), &defects, begin, draws).unwrap();
        Self { service, now: Moment(0) }
    }

    /// So many milliseconds go by.
    fn wait(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
    }

    /// Asks without a wait: `POST /tasks` with a body, if that is not null, and headers.
    fn ask_with(&self, line: &str, headers: &[(&str, &str)], body: &Value) -> Said {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (method, target) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let outcome = match self.service.index(&head) {
            Some(index) => {
                let mut call = Call::new(&head, body.as_bytes(), self.service.paths[index].len());
                self.service.act(index, &mut call, self.now)
            }
            None => Err(Refusal::unknown("such path")),
        };
        let Answer { status, headers, body } = self.service.told(outcome);
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = match body {
            AnswerBody::Json(body) | AnswerBody::Bytes(body) => serde_json::from_slice(&body).unwrap(),
            AnswerBody::Nothing | AnswerBody::File(_) => Value::Null,
        };
        Said { status, headers, body }
    }

    fn ask(&self, line: &str, body: &Value) -> Said {
        self.ask_with(line, &[], body)
    }

    fn get(&self, target: &str) -> Value {
        self.ask(&format!("GET {target}"), &Value::Null).body
    }

    fn status(&self, line: &str, body: &Value) -> u16 {
        self.ask(line, body).status
    }
}

impl Said {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

fn node(json: &Value) -> Node {
    let value = match json {
        Value::Null => scenario::Value::Null,
        Value::Bool(flag) => scenario::Value::Flag(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => scenario::Value::Int(whole),
            None => scenario::Value::Float(number.as_f64().unwrap()),
        },
        Value::String(text) => scenario::Value::Text(text.clone()),
        Value::Array(items) => scenario::Value::List(items.iter().map(node).collect()),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| Entry {
                key: key.clone(),
                key_span: Span::default(),
                node: node(value),
            };
            scenario::Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { span: Span::default(), value }
}

#[test]
fn a_document_is_read_and_nothing_else() {
    let stage = Stage::new(&json!({ "health": { "path": "/health", "document": { "name": "registry" } } }));
    assert_eq!(stage.get("/health"), json!({ "name": "registry" }));
    assert_eq!(stage.status("HEAD /health", &Value::Null), 200);
    let refused = stage.ask("DELETE /health", &Value::Null);
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    for elsewhere in ["GET /health/more", "GET /healthy", "GET /"] {
        assert_eq!(stage.status(elsewhere, &Value::Null), 404, "{elsewhere}");
    }
}

#[test]
fn every_error_is_a_500_with_the_defect() {
    let health = json!({ "health": { "path": "/health", "document": {} } });
    for (defects, expected) in [(&[][..], 405), (&[ServiceDefect::TellsEveryErrorAs500], 500)] {
        assert_eq!(Stage::with(&health, defects).status("PUT /health", &Value::Null), expected);
    }
}
