//! Faults in counting, charging and budgets.

use crate::accounts::{
    Admission, AnswerForm, Balance, BudgetCheck, ChargePolicy, CountReservations, MicroUsd, RowState, Tokens,
};
use crate::tenants::{TenantIndex, Tenants};
use crate::usage::{UsagePolicy, UsageReport};

/// Books streams with nothing.
pub(super) struct StreamsAreFree;

impl ChargePolicy for StreamsAreFree {
    fn tokens(&self, form: AnswerForm, counted: Tokens) -> Tokens {
        match form {
            AnswerForm::Whole => counted,
            AnswerForm::Streamed => Tokens::default(),
        }
    }
}

/// Books an exchange only when it came to its end.
pub(super) struct LeavingIsFree;

impl ChargePolicy for LeavingIsFree {
    fn books(&self, state: RowState) -> bool {
        state != RowState::Left
    }
}

/// Books an exchange once for each attempt.
pub(super) struct ChargeEveryAttempt;

impl ChargePolicy for ChargeEveryAttempt {
    fn times(&self, attempts: u32) -> u32 {
        attempts.max(1)
    }
}

/// Books an exchange where the answer begins and again where it ends.
pub(super) struct ChargeBothEnds;

impl ChargePolicy for ChargeBothEnds {
    fn times(&self, _attempts: u32) -> u32 {
        2
    }
}

/// Tells clients a cost without what the cache saved.
pub(super) struct ToldAtFullPrice;

impl ChargePolicy for ToldAtFullPrice {
    fn told(&self, _booked: MicroUsd, most: MicroUsd) -> MicroUsd {
        most
    }
}

/// Books all input at the price of input that was in no cache.
pub(super) struct CacheAtFullPrice;

impl ChargePolicy for CacheAtFullPrice {
    fn tokens(&self, _form: AnswerForm, counted: Tokens) -> Tokens {
        Tokens { input: counted.all_input(), cache_read: 0, cache_write: 0, ..counted }
    }
}

/// Takes the request's own word on whom it is for.
pub(super) struct ChargeWhoIsNamed;

impl ChargePolicy for ChargeWhoIsNamed {
    fn payer(
        &self,
        caller: Option<TenantIndex>,
        caller_id: Option<&str>,
        tenants: &Tenants,
    ) -> Option<TenantIndex> {
        caller_id.and_then(|named| tenants.named(named)).or(caller)
    }
}

/// Adds a running total to the one before.
pub(super) struct SumReports;

impl UsagePolicy for SumReports {
    fn take(&self, known: UsageReport, later: UsageReport) -> UsageReport {
        known.joined(later, |known, later| match (known, later) {
            (Some(known), Some(later)) => Some(known.saturating_add(later)),
            _ => known.or(later),
        })
    }
}

/// Looks at what has been charged already, and at nothing that is under way.
pub(super) struct CountSpentOnly;

impl BudgetCheck for CountSpentOnly {
    fn check(&self, balance: &Balance) -> Admission {
        let charged = Balance { reserved: MicroUsd::default(), ..*balance };
        CountReservations.check(&charged)
    }
}

/// Keeps what was set aside for a request whose client left.
pub(super) struct LeavingKeepsReservations;

impl BudgetCheck for LeavingKeepsReservations {
    fn check(&self, balance: &Balance) -> Admission {
        CountReservations.check(balance)
    }

    fn gives_back(&self, became: RowState) -> bool {
        became != RowState::Left
    }
}

/// Reports a budget and holds nobody to it.
pub(super) struct BudgetsAreReports;

impl BudgetCheck for BudgetsAreReports {
    fn check(&self, _balance: &Balance) -> Admission {
        Admission::Admitted
    }
}
