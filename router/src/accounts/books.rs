//! The books: prices, the tenants' accounts and the ledger, joined when an exchange is booked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    BudgetCheck, BudgetRefusal, Charge, ChargePolicy, Counted, Draft, Ledger, MicroUsd, Page, Price, Query,
    Row, RowState,
};
use crate::policy::Policies;
use crate::tenants::Tenants;

/// Everything that is needed to book an exchange.
pub(crate) struct Books {
    tenants: Tenants,
    prices: BTreeMap<String, Price>,
    ledger: Arc<dyn Ledger>,
    charging: Arc<dyn ChargePolicy>,
    budgets: Arc<dyn BudgetCheck>,
}

/// What a request may use up, before its answer is known.
#[derive(Debug)]
pub(crate) struct Allowance<'a> {
    pub(crate) input: u64,
    pub(crate) output: u64,
    /// The provider's names of the models that it may be asked of as well.
    pub(crate) or_models: Vec<&'a str>,
}

impl Books {
    /// Prices stand by the provider's name of a model.
    pub(crate) fn new(
        tenants: Tenants,
        prices: BTreeMap<String, Price>,
        ledger: Arc<dyn Ledger>,
        policies: &Policies,
    ) -> Self {
        Self {
            tenants,
            prices,
            ledger,
            charging: Arc::clone(&policies.charging),
            budgets: Arc::clone(&policies.budgets),
        }
    }

    pub(crate) fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Opens the charge of an exchange, as soon as the caller's budget has room for it. A refusal is booked, too.
    pub(crate) async fn open(
        self: &Arc<Self>,
        draft: Draft,
        allowance: Allowance<'_>,
        refused_with: impl Fn(BudgetRefusal) -> u16,
    ) -> Result<Charge, BudgetRefusal> {
        let account = draft.caller.and_then(|caller| self.tenants.get(caller).account());
        let Some(account) = account else { return Ok(Charge::new(Arc::clone(self), draft, None)) };
        let models = allowance.or_models.iter().copied().chain([draft.provider_model.as_str()]);
        let prices = models.filter_map(|model| self.prices.get(model));
        let most = prices.map(|price| price.most(allowance.input, allowance.output)).max();
        let most = most.unwrap_or_default();
        // Held while waiting, so that a client that leaves meanwhile has its row as well.
        let mut charge = Charge::new(Arc::clone(self), draft, None);
        match account.reserve(most, self.budgets.as_ref()).await {
            Ok(reservation) => {
                charge.hold(reservation);
                Ok(charge)
            }
            Err(refusal) => {
                charge.close(Some(refused_with(refusal)), Counted::nothing());
                Err(refusal)
            }
        }
    }

    /// The ledger's rows.
    pub(crate) fn rows(&self, query: &Query) -> Page {
        self.ledger.rows(query)
    }

    /// Whether what was set aside for a request is given back.
    pub(super) fn gives_back(&self, became: RowState) -> bool {
        self.budgets.gives_back(became)
    }

    /// Books one row, and gives the cost as it is told to the client.
    pub(super) fn book_once(&self, draft: Draft, status: Option<u16>, counted: Counted) -> Option<MicroUsd> {
        self.book_times(1, draft, status, counted)
    }

    /// Books an exchange, and gives the cost as it is told to the client.
    pub(super) fn book(&self, draft: Draft, status: Option<u16>, counted: Counted) -> Option<MicroUsd> {
        let times = self.charging.times(draft.attempts);
        self.book_times(times, draft, status, counted)
    }

    fn book_times(
        &self,
        times: u32,
        draft: Draft,
        status: Option<u16>,
        counted: Counted,
    ) -> Option<MicroUsd> {
        let payer = self.charging.payer(draft.caller, draft.caller_id.as_deref(), &self.tenants);
        let payer = payer.map(|payer| self.tenants.get(payer));
        let tokens = self.charging.tokens(draft.form, counted.tokens);
        let price = self.prices.get(&draft.provider_model);
        let cost = price.map(|price| price.cost(&tokens));
        let most = price.map(|price| price.most(tokens.all_input(), tokens.output)).unwrap_or_default();
        let told = cost.map(|cost| self.charging.told(cost, most));
        let row = Row {
            id: draft.id,
            at: draft.at,
            tenant: payer.map(|payer| payer.name().to_owned()),
            model: draft.model,
            provider: draft.provider,
            provider_model: draft.provider_model,
            key: draft.key,
            key_fingerprint: draft.key_fingerprint,
            status,
            stream: draft.form == super::AnswerForm::Streamed,
            attempts: draft.attempts,
            tokens,
            cost,
            state: counted.state,
            caller_id: draft.caller_id,
            end_user: draft.end_user,
            tags: draft.tags,
            prompt_end: draft.prompt_end,
        };
        if !self.charging.books(row.state) {
            return told;
        }
        for _ in 0..times {
            if let (Some(account), Some(cost)) = (payer.and_then(|payer| payer.account()), cost) {
                account.spend(cost);
            }
            self.ledger.record(row.clone());
        }
        told
    }
}
