//! The head of a reply: its status, its headers, and what the row says of it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, Entry, HeaderName};
use http::{HeaderMap, HeaderValue};
use record::{Moment, NOT_REACHED, NameId};
use scenario::BodyLength;

use crate::journal::OpenAttempt;

/// A reply's head, before it is written as one.
#[derive(Debug)]
pub(crate) struct ReplyHead {
    pub(crate) status: u16,
    pub(crate) error: NameId,
    pub(crate) script: NameId,
    pub(crate) answer: NameId,
    /// The wait that it asks for in a form that can be understood.
    pub(crate) hint: Option<ToldWait>,
    pub(crate) headers: HeaderMap,
    /// Headers that are left out.
    pub(crate) without: Vec<HeaderName>,
    /// How the length of a whole body is told.
    pub(crate) length: BodyLength,
}

/// A wait as a reader of the reply computes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToldWait {
    pub(crate) wait: Duration,
    /// Whether it was told as the moment at which it is over: that moment does not move while the reply is on its way.
    pub(crate) is_a_moment: bool,
}

/// The content type of every body that is no stream.
pub(crate) const JSON: &str = "application/json";

/// The headers of a reply that says everything there is to say.
const MOST_HEADERS: usize = 10;

impl ReplyHead {
    pub(crate) fn new(script: NameId) -> Self {
        Self {
            status: 200,
            error: NameId::NONE,
            script,
            answer: NameId::NONE,
            hint: None,
            headers: HeaderMap::with_capacity(MOST_HEADERS),
            without: Vec::new(),
            length: BodyLength::Usual,
        }
    }

    /// Says what the body is.
    pub(crate) fn body(&mut self, kind: &'static str) {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }

    /// Sets a header of the dialect.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        // What a dialect writes into a header may stand in one; what could not would better be left out than end the reply.
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Sets a header of the dialect, unless the scenario has set it.
    pub(crate) fn set_own(&mut self, name: &'static str, value: String) {
        if self.without.iter().any(|left_out| left_out.as_str() == name) {
            return;
        }
        if let Entry::Vacant(place) = self.headers.entry(HeaderName::from_static(name))
            && let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value))
        {
            place.insert(value);
        }
    }

    /// Leaves out headers of the dialect, those that are still to come with them.
    pub(crate) fn leave_out(&mut self, names: &[HeaderName]) {
        for name in names {
            self.headers.remove(name);
        }
        self.without = names.to_vec();
    }

    /// Notes what is replied, which was decided at a moment. The hint is the precise one, which a client must honour, as it is
    /// written.
    pub(crate) fn note(&self, attempt: &mut OpenAttempt, decided: Moment) {
        let row = &mut attempt.row;
        (row.status, row.error, row.script, row.answer) = (self.status, self.error, self.script, self.answer);
        row.hint_ms = self.hint.map_or(NOT_REACHED, |told| row_millis(whole_millis(told.wait)));
        attempt.waits_until = self.hint.filter(|told| told.is_a_moment).map(|told| decided.after(told.wait));
    }
}

/// A wait as a row keeps it.
pub(crate) fn row_millis(millis: u128) -> u32 {
    u32::try_from(millis).unwrap_or(NOT_REACHED).min(NOT_REACHED - 1)
}

/// A wait in milliseconds, rounded up: who waits so long never comes too early.
fn whole_millis(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000)
}
