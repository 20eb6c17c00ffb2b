//! The decisions of the router gathered as values: which key, how long, whether again.

use crate::exchange::{KeyChoice, OpenKeysInTurn, RetryPolicy, RetryWhatMayHelp};
use crate::provider::{HintPolicy, HonourHints};

/// One value for each kind of decision.
pub(crate) struct Policies {
    pub(crate) choice: Box<dyn KeyChoice>,
    pub(crate) retry: Box<dyn RetryPolicy>,
    pub(crate) hints: Box<dyn HintPolicy>,
}

impl Policies {
    /// The decisions that keep the contract.
    pub(crate) fn sound() -> Self {
        Self {
            choice: Box::new(OpenKeysInTurn),
            retry: Box::new(RetryWhatMayHelp),
            hints: Box::new(HonourHints),
        }
    }
}
