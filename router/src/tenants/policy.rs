//! The decisions about tenants: who is let in, and what a request takes of their limits.

use std::time::Duration;

use super::TenantIndex;

/// Decides what a tenant's settings mean.
pub(crate) trait TenancyPolicy: Send + Sync {
    /// Whether a tenant is let in, whose keys may have run out.
    fn lets_in(&self, is_expired: bool) -> bool {
        !is_expired
    }

    /// Whose places a tenant's requests take.
    fn whose_places(&self, caller: TenantIndex) -> TenantIndex {
        caller
    }

    /// Whether a model that is not there stands for one that is.
    fn takes_any_name(&self) -> bool {
        false
    }

    /// Whether a tenant is shown models that it may not use.
    fn shows_all_models(&self) -> bool {
        false
    }

    /// What is told of a key that is not known, beside that.
    fn told_of_stranger(&self, _key: &str) -> Option<String> {
        None
    }

    /// Whether the place of a request is given back that did not come to its end.
    fn gives_back_broken(&self) -> bool {
        true
    }

    /// Whether a request counts against the tenant's rate that was refused for too many at once.
    fn counts_refused(&self) -> bool {
        false
    }

    /// Whether a model that a tenant may not use is withheld from it as a fallback, too.
    fn withholds_fallbacks(&self) -> bool {
        true
    }

    /// Whether the limits of routers that share are one.
    fn counts_together(&self) -> bool {
        true
    }

    /// The time after which a budget is fresh again.
    fn budget_window(&self, set: Duration) -> Duration {
        set
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FairTenancy;

impl TenancyPolicy for FairTenancy {}
