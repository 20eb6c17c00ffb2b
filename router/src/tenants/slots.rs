//! How many requests of a tenant are open at once: each holds a slot from its begin to the last byte of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::TenancyPolicy;
use crate::accounts::{Account, CountReservations, MicroUsd, Reservation, SharedName};
use crate::shared::Link;

/// The slots of one tenant.
#[derive(Debug)]
pub(crate) struct Slots {
    most: AtomicU32,
    open: AtomicU32,
    /// Absent: nobody else counts. A slot of all routers is an amount of one that is set aside, so that those of a router that
    /// has ended come back as its reservations do.
    shared: Option<SharedSlots>,
}

#[derive(Debug)]
struct SharedSlots {
    link: Arc<Link>,
    account: Arc<Account>,
}

impl Slots {
    /// The slots of a tenant, which others take as well behind a link.
    pub(super) fn new(most: u32, tenant: &str, link: Option<&Arc<Link>>) -> Self {
        let shared = link.map(|link| {
            let account = Arc::new(Account::new(MicroUsd(u64::from(most)), None));
            // Nothing is ever spent of them, so nobody has a part.
            let name = SharedName { account: format!("open:{tenant}"), part: String::new() };
            account.share_by(Some((link, name)));
            SharedSlots { link: Arc::clone(link), account }
        });
        Self { most: AtomicU32::new(most), open: AtomicU32::new(0), shared }
    }

    /// Whether they are taken behind this link.
    pub(super) fn are_behind(&self, link: Option<&Arc<Link>>) -> bool {
        self.shared.as_ref().map(|shared| Arc::as_ptr(&shared.link)) == link.map(Arc::as_ptr)
    }

    /// The same with another number of slots. Those that are taken stay so.
    pub(super) fn resize(&self, most: u32) {
        self.most.store(most, Ordering::Relaxed);
        if let Some(SharedSlots { account, .. }) = &self.shared {
            account.adjust(MicroUsd(u64::from(most)), None);
        }
    }

    /// Takes a slot, if one is free.
    pub(crate) async fn take(self: &Arc<Self>, policy: &Arc<dyn TenancyPolicy>) -> Option<Slot> {
        let shared = self.shared.as_ref().filter(|_| policy.counts_together());
        let held = match shared {
            None => {
                let most = self.most.load(Ordering::Relaxed);
                let one_more = |open: u32| (open < most).then(|| open + 1);
                self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
                None
            }
            Some(SharedSlots { account, .. }) => {
                let taken = account.reserve_until(MicroUsd(1), &CountReservations, Instant::now()).await;
                Some(taken.ok()?)
            }
        };
        Some(Slot { slots: Arc::clone(self), policy: Arc::clone(policy), is_whole: false, held })
    }
}

/// A slot that is taken, given back when dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    policy: Arc<dyn TenancyPolicy>,
    is_whole: bool,
    /// Its place among those of all routers, if they share.
    held: Option<Reservation>,
}

impl Slot {
    /// Notes that the answer is whole.
    pub(crate) fn finish(&mut self) {
        self.is_whole = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let comes_back = self.is_whole || self.policy.gives_back_broken();
        match self.held.take() {
            None if comes_back => drop(self.slots.open.fetch_sub(1, Ordering::AcqRel)),
            Some(held) if !comes_back => held.stay(),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("is_whole", &self.is_whole).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::FairTenancy;
    use super::*;

    #[tokio::test]
    async fn there_are_never_more_than_the_settings_say_and_each_comes_back() {
        let policy: Arc<dyn TenancyPolicy> = Arc::new(FairTenancy);
        let slots = Arc::new(Slots::new(2, "acme", None));
        let first = slots.take(&policy).await;
        let second = slots.take(&policy).await;
        assert!(first.is_some() && second.is_some() && slots.take(&policy).await.is_none());
        drop(first);
        let mut third = slots.take(&policy).await.unwrap();
        third.finish();
        drop(third);
        slots.resize(1);
        assert!(slots.take(&policy).await.is_none(), "the second is still taken");
        drop(second);
        assert!(slots.take(&policy).await.is_some());
    }
}
