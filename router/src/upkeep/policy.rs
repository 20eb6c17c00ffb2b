//! The decisions of whoever runs the router, as far as they are not in the settings.

/// Decides how the router is run.
pub(crate) trait UpkeepPolicy: Send + Sync {
    /// Whether requests should be sent here, which can be served or not.
    fn is_ready(&self, can_serve: bool) -> bool {
        can_serve
    }

    /// Whether the operator's paths are open to someone who asks with a key.
    fn opens_to(&self, is_operator: bool, _is_tenant: bool) -> bool {
        is_operator
    }

    /// Whether new settings leave what was learned of keys, and where their rotation is.
    fn keeps_what_is_known(&self) -> bool {
        true
    }

    /// What a provider is asked with that has no key. Absent: it is not asked.
    fn stand_in_key(&self) -> Option<&'static str> {
        None
    }

    /// How many providers are asked at once how they are.
    fn checks_at_once(&self) -> usize {
        2
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarefulUpkeep;

impl UpkeepPolicy for CarefulUpkeep {}
