//! The fields that a condition can look at: a closed list, so that each has a meaning, a unit and a place.

use crate::model::Subject;
use crate::read::words;

words! {
    /// A field of an exchange, an attempt, or a request that an upstream is about to answer.
    "a field" => Field {
        /// The step that sent the exchange (of an attempt: its exchange).
        "step" => Step,
        /// The phase that sent the exchange (of an attempt: its exchange).
        "phase" => Phase,
        /// The entry of `requests:` that the exchange is an instance of.
        "request" => Request,
        /// The model that was asked for.
        "model" => Model,
        /// The status, as a number or a class such as `2xx`. An exchange or attempt without a response has none.
        "status" => Status,
        /// How it ended: `complete`, `refused`, `reset`, `cut`, `timed_out`, `caller_left`, `garbled`, `abandoned`.
        "outcome" => Outcome,
        /// The error: for an attempt by the language's name (`rate_limit`), for an exchange the code or type in its body.
        "error" => Error,
        /// The dialect in which the error body is written: `none`, `openai`, `anthropic`, `gemini`, `json`, `html`, `other`.
        "error_shape" => ErrorShape,
        /// When it began, counted from the start of the traffic.
        "at" => At,
        /// How long it took: an exchange from its intended start, an attempt from its arrival.
        "took" => Took,
        /// How long an exchange took from its actual send.
        "service" => Service,
        /// From the intended start to the first content of a stream.
        "first_content" => FirstContent,
        /// The wait that the answer asked for, whatever its form.
        "hint" => Hint,
        /// How many attempts an exchange cost.
        "attempts" => Attempts,
        /// Whether a stream was asked for.
        "stream" => Stream,
        /// Whether the dialect's own end marker was seen.
        "terminated" => Terminated,
        /// The exchange itself, for `per`.
        "exchange" => Exchange,
        /// The upstream that saw the attempt.
        "upstream" => Upstream,
        /// The label of the key that the attempt carried. `{ nth_used: 1..2 }` means the keys by the order of their first use.
        "key" => Key,
        /// The order of the key's first use, from 1; written inside `key`.
        "nth_used" => NthUsed,
        /// Which request of its upstream it is, from 1.
        "nth" => Nth,
        /// The entry of the script, the timeline or the plans that decided the reply.
        "script" => Script,
        /// The number of the attempt in its exchange, from 1.
        "ordinal" => Ordinal,
        /// Since the previous attempt of the exchange ended.
        "gap" => Gap,
        /// Whether its key's latest wait hint was still running, beyond the grace.
        "cooling" => Cooling,
        /// Whether the attempt was joined to an exchange.
        "joined" => Joined,
    }
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// A duration.
    Duration,
    /// `true` or `false`.
    Flag,
    /// An HTTP status or a class of them.
    Status,
}

impl Field {
    /// What the field's values are.
    #[must_use]
    pub fn kind(self) -> FieldKind {
        match self {
            Self::Step
            | Self::Phase
            | Self::Request
            | Self::Model
            | Self::Outcome
            | Self::Error
            | Self::ErrorShape
            | Self::Upstream
            | Self::Key
            | Self::Script => FieldKind::Text,
            Self::Attempts | Self::NthUsed | Self::Nth | Self::Ordinal | Self::Exchange => FieldKind::Number,
            Self::At | Self::Took | Self::Service | Self::FirstContent | Self::Hint | Self::Gap => {
                FieldKind::Duration
            }
            Self::Stream | Self::Terminated | Self::Cooling | Self::Joined => FieldKind::Flag,
            Self::Status => FieldKind::Status,
        }
    }

    /// Whether a subject's rows have this field.
    #[must_use]
    pub fn belongs_to(self, subject: Subject) -> bool {
        let (exchanges, attempts, requests) = match self {
            Self::Step | Self::Phase | Self::Status | Self::Outcome | Self::Error | Self::At | Self::Took => {
                (true, true, false)
            }
            Self::Hint | Self::Exchange => (true, true, false),
            Self::Model | Self::Stream => (true, true, true),
            Self::Request
            | Self::ErrorShape
            | Self::Service
            | Self::FirstContent
            | Self::Attempts
            | Self::Terminated => (true, false, false),
            Self::Upstream | Self::Script | Self::Ordinal | Self::Gap | Self::Cooling | Self::Joined => {
                (false, true, false)
            }
            Self::Key | Self::NthUsed | Self::Nth => (false, true, true),
        };
        match subject {
            Subject::Exchanges => exchanges,
            Subject::Attempts => attempts,
            Subject::Requests => requests,
        }
    }

    /// The fields that a subject's rows have, by name.
    pub fn names_of(subject: Subject) -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(move |(_, field, _)| field.belongs_to(subject)).map(|(word, ..)| *word)
    }
}
