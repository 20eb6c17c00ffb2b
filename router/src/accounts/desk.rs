//! The desk at which an account is kept for all routers that share: a script decides who is let in, and takes in what was spent.
//!
//! An account has one call under way at most, which speaks for everybody who waits here. What it tells are wholes: all that
//! this router has spent in the window, all that it has set aside. So nothing is counted twice when a call is made again, and
//! nothing is lost when the store forgets or is away: the next call tells it. Who is in doubt stays in line.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use redis::Script;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::MicroUsd;
use super::budget::{Account, BudgetCheck, BudgetRefusal, Reservation};
use crate::shared::{ALIVE, Contact, Link, PREFIX, Told};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("desk.lua")));

/// So many who wait are spoken for in one call.
const MOST_AT_ONCE: usize = 256;
/// Between two looks for those in doubt: what another router's requests came to is not told to this one.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The store counts in doubles, which are exact up to here: nine thousand million dollars.
const MOST: u64 = 1 << 53;

/// Where those ask who want to be let in.
#[derive(Debug)]
pub(crate) struct Desk {
    link: Arc<Link>,
    wants: mpsc::Sender<Want>,
    changed: Arc<Notify>,
}

/// What an account is called in the store.
#[derive(Debug, Clone)]
pub(crate) struct SharedName {
    pub(crate) account: String,
    /// Whose part of what was spent this router's is: outlives the router where its ledger does.
    pub(crate) part: String,
}

/// Somebody who wants to be let in.
struct Want {
    amount: MicroUsd,
    counts_reserved: bool,
    /// Whether a doubt is waited for.
    waits: bool,
    told: oneshot::Sender<Verdict>,
}

enum Verdict {
    LetIn(Reservation),
    Exceeded { fresh_in: Option<Duration> },
    InDoubt,
}

/// What this router tells of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mine {
    pub(super) budget: MicroUsd,
    pub(super) spent: MicroUsd,
    pub(super) reserved: MicroUsd,
    /// Its window's length and begin in milliseconds; nothing when the budget is for all time.
    pub(super) window: (u64, u64),
}

/// What the store says.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfAll {
    pub(super) begin: u64,
    /// By all.
    pub(super) spent: MicroUsd,
    /// By this router, as the store knows it.
    pub(super) part: MicroUsd,
    pub(super) left: Duration,
}

impl Desk {
    /// Opens the desk of an account, for as long as there is one.
    pub(super) fn open(account: &Arc<Account>, name: SharedName, link: &Arc<Link>) -> Self {
        let (wants, waiting) = mpsc::channel(MOST_AT_ONCE);
        let changed = Arc::new(Notify::new());
        let keeper = Keeper {
            account: Arc::downgrade(account),
            name,
            link: Arc::clone(link),
            changed: Arc::clone(&changed),
            line: VecDeque::new(),
        };
        tokio::spawn(keeper.keep(waiting, link.watch()));
        Self { link: Arc::clone(link), wants, changed }
    }

    pub(super) fn is_behind(&self, link: &Arc<Link>) -> bool {
        Arc::ptr_eq(&self.link, link)
    }

    /// Whether the account of all is in reach.
    pub(super) fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Whether it is worth asking.
    pub(super) fn may_be_up(&self) -> bool {
        self.link.may_be_up()
    }

    /// Takes in that something was spent or given back.
    pub(super) fn change(&self) {
        self.changed.notify_one();
    }

    /// Asks to be let in. Nothing: the store is away.
    pub(super) async fn ask(
        &self,
        amount: MicroUsd,
        check: &dyn BudgetCheck,
        deadline: Instant,
    ) -> Option<Result<Reservation, BudgetRefusal>> {
        let (told, verdict) = oneshot::channel();
        let waits = deadline > Instant::now();
        let want = Want { amount, counts_reserved: check.counts_reserved(), waits, told };
        self.wants.send(want).await.ok()?;
        let verdict = if waits {
            match timeout_at(deadline, verdict).await {
                Ok(verdict) => verdict.ok()?,
                Err(_) => Verdict::InDoubt,
            }
        } else {
            verdict.await.ok()?
        };
        Some(match verdict {
            Verdict::LetIn(reservation) => Ok(reservation),
            Verdict::Exceeded { fresh_in } => Err(BudgetRefusal::Exceeded { fresh_in }),
            Verdict::InDoubt => Err(BudgetRefusal::Reserved),
        })
    }
}

