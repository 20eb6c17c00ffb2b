//! What a request has taken from its upstream's plans until it is over.

use std::fmt;
use std::sync::Arc;

use record::Moment;

use crate::keyring::KeyUse;
use crate::plans::Taken;
use crate::upstream::Upstream;

/// What has to be settled when a request is over.
pub(crate) struct Charge {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) key: KeyUse,
    /// The provider's name of the model.
    pub(crate) model: String,
    pub(crate) taken: Vec<Taken>,
    /// Tokens of the request and of the answer.
    pub(crate) used: (u64, u64),
}

impl Charge {
    /// The request is over.
    pub(crate) fn settle(self, now: Moment) {
        let seat = self.upstream.keys.seat(self.key);
        self.upstream.rules.plans.settle((seat, &self.model), &self.taken, self.used, now);
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charge").field("taken", &self.taken).field("used", &self.used).finish_non_exhaustive()
    }
}
