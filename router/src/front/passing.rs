//! What is sent to the provider for a request, and how the answer passes back to the client.

use http::HeaderValue;

use super::answer::ApiError;
use super::chat::Asked;
use super::headers::{forwarded_to_provider, translated_to_provider};
use super::particulars::{Booked, Particulars};
use super::service::REQUEST_ID;
use super::signatures::without_signatures;
use crate::edit::{Edit, edited};
use crate::provider::{
    ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE, Dialect, Platform, Surface, UpstreamRequest,
};
use crate::translate::translated_request;

/// A request that is ready to be sent.
pub(super) struct Prepared {
    pub(super) request: UpstreamRequest,
    /// Absent: the answer passes unread, as it comes.
    pub(super) reading: Option<Reading>,
    pub(super) stream: bool,
    pub(super) max_output: Option<u64>,
    pub(super) booked: Booked,
}

/// How an answer that is read passes. A stream must then have its end, and everything is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it comes, but for usage that was not asked for by the client.
    AsItComes { usage_wanted: bool },
    /// In the client's words.
    Translated { usage_wanted: bool },
}

pub(super) fn prepare(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    match (asked.surface, asked.backend.dialect) {
        (Surface::Chat, Dialect::Openai) if !is_counted(asked) && !needs_reading(asked) => Ok(unread(asked)),
        (Surface::Chat, Dialect::Openai) => read(asked),
        (Surface::Embeddings, Dialect::Openai) if !is_counted(asked) => Ok(unread(asked)),
        (Surface::Responses, _) => response(asked),
        (Surface::Embeddings, Dialect::Openai)
        | (Surface::Messages, Dialect::Anthropic)
        | (Surface::Generate, Dialect::Gemini) => native(asked),
        _ => translated(asked),
    }
}

/// Whether anybody wants to know what the answer comes to.
fn is_counted(asked: &Asked<'_>) -> bool {
    asked.service.books.is_some() || asked.model.limits.iter().any(|limit| limit.tokens.is_some())
}

/// Whether a stream has to be read for its client's sake: Azure begins with what clients of OpenAI stumble over.
fn needs_reading(asked: &Asked<'_>) -> bool {
    asked.backend.upstream.endpoint().platform == Platform::Azure
}

/// A response, which must need nothing of earlier ones: they would lie at whichever account answered. Nor is it kept.
fn response(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let particulars = particulars(asked)?;
    if let Some(field) = particulars.needs_memory {
        return Err(ApiError::needs_memory(field));
    }
    if asked.backend.dialect != Dialect::Openai {
        return translated(asked);
    }
    let body = edited(asked.body, renaming(asked).chain(particulars.keep_nothing.clone()).collect());
    let headers = forwarded_to_provider(&asked.head.headers);
    let request = request(asked, headers, body, particulars.stream);
    Ok(prepared(request, Reading::AsItComes { usage_wanted: true }, particulars))
}

/// The caller's own bytes but for the model's name, and nothing read of them.
fn unread(asked: &Asked<'_>) -> Prepared {
    let body = edited(asked.body, renaming(asked).chain(unsigning(asked)).collect());
    Prepared {
        request: request(asked, forwarded_to_provider(&asked.head.headers), body, false),
        reading: None,
        stream: false,
        max_output: None,
        booked: Booked::default(),
    }
}

/// As [`unread`], but a stream is also asked for its usage.
fn read(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let mut particulars = particulars(asked)?;
    let ask_for_usage = particulars.ask_for_usage.take();
    let body = edited(asked.body, renaming(asked).chain(ask_for_usage).chain(unsigning(asked)).collect());
    let request = request(asked, forwarded_to_provider(&asked.head.headers), body, particulars.stream);
    let reading = Reading::AsItComes { usage_wanted: particulars.usage_wanted };
    Ok(prepared(request, reading, particulars))
}

fn native(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let particulars = particulars(asked)?;
    let mut headers = forwarded_to_provider(&asked.head.headers);
    if asked.surface == Surface::Messages {
        headers.entry(ANTHROPIC_VERSION).or_insert(ANTHROPIC_VERSION_VALUE);
    }
    let body = edited(asked.body, renaming(asked).collect());
    let request = request(asked, headers, body, particulars.stream);
    Ok(prepared(request, Reading::AsItComes { usage_wanted: true }, particulars))
}

fn translated(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let particulars = particulars(asked)?;
    let dialect = asked.backend.dialect;
    let mut headers = translated_to_provider(&asked.head.headers);
    if dialect == Dialect::Anthropic {
        headers.insert(ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE);
    }
    let model = &asked.target.upstream_name;
    let body = translated_request(asked.surface, dialect, asked.body, model, particulars.stream)
        .map_err(ApiError::untranslatable)?;
    let reading = Reading::Translated { usage_wanted: particulars.usage_wanted };
    let request = request(asked, headers, body, particulars.stream);
    Ok(prepared(request, reading, particulars))
}

/// What the request says of itself, in its body or in its address.
fn particulars(asked: &Asked<'_>) -> Result<Particulars, ApiError> {
    let read = Particulars::read(asked.body, &asked.head.headers, asked.service.prompt_end)?;
    let stream = asked.addressed.map_or(read.stream, |addressed| addressed.stream);
    Ok(Particulars { stream, ..read })
}

fn prepared(request: UpstreamRequest, reading: Reading, particulars: Particulars) -> Prepared {
    let Particulars { stream, max_output, booked, .. } = particulars;
    Prepared { request, reading: Some(reading), stream, max_output, booked }
}

fn request(
    asked: &Asked<'_>,
    mut headers: http::HeaderMap,
    body: bytes::Bytes,
    stream: bool,
) -> UpstreamRequest {
    if let Ok(id) = HeaderValue::from_str(asked.id) {
        headers.insert(REQUEST_ID, id);
    }
    asked.service.policies.border.to_provider(&asked.head.headers, &mut headers);
    let surface = asked.surface.at(asked.backend.dialect);
    let path = asked.backend.path(surface, &asked.target.upstream_name, stream);
    UpstreamRequest { surface, path, headers, body, patience: asked.model.patience }
}

/// The edit of the model's name, unless the provider knows the model by the same one.
fn renaming(asked: &Asked<'_>) -> impl Iterator<Item = Edit> {
    asked.requested.renamed(&asked.target.upstream_name).into_iter()
}

/// The edits that take out what the router may have told of another provider of the model.
fn unsigning(asked: &Asked<'_>) -> Vec<Edit> {
    if asked.may_be_asked_in(Dialect::Gemini) { without_signatures(asked.body) } else { Vec::new() }
}
