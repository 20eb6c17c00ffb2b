//! Budgets: an amount is reserved before a request is sent, and settled when its cost is known.
//!
//! A request whose turn depends on what others under way will cost waits for them for a while: so neither is a budget
//! overdrawn by more than the requests that were let in, nor is anybody refused while money is left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{MicroUsd, RowState};

/// Decides whether a budget has room for one more request.
pub(crate) trait BudgetCheck: Send + Sync {
    /// The decision at this moment. Called with the account locked, so it must not wait.
    fn check(&self, balance: &Balance) -> Admission;

    /// Whether what was set aside for a request is given back, whatever became of it.
    fn gives_back(&self, _became: RowState) -> bool {
        true
    }
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
    standing: Mutex<Standing>,
    changed: Notify,
}

#[derive(Debug)]
struct Standing {
    balance: Balance,
    /// Absent: the budget is for all time.
    window: Option<Window>,
}

/// The time for which a budget is. One follows the other without a gap.
#[derive(Debug, Clone, Copy)]
struct Window {
    length: Duration,
    end: Instant,
}

impl Window {
    fn beginning(length: Duration, now: Instant) -> Self {
        Self { length, end: now + length }
    }
}

impl Standing {
    /// Makes the budget fresh again when its time has come. What is set aside stays so: it is spent in the window in which
    /// it is settled, and none of it is lost.
    fn renew(&mut self, now: Instant) {
        let Some(window) = self.window.as_mut().filter(|window| window.end <= now) else { return };
        let late = now.saturating_duration_since(window.end).as_nanos() / window.length.as_nanos().max(1);
        let missed = u32::try_from(late).unwrap_or(u32::MAX - 1) + 1;
        window.end += window.length.saturating_mul(missed);
        self.balance.spent = MicroUsd::default();
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BudgetRefusal {
    /// The budget is used up; after a time it may be fresh again.
    Exceeded { fresh_in: Option<Duration> },
    /// What is left was reserved by requests under way for as long as it was waited.
    Reserved,
}

/// How long a request waits for others to be settled.
const LONGEST_DOUBT: Duration = Duration::from_secs(5);

impl Account {
    /// `per` is the time after which the budget is fresh again.
    pub(crate) fn new(budget: MicroUsd, per: Option<Duration>) -> Self {
        let balance = Balance { budget, ..Balance::default() };
        let window = per.map(|length| Window::beginning(length, Instant::now()));
        Self { standing: Mutex::new(Standing { balance, window }), changed: Notify::new() }
    }

    /// Takes over a budget of new settings. What was spent and set aside stays, and so does the window if it is as long.
    pub(crate) fn adjust(&self, budget: MicroUsd, per: Option<Duration>) {
        let now = Instant::now();
        let mut standing = self.standing(now);
        standing.balance.budget = budget;
        standing.window = per.map(|length| match standing.window {
            Some(window) if window.length == length => window,
            _ => Window::beginning(length, now),
        });
        drop(standing);
        self.changed.notify_waiters();
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
            let (admission, fresh_at) = self.try_reserve(amount, check);
            match admission {
                Admission::Admitted => return Ok(Reservation { account: Arc::clone(self), amount }),
                Admission::Exceeded => {
                    let fresh_in = fresh_at.map(|at| at.saturating_duration_since(Instant::now()));
                    return Err(BudgetRefusal::Exceeded { fresh_in });
                }
                Admission::InDoubt => {
                    let until = fresh_at.map_or(deadline, |at| at.min(deadline));
                    let is_late = timeout_at(until, changed).await.is_err();
                    if is_late && Instant::now() >= deadline {
                        return Err(BudgetRefusal::Reserved);
                    }
                }
            }
        }
    }

    /// Books a cost.
    pub(crate) fn spend(&self, cost: MicroUsd) {
        let balance = &mut self.standing(Instant::now()).balance;
        balance.spent = balance.spent.plus(cost);
    }

    /// The decision, and when the budget is fresh again.
    fn try_reserve(&self, amount: MicroUsd, check: &dyn BudgetCheck) -> (Admission, Option<Instant>) {
        let mut standing = self.standing(Instant::now());
        let admission = check.check(&standing.balance);
        if admission == Admission::Admitted {
            standing.balance.reserved = standing.balance.reserved.plus(amount);
        }
        (admission, standing.window.map(|window| window.end))
    }

    fn standing(&self, now: Instant) -> MutexGuard<'_, Standing> {
        // Every step under the lock leaves the balance whole.
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.renew(now);
        standing
    }
}

