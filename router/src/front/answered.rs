//! A provider's success on its way to the client: unread, read and counted, or in the client's words.

use std::sync::Arc;

use http::{HeaderValue, Response, header};

use super::answer::ApiError;
use super::chat::{Asked, close};
use super::event_relay::{Carrying, EventRelay};
use super::headers::forwarded_to_client;
use super::passing::Reading;
use super::relay::{Relay, ResponseBody};
use super::settlement::Settlement;
use super::whole_answer::{count_answer, read_answer};
use crate::provider::{ProviderBody, Surface, is_event_stream};
use crate::stream::{
    AnthropicPassage, GeminiFraming, GeminiPassage, OpenaiPassage, Passage, ResponsesPassage,
};
use crate::translate::{Telling, translated_answer, translated_stream};

/// Everything beside the success itself.
pub(super) struct Answering<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) reading: Reading,
    pub(super) settlement: Settlement,
}

pub(super) async fn read_answered(
    answering: Answering<'_>,
    response: Response<ProviderBody>,
) -> Response<ResponseBody> {
    if is_event_stream(response.headers()) {
        let asked = answering.asked;
        let (head, body) = streamed(answering, response).into_parts();
        Response::from_parts(head, as_stream(body, asked).await)
    } else {
        whole(answering, response).await
    }
}

/// The hot path: nothing of the answer is looked at.
pub(super) async fn unread(response: Response<ProviderBody>, asked: &Asked<'_>) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    let is_stream = is_event_stream(&head.headers);
    let relay = Relay::new(body, &head.headers, asked.model.patience.idle);
    head.headers = forwarded_to_client(&head.headers);
    head.version = http::Version::HTTP_11;
    let body = ResponseBody::relayed(relay);
    Response::from_parts(head, if is_stream { as_stream(body, asked).await } else { body })
}

/// The body of a stream, with what is decided for streams alone.
async fn as_stream(body: ResponseBody, asked: &Asked<'_>) -> ResponseBody {
    let policy = &asked.service.policies.streams;
    let shared = match policy.shared_writers() {
        Some(writers) => Arc::clone(writers).acquire_owned().await.ok(),
        None => None,
    };
    let within = policy.whole_within(&asked.model.patience);
    body.ending_with(policy.instead_of_a_break()).sharing(shared).within(within)
}

fn streamed(answering: Answering<'_>, response: Response<ProviderBody>) -> Response<ResponseBody> {
    let Answering { asked, reading, settlement } = answering;
    let passage: Box<dyn Passage> = match (reading, asked.surface) {
        (Reading::Translated { usage_wanted }, _) => {
            translated_stream(telling(asked, usage_wanted), asked.backend.dialect)
        }
        (Reading::AsItComes { .. }, Surface::Responses) => Box::new(ResponsesPassage),
        (Reading::AsItComes { usage_wanted }, Surface::Chat | Surface::Embeddings) => {
            Box::new(OpenaiPassage::new(usage_wanted, asked.id))
        }
        (Reading::AsItComes { .. }, Surface::Messages) => Box::new(AnthropicPassage),
        (Reading::AsItComes { .. }, Surface::Generate) => Box::new(GeminiPassage::new(framing(asked))),
    };
    let (mut head, body) = response.into_parts();
    if framing(asked) != GeminiFraming::Events {
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let status = head.status.as_u16();
    let known_keys = Arc::clone(&asked.service.known_keys);
    let carrying = Carrying { passage, tally: asked.tally(), known_keys };
    let relay = EventRelay::new(body, carrying, settlement, status, asked.model.patience.idle);
    with_head(&head, reading, ResponseBody::events(relay))
}

fn telling<'a>(asked: &Asked<'a>, usage_wanted: bool) -> Telling<'a> {
    let Asked { surface, id, target, .. } = *asked;
    Telling { surface, id, model: &target.upstream_name, usage_wanted, framing: framing(asked) }
}

/// How the client wants the parts of a stream, which most dialects have no choice of.
fn framing(asked: &Asked<'_>) -> GeminiFraming {
    asked.addressed.map_or(GeminiFraming::Events, |addressed| addressed.framing)
}

async fn whole(answering: Answering<'_>, response: Response<ProviderBody>) -> Response<ResponseBody> {
    let Answering { asked, reading, settlement } = answering;
    let (head, body) = response.into_parts();
    let mut tally = asked.tally();
    let read = read_answer(body, asked.model.patience.idle).await;
    let read = read.and_then(|bytes| {
        let passed = match reading {
            Reading::Translated { usage_wanted } => {
                let telling = telling(asked, usage_wanted);
                translated_answer(telling, asked.backend.dialect, &bytes, &mut tally)
            }
            Reading::AsItComes { .. } => {
                count_answer(&bytes, asked.surface, &mut tally).then(|| bytes.clone())
            }
        };
        let anything = || (!asked.service.policies.streams.knows_answers()).then_some(bytes);
        passed.or_else(anything).ok_or_else(ApiError::unreadable_answer)
    });
    match read {
        Ok(bytes) => {
            let bytes = asked.service.known_keys.without(bytes);
            let mut response = with_head(&head, reading, ResponseBody::whole(bytes));
            // Booked before the client can see the answer, and may ask what it cost.
            close(settlement, &mut response, tally.completed()).await;
            response
        }
        Err(error) => {
            let mut response = error.into_response(asked.surface.dialect());
            close(settlement, &mut response, tally.broken_off()).await;
            response
        }
    }
}

/// The head of an answer. Of another dialect's headers only its kind is kept, and the id to ask the provider by.
fn with_head(head: &http::response::Parts, reading: Reading, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    if matches!(reading, Reading::AsItComes { .. }) {
        *response.headers_mut() = forwarded_to_client(&head.headers);
        return response;
    }
    let kind = head.headers.get(header::CONTENT_TYPE).cloned();
    let kind = kind.unwrap_or(HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Some(id) = head.headers.get("request-id") {
        response.headers_mut().insert("x-request-id", id.clone());
    }
    response
}
