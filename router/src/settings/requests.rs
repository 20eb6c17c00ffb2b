//! What a client may send, and how long it may take over it.

use std::time::Duration;

use serde_saphyr::Spanned;

use super::SettingsError;
use super::file::RequestsEntry;
use super::resolve::Place;

/// Bounds on every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestLimits {
    /// The bytes of a body.
    pub(crate) body: usize,
    /// The bytes of the request's line and its headers.
    pub(crate) head: usize,
    /// How many headers there may be.
    pub(crate) headers: usize,
    /// The time in which a head must have come. A connection may be idle for as long.
    pub(crate) head_within: Duration,
    /// The time in which a body must have come.
    pub(crate) body_within: Duration,
}

/// A long conversation with pictures fits. More cannot be set.
const MOST_BODY: usize = 32 * 1024 * 1024;
const MOST_HEAD: usize = 1024 * 1024;
/// Below this no client of a provider's could ask.
const LEAST_HEAD: usize = 1024;
const MOST_HEADERS: usize = 1_000;

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body: MOST_BODY,
            head: 32 * 1024,
            headers: 100,
            head_within: Duration::from_secs(75),
            // Who sends more slowly is holding memory, not talking.
            body_within: Duration::from_secs(30),
        }
    }
}

impl Place<'_> {
    pub(super) fn requests(
        &self,
        entry: &RequestsEntry,
        max_request: Option<usize>,
    ) -> Result<RequestLimits, SettingsError> {
        let usual = RequestLimits::default();
        Ok(RequestLimits {
            body: max_request.unwrap_or(usual.body).min(MOST_BODY),
            head: self
                .between("max_head", entry.max_head.as_ref(), (LEAST_HEAD, MOST_HEAD))?
                .unwrap_or(usual.head),
            headers: self
                .between("max_headers", entry.max_headers.as_ref(), (1, MOST_HEADERS))?
                .unwrap_or(usual.headers),
            head_within: entry.head_within.map_or(usual.head_within, |within| within.0),
            body_within: entry.body_within.map_or(usual.body_within, |within| within.0),
        })
    }

    fn between(
        &self,
        name: &str,
        written: Option<&Spanned<usize>>,
        (least, most): (usize, usize),
    ) -> Result<Option<usize>, SettingsError> {
        match written {
            Some(written) if !(least..=most).contains(&written.value) => {
                Err(self.wrong(written, format!("`{name}` goes from {least} to {most}")))
            }
            written => Ok(written.map(|written| written.value)),
        }
    }
}
