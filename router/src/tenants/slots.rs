//! How many requests of a tenant are open at once: each holds a slot from its begin to the last byte of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::TenancyPolicy;

/// The slots of one tenant.
#[derive(Debug)]
pub(crate) struct Slots {
    most: AtomicU32,
    open: AtomicU32,
}

impl Slots {
    pub(super) fn new(most: u32) -> Self {
        Self { most: AtomicU32::new(most), open: AtomicU32::new(0) }
    }

    /// The same with another number of slots. Those that are taken stay so.
    pub(super) fn resize(&self, most: u32) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Takes a slot, if one is free.
    pub(crate) fn take(self: &Arc<Self>, policy: &Arc<dyn TenancyPolicy>) -> Option<Slot> {
        let most = self.most.load(Ordering::Relaxed);
        let one_more = |open: u32| (open < most).then(|| open + 1);
        self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Slot { slots: Arc::clone(self), policy: Arc::clone(policy), is_whole: false })
    }
}

/// A slot that is taken, given back when dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    policy: Arc<dyn TenancyPolicy>,
    is_whole: bool,
}

impl Slot {
    /// Notes that the answer is whole.
    pub(crate) fn finish(&mut self) {
        self.is_whole = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.is_whole || self.policy.gives_back_broken() {
            self.slots.open.fetch_sub(1, Ordering::AcqRel);
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

    #[test]
    fn there_are_never_more_than_the_settings_say_and_each_comes_back() {
        let policy: Arc<dyn TenancyPolicy> = Arc::new(FairTenancy);
        let slots = Arc::new(Slots::new(2));
        let first = slots.take(&policy);
        let second = slots.take(&policy);
        assert!(first.is_some() && second.is_some() && slots.take(&policy).is_none());
        drop(first);
        let mut third = slots.take(&policy).unwrap();
        third.finish();
        drop(third);
        slots.resize(1);
        assert!(slots.take(&policy).is_none(), "the second is still taken");
        drop(second);
        assert!(slots.take(&policy).is_some());
    }
}
