//! Faults in what clients are answered: in the documents of an answer, in its events, in its head.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::Defect;
use super::streams::EndsAnyway;
use crate::front::{BorderPolicy, ResponseBody};
use crate::policy::Policies;
use crate::provider::is_event_stream;
use crate::rewrite::Rewriter;
use crate::stream::{Event, Framer};

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "leaves-the-usage-out",
        about: "answers came without the tokens that the provider had counted",
        cites: "BerriAI/litellm#11915, BerriAI/litellm#9657",
        switch_on: |sound| Policies { border: Box::new(Documents(without_usage)), ..sound },
    },
    Defect {
        name: "counts-cached-tokens-twice",
        about: "tokens that came from the provider's cache were told as input of their own and within the other input",
        cites: "BerriAI/litellm#14849, BerriAI/litellm#9812",
        switch_on: |sound| Policies { border: Box::new(Documents(cached_twice)), ..sound },
    },
    Defect {
        name: "leaves-the-cache-out-of-totals",
        about: "the total of a request's tokens left out those that the provider's cache had, so that it was not \
                the sum of what stood beside it",
        cites: "BerriAI/litellm#13207, langgenius/dify#19175",
        switch_on: |sound| Policies { border: Box::new(Documents(total_without_cache)), ..sound },
    },
    Defect {
        name: "drops-the-usage-chunk",
        about: "the chunk that tells the usage has no choices, and was dropped as an empty one",
        cites: "BerriAI/litellm#25389, BerriAI/litellm#17136",
        switch_on: |sound| Policies { border: Box::new(Documents(no_empty_chunks)), ..sound },
    },
    Defect {
        name: "finishes-always-with-stop",
        about: "whatever ended an answer, a call of a tool or the limit of tokens, the client was told that it was complete",
        cites: "BerriAI/litellm#34692, googleapis/python-genai#2868",
        switch_on: |sound| Policies { border: Box::new(Documents(always_stop)), ..sound },
    },
    Defect {
        name: "gives-all-tools-one-index",
        about: "parallel calls of tools all had the index 0, so that clients put their arguments together to one",
        cites: "BerriAI/litellm#37792, BerriAI/litellm#5231",
        switch_on: |sound| Policies { border: Box::new(Documents(one_index)), ..sound },
    },
    Defect {
        name: "gives-each-chunk-an-id",
        about: "each chunk of a stream had another id",
        cites: "BerriAI/litellm#37792",
        switch_on: |sound| Policies { border: Box::new(Documents(an_id_each)), ..sound },
    },
    Defect {
        name: "calls-everything-a-rate-limit",
        about: "a provider without money was told as one that is limited for a while",
        cites: "diegosouzapw/OmniRoute#1772, BerriAI/litellm#16092",
        switch_on: |sound| Policies { border: Box::new(Documents(only_rate_limits)), ..sound },
    },
    Defect {
        name: "swallows-errors-in-streams",
        about: "an error that a provider told inside of a stream was left out, and the stream ended as if it were complete",
        cites: "BerriAI/litellm#24004, kortix-ai/suna#4821",
        switch_on: |sound| Policies {
            border: Box::new(Events(NoErrors::start)),
            streams: Arc::new(EndsAnyway),
            ..sound
        },
    },
    Defect {
        name: "adds-empty-blocks",
        about: "the message began with a block of text that nobody had sent, and that was empty",
        cites: "BerriAI/litellm#34692",
        switch_on: |sound| Policies { border: Box::new(Events(StrayBlock::start)), ..sound },
    },
    Defect {
        name: "ends-every-stream-with-done",
        about: "every stream got the end mark of one dialect, also where the client's dialect has another",
        cites: "OpenAI, Anthropic, Gemini: streaming",
        switch_on: |sound| Policies { border: Box::new(Events(DoneAnyway::start)), ..sound },
    },
    Defect {
        name: "holds-streams-back",
        about: "a stream was collected and sent when it was complete",
        cites: "a stream is passed on as it comes",
        switch_on: |sound| Policies { border: Box::new(Events(AllAtTheEnd::start)), ..sound },
    },
    Defect {
        name: "sleeps-between-pieces",
        about: "the first piece of a stream was held for 25 ms, and each one that followed for one more",
        cites: "Portkey gateway, stream handling: fixed delays of 25 ms and 1 ms",
        switch_on: |sound| Policies { border: Box::new(Events(Hesitant::start)), ..sound },
    },
    Defect {
        name: "answers-every-error-with-500",
        about: "whatever a provider found wrong, the client was told of a failure of the router's own",
        cites: "BerriAI/litellm#2487, BerriAI/litellm#40718",
        switch_on: |sound| Policies { border: Box::new(OneStatusForErrors), ..sound },
    },
    Defect {
        name: "answers-failures-with-200",
        about: "a failure of the provider was written down in an answer with the status 200",
        cites: "Portkey-AI/gateway#267, BerriAI/litellm#40404",
        switch_on: |sound| Policies { border: Box::new(NoFailures), ..sound },
    },
    Defect {
        name: "drops-wait-hints",
        about: "the client was refused without being told when to come back",
        cites: "BerriAI/litellm#27823, BerriAI/litellm#7669",
        switch_on: |sound| Policies { border: Box::new(NoHints), ..sound },
    },
    Defect {
        name: "tells-a-full-limit",
        about: "what was left of a tenant's limit was told as all of it, however much was used",
        cites: "envoyproxy/ai-gateway#1754",
        switch_on: |sound| Policies { border: Box::new(FullLimit), ..sound },
    },
];

