//! Budgets: an amount is reserved before a request is sent, and settled when its cost is known.
//!
//! A request whose turn depends on what others under way will cost waits for them for a while: so neither is a budget
//! overdrawn by more than the requests that were let in, nor is anybody refused while money is left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::MicroUsd;

/// Decides whether a budget has room for one more request.
pub(crate) trait BudgetCheck: Send + Sync {
    /// The decision at this moment. Called with the account locked, so it must not wait.
    fn check(&self, balance: &Balance) -> Admission;
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Balance {
    pub(crate) budget: MicroUsd,
    /// What requests that are over have cost.
    pub(crate) spent: MicroUsd,
    /// What requests under way may cost.
    pub(crate) reserved: MicroUsd,
}

/// The answer to one more request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// It depends on what the requests under way will cost.
    InDoubt,
    /// The budget is used up.
    Exceeded,
}

/// The sound check: reservations count as much as what was spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountReservations;

impl BudgetCheck for CountReservations {
    fn check(&self, balance: &Balance) -> Admission {
        if balance.spent >= balance.budget {
            Admission::Exceeded
        } else if balance.spent.plus(balance.reserved) >= balance.budget {
            Admission::InDoubt
        } else {
            Admission::Admitted
        }
    }
}

/// A tenant's budget while the router runs.
#[derive(Debug)]
pub(crate) struct Account {
    balance: Mutex<Balance>,
    changed: Notify,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BudgetRefusal {
    /// The budget is used up.
    Exceeded,
    /// What is left was reserved by requests under way for as long as it was waited.
    Reserved,
}

/// How long a request waits for others to be settled.
const LONGEST_DOUBT: Duration = Duration::from_secs(5);

impl Account {
    pub(crate) fn new(budget: MicroUsd) -> Self {
        let balance = Balance { budget, ..Balance::default() };
        Self { balance: Mutex::new(balance), changed: Notify::new() }
    }

    /// Sets an amount aside, as soon as the check lets it.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        amount: MicroUsd,
        check: &dyn BudgetCheck,
    ) -> Result<Reservation, BudgetRefusal> {
        let deadline = Instant::now() + LONGEST_DOUBT;
        loop {
            // Made before the check, so that no change after it is missed.
            let changed = self.changed.notified();
            match self.try_reserve(amount, check) {
                Admission::Admitted => return Ok(Reservation { account: Arc::clone(self), amount }),
                Admission::Exceeded => return Err(BudgetRefusal::Exceeded),
                Admission::InDoubt => {
                    timeout_at(deadline, changed).await.map_err(|_| BudgetRefusal::Reserved)?;
                }
            }
        }
    }

    /// Books a cost.
    pub(crate) fn spend(&self, cost: MicroUsd) {
        let mut balance = self.balance();
        balance.spent = balance.spent.plus(cost);
    }

    fn try_reserve(&self, amount: MicroUsd, check: &dyn BudgetCheck) -> Admission {
        let mut balance = self.balance();
        let admission = check.check(&balance);
        if admission == Admission::Admitted {
            balance.reserved = balance.reserved.plus(amount);
        }
        admission
    }

    fn balance(&self) -> MutexGuard<'_, Balance> {
        // Every step under the lock leaves the balance whole.
        self.balance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An amount set aside, given back when dropped. A cost is booked first, so that at no moment it is missing.
#[derive(Debug)]
pub(crate) struct Reservation {
    account: Arc<Account>,
    amount: MicroUsd,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut balance = self.account.balance();
        balance.reserved = balance.reserved.minus(self.amount);
        drop(balance);
        self.account.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(budget: u64) -> Arc<Account> {
        Arc::new(Account::new(MicroUsd(budget)))
    }

    async fn reserve(account: &Arc<Account>, amount: u64) -> Result<Reservation, BudgetRefusal> {
        account.reserve(MicroUsd(amount), &CountReservations).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_is_used_up_lets_nobody_in() {
        let account = account(100);
        let reservation = reserve(&account, 500).await.expect("money is left, whatever a request may cost");
        account.spend(MicroUsd(100));
        drop(reservation);
        assert_eq!(reserve(&account, 1).await.unwrap_err(), BudgetRefusal::Exceeded);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_doubt_waits_for_those_under_way() {
        for (cost, expected) in [(10, None), (100, Some(BudgetRefusal::Exceeded))] {
            let account = account(100);
            let first = reserve(&account, 100).await.unwrap();
            let second = tokio::spawn({
                let account = Arc::clone(&account);
                async move { reserve(&account, 100).await.err() }
            });
            tokio::task::yield_now().await;
            assert!(!second.is_finished());
            account.spend(MicroUsd(cost));
            drop(first);
            assert_eq!(second.await.unwrap(), expected, "cost {cost}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_is_bounded() {
        let account = account(100);
        let _first = reserve(&account, 100).await.unwrap();
        let begin = Instant::now();
        assert_eq!(reserve(&account, 1).await.unwrap_err(), BudgetRefusal::Reserved);
        assert_eq!(begin.elapsed(), LONGEST_DOUBT);
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_overdraw_by_no_more_than_one_request() {
        let account = account(1_000);
        account.spend(MicroUsd(990));
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let account = Arc::clone(&account);
            clients.spawn(async move {
                let Ok(reservation) = reserve(&account, 50).await else { return 0 };
                tokio::time::sleep(Duration::from_millis(1)).await;
                account.spend(MicroUsd(50));
                drop(reservation);
                1
            });
        }
        assert_eq!(clients.join_all().await.into_iter().sum::<i32>(), 1);
        let balance = *account.balance();
        assert_eq!((balance.spent, balance.reserved), (MicroUsd(1_040), MicroUsd(0)));
    }
}
