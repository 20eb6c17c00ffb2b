//! What is sent to the provider for a request, and how the answer passes back to the client.

use http::HeaderValue;

use super::answer::ApiError;
use super::chat::Asked;
use super::headers::{forwarded_to_provider, translated_to_provider};
use super::particulars::{Booked, Particulars};
use super::service::REQUEST_ID;
use crate::edit::{Edit, edited};
use crate::provider::{ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE, Dialect, UpstreamRequest};
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
        (Dialect::Openai, Dialect::Openai) if !is_counted(asked) => Ok(unread(asked)),
        (Dialect::Openai, Dialect::Openai) => read(asked),
        (Dialect::Anthropic, Dialect::Anthropic) => native(asked),
        (Dialect::Openai, Dialect::Anthropic) => translated(asked),
        (Dialect::Anthropic, Dialect::Openai) => Err(ApiError::wrong_surface(asked.requested.name())),
    }
}

/// Whether anybody wants to know what the answer comes to.
fn is_counted(asked: &Asked<'_>) -> bool {
    asked.service.books.is_some() || asked.model.limits.iter().any(|limit| limit.tokens.is_some())
}

/// The caller's own bytes but for the model's name, and nothing read of them.
fn unread(asked: &Asked<'_>) -> Prepared {
    let body = edited(asked.body, renaming(asked).collect());
    Prepared {
        request: request(asked, forwarded_to_provider(&asked.head.headers), body),
        reading: None,
        stream: false,
        max_output: None,
        booked: Booked::default(),
    }
}

/// As [`unread`], but a stream is also asked for its usage.
fn read(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let mut particulars = Particulars::read(asked.body, &asked.head.headers, asked.service.prompt_end)?;
    let ask_for_usage = particulars.ask_for_usage.take();
    let body = edited(asked.body, renaming(asked).chain(ask_for_usage).collect());
    let request = request(asked, forwarded_to_provider(&asked.head.headers), body);
    let reading = Reading::AsItComes { usage_wanted: particulars.usage_wanted };
    Ok(prepared(request, reading, particulars))
}

fn native(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let particulars = Particulars::read(asked.body, &asked.head.headers, asked.service.prompt_end)?;
    let mut headers = forwarded_to_provider(&asked.head.headers);
    headers.entry(ANTHROPIC_VERSION).or_insert(ANTHROPIC_VERSION_VALUE);
    let body = edited(asked.body, renaming(asked).collect());
    Ok(prepared(request(asked, headers, body), Reading::AsItComes { usage_wanted: true }, particulars))
}

fn translated(asked: &Asked<'_>) -> Result<Prepared, ApiError> {
    let particulars = Particulars::read(asked.body, &asked.head.headers, asked.service.prompt_end)?;
    let mut headers = translated_to_provider(&asked.head.headers);
    headers.insert(ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE);
    let body =
        translated_request(asked.body, &asked.target.upstream_name).map_err(ApiError::untranslatable)?;
    let reading = Reading::Translated { usage_wanted: particulars.usage_wanted };
    Ok(prepared(request(asked, headers, body), reading, particulars))
}

fn prepared(request: UpstreamRequest, reading: Reading, particulars: Particulars) -> Prepared {
    let Particulars { stream, max_output, booked, .. } = particulars;
    Prepared { request, reading: Some(reading), stream, max_output, booked }
}

fn request(asked: &Asked<'_>, mut headers: http::HeaderMap, body: bytes::Bytes) -> UpstreamRequest {
    if let Ok(id) = HeaderValue::from_str(asked.id) {
        headers.insert(REQUEST_ID, id);
    }
    asked.service.policies.border.to_provider(&asked.head.headers, &mut headers);
    UpstreamRequest { path: asked.backend.chat_path, headers, body, patience: asked.model.patience }
}

/// The edit of the model's name, unless the provider knows the model by the same one.
fn renaming(asked: &Asked<'_>) -> impl Iterator<Item = Edit> {
    let name = &asked.target.upstream_name;
    (asked.requested.name() != name).then(|| asked.requested.renamed(name)).into_iter()
}
