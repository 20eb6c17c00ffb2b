//! What the rows say of one claim, before levels, witnesses and the course of the trial are considered.

use record::{Doubt, Shown};

/// What was found of a claim.
#[derive(Debug)]
pub(crate) enum Finding {
    /// It holds.
    Holds(String),
    /// It does not hold.
    Fails(Seen),
    /// It does not hold as far as was seen, and might if more had been seen.
    FailsSoFar(Seen),
    /// It does not hold by what was seen, and might hold but for the harness's own lag.
    Excused(Seen),
    /// There was nothing to which it could apply, as told.
    Empty(String),
    /// Nothing can be concluded, for the reason told.
    Unknown(Doubt, String),
}

impl Finding {
    /// Nothing can be concluded, whoever looks and however often.
    pub(crate) fn untold(reason: impl Into<String>) -> Self {
        Self::Unknown(Doubt::Untold, reason.into())
    }
}

/// What was seen, in words and in evidence.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) observed: String,
    pub(crate) shown: Option<Shown>,
}
