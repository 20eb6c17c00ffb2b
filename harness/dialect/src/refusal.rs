//! A refusal in no dialect yet: what is refused, why, and what wait it asks for.

use std::time::SystemTime;

use crate::error_name::ErrorName;
use crate::hint::{Hint, HintForm};
use crate::request::Unfit;

/// An error reply that an upstream gives.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// Why.
    pub cause: Cause<'a>,
    /// Its status, where that is not the usual one of the error. Dialects that repeat the status in the body repeat this one.
    pub status: Option<u16>,
    /// What it tells of a wait, in which forms. Of two that write the same header, the later one stands.
    pub hints: &'a [Hint],
    /// The wall-clock time of the reply, for hints that are times.
    pub now: SystemTime,
    /// The request's id, for dialects that repeat it in the body.
    pub request_id: &'a str,
}

/// Why an upstream refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// An error by its name.
    Named(ErrorName),
    /// The model of that name does not exist.
    ModelNotFound(&'a str),
    /// There is no key.
    NoKey,
    /// A header is missing that the dialect demands.
    NoHeader(&'a str),
    /// The body is no chat request.
    Unfit(Unfit),
    /// There is nothing at this address.
    UnknownPath {
        /// The request's method.
        method: &'a str,
        /// The request's path.
        path: &'a str,
    },
}

/// A refusal as a dialect writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalReply {
    /// The status.
    pub status: u16,
    /// The headers that belong to the refusal, beside those of every reply. No name stands there twice.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Cause<'_> {
    /// The name of the error; none for an address where there is nothing.
    #[must_use]
    pub fn error(self) -> Option<ErrorName> {
        match self {
            Self::Named(error) => Some(error),
            Self::ModelNotFound(_) => Some(ErrorName::ModelNotFound),
            Self::NoKey => Some(ErrorName::InvalidKey),
            Self::NoHeader(_) | Self::Unfit(_) => Some(ErrorName::BadRequest),
            Self::UnknownPath { .. } => None,
        }
    }
}

impl Refusal<'_> {
    /// The headers that tell the wait.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in self.hints.iter().filter_map(|hint| hint.header(self.now)) {
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
        }
        headers
    }

    /// The status, where the error's own is this one.
    pub(crate) fn status_or(&self, own: u16) -> u16 {
        self.status.unwrap_or(own)
    }

    /// The items of the error's details that tell the wait, separated by commas, as JSON; empty if there are none.
    pub(crate) fn details(&self) -> String {
        let details: Vec<String> = self.hints.iter().filter_map(|hint| hint.detail()).collect();
        details.join(",")
    }

    /// The member of the error that holds its details, behind others: the items that tell the wait, and one of the error's own
    /// in front of them. Nothing is written where there is neither.
    pub(crate) fn write_details(&self, own: &str, to: &mut Vec<u8>) {
        let told = self.details();
        let between = if own.is_empty() || told.is_empty() { "" } else { "," };
        if !own.is_empty() || !told.is_empty() {
            for part in [r#","details":["#, own, between, &told, "]"] {
                to.extend_from_slice(part.as_bytes());
            }
        }
    }

    /// The message with the sentences that tell the wait.
    pub(crate) fn message(&self, said: &str) -> String {
        self.message_in(said, |hint| hint.sentence().unwrap_or_default())
    }

    /// The same in a dialect with a sentence of its own for the wait.
    pub(crate) fn message_in(&self, said: &str, sentence: impl Fn(Hint) -> String) -> String {
        let mut message = said.to_owned();
        for hint in self.hints.iter().filter(|hint| hint.form == HintForm::Prose) {
            let ended = message.ends_with(['.', '!']);
            message.push_str(if ended { " " } else { ". " });
            message.push_str(&sentence(*hint));
        }
        message
    }
}

/// A longer text of the caller's own is cut before it is repeated to the caller.
const MOST_REPEATED: usize = 200;

/// A text of the caller's own, as far as it is repeated to the caller.
pub(crate) fn repeated(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_REPEATED)]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_later_of_two_hints_in_one_header_stands() {
        let hint = |form, seconds| Hint { form, wait: Duration::from_secs(seconds) };
        let hints = [hint(HintForm::Seconds, 1), hint(HintForm::Millis, 9), hint(HintForm::Fraction, 2)];
        let cause = Cause::Named(ErrorName::RateLimit);
        let refusal = Refusal { cause, status: None, hints: &hints, now: UNIX_EPOCH, request_id: "" };
        let expected = [("retry-after-ms", "9000".to_owned()), ("retry-after", "2.0".to_owned())];
        assert_eq!(refusal.headers(), expected);
    }
}