/// Whether an answer is one to a request for a model or a service, and no page of the router's own.
fn is_answer(headers: &HeaderMap) -> bool {
    headers.contains_key("x-router-attempts")
}

fn rewritten(response: Response<ResponseBody>, by: Box<dyn Rewriter>) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, body.rewritten(by))
}

/// Changes each document of an answer, and says whether it is kept.
type Change = Box<dyn FnMut(&mut Value) -> bool + Send>;

/// Changes the documents of answers: the whole of one, or each event of a stream.
struct Documents(fn() -> Change);

impl BorderPolicy for Documents {
    fn leaving(&self, response: Response<ResponseBody>) -> Response<ResponseBody> {
        if !is_answer(response.headers()) {
            return response;
        }
        let change = (self.0)();
        let is_stream = is_event_stream(response.headers());
        let by: Box<dyn Rewriter> = if is_stream {
            Box::new(EventByEvent { framer: Framer::default(), change: InEvents(change) })
        } else {
            Box::new(Whole { came: BytesMut::new(), change })
        };
        rewritten(response, by)
    }
}

/// A document that is changed when it is whole.
struct Whole {
    came: BytesMut,
    change: Change,
}

impl Rewriter for Whole {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        self.came.extend_from_slice(&piece);
        Bytes::new()
    }

    fn end(&mut self) -> Bytes {
        let came = std::mem::take(&mut self.came).freeze();
        let Ok(mut document) = serde_json::from_slice(&came) else { return came };
        (self.change)(&mut document);
        Bytes::from(document.to_string())
    }
}

/// Changes the events of one stream.
trait EventChange: Send {
    /// Writes what becomes of an event.
    fn event(&mut self, event: Event, out: &mut BytesMut);

    /// Writes what comes behind the last one.
    fn end(&mut self, _out: &mut BytesMut) {}
}

/// Changes the events of answers that are streams.
struct Events(fn() -> Box<dyn EventChange>);

impl BorderPolicy for Events {
    fn leaving(&self, response: Response<ResponseBody>) -> Response<ResponseBody> {
        if !is_answer(response.headers()) || !is_event_stream(response.headers()) {
            return response;
        }
        rewritten(response, Box::new(EventByEvent { framer: Framer::default(), change: (self.0)() }))
    }
}

struct EventByEvent<C> {
    framer: Framer,
    change: C,
}

impl<C: EventChange> Rewriter for EventByEvent<C> {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        let mut out = BytesMut::new();
        if self.framer.push(&piece).is_err() {
            return piece;
        }
        while let Some(event) = self.framer.next() {
            self.change.event(event, &mut out);
        }
        out.freeze()
    }

    fn end(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        if let Some(rest) = self.framer.rest() {
            self.change.event(rest, &mut out);
        }
        self.change.end(&mut out);
        out.freeze()
    }
}

