//! How a key stands, and what that promises.

use std::time::Duration;

/// What is known about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Available,
    /// Its rate is used up.
    Limited,
    /// It was used as much as the settings allow.
    Full,
    /// It met the provider's limit on growth.
    Spiking,
    /// Out of money or quota.
    Exhausted,
    /// Not accepted by the provider.
    Invalid,
    /// It failed again and again, which says nothing about the key.
    Failing,
    /// Taken out by the operator.
    Disabled,
}

impl Standing {
    /// The standings of closed keys, by how they are shown.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let closed = [Self::Limited, Self::Spiking, Self::Exhausted, Self::Invalid, Self::Failing];
        closed.into_iter().find(|standing| standing.word() == word)
    }

    /// As it is shown to people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Limited => "limited",
            Self::Full => "full",
            Self::Spiking => "spiking",
            Self::Exhausted => "exhausted",
            Self::Invalid => "invalid",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }

    /// How long an exhausted or invalid key rests. Both are mended by people, so asking more often is noise; an hour
    /// still brings a mended key back without a restart.
    pub(crate) const LONG_PERIOD: Duration = Duration::from_secs(60 * 60);
}

/// What the pool can be expected to do next, by its most hopeful key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Some key is open, or will be after this time.
    OpenIn(Duration),
    /// No key will open by waiting; at least one only lacks money.
    Exhausted,
    /// No key is accepted by the provider.
    Invalid,
    /// The operator disabled every key.
    Disabled,
    /// There is no key at all.
    NoKey,
}