/// Keeps the account of all in step with this router's.
struct Keeper {
    account: Weak<Account>,
    name: SharedName,
    link: Arc<Link>,
    changed: Arc<Notify>,
    line: VecDeque<Want>,
}

impl Keeper {
    async fn keep(mut self, mut wants: mpsc::Receiver<Want>, mut contact: watch::Receiver<Contact>) {
        contact.mark_changed();
        loop {
            tokio::select! {
                biased;
                want = wants.recv() => match want {
                    Some(want) => self.line.push_back(want),
                    // The account is gone, or kept elsewhere.
                    None => return,
                },
                () = self.changed.notified() => {}
                changed = contact.changed() => if changed.is_err() { return },
                () = sleep(LOOK_AGAIN), if !self.line.is_empty() => {}
            }
            while self.line.len() < MOST_AT_ONCE
                && let Ok(want) = wants.try_recv()
            {
                self.line.push_back(want);
            }
            self.line.retain(|want| !want.told.is_closed());
            let Some(account) = self.account.upgrade() else { return };
            let is_told = self.link.is_up() && self.call(&account).await;
            if !is_told && !self.link.comes_back().await {
                // Dropped without a verdict, they go by what is known here.
                self.line.clear();
            }
        }
    }

    /// One call for all who wait. False when the store did not answer.
    async fn call(&mut self, account: &Arc<Account>) -> bool {
        let (mine, has_agreed) = account.mine();
        let name = format!("{PREFIX}{}:{}", self.name.account, mine.window.0);
        let counts_reserved = self.line.front().is_none_or(|want| want.counts_reserved);
        let mut script = SCRIPT.prepare_invoke();
        script.key(format!("{name}:sum")).key(format!("{name}:parts")).key(format!("{name}:reserved"));
        script.arg(&self.name.part).arg(self.link.me()).arg(ALIVE);
        script.arg(mine.budget.0.min(MOST)).arg(u8::from(counts_reserved));
        script.arg(mine.window.0).arg(mine.window.1).arg(u8::from(has_agreed));
        script.arg(mine.spent.0.min(MOST)).arg(mine.reserved.0.min(MOST));
        for want in self.line.iter().take(MOST_AT_ONCE) {
            script.arg(want.amount.0.min(MOST / 2));
        }
        let Told::This(told) = self.link.call::<[u64; 6]>(&script).await else { return false };
        let [begin, spent, part, admitted, verdict, left] = told;
        let of_all =
            OfAll { begin, spent: MicroUsd(spent), part: MicroUsd(part), left: Duration::from_millis(left) };
        let admitted = usize::try_from(admitted).unwrap_or(usize::MAX).min(self.line.len());
        let let_in: Vec<Want> = self.line.drain(..admitted).collect();
        let agrees = account.take_in(mine, of_all, let_in.iter().map(|want| want.amount));
        for want in let_in {
            // Whoever has left meanwhile gives it back by dropping it.
            let reservation = Reservation::of(account, want.amount);
            drop(want.told.send(Verdict::LetIn(reservation)));
        }
        match verdict {
            _ if !agrees => self.changed.notify_one(),
            EXCEEDED => {
                let fresh_in = (mine.window.0 > 0).then_some(of_all.left);
                for want in self.line.drain(..) {
                    drop(want.told.send(Verdict::Exceeded { fresh_in }));
                }
            }
            IN_DOUBT => {
                let (waiting, not): (Vec<_>, Vec<_>) = self.line.drain(..).partition(|want| want.waits);
                self.line.extend(waiting);
                for want in not {
                    drop(want.told.send(Verdict::InDoubt));
                }
            }
            _ => {}
        }
        true
    }
}

/// Nobody more is let in: what was spent has reached the budget.
const EXCEEDED: u64 = 1;
/// Nobody more is let in for now: it depends on what others will cost.
const IN_DOUBT: u64 = 2;
