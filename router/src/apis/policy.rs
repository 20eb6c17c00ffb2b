//! The decisions about services, as far as they are not in the settings.

use serde_json::Value;

use super::{Effect, Trouble, Who};
use crate::growth::grows_to_the_limit;

/// Decides how APIs are used.
pub(crate) trait ServicePolicy: Send + Sync {
    /// Whether the limits of the settings are kept.
    fn heeds_limits(&self) -> bool {
        true
    }

    /// From which share of its limit on an API is left for others, in millionths, of which `set` is what the settings say.
    fn headroom(&self, set: u64) -> u64 {
        set
    }

    /// Whether an API that a health check found in trouble is left alone.
    fn heeds_health(&self) -> bool {
        true
    }

    /// Whether an API that the settings switch off may be asked.
    fn asks_disabled(&self) -> bool {
        false
    }

    /// Who may be asked after an attempt that was no success.
    fn who_next(&self, effect: Effect, trouble: Trouble) -> Who {
        effect.who_next(trouble)
    }

    /// Whether an API is asked what became of a request whose reply was lost, where it can be.
    fn looks_up(&self) -> bool {
        true
    }

    /// Whether the use of an API, in millionths of its limit by the second, grows towards that limit.
    fn grows_to_the_limit(&self, shares: &[u64]) -> bool {
        grows_to_the_limit(shares)
    }

    /// What the operator is told of the APIs of a service, of which `counted` is what was counted.
    fn told_analytics(&self, counted: Value) -> Value {
        counted
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarefulApis;

impl ServicePolicy for CarefulApis {}
