//! Budgets: an amount is reserved before a request is sent, and settled when its cost is known.
//!
//! A request whose turn depends on what others under way will cost waits for them for a while: so neither is a budget
//! overdrawn by more than the requests that were let in, nor is anybody refused while money is left.

mod together;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use self::together::SharedStanding;
use super::desk::Desk;
use super::window::Window;
use super::{BudgetWindow, MicroUsd, RowState};

/// Decides whether a budget has room for one more request.
pub(crate) trait BudgetCheck: Send + Sync {
    /// The decision at this moment. Called with the account locked, so it must not wait.
    fn check(&self, balance: &Balance) -> Admission {
        let reserved = if self.counts_reserved() { balance.reserved } else { MicroUsd::default() };
        if !self.is_binding() {
            Admission::Admitted
        } else if balance.spent >= balance.budget {
            Admission::Exceeded
        } else if balance.spent.plus(reserved) >= balance.budget {
            Admission::InDoubt
        } else {
            Admission::Admitted
        }
    }

    /// Whether anybody is refused.
    fn is_binding(&self) -> bool {
        true
    }

    /// Whether what requests under way may cost counts as much as what was spent.
    fn counts_reserved(&self) -> bool {
        true
    }

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

impl BudgetCheck for CountReservations {}

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
    /// How often the budget was made fresh.
    turn: u64,
    shared: SharedStanding,
}

/// How one more request fares.
enum Tried {
    Decided(Admission, Option<Instant>),
    /// All routers decide together.
    Together(Arc<Desk>),
}

/// What a cost was booked in, to keep what was spent in the same transaction as the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// A higher one begins with nothing spent.
    pub(crate) turn: u64,
    pub(crate) window: Option<BudgetWindow>,
}

/// What a tenant had spent when it was last booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptBalance {
    pub(crate) tenant: String,
    pub(crate) spent: MicroUsd,
    pub(crate) turn: u64,
    pub(crate) window: Option<BudgetWindow>,
}

impl Standing {
    /// Makes the budget fresh again when its time has come. What is set aside stays so: it is spent in the window in which
    /// it is settled, and none of it is lost.
    fn renew(&mut self, now: Instant) {
        // Where all routers share a window, it is theirs to say that it is over.
        let is_alone = self.shared.desk.as_ref().is_none_or(|desk| !desk.is_up());
        if is_alone && self.window.as_mut().is_some_and(|window| window.renew(now)) {
            self.begin_turn();
        }
    }

    fn begin_turn(&mut self) {
        self.balance.spent = MicroUsd::default();
        self.turn += 1;
        (self.shared.others, self.shared.told) = Default::default();
    }

    /// Tells the others that something changed.
    fn change(&self) {
        if let Some(desk) = &self.shared.desk {
            desk.change();
        }
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
        Self::standing_at(Standing {
            balance,
            window: per.map(Window::beginning),
            turn: 0,
            shared: SharedStanding::default(),
        })
    }

    /// Goes on with what was spent before the router started. The settings say what the budget is.
    pub(super) fn following(kept: &KeptBalance) -> Self {
        let balance = Balance { spent: kept.spent, ..Balance::default() };
        let followed = kept.window.map(Window::following);
        let window = followed.map(|(window, _)| window);
        let mut standing = Standing { balance, window, turn: kept.turn, shared: SharedStanding::default() };
        if followed.is_some_and(|(_, is_another)| is_another) {
            standing.begin_turn();
        }
        Self::standing_at(standing)
    }

    fn standing_at(standing: Standing) -> Self {
        Self { standing: Mutex::new(standing), changed: Notify::new() }
    }

    /// Takes over a budget of new settings. What was spent and set aside stays, and so does the window if it is as long.
    pub(crate) fn adjust(&self, budget: MicroUsd, per: Option<Duration>) {
        let mut standing = self.standing(Instant::now());
        standing.balance.budget = budget;
        if standing.window.map(|window| window.length()) != per {
            standing.window = per.map(Window::beginning);
            (standing.shared.told, standing.shared.has_agreed) = Default::default();
        }
        standing.change();
        drop(standing);
        self.changed.notify_waiters();
    }

    /// Sets an amount aside, as soon as the check lets it.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        amount: MicroUsd,
        check: &dyn BudgetCheck,
    ) -> Result<Reservation, BudgetRefusal> {
        self.reserve_until(amount, check, Instant::now() + LONGEST_DOUBT).await
    }

    /// The same without waiting longer than until a moment.
    pub(crate) async fn reserve_until(
        self: &Arc<Self>,
        amount: MicroUsd,
        check: &dyn BudgetCheck,
        deadline: Instant,
    ) -> Result<Reservation, BudgetRefusal> {
        let mut together = true;
        loop {
            // Made before the check, so that no change after it is missed.
            let changed = self.changed.notified();
            let (admission, fresh_at) = match self.try_reserve(amount, check, together) {
                Tried::Decided(admission, fresh_at) => (admission, fresh_at),
                Tried::Together(desk) => match desk.ask(amount, check, deadline).await {
                    Some(told) => return told,
                    None => {
                        together = false;
                        continue;
                    }
                },
            };
            match admission {
                Admission::Admitted => return Ok(Reservation::of(self, amount)),
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
    pub(crate) fn spend(&self, cost: MicroUsd) -> Spent {
        let mut standing = self.standing(Instant::now());
        standing.balance.spent = standing.balance.spent.plus(cost);
        standing.change();
        Spent { turn: standing.turn, window: standing.window.map(|window| window.kept()) }
    }

    /// The decision, and when the budget is fresh again.
    fn try_reserve(&self, amount: MicroUsd, check: &dyn BudgetCheck, together: bool) -> Tried {
        let mut standing = self.standing(Instant::now());
        let desk = standing.shared.desk.as_ref().filter(|_| together && check.is_binding());
        if let Some(desk) = desk.filter(|desk| desk.may_be_up()) {
            return Tried::Together(Arc::clone(desk));
        }
        let of_all =
            Balance { spent: standing.balance.spent.plus(standing.shared.others), ..standing.balance };
        let admission = check.check(&of_all);
        if admission == Admission::Admitted {
            standing.balance.reserved = standing.balance.reserved.plus(amount);
        }
        Tried::Decided(admission, standing.window.map(|window| window.end()))
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
    /// One that has been set aside.
    pub(super) fn of(account: &Arc<Account>, amount: MicroUsd) -> Self {
        Self { account: Arc::clone(account), amount }
    }

    /// Leaves the amount set aside.
    pub(crate) fn stay(mut self) {
        self.amount = MicroUsd::default();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut standing = self.account.standing(Instant::now());
        standing.balance.reserved = standing.balance.reserved.minus(self.amount);
        standing.change();
        drop(standing);
        self.account.changed.notify_waiters();
    }
}
