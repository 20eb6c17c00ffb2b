//! Faults in counting, charging and budgets.

use std::sync::Arc;

use super::Defect;
use crate::accounts::{AnswerForm, BudgetCheck, ChargePolicy, MicroUsd, RowState, Tokens};
use crate::policy::Policies;
use crate::tenants::{TenantIndex, Tenants};
use crate::usage::{UsagePolicy, UsageReport};

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "charges-streams-nothing",
        about: "the usage at the end of a stream was not read, so that streamed answers stood in the \
                ledger with no tokens and no cost",
        cites: "ferro-labs/ai-gateway#281, defilantech/LLMKube#1852",
        switch_on: |sound| Policies { charging: Arc::new(StreamsAreFree), ..sound },
    },
    Defect {
        name: "charges-cached-tokens-in-full",
        about: "tokens that came from the provider's cache were booked and billed as new input",
        cites: "BerriAI/litellm#11789",
        switch_on: |sound| Policies { charging: Arc::new(CacheAtFullPrice), ..sound },
    },
    Defect {
        name: "charges-only-whole-streams",
        about: "a stream was booked at its end only, so that a client that left before it had no row",
        cites: "BerriAI/litellm#33736",
        switch_on: |sound| Policies { charging: Arc::new(LeavingIsFree), ..sound },
    },
    Defect {
        name: "charges-retries-twice",
        about: "each attempt of a request was booked by itself, so that a request that was retried \
                was charged again for every retry",
        cites: "BerriAI/litellm#15740, BerriAI/litellm#39455",
        switch_on: |sound| Policies { charging: Arc::new(ChargeEveryAttempt), ..sound },
    },
    Defect {
        name: "charges-both-ends",
        about: "a request was booked when its answer began and again when it ended",
        cites: "BerriAI/litellm#15740",
        switch_on: |sound| Policies { charging: Arc::new(ChargeBothEnds), ..sound },
    },
    Defect {
        name: "charges-another-tenant",
        about: "the end user that a request names of itself decided who pays, so that a caller could \
                move its cost to another tenant",
        cites: "BerriAI/litellm#11083",
        switch_on: |sound| Policies { charging: Arc::new(ChargeWhoIsNamed), ..sound },
    },
    Defect {
        name: "loses-end-users",
        about: "the end user and the tags that a request names were not kept, so that nobody could say for whom \
                the money was spent",
        cites: "BerriAI/litellm#17633, BerriAI/litellm#31584",
        switch_on: |sound| Policies { charging: Arc::new(NobodyInParticular), ..sound },
    },
    Defect {
        name: "sums-cumulative-usage",
        about: "usage that is reported again and again as a running total was added up, so that a \
                stream cost many times what it did",
        cites: "BerriAI/litellm#9812, BerriAI/litellm#40006",
        switch_on: |sound| Policies { usage: Arc::new(SumReports), ..sound },
    },
    Defect {
        name: "checks-budget-after-charge",
        about: "a budget was compared with what had already been charged, and requests under way did \
                not count, so that many at once went far beyond it",
        cites: "BerriAI/litellm#34732, BerriAI/litellm#40095",
        switch_on: |sound| Policies { budgets: Arc::new(CountSpentOnly), ..sound },
    },
    Defect {
        name: "reports-budgets-only",
        about: "a budget that was used up was reported, and requests were served all the same",
        cites: "BerriAI/litellm#26672, BerriAI/litellm#23714",
        switch_on: |sound| Policies { budgets: Arc::new(BudgetsAreReports), ..sound },
    },
    Defect {
        name: "keeps-reservations",
        about: "what had been set aside for a request was not given back when its client left",
        cites: "BerriAI/litellm#30522",
        switch_on: |sound| Policies { budgets: Arc::new(LeavingKeepsReservations), ..sound },
    },
    Defect {
        name: "tells-another-cost",
        about: "the cost in the answer's head was not the one in the ledger",
        cites: "BerriAI/litellm#26475",
        switch_on: |sound| Policies { charging: Arc::new(ToldAtFullPrice), ..sound },
    },
    Defect {
        name: "charges-failures",
        about: "a request that failed was charged with what it would have cost at most",
        cites: "kortix-ai/suna#4821",
        switch_on: |sound| Policies { charging: Arc::new(FailuresCost), ..sound },
    },
    Defect {
        name: "counts-reservations-as-spent",
        about: "what had been set aside for a request counted as spent when it was over, besides what it had \
                cost",
        cites: "BerriAI/litellm#36926",
        switch_on: |sound| Policies { budgets: Arc::new(ReservedIsSpent), ..sound },
    },
];

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

/// Keeps nothing of what a request says of itself.
pub(super) struct NobodyInParticular;

impl ChargePolicy for NobodyInParticular {
    fn keeps_whom_it_is_for(&self) -> bool {
        false
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
    fn counts_reserved(&self) -> bool {
        false
    }
}

/// Keeps what was set aside for a request whose client left.
pub(super) struct LeavingKeepsReservations;

impl BudgetCheck for LeavingKeepsReservations {
    fn gives_back(&self, became: RowState) -> bool {
        became != RowState::Left
    }
}

/// Reports a budget and holds nobody to it.
pub(super) struct BudgetsAreReports;

impl BudgetCheck for BudgetsAreReports {
    fn is_binding(&self) -> bool {
        false
    }
}

/// Books the input of a request that failed.
pub(super) struct FailuresCost;

impl ChargePolicy for FailuresCost {
    fn of_a_failure(&self, reported: Tokens, most_input: u64) -> Tokens {
        Tokens { input: reported.input.max(most_input), ..reported }
    }
}

/// Keeps what was set aside, whatever a request has cost.
pub(super) struct ReservedIsSpent;

impl BudgetCheck for ReservedIsSpent {
    fn gives_back(&self, _became: RowState) -> bool {
        false
    }
}
