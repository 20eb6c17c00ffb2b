//! Hard caps on a run: how many requests it sends, what they may cost, how long it takes.

use std::time::Duration;

use load::{Allowance, Cap};
use scenario::{Money, show_duration};

use crate::estimate::Estimate;

/// The most that a run may do. What is missing has no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Requests of the traffic, retries of clients included.
    pub requests: Option<u64>,
    /// What those requests may cost by the prices of their worlds, with answers as long as they may be.
    pub cost: Option<Money>,
    /// How long it takes.
    pub time: Option<Duration>,
}

/// Why a plan cannot be kept within the caps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeyondCaps {
    /// It sends too much.
    #[error("it sends at least {least} requests, and {most} are the most that it may")]
    Requests {
        /// What it sends at least.
        least: u64,
        /// The cap.
        most: u64,
    },
    /// It may cost too much.
    #[error("it may cost {may}, and {most} are the most that it may")]
    Cost {
        /// What it may cost.
        may: Money,
        /// The cap.
        most: Money,
    },
    /// What it may cost is not known.
    #[error(
        "nobody can tell what it may cost: a model has no price in `prices:`, or a request sets no `max_tokens`"
    )]
    Unpriced,
}

impl Caps {
    /// What may be sent under them.
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance::of(self.requests, self.cost.map(|cost| u64::try_from(cost.micros).unwrap_or(0)))
    }

    /// Whether something that is known beforehand is beyond them.
    ///
    /// # Errors
    ///
    /// If it is, with how much.
    pub fn check(&self, plan: &Estimate) -> Result<(), BeyondCaps> {
        if let Some(most) = self.requests.filter(|most| plan.requests > *most) {
            return Err(BeyondCaps::Requests { least: plan.requests, most });
        }
        let Some(most) = self.cost else { return Ok(()) };
        let micros =
            plan.cost_micros.and_then(|micros| i64::try_from(micros).ok()).ok_or(BeyondCaps::Unpriced)?;
        let may = Money { micros };
        if may > most { Err(BeyondCaps::Cost { may, most }) } else { Ok(()) }
    }

    /// That a cap was reached, in words.
    pub(crate) fn reached(&self, cap: Cap) -> String {
        let most = match cap {
            Cap::Requests => format!("{} requests", self.requests.unwrap_or_default()),
            Cap::Money => self.cost.map_or_else(String::new, |cost| cost.to_string()),
        };
        format!("the run has sent all that it may: its cap is {most}")
    }

    /// That its time is over, in words.
    pub(crate) fn time_is_over(time: Duration) -> String {
        format!("the time of the run is over: its cap is {}", show_duration(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_beyond_a_cap_is_refused_with_both_numbers() {
        let plan = |requests, cost_micros| Estimate { requests, cost_micros, ..Estimate::default() };
        let caps = Caps { requests: Some(100), cost: Some(Money { micros: 5_000 }), time: None };
        assert_eq!(caps.check(&plan(100, Some(5_000))), Ok(()));
        let refused = caps.check(&plan(101, Some(0))).unwrap_err();
        assert_eq!(refused.to_string(), "it sends at least 101 requests, and 100 are the most that it may");
        let refused = caps.check(&plan(1, Some(5_001))).unwrap_err();
        assert_eq!(refused.to_string(), "it may cost 0.005001 USD, and 0.005 USD are the most that it may");
        assert_eq!(caps.check(&plan(1, None)), Err(BeyondCaps::Unpriced));
        assert_eq!(Caps::default().check(&plan(u64::MAX, None)), Ok(()));
    }
}
