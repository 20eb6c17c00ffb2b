//! What requests cost and who pays: tokens by class, prices, budgets, and the ledger of all that.

mod books;
mod budget;
mod charge;
mod ledger;
mod money;
mod price;
mod tokens;

pub(crate) use books::{Allowance, Books};
pub(crate) use budget::{
    Account, Admission, Balance, BudgetCheck, BudgetRefusal, CountReservations, Reservation,
};
pub(crate) use charge::{AnswerForm, Charge, ChargeOnce, ChargePolicy, Counted, Draft};
pub(crate) use ledger::{Ledger, MemoryLedger, Page, Query, Row, RowState};
pub(crate) use money::MicroUsd;
pub(crate) use price::Price;
pub(crate) use tokens::Tokens;
