//! The head of a reply: its status, its headers, and what the row says of it.

use std::time::Duration;

use bytes::Bytes;
use dialect::openai::{RequestLimit, Usage};
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use record::{AttemptRow, NOT_REACHED, NameId};

use crate::draw::Draws;

/// A reply's head, before it is written as one.
pub(crate) struct ReplyHead {
    pub(crate) status: u16,
    pub(crate) error: NameId,
    pub(crate) script: NameId,
    /// The wait that it asks for.
    pub(crate) wait: Option<Duration>,
    /// What the limit headers say.
    pub(crate) limit: Option<RequestLimit>,
    pub(crate) usage: Usage,
    /// Whether the body is a stream of events.
    pub(crate) events: bool,
}

static PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// The headers of a reply that says everything there is to say.
const MOST_HEADERS: usize = 8;

impl ReplyHead {
    /// The head of a normal answer, from which others deviate.
    pub(crate) fn ok() -> Self {
        Self {
            status: 200,
            error: NameId::NONE,
            script: NameId::NONE,
            wait: None,
            limit: None,
            usage: Usage::default(),
            events: false,
        }
    }

    /// Writes the headers. `took` is the time since the request arrived.
    pub(crate) fn write_headers(&self, took: Duration, draws: Draws, headers: &mut HeaderMap) {
        headers.reserve(MOST_HEADERS);
        let content_type = if self.events { "text/event-stream; charset=utf-8" } else { "application/json" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        headers.insert(PROCESSING_MS.clone(), took.into());
        headers.insert(REQUEST_ID.clone(), value(draws.id("req_")));
        for (name, text) in self.limit.iter().flat_map(RequestLimit::headers) {
            headers.insert(HeaderName::from_static(name), value(text));
        }
        if let Some(wait) = self.wait {
            let seconds = wait.as_nanos().div_ceil(1_000_000_000);
            headers.insert(RETRY_AFTER, value(seconds.to_string()));
            headers.insert(RETRY_AFTER_MS.clone(), value(whole_millis(wait).to_string()));
        }
    }

    /// Notes in the row what is replied. The hint is the precise one, which a client must honour.
    pub(crate) fn note(&self, row: &mut AttemptRow) {
        (row.status, row.error, row.script) = (self.status, self.error, self.script);
        row.hint_ms = self.wait.map_or(NOT_REACHED, |wait| {
            u32::try_from(whole_millis(wait)).unwrap_or(NOT_REACHED).min(NOT_REACHED - 1)
        });
        row.input_tokens = u32::try_from(self.usage.input).unwrap_or(u32::MAX);
        row.output_tokens = u32::try_from(self.usage.output).unwrap_or(u32::MAX);
    }
}

/// A wait in milliseconds, rounded up: who waits so long never comes too early.
fn whole_millis(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000)
}

fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text))
        .expect("letters, digits and points may stand in a header")
}