impl EventChange for Box<dyn EventChange> {
    fn event(&mut self, event: Event, out: &mut BytesMut) {
        (**self).event(event, out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        (**self).end(out);
    }
}

/// A change of documents, at those of a stream.
struct InEvents(Change);

impl EventChange for InEvents {
    fn event(&mut self, event: Event, out: &mut BytesMut) {
        let Ok(mut document) = serde_json::from_slice(&event.data) else {
            return out.extend_from_slice(&event.raw);
        };
        if !(self.0)(&mut document) {
            return;
        }
        if !event.name.is_empty() {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(&event.name);
            out.extend_from_slice(b"\n");
        }
        out.extend_from_slice(format!("data: {document}\n\n").as_bytes());
    }
}

fn without_usage() -> Change {
    Box::new(|document| {
        if let Some(fields) = document.as_object_mut() {
            fields.remove("usage");
            fields.remove("usageMetadata");
        }
        true
    })
}

fn cached_twice() -> Change {
    fn add(usage: &mut Value, name: &str, cached: Option<u64>) {
        if let (Some(told), Some(cached)) = (usage[name].as_u64(), cached) {
            usage[name] = json!(told + cached);
        }
    }
    Box::new(|document| {
        if let Some(usage) = document.get_mut("usage").filter(|usage| usage.is_object()) {
            let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
            add(usage, "prompt_tokens", cached);
            let cached = usage["cache_read_input_tokens"].as_u64();
            add(usage, "input_tokens", cached);
        }
        if let Some(usage) = document.get_mut("usageMetadata").filter(|usage| usage.is_object()) {
            let cached = usage["cachedContentTokenCount"].as_u64();
            add(usage, "promptTokenCount", cached);
        }
        true
    })
}

fn total_without_cache() -> Change {
    fn take(usage: &mut Value, name: &str, cached: Option<u64>) {
        if let (Some(total), Some(cached)) = (usage[name].as_u64(), cached) {
            usage[name] = json!(total.saturating_sub(cached));
        }
    }
    Box::new(|document| {
        if let Some(usage) = document.get_mut("usage").filter(|usage| usage.is_object()) {
            let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
            take(usage, "total_tokens", cached);
        }
        if let Some(usage) = document.get_mut("usageMetadata").filter(|usage| usage.is_object()) {
            let cached = usage["cachedContentTokenCount"].as_u64();
            take(usage, "totalTokenCount", cached);
        }
        true
    })
}

fn no_empty_chunks() -> Change {
    Box::new(|document| document["choices"].as_array().is_none_or(|choices| !choices.is_empty()))
}

fn always_stop() -> Change {
    fn replace(document: &mut Value, pointer: &str, word: &str) {
        if let Some(reason) = document.pointer_mut(pointer).filter(|reason| reason.is_string()) {
            *reason = json!(word);
        }
    }
    Box::new(|document| {
        replace(document, "/choices/0/finish_reason", "stop");
        replace(document, "/stop_reason", "end_turn");
        replace(document, "/delta/stop_reason", "end_turn");
        replace(document, "/candidates/0/finishReason", "STOP");
        true
    })
}

fn one_index() -> Change {
    Box::new(|document| {
        let calls = document.pointer_mut("/choices/0/delta/tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten() {
            call["index"] = json!(0);
        }
        if document["type"].as_str().is_some_and(|kind| kind.starts_with("content_block")) {
            document["index"] = json!(0);
        }
        true
    })
}

fn an_id_each() -> Change {
    let mut number = 0;
    Box::new(move |document| {
        number += 1;
        if document["object"] == "chat.completion.chunk" {
            document["id"] = json!(format!("chatcmpl-{number}"));
        }
        true
    })
}

fn only_rate_limits() -> Change {
    Box::new(|document| {
        if let Some(error) = document.get_mut("error").filter(|error| error.is_object()) {
            for name in ["type", "code"] {
                let means_money =
                    ["insufficient_quota", "billing_error"].iter().any(|word| error[name] == *word);
                if means_money {
                    error[name] = json!("rate_limit_exceeded");
                }
            }
        }
        true
    })
}

/// Leaves errors out.
struct NoErrors;

impl NoErrors {
    fn start() -> Box<dyn EventChange> {
        Box::new(Self)
    }
}

impl EventChange for NoErrors {
    fn event(&mut self, event: Event, out: &mut BytesMut) {
        let document: Value = serde_json::from_slice(&event.data).unwrap_or_default();
        if document.get("error").is_none_or(Value::is_null) {
            out.extend_from_slice(&event.raw);
        }
    }
}

/// Begins each message with a block of its own.
struct StrayBlock;

impl StrayBlock {
    fn start() -> Box<dyn EventChange> {
        Box::new(Self)
    }
}

const STRAY_BLOCK: &[u8] = b"event: content_block_start\n\
    data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
    event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";

impl EventChange for StrayBlock {
    fn event(&mut self, event: Event, out: &mut BytesMut) {
        out.extend_from_slice(&event.raw);
        if event.name == "message_start" {
            out.extend_from_slice(STRAY_BLOCK);
        }
    }
}

/// Ends a stream with OpenAI's mark, if it has none.
struct DoneAnyway {
    was_there: bool,
}

impl DoneAnyway {
    fn start() -> Box<dyn EventChange> {
        Box::new(Self { was_there: false })
    }
}

impl EventChange for DoneAnyway {
    fn event(&mut self, event: Event, out: &mut BytesMut) {
        self.was_there |= event.data == "[DONE]";
        out.extend_from_slice(&event.raw);
    }