/// An amount set aside, given back when dropped. A cost is booked first, so that at no moment it is missing.
#[derive(Debug)]
pub(crate) struct Reservation {
    account: Arc<Account>,
    amount: MicroUsd,
}

impl Reservation {
    /// Leaves the amount set aside.
    pub(super) fn stay(mut self) {
        self.amount = MicroUsd::default();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut standing = self.account.standing(Instant::now());
        standing.balance.reserved = standing.balance.reserved.minus(self.amount);
        drop(standing);
        self.account.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(budget: u64) -> Arc<Account> {
        Arc::new(Account::new(MicroUsd(budget), None))
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
        assert_eq!(reserve(&account, 1).await.unwrap_err(), BudgetRefusal::Exceeded { fresh_in: None });
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_doubt_waits_for_those_under_way() {
        for (cost, expected) in [(10, None), (100, Some(BudgetRefusal::Exceeded { fresh_in: None }))] {
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
        let balance = account.standing(Instant::now()).balance;
        assert_eq!((balance.spent, balance.reserved), (MicroUsd(1_040), MicroUsd(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_fresh_again_on_time_and_once_and_no_spend_is_lost() {
        let (second, begin) = (Duration::from_secs(1), Instant::now());
        let account = Arc::new(Account::new(MicroUsd(100), Some(second)));
        let across = reserve(&account, 60).await.unwrap();
        account.spend(MicroUsd(100));
        let refused = reserve(&account, 1).await.unwrap_err();
        assert_eq!(refused, BudgetRefusal::Exceeded { fresh_in: Some(second) });
        tokio::time::sleep_until(begin + second).await;
        // What is under way is settled in the window in which it ends.
        account.spend(MicroUsd(60));
        drop(across);
        let balance = account.standing(Instant::now()).balance;
        assert_eq!((balance.spent, balance.reserved), (MicroUsd(60), MicroUsd(0)));
        tokio::time::sleep_until(begin + second * 2 - Duration::from_millis(2)).await;
        assert_eq!(account.standing(Instant::now()).balance.spent, MicroUsd(60), "not before its time");
        tokio::time::sleep_until(begin + second * 7 / 2).await;
        account.spend(MicroUsd(1));
        assert_eq!(account.standing(Instant::now()).balance.spent, MicroUsd(1));
        tokio::time::sleep_until(begin + second * 4).await;
        assert_eq!(
            account.standing(Instant::now()).balance.spent,
            MicroUsd(0),
            "windows that nobody used count, too"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_doubt_gets_its_answer_when_the_budget_is_fresh() {
        let second = Duration::from_secs(1);
        let account = Arc::new(Account::new(MicroUsd(100), Some(second)));
        account.spend(MicroUsd(50));
        let _under_way = reserve(&account, 50).await.unwrap();
        let begin = Instant::now();
        assert!(reserve(&account, 10).await.is_ok());
        assert_eq!(begin.elapsed(), second);
    }

    #[tokio::test(start_paused = true)]
    async fn new_settings_leave_what_was_spent() {
        let account = account(100);
        account.spend(MicroUsd(100));
        account.adjust(MicroUsd(150), None);
        assert!(reserve(&account, 1).await.is_ok());
        account.adjust(MicroUsd(90), None);
        assert!(reserve(&account, 1).await.is_err());
    }
}
