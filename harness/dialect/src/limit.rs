//! A key's limit at one moment, as providers tell it in headers.

use std::time::Duration;

/// What a limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Requests.
    #[default]
    Requests,
    /// Tokens of requests and answers.
    Tokens,
    /// Tokens of requests.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
}

/// A limit at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it counts.
    pub counted: Counted,
    /// How many there may be at most.
    pub limit: u32,
    /// How many more there may be now.
    pub remaining: u32,
    /// How long it takes until there may be `limit` of them again. It is not the wait before the next one.
    pub reset: Duration,
}