    fn end(&mut self, out: &mut BytesMut) {
        if !self.was_there {
            out.extend_from_slice(b"data: [DONE]\n\n");
        }
    }
}

/// Keeps everything until there is nothing more.
struct AllAtTheEnd(BytesMut);

impl AllAtTheEnd {
    fn start() -> Box<dyn EventChange> {
        Box::new(Self(BytesMut::new()))
    }
}

impl EventChange for AllAtTheEnd {
    fn event(&mut self, event: Event, _out: &mut BytesMut) {
        self.0.extend_from_slice(&event.raw);
    }

    fn end(&mut self, out: &mut BytesMut) {
        out.unsplit(std::mem::take(&mut self.0));
    }
}

/// Waits before each event.
struct Hesitant {
    has_begun: bool,
}

impl Hesitant {
    fn start() -> Box<dyn EventChange> {
        Box::new(Self { has_begun: false })
    }
}

impl EventChange for Hesitant {
    fn event(&mut self, event: Event, out: &mut BytesMut) {
        let wait = if self.has_begun { 1 } else { 25 };
        self.has_begun = true;
        // Blocks on purpose: nothing else can be done on the way of a byte.
        std::thread::sleep(Duration::from_millis(wait));
        out.extend_from_slice(&event.raw);
    }
}

/// Has one status for all errors.
struct OneStatusForErrors;

impl BorderPolicy for OneStatusForErrors {
    fn leaving(&self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        let status = response.status();
        if is_answer(response.headers()) && (status.is_client_error() || status.is_server_error()) {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    }
}

/// Has good news only.
struct NoFailures;

impl BorderPolicy for NoFailures {
    fn leaving(&self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        if is_answer(response.headers()) && response.status().is_server_error() {
            *response.status_mut() = StatusCode::OK;
        }
        response
    }
}

/// Tells nobody when to come back.
struct NoHints;

impl BorderPolicy for NoHints {
    fn leaving(&self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        response.headers_mut().remove(header::RETRY_AFTER);
        response.headers_mut().remove("retry-after-ms");
        response
    }
}

/// Tells the limit in the place of what is left of it.
struct FullLimit;

impl BorderPolicy for FullLimit {
    fn leaving(&self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        let limit: Option<HeaderValue> = response.headers().get("x-ratelimit-limit-requests").cloned();
        if let Some(limit) = limit {
            response.headers_mut().insert("x-ratelimit-remaining-requests", limit);
        }
        response
    }
}
