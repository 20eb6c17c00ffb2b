//! The decisions of the router gathered as values: which key, how long, whether again, what is charged.

use std::sync::Arc;

use crate::accounts::{BudgetCheck, ChargeOnce, ChargePolicy, CountReservations};
use crate::apis::{CarefulApis, ServicePolicy};
use crate::exchange::{KeyChoice, OpenKeysInTurn, RetryPolicy, RetryWhatMayHelp};
use crate::front::{BorderPolicy, ClosedBorder};
use crate::provider::{AsItIs, HintPolicy, HonourHints, WirePolicy};
use crate::settings::{EveryKeyOnce, SourcePolicy};
use crate::stream::{StreamPolicy, WholeStreams};
use crate::tenants::{FairTenancy, TenancyPolicy};
use crate::upkeep::{CarefulUpkeep, UpkeepPolicy};
use crate::usage::{LatestReport, UsagePolicy};

/// One value for each kind of decision.
pub(crate) struct Policies {
    pub(crate) choice: Box<dyn KeyChoice>,
    pub(crate) retry: Box<dyn RetryPolicy>,
    pub(crate) hints: Box<dyn HintPolicy>,
    pub(crate) border: Box<dyn BorderPolicy>,
    pub(crate) upkeep: Box<dyn UpkeepPolicy>,
    pub(crate) apis: Box<dyn ServicePolicy>,
    // These are asked until the last byte of an answer, which outlives the request.
    pub(crate) wire: Arc<dyn WirePolicy>,
    pub(crate) streams: Arc<dyn StreamPolicy>,
    pub(crate) usage: Arc<dyn UsagePolicy>,
    pub(crate) charging: Arc<dyn ChargePolicy>,
    pub(crate) budgets: Arc<dyn BudgetCheck>,
    pub(crate) tenancy: Arc<dyn TenancyPolicy>,
    pub(crate) sources: Arc<dyn SourcePolicy>,
}

impl Policies {
    /// The decisions that keep the contract.
    pub(crate) fn sound() -> Self {
        Self {
            choice: Box::new(OpenKeysInTurn),
            retry: Box::new(RetryWhatMayHelp),
            hints: Box::new(HonourHints),
            border: Box::new(ClosedBorder),
            upkeep: Box::new(CarefulUpkeep),
            apis: Box::new(CarefulApis),
            wire: Arc::new(AsItIs),
            streams: Arc::new(WholeStreams),
            usage: Arc::new(LatestReport),
            charging: Arc::new(ChargeOnce),
            budgets: Arc::new(CountReservations),
            tenancy: Arc::new(FairTenancy),
            sources: Arc::new(EveryKeyOnce),
        }
    }
}
