//! An account as one of all routers that share: what this one tells of it, and what it takes in.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::desk::{Desk, Mine, OfAll, SharedName};
use super::super::window::Window;
use super::{Account, Balance};
use crate::accounts::MicroUsd;
use crate::shared::Link;

/// What is known of the account of all routers, if there is one.
#[derive(Debug, Default)]
pub(super) struct SharedStanding {
    pub(super) desk: Option<Arc<Desk>>,
    /// What the others had spent when it was last heard.
    pub(super) others: MicroUsd,
    /// What of the own is in the account of all.
    pub(super) told: MicroUsd,
    /// Whether the window is that of all.
    pub(super) has_agreed: bool,
}

impl Account {
    /// Keeps it together with other routers from now on, or by itself.
    pub(crate) fn share_by(self: &Arc<Self>, link: Option<(&Arc<Link>, SharedName)>) {
        let mut standing = self.standing(Instant::now());
        let known = standing.shared.desk.as_ref();
        let is_known = match &link {
            Some((link, _)) => known.is_some_and(|desk| desk.is_behind(link)),
            None => known.is_none(),
        };
        if !is_known {
            let desk = link.map(|(link, name)| Arc::new(Desk::open(self, name, link)));
            standing.shared = SharedStanding { desk, ..SharedStanding::default() };
        }
    }

    /// Waits until the others know what was spent here, if they are in reach.
    pub(in crate::accounts) async fn all_told(&self) {
        loop {
            let changed = self.changed.notified();
            {
                let standing = self.standing(Instant::now());
                let is_up = standing.shared.desk.as_ref().is_some_and(|desk| desk.is_up());
                if !is_up || standing.shared.told >= standing.balance.spent {
                    return;
                }
                standing.change();
            }
            changed.await;
        }
    }

    /// What this router tells of it, and whether its window is that of all.
    pub(in crate::accounts) fn mine(&self) -> (Mine, bool) {
        let standing = self.standing(Instant::now());
        let Balance { budget, spent, reserved } = standing.balance;
        let window = standing.window.map(|window| window.in_millis()).unwrap_or_default();
        (Mine { budget, spent, reserved, window }, standing.shared.has_agreed)
    }

    /// Takes in what the store says to what it was told, and sets amounts aside that it let in. False when the window is
    /// another one: then it is to be told again.
    pub(in crate::accounts) fn take_in(
        &self,
        told: Mine,
        of_all: OfAll,
        let_in: impl Iterator<Item = MicroUsd>,
    ) -> bool {
        let mut standing = self.standing(Instant::now());
        let reserved = let_in.fold(standing.balance.reserved, MicroUsd::plus);
        standing.balance.reserved = reserved;
        let (length, begin) = standing.window.map(|window| window.in_millis()).unwrap_or_default();
        if (length, begin) != told.window {
            // It changed while the store was asked.
            return false;
        }
        let agrees = begin == of_all.begin;
        if agrees {
            // A ledger that lost its end knows less of its own than the store.
            let forgotten = of_all.part.minus(told.spent);
            standing.balance.spent = standing.balance.spent.plus(forgotten);
        } else {
            // What the store does not know of yet is spent in the window that is.
            let untold = standing.balance.spent.minus(standing.shared.told);
            standing.begin_turn();
            standing.balance.spent = of_all.part.plus(untold);
        }
        if length > 0 {
            standing.window = Some(Window::of_all(of_all.begin, Duration::from_millis(length), of_all.left));
        }
        standing.shared.told = of_all.part;
        standing.shared.others = of_all.spent.minus(of_all.part);
        standing.shared.has_agreed = true;
        drop(standing);
        self.changed.notify_waiters();
        agrees
    }
}
