//! The books: prices, the tenants' accounts and the ledger, joined when an exchange is booked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Accounts, Booked, BudgetCheck, BudgetRefusal, Charge, ChargePolicy, Counted, Draft, Ledger, LedgerError,
    LedgerPlace, Price, Receipt, Row, RowKind, RowState,
};
use crate::policy::Policies;
use crate::tenants::Tenants;

/// Everything that is needed to book an exchange.
pub(crate) struct Books {
    tenants: Tenants,
    prices: BTreeMap<String, Price>,
    ledger: Arc<Ledger>,
    charging: Arc<dyn ChargePolicy>,
    budgets: Arc<dyn BudgetCheck>,
}

/// What was booked, which outlives the settings: the rows, and what everybody has spent.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) accounts: Arc<Accounts>,
}

impl Records {
    /// Opens the ledger at a place, where what was spent is known as well. It blocks for as long as the disk does.
    pub(crate) fn open(place: LedgerPlace, flushes: bool) -> Result<Self, LedgerError> {
        let (ledger, balances) = Ledger::open(place, flushes)?;
        let accounts = Arc::new(Accounts::following(&balances, ledger.identity()));
        Ok(Self { ledger: Arc::new(ledger), accounts })
    }
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
        ledger: &Arc<Ledger>,
        policies: &Policies,
    ) -> Self {
        Self {
            tenants,
            prices,
            ledger: Arc::clone(ledger),
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
                charge.close(Some(refused_with(refusal)), Counted::nothing()).receipt.kept().await;
                Err(refusal)
            }
        }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether what was set aside for a request is given back.
    pub(super) fn gives_back(&self, became: RowState) -> bool {
        self.budgets.gives_back(became)
    }

    /// Books a failed attempt.
    pub(super) fn book_failed(&self, draft: Draft, counted: Counted) -> Booked {
        self.book_times(1, RowKind::FailedAttempt, draft, None, counted)
    }

    /// Books an exchange, and gives the cost as it is told to the client.
    pub(super) fn book(&self, draft: Draft, status: Option<u16>, counted: Counted) -> Booked {
        let times = self.charging.times(draft.attempts);
        self.book_times(times, RowKind::Exchange, draft, status, counted)
    }

    fn book_times(
        &self,
        times: u32,
        kind: RowKind,
        draft: Draft,
        status: Option<u16>,
        counted: Counted,
    ) -> Booked {
        let payer = self.charging.payer(draft.caller, draft.caller_id.as_deref(), &self.tenants);
        let payer = payer.map(|payer| self.tenants.get(payer));
        let tokens = self.charging.tokens(draft.form, counted.tokens);
        let price = self.prices.get(&draft.provider_model);
        let cost = price.map(|price| price.cost(&tokens));
        let most = price.map(|price| price.most(tokens.all_input(), tokens.output)).unwrap_or_default();
        let told = cost.map(|cost| self.charging.told(cost, most));
        let row = Row {
            id: draft.id,
            kind,
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
        let mut booked = Booked { cost: told, receipt: Receipt::default() };
        if self.charging.books(row.state) {
            let account = payer.and_then(|payer| payer.account());
            let book = |row| {
                let spent = account.zip(cost).map(|(account, cost)| account.spend(cost));
                self.ledger.record(row, spent)
            };
            for _ in 1..times {
                drop(book(row.clone()));
            }
            booked.receipt = book(row);
        }
        booked
    }
}
