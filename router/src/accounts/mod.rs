//! What requests cost and who pays: tokens by class, prices, budgets, and the ledger of all that.

mod all_accounts;
mod books;
mod budget;
mod charge;
mod desk;
mod ledger;
mod money;
mod price;
mod tokens;
mod window;

pub(crate) use all_accounts::Accounts;
pub(crate) use books::{Allowance, Books, Records};
#[cfg(test)]
pub(crate) use budget::Balance;
pub(crate) use budget::{
    Account, BudgetCheck, BudgetRefusal, CountReservations, KeptBalance, Reservation, Spent,
};
pub(crate) use charge::{AnswerForm, Booked, Charge, ChargeOnce, ChargePolicy, Counted, Draft};
pub(crate) use desk::SharedName;
pub(crate) use ledger::{
    Ledger, LedgerError, LedgerPlace, LedgerStanding, Query, Receipt, Row, RowKind, RowState, UnderWay,
    Unlisted,
};
pub(crate) use money::MicroUsd;
pub(crate) use price::Price;
pub(crate) use tokens::Tokens;
pub(crate) use window::BudgetWindow;
