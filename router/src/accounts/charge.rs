//! The charge of one exchange: opened before anything is sent, and closed exactly once, also when the client leaves.

use std::sync::Arc;

use super::{Books, MicroUsd, Receipt, Reservation, RowState, Tokens, UnderWay};
use crate::tenants::{TenantIndex, Tenants};

/// Decides what is booked for an exchange that is over.
pub(crate) trait ChargePolicy: Send + Sync {
    /// The tokens that are booked of those that were counted.
    fn tokens(&self, _form: AnswerForm, counted: Tokens) -> Tokens {
        counted
    }

    /// Whether an exchange is booked at all.
    fn books(&self, _state: RowState) -> bool {
        true
    }

    /// Whether it is kept whom a caller asks for, and what its request belongs to.
    fn keeps_whom_it_is_for(&self) -> bool {
        true
    }

    /// How often an exchange of so many attempts is booked.
    fn times(&self, _attempts: u32) -> u32 {
        1
    }

    /// The tokens that are booked of a failure that is told, of which the provider reported so many and the request had at most
    /// so many.
    fn of_a_failure(&self, reported: Tokens, _most_input: u64) -> Tokens {
        reported
    }

    /// The cost that a client is told of an exchange that was booked with another or the same one.
    fn told(&self, booked: MicroUsd, _most: MicroUsd) -> MicroUsd {
        booked
    }

    /// Who pays: the tenant whose key came, whatever else the request says of itself.
    fn payer(
        &self,
        caller: Option<TenantIndex>,
        _caller_id: Option<&str>,
        _tenants: &Tenants,
    ) -> Option<TenantIndex> {
        caller
    }
}

/// Whether an answer was asked for whole or as a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerForm {
    Whole,
    Streamed,
}

/// The sound policy: each exchange once, all that was counted, to the caller's account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChargeOnce;

impl ChargePolicy for ChargeOnce {}

/// What is known of an exchange before it is over.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) at: std::time::SystemTime,
    pub(crate) caller: Option<TenantIndex>,
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) provider_model: String,
    pub(crate) key: Option<String>,
    pub(crate) key_fingerprint: Option<String>,
    pub(crate) form: AnswerForm,
    pub(crate) attempts: u32,
    pub(crate) caller_id: Option<String>,
    pub(crate) end_user: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) prompt_end: Option<String>,
}

/// Tokens, and how well they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) tokens: Tokens,
    pub(crate) state: RowState,
}

impl Counted {
    /// For a failure: without the provider's own count there is nothing to pay.
    pub(crate) fn nothing() -> Self {
        Self { tokens: Tokens::default(), state: RowState::Settled }
    }
}

/// What became of a charge.
#[derive(Debug, Default)]
pub(crate) struct Booked {
    /// The cost as it is told to the client, if the model has a price.
    pub(crate) cost: Option<MicroUsd>,
    /// Over when the exchange's row is in the ledger, and with it those of its failed attempts.
    pub(crate) receipt: Receipt,
}

/// An open charge. Dropping it means that the client left before anything was delivered.
pub(crate) struct Charge {
    books: Arc<Books>,
    /// Taken when the charge is closed.
    draft: Option<Draft>,
    reservation: Option<Reservation>,
    /// What its failed attempts cost.
    failed: MicroUsd,
    under_way: Option<UnderWay>,
}

impl Charge {
    pub(super) fn new(books: Arc<Books>, draft: Draft, reservation: Option<Reservation>) -> Self {
        let under_way = Some(books.ledger().begin());
        Self { books, draft: Some(draft), reservation, failed: MicroUsd::default(), under_way }
    }

    /// Keeps what was set aside for it until it is closed.
    pub(super) fn hold(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }

    /// Notes who made the last attempt.
    pub(crate) fn served_by(
        &mut self,
        provider: &str,
        provider_model: &str,
        key: Option<(&str, String)>,
        attempts: u32,
    ) {
        let Some(draft) = &mut self.draft else { return };
        if draft.provider != provider {
            provider.clone_into(&mut draft.provider);
        }
        if draft.provider_model != provider_model {
            provider_model.clone_into(&mut draft.provider_model);
        }
        draft.attempts = attempts;
        if let Some((name, fingerprint)) = key {
            draft.key = Some(name.to_owned());
            draft.key_fingerprint = Some(fingerprint);
        }
    }

    /// Books the tokens of a failed attempt with whoever made the latest one, in a row of their own.
    pub(crate) fn failed(&mut self, key: (&str, String), attempts: u32, tokens: Tokens) {
        let Some(draft) = &self.draft else { return };
        let (name, fingerprint) = key;
        let (key, key_fingerprint) = (Some(name.to_owned()), Some(fingerprint));
        let draft = Draft { key, key_fingerprint, attempts, ..draft.clone() };
        let booked = self.books.book_failed(draft, Counted { tokens, state: RowState::Settled });
        self.failed = self.failed.plus(booked.cost.unwrap_or_default());
    }

    /// Books the exchange. `status` is what the client was told, if anything.
    pub(crate) fn close(mut self, status: Option<u16>, counted: Counted) -> Booked {
        self.book(status, counted)
    }

    fn book(&mut self, status: Option<u16>, counted: Counted) -> Booked {
        let Some(draft) = self.draft.take() else { return Booked::default() };
        self.under_way = None;
        let mut booked = self.books.book(draft, status, counted);
        // Only now, so that a cost is never neither reserved nor spent.
        let reservation = self.reservation.take();
        if let Some(reservation) = reservation.filter(|_| !self.books.gives_back(counted.state)) {
            reservation.stay();
        }
        booked.cost = booked.cost.map(|cost| cost.plus(self.failed));
        booked
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.book(None, Counted { tokens: Tokens::default(), state: RowState::Left });
    }
}
